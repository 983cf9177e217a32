"""A search in a thread of its own, which the clock and Ctrl-C can end in good order."""

from __future__ import annotations

from queue import Empty
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue
    from threading import Event

    import numpy as np
    from numpy.typing import NDArray

    Progress = Callable[[int, float, float], None]

__all__ = ["Search", "watch"]

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
