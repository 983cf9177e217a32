"""Leximin in pools that are held, from a size on settled over a few pairs of each person."""

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.assignment.fairness import choice, leximin_rounds
from pairmatch.solvers.assignment.fairness.bottleneck import solve_worst_off_streamed
from pairmatch.solvers.assignment.fairness.leximin_rounds import solve_leximin_streamed
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains
from pairmatch.solvers.tables import stream_table


@pytest.fixture
def few_pairs(monkeypatch):
    """Every pool that is held counts as large, and a search begins with few pairs."""
    monkeypatch.setattr(choice, "_STREAMED_FROM", 0)
    monkeypatch.setattr(leximin_rounds, "_KEEP", 1)
    monkeypatch.setattr(leximin_rounds, "_MORE", 1)


@pytest.mark.parametrize(
    "seeds", [range(60), pytest.param(range(60, 400), marks=pytest.mark.slow)], ids=str
)
def test_levels_over_few_pairs_give_the_plan_of_all_pairs_and_of_brute_force(
    seeds, draw_problem, enumerate_plans, rate, few_pairs, monkeypatch
):
    over_few = 0
    for seed in seeds:
        problem = draw_problem(seed, "leximin")
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            continue
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_STREAMED_FROM", 10**6)
            expected = solve_assignment(problem)
        assert solution.pairs.tolist() == expected.pairs.tolist()
        assert solution.price == expected.price
        best = max(rate(problem, plan) for plan in enumerate_plans(problem))
        assert rate(problem, list(map(tuple, solution.pairs.tolist()))) == best
        certificate = certify_plan(problem, solution)
        assert certificate.proved
        assert certificate == certify_plan(problem, expected)
        over_few += solution.solver == "pricing, level by level"
    assert over_few > len(seeds) / 3


def test_vectors_that_prove_too_little_of_a_held_pool_are_refused(make_problem, few_pairs):
    problem = make_problem([[9, 4, 1], [5, 1, 0], [2, 3, 6]], "leximin")
    best = solve_assignment(problem)
    assert best.solver == "pricing, level by level"
    assert certify_plan(problem, best).proved
    worse = replace(best, pairs=np.array([[0, 0], [1, 1], [2, 2]]))
    assert not certify_plan(problem, worse).proved
    assert certify_plan(problem, replace(best, steps=best.steps[:2])).levels == 1
    first = best.steps[1]
    for step in (replace(first, row=first.row + 1), replace(first, column=first.column - 1)):
        spoiled = replace(best, steps=(best.steps[0], step, *best.steps[2:]))
        assert not certify_plan(problem, spoiled).proved


class Clock(Watch):
    """One that is over after some looks."""

    __slots__ = ("ticks",)

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.ticks = ticks

    def check(self, seconds: float = 0.0) -> None:
        self.ticks -= 1
        if self.ticks < 0:
            raise OutOfTime


def count_levels(problem, plan):
    """How often each gain is in a plan, pinned pairs apart, lowest gain first."""
    free = plan.pairs[~np.isin(plan.pairs[:, 0], problem.pins[:, 0])]
    return list(zip(*np.unique(problem.gains.pairs(*free.T)[0], return_counts=True), strict=True))


def test_levels_of_a_held_pool_cut_short_are_proved_as_far_as_they_are_settled(
    draw_streamed, ask_loads, few_pairs
):
    partly = begun = 0
    for seed in range(16):
        held, _ = draw_streamed(seed, "leximin", most=24, places=4)
        problem = ask_loads(held, seed)
        best = solve_assignment(problem)
        plain = replace(problem, objective="coverage")
        gains = stream_table(problem.gains)
        total = solve_assignment(plain)
        lowest = solve_worst_off_streamed(
            plain, gains, total, solve_assignment, Watch(), any_total=True
        )
        for ticks in range(0, 90, 9):
            watch = Clock(ticks)
            try:
                solve_leximin_streamed(plain, gains, lowest, watch)
                break
            except OutOfTime:
                plan = watch.recall()
            if plan is None:
                continue
            certificate = certify_plan(problem, plan)
            if certificate.proved:  # only ties were not settled
                break
            n = certificate.levels or 0
            assert count_levels(problem, plan)[:n] == count_levels(problem, best)[:n]
            partly += n > 0
            begun += certificate.levels == 0
    assert partly > 5
    assert begun > 1


def test_time_limit_of_a_held_pool_gives_a_valid_plan(draw_streamed, few_pairs):
    held, streamed = draw_streamed(3, "leximin", most=30, places=4)
    for problem in (held, replace(held, gains=DeferredGains(streamed.gains))):
        stopped = solve_assignment(problem, time_limit=1e-9)
        assert stopped.status in (Status.TIME_LIMIT, Status.OPTIMAL)
        certify_plan(problem, stopped)


def test_a_table_is_streamed_as_it_is_and_a_pool_that_is_to_be_held_by_its_features():
    rng = np.random.default_rng(5)
    gain, allowed = rng.integers(-(2**40), 2**40, (6, 5)), rng.random((6, 5)) < 0.7
    table = MatrixGains(np.where(allowed, gain, 0), allowed)
    streamed = stream_table(table)
    assert streamed.largest == table.largest
    some = np.array([4, 1, 2]), np.array([0, 3])
    for ours, theirs in ((streamed, table), (streamed.take(*some), table.take(*some))):
        n, m = theirs.shape
        for block in ((slice(0, n), slice(0, m)), (slice(1, 3), slice(1, 2))):
            for a, b in zip(ours.block(*block), theirs.block(*block), strict=True):
                assert a.tolist() == b.tolist()
        i, j = rng.integers(0, n, 9), rng.integers(0, m, 9)
        for a, b in zip(ours.pairs(i, j), theirs.pairs(i, j), strict=True):
            assert a.tolist() == b.tolist()
    streamed.block(slice(0, 6), slice(0, 5))[0][:] = 7
    assert table.gain[allowed].tolist() == gain[allowed].tolist()
    features = StreamedGains(np.float32([[1], [2]]), np.float32([[3]]), largest=6)
    assert stream_table(DeferredGains(features)) is features


def test_gains_too_large_to_be_streamed_are_settled_over_all_pairs(few_pairs):
    gain = np.array([[2**54, 3], [5, 1]])
    problem = AssignmentProblem(
        MatrixGains(gain, np.ones((2, 2), bool)), np.ones(2, int), np.zeros(2, int),
        objective="leximin",
    )  # fmt: skip
    solution = solve_assignment(problem)
    assert solution.solver == "residual paths, level by level"
    assert solution.pairs.tolist() == [[0, 1], [1, 0]]
    assert certify_plan(problem, solution).proved
