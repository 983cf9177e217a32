"""Gains of whole rows and whole columns, each looked up once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Index = slice | NDArray[np.int64]
    Block = tuple[NDArray[np.integer], NDArray[np.bool_]]
    Look = Callable[[Index, Index], Block]

__all__ = ["Lines"]

_ROOM = 64  # lines that there is room for at first


class Lines:
    """Looks at pairs like the function it is made from, and remembers whole rows and columns.

    Parameters
    ----------
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.
    shape : (int, int)
        Number of rows and columns.

    Notes
    -----
    O(n_rows) memory for each column that was looked at whole, O(n_columns) for each such row.
    """

    def __init__(self, look: Look, shape: tuple[int, int]) -> None:
        self._look, self._shape = look, shape
        self._line = np.full(shape[0], -1), np.full(shape[1], -1)
        self._count = [0, 0]
        self._gain: list[NDArray[np.integer]] = [
            np.empty((0, shape[1 - side]), np.int32) for side in (0, 1)
        ]
        self._allowed = [np.empty((0, shape[1 - side]), np.bool_) for side in (0, 1)]

    def __call__(self, rows: Index, columns: Index) -> Block:
        """Return gains and "is allowed" of the pairs of some rows and some columns."""
        if not isinstance(columns, slice):
            if isinstance(rows, slice) and rows == slice(0, self._shape[0]):
                self._remember(1, columns)
            line = self._line[1][columns]
            if (line >= 0).all():
                gain, allowed = self._cut(1, line, rows)
                return gain.T, allowed.T
        if not isinstance(rows, slice):
            if isinstance(columns, slice) and columns == slice(0, self._shape[1]):
                self._remember(0, rows)
            line = self._line[0][rows]
            if (line >= 0).all():
                return self._cut(0, line, columns)
        return self._look(rows, columns)

    def _cut(self, side: int, line: NDArray[np.int64], others: Index) -> Block:
        """Return some lines, or parts of them."""
        kept = self._gain[side], self._allowed[side]
        if isinstance(others, slice):
            return kept[0][line][:, others], kept[1][line][:, others]
        at = np.ix_(line, others)
        return kept[0][at], kept[1][at]

    def _remember(self, side: int, lines: NDArray[np.int64]) -> None:
        """Look at whole rows (side 0) or columns (side 1) that nobody has looked at."""
        new = lines[self._line[side][lines] < 0]
        if not len(new):
            return
        every = slice(0, self._shape[1 - side])
        gain, allowed = self._look(every, new) if side else self._look(new, every)
        if side:
            gain, allowed = gain.T, allowed.T
        begin, end = self._count[side], self._count[side] + len(new)
        if end > len(self._gain[side]):
            more = max(end, _ROOM), self._shape[1 - side]  # room for as many again
            room = np.empty(more, gain.dtype)
            self._gain[side] = np.concatenate([self._gain[side][:begin], room])
            self._allowed[side] = np.concatenate(
                [self._allowed[side][:begin], np.empty(more, np.bool_)]
            )
        self._gain[side][begin:end], self._allowed[side][begin:end] = gain, allowed
        self._line[side][new] = np.arange(begin, end)
        self._count[side] = end
