"""For how many cycles everybody can get a new column each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["count_lasting", "find_lasting"]


def find_lasting(
    allowed: NDArray[np.bool_], capacity: NDArray[np.int64], n_cycles: int
) -> NDArray[np.bool_] | None:
    """Return pairs that last for some cycles, or None if no pairs do.

    Parameters
    ----------
    allowed : ndarray of bool, shape (n_rows, n_columns)
        Pairs that may be used, once each.
    capacity : ndarray of int64, shape (n_columns,)
        Places of each column in each cycle.
    n_cycles : int
        Number of cycles, >= 0.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns), or None
        Pairs with ``n_cycles`` of each row and at most ``n_cycles * capacity`` of each column.
        They can be split into one full matching a cycle.

    Notes
    -----
    Necessary by counting. Sufficient since the edges of a bipartite graph can be coloured with any
    number of colours so that the edges of each vertex are spread evenly over them: D. de Werra,
    "Equitable colorations of graphs", Revue française
    d'informatique et de recherche opérationnelle 5 (1971), 3-8. One maximum flow, O(pairs) memory.
    """
    n_rows, n_columns = allowed.shape
    if n_cycles * n_rows == 0:
        return np.zeros_like(allowed)
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import maximum_flow

    row, column = np.nonzero(allowed)
    source, sink = n_rows + n_columns, n_rows + n_columns + 1
    places = np.minimum(n_cycles * np.minimum(capacity, n_rows), n_rows * n_cycles)
    tail = np.concatenate([np.full(n_rows, source), row, n_rows + np.arange(n_columns)])
    head = np.concatenate([np.arange(n_rows), n_rows + column, np.full(n_columns, sink)])
    room = np.concatenate([np.full(n_rows, n_cycles), np.ones(len(row), np.int64), places])
    shape = sink + 1, sink + 1
    graph = csr_array(coo_array((room.astype(np.int32), (tail, head)), shape=shape))
    found = maximum_flow(graph, source, sink)
    if found.flow_value < n_cycles * n_rows:
        return None
    used = coo_array(found.flow)
    lasting = np.zeros_like(allowed)
    inner = (used.data > 0) & (used.row < n_rows) & (used.col < source)
    lasting[used.row[inner], used.col[inner] - n_rows] = True
    return lasting


def count_lasting(allowed: NDArray[np.bool_], capacity: NDArray[np.int64], most: int) -> int:
    """Return the largest number of cycles, up to ``most``, for which pairs last.

    Parameters
    ----------
    allowed : ndarray of bool, shape (n_rows, n_columns)
        Pairs that may be used, once each.
    capacity : ndarray of int64, shape (n_columns,)
        Places of each column in each cycle.
    most : int
        The largest number that is asked for, >= 0.

    Examples
    --------
    >>> import numpy as np
    >>> count_lasting(np.ones((2, 3), bool), np.array([1, 1, 1]), most=10)
    3
    >>> count_lasting(np.ones((3, 2), bool), np.array([1, 1]), most=10)
    0
    """
    low, high = 0, most  # pairs that last for c cycles last for fewer
    while low < high:
        middle = (low + high + 1) // 2
        if find_lasting(allowed, capacity, middle) is None:
            high = middle - 1
        else:
            low = middle
    return low
