"""What lies around changes of a proved plan: only rows and columns that they reach are looked at.

The running plan was proved best, so its prices say what every untouched row and column is worth at
most. New rows and free places look for the shortest way to settle (shortest augmenting paths from
the old prices). A column that nobody has looked at counts as if a place there could be given away
at its old price, and a row as if it lost nothing by moving out: that flatters, so a plan that needs
neither is best, and whichever column or row a plan does need is looked at next. Where all pairs
are known that were nearly as good, it flatters by that much less, and few are needed. Of a column
that only became free, the rows matter at first that pay no change, for the others its price must
fall by more than a change costs.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.augment import Seating
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.changes.answers import HullPoint
from pairmatch.solvers.changes.earlier import count_kept
from pairmatch.solvers.changes.loops import measure_losses
from pairmatch.solvers.changes.losses import FAR, Losses

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.near_pairs import NearPairs
    from pairmatch.solvers.problem import AssignmentProblem

    Index = slice | NDArray[np.int64]
    Block = tuple[NDArray[np.integer], NDArray[np.bool_]]
    Look = Callable[[Index, Index], Block]

__all__ = ["LARGEST", "Answer", "Ground", "Surroundings"]

LARGEST = 1_000_000
"""No gain is larger: a full score."""
_NEVER = np.iinfo(np.int64).max
_MOST_SEEN = 2**24  # pairs that are looked at
# From so many sixteenths of a price of a change on, rows and columns are looked at ahead of time:
# where pairs that were nearly as good are known, there is no need to.
_AHEAD, _KNOWN_AHEAD = 12, 16
_SPARE = 8  # so many pairs of each column that has room are candidates from the start


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
    near : NearPairs or None
        Pairs of these rows and columns that were nearly as good, as far as they are known.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    bonus: int
    near: NearPairs | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The best plan for a price of a change.

    Parameters
    ----------
    point : HullPoint
        The plan.
    price : ndarray of int64, shape (n_columns,)
        Prices of places that prove it, in the fraction ``scale`` of a gain.
    keep, scale : int
        A change costs ``keep / scale``.
    """

    point: HullPoint
    price: NDArray[np.int64]
    keep: int
    scale: int


class Surroundings:
    """The candidates around the changes, which grow while prices of a change are tried."""

    def __init__(
        self, problem: AssignmentProblem, column_of: NDArray[np.int64], ground: Ground, look: Look
    ) -> None:
        self.problem, self.column_of, self.look, self.bonus = problem, column_of, look, ground.bonus
        n, m = problem.n_rows, problem.n_columns
        self.is_open, self.had = problem.capacity > 0, column_of >= 0
        self.price, self.profit = np.maximum(ground.column, 0), np.maximum(ground.row, 0)
        # At the old prices unknown pairs of the same row and column lose these two at least.
        self.slack = np.zeros(n, np.int64), np.zeros(m, np.int64)
        self.ahead = _AHEAD if ground.near is None else _KNOWN_AHEAD
        self.losses = Losses()
        self.candidates = Candidates((n, m))
        self.seats = Seating(n, problem.capacity, np.zeros(m, np.int64), self.price)
        self.keep: int | None = None  # the price of a change that the seats are best for
        kept = np.flatnonzero(self.had)
        gain, _ = problem.gains.pairs(kept, column_of[kept])
        self.candidates.add(kept, column_of[kept], gain + self.bonus)
        self.own = np.arange(len(kept))  # the candidates that were pairs before
        load = np.bincount(column_of[kept], minlength=m)
        fresh, changed = (ground.column < 0) & self.is_open, ground.row < 0
        room = (ground.column > 0) & self.is_open & (load < problem.capacity)
        # All pairs are known of the rows and columns that were looked at whole; of the other
        # columns that were looked at, those of some rows.
        self.whole_rows = changed | ((ground.row > 0) & ~self.had)
        self.whole_columns, self.part_columns = fresh, np.zeros(m, np.bool_)
        self.part_rows = ~self.had & ~self.whole_rows
        columns, rows = np.flatnonzero(fresh), np.flatnonzero(self.whole_rows)
        every = np.arange(n), np.arange(m)
        of_columns, of_rows = self.look(slice(0, n), columns), self.look(rows, slice(0, m))
        least = self._measure(every[0], columns, of_columns)[~changed].min(axis=0, initial=0)
        self.price[columns] = -least
        least = self._measure(rows, every[1], of_rows).min(axis=1, initial=0)
        self.profit[rows] = np.where(changed[rows], -least, self.profit[rows])
        self._remember(every[0], columns, of_columns)
        self._remember(rows, every[1], of_rows)
        if ground.near is not None:
            near = ground.near
            self.slack = near.row_slack, near.column_slack
            known = self.is_open[near.column]
            row = near.row[known].astype(np.int64)
            column = near.column[known].astype(np.int64)
            loss = self.profit[row] + self.price[column] - self.bonus - near.gain[known]
            self.losses.add(row, column, loss)
        self.floor = (
            np.maximum(self.profit - self.slack[0], 0),
            np.maximum(self.price - self.slack[1], 0),
        )
        self.see_columns(room)

    def _measure(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], block: Block
    ) -> NDArray[np.int64]:
        """Return what pairs lose at the old prices."""
        price = np.where(self.is_open[columns], self.price[columns], FAR)
        return measure_losses(*block, self.profit[rows] - self.bonus, price, FAR)

    def _remember(self, rows: NDArray[np.int64], columns: NDArray[np.int64], block: Block) -> None:
        """Keep what pairs lose at the old prices."""
        if block[0].size:
            self.losses.add(rows, columns, self._measure(rows, columns, block))

    def see_rows(self, rows: NDArray[np.bool_]) -> None:
        """Look at all pairs of some rows."""
        new = np.flatnonzero(rows & ~self.whole_rows)
        every = np.arange(self.problem.n_columns)
        if len(new):
            self._remember(new, every, self.look(new, slice(0, len(every))))
            self.whole_rows[new] = True

    def see_columns(self, columns: NDArray[np.bool_], *, whole: bool = False) -> None:
        """Look at pairs of some columns: all of them, or those of rows that pay no change."""
        new = np.flatnonzero(columns & ~self.whole_columns & (whole | ~self.part_columns))
        if not len(new):
            return
        every = np.arange(self.problem.n_rows)
        if whole:
            self._remember(every, new, self.look(slice(0, len(every)), new))
            self.whole_columns[new], self.part_columns[new] = True, False
        else:
            rows = np.flatnonzero(self.part_rows)
            self._remember(rows, new, self.look(rows, new))
            self.part_columns[new] = True

    def _widen(
        self, of_row: NDArray[np.int64], of_column: NDArray[np.int64], keep: int, scale: int
    ) -> bool:
        """Look at more rows of the columns that were looked at in part; return whether any was.

        Both are as before there, so their pairs lose nothing less than the slack, and pay only
        where the two have given in by more. Rows that could stay pay for the change.
        """
        of_row, of_column = of_row - scale * self.slack[0], of_column - scale * self.slack[1]
        whole = self.part_columns & (of_column > keep)
        self.see_columns(whole, whole=True)
        columns = np.flatnonzero(self.part_columns)
        most = int(of_column[columns].max(initial=0))
        lacking = (of_row + most > 0) & ~self.part_rows & ~self.whole_rows
        if lacking.any():  # some more rows, that nobody need come again
            lacking = (of_row + max(most, keep) > 0) & ~self.part_rows & ~self.whole_rows
            rows = np.flatnonzero(lacking)
            self._remember(rows, columns, self.look(rows, columns))
            self.part_rows |= lacking
        return bool(whole.any() or lacking.any())

    def solve(self, keep: int, scale: int) -> Answer | None:
        """Return the best plan for a price of a change; None if that reaches too far."""
        problem, seats = self.problem, self.seats
        if scale > 1:
            none = np.zeros(problem.n_columns, np.int64)
            seats = Seating(problem.n_rows, problem.capacity, none, scale * self.seats.v)
        elif self.keep is None:
            self._add(*self.losses.find_least(~self.had, _SPARE))
        else:
            self._look_on(self.keep, keep * self.ahead // 16)
        ahead = keep * self.ahead // 16 if scale == 1 else None
        while True:
            seats.outside = np.where(self.whole_rows, 0, scale * self.floor[0])
            seen = self.whole_columns | self.part_columns
            seats.spare = np.where(seen, 0, scale * self.floor[1])
            seats.short = seats.spare
            lifted = copy(self.candidates)
            lifted.gain = scale * lifted.gain
            lifted.gain[self.own] += keep
            seats.refresh()
            seats.solve(lifted, _never)
            self.keep = keep if scale == 1 else self.keep
            out = (seats.mate < 0) & (seats.outside > 0)
            empty = (seats.filled < problem.capacity) & (seats.v > 0) & (seats.spare > 0)
            lacks = bool(out.any() or empty.any())
            if lacks and ahead is not None:
                self._look_on(keep, ahead, out | self._join_company(out), empty)
            elif lacks:
                self.see_rows(out)
                self.see_columns(empty)
            if not self._ask_for_more(seats, keep, scale, ahead) and not lacks:
                return self._finish(seats, keep, scale)
            if self.losses.n_pairs > _MOST_SEEN:
                return None

    def _join_company(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return who had a column with some rows: they are as likely to be asked to move."""
        columns = np.zeros(self.problem.n_columns, np.bool_)
        columns[self.column_of[rows & self.had]] = True
        return self.had & columns[self.column_of]

    def _add(
        self, row: NDArray[np.int64], column: NDArray[np.int64], loss: NDArray[np.int64]
    ) -> None:
        """Make candidates of pairs."""
        if len(row):
            gain = self.profit[row] + self.price[column] - loss
            if self.candidates.add(row, column, gain):
                self.own = self._find_own()

    def _find_own(self) -> NDArray[np.int64]:
        """Return the candidates that were pairs before."""
        return np.flatnonzero(self.candidates.column == self.column_of[self.candidates.row])

    def _look_on(
        self,
        keep: int,
        ahead: int,
        rows: NDArray[np.bool_] | bool = False,
        columns: NDArray[np.bool_] | bool = False,
    ) -> None:
        """Look at rows and columns, and at those that are likely to be needed soon.

        Should a change cost no more than ``ahead``: the columns that rows would leave, and the rows
        of columns that would be too dear for them to stay.
        """
        seats = self.seats
        self._ask_for_more(seats, keep, 1, ahead)
        row, column = self.candidates.row, self.candidates.column
        slack = seats.u[row] + seats.v[column] - self.candidates.gain
        slack[self.own] = _NEVER
        moves = row[slack < keep - ahead]
        left = np.zeros(self.problem.n_columns, np.bool_)
        left[self.column_of[moves[self.had[moves]]]] = True
        tight = column[slack == 0]
        rise = np.zeros(self.problem.n_columns, np.int64)
        rise[tight] = (seats.v - self.price)[tight]
        dear = rise[self.column_of] > ahead + self.slack[0]
        self.see_rows(rows | (self.had & dear))
        self.see_columns(columns | left)

    def _ask_for_more(self, seats: Seating, keep: int, scale: int, ahead: int | None) -> bool:
        """Add pairs that would pay at these prices; return whether any does, or may.

        Also those that would pay if a change cost no more than ``ahead``.
        """
        of_row, of_column = scale * self.profit - seats.u, scale * self.price - seats.v
        wider = self._widen(of_row, of_column, keep, scale)
        soon = of_row if ahead is None else of_row + max(0, keep - ahead) * self.had
        row, column, loss = self.losses.take_paying(soon, of_column, scale)
        self._add(row, column, loss)
        pays = of_row[row] + of_column[column] > scale * loss
        return wider or bool((pays & (column != self.column_of[row])).any())

    def guess(self, n_moves: int) -> int:
        """Return about what a change costs where so many people move, from the seats so far.

        The best row for each candidate column, and what others would pay for a place.
        """
        seats, row, column = self.seats, self.candidates.row, self.candidates.column
        own = self.column_of[row]
        more = (self.keep or 0) - seats.u[row] - seats.v[column] + self.candidates.gain
        moves = (own >= 0) & (own != column) & (more > 0)
        best = np.maximum(seats.v - self.price, 0) * self.is_open
        np.maximum.at(best, column[moves], more[moves])
        worth = np.sort(best[best > 0])[::-1]
        return max(1, int(worth[min(n_moves, len(worth)) - 1])) if len(worth) else 1

    def _finish(self, seats: Seating, keep: int, scale: int) -> Answer:
        rows = np.flatnonzero(seats.mate >= 0)
        pairs = np.stack([rows, seats.mate[rows]], axis=1)
        kept = count_kept(self.column_of, pairs)
        value = int(self.candidates.find(rows, pairs[:, 1]).sum())
        price = seats.v.copy()
        price[~self.is_open] = scale * (LARGEST + self.bonus) + keep  # nobody sits there
        return Answer(HullPoint(pairs, kept, value), price, keep, scale)


def _never() -> bool:
    return False
