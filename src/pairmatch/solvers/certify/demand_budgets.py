"""Budgets where rows have several columns: what no answer exceeds, by knapsacks of the columns.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault
from pairmatch.solvers.certify.budgets import count_room, fill_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["bound_packed", "charge_places", "check_packed_prices"]

_WIDTH = 64  # columns at a time
_LIMIT = 2**55  # of what a pair may be worth in fractions, so that sums stay within 64 bits


def check_packed_prices(problem: AssignmentProblem, prices: Prices, where: str) -> list[Fault]:
    """Return what is wrong with prices of rows and places, every column packed by itself.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with budgets and demand.
    prices : Prices
        Prices with ``row``.
    where : str
        How a fault calls them.
    """
    sized: list[tuple[int, ...]] = [(problem.n_rows,), (problem.n_columns,)]
    sized += [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    sized += [(problem.n_columns,)] * len(prices.budget)
    given = [np.asarray(prices.row), prices.column, *prices.quota, *prices.budget]
    shapes = [np.shape(array) for array in given]
    kinds = {np.asarray(array).dtype.kind for array in given}
    if shapes != sized or kinds != {"i"} or len(prices.budget) not in (0, len(problem.budgets)):
        return [Fault(f"expected integers of shapes {sized}, found {shapes}", where)]
    if prices.scale < 1 or min(prices.bonus, prices.first) < 0:
        return [Fault("a scale is below 1, or a bonus below 0", where)]
    use = [int(budget.use.max(initial=0)) for budget in problem.budgets]
    sizes = [max(int(a.max(initial=0)), -int(a.min(initial=0))) for a in given]
    paid = sum(sizes) + sum(
        most * int(price.max(initial=0)) for most, price in zip(use, prices.budget, strict=False)
    )
    gain, _ = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    largest = max(int(gain.max(initial=0)), -int(gain.min(initial=0)))
    worth = prices.scale * (largest + prices.bonus + prices.first)
    if (paid + worth) * max(1, int(problem.demand.max(initial=1))) > _LIMIT:
        return [Fault("are too large to be added up exactly", where)]
    faults = []
    wrong = (prices.column < 0) & (problem.at_least == 0)
    faults += [
        Fault(f"price {prices.column[j]} is below 0 without a minimum load", f"{where}, column {j}")
        for j in np.flatnonzero(wrong).tolist()
    ]
    if any((array < 0).any() for array in (*prices.quota, *prices.budget)):
        faults.append(Fault("a price of a quota, or of a budget, is negative", where))
    return faults


def bound_packed(problem: AssignmentProblem, prices: Prices, *, worth: int | None) -> int:
    """Return what no answer exceeds, bonuses included; a pair is worth its gain, or as said.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with budgets and demand.
    prices : Prices
        Prices as :func:`check_packed_prices` has found them right.
    worth : int or None
        What every pair is worth; None for its gain.

    Notes
    -----
    Weak duality: whatever the price r of a row that may still have d columns, its k pairs pay k r,
    and ``first``, which it brings if k is above 0, is no more than that less what it pays at best:
    ``first + d r`` where r is not below 0, else ``max(0, first + r)``. Each column then takes the
    pairs that leave most within its first budget, a knapsack.
    """
    assert prices.row is not None  # noqa: S101 - whoever calls has looked
    n_pinned = np.bincount(problem.pins[:, 0], minlength=problem.n_rows)
    bound = charge_places(problem, prices, worth=worth)
    rooms = count_room(problem)
    for left, price in zip(rooms, prices.budget, strict=False):
        bound += sum(n * p for n, p in zip(left.tolist(), price.tolist(), strict=True))
    left, lift = problem.demand - n_pinned, prices.scale * prices.first
    for n, price, n_before in zip(
        left.tolist(), prices.row.tolist(), n_pinned.tolist(), strict=True
    ):
        first = 0 if n_before else lift
        if n:
            bound += first + n * price if price >= 0 else max(0, first + price)
    return (bound + _pack(problem, prices, worth, left, rooms)) // prices.scale


def charge_places(problem: AssignmentProblem, prices: Prices, *, worth: int | None) -> int:
    """Return what the pins are worth, bonuses included, and what places they leave cost at most.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with demand.
    prices : Prices
        Prices of places and of quotas, the bonuses, and the scale of all.
    worth : int or None
        What every pair is worth; None for its gain.
    """
    pinned, column = problem.pins[:, 0], problem.pins[:, 1]
    gain, _ = problem.gains.pairs(pinned, column)
    bound: int = sum(gain.tolist()) if worth is None else worth * len(pinned)
    bound += prices.bonus * len(pinned) + prices.first * len(np.unique(pinned))
    bound *= prices.scale
    load = np.bincount(column, minlength=problem.n_columns)
    low, high = np.maximum(problem.at_least - load, 0), problem.capacity - load
    counts = np.where(prices.column >= 0, high, low)
    bound += sum(n * p for n, p in zip(counts.tolist(), prices.column.tolist(), strict=True))
    for quota, price in zip(problem.quotas, prices.quota, strict=True):
        room = np.full(price.shape, quota.at_most)
        label = quota.class_of[pinned]
        np.subtract.at(room, (column[label >= 0], label[label >= 0]), 1)
        both = zip(room.ravel().tolist(), price.ravel().tolist(), strict=True)
        bound += sum(n * p for n, p in both)
    return bound


def _pack(
    problem: AssignmentProblem,
    prices: Prices,
    worth: int | None,
    open_times: NDArray[np.int64],
    rooms: list[NDArray[np.int64]],
) -> int:
    """Return what the rows that are best for each column leave over all prices."""
    total = 0
    every = slice(0, problem.n_rows)
    row = np.asarray(prices.row)
    for start in range(0, problem.n_columns, _WIDTH):
        columns = slice(start, min(start + _WIDTH, problem.n_columns))
        gain, allowed = problem.gains.block(every, columns)
        value = prices.scale * (gain if worth is None else np.full_like(gain, worth))
        value = value + prices.scale * prices.bonus - row[:, None] - prices.column[columns]
        for quota, price in zip(problem.quotas, prices.quota, strict=True):
            if price.size:
                label = quota.class_of
                value -= np.where(label[:, None] >= 0, price[columns].T[label], 0)
        use = [budget.block(every, columns) for budget in problem.budgets]
        for needed, price in zip(use, prices.budget, strict=False):
            value -= needed * price[columns]
        fits = allowed & (open_times > 0)[:, None] & (value > 0)
        for needed, room in zip(use, rooms, strict=True):
            fits &= needed <= room[columns]
        here = (problem.pins[:, 1] >= columns.start) & (problem.pins[:, 1] < columns.stop)
        fits[problem.pins[here, 0], problem.pins[here, 1] - start] = False
        for j in range(columns.stop - start):
            items = np.flatnonzero(fits[:, j])
            left = int(rooms[0][start + j])
            total += fill_column(value[items, j], use[0][items, j], left)[0]
    return total
