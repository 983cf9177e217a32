"""Minimum loads that cannot be met: who is in conflict, and what could be reached."""

import pickle
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.problem import Quotas


def find_most(problem, find_best):
    """The largest sum of minimum loads below those asked for that some plan meets."""
    options = product(*(range(asked + 1) for asked in problem.at_least))
    return max(
        sum(loads)
        for loads in options
        if find_best(replace(problem, at_least=np.array(loads))) is not None
    )


def assert_irreducible(problem, columns, find_best):
    def possible(kept):
        asked = np.zeros_like(problem.at_least)
        asked[kept] = problem.at_least[kept]
        return find_best(replace(problem, at_least=asked)) is not None

    assert not possible(columns)
    for column in columns:
        assert possible(columns[columns != column])


@pytest.mark.parametrize(("kind", "seeds"), [("nested", 700), ("crossing", 200)])
def test_conflict_is_irreducible_and_its_remedy_the_smallest(draw, find_best, kind, seeds):
    conflicts = {}
    for seed in range(seeds):
        try:
            solve_assignment(draw(seed, quotas=kind))
        except LoadConflict as conflict:
            conflicts[seed] = conflict
    for seed, conflict in conflicts.items():
        problem = draw(seed, quotas=kind)
        assert_irreducible(problem, conflict.columns, find_best)
        remedy = replace(problem, at_least=conflict.reachable)
        assert (conflict.reachable <= problem.at_least).all()
        assert find_best(remedy) is not None
        assert conflict.reachable.sum() == find_most(problem, find_best)
        open_rows = problem.gains.allowed[:, conflict.columns].any(axis=1)
        for row, column in problem.pins:
            open_rows[row] = column in conflict.columns
        assert conflict.rows.tolist() == np.flatnonzero(open_rows).tolist()
    assert len(conflicts) > 20


def test_conflict_names_only_the_columns_that_compete(pose):
    problem = pose([[1, 1, None], [None, None, 1], [None, None, 1]], places=3, at_least=[1, 1, 2])
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(problem)
    assert caught.value.columns.tolist() == [0, 1]
    assert caught.value.rows.tolist() == [0]
    assert caught.value.reachable.sum() == 3
    assert caught.value.reachable[2] == 2


def test_row_pinned_elsewhere_cannot_meet_a_minimum_load(pose):
    problem = pose([[1, 1]], places=1, at_least=[0, 1], pins=[(0, 0)])
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(problem)
    assert caught.value.columns.tolist() == [1]
    assert caught.value.rows.tolist() == []
    assert caught.value.reachable.tolist() == [0, 0]


def test_quota_limits_what_a_minimum_load_can_get(pose):
    problem = pose([[1]] * 3, places=3, at_least=2, quotas=(Quotas(np.zeros(3, int), 1),))
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(problem)
    assert caught.value.reachable.tolist() == [1]


def test_column_that_nobody_may_have_conflicts_alone(pose):
    with pytest.raises(LoadConflict, match=r"columns \[1\] cannot all be met by the 0 rows"):
        solve_assignment(pose([[1, None], [1, None]], places=2, at_least=[1, 1]))


def test_conflict_survives_pickling(pose):
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(pose([[1, 1]], at_least=1))
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert copy.columns.tolist() == caught.value.columns.tolist()
    assert str(copy) == str(caught.value)
