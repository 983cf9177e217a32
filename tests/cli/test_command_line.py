import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.programs import PRESETS


def start(*arguments, hash_seed=0):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pairmatch", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env=os.environ | {"COLUMNS": "200", "PYTHONHASHSEED": str(hash_seed)},
    )


def test_main_job_prints_a_summary_and_writes_the_plan(district, tmp_path):
    out = tmp_path / "plan"
    done = start("match", district / "mentees.csv", district / "mentors.csv", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "proved optimal" in done.stdout
    pairs = pd.read_csv(out / "pairs.csv", dtype=str)
    assert list(pairs.columns) == ["mentee", "mentor", "score"]
    record = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert record["gap"] == 0.0
    assert len(record["pairs"]) == len(pairs)
    assert sorted(path.name for path in out.iterdir()) == [
        "loads.csv",
        "pairs.csv",
        "plan.json",
        "program.toml",
        "reasons.csv",
        "summary.txt",
        "unmatched.csv",
    ]


def test_same_command_writes_the_same_bytes_in_every_process(run, district, tmp_path):
    command = "match", district / "mentees.csv", district / "mentors.csv", "--out"
    for name, go in (("a", run), ("b", lambda *words: start(*words, hash_seed=7))):
        done = go(*command, tmp_path / name)
        assert done.returncode == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_groups_turn_a_staff_list_into_triads(run, district, tmp_path):
    staff = (district / "teachers.csv").read_text(encoding="utf-8").splitlines()[:14]
    teachers = csv(tmp_path, "teachers.csv", "\n".join(staff))
    done = run("groups", teachers, "--out", tmp_path / "triads", "--seed", 1)
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "triads" / "groups.csv", dtype=str)
    assert frame["id"].is_unique
    sizes = frame.groupby("group").size()
    assert sorted(sizes) == [3, 3, 3, 4]
    rotations = pd.read_csv(tmp_path / "triads" / "rotations.csv", dtype=str)
    assert len(rotations) == len(frame)


def test_check_says_what_the_rules_remove(run, district):
    done = run(
        "check", district / "mentees.csv", district / "mentors.csv", "--program", "mentoring"
    )
    assert done.returncode == 0, done.stderr
    assert "Require(SubjectMatch())" in done.stdout
    assert "matching takes about" in done.stdout
    assert "The tables can be used." in done.stdout


def test_explain_shows_the_parts_of_a_pair(run, district):
    done = run("explain", district / "mentees.csv", district / "mentors.csv", "T-001")
    assert done.returncode == 0, done.stderr
    assert "SubjectMatch" in done.stdout
    assert "points" in done.stdout


def test_demo_explains_itself(run):
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert "proved optimal" in done.stdout
    assert "why_not" in done.stdout


def csv(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


GOOD = "id,subjects,years\nM-1,maths,9\nM-2,art,12\n"


@pytest.mark.parametrize(
    ("mentees", "extra", "code", "says"),
    [
        ("id,subjects,years\nT-1,maths,five\nT-1,art,-3\n", (), 2, "row 3"),
        ("", (), 2, "empty"),
        (None, (), 2, "there is no file"),
        ("id,subjects,years\nT-1,maths,1\n", ("--program", "nonsense"), 2, "nonsense"),
        ("id,subjects,years\nT-1,maths,1\n", ("--program", "gone.toml"), 2, "gone.toml"),
        ("id,subjects,years\nT-1,maths,1\n", ("--seed", "x"), 2, "--seed"),
        (GOOD, ("--out", "/dev/null/plan"), 2, "/dev/null is a file, not a folder. Choose"),
        (GOOD, ("--out", "mentors.csv"), 2, "mentors.csv is a file, not a folder. Choose"),
        (GOOD, ("--out", " "), 2, "it has no name; write for example --out plan"),
        (GOOD, ("--program", "nonsense"), 2, "plc, reciprocal, tandem, triad, virtual."),
    ],
    ids=[
        "bad cells",
        "empty",
        "no file",
        "preset",
        "program file",
        "option",
        "folder in a file",
        "file as folder",
        "folder without a name",
        "all presets",
    ],
)
def test_mistake_of_a_user_ends_in_a_sentence_and_exit_code(
    run, tmp_path, mentees, extra, code, says
):
    table = tmp_path / "mentees.csv" if mentees is None else csv(tmp_path, "mentees.csv", mentees)
    done = run("match", table, csv(tmp_path, "mentors.csv", GOOD), *extra, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_rules_that_contradict_each_other_end_in_exit_code_1(run, tmp_path):
    mentees = csv(tmp_path, "mentees.csv", "id,subjects\nT-1,maths\n")
    mentors = csv(tmp_path, "mentors.csv", "id,subjects\nM-1,maths\nM-2,art\n")
    program = csv(
        tmp_path,
        "p.toml",
        '[[constraints]]\nkind = "Load"\nat_least = 1\nat_most = 1\n',
    )
    done = run("match", mentees, mentors, "--program", program)
    assert done.returncode == 1, done.stderr
    assert "No plan can satisfy the rules" in done.stderr
    assert "Lower at_least" in done.stderr


def test_ready_made_programs_are_listed_and_written_as_files_to_edit(run, district, tmp_path):
    listed = run("programs")
    assert listed.returncode == 0, listed.stderr
    for name, preset in PRESETS.items():
        assert f"{name} (pairmatch {preset.verb}): {preset.sentence}" in listed.stdout
    written = run("programs", "mentoring", "--set", "most_mentees=1", "--set", "minutes=30")
    assert written.returncode == 0, written.stderr
    assert "# How many mentees each mentor may and must have" in written.stdout
    file = csv(tmp_path, "my.toml", written.stdout)
    expected = pm.Program.preset("mentoring", most_mentees=1, minutes=30)
    assert pm.Program.from_toml(file) == expected
    done = run("match", district / "mentees.csv", district / "mentors.csv", "--program", file)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("programs", "triads"), "Did you mean 'triad'?"),
        (("programs", "triad", "--set", "minuts=30"), "Did you mean 'minutes'?"),
        (("programs", "triad", "--set", "minutes"), "expected KEY=VALUE"),
        (("programs", "triad", "--set", "minutes=long"), "'long'"),
    ],
    ids=["name", "parameter", "no value", "wrong value"],
)
def test_a_slip_in_the_name_or_parameter_of_a_program_is_said(run, arguments, says):
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_for_the_other_command_says_which_one_to_use(run, district, tmp_path):
    pairs = (district / "mentees.csv", district / "mentors.csv")
    fours = csv(tmp_path, "fours.toml", "size = 4\n")
    loads = csv(tmp_path, "loads.toml", '[[constraints]]\nkind = "Load"\n')
    for arguments, use in (
        (("match", *pairs, "--program", "triad"), "pairmatch groups TEACHERS --program triad"),
        (("match", *pairs, "--program", fours), "pairmatch groups TEACHERS"),
        (("groups", pairs[0], "--program", "mentoring"), "pairmatch match MENTEES MENTORS"),
        (("groups", pairs[0], "--program", loads), "pairmatch match MENTEES MENTORS"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert f"use: {use}" in done.stderr


def test_schema_is_json_for_editors(run):
    done = run("schema")
    assert done.returncode == 0
    assert "$defs" in json.loads(done.stdout)


@pytest.mark.parametrize("command", ["match", "--help"])
def test_a_reader_who_leaves_early_changes_nothing(district, tmp_path, command):
    tables = (district / "mentees.csv", district / "mentors.csv", "--out", tmp_path / "plan")
    words = [command, *(map(str, tables) if command == "match" else ())]
    gone, pipe = os.pipe()
    os.close(gone)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pairmatch", *words],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(pipe)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    if command == "match":
        assert (tmp_path / "plan" / "pairs.csv").exists()


@pytest.mark.parametrize("module", ["pairmatch.cli.entry", "pandas"])
def test_ctrl_c_while_libraries_load_is_no_traceback(module):
    code = f"""
import builtins, sys
load = builtins.__import__
def interrupted(name, *arguments):
    if name == {module!r}:
        raise KeyboardInterrupt
    return load(name, *arguments)
builtins.__import__ = interrupted
sys.argv = ["pairmatch", "demo"]
from pairmatch.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "Stopped" in done.stderr


def test_match_hints_at_swapped_sheets_in_the_summary_and_beside_it(run, district):
    swapped = run("match", district / "mentors.csv", district / "mentees.csv")
    said = "hint: mentors.csv looks like the sheet of mentors and mentees.csv like that of mentees"
    assert swapped.returncode == 0
    assert said in swapped.stderr
    assert said.replace("hint:", "hint     ") in swapped.stdout
    right = run("match", district / "mentees.csv", district / "mentors.csv")
    assert "hint" not in right.stdout + right.stderr


def test_a_person_whose_id_holds_the_word_id_is_no_row_of_headings(run, tmp_path):
    people = csv(tmp_path, "people.csv", "id,subjects\nID 7,maths\nNumber 3,maths\nx,art\n")
    done = run("check", people)
    assert done.returncode == 0, done.stderr
    assert "hint" not in done.stdout


def test_check_hints_at_swapped_sheets_and_at_a_second_row_of_headings(run, district, tmp_path):
    right = run("check", district / "mentees.csv", district / "mentors.csv")
    assert "hint" not in right.stdout
    swapped = run("check", district / "mentors.csv", district / "mentees.csv")
    assert "mentors.csv looks like the sheet of mentors" in swapped.stdout
    mentors = csv(tmp_path, "mentors.csv", GOOD)
    readable = csv(tmp_path, "twice.csv", "id,subjects\nid,subjects\nT-1,maths\n")
    assert "second row of headings" in run("check", readable, mentors).stdout
    text = "id,subjects,years,free\nid,Your subjects,Years of teaching?,When are you free?\n"
    broken = csv(tmp_path, "form.csv", text + "T-1,maths,3,Mon 08:00-09:00\n")
    done = run("check", broken, mentors)
    assert done.returncode == 2
    assert "Row 2 looks like a second row of headings" in done.stderr
    other = csv(tmp_path, "other.csv", "id,subjects,years\nT-1,maths,three\nT-2,art,four\n")
    assert "headings" not in run("check", other, mentors).stderr
    wrong = csv(tmp_path, "wrong.csv", "id,years,free\nT-1,three,whenever\nT-2,4,Mon 8:00-9:00\n")
    assert "headings" not in run("check", wrong, mentors).stderr


def test_one_pool_can_be_checked_for_groups(run, district):
    done = run("check", district / "teachers.csv", "--program", "triad")
    assert done.returncode == 0, done.stderr
    assert "61 teachers" in done.stdout
    assert "The tables can be used." in done.stdout


def test_check_of_a_pool_finds_rules_about_groups_that_cannot_be_used(run, district):
    done = run("check", district / "teachers.csv", "--program", "plc")
    assert done.returncode == 2
    assert "nobody has role 'facilitator'" in done.stderr
    assert "Write it into the column role" in done.stderr
    done = run("check", district / "teachers.csv", "--program", "peer_group")
    assert "rules about whole groups: Alike('subjects', at_most=2)" in done.stdout


def test_the_process_ends_with_its_code_while_stopped_code_is_still_at_work():
    """Compiled solvers abort if Python winds up around them: a stopped run then ended with 134."""
    code = (
        "import atexit, sys, threading, time\n"
        "from pairmatch.cli import main\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "atexit.register(print, 'wound up')\n"
        "sys.argv = ['pairmatch', 'match', 'nowhere.csv', 'nowhere.csv']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 2
    assert "nowhere.csv" in done.stderr
    assert "wound up" not in done.stdout
