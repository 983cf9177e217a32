"""A valid plan out of an unfinished one: minimum loads are met, rows left out find free places."""

from __future__ import annotations

import math
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.filling import meet_loads
from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.processors import hold_blas

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["complete_plan"]

_AT_ONCE = 64  # rows or columns looked at in one go
_SOME = 256  # rows and places that are looked at apart from the others
_PROGRESS = 0.9  # as long as fewer than this share of the rows left out are left by a turn
_TURNS = 7  # turns until rows meet the same places again
_NEVER = np.iinfo(np.int64).min


def complete_plan(
    gains: Gains,
    capacity: NDArray[np.int64],
    least: NDArray[np.int64],
    pairs: NDArray[np.int64],
    deadline: float = math.inf,
    *,
    coverage: bool,
    price: NDArray[np.int64] | None = None,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.int64]:
    """Return a plan that keeps every minimum load and leaves out as few rows as time allows.

    Parameters
    ----------
    gains : Gains
        What each pair is worth.
    capacity, least : ndarray of int64, shape (n_columns,)
        Most and fewest rows of each column.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs so far: each row once, no column above its capacity.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more rows need be seated than minimum loads ask for.
    coverage : bool
        Whether a pair is worth having whatever its gain.
    price : ndarray of int64, shape (n_columns,), optional
        What a place is worth to others: rows that find places take those that leave them most.
    check : callable, optional
        Called while minimum loads are met; it may raise OutOfTime.

    Returns
    -------
    ndarray of int64, shape (at least n_pairs, 2)

    Raises
    ------
    LoadsUnmetError
        If no plan meets the minimum loads.
    """
    with hold_blas():
        if least.any():
            pairs = meet_loads(gains, least, pairs, check)
        if price is None:
            price = np.zeros(len(capacity), np.int64)
        return _seat_idle(gains, capacity, pairs, deadline, price, coverage=coverage)


def _seat_idle(
    gains: Gains,
    capacity: NDArray[np.int64],
    pairs: NDArray[np.int64],
    deadline: float,
    price: NDArray[np.int64],
    *,
    coverage: bool,
) -> NDArray[np.int64]:
    """Seat the rows that a plan leaves out, each on one of the best places still free.

    First some rows look at some of the places only, then the others at all of them.
    """
    mate = np.full(gains.shape[0], -1)
    mate[pairs[:, 0]] = pairs[:, 1]
    room = capacity - np.bincount(pairs[:, 1], minlength=gains.shape[1])
    enough = _NEVER if coverage else 0
    n_idle, turn = math.inf, 0
    while monotonic() < deadline:
        rows, columns = np.flatnonzero(mate < 0), np.flatnonzero(room > 0)
        if not len(rows) or not len(columns):
            break
        alone = len(rows) > _PROGRESS * n_idle or len(rows) <= _SOME
        n_idle, turn = len(rows), turn + 1
        if not alone:
            columns = np.roll(columns, turn * len(columns) // _TURNS)
        everywhere = take_gains(gains, rows, columns) if alone else None
        n_blocks = -(-len(rows) // (_AT_ONCE if alone else _SOME))
        bounds = np.arange(n_blocks + 1) * len(rows) // n_blocks
        for k, (first, last) in enumerate(pairwise(bounds.tolist())):
            if monotonic() > deadline:
                break
            left = 0 if alone else k * len(columns) // n_blocks
            right = len(columns) if alone else min(left + _SOME, len(columns))
            some = columns[left:right]
            if everywhere is None:  # a few people at a time: to take all of them costs more
                part = take_gains(gains, rows[first:last], some)
                gain, allowed = part.block(slice(0, last - first), slice(0, right - left))
            else:
                gain, allowed = everywhere.block(slice(first, last), slice(left, right))
            takes = allowed & (room[some] > 0) & (gain > enough)
            value = np.where(takes, gain - price[some], _NEVER)
            for row, offers in zip(rows[first:last].tolist(), value, strict=True):
                best = int(offers.argmax())
                if offers[best] > _NEVER:
                    mate[row] = some[best]
                    room[some[best]] -= 1
                    if room[some[best]] == 0:
                        value[:, best] = _NEVER
        if alone:
            break
    _seat_anywhere(gains, mate, room, enough)
    rows = np.flatnonzero(mate >= 0)
    return np.column_stack([rows, mate[rows]])


def _seat_anywhere(
    gains: Gains, mate: NDArray[np.int64], room: NDArray[np.int64], enough: int
) -> None:
    """Seat rows for whom there was no time on places still free, in place; each looks at a few."""
    for turn in range(_TURNS):
        rows, free = np.flatnonzero(mate < 0), np.flatnonzero(room > 0)
        if not len(rows) or not len(free):
            return
        places = np.repeat(free, np.minimum(room[free], len(rows)))
        places = np.roll(places, turn * len(places) // _TURNS)[: len(rows)]
        rows = rows[: len(places)]
        gain, allowed = gains.pairs(rows, places)
        takes = allowed & (gain > enough)
        mate[rows[takes]] = places[takes]
        np.subtract.at(room, places[takes], 1)
