"""As many rows as possible for columns that ask for some, and who competes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout

__all__ = ["find_largest_flow", "find_rivals"]


def find_largest_flow(layout: Layout, asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a flow of rows to columns, as large as possible, no column above what it asks for.

    Parameters
    ----------
    layout : Layout
        The network.
    asked : ndarray of int64, shape (n_columns,)
        Rows that each column asks for.
    """
    from ortools.graph.python import max_flow

    network = layout.network
    source = network.n_nodes
    tail = np.concatenate([network.tail, np.full(layout.n_rows, source)])
    head = np.concatenate([network.head, np.arange(layout.n_rows)])
    width = np.concatenate([network.upper, network.supply[: layout.n_rows]])
    width[layout.load_arcs] = asked
    width[layout.idle_arcs] = 0
    solver = max_flow.SimpleMaxFlow()
    arcs = solver.add_arcs_with_capacity(tail.astype(np.int32), head.astype(np.int32), width)
    if solver.solve(source, layout.sink) != solver.OPTIMAL:
        raise ArithmeticError("no maximum flow was found")
    return np.asarray(solver.flows(arcs), dtype=np.int64)[: len(network.tail)]


def find_rivals(
    layout: Layout,
    flow: NDArray[np.int64],
    asked: NDArray[np.int64],
    short: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return columns that ask for rows and could pass one on, in the end to one that is short.

    Parameters
    ----------
    layout : Layout
        The network.
    flow : ndarray of int64, shape (n_arcs,)
        A largest flow.
    asked : ndarray of int64, shape (n_columns,)
        Rows that each column asks for.
    short : ndarray of int64
        Columns that get fewer.

    Notes
    -----
    The rows of a largest flow that these columns could get are all with them: it is the side of a
    smallest cut where the shortage is.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    network = layout.network
    inner = slice(0, layout.load_arcs.start)
    tail, head = network.tail[inner], network.head[inner]
    up, down = flow[inner] < network.upper[inner], flow[inner] > 0
    # Against the direction of the residual arcs, from a root behind the short columns.
    root = network.n_nodes
    starts = np.concatenate([head[up], tail[down], np.full(len(short), root)])
    ends = np.concatenate([tail[up], head[down], layout.n_rows + short])
    graph = csr_array((np.ones(len(starts)), (starts, ends)), shape=(root + 1, root + 1))
    seen = breadth_first_order(graph, root, return_predecessors=False)
    columns = np.sort(seen[(seen >= layout.n_rows) & (seen < layout.sink)]) - layout.n_rows
    return columns[asked[columns] > 0].astype(np.int64)
