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
_REACH = 2**18  # pairs that lose no more than this at the old prices are kept at hand
_NEAR = 2**16  # those that lose no more than this are wanted from the start


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
        self.candidates = Candidates((n, m))
        # Row, column, worth and loss at the old prices of pairs that are not yet wanted.
        self.waiting = tuple(np.empty(0, np.int64) for _ in range(4))
        self.waits = np.empty(0, np.bool_)  # whether it still does
        self.seats = Seating(n, problem.capacity, np.zeros(m, np.int64), self.price)
        kept = np.flatnonzero(column_of >= 0)
        gain, _ = problem.gains.pairs(kept, column_of[kept])
        self.candidates.add(kept, column_of[kept], gain + self.bonus)
        load = np.bincount(column_of[kept], minlength=m)
        fresh, changed = ground.column < 0, ground.row < 0
        room = ~fresh & (load < problem.capacity) & (self.price > 0)
        columns = np.flatnonzero((fresh | room) & self.is_open)
        rows = np.flatnonzero(changed | ((ground.row > 0) & (column_of < 0)))
        of_columns, of_rows = self._see(slice(0, n), columns), self._see(rows, slice(0, m))
        best = (of_columns[~changed] - self.profit[~changed, None]).max(axis=0, initial=0)
        self.price[columns] = np.where(fresh[columns], best, self.price[columns])
        best = (of_rows - self.price).max(axis=1, initial=0)
        self.profit[rows] = np.where(changed[rows], best, self.profit[rows])
        self._wait(np.arange(n), columns, of_columns)
        self._wait(rows, np.arange(m), of_rows)
        self.columns, self.rows = columns, rows

    def _see(self, rows: Index, columns: Index) -> NDArray[np.int64]:
        """Return the worth of all pairs of some rows or columns."""
        gain, allowed = self.look(rows, columns)
        allowed = allowed & self.is_open[columns]
        return np.where(allowed, gain.astype(np.int64) + self.bonus, _ABSENT)

    def _wait(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], worth: NDArray[np.int64]
    ) -> None:
        """Let pairs that lose little at the old prices wait until they are wanted."""
        loss = self.profit[rows, None] + self.price[columns] - worth
        at = np.flatnonzero(loss.ravel() <= _REACH)
        row, column = np.divmod(at, max(1, len(columns)))
        found = rows[row], columns[column], worth.ravel()[at], loss.ravel()[at]
        self.waiting = tuple(map(np.concatenate, zip(self.waiting, found, strict=True)))
        self.waits = np.concatenate([self.waits, np.ones(len(at), np.bool_)])

    def see_columns(self, columns: NDArray[np.int64]) -> None:
        """Look at all pairs of some columns."""
        if len(columns):
            every = np.arange(self.problem.n_rows)
            self._wait(every, columns, self._see(slice(0, len(every)), columns))
            self.columns = np.concatenate([self.columns, columns])

    def see_rows(self, rows: NDArray[np.int64]) -> None:
        """Look at all pairs of some rows."""
        if len(rows):
            every = np.arange(self.problem.n_columns)
            self._wait(rows, every, self._see(rows, slice(0, len(every))))
            self.rows = np.concatenate([self.rows, rows])

    def solve(self, keep: int, scale: int) -> _Answer | None:
        """Return the best plan for a price of a change; None if that reaches too far."""
        problem, seats = self.problem, self.seats
        if scale > 1:
            none = np.zeros(problem.n_columns, np.int64)
            seats = Seating(problem.n_rows, problem.capacity, none, scale * self.seats.v)
        charge = np.where(self.column_of >= 0, keep // scale, 0)
        while True:
            self._want(self.waiting[3] + charge[self.waiting[0]] <= _NEAR)
            seats.outside, seats.spare = scale * self.profit, scale * self.price
            seats.outside[self.rows], seats.spare[self.columns] = 0, 0
            seats.short = seats.spare
            lifted = copy(self.candidates)
            lifted.gain = scale * lifted.gain
            lifted.gain[lifted.column == self.column_of[lifted.row]] += keep
            seats.refresh()
            seats.solve(lifted, _never)
            out = np.flatnonzero((seats.mate < 0) & (seats.outside > 0))
            empty = (seats.filled < problem.capacity) & (seats.v > 0) & (seats.spare > 0)
            if len(out) or empty.any():
                self.see_rows(self._join_company(out))
                self.see_columns(np.flatnonzero(empty))
                seen = len(self.columns) * problem.n_rows + len(self.rows) * problem.n_columns
                if seen > _MOST_SEEN:
                    return None
            elif not self._ask_for_more(seats, scale):
                return self._finish(seats, keep, scale)

    def _join_company(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows and those they had a column with, who are as likely to be asked to move."""
        columns = self.column_of[rows]
        also = np.isin(self.column_of, columns[columns >= 0])
        also[rows] = True
        also[self.rows] = False
        return np.flatnonzero(also)

    def _want(self, wanted: NDArray[np.bool_]) -> int:
        """Make candidates of some of the pairs that wait; return how many are new."""
        at = np.flatnonzero(wanted & self.waits)
        if not len(at):
            return 0
        self.waits[at] = False
        row, column, worth, _ = (own[at] for own in self.waiting)
        return self.candidates.add(row, column, worth)

    def _ask_for_more(self, seats: Seating, scale: int) -> bool:
        """Add pairs that were looked at and would pay at these prices; return whether any does.

        A pair pays where row and column give in by more than it lost at the old prices.
        """
        of_row = scale * self.profit - seats.u
        of_column = np.where(self.is_open, scale * self.price - seats.v, _ABSENT)
        row, column, _, loss = self.waiting
        added = self._want(of_row[row] + of_column[column] > scale * loss)
        # What loses more than is kept waiting is looked for where somebody gave in by more.
        most = of_row.max(initial=_ABSENT), of_column.max(initial=_ABSENT)
        far_row = np.flatnonzero(of_row + most[1] > scale * _REACH)
        far_column = np.flatnonzero(of_column + most[0] > scale * _REACH)
        if not (len(far_row) and len(far_column)):
            return added > 0
        for rows, columns in (
            (far_row, far_column[np.isin(far_column, self.columns)]),
            (far_row[np.isin(far_row, self.rows)], far_column),
        ):
            worth = self._see(rows, columns)
            left = scale * worth - seats.u[rows, None] - seats.v[columns]
            line, place = np.nonzero(left > 0)
            found = rows[line], columns[place], worth[line, place]
            added += self.candidates.add(*found)
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
        last, few = many, None
        if many.point.kept > n_kept:
            many, few, last = _step_down(near, many, n_kept)
        while few is not None and many.point.kept > n_kept:
            middle = _halve(near, many.point, few.point)
            if middle is None:
                break
            last = middle
            rise, run = few.point.value - many.point.value, many.point.kept - few.point.kept
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


def _step_down(
    near: _Nearby, many: _Answer, n_kept: int
) -> tuple[_Answer, _Answer | None, _Answer]:
    """Lower the price of a change until enough people move, or too many.

    Returns the last plan that keeps enough pairs, one that keeps too few (or None), and the plan
    whose prices bound the limit best. What is too cheap reaches far: steps are small where people
    have begun to move.
    """
    keep, width, moves = near.farthest(many) * 3 // 4 if n_kept else 0, 0, False
    last = many
    while True:
        answer = near.solve(keep, 1) if keep else near.solve(1, near.problem.n_rows + 1)
        if answer is None:
            return many, None, last
        last = answer
        if answer.point.kept < n_kept:
            return many, answer, last
        lost, left = many.point.kept - answer.point.kept, answer.point.kept - n_kept
        many = answer
        if not left or not keep:
            return many, None, last
        fourth = keep - keep * 3 // 4
        if lost and width:
            step, moves = max(1, width * left // (3 * lost)), True
        else:
            step = 2 * width if moves else fourth
        width = min(step, fourth)
        keep -= width


def _halve(near: _Nearby, many: HullPoint, few: HullPoint) -> _Answer | None:
    """Return the best plan for the price at which two plans are worth the same; None if too far.

    A price in whole units is tried first, from which other searches may go on.
    """
    rise, run = few.value - many.value, many.kept - few.kept
    rough = near.solve(rise // run, 1)
    if rough is None or rise % run == 0:
        return rough
    above = run * rough.point.value + rise * rough.point.kept > run * many.value + rise * many.kept
    return rough if above else near.solve(rise, run)
