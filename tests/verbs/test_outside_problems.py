"""Problems that others published, with their known answers."""

import warnings

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm

OPTIMA = {"assign100": 305, "assign200": 475, "assign300": 626, "assign400": 804}
SPARSE_OPTIMA = {"assignp800": 2239, "assignp1500": 5839}


def read_orlib(path):
    numbers = np.array(path.read_text().split(), dtype=np.int64)
    n = int(numbers[0])
    if len(numbers) == 1 + n * n:
        return numbers[1:].reshape(n, n).astype(float)
    costs = np.full((n, n), np.nan)
    rows, columns, cost = numbers[1:].reshape(-1, 3).T
    costs[rows - 1, columns - 1] = cost
    return costs


@pytest.mark.parametrize(("name", "optimum"), (OPTIMA | SPARSE_OPTIMA).items())
def test_known_optimum_of_a_published_assignment_problem_is_reached(shared_data, name, optimum):
    costs = read_orlib(shared_data / "orlib" / f"{name}.txt")
    plan = pm.match_scores(-costs)
    assert plan.matched == len(costs)
    assert plan.objective == -optimum
    assert plan.bound == -optimum
    assert plan.gap == 0.0


@pytest.fixture(scope="module")
def circles(shared_data):
    """The published sheets of a mentoring-circle programme, only the id column renamed."""
    folder = shared_data / "circles"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PairmatchWarning)
        return (
            pm.read_profiles(folder / "SampleStudentDataSubset.csv", id_column="Number"),
            pm.read_profiles(folder / "SampleMentorData.csv", id_column="Number"),
        )


def test_published_mentoring_circles_are_matched_on_their_own_columns(circles):
    students, mentors = circles
    program = pm.Program(
        criteria=[
            pm.Similarity("Major", weight=2),
            pm.Similarity("University"),
            pm.Similarity("Gender"),
            pm.Similarity("Race"),
        ],
        constraints=[pm.Load(at_most=6)],
    )
    plan = pm.match(students, mentors, program)
    assert plan.matched == min(len(students), 6 * len(mentors))
    assert plan.gap == 0.0
    assert pm.verify(plan).proved
    assert set(plan.to_frame()["mentee"]) <= set(students.ids)


@pytest.mark.slow
def test_published_students_are_grouped_on_their_own_columns(circles):
    students, _ = circles
    pool = students.take(np.arange(45))
    program = pm.Program(
        criteria=[pm.Similarity("Major", weight=2), pm.Similarity("University")], size=5
    )
    plan = pm.form_groups(pool, program)
    assert plan.matched == 45
    assert {len(group) for group in plan.group_ids} == {5}
    assert plan.bound >= plan.objective
    pm.verify(plan)


def test_labels_of_a_frame_are_the_ids():
    scores = pd.DataFrame([[1.5, 2.25]], index=["a"], columns=["x", "y"])
    assert pm.match_scores(scores).to_frame().to_dict("records") == [
        {"mentee": "a", "mentor": "y", "score": 2.25}
    ]
