"""Minimum loads that cannot be met: who is in conflict, and what could be reached."""

import pickle
from dataclasses import replace
from itertools import combinations, product

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


def test_smallest_conflict_is_named_where_several_cannot_be_met(draw, find_best, pose):
    # Columns 0 to 2 compete for two rows; column 3 alone asks for more than there is.
    rows = [[1, 1, 1, None], [1, 1, 1, None], [None, None, None, 1]]
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(pose(rows, places=3, at_least=[1, 1, 1, 2]))
    assert caught.value.columns.tolist() == [3]
    assert caught.value.is_smallest
    n_checked = 0
    for seed in range(400):
        try:
            solve_assignment(draw(seed))
        except LoadConflict as found:
            conflict = found
        else:
            continue
        assert conflict.is_smallest
        problem = draw(seed)
        needy = np.flatnonzero(problem.at_least)
        for size in range(len(conflict.columns)):
            for some in combinations(needy.tolist(), size):
                asked = np.zeros_like(problem.at_least)
                asked[list(some)] = problem.at_least[list(some)]
                assert find_best(replace(problem, at_least=asked)) is not None
                n_checked += 1
    assert n_checked > 10


def test_priced_pools_name_only_columns_that_are_needed(draw, find_best):
    found = 0
    for seed in range(300):
        problem = replace(draw(seed), quotas=())
        conflicts = []
        for method in ("flow", "pricing"):
            try:
                solve_assignment(problem, method=method)
            except LoadConflict as conflict:
                conflicts.append(conflict)
        assert len(conflicts) in (0, 2)
        if conflicts:
            assert_irreducible(problem, conflicts[1].columns, find_best)
            assert len(conflicts[0].columns) <= len(conflicts[1].columns)
            found += 1
    assert found > 5
