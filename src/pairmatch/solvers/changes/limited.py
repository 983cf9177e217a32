"""The best plan that keeps a number of pairs which no price singles out: an integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.program import IntegerProgram, list_rows, maximise
from pairmatch.solvers.assignment.held.remainder import Edges, set_pins
from pairmatch.solvers.assignment.meetings.conflicts import read_slots
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.changes.earlier import count_kept, was_there
from pairmatch.solvers.changes.rating import rate_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_between"]

_NODES = 5_000
_MOST_EDGES = 2**18


def solve_between(
    problem: AssignmentProblem,
    gain: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    column_of: NDArray[np.int64],
    n_kept: int,
    start: NDArray[np.int64] | None,
    watch: Watch,
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None] | None:
    """Return the best plan that is found among those that keep enough pairs.

    Parameters
    ----------
    problem : AssignmentProblem
        Loads, pins, quotas, budgets and slots.
    gain, allowed : ndarray, shape (n_rows, n_columns)
        Its gains, and which pairs may be formed.
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were, -1 for none.
    n_kept : int
        How many of these must stay, at least.
    start : ndarray of int64, shape (n_pairs, 2), or None
        A plan that keeps enough, if there is one.
    watch : Watch
        The clock.

    Returns
    -------
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs, sorted. None instead of both if nothing better than the start is found.
    slots : ndarray of int64, shape (n_pairs, per_week), or None
        Their slots, where they take some.

    Notes
    -----
    Branch and cut by HiGHS, first for the number of pairs and then for their gains, 5,000 nodes
    each at most, so that every machine finds the same. Above 262,144 pairs nothing is looked for.
    """
    row, column = np.nonzero(allowed)
    if len(row) > _MOST_EDGES:
        return None
    edges = Edges(row, column, gain[row, column])
    search = _choose if problem.slots is None else _place
    found = search(problem, edges, column_of, n_kept, watch)
    if found is None or start is None:
        return found
    return found if rate_plan(problem, found[0]) > rate_plan(problem, start) else None


def _choose(
    problem: AssignmentProblem,
    edges: Edges,
    column_of: NDArray[np.int64],
    n_kept: int,
    watch: Watch,
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None] | None:
    """Return the best pairs among some, or None if nothing was found."""
    remainder = set_pins(problem)
    edges = edges.take(np.isin(edges.row, remainder.rows))
    due = np.flatnonzero(remainder.at_least)
    if not np.isin(due, edges.column).all():
        return None
    program = IntegerProgram.of(list(list_rows(problem, remainder, edges)), len(edges))
    was = was_there(column_of, edges.row, edges.column).astype(np.int64)
    program = program.demand(was, n_kept - count_kept(column_of, problem.pins))
    goals = [np.ones(len(edges), np.int64)] if problem.objective == "coverage" else []
    if isinstance(problem.tiers, np.ndarray):
        tier = problem.tiers[edges.row, edges.column]
        goals += [(tier == own).astype(np.int64) for own in np.unique(tier).tolist()]
    best = _climb(program, [*goals, edges.gain], watch)
    if best is None:
        return None
    chosen = np.flatnonzero(best > 0)
    own = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    pairs = np.concatenate([problem.pins, own])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], None


def _climb(
    program: IntegerProgram, goals: list[NDArray[np.int64]], watch: Watch
) -> NDArray[np.int64] | None:
    """Return variables that are best by one goal after the other, None if there are none."""
    best = None
    for goal in goals:
        found, _ = maximise(program, goal, _NODES, watch)
        if found is None:
            break
        best = found
        program = program.demand(goal, float(goal @ found))
    return best


def _place(
    problem: AssignmentProblem,
    edges: Edges,
    column_of: NDArray[np.int64],
    n_kept: int,
    watch: Watch,
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None] | None:
    """Return the best pairs among some together with their slots, or None if nothing was found."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    pins = problem.pins @ [problem.n_columns, 1]
    pinned = np.isin(edges.row, problem.pins[:, 0])
    edges = edges.take(~pinned | np.isin(edges.row * problem.n_columns + edges.column, pins))
    joint = draw_program(problem, edges)
    if joint.n_variables > _MOST_EDGES:
        return None
    was = was_there(column_of, edges.row, edges.column).astype(np.int64)
    program = joint.program().demand(joint.spread(was), n_kept)
    number, gain = joint.spread(np.ones(len(edges), np.int64)), joint.spread(edges.gain)
    goals = [number, gain] if problem.objective == "coverage" else [gain]
    best = _climb(program, goals, watch)
    if best is None:
        return None
    chosen = np.flatnonzero(best[: len(edges)] > 0)
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    return pairs, read_slots(joint, best, chosen, problem.slots.per_week)
