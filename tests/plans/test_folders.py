"""Folders of plans: no file in them speaks of an earlier plan."""

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.disk import remove_file
from pairmatch.scoring.parts import list_parts, list_parts_at

MENTEES = pd.DataFrame(
    {"id": ["T-1", "T-2"], "subjects": ["art", ""], "free": ["Mon 8:00-9:00", "Tue 8:00-9:00"]}
)
MENTORS = pd.DataFrame(
    {"id": ["M-1", "M-2"], "subjects": ["art", "maths"], "free": ["Mon 8:00-9:00"] * 2}
)


def test_what_only_an_earlier_plan_had_does_not_stay_beside_this_one(tmp_path):
    timed = pm.Program(constraints=[pm.Meetings(minutes=30)])
    pm.match(MENTEES, MENTORS, timed).save(tmp_path)
    several = pm.Program(constraints=[pm.Demand(each=2)])
    names = {path.name for path in tmp_path.iterdir()}
    assert {"timetable.csv", "time_pressure.csv"} < names
    pm.match(MENTEES, MENTORS, several).save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert "partly_served.csv" in names
    assert not {"timetable.csv", "time_pressure.csv"} & names
    (tmp_path / "notes.txt").write_text("mine")
    pm.match(MENTEES, MENTORS).save(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        "loads.csv", "notes.txt", "pairs.csv", "plan.json", "program.toml", "reasons.csv",
        "summary.txt", "unmatched.csv",
    ]  # fmt: skip


def test_a_file_that_cannot_be_removed_is_a_sentence(tmp_path):
    (tmp_path / "audit.csv").mkdir()
    with pytest.raises(pm.PairmatchError, match=r"audit.csv cannot be removed: .* by hand"):
        remove_file(tmp_path / "audit.csv")
    remove_file(tmp_path / "was_never_there.csv")


def test_parts_of_many_pairs_are_those_of_each():
    program = pm.Program(
        criteria=[
            pm.SubjectMatch(weight=3),
            pm.CommonTime(minutes=30, missing="zero"),
            pm.Similarity("subjects", weight=1e-9),
        ]
    )
    scored = pm.score(MENTEES, MENTORS, program)
    i, j = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    told = list_parts_at(scored, i, j)
    assert told == [list_parts(scored, int(a), int(b)) for a, b in zip(i, j, strict=True)]
    units = scored.units_at(i, j).tolist()
    assert [sum(part.units for part in parts) for parts in told] == units
    assert {part.known for part in told[3]} == {True, False}
    assert [part.score for part in told[0]] == [1, 1, 1]
