"""A plan among equally good ones that also keeps just as many pairs: a small integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face

__all__ = ["find_flow"]

_SECONDS = 30.0
_MOST_ARCS = 2**18


def find_flow(
    face: Face,
    goal: NDArray[np.int64],
    limits: Sequence[tuple[NDArray[np.int64], int, int]],
) -> NDArray[np.int64] | None:
    """Return a flow of a face whose pairs are worth most within limits; None if none is found.

    Parameters
    ----------
    face : Face
        Plans.
    goal : ndarray of int64, shape (n_pairs,)
        What each pair counts for.
    limits : sequence of (ndarray of int64, int, int)
        What pairs count, and how much of it a plan has at least and at most.

    Notes
    -----
    Branch and cut by HiGHS, 30 seconds at most, over the arcs that are free. Above 262,144 of them
    nothing is looked for.
    """
    network, flow = face.network, face.flow.copy()
    free = np.flatnonzero(network.lower < network.upper)
    if len(free) > _MOST_ARCS:
        return None
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    each = np.arange(len(free))
    ends = np.concatenate([network.tail[free], network.head[free]])
    signs = np.repeat([1.0, -1.0], len(free))
    nodes = csr_array(
        (signs, (ends, np.concatenate([each, each]))), shape=(network.n_nodes, len(free))
    )
    balance = nodes @ flow[free].astype(np.float64)
    rules = [LinearConstraint(nodes, balance, balance)]
    inner = np.flatnonzero(free < face.layout.n_pairs)
    fixed = np.ones(face.layout.n_pairs, np.bool_)
    fixed[free[inner]] = False
    held = np.flatnonzero(fixed & (flow[face.layout.pair_arcs] > 0))
    for own, least, most in limits:
        line = np.zeros(len(free))
        line[inner] = own[free[inner]]
        known = int(own[held].sum())
        rules.append(LinearConstraint(line, least - known, most - known))
    worth = np.zeros(len(free))
    worth[inner] = goal[free[inner]]
    found = milp(
        -worth,
        integrality=np.ones(len(free), np.int64),
        bounds=Bounds(network.lower[free], network.upper[free]),
        constraints=rules,
        options={"time_limit": _SECONDS, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None
    flow[free] = np.rint(found.x).astype(np.int64)
    # Whole numbers of a solver in floats are checked as whole numbers.
    lost = np.bincount(network.tail, flow, network.n_nodes) - np.bincount(
        network.head, flow, network.n_nodes
    )
    was = np.bincount(network.tail, face.flow, network.n_nodes) - np.bincount(
        network.head, face.flow, network.n_nodes
    )
    chosen = flow[face.layout.pair_arcs]
    kept = all(least <= int(own @ chosen) <= most for own, least, most in limits)
    return flow if kept and (lost == was).all() else None
