"""Minimum loads that cannot be met: who is in conflict, and what could be reached."""

import pickle
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.held import conflict as held_conflict
from pairmatch.solvers.assignment.held.conflict import fill_loads
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins
from pairmatch.solvers.assignment.held.thinning import thin_by_paths
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas


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


@pytest.mark.parametrize("places", [3, 5])
def test_mentors_are_left_out_of_a_conflict_one_by_one_until_all_are_needed(places):
    dropped = 0
    for seed in range(300):
        rng = np.random.default_rng([seed, places])
        n, m = (int(k) for k in rng.integers(2, 9, 2))
        allowed = rng.random((n, m)) < rng.choice([0.3, 0.6, 1])
        least = rng.integers(0, places + 1, m)
        quotas = (Quotas(rng.integers(-1, 2, n), 2),) if rng.random() < 0.4 else ()
        demand = rng.integers(1, 3, n) if rng.random() < 0.3 else np.ones(n, int)
        gains = MatrixGains(allowed.astype(int), allowed)
        capacity = np.full(m, places)
        problem = AssignmentProblem(gains, capacity, least, quotas=quotas, demand=demand)
        remainder = set_pins(problem)
        edges = collect_edges(problem, remainder)
        layout = draw_network(edges, remainder, dict(enumerate(quotas)))

        def lacks(columns, layout=layout, least=least):
            asked = np.zeros_like(least)
            asked[columns] = least[columns]
            return int((asked - fill_loads(layout, asked)[0]).sum())

        needy = np.flatnonzero(least)
        last = next((k for k in range(len(needy)) if lacks(needy[: k + 1])), None)
        if last is None:
            continue
        asked = np.zeros_like(least)
        asked[needy[: last + 1]] = least[needy[: last + 1]]
        _, rivals = fill_loads(layout, asked)
        needed = thin_by_paths(layout, least, rivals, int(needy[last]))
        assert lacks(needed)
        assert not any(lacks(np.delete(needed, k)) for k in range(len(needed)))
        dropped += len(needed) < len(rivals)
    assert dropped > 3


def test_conflict_of_many_mentors_takes_few_flows(monkeypatch):
    flows = []
    monkeypatch.setattr(held_conflict, "_TRIALS", 0)
    count = held_conflict.find_largest_flow
    monkeypatch.setattr(
        held_conflict, "find_largest_flow", lambda *given: (flows.append(1), count(*given))[1]
    )
    n = 60
    gains = MatrixGains(np.ones((n, n), int), np.ones((n, n), bool))
    problem = AssignmentProblem(gains, np.full(n, 3), np.full(n, 2))
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(problem)
    assert len(caught.value.columns) == n // 2 + 1
    assert len(flows) < 12


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
