"""Keep the best pairs of each line of a tile: a compiled scan, and the same in numpy.

A tile is a float array of values, lines by positions. Of each line only the ``keep`` highest
values above ``lowest`` are kept, over all the tiles that the line is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Scan = tuple[Callable[..., None], Callable[..., None]]

__all__ = ["BARRED", "Shortlist", "TileRules", "load_scan"]

_CHUNK = 64
_LANES = 8  # chunks a tile must have for lanes to say anything
_STRIDE, _CIRCLE = 61, 1 << 20  # the same without numba: positions by which a line begins later
_SHIFT = 7  # chunks by which the scan of each line starts further right, so that ties spread
BARRED = 1e18  # taken from the value of a pair that is not allowed
_PENDING = 3  # hits a line may pile up, in multiples of keep, before numpy sorts them


@dataclass(frozen=True, slots=True, eq=False)
class TileRules:
    """What turns the product of a tile into values: penalties of pairs with nothing in common.

    Parameters
    ----------
    line_bits : ndarray of uint64, shape (n_lines, n_words)
        Bits of the people of the tile's lines.
    position_bits : ndarray of uint64, shape (n_words, n_positions)
        Bits of the people of its positions, transposed.
    ends : ndarray of int64, shape (n_overlaps,)
        Where the words of each overlap end.
    penalty : ndarray of float64, shape (n_overlaps,)
        What a pair loses when it has nothing in common in that overlap.
    price : ndarray of int64, shape (n_positions,)
        Prices that are part of the product.
    least : int or None
        Smallest gain (value plus price) that is allowed.
    """

    line_bits: NDArray[np.uint64]
    position_bits: NDArray[np.uint64]
    ends: NDArray[np.int64]
    penalty: NDArray[np.float64]
    price: NDArray[np.int64]
    least: int | None


class Shortlist:
    """The best hits of each line so far.

    Parameters
    ----------
    keep : ndarray of int64, shape (n_lines,)
        How many to keep of each line, >= 1.
    lowest : ndarray of int64, shape (n_lines,)
        Only values above it count.
    scan : pair of callables, or None
        The compiled scan of :func:`load_scan`, or None for numpy.
    """

    def __init__(
        self, keep: NDArray[np.int64], lowest: NDArray[np.int64], scan: Scan | None
    ) -> None:
        n_lines = len(keep)
        self.keep = keep
        self.floor = lowest.astype(np.float64)
        self._scan = scan
        if scan is not None:
            width = 2 * int(keep.max(initial=1))
            self._value = np.empty((n_lines, width))
            self._position = np.empty((n_lines, width), np.int32)
            self._count = np.zeros(n_lines, np.int64)
        self._line_hits: list[NDArray[np.int64]] = []
        self._position_hits: list[NDArray[np.int64]] = []
        self._value_hits: list[NDArray[np.float64]] = []
        self._n_pending = 0
        self._is_new = True

    def add(self, tile: NDArray[np.floating], start: int, rules: TileRules) -> None:
        """Look through a tile whose first position is ``start``."""
        if self._scan is not None:
            self._scan[0](
                tile,
                start,
                self._is_new,
                _SHIFT,
                rules.line_bits,
                rules.position_bits,
                rules.ends,
                rules.penalty,
                rules.price,
                float(-BARRED if rules.least is None else rules.least),
                self.keep,
                self.floor,
                self._value,
                self._position,
                self._count,
            )
            self._is_new = False
            return
        if self._is_new:
            self._is_new = False
            self._raise_floors(tile, rules)
        line, position, value = _hits(tile, self.floor, rules)
        if len(line):
            self._line_hits.append(line)
            self._position_hits.append(position + start)
            self._value_hits.append(value)
            self._n_pending += len(line)
            if self._n_pending > _PENDING * int(self.keep.sum()):
                self._trim()

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return lines, positions and values of what was kept, line by line."""
        if self._scan is not None:
            self._scan[1](self.keep, self.floor, self._value, self._position, self._count)
            line = np.repeat(np.arange(len(self.keep)), self._count)
            here = np.arange(self._value.shape[1]) < self._count[:, None]
            return line, self._position[here].astype(np.int64), self._value[here]
        self._trim()
        if not self._line_hits:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        return self._line_hits[0], self._position_hits[0], self._value_hits[0]

    def _raise_floors(self, tile: NDArray[np.floating], rules: TileRules) -> None:
        """Put the floors just below the last pair that a line would keep of its first tile.

        Values are integers, so pairs as good as the last one stay above the floor.
        """
        width = tile.shape[1]
        most = int(self.keep.max(initial=1))
        if most >= width:
            return
        value = tile.copy()
        begin = 0
        for end, penalty in zip(rules.ends.tolist(), rules.penalty.tolist(), strict=True):
            common = rules.line_bits[:, begin, None] & rules.position_bits[begin]
            for word in range(begin + 1, end):
                common |= rules.line_bits[:, word, None] & rules.position_bits[word]
            np.subtract(value, tile.dtype.type(penalty), out=value, where=common == 0)
            begin = end
        if rules.least is not None:
            value[value + rules.price < rules.least] = -BARRED
        last = np.partition(value, width - most, axis=1)[:, width - most]
        self.floor = np.maximum(self.floor, last - 1)

    def _trim(self) -> None:
        """Sort the pending hits and keep the best of each line."""
        if not self._line_hits:
            return
        line = np.concatenate(self._line_hits)
        position = np.concatenate(self._position_hits)
        value = np.concatenate(self._value_hits)
        turn = (position - _STRIDE * line) % _CIRCLE  # each line begins elsewhere: ties spread
        order = np.lexsort((turn, -value, line))
        line, position, value = line[order], position[order], value[order]
        first = np.searchsorted(line, np.arange(len(self.keep)))
        rank = np.arange(len(line)) - first[line]
        kept = rank < self.keep[line]
        full = rank == self.keep[line] - 1
        overflow = np.bincount(line, minlength=len(self.keep)) > self.keep
        full &= overflow[line]
        self.floor[line[full]] = value[full]
        self._line_hits, self._position_hits = [line[kept]], [position[kept]]
        self._value_hits, self._n_pending = [value[kept]], 0


def _hits(
    tile: NDArray[np.floating], floor: NDArray[np.float64], rules: TileRules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return lines, positions and values of the pairs of a tile above the floors."""
    width = tile.shape[1]
    # Penalties of either sign: compare with what the value could at most become.
    most = float(np.maximum(-rules.penalty, 0).sum()) if len(rules.penalty) else 0.0
    at = np.flatnonzero(tile > (floor - most).astype(tile.dtype)[:, None])
    line, position = at // width, at % width
    value = tile.ravel()[at].astype(np.float64)
    begin = 0
    for end, penalty in zip(rules.ends.tolist(), rules.penalty.tolist(), strict=True):
        common = np.zeros(len(at), bool)
        for word in range(begin, end):
            common |= (rules.line_bits[line, word] & rules.position_bits[word, position]) != 0
        value[~common] -= penalty
        begin = end
    hit = value > floor[line]
    if rules.least is not None:
        hit &= value + rules.price[position] >= rules.least
    return line[hit], position[hit], value[hit]


# fmt: off
def _evaluate(
    part: Array, bits: Array, position_bits: Array, left: int, ends: Array, penalty: Array,
    value: Array, common: Array,
) -> None:
    # fmt: on
    """Write the values of one chunk of a line: its product, less what it has not in common."""
    size = len(part)
    for p in range(size):
        value[p] = part[p]
    word = 0
    for overlap in range(len(ends)):
        own, other = bits[word], position_bits[word, left : left + size]
        for p in range(size):
            common[p] = own & other[p]
        word += 1
        while word < ends[overlap]:
            own, other = bits[word], position_bits[word, left : left + size]
            for p in range(size):
                common[p] |= own & other[p]
            word += 1
        loss, nothing = penalty[overlap], penalty[overlap] - penalty[overlap]
        for p in range(size):
            value[p] -= loss if common[p] == 0 else nothing


def _select(value: Array, k: int) -> float:
    """Return the k-th lowest value, counted from 0; the values change places.

    C. A. R. Hoare, "Algorithm 65: find", Communications of the ACM 4 (1961), 321-322,
    doi:10.1145/366622.366647. (NumPy's partition takes ten times as long to compile.)
    """
    low, high = 0, len(value) - 1
    while low < high:
        pivot = value[k]
        i, j = low, high
        while i <= j:
            while value[i] < pivot:
                i += 1
            while pivot < value[j]:
                j -= 1
            if i <= j:
                value[i], value[j] = value[j], value[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
    found: float = value[k]
    return found


def _halve(value: Array, position: Array, keep: int) -> float:
    """Move the ``keep`` highest of a full buffer to its front; return the lowest of them.

    Ties with the lowest go in order of arrival.
    """
    n = len(value)
    last = _select(value.copy(), n - keep)
    n_higher = 0
    for q in range(n):
        n_higher += value[q] > last
    n_ties = keep - n_higher
    kept = 0
    for q in range(n):
        x = value[q]
        take = x > last
        if x == last and n_ties > 0:
            n_ties -= 1
            take = True
        if take:
            value[kept] = x
            position[kept] = position[q]
            kept += 1
    return last


# fmt: off
def _scan_tile(
    tile: Array, start: int, is_new: bool, shift: int, line_bits: Array, position_bits: Array,
    ends: Array, penalty: Array, price: Array, least: float, keep: Array, floor: Array,
    kept_value: Array, kept_position: Array, count: Array,
) -> None:
    # fmt: on
    """Append the hits of a tile to the lines' buffers; halve a buffer that is full."""
    n_lines, width = tile.shape
    n_chunks = (width + _CHUNK - 1) // _CHUNK
    value, lanes = np.empty(_CHUNK, tile.dtype), np.empty(_CHUNK)
    common = np.empty(_CHUNK, np.uint64)
    loss = penalty.astype(tile.dtype)
    most = 0.0  # what a value can at most be above the product
    for overlap in range(len(ends)):
        most += max(0.0, -penalty[overlap])
    for line in range(n_lines):
        bits, k = line_bits[line], keep[line]
        if is_new and k <= _CHUNK // 2 and n_chunks >= _LANES:
            # Nothing is known of this line: of the best of 64 lanes the k-th is a first floor,
            # less 1, so that pairs as good as it stay above.
            lanes[:] = -BARRED
            for chunk in range(width // _CHUNK):
                left = chunk * _CHUNK
                part = tile[line, left : left + _CHUNK]
                _evaluate(part, bits, position_bits, left, ends, loss, value, common)
                if least > -BARRED:
                    for p in range(_CHUNK):
                        if value[p] + price[left + p] < least:
                            value[p] = -BARRED
                for p in range(_CHUNK):
                    lanes[p] = max(lanes[p], value[p])
            floor[line] = max(floor[line], _select(lanes, _CHUNK - k) - 1.0)
        limit = tile.dtype.type(floor[line])
        bar = tile.dtype.type(floor[line] - most)
        offset = (line * shift) % n_chunks
        for turn in range(n_chunks):
            chunk = turn + offset
            if chunk >= n_chunks:
                chunk -= n_chunks
            left = chunk * _CHUNK
            size = min(_CHUNK, width - left)
            part = tile[line, left : left + size]  # slices: plain indices let the loops vectorise
            n_above = np.int32(0)
            for p in range(size):
                n_above += np.int32(part[p] > bar)
            if n_above == 0:
                continue
            _evaluate(part, bits, position_bits, left, ends, loss, value, common)
            n_above = np.int32(0)
            for p in range(size):
                n_above += np.int32(value[p] > limit)
            if n_above == 0:
                continue
            for p in range(size):
                if not value[p] > limit or value[p] + price[left + p] < least:
                    continue
                n = count[line]
                kept_value[line, n] = value[p]
                kept_position[line, n] = start + left + p
                count[line] = n + 1
                if n + 1 == 2 * k:
                    last = _halve(kept_value[line, : 2 * k], kept_position[line, : 2 * k], k)
                    count[line] = k
                    floor[line] = last
                    limit = tile.dtype.type(last)
                    bar = tile.dtype.type(last - most)


def _cut_lines(
    keep: Array, floor: Array, kept_value: Array, kept_position: Array, count: Array
) -> None:
    """Cut every line's buffer down to what the line may keep."""
    for line in range(len(keep)):
        n, k = count[line], keep[line]
        if n > k:
            floor[line] = _halve(kept_value[line, :n], kept_position[line, :n], k)
            count[line] = k


@lru_cache(maxsize=1)
def load_scan() -> Scan | None:
    """Return the compiled scan and what ends it, or None without numba."""
    try:
        from numba import njit
        from numba.extending import register_jitable
    except ImportError:
        return None
    for helper in (_evaluate, _select, _halve):
        register_jitable(helper)
    compile_ = njit(cache=True, nogil=True)
    return compile_(_scan_tile), compile_(_cut_lines)
