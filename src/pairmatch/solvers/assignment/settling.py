"""Which of all best plans is taken, once prices say which pairs a best plan can have.

A pair is *tight* if it is worth to its row exactly what the prices leave the row. Best plans
consist of tight pairs, fill every place that has a price and seat every row that has a profit; any
plan of that kind is best. So the plan that all solvers agree on is found in a small network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.flow import even_loads, improve_flow, settle_ties
from pairmatch.solvers.assignment.layout import draw_network
from pairmatch.solvers.assignment.network import find_loose_arcs
from pairmatch.solvers.assignment.remainder import Edges, set_pins
from pairmatch.solvers.assignment.start import take_gains
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.layout import Layout
    from pairmatch.solvers.assignment.remainder import Remainder
    from pairmatch.solvers.assignment.rounds import Rounds
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["collect_tight", "join_edges", "settle_plan"]

_HEIGHT = 256  # rows looked at in one go
_AT_ONCE = 64  # stripes between two looks at how many pairs have been found
_MOST_TIGHT = 2**21  # more than these are left as they are: their network would be a large one


def settle_plan(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    prices: Prices,
    edges: Edges,
    profit: NDArray[np.int64],
    should_stop: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return, of all best plans, the one that does not depend on how the first was found.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem whose quotas nest.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A best plan.
    prices : Prices
        Prices that prove it best; without those of places within quotas there are no quotas.
    edges : Edges
        The tight pairs of rows that are not pinned.
    profit : ndarray of int64, shape (n_rows,)
        What the prices leave each row, its bonus included.
    should_stop : callable
        Whether there is no time for this.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2), or None
        Of the best plans one that seats most rows, of these one of the most even loads (least sum
        of squares), and of these the one of :mod:`~pairmatch.solvers.assignment.ties`. None if
        told to stop.

    Notes
    -----
    O(tight pairs) memory.
    """
    remainder = set_pins(problem)
    quotas = dict(enumerate(problem.quotas)) if prices.quota else {}
    layout = draw_network(edges, remainder, quotas)
    network = layout.network
    lower, upper, price = network.lower.copy(), network.upper.copy(), prices.column
    loads, idle = layout.load_arcs, layout.idle_arcs
    lower[loads] = np.where(price > 0, upper[loads], lower[loads])
    upper[loads] = np.where(price < 0, lower[loads], upper[loads])
    _fill_classes(problem, prices, layout, edges, lower, upper)
    upper[idle] = np.where(profit[remainder.rows] > 0, 0, upper[idle])
    network = replace(network, lower=lower, upper=upper)
    flow = _draw_flow(layout, edges, remainder, pairs)
    if find_loose_arcs(network, flow)[idle].any():
        network, flow = improve_flow(network, flow, layout.spend(on_idle=1), layout)
    if should_stop():
        return None
    network, flow = even_loads(network, flow, layout, remainder.load)
    if should_stop():
        return None
    flow = settle_ties(network, flow, layout, edges)
    chosen = edges.take(flow[layout.pair_arcs] > 0)
    pairs = np.concatenate([problem.pins, np.stack([chosen.row, chosen.column], axis=1)])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _fill_classes(
    problem: AssignmentProblem,
    prices: Prices,
    layout: Layout,
    edges: Edges,
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
) -> None:
    """Demand that places within quotas are filled where they have a price."""
    for k, (quota, price) in enumerate(zip(problem.quotas, prices.quota, strict=False)):
        mine = np.flatnonzero(layout.limit_of[:, 0] == k)
        column, label = layout.limit_of[mine, 1], layout.limit_of[mine, 2]
        arcs = layout.limit_arcs.start + mine
        lower[arcs] = np.where(price[column, label] > 0, upper[arcs], 0)
        # Where there are no more tight pairs than places there is no arc: all of them are taken.
        label = quota.class_of[edges.row]
        taken = (label >= 0) & (price[edges.column, label] > 0) if price.size else label < -1
        has_arc = np.zeros(price.shape, np.bool_)
        has_arc[layout.limit_of[mine, 1], layout.limit_of[mine, 2]] = True
        taken[taken] = ~has_arc[edges.column[taken], label[taken]]
        lower[layout.pair_arcs] |= taken


def _draw_flow(
    layout: Layout, edges: Edges, remainder: Remainder, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a plan as a flow; its pairs are tight."""
    mate = np.full(int(remainder.rows.max(initial=-1)) + 1, -1)
    is_open = np.isin(pairs[:, 0], remainder.rows)
    mate[pairs[is_open, 0]] = pairs[is_open, 1]
    flow = np.zeros(len(layout.network.tail), np.int64)
    flow[layout.pair_arcs] = mate[edges.row] == edges.column
    network, taken = layout.network, flow[layout.pair_arcs] > 0
    inflow = np.bincount(network.head[layout.pair_arcs][taken], minlength=network.n_nodes)
    # A narrower class stands behind the wider one that it leads to.
    for arc in reversed(range(layout.limit_arcs.start, layout.limit_arcs.stop)):
        flow[arc] = inflow[network.tail[arc]]
        inflow[network.head[arc]] += flow[arc]
    flow[layout.load_arcs] = np.bincount(pairs[is_open, 1], minlength=layout.n_columns)
    flow[layout.idle_arcs] = mate[remainder.rows] < 0
    return flow


def collect_tight(rounds: Rounds) -> Edges | None:
    """Return the tight pairs of a pool that has been run to its end; None if they are too many.

    Notes
    -----
    A pair that is no candidate gains at most the sum of its two floors, so it is tight only if
    both prices are at their floors: only such rows and columns are looked at once more.
    """
    seating, candidates = rounds.seating, rounds.candidates
    assert seating is not None  # noqa: S101 - the pool has been run
    row, column = candidates.row, candidates.column.astype(np.int64)
    tight = candidates.gain == seating.u[row] + seating.v[column]
    parts = [Edges(row[tight], column[tight], candidates.gain[tight])]
    n_tight = len(parts[0])
    rows, columns = rounds.at_floors()
    if len(rows) and len(columns):
        part = take_gains(rounds.gains, rows, columns)
        u, v = seating.u[rows], seating.v[columns]

        def look(some: slice) -> Edges:
            """Return the tight pairs of some of the rows."""
            gain, allowed = part.block(some, slice(0, len(columns)))
            i, j = np.nonzero(allowed & (gain == u[some, None] + v))
            return Edges(rows[i + some.start], columns[j], gain[i, j])

        stripes = [slice(k, min(k + _HEIGHT, len(rows))) for k in range(0, len(rows), _HEIGHT)]
        for first in range(0, len(stripes), _AT_ONCE):
            parts += map_blocks(look, stripes[first : first + _AT_ONCE])
            n_tight = sum(len(edges) for edges in parts)
            if n_tight > _MOST_TIGHT:
                return None
    if n_tight > _MOST_TIGHT:
        return None
    return join_edges(parts)


def join_edges(parts: list[Edges]) -> Edges:
    """Return all edges of some lists, each once, sorted by row and then column."""
    none = np.empty(0, np.int64)
    row = np.concatenate([none, *(part.row for part in parts)])
    column = np.concatenate([none, *(part.column for part in parts)])
    gain = np.concatenate([none, *(part.gain for part in parts)])
    order = np.lexsort((column, row))
    row, column, gain = row[order], column[order], gain[order]
    once = np.ones(len(row), np.bool_)
    once[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    return Edges(row, column, gain).take(once)
