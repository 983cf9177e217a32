"""Budgets in a proof: whether an answer keeps them, and what fits into a column at best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["check_budgets", "count_room", "fill_column", "pack_columns"]

_WIDTH = 64  # columns at a time
_MOST = 2**16  # units of a budget that are told apart; more are counted in coarser units
_LIMIT = 2**62


def check_budgets(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Return a fault for each column whose pairs use more than its budget."""
    faults = []
    for k, budget in enumerate(problem.budgets):
        used = np.zeros(problem.n_columns, np.int64)
        np.add.at(used, pairs[:, 1], budget.pairs(pairs[:, 0], pairs[:, 1]))
        faults += [
            Fault(
                f"its rows use {used[j]}, expected at most {budget.limit[j]}",
                f"column {j}, budget {k}",
            )
            for j in np.flatnonzero(used > budget.limit).tolist()
        ]
    return faults


def count_room(problem: AssignmentProblem) -> list[NDArray[np.int64]]:
    """Return what the pins leave of each budget, each of shape (n_columns,)."""
    rooms = []
    for budget in problem.budgets:
        room = budget.limit.astype(np.int64)
        row, column = problem.pins[:, 0], problem.pins[:, 1]
        np.subtract.at(room, column, budget.pairs(row, column))
        rooms.append(room)
    return rooms


def pack_columns(
    problem: AssignmentProblem,
    prices: Prices,
    charge: Callable[[slice, slice], NDArray[np.int64]],
    *,
    worth_one: bool = False,
) -> int:
    """Return what the rows that are best for each column leave over all prices, at most.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; its first budget is kept by each column, the others pay their prices.
    prices : Prices
        Prices, those of rows included.
    charge : callable
        What the pairs of a block pay apart from the price of the row, less the bonus.
    worth_one : bool, default: False
        Whether every pair is worth 1, not its gain.

    Notes
    -----
    One knapsack a column. Rows that are pinned are left out, and so are pairs that do not fit into
    what the pins leave of a budget.
    """
    every = slice(0, problem.n_rows)
    is_open = np.ones(problem.n_rows, np.bool_)
    is_open[problem.pins[:, 0]] = False
    rooms = count_room(problem)
    price = np.zeros(problem.n_rows, np.int64) if prices.row is None else prices.row
    total = 0
    for left in range(0, problem.n_columns, _WIDTH):
        columns = slice(left, min(left + _WIDTH, problem.n_columns))
        gain, allowed = problem.gains.block(every, columns)
        value = prices.scale * (np.ones_like(gain) if worth_one else gain)
        value = value - charge(every, columns) - price[:, None]
        use = [budget.block(every, columns) for budget in problem.budgets]
        fits = allowed & is_open[:, None] & (value > 0)
        for needed, room in zip(use, rooms, strict=True):
            fits &= needed <= room[columns]
        for j in range(columns.stop - left):
            items = np.flatnonzero(fits[:, j])
            total += fill_column(value[items, j], use[0][items, j], int(rooms[0][left + j]))[0]
    return total


def fill_column(
    value: NDArray[np.int64], use: NDArray[np.int64], limit: int
) -> tuple[int, NDArray[np.int64]]:
    """Return the largest sum of values of items that fit, and the items: a 0-1 knapsack.

    Parameters
    ----------
    value : ndarray of int64, shape (n_items,)
        What each item is worth, > 0.
    use : ndarray of int64, shape (n_items,)
        What it uses, between 0 and ``limit``.
    limit : int
        The most that the items may use together.

    Returns
    -------
    best : int
        The largest sum; no more than an upper bound on it where the limit is above 65,536 units
        and uses have no common divisor that brings it below, or where values are enormous.
    chosen : ndarray of int64
        Positions of items that reach it.

    Notes
    -----
    Dynamic programming over the limit: O(n_items * limit) time and memory.

    Examples
    --------
    >>> best, chosen = fill_column(np.array([6, 5, 5]), np.array([3, 2, 2]), 4)
    >>> best, chosen.tolist()
    (10, [1, 2])
    """
    everything = sum(value.tolist())
    if int(use.sum()) <= limit or everything >= _LIMIT:
        return everything, np.arange(len(value))
    unit = max(int(np.gcd.reduce(use)), limit // _MOST + 1)
    use, limit = use // unit, limit // unit  # rounded down: whatever fitted still fits
    best = np.zeros(limit + 1, np.int64)
    taken = np.zeros((len(value), limit + 1), np.bool_)
    for k, (worth, needed) in enumerate(zip(value.tolist(), use.tolist(), strict=True)):
        with_it = best[: limit + 1 - needed] + worth
        np.greater(with_it, best[needed:], out=taken[k, needed:])
        best[needed:] = np.maximum(best[needed:], with_it)
    chosen, left = [], limit
    for k in range(len(value) - 1, -1, -1):
        if taken[k, left]:
            chosen.append(k)
            left -= int(use[k])
    return int(best[limit]), np.array(chosen[::-1], np.int64)
