"""The best plan near a running one: only rows and columns that changes reach are looked at.

The running plan was proved best, so its prices say what every untouched row and column is worth at
most. New rows and free places look for the shortest way to settle (shortest augmenting paths from
the old prices). A column that nobody has looked at counts as if a place there could be given away
at its old price, and a row as if it lost nothing by moving out: that flatters, so a plan that needs
neither is best, and whichever column or row a plan does need is looked at next.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.augment import Seating
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.changes.differences import take_part
from pairmatch.solvers.changes.rematching import HullPoint, Rematching, TooManyChangesError
from pairmatch.solvers.processors import hold_blas
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Index = slice | NDArray[np.int64]
    Look = Callable[[Index, Index], tuple[NDArray[np.int64], NDArray[np.bool_]]]

__all__ = ["Ground", "solve_nearby"]

_ABSENT = -(2**40)  # worth of a pair that is not allowed; below every other
_MOST_SEEN = 2**24  # pairs of columns that are looked at
_LARGEST = 1_000_000  # no gain is larger: a full score
_REACH = 2**17  # pairs that lose no more than this at the old prices are wanted from the start


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the running plan's proof says of the rows and columns that are still the same.

    Parameters
    ----------
    row : ndarray of int64, shape (n_rows,)
        What prices leave each row; -1 for rows that are new or have changed.
    column : ndarray of int64, shape (n_columns,)
        Price of a place; -1 for columns that are new or have changed.
    bonus : int
        What every pair got on top of its gain.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    bonus: int


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    point: HullPoint
    price: NDArray[np.int64]
    keep: int
    scale: int


class _Nearby:
    """The candidates around the changes, which grow while prices of a change are tried."""

    def __init__(
        self, problem: AssignmentProblem, column_of: NDArray[np.int64], ground: Ground, look: Look
    ) -> None:
        self.problem, self.column_of, self.look, self.bonus = problem, column_of, look, ground.bonus
        n, m = problem.n_rows, problem.n_columns
        self.is_open = problem.capacity > 0
        self.price, self.profit = np.maximum(ground.column, 0), np.maximum(ground.row, 0)
        self.columns, self.rows = np.empty(0, np.int64), np.empty(0, np.int64)
        self.of_columns = np.empty((0, n), np.int64)  # worth of their pairs, a line for each
        self.of_rows = np.empty((0, m), np.int64)
        self.candidates = Candidates((n, m))
        nothing = np.empty(0, np.int64)
        self.waiting = (
            nothing,
            nothing,
            nothing,
            nothing,
        )  # row, column, worth, loss: not yet wanted
        self.wanted_columns = self.wanted_rows = 0  # how many have been gone through
        kept = np.flatnonzero(column_of >= 0)
        gain, _ = problem.gains.pairs(kept, column_of[kept])
        self.candidates.add(kept, column_of[kept], gain + self.bonus)
        load = np.bincount(column_of[kept], minlength=m)
        fresh = ground.column < 0
        same = np.flatnonzero(ground.row >= 0)
        self.see_columns(np.flatnonzero(fresh & self.is_open))
        best = (self.of_columns[:, same] - self.profit[same]).max(axis=1, initial=0)
        self.price[self.columns] = best
        changed = np.flatnonzero(ground.row < 0)
        self.see_rows(changed)
        self.profit[changed] = (self.of_rows - self.price).max(axis=1, initial=0)
        self.see_columns(np.flatnonzero(~fresh & (load < problem.capacity) & (self.price > 0)))
        self.see_rows(np.flatnonzero((ground.row > 0) & (column_of < 0)))

    def see_columns(self, columns: NDArray[np.int64]) -> None:
        """Look at all pairs of some columns."""
        if not len(columns):
            return
        gain, allowed = self.look(slice(0, self.problem.n_rows), columns)
        worth = np.where(allowed, gain.astype(np.int64) + self.bonus, _ABSENT).T
        self.of_columns = np.concatenate([self.of_columns, worth])
        self.columns = np.concatenate([self.columns, columns])

    def see_rows(self, rows: NDArray[np.int64]) -> None:
        """Look at all pairs of some rows."""
        if not len(rows):
            return
        gain, allowed = self.look(rows, slice(0, self.problem.n_columns))
        worth = np.where(allowed & self.is_open, gain.astype(np.int64) + self.bonus, _ABSENT)
        self.of_rows = np.concatenate([self.of_rows, worth])
        self.rows = np.concatenate([self.rows, rows])

    def solve(self, keep: int, scale: int) -> _Answer | None:
        """Return the best plan for a price of a change; None if that reaches too far."""
        problem = self.problem
        none = np.zeros(problem.n_columns, np.int64)
        seats = Seating(problem.n_rows, problem.capacity, none, scale * self.price)
        charge = np.where(self.column_of >= 0, keep // scale, 0)
        while True:
            self._want(charge)
            seats.outside, seats.spare = scale * self.profit, scale * self.price
            seats.outside[self.rows], seats.spare[self.columns] = 0, 0
            seats.short = seats.spare
            lifted = copy(self.candidates)
            lifted.gain = scale * lifted.gain
            lifted.gain[lifted.column == self.column_of[lifted.row]] += keep
            seats.solve(lifted, _never)
            out = np.flatnonzero((seats.mate < 0) & (seats.outside > 0))
            empty = (seats.filled < problem.capacity) & (seats.v > 0) & (seats.spare > 0)
            if len(out) or empty.any():
                self.see_rows(out)
                self.see_columns(np.flatnonzero(empty))
                if self.of_columns.size + self.of_rows.size > _MOST_SEEN:
                    return None
            elif not self._ask_for_more(seats, keep, scale):
                return self._finish(seats, keep, scale)
            seats.refresh()

    def _want(self, charge: NDArray[np.int64]) -> None:
        """Add what lies within reach of columns and rows that have been looked at."""
        at, columns = self.wanted_columns, self.columns[self.wanted_columns :]
        loss = self.profit + self.price[columns, None] - self.of_columns[at:]
        place, row = np.nonzero(loss <= _REACH)
        fresh = row, columns[place], self.of_columns[at:][place, row], loss[place, row]
        row, column, worth, loss = map(np.concatenate, zip(self.waiting, fresh, strict=True))
        near = loss + charge[row] <= _REACH
        self.waiting = row[~near], column[~near], worth[~near], loss[~near]
        rows, of_rows = self.rows[self.wanted_rows :], self.of_rows[self.wanted_rows :]
        line, other = np.nonzero(self.profit[rows, None] + self.price - of_rows <= _REACH)
        self.candidates.add(
            np.concatenate([row[near], rows[line]]),
            np.concatenate([column[near], other]),
            np.concatenate([worth[near], of_rows[line, other]]),
        )
        self.wanted_columns, self.wanted_rows = len(self.columns), len(self.rows)

    def _ask_for_more(self, seats: Seating, keep: int, scale: int) -> bool:
        """Add pairs that were looked at and would pay at these prices; return whether any does."""
        own = np.where(self.column_of >= 0, keep, 0)
        left = scale * self.of_columns - seats.v[self.columns, None] - seats.u
        place, row = np.nonzero(left > 0)
        column = self.columns[place]
        pays = (column != self.column_of[row]) | (left[place, row] + own[row] > 0)
        place, row, column = place[pays], row[pays], column[pays]
        line, other = np.nonzero(scale * self.of_rows - seats.v - seats.u[self.rows, None] > 0)
        added = self.candidates.add(
            np.concatenate([row, self.rows[line]]),
            np.concatenate([column, other]),
            np.concatenate([self.of_columns[place, row], self.of_rows[line, other]]),
        )
        return added > 0

    def _finish(self, seats: Seating, keep: int, scale: int) -> _Answer:
        rows = np.flatnonzero(seats.mate >= 0)
        pairs = np.stack([rows, seats.mate[rows]], axis=1)
        kept = int(np.count_nonzero(self.column_of[rows] == pairs[:, 1]))
        value = int(self.candidates.find(rows, pairs[:, 1]).sum())
        price = seats.v.copy()
        price[~self.is_open] = scale * (_LARGEST + self.bonus) + keep  # nobody sits there
        return _Answer(HullPoint(pairs, kept, value), price, keep, scale)

    def farthest(self, answer: _Answer) -> int:
        """Return what nobody would give for a move: no price has moved by more."""
        moved = np.abs(answer.price - answer.scale * self.price)[self.is_open]
        return int(moved.max(initial=0)) // answer.scale + 1


def _never() -> bool:
    return False


def solve_nearby(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    ground: Ground,
    look: Look,
) -> Rematching | None:
    """Return a plan that keeps at least ``n_kept`` pairs, and prices that bound every such plan.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, without pins, minimum loads, quotas and budgets.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these must stay.
    ground : Ground
        What the running plan's proof says of all that is unchanged.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.

    Returns
    -------
    Rematching or None
        Proved best at the corners of the concave hull of the trade-off between pairs kept and
        value; between two corners as many moves of the next corner as fit, with the hull as bound.
        Where changes reach more than 16,777,216 pairs, the best plan so far and the bound so far;
        None if there is no plan by then.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.

    Notes
    -----
    The dual method of successive shortest paths from prices that are optimal but for the changes
    (N. Tomizawa, Networks 1 (1971), 173-194, https://doi.org/10.1002/net.3230010206), inside a
    search for the price of a change. O(rows and columns that changes reach x people) time.
    """
    with hold_blas():
        near = _Nearby(problem, column_of, ground, look)
        many = near.solve((problem.n_rows + 1) * (2 * ground.bonus + 2 * _LARGEST) + 1, 1)
        if many is None:
            return None
        if many.point.kept < n_kept:
            raise TooManyChangesError(many.point.kept)
        few, last, keep = None, many, near.farthest(many) * 3 // 4 if n_kept else 0
        while few is None and many.point.kept > n_kept and keep >= 0:
            answer = near.solve(keep, 1) if keep else near.solve(1, len(column_of) + 1)
            if answer is None:
                break
            last = answer
            if answer.point.kept >= n_kept:
                many = answer
            else:
                few = answer
            keep = keep * 3 // 4 if keep else -1
        while few is not None and many.point.kept > n_kept:
            rise = few.point.value - many.point.value
            run = many.point.kept - few.point.kept
            middle = near.solve(rise, run)
            if middle is None:
                break
            last = middle
            level = run * many.point.value + rise * many.point.kept
            if run * middle.point.value + rise * middle.point.kept == level:
                point = take_part(many.point, few.point, column_of, n_kept, near.candidates)
                if middle.point.kept >= n_kept and middle.point.value > point.value:
                    point = middle.point
                many = _Answer(point, many.price, many.keep, many.scale)
                break
            if middle.point.kept >= n_kept:
                many = middle
            else:
                few = middle
    dual = ChangePrices(Prices(column=last.price), last.keep, ground.bonus, last.scale)
    return Rematching(many.point.pairs, dual, "prices of changes, near the running plan")
