"""Which of all best plans is taken, once prices say which pairs a best plan can have.

A pair is *tight* if it is worth to its row exactly what the prices leave the row. Best plans
consist of tight pairs, fill every place that has a price and seat every row that has a profit; any
plan of that kind is best. So the plan that all solvers agree on is found in a small network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.flow import even_loads, improve_flow, settle_ties
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.network import find_loose_arcs
from pairmatch.solvers.assignment.held.remainder import Edges, set_pins
from pairmatch.solvers.assignment.pricing.tie_seating import seat_ties
from pairmatch.solvers.near_pairs import NearPairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.held.remainder import Remainder
    from pairmatch.solvers.assignment.pricing.rounds import Rounds
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["collect_tight", "join_edges", "list_near", "settle_plan"]

_KEEP, _GROWTH = 512, 8  # tight pairs looked for a line at first; and how many times more then
_AT_ONCE = 2**20  # tight pairs looked for in one go
_MOST_TIGHT = 2**21  # more than these are left as they are: their network would be a large one


def settle_plan(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    prices: Prices,
    edges: Edges,
    profit: NDArray[np.int64],
    should_stop: Callable[[], bool],
    *,
    fast: bool = True,
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
    fast : bool, default: True
        Whether to use compiled code if numba is there.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2), or None
        Of the best plans one that seats most rows, of these one of the most even loads (least sum
        of squares), and of these the one of :mod:`~pairmatch.solvers.assignment.held.ties`. None if
        told to stop.

    Notes
    -----
    O(tight pairs) memory.
    """
    remainder = set_pins(problem)
    if fast and not prices.quota:
        seated = seat_ties(edges, remainder, pairs, prices.column, profit, should_stop)
        if seated is not None:
            return _sort_pairs(np.concatenate([problem.pins, seated]))
    if should_stop():
        return None
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
    return _sort_pairs(np.concatenate([problem.pins, np.column_stack([chosen.row, chosen.column])]))


def _sort_pairs(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
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


def list_near(
    rounds: Rounds, rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]
) -> NearPairs:
    """Return the pairs that are nearly as good, of a problem in which these lines of it stand.

    Whatever is no candidate is below the floors, so this is all that is above them.
    """
    assert rounds.seating is not None  # noqa: S101 - the pool has been run
    u, v = rounds.seating.u, rounds.seating.v
    slack = np.zeros(shape[0], np.int64), np.zeros(shape[1], np.int64)
    own = [np.maximum(above, 0) for above in rounds.find_slack()]
    slack[0][rows], slack[1][columns] = own
    row, column, gain = rounds.candidates.row, rounds.candidates.column, rounds.candidates.gain
    near = u[row] + v[column] - gain < own[0][row] + own[1][column]
    return NearPairs(
        rows[row[near]].astype(np.int32),
        columns[column[near]].astype(np.int32),
        gain[near],
        *slack,
    )


def collect_tight(rounds: Rounds) -> Edges | None:
    """Return the tight pairs of a pool that has been run to its end; None if they are too many.

    Notes
    -----
    A pair that is no candidate gains at most the sum of its two floors, so it is tight only if
    both prices are at their floors: only such rows, or columns, are looked at once more.
    """
    seating, candidates = rounds.seating, rounds.candidates
    assert seating is not None  # noqa: S101 - the pool has been run
    n_columns = candidates.shape[1]
    parts = [candidates.find_tight(seating.u, seating.v)]
    n_tight = len(parts[0])
    rows, columns = rounds.at_floors()
    by_column = len(columns) * candidates.shape[0] < len(rows) * n_columns
    lines, keep = columns if by_column else rows, _KEEP
    while len(rows) and len(columns) and len(lines):
        full = [np.empty(0, np.int64)]
        for first in range(0, len(lines), max(1, _AT_ONCE // keep)):
            some = lines[first : first + max(1, _AT_ONCE // keep)]
            hits = rounds.find_tight(some, keep, by_column=by_column)
            more = some[hits.floor >= (seating.v if by_column else seating.u)[some]]
            i, j = (hits.position, hits.line) if by_column else (hits.line, hits.position)
            is_full = np.zeros(candidates.shape[by_column], np.bool_)
            is_full[more] = True
            whole = ~is_full[hits.line]  # the others are looked at again
            parts.append(i[whole] * n_columns + j[whole])
            full.append(more)
            n_tight += len(parts[-1])
            if n_tight + keep * sum(map(len, full)) > _MOST_TIGHT:
                return None
        lines, keep = np.concatenate(full), keep * _GROWTH
    if len(parts) == 1:
        found = parts[0]
    else:
        found = np.sort(np.concatenate(parts))  # several times as fast as np.unique
        once = np.ones(len(found), np.bool_)
        once[1:] = found[1:] != found[:-1]
        found = found[once]
    row, column = np.divmod(found, n_columns)
    return Edges(row, column, seating.u[row] + seating.v[column])


def join_edges(parts: list[Edges]) -> Edges:
    """Return the edges of parts of a pool that share no row, sorted by row and then column."""
    none = np.empty(0, np.int64)
    if len(parts) == 1 and _is_sorted(parts[0]):
        return parts[0]
    row = np.concatenate([none, *(part.row for part in parts)])
    column = np.concatenate([none, *(part.column for part in parts)])
    gain = np.concatenate([none, *(part.gain for part in parts)])
    edges = Edges(row, column, gain)
    if _is_sorted(edges):
        return edges
    return edges.take(np.argsort(row * (int(column.max(initial=0)) + 1) + column))


def _is_sorted(edges: Edges) -> bool:
    """Say whether edges are in the order of their rows, and those of a row of their columns."""
    step = np.diff(edges.row)
    return bool(((step > 0) | ((step == 0) & (np.diff(edges.column) > 0))).all())
