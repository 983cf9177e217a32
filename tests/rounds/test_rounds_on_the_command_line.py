"""Terms of several rounds from the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from pairmatch.datasets import staff


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "teachers.csv"
    staff(9, seed=1)[["id", "subjects", "strengths", "goals"]].to_csv(path, index=False)
    return path


def start(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pairmatch", "groups", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )


def test_a_term_is_written_with_a_column_for_the_round(teachers, tmp_path):
    out = tmp_path / "term"
    program = tmp_path / "threes.toml"
    program.write_text("size = 3\nrounds = 2\n", encoding="utf-8")
    done = start(teachers, "--program", program, "--rounds", 4, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "4 rounds in which no two people meet twice" in done.stdout
    groups = pd.read_csv(out / "groups.csv", dtype=str)
    assert groups.columns.tolist() == ["round", "group", "id", "role"]
    assert groups["round"].value_counts().tolist() == [9, 9, 9, 9]
    assert (out / "plan.json").exists()


def test_a_program_file_may_say_how_many_rounds(teachers, tmp_path):
    program = tmp_path / "threes.toml"
    program.write_text("size = 3\nrounds = 5\nmeet_at_most = 2\n", encoding="utf-8")
    done = start(teachers, "--program", program)
    assert done.returncode == 0, done.stderr
    assert "5 rounds in which no two people meet more than 2 times" in done.stdout


def test_too_many_rounds_are_refused_without_a_traceback(teachers):
    done = start(teachers, "--program", "triad", "--rounds", 5)
    assert done.returncode == 1
    assert "round 5 is the first that cannot be" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_calendars_of_a_term_are_refused(teachers, tmp_path):
    done = start(teachers, "--rounds", 2, "--page", "--out", tmp_path / "term")
    assert done.returncode != 0
    assert "are about one round" in done.stderr + done.stdout
