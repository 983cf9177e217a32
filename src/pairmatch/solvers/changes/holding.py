"""A plan around all earlier pairs that can stay together, for when the clock ends a search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.changes.earlier import count_kept, list_earlier
from pairmatch.solvers.changes.rematching import Rematching
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["hold_earlier"]

_SECONDS = 0.3  # for each of two problems


def hold_earlier(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int
) -> Rematching | None:
    """Return a plan of earlier pairs, and of others around them; None if too few can stay.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, held whole.
    column_of, n_kept
        As for :func:`~pairmatch.solvers.changes.rematching.solve_rematching`.

    Notes
    -----
    First as many of the earlier pairs as a short solve among these alone places, then others
    around them; within about a second. Nothing is proved.
    """
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    earlier = np.zeros(allowed.shape, np.bool_)
    earlier[list_earlier(column_of)] = True
    earlier[problem.pins[:, 0], problem.pins[:, 1]] = True
    alone = replace(
        problem,
        gains=MatrixGains(gain.astype(np.int64), allowed & earlier),
        objective="coverage",
        tiers=None,
        at_least=np.zeros_like(problem.at_least),
    )
    try:
        kept = solve_assignment(alone, time_limit=_SECONDS)
        around = replace(problem, pins=kept.pairs, objective="coverage", tiers=None)
        found = solve_assignment(around, time_limit=_SECONDS)
    except LoadConflict:
        return None
    if count_kept(column_of, found.pairs) < n_kept:
        return None
    return Rematching(found.pairs, None, "earlier pairs first", found.slots)
