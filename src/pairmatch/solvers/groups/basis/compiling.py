"""Loops that numba compiles, once in a process and in a thread of their own.

On a machine that has not done it before that takes up to a minute, later about a second. Nobody
with a time limit waits long for it, and Ctrl-C does not wait at all: until the loops are there, the
ways without them are taken. Where a limit leaves too little time to compile, that is not even
begun, because it would slow down everything else; what numba's cache on disk holds is still used.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from threading import Event, Lock, Thread, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["compiled_once", "wait_at_most"]

_COMPILING = 15.0  # seconds of waiting below which it is of no use to begin to compile
_TICK = 0.2  # seconds between two looks at Ctrl-C where waiting cannot be interrupted

_Key = TypeVarTuple("_Key")
_Loops = TypeVar("_Loops")


@dataclass(frozen=True, slots=True)
class _Patience:
    """Until when a solve waits, by :func:`time.monotonic`, and whether anything is compiled."""

    until: float = math.inf
    compiles: bool = True

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.until - monotonic()


_ENDLESS = _Patience()
_patience: ContextVar[_Patience] = ContextVar("pairmatch_patience", default=_ENDLESS)


class _NotCachedError(Exception):
    """The loops are not in the cache of numba."""


@contextmanager
def wait_at_most(seconds: float) -> Iterator[None]:
    """Within this solve, wait for loops so long from now at most, or less if that was said."""
    before = _patience.get()
    until = min(before.until, monotonic() + seconds)
    token = _patience.set(_Patience(until, before.compiles and seconds >= _COMPILING))
    try:
        yield
    finally:
        _patience.reset(token)


def compiled_once(load: Callable[[*_Key], _Loops | None]) -> Callable[[*_Key], _Loops | None]:
    """Return a function that gives what ``load`` has compiled, or None where it is not waited for.

    Parameters
    ----------
    load : callable
        Compiles every loop for the types of its arguments; returns None without numba. Is run once
        for each of its arguments.
    """
    begun: dict[object, _Compilation[_Loops]] = {}
    lock = Lock()

    @wraps(load)
    def find(*args: *_Key) -> _Loops | None:
        patience = _patience.get()
        while True:
            with lock:
                job = begun.get(args)
                if job is None and patience.left <= 0:
                    return None
                if job is None or (job.refused and patience.compiles):
                    job = _Compilation(lambda: load(*args), compiles=patience.compiles)
                    begun[args] = job
            loops = job.wait(patience)
            if not (job.refused and patience.compiles):
                return loops

    return find


class _Compilation(Generic[_Loops]):
    """What is being loaded or compiled, or has been."""

    def __init__(self, load: Callable[[], _Loops | None], *, compiles: bool) -> None:
        self.refused = False
        self._load, self._compiles = load, compiles
        self._done = Event()
        self._loops: _Loops | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="pairmatch-compiler", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Load or compile."""
        try:
            if self._compiles:
                self._loops = self._load()
            else:
                with _cached_only():
                    self._loops = self._load()
        except _NotCachedError:
            self.refused = True
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            self._error = error
        finally:
            self._done.set()

    def wait(self, patience: _Patience) -> _Loops | None:
        """Return the loops, or None if this solve does not wait for them any longer."""
        # in a process forked meanwhile, the thread is not alive
        while not self._done.is_set() and patience.left > 0 and self._thread.is_alive():
            self._done.wait(max(0.0, min(_TICK, patience.left)))
        if self._error is not None:
            raise self._error
        return self._loops


@contextmanager
def _cached_only() -> Iterator[None]:
    """Refuse to compile what the cache of numba does not hold, in this thread."""
    try:
        from numba.core import event
    except ImportError:
        yield
        return
    own = get_ident()

    def refuse(_: Any) -> None:
        if get_ident() == own:
            raise _NotCachedError

    def ignore(_: Any) -> None:
        pass

    steps = {"on_start": staticmethod(refuse), "on_end": staticmethod(ignore)}
    listener: Any = type("Refusal", (event.Listener,), steps)
    with event.install_listener("numba:compile", listener()):
        yield
