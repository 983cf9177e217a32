"""Ctrl-C while a plan is re-matched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.changes import goals, rematching
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import Status


@pytest.mark.parametrize("objective", ["coverage", "worst_off", "leximin"])
def test_an_interrupted_step_ends_the_search_and_is_no_best_plan(monkeypatch, objective):
    def stop(problem):
        return replace(solve_assignment(problem), status=Status.INTERRUPTED)

    for room in (goals, rematching):
        monkeypatch.setattr(room, "solve_assignment", stop)
    gain = np.arange(9).reshape(3, 3)
    problem = AssignmentProblem(
        MatrixGains(gain, gain >= 0), np.ones(3, np.int64), np.zeros(3, np.int64),
        objective=objective,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        solve_with_few_changes(problem, np.array([0, 1, 2]), 2)
