"""One search for a plan with few changes: its clock, and the best plan so far."""

from __future__ import annotations

from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.certify.changes import ChangePrices
    from pairmatch.solvers.changes.answers import Rematching
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

    Progress = Callable[[int, float | None, float], None]

__all__ = ["Attempt"]


class Attempt:
    """One search for a plan with few changes: its clock, and the best plan so far.

    Parameters
    ----------
    seconds : float, optional
        Seconds from now to the time limit; default: no limit.
    progress : callable, optional
        Called with (problems solved so far, None, seconds) after each of them.
    seed : int, default: 0
        Decides between plans that are equally good.

    Attributes
    ----------
    watch : Watch
        The clock.
    dual : ChangePrices or None
        Prices that bound every plan, from the first problem that was solved.
    """

    __slots__ = ("_begin", "_best", "_numbers", "_progress", "dual", "seed", "watch")

    def __init__(
        self, seconds: float | None = None, progress: Progress | None = None, seed: int = 0
    ) -> None:
        self.watch, self.seed = Watch(seconds), seed
        self._begin, self._numbers, self._progress = perf_counter(), count(1), progress
        self._best: Callable[[], Rematching] | None = None
        self.dual: ChangePrices | None = None

    def aside(self) -> Attempt:
        """Return an attempt of the same clock at another problem, whose plans are kept apart."""
        other = Attempt(None, self._progress, self.seed)
        other.watch, other._begin, other._numbers = self.watch, self._begin, self._numbers
        return other

    def keep(self, make: Callable[[], Rematching]) -> None:
        """Remember how to write down the best plan so far."""
        self._best = make

    def recall(self) -> Rematching | None:
        """Return the best plan so far, if any was kept."""
        return None if self._best is None else self._best()

    def solve(self, problem: AssignmentProblem) -> AssignmentSolution:
        """Return the best plan of one problem, or the best so far where it was cut short."""
        self.watch.check()
        found = solve_assignment(problem, seed=self.seed, time_limit=self.watch.left)
        number = next(self._numbers)
        if self._progress is not None:
            self._progress(number, None, perf_counter() - self._begin)
        return found

    def finish(self, problem: AssignmentProblem) -> AssignmentSolution:
        """Return the best plan of one problem; one that was cut short is no step to the next.

        Raises
        ------
        OutOfTime, KeyboardInterrupt
            If the clock or Ctrl-C has cut it short.
        """
        found = self.solve(problem)
        self.go_on(found)
        return found

    def go_on(self, found: AssignmentSolution) -> None:
        """Raise what has cut a solution short, if anything has."""
        if found.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        if found.status is Status.TIME_LIMIT:
            raise OutOfTime
