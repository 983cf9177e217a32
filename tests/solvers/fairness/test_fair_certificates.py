from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.solution import Prices

KINDS = [("worst_off", False), ("leximin", False), ("coverage", True), ("total", True)]


def solve_or_none(problem):
    try:
        return solve_assignment(problem)
    except LoadConflict:
        return None


def spoil(solution, rng):
    """The same answer with small random prices in some places."""

    def shake(prices):
        noise = rng.integers(-2, 3, prices.column.shape) * (rng.random(prices.column.shape) < 0.3)
        return replace(prices, column=prices.column + noise)

    prices = solution.prices
    return replace(
        solution,
        prices=None if prices is None else shake(replace(prices, coverage=None)),
        steps=tuple(shake(step) for step in solution.steps),
    )


@pytest.fixture(scope="module")
def fair_answer(make_problem):
    problem = make_problem([[9, 4, 0], [5, 2, 0], [0, 0, 1]], "leximin")
    return problem, solve_assignment(problem)


@pytest.mark.parametrize(("objective", "tiers"), KINDS)
def test_no_worse_plan_passes_with_the_prices_of_the_best(
    objective, tiers, draw_problem, enumerate_plans, rate
):
    n_refused = 0
    for seed in range(40):
        problem = draw_problem(seed, objective, tiers=tiers)
        solution = solve_or_none(problem)
        if solution is None:
            continue
        plans = list(enumerate_plans(problem))
        best = max(rate(problem, plan) for plan in plans)
        for plan in plans[:: 1 + len(plans) // 12]:
            pairs = np.array(plan, np.int64).reshape(-1, 2)
            proved = certify_plan(problem, replace(solution, pairs=pairs)).proved
            assert proved == (rate(problem, plan) == best), (seed, plan)
            n_refused += not proved
    assert n_refused > 100


@pytest.mark.parametrize(("objective", "tiers"), KINDS)
def test_no_prices_whatever_prove_a_worse_plan(
    objective, tiers, draw_problem, enumerate_plans, rate
):
    for seed in range(25):
        problem = draw_problem(seed, objective, tiers=tiers)
        solution = solve_or_none(problem)
        if solution is None:
            continue
        rng = np.random.default_rng(seed)
        plans = list(enumerate_plans(problem))
        ratings = [rate(problem, plan) for plan in plans]
        for k in rng.integers(0, len(plans), 6).tolist():
            pairs = np.array(plans[k], np.int64).reshape(-1, 2)
            certificate = certify_plan(problem, replace(spoil(solution, rng), pairs=pairs))
            assert not certificate.proved or ratings[k] == max(ratings), (seed, k)
            if certificate.bound is not None:
                equals = [r for r in ratings if r[:-1] == ratings[k][:-1]]
                if objective != "leximin":
                    assert certificate.bound >= max(equals)[-1], (seed, k)


@pytest.mark.parametrize(("objective", "tiers"), KINDS)
def test_a_missing_step_leaves_the_plan_unproved(objective, tiers, draw_problem):
    n_seen = 0
    for seed in range(40):
        problem = draw_problem(seed, objective, tiers=tiers)
        solution = solve_or_none(problem)
        if solution is None or not solution.steps:
            continue
        certificate = certify_plan(problem, replace(solution, steps=solution.steps[:-1]))
        assert certificate.bound is None
        assert certificate.gap is None
        assert not certificate.proved
        n_seen += 1
    assert n_seen > 20


def test_a_step_too_many_leaves_the_plan_unproved(fair_answer):
    problem, solution = fair_answer
    more = replace(solution, steps=(*solution.steps, solution.steps[-1]))
    assert certify_plan(problem, more).bound is None


def test_the_plan_of_the_largest_total_is_not_proved_fair(make_problem):
    problem = make_problem([[9, 4], [5, 1]], "worst_off")
    fair = solve_assignment(problem)
    plain = solve_assignment(replace(problem, objective="coverage"))
    assert (fair.pairs.tolist(), fair.price) == ([[0, 1], [1, 0]], 1)
    certificate = certify_plan(problem, replace(fair, pairs=plain.pairs))
    assert certificate.objective == 10
    assert certificate.gap is None


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([[0, 0], [1, 0], [2, 2]], "has 2 rows"),
        ([[0, 0], [0, 1], [2, 2]], "is in 2 pairs"),
        ([[0, 5]], "there are 3 rows and 3 columns"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused(pairs, says, fair_answer):
    problem, solution = fair_answer
    with pytest.raises(CertificateError, match=says):
        certify_plan(problem, replace(solution, pairs=np.array(pairs)))


def test_a_dropped_pair_is_not_proved(fair_answer):
    problem, solution = fair_answer
    certificate = certify_plan(problem, replace(solution, pairs=solution.pairs[:-1]))
    assert certificate.matched == 2
    assert certificate.matched_bound == 3
    assert not certificate.proved


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Prices(column=np.zeros(2, np.int64)), "expected integers of shapes"),
        (Prices(column=np.zeros(3)), "expected integers of shapes"),
        (Prices(column=np.zeros(3, np.int64), bonus=1), "number of pairs is not settled"),
        (Prices(column=np.full(3, 2**61 + 1)), "too large"),
    ],
)
def test_prices_that_prove_nothing_are_refused_by_name(step, says, fair_answer):
    problem, solution = fair_answer
    with pytest.raises(CertificateError, match=says) as caught:
        certify_plan(problem, replace(solution, steps=(step, *solution.steps[1:])))
    assert "prices of step 0" in str(caught.value)


def test_plain_objectives_get_the_certificate_they_always_had(draw_problem):
    problems = [draw_problem(seed, "coverage") for seed in range(20)]
    answered = [(p, s) for p in problems if (s := solve_or_none(p)) is not None]
    assert answered
    for problem, solution in answered:
        certificate = certify_plan(problem, solution)
        assert certificate == certify_assignment(problem, solution)
        assert certificate.proved
