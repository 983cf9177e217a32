"""A solve that the clock or Ctrl-C ends returns a valid plan and a true bound."""

import subprocess
import sys
from dataclasses import replace
from queue import SimpleQueue
from threading import Event
from time import sleep

import numpy as np
import pytest

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.held import descent, draft, integer
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.pricing import watching
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import AssignmentProblem, Budget, MatrixGains
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains

METHODS = ["dense", "flow", "integer", "pricing"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [1e-9, 0.004])
def test_stopped_plan_keeps_the_rules_and_bounds_the_best_one(method, limit, draw, find_best):
    ended = set()
    for seed in range(40):
        one = method == "dense"
        problem = draw(seed, one_place=one, quotas="crossing" if method == "integer" else "nested")
        if method == "pricing":
            problem = replace(problem, quotas=(), pins=np.empty((0, 2), np.int64))
        try:
            solution = solve_assignment(problem, method=method, time_limit=limit)
        except LoadConflict:
            assert find_best(problem) is None
            continue
        except CapabilityError as error:
            assert "minimum loads" in str(error)  # noqa: PT017 - it may well not be raised
            continue
        ended.add(solution.status)
        certificate = certify_assignment(problem, solution)
        best = find_best(problem)
        goals = best[:2] if problem.objective == "total" else best[1::-1]
        assert (
            certificate.bound is None
            or certificate.bound >= goals[0]
            or (problem.objective == "coverage" and certificate.matched > best[0])
        )
        if solution.status is Status.OPTIMAL:
            assert certificate.objective == goals[0]
    assert ended <= {Status.TIME_LIMIT, Status.OPTIMAL, Status.FEASIBLE}
    if limit < 1e-6 and method != "pricing":
        assert Status.TIME_LIMIT in ended


def test_plan_of_fewer_rules_is_no_draft_of_the_whole_problem(draw, monkeypatch):
    problem = draw(3, quotas="crossing")
    problem = replace(problem, at_least=np.zeros_like(problem.at_least))

    def run_out(easy, watch):
        watch.keep(lambda: pytest.fail("this keeps fewer rules"))
        raise OutOfTime

    monkeypatch.setattr(integer, "solve_by_flow", run_out)
    solution = solve_assignment(problem, method="integer", time_limit=60)
    assert solution.status is Status.TIME_LIMIT
    assert certify_assignment(problem, solution).matched == len(solution.pairs)


@pytest.mark.parametrize("objective", ["worst_off", "leximin"])
def test_fair_plan_that_is_stopped_keeps_the_rules_and_claims_nothing_false(objective, draw):
    n_stopped = n_open = 0
    for seed in range(20):
        problem = replace(draw(seed), objective=objective)
        problem = replace(problem, at_least=np.zeros_like(problem.at_least))
        solution = solve_assignment(problem, time_limit=1e-9)
        certificate = certify_plan(problem, solution)
        if solution.status is Status.TIME_LIMIT:
            n_stopped += 1
            if certificate.bound is None:  # a machine that is busy may have time for a first step
                n_open += 1
                assert certificate.gap is None
            else:
                best = certify_plan(problem, solve_assignment(problem))
                assert certificate.objective <= best.objective <= certificate.bound
    assert n_stopped >= n_open > 0


def test_budgets_never_end_in_an_error_for_lack_of_time(pose):
    problem = pose(np.arange(1, 41).reshape(8, 5).tolist(), places=8)
    use = np.tile(np.arange(1, 9)[:, None], 5)
    problem = replace(problem, budgets=(Budget(use, np.full(5, 6)),))
    for limit in (1e-9, 0.01, 0.1):
        solution = solve_assignment(problem, time_limit=limit)
        certificate = certify_assignment(problem, solution)
        assert certificate.matched == len(solution.pairs) > 0
        assert certificate.bound >= certificate.objective


def test_minimum_loads_that_no_plan_was_found_for_in_time_are_named(pose):
    problem = pose([[9, 1], [1, None]], places=2, at_least=[1, 1])
    problem = replace(problem, budgets=(Budget(np.array([[1], [2]]), np.array([2, 2])),))
    assert solve_assignment(problem).pairs.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(CapabilityError, match="more seconds, or lower at_least"):
        solve_assignment(problem, time_limit=1e-9)


def test_many_arcs_are_solved_on_a_few_and_checked_on_all(monkeypatch, draw):
    for seed in range(150):
        problem = draw(seed)
        answers = []
        for most in (10**6, 0):
            monkeypatch.setattr(descent, "_AT_ONCE", most)
            monkeypatch.setattr(descent, "_FIRST", 1)
            monkeypatch.setattr(descent, "_MORE", 1)
            try:
                solution = solve_assignment(problem, method="flow")
            except LoadConflict:
                answers.append(None)
                continue
            assert certify_assignment(problem, solution).proved
            answers.append(solution.pairs.tolist())
        assert answers[0] == answers[1]


def _defer(n=30, seed=3):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 9, (2, n, 3)).astype(np.float32)
    return DeferredGains(StreamedGains(left, right, largest=3 * 81))


def test_deferred_gains_answer_before_there_is_a_matrix_and_hold_none_that_is_not_whole(
    monkeypatch,
):
    monkeypatch.setattr("pairmatch.solvers.deferred._AT_ONCE", 100)
    gains, rows, columns = _defer(), np.array([3, 7]), np.array([9, 2])
    before = gains.pairs(rows, columns)[0], gains.block(slice(2, 5), slice(0, 30))[0]
    looks = []

    def check():
        looks.append(1)
        if len(looks) > 2:
            raise OutOfTime

    with pytest.raises(OutOfTime):
        gains.fill(check)
    assert not gains.is_filled
    held = gains.fill(lambda: None)
    assert gains.is_filled
    assert gains.fill(check) is held
    np.testing.assert_array_equal(gains.gain[rows, columns], before[0])
    np.testing.assert_array_equal(gains.block(slice(2, 5), slice(0, 30))[0], before[1])
    assert gains.allowed.all()
    assert gains.shape == (30, 30)


@pytest.mark.parametrize("objective", ["worst_off", "leximin", "coverage"])
def test_the_clock_runs_while_the_matrix_is_filled(objective, monkeypatch):
    def run_out(_gains, _check):
        raise OutOfTime

    monkeypatch.setattr(DeferredGains, "fill", run_out)
    demand = np.full(30, 2) if objective == "coverage" else np.ones(30, np.int64)
    ones = np.ones(30, np.int64)
    problem = AssignmentProblem(_defer(), 2 * ones, 0 * ones, objective=objective, demand=demand)
    solution = solve_assignment(problem, time_limit=60)
    assert solution.status is Status.TIME_LIMIT
    certificate = certify_plan(problem, solution)
    assert certificate.matched == 30
    assert len(solution.pairs) == demand.sum()
    if objective == "coverage":
        assert certificate.bound >= certificate.objective


@pytest.mark.parametrize("objective", ["worst_off", "leximin", "coverage"])
def test_a_plan_within_its_limit_is_that_without_one(objective):
    demand = np.full(30, 2) if objective == "coverage" else np.ones(30, np.int64)
    ones = np.ones(30, np.int64)
    plans = []
    for limit in (None, 60):
        gains = _defer(seed=8)
        problem = AssignmentProblem(gains, 2 * ones, 0 * ones, objective=objective, demand=demand)
        solution = solve_assignment(problem, time_limit=limit)
        assert certify_plan(problem, solution).proved
        plans.append((solution.pairs.tolist(), solution.price))
    assert plans[0] == plans[1]


def test_work_in_a_hurry_is_left_alone_when_the_time_is_over():
    go = Event()
    with pytest.raises(OutOfTime):
        Watch(0.01).hurry(go.wait)
    go.set()
    assert Watch().hurry(lambda: 3) == 3
    assert Watch(60).hurry(lambda: 4) == 4


def test_watch_leaves_late_work_alone_and_passes_errors_on():
    assert Watch().wait(lambda: 7) == 7
    with pytest.raises(OutOfTime):
        Watch(0.01).wait(lambda: sleep(1))
    with pytest.raises(ZeroDivisionError):
        Watch(5).wait(lambda: 1 // 0)


INTERRUPTED = """
import os, signal, sys, threading
import numpy as np
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas

rng = np.random.default_rng(3)
kind = sys.argv[1]
n, m = {"dense": (1100, 1100), "integer": (200, 60)}.get(kind, (900, 300))
gain = rng.integers(0, 1000, (n, 1)) * 1000 + rng.integers(0, 1000, (n, m))
quotas = (Quotas(rng.integers(0, 20, n), 1), Quotas(rng.integers(0, 20, n), 1))
problem = AssignmentProblem(
    MatrixGains(gain, np.ones((n, m), bool)),
    np.full(m, 1 if kind == "dense" else 4), np.zeros(m, int),
    quotas=quotas if kind == "integer" else (),
    objective="leximin" if kind == "leximin" else "coverage",
)
threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGINT)).start()
solution = solve_assignment(problem, method="dense" if kind == "dense" else "auto")
certificate = certify_plan(problem, solution)
assert certificate.bound is None or certificate.bound >= certificate.objective
print(solution.status.value, certificate.matched)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent in another way there")
@pytest.mark.parametrize("seconds", [0.3, 0.8])
@pytest.mark.parametrize("kind", ["dense", "integer", "leximin", "flow"])
def test_ctrl_c_returns_the_best_plan_so_far(kind, seconds):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, kind, str(seconds)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    status, matched = done.stdout.split()
    assert status in ("interrupted", "optimal", "feasible")
    assert int(matched) > 0


def test_ctrl_c_between_two_looks_at_the_clock_stops_the_search(monkeypatch):
    class Search:
        def __init__(self):
            self.stop, self.messages = Event(), SimpleQueue()
            self.error = self.settled = None

        def run(self):
            self.stop.wait(60)
            self.messages.put(None)

    calls = []

    def monotonic():
        calls.append(None)
        if len(calls) == 2:  # after waiting for a message in vain
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(watching, "monotonic", monotonic)
    search = Search()
    assert watching.watch(search, 1.0, None) is Status.INTERRUPTED
    assert search.stop.is_set()


def test_draft_looks_at_many_rows_at_once_and_still_takes_them_one_by_one(monkeypatch):
    rng = np.random.default_rng(3)
    gain = rng.integers(0, 9, (20, 6))
    problem = AssignmentProblem(
        gains=MatrixGains(gain, rng.random(gain.shape) < 0.7),
        capacity=np.array([2, 0, 3, 1, 4, 1]),
        at_least=np.array([1, 0, 0, 0, 0, 1]),
    )
    found = []
    for held in (1, 20, 2**20):
        monkeypatch.setattr(draft, "_HELD", held)
        found.append(draft.draft_plan(problem).pairs.tolist())
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 11
