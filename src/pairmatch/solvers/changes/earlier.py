"""The pairs there were before, by row: one column each, or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["count_kept", "list_earlier", "was_there"]


def list_earlier(column_of: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the pairs there were.

    Parameters
    ----------
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were, -1 for none; columns, where rows have several.

    Examples
    --------
    >>> rows, columns = list_earlier(np.array([[2, 0], [-1, -1], [1, -1]]))
    >>> rows.tolist(), columns.tolist()
    ([0, 0, 2], [2, 0, 1])
    """
    columns = column_of[:, None] if column_of.ndim == 1 else column_of
    row, place = np.nonzero(columns >= 0)
    return row, columns[row, place]


def was_there(
    column_of: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which of some pairs there were.

    Parameters
    ----------
    column_of : ndarray of int64
        As for :func:`list_earlier`.
    rows, columns : ndarray of int64, shape (n_pairs,)
        The pairs.

    Examples
    --------
    >>> was_there(np.array([[2, 0], [1, -1]]), np.array([0, 0, 1]), np.array([0, 1, 1])).tolist()
    [True, False, True]
    """
    before = column_of[:, None] if column_of.ndim == 1 else column_of
    there = np.zeros(len(rows), np.bool_)
    for own in before.T:
        there |= own[rows] == columns
    return there


def count_kept(column_of: NDArray[np.int64], pairs: NDArray[np.int64]) -> int:
    """Return how many of some pairs, shape (n_pairs, 2), there were.

    Examples
    --------
    >>> count_kept(np.array([1, -1]), np.array([[0, 1], [1, 1]]))
    1
    """
    return int(np.count_nonzero(was_there(column_of, pairs[:, 0], pairs[:, 1])))
