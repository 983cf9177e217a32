"""All pairs of a large pool priced by compiled sweeps; slots are looked at where they matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.meetings.prices import cheapest_slot, find_least_costs
from pairmatch.solvers.assignment.pricing.sweep import Sweeper
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.meetings.prices import SlotPrices
    from pairmatch.solvers.problem import AssignmentProblem

    Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

__all__ = ["SlotSweep", "fits_sweep"]

_KEEP = 24  # pairs of a row that a sweep brings, before slots are looked at
_MORE = 8  # factor where these were not all


def fits_sweep(problem: AssignmentProblem) -> bool:
    """Return whether the gains of a problem can be swept by compiled code.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    """
    return isinstance(problem.gains, StreamedGains) and problem.gains.keys is None


class SlotSweep:
    """The open rows of a problem and the columns that have places.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots for which :func:`fits_sweep` holds.
    """

    def __init__(self, problem: AssignmentProblem) -> None:
        assert isinstance(problem.gains, StreamedGains)  # noqa: S101 - whoever calls has looked
        assert problem.slots is not None  # noqa: S101
        self.problem, self.slots = problem, problem.slots
        self.columns = np.flatnonzero(problem.capacity > 0)
        gains = problem.gains
        if len(self.columns) < problem.n_columns:
            gains = gains.take(np.arange(problem.n_rows), self.columns)
        self.sweeper = Sweeper(gains)
        is_open = np.ones(problem.n_rows, np.bool_)
        is_open[problem.pins[:, 0]] = False
        self.timed = np.flatnonzero(is_open & ~self.slots.open_row)
        self.free = np.flatnonzero(is_open & self.slots.open_row)

    def begin(self, price: NDArray[np.int64], keep: int) -> Pairs:
        """Return the best few pairs of every open row under prices of places alone.

        Parameters
        ----------
        price : ndarray of int64, shape (n_columns,)
            The prices.
        keep : int
            Pairs of a row that are returned at most.
        """
        rows = np.sort(np.concatenate([self.timed, self.free]))
        charge = price[self.columns]
        shift = (int(charge.min(initial=0)) + int(charge.max(initial=0))) // 2
        least = -int(self.sweeper.gains.largest) - int(np.abs(charge - shift).max(initial=0)) - 1  # type: ignore[attr-defined]
        few = np.full(len(rows), keep)
        hits = self.sweeper.best(rows, charge - shift, few, least)
        return hits.line, self.columns[hits.position]

    def collect(self, prices: SlotPrices, bonus: int, keep: int) -> tuple[Pairs, Pairs]:
        """Return pairs that are worth more than prices leave their rows, or at least as much.

        Parameters
        ----------
        prices : SlotPrices
            Prices in gains, of which a pair pays those of one slot.
        bonus : int
            What every pair is given on top.
        keep : int
            Pairs of a row that are worth more and returned at most.

        Returns
        -------
        more : (rows, columns)
            None if and only if there is no such pair.
        equal : (rows, columns)
            All pairs that are worth as much, where none is worth more.
        """
        more, equal = [], []
        for rows, least in (
            (self.timed, find_least_costs(self.slots, prices)),
            (self.free, np.zeros(self.problem.n_columns, np.int64)),
        ):
            one, other = self._collect(rows, prices, bonus, least, keep)
            more.append(one)
            equal.append(other)
        return _join(more), _join(equal)

    def _collect(
        self,
        rows: NDArray[np.int64],
        prices: SlotPrices,
        bonus: int,
        least: NDArray[np.int64],
        keep: int,
    ) -> tuple[Pairs, Pairs]:
        """Return the same of some rows, whose pairs pay the least of each column at least."""
        charge = (prices.column + least)[self.columns] - bonus
        shift = (int(charge.min(initial=0)) + int(charge.max(initial=0))) // 2
        more: list[Pairs] = []
        equal: list[Pairs] = []
        n_kept = _KEEP
        while len(rows):
            lowest = prices.profit[rows] - 1 + shift
            wanted = np.full(len(rows), min(n_kept, len(self.columns)))
            hits = self.sweeper.best(rows, charge - shift, wanted, lowest)
            row, column = hits.line, self.columns[hits.position]
            value = hits.gain + bonus - prices.column[column]
            value -= cheapest_slot(self.problem, prices, row, column)
            better = value > prices.profit[row]
            order = np.lexsort((column[better], -value[better], row[better]))
            i, j = row[better][order], column[better][order]
            few = np.arange(len(i)) - np.searchsorted(i, i, "left") < keep
            more.append((i[few], j[few]))
            # A row whose list was full may have other pairs, unless one of these moves its price.
            full = rows[hits.floor > lowest]
            again = np.setdiff1d(full, i) if n_kept < len(self.columns) else full[:0]
            whole = (value >= prices.profit[row]) & ~np.isin(row, again)
            equal.append((row[whole], column[whole]))
            if any(len(part[0]) for part in more):
                break  # another sweep follows
            rows = again
            n_kept *= _MORE
        return _join(more), _join(equal)


def _join(parts: list[Pairs]) -> Pairs:
    none = np.empty(0, np.int64)
    return (
        np.concatenate([none, *(part[0] for part in parts)]),
        np.concatenate([none, *(part[1] for part in parts)]),
    )
