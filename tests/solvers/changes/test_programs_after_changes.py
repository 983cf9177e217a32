"""Integer programs between the corners of the trade-off."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains


@pytest.mark.parametrize("objective", ["coverage", "leximin"])
def test_programs_end_by_their_work_and_not_by_the_clock(monkeypatch, objective):
    asked = []

    def spy(*terms, options, **more):
        asked.append(dict(options))
        return solve(*terms, options=options, **more)

    solve = scipy.optimize.milp
    monkeypatch.setattr(scipy.optimize, "milp", spy)
    rng = np.random.default_rng(3)
    gain = rng.integers(0, 20, (9, 9))
    problem = AssignmentProblem(
        MatrixGains(gain, np.ones_like(gain, dtype=bool)), np.ones(9, np.int64),
        np.zeros(9, np.int64), objective=objective,
    )  # fmt: skip
    column_of = rng.permutation(9)
    for n_kept in range(9):
        found = solve_with_few_changes(problem, column_of, n_kept)
        assert np.count_nonzero(column_of[found.pairs[:, 0]] == found.pairs[:, 1]) >= n_kept
    assert asked
    assert all("node_limit" in options for options in asked)
    assert not any("time_limit" in options for options in asked)
