"""Prices of places and minutes, and what pairs are worth under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Gains

__all__ = ["SlotPrices", "cheapest_slot", "price_pairs"]

_DEAR = 2**55  # more than any price, and 50 of them still fit
_AT_ONCE = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class SlotPrices:
    """Prices of places and of minutes, and what they leave to each row.

    Parameters
    ----------
    column : ndarray of int64, shape (n_columns,)
        Prices of places.
    time : ndarray of int64, shape (n_columns, n_slots)
        Prices of the minutes at which slots begin.
    cost : ndarray of int64, shape (n_columns, n_slots)
        What each slot costs.
    profit : ndarray of int64, shape (n_rows,)
        What the best pair leaves each row, nothing below 0 unless it is pinned.
    scale : int
        All of these are in this fraction of a gain.
    shared : bool
        Whether a pair pays for each of its slots, and a row that is a column as well for its own
        time, too; else for one slot in the time of its column.
    """

    column: NDArray[np.int64]
    time: NDArray[np.int64]
    cost: NDArray[np.int64]
    profit: NDArray[np.int64]
    scale: int = 1
    shared: bool = False


def cheapest_slot(
    problem: AssignmentProblem,
    prices: SlotPrices,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the least that pairs pay for their slots; 0 for those that take none."""
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    cost = prices.cost
    least = np.zeros(len(rows), np.int64)
    step = max(1, _AT_ONCE // max(1, slots.n_slots))
    for begin in range(0, len(rows), step):
        i, j = rows[begin : begin + step], columns[begin : begin + step]
        asked = cost[j]
        if prices.shared:
            twin = slots.twin[i]
            asked = asked + np.where((twin >= 0)[:, None], cost[np.maximum(twin, 0)], 0)
        joint = slots.row[i] & slots.column[j]
        found = np.where(joint, asked, _DEAR).min(axis=1, initial=_DEAR)
        free = slots.open_row[i] | slots.open_column[j]
        least[begin : begin + step] = np.where(
            free, 0, found * (slots.per_week if prices.shared else 1)
        )
    return least


def price_pairs(
    problem: AssignmentProblem,
    prices: SlotPrices,
    bonus: int,
    rows: slice,
    *,
    worth_one: bool = False,
    or_equal: bool = False,
    part: tuple[Gains, NDArray[np.int64]] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of some rows that leave more than ``prices.profit``, and what they leave.

    A first look leaves slots out and so over-estimates; slots are asked for where it hits. With
    `part`, the gains of some rows and what rows they are, `rows` are a slice of these.
    """
    gains, numbers = (problem.gains, np.arange(problem.n_rows)) if part is None else part
    number = numbers[rows]
    gain, allowed = gains.block(rows, slice(0, problem.n_columns))
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    costly = np.asarray(prices.cost.any(axis=1))
    own = np.where(slots.column, prices.cost, _DEAR).min(axis=1, initial=_DEAR)
    free = slots.open_column | slots.open_row[number].any()
    charge = prices.column - prices.scale * bonus  # passes over whole blocks are what takes time
    least = np.where(costly & ~free, own, 0)
    profit = prices.profit[number]
    some = np.flatnonzero(problem.capacity > 0)
    if len(some) < problem.n_columns:
        gain, allowed = gain[:, some], allowed[:, some]
    asked = (charge + least)[some]
    if worth_one:
        value = np.broadcast_to(prices.scale - asked, gain.shape)
    else:
        value = (gain if prices.scale == 1 else prices.scale * gain) - asked
    hit = value >= profit[:, None] if or_equal else value > profit[:, None]
    hit &= allowed
    row, column = np.divmod(np.flatnonzero(hit), max(1, len(some)))
    value = value[row, column]
    column = some[column]
    value += least[column]
    asks = costly[column]
    if prices.shared:
        twin = slots.twin[number[row]]
        asks |= (twin >= 0) & costly[np.maximum(twin, 0)]
    timed = np.flatnonzero(asks)
    value[timed] -= cheapest_slot(problem, prices, number[row[timed]], column[timed])
    keep = value >= profit[row] if or_equal else value > profit[row]
    return number[row[keep]], column[keep], value[keep]
