"""Prices of rows under budgets: how little the knapsacks of the columns can be made to promise."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.budgets import count_room, fill_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["tighten_prices"]

_TURNS = 600
_PATIENCE = 12  # turns without a better bound, after which steps become shorter
_WORK = 2**31  # cells of knapsacks that are filled in all; each takes about a nanosecond
_FILLED = 15_000  # knapsacks that are filled in all, however small


def tighten_prices(
    problem: AssignmentProblem,
    prices: Prices,
    reached: int,
    *,
    n_pairs: int = 0,
    n_served: int = 0,
    worth: int | None = None,
    deadline: float | None = None,
) -> Prices:
    """Return prices of rows and places, and a bonus, with a lower bound, or the same ones.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with a budget.
    prices : Prices
        Prices to begin with, those of rows included. Prices of quotas and of further budgets stay.
    reached : int
        What the pairs of a plan are worth, pinned ones apart: the bound to aim at.
    n_pairs : int, default: 0
        How many pairs these are, where only plans of as many count; the bonus is their price.
    n_served : int, default: 0
        How many rows have their first pair by these; ``prices.first``, which stays, is the price.
    worth : int, optional
        What every pair is worth; default: its gain.
    deadline : float, optional
        Reading of the clock (``time.perf_counter``) at which to end.

    Notes
    -----
    Lagrangian relaxation of "each row as often as it should" and "so many pairs"; each column then
    fills its budget as it likes best. Where the first pair of a row counts for more, that is a
    price of the row below 0, which only one pair can earn.
    Subgradient steps of B. T. Polyak's length, "Minimization of unsmooth functionals", USSR
    Comput. Math. Math. Phys. 9 (1969), 14-29, https://doi.org/10.1016/0041-5553(69)90061-5, from
    the dual values of the linear relaxation. A fixed amount of work.
    """
    if prices.row is None or not problem.n_rows or not problem.n_columns:
        return prices
    board = _Board(problem, prices, worth)
    start = board.spend_budget(prices)
    row, column = start.row.astype(float), start.column.astype(float)  # type: ignore[union-attr]
    free = problem.at_least == 0
    bonus = float(prices.bonus)
    best, lowest, stale, length = prices, None, 0, 1.0
    goal, n_open = prices.scale * reached, int(board.left.sum())
    for _ in range(board.n_turns):
        u, v = np.rint(row).astype(np.int64), np.rint(column).astype(np.int64)
        extra = round(bonus)
        bound, idle_row, idle_place = board.look(u, v, extra * prices.scale)
        bound -= (extra * n_pairs + prices.first * n_served) * prices.scale
        surplus = (
            int(board.places.sum() - idle_place.sum()) - n_pairs if 0 < n_pairs < n_open else 0
        )
        if lowest is None or bound < lowest:
            lowest, stale = bound, 0
            best = replace(start, row=u, column=v, bonus=extra)
        else:
            stale += 1
            if stale % _PATIENCE == 0:
                length /= 2
        idle_place = np.where(~free | ((idle_place > 0) & (v == 0)), 0, idle_place)
        surplus = 0 if surplus > 0 and extra == 0 else surplus
        steep = float(idle_row @ idle_row + idle_place @ idle_place + surplus**2)
        late = deadline is not None and perf_counter() > deadline
        if late or bound // prices.scale <= reached or steep == 0 or length < 1e-4:
            break
        step = length * (bound - goal) / steep
        row = np.maximum(row - step * idle_row, -board.lift)
        column = np.where(free, np.maximum(column - step * idle_place, 0), column)
        bonus = max(0.0, bonus - step * surplus / prices.scale)
    return best


class _Board:
    """The pairs that fit, column by column, and what the knapsacks make of given prices."""

    def __init__(self, problem: AssignmentProblem, prices: Prices, worth: int | None) -> None:
        every = slice(0, problem.n_rows), slice(0, problem.n_columns)
        gain, self.fits = problem.gains.block(*every)
        self.fits = self.fits.copy()
        n_pinned = np.bincount(problem.pins[:, 0], minlength=problem.n_rows)
        self.left = problem.demand - n_pinned
        self.lift = np.where(n_pinned == 0, prices.scale * prices.first, 0)
        self.fits[self.left <= 0] = False
        self.fits[problem.pins[:, 0], problem.pins[:, 1]] = False
        rooms = count_room(problem)
        self.use, self.room = problem.budgets[0].block(*every), rooms[0]
        value = prices.scale * (gain if worth is None else np.full_like(gain, worth))
        self.fixed = 0
        load = np.bincount(problem.pins[:, 1], minlength=problem.n_columns)
        self.places = problem.capacity - load
        self.asked = np.maximum(problem.at_least - load, 0)
        for k, (budget, room) in enumerate(zip(problem.budgets, rooms, strict=True)):
            use = budget.block(*every)
            self.fits &= use <= room
            if k:
                value = value - use * prices.budget[k]
                self.fixed += int(room @ prices.budget[k])
        for quota, price in zip(problem.quotas, prices.quota, strict=True):
            label = quota.class_of
            if not price.any():
                continue
            value = value - np.where(label[:, None] >= 0, price.T[label], 0)
            left = np.full(price.shape, quota.at_most, np.int64)
            pinned = label[problem.pins[:, 0]]
            counted = pinned >= 0
            np.subtract.at(left, (problem.pins[counted, 1], pinned[counted]), 1)
            self.fixed += int((left * price).sum())
        self.value: NDArray[np.int64] = value
        cells = int(np.minimum(self.room, 2**16).sum()) * 20 + value.size * 10
        n_turns = min(_TURNS, max(60, _FILLED // problem.n_columns))
        self.n_turns = max(1, min(n_turns, _WORK // max(1, cells)))

    def spend_budget(self, prices: Prices) -> Prices:
        """Return the prices without one for the budget that the knapsacks keep by themselves."""
        nothing = np.zeros_like(prices.budget[0])
        return replace(prices, budget=(nothing, *prices.budget[1:]))

    def look(
        self, row: NDArray[np.int64], column: NDArray[np.int64], bonus: int
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Return the bound, and by how much rows and places are asked for too rarely."""
        left = self.value + bonus - row[:, None] - column
        wanted = self.fits & (left > 0)
        paid = np.where(row < 0, row, self.left * row)
        bound = self.fixed + int(np.maximum(self.lift + paid, 0).sum())
        bound += int(np.where(column >= 0, self.places, self.asked) @ column)
        count = np.zeros(len(row), np.int64)
        idle_place = self.places.copy()
        for j in np.flatnonzero(wanted.any(axis=0)).tolist():
            items = np.flatnonzero(wanted[:, j])
            best, chosen = fill_column(left[items, j], self.use[items, j], int(self.room[j]))
            bound += best
            count[items[chosen]] += 1
            idle_place[j] -= len(chosen)
        # A row pays for each of its pairs above a price of 0, for one below, for none at the least.
        most = np.where(row >= 0, self.left, 1)
        least = np.where(row > 0, self.left, (row > -self.lift).astype(np.int64))
        return bound, np.clip(count, least, most) - count, idle_place
