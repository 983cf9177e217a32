"""Minimum-cost flow in exact integers, its prices, and the face of all its optima.

Several objectives in order of importance are met by several flows, never by one flow with big
weights: after each, :func:`narrow_to_face` leaves exactly the optimal flows, and the next cost is
minimised among those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LARGEST_PRICE",
    "Network",
    "NoFlowError",
    "RangeError",
    "find_cheapest_flow",
    "find_cost_limit",
    "find_loose_arcs",
    "find_potentials",
    "freeze",
    "narrow_to_face",
]

_LIMIT = 2**60  # of costs times nodes: beyond it the flow solver refuses at once
_WIDEST = 2**62  # beyond it costs times nodes are refused
LARGEST_PRICE = 2**59
"""Prices of several objectives that are joined into one may not be larger."""


class RangeError(ArithmeticError):
    """Gains so large that their sums along a path could leave 64 bits.

    Parameters
    ----------
    largest : int
        Largest magnitude of a gain, or of what has to be added to it.
    allowed : int
        Largest magnitude that a problem of this size can take.
    """

    def __init__(self, largest: int, allowed: int) -> None:
        self.largest = largest
        self.allowed = allowed
        super().__init__(largest, allowed)

    def __str__(self) -> str:
        return (
            f"gains of up to {self.largest} units, or so far apart, are too large: a problem of "
            f"this size can be solved exactly up to {self.allowed}"
        )


class NoFlowError(ArithmeticError):
    """No flow keeps all the bounds of the arcs."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Arcs with bounds, nodes with supplies.

    Parameters
    ----------
    supply : ndarray of int64, shape (n_nodes,)
        What enters at each node (negative: what leaves); the sum is 0.
    tail, head : ndarray of int64, shape (n_arcs,)
        Ends of each arc.
    lower, upper : ndarray of int64, shape (n_arcs,)
        Bounds of the flow on each arc, ``0 <= lower <= upper``.
    """

    supply: NDArray[np.int64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.supply)


def find_cheapest_flow(network: Network, cost: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a flow of least cost.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    cost : ndarray of int64, shape (n_arcs,)
        Cost of one unit on each arc.

    Returns
    -------
    ndarray of int64, shape (n_arcs,)
        The flow.

    Raises
    ------
    NoFlowError
        If no flow keeps the bounds.
    RangeError
        If costs are too large for 64-bit arithmetic.

    Notes
    -----
    Cost scaling push-relabel, O(n^2 m log(n C)): A. V. Goldberg, "An efficient implementation of a
    scaling minimum-cost flow algorithm", J. Algorithms 22 (1997), 1-29,
    https://doi.org/10.1006/jagm.1995.0805.
    """
    free = np.flatnonzero(network.upper > network.lower)
    lowest, highest = int(cost[free].min(initial=0)), int(cost[free].max(initial=0))
    largest, limit = max(-lowest, highest), find_cost_limit(network.n_nodes)
    if highest - lowest > limit:
        raise RangeError(highest - lowest, limit)
    n = network.n_nodes + 1
    # Within these bounds no price of the solver, a path of up to n costs times n, leaves 62 bits.
    safe = _WIDEST // (4 * n**2)
    if largest <= _LIMIT // (n + 1):
        flow = _solve(network, cost, free)
        if flow is not None:
            return flow
    bits = (max(1, safe // n)).bit_length() - 1
    if safe < n or largest <= safe:
        raise RangeError(largest, safe)
    # Rounded costs first. By their potentials no arc of the flow is off by 2**bits or more, so that
    # arcs of reduced costs above n * 2**bits keep their flow in every cheapest one (E. Tardos, "A
    # strongly polynomial minimum cost circulation algorithm", Combinatorica 5, 1985, 247-255,
    # https://doi.org/10.1007/BF02579369): what is left to decide has small costs.
    rough = cost >> bits
    flow = find_cheapest_flow(network, rough)
    potential = find_potentials(network, rough, flow, network.n_nodes - 1) << bits
    reduced = cost + (potential[network.tail] - potential[network.head])
    near = np.abs(reduced) <= n << bits
    return find_cheapest_flow(freeze(network, flow, near), np.where(near, reduced, 0))


def _solve(
    network: Network, cost: NDArray[np.int64], free: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return a flow of least cost, or None if the solver finds its numbers too large."""
    from ortools.graph.python import min_cost_flow

    supply = network.supply.copy()
    np.subtract.at(supply, network.tail, network.lower)
    np.add.at(supply, network.head, network.lower)
    flow = network.lower.copy()
    if not len(free):
        if supply.any():
            raise NoFlowError
        return flow
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(
        network.tail[free].astype(np.int32),
        network.head[free].astype(np.int32),
        (network.upper - network.lower)[free],
        cost[free],
    )
    solver.set_nodes_supplies(np.arange(network.n_nodes, dtype=np.int32), supply)
    status = solver.solve()
    if status in {solver.INFEASIBLE, solver.UNBALANCED}:
        raise NoFlowError
    if status != solver.OPTIMAL:
        return None
    flow[free] += solver.flows(arcs)
    return flow


def find_cost_limit(n_nodes: int) -> int:
    """Return the largest magnitude that costs may have in a network of this size.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.

    Returns
    -------
    int
        Largest difference between two costs, 0 being one of them: times the number of nodes and
        one, it stays below 2**62. On a path every row is left by one arc for every arc by which it
        is reached, of one cost each, and at most half of the nodes are rows that are reached from
        columns: so a path of prices adds up to less than 2**61 and a cost, and what is left of the
        cost of an arc, which takes one price off another, to less than 2**63.
    """
    return (_WIDEST - 1) // (n_nodes + 1)


def _list_residual_arcs(
    network: Network, flow: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return tail, head, arc and sign of every direction in which the flow of an arc can change."""
    up = np.flatnonzero(flow < network.upper)
    down = np.flatnonzero(flow > network.lower)
    tail = np.concatenate([network.tail[up], network.head[down]])
    head = np.concatenate([network.head[up], network.tail[down]])
    sign = np.concatenate([np.ones(len(up), np.int64), np.full(len(down), -1)])
    return tail, head, np.concatenate([up, down]), sign


def find_potentials(
    network: Network, cost: NDArray[np.int64], flow: NDArray[np.int64], root: int
) -> NDArray[np.int64]:
    """Return node potentials that prove a flow cheapest.

    With ``reduced = cost + potential[tail] - potential[head]`` no arc below its upper bound has a
    negative and no arc above its lower bound a positive reduced cost.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    cost : ndarray of int64, shape (n_arcs,)
        Cost of one unit on each arc.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of least cost.
    root : int
        The node of potential 0; potentials are largest possible where the residual graph leads
        from the root to the node, so that ``-potential`` is the smallest possible price there.

    Returns
    -------
    ndarray of int64, shape (n_nodes,)
        The potentials.

    Raises
    ------
    ArithmeticError
        If the flow is not one of least cost.

    Notes
    -----
    Shortest paths from the root in the residual graph, by Bellman-Ford over the nodes that changed
    last: O(nodes * arcs) at worst, a few passes over the arcs in practice.
    """
    tail, head, arc, sign = _list_residual_arcs(network, flow)
    weight = cost[arc] * sign
    far = np.iinfo(np.int64).max
    distance = np.full(network.n_nodes, far)
    distance[root] = 0
    _relax(distance, tail, head, weight, np.array([root]))
    away = distance == far
    if not away.any():
        return distance
    # Nothing leads from the root to these nodes: potentials of their own, then moved together to
    # where the arcs that lead back allow it and no price, minus the potential, is above 0.
    distance[away] = 0
    inner = away[tail] & away[head]
    _relax(distance, tail[inner], head[inner], weight[inner], np.flatnonzero(away))
    back = away[tail] & ~away[head]
    need = distance[head[back]] - weight[back] - distance[tail[back]]
    distance[away] += need.max(initial=-distance[away].min())
    return distance


def _relax(
    distance: NDArray[np.int64],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    weight: NDArray[np.int64],
    active: NDArray[np.int64],
) -> None:
    """Shorten distances along arcs, in place, until none can be shortened."""
    order = np.argsort(tail, kind="stable")
    head, weight = head[order], weight[order]
    counts = np.bincount(tail, minlength=len(distance))
    first = np.concatenate([[0], np.cumsum(counts)])
    rounds = 0
    while len(active):
        rounds += 1
        if rounds > len(distance) + 1:
            raise ArithmeticError("the flow is not one of least cost")
        n_out = counts[active]
        position = np.arange(n_out.sum()) + np.repeat(
            first[active] - np.concatenate([[0], np.cumsum(n_out)[:-1]]), n_out
        )
        reach = np.repeat(distance[active], n_out) + weight[position]
        end = head[position]
        shorter = reach < distance[end]
        end = end[shorter]
        np.minimum.at(distance, end, reach[shorter])
        marked = np.zeros(len(distance), np.bool_)
        marked[end] = True
        active = np.flatnonzero(marked)


def narrow_to_face(
    network: Network,
    cost: NDArray[np.int64],
    flow: NDArray[np.int64],
    potential: NDArray[np.int64],
) -> Network:
    """Return the network whose flows are exactly the cheapest flows of this one.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    cost : ndarray of int64, shape (n_arcs,)
        Cost of one unit on each arc.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of least cost.
    potential : ndarray of int64, shape (n_nodes,)
        Potentials that prove it.

    Returns
    -------
    Network
        The same arcs; those of positive reduced cost stay at their lower bound, those of negative
        reduced cost at their upper bound.
    """
    reduced = cost + potential[network.tail] - potential[network.head]
    return replace(
        network,
        lower=np.where(reduced < 0, flow, network.lower),
        upper=np.where(reduced > 0, flow, network.upper),
    )


def find_loose_arcs(network: Network, flow: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which arcs lie on a cycle of the residual graph.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of this network.

    Returns
    -------
    ndarray of bool, shape (n_arcs,)
        Every arc on which some other flow differs is marked; a marked arc that can change in one
        direction only does differ in some other flow.

    Notes
    -----
    Strongly connected components, O(nodes + arcs).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    up, down = flow < network.upper, flow > network.lower
    ends = (
        np.concatenate([network.tail[up], network.head[down]], dtype=np.int32),
        np.concatenate([network.head[up], network.tail[down]], dtype=np.int32),
    )
    graph = csr_array(
        (np.ones(len(ends[0]), np.int8), ends), shape=(network.n_nodes, network.n_nodes)
    )
    _, component = connected_components(graph, directed=True, connection="strong")
    same: NDArray[np.bool_] = component[network.tail] == component[network.head]
    return same & (network.lower < network.upper)


def freeze(network: Network, flow: NDArray[np.int64], free: NDArray[np.bool_]) -> Network:
    """Return the network in which only some arcs may differ from a flow.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of this network.
    free : ndarray of bool, shape (n_arcs,)
        The arcs that keep their bounds.

    Returns
    -------
    Network
        The same arcs with narrower bounds.
    """
    return replace(
        network,
        lower=np.where(free, network.lower, flow),
        upper=np.where(free, network.upper, flow),
    )
