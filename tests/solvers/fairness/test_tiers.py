from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("batch", range(4))
def test_no_plan_at_all_is_better_by_tiers(objective, batch, draw_problem, enumerate_plans, rate):
    n_solved = 0
    for seed in range(80 * batch, 80 * batch + 80):
        problem = draw_problem(seed, objective, tiers=True)
        ratings = [rate(problem, plan) for plan in enumerate_plans(problem)]
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            assert not ratings, seed
            continue
        assert rate(problem, list(map(tuple, solution.pairs.tolist()))) == max(ratings), seed
        certificate = certify_plan(problem, solution)
        assert certificate.gap == 0.0, seed
        assert certificate.proved, seed
        n_solved += 1
    assert n_solved > 65


def test_one_pair_of_the_first_tier_outweighs_any_gain(make_problem):
    rows = [[10**9, 0], [10**9, 10**9]]
    tiers = np.array([[1, 0], [1, 1]])
    solution = solve_assignment(make_problem(rows, "coverage", tiers=tiers))
    assert solution.pairs.tolist() == [[0, 1], [1, 0]]
    assert solution.price == 10**9


def test_coverage_comes_before_tiers_and_tiers_before_total(make_problem):
    # The pair of tier 0 would leave row 1 alone.
    rows = [[1, 1], [1, None]]
    tiers = np.array([[0, 1], [1, 1]])
    covered = solve_assignment(make_problem(rows, "coverage", tiers=tiers))
    assert covered.pairs.tolist() == [[0, 1], [1, 0]]
    first = solve_assignment(make_problem(rows, "total", tiers=tiers))
    assert first.pairs.tolist() == [[0, 0]]


def test_more_of_a_later_tier_never_make_up_for_one_of_an_earlier(make_problem):
    n = 12
    rows = [[5] * n for _ in range(n)]
    tiers = np.full((n, n), 2)
    np.fill_diagonal(tiers, 1)
    tiers[0, 1] = 0  # costs two pairs of tier 1
    solution = solve_assignment(make_problem(rows, "coverage", tiers=tiers))
    counts = np.bincount(tiers[solution.pairs[:, 0], solution.pairs[:, 1]], minlength=3)
    assert counts.tolist() == [1, n - 2, 1]


def test_forty_tiers_stay_exact():
    # Weights that outweigh each other 41 times would need more than 200 bits.
    rng = np.random.default_rng(5)
    n, m = 60, 20
    gain = rng.integers(0, 10**6, (n, m))
    problem = AssignmentProblem(
        gains=MatrixGains(gain, np.ones((n, m), np.bool_)),
        capacity=np.full(m, 3),
        at_least=np.zeros(m, np.int64),
        tiers=rng.integers(0, 41, (n, m)),
    )
    assert certify_plan(problem, solve_assignment(problem)).proved


def test_one_tier_for_everybody_changes_nothing(draw_problem):
    for seed in range(40):
        problem = draw_problem(seed, "coverage")
        try:
            plain = solve_assignment(problem)
        except LoadConflict:
            continue
        tiers = np.zeros(problem.gains.shape, np.int64)
        tiered = solve_assignment(replace(problem, tiers=tiers))
        assert np.array_equal(plain.pairs, tiered.pairs)
        assert tiered.price == 0


@pytest.mark.parametrize("objective", ["worst_off", "leximin"])
def test_tiers_beside_a_fair_objective_are_refused(objective, make_problem):
    problem = make_problem([[1]], objective, tiers=np.array([[0]]))
    with pytest.raises(ProgramError, match="both say what comes before the total"):
        solve_assignment(problem)


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        (np.zeros((1, 2), np.int64), "whole numbers of shape"),
        (np.zeros((2, 2)), "whole numbers of shape"),
        (np.array([[0, -1], [0, 0]]), "counted from 0"),
    ],
)
def test_tables_that_are_no_tiers_are_refused(tiers, says, make_problem):
    with pytest.raises(ProgramError, match=says):
        solve_assignment(make_problem([[1, 2], [3, 4]], "coverage", tiers=tiers))


def test_quotas_that_cross_are_refused_with_tiers(make_problem):
    quotas = (Quotas(np.array([0, 0, 1, 1]), 1), Quotas(np.array([0, 1, 0, 1]), 1))
    tiers = np.zeros((4, 1), np.int64)
    problem = make_problem(
        [[1]] * 4, "coverage", capacity=np.array([3]), quotas=quotas, tiers=tiers
    )
    with pytest.raises(CapabilityError, match="tiers can be honoured only"):
        solve_assignment(problem)
