"""Prices of places and minutes, and what pairs are worth under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Gains, Slots

__all__ = ["SlotPrices", "cheapest_slot", "find_least_costs", "price_pairs"]

_DEAR = 2**55  # more than any price, and 50 of them still fit
_AT_ONCE = 2**22
_NEVER = -(2**62)


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


def find_least_costs(slots: Slots, prices: SlotPrices) -> NDArray[np.int64]:
    """Return what each column's cheapest slot costs; 0 where pairs may take none.

    Parameters
    ----------
    slots : Slots
        The slots.
    prices : SlotPrices
        Their prices.
    """
    costly = prices.cost.any(axis=1) & ~slots.open_column
    own = np.where(slots.column, prices.cost, _DEAR).min(axis=1, initial=_DEAR)
    least: NDArray[np.int64] = np.where(costly, own, 0)
    return least


def price_pairs(
    problem: AssignmentProblem,
    prices: SlotPrices,
    bonus: int,
    rows: slice,
    *,
    worth_one: bool = False,
    or_equal: bool = False,
    part: tuple[Gains, NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of some rows that leave more than ``prices.profit``, and what they leave.

    A first look leaves slots out and so over-estimates; slots are asked for where it hits. With
    `part`, gains of some rows and columns and which these are, `rows` are a slice of these rows.
    """
    rest = np.arange(problem.n_rows), np.arange(problem.n_columns)
    gains, numbers, columns = (problem.gains, *rest) if part is None else part
    number = numbers[rows]
    gain, allowed = gains.block(rows, slice(0, len(columns)))
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    costly = np.asarray(prices.cost.any(axis=1))
    charge = prices.column - prices.scale * bonus  # passes over whole blocks are what takes time
    least = find_least_costs(slots, prices)
    if slots.open_row[number].any():
        least = np.zeros_like(least)
    profit = prices.profit[number]
    some = np.flatnonzero(problem.capacity[columns] > 0)
    if len(some) < len(columns):
        gain, allowed = gain[:, some], allowed[:, some]
    some = columns[some]
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
    if not prices.shared and not slots.open_row[number].any():
        # A pair that cannot take the cheapest slot pays the next price: often that says enough.
        near = value[timed] - _next_price(slots, prices, least, number[row[timed]], column[timed])
        near -= profit[row[timed]]
        asks[timed] = near >= 0 if or_equal else near > 0
        value[timed[~asks[timed]]] = _NEVER
        timed = timed[asks[timed]]
    value[timed] -= cheapest_slot(problem, prices, number[row[timed]], column[timed])
    keep = value >= profit[row] if or_equal else value > profit[row]
    return number[row[keep]], column[keep], value[keep]


def _next_price(
    slots: Slots,
    prices: SlotPrices,
    least: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return what pairs pay at least: the cheapest price of the column, or the one after it."""
    cheap = slots.column & (prices.cost <= least[:, None])
    dearer = np.where(slots.column & ~cheap, prices.cost, _DEAR).min(axis=1, initial=_DEAR)
    dearer[slots.open_column] = 0
    shared = _pack(slots.row)[rows] & _pack(cheap)[columns]
    return np.where((shared != 0).any(axis=1), least[columns], dearer[columns])


def _pack(has: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return bits in words of 64."""
    bits = np.packbits(has, axis=1)
    wide = np.zeros((len(bits), -(-max(1, bits.shape[1]) // 8) * 8), np.uint8)
    wide[:, : bits.shape[1]] = bits
    return wide.view(np.uint64)
