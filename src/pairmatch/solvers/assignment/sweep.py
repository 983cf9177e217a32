"""Price every pair of a pool tile by tile, and keep the best pairs of each line.

A *line* is a row or a column of the pool; its *positions* are all of the other side. Values are
gains minus the prices of the positions: the prices are one more column of the features, so they
come out of the same product. Tiles run on Python threads, each with BLAS held to one thread.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, local
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.hits import Shortlist, TileRules, load_scan
from pairmatch.solvers.streamed import FLOAT32_EXACT, StreamedGains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["Hits", "Stopped", "Sweeper"]

_TILE = (512, 2048)  # measured: 75 of 95 GF/s on two cores; smaller and larger tiles are slower
_BUFFER = 1 << 20  # hits that a tile may hold, so that long shortlists take fewer lines at once
_BARRED = 1e18


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The sweep was asked to stop; nothing it found is used."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The best pairs of some lines.

    Parameters
    ----------
    line, position : ndarray of int64, shape (n_hits,)
        The pairs.
    gain : ndarray of int64, shape (n_hits,)
        Their gains.
    floor : ndarray of int64, shape (n_lines,)
        Gain minus price of every other allowed pair of the line is at most this.
    """

    line: NDArray[np.int64]
    position: NDArray[np.int64]
    gain: NDArray[np.int64]
    floor: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """People of one side as lines or positions."""

    features: NDArray[np.float32]
    bits: NDArray[np.uint64]
    key: NDArray[np.int64]

    def take(self, lines: NDArray[np.int64]) -> _Side:
        """Return some of these people."""
        key = self.key[lines] if len(self.key) else self.key
        return _Side(self.features[lines], self.bits[lines], key)


class Sweeper:
    """All pairs of one pool, ready to be priced from either side.

    Parameters
    ----------
    gains : Gains
        What each pair is worth; fast for :class:`StreamedGains`, correct for any other.
    n_threads : int, optional
        Python threads; default: the processors this process may use.
    tile : (int, int), optional
        Lines and positions of a tile.
    fast : bool, default: True
        Whether to use the compiled scan if numba is there.
    stop : threading.Event, optional
        Set it to end a sweep with :class:`Stopped`.
    """

    def __init__(
        self,
        gains: Gains,
        *,
        n_threads: int | None = None,
        tile: tuple[int, int] = _TILE,
        fast: bool = True,
        stop: Event | None = None,
    ) -> None:
        self.gains = gains
        self.n_threads = n_threads or _n_processors()
        self.tile = tile
        self.scan = load_scan() if fast else None
        self.stop = stop or Event()
        self.n_priced = 0
        self._local = local()
        self._order: list[NDArray[np.int64]] | None = None
        if not isinstance(gains, StreamedGains):
            self._sides = None
            return
        overlaps = [*(overlap for overlap, _ in gains.shared), *gains.needs]
        self._ends = np.cumsum([overlap.n_words for overlap in overlaps], dtype=np.int64)
        self._bonus = sum(units for _, units in gains.shared)
        self._penalty = np.array(
            [float(units) for _, units in gains.shared] + [_BARRED] * len(gains.needs)
        )
        none = np.empty(0, np.int64)
        if gains.keys is not None:
            self._order = [np.argsort(key, kind="stable") for key in gains.keys]
        self._sides = []
        for side, features in enumerate((gains.row_features, gains.column_features)):
            n, f = features.shape
            folded = np.ones((n, f + 1), np.float32)
            folded[:, :f] = features
            bits = np.empty((n, int(self._ends[-1]) if len(overlaps) else 0), np.uint64)
            begin = 0
            for overlap in overlaps:
                words = overlap.column if side else overlap.row
                bits[:, begin : begin + overlap.n_words] = words
                begin += overlap.n_words
            key = none if gains.keys is None else gains.keys[side]
            if self._order is not None:
                order = self._order[side]
                folded, bits, key = folded[order], bits[order], key[order]
            self._sides.append(_Side(folded, bits, key))

    def best(
        self,
        lines: NDArray[np.int64],
        price: NDArray[np.int64],
        keep: NDArray[np.int64],
        lowest: int,
        *,
        by_column: bool = False,
    ) -> Hits:
        """Return the ``keep`` best pairs of each line by gain minus price, those above ``lowest``.

        Parameters
        ----------
        lines : ndarray of int64
            Rows to price, or columns if ``by_column``.
        price : ndarray of int64
            Price of every position, that is of every column, or row if ``by_column``.
        keep : ndarray of int64, shape (n_lines,)
            How many pairs to keep of each line, >= 1.
        lowest : int
            Only pairs with gain minus price above it count.
        by_column : bool, default: False
            Whether the lines are columns.

        Returns
        -------
        Hits
            The same for any number of threads.

        Notes
        -----
        len(lines) * len(price) * (n_features + 1) multiplications.
        """
        if len(lines) == 0 or len(price) == 0:
            none = np.empty(0, np.int64)
            return Hits(none, none, none, np.full(len(lines), lowest, np.int64))
        rank = np.arange(len(lines))
        ordered = lines
        if self._order is not None and self._sides is not None:
            place = np.empty(self.gains.shape[by_column], np.int64)
            place[self._order[by_column]] = np.arange(len(place))
            ordered = place[lines]  # positions within the side as it is held, sorted by key
            rank = np.argsort(ordered, kind="stable")
            ordered = ordered[rank]
            price = price[self._order[not by_column]]
        keep = keep[rank]
        self._fold(price, by_column=by_column)
        pieces = self._pieces(keep)
        jobs = [
            lambda p=p: self._shortlist(ordered[p], price, keep[p], lowest, by_column, p.start)
            for p in pieces
        ]
        found = self._run(jobs)
        self.n_priced += len(lines) * len(price)
        floor = np.empty(len(lines), np.int64)
        line = np.concatenate([rank[p][hits.line] for p, hits in zip(pieces, found, strict=True)])
        for p, hits in zip(pieces, found, strict=True):
            floor[rank[p]] = hits.floor
        position = np.concatenate([hits.position for hits in found])
        gain = np.concatenate([hits.gain for hits in found])
        if self._order is not None and self._sides is not None:
            position = self._order[not by_column][position]
        return Hits(lines[line], position, gain, floor)

    def _pieces(self, keep: NDArray[np.int64]) -> list[slice]:
        """Cut lines into tiles, of fewer lines where shortlists are long."""
        pieces, start = [], 0
        while start < len(keep):
            size = min(self.tile[0], len(keep) - start)
            widest = int(keep[start : start + size].max())
            size = max(1, min(size, _BUFFER // (2 * widest)))
            pieces.append(slice(start, start + size))
            start += size
        return pieces

    def _fold(self, price: NDArray[np.int64], *, by_column: bool) -> None:
        """Write the prices into the last column of the positions' features, 1 into the lines'."""
        if self._sides is None:
            return
        positions, lines = self._sides[not by_column], self._sides[by_column]
        largest = self.gains.largest + int(np.abs(price).max(initial=0))
        self._dtype = np.float32 if largest < FLOAT32_EXACT else np.float64
        lines.features[:, -1] = 1
        # Prices beyond float32 are added to the float64 tile instead.
        self._wide = (self._bonus - price).astype(np.float64)
        positions.features[:, -1] = self._wide if self._dtype is np.float32 else 0

    def _shortlist(
        self,
        lines: NDArray[np.int64],
        price: NDArray[np.int64],
        keep: NDArray[np.int64],
        lowest: int,
        by_column: bool,
        turn: int,
    ) -> Hits:
        """Price some lines against all positions, in tiles."""
        shortlist = Shortlist(keep, lowest, self.scan)
        begin, end = 0, len(price)
        if self._sides is not None and self._order is not None:
            own, other = self._sides[by_column].key[lines], self._sides[not by_column].key
            begin = int(np.searchsorted(other, own[0], "left"))
            end = int(np.searchsorted(other, own[-1], "right"))
        starts = list(range(begin, end, self.tile[1]))
        turn = turn // self.tile[0] % max(1, len(starts))
        own = None if self._sides is None else self._sides[by_column].take(lines)
        for start in starts[turn:] + starts[:turn]:  # rotated, so that ties spread
            if self.stop.is_set():
                raise Stopped
            part = slice(start, min(end, start + self.tile[1]))
            if own is None:
                tile, rules = self._plain_tile(lines, part, price, by_column)
            else:
                tile, rules = self._tile(own, lines, part, price, by_column)
            self._bar(tile, lines, start, price, shortlist.floor, by_column)
            shortlist.add(tile, start, rules, 7)
        line, position, value = shortlist.result()
        gain = value.astype(np.int64) + price[position]
        return Hits(line, position, gain, np.maximum(shortlist.floor.astype(np.int64), lowest))

    def _plain_tile(
        self, lines: NDArray[np.int64], part: slice, price: NDArray[np.int64], by_column: bool
    ) -> tuple[NDArray[np.floating], TileRules]:
        """Return gain minus price of a tile of gains that have no features."""
        i, j = np.meshgrid(lines, np.arange(part.start, part.stop), indexing="ij")
        rows, columns = (j, i) if by_column else (i, j)
        gain, allowed = self.gains.pairs(rows.ravel(), columns.ravel())
        tile = np.where(allowed, gain.astype(np.float64), -_BARRED).reshape(i.shape) - price[part]
        none, bits = np.empty(0, np.int64), np.empty((0, 0), np.uint64)
        return tile, TileRules(bits, bits, none, np.empty(0), none, none, price[part], None)

    def _tile(
        self,
        own: _Side,
        lines: NDArray[np.int64],
        part: slice,
        price: NDArray[np.int64],
        by_column: bool,
    ) -> tuple[NDArray[np.floating], TileRules]:
        """Return the product of a tile, prices folded in, and the rules still to be applied."""
        other = self._sides[not by_column]
        right = other.features[part]
        if self._dtype is np.float32:
            tile = self._scratch(len(lines), len(right))
            np.matmul(own.features, right.T, out=tile)
        else:
            tile = own.features.astype(np.float64) @ right.T.astype(np.float64)
            tile += self._wide[part]
        for term in self.gains.terms:
            i, j = self._names(lines, part, by_column)
            tile += term.block(j, i).T if by_column else term.block(i, j)
        rules = TileRules(
            own.bits,
            np.ascontiguousarray(other.bits[part].T),
            self._ends,
            self._penalty,
            own.key,
            other.key[part],
            price[part],
            self.gains.least,
        )
        return tile, rules

    def _names(
        self, lines: NDArray[np.int64], positions: slice, by_column: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return lines and positions as the gains number them."""
        others = np.arange(positions.start, positions.stop)
        if self._order is None:
            return lines, others
        return self._order[by_column][lines], self._order[not by_column][others]

    def _bar(
        self,
        tile: NDArray[np.floating],
        lines: NDArray[np.int64],
        start: int,
        price: NDArray[np.int64],
        floor: NDArray[np.float64],
        by_column: bool,
    ) -> None:
        """Ask the tests about the pairs above the floors, and bar those that are forbidden."""
        if self._sides is None or not self.gains.tests:
            return
        width = tile.shape[1]
        extra = float(np.maximum(-self._penalty, 0).sum()) if len(self._penalty) else 0.0
        at = np.flatnonzero(tile > (floor - extra).astype(tile.dtype)[:, None])
        line, position = at // width, at % width
        own, other = self._names(lines, slice(start, start + width), by_column)
        i, j = own[line], other[position]
        rows, columns = (j, i) if by_column else (i, j)
        gain = tile.ravel()[at].astype(np.int64) + price[start + position] - self._bonus
        for overlap, units in self.gains.shared:
            gain += units * overlap.holds(rows, columns)
        forbidden = np.zeros(len(at), bool)
        for test in self.gains.tests:
            forbidden |= test.forbids(rows, columns, gain)
        tile.ravel()[at[forbidden]] = -_BARRED

    def _scratch(self, n_lines: int, width: int) -> NDArray[np.float32]:
        """Return this thread's buffer for one tile."""
        size = n_lines * width
        buffer: NDArray[np.float32] | None = getattr(self._local, "buffer", None)
        if buffer is None or len(buffer) < size:
            buffer = np.empty(max(size, self.tile[0] * self.tile[1]), np.float32)
            self._local.buffer = buffer
        return buffer[:size].reshape(n_lines, width)

    def _run(self, jobs: list) -> list[Hits]:
        """Run tiles on threads, in order of their lines."""
        if self.n_threads == 1 or len(jobs) == 1:
            with _one_blas_thread():
                return [job() for job in jobs]
        with _one_blas_thread() as held, ThreadPoolExecutor(self.n_threads if held else 1) as pool:
            return list(pool.map(lambda job: job(), jobs))


@contextmanager
def _one_blas_thread() -> Iterator[bool]:
    """Hold BLAS to one thread, so that Python threads do not fight with its own."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield False  # BLAS keeps its threads, so the tiles take turns
        return
    with threadpool_limits(1, user_api="blas"):
        yield True


def _n_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
