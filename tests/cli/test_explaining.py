from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def pairs(run, district, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "plan"
    sheets = district / "mentees.csv", district / "mentors.csv"
    done = run("match", *sheets, "--program", "mentoring", "--out", folder)
    assert done.returncode == 0, done.stderr
    return sheets, folder


@pytest.fixture(scope="module")
def triads(run, district, tmp_path_factory):
    """Four friends of whom one may be with nobody, so that three are together."""
    folder = tmp_path_factory.mktemp("explained_groups")
    sheet, rules = folder / "pool.csv", folder / "rules.toml"
    sheet.write_text("id,subjects\nA,art\nB,art\nC,art\nD,art\n", encoding="utf-8")
    rules.write_text(
        'size = 3\nleftovers = "leave_out"\n[[criteria]]\nkind = "SubjectMatch"\n'
        + "".join(
            f'[[constraints]]\nkind = "Forbid"\nmentee = "A"\nmentor = "{other}"\n'
            for other in "BCD"
        ),
        encoding="utf-8",
    )
    done = run("groups", sheet, "--program", rules, "--out", folder / "plan")
    assert done.returncode == 0, done.stderr
    return sheet, folder / "plan"


def test_every_pair_of_a_plan_is_explained_as_it_stands_and_not_as_it_would_be_matched(run, pairs):
    sheets, folder = pairs
    plan = pd.read_csv(folder / "pairs.csv", dtype=str)
    anew = 0
    for mentee, mentor in plan[["mentee", "mentor"]].head(6).itertuples(index=False):
        done = run("explain", *sheets, mentee, "--plan", folder)
        assert done.stdout.startswith(f"{mentee} has {mentor} (score"), done.stderr
        assert f"{mentee} with {mentor}" in done.stdout
        anew += not run("explain", *sheets, mentee).stdout.startswith(f"{mentee} has {mentor} ")
    assert anew, "another program gives another plan"


def test_who_is_unmatched_in_a_plan_hears_why_and_what_a_mentor_would_cost(run, pairs):
    sheets, folder = pairs
    lacking = pd.read_csv(folder / "unmatched.csv", dtype=str)
    mentor = pd.read_csv(folder / "pairs.csv", dtype=str)["mentor"].iloc[0]
    mentee = lacking["id"].iloc[0]
    done = run("explain", *sheets, mentee, mentor, "--plan", folder)
    assert f"{mentee} has no mentor" in done.stdout, done.stderr
    assert f"{mentee} with {mentor}" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{mentee} with {mentor}"), "the alternative"


def test_a_member_of_a_group_hears_both_directions_with_everybody_in_it(run, triads):
    sheet, folder = triads
    done = run("explain", sheet, "B", "--plan", folder)
    assert done.stdout.startswith("B is in group 1 with C, D"), done.stderr
    for line in ("B coached by C", "C coached by B", "B coached by D", "D coached by B"):
        assert line in done.stdout


def test_who_is_in_no_group_hears_why_and_one_other_person_can_be_asked_about(run, triads):
    sheet, folder = triads
    done = run("explain", sheet, "A", "D", "--plan", folder)
    assert done.stdout.startswith("A is left out: the rules allow no partner"), done.stderr
    assert "A coached by D" in done.stdout
    assert "coached by B" not in done.stdout


@pytest.mark.parametrize(
    ("which", "arguments", "says"),
    [
        ("pairs", ("T-002", "M-031", "--program", "mentoring"), "has a program of its own"),
        ("pairs", ("T-002", "--seed", 3), "Leave out --program, --set and --seed, or --plan."),
        ("pairs", (), "Type pairmatch explain MENTEES MENTORS ID [ID] --plan"),
        ("pairs", ("T-002", "M-999"), "'M-999' is not among the mentors"),
        ("triads", ("A", "B", "C"), "'C' is one id too many"),
        ("triads", ("Z",), "'Z' is not in the pool"),
        ("triads", ("A", "Z"), "'Z' is not in the pool"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_a_way_out(run, request, which, arguments, says):
    sheets, folder = request.getfixturevalue(which)
    sheets = sheets if isinstance(sheets, tuple) else (sheets,)
    done = run("explain", *sheets, *arguments, "--plan", folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert not done.stdout


def test_a_plan_of_other_people_and_a_folder_without_a_plan_are_refused(run, pairs, triads):
    sheets, folder = pairs
    wrong = run("explain", triads[0], sheets[1], "A", "--plan", folder)
    assert wrong.returncode == 2
    assert "is a plan of other people" in wrong.stderr
    gone = run("explain", *sheets, "T-002", "--plan", folder / "nothing")
    assert gone.returncode == 2
    assert "there is no plan in" in gone.stderr
