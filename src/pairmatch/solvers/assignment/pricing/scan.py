"""Compiled loops that look through a tile for the best pairs of each line.

A line of a tile is looked at in three steps, each a short loop over arrays: which products are
above the floor (a byte a pair, eight of them are passed over at once), what those few are worth
once what they have not in common is taken off, and which of these are kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Scan = tuple[Callable[..., None], Callable[..., None]]

__all__ = ["BARRED", "Scan", "load_scan"]

BARRED = 1e18  # taken from the value of a pair that is not allowed
_EIGHT = 8  # pairs whose flags are one word
_LANES = 64  # at least: so many best values of as many parts of a line tell a first floor
_DEEP = 4  # pairs of a lane, at least
_FIRST = 512  # pairs of a line, at most, that tell its first floor
_SHIFT = 45  # words of flags by which each line begins further right, so that ties spread


# fmt: off
def _take_off(
    value: Array, n: int, place: Array, bits: Array, position_bits: Array, ends: Array,
    loss: Array, common: Array,
) -> None:
    # fmt: on
    """Take from the products of some places of a line what these have not in common with it."""
    word = 0
    for overlap in range(len(ends)):
        common[:n] = 0
        while word < ends[overlap]:
            own, others = bits[word], position_bits[word]
            for q in range(n):
                common[q] |= own & others[place[q]]
            word += 1
        lost, nothing = loss[overlap], loss[overlap] - loss[overlap]
        for q in range(n):
            value[q] -= lost if common[q] == 0 else nothing


# fmt: off
def _take_all_off(
    value: Array, n: int, start: int, bits: Array, position_bits: Array, ends: Array,
    loss: Array, common: Array,
) -> None:
    # fmt: on
    """Take from all products of a line what the places after ``start`` have not in common."""
    word = 0
    for overlap in range(len(ends)):
        common[:n] = 0
        while word < ends[overlap]:
            own, others = bits[word], position_bits[word, start : start + n]
            for q in range(n):
                common[q] |= own & others[q]
            word += 1
        lost, nothing = loss[overlap], loss[overlap] - loss[overlap]
        for q in range(n):
            value[q] -= lost if common[q] == 0 else nothing


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


def _halve(value: Array, position: Array, keep: int, spare: Array) -> float:
    """Move the ``keep`` highest of a full buffer to its front; return the lowest of them.

    Ties with the lowest go in order of arrival.
    """
    n = len(value)
    spare[:n] = value
    last = _select(spare[:n], n - keep)
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


def _find_above(row: Array, bar: float, offset: int, eights: Array, word: Array) -> int:
    """List the words of flags in which something is set, from ``offset`` on and around."""
    flags = eights.view(np.uint8)
    for p in range(len(row)):
        flags[p] = row[p] > bar
    n = 0
    for w in range(offset, len(eights)):
        word[n] = w
        n += int(eights[w] != 0)
    for w in range(offset):
        word[n] = w
        n += int(eights[w] != 0)
    return n


# fmt: off
def _scan_tile(
    tile: Array, start: int, is_new: bool, line_bits: Array, position_bits: Array, ends: Array,
    penalty: Array, price: Array, least: float, keep: Array, floor: Array, kept_value: Array,
    kept_position: Array, count: Array,
) -> None:
    # fmt: on
    """Append the hits of a tile to the lines' buffers; halve a buffer that is full."""
    n_lines, width = tile.shape
    eights = np.zeros((width + _EIGHT - 1) // _EIGHT, np.uint64)
    flags, word = eights.view(np.uint8), np.empty(len(eights) + 1, np.int64)
    place, common = np.empty(_EIGHT * len(word), np.uint64), np.empty(width, np.uint64)
    value, spare = np.empty(width, tile.dtype), np.empty(max(width, kept_value.shape[1]))
    loss = penalty.astype(tile.dtype)
    most = 0.0  # what a value can at most be above the product
    for overlap in range(len(ends)):
        most += max(0.0, -penalty[overlap])
    for line in range(n_lines):
        bits, k, row = line_bits[line], keep[line], tile[line]
        n_lanes = _LANES
        while n_lanes < 2 * k:
            n_lanes *= 2
        if is_new and _DEEP * n_lanes <= width:
            # Nothing is known of this line: of the best of some lanes the k-th is a first floor,
            # less 1, so that pairs as good as it stay above.
            n = min(width, max(_FIRST, _DEEP * n_lanes))
            value[:n] = row[:n]
            _take_all_off(value, n, start, bits, position_bits, ends, loss, common)
            if least > -BARRED:
                for p in range(n):
                    if value[p] + price[start + p] < least:
                        value[p] = -BARRED
            spare[:n_lanes] = value[:n_lanes]
            for lane in range(1, n // n_lanes):
                part = value[lane * n_lanes : (lane + 1) * n_lanes]
                for p in range(n_lanes):
                    spare[p] = max(spare[p], part[p])
            floor[line] = max(floor[line], _select(spare[:n_lanes], n_lanes - k) - 1.0)
        limit = tile.dtype.type(floor[line])
        bar = tile.dtype.type(floor[line] - most)
        offset = (line * _SHIFT) % len(eights)
        n_words = _find_above(row, bar, offset, eights, word)
        n = 0
        for w in range(n_words):
            left = _EIGHT * word[w]
            eight = flags[left : left + _EIGHT]
            for p in range(_EIGHT):
                place[n] = start + left + p
                n += int(eight[p])
        for q in range(n):
            value[q] = row[place[q] - start]
        _take_off(value, n, place, bits, position_bits, ends, loss, common)
        n_hits = 0
        for q in range(n):
            x = value[q]
            value[n_hits], place[n_hits] = x, place[q]
            n_hits += int(x > limit)
        for q in range(n_hits):
            x, at = value[q], place[q]
            if not x > limit or x + price[at] < least:
                continue
            n = count[line]
            kept_value[line, n], kept_position[line, n] = x, at
            count[line] = n + 1
            if n + 1 == 2 * k:
                last = _halve(kept_value[line, : 2 * k], kept_position[line, : 2 * k], k, spare)
                count[line] = k
                floor[line] = last
                limit = tile.dtype.type(last)


def _cut_lines(
    keep: Array, floor: Array, kept_value: Array, kept_position: Array, count: Array
) -> None:
    """Cut every line's buffer down to what the line may keep."""
    spare = np.empty(kept_value.shape[1])
    for line in range(len(keep)):
        n, k = count[line], keep[line]
        if n > k:
            floor[line] = _halve(kept_value[line, :n], kept_position[line, :n], k, spare)
            count[line] = k


@lru_cache(maxsize=1)
def load_scan() -> Scan | None:
    """Return the compiled scan and what ends it, or None without numba."""
    try:
        from numba import njit
        from numba.extending import register_jitable
    except ImportError:
        return None
    for helper in (_take_off, _take_all_off, _select, _halve, _find_above):
        register_jitable(helper)
    compile_ = njit(cache=True, nogil=True)
    return compile_(_scan_tile), compile_(_cut_lines)
