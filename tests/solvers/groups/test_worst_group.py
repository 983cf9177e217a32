from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.group_rules import GroupRules
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.lowest.blossoms import match_most, price_places_of_pairs
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import PLACE, Status


def groupings(people, sizes):
    if not sizes:
        yield []
        return
    first, others = people[0], people[1:]
    if len(people) > sum(sizes):
        yield from groupings(others, sizes)
    for size in sorted(set(sizes)):
        left = list(sizes)
        left.remove(size)
        for rest in combinations(others, size - 1):
            remaining = tuple(p for p in others if p not in rest)
            for groups in groupings(remaining, tuple(left)):
                yield [(first, *rest), *groups]


def best_lowest(problem, sizes):
    """The highest lowest mean of a group, and then the largest total, of all groupings."""

    def judge(groups):
        means = [
            Fraction(sum(int(problem.gain[b, a] + problem.gain[a, b]) for a, b in pairs), 2 * k)
            for group in groups
            for pairs in [list(combinations(group, 2))]
            for k in [len(pairs)]
        ]
        total = sum(len(group) * mean for group, mean in zip(groups, means, strict=True))
        return min(means), total

    return max(
        judge(groups)
        for groups in groupings(tuple(range(problem.n)), sizes)
        if all(problem.allowed[pair] for group in groups for pair in combinations(group, 2))
    )


@pytest.fixture
def fair_pool(pool):
    """A pool with objective "worst_group"."""
    return lambda n, seed=0, **how: pool(n, seed, objective="worst_group", **how)


@pytest.mark.parametrize(
    ("n", "size"),
    [(6, 3), (7, 3), (8, 3), (9, 3), (10, 3), (8, 2), (9, (2, 4)), (8, 4), (5, 3), (9, (4, 4))],
)
def test_small_pools_get_the_highest_lowest_group_and_then_the_best_total(n, size, fair_pool):
    for seed in range(3):
        problem = fair_pool(n, seed, size=size, forbidden=0.1 * seed)
        solution = solve_grouping(problem)
        certificate = certify_grouping(problem, solution)
        placed = solution.group_of[solution.group_of >= 0]
        sizes = tuple(sorted(np.bincount(placed).tolist()))
        lowest, total = best_lowest(problem, sizes)
        assert certificate.lowest == certificate.lowest_bound == lowest
        assert Fraction(certificate.objective, certificate.scale) == total
        assert certificate.gap == 0.0


def test_lowest_group_is_raised_where_the_total_would_give_it_up():
    gain = np.zeros((6, 6), np.int64)
    for group, worth in (((0, 1, 2), 100), ((3, 4, 5), 0), ((0, 1, 3), 40), ((2, 4, 5), 30)):
        for a, b in combinations(group, 2):
            gain[a, b] = gain[b, a] = max(worth, gain[a, b])
    problem = GroupingProblem(gain, ~np.eye(6, dtype=bool), 3, 3, 3, "worst_group")
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert solve_grouping(replace(problem, objective="total")).group_of[0:3].tolist() == [0, 0, 0]
    assert solution.group_of.tolist() != [0, 0, 0, 1, 1, 1]
    assert certificate.lowest >= 30
    assert solution.price > 0


@pytest.mark.parametrize("n", [18, pytest.param(21, marks=pytest.mark.slow)])
def test_triads_are_proved_by_prices_of_places(n, fair_pool):
    problem = fair_pool(n, 4, high=10**6)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    total = solve_grouping(replace(problem, objective="total"))
    free = replace(total, price=None)
    assert certificate.lowest >= certify_grouping(problem, free).lowest
    assert certificate.lowest_bound <= Fraction(solution.bound, solution.scale * n)
    assert certificate.lowest == certificate.lowest_bound
    spoiled = replace(solution.floor_prices, person=np.full(n, PLACE))
    with pytest.raises(CertificateError, match="lowest group is not proved"):
        certify_grouping(problem, replace(solution, floor_prices=spoiled))
    cheap = solution.floor_prices.person.copy()
    cheap[:] = 0
    spoiled = replace(solution.floor_prices, person=cheap)
    with pytest.raises(CertificateError, match="lowest group is not proved"):
        certify_grouping(problem, replace(solution, floor_prices=spoiled))
    lower = certificate.lowest - 1
    with pytest.raises(CertificateError, match="lowest group is not proved"):
        certify_grouping(problem, replace(solution, lowest_bound=lower))


@pytest.mark.parametrize(("n", "leave_out"), [(16, False), (22, False), (17, True)])
def test_pairs_reach_the_bottleneck_of_all_matchings(n, leave_out, fair_pool):
    problem = fair_pool(n, n, size=(2, 2), forbidden=0.5)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    pair = problem.gain + problem.gain.T

    def n_matched(least):
        graph = nx.Graph()
        graph.add_edges_from(
            (a, b)
            for a, b in combinations(range(n), 2)
            if problem.allowed[a, b] and pair[a, b] >= least
        )
        return 2 * len(nx.max_weight_matching(graph, maxcardinality=True))

    assert certificate.matched == n - leave_out
    assert n_matched(2 * certificate.lowest) == certificate.matched
    assert n_matched(2 * certificate.lowest + 1) < certificate.matched
    assert certificate.lowest == certificate.lowest_bound
    spoiled = replace(solution.floor_prices, set_price=solution.floor_prices.set_price * 0)
    if solution.floor_prices.set_price.any():
        with pytest.raises(CertificateError, match="lowest group is not proved"):
            certify_grouping(problem, replace(solution, floor_prices=spoiled))


@pytest.mark.parametrize(("n", "forbidden"), [(60, 0.3), (61, 0.0), (300, 0.0)])
def test_pairs_of_larger_pools_are_proved_best(n, forbidden, fair_pool):
    problem = fair_pool(n, 2, size=(2, 2), forbidden=forbidden, high=10**6)
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.matched == n - n % 2
    assert certificate.lowest == certificate.lowest_bound
    assert certificate.bound - certificate.objective <= certificate.bound // 1000


@pytest.mark.parametrize("seed", range(40))
def test_matchings_have_as_many_pairs_as_any_and_prices_say_so(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    possible = np.triu(rng.random((n, n)) < rng.uniform(0.02, 0.25), 1)
    possible |= possible.T
    mate = match_most(possible, np.full(n, -1))
    n_matched = int((mate >= 0).sum())
    graph = nx.from_numpy_array(possible.astype(int))
    assert n_matched == 2 * len(nx.max_weight_matching(graph, maxcardinality=True))
    assert all(mate[mate[v]] == v and possible[v, mate[v]] for v in np.flatnonzero(mate >= 0))
    prices = price_places_of_pairs(possible, mate)
    sets = prices.set_price @ (prices.sets.sum(axis=1) // 2)
    assert prices.person.sum() + sets == n_matched * PLACE
    for a, b in np.argwhere(np.triu(possible)):
        inside = prices.set_price[prices.sets[:, a] & prices.sets[:, b]].sum()
        assert prices.person[a] + prices.person[b] + inside >= 2 * PLACE


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, []), (2, []), (3, [3]), (4, [4]), (5, [5]), (7, [3, 4])]
)
def test_tiny_pools_are_grouped_and_proved(n, sizes, fair_pool):
    problem = fair_pool(n, n)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    placed = solution.group_of[solution.group_of >= 0]
    assert sorted(np.bincount(placed).tolist()) == sizes
    assert certificate.gap == 0.0
    assert certificate.lowest == certificate.lowest_bound


def test_equal_scores_have_one_value(fair_pool):
    problem = fair_pool(18, low=7, high=7)
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.lowest == certificate.lowest_bound == 7
    assert certificate.gap == 0.0


@pytest.mark.parametrize("objective", ["total", "worst_group"])
def test_who_is_bound_to_somebody_without_partners_is_no_riddle_for_the_check(objective, pool):
    problem = pool(16, 3, size=(2, 3), objective=objective)
    problem.allowed[:2, 2:] = problem.allowed[2:, :2] = False  # a pair on its own,
    problem.allowed[0, 1] = problem.allowed[1, 0] = False  # and not even that
    together = np.full(16, -1)
    together[[1, 5]] = 0
    problem = replace(problem, rules=GroupRules(16, together=together, n_together=np.array([2])))
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.matched == certificate.matched_bound == 13


def test_rules_hold_above_the_floor(fair_pool):
    problem = fair_pool(18, 2, size=(3, 3))
    rng = np.random.default_rng(0)
    rules = GroupRules(18, -(rng.random((18, 1)) < 0.5).astype(np.int64), np.array([-1]))
    problem = replace(problem, rules=rules)
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.matched == 18
    assert certificate.lowest_bound >= certificate.lowest
    freely = replace(problem, rules=None)
    assert certify_grouping(freely, solve_grouping(freely)).lowest >= certificate.lowest


def test_groups_of_mixed_sizes_state_what_is_proved(fair_pool):
    problem = fair_pool(23, 3, size=(4, 6))
    solution = solve_grouping(problem, time_limit=6)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 23
    assert certificate.lowest_bound is not None
    assert certificate.gap is not None
    assert 0 <= certificate.gap < 0.1


def test_nobody_who_may_share_a_group_leaves_no_lowest_group(fair_pool):
    problem = fair_pool(9, forbidden=1.1)
    certificate = certify_grouping(problem, solve_grouping(problem))
    assert certificate.matched == 0
    assert certificate.lowest is None
    assert certificate.proved


def test_interrupts_at_any_time_leave_a_valid_plan(fair_pool):
    problem = fair_pool(18, 5, high=10**6)
    n_told = []
    solve_grouping(problem, progress=lambda *told: n_told.append(told[0]))
    assert n_told == list(range(1, len(n_told) + 1))
    for last in {1, len(n_told) // 2, len(n_told) - 2}:

        def stop(n_rounds, gap, seconds, last=last):
            if n_rounds >= last:
                raise KeyboardInterrupt

        solution = solve_grouping(problem, progress=stop)
        certificate = certify_grouping(problem, solution)
        assert solution.status is Status.INTERRUPTED
        assert certificate.matched == 18
        assert certificate.bound >= certificate.objective
        assert certificate.lowest_bound >= certificate.lowest


def test_same_problem_and_seed_give_the_same_lowest_group(fair_pool):
    problem = fair_pool(21, 8, forbidden=0.1)
    first, second = solve_grouping(problem, seed=3), solve_grouping(problem, seed=3)
    assert first.group_of.tolist() == second.group_of.tolist()
    assert (first.bound, first.lowest_bound) == (second.bound, second.lowest_bound)
