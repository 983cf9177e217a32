"""The pairs that a sparse solver may use, sorted by row, growing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Candidates"]

_AT_ONCE = 1 << 16  # pairs that are looked at together
_SORTED = 1 << 20  # pairs that are sorted together
_MOST_KEY = 2**62  # a row and a value are sorted as one integer


class Candidates:
    """A growing set of pairs with their gains.

    Parameters
    ----------
    shape : (int, int)
        Number of rows and columns.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._key = np.empty(0, np.int64)
        self.gain = np.empty(0, np.int64)
        self.column = np.empty(0, np.int32)
        self.start = np.zeros(shape[0] + 1, np.int64)

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._key)

    def add(
        self, row: NDArray[np.int64], column: NDArray[np.int64], gain: NDArray[np.int64]
    ) -> int:
        """Add pairs; return how many were new.

        Notes
        -----
        O(e + a log a) for e pairs held and a added.
        """
        key = row * self.shape[1] + column
        if not (key[1:] > key[:-1]).all():
            first = np.argsort(key)
            key = key[first]
            once = np.ones(len(key), bool)
            once[1:] = key[1:] != key[:-1]
            key, gain = key[once], gain[first[once]]
            del first
        if not len(self) and len(key):
            self.gain, self._key = gain.astype(np.int64, copy=False), key
            self._index(key)
            return len(key)
        at = np.searchsorted(self._key, key)
        new = np.ones(len(key), bool)
        inside = at < len(self._key)
        new[inside] = self._key[at[inside]] != key[inside]
        if not new.any():
            return 0
        key, at = key[new], at[new]
        self.gain = np.insert(self.gain, at, gain[new])
        self._key = np.insert(self._key, at, key)
        self._index(key)
        return len(key)

    def _index(self, new: NDArray[np.int64]) -> None:
        """Find the columns of all pairs, and where each row begins once it has the new ones."""
        self.column = np.empty(len(self._key), np.int32)
        np.remainder(self._key, self.shape[1], out=self.column, casting="unsafe")
        self.start[1:] += np.cumsum(np.bincount(new // self.shape[1], minlength=self.shape[0]))

    @property
    def row(self) -> NDArray[np.int64]:
        """Row of every pair."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.start))

    def by_column(
        self, turn_edges: Callable[..., None]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """Return starts, rows and gains, sorted by column; by the compiled kernel for it."""
        start = np.zeros(self.shape[1] + 1, np.int64)
        row, gain = np.empty(len(self), np.int32), np.empty(len(self), np.int64)
        turn_edges(self.start, self.column, self.gain, start, row, gain)
        return start, row, gain

    def find(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the gains of pairs that are in the set."""
        return self.gain[np.searchsorted(self._key, row * self.shape[1] + column)]

    def find_tight(self, u: NDArray[np.int64], v: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``row * n_columns + column`` of the pairs that gain ``u[row] + v[column]``."""
        parts = [np.empty(0, np.int64)]
        for first in range(0, len(self), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            key = self._key[some]
            tight = self.gain[some] == u[key // self.shape[1]] + v[self.column[some]]
            parts.append(key[tight])
        return np.concatenate(parts)

    def find_lowest(self, price: NDArray[np.int64], keep: int, lowest: int) -> NDArray[np.int64]:
        """Return what the ``keep`` best pairs of each row are sure to be above.

        Parameters
        ----------
        price : ndarray of int64, shape (n_columns,)
            Taken from the gain of every pair.
        keep : int
            Of so many candidates the last, less 1, so that pairs as good as it are above too.
        lowest : int
            For rows that have fewer candidates, and what no row is below.

        Returns
        -------
        ndarray of int64, shape (n_rows,)

        Notes
        -----
        O(e log e) for e pairs held, some rows at a time.
        """
        found = np.full(self.shape[0], lowest)
        first = 0
        while first < self.shape[0]:
            end = int(np.searchsorted(self.start, self.start[first] + _SORTED, "right")) - 1
            end = max(end, first + 1)
            self._find_lowest(slice(first, end), price, keep, found[first:end])
            first = end
        return found

    def _find_lowest(
        self, lines: slice, price: NDArray[np.int64], keep: int, found: NDArray[np.int64]
    ) -> None:
        """Write down for some rows, which follow each other, what their best pairs are above."""
        start = self.start[lines.start : lines.stop + 1]
        held = slice(int(start[0]), int(start[-1]))
        rows = np.flatnonzero(np.diff(start) >= keep)
        if not len(rows):
            return
        value = self.gain[held] - price[self.column[held]]
        most = int(value.max())
        span = most - int(value.min()) + 1
        if span * len(found) > _MOST_KEY:
            return
        key = np.repeat(np.arange(len(found)), np.diff(start)) * span
        key += most - value
        key.sort()  # by row, then by value from the best on
        last = most + rows * span - key[start[rows] - start[0] + keep - 1]
        found[rows] = np.maximum(last - 1, found[rows])
