"""What is left to decide once the pinned pairs are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Narrow = Callable[[slice, NDArray[np.int64], NDArray[np.bool_]], NDArray[np.bool_]]

__all__ = ["Edges", "Remainder", "collect_edges", "price_no_quota", "set_pins"]

_TILE = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """Rows, places and quotas that the pins leave.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_open,)
        The rows that are not pinned to as many columns as they should have, ascending.
    capacity, at_least : ndarray of int64, shape (n_columns,)
        Places left in each column, and rows that it still must get.
    load : ndarray of int64, shape (n_columns,)
        Rows pinned to each column.
    room : tuple of ndarray of int64, shapes (n_columns, n_classes)
        Places left within each quota.
    demand : ndarray of int64, shape (n_open,)
        Columns that each open row should still have.
    served : ndarray of bool, shape (n_open,)
        Whether it is pinned to one already.
    """

    rows: NDArray[np.int64]
    capacity: NDArray[np.int64]
    at_least: NDArray[np.int64]
    load: NDArray[np.int64]
    room: tuple[NDArray[np.int64], ...]
    demand: NDArray[np.int64]
    served: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Pairs that may still be formed, sorted by row and then column.

    Parameters
    ----------
    row, column : ndarray of int64, shape (n_edges,)
        The pair, ``row`` in the numbering of the problem.
    gain : ndarray of int64, shape (n_edges,)
        What it is worth.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    gain: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Edges:
        """Return some of the edges, in their order."""
        return Edges(self.row[which], self.column[which], self.gain[which])


def set_pins(problem: AssignmentProblem) -> Remainder:
    """Return what the pins of a problem leave to decide.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.

    Returns
    -------
    Remainder
        Rows that are pinned to all the columns that they should have are gone; each pin took one
        place, one of the rows that its column must get, and one place of its class in every quota.
    """
    pinned, column = problem.pins[:, 0], problem.pins[:, 1]
    load = np.bincount(column, minlength=problem.n_columns).astype(np.int64)
    n_pinned = np.bincount(pinned, minlength=problem.n_rows)
    rows = np.flatnonzero(problem.demand > n_pinned)
    room = []
    for quota in problem.quotas:
        left = np.full((problem.n_columns, quota.n_classes), quota.at_most, np.int64)
        label = quota.class_of[pinned]
        counted = label >= 0
        np.subtract.at(left, (column[counted], label[counted]), 1)
        room.append(left)
    return Remainder(
        rows=rows,
        capacity=problem.capacity - load,
        at_least=np.maximum(problem.at_least - load, 0),
        load=load,
        room=tuple(room),
        demand=(problem.demand - n_pinned)[rows],
        served=n_pinned[rows] > 0,
    )


def price_no_quota(problem: AssignmentProblem) -> tuple[NDArray[np.int64], ...]:
    """Return prices of 0 for the places within every quota.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    """
    return tuple(
        np.zeros((problem.n_columns, quota.n_classes), np.int64) for quota in problem.quotas
    )


def collect_edges(
    problem: AssignmentProblem, remainder: Remainder, narrow: Narrow | None = None
) -> Edges:
    """Return every allowed pair of an open row that can be of use.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    remainder : Remainder
        What its pins leave.
    narrow : callable, optional
        Given some rows, the gains of a block and which of its pairs could be of use, returns
        which of these are.

    Returns
    -------
    Edges
        Under "total", a pair of negative gain is left out unless its column has a minimum load
        to meet: leaving it out of a plan makes the plan better and breaks nothing.
    """
    n_rows, n_columns = problem.gains.shape
    is_open = np.zeros(n_rows, np.bool_)
    is_open[remainder.rows] = True
    optional = remainder.at_least == 0
    height = max(1, _TILE // max(1, n_columns))
    parts = []
    for start in range(0, n_rows, height):
        rows = slice(start, min(start + height, n_rows))
        gain, allowed = problem.gains.block(rows, slice(0, n_columns))
        use = allowed & is_open[rows, None]
        pins = problem.pins[(problem.pins[:, 0] >= start) & (problem.pins[:, 0] < rows.stop)]
        use[pins[:, 0] - start, pins[:, 1]] = False
        if problem.objective == "total":
            use &= (gain >= 0) | ~optional
        if narrow is not None:
            use = narrow(rows, gain, use)
        row, column = np.nonzero(use)
        parts.append((row + start, column, gain[row, column]))
    if not parts:
        nothing = np.empty(0, np.int64)
        return Edges(nothing, nothing, nothing)
    row, column, gain = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return Edges(row, column, gain)
