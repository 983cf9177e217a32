"""The highest lowest gain of a pool whose matrix never exists: matchings, streamed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.remainder import set_pins
from pairmatch.solvers.assignment.held.seats import spread
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import StreamedGains

    _Seen = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows and columns that are reached

__all__ = ["bound_loads", "bound_lowest", "solve_worst_off_streamed"]

_HEIGHT, _WIDTH = 128, 4096  # pairs looked at in one go
_NONE = np.iinfo(np.int64).min


def solve_worst_off_streamed(
    problem: AssignmentProblem,
    gains: StreamedGains,
    best: AssignmentSolution,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
    watch: Watch,
    *,
    any_total: bool = False,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose lowest gain is highest, then of the best total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" without quotas that bind.
    gains : StreamedGains
        Its gains.
    best : AssignmentSolution
        Its solution: maximum coverage, then the largest total, with prices.
    solve : callable
        Solves a problem of the same loads and pins under "coverage".
    watch : Watch
        The clock.
    any_total : bool, default: False
        Whether any plan of that lowest gain will do, with the prices of ``best``.

    Returns
    -------
    AssignmentSolution
        With the same ``steps`` as :func:`.solve_worst_off`.

    Notes
    -----
    Threshold search. The pairs of the plan at hand that are below a threshold are given up, and
    augmenting paths over pairs that are not below it, found layer by layer in blocks of the pool,
    seat their rows again. Where they cannot, the rows and columns that were reached make a vertex
    cover that is too small, and the best pair that it does not cover says how far the threshold
    must come down at least. Minimum loads are looked at apart, with the rows as places: a path that
    seats one more row never takes one from a full column, so where the loads can be met and as many
    rows be matched, both can be had at once (N. S. Mendelsohn, A. L. Dulmage, "Some
    generalizations of the problem of distinct representatives", Canad. J. Math. 10 (1958), 230-241,
    https://doi.org/10.4153/CJM-1958-027-8). O(blocks) memory; each layer looks at every pair at
    most once.
    """
    coverage = None if best.prices is None else best.prices.coverage
    # Without prices of coverage all rows are matched, or all places are taken.
    taken = np.full(problem.n_columns, int(len(best.pairs) < problem.n_rows))
    steps = [Prices(taken if coverage is None else coverage.column)]
    if not len(best.pairs):
        return replace(best, steps=tuple(steps))
    gain, _ = gains.pairs(best.pairs[:, 0], best.pairs[:, 1])
    first = int(gain.min())
    lowest, cover, pairs = bound_lowest(problem, gains, best.pairs, watch)
    is_loaded = bool(problem.at_least.any())
    if is_loaded:
        most, short = bound_loads(problem, gains, best.pairs, lowest, watch)
        if short is not None:  # columns that would get too few rows above it
            lowest, cover = most, steps[0].column - short
    if cover is not None:
        steps.append(Prices(cover, bonus=1))
    if lowest > first and any_total and not is_loaded:
        best = replace(best, pairs=pairs)
    elif lowest > first:
        best = solve(replace(problem, gains=gains.keep_above(lowest)))
    return replace(best, steps=tuple(steps), solver=f"threshold search, {best.solver}")


def bound_lowest(
    problem: AssignmentProblem, gains: StreamedGains, pairs: NDArray[np.int64], watch: Watch
) -> tuple[int, NDArray[np.int64] | None, NDArray[np.int64]]:
    """Return the highest lowest gain of as many pairs, whatever loads and quotas ask, and a proof.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem; its minimum loads and quotas are ignored.
    gains : StreamedGains
        Its gains.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs of a plan.
    watch : Watch
        The clock.

    Returns
    -------
    lowest : int
        No plan of as many pairs has a higher lowest gain.
    cover : ndarray of int64, shape (n_columns,), or None
        1 for the columns of a cover of all pairs above it that is too small for as many. None
        where pins say so, or where nobody is left to be matched.
    pairs : ndarray of int64, shape (n_pairs, 2)
        As many pairs, pins included, none of which gains less; sorted.
    """
    left = set_pins(problem)
    pinned, _ = gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    highest = int(pinned.min(initial=np.iinfo(np.int64).max))
    columns = np.flatnonzero(left.capacity > 0)
    mate = np.full(len(left.rows), -1)
    free = pairs[np.isin(pairs[:, 0], left.rows)]
    mate[np.searchsorted(left.rows, free[:, 0])] = np.searchsorted(columns, free[:, 1])
    pool = _Pool(gains.take(left.rows, columns), left.capacity[columns], mate, watch)
    first = pool.lowest()
    if not pool.n_wanted or first >= highest:
        return min(first, highest), None, pairs
    lowest, seen = _raise(pool, first, highest)
    seated = np.flatnonzero(pool.mate >= 0)
    free = np.stack([left.rows[seated], columns[pool.mate[seated]]], axis=1)
    pairs = np.concatenate([problem.pins.reshape(-1, 2), free])
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    if seen is None:
        return lowest, None, pairs
    cover = np.ones(problem.n_columns, np.int64)
    cover[columns] = seen[1]
    return lowest, cover, pairs


def bound_loads(
    problem: AssignmentProblem,
    gains: StreamedGains,
    pairs: NDArray[np.int64],
    highest: int,
    watch: Watch,
) -> tuple[int, NDArray[np.int64] | None]:
    """Return the highest lowest gain with which the minimum loads can be met, and a proof.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem; its quotas are ignored, and so is how many rows are matched.
    gains : StreamedGains
        Its gains.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs of a plan that meets the loads.
    highest : int
        No higher gain is of interest.
    watch : Watch
        The clock.

    Returns
    -------
    lowest : int
        Every plan that meets the minimum loads has a pair of at most this gain.
    short : ndarray of int64, shape (n_columns,), or None
        1 for columns whose pairs above it are with fewer rows than they must get. None where they
        could all have pairs of ``highest``.
    """
    left = set_pins(problem)
    seats = np.repeat(np.arange(problem.n_columns), left.at_least)
    free = pairs[np.isin(pairs[:, 0], left.rows)]
    free = free[np.argsort(free[:, 1], kind="stable")]
    first = np.searchsorted(free[:, 1], seats)
    turn = np.arange(len(seats)) - np.searchsorted(seats, seats)
    mate = np.searchsorted(left.rows, free[first + turn, 0])
    turned = _SeatGains(gains, np.arange(problem.n_columns)).take(seats, left.rows)
    pool = _Pool(turned, np.ones(len(left.rows), np.int64), mate, watch)
    low = pool.lowest()
    if low >= highest:
        return highest, None
    lowest, seen = _raise(pool, low, highest)
    if seen is None:
        return lowest, None
    short = np.zeros(problem.n_columns, np.int64)
    short[seats[seen[0]]] = 1
    return lowest, short


@dataclass(frozen=True, slots=True, eq=False)
class _SeatGains:
    """Gains of seats, each of which is with a column, with the rows of a pool."""

    gains: StreamedGains
    column: NDArray[np.int64]  # of each seat

    @property
    def shape(self) -> tuple[int, int]:
        """Number of seats and of rows."""
        return len(self.column), self.gains.shape[0]

    def block(self, seats: slice, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed" of a block; fast where its columns are neighbours."""
        column = self.column[seats]
        first = int(column.min(initial=self.gains.shape[1]))
        gain, allowed = self.gains.block(rows, slice(first, int(column.max(initial=-1)) + 1))
        return gain.T[column - first], allowed.T[column - first]

    def pairs(
        self, seats: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of single pairs."""
        return self.gains.pairs(rows, self.column[seats])

    def take(self, seats: NDArray[np.int64], rows: NDArray[np.int64]) -> _SeatGains:
        """Return the gains of some of the seats and rows."""
        columns, at = np.unique(self.column[seats], return_inverse=True)
        return _SeatGains(self.gains.take(rows, columns), at)


def _raise(pool: _Pool, low: int, highest: int) -> tuple[int, _Seen | None]:
    """Return the highest threshold that can be kept, and what is reached over pairs above it.

    The latter None where the threshold is as high as it may be.
    """
    high, cover = min(pool.bound_threshold(), highest), None
    reach = high  # pairs above it are covered, or ruled out by a pin
    trial = high
    while low < high:
        found = pool.seat(trial)
        if found is None:
            low = max(low, pool.lowest())
        else:
            cover, reach = found
            high = min(high, reach)
        # Most often the bound itself can be kept; after that halve what is left.
        trial = low + (high - low + 1) // 2
    if low >= highest:
        return highest, None
    if cover is None or reach > low:
        found = pool.seat(low + 1)
        assert found is not None  # noqa: S101 - nothing above low can be kept
        cover = found[0]
    return low, cover


class _Pool:
    """Open rows and free places, with a plan that changes in place."""

    def __init__(
        self,
        gains: StreamedGains | _SeatGains,
        capacity: NDArray[np.int64],
        mate: NDArray[np.int64],
        watch: Watch,
    ) -> None:
        self.gains, self.capacity, self.mate, self.watch = gains, capacity, mate, watch
        self.n_wanted = int(np.count_nonzero(mate >= 0))

    def lowest(self) -> int:
        """Return the lowest gain of the plan."""
        row = np.flatnonzero(self.mate >= 0)
        gain, _ = self.gains.pairs(row, self.mate[row])
        return int(gain.min(initial=np.iinfo(np.int64).max))

    def bound_threshold(self) -> int:
        """Return a threshold above which too few rows, or places, have any pair at all."""
        n, m = self.gains.shape

        def look(top: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            self.watch.check()
            gain, allowed = self.gains.block(slice(top, min(n, top + _HEIGHT)), slice(0, m))
            gain[~allowed] = _NONE
            return gain.max(axis=1), gain.max(axis=0)

        found = map_blocks(look, range(0, n, _HEIGHT))
        of_row = np.sort(np.concatenate([part[0] for part in found]))[::-1]
        of_column = np.max([part[1] for part in found], axis=0)
        order = np.argsort(of_column, kind="stable")[::-1]
        places = np.cumsum(np.minimum(self.capacity, n)[order])
        enough = int(np.searchsorted(places, self.n_wanted))
        return min(int(of_row[self.n_wanted - 1]), int(of_column[order[enough]]))

    def seat(self, least: int) -> tuple[_Seen, int] | None:
        """Seat as many rows as before without a gain below the least, in place.

        Returns None, or where that is impossible, with the plan as it was, the rows and columns
        that are reached, and the best gain of a pair of the former without the latter: these
        columns and the other rows are a vertex cover of all pairs of at least the least gain.
        """
        before = self.mate.copy()
        row = np.flatnonzero(self.mate >= 0)
        gain, _ = self.gains.pairs(row, self.mate[row])
        self.mate[row[gain < least]] = -1
        room = self.capacity - np.bincount(self.mate[self.mate >= 0], minlength=len(self.capacity))
        while np.count_nonzero(self.mate >= 0) < self.n_wanted:
            self.watch.check()
            seen = self._augment(least, room)
            if seen is not None:
                self.mate = before
                return seen, self._find_reach(*seen)
        return None

    def _augment(self, least: int, room: NDArray[np.int64]) -> _Seen | None:
        """Lengthen the plan along shortest paths, in place, or return what can be reached."""
        m = len(self.capacity)
        seen_row, seen_column = self.mate < 0, np.zeros(m, np.bool_)
        parent = np.full(m, -1)
        order = np.argsort(self.mate, kind="stable")
        first = np.searchsorted(self.mate[order], np.arange(m + 1))
        frontier = np.flatnonzero(seen_row)
        while len(frontier):
            columns = np.flatnonzero(~seen_column)
            self._reach(frontier, columns, least, parent)
            new = columns[parent[columns] >= 0]
            seen_column[new] = True
            ends = new[room[new] > 0]
            if len(ends):
                self._follow(ends, parent, room)
                return None
            frontier = np.sort(order[spread(first, new)])
            seen_row[frontier] = True
        return seen_row, seen_column

    def _reach(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        least: int,
        parent: NDArray[np.int64],
    ) -> None:
        """Note for each column a row of a pair that is not below the least; not always the same."""
        if not len(columns):
            return
        part = self.gains.take(rows, columns)
        h, w = len(rows), len(columns)
        tiles = [(i, j) for i in range(0, h, _HEIGHT) for j in range(0, w, _WIDTH)]

        def look(tile: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            i, j = tile
            gain, allowed = part.block(slice(i, min(h, i + _HEIGHT)), slice(j, min(w, j + _WIDTH)))
            column, row = np.nonzero((allowed & (gain >= least)).T)
            at = np.flatnonzero(np.diff(column, prepend=-1))
            count = np.diff(np.append(at, len(column)))
            pick = at + (columns[j + column[at]] * 7919 + i) % np.maximum(count, 1)
            return columns[j + column[at]], rows[i + row[pick]]

        for step in range(0, len(tiles), 64):
            self.watch.check()
            for column, row in map_blocks(look, tiles[step : step + 64]):
                # Another row for the columns of every second tile, so that paths part.
                fresh = (parent[column] < 0) | ((column * 31 + row) % 3 == 0)
                parent[column[fresh]] = row[fresh]

    def _follow(
        self, ends: NDArray[np.int64], parent: NDArray[np.int64], room: NDArray[np.int64]
    ) -> None:
        """Move rows along paths that share no row, as long as more rows are wanted."""
        used = np.zeros(len(self.mate), np.bool_)
        missing = self.n_wanted - int(np.count_nonzero(self.mate >= 0))
        for end in ends.tolist():
            path = []
            column = end
            while column >= 0:
                row = int(parent[column])
                if used[row]:
                    break
                path.append((row, column))
                column = int(self.mate[row])
            else:
                for row, column in path:
                    used[row] = True
                    self.mate[row] = column
                room[end] -= 1
                missing -= 1
                if not missing:
                    return

    def _find_reach(self, seen_row: NDArray[np.bool_], seen_column: NDArray[np.bool_]) -> int:
        """Return the best gain of a pair of a row that was reached and a column that was not."""
        rows, columns = np.flatnonzero(seen_row), np.flatnonzero(~seen_column)
        part = self.gains.take(rows, columns)

        def look(top: int) -> int:
            self.watch.check()
            gain, allowed = part.block(
                slice(top, min(len(rows), top + _HEIGHT)), slice(0, len(columns))
            )
            return int(gain.max(where=allowed, initial=_NONE))

        return max(map_blocks(look, range(0, len(rows), _HEIGHT)), default=int(_NONE))
