"""Least cost in a network of many arcs: solved on few of them, checked on all."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.network import (
    Network,
    find_cheapest_flow,
    find_potentials,
    narrow_to_face,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch

    Look = Callable[[NDArray[np.int64], NDArray[np.int64]], None]

__all__ = ["descend"]

_AT_ONCE = 400_000  # arcs that are given to the flow solver in one go
_AT_ONCE_TIMED = 100_000  # the same where a clock runs, since nothing can stop a flow
_FIRST = 12  # cheapest arcs of each tail to begin with
_MORE = 8  # arcs of each tail that are added in a round, at first


def descend(
    network: Network,
    cost: NDArray[np.int64],
    sink: int,
    *,
    start: NDArray[np.int64] | None = None,
    watch: Watch | None = None,
    look: Look | None = None,
) -> tuple[Network, NDArray[np.int64], NDArray[np.int64]]:
    """Return the optimal face, a flow of least cost and the potentials that prove both.

    Parameters
    ----------
    network : Network
        Arcs and supplies.
    cost : ndarray of int64, shape (n_arcs,)
        Cost of one unit on each arc.
    sink : int
        The node of potential 0.
    start : ndarray of int64, shape (n_arcs,), optional
        Any flow of the network. With one, large networks are solved on part of their arcs.
    watch : Watch, optional
        The clock; it is looked at between flows.
    look : callable, optional
        Called with a flow and potentials for all nodes after each round: any potentials give a
        bound.

    Raises
    ------
    NoFlowError
        If no flow keeps the bounds.
    RangeError
        If costs are too large for 64-bit arithmetic.
    OutOfTime
        If the time limit is reached.

    Notes
    -----
    Column generation over the arcs: the potentials of the cheapest flow on some arcs say which
    others would make it cheaper; these are added until there is none. No call of the flow solver,
    which nothing can interrupt, is a long one.
    """
    if watch is not None:
        watch.check()
    at_once = _AT_ONCE if watch is None or watch.deadline is None else _AT_ONCE_TIMED
    if start is None or np.count_nonzero(network.upper > network.lower) <= at_once:
        flow = find_cheapest_flow(network, cost)
        potential = find_potentials(network, cost, flow, sink)
        if look is not None:
            look(flow, potential)
        return narrow_to_face(network, cost, flow, potential), flow, potential
    free = network.upper > network.lower
    active = start > network.lower
    active |= _pick(network.tail, cost, free, _FIRST) | _pick(network.head, cost, free, 1)
    n_more = _MORE
    while True:
        began = perf_counter()
        part = replace(network, upper=np.where(active, network.upper, network.lower))
        flow = find_cheapest_flow(part, cost)
        potential = find_potentials(part, cost, flow, sink)
        if look is not None:
            look(flow, potential)
        reduced = cost + potential[network.tail] - potential[network.head]
        wanted = (reduced < 0) & free & ~active
        if not wanted.any():
            return narrow_to_face(network, cost, flow, potential), flow, potential
        if watch is not None:
            watch.check(perf_counter() - began)
        active |= _pick(network.tail, reduced, wanted, n_more)
        active |= _pick(network.head, reduced, wanted, 1)
        n_more *= 2


def _pick(
    node: NDArray[np.int64], cost: NDArray[np.int64], among: NDArray[np.bool_], n: int
) -> NDArray[np.bool_]:
    """Return the n cheapest arcs of each node, among some."""
    picked = np.zeros(len(node), np.bool_)
    at = np.flatnonzero(among)
    order = at[np.lexsort((cost[at], node[at]))]
    first = np.flatnonzero(np.diff(node[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    picked[order[rank < n]] = True
    return picked
