"""Rounds of solving on candidates and pricing what could have been missed.

Every row and column has a *floor*: a pair that is no candidate gains at most the sum of its two
floors. Prices never go below the floors, so they are feasible for all pairs, candidates or not, and
every round has a valid upper bound. A row that would rather be outside at its floor than pay, or a
place that stays empty at its floor, is *parked*: only these are priced again, with lower floors and
longer shortlists. When nobody is parked, nothing was missed, and the seating is best over all pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.augment import Seating
from pairmatch.solvers.assignment.candidates import Candidates
from pairmatch.solvers.assignment.start import sample_columns, sample_rows, stratify, take_gains
from pairmatch.solvers.assignment.sweep import Sweeper

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["Rounds"]

_KEEP = 16
_BASE = 1 << 18
_SHARE = 4
LOG = []

class Rounds:
    def __init__(self, gains, capacity, least, bonus, *, rng, n_threads=None, fast=True, stop=None, base=_BASE, keep=_KEEP, tile=(512, 2048), share=_SHARE, gauge=0.5, recentre=1.0):
        self.gains, self.capacity, self.least, self.bonus = gains, capacity, least, bonus
        self.rng, self.n_threads, self.fast, self.stop = rng, n_threads, fast, stop
        self.base, self.keep, self.tile, self.share = base, keep, tile, share
        self.gauge, self.recentre = gauge, recentre
        n, m = gains.shape
        self.candidates = Candidates((n, m))
        self.sweeper = Sweeper(gains, n_threads=n_threads, tile=tile, fast=fast, stop=stop)
        self.n_rounds = 0

    def sub(self, gains, capacity):
        return Rounds(gains, capacity, np.zeros_like(capacity), self.bonus, rng=self.rng, n_threads=self.n_threads, fast=self.fast, stop=self.stop, base=self.base, keep=self.keep, tile=self.tile, share=self.share, gauge=self.gauge, recentre=self.recentre)

    def start(self):
        import time
        n, m = self.gains.shape
        if n * m <= self.base:
            gain, allowed = self.gains.block(slice(0, n), slice(0, m))
            i, j = np.nonzero(allowed)
            self.candidates.add(i, j, gain[i, j])
            self.seating = Seating(n, self.capacity, self.least, np.zeros(m, np.int64), fast=self.fast)
            self.row_floor = np.full(n, -self.bonus)
            self.column_floor = np.zeros(m, np.int64)
            self.row_keep = np.full(n, m); self.column_keep = np.full(m, n)
        else:
            t0=time.time()
            rows = sample_rows(stratify(self.gains, self.rng), self.share, self.rng)
            columns, places = sample_columns(stratify(self.gains, self.rng, by_column=True), self.capacity, self.share, self.rng)
            t1=time.time()
            small = self.sub(take_gains(self.gains, rows, columns), places)
            small.run(tolerance=0.01)
            t2=time.time()
            part = Sweeper(take_gains(self.gains, rows, np.arange(m)), n_threads=self.n_threads, tile=self.tile, fast=self.fast, stop=self.stop)
            v = part.best(np.arange(m), small.seating.u, np.ones(m, np.int64), 0, by_column=True).floor
            # floor of keep=1 is the best value itself, or lowest
            t3=time.time()
            hits = self.sweeper.best(np.arange(n), v, np.full(n, min(self.keep, m)), -self.bonus)
            t4=time.time()
            self.candidates.add(hits.line, hits.position, hits.gain)
            self.row_floor = hits.floor; self.column_floor = v
            best = np.full(n, -self.bonus); np.maximum.at(best, hits.line, hits.gain - v[hits.position])
            slack = np.sort(best - hits.floor)
            c = int(slack[n // 2] * self.gauge)
            self.scale = int(slack[n//2])
            c = min(c, int(slack[n//20]))
            self.column_floor = np.maximum(0, v - c); self.row_floor = hits.floor + c
            self.seating = Seating(n, self.capacity, self.least, v, fast=self.fast)
            self.row_keep = np.full(n, min(self.keep, m)); self.column_keep = np.full(m, min(self.keep, n))
            t5=time.time()
            LOG.append((n, 'start', dict(strat=t1-t0, small=t2-t1, ext=t3-t2, full=t4-t3, build=t5-t4, scale=self.scale, c=c)))

    def solve(self):
        s = self.seating
        s.outside = np.maximum(self.row_floor, -self.bonus)
        s.spare = np.maximum(self.column_floor, 0); s.short = self.column_floor.copy()
        s.solve(self.candidates, self.stop.is_set)

    def run(self, tolerance=0.0, max_rounds=100):
        import time
        n, m = self.gains.shape
        self.start()
        while True:
            t0=time.time()
            self.solve()
            t1=time.time()
            s = self.seating
            parked = np.flatnonzero((s.mate < 0) & (s.outside > -self.bonus))
            empty = np.flatnonzero((s.filled < self.capacity) & (s.spare > 0))
            self.n_rounds += 1
            if len(parked) <= tolerance * n and len(empty) <= tolerance * m:
                LOG.append((n, 'done', self.n_rounds, len(parked), len(empty), len(self.candidates) / n, self.sweeper.n_priced / (n * m), round(t1-t0,2)))
                return
            LOG.append((n, 'round', self.n_rounds, len(parked), len(empty), len(self.candidates) / n, self.sweeper.n_priced / (n * m), round(t1-t0,2)))
            if self.recentre:
                c = int(self.scale * self.recentre)
                self.column_floor = np.maximum(self.column_floor, s.v - c)
                self.row_floor = np.maximum(self.row_floor, s.u - c)
            n_own = np.diff(self.candidates.start)[parked]
            self.row_keep[parked] = np.minimum(m, np.maximum(2 * self.row_keep[parked], n_own + 4))
            hits = self.sweeper.best(parked, self.column_floor, self.row_keep[parked], -self.bonus)
            self.candidates.add(hits.line, hits.position, hits.gain)
            self.row_floor[parked] = np.minimum(self.row_floor[parked], hits.floor)
            n_own = np.bincount(self.candidates.column, minlength=m)[empty]
            self.column_keep[empty] = np.minimum(n, np.maximum(2 * self.column_keep[empty], n_own + 4))
            hits = self.sweeper.best(empty, self.row_floor, self.column_keep[empty], 0, by_column=True)
            self.candidates.add(hits.position, hits.line, hits.gain)
            self.column_floor[empty] = np.minimum(self.column_floor[empty], hits.floor)
            LOG[-1] = LOG[-1] + (round(time.time()-t1,2),)
