import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "pairmatch", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        cwd=cwd,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )


def test_main_job_prints_a_summary_and_writes_the_plan(district, tmp_path):
    out = tmp_path / "plan"
    done = run("match", district / "mentees.csv", district / "mentors.csv", "--out", out)
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
        "reasons.csv",
        "summary.txt",
        "unmatched.csv",
    ]


def test_same_command_writes_the_same_bytes(district, tmp_path):
    for name in ("a", "b"):
        done = run(
            "match", district / "mentees.csv", district / "mentors.csv", "--out", tmp_path / name
        )
        assert done.returncode == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_groups_turn_a_staff_list_into_triads(district, tmp_path):
    done = run("groups", district / "teachers.csv", "--out", tmp_path / "triads", "--seed", 1)
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "triads" / "groups.csv", dtype=str)
    assert frame["id"].is_unique
    sizes = frame.groupby("group").size()
    assert set(sizes) <= {3, 4}
    rotations = pd.read_csv(tmp_path / "triads" / "rotations.csv", dtype=str)
    assert len(rotations) == len(frame)


def test_check_says_what_the_rules_remove(district):
    done = run(
        "check", district / "mentees.csv", district / "mentors.csv", "--program", "mentoring"
    )
    assert done.returncode == 0, done.stderr
    assert "Require(SubjectMatch())" in done.stdout
    assert "matching takes about" in done.stdout
    assert "The tables can be used." in done.stdout


def test_explain_shows_the_parts_of_a_pair(district):
    done = run("explain", district / "mentees.csv", district / "mentors.csv", "T-001")
    assert done.returncode == 0, done.stderr
    assert "SubjectMatch" in done.stdout
    assert "points" in done.stdout


def test_demo_explains_itself():
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
        ("id,subjects,years\nT-1,maths,1\n", ("--out", "/dev/null/plan"), 2, "/dev/null/plan"),
    ],
    ids=["bad cells", "empty", "no file", "preset", "program file", "option", "folder"],
)
def test_mistake_of_a_user_ends_in_a_sentence_and_exit_code(tmp_path, mentees, extra, code, says):
    table = tmp_path / "mentees.csv" if mentees is None else csv(tmp_path, "mentees.csv", mentees)
    done = run("match", table, csv(tmp_path, "mentors.csv", GOOD), *extra, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_rules_that_contradict_each_other_end_in_exit_code_1(tmp_path):
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
