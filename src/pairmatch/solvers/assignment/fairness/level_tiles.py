"""Pairs of a pool in the order of the potentials of its people, block by block."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.fairness.rung_order import RungOrder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.streamed import StreamedGains

    # Row, column, where the column is entered, gain.
    Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

__all__ = ["NodesOf", "Tiles", "pick_some"]

CELLS = 2**20  # pairs looked at in one go


class NodesOf:
    """Where rows of a kind enter each column: full parts of it, or the column."""

    def __init__(self, n_columns: int, cells: NDArray[np.int64]) -> None:
        self._n = n_columns
        self._at: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        order = np.lexsort((cells[:, 2], cells[:, 0]))
        key = cells[order][:, [0, 2]]
        starts = np.flatnonzero((np.diff(key, axis=0, prepend=-1) != 0).any(axis=1))
        for start, stop in pairwise([*starts.tolist(), len(cells)]):
            some = order[start:stop]
            quota, label = key[start].tolist()
            self._at[quota, label] = cells[some, 1], n_columns + some

    def list_nodes(self, path: Iterator[tuple[int, int]]) -> NDArray[np.int64]:
        """Return the node of each column, for the classes of a kind, the widest first."""
        nodes = np.arange(self._n)
        for place in path:
            if place in self._at:
                columns, parts = self._at[place]
                nodes[columns] = parts
        return nodes


class Tiles:
    """Rows of a kind and columns in the order of their potentials, block by block."""

    def __init__(
        self,
        gains: StreamedGains,
        order: RungOrder,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        nodes: NDArray[np.int64],
        watch: Watch,
        more: int,
    ) -> None:
        self.gains = gains.take(rows, columns)
        self.order, self.watch, self.more = order, watch, more
        self.rows, self.columns, self.nodes = rows, columns, nodes
        self.height = max(1, CELLS // len(columns))

    @property
    def starts(self) -> range:
        """First row of every block."""
        return range(0, len(self.rows), self.height)

    def look(self, top: int) -> tuple[Found, Found, int]:
        """Return the best pairs above their limit, all pairs at it, and the least limit broken."""
        self.watch.check()
        some = slice(top, min(len(self.rows), top + self.height))
        order, rows = self.order, self.rows[some]
        # Only pairs of rows that come before their column are limited.
        first = int(np.searchsorted(order.node[self.nodes], order.row[rows[0]], "right"))
        gain, allowed = self.gains.block(some, slice(first, len(self.columns)))
        limit = order.limit(rows, self.nodes[first:])
        i, j = np.nonzero(allowed & (gain >= limit))
        value, over = gain[i, j], gain[i, j] - limit[i, j]
        at = np.flatnonzero(over == 0)
        above = np.flatnonzero(over > 0)
        best = pick_some(i[above], j[above], self.more, over[above])
        best = above[best]
        row, column, node = rows[i], self.columns[first + j], self.nodes[first + j]
        return (
            (row[best], column[best], node[best], value[best]),
            (row[at], column[at], node[at], value[at]),
            int((value - over)[above].min(initial=np.iinfo(np.int64).max)),
        )


def pick_some(
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    count: int,
    over: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return some entries of every row and column: those that are over most, and others.

    Parameters
    ----------
    row, column : ndarray of int64, shape (n_pairs,)
        Pairs.
    count : int
        How many of each row and column, twice over.
    over : ndarray of int64, shape (n_pairs,), optional
        By how much they are above their limit.
    """
    # Where all prefer the same few, those alone would be picked: scatter the rest.
    orders = [np.argsort((row * 40_503 + column * 30_011) % 65_521, kind="stable")]
    if over is not None:
        orders.append(np.argsort(-over, kind="stable"))
    found = [order[_find_first(line[order], count)] for order in orders for line in (row, column)]
    return np.unique(np.concatenate(found))


def _find_first(line: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the positions of the first so many entries of every line."""
    order = np.argsort(line, kind="stable")
    first = np.searchsorted(line[order], line[order])
    return np.sort(order[np.arange(len(line)) - first < count])
