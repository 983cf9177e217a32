"""The best seating of rows on columns over candidate pairs, with prices and a warm start.

Two solvers with one contract: shortest augmenting paths compiled by numba (the ``fast`` extra), and
minimum-cost flow of OR-tools followed by price recovery in numpy. Both leave a seating and prices
that prove it best over the candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.augment_flow import seat_by_flow
from pairmatch.solvers.assignment.pricing.augment_paths import load_kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.augment_paths import Kernels
    from pairmatch.solvers.assignment.pricing.candidates import Candidates

__all__ = ["Seating"]

_FAR = np.int64(2**62)
_BUDGET = 20_000_000  # edges between two looks at the clock, some tenths of a second


class Seating:
    """Who sits where, and the prices that go with it.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    capacity, least : ndarray of int64, shape (n_columns,)
        Most and fewest rows of each column.
    v : ndarray of int64, shape (n_columns,)
        Prices to start from.
    fast : bool, default: True
        Whether to use the compiled solver if numba is there.

    Attributes
    ----------
    outside : ndarray of int64, shape (n_rows,)
        What a row is worth that sits nowhere.
    spare, short : ndarray of int64, shape (n_columns,)
        What an empty place is worth; what it is worth while fewer than ``least`` rows sit there.
        ``short <= spare``.
    u, v : ndarray of int64
        Prices: ``u[i] + v[j] >= gain`` for every candidate, equal where a row sits.
    mate : ndarray of int64, shape (n_rows,)
        Column of each row, or -1.
    filled : ndarray of int64, shape (n_columns,)
        Rows of each column.
    solver : str
        Which of the two solvers is used.
    can_stop : bool
        Whether a solve can be stopped on its way; a flow cannot.
    """

    def __init__(
        self,
        n_rows: int,
        capacity: NDArray[np.int64],
        least: NDArray[np.int64],
        v: NDArray[np.int64],
        *,
        fast: bool = True,
    ) -> None:
        n_columns = len(capacity)
        self.capacity, self.least = capacity, least
        self.outside = np.zeros(n_rows, np.int64)
        self.spare = np.zeros(n_columns, np.int64)
        self.short = np.zeros(n_columns, np.int64)
        self.u = np.zeros(n_rows, np.int64)
        self.v = v.astype(np.int64)
        self.mate = np.full(n_rows, -1, np.int64)
        self.filled = np.zeros(n_columns, np.int64)
        self._first = np.full(n_columns, -1, np.int64)
        self._after = np.full(n_rows, -1, np.int64)
        self._before = np.full(n_rows, -1, np.int64)
        self._kernels = load_kernels() if fast else None
        self.solver = "min-cost flow" if self._kernels is None else "augmenting paths"
        self.can_stop = self._kernels is not None
        self._is_stale = True

    def solve(self, candidates: Candidates, should_stop: Callable[[], bool]) -> bool:
        """Make the seating best over the candidates; return False if stopped before it was.

        The prices must be feasible for every candidate, new ones included, except in the first
        call and after :meth:`refresh`, when u is set from v. When stopped, prices and seating are
        valid, but some rows sit outside that would rather not.
        """
        if self._kernels is None:
            return self._solve_flow(candidates, should_stop)
        if self._is_stale:
            self._kernels[0](*self._rows(candidates), *self._seats)
            self._is_stale = False
        return self._augment(self._kernels, candidates, should_stop, _BUDGET)

    @property
    def _seats(self) -> tuple[NDArray[np.int64], ...]:
        """Who sits where, as the kernels want it."""
        return self.mate, self._first, self._after, self._before, self.filled

    def _rows(self, candidates: Candidates) -> tuple[NDArray[np.generic], ...]:
        """Candidates by row, terms and prices, as the kernels want them."""
        return (
            candidates.start, candidates.column, candidates.gain, self.outside, self.spare,
            self.capacity, self.least, self.u, self.v,
        )  # fmt: skip

    def _augment(
        self,
        kernels: Kernels,
        candidates: Candidates,
        should_stop: Callable[[], bool],
        budget: int,
    ) -> bool:
        """Seat the rows that would rather sit, then fill the places that are too dear."""
        _, insert_rows, fill_columns, turn_edges = kernels
        n_columns, size = len(self.capacity), len(candidates) + 1
        dist, via, onto = np.full(n_columns, _FAR), *np.empty((2, n_columns), np.int64)
        heap = (*np.empty((2, size), np.int64), np.empty(n_columns, np.int64))
        queue, at = self._wanting_rows(), 0
        while at < len(queue):
            if should_stop():
                return False
            at = insert_rows(
                queue, at, budget, *self._rows(candidates), *self._seats, dist, via, *heap
            )
        queue, at = self._wanting_columns(), 0
        if len(queue) == 0:
            return True
        columns = candidates.by_column(turn_edges)
        while at < len(queue):
            if should_stop():
                return False
            at = fill_columns(
                queue, at, budget, *columns, self.spare, self.short, self.capacity, self.least,
                self.u, self.v, *self._seats, dist, via, onto, *heap,
            )  # fmt: skip
        return True

    def _wanting_rows(self) -> NDArray[np.int64]:
        """Return the rows outside that would rather sit."""
        return np.flatnonzero((self.mate < 0) & (self.u > self.outside))

    def _wanting_columns(self) -> NDArray[np.int64]:
        """Return the columns whose empty places are priced above what they are worth."""
        return np.flatnonzero(
            ((self.filled < self.capacity) & (self.v > self.spare))
            | ((self.filled < self.least) & (self.v > self.short))
        )

    def refresh(self) -> None:
        """Let the next call set u from v: new candidates may be worth more than the prices."""
        self._is_stale = True

    def _solve_flow(self, candidates: Candidates, should_stop: Callable[[], bool]) -> bool:
        """Solve as flows that cannot be stopped."""
        best = self.outside.copy()
        np.maximum.at(best, candidates.row, candidates.gain - self.v[candidates.column])
        self.u = best  # feasible whatever happens next
        if should_stop():
            return False
        seat_by_flow(self, candidates)
        self._is_stale = False
        return True
