"""People in the order of the potentials of many levels, and what a pair may gain by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.fairness.ladder import Rung

__all__ = ["RungOrder"]

_RUNGS = 512  # levels at a time
_FREE = np.iinfo(np.int64).max  # a limit that no gain reaches


class RungOrder:
    """Rows, columns and the sink in lexicographic order of their potentials.

    A pair of a row that comes before its column could be used to do better unless it gains no more
    than the first level on which their potentials differ.

    Parameters
    ----------
    rungs : list of Rung
        Levels, ascending.
    n_rows, n_columns : int
        How many rows and columns there are.
    cover : (ndarray of bool, ndarray of bool)
        Rows and columns of the cover that proves the coverage. Prices of places and rows of price
        0 there may not be below 0 later: such rows and columns are held at the sink.
    must : ndarray of bool, shape (n_columns,)
        Columns with a minimum load: these may have a price below 0.

    Attributes
    ----------
    row, column : ndarray of int64
        Place in the order of every row and column; those that nothing tells apart share one.
    sink : int
        That of the sink.
    """

    def __init__(
        self,
        rungs: list[Rung],
        n_rows: int,
        n_columns: int,
        cover: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        must: NDArray[np.bool_],
    ) -> None:
        self.rungs = rungs
        n, size = n_rows, n_rows + n_columns + 1
        rank = np.zeros(size, np.int64)
        for start in range(0, len(rungs), _RUNGS):
            keys = _read_keys(rungs[start : start + _RUNGS])
            _, within = np.unique(keys, return_inverse=True)
            _, rank = np.unique(rank * size + within, return_inverse=True)
        order = np.argsort(rank, kind="stable")
        first = np.flatnonzero(np.diff(rank[order], prepend=-1))
        some = order[first]  # one of each place
        self._limit = np.full(max(0, len(some) - 1), _FREE)
        for start in range(0, len(rungs), _RUNGS):
            part = rungs[start : start + _RUNGS]
            heights = np.stack([rung.height[some] for rung in part])
            differs = heights[:, 1:] != heights[:, :-1]
            at = np.flatnonzero(differs.any(axis=0) & (self._limit == _FREE))
            gain = np.array([rung.gain for rung in part])
            self._limit[at] = gain[differs[:, at].argmax(axis=0)]
        self.sink = sink = int(rank[-1])
        self.row = np.where(cover[0], rank[:n], np.maximum(rank[:n], sink))
        self.column = np.where(cover[1] | must, rank[n:-1], np.minimum(rank[n:-1], sink))
        self.is_held = np.concatenate([self.row != rank[:n], self.column != rank[n:-1], [False]])

    def limit(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what pairs may gain without doing harm.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows.
        columns : ndarray of int64, shape (m,)
            Columns, in the order of their places.

        Returns
        -------
        ndarray of int64, shape (n, m)
            2**63 - 1 where there is no limit.
        """
        found = np.full((len(rows), len(columns)), _FREE)
        place = self.column[columns]
        begin = np.searchsorted(place, self.row[rows], "right")
        lines = np.flatnonzero(begin < len(columns))
        if not len(lines):
            return found
        steps = np.flatnonzero(np.diff(place)) + 1  # where a column is further on
        if len(steps):
            ends = np.stack([place[steps - 1], place[steps]], axis=1).ravel()
            found[:, steps] = np.minimum.reduceat(np.append(self._limit, _FREE), ends)[::2]
        found[np.arange(len(columns)) < begin[:, None]] = _FREE
        ends = np.stack([self.row[rows[lines]], place[begin[lines]]], axis=1).ravel()
        head = np.minimum.reduceat(np.append(self._limit, _FREE), ends)[::2]
        found[lines, begin[lines]] = head
        return np.minimum.accumulate(found, axis=1, out=found)

    def judge(
        self, row: NDArray[np.int64], column: NDArray[np.int64], gain: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the sign of what pairs cost, level by level: below 0 they would do better.

        Parameters
        ----------
        row, column, gain : ndarray of int64, shape (n_pairs,)
            Pairs that gain just their limit.
        """
        sign = np.zeros(len(row), np.int64)
        left = np.arange(len(row))
        n, sink = len(self.row), len(self.row) + len(self.column)
        tail = np.where(self.is_held[row], sink, row)
        head = np.where(self.is_held[n + column], sink, n + column)
        for rung in self.rungs:
            if not len(left):
                break
            drop = rung.height[tail[left]].astype(np.int64) - rung.height[head[left]]
            sign[left] = np.sign(drop + (gain[left] == rung.gain))
            left = left[sign[left] == 0]
        return sign


def _read_keys(rungs: list[Rung]) -> NDArray[np.bytes_]:
    """Return the potentials of every node as text that sorts as they do."""
    heights = np.stack([rung.height - rung.height.min() for rung in rungs], axis=1)
    kind = np.uint8 if heights.max() < 2**8 else np.dtype(">u8")
    packed = np.ascontiguousarray(heights.astype(kind))
    keys: NDArray[np.bytes_] = packed.view(f"S{packed.itemsize * packed.shape[1]}")[:, 0]
    return keys
