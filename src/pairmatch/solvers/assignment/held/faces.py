"""Plans that are equally good so far: the flows of one network, narrowed objective by objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.descent import descend
from pairmatch.solvers.assignment.held.flow import even_loads, improve_flow, settle_ties
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.network import (
    Network,
    find_potentials,
    narrow_to_face,
)
from pairmatch.solvers.assignment.held.remainder import collect_edges, price_no_quota, set_pins
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = [
    "Face",
    "climb",
    "drop_closed_pairs",
    "narrow_to_coverage",
    "open_face",
    "pick_pairs",
    "read_step",
]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """Plans that are equally good in every objective so far, and one of them.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    remainder : Remainder
        What its pins leave.
    edges : Edges
        The pairs behind the first arcs of the network.
    layout : Layout
        Where the parts of the network are.
    network : Network
        The network whose flows are these plans.
    flow : ndarray of int64, shape (n_arcs,)
        One of them.
    point : ndarray of int32, shape (n_columns, n_classes), or None
        Where pairs need slots of time: the slot at which each class of a column is priced. The
        limits of the network are these classes then.
    likes : ndarray of int64, shape (n_pairs,), or None
        How much pairs like the best slot of their class; counted before loads and ties.
    """

    problem: AssignmentProblem
    remainder: Remainder
    edges: Edges
    layout: Layout
    network: Network
    flow: NDArray[np.int64]
    point: NDArray[np.int32] | None = None
    likes: NDArray[np.int64] | None = None


def open_face(
    problem: AssignmentProblem, pairs: NDArray[np.int64], edges: Edges | None = None
) -> Face:
    """Return all plans of a problem, one of which is known.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem whose quotas nest. Its objective is ignored but for "total", under which pairs
        of negative gain are left out where no minimum load may need them.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs of the known plan.
    edges : Edges, optional
        The pairs that plans are made of, sorted by row and column; default: all allowed ones.

    Returns
    -------
    Face
        The network of all plans, and the flow of the known one.
    """
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder) if edges is None else edges
    layout = draw_network(edges, remainder, dict(enumerate(problem.quotas)))
    flow = _trace(problem, layout, edges, pairs)
    return Face(problem, remainder, edges, layout, layout.network, flow)


def _trace(
    problem: AssignmentProblem, layout: Layout, edges: Edges, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the flow of a plan."""
    network = layout.network
    free = pairs[~np.isin(pairs[:, 0], problem.pins[:, 0])]
    code = edges.row * problem.n_columns + edges.column
    arcs = np.searchsorted(code, np.sort(free[:, 0] * problem.n_columns + free[:, 1]))
    flow = np.zeros(len(network.tail), np.int64)
    flow[arcs] = 1
    inflow = np.bincount(network.head[arcs], minlength=network.n_nodes)
    # A narrower class stands behind the wider one that it leads to.
    for arc in reversed(range(layout.limit_arcs.start, layout.limit_arcs.stop)):
        flow[arc] = inflow[network.tail[arc]]
        inflow[network.head[arc]] += flow[arc]
    flow[layout.load_arcs] = inflow[layout.n_rows : layout.sink]
    flow[layout.idle_arcs] = 1
    flow[layout.idle_arcs.start + network.tail[arcs]] = 0
    return flow


def read_step(face: Face, potential: NDArray[np.int64]) -> Prices:
    """Return the prices of places and quotas behind node potentials, of any sign.

    Parameters
    ----------
    face : Face
        The plans among which something was optimised.
    potential : ndarray of int64, shape (n_nodes,)
        Node potentials that prove the optimum.

    Returns
    -------
    Prices
        On a narrowed face a load that may not fall has a price below 0, so no sign is lost here.
    """
    layout, problem = face.layout, face.problem
    network = layout.network
    arcs = layout.limit_arcs
    step = potential[network.head[arcs]] - potential[network.tail[arcs]]
    places = potential[layout.sink] - potential[layout.n_rows : layout.sink]
    if face.point is not None and problem.slots is not None:
        time = np.zeros((problem.n_columns, problem.slots.n_slots), np.int64)
        column, label = layout.limit_of[:, 1], layout.limit_of[:, 2]
        time[column, face.point[column, label]] = step
        return Prices(column=places, time=time)
    quota = price_no_quota(problem)
    for k, prices in enumerate(quota):
        mine = layout.limit_of[:, 0] == k
        prices[layout.limit_of[mine, 1], layout.limit_of[mine, 2]] = step[mine]
    return Prices(column=places, quota=quota)


def narrow_to_coverage(face: Face) -> tuple[Face, Prices]:
    """Return the plans that match as many rows as a known plan of maximum coverage, with a proof.

    Parameters
    ----------
    face : Face
        Plans, the known one of which matches as many rows as any.

    Returns
    -------
    face : Face
        Those of maximum coverage.
    step : Prices
        Prices that prove that no plan matches more.

    Raises
    ------
    ArithmeticError
        If the known plan does not match as many rows as possible.
    """
    cost = face.layout.spend(on_idle=1)
    potential = find_potentials(face.network, cost, face.flow, face.layout.sink)
    network = narrow_to_face(face.network, cost, face.flow, potential)
    return replace(face, network=network), read_step(face, potential)


def climb(face: Face, worth: NDArray[np.int64], watch: Watch | None = None) -> tuple[Face, Prices]:
    """Return the plans of a face whose pairs are worth most, with a proof.

    Parameters
    ----------
    face : Face
        Plans.
    worth : ndarray of int64, shape (n_pairs,)
        What each pair counts for.
    watch : Watch, optional
        The clock.

    Returns
    -------
    face : Face
        The best of them.
    step : Prices
        Prices that prove it.

    Raises
    ------
    RangeError
        If the worths are too large for 64-bit arithmetic.
    """
    cost = face.layout.spend(on_pairs=-worth)
    network, flow, potential = descend(
        face.network, cost, face.layout.sink, start=face.flow, watch=watch
    )
    return replace(face, network=network, flow=flow), read_step(face, potential)


def drop_closed_pairs(face: Face) -> Face:
    """Return the same plans in a smaller network, without the pairs that none of them has.

    Parameters
    ----------
    face : Face
        Plans.

    Returns
    -------
    Face
        The same, without the arcs of pairs that may not be used any more.
    """
    kept = np.ones(len(face.flow), np.bool_)
    kept[face.layout.pair_arcs] = face.network.upper[face.layout.pair_arcs] > 0
    whole = face.network
    network = Network(
        whole.supply, whole.tail[kept], whole.head[kept], whole.lower[kept], whole.upper[kept]
    )
    some = kept[face.layout.pair_arcs]
    edges, likes = face.edges.take(some), None if face.likes is None else face.likes[some]
    layout = replace(face.layout, network=network, n_pairs=len(edges))
    flow = face.flow[kept]
    return replace(face, edges=edges, layout=layout, network=network, flow=flow, likes=likes)


def pick_pairs(face: Face, watch: Watch | None = None) -> NDArray[np.int64]:
    """Return the plan of a face with the most even loads, ties settled by the common rule.

    Parameters
    ----------
    face : Face
        Plans that are equally good.
    watch : Watch, optional
        The clock.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2)
        Its pairs, pins included, sorted.
    """
    network, flow = face.network, face.flow
    if face.likes is not None and face.likes.any():
        wanted = face.layout.spend(on_pairs=-face.likes)
        network, flow = improve_flow(network, flow, wanted, face.layout, watch)
    network, flow = even_loads(network, flow, face.layout, face.remainder.load, watch)
    flow = settle_ties(network, flow, face.layout, face.edges, watch=watch)
    chosen = face.edges.take(flow[face.layout.pair_arcs] > 0)
    pairs = np.concatenate([face.problem.pins, np.stack([chosen.row, chosen.column], axis=1)])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
