"""Quotas in pools that are priced a few pairs at a time: the plan of a flow over all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import choice, solve_assignment
from pairmatch.solvers.assignment.choice import choose_method
from pairmatch.solvers.assignment.estimate import estimate_effort
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.flow import solve_by_flow
from pairmatch.solvers.assignment.pricing.effort import Effort
from pairmatch.solvers.assignment.pricing.quota_loads import seat_within_quotas
from pairmatch.solvers.assignment.pricing.quota_rounds import breaks_quota, solve_with_quotas
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import AssignmentSolution, Status
from pairmatch.solvers.streamed import StreamedGains

WHOLE = slice(None)
SMALL = Effort(keep=2, base=60, share=3, tile=(17, 13))
KINDS = ("random", "tied", "rank one", "all equal", "same ranking", "few allowed", "negative")


@pytest.fixture
def draw_pool(full_gains, make_gain, make_problem):
    """A pool with quotas, one partition or two that nest, by seed; streamed and held."""

    def draw(seed):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(3, 60)), int(rng.integers(2, 30))
        gain, allowed = make_gain(KINDS[seed % 7], n, m, rng)
        capacity = rng.integers(0, 5, m)
        least = np.where(rng.random(m) < 0.15 * (seed % 2), np.minimum(capacity, 1), 0)
        fine = rng.integers(-1, 6, n)
        quotas = [Quotas(fine, int(rng.integers(seed % 10 > 0, 3)))]
        if seed % 4 == 1:
            quotas.append(Quotas(np.where(fine >= 0, fine // 2, -1), int(rng.integers(1, 4))))
        streamed = make_problem(
            gain, allowed, capacity, at_least=least, quotas=tuple(quotas),
            objective="coverage" if rng.random() < 0.6 else "total",
        )  # fmt: skip
        if seed % 3 == 0:
            streamed = replace(streamed, gains=full_gains(seed, n, m))
        held = replace(streamed, gains=MatrixGains(*streamed.gains.block(WHOLE, WHOLE)))
        can = np.argwhere(held.gains.allowed & (capacity > 0))
        if seed % 5 == 2 and len(can) and all(quota.at_most for quota in quotas):
            pins = can[rng.integers(len(can))][None]
            streamed, held = (replace(problem, pins=pins) for problem in (streamed, held))
        return streamed, held

    return draw


def _binding(problem, effort=SMALL):
    """Return the streamed answer, through both halves of the search."""
    opened = solve_by_pricing(replace(problem, quotas=()), effort=effort)
    return solve_with_quotas(problem, opened, effort=effort)


def _solve_held(problem):
    """Return the answer of the flow, or the most loads that can be met if not all can."""
    try:
        return solve_by_flow(problem), None
    except LoadConflict as conflict:
        return None, conflict.reachable.sum()


@pytest.mark.parametrize("seed", range(150))
def test_streamed_plan_is_that_of_a_flow_over_all_pairs(draw_pool, seed):
    streamed, held = draw_pool(seed)
    expected, reachable = _solve_held(held)
    if expected is None:
        with pytest.raises(LoadConflict) as found:
            solve_assignment(streamed, method="pricing")
        assert found.value.reachable.sum() == reachable
        return
    solution = solve_assignment(streamed, method="pricing")
    assert solution.pairs.tolist() == expected.pairs.tolist()
    for problem in (streamed, held):
        certificate = certify_assignment(problem, solution)
        assert certificate.proved
        known = certify_assignment(held, expected)
        assert (certificate.matched, certificate.objective) == (known.matched, known.objective)


@pytest.mark.parametrize("seed", range(1, 20, 3))
def test_matrices_and_tiny_tiles_give_the_same_plan(draw_pool, seed):
    streamed, held = draw_pool(seed)
    try:
        plans = [_binding(problem).pairs.tolist() for problem in (streamed, held)]
    except LoadConflict:
        pytest.skip("minimum loads that cannot be met")
    assert plans[0] == plans[1] == solve_by_flow(held).pairs.tolist()


@pytest.fixture
def favourite(make_problem):
    """Everybody wants the same two mentors, who may take one of each school."""
    gain = np.zeros((12, 8), np.int64) + 10 * np.arange(12)[:, None]
    gain[:, :2] += 500
    quota = Quotas(np.repeat(np.arange(3), 4), 1)
    return make_problem(gain, np.ones((12, 8), bool), np.full(8, 6), quotas=(quota,))


def test_a_place_within_a_quota_has_a_price_and_the_proof_needs_it(favourite):
    solution = solve_assignment(favourite, method="pricing")
    assert "quotas" in solution.solver
    assert certify_assignment(favourite, solution).proved
    assert solution.prices.quota[0].any()
    free = replace(solution.prices, quota=(0 * solution.prices.quota[0],))
    assert not certify_assignment(favourite, replace(solution, prices=free)).proved
    negative = replace(solution.prices, quota=(solution.prices.quota[0] - 1,))
    with pytest.raises(CertificateError, match="negative"):
        certify_assignment(favourite, replace(solution, prices=negative))


def test_spoiled_plans_are_refused_or_not_proved(favourite):
    solution = solve_assignment(favourite, method="pricing")
    fewer = replace(solution, pairs=solution.pairs[1:])
    assert not certify_assignment(favourite, fewer).proved
    crowded = solution.pairs.copy()
    crowded[:4, 1] = 0
    with pytest.raises(CertificateError, match="of class 0"):
        certify_assignment(favourite, replace(solution, pairs=crowded))


@pytest.mark.parametrize("seed", [4, 8, 14])
def test_prices_that_are_too_low_show_in_the_streamed_bound(draw_pool, seed):
    streamed, held = draw_pool(seed)
    solution = solve_assignment(streamed, method="pricing")
    rng = np.random.default_rng(seed)
    for _ in range(10):  # any prices give a bound, and both checks the same one or a lower one
        prices = replace(
            solution.prices,
            column=np.maximum(solution.prices.column + rng.integers(-60, 60, held.n_columns), 0),
            quota=tuple(rng.integers(0, 200, price.shape) for price in solution.prices.quota),
        )
        spoiled = replace(solution, prices=prices)
        best = certify_assignment(held, solution).objective
        assert certify_assignment(streamed, spoiled).bound >= best
        assert certify_assignment(held, spoiled).bound >= best


def test_a_quota_that_the_best_plan_keeps_anyway_costs_nothing(make_problem):
    gain = np.diag([9, 8, 7, 6])
    quota = Quotas(np.zeros(4, np.int64), 2)
    problem = make_problem(gain, np.ones((4, 4), bool), np.full(4, 3), quotas=(quota,))
    solution = solve_assignment(problem, method="pricing")
    assert "quotas" not in solution.solver
    assert not solution.prices.quota[0].any()
    assert certify_assignment(problem, solution).proved


def _large(n, objective="coverage"):
    rng = np.random.default_rng(n)
    row = rng.integers(0, 30, (n, 6)).astype(np.float32)
    column = rng.integers(0, 30, (n, 6)).astype(np.float32)
    gains = StreamedGains(row, column, largest=6 * 30 * 30)
    quota = Quotas(rng.integers(0, 8, n), 1)
    zero = np.zeros(n, np.int64)
    return AssignmentProblem(gains, zero + 4, zero, quotas=(quota,), objective=objective)


def test_large_pools_with_a_binding_quota_are_priced_by_default():
    problem = _large(700)
    assert choose_method(problem) == "pricing"
    solution = solve_assignment(problem)
    assert solution.solver.startswith("pricing with quotas")
    assert certify_assignment(problem, solution).proved
    assert estimate_effort(_large(10_000)).megabytes < 1500


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seconds", [1e-3, 0.2, 0.6, 1.2])
def test_plan_cut_short_is_valid_and_its_bound_is_true(monkeypatch, objective, seconds):
    problem = _large(700, objective)
    best = certify_assignment(problem, solve_assignment(problem))
    seen = []
    solution = solve_assignment(
        problem, method="pricing", time_limit=seconds, progress=lambda *now: seen.append(now)
    )
    certificate = certify_assignment(problem, solution)
    assert certificate.matched <= best.matched
    if solution.status is Status.OPTIMAL:
        assert certificate.proved
    else:
        assert solution.status is Status.TIME_LIMIT
        if certificate.matched == best.matched:
            assert certificate.bound >= best.objective
        assert certificate.matched_bound is None or certificate.matched_bound >= best.matched


def test_interruption_returns_a_plan_within_the_quotas():
    def stop(turn, gap, seconds):
        raise KeyboardInterrupt

    problem = _large(700)
    solution = solve_assignment(problem, method="pricing", progress=stop)
    assert solution.status is Status.INTERRUPTED
    certificate = certify_assignment(problem, solution)
    assert 0 < certificate.matched <= certificate.matched_bound


def test_quotas_that_cross_are_still_refused_by_pricing(monkeypatch, favourite):
    monkeypatch.setattr(choice, "_FLOW_MOST", 1)
    crossing = (*favourite.quotas, Quotas(np.arange(12) % 2, 1))
    assert choose_method(replace(favourite, quotas=crossing)) == "integer"
    assert choose_method(favourite) == "pricing"


def _ask_for_more(problem, seed):
    """The same pool with more minimum loads."""
    rng = np.random.default_rng(seed + 10_000)
    least = np.minimum(problem.capacity, rng.integers(0, 3, problem.n_columns))
    return replace(problem, at_least=np.maximum(problem.at_least, least))


@pytest.mark.parametrize("with_plan", [False, True])
def test_minimum_loads_within_quotas_are_met_exactly_where_a_flow_meets_them(draw_pool, with_plan):
    n_met = 0
    for seed in range(120):
        streamed, held = (_ask_for_more(problem, seed) for problem in draw_pool(seed))
        expected, _ = _solve_held(held)
        known = np.empty((0, 2), np.int64)
        if with_plan and expected is not None:
            known = solve_by_flow(replace(held, quotas=())).pairs
        seated = seat_within_quotas(streamed, known)
        assert (seated is None) == (expected is None), seed
        if seated is None:
            continue
        n_met += 1
        pairs = np.concatenate([streamed.pins, seated])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        answer = AssignmentSolution(pairs, None, Status.FEASIBLE, "a flow over few pairs")
        certify_assignment(streamed, answer)  # would name any rule that is broken
    assert n_met >= 25


def test_a_search_without_time_still_meets_minimum_loads_within_quotas(draw_pool):
    n_mended = 0
    for seed in range(60):
        streamed, held = (_ask_for_more(problem, seed) for problem in draw_pool(seed))
        if not streamed.at_least.any() or _solve_held(held)[0] is None:
            continue
        opened = solve_by_pricing(replace(streamed, quotas=()), effort=SMALL)
        n_mended += breaks_quota(streamed, opened.pairs)
        opened = replace(opened, status=Status.TIME_LIMIT)
        solution = solve_with_quotas(streamed, opened, effort=SMALL, time_limit=0)
        assert solution.status is Status.TIME_LIMIT
        certificate = certify_assignment(streamed, solution)
        if certificate.bound is not None:
            assert certificate.bound >= certificate.objective
    assert n_mended >= 5


def test_minimum_loads_within_quotas_end_when_the_time_is_over(draw_pool):
    streamed = _ask_for_more(draw_pool(1)[0], 1)
    none = np.empty((0, 2), np.int64)
    assert streamed.at_least.any()
    assert seat_within_quotas(streamed, none, deadline=-np.inf) is None
