"""Rounds of solving on candidates and pricing what could have been missed.

Every row and every column has a *floor*: a pair that is no candidate gains at most the sum of its
two floors. Prices never go below the floors, so they are feasible for all pairs, candidates or not,
and every round has a valid upper bound. A row that would rather sit outside at its floor, or a
place that stays empty at its floor, is *parked*: only these are priced again, for lower floors and
longer shortlists. Once nobody is parked nothing was missed: the seating is best over all pairs.
"""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.augment import Seating
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.assignment.pricing.effort import FLOW_SECONDS, Effort
from pairmatch.solvers.assignment.pricing.guessing import extend_prices, make_sweeper
from pairmatch.solvers.assignment.pricing.start import find_largest, sample_pool, take_gains
from pairmatch.solvers.assignment.pricing.sweep import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.sweep import Hits, Sweeper
    from pairmatch.solvers.problem import Gains

__all__ = ["Effort", "Rounds"]

_LEVEL_TOLERANCE = 0.01  # of the people of a sample may be parked when its prices are used
_STALLED = 0.7  # a round that leaves more than this share of the parked was too timid
_PATIENCE = 1  # such rounds that are borne before prices are moved far
_LOST = 0.12  # share of parked rows from which on new prices are worth a full sweep
_MOST_JUMPS = 30
_STRETCH = 6  # how far a jump may move prices, in multiples of the slack of the shortlists
_MOST_FALLEN = 0.2  # share of rows and columns below their floors that makes a full sweep cheaper
_STEP = 32  # and at least: the largest gain divided by this
_TIED = 64  # slacks below the largest gain divided by this are those of ties
_MORE = 2  # times as many candidates of each row where there are ties
_NEVER = -(2**44)  # no price of a column with a minimum load falls below it


class Rounds:
    """One pool on its way to its best seating.

    Parameters
    ----------
    gains : Gains
        What each pair is worth, without keys.
    capacity, least : ndarray of int64, shape (n_columns,)
        Most and fewest rows of each column; every capacity is at least 1.
    bonus : int
        What a pair is worth on top of its gain.
    effort : Effort
        Sizes.
    rng : numpy.random.Generator
        For the samples.
    stop : threading.Event
        Set it to end the run early.
    deadline : float, optional
        When it will be set, by :func:`time.monotonic`: flows that would go on are not begun.

    Attributes
    ----------
    seating : Seating or None
        Who sits where and at which prices; None before the first full sweep is over. ``u`` is
        short of the bonus: a row that sits outside is worth ``-bonus``.
    sample : (ndarray, ndarray, Rounds) or None
        Rows and columns of the sample, and its rounds, until the first full sweep is over.
    n_rounds : int
        Rounds so far.
    bound : int or None
        What no seating can exceed, each pair with its bonus; None before the first full sweep.
    price : ndarray of int64, shape (n_columns,), or None
        Column prices that give the bound.
    guess : ndarray of int64, shape (n_columns,), or None
        Column prices that the first full sweep begins with.
    """

    def __init__(
        self,
        gains: Gains,
        capacity: NDArray[np.int64],
        least: NDArray[np.int64],
        bonus: int,
        *,
        effort: Effort,
        rng: np.random.Generator,
        stop: Event,
        deadline: float = math.inf,
    ) -> None:
        self.gains, self.capacity, self.least, self.bonus = gains, capacity, least, bonus
        self.candidates = Candidates(gains.shape)
        self.seating: Seating | None = None
        self.sample: tuple[NDArray[np.int64], NDArray[np.int64], Rounds] | None = None
        self.n_rounds = 0
        self.bound: int | None = None
        self.price: NDArray[np.int64] | None = None
        self.guess: NDArray[np.int64] | None = None
        self._effort, self._rng, self._stop = effort, rng, stop
        self._deadline = deadline
        self._sweeper: Sweeper | None = None
        n, m = gains.shape
        self._row_floor = np.full(n, -bonus)
        self._column_floor = np.where(least > 0, _NEVER, 0)
        self._row_keep, self._column_keep = np.full(n, m), np.full(m, n)
        self._keep, self._slack, self._n_jumps = effort.keep, 0, 0
        self._is_whole = False  # whether all allowed pairs are candidates

    @property
    def value(self) -> int:
        """What the seating is worth, each pair with its bonus."""
        if self.seating is None:
            return 0
        rows = np.flatnonzero(self.seating.mate >= 0)
        gain = self.candidates.find(rows, self.seating.mate[rows])
        return int(gain.sum()) + self.bonus * len(rows)

    def pairs(self) -> NDArray[np.int64]:
        """Return the pairs so far, those of the sample before the first full sweep is over."""
        if self.seating is not None:
            mate = self.seating.mate  # read once: another thread may be about to replace it
            rows = np.flatnonzero(mate >= 0)
            return np.column_stack([rows, mate[rows]])
        if self.sample is None:
            return np.empty((0, 2), np.int64)
        rows, columns, small = self.sample
        pairs = small.pairs()
        return np.column_stack([rows[pairs[:, 0]], columns[pairs[:, 1]]])

    def run(self, report: Callable[[Rounds], None] | None = None, tolerance: float = 0.0) -> bool:
        """Go on until nobody is parked; return False if stopped before.

        Parameters
        ----------
        report : callable, optional
            Called after each round.
        tolerance : float, default: 0
            Share of each side that may be left parked.
        """
        try:
            if self.seating is None:
                self._start()
            return self._improve(report, tolerance)
        except Stopped:
            return False

    def at_floors(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows and columns whose prices are at their floors, if pairs are left out."""
        seating, none = self.seating, np.empty(0, np.int64)
        if seating is None or self._is_whole:
            return none, none
        rows = np.flatnonzero(seating.u <= self._row_floor)
        return rows, np.flatnonzero(seating.v <= self._column_floor)

    def find_tight(self, lines: NDArray[np.int64], keep: int, *, by_column: bool) -> Hits:
        """Return so many pairs of each line that gain what the prices of the two add up to.

        Where the floor of a line is not below its price, it may have more of them.
        """
        seating = self.seating
        assert seating is not None  # noqa: S101 - the pool has been run
        own, price = (seating.v, seating.u) if by_column else (seating.u, seating.v)
        return self.sweeper.best(
            lines, price, np.full(len(lines), keep), own[lines] - 1, by_column=by_column
        )

    def find_slack(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how far above their floors rows and columns are."""
        assert self.seating is not None  # noqa: S101 - the pool has been run
        return self.seating.u - self._row_floor, self.seating.v - self._column_floor

    def forget_pairs(self) -> None:
        """Free what is kept of pairs; seating and prices stay."""
        self.candidates, self._sweeper = Candidates(self.gains.shape), None

    def raise_bonus(self, bonus: int) -> None:
        """Make every pair worth more; the seating so far stays a good start."""
        self.bonus = bonus
        self.bound = None

    def find_allowed(self, rows: NDArray[np.int64], columns: NDArray[np.bool_], keep: int) -> int:
        """Make candidates of allowed pairs of these rows and columns; return how many were new."""
        if len(rows) == 0 or not columns.any():
            return 0
        far = 2 * find_largest(self.gains) + 2
        price = np.where(columns, 0, far)
        hits = self.sweeper.best(rows, price, np.full(len(rows), keep), -far // 2)
        return self.candidates.add(hits.line, hits.position, hits.gain)

    def _start(self) -> None:
        """Learn prices from a sample, then find first candidates and floors in one full sweep."""
        n, m = self.gains.shape
        if n * m <= self._effort.base:
            gain, allowed = self.gains.block(slice(0, n), slice(0, m))
            i, j = np.nonzero(allowed)
            self.candidates.add(i, j, gain[i, j])
            self._is_whole = True
            self._open(np.zeros(m, np.int64))
            return
        v = self._learn_prices()
        self._sweep_rows(v)
        self._open(v)
        self.sample = None

    def _sweep_rows(self, v: NDArray[np.int64]) -> None:
        """Take the best pairs of all rows at some prices, and floors from the rest."""
        n, m = self.gains.shape
        keep = np.full(n, min(self._keep, m))
        lowest = self.candidates.find_lowest(v, int(keep[0]), -self.bonus)
        hits = self.sweeper.best(np.arange(n), v, keep, lowest)
        self.candidates.add(hits.line, hits.position, hits.gain)
        best = np.full(n, -self.bonus)
        np.maximum.at(best, hits.line, hits.gain - v[hits.position])
        self._keep_bound(best, v)
        slack = np.sort(best - hits.floor)
        self._slack = int(slack[n // 2])
        # Sums of floors are what counts: give the columns some of the slack of the rows.
        given = min(self._slack // 2, int(slack[n // 20]))
        self._column_floor = np.maximum(v - given, np.where(self.least > 0, _NEVER, 0))
        self._row_floor = hits.floor + given
        self._row_keep, self._column_keep = keep, np.full(m, min(self._keep, n))

    def _keep_bound(self, u: NDArray[np.int64], v: NDArray[np.int64]) -> None:
        """Remember prices that are feasible for every pair, if their bound is the best so far."""
        places = np.where(v >= 0, self.capacity, self.least)
        bound = int((u + self.bonus).sum()) + int((places * v).sum())
        if self.bound is None or bound < self.bound:
            self.bound, self.price = bound, v.copy()

    def _open(self, v: NDArray[np.int64]) -> None:
        """Set the table: nobody sits yet."""
        fast = self._effort.fast
        self.seating = Seating(self.gains.shape[0], self.capacity, self.least, v, fast=fast)

    def _learn_prices(self) -> NDArray[np.int64]:
        """Return prices of all columns: what each is worth to the rows of a solved sample."""
        rows, columns, places = sample_pool(
            self.gains, self.capacity, self._effort.share, self._rng, self._check
        )
        small = Rounds(
            take_gains(self.gains, rows, columns),
            places,
            np.zeros_like(places),
            self.bonus,
            effort=self._effort,
            rng=self._rng,
            stop=self._stop,
            deadline=self._deadline,
        )
        self.sample = rows, columns, small
        small.run(tolerance=_LEVEL_TOLERANCE)
        if self._stop.is_set() or small.seating is None:
            raise Stopped
        wide = take_gains(self.gains, rows, np.arange(self.gains.shape[1]))
        part = make_sweeper(wide, self._effort, self._stop)
        tied = small.seating.can_stop and not small._is_whole  # a flow grows with its candidates
        tied &= small._slack < find_largest(self.gains) // _TIED
        keep = self._keep if tied else 1
        self.guess, hits = extend_prices(part, small.seating, self.bonus, keep)
        if tied:
            self._keep *= _MORE  # and who is priced too high, the best of no row, is a candidate
            self.candidates.add(rows[hits.position], hits.line, hits.gain)
        return self.guess

    def _check(self) -> None:
        """Raise if told to stop."""
        if self._stop.is_set():
            raise Stopped

    @property
    def sweeper(self) -> Sweeper:
        """All pairs of the pool, ready to be priced."""
        if self._sweeper is None:
            self._sweeper = make_sweeper(self.gains, self._effort, self._stop)
        return self._sweeper

    def _improve(self, report: Callable[[Rounds], None] | None, tolerance: float) -> bool:
        """Solve on the candidates, price the parked, repeat."""
        n, m = self.gains.shape
        seating = self.seating
        if seating is None:
            return False
        n_before, n_stalled, jumped = 2 * (n + m), 0, False
        while True:
            seating.outside = np.maximum(self._row_floor, -self.bonus)
            seating.spare = np.maximum(self._column_floor, 0)
            seating.short = self._column_floor.copy()
            done = seating.solve(self.candidates, self._should_stop)
            self._keep_bound(seating.u, seating.v)
            self.n_rounds += 1
            if report is not None:
                report(self)
            if not done:
                return False
            rows, columns = self._parked()
            if len(rows) <= tolerance * n and len(columns) <= tolerance * m:
                return True
            n_parked = len(rows) + len(columns)
            lost = len(rows) > _LOST * n
            n_stalled = n_stalled + 1 if n_parked > _STALLED * n_before else 0
            lost |= n_stalled > (0 if self._keep > self._effort.keep else _PATIENCE)
            # A flow starts anew after each jump: one that parked as many as before is the last.
            in_vain = jumped and not seating.can_stop and n_parked >= n_before
            jumped = lost and not in_vain and self._n_jumps < _MOST_JUMPS
            n_before = n_parked
            if not jumped:
                self._widen(rows, columns)
            elif not self._jump():
                return False

    def _should_stop(self) -> bool:
        """Say whether there is no time to seat everybody over the candidates, or to go on."""
        if self._stop.is_set() or self.seating is None or self.seating.can_stop:
            return self._stop.is_set()
        return monotonic() + FLOW_SECONDS * len(self.candidates) > self._deadline

    def _parked(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows and columns that are held by a floor that may be too high."""
        seating = self.seating
        assert seating is not None  # noqa: S101 - for the type checker
        rows = (seating.mate < 0) & (seating.outside > -self.bonus)
        columns = (seating.filled < self.capacity) & (seating.spare > 0)
        columns |= (seating.filled < self.least) & (seating.short > _NEVER)
        return np.flatnonzero(rows), np.flatnonzero(columns)

    def _jump(self) -> bool:
        """Let prices move far on the candidates alone, then sweep all rows where that led.

        Cheaper than longer shortlists where many pairs are nearly as good as the best: what holds
        the parked is then not what was missed but how far prices were off.
        """
        seating = self.seating
        assert seating is not None  # noqa: S101 - for the type checker
        n, m = self.gains.shape
        self._n_jumps += 1
        reach = max(_STRETCH * self._slack, find_largest(self.gains) // _STEP)
        seating.outside = np.maximum(seating.u - reach, -self.bonus)
        seating.short = np.maximum(seating.v - reach, np.where(self.least > 0, _NEVER, 0))
        seating.spare = np.maximum(seating.short, 0)
        if not seating.solve(self.candidates, self._should_stop):
            return False
        # Only sums of floors mean something: follow a shift of the level of all prices.
        shift = _find_shift(self._row_floor - seating.u, seating.v - self._column_floor)
        self._row_floor = np.maximum(self._row_floor - shift, -self.bonus)
        lowest = np.where(self.least > 0, _NEVER, 0)
        self._column_floor = np.maximum(self._column_floor + shift, lowest)
        rows = np.flatnonzero(seating.u < self._row_floor)
        columns = np.flatnonzero(seating.v < self._column_floor)
        if len(rows) / n + len(columns) / m > _MOST_FALLEN:
            self._sweep_rows(seating.v)
        else:
            self._widen(rows, columns)
            seating.v = np.maximum(seating.v, self._column_floor)
        seating.refresh()
        return True

    def _widen(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None:
        """Price the parked again, with longer shortlists."""
        n, m = self.gains.shape
        seating = self.seating
        assert seating is not None  # noqa: S101 - for the type checker
        if self._slack > 0:  # keep the floors near: shortlists go by the floors of the others
            near = np.where(self._column_keep < n, seating.v - self._slack, _NEVER)
            self._column_floor = np.maximum(self._column_floor, near)
            near = np.where(self._row_keep < m, seating.u - self._slack, -self.bonus)
            self._row_floor = np.maximum(self._row_floor, near)
        growth = 2 if seating.can_stop else 4  # where each round solves all anew, take fewer
        n_own = np.diff(self.candidates.start)[rows]
        keep = np.maximum(growth * self._row_keep[rows], n_own + 4)
        self._row_keep[rows] = np.minimum(m, keep)
        n_own = np.bincount(self.candidates.column, minlength=m)[columns]
        keep = np.minimum(n, np.maximum(growth * self._column_keep[columns], n_own + 4))
        self._column_keep[columns] = keep
        hits = self.sweeper.best(rows, self._column_floor, self._row_keep[rows], -self.bonus)
        self.candidates.add(hits.line, hits.position, hits.gain)
        self._row_floor[rows] = np.minimum(self._row_floor[rows], hits.floor)
        for has_least, lowest in ((False, 0), (True, _NEVER)):
            some = columns[(self.least[columns] > 0) == has_least]
            keep = self._column_keep[some]
            hits = self.sweeper.best(some, self._row_floor, keep, lowest, by_column=True)
            self.candidates.add(hits.position, hits.line, hits.gain)
            self._column_floor[some] = np.minimum(self._column_floor[some], hits.floor)


def _find_shift(lower: NDArray[np.int64], upper: NDArray[np.int64]) -> int:
    """Return the number that most of ``lower`` do not exceed and most of ``upper`` reach."""
    lower, upper = np.sort(lower), np.sort(upper)
    tried = np.append(np.concatenate([lower, upper]), 0)
    n_below = len(lower) - np.searchsorted(lower, tried, "right")
    n_below += np.searchsorted(upper, tried, "left")
    best = np.flatnonzero(n_below == n_below.min())
    return int(tried[best[np.argmin(np.abs(tried[best]))]])
