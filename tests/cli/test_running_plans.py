"""Plans that run, on the command line: history, changes, comparison, feedback, audit, formats."""

import pandas as pd
import pytest

MENTEES = "id,subjects,enrolled\nT-1,art,2026-09-01\nT-2,maths,2026-09-10\nT-3,art,\n"
MENTORS = "id,subjects\nM-1,art\nM-2,maths; art\nM-3,music\n"


@pytest.fixture(scope="module")
def home(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("year")
    (folder / "mentees.csv").write_text(MENTEES)
    (folder / "mentors.csv").write_text(MENTORS)
    done = run(
        "match", folder / "mentees.csv", folder / "mentors.csv", "--out", folder / "plan",
        "--matched-on", "2026-10-05", "--within-days", 28,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def pairs_in(folder):
    frame = pd.read_csv(folder / "pairs.csv")
    return dict(zip(frame["mentee"], frame["mentor"], strict=True))


def test_the_audit_is_written_with_the_plan(home):
    audit = pd.read_csv(home / "plan" / "audit.csv").set_index("mentee")
    assert audit["days"].tolist()[:2] == [34, 25]
    assert audit["in_time"].tolist()[:2] == ["no", "yes"]


def test_who_left_is_replaced_and_nobody_else_moves(run, home, tmp_path):
    was = pairs_in(home / "plan")
    gone = was["T-1"]
    rows = [row for row in MENTORS.splitlines() if not row.startswith(gone)]
    (tmp_path / "mentors.csv").write_text("\n".join([*rows, "M-9,art"]))
    (tmp_path / "mentees.csv").write_text(MENTEES + "T-9,maths,\n")
    out = tmp_path / "new"
    done = run(
        "rematch", home / "plan", tmp_path / "mentees.csv", tmp_path / "mentors.csv",
        "--at-most-changes", 0, "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0 who could have stayed (at most 0)" in done.stdout
    now = pairs_in(out)
    assert {who for who in was if was[who] != now[who]} == {"T-1"}
    moved = pd.read_csv(out / "moved.csv", keep_default_na=False)
    assert moved[["mentee", "before", "reason"]].to_numpy().tolist() == [
        ["T-1", gone, f"{gone} left"]
    ]
    assert moved["score_before"].tolist() == [1]
    done = run("compare", home / "plan", out)
    assert done.returncode == 0, done.stderr
    assert "1 person moves, +0 matched" in done.stdout


def test_a_mentee_who_coaches_now_is_no_mentee_any_more(run, home, tmp_path):
    rows = [row for row in MENTEES.splitlines() if not row.startswith("T-2")]
    (tmp_path / "mentees.csv").write_text("\n".join(rows))
    (tmp_path / "mentors.csv").write_text(MENTORS + "T-2,maths\n")
    out = tmp_path / "new"
    sheets = tmp_path / "mentees.csv", tmp_path / "mentors.csv"
    done = run("rematch", home / "plan", *sheets, "--at-most-changes", 0, "--out", out)
    assert done.returncode == 0, done.stderr
    assert set(pairs_in(out)) == {"T-1", "T-3"}
    moved = pd.read_csv(out / "moved.csv", keep_default_na=False)
    assert moved[["mentee", "after", "reason"]].to_numpy().tolist() == [["T-2", "", "left"]]
    gone = pairs_in(out)["T-1"]
    rows = [row for row in MENTORS.splitlines() if not row.startswith(gone)]
    (tmp_path / "mentors.csv").write_text("\n".join([*rows, "M-7,art"]))
    (tmp_path / "mentees.csv").write_text(MENTEES + f"{gone},art,\n")
    done = run("rematch", home / "plan", *sheets, "--out", out)
    assert done.returncode == 0, done.stderr
    assert gone in set(pairs_in(out))
    assert gone not in set(pairs_in(out).values())


def test_sheets_of_other_people_are_refused(run, home, tmp_path):
    plan, mentees, mentors = home / "plan", home / "mentees.csv", home / "mentors.csv"
    (tmp_path / "other.csv").write_text(MENTEES.replace("T-", "X-"))
    (tmp_path / "feedback.csv").write_text("mentee,mentor,rating\nT-1,M-1,4\n")
    for sheets, says in (
        ((mentors, mentees), "the mentees of the plan are in the other sheet"),
        ((tmp_path / "other.csv", mentors), "Nobody of the plan is in this sheet."),
    ):
        for command in (
            ("rematch", plan, *sheets),
            ("what-if", plan, *sheets, "--place", "M-1=1"),
            ("evaluate", plan, tmp_path / "feedback.csv", *sheets),
        ):
            done = run(*command)
            assert done.returncode == 2, done.stdout
            assert says in " ".join(done.stderr.split())
    (tmp_path / "some.csv").write_text(MENTEES.replace("T-2", "X-2"))
    done = run("what-if", plan, tmp_path / "some.csv", mentors, "--place", "M-1=1")
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "id T-2: is in the plan and not in this sheet." in told
    assert "id X-2: is in this sheet and not in the plan. Bring it up to date first" in told


def test_a_question_to_a_plan_is_answered_and_the_plan_stays(run, home, tmp_path):
    sheets = home / "mentees.csv", home / "mentors.csv"
    before = (home / "plan" / "plan.json").read_bytes()
    done = run(
        "what-if", home / "plan", *sheets, "--place", "M-1=1", "--at-most-changes", 3,
        "--out", tmp_path / "asked",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "against the plan: 2 people move, +0 matched, objective +1" in done.stdout
    assert list(pairs_in(tmp_path / "asked").values()).count("M-1") == 2
    assert (home / "plan" / "plan.json").read_bytes() == before
    for arguments, says in (
        ((), "nothing was asked"),
        (("--place", "M-1"), "expected ID=NUMBER; for example M-07=1."),
        (("--place", "M-11=1"), "'M-11' is not among the mentors"),
        (("--drop", "Quota"), "'Quota' is no constraint of this plan"),
        (("--minutes", 30), "no part of this program has a length of meetings"),
    ):
        done = run("what-if", home / "plan", *sheets, *arguments)
        assert done.returncode == 2
        assert says in " ".join(done.stderr.split())


def test_groups_are_brought_up_to_date_and_asked(run, tmp_path):
    rows = [f"T-{k},{'art' if k % 2 else 'maths'},{k}" for k in range(9)]
    (tmp_path / "pool.csv").write_text("\n".join(["id,subjects,years", *rows]))
    done = run("groups", tmp_path / "pool.csv", "--out", tmp_path / "plan")
    assert done.returncode == 0, done.stderr
    was = pd.read_csv(tmp_path / "plan" / "groups.csv").groupby("group")["id"].apply(set).tolist()
    (tmp_path / "now.csv").write_text("\n".join(["id,subjects,years", *rows[1:], "T-9,art,4"]))
    done = run(
        "rematch", tmp_path / "plan", tmp_path / "now.csv", "--at-most-changes", 0,
        "--out", tmp_path / "new",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0 who could have stayed (at most 0)" in done.stdout
    now = pd.read_csv(tmp_path / "new" / "groups.csv").groupby("group")["id"].apply(set).tolist()
    assert [group for group in was if "T-0" not in group] == [g for g in now if "T-9" not in g]
    assert pd.read_csv(tmp_path / "new" / "moved.csv")["reason"].tolist()[0] == "left"
    done = run("what-if", tmp_path / "plan", tmp_path / "pool.csv", "--place", "T-1=1")
    assert done.returncode == 2
    assert "groups have no places" in done.stderr
    done = run("rematch", tmp_path / "plan", tmp_path / "pool.csv", tmp_path / "now.csv")
    assert done.returncode == 2
    assert "one sheet too many" in done.stderr


def test_nobody_meets_the_same_person_again(run, home, tmp_path):
    done = run(
        "match", home / "mentees.csv", home / "mentors.csv", "--out", tmp_path / "second",
        "--history", home / "plan",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run(
        "match", home / "mentees.csv", home / "mentors.csv", "--out", tmp_path / "third",
        "--history", home / "plan" / "pairs.csv", "--history", tmp_path / "second",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    met = [pairs_in(f) for f in (home / "plan", tmp_path / "second", tmp_path / "third")]
    for one in range(3):
        for other in range(one):
            assert not met[one].items() & met[other].items()


def test_feedback_is_told_with_intervals(run, home, tmp_path):
    rows = [f"{mentee},{mentor},4" for mentee, mentor in pairs_in(home / "plan").items()]
    (tmp_path / "said.csv").write_text("\n".join(["mentee,mentor,rating", *rows, "T-1,M-9,2"]))
    sheets = home / "mentees.csv", home / "mentors.csv"
    done = run("evaluate", home / "plan", tmp_path / "said.csv", *sheets, "--out", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    assert "1 answer about pairs or groups that are not in this plan: T-1 and M-9" in done.stdout
    assert pd.read_csv(tmp_path / "e" / "coverage.csv")["answered"].tolist() == [3]


def test_rounds_are_history_for_the_rounds_to_come_and_nothing_else(run, tmp_path):
    rows = [f"T-{k},{k}" for k in range(6)]
    (tmp_path / "staff.csv").write_text("\n".join(["id,years", *rows]))
    (tmp_path / "p.toml").write_text(
        'size = 2\n[[criteria]]\nkind = "Closeness"\ncolumn = "years"\nwithin = 9\n'
    )
    staff = "groups", tmp_path / "staff.csv", "--program", tmp_path / "p.toml"
    autumn = tmp_path / "autumn"
    assert run(*staff, "--rounds", "2", "--out", autumn).returncode == 0
    for earlier in (autumn, autumn / "groups.csv"):
        done = run(*staff, "--history", earlier, "--out", tmp_path / "spring")
        assert done.returncode == 0, done.stderr
        assert "6 of 6 people in 3 groups" in done.stdout
    done = run("rematch", autumn, tmp_path / "staff.csv")
    assert done.returncode == 2
    assert "several rounds, not one plan" in done.stderr
    assert f"--history {autumn}" in done.stderr


def test_several_formats_share_one_staff(run, tmp_path):
    rows = [f"T-{k},art,Mon 08:00-10:00,90" for k in range(6)]
    staff = tmp_path / "staff.csv"
    staff.write_text("\n".join(["id,subjects,free,minutes_per_week", *rows]))
    text = 'size = {}\n[[criteria]]\nkind = "SubjectMatch"\n[[constraints]]\nkind = "Meetings"\n'
    for size in (2, 3):
        (tmp_path / f"{size}.toml").write_text(text.format(size))
    out = tmp_path / "all"
    done = run("formats", staff, "-p", tmp_path / "2.toml", "-p", tmp_path / "3.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(out / "budgets.csv")["left"].tolist() == [0] * 6
    assert len(pd.read_csv(out / "timetable.csv")) == 5
    assert (out / "format-1" / "groups.csv").exists()
    assert "another order may be better" in (out / "summary.txt").read_text()


def test_formats_in_any_order_with_a_bound_on_all_of_them(run, tmp_path):
    # A pair takes all the time of two of the three; only the other order leaves no one out.
    staff = tmp_path / "staff.csv"
    staff.write_text(
        "id,subjects,free,minutes_per_week\n"
        "A,art,Mon 08:00-10:00,45\nB,art,Mon 08:00-10:00,45\nC,art,Mon 08:00-10:00,45\n"
    )
    text = 'size = {}\nleftovers = "leave_out"\n[[criteria]]\nkind = "SubjectMatch"\n'
    text += '[[constraints]]\nkind = "Meetings"\n'
    for size in (2, 3):
        (tmp_path / f"{size}.toml").write_text(text.format(size) + "minutes = 45\n")
    given = "formats", staff, "-p", tmp_path / "2.toml", "-p", tmp_path / "3.toml"
    plain = run(*given, "--out", tmp_path / "plain")
    told = run(*given, "--any-order", "--joint-bound", "--out", tmp_path / "told")
    assert told.returncode == plain.returncode == 0, told.stderr
    assert "in any order" not in plain.stdout
    assert "in any order" in told.stdout
    placed = [len(pd.read_csv(tmp_path / name / "formats.csv")) for name in ("plain", "told")]
    assert placed == [2, 3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rematch", "gone", "a.csv", "b.csv"), "there is no plan in gone"),
        (("compare", "PLAN", "broken"), "this is no plan. Make the plan again."),
        (("what-if", "PLAN", "MENTEES", "MENTORS"), "give --place, --drop or --minutes"),
        (("evaluate", "PLAN", "x.csv", "MENTEES"), "give MENTEES and MENTORS"),
        (
            ("rematch", "PLAN", "MENTORS", "MENTEES"),
            "Its people are mentors here: the mentees of the plan",
        ),
        (("match", "MENTEES", "MENTORS", "--set", "minutes=3"), "Add --program NAME"),
        (("match", "MENTEES", "MENTORS", "-p", "mentoring", "--set", "minuts=3"), "'minutes'?"),
        (("match", "MENTEES", "MENTORS", "-p", "initiative"), "add --set skill=..."),
        (("match", "MENTEES", "MENTORS", "--matched-on", "5.10.26"), "2 faults"),
        (("match", "MENTEES", "MENTORS", "--history", "MENTEES"), "cannot be used as a history"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(run, home, tmp_path, arguments, says):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "plan.json").write_text('{"kind": "matching", "seed": []}')
    named = {
        "PLAN": home / "plan",
        "MENTEES": home / "mentees.csv",
        "MENTORS": home / "mentors.csv",
        "broken": tmp_path / "broken",
    }
    done = run(*[named.get(argument, argument) for argument in arguments])
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_is_brought_up_to_date_within_a_time_limit(run, home, tmp_path):
    done = run(
        "rematch", home / "plan", home / "mentees.csv", home / "mentors.csv",
        "--time-limit", "60", "--at-most-changes", 0, "--out", tmp_path / "new",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wrong = run(
        "rematch", home / "plan", home / "mentees.csv", home / "mentors.csv", "--time-limit", 0
    )
    assert wrong.returncode == 2
