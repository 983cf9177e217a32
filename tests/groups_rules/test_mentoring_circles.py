"""A published case of mentoring circles: 98 students in 13 circles, clustered and balanced."""

from __future__ import annotations

import csv
from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest

import pairmatch as pm

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "circles"
PUBLISHED = FOLDER / "SampleStudentGroups_2025-01-13_10-27-57.csv"


@pytest.fixture(scope="module")
def students():
    if not PUBLISHED.exists():
        pytest.skip("the published case is not here")
    table = pd.read_csv(FOLDER / "SampleStudentDataSubset.csv", dtype=str).fillna("")
    return pd.DataFrame(
        {
            "id": table["Number"],
            "subjects": table["Major"].str.replace(",", ";"),
            "stage": table["Graduation"],
            "gender": table["Gender"],
        }
    )


@pytest.fixture(scope="module")
def published(students):
    circles: list[list[str]] = []
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row and row[0].startswith("Group"):
                circles.append([])
            elif row and row[0].isdigit():
                circles[-1].append(row[0])
    assert sorted(key for circle in circles for key in circle) == sorted(students["id"])
    return circles


def likeness(students, circles, column):
    """Mean share of a student's entries that another one of the circle has."""
    entries = {row.id: set(getattr(row, column).split(";")) for row in students.itertuples()}
    total = 0.0
    for circle in circles:
        pairs = [len(entries[a] & entries[b]) / len(entries[a]) for a, b in permutations(circle, 2)]
        total += sum(pairs) / (len(circle) - 1)
    return total / sum(map(len, circles))


def test_circles_are_more_alike_than_the_published_ones_and_leave_no_woman_alone(
    students, published
):
    program = pm.Program(
        criteria=[pm.SubjectMatch(), pm.Similarity("stage")],
        constraints=[pm.NotAlone("gender", "Woman")],
        size=(7, 8),
    )
    plan = pm.form_groups(students, program, options=pm.Options(time_limit=10))
    assert plan.matched == 98
    assert len(plan.groups) == len(published) == 13
    for column in ("subjects", "stage"):
        ours = likeness(students, plan.group_ids, column)
        assert ours >= likeness(students, published, column)
    assert pm.verify(plan).gap is not None
    gender = students.set_index("id")["gender"]
    lonely = [
        sum((gender.loc[list(circle)] == "Woman").sum() == 1 for circle in circles)
        for circles in (plan.group_ids, published)
    ]
    assert lonely == [0, 1]
