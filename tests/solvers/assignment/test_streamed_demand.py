"""Rows that should have several columns, where the matrix never exists."""

from contextlib import nullcontext
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment import LoadConflict, choice, solve_assignment
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.pricing import demand_rounds
from pairmatch.solvers.assignment.pricing.demand_rounds import solve_demand_streamed
from pairmatch.solvers.barred import Barred
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains


def draw_pool(seed, most=12, *, at_least=0):
    """A pool with demands, loads, quotas, pins and barred pairs, with its matrix and without."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, most, 2))
    high = int(rng.choice([1, 3, 30]))
    left = rng.integers(-high // 2, high + 1, (n, 3)).astype(np.float32)
    right = rng.integers(0, high + 1, (m, 3)).astype(np.float32)
    barred = np.argwhere(rng.random((n, m)) < rng.choice([0, 0.3, 0.7]))
    gains = StreamedGains(
        left, right, 3 * high * high, barred=Barred(barred, (n, m)) if len(barred) else None
    )
    quotas = ()
    if rng.random() < 0.4:
        fine = rng.integers(-1, 3, n)
        quotas = (Quotas(fine, int(rng.integers(1, 3))),)
        if rng.random() < 0.5:
            quotas += (Quotas(np.where(fine >= 0, 0, -1), int(rng.integers(1, 4))),)
    demand = rng.integers(1, 4, n)
    demand[0] = max(2, demand[0])
    held = AssignmentProblem(
        MatrixGains(*gains.block(slice(0, n), slice(0, m))), rng.integers(0, 5, m),
        np.zeros(m, np.int64), quotas=quotas, demand=demand,
        objective=("coverage", "total")[int(rng.integers(2))],
    )  # fmt: skip
    if rng.random() < 0.4:
        plan = solve_assignment(held).pairs
        held = replace(held, pins=plan[rng.random(len(plan)) < 0.2])
    if at_least:
        least = rng.integers(0, at_least + 1, m) * (rng.random(m) < 0.6)
        held = replace(held, at_least=np.minimum(least, held.capacity))
    return held, replace(held, gains=gains)


@pytest.mark.parametrize("seeds", [range(k, k + 40) for k in range(0, 120, 40)], ids=str)
def test_streamed_rounds_give_the_plan_of_the_held_flow(seeds, monkeypatch):
    monkeypatch.setattr(demand_rounds, "_MORE", 1)
    several = 0
    for seed in seeds:
        held, streamed = draw_pool(seed)
        expected = solve_assignment(held)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", -1)
            solution = solve_assignment(streamed)
        assert solution.solver == "pricing, min-cost flow"
        assert solution.pairs.tolist() == expected.pairs.tolist()
        certificate = certify_plan(streamed, solution)
        assert certificate.proved
        assert certificate == certify_plan(held, expected)
        several += certificate.seats > certificate.matched
    assert several > 10


def test_spoiled_plans_of_streamed_demands_are_not_proved(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    refused = 0
    for seed in range(20):
        _, problem = draw_pool(seed)
        solution = solve_assignment(problem)
        free = np.flatnonzero(~np.isin(solution.pairs[:, 0], problem.pins[:, 0]))
        if not len(free) or problem.objective == "total":
            continue
        fewer = replace(solution, pairs=np.delete(solution.pairs, free[0], axis=0))
        assert not certify_plan(problem, fewer).proved
        cheap = replace(solution.prices, column=solution.prices.column + 1)
        assert certify_plan(problem, replace(solution, prices=cheap)).bound >= (
            certify_plan(problem, solution).objective
        )
        refused += 1
    assert refused > 5


def test_bounds_that_the_deadline_leaves_no_time_for_are_missing(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    _, problem = draw_pool(1)
    problem = replace(problem, objective="coverage")
    late = certify_plan(problem, solve_assignment(problem), deadline=monotonic() - 1)
    assert late.bound is None
    assert not late.proved


def test_rounds_cut_short_leave_a_plan_with_a_true_bound(monkeypatch):
    monkeypatch.setattr(demand_rounds, "_MORE", 1)

    class Clock(Watch):
        """One that is over after some looks."""

        ticks = 14

        def check(self, seconds: float = 0.0) -> None:
            self.ticks -= 1
            if self.ticks < 0:
                raise OutOfTime

    stopped = 0
    for seed in range(60):
        held, problem = draw_pool(seed, most=30)
        best = certify_plan(held, solve_assignment(held))
        try:
            solution = solve_demand_streamed(problem, Clock())
        except OutOfTime:
            continue
        if solution.status is not Status.TIME_LIMIT:
            continue
        certificate = certify_plan(problem, solution)
        stopped += 1
        if problem.objective == "total":
            assert certificate.bound >= best.objective >= certificate.objective
        else:
            assert certificate.matched_bound >= best.matched >= certificate.matched
    assert stopped > 3


@pytest.mark.parametrize("seeds", [range(k, k + 50) for k in range(0, 150, 50)], ids=str)
def test_minimum_loads_of_streamed_demands_are_met_as_by_the_held_flow(seeds, monkeypatch):
    monkeypatch.setattr(demand_rounds, "_MORE", 1)
    n_met, n_conflicts = 0, 0
    for seed in seeds:
        held, streamed = draw_pool(seed, at_least=2)
        answers = []
        for problem, most in ((held, choice._LARGE), (streamed, -1)):
            with monkeypatch.context() as patch:
                patch.setattr(choice, "_LARGE", most)
                try:
                    answers.append(solve_assignment(problem))
                except LoadConflict as conflict:
                    answers.append(conflict)
        expected, found = answers
        if isinstance(expected, LoadConflict):
            assert found.reachable.sum() == expected.reachable.sum()
            assert_all_needed(held, found)
            n_conflicts += 1
            continue
        assert found.pairs.tolist() == expected.pairs.tolist()
        certificate = certify_plan(streamed, found)
        assert certificate.proved
        assert certificate == certify_plan(held, expected)
        n_met += bool(held.at_least.any())
    assert n_met > 5
    assert n_conflicts > 5


def assert_all_needed(held, conflict):
    """The loads of these columns cannot be met; those of all but any one can."""

    def keep(columns):
        asked = np.zeros_like(held.at_least)
        asked[columns] = held.at_least[columns]
        return replace(held, at_least=asked)

    with pytest.raises(LoadConflict):
        solve_assignment(keep(conflict.columns))
    for k in range(len(conflict.columns)):
        solve_assignment(keep(np.delete(conflict.columns, k)))
    able = held.gains.allowed[:, conflict.columns].any(axis=1)
    pinned = np.isin(held.pins[:, 1], conflict.columns)
    full = np.bincount(held.pins[~pinned, 0], minlength=held.n_rows) >= held.demand
    able[full] = False
    able[held.pins[pinned, 0]] = True
    assert conflict.rows.tolist() == np.flatnonzero(able).tolist()


def test_minimum_loads_that_only_rows_with_several_columns_meet(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    gains = StreamedGains(np.ones((3, 1), np.float32), np.ones((5, 1), np.float32), largest=1)
    problem = AssignmentProblem(gains, np.full(5, 2), np.ones(5, int), demand=np.full(3, 2))
    solution = solve_assignment(problem)
    assert certify_plan(problem, solution).proved
    assert len(solution.pairs) == 6
    fewer = replace(solution, pairs=solution.pairs[:-1])
    with pytest.raises(CertificateError) if _is_short(problem, fewer) else nullcontext():
        assert not certify_plan(problem, fewer).proved
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(replace(problem, at_least=np.full(5, 2)))
    assert caught.value.reachable.sum() == 6
    assert len(caught.value.columns) == 4


def _is_short(problem, solution):
    load = np.bincount(solution.pairs[:, 1], minlength=problem.n_columns)
    return bool((load < problem.at_least).any())


def test_a_limit_that_is_over_at_once_leaves_a_valid_plan(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    n_bounded = 0
    for seed in range(40):
        held, problem = draw_pool(seed, most=30, at_least=2)
        try:
            best = certify_plan(held, solve_assignment(held))
        except LoadConflict:
            continue
        try:
            solution = solve_assignment(problem, time_limit=1e-9)
        except CapabilityError as error:
            assert "no plan that meets the minimum loads" in str(error)  # noqa: PT017
            continue
        certificate = certify_plan(problem, solution)
        same = (certificate.matched, certificate.seats) == (best.matched, best.seats)
        assert certificate.bound >= best.objective or not (same or problem.objective == "total")
        n_bounded += solution.status is Status.TIME_LIMIT
    assert n_bounded > 10
