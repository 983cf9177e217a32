"""What pairs lose at old prices, and which of them pay once rows and columns have given in.

A pair loses what its row's profit and its column's price exceed its worth by; it pays where the two
have given in by more than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.changes.loops import list_close

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

__all__ = ["FAR", "Losses"]

FAR = 2**48
"""Loss of a pair that is not allowed."""
_STEP = 2**16  # pairs that lack no more than this are kept at hand, one by one

_NONE = np.empty(0, np.int64)


class Losses:
    """Losses of blocks of pairs; a pair that has been found to pay is not named again.

    Attributes
    ----------
    n_pairs : int
        How many pairs the blocks have.
    """

    def __init__(self) -> None:
        self.n_pairs = 0
        self._blocks: list[Block] = []
        self._first: list[int] = []  # position of the first pair of each block
        # Pairs that have not paid, but would once rows and columns give in by _STEP more than at
        # the base: row, column, loss, and position among those of all blocks.
        self._close: list[tuple[NDArray[np.int64], ...]] = []
        self._base: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], loss: NDArray[np.int64]
    ) -> None:
        """Add a block, or single pairs, changed from then on; one pair may be in several."""
        self._blocks.append((rows, columns, np.ascontiguousarray(loss)))
        self._first.append(self.n_pairs)
        self.n_pairs += loss.size
        if self._base is not None:
            self._list_close(len(self._blocks) - 1, *self._base)

    def _list_close(self, k: int, of_row: NDArray[np.int64], of_column: NDArray[np.int64]) -> None:
        """Keep the pairs of a block at hand that are close to paying."""
        rows, columns, loss = self._blocks[k]
        if loss.ndim == 1:
            at = np.flatnonzero(loss < of_row[rows] + _STEP + of_column[columns])
            row = column = at
        else:
            at = list_close(loss, of_row[rows] + _STEP, of_column[columns])
            row, column = np.divmod(at, len(columns))
        if len(at):
            pairs = rows[row], columns[column], loss.ravel()[at]
            self._close.append((*pairs, at + self._first[k]))

    def take_paying(
        self, of_row: NDArray[np.int64], of_column: NDArray[np.int64], scale: int = 1
    ) -> Pairs:
        """Return rows, columns and losses of pairs that pay.

        Parameters
        ----------
        of_row, of_column : ndarray of int64, shapes (n_rows,), (n_columns,)
            By how much each has given in, in the fraction ``scale`` of a gain.
        """
        self._follow(of_row, of_column, scale)
        if not self._close:
            return _NONE, _NONE, _NONE
        if len(self._close) > 1:
            self._close = [tuple(map(np.concatenate, zip(*self._close, strict=True)))]
        row, column, loss, at = self._close[0]
        pays = of_row[row] + of_column[column] > scale * loss
        if not pays.any():
            return _NONE, _NONE, _NONE
        self._strike(at[pays])
        left = ~pays
        self._close = [(row[left], column[left], loss[left], at[left])]
        return row[pays], column[pays], loss[pays]

    def _strike(self, at: NDArray[np.int64]) -> None:
        """Let some pairs never pay again."""
        block = np.searchsorted(self._first, at, "right") - 1
        for k in np.unique(block).tolist():
            self._blocks[k][2].ravel()[at[block == k] - self._first[k]] = FAR

    def _follow(self, of_row: NDArray[np.int64], of_column: NDArray[np.int64], scale: int) -> None:
        """List pairs anew where rows and columns have given in so much that others may pay."""
        if self._base is not None:
            more = [
                int((of - scale * base).max(initial=0))
                for of, base in zip((of_row, of_column), self._base, strict=True)
            ]
            if sum(more) <= scale * _STEP:
                return
        self._base = -(-of_row // scale), -(-of_column // scale)
        self._close = []
        for k in range(len(self._blocks)):
            self._list_close(k, *self._base)

    def find_least(self, may: NDArray[np.bool_], n_least: int) -> Pairs:
        """Return the pairs that lose least of each column, or of each row of a block of few rows.

        Parameters
        ----------
        may : ndarray of bool, shape (n_rows,)
            Which rows are meant.
        n_least : int
            How many pairs each.
        """
        found = [(_NONE, _NONE, _NONE)]
        for rows, columns, block in self._blocks:
            here = np.flatnonzero(may[rows])
            if block.ndim == 1 or not (len(here) and len(columns)):
                continue
            loss = block[here]
            axis = int(len(here) < len(columns))
            most = min(n_least, loss.shape[axis])
            place = np.argpartition(loss, most - 1, axis=axis)
            place = place[:, :most] if axis else place[:most]
            each = np.arange(loss.shape[1 - axis])
            each = np.broadcast_to(each[:, None] if axis else each, place.shape)
            line, k = (each.ravel(), place.ravel())[:: 1 if axis else -1]
            found.append((rows[here[line]], columns[k], loss[line, k]))
        row, column, loss = map(np.concatenate, zip(*found, strict=True))
        allowed = loss < FAR // 2
        return row[allowed], column[allowed], loss[allowed]
