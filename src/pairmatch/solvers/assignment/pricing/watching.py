"""A search in a thread of its own, which the clock and Ctrl-C can end in good order."""

from __future__ import annotations

import math
from queue import Empty
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from pairmatch.solvers.processors import count_processors
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue
    from threading import Event

    import numpy as np
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Progress = Callable[[int, float, float], None]

__all__ = ["Search", "find_deadline", "watch"]

_PROVING = 1.4e-10  # processor seconds that the proof takes a pair and feature
_WIDTH = 100  # features, where nobody knows
_MOST_PROVING = 0.5  # share of a limit that the proof takes at most
_TICK = 0.2  # seconds between two looks at Ctrl-C where waiting cannot be interrupted


class Search(Protocol):
    """What can be watched.

    Attributes
    ----------
    stop : threading.Event
        Set when the search is to end.
    messages : queue.SimpleQueue
        Rounds, gaps and seconds, and None at the end.
    error : BaseException or None
        What went wrong.
    settled : ndarray or None
        The plan, once the search came to its end.
    """

    stop: Event
    messages: SimpleQueue[tuple[int, float, float] | None]
    error: BaseException | None
    settled: NDArray[np.int64] | None

    def run(self) -> None:
        """Search until the end or until ``stop`` is set."""
        ...


def find_deadline(problem: AssignmentProblem, time_limit: float | None) -> tuple[float, float]:
    """Return when, by :func:`time.monotonic`, a search ends, and the share of the proof after it.

    That share of all pairs can be looked at once more before the time limit, about.
    """
    if time_limit is None:
        return math.inf, 1.0
    gains = problem.gains
    width = gains.row_features.shape[1] if isinstance(gains, StreamedGains) else _WIDTH
    proving = _PROVING * width * problem.n_rows * problem.n_columns / count_processors()
    left = min(_MOST_PROVING * time_limit, proving)
    return monotonic() + time_limit - left, left / max(proving, 1e-9)


def watch(search: Search, deadline: float, progress: Progress | None) -> Status | None:
    """Run a search in a thread of its own, so that the clock and Ctrl-C can end it in good order.

    Returns None if it came to its end.
    """
    worker = Thread(target=search.run, name="pairmatch-pricing", daemon=True)
    status: Status | None = None
    worker.start()
    while True:
        try:
            wait = _TICK
            if status is None:
                wait = min(wait, max(0.0, deadline - monotonic()))
            try:  # inside, since Ctrl-C may come while Empty is handled
                message = search.messages.get(timeout=wait)
            except Empty:
                if status is None and monotonic() >= deadline:
                    status = Status.TIME_LIMIT
                    search.stop.set()
                continue
            if message is None:
                break
            if progress is not None and status is None:
                progress(*message)
        except KeyboardInterrupt:
            if status is Status.INTERRUPTED:
                raise  # asked twice
            status = Status.INTERRUPTED
            search.stop.set()
        except BaseException:
            search.stop.set()
            raise
    worker.join()
    if search.error is not None:
        raise search.error
    if search.settled is not None:
        return None
    return status or Status.TIME_LIMIT  # it saw that what came next would take too long
