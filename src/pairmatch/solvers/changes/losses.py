"""What pairs lose at old prices, and which of them pay once rows and columns have given in.

A pair loses what its row's profit and its column's price exceed its worth by; it pays where the two
have given in by more than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

__all__ = ["FAR", "Losses"]

FAR = 2**48
"""Loss of a pair that is not allowed."""
_REACH = 2**18  # pairs that lose no more than this are kept at hand, one by one
_STEP = 2**16  # pairs that lack no more than this are looked at first

_NONE = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)


def _join(found: list[Pairs]) -> Pairs:
    """Return all pairs one after the other."""
    row, column, loss = map(np.concatenate, zip(*found, strict=True))
    return row, column, loss


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
        # Row, column and loss of pairs that have not paid: those that would once rows and columns
        # give in by _STEP more than at the base, and the others.
        self._close: list[Pairs] = []
        self._others: list[Pairs] = []
        self._base: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], loss: NDArray[np.int64]
    ) -> None:
        """Add a block; one pair may be in several."""
        at = np.flatnonzero(loss.ravel() <= _REACH)
        row, column = np.divmod(at, max(1, len(columns)))
        self._sort_in((rows[row], columns[column], loss.ravel()[at]))
        self._blocks.append((rows, columns, loss))
        self.n_pairs += loss.size

    def _sort_in(self, pairs: Pairs) -> None:
        """Keep pairs by whether they are close to paying."""
        if self._base is None:
            self._others.append(pairs)
            return
        row, column, loss = pairs
        close = self._base[0][row] + self._base[1][column] + _STEP > loss
        self._close.append((row[close], column[close], loss[close]))
        self._others.append((row[~close], column[~close], loss[~close]))

    def take_paying(
        self, of_row: NDArray[np.int64], of_column: NDArray[np.int64], scale: int = 1
    ) -> Pairs:
        """Return rows, columns and losses of pairs that pay; those that lose much again and again.

        Parameters
        ----------
        of_row, of_column : ndarray of int64, shapes (n_rows,), (n_columns,)
            By how much each has given in, in the fraction ``scale`` of a gain.
        """
        self._follow(of_row, of_column, scale)
        row, column, loss = _join([_NONE, *self._close])
        pays = of_row[row] + of_column[column] > scale * loss
        found = [_NONE]
        if pays.any():
            found.append((row[pays], column[pays], loss[pays]))
            row, column, loss = row[~pays], column[~pays], loss[~pays]
        self._close = [(row, column, loss)]
        if int(of_row.max(initial=-FAR)) + int(of_column.max(initial=-FAR)) > scale * _REACH:
            found += [self._find_far(block, of_row, of_column, scale) for block in self._blocks]
        return _join(found)

    def _follow(self, of_row: NDArray[np.int64], of_column: NDArray[np.int64], scale: int) -> None:
        """Sort pairs anew where rows and columns have given in so much that others may pay."""
        sides = of_row, of_column
        if self._base is not None:
            more = [
                int((of - scale * base).max(initial=0))
                for of, base in zip(sides, self._base, strict=True)
            ]
            if sum(more) <= scale * _STEP:
                return
        self._base = -(-of_row // scale), -(-of_column // scale)
        pairs = _join([_NONE, *self._close, *self._others])
        self._close, self._others = [], []
        self._sort_in(pairs)

    def _find_far(
        self, block: Block, of_row: NDArray[np.int64], of_column: NDArray[np.int64], scale: int
    ) -> Pairs:
        """Return the pairs of a block that pay though they lose much."""
        rows, columns, loss = block
        gave, fell = of_row[rows], of_column[columns]
        far = np.flatnonzero(gave + fell.max(initial=-FAR) > scale * _REACH)
        if not len(far):
            return _NONE
        down = np.flatnonzero(fell + gave.max() > scale * _REACH)
        loss = loss[far[:, None], down]
        line, k = np.nonzero((gave[far, None] + fell[down] > scale * loss) & (loss > _REACH))
        return rows[far[line]], columns[down[k]], loss[line, k]

    def find_least(self, may: NDArray[np.bool_], n_least: int) -> Pairs:
        """Return the pairs that lose least of each column, or of each row of a block of few rows.

        Parameters
        ----------
        may : ndarray of bool, shape (n_rows,)
            Which rows are meant.
        n_least : int
            How many pairs each.
        """
        found = [_NONE]
        for rows, columns, block in self._blocks:
            here = np.flatnonzero(may[rows])
            if not (len(here) and len(columns)):
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
        row, column, loss = _join(found)
        allowed = loss < FAR // 2
        return row[allowed], column[allowed], loss[allowed]
