"""People in the order of the potentials of many levels, and what a pair may gain by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.fairness.ladder import Rung
    from pairmatch.solvers.assignment.held.compartments import Compartments

__all__ = ["RungOrder"]

_RUNGS = 512  # levels at a time
_AT_ONCE, _PAIRS = 64, 2**14  # levels, and pairs, that are compared at a time
_FREE = np.iinfo(np.int64).max  # a limit that no gain reaches
_NONE = np.empty(0, np.int64)


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
        Rows, and columns with their compartments, of the cover that proves the coverage. Prices of
        places and rows of price 0 there may not be below 0 later: such rows and columns are held
        at the sink, and compartments at what they are in.
    must : ndarray of bool, shape (n_columns,)
        Columns with a minimum load: these may have a price below 0.
    compartments : Compartments, optional
        Parts of the columns.
    full : ndarray of int64, shape (n_full,)
        Those parts that are full, ascending; the others cost nothing.

    Attributes
    ----------
    row, node : ndarray of int64
        Place in the order of every row, and of every column and full compartment; those that
        nothing tells apart share one.
    above : ndarray of int64, shape (n_columns + n_full,)
        What each column or full compartment is in, -1 for columns.
    sink : int
        Place of the sink.
    """

    def __init__(
        self,
        rungs: list[Rung],
        n_rows: int,
        n_columns: int,
        cover: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        must: NDArray[np.bool_],
        compartments: Compartments | None = None,
        full: NDArray[np.int64] = _NONE,
    ) -> None:
        self.rungs, self._n = rungs, n_rows
        n, size = n_rows, n_rows + n_columns + len(full) + 1
        self.above = np.full(n_columns + len(full), -1)
        self._cells: list[NDArray[np.signedinteger]] = [rung.height[:0] for rung in rungs]
        if compartments is not None:
            self.above[n_columns:] = _find_above(compartments, n_columns, full)
            self._cells = [_read_cells(rung, compartments, n, n_columns, full) for rung in rungs]
        rank = np.zeros(size, np.int64)
        for start in range(0, len(rungs), _RUNGS):
            keys = _read_keys(self._read(start))
            _, within = np.unique(keys, return_inverse=True)
            _, rank = np.unique(rank * size + within, return_inverse=True)
        order = np.argsort(rank, kind="stable")
        first = np.flatnonzero(np.diff(rank[order], prepend=-1))
        some = order[first]  # one of each place
        self._limit = np.full(max(0, len(some) - 1), _FREE)
        for start in range(0, len(rungs), _RUNGS):
            heights = np.stack([height[some] for height in self._read(start)])
            differs = heights[:, 1:] != heights[:, :-1]
            at = np.flatnonzero(differs.any(axis=0) & (self._limit == _FREE))
            gain = np.array([rung.gain for rung in rungs[start : start + _RUNGS]])
            self._limit[at] = gain[differs[:, at].argmax(axis=0)]
        self.sink = sink = int(rank[-1])
        self.row = np.where(cover[0], rank[:n], np.maximum(rank[:n], sink))
        self.same = np.arange(size)  # whose potentials count
        self.same[:n][self.row != rank[:n]] = size - 1
        self.node = rank[n:-1].copy()
        parts = np.concatenate([np.arange(n_columns), full])
        for k in range(len(parts)):
            over = int(self.above[k])
            top = sink if over < 0 else int(self.node[over])
            if self.node[k] <= top:
                continue
            covered = bool(cover[1][parts[over]]) if over >= 0 else False
            free = bool(cover[1][parts[k]]) and not covered
            if not free and not (over < 0 and must[k]):
                self.node[k] = top
                self.same[n + k] = size - 1 if over < 0 else self.same[n + over]

    def _read(self, start: int) -> list[NDArray[np.signedinteger]]:
        """Return the potentials of all nodes, the sink last, on some of the levels."""
        return [self.read(k) for k in range(start, min(start + _RUNGS, len(self.rungs)))]

    def read(self, k: int) -> NDArray[np.signedinteger]:
        """Return the potentials of rows, columns, full compartments and the sink on a level."""
        height = self.rungs[k].height
        return np.concatenate([height[:-1], self._cells[k], height[-1:]])

    def limit(self, rows: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what pairs may gain without doing harm.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows.
        nodes : ndarray of int64, shape (m,)
            Columns, or compartments, in the order of their places.

        Returns
        -------
        ndarray of int64, shape (n, m)
            2**63 - 1 where there is no limit.
        """
        found = np.full((len(rows), len(nodes)), _FREE)
        place = self.node[nodes]
        begin = np.searchsorted(place, self.row[rows], "right")
        lines = np.flatnonzero(begin < len(nodes))
        if not len(lines):
            return found
        steps = np.flatnonzero(np.diff(place)) + 1  # where a column is further on
        if len(steps):
            ends = np.stack([place[steps - 1], place[steps]], axis=1).ravel()
            found[:, steps] = np.minimum.reduceat(np.append(self._limit, _FREE), ends)[::2]
        found[np.arange(len(nodes)) < begin[:, None]] = _FREE
        ends = np.stack([self.row[rows[lines]], place[begin[lines]]], axis=1).ravel()
        head = np.minimum.reduceat(np.append(self._limit, _FREE), ends)[::2]
        found[lines, begin[lines]] = head
        return np.minimum.accumulate(found, axis=1, out=found)

    def judge(
        self, row: NDArray[np.int64], node: NDArray[np.int64], gain: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the sign of what pairs cost, level by level: below 0 they would do better.

        Parameters
        ----------
        row, node, gain : ndarray of int64, shape (n_pairs,)
            Pairs that gain just their limit.
        """
        # Pairs of people that nothing tells apart, and of one gain, cost the same.
        tail, head = self.same[row], self.same[self._n + node]
        code = self.row[row] * (len(self._limit) + 1) + self.node[node]
        order = np.lexsort((gain, code))
        is_new = np.diff(code[order], prepend=-1) != 0
        is_new |= np.diff(gain[order], prepend=_FREE) != 0
        some = order[is_new]
        sign = self._judge(tail[some], head[some], gain[some])
        found = np.empty(len(row), np.int64)
        found[order] = sign[np.cumsum(is_new) - 1] if len(row) else sign
        return found

    def _judge(
        self, tail: NDArray[np.int64], head: NDArray[np.int64], gain: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the sign of what pairs of some nodes cost; many levels are looked at at once."""
        sign = np.zeros(len(tail), np.int64)
        left = np.arange(len(tail))
        for start in range(0, len(self.rungs), _AT_ONCE):
            if not len(left):
                break
            stop = min(start + _AT_ONCE, len(self.rungs))
            levels = np.array([rung.gain for rung in self.rungs[start:stop]])
            table = np.stack([self.read(k) for k in range(start, stop)], axis=1)
            differs = (gain[left] >= levels[0]) & (gain[left] <= levels[-1])
            differs |= _differ(table, tail[left], head[left])
            near = left[differs]
            for first in range(0, len(near), _PAIRS):
                look = near[first : first + _PAIRS]
                drop = table[tail[look]].astype(np.int64) - table[head[look]]
                drop += gain[look, None] == levels
                at = (drop != 0).argmax(axis=1)
                sign[look] = np.sign(drop[np.arange(len(look)), at])
            left = left[sign[left] == 0]
        return sign


def _find_above(
    compartments: Compartments, n_columns: int, full: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the full part, or column, that each full part is in, by its number among these."""
    number = np.full(len(compartments.above) + 1, -1)
    number[:n_columns] = np.arange(n_columns)
    number[full] = n_columns + np.arange(len(full))
    above = compartments.above[full]
    while (is_loose := number[above] < 0).any():
        above[is_loose] = compartments.above[above[is_loose]]
    found: NDArray[np.int64] = number[above]
    return found


def _read_cells(
    rung: Rung,
    compartments: Compartments,
    n_rows: int,
    n_columns: int,
    full: NDArray[np.int64],
) -> NDArray[np.signedinteger]:
    """Return the potentials of full compartments on a level."""
    is_apart = np.full(len(compartments.above), -1)
    is_apart[rung.apart] = np.arange(len(rung.apart))
    # Up to the first that differs from what it is in, or to the column.
    at = full.copy()
    while (inner := (at >= n_columns) & (is_apart[at] < 0)).any():
        at[inner] = compartments.above[at[inner]]
    which = is_apart[at]
    plain = rung.height[n_rows + np.minimum(at, n_columns - 1)] if len(at) else rung.height[:0]
    if not len(rung.apart):
        return plain
    return np.where(which >= 0, rung.apart_height[which], plain)


def _differ(
    table: NDArray[np.signedinteger], tail: NDArray[np.int64], head: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return where the potentials of two nodes are not all the same."""
    if table.dtype != np.int8 or table.shape[1] % 8:
        found = np.zeros(len(tail), np.bool_)
        for heights in table.T:
            found |= heights[tail] != heights[head]
        return found
    packed = np.ascontiguousarray(table).view(np.uint64)  # eight levels at a time
    return np.asarray((packed[tail] != packed[head]).any(axis=1))


def _read_keys(heights: list[NDArray[np.signedinteger]]) -> NDArray[np.bytes_]:
    """Return the potentials of every node as text that sorts as they do."""
    table = np.stack([height - height.min() for height in heights], axis=1)
    kind = np.uint8 if table.max() < 2**8 else np.dtype(">u8")
    packed = np.ascontiguousarray(table.astype(kind))
    keys: NDArray[np.bytes_] = packed.view(f"S{packed.itemsize * packed.shape[1]}")[:, 0]
    return keys
