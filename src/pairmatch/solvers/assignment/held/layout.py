"""An assignment problem drawn as a network, and the way back.

::

    row --pair--> [class of one quota at one column --> wider class -->] column --load--> sink
    row --idle-----------------------------------------------------------------------> sink
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.network import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.problem import Quotas

__all__ = ["Layout", "draw_network", "find_laminar", "order_classes", "reward_loads"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A network and where its parts are.

    Arcs come in the order pairs, quotas, loads, idle rows; nodes in the order rows, columns, sink,
    quotas.

    Parameters
    ----------
    network : Network
        The network; one unit enters for each column that a row should have, and leaves at the sink.
    n_pairs, n_limits, n_columns, n_rows : int
        Number of arcs of each kind.
    limit_of : ndarray of int64, shape (n_limits, 3)
        Quota, column and class behind each quota arc.
    """

    network: Network
    n_pairs: int
    n_limits: int
    n_columns: int
    n_rows: int
    limit_of: NDArray[np.int64]

    @property
    def sink(self) -> int:
        """The node where everybody arrives."""
        return self.n_rows + self.n_columns

    @property
    def pair_arcs(self) -> slice:
        """Arcs of the pairs, in the order of the edges."""
        return slice(0, self.n_pairs)

    @property
    def limit_arcs(self) -> slice:
        """Arcs of the quotas."""
        return slice(self.n_pairs, self.n_pairs + self.n_limits)

    @property
    def load_arcs(self) -> slice:
        """Arcs from the columns to the sink, by column."""
        start = self.n_pairs + self.n_limits
        return slice(start, start + self.n_columns)

    @property
    def idle_arcs(self) -> slice:
        """Arcs of rows that stay without a column, by row."""
        start = self.n_pairs + self.n_limits + self.n_columns
        return slice(start, start + self.n_rows)

    def spend(
        self, *, on_pairs: NDArray[np.int64] | int = 0, on_idle: int = 0
    ) -> NDArray[np.int64]:
        """Return a cost for every arc that is 0 but on pairs and idle rows."""
        cost = np.zeros(len(self.network.tail), np.int64)
        cost[self.pair_arcs] = on_pairs
        cost[self.idle_arcs] = on_idle
        return cost

    def read_prices(
        self,
        potential: NDArray[np.int64],
        at_least: NDArray[np.int64],
        room: Sequence[tuple[int, int]],
    ) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]:
        """Return the prices of places and of quotas behind node potentials.

        ``room`` has the shapes of the quota prices. Where nobody uses a place its price is raised
        to 0: that only makes unused pairs less attractive.
        """
        network = self.network
        columns = slice(self.n_rows, self.n_rows + self.n_columns)
        price = potential[self.sink] - potential[columns]
        price = np.where(at_least > 0, price, np.maximum(price, 0))
        arcs = self.limit_arcs
        step = np.maximum(potential[network.head[arcs]] - potential[network.tail[arcs]], 0)
        quota_prices = tuple(np.zeros(shape, np.int64) for shape in room)
        for k, prices in enumerate(quota_prices):
            mine = self.limit_of[:, 0] == k
            prices[self.limit_of[mine, 1], self.limit_of[mine, 2]] = step[mine]
        return price, quota_prices


def find_laminar(quotas: tuple[Quotas, ...], rows: NDArray[np.int64]) -> tuple[int, ...]:
    """Return quotas whose classes, taken together, nest or are disjoint.

    Parameters
    ----------
    quotas : tuple of Quotas
        The quotas.
    rows : ndarray of int64, shape (n_open,)
        The rows that count.

    Returns
    -------
    tuple of int
        Positions of the quotas that were kept: each one, in order, that nests with all kept
        before it.
    """
    kept: list[int] = []
    for k, quota in enumerate(quotas):
        mine = quota.class_of[rows]
        if all(_nest(mine, quotas[other].class_of[rows]) for other in kept):
            kept.append(k)
    return tuple(kept)


def _nest(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """Whether each class of one labelling lies within or apart from each class of the other."""
    both = (a >= 0) & (b >= 0)
    if not both.any():
        return True
    size_a, size_b = np.bincount(a[a >= 0]), np.bincount(b[b >= 0])
    met, count = np.unique(np.stack([a[both], b[both]]), axis=1, return_counts=True)
    return bool(((count == size_a[met[0]]) | (count == size_b[met[1]])).all())


def draw_network(edges: Edges, remainder: Remainder, quotas: dict[int, Quotas]) -> Layout:
    """Return the network of the pairs that may still be formed.

    Parameters
    ----------
    edges : Edges
        The pairs.
    remainder : Remainder
        Rows, places and minimum loads.
    quotas : dict of int to Quotas
        Quotas to respect, by their position in the problem; they nest.

    Returns
    -------
    Layout
        The network and its parts. A quota that cannot bind at a column has no node there.
    """
    n_rows, n_columns, n_pairs = len(remainder.rows), len(remainder.capacity), len(edges)
    local = np.searchsorted(remainder.rows, edges.row)
    sink = n_rows + n_columns
    enter = n_rows + edges.column  # where the pair arcs end; quota nodes come in between
    limits: list[NDArray[np.int64]] = []
    tails: list[NDArray[np.int64]] = []
    heads: list[NDArray[np.int64]] = []
    n_limits = 0
    for turn in order_classes(quotas, remainder.rows):
        # Each row's classes from the widest to the narrowest, one per turn.
        for k, quota in quotas.items():
            label = quota.class_of[edges.row]
            code = edges.column * quota.n_classes + label
            room = remainder.room[k].ravel()
            asked = np.bincount(code[label >= 0], minlength=len(room))
            binding = np.flatnonzero((label >= 0) & (turn[local] == k))
            binding = binding[asked[code[binding]] > room[code[binding]]]
            if not len(binding):
                continue
            used, first, which = np.unique(code[binding], return_index=True, return_inverse=True)
            node = sink + 1 + n_limits + np.arange(len(used))
            tails.append(node)
            heads.append(enter[binding][first])
            enter[binding] = node[which]
            limits.append(
                np.stack(
                    [np.full(len(used), k), used // quota.n_classes, used % quota.n_classes],
                    axis=1,
                )
            )
            n_limits += len(used)
    limit_of = np.concatenate([np.empty((0, 3), np.int64), *limits])
    width = np.array(
        [remainder.room[k][column, label] for k, column, label in limit_of], dtype=np.int64
    )
    column_nodes, row_nodes = n_rows + np.arange(n_columns), np.arange(n_rows)
    n_arcs = n_pairs + n_limits + n_columns + n_rows
    lower = np.zeros(n_arcs, np.int64)
    lower[n_pairs + n_limits : n_pairs + n_limits + n_columns] = remainder.at_least
    one = np.ones(n_pairs, np.int64)
    supply = np.zeros(sink + 1 + n_limits, np.int64)
    supply[:n_rows] = remainder.demand
    supply[sink] = -remainder.demand.sum()
    to_sink = np.full(n_columns + n_rows, sink)
    return Layout(
        network=Network(
            supply=supply,
            tail=np.concatenate([local, *tails, column_nodes, row_nodes]),
            head=np.concatenate([enter, *heads, to_sink]),
            lower=lower,
            upper=np.concatenate([one, width, remainder.capacity, remainder.demand]),
        ),
        n_pairs=n_pairs,
        n_limits=n_limits,
        n_columns=n_columns,
        n_rows=n_rows,
        limit_of=limit_of,
    )


def order_classes(quotas: dict[int, Quotas], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each turn the quota of each row whose class is next, from the widest to the narrowest.

    Parameters
    ----------
    quotas : dict of int to Quotas
        Quotas that nest, by their position in the problem.
    rows : ndarray of int64, shape (n_open,)
        The rows that count.

    Returns
    -------
    list of ndarray of int64, shape (n_open,)
    """
    if not quotas:
        return []
    keys = list(quotas)
    size = np.zeros((len(keys), len(rows)), np.int64)
    for position, k in enumerate(keys):
        label = quotas[k].class_of[rows]
        counted = label >= 0
        size[position, counted] = np.bincount(label[counted])[label[counted]]
    order = np.argsort(-size, axis=0, kind="stable")
    return [np.asarray(keys)[turn] for turn in order]


def reward_loads(
    layout: Layout, cost: NDArray[np.int64], at_least: NDArray[np.int64]
) -> tuple[Network, NDArray[np.int64]]:
    """Return the network without minimum loads, and costs by which they pay off as far as met.

    Parameters
    ----------
    layout : Layout
        The network.
    cost : ndarray of int64, shape (n_arcs,)
        Cost of one unit on each arc.
    at_least : ndarray of int64, shape (n_columns,)
        Rows that each column must get: each of them costs 1 less.

    Returns
    -------
    network : Network
        The arcs of the layout, then one for each column that takes further rows.
    cost : ndarray of int64
        Their costs.
    """
    network, arcs = layout.network, layout.load_arcs
    lower, upper = np.zeros_like(network.lower), network.upper.copy()
    further = upper[arcs] - at_least
    upper[arcs] = at_least
    cost = cost.copy()
    cost[arcs] = -1
    return (
        replace(
            network,
            tail=np.concatenate([network.tail, network.tail[arcs]]),
            head=np.concatenate([network.head, network.head[arcs]]),
            lower=np.concatenate([lower, np.zeros_like(further)]),
            upper=np.concatenate([upper, further]),
        ),
        np.concatenate([cost, np.zeros_like(further)]),
    )
