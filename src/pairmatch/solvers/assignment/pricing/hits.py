"""Keep the best pairs of each line of a tile: by a compiled scan, or the same in numpy.

A tile is a float array of values, lines by positions. Of each line only the ``keep`` highest
values above ``lowest`` are kept, over all the tiles that the line is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.scan import BARRED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.scan import Scan

__all__ = ["Shortlist", "TileRules", "find_true"]

_STRIDE, _CIRCLE = 61, 1 << 20  # the same without numba: positions by which a line begins later
_EIGHT = 8  # flags of a word
_MANY = 10  # one flag in so many is set, at least: then words are of no use
_PENDING = 3  # hits a line may pile up, in multiples of keep, before numpy sorts them


@dataclass(frozen=True, slots=True, eq=False)
class TileRules:
    """What turns the product of a tile into values: penalties of pairs with nothing in common.

    Parameters
    ----------
    line_bits : ndarray of uint64, shape (n_lines, n_words)
        Bits of the people of the tile's lines.
    position_bits : ndarray of uint64, shape (n_words, n_positions)
        Bits of the people of all positions, those of other tiles too, transposed.
    ends : ndarray of int64, shape (n_overlaps,)
        Where the words of each overlap end.
    penalty : ndarray of float64, shape (n_overlaps,)
        What a pair loses when it has nothing in common in that overlap.
    price : ndarray of int64, shape (n_positions,)
        Prices of all positions, which are part of the product.
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
            n_above = np.count_nonzero(tile > self.floor.astype(tile.dtype)[:, None])
            if n_above > _PENDING * int(self.keep.sum()):
                self._raise_floors(tile, start, rules)
        line, position, value = _hits(tile, start, self.floor, rules)
        if len(line):
            self._line_hits.append(line)
            self._position_hits.append(position)
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

    def _raise_floors(self, tile: NDArray[np.floating], start: int, rules: TileRules) -> None:
        """Put the floors just below the last pair that a line would keep of its first tile.

        Values are integers, so pairs as good as the last one stay above the floor.
        """
        width = tile.shape[1]
        most = int(self.keep.max(initial=1))
        if most >= width:
            return
        value = tile.copy()
        bits, price = (
            side[..., start : start + width] for side in (rules.position_bits, rules.price)
        )
        begin = 0
        for end, penalty in zip(rules.ends.tolist(), rules.penalty.tolist(), strict=True):
            common = rules.line_bits[:, begin, None] & bits[begin]
            for word in range(begin + 1, end):
                common |= rules.line_bits[:, word, None] & bits[word]
            np.subtract(value, tile.dtype.type(penalty), out=value, where=common == 0)
            begin = end
        if rules.least is not None:
            value[value + price < rules.least] = -BARRED
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


def find_true(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where flags are set, flattened; where few are, eight are passed over at once."""
    flat = flags.reshape(-1)
    if _MANY * np.count_nonzero(flat) > len(flat):  # NumPy branches no more from here on
        return np.flatnonzero(flat)
    n = len(flat) - len(flat) % _EIGHT
    words = flat[:n].view(np.uint64)
    eights = np.flatnonzero(words != 0)
    place = np.flatnonzero(words.take(eights).view(np.bool_))
    at = _EIGHT * eights.take(place // _EIGHT) + place % _EIGHT
    return np.concatenate([at, n + np.flatnonzero(flat[n:])])


def _hits(
    tile: NDArray[np.floating], start: int, floor: NDArray[np.float64], rules: TileRules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return lines, positions and values of the pairs of a tile above the floors."""
    width = tile.shape[1]
    # Penalties of either sign: compare with what the value could at most become.
    most = float(np.maximum(-rules.penalty, 0).sum()) if len(rules.penalty) else 0.0
    at = find_true(tile > (floor - most).astype(tile.dtype)[:, None])
    line, position = at // width, start + at % width
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
