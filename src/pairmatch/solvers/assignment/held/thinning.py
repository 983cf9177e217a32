"""Which columns are all needed for a conflict of minimum loads: one flow, changed along paths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.largest_flow import find_largest_flow, find_rivals
from pairmatch.solvers.assignment.held.residual import Residual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout

__all__ = ["thin_by_paths"]


class _Passing:
    """A largest flow to some columns in conflict of which one gets too little: who could help it.

    Parameters
    ----------
    layout : Layout
        The network.
    asked : ndarray of int64, shape (n_columns,)
        Rows that the columns in conflict ask for; 0 for others.
    last : int
        The column without which the others can all be met.
    """

    def __init__(self, layout: Layout, asked: NDArray[np.int64], last: int) -> None:
        network, loads = layout.network, layout.load_arcs
        self._layout, self._last, self.asked = layout, last, asked.copy()
        at = np.zeros(network.n_nodes, np.int64)  # column of each node beyond the rows
        at[layout.n_rows : layout.sink] = np.arange(layout.n_columns)
        at[layout.sink + 1 :] = layout.limit_of[:, 1]
        self._used = np.zeros(len(network.tail), np.bool_)
        self._used[: loads.start] = asked[at[network.head[: loads.start]]] > 0
        self._used[loads] = True
        upper = network.upper.copy()
        upper[loads] = asked
        part = replace(
            network,
            tail=network.tail[self._used],
            head=network.head[self._used],
            lower=np.zeros_like(network.lower[self._used]),
            upper=upper[self._used],
        )
        self._residual = Residual(part, find_largest_flow(layout, asked)[self._used])
        self._first = len(part.tail) - layout.n_columns  # the first arc from a column to the sink
        pairs = np.flatnonzero(self._used[layout.pair_arcs])
        self._row = network.tail[pairs]
        self._column = at[network.head[pairs]]
        # Without the last the others can be met, so it can hand over all that they lack.
        arc = self._first + last
        self._residual.upper[arc] = 0
        while (np.delete(self._residual.flow[self._first :] < asked, last)).any():
            if not self._residual.reroute(arc):
                raise ArithmeticError("some columns conflict without the last of them")
        self._residual.upper[arc] = asked[last]

    @property
    def lacks(self) -> int:
        """Rows that the last column lacks."""
        return int(self.asked[self._last] - self._residual.flow[self._first + self._last])

    def count_direct(self) -> NDArray[np.int64]:
        """Return how many rows each column could hand over at once, no quota in the way."""
        taken = self._residual.flow[: len(self._row)] > 0
        is_last = self._column == self._last
        able = np.zeros(self._layout.n_rows, np.bool_)
        able[self._row[is_last & ~taken]] = self._layout.n_limits == 0
        held = self._column[taken & ~is_last & able[self._row]]
        return np.bincount(held, minlength=self._layout.n_columns)

    def is_needed(self, column: int) -> bool:
        """Say whether the last column gets all it lacks without another one, or leave that out."""
        residual, arc = self._residual, self._first + column
        before, lacks, handed = residual.flow.copy(), self.lacks, 0
        residual.upper[arc] = 0
        while handed < lacks and residual.reroute(arc):
            handed += 1
        if handed == lacks:
            residual.flow[:], residual.upper[arc] = before, self.asked[column]
            return True
        self._drop(np.array([column]))
        flow = np.zeros(len(self._used), np.int64)
        flow[self._used] = residual.flow
        rivals = find_rivals(self._layout, flow, self.asked, np.array([self._last]))
        self._drop(np.setdiff1d(np.flatnonzero(self.asked), rivals))
        return False

    def _drop(self, columns: NDArray[np.int64]) -> None:
        """Let some columns ask for nobody: none of their rows is of use to those that are left."""
        flow = self._residual.flow
        self.asked[columns] = 0
        self._residual.upper[self._first + columns] = flow[self._first + columns] = 0
        flow[: len(self._row)][np.isin(self._column, columns)] = 0
        limits = np.flatnonzero(self._used[self._layout.limit_arcs])
        gone = np.isin(self._layout.limit_of[limits, 1], columns)
        flow[len(self._row) : self._first][gone] = 0


def thin_by_paths(
    layout: Layout, asked: NDArray[np.int64], rivals: NDArray[np.int64], last: int
) -> NDArray[np.int64]:
    """Return columns that are all needed for a conflict, of some that conflict only with the last.

    Parameters
    ----------
    layout : Layout
        The network.
    asked : ndarray of int64, shape (n_columns,)
        Rows that each column asks for.
    rivals : ndarray of int64
        Columns that cannot all get what they ask for; each could pass on a row, in the end to one
        that gets less.
    last : int
        The one of them without which all others get what they ask for.

    Notes
    -----
    A column is needed if it could hand over all the rows that the last one lacks, which as many
    searches over the pairs say as rows are lacking; most often it is seen at once.
    """
    trial = np.zeros_like(asked)
    trial[rivals] = asked[rivals]
    passing = _Passing(layout, trial, last)
    direct = passing.count_direct()
    for column in rivals.tolist():
        if passing.lacks == 1:
            break
        if column == last or not passing.asked[column] or direct[column] >= passing.lacks:
            continue
        if not passing.is_needed(column):
            direct = passing.count_direct()
    return np.flatnonzero(passing.asked)
