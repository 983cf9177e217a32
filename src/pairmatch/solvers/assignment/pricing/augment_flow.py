"""The seating as minimum-cost flows of OR-tools, and its prices by Bellman-Ford in numpy.

Each flow is over few of the candidates, those that the prices so far say are nearly tight; the
prices that follow from it move no more than they have to, and tell which candidates it lacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.network import Network, find_cheapest_flow, find_cost_limit
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.seats import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.augment import Seating
    from pairmatch.solvers.assignment.pricing.candidates import Candidates

__all__ = ["seat_by_flow"]

_NEAR = 10  # candidates a row that a flow is over, beside those that one before was over


def seat_by_flow(seating: Seating, candidates: Candidates) -> None:
    """Make a seating best over the candidates, in place, its prices near those it had.

    Parameters
    ----------
    seating : Seating
        Its prices are feasible for every candidate.
    candidates : Candidates
        The pairs that may be used.

    Notes
    -----
    Column generation once more, inside the candidates: prices of a flow over some of them that
    are feasible for all prove it best over all.
    """
    row, column, gain = candidates.row, candidates.column.astype(np.int64), candidates.gain
    off = seating.u[row] + seating.v[column] - gain
    active, n_near = np.zeros(len(gain), np.bool_), _NEAR * len(seating.mate)
    while True:  # those near the last prices as well, of which the next may lack some
        active |= off <= np.partition(off, n_near)[n_near] if n_near < len(off) else True
        some = Edges(row[active], column[active], gain[active])
        mate, own = _solve_flow(seating, some)
        filled = np.bincount(mate[mate >= 0], minlength=len(seating.capacity))
        u, v = _move_prices(seating, some, mate, filled, own)
        off = u[row] + v[column] - gain
        if off.min(initial=0) == 0:
            seating.mate, seating.filled, seating.u, seating.v = mate, filled, u, v
            return


def _solve_flow(seating: Seating, edges: Edges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the column of each row (or -1) in a best seating over some edges, and what it gains.

    Nodes: rows, columns and one *outside*, which takes rows that sit nowhere and fills places that
    stay empty; so supplies and demands always balance. Each arc costs what it is off the prices so
    far, as long as that is within range: all seatings then differ as they do by their gains, and
    costs are small.
    """
    n_rows, n_columns, n_edges = len(seating.mate), len(seating.capacity), len(edges.row)
    row, column = np.arange(n_rows), n_rows + np.arange(n_columns)
    outside = np.full(n_rows + 2 * n_columns, n_rows + n_columns)
    upper = np.ones(n_edges + n_rows + 2 * n_columns, np.int64)
    upper[-2 * n_columns :] = np.concatenate([seating.capacity - seating.least, seating.least])
    supply = np.concatenate([np.ones(n_rows, np.int64), -seating.capacity, [0]])
    supply[-1] = -supply.sum()
    network = Network(
        supply=supply,
        tail=np.concatenate([edges.row, row, outside[n_rows:]]),
        head=np.concatenate([n_rows + edges.column, outside[:n_rows], column, column]),
        lower=np.zeros_like(upper),
        upper=upper,
    )
    worth = np.concatenate([edges.gain, seating.outside, seating.spare, seating.short])
    paid = seating.u[edges.row] + seating.v[edges.column]
    paid = np.concatenate([paid, seating.u, seating.v, seating.v])
    is_small = int((paid - worth)[upper > 0].max(initial=0)) <= find_cost_limit(network.n_nodes)
    flow = find_cheapest_flow(network, paid - worth if is_small else -worth)
    mate, own = np.full(n_rows, -1, np.int64), np.zeros(n_rows, np.int64)
    used = flow[:n_edges] > 0
    mate[edges.row[used]] = edges.column[used]
    own[edges.row[used]] = edges.gain[used]
    return mate, own


def _move_prices(
    seating: Seating,
    edges: Edges,
    mate: NDArray[np.int64],
    filled: NDArray[np.int64],
    own: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column prices that prove a seating best over some edges, near the old ones.

    Notes
    -----
    A row that sits on j could move to k, so the price of k is at least that of j plus what the
    move would gain. First prices fall as far as that and the places that stay empty demand, then
    they rise from there to what empty places and rows outside are worth: the largest prices that
    exceed neither the old nor what is allowed, joined with the smallest, are in between.
    """
    sits = mate >= 0
    alone = ~sits[edges.row]
    lowest = np.where(filled > seating.least, seating.spare, seating.short)
    offered = edges.gain[alone] - seating.outside[edges.row[alone]]
    np.maximum.at(lowest, edges.column[alone], offered)
    highest = seating.v.copy()
    room = filled < seating.capacity
    highest[room] = np.minimum(highest, seating.spare)[room]
    room = filled < seating.least
    highest[room] = np.minimum(highest, seating.short)[room]
    who = np.flatnonzero(sits)
    np.minimum.at(highest, mate[who], own[who] - seating.outside[who])
    row, head = edges.row[~alone], edges.column[~alone]
    tail, move = mate[row], edges.gain[~alone] - own[row]
    v = -_raise(-highest, head, tail, move)
    v = _raise(np.maximum(v, lowest), tail, head, move)
    u = seating.outside.copy()
    u[who] = own[who] - v[mate[who]]
    return u, v


def _raise(
    price: NDArray[np.int64],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    more: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the smallest prices, of each head at least so much more than of its tail.

    Notes
    -----
    Bellman-Ford; only what leads on from prices that have just risen is looked at again.
    """
    order = np.argsort(tail, kind="stable")
    head, more = head[order], more[order]
    start = np.searchsorted(tail[order], np.arange(len(price) + 1))
    price = price.copy()
    changed = np.arange(len(price))
    while len(changed):
        length = start[changed + 1] - start[changed]
        at = spread(start, changed)
        offered = np.repeat(price[changed], length) + more[at]
        higher = offered > price[head[at]]
        end = head[at[higher]]
        np.maximum.at(price, end, offered[higher])
        marked = np.zeros(len(price), np.bool_)
        marked[end] = True
        changed = np.flatnonzero(marked)
    return price
