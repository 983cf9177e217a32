"""A plan around all earlier pairs that can stay together, for when the clock ends a search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.meetings.conflicts import assign_slots
from pairmatch.solvers.certify.budgets import count_room
from pairmatch.solvers.changes.answers import Rematching
from pairmatch.solvers.changes.earlier import count_kept, list_earlier
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.changes.attempt import Attempt
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["hold_earlier"]

_MOST_HELD = 2**24  # pairs that are written down, nearly all of them as not allowed
_SECONDS = 0.3  # for each of two problems, where there is no time


def hold_earlier(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    attempt: Attempt | None = None,
) -> Rematching | None:
    """Return a plan of earlier pairs, and of others around them; None if too few can stay.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now.
    column_of, n_kept
        As for :func:`~pairmatch.solvers.changes.rematching.solve_rematching`.
    attempt : Attempt, optional
        The clock; by default about a second is taken.

    Raises
    ------
    OutOfTime, KeyboardInterrupt
        If there is an attempt, and its clock or Ctrl-C ended it.

    Notes
    -----
    All earlier pairs are pinned if they fit together; if not, as many as a solve among these alone
    places. Others are matched around them. Nothing is proved.
    """

    def solve(part: AssignmentProblem) -> AssignmentSolution:
        if attempt is None:
            return solve_assignment(part, time_limit=_SECONDS)
        return attempt.finish(part)

    every = np.stack(list_earlier(column_of), axis=1)
    kept = np.unique(np.concatenate([problem.pins, every]), axis=0)
    plain = problem.objective if problem.objective == "total" else "coverage"
    try:
        if not _fit_together(problem, kept):
            nobody = np.zeros_like(problem.at_least)
            alone = replace(problem, gains=_take_only(problem, kept), at_least=nobody)
            kept = solve(replace(alone, objective="coverage", tiers=None)).pairs
        found = solve(replace(problem, pins=kept, objective=plain, tiers=None))
    except LoadConflict:
        return None
    if count_kept(column_of, found.pairs) < n_kept:
        return None
    return Rematching(found.pairs, None, "earlier pairs first", found.slots)


def _fit_together(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> bool:
    """Return whether a plan can have all of some pairs, whatever minimum loads ask for."""
    rows, columns = pairs.T
    if (np.bincount(rows, minlength=problem.n_rows) > problem.demand).any():
        return False
    if (np.bincount(columns, minlength=problem.n_columns) > problem.capacity).any():
        return False
    for quota in problem.quotas:
        counted = quota.class_of[rows] >= 0
        place = columns[counted] * quota.n_classes + quota.class_of[rows][counted]
        if np.bincount(place, minlength=1).max() > quota.at_most:
            return False
    if any((room < 0).any() for room in count_room(replace(problem, pins=pairs))):
        return False
    return problem.slots is None or assign_slots(problem, pairs) is not None


def _take_only(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> MatrixGains | StreamedGains:
    """Return the gains of some pairs, no other being allowed."""
    gains, n_columns = problem.gains, problem.n_columns
    if isinstance(gains, StreamedGains) and problem.n_rows * n_columns > _MOST_HELD:
        key = np.full(problem.n_rows, -1)
        key[pairs[:, 0]] = pairs[:, 1]
        key[problem.pins[:, 0]] = problem.pins[:, 1]
        return replace(gains, keys=(key, np.arange(n_columns)))
    gain = np.zeros((problem.n_rows, n_columns), np.int64)
    only = np.zeros(gain.shape, np.bool_)
    gain[tuple(pairs.T)], only[tuple(pairs.T)] = gains.pairs(*pairs.T)
    return MatrixGains(gain, only)
