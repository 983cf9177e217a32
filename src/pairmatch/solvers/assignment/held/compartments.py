"""Where quotas are kept: parts of columns, each for the rows of one class, with its own room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.layout import order_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Remainder
    from pairmatch.solvers.problem import Quotas

__all__ = ["Classes", "Compartments"]


@dataclass(frozen=True, slots=True, eq=False)
class Compartments:
    """Parts of columns, each inside its column or inside a wider part, and who enters where.

    Parameters
    ----------
    enter : ndarray of int64, shape (n_pairs,)
        The narrowest part that each pair is in, after the columns in number; its column if none.
    above : ndarray of int64, shape (n_columns + n_cells,)
        What each column or part is in; that of a column is ``n_columns + n_cells``. A part comes
        after the one it is in.
    column : ndarray of int64, shape (n_columns + n_cells,)
        The column of each.
    room : ndarray of int64, shape (n_cells,)
        Places in each part.
    cell : ndarray of int64, shape (n_cells, 3)
        Quota, column and class of each part.
    """

    enter: NDArray[np.int64]
    above: NDArray[np.int64]
    column: NDArray[np.int64]
    room: NDArray[np.int64]
    cell: NDArray[np.int64]


class Classes:
    """Rows of a pool by their classes in quotas that nest.

    Parameters
    ----------
    quotas : tuple of Quotas
        The quotas.
    remainder : Remainder
        What the pins leave.
    columns : ndarray of int64
        The columns of the pool.

    Attributes
    ----------
    kind : ndarray of int64, shape (n_open,)
        Rows of one kind are in the same class of every quota.
    n_kinds : int
        How many kinds there are.
    """

    def __init__(
        self, quotas: tuple[Quotas, ...], remainder: Remainder, columns: NDArray[np.int64]
    ) -> None:
        rows = remainder.rows
        self.n_columns = len(columns)
        self._labels = [quota.class_of[rows] for quota in quotas]
        self.rooms = [room[columns] for room in remainder.room]
        self.kind = np.zeros(len(rows), np.int64)
        for label in self._labels:
            key = self.kind * (int(label.max(initial=-1)) + 2) + label + 1
            _, self.kind = np.unique(key, return_inverse=True)
        self.n_kinds = int(self.kind.max(initial=-1)) + 1
        _, one = np.unique(self.kind, return_index=True)
        self._label_of_kind = [label[one] for label in self._labels]
        self._turns = [turn[one] for turn in order_classes(dict(enumerate(quotas)), rows)]

    def list_cells(self, kind: int) -> Iterator[tuple[int, int]]:
        """Yield quota and class of a kind, the widest class first."""
        for turn in self._turns:
            quota = int(turn[kind])
            label = int(self._label_of_kind[quota][kind])
            if label >= 0:
                yield quota, label

    def find_shut(self, kind: int) -> NDArray[np.bool_]:
        """Return the columns that take nobody of a kind any more."""
        shut = np.zeros(self.n_columns, np.bool_)
        for quota, label in self.list_cells(kind):
            shut |= self.rooms[quota][:, label] <= 0
        return shut

    def are_shut(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pairs a quota has no room for."""
        shut = np.zeros(len(rows), np.bool_)
        for label, room in zip(self._labels, self.rooms, strict=True):
            mine = label[rows]
            if room.size:
                shut |= (mine >= 0) & (room[columns, mine] <= 0)
        return shut

    def divide(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        wanted: list[NDArray[np.bool_]],
    ) -> Compartments:
        """Return the parts of columns that some pairs could overfill.

        Parameters
        ----------
        rows, columns : ndarray of int64, shape (n_pairs,)
            The pairs, by their numbers in the pool.
        wanted : list of ndarray of bool, shapes (n_columns, n_classes)
            Parts that are to be there in any case, for every quota, if any pair is in them.
        """
        enter, kind = columns.copy(), self.kind[rows]
        none = np.empty(0, np.int64)
        n_nodes, above = self.n_columns, [np.full(self.n_columns, -1)]
        cells = [np.stack([none] * 3)]
        for turn in self._turns:
            for k, (label, room) in enumerate(zip(self._labels, self.rooms, strict=True)):
                mine = label[rows]
                code = columns * room.shape[1] + mine
                asked = np.bincount(code[mine >= 0], minlength=room.size)
                use = wanted[k].ravel() | (asked > room.ravel())
                at = np.flatnonzero((turn[kind] == k) & (mine >= 0))
                at = at[use[code[at]]]
                used, first, which = np.unique(code[at], return_index=True, return_inverse=True)
                above.append(enter[at][first])
                cells.append(np.stack([np.full(len(used), k), *np.divmod(used, room.shape[1])]))
                enter[at] = n_nodes + which
                n_nodes += len(used)
        inside = np.concatenate(above)
        inside[: self.n_columns] = n_nodes
        cell = np.concatenate(cells, axis=1).T
        return Compartments(
            enter=enter,
            above=inside,
            column=np.concatenate([np.arange(self.n_columns), cell[:, 1]]),
            room=np.array([self.rooms[k][j, c] for k, j, c in cell.tolist()], np.int64),
            cell=cell,
        )
