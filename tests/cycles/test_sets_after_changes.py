from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.solvers.certify.company import bound_company
from pairmatch.solvers.certify.regrouping import certify_regrouping, kept_in
from pairmatch.solvers.groups.regrouping.newcomers import complete_stays, join_nearest
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import CompanyPrices


def whole_groupings(people, sizes):
    """Yield all ways to put everybody into groups of these sizes."""
    if not people:
        yield []
        return
    first, *rest = people
    for size in sizes:
        for others in combinations(rest, size - 1):
            left = [p for p in rest if p not in others]
            for more in whole_groupings(left, sizes):
                yield [(first, *others), *more]


def worth(group, gain, worst):
    """Return twelve times the value of a group."""
    given = [sum(int(gain[b, a]) for b in group if b != a) for a in group]
    return 12 * (len(group) * min(given) if worst else sum(given)) // (len(group) - 1)


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("seed", range(3))
def test_prices_of_any_sets_bound_what_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    n, smallest, largest = 10, 3, 5
    gain = rng.integers(0, 30, (n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), smallest, largest, 4, objective)
    company = np.array([0, 0, 0, 1, 1, 1, 1, -1, -1, -1])
    shape = [3, 3, 4]
    best = {}
    for groups in whole_groupings(range(n), [3, 4]):
        if sorted(map(len, groups)) == shape:
            kept = sum(kept_in(group, company) for group in groups)
            value = sum(worth(group, gain, objective != "total") for group in groups)
            best[kept] = max(best.get(kept, 0), value)
    for n_kept in (0, 3, 6):
        most = max(value for kept, value in best.items() if kept >= n_kept)
        for n_sets in (1, 4, 9):
            prices = CompanyPrices(
                rng.integers(0, 1500, n),
                int(rng.integers(0, 400)),
                4,
                sets=rng.random((n_sets, n)) < 0.6,
                divisor=rng.integers(2, 6, n_sets),
                set_price=rng.integers(0, 900, n_sets),
            )
            assert bound_company(problem, company, n_kept, shape, prices) >= most
            told = bound_company(problem, company, n_kept, shape, prices, most - 1)
            assert told >= most


def test_groups_that_go_on_are_found_around_those_who_stay():
    rng = np.random.default_rng(4)
    n, group_of = 11, np.array([0, 0, 0, 1, 1, 1, 1, -1, -1, -1, -1])
    links = rng.integers(-50, 50, (n, n))
    links += links.T
    stays = np.array([[0, 1], [1, 2], [0, 2]])
    for size in (2, 3, 4, 5):
        least = 20
        found = complete_stays(links, stays, group_of, size, least, 10_000)
        expected = sorted(
            group
            for group in combinations(range(n), size)
            if len({0, 1, 2} & set(group)) == 2
            and sum(links[a, b] for a, b in combinations(group, 2)) > least
        )
        assert sorted(map(tuple, found.tolist())) == expected
        near = join_nearest(links, stays, group_of, size, 3)
        assert all(len({0, 1, 2} & set(group)) >= 2 for group in near.tolist())


@pytest.fixture(scope="module")
def communities():
    """Scores of 26 people of whom those of three communities, odd ones, give each other most."""
    rng = np.random.default_rng(2)
    part = np.repeat([0, 1, 2], [9, 9, 8])
    scores = np.round(rng.random((26, 26)) + 2.0 * (part[:, None] == part), 3)
    plan = pm.group_scores(scores[:24, :24], size=(4, 4))
    return plan, scores


def test_prices_of_sets_close_the_gap_of_communities_that_do_not_come_out_even(communities):
    plan, scores = communities
    after = pm.rematch(plan, pm.Changes(scores=scores[:24, :24][::-1, ::-1].copy()))
    priced = after.prices.set_price > 0
    assert priced.any()
    given = after.plan.problem, after.company, 0, after.plan.groups
    assert certify_regrouping(*given, after.prices).bound == after.certificate.bound
    none = np.zeros(0, np.int64)
    without = replace(after.prices, sets=np.zeros((0, 24), bool), divisor=none, set_price=none)
    weaker = certify_regrouping(*given, without).bound
    assert weaker is None or weaker > after.certificate.bound
    assert after.verify() == after.certificate


def test_spoiled_prices_of_sets_prove_nothing(communities):
    plan, scores = communities
    after = pm.rematch(plan, pm.Changes(scores=scores[:24, :24][::-1, ::-1].copy()))
    given, prices = (after.plan.problem, after.company, 0, after.plan.groups), after.prices
    for useless in (
        replace(prices, set_price=-prices.set_price - 1),
        replace(prices, divisor=0 * prices.divisor),
        replace(prices, sets=prices.sets[:, 1:]),
        replace(prices, set_price=prices.set_price[1:]),
    ):
        assert certify_regrouping(*given, useless).bound is None
