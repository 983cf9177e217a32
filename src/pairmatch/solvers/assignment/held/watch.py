"""The clock of one solve, and the best plan found so far."""

from __future__ import annotations

import atexit
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["OutOfTime", "Watch"]

_Result = TypeVar("_Result")
_PATIENCE = 10.0  # seconds that the end of the process waits for what was left alone
_TICK = 0.1  # seconds between two looks at the clock while compiled code works


class OutOfTime(Exception):  # noqa: N818 - the clock ran out, nothing is wrong
    """The time limit was reached before the end."""


class Watch:
    """The clock of one solve, and the best plan found so far.

    Parameters
    ----------
    seconds : float, optional
        Seconds from now to the time limit; default: no limit.
    """

    __slots__ = ("_draft", "deadline")

    def __init__(self, seconds: float | None = None) -> None:
        self.deadline = None if seconds is None else perf_counter() + seconds
        self._draft: Callable[[], AssignmentSolution] | None = None

    @property
    def left(self) -> float | None:
        """Seconds left, never below a hundredth; None without a limit."""
        return None if self.deadline is None else max(0.01, self.deadline - perf_counter())

    @property
    def is_over(self) -> bool:
        """Whether the time limit has been reached."""
        return self.deadline is not None and perf_counter() >= self.deadline

    def check(self, seconds: float = 0.0) -> None:
        """Raise :class:`OutOfTime` unless there is time left for what takes so many seconds."""
        if self.deadline is not None and perf_counter() + seconds >= self.deadline:
            raise OutOfTime

    def aside(self) -> Watch:
        """Return a watch of the same limit for another problem, whose plans are kept apart."""
        other = Watch()
        other.deadline = self.deadline
        return other

    def keep(self, draft: Callable[[], AssignmentSolution]) -> None:
        """Remember how to write down the best plan so far."""
        self._draft = draft

    def recall(self) -> AssignmentSolution | None:
        """Return the best plan so far, if any was kept."""
        return None if self._draft is None else self._draft()

    def hurry(self, work: Callable[[], _Result]) -> _Result:
        """Return what Python code returns, in time if there is a limit: see :meth:`wait`."""
        return work() if self.deadline is None else self.wait(work)

    def wait(self, work: Callable[[], _Result]) -> _Result:
        """Return what compiled code returns that neither the clock nor Ctrl-C can stop.

        It runs in a thread of its own. Where it is late, it is left alone there and its answer is
        never looked at.

        Raises
        ------
        OutOfTime
            If the limit is reached first.
        """
        found: list[_Result] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                failed.append(error)

        thread = Thread(target=run, name="pairmatch-work", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                left = self.left
                thread.join(_TICK if left is None else min(_TICK, left))
                if thread.is_alive():
                    self.check()
        except KeyboardInterrupt:
            self.deadline = perf_counter()  # what is left alone ends where it looks at the clock
            raise
        finally:
            if thread.is_alive():  # some solvers abort if Python winds up around them
                atexit.register(thread.join, _PATIENCE)
        if failed:
            raise failed[0]
        return found[0]
