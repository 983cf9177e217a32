"""Every route to a plan against trying all plans, and what must hold between problems."""

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import Status

BLOCKS = [range(start, start + 100) for start in range(0, 600, 100)]


def solve_all(problem, methods):
    """One solution per method, or None where the minimum loads cannot be met."""
    solutions = []
    for method in methods:
        try:
            solutions.append(solve_assignment(problem, method=method))
        except LoadConflict:
            solutions.append(None)
    return solutions


def assert_best(problem, solution, best, value_of):
    certificate = certify_assignment(problem, solution)
    assert value_of(problem, certificate, solution.pairs) == best
    assert certificate.proved
    assert certificate.gap == 0.0
    assert solution.status is Status.OPTIMAL
    if problem.objective == "coverage":
        assert certificate.matched_bound == certificate.matched


@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_flow_finds_proves_and_evens_out_the_best_plan(seeds, draw, find_best, value_of):
    for seed in seeds:
        problem = draw(seed)
        (solution,) = solve_all(problem, ["flow"])
        best = find_best(problem)
        assert (solution is None) == (best is None)
        if solution is not None:
            assert_best(problem, solution, best, value_of)


@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_dense_route_and_flow_give_the_same_best_plan(seeds, draw, find_best, value_of):
    for seed in seeds:
        problem = draw(seed, one_place=True)
        dense, flow = solve_all(problem, ["dense", "flow"])
        best = find_best(problem)
        assert_best(problem, dense, best, value_of)
        assert dense.pairs.tolist() == flow.pairs.tolist()
        assert dense.prices.column.tolist() == flow.prices.column.tolist()


def test_integer_route_agrees_on_what_flow_can_do(draw, find_best, value_of):
    for seed in range(60):
        problem = draw(seed)
        by_integers, by_flow = solve_all(problem, ["integer", "flow"])
        if by_flow is not None:
            assert_best(problem, by_integers, find_best(problem), value_of)
            assert by_integers.pairs.tolist() == by_flow.pairs.tolist()


def test_crossing_quotas_are_kept_exactly(draw, find_best, value_of):
    for seed in range(120):
        problem = draw(seed, quotas="crossing")
        (solution,) = solve_all(problem, ["auto"])
        best = find_best(problem)
        assert (solution is None) == (best is None)
        if solution is not None:
            certificate = certify_assignment(problem, solution)
            assert value_of(problem, certificate, solution.pairs) == best
            assert certificate.bound >= certificate.objective
            assert certificate.proved == (solution.status is Status.OPTIMAL)


def test_a_gap_that_prices_cannot_close_is_shown_and_not_called_optimal(pose):
    # Three rows, every two of them in one class of some quota: half of each is the best fraction.
    quotas = tuple(Quotas(np.array(label), 1) for label in ([0, 0, -1], [0, -1, 0], [-1, 0, 0]))
    problem = pose([[2], [2], [2]], places=3, quotas=quotas, objective="total")
    solution = solve_assignment(problem)
    certificate = certify_assignment(problem, solution)
    assert certificate.objective == 2
    assert certificate.bound == 3
    assert solution.status is Status.FEASIBLE


def test_gains_too_large_for_one_weighted_sum_are_still_exact(draw, find_best, value_of):
    for seed in range(60):
        problem = draw(seed)
        factor = 2**46 - 7
        large = replace(
            problem,
            gains=MatrixGains(problem.gains.gain * factor, problem.gains.allowed),
        )
        (solution,) = solve_all(large, ["flow"])
        if solution is not None:
            assert_best(large, solution, find_best(large), value_of)


def test_forbidding_a_pair_that_is_not_used_changes_nothing(draw):
    for seed in range(80):
        problem = draw(seed)
        rng = np.random.default_rng(seed)
        (before,) = solve_all(problem, ["auto"])
        if before is None:
            continue
        allowed = problem.gains.allowed.copy()
        used = np.zeros_like(allowed)
        used[tuple(before.pairs.T)] = True
        allowed &= used | (rng.random(allowed.shape) < 0.5)
        gain = np.where(allowed, problem.gains.gain, 0)
        after = solve_assignment(replace(problem, gains=MatrixGains(gain, allowed)))
        assert after.pairs.tolist() == before.pairs.tolist()


def test_one_more_place_never_lowers_the_optimum_and_is_worth_its_price(draw):
    for seed in range(120):
        problem = draw(seed, one_place=seed % 2 == 0)
        (before,) = solve_all(problem, ["auto"])
        if before is None or problem.quotas or problem.objective == "coverage":
            continue
        first = certify_assignment(problem, before).objective
        for column in range(problem.n_columns):
            more = problem.capacity.copy()
            more[column] += 1
            wider = replace(problem, capacity=more)
            second = certify_assignment(wider, solve_assignment(wider)).objective
            assert second >= first
            assert second - first == max(0, before.prices.column[column])


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("gain", [0, 5])
def test_when_all_scores_are_equal_loads_differ_by_at_most_one(pose, objective, gain):
    problem = pose([[gain] * 7] * 30, places=9, objective=objective)
    load = np.bincount(solve_assignment(problem).pairs[:, 1], minlength=7)
    assert sorted(load) == [4, 4, 4, 4, 4, 5, 5]


def test_pinned_rows_count_when_loads_are_evened_out(pose):
    problem = pose([[1, 1]] * 6, places=6, pins=[(0, 1), (3, 1), (5, 1)])
    load = np.bincount(solve_assignment(problem).pairs[:, 1])
    assert load.tolist() == [3, 3]


def test_pin_uses_up_one_place_of_its_column(pose):
    problem = pose([[9, 1], [8, 0]], pins=[(1, 0)])
    assert solve_assignment(problem).pairs.tolist() == [[0, 1], [1, 0]]


def test_pin_counts_towards_the_minimum_load_and_the_quota_of_its_column(pose):
    school = Quotas(np.array([0, 0, 1]), 1)
    problem = pose(
        [[1, 0], [9, 0], [5, 0]], places=[2, 3], at_least=[2, 0], pins=[(0, 0)], quotas=(school,)
    )
    assert solve_assignment(problem).pairs.tolist() == [[0, 0], [1, 1], [2, 0]]


def test_coverage_matches_a_row_at_a_loss_and_total_does_not(pose):
    gain = [[-4, None], [6, -9]]
    assert len(solve_assignment(pose(gain)).pairs) == 2
    assert solve_assignment(pose(gain, objective="total")).pairs.tolist() == [[1, 0]]


def test_total_meets_a_minimum_load_at_a_loss(pose):
    problem = pose([[6, -9], [5, -2]], places=2, at_least=[0, 1], objective="total")
    assert solve_assignment(problem).pairs.tolist() == [[0, 0], [1, 1]]


def test_total_matches_as_many_as_it_can_where_the_sum_is_the_same(pose):
    problem = pose([[0, 0], [0, 0]], objective="total")
    assert len(solve_assignment(problem).pairs) == 2


@pytest.mark.parametrize("method", ["dense", "flow", "integer"])
@pytest.mark.parametrize(
    ("n_rows", "n_columns", "places"), [(0, 3, 1), (3, 3, 0), (4, 1, 1), (1, 4, 1), (0, 0, 1)]
)
def test_edges_of_size_are_ordinary_problems(method, n_rows, n_columns, places):
    problem = AssignmentProblem(
        gains=MatrixGains(
            np.ones((n_rows, n_columns), np.int64), np.ones((n_rows, n_columns), np.bool_)
        ),
        capacity=np.full(n_columns, places),
        at_least=np.zeros(n_columns, np.int64),
    )
    solution = solve_assignment(problem, method=method)
    certificate = certify_assignment(problem, solution)
    assert certificate.proved
    assert certificate.matched == min(n_rows, n_columns) * places


def test_nobody_allowed_is_an_empty_plan_that_is_proved(pose):
    problem = pose([[None, None], [None, None]])
    for method in ("dense", "flow", "integer"):
        solution = solve_assignment(problem, method=method)
        assert len(solution.pairs) == 0
        assert certify_assignment(problem, solution).gap == 0.0


def test_product_scores_pair_large_with_large():
    quality = np.arange(1, 61)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(quality), rng.permutation(quality)
    gain = np.multiply.outer(rows, columns)
    problem = AssignmentProblem(
        gains=MatrixGains(gain, np.ones_like(gain, np.bool_)),
        capacity=np.ones(60, np.int64),
        at_least=np.zeros(60, np.int64),
    )
    pairs = solve_assignment(problem).pairs
    assert (rows[pairs[:, 0]] == columns[pairs[:, 1]]).all()


@pytest.mark.parametrize("kind", ["ties", "noise", "gaps", "wide", "tall"])
def test_dense_route_and_flow_agree_on_larger_problems(kind):
    rng = np.random.default_rng(11)
    shape = {"wide": (40, 70), "tall": (70, 40)}.get(kind, (60, 60))
    gain = rng.integers(0, 4 if kind in {"ties", "tall"} else 10**6, shape)
    allowed = rng.random(shape) < (0.06 if kind == "gaps" else 1)
    gain = np.where(allowed, gain, 0)
    for objective in ("coverage", "total"):
        problem = AssignmentProblem(
            gains=MatrixGains(gain, allowed),
            capacity=np.ones(shape[1], np.int64),
            at_least=np.zeros(shape[1], np.int64),
            objective=objective,
        )
        dense = solve_assignment(problem, method="dense")
        flow = solve_assignment(problem, method="flow")
        assert dense.solver != flow.solver
        assert dense.pairs.tolist() == flow.pairs.tolist()
        assert certify_assignment(problem, dense).proved
        assert dense.prices.bonus == flow.prices.bonus
        assert dense.prices.column.tolist() == flow.prices.column.tolist()


def test_everything_equal_gives_one_plan_whatever_the_route():
    gain = np.ones((120, 120), np.int64)
    problem = AssignmentProblem(
        gains=MatrixGains(gain, np.ones_like(gain, np.bool_)),
        capacity=np.ones(120, np.int64),
        at_least=np.zeros(120, np.int64),
    )
    dense = solve_assignment(problem, method="dense")
    assert dense.pairs.tolist() == solve_assignment(problem, method="flow").pairs.tolist()


class Streamed:
    """Gains that come block by block and count how often they were asked for."""

    def __init__(self, gains):
        self.gains = gains
        self.n_pairs = 0

    @property
    def shape(self):
        return self.gains.shape

    def block(self, rows, columns):
        gain, allowed = self.gains.block(rows, columns)
        self.n_pairs += gain.size
        return gain.copy(), allowed.copy()

    def pairs(self, rows, columns):
        return self.gains.pairs(rows, columns)


def test_gains_without_a_matrix_are_asked_for_once_to_solve_and_once_to_prove(pose):
    rng = np.random.default_rng(5)
    problem = pose(rng.integers(0, 50, (30, 20)), places=2)
    streamed = Streamed(problem.gains)
    lazy = replace(problem, gains=streamed)
    solution = solve_assignment(lazy)
    assert streamed.n_pairs == 600
    assert certify_assignment(lazy, solution).proved
    assert streamed.n_pairs == 1200
    assert solution.pairs.tolist() == solve_assignment(problem).pairs.tolist()


def test_the_problem_is_left_as_it_was(draw):
    problem = draw(4)
    arrays = [problem.gains.gain, problem.gains.allowed, problem.capacity, problem.at_least]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    solve_all(problem, ["flow", "integer"])
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_unknown_method_is_refused_with_the_known_ones(pose):
    with pytest.raises(ProgramError, match="methods are auto, dense, flow, pricing, integer"):
        solve_assignment(pose([[1]]), method="dens")


def test_dense_route_refuses_several_places_and_names_the_other_routes(pose):
    with pytest.raises(ProgramError, match='use "flow", "pricing", "integer" or "auto"'):
        solve_assignment(pose([[1]], places=2), method="dense")


def test_flow_refuses_quotas_that_cross_and_names_the_other_routes(pose):
    quotas = (Quotas(np.array([0, 0, 1]), 1), Quotas(np.array([0, 1, 1]), 1))
    with pytest.raises(ProgramError, match='use "integer" or "auto"'):
        solve_assignment(pose([[1], [1], [1]], places=3, quotas=quotas), method="flow")
