"""All plans of pairs and slots as the flows of one network, where calendars are one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.faces import Face
from pairmatch.solvers.assignment.held.flow import improve_flow
from pairmatch.solvers.assignment.held.network import find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import Edges, Remainder, collect_edges, set_pins
from pairmatch.solvers.assignment.meetings.network import draw_slots
from pairmatch.solvers.assignment.meetings.settling import best_slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.meetings.classes import SlotClasses
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["gather_pairs", "open_slot_face", "seat_pairs"]

_MOST_ARCS = 3_000_000  # pairs in their classes of slots that one network holds


def gather_pairs(problem: AssignmentProblem) -> Edges:
    """Return every allowed pair of open rows, and the pins.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; pairs of negative gain are there under every objective.
    """
    edges = collect_edges(replace(problem, objective="coverage"), set_pins(problem))
    pins = problem.pins
    gain, _ = problem.gains.pairs(pins[:, 0], pins[:, 1])
    edges = edges.take(problem.capacity[edges.column] > 0)
    row, column = np.append(edges.row, pins[:, 0]), np.append(edges.column, pins[:, 1])
    order = np.lexsort((column, row))
    return Edges(row[order], column[order], np.append(edges.gain, gain)[order])


def open_slot_face(problem: AssignmentProblem, classes: SlotClasses) -> Face:
    """Return all plans of a problem whose calendars are a network, and one of most rows.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots, one a pair.
    classes : SlotClasses
        Their classes.

    Returns
    -------
    Face
        Its edges are pairs, each as often as it has classes of slots; pins are edges, too.

    Raises
    ------
    CapabilityError
        If there are too many of these.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    edges = gather_pairs(problem)
    drawing = draw_slots(problem, classes, edges, problem.capacity > 1)
    if len(drawing.pair) > _MOST_ARCS:
        wish = "tiers" if problem.tiers is not None else f"objective {problem.objective!r}"
        raise CapabilityError(
            f"{wish} together with Meetings looks at all pairs at all their times at once, at most "
            f"{_MOST_ARCS:,}, and here are {len(drawing.pair):,}; use objective 'worst_off', "
            "which can, or match schools or regions one by one with match_many()"
        )
    layout = drawing.layout
    remainder = Remainder(
        rows=np.arange(problem.n_rows),
        capacity=problem.capacity,
        at_least=problem.at_least,
        load=np.zeros(problem.n_columns, np.int64),
        room=(),
        demand=problem.demand,
        served=np.zeros(problem.n_rows, np.bool_),
    )
    each = edges.take(drawing.pair)
    likes, _ = best_slots(slots, classes, each.row, each.column, drawing.label)
    flow = find_cheapest_flow(layout.network, layout.spend(on_idle=1))
    free = replace(problem, pins=np.empty((0, 2), np.int64))
    return Face(free, remainder, each, layout, layout.network, flow, classes.point, likes)


def seat_pairs(
    problem: AssignmentProblem, classes: SlotClasses, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return slots of pairs that fit into a network of calendars, the most preferred ones.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots, one a pair.
    classes : SlotClasses
        Their classes.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs, sorted, that can all have a slot.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 1)
        -1 for pairs that take none.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    edges = Edges(pairs[:, 0], pairs[:, 1], np.zeros(len(pairs), np.int64))
    drawing = draw_slots(problem, classes, edges, np.ones(problem.n_columns, np.bool_))
    layout = drawing.layout
    likes, chosen = best_slots(
        slots, classes, edges.row[drawing.pair], edges.column[drawing.pair], drawing.label
    )
    flow = find_cheapest_flow(layout.network, layout.spend(on_idle=1))
    network = replace(layout.network, upper=layout.network.upper.copy())
    network.upper[layout.idle_arcs] = flow[layout.idle_arcs]
    _, flow = improve_flow(network, flow, layout.spend(on_pairs=-likes), layout)
    used = flow[layout.pair_arcs] > 0
    taken = np.full((len(pairs), 1), -1)
    taken[drawing.pair[used], 0] = chosen[used]
    return taken
