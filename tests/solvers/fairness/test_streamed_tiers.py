"""Tiers in pools whose matrix never exists: the same answers as with the table of all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment import choice, solve_assignment
from pairmatch.solvers.assignment.fairness.choice import solve_fairly
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.streamed import Overlap, StreamedGains
from pairmatch.solvers.tiers import StreamedTiers, find_least_total, weigh_gains

EFFORT = Effort(base=60, share=3)


def draw(seed, objective, *, n=40, m=28):
    """Return a pool with tiers, some pairs that are not allowed, and scores of both signs."""
    rng = np.random.default_rng(seed)
    school = np.eye(4)[rng.integers(0, 4, n)], np.eye(4)[rng.integers(0, 4, m)]
    grade = rng.random((n, 5)) < 0.3, rng.random((m, 5)) < 0.3
    near, alike = Overlap.pack(*school), Overlap.pack(*grade)
    low = -4 if seed % 2 else 0
    gains = StreamedGains(
        rng.integers(0, 30, (n, 3)).astype(np.float32),
        rng.integers(low, 30, (m, 3)).astype(np.float32),
        largest=3 * 900 + 9,
        shared=((alike, 9),),
        needs=(Overlap.pack(rng.random((n, 4)) < 0.6, rng.random((m, 4)) < 0.6),),
        least=40 if seed % 3 == 2 else None,
    )
    tiers = StreamedTiers.of(((near, alike), (near,)))
    capacity = rng.integers(0, 3, m)
    pins = np.empty((0, 2), np.int64)
    if seed % 4 == 3:
        allowed = gains.block(slice(None), slice(None))[1] & (capacity > 0)
        pins = np.argwhere(allowed)[:1]
    return AssignmentProblem(
        gains, capacity, np.zeros(m, np.int64), pins, objective=objective, tiers=tiers
    )


def solve(problem):
    """Solve a streamed problem with tiers, by sweeps."""
    return solve_fairly(problem, lambda plain: solve_by_pricing(plain, effort=EFFORT))


def hold(problem):
    """Return the same problem with its gains and tiers in tables."""
    n, m = problem.gains.shape
    gain, allowed = problem.gains.block(slice(0, n), slice(0, m))
    table = problem.tiers.at(np.arange(n)[:, None], np.arange(m)[None, :])
    return replace(problem, gains=MatrixGains(gain, allowed), tiers=table)


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(12))
def test_streamed_tiers_are_as_good_as_those_of_a_table(seed, objective):
    problem = draw(seed, objective)
    solution = solve(problem)
    certificate = certify_plan(problem, solution)
    assert certificate.proved
    held = hold(problem)
    other = solve_assignment(held)
    assert certify_plan(held, other).proved
    assert certificate.matched == len(other.pairs)
    assert problem.tiers.count(solution.pairs).tolist() == problem.tiers.count(other.pairs).tolist()
    assert certificate.objective == held.gains.pairs(*other.pairs.T)[0].sum()
    assert solution.price == other.price


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(8))
def test_streamed_tiers_keep_quotas_and_minimum_loads_as_those_of_a_table(
    seed, objective, monkeypatch, ask_loads
):
    monkeypatch.setattr(choice, "_FLOW_MOST", -1)
    monkeypatch.setattr(choice, "_DENSE_MOST", -1)
    rng = np.random.default_rng(seed)
    problem = draw(seed, objective)
    fine = rng.integers(-1, 4, problem.n_rows)
    quotas = (Quotas(fine, 1),)
    if seed % 2:
        quotas += (Quotas(np.where(fine >= 0, fine // 2, -1), 2),)
    problem = replace(problem, quotas=quotas, capacity=problem.capacity + 2)
    if seed % 3 == 0:
        problem = replace(problem, at_least=ask_loads(hold(problem), seed).at_least)
    other = solve_assignment(hold(problem))
    monkeypatch.setattr(choice, "_LARGE", -1)
    solution = solve_assignment(problem)
    assert "weighted tiers" in solution.solver
    certificate = certify_plan(problem, solution)
    assert certificate.proved
    assert certificate.matched == len(other.pairs)
    assert problem.tiers.count(solution.pairs).tolist() == problem.tiers.count(other.pairs).tolist()
    gain = hold(problem).gains.pairs(*other.pairs.T)[0]
    assert certificate.objective == gain.sum()
    assert solution.price == other.price
    # Without its prices a place within a quota is free, and the proof is none.
    open_prices = replace(solution.prices, quota=())
    assert not certify_plan(problem, replace(solution, prices=open_prices)).proved


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_tiers_with_quotas_are_best_among_all_plans(objective, monkeypatch, enumerate_plans, rate):
    monkeypatch.setattr(choice, "_FLOW_MOST", -1)
    monkeypatch.setattr(choice, "_LARGE", -1)
    for seed in range(16):
        rng = np.random.default_rng(seed)
        problem = replace(draw(seed, objective, n=5, m=4), capacity=rng.integers(0, 4, 4))
        problem = replace(problem, quotas=(Quotas(rng.integers(-1, 2, 5), 1),))
        pins = np.empty((0, 2), np.int64)
        problem = replace(problem, pins=pins)
        held = hold(problem)
        if objective == "total":
            held = replace(held, objective="total")
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(problem)
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best
        assert certify_plan(problem, solution).proved


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_that_are_worse_in_a_tier_or_in_the_total_are_not_proved(seed):
    problem = draw(seed, "coverage")
    solution = solve(problem)
    plain = solve_by_pricing(replace(problem, tiers=None), effort=EFFORT)
    assert problem.tiers.count(plain.pairs).tolist() != (
        problem.tiers.count(solution.pairs).tolist()
    )
    assert not certify_plan(problem, replace(solution, pairs=plain.pairs)).proved
    assert not certify_plan(problem, replace(solution, pairs=solution.pairs[1:])).proved
    assert not certify_plan(problem, replace(solution, steps=())).proved
    assert not certify_plan(problem, replace(solution, prices=None)).proved
    light = replace(solution.prices, tier=tuple(w // 2 for w in solution.prices.tier))
    assert not certify_plan(problem, replace(solution, prices=light)).proved
    other = replace(solution.prices, column=solution.prices.column + 10**9)
    assert not certify_plan(problem, replace(solution, prices=other)).proved
    assert not certify_plan(problem, solution, deadline=0.0).proved


def test_weights_beyond_exact_arithmetic_are_refused_with_the_amount():
    problem = draw(0, "coverage")
    large = replace(problem.gains, largest=2**50)
    with pytest.raises(CapabilityError, match=r"weights of up to [\d,]{15,}.*fewer levels"):
        solve(replace(problem, gains=large))
    solution = solve(problem)
    heavy = replace(solution.prices, tier=(2**57, 2**52, 0))
    with pytest.raises(CertificateError, match="too large"):
        certify_plan(problem, replace(solution, prices=heavy))


@pytest.mark.parametrize("seed", range(3))
def test_weights_change_no_rule(seed):
    problem = draw(seed, "coverage")
    gains, tiers = problem.gains, problem.tiers
    whole = slice(None), slice(None)
    gain, allowed = gains.block(*whole)
    n, m = gains.shape
    weight = np.array([100, 10, 0])
    table = weight[tiers.at(np.arange(n)[:, None], np.arange(m)[None, :])]
    heavy, same = weigh_gains(gains, tiers, weight).block(*whole)
    np.testing.assert_array_equal(same, allowed)
    np.testing.assert_array_equal(heavy, np.where(allowed, gain + table, 0))
    rows, columns = np.arange(3, n, 2), np.arange(1, m, 3)
    part, _ = weigh_gains(gains, tiers, weight).take(rows, columns).block(*whole)
    np.testing.assert_array_equal(part, heavy[np.ix_(rows, columns)])
    assert find_least_total(gains, 7) <= 7 * min(0, gain.min())


def test_nobody_at_all_has_no_tiers():
    problem = draw(0, "coverage")
    nowhere = replace(problem, capacity=np.zeros_like(problem.capacity))
    solution = solve(nowhere)
    assert not len(solution.pairs)
    assert not len(StreamedTiers.of(((Overlap.pack(np.ones((0, 2)), np.ones((3, 2))),),)).row_kind)
