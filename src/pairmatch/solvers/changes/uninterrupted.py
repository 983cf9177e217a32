"""Plans on the way to an answer: Ctrl-C ends the whole search, not only one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["solve_uninterrupted"]


def solve_uninterrupted(problem: AssignmentProblem) -> AssignmentSolution:
    """Return the best plan of an assignment problem.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C has ended the solve. Of a single problem the best plan so far is an answer; as one
        of many steps it would be taken for the best.
    """
    found = solve_assignment(problem)
    if found.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return found
