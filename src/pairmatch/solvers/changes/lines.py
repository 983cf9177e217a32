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
        self._blocks: tuple[list[Block], list[Block]] = ([], [])  # each line is a row of a block

    def __call__(self, rows: Index, columns: Index) -> Block:
        """Return gains and "is allowed" of the pairs of some rows and some columns."""
        if not isinstance(columns, slice):
            whole = isinstance(rows, slice) and rows == slice(0, self._shape[0])
            found = self._find(1, columns, rows, whole=whole)
            if found is not None:
                return found[0].T, found[1].T
        if not isinstance(rows, slice):
            whole = isinstance(columns, slice) and columns == slice(0, self._shape[1])
            found = self._find(0, rows, columns, whole=whole)
            if found is not None:
                return found
        return self._look(rows, columns)

    def _find(
        self, side: int, lines: NDArray[np.int64], others: Index, *, whole: bool
    ) -> Block | None:
        """Return some lines, or parts of them; None where they are parts nobody has looked at."""
        line = self._line[side][lines]
        new = line < 0
        if not len(line) or new.any():
            if not (whole and len(line)):
                return None
            found = self._remember(side, lines[new])
            if new.all():
                return found
            line = self._line[side][lines]
        return self._cut(side, line, others)

    def _cut(self, side: int, line: NDArray[np.int64], others: Index) -> Block:
        """Return some lines, or parts of them."""
        blocks = self._blocks[side]
        if len(blocks) > 1:
            gain, allowed = map(np.concatenate, zip(*blocks, strict=True))
            blocks[:] = [(gain, allowed)]
        gain, allowed = blocks[0]
        if isinstance(others, slice):
            if others != slice(0, self._shape[1 - side]):
                gain, allowed = gain[:, others], allowed[:, others]
            return gain[line], allowed[line]
        at = np.ix_(line, others)
        return gain[at], allowed[at]

    def _remember(self, side: int, new: NDArray[np.int64]) -> Block:
        """Look at whole rows (side 0) or columns (side 1) that nobody has looked at."""
        every = slice(0, self._shape[1 - side])
        gain, allowed = self._look(every, new) if side else self._look(new, every)
        if side:
            gain, allowed = gain.T, allowed.T
        self._line[side][new] = np.arange(self._count[side], self._count[side] + len(new))
        self._count[side] += len(new)
        self._blocks[side].append((gain, allowed))
        return gain, allowed
