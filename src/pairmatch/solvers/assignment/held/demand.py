"""Exact plans in which rows have several columns: one flow, in which the first pair counts most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import check_network_loads, start_flow
from pairmatch.solvers.assignment.held.descent import descend
from pairmatch.solvers.assignment.held.flow import (
    even_loads,
    find_least_bonus,
    improve_flow,
    settle_ties,
)
from pairmatch.solvers.assignment.held.layout import draw_network, find_laminar
from pairmatch.solvers.assignment.held.network import LARGEST_PRICE, Network, RangeError
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

    Dual = tuple[NDArray[np.int64], NDArray[np.int64]]

__all__ = [
    "DemandFlow",
    "check_demand",
    "climb_demand",
    "has_demand",
    "join_proofs",
    "read_bonus",
    "settle_demand",
    "solve_demand",
    "split_idle",
    "write_down",
]


def has_demand(problem: AssignmentProblem) -> bool:
    """Return whether some row should have more than one column.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    """
    return bool(problem.demand.max(initial=1) > 1)


def solve_demand(problem: AssignmentProblem, watch: Watch | None = None) -> AssignmentSolution:
    """Return the best plan of a problem whose rows should have several columns.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" or "total", without tiers and budgets, whose quotas nest.
    watch : Watch, optional
        The clock.

    Returns
    -------
    AssignmentSolution
        Under "coverage": most rows with a pair, then most pairs, then the largest total. Under
        "total" the largest total comes first. Then the most even loads, then the common rule for
        ties. ``steps``: under "coverage" prices of the rows with a pair, and of the pairs.

    Raises
    ------
    CapabilityError
        If the problem has a fair objective, tiers, budgets or quotas that cross.
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If the gains are too large for 64-bit integers.
    OutOfTime
        If the time limit is reached.

    Notes
    -----
    A row that is left without any pair sends one unit over an arc of its own, so that the first
    pair of a row can count for more than the next ones: a convex cost. One flow for each of the
    three objectives on the optimal face of the one before; their potentials are joined with the
    least factors that keep all signs.
    """
    remainder = set_pins(problem)
    check_demand(problem, remainder)
    edges = collect_edges(problem, remainder)
    layout = draw_network(edges, remainder, dict(enumerate(problem.quotas)))
    check_network_loads(problem, remainder, edges, layout)
    return settle_demand(problem, remainder, climb_demand(problem, remainder, edges, watch), watch)


@dataclass(frozen=True, slots=True, eq=False)
class DemandFlow:
    """A best plan over some pairs, with its proof.

    Parameters
    ----------
    edges : Edges
        The pairs.
    layout : Layout
        The network of all plans over them.
    network : Network
        The network of the best ones.
    flow : ndarray of int64, shape (n_arcs,)
        One of them.
    prices : Prices
        Prices that prove the total.
    steps : tuple of Prices
        Under "coverage" prices of the rows with a pair, and of the pairs.
    """

    edges: Edges
    layout: Layout
    network: Network
    flow: NDArray[np.int64]
    prices: Prices
    steps: tuple[Prices, ...]

    @property
    def chosen(self) -> Edges:
        """The pairs of the plan."""
        return self.edges.take(self.flow[self.layout.pair_arcs] > 0)


def climb_demand(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges, watch: Watch | None = None
) -> DemandFlow:
    """Return a best plan over some pairs: rows with a pair, then pairs, then the total.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem, as for :func:`solve_demand`.
    remainder : Remainder
        What its pins leave.
    edges : Edges
        The pairs, which can meet the minimum loads.
    watch : Watch, optional
        The clock.
    """
    layout = draw_network(edges, remainder, dict(enumerate(problem.quotas)))
    start = start_flow(layout, remainder.at_least)
    fresh = np.flatnonzero(~remainder.served)
    whole, start = split_idle(layout, start, fresh)
    layout = replace(layout, network=whole)
    nobody = np.zeros(len(start), np.int64)
    nobody[len(start) - len(fresh) :] = 1
    empty = nobody.copy()
    empty[layout.idle_arcs] = 1
    gain = np.zeros(len(start), np.int64)
    gain[layout.pair_arcs] = -edges.gain
    go = partial(descend, sink=layout.sink, watch=watch)
    read = partial(read_bonus, problem, layout, remainder)
    steps: tuple[Prices, ...] = ()
    if problem.objective == "total":
        network, flow, potential = go(whole, gain, start=start)
        prices = read(potential, 0, 0)
        for cost in (nobody, empty):
            network, flow = improve_flow(network, flow, cost, layout, watch)
    else:
        first, flow, one = go(whole, nobody, start=start)
        second, flow, two = go(first, empty, start=flow)
        network, flow, three = go(second, gain, start=flow)
        lift, filled = join_proofs(whole, (nobody, one), (empty, two))
        per_pair, worth = join_proofs(first, (empty, two), (gain, three))
        per_row, best = join_proofs(whole, (nobody, one), worth)
        steps = (read(one, 0, 1), read(filled[1], 1, lift))
        prices = read(best[1], per_pair, per_row)
    return DemandFlow(edges, layout, network, flow, prices, steps)


def settle_demand(
    problem: AssignmentProblem, remainder: Remainder, found: DemandFlow, watch: Watch | None = None
) -> AssignmentSolution:
    """Return the best plan of the most even loads, ties settled by the common rule.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    remainder : Remainder
        What its pins leave.
    found : DemandFlow
        All best plans.
    watch : Watch, optional
        The clock.
    """
    layout = found.layout
    network, flow = even_loads(found.network, found.flow, layout, remainder.load, watch)
    flow = settle_ties(network, flow, layout, found.edges, watch=watch)
    return write_down(problem, replace(found, network=network, flow=flow))


def write_down(problem: AssignmentProblem, found: DemandFlow) -> AssignmentSolution:
    """Return a plan, pins included, with its proof."""
    chosen = found.chosen
    pairs = np.concatenate([problem.pins, np.stack([chosen.row, chosen.column], axis=1)])
    return AssignmentSolution(
        pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))],
        prices=found.prices,
        status=Status.OPTIMAL,
        solver="min-cost flow, several columns a row",
        steps=found.steps,
    )


def check_demand(problem: AssignmentProblem, remainder: Remainder) -> None:
    """Raise unless everything else that is asked for goes together with a demand.

    Raises
    ------
    CapabilityError
        If the problem has a fair objective, tiers, budgets or quotas that cross.
    """
    others = {
        f"objective {problem.objective!r}": problem.objective not in ("coverage", "total"),
        "tiers": problem.tiers is not None,
        "minutes in a pool of this size": bool(problem.budgets),
        "quotas that cross each other": len(find_laminar(problem.quotas, remainder.rows))
        < len(problem.quotas),
    }
    wishes = [wish for wish, asked in others.items() if asked]
    if wishes:
        raise CapabilityError(
            f"{' and '.join(wishes)} cannot be honoured where mentees should have several mentors; "
            "leave it out, or ask for one mentor each"
        )


def split_idle(
    layout: Layout, flow: NDArray[np.int64], fresh: NDArray[np.int64]
) -> tuple[Network, NDArray[np.int64]]:
    """Return the network with one more idle arc for each row that has no pair yet, and a flow.

    Parameters
    ----------
    layout : Layout
        The network.
    flow : ndarray of int64, shape (n_arcs,)
        A flow of it.
    fresh : ndarray of int64, shape (n_fresh,)
        Rows, by their node, that have no pair yet; their arcs are the last ones.
    """
    network = layout.network
    upper = network.upper.copy()
    idle = layout.idle_arcs.start + fresh
    upper[idle] -= 1
    nobody = (flow[idle] > upper[idle]).astype(np.int64)
    flow = flow.copy()
    flow[idle] -= nobody
    extended = Network(
        supply=network.supply,
        tail=np.concatenate([network.tail, fresh]),
        head=np.concatenate([network.head, np.full(len(fresh), layout.sink)]),
        lower=np.concatenate([network.lower, np.zeros(len(fresh), np.int64)]),
        upper=np.concatenate([upper, np.ones(len(fresh), np.int64)]),
    )
    return extended, np.concatenate([flow, nobody])


def join_proofs(network: Network, first: Dual, second: Dual, least: int = 0) -> tuple[int, Dual]:
    """Return the least L with which ``L * first + second`` is a proof, and that sum.

    Parameters
    ----------
    network : Network
        All plans.
    first : tuple of ndarray of int64, shapes (n_arcs,) and (n_nodes,)
        A cost, and the potentials that prove some of the plans cheapest.
    second : tuple of ndarray of int64, shapes (n_arcs,) and (n_nodes,)
        The same of another cost among the cheapest plans by the first.
    least : int, default: 0
        L is no less than this.

    Raises
    ------
    RangeError
        If the sum is too large for 64-bit arithmetic.
    """
    factor = max(least, find_least_bonus(network, first, second))
    sizes = [factor * int(np.abs(a).max()) + int(np.abs(b).max()) for a, b in zip(first, second)]  # noqa: B905
    if max(sizes) > LARGEST_PRICE:
        raise RangeError(max(sizes), LARGEST_PRICE)
    return factor, (factor * first[0] + second[0], factor * first[1] + second[1])


def read_bonus(
    problem: AssignmentProblem,
    layout: Layout,
    remainder: Remainder,
    potential: NDArray[np.int64],
    bonus: int,
    first: int,
) -> Prices:
    """Return the prices behind potentials, and what each pair and each first pair is given.

    Parameters
    ----------
    problem, layout, remainder
        What the network was drawn from.
    potential : ndarray of int64, shape (n_nodes,)
        Potentials that prove a flow cheapest.
    bonus, first : int
        What was given.
    """
    shapes = [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    column, quota = layout.read_prices(potential, remainder.at_least, shapes)
    return Prices(column=column, quota=quota, bonus=bonus, first=first)
