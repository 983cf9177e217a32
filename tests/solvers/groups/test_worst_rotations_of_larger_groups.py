"""Groups of four and more under worst_rotation: what coaches say about parts of groups."""

from itertools import combinations

import numpy as np
import pytest

from pairmatch.solvers.certify.columns import bound_by_sizes, largest_excess, link_people
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.annealing import anneal, anneals
from pairmatch.solvers.groups.basis.search import Search, seat_greedily
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.offers import excess_of, find_offers, list_offers
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import GroupPrices

UNIT = 8


def draw_case(seed):
    """A small pool with some forbidden pairs, and prices of people and of three sets of three."""
    rng = np.random.default_rng(seed)
    n, size = int(rng.integers(8, 13)), int(rng.integers(3, 7))
    gain = rng.integers(0, 1000, (n, n))
    allowed = rng.random((n, n)) < 0.95
    allowed &= allowed.T
    np.fill_diagonal(allowed, val=False)
    problem = GroupingProblem(gain, allowed, size, size, size, "worst_rotation")
    values = GroupValues.of(problem, size - 1)
    sets = np.zeros((3, n), bool)
    for row in sets:
        row[rng.choice(n, 3, replace=False)] = True
    person = rng.integers(0, 1000 * (size - 1), n) * UNIT
    case = GroupPrices(person, UNIT, sets, np.full(3, 2), rng.integers(0, 500, 3) * UNIT)
    groups = np.array(list(combinations(range(n), size)))
    groups = groups[values.n_forbidden(groups) == 0]
    return problem, values, case, groups


@pytest.mark.parametrize("seed", range(20))
def test_every_group_above_a_floor_is_listed(seed):
    _, values, case, groups = draw_case(seed)
    excess = excess_of(values, groups, case)
    floor = int(np.quantile(excess, 0.8)) if len(groups) else 0
    size = groups.shape[1]
    listed = list_offers(values, case, size, floor, n_each=10**6, n_most=10**8)
    assert sorted(map(tuple, listed[0].tolist())) == sorted(
        map(tuple, groups[excess > floor].tolist())
    )
    quick = find_offers(values, case, size, 6)
    assert set(map(tuple, quick.tolist())) <= set(map(tuple, groups.tolist()))


@pytest.mark.parametrize("seed", range(20))
def test_the_check_sees_the_largest_excess_of_all_groups(seed):
    problem, values, case, groups = draw_case(seed)
    excess = excess_of(values, groups, case)
    size = groups.shape[1]
    factor = values.scale * UNIT
    links = link_people(problem, case.person, factor)
    for least in (None, int(np.median(excess)), int(excess.max()) - 1):
        assert largest_excess(problem, case, links, factor, size, least) == excess.max()
    n_groups = problem.n // size
    bound = bound_by_sizes(problem, case, (size,) * n_groups, factor)
    dearest = int(np.sort(case.person)[problem.n - n_groups * size :].sum())
    assert bound == dearest + int(case.set_price.sum()) + n_groups * int(excess.max())


@pytest.mark.parametrize(("objective", "share"), [("total", 0.8), ("worst_rotation", 0.8)])
def test_annealing_gains_and_keeps_to_what_is_allowed(objective, share):
    pytest.importorskip("numba")
    rng = np.random.default_rng(3)
    allowed = rng.random((40, 40)) < share
    allowed &= allowed.T
    problem = GroupingProblem(rng.integers(0, 1000, (40, 40)), allowed, 5, 5, 5, objective)
    values = GroupValues.of(problem, 4)
    look = Search.of(values, rng, lambda: True)
    plan = seat_greedily(look, (5,) * 8)
    assert anneals(look, plan)
    better = anneal(look, plan, 1, briefly=True)
    assert better.worth > plan.worth
    assert [table.shape for table in better.tables] == [(8, 5)]
    assert better.worth == values.of_tables(better.tables)
    assert not values.n_forbidden(better.tables[0]).any()


def test_groups_of_points_in_space_are_near_the_best_by_their_worst_rotation():
    points = np.random.default_rng(5).random((30, 3))
    gain = np.rint(1000 * (2 - np.linalg.norm(points[:, None] - points, axis=2))).astype(int)
    problem = GroupingProblem(gain, ~np.eye(30, dtype=bool), 5, 5, 5, "worst_rotation")
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.gap < 0.01
