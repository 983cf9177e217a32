"""Exact plans by minimum-cost flow: any loads, minimum loads, pins and nested quotas."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import check_network_loads, start_flow
from pairmatch.solvers.assignment.held.descent import descend
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.network import (
    LARGEST_PRICE,
    Network,
    RangeError,
    find_cost_limit,
    find_loose_arcs,
    find_potentials,
    freeze,
)
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins
from pairmatch.solvers.assignment.held.ties import ROUND_BITS, draw_weights
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = [
    "even_loads",
    "find_least_bonus",
    "find_safe_bonus",
    "improve_flow",
    "settle_ties",
    "solve_by_flow",
]


def solve_by_flow(problem: AssignmentProblem, watch: Watch | None = None) -> AssignmentSolution:
    """Return the best plan, by minimum-cost flow.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem whose quotas nest: the classes of any two of them, as sets of rows, lie within
        each other or apart.
    watch : Watch, optional
        The clock, and where plans are kept that are not proved best yet.

    Returns
    -------
    AssignmentSolution
        Among the plans that are best by the objective: under "total" one that matches most rows,
        then of the most even loads (least sum of squares), then the one that
        :mod:`~pairmatch.solvers.assignment.held.ties` picks.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If the gains are too large for 64-bit integers.
    OutOfTime
        If the time limit is reached.

    Notes
    -----
    One flow per objective, each on the optimal face of the one before: R. K. Ahuja,
    T. L. Magnanti, J. B. Orlin, "Network Flows" (1993), chapter 9, for reduced cost optimality.
    """
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder)
    quotas = dict(enumerate(problem.quotas))
    layout = draw_network(edges, remainder, quotas)
    check_network_loads(problem, remainder, edges, layout)
    start = start_flow(layout, remainder.at_least)

    def write(flow: NDArray[np.int64], prices: Prices) -> AssignmentSolution:
        chosen = edges.take(flow[layout.pair_arcs] > 0)
        pairs = np.concatenate([problem.pins, np.stack([chosen.row, chosen.column], axis=1)])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        return AssignmentSolution(pairs, prices, Status.OPTIMAL, "min-cost flow")

    def look(flow: NDArray[np.int64], potential: NDArray[np.int64], bonus: int) -> None:
        if watch is not None:
            prices = _read(problem, layout, remainder, potential, bonus)
            watch.keep(lambda: write(flow, prices))

    network, flow, potential, bonus = _optimise(problem, layout, edges, start, watch, look)
    prices = _read(problem, layout, remainder, potential, bonus)
    if problem.objective == "coverage":
        potential = find_potentials(layout.network, layout.spend(on_idle=1), flow, layout.sink)
        prices = replace(prices, coverage=_read(problem, layout, remainder, potential, 0))
    if watch is not None:
        best = flow
        watch.keep(lambda: write(best, prices))
    if problem.objective == "total":
        idle = layout.spend(on_idle=1)
        network, flow = improve_flow(network, flow, idle, layout, watch)
    network, flow = even_loads(network, flow, layout, remainder.load, watch)
    flow = settle_ties(network, flow, layout, edges, watch=watch)
    return write(flow, prices)


def find_safe_bonus(gain: NDArray[np.int64], n_places: int) -> int:
    """Return a bonus per pair that makes one more pair worth more than any choice of pairs.

    Parameters
    ----------
    gain : ndarray of int64
        Gains of all pairs that may be formed.
    n_places : int
        Upper bound on the number of pairs; one more place than that is allowed for, so that
        prices tell what it would be worth.

    Returns
    -------
    int
        With it every pair is worth at least 1. Of two plans of k and k - d pairs the larger loses
        at most ``(k - d) * (max - min) - d * min`` of gains, which is less than ``d * bonus``.
    """
    if not gain.size:
        return 0
    low, high = int(gain.min()), int(gain.max())
    return (n_places + 1) * (high - low) + max(0, -low) + 1


def _optimise(
    problem: AssignmentProblem,
    layout: Layout,
    edges: Edges,
    start: NDArray[np.int64],
    watch: Watch | None,
    look: Callable[[NDArray[np.int64], NDArray[np.int64], int], None],
) -> tuple[Network, NDArray[np.int64], NDArray[np.int64], int]:
    """Return the face of all best plans, one of them, potentials, and the bonus they belong to."""
    whole, sink = layout.network, layout.sink
    gain = layout.spend(on_pairs=-edges.gain)
    if problem.objective == "total":
        seen = partial(_pass_on, look, 0)
        found = descend(whole, gain, sink, start=start, watch=watch, look=seen)
        return *found, 0
    places = int(whole.upper[layout.load_arcs].sum())
    bonus = find_safe_bonus(edges.gain, min(layout.n_rows, places))
    if bonus <= find_cost_limit(whole.n_nodes) // 8:  # else one objective after the other
        cost = layout.spend(on_pairs=-edges.gain, on_idle=bonus)
        seen = partial(_pass_on, look, bonus)
        found = descend(whole, cost, sink, start=start, watch=watch, look=seen)
        return *found, bonus
    idle = layout.spend(on_idle=1)
    face, flow, first = descend(whole, idle, sink, start=start, watch=watch)
    network, flow, second = descend(face, gain, sink, start=flow, watch=watch)
    bonus = find_least_bonus(whole, (idle, first), (gain, second))
    largest = bonus * int(np.abs(first).max()) + int(np.abs(second).max())
    if largest > LARGEST_PRICE:
        raise RangeError(largest, LARGEST_PRICE)
    potential = bonus * first + second
    return network, flow, potential, bonus


def _pass_on(
    look: Callable[[NDArray[np.int64], NDArray[np.int64], int], None],
    bonus: int,
    flow: NDArray[np.int64],
    potential: NDArray[np.int64],
) -> None:
    """Show a flow and its potentials, with the bonus they belong to."""
    look(flow, potential, bonus)


def find_least_bonus(
    network: Network,
    first: tuple[NDArray[np.int64], NDArray[np.int64]],
    second: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> int:
    """Return the least L with which ``L * first + second`` keeps all signs of first reduced costs.

    On the face the first reduced costs are 0 and the second potentials prove optimality; off it
    each arc asks for a large enough L.
    """
    reduced = [cost + pi[network.tail] - pi[network.head] for cost, pi in (first, second)]
    off = (reduced[0] != 0) & (network.lower < network.upper)
    against = -np.sign(reduced[0][off]) * reduced[1][off]
    need = -(-against // np.abs(reduced[0][off]))
    return int(need.max(initial=0))


def _read(
    problem: AssignmentProblem,
    layout: Layout,
    remainder: Remainder,
    potential: NDArray[np.int64],
    bonus: int,
) -> Prices:
    shapes = [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    column, quota = layout.read_prices(potential, remainder.at_least, shapes)
    return Prices(column=column, quota=quota, bonus=bonus)


def improve_flow(
    network: Network,
    flow: NDArray[np.int64],
    cost: NDArray[np.int64],
    layout: Layout,
    watch: Watch | None = None,
) -> tuple[Network, NDArray[np.int64]]:
    """Return the face of one more objective, looked for only where the flow is not settled."""
    loose = find_loose_arcs(network, flow)
    if not (loose[layout.pair_arcs].any() or loose[layout.idle_arcs].any()):
        return freeze(network, flow, np.zeros_like(loose)), flow
    network = freeze(network, flow, loose)
    network, flow, _ = descend(network, cost, layout.sink, start=flow, watch=watch)
    return network, flow


def settle_ties(
    network: Network,
    flow: NDArray[np.int64],
    layout: Layout,
    edges: Edges,
    *,
    first_turn: int = 0,
    watch: Watch | None = None,
) -> NDArray[np.int64]:
    """Return the one flow of an optimal face that every solver agrees on.

    Parameters
    ----------
    network : Network
        The network of the layout, narrowed to the optimal face; further arcs may follow.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of it.
    layout : Layout
        Where the parts of the network are.
    edges : Edges
        The pairs behind its first arcs.
    first_turn : int, default: 0
        Rounds of weights before this one have been decided already.
    watch : Watch, optional
        The clock.

    Returns
    -------
    ndarray of int64, shape (n_arcs,)
        The flow whose pairs weigh most, by the first round of weights and then by the next.
    """
    for turn in range(first_turn, len(ROUND_BITS)):
        cost = np.zeros(len(flow), np.int64)
        cost[layout.pair_arcs] = -draw_weights(edges.row, edges.column, turn)
        network, flow = improve_flow(network, flow, cost, layout, watch)
    return flow


def even_loads(
    network: Network,
    flow: NDArray[np.int64],
    layout: Layout,
    load: NDArray[np.int64],
    watch: Watch | None = None,
) -> tuple[Network, NDArray[np.int64]]:
    """Return the flows of an optimal face with the most even loads (least sum of squares).

    Parameters
    ----------
    network : Network
        The network of the layout, narrowed to the optimal face.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of it.
    layout : Layout
        Where the parts of the network are.
    load : ndarray of int64, shape (n_columns,)
        Rows that each column has on top of the flow.
    watch : Watch, optional
        The clock.

    Returns
    -------
    network : Network
        The face, in which each further row of a column takes a dearer arc than the one before;
        these arcs follow those of the layout.
    flow : ndarray of int64
        One of its flows.
    """
    loose = find_loose_arcs(network, flow)
    network = freeze(network, flow, loose)
    arcs = np.arange(len(flow))[layout.load_arcs]
    arcs = arcs[network.upper[arcs] > network.lower[arcs]]
    if not loose[layout.pair_arcs].any() or not len(arcs):
        return network, flow
    width = (network.upper - network.lower)[arcs]
    of_arc = np.repeat(arcs, width)
    step = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
    column = of_arc - layout.load_arcs.start
    before = load[column] + network.lower[of_arc] + step
    extended = Network(
        supply=network.supply,
        tail=np.concatenate([network.tail, network.tail[of_arc]]),
        head=np.concatenate([network.head, network.head[of_arc]]),
        lower=np.concatenate([network.lower, np.zeros(len(of_arc), np.int64)]),
        upper=np.concatenate([network.upper, np.ones(len(of_arc), np.int64)]),
    )
    extended.upper[arcs] = network.lower[arcs]
    cost = np.concatenate([np.zeros(len(flow), np.int64), 2 * before + 1])
    now = np.concatenate([flow, np.zeros(len(of_arc), np.int64)])
    filled = (flow - network.lower)[of_arc] > step
    now[len(flow) :] = filled
    now[arcs] = network.lower[arcs]
    face, flow, _ = descend(extended, cost, layout.sink, start=now, watch=watch)
    return face, flow
