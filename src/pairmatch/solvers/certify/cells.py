"""Prices of places within quotas for a few classes at a few columns, and who pays them.

Like the other checks this module knows no solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.rules import count_classes
from pairmatch.solvers.certify.sums import find_magnitude
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["PricedClasses", "check_cells", "find_rooms", "spread_cells"]

_LIMIT = 2**61  # of prices that are added up


def check_cells(problem: AssignmentProblem, solution: AssignmentSolution) -> NDArray[np.int64]:
    """Return the classes at columns that have prices, or raise unless all steps name them well.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked.
    solution : AssignmentSolution
        An answer with steps.

    Returns
    -------
    ndarray of int64, shape (n_cells, 3)
        Quota, column and class.

    Raises
    ------
    CertificateError
        If they are not there, not the same in all steps, or their prices are no proper integers.
    """
    cells = solution.steps[0].cells
    if cells is None:
        if any(step.cells is not None or step.cell is not None for step in solution.steps):
            raise CertificateError("prices within quotas are not for the same places in all steps")
        return np.empty((0, 3), np.int64)
    sizes = np.array([quota.n_classes for quota in problem.quotas], np.int64)
    known = cells.ndim == 2 and cells.shape[1] == 3 and cells.dtype.kind == "i"
    if known and len(cells):
        known = bool((cells >= 0).all()) and int(cells[:, 0].max()) < len(sizes)
        known = known and bool((cells[:, 1] < problem.n_columns).all())
        known = known and bool((cells[:, 2] < sizes[cells[:, 0]]).all())
        known = known and len(np.unique(cells, axis=0)) == len(cells)
    if not known:
        raise CertificateError("prices within quotas are for places that are not there")
    for step in solution.steps:
        same = step.cells is not None and np.array_equal(step.cells, cells)
        if not same or step.cell is None:
            raise CertificateError("prices within quotas are not for the same places in all steps")
        if step.cell.shape != (len(cells),) or step.cell.dtype.kind != "i":
            raise CertificateError("prices within quotas are not one integer for each place")
        if find_magnitude(step.cell) > _LIMIT // max(1, len(sizes)):
            raise CertificateError("prices within quotas are too large to be compared exactly")
    return cells


def find_rooms(problem: AssignmentProblem) -> list[NDArray[np.int64]]:
    """Return the places within every quota that the pins leave, by column and class."""
    return [quota.at_most - count_classes(problem, quota, problem.pins) for quota in problem.quotas]


def spread_cells(
    step: Prices, rooms: list[NDArray[np.int64]], cells: NDArray[np.int64], *, shut: int = 0
) -> Prices:
    """Return the same prices of places and quotas for all classes at all columns.

    Parameters
    ----------
    step : Prices
        Prices of few classes at columns.
    rooms : list of ndarray of int64, shapes (n_columns, n_classes)
        Places within every quota.
    cells : ndarray of int64, shape (n_cells, 3)
        Which classes at columns have a price.
    shut : int, default: 0
        Price of places that pins have taken: nobody can pay it, and it costs nothing.
    """
    quota = [np.where(room <= 0, shut, 0) for room in rooms]
    for k, price in enumerate(quota):
        mine = cells[:, 0] == k
        if step.cell is not None:
            price[cells[mine, 1], cells[mine, 2]] = step.cell[mine]
    return Prices(step.column.astype(np.int64), tuple(quota), bonus=step.bonus)


class PricedClasses:
    """Rows of a kind, in the same classes of all quotas, and where they enter each column.

    A node is a column, or one of the classes that have prices there after another node: pairs that
    enter by it pay for both, and for all that comes before.
    """

    def __init__(
        self,
        problem: AssignmentProblem,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        rooms: list[NDArray[np.int64]],
        cells: NDArray[np.int64],
    ) -> None:
        self.rooms = [room[columns] for room in rooms]
        labels = [quota.class_of[rows] for quota in problem.quotas]
        every = np.array(labels, np.int64).reshape(len(labels), len(rows))
        self.label, self.kind = np.unique(every, axis=1, return_inverse=True)
        self.kind = self.kind.reshape(-1)
        self.n_kinds = self.label.shape[1] if labels else 1
        if not labels:
            self.kind = np.zeros(len(rows), np.int64)
        at = np.searchsorted(columns, cells[:, 1])
        listed: dict[tuple[int, int], list[int]] = {}
        for c, (quota, _, label) in enumerate(cells.tolist()):
            listed.setdefault((quota, label), []).append(c)
        self.n_nodes = len(columns)
        known: dict[tuple[int, int], int] = {}  # the node of a class after another node
        self.links: list[tuple[int, int]] = []
        self.nodes_of = []
        for kind in range(self.n_kinds):
            nodes = np.arange(len(columns))
            for quota in range(len(labels)):
                for c in listed.get((quota, int(self.label[quota, kind])), []):
                    link = int(nodes[at[c]]), c
                    if link not in known:
                        known[link] = self.n_nodes
                        self.links.append(link)
                        self.n_nodes += 1
                    nodes[at[c]] = known[link]
            self.nodes_of.append(nodes)
        self._depths = self._sort_links(len(columns))

    def find_open(self, kind: int) -> NDArray[np.bool_]:
        """Return the columns at which no quota is used up for a kind."""
        is_open = np.ones(len(self.nodes_of[kind]), np.bool_)
        for quota, room in enumerate(self.rooms):
            label = int(self.label[quota, kind])
            if label >= 0:
                is_open &= room[:, label] > 0
        return is_open

    def add_up(
        self, column: NDArray[np.signedinteger], cell: NDArray[np.signedinteger]
    ) -> NDArray[np.int64]:
        """Return what pairs pay by the node where they enter."""
        paid = np.zeros(self.n_nodes, np.int64)
        paid[: len(column)] = column
        for nodes, before, cells in self._depths:
            paid[nodes] = paid[before] + cell[cells]
        return paid

    def _sort_links(
        self, n_columns: int
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Return nodes, the nodes before them and their classes, by how many come before."""
        links = np.array(self.links, np.int64).reshape(-1, 2)
        nodes = n_columns + np.arange(len(links))
        depth = np.zeros(self.n_nodes, np.int64)
        for node, before in zip(nodes.tolist(), links[:, 0].tolist(), strict=True):
            depth[node] = depth[before] + 1
        found = []
        for d in range(1, int(depth.max(initial=0)) + 1):
            mine = np.flatnonzero(depth[nodes] == d)
            found.append((nodes[mine], links[mine, 0], links[mine, 1]))
        return found
