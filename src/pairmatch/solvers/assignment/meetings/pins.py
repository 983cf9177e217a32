"""Pinned pairs that have no times to meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.meetings.conflicts import assign_slots

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["PinConflict", "check_pinned_slots"]


class PinConflict(LoadConflict):
    """Pinned pairs that cannot all have slots.

    ``columns`` are those whose own pins are too many; none if only calendars that several people
    share are in the way.
    """

    def __str__(self) -> str:
        return f"the pins of columns {self.columns.tolist()} cannot all have slots"


def check_pinned_slots(problem: AssignmentProblem) -> None:
    """Raise :class:`PinConflict` if the pinned pairs of a problem with slots cannot all meet.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    """
    pins, slots = problem.pins, problem.slots
    if slots is None or not len(pins) or assign_slots(problem, pins) is not None:
        return
    alone = replace(problem, slots=replace(slots, twin=np.full(problem.n_rows, -1)))
    columns = [
        j
        for j in np.unique(pins[:, 1]).tolist()
        if assign_slots(alone, pins[pins[:, 1] == j]) is None
    ]
    raise PinConflict(np.array(columns, np.int64), pins[:, 0], problem.at_least)
