from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas

if TYPE_CHECKING:
    from pathlib import Path

FAIR = ["worst_off", "leximin"]


def gains_of(problem, solution):
    gain, _ = problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])
    return np.sort(gain)


def draw_large(seed, n_rows, n_columns, places, *, levels):
    rng = np.random.default_rng(seed)
    gain = rng.integers(0, levels, (n_rows, n_columns))
    return AssignmentProblem(
        gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
        capacity=np.full(n_columns, places),
        at_least=np.full(n_columns, places // 2),
    )


@pytest.mark.parametrize("objective", FAIR)
@pytest.mark.parametrize("batch", range(4))
def test_no_plan_at_all_is_better_and_the_proof_is_complete(
    objective, batch, draw_problem, enumerate_plans, rate
):
    n_solved = 0
    for seed in range(80 * batch, 80 * batch + 80):
        problem = draw_problem(seed, objective)
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


@pytest.mark.parametrize("objective", FAIR)
def test_price_is_what_the_largest_total_would_have_more(
    objective, draw_problem, enumerate_plans, rate
):
    prices = []
    for seed in range(70):
        problem = draw_problem(seed, objective)
        plain = replace(problem, objective="coverage")
        ratings = [rate(plain, plan) for plan in enumerate_plans(plain)]
        if not ratings:
            continue
        solution = solve_assignment(problem)
        assert solution.price == max(ratings)[1] - gains_of(problem, solution).sum()
        prices.append(solution.price)
    assert min(prices) == 0
    assert max(prices) > 0


@pytest.mark.parametrize("objective", FAIR)
def test_nobody_is_left_out_to_make_the_lowest_gain_look_better(objective, make_problem):
    problem = make_problem([[9, 1], [9, None]], objective)
    assert solve_assignment(problem).pairs.tolist() == [[0, 1], [1, 0]]


def test_worst_off_takes_the_largest_total_among_equally_low_plans(make_problem):
    # Row 2 can have 1 only. Leximin makes the other two equal, the total prefers 9 + 2.
    problem = make_problem([[9, 4, None], [5, 2, None], [None, None, 1]], "worst_off")
    assert gains_of(problem, solve_assignment(problem)).tolist() == [1, 2, 9]
    problem = replace(problem, objective="leximin")
    assert gains_of(problem, solve_assignment(problem)).tolist() == [1, 4, 5]


def test_a_low_pin_does_not_hold_the_others_down_under_leximin(make_problem):
    rows = [[0, None, None], [None, 9, 4], [None, 5, 2]]
    pins = np.array([[0, 0]])
    leximin = solve_assignment(make_problem(rows, "leximin", pins=pins))
    assert leximin.pairs.tolist() == [[0, 0], [1, 2], [2, 1]]
    # Under worst_off the pin has the lowest gain anyway, so the total decides the rest.
    worst_off = solve_assignment(make_problem(rows, "worst_off", pins=pins))
    assert worst_off.pairs.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_negative_gains_are_raised_too(make_problem):
    problem = make_problem([[-9, -4], [-5, -2]], "worst_off")
    assert gains_of(problem, solve_assignment(problem)).tolist() == [-5, -4]


@pytest.mark.parametrize("objective", FAIR)
def test_a_minimum_load_comes_before_the_lowest_gain(objective, make_problem):
    problem = make_problem([[9, -5], [9, -3]], objective, capacity=np.array([2, 2]))
    assert solve_assignment(problem).pairs.tolist() == [[0, 0], [1, 0]]
    asked = replace(problem, at_least=np.array([0, 1]))
    assert solve_assignment(asked).pairs.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("objective", FAIR)
def test_loads_are_as_even_as_the_objective_allows(objective, make_problem):
    problem = make_problem([[5, 5], [5, 5], [5, 5], [5, 5]], objective, capacity=np.array([4, 4]))
    load = np.bincount(solve_assignment(problem).pairs[:, 1])
    assert load.tolist() == [2, 2]


@pytest.mark.parametrize("objective", FAIR)
def test_order_of_rows_and_columns_does_not_change_the_gains(objective):
    for seed in range(6):
        problem = replace(draw_large(seed, 30, 12, 3, levels=40), objective=objective)
        rng = np.random.default_rng(seed)
        row, column = rng.permutation(30), rng.permutation(12)
        gain = problem.gains.gain[np.ix_(row, column)]
        turned = replace(problem, gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)))
        here, there = solve_assignment(problem), solve_assignment(turned)
        if objective == "leximin":
            assert np.array_equal(gains_of(problem, here), gains_of(turned, there))
        else:
            assert gains_of(problem, here)[0] == gains_of(turned, there)[0]
            assert gains_of(problem, here).sum() == gains_of(turned, there).sum()


@pytest.mark.parametrize("objective", FAIR)
@pytest.mark.parametrize("levels", [4, 60, 10**6])
@pytest.mark.parametrize(("n_columns", "places"), [(60, 1), (15, 4)])
def test_larger_pools_are_proved_as_well(objective, levels, n_columns, places):
    problem = replace(draw_large(7, 60, n_columns, places, levels=levels), objective=objective)
    assert certify_plan(problem, solve_assignment(problem)).proved


@pytest.mark.parametrize("objective", FAIR)
def test_dense_and_flow_methods_return_the_same_plan(objective):
    for seed in range(5):
        problem = replace(draw_large(seed, 25, 25, 1, levels=30), objective=objective)
        dense = solve_assignment(problem, method="dense")
        flow = solve_assignment(problem, method="flow")
        assert np.array_equal(dense.pairs, flow.pairs)


@pytest.mark.parametrize("objective", FAIR)
def test_a_pool_in_which_nobody_may_be_matched_is_proved_empty(objective, make_problem):
    problem = make_problem([[None, None]], objective)
    solution = solve_assignment(problem)
    assert len(solution.pairs) == 0
    assert certify_plan(problem, solution).proved


@pytest.mark.parametrize("objective", FAIR)
def test_minimum_loads_that_cannot_be_met_are_named(objective, make_problem):
    problem = make_problem([[1, 1]], objective, at_least=np.array([1, 1]))
    with pytest.raises(LoadConflict):
        solve_assignment(problem)


@pytest.mark.parametrize("objective", FAIR)
def test_quotas_that_cross_are_refused_with_what_would_do(objective, make_problem):
    quotas = (Quotas(np.array([0, 0, 1, 1]), 1), Quotas(np.array([0, 1, 0, 1]), 1))
    problem = make_problem([[1, 2]] * 4, objective, capacity=np.array([3, 3]), quotas=quotas)
    with pytest.raises(CapabilityError, match="'coverage' or 'total'"):
        solve_assignment(problem)


@pytest.mark.parametrize("objective", FAIR)
def test_integer_programming_is_refused_for_fair_objectives(objective, make_problem):
    with pytest.raises(ProgramError, match='use "flow" or "auto"'):
        solve_assignment(make_problem([[1]], objective), method="integer")


@pytest.mark.parametrize("objective", FAIR)
def test_a_published_problem_is_no_worse_for_the_worst_off(objective, shared_data: Path):
    path = shared_data / "orlib" / "assign100.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    numbers = np.array(path.read_text().split(), np.int64)
    n = int(numbers[0])
    gain = -numbers[1 : 1 + n * n].reshape(n, n)
    one = np.ones(n, np.int64)
    problem = AssignmentProblem(MatrixGains(gain, np.ones((n, n), np.bool_)), one, 0 * one)
    best = solve_assignment(problem)
    fair = solve_assignment(replace(problem, objective=objective))
    assert gains_of(problem, fair)[0] > gains_of(problem, best)[0]
    assert fair.price == gains_of(problem, best).sum() - gains_of(problem, fair).sum() > 0
    assert certify_plan(replace(problem, objective=objective), fair).proved
