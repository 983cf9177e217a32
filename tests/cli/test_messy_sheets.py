"""Sheets as people send them: each ends in a plan or in a sentence, never in a traceback."""

import os

import pandas as pd
import pytest

MENTORS = "id,subjects,years\nM-1,maths,9\nM-2,art,12\nM-3,science,4\n"
PLAIN = "id,subjects,years\nT-1,maths,1\nT-2,art,2\n"


def write(folder, content):
    path = folder / "mentees.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "mentors.csv").write_text(MENTORS)
    return path, folder / "mentors.csv"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.encode("utf-16"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        "id,subjects,years,,\nT-1,maths,1,,\n,,,,\n  ,  ,,,\nT-2,art,2,,\n\n\n",
        "ID, Subjects ,YEARS\n T-1 ,Maths,1.0\nT-2,ART ,2\n",
    ],
    ids=["bom", "semicolons", "tabs", "cr", "crlf", "utf-16", "sep line", "blanks", "case"],
)
def test_the_same_people_get_the_same_plan_however_they_are_saved(run, tmp_path, content):
    done = run("match", *write(tmp_path, content), "--out", tmp_path / "plan")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    pairs = pd.read_csv(tmp_path / "plan" / "pairs.csv")
    assert pairs["mentee"].tolist() == ["T-1", "T-2"]
    assert pairs["mentor"].tolist() == ["M-1", "M-2"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Mentees of 2026\n\nid,subjects\nT-1,maths\n", "header seems to be in row 3, not in the"),
        (",Mentees,,\nid,subjects,years\nT-1,maths,1\n", "header seems to be in row 2, not in the"),
        ("id|subjects\nT-1|maths\n", "the whole header stands in one cell: 'id|subjects'. Save"),
        ('"id,subjects"\n"T-1,maths"\n', "the whole header stands in one cell: 'id,subjects'"),
        ("name,subjects\nAnn,maths\nBob,art\n", "or rename the one that has it to 'id'"),
        ("\n<!DOCTYPE html><p>Please log in</p>", "mentees.csv is a web page, not a text table"),
        ("id,subjects,subjects\nT-1,maths,art\n", "the header stands over two columns, 2 and 3"),
        ("id,subjects\nT-1,maths\n T-1 ,art\n", "2 people have the same id 'T-1'"),
        ("id,free\nT-1,0.5\n", "'0.5' needs one start and one end"),
        ("id,subjects,years\n", "there are no people below the header"),
        ("", "mentees.csv is empty"),
        ("id,c1,c2\nT-1,x,y\n", "Name the columns subjects, grades, years, goals and strengths"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_way_out(run, tmp_path, content, says):
    done = run("match", *write(tmp_path, content), "--out", tmp_path / "plan")
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert "faults:" not in done.stderr
    assert not (tmp_path / "plan").exists()


def test_numbers_out_of_range_in_the_first_row_are_no_row_of_headings(run, tmp_path):
    sheet = "id,years,max_mentees\nT-1,-4,-1\nT-2,400,1.5\n"
    done = run("match", *write(tmp_path, sheet))
    assert done.returncode == 2
    assert "4 faults" in done.stderr
    assert "headings" not in done.stderr


def test_the_columns_of_a_very_wide_sheet_are_not_all_listed(run, tmp_path):
    names = [f"c{k}" for k in range(3000)]
    sheet = ",".join(["id", *names]) + "\n" + ",".join(["T-1", *names]) + "\n"
    done = run("match", *write(tmp_path, sheet))
    assert done.returncode == 2
    assert "and 2982 more" in done.stderr
    assert len(done.stderr) < 1000


def test_a_person_of_the_other_sheet_is_said_to_be_there(run, tmp_path):
    sheets = write(tmp_path, PLAIN)
    done = run("explain", *sheets, "M-1")
    assert done.returncode == 2
    assert "'M-1' is not among the mentees. It is one of the mentors." in done.stderr
    done = run("explain", *sheets, "T-1", "T-2")
    assert done.stdout == ""
    assert "'T-2' is not among the mentors. It is one of the mentees." in done.stderr


def test_people_of_the_other_side_in_a_sheet_are_pointed_out_and_not_in_a_pool(run, tmp_path):
    staff = tmp_path / "staff.csv"
    rows = ["A,mentee,art", "B,mentor,art", "C,mentee,art"]
    staff.write_text("\n".join(["id,role,subjects", *rows]))
    done = run("match", staff, staff)
    assert done.returncode == 0
    assert "1 of 3 mentees have the role 'mentor' (B)" in done.stderr
    assert "2 of 3 mentors have the role 'mentee' (A, C)" in done.stderr
    pool = run("groups", staff, "--program", "circle", "--set", "mentees=2")
    assert pool.returncode == 0, pool.stderr
    assert "hint" not in pool.stderr + pool.stdout


def test_a_skill_that_nobody_has_is_noted_with_what_may_be_meant(run, tmp_path):
    staff = tmp_path / "staff.csv"
    staff.write_text("id,goals,strengths\nA,talk,labs\nB,labs,talk\n")
    skill = ("-p", "initiative", "--set")
    done = run("match", staff, staff, *skill, "skill=taalk")
    assert "nobody has 'taalk' among the strengths" in done.stdout
    assert "Did you mean 'talk'?" in done.stdout
    assert "nobody has" not in run("match", staff, staff, *skill, "skill=Talk").stdout


def test_a_plan_that_was_stopped_says_so_beside_its_exit_code(run, tmp_path):
    rows = [f"T-{k},{k * k % 31},{k % 7}" for k in range(60)]
    staff = tmp_path / "staff.csv"
    staff.write_text("\n".join(["id,years,c", *rows]))
    file = tmp_path / "p.toml"
    file.write_text('[[criteria]]\nkind = "Closeness"\ncolumn = "years"\nwithin = 9\n')
    asked = ("-p", file, "--rounds", "5", "--time-limit", "0.01", "--out", tmp_path / "plan")
    done = run("groups", staff, *asked)
    assert done.returncode == 3
    assert "stopped by the time limit" in done.stderr


def test_a_history_of_other_people_is_noted(run, tmp_path):
    sheets = write(tmp_path, PLAIN)
    (tmp_path / "earlier.csv").write_text("cycle,mentee,mentor\n1,A,B\n")
    done = run("match", *sheets, "--history", tmp_path / "earlier.csv")
    assert done.returncode == 0
    assert "nobody in it is in these sheets" in done.stderr
    (tmp_path / "earlier.csv").write_text("cycle,mentee,mentor\n1,T-1,B\n")
    done = run("match", *sheets, "--history", tmp_path / "earlier.csv")
    assert "nobody in it" not in done.stderr


def test_calendars_of_a_program_without_times_are_refused_before_the_work(run, tmp_path):
    done = run("match", *write(tmp_path, PLAIN), "--page", "--out", tmp_path / "plan")
    assert done.returncode == 2
    assert "add the rule Meetings(minutes=45)" in done.stderr
    assert not (tmp_path / "plan").exists()


def test_what_a_killed_run_left_behind_stops_nobody(run, tmp_path):
    plan = tmp_path / "plan"
    sheets = write(tmp_path, PLAIN)
    run("match", *sheets, "--out", plan)
    first = {path.name: path.read_bytes() for path in plan.iterdir()}
    (plan / f".pairs.csv.{os.getpid()}.tmp").write_text("half a li")
    done = run("match", *sheets, "--out", plan)
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in plan.iterdir() if p.suffix != ".tmp"} == first


def test_a_plan_that_cannot_be_written_leaves_the_old_one_whole(run, tmp_path):
    plan = tmp_path / "plan"
    sheets = write(tmp_path, PLAIN)
    run("match", *sheets, "--out", plan)
    before = {path.name: path.read_bytes() for path in plan.iterdir()}
    (plan / "summary.txt").unlink()
    (plan / "summary.txt").mkdir()
    (tmp_path / "mentors.csv").write_text(MENTORS.replace("maths", "music"))
    done = run("match", *sheets, "--out", plan)
    assert done.returncode == 2
    assert "summary.txt is a folder; it cannot be written as a file" in done.stderr
    kept = {path.name: path.read_bytes() for path in plan.iterdir() if path.is_file()}
    assert kept == {name: text for name, text in before.items() if name != "summary.txt"}


@pytest.mark.parametrize(
    "command",
    ["match", "groups", "formats", "check", "explain", "rematch", "what-if", "compare", "evaluate",
     "programs", "schema", "demo"],
)  # fmt: skip
def test_every_command_says_what_it_is_for(run, command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"pairmatch {command}" in done.stdout
    assert done.stderr == ""


def test_a_refused_program_leaves_no_folder_behind(run, tmp_path):
    mentees, mentors = write(tmp_path, "id,subjects\nT-1,art\n")
    done = run(
        "match", mentees, mentors, "--program", tmp_path / "no.toml",
        "--out", tmp_path / "deep" / "plan",
    )  # fmt: skip
    assert done.returncode == 2
    assert not (tmp_path / "deep").exists()
    done = run("match", mentees, mentors, "--out", tmp_path / "deep" / "plan")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "deep" / "plan" / "pairs.csv").is_file()


def test_a_folder_beside_one_that_is_not_there_yet_is_made(run, tmp_path):
    mentees, mentors = write(tmp_path, "id,subjects\nT-1,art\n")
    command = "match", mentees, mentors, "--out", f"{tmp_path}/deep/../plan"
    done = run(*command, "--program", tmp_path / "no.toml")
    assert done.returncode == 2
    assert "no.toml" in done.stderr
    assert not (tmp_path / "deep").exists()
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plan" / "pairs.csv").is_file()
