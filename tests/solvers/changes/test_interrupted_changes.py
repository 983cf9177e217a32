"""The clock or Ctrl-C while a plan is re-matched: the best so far, with a bound that holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.certify.changes import ChangeLimit
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes import attempt as attempts
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.holding import hold_earlier
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.problem import AssignmentProblem, Budget, MatrixGains
from pairmatch.solvers.solution import Status


def make_problem(objective, seed, *, n=9, m=7, **parts):
    rng = np.random.default_rng(seed)
    gain = rng.integers(1, 100, (n, m))
    allowed = rng.random((n, m)) < 0.8
    capacity = rng.integers(1, 3, m)
    return AssignmentProblem(
        MatrixGains(np.where(allowed, gain, 0), allowed), capacity, np.zeros(m, np.int64),
        objective=objective, **parts,
    )  # fmt: skip


def take_some(problem, seed):
    """Return earlier pairs that could all stay."""
    rng = np.random.default_rng(seed)
    _, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    room = problem.capacity.copy()
    column_of = np.full(problem.n_rows, -1)
    for i in rng.permutation(problem.n_rows):
        options = np.flatnonzero(allowed[i] & (room > 0))
        if len(options):
            column_of[i] = rng.choice(options)
            room[column_of[i]] -= 1
    return column_of


def stop_at(monkeypatch, k, how):
    """Let the k-th problem, or the k-th descent, be cut short."""
    calls = [0]

    def is_last():
        calls[0] += 1
        return calls[0] > k

    def solve(problem, **_):
        found = original(problem)
        return replace(found, status=how) if is_last() else found

    def hurry(self, work):
        if is_last():
            raise OutOfTime if how is Status.TIME_LIMIT else KeyboardInterrupt
        return work()

    original = attempts.solve_assignment
    monkeypatch.setattr(attempts, "solve_assignment", solve)
    monkeypatch.setattr(Watch, "hurry", hurry)
    return calls


@pytest.mark.parametrize("how", [Status.TIME_LIMIT, Status.INTERRUPTED])
@pytest.mark.parametrize("objective", ["total", "coverage", "worst_off", "leximin", "tiers"])
def test_the_best_so_far_keeps_enough_and_its_bound_holds_whenever_it_ends(
    monkeypatch, objective, how
):
    n_stopped = 0
    for seed in range(2):
        problem = make_problem("coverage" if objective == "tiers" else objective, seed)
        if objective == "tiers":
            tiers = np.random.default_rng(seed).integers(0, 3, problem.gains.shape)
            problem = replace(problem, tiers=tiers)
        column_of = take_some(problem, seed)
        limit = ChangeLimit(column_of, max(0, np.count_nonzero(column_of >= 0) - 2))
        whole = solve_with_few_changes(problem, column_of, limit.n_kept)
        best = certify_changes(problem, limit, whole.pairs, whole.dual, None)
        for k in range(60):
            with monkeypatch.context() as patch:
                stop_at(patch, k, how)
                attempt = Attempt()
                try:
                    solve_with_few_changes(problem, column_of, limit.n_kept, attempt)
                    break
                except (OutOfTime, KeyboardInterrupt) as error:
                    assert isinstance(error, OutOfTime) == (how is Status.TIME_LIMIT)  # noqa: PT017
                found = attempt.recall()
            n_stopped += 1
            if found is None:
                found = hold_earlier(problem, column_of, limit.n_kept)
            seen = certify_changes(problem, limit, found.pairs, found.dual, None)
            assert limit.count_kept(found.pairs) >= limit.n_kept
            assert seen.matched_bound is None or seen.matched_bound >= best.matched
            same_before = seen.matched == best.matched
            if objective in ("total", "coverage") and same_before:
                assert seen.objective <= best.objective
                assert seen.bound is None or seen.bound >= best.objective
    assert n_stopped > 3


def test_an_interrupted_solve_without_a_limit_is_an_answer_with_its_prices(monkeypatch):
    problem = make_problem("coverage", 3)
    nobody = np.full(problem.n_rows, -1)
    stop_at(monkeypatch, 0, Status.TIME_LIMIT)
    attempt = Attempt()
    with pytest.raises(OutOfTime):
        solve_with_few_changes(problem, nobody, 0, attempt)
    found = attempt.recall()
    assert len(found.pairs)
    assert found.dual is not None


def test_each_problem_that_is_solved_is_told_to_whoever_watches():
    told = []
    problem = make_problem("coverage", 1)
    column_of = take_some(problem, 1)
    n_before = np.count_nonzero(column_of >= 0)
    attempt = Attempt(progress=lambda *step: told.append(step))
    solve_with_few_changes(problem, column_of, n_before - 1, attempt)
    attempt.aside().solve(problem)
    assert len(told) >= 3
    assert [number for number, _, _ in told] == list(range(1, len(told) + 1))


def test_no_problem_is_begun_after_the_time_is_over():
    problem = make_problem("total", 2)
    told = []
    attempt = Attempt(seconds=1e-9, progress=lambda *step: told.append(step))
    with pytest.raises(OutOfTime):
        attempt.solve(problem)
    assert not told


@pytest.mark.parametrize("seed", range(8))
def test_the_plan_that_is_held_keeps_as_many_earlier_pairs_as_can_stay_together(seed):
    problem = make_problem("coverage", seed)
    column_of = take_some(problem, seed)
    fewer = np.maximum(problem.capacity - (np.arange(problem.n_columns) % 3 == 0), 0)
    tight = replace(problem, capacity=fewer)
    taken = np.bincount(column_of[column_of >= 0], minlength=problem.n_columns)
    most = int(np.minimum(taken, fewer).sum())
    found = hold_earlier(tight, column_of, most)
    assert ChangeLimit(column_of, most).count_kept(found.pairs) == most
    used = np.bincount(found.pairs[:, 1], minlength=problem.n_columns)
    assert (used <= fewer).all()
    assert len(found.pairs) >= most
    assert hold_earlier(tight, column_of, most + 1) is None


def test_the_plan_that_is_held_keeps_minutes_and_drops_minimum_loads_only_to_begin_with():
    problem = make_problem("coverage", 5)
    cost = np.full(problem.gains.shape, 30)
    some = replace(problem, budgets=(Budget(cost, np.full(problem.n_columns, 30)),))
    column_of = take_some(problem, 5)
    found = hold_earlier(some, column_of, 0)
    assert np.bincount(found.pairs[:, 1]).max() == 1
    least = np.zeros(problem.n_columns, np.int64)
    least[0] = 1
    asked = hold_earlier(replace(problem, at_least=least), column_of, 0)
    assert 0 in asked.pairs[:, 1]
