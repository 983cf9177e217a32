"""Single pairs that must not be formed, found in any tile without looking at its other pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Barred"]


@dataclass(frozen=True, slots=True, eq=False)
class Barred:
    """Pairs that are not allowed, listed by row and by column.

    Parameters
    ----------
    pairs : ndarray of int64, shape (k, 2)
        Row and column of each.
    shape : (int, int)
        Number of rows and of columns of the pool.

    Examples
    --------
    >>> barred = Barred(np.array([[2, 0], [0, 1]]), (3, 2))
    >>> barred.find(np.array([0, 1, 2]), slice(0, 1))
    (array([2]), array([0]))
    >>> barred.holds(np.array([0, 0]), np.array([0, 1])).tolist()
    [False, True]
    """

    pairs: NDArray[np.int64]
    shape: tuple[int, int]
    _sides: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...] = field(init=False, repr=False)
    _keys: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sides = []
        for side in (0, 1):
            order = np.lexsort((self.pairs[:, 1 - side], self.pairs[:, side]))
            counts = np.bincount(self.pairs[:, side], minlength=self.shape[side])
            first = np.concatenate([[0], np.cumsum(counts)])
            sides.append((first, self.pairs[order, 1 - side]))
        object.__setattr__(self, "_sides", tuple(sides))
        object.__setattr__(self, "_keys", np.sort(self._key(self.pairs[:, 0], self.pairs[:, 1])))

    def _key(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        return i * np.int64(self.shape[1]) + j

    def find(
        self, lines: NDArray[np.int64], part: slice, *, by_column: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the barred pairs of some lines stand in a tile.

        Parameters
        ----------
        lines : ndarray of int64
            Rows of the tile, or columns if ``by_column``.
        part : slice
            Range of positions on the other side, with start and stop.
        by_column : bool, default: False
            Whether the lines are columns.

        Returns
        -------
        tuple of ndarray of int64
            Indices into ``lines``, and into the positions of ``part``.
        """
        first, other = self._sides[by_column]
        counts = first[lines + 1] - first[lines]
        line = np.repeat(np.arange(len(lines)), counts)
        within = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
        position = other[first[lines[line]] + within]
        inside = (position >= part.start) & (position < part.stop)
        return line[inside], position[inside] - part.start

    def holds(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which of the pairs ``(i[k], j[k])`` are barred."""
        if not len(self._keys):
            return np.zeros(len(i), np.bool_)
        wanted = self._key(i, j)
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found: NDArray[np.bool_] = self._keys[place] == wanted
        return found

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Barred:
        """Return the barred pairs among some rows and columns, renumbered from 0."""
        kept = []
        for side, chosen in enumerate((rows, columns)):
            place = np.full(self.shape[side], -1)
            place[chosen] = np.arange(len(chosen))
            kept.append(place[self.pairs[:, side]])
        pairs = np.stack(kept, axis=1)
        return Barred(pairs[(pairs >= 0).all(axis=1)], (len(rows), len(columns)))
