"""Price every pair of a pool tile by tile, and keep the best pairs of each line.

A *line* is a row or a column of the pool; its *positions* are all of the other side. Values are
gains minus the prices of the positions: the prices are one more column of the features, so they
come out of the same product. Tiles run on Python threads, each with BLAS held to one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np

from pairmatch.solvers.assignment.pricing.hits import Shortlist, TileRules, find_true
from pairmatch.solvers.assignment.pricing.scan import BARRED, load_scan
from pairmatch.solvers.processors import count_processors, map_blocks
from pairmatch.solvers.streamed import FLOAT32_EXACT, Spare, StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["TILE", "Hits", "Stopped", "Sweeper"]

TILE = (512, 1024)  # of 2 MB: a processor keeps it close by; less of it spreads ties less
_NARROW = (
    512  # positions of a tile where whole tiles may have nothing in common that a rule asks for
)
_PIECES, _LEAST = 4, 64  # few lines are cut into so many pieces, of no fewer lines than that
_BUFFER = 1 << 20  # hits that a tile may hold, so that long shortlists take fewer lines at once


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
    """People of one side: features with a last column for the prices, and packed bits by word."""

    features: NDArray[np.float32]
    bits: NDArray[np.uint64]

    def join_bits(self, width: int) -> NDArray[np.uint64]:
        """Return the bits that anybody has, of each ``width`` people after each other."""
        starts = np.arange(0, self.bits.shape[1], width)
        joined: NDArray[np.uint64] = np.bitwise_or.reduceat(self.bits, starts, axis=1)
        return joined


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """One sweep: which side the lines are, prices of the positions, and in which precision."""

    by_column: bool
    price: NDArray[np.int64]
    cost: NDArray[np.float64] | None  # prices too large for float32, added to float64 tiles


class Sweeper:
    """All pairs of one pool, ready to be priced from either side.

    Parameters
    ----------
    gains : Gains
        What each pair is worth, without keys; fast for :class:`StreamedGains`, correct for others.
    n_threads : int, optional
        Python threads; default: the processors this process may use.
    tile : (int, int), optional
        Lines and positions of a tile.
    fast : bool, default: True
        Whether to use the compiled scan if numba is there.
    stop : threading.Event, optional
        Set it to end a sweep with :class:`Stopped`.

    Attributes
    ----------
    n_priced : int
        Pairs priced so far: those of tiles in which somebody has what a rule asks for.
    """

    def __init__(
        self,
        gains: Gains,
        *,
        n_threads: int | None = None,
        tile: tuple[int, int] = TILE,
        fast: bool = True,
        stop: Event | None = None,
    ) -> None:
        self.gains = gains
        self.n_priced = 0
        self._n_threads = n_threads or count_processors()
        self._tile = tile
        self._scan = load_scan() if fast else None
        self._stop = stop or Event()
        self._buffers: list[NDArray[np.float32]] = []  # of tiles, one for each thread
        self._sides: tuple[_Side, _Side] | None = None
        self._needs: list[slice] = []
        self._joined: tuple[NDArray[np.uint64], ...] = ()
        if isinstance(gains, StreamedGains):
            overlaps = [*(overlap for overlap, _ in gains.shared), *gains.needs]
            self._ends = np.cumsum([overlap.n_words for overlap in overlaps], dtype=np.int64)
            self._needs = self._find_needs(len(gains.shared))
            if self._needs:
                self._tile = tile[0], min(tile[1], _NARROW)
            self._penalty = np.array(
                [float(units) for _, units in gains.shared] + [BARRED] * len(gains.needs)
            )
            self._most = sum(units for _, units in gains.shared)
            bits = (
                [overlap.row for overlap in overlaps],
                [overlap.column for overlap in overlaps],
            )
            self._sides = self._fold(gains, 0, bits[0]), self._fold(gains, 1, bits[1])
            if self._needs and all(gains.shape):
                self._joined = tuple(side.join_bits(self._tile[1]) for side in self._sides)

    def _fold(self, gains: StreamedGains, side: int, words: list[NDArray[np.uint64]]) -> _Side:
        """Return features with a column for the prices, and the bits of all overlaps joined."""
        spare, n = gains.find_spare(side), gains.shape[side]
        if spare is None or not spare.take():  # somebody else sweeps the same pool
            features = (gains.row_features, gains.column_features)[side]
            spare = Spare.gather(features, np.arange(n))
        else:
            finalize(self, spare.give_back)
        bits = np.vstack([*(some.T for some in words), np.empty((0, n), np.uint64)])
        return _Side(spare.whole, bits)

    def _find_needs(self, n_shared: int) -> list[slice]:
        """Return where the words of each rule are that asks for something in common."""
        ends = [0, *self._ends.tolist()]
        return [slice(ends[k], ends[k + 1]) for k in range(n_shared, len(self._ends))]

    def best(
        self,
        lines: NDArray[np.int64],
        price: NDArray[np.int64],
        keep: NDArray[np.int64],
        lowest: int | NDArray[np.int64],
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
        lowest : int or ndarray of int64, shape (n_lines,)
            Only pairs with gain minus price above it count; of all lines, or of each.
        by_column : bool, default: False
            Whether the lines are columns.

        Returns
        -------
        Hits
            The same for any number of threads.

        Notes
        -----
        len(lines) * len(price) * (n_features + 1) multiplications; fewer where tiles of people
        who are next to each other have nothing in common that a rule asks for.
        """
        none = np.empty(0, np.int64)
        lowest = np.broadcast_to(np.asarray(lowest, np.int64), len(lines))
        if len(lines) == 0 or len(price) == 0:
            return Hits(none, none, none, lowest.copy())
        sweep = self._open(price, by_column=by_column)
        pieces = self._cut(keep)

        def search(turn: int) -> tuple[Hits, int]:
            piece = pieces[turn]
            return self._search(sweep, lines[piece], keep[piece], lowest[piece], turn)

        searched = map_blocks(search, range(len(pieces)), self._n_threads)
        found = [hits for hits, _ in searched]
        self.n_priced += sum(n_priced for _, n_priced in searched)
        return Hits(
            np.concatenate([hits.line for hits in found]),
            np.concatenate([hits.position for hits in found]),
            np.concatenate([hits.gain for hits in found]),
            np.concatenate([hits.floor for hits in found]),
        )

    def _open(self, price: NDArray[np.int64], *, by_column: bool) -> _Pass:
        """Write the prices into the features of the positions, if float32 can hold all sums."""
        if self._sides is None or not isinstance(self.gains, StreamedGains):
            return _Pass(by_column, price, None)
        lines, positions = self._sides[by_column], self._sides[not by_column]
        lines.features[:, -1] = 1
        cost = (self._most - price).astype(np.float64)
        if self.gains.largest + int(np.abs(price).max()) < FLOAT32_EXACT:
            positions.features[:, -1] = cost
            return _Pass(by_column, price, None)
        positions.features[:, -1] = 0
        return _Pass(by_column, price, cost)

    def _cut(self, keep: NDArray[np.int64]) -> list[slice]:
        """Cut lines into tiles, of fewer lines where shortlists are long or lines few."""
        pieces, start = [], 0
        height = min(self._tile[0], max(_LEAST, -(-len(keep) // _PIECES)))
        while start < len(keep):
            size = min(height, len(keep) - start)
            widest = int(keep[start : start + size].max())
            size = max(1, min(size, _BUFFER // (2 * widest)))
            pieces.append(slice(start, start + size))
            start += size
        return pieces

    def _search(
        self,
        sweep: _Pass,
        lines: NDArray[np.int64],
        keep: NDArray[np.int64],
        lowest: NDArray[np.int64],
        turn: int,
    ) -> tuple[Hits, int]:
        """Price some lines against all positions, in tiles; return how many pairs that were."""
        shortlist = Shortlist(keep, lowest, self._scan)
        n_positions = len(sweep.price)
        starts = list(range(0, n_positions, self._tile[1]))
        turn %= len(starts)
        own, n_priced = None, 0
        rules, held = self._find_rules(sweep, lines), np.empty(0, np.uint64)
        if self._sides is not None:
            own = self._sides[sweep.by_column].features[lines]
            held = np.bitwise_or.reduce(rules.line_bits, axis=0)
        barred = self._find_barred(sweep, lines)
        buffer = self._take_buffer(len(lines) * self._tile[1])
        for start in starts[turn:] + starts[:turn]:  # rotated, so that ties spread
            if self._stop.is_set():
                raise Stopped
            part = slice(start, min(n_positions, start + self._tile[1]))
            if self._have_nothing(sweep, held, start):
                continue
            n_priced += len(lines) * (part.stop - start)
            if own is None:
                tile = self._look_up(sweep, lines, part)
            else:
                tile = self._multiply(sweep, own, lines, part, buffer)
                here = slice(*np.searchsorted(barred[1], [part.start, part.stop]).tolist())
                tile[barred[0][here], barred[1][here] - start] = -BARRED
                self._test(sweep, tile, lines, part, shortlist.floor)
            shortlist.add(tile, start, rules)
        self._buffers.append(buffer)
        line, position, value = shortlist.result()
        gain = value.astype(np.int64) + sweep.price[position]
        floor = np.maximum(shortlist.floor.astype(np.int64), lowest)
        return Hits(lines[line], position, gain, floor), n_priced

    def _find_rules(self, sweep: _Pass, lines: NDArray[np.int64]) -> TileRules:
        """Return the rules that are still to be applied to products of some lines."""
        if self._sides is None or not isinstance(self.gains, StreamedGains):
            none, bits = np.empty(0, np.int64), np.empty((len(lines), 0), np.uint64)
            return TileRules(bits, bits.T, none, np.empty(0), sweep.price, None)
        own, others = self._sides[sweep.by_column].bits, self._sides[not sweep.by_column].bits
        bits = np.ascontiguousarray(own[:, lines].T)
        return TileRules(bits, others, self._ends, self._penalty, sweep.price, self.gains.least)

    def _find_barred(
        self, sweep: _Pass, lines: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return lines, by their place here, and positions that are barred, sorted by position."""
        none = np.empty(0, np.int64)
        if not isinstance(self.gains, StreamedGains) or self.gains.barred is None:
            return none, none
        everybody = slice(0, len(sweep.price))
        line, position = self.gains.barred.find(lines, everybody, by_column=sweep.by_column)
        order = np.argsort(position, kind="stable")
        return line[order], position[order]

    def _have_nothing(self, sweep: _Pass, held: NDArray[np.uint64], start: int) -> bool:
        """Say whether a rule asks for something that nobody of a tile has in common."""
        if not self._needs:
            return False
        both = held & self._joined[not sweep.by_column][:, start // self._tile[1]]
        return not all(both[words].any() for words in self._needs)

    def _look_up(self, sweep: _Pass, lines: NDArray[np.int64], part: slice) -> NDArray[np.floating]:
        """Return gain minus price of a tile of gains that have no features."""
        others = np.arange(part.start, part.stop)
        i, j = np.repeat(lines, len(others)), np.tile(others, len(lines))
        gain, allowed = self.gains.pairs(*((j, i) if sweep.by_column else (i, j)))
        tile = np.where(allowed, gain, -BARRED).reshape(len(lines), len(others))
        tile -= sweep.price[part]
        return tile

    def _take_buffer(self, size: int) -> NDArray[np.float32]:
        """Return room for one tile; it is put back once a stripe of tiles is done."""
        try:
            buffer = self._buffers.pop()
        except IndexError:
            return np.empty(size, np.float32)
        return buffer if len(buffer) >= size else np.empty(size, np.float32)

    def _multiply(
        self,
        sweep: _Pass,
        own: NDArray[np.float32],
        lines: NDArray[np.int64],
        part: slice,
        buffer: NDArray[np.float32],
    ) -> NDArray[np.floating]:
        """Return the product of a tile, prices folded in."""
        assert self._sides is not None  # noqa: S101 - for the type checker
        assert isinstance(self.gains, StreamedGains)  # noqa: S101
        right = self._sides[not sweep.by_column].features[part]
        tile: NDArray[np.floating]
        if sweep.cost is None:
            tile = buffer[: len(lines) * len(right)].reshape(len(lines), len(right))
            np.matmul(own, right.T, out=tile)
        else:
            tile = own.astype(np.float64) @ right.T.astype(np.float64)
            tile += sweep.cost[part]
        others = np.arange(part.start, part.stop)
        for term in self.gains.terms:
            tile += term.block(others, lines).T if sweep.by_column else term.block(lines, others)
        return tile

    def _test(
        self,
        sweep: _Pass,
        tile: NDArray[np.floating],
        lines: NDArray[np.int64],
        part: slice,
        floor: NDArray[np.float64],
    ) -> None:
        """Bar the pairs above the floors that a test forbids."""
        gains = self.gains
        if not isinstance(gains, StreamedGains) or not gains.tests:
            return
        width = tile.shape[1]
        most = float(np.maximum(-self._penalty, 0).sum())
        at = find_true(tile > (floor - most).astype(tile.dtype)[:, None])
        i, j = lines[at // width], part.start + at % width
        if sweep.by_column:
            i, j = j, i
        forbidden = np.zeros(len(at), bool)
        for test in gains.tests:
            forbidden |= test.forbids(i, j)
        tile.reshape(-1)[at[forbidden]] = -BARRED
