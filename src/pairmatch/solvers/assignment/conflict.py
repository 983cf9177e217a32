"""Minimum loads that cannot all be met: which, who could have helped, and what could be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.layout import Layout
    from pairmatch.solvers.assignment.network import Network
    from pairmatch.solvers.assignment.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["LoadConflict", "check_minimum_loads"]


class LoadConflict(Exception):  # noqa: N818 - a finding about the input, not an error of the solver
    """Minimum loads that no plan can meet.

    Parameters
    ----------
    columns : ndarray of int64
        Columns whose minimum loads cannot all be met, while those of any part of them can.
    rows : ndarray of int64
        The rows that one of these columns could serve: open ones and those pinned to it.
    reachable : ndarray of int64, shape (n_columns,)
        ``at_least``, lowered by the least total amount that makes it possible to meet.
    """

    def __init__(
        self,
        columns: NDArray[np.int64],
        rows: NDArray[np.int64],
        reachable: NDArray[np.int64],
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.reachable = reachable
        super().__init__(columns, rows, reachable)

    def __str__(self) -> str:
        return (
            f"the minimum loads of columns {self.columns.tolist()} cannot all be met by the "
            f"{len(self.rows)} rows that they could serve"
        )


def check_minimum_loads(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges, layout: Layout
) -> None:
    """Raise :class:`LoadConflict` if no plan meets every minimum load.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    remainder : Remainder
        What its pins leave.
    edges : Edges
        The pairs that may be formed; columns with a minimum load left to meet have all of theirs.
    layout : Layout
        The network of these pairs, quotas included.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.

    Notes
    -----
    One maximum flow into the minimum loads decides (a defect version of Hall's theorem). A
    violating set of columns is read from its cut and thinned out, one maximum flow per column.
    """
    asked = remainder.at_least
    if not asked.any():
        return
    met = _meet(layout, asked)
    if met.sum() == asked.sum():
        return
    suspects = _find_short_columns(layout, asked, met)
    for column in suspects.copy():
        trial = np.zeros_like(asked)
        fewer = suspects[suspects != column]
        trial[fewer] = asked[fewer]
        if _meet(layout, trial).sum() < trial.sum():
            suspects = fewer
    of_suspects = np.isin(edges.column, suspects)
    pinned = problem.pins[np.isin(problem.pins[:, 1], suspects), 0]
    raise LoadConflict(
        columns=suspects,
        rows=np.union1d(edges.row[of_suspects], pinned),
        reachable=problem.at_least - (asked - met),
    )


def _meet(layout: Layout, asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows each column gets in a largest flow into the loads that are asked for."""
    flow = _push(layout, asked)
    return flow[layout.load_arcs]


def _push(layout: Layout, asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """A largest flow from the rows into the loads that are asked for, arc by arc."""
    from ortools.graph.python import max_flow

    network = layout.network
    source = network.n_nodes
    tail = np.concatenate([network.tail, np.full(layout.n_rows, source)])
    head = np.concatenate([network.head, np.arange(layout.n_rows)])
    width = np.concatenate([network.upper, np.ones(layout.n_rows, np.int64)])
    width[layout.load_arcs] = asked
    width[layout.idle_arcs] = 0
    solver = max_flow.SimpleMaxFlow()
    arcs = solver.add_arcs_with_capacity(tail.astype(np.int32), head.astype(np.int32), width)
    if solver.solve(source, layout.sink) != solver.OPTIMAL:
        raise ArithmeticError("the maximum flow was not found")
    return np.asarray(solver.flows(arcs), dtype=np.int64)[: len(network.tail)]


def _find_short_columns(
    layout: Layout, asked: NDArray[np.int64], met: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Columns with a minimum load from which the residual graph reaches a column that is short.

    Seen backwards from the columns that are short: everything a row could be taken from.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    network: Network = layout.network
    flow = _push(layout, asked)
    inner = slice(0, layout.load_arcs.start)
    tail, head, width = network.tail[inner], network.head[inner], network.upper[inner]
    up, down = flow[inner] < width, flow[inner] > 0
    # Turned round: an arc from y to x says that a unit more at x can be pushed on to y.
    starts = np.concatenate([head[up], tail[down]])
    ends = np.concatenate([tail[up], head[down]])
    short = layout.n_rows + np.flatnonzero(met < asked)
    root = network.n_nodes
    graph = csr_array(
        (
            np.ones(len(starts) + len(short), np.int32),
            (
                np.concatenate([starts, np.full(len(short), root)]),
                np.concatenate([ends, short]),
            ),
        ),
        shape=(root + 1, root + 1),
    )
    seen = breadth_first_order(graph, root, return_predecessors=False)
    columns = seen[(seen >= layout.n_rows) & (seen < layout.sink)] - layout.n_rows
    columns = np.sort(columns).astype(np.int64)
    return columns[asked[columns] > 0]
