"""A plan among equally good ones that also keeps just as many pairs: a small integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.program import IntegerProgram, maximise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.assignment.held.watch import Watch

__all__ = ["find_flow"]

_MOST_ARCS = 2**18
_NODES = 5_000


def find_flow(
    face: Face,
    goal: NDArray[np.int64],
    limits: Sequence[tuple[NDArray[np.int64], int, int]],
    watch: Watch,
) -> NDArray[np.int64] | None:
    """Return a flow of a face that is worth most within limits; None if none is found.

    Parameters
    ----------
    face : Face
        Plans.
    goal : ndarray of int64, shape (n_arcs,)
        What a unit on each arc counts for.
    limits : sequence of (ndarray of int64, int, int)
        What arcs count, and how much of it a plan has at least and at most.
    watch : Watch
        The clock.

    Notes
    -----
    Branch and cut by HiGHS over the arcs that are free, 5,000 nodes at most, so that every machine
    finds the same. Above 262,144 arcs nothing is looked for.
    """
    network, flow = face.network, face.flow.copy()
    free = np.flatnonzero(network.lower < network.upper)
    if len(free) > _MOST_ARCS:
        return None
    each = np.arange(len(free))
    ends = np.concatenate([network.tail[free], network.head[free]])
    inside, line = np.unique(ends, return_inverse=True)
    signs = np.repeat([1, -1], len(free))
    balance = np.zeros(len(inside))
    np.add.at(balance, line, signs * np.tile(flow[free], 2))
    program = IntegerProgram(
        line, np.concatenate([each, each]), signs, balance, balance, len(free),
        network.lower[free], network.upper[free],
    )  # fmt: skip
    fixed = np.ones(len(flow), np.bool_)
    fixed[free] = False
    for own, least, most in limits:
        known = int(own[fixed] @ flow[fixed])
        program = program.demand(own[free], least - known, most - known)
    found, _ = maximise(program, goal[free], _NODES, watch)
    if found is None:
        return None
    flow[free] = found
    # Whole numbers of a solver in floats are checked as whole numbers.
    lost = np.bincount(network.tail, flow, network.n_nodes) - np.bincount(
        network.head, flow, network.n_nodes
    )
    was = np.bincount(network.tail, face.flow, network.n_nodes) - np.bincount(
        network.head, face.flow, network.n_nodes
    )
    kept = all(least <= int(own @ flow) <= most for own, least, most in limits)
    inside_bounds = ((flow >= network.lower) & (flow <= network.upper)).all()
    return flow if kept and inside_bounds and (lost == was).all() else None
