"""A proof that the clock or Ctrl-C cuts short leaves the plan, without what was not proved."""

from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify import in_time
from pairmatch.solvers.certify.in_time import certify_in_time
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains


@pytest.fixture
def solved():
    rng = np.random.default_rng(2)
    row, column = (rng.integers(0, 9, (30, 3)).astype(np.float32) for _ in range(2))
    gains = StreamedGains(row, column, largest=300)
    problem = AssignmentProblem(gains, np.ones(30, int), np.zeros(30, int), objective="coverage")
    return problem, solve_assignment(problem, method="pricing")


def test_a_proof_in_time_leaves_the_status(solved):
    solution, certificate = certify_in_time(*solved, start=monotonic(), limit=60)
    assert solution.status is Status.OPTIMAL
    assert certificate.proved


def test_a_proof_that_comes_too_late_is_not_claimed(solved):
    solution, certificate = certify_in_time(*solved, start=monotonic() - 9, limit=1)
    assert solution.status is Status.TIME_LIMIT
    assert not certificate.proved
    assert certificate.matched == 30


@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.TIME_LIMIT])
def test_ctrl_c_during_the_proof_leaves_the_plan(solved, monkeypatch, status):
    problem, solution = solved
    certify, calls = in_time.certify_plan, []

    def certify_twice(*arguments, deadline):
        calls.append(deadline)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return certify(*arguments, deadline=deadline)

    monkeypatch.setattr(in_time, "certify_plan", certify_twice)
    solution = replace(solution, status=status)
    begun = monotonic()
    found, certificate = certify_in_time(problem, solution, start=begun, limit=float("inf"))
    assert calls == [float("inf"), begun]
    assert found.status is (Status.INTERRUPTED if status is Status.OPTIMAL else status)
    assert certificate.matched == 30
    assert not certificate.proved
