"""One flow, changed unit by unit along paths of its residual graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.network import Network

__all__ = ["Residual"]


class Residual:
    """A flow and its bounds, in place, with the arcs that leave each node.

    Parameters
    ----------
    network : Network
        Arcs and bounds.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of it.

    Notes
    -----
    A search looks at every arc at most once in each direction, a whole layer of nodes at a time.
    """

    def __init__(self, network: Network, flow: NDArray[np.int64]) -> None:
        self.lower, self.upper = network.lower.copy(), network.upper.copy()
        self.flow = flow.copy()
        self.tail, self.head = network.tail, network.head
        self.n_nodes = network.n_nodes
        n_arcs = len(flow)
        # Entry e < n_arcs: one more unit on arc e; entry n_arcs + a: one unit less on arc a.
        start = np.concatenate([self.tail, self.head])
        self._entry = np.argsort(start, kind="stable")
        self._end = np.concatenate([self.head, self.tail])[self._entry]
        self._count = np.bincount(start, minlength=self.n_nodes)
        self._first = np.concatenate([[0], np.cumsum(self._count)])
        self._n_arcs = n_arcs

    def search(
        self, sources: NDArray[np.int64], target: int = -1
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which nodes can be reached, and the entry over which each one was.

        Parameters
        ----------
        sources : ndarray of int64
            Nodes to start from.
        target : int, default: -1
            A node at which to stop; -1 to reach all.
        """
        n_arcs = self._n_arcs
        seen = np.zeros(self.n_nodes, np.bool_)
        via = np.full(self.n_nodes, -1)
        seen[sources] = True
        frontier = sources
        while len(frontier):
            count = self._count[frontier]
            ends = np.cumsum(count)
            position = np.arange(ends[-1]) + np.repeat(self._first[frontier] - ends + count, count)
            position = position[~seen[self._end[position]]]
            entry = self._entry[position]
            arc = entry % n_arcs
            more = entry < n_arcs
            flow = self.flow[arc]
            usable = np.where(more, flow < self.upper[arc], flow > self.lower[arc])
            entry, end = entry[usable], self._end[position[usable]]
            via[end] = entry
            new = np.zeros(self.n_nodes, np.bool_)
            new[end] = True
            seen |= new
            if target >= 0 and seen[target]:
                break
            frontier = np.flatnonzero(new)
        return seen, via

    def reroute(self, arc: int) -> bool:
        """Send a unit of one arc another way, in place; return whether there was a way.

        Parameters
        ----------
        arc : int
            An arc with a unit of flow that may not grow (its upper bound has been lowered).
        """
        if self.flow[arc] <= self.lower[arc]:
            return False
        start, target = int(self.tail[arc]), int(self.head[arc])
        seen, via = self.search(np.array([start]), target)
        if not seen[target]:
            return False
        node = target
        while node != start:
            entry = int(via[node])
            changed = entry % self._n_arcs
            if entry < self._n_arcs:
                self.flow[changed] += 1
                node = int(self.tail[changed])
            else:
                self.flow[changed] -= 1
                node = int(self.head[changed])
        self.flow[arc] -= 1
        return True
