"""The best profit of each row of a streamed pool whose pairs pay for slots of time as well.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.streams import find_best_profits, worth_one
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Slots
    from pairmatch.solvers.solution import Prices

    Pay = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]

__all__ = ["can_stream", "stream_profits"]

_ENOUGH = 2**60  # what a row has that need not be looked at


def can_stream(problem: AssignmentProblem, prices: Prices, *, ones: bool) -> bool:
    """Return whether :func:`stream_profits` can be asked.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    prices : Prices
        The prices.
    ones : bool
        Whether every pair is worth 1 instead of its gain.
    """
    gains = problem.gains
    if not isinstance(gains, StreamedGains) or prices.scale != 1:
        return False
    return not (ones and gains.least is not None)


def stream_profits(
    problem: AssignmentProblem,
    prices: Prices,
    pairs: NDArray[np.int64],
    payments: NDArray[np.int64] | None,
    pay: Pay,
    *,
    ones: bool,
) -> NDArray[np.int64]:
    """Return what the prices leave each row at best, nothing below 0; of pinned rows anything.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem, with slots.
    prices : Prices
        Prices of places, and a bonus.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Allowed pairs: with good prices few others offer their rows more.
    payments : ndarray of int64, shape (n_columns, n_slots), or None
        What each column asks for each slot; None if slots cost nothing.
    pay : callable
        Returns the least that some pairs pay for their slots.
    ones : bool
        Whether every pair is worth 1 instead of its gain.

    Notes
    -----
    Every pair pays at least what the cheapest slot of its column costs: with that as a part of the
    price one product says which pairs could offer more, and only these are asked for their slots.
    """
    gains, slots = problem.gains, problem.slots
    assert isinstance(gains, StreamedGains)  # noqa: S101 - whoever calls has looked
    assert slots is not None  # noqa: S101
    if ones:
        gains = worth_one(gains)
    least = _find_least(slots, payments)
    price = prices.column - prices.bonus
    known = np.zeros(problem.n_rows, np.int64)
    i, j = pairs[:, 0], pairs[:, 1]
    known[i] = gains.pairs(i, j)[0] - price[j] - pay(i, j)
    known = np.maximum(known, 0)
    known[problem.pins[:, 0]] = _ENOUGH
    usable = np.flatnonzero(problem.capacity > 0)
    for rows, own, asked in (
        (np.flatnonzero(~slots.open_row), least, payments),
        (np.flatnonzero(slots.open_row), np.zeros_like(least), None),
    ):
        if not len(rows):
            continue
        part = gains
        if len(rows) < problem.n_rows or len(usable) < problem.n_columns:
            part = gains.take(rows, usable)
        later = None
        if asked is not None:
            later = partial(_charge, _Tariff(slots, asked, own, pay), rows, usable)
        known[rows] = find_best_profits(part, (price + own)[usable], known[rows], charge=later)
    return known


def _charge(
    tariff: _Tariff,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    better: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return what pairs of a part pay."""
    return tariff.charge(rows[i], columns[j], better)


class _Tariff:
    """What pairs pay for their slots beyond the least that their columns ask.

    Whoever cannot take one of the cheapest slots of a column pays the next price at least, which
    most often says enough.
    """

    def __init__(
        self,
        slots: Slots,
        payments: NDArray[np.int64],
        least: NDArray[np.int64],
        pay: Pay,
    ) -> None:
        self.least, self.pay, self.twin = least, pay, slots.twin
        most = np.iinfo(np.int64).max // 64
        asked = np.where(slots.column, slots.per_week * payments, most)
        cheap = slots.column & (asked <= least[:, None])
        dearer = np.where(cheap, most, asked).min(axis=1, initial=most) - least
        self.next = np.where(slots.open_column, 0, dearer)
        self.row, self.column = _pack(slots.row), _pack(cheap)

    def charge(
        self, row: NDArray[np.int64], column: NDArray[np.int64], better: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return what pairs pay; where that leaves nothing of what they offer, maybe less."""
        cheap = ((self.row[row] & self.column[column]) != 0).any(axis=1)
        paid = np.where(cheap, 0, self.next[column])
        some = np.flatnonzero((better > paid) & (~cheap | (self.twin[row] >= 0)))
        paid[some] = self.pay(row[some], column[some]) - self.least[column[some]]
        return paid


def _pack(has: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return bits in words of 64."""
    bits = np.packbits(has, axis=1)
    wide = np.zeros((len(bits), -(-max(1, bits.shape[1]) // 8) * 8), np.uint8)
    wide[:, : bits.shape[1]] = bits
    return wide.view(np.uint64)


def _find_least(slots: Slots, payments: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return what pairs with each column pay at least."""
    least = np.zeros(len(slots.column), np.int64)
    if payments is None:
        return least
    some = slots.column.any(axis=1) & ~slots.open_column
    most = np.iinfo(np.int64).max
    cheapest = np.where(slots.column[some], payments[some], most).min(axis=1, initial=most)
    least[some] = slots.per_week * cheapest
    return least
