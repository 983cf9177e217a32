"""The seating as a minimum-cost flow of OR-tools, and its prices by Bellman-Ford in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.augment import Seating
    from pairmatch.solvers.assignment.candidates import Candidates

__all__ = ["recover_prices", "solve_flow"]


def solve_flow(seating: Seating, candidates: Candidates) -> NDArray[np.int64]:
    """Return the column of each row (or -1) in a best seating over the candidates.

    Nodes: rows, columns and one *outside*, which takes rows that sit nowhere and fills places that
    stay empty; so supplies and demands always balance.
    """
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    n_rows, n_columns = candidates.shape
    flow = SimpleMinCostFlow()
    row, column = np.arange(n_rows), n_rows + np.arange(n_columns)
    outside = np.full(1, n_rows + n_columns)
    tail = candidates.row
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        tail, n_rows + candidates.column.astype(np.int64), np.ones(len(candidates), np.int64),
        -candidates.gain,
    )  # fmt: skip
    flow.add_arcs_with_capacity_and_unit_cost(
        row, np.repeat(outside, n_rows), np.ones(n_rows, np.int64), -seating.outside
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.repeat(outside, n_columns), column, seating.capacity - seating.least, -seating.spare
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.repeat(outside, n_columns), column, seating.least, -seating.short
    )
    flow.set_nodes_supplies(row, np.ones(n_rows, np.int64))
    flow.set_nodes_supplies(column, -seating.capacity)
    flow.set_nodes_supplies(outside, np.array([int(seating.capacity.sum()) - n_rows]))
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise ArithmeticError(f"minimum-cost flow ended with {status}, gains may be too large")
    mate = np.full(n_rows, -1, np.int64)
    used = flow.flows(arcs) > 0
    mate[tail[used]] = candidates.column[used]
    return mate


def recover_prices(
    seating: Seating, candidates: Candidates
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest column prices, and the row prices, that prove the seating best.

    Notes
    -----
    Longest paths over the residual graph: a row that sits on j could move to k, so the price of k
    is at least that of j plus what the move would gain. Only rows whose column has just become
    dearer are looked at again.
    """
    mate, filled = seating.mate, seating.filled
    sits = mate >= 0
    row, column, gain = candidates.row, candidates.column.astype(np.int64), candidates.gain
    own = np.zeros(len(mate), np.int64)
    who = np.flatnonzero(sits)
    own[who] = candidates.find(who, mate[who])
    v = np.where(filled > seating.least, seating.spare, seating.short)
    alone = ~sits[row]
    np.maximum.at(v, column[alone], gain[alone] - seating.outside[row[alone]])
    changed = np.ones(len(v), bool)
    while changed.any():
        moved = who[changed[mate[who]]]
        edges = _edges_of(candidates.start, moved)
        source = mate[row[edges]]
        price = v[source] + gain[edges] - own[row[edges]]
        raised = v.copy()
        np.maximum.at(raised, column[edges], price)
        changed = raised > v
        v = raised
    u = seating.outside.copy()
    u[who] = own[who] - v[mate[who]]
    return u, v


def _edges_of(start: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of all candidates of some rows."""
    length = start[rows + 1] - start[rows]
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    first: NDArray[np.int64] = np.repeat(start[rows] - (ends - length), length)
    return first + np.arange(total)
