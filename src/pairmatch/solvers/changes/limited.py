"""The best plan that keeps a number of pairs which no price singles out: an integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.assignment.held.program import maximise
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.watch import Watch
from pairmatch.solvers.assignment.meetings.conflicts import read_slots
from pairmatch.solvers.assignment.meetings.program import draw_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_between"]

_SECONDS = 30.0
_NODES = 100_000
_MOST_EDGES = 2**18


def solve_between(
    problem: AssignmentProblem,
    gain: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    column_of: NDArray[np.int64],
    n_kept: int,
    start: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None] | None:
    """Return the best plan that is found among those that keep enough pairs.

    Parameters
    ----------
    problem : AssignmentProblem
        Loads, pins, quotas, budgets and slots.
    gain, allowed : ndarray, shape (n_rows, n_columns)
        Its gains, and which pairs may be formed.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were, -1 for none.
    n_kept : int
        How many of these must stay, at least.
    start : ndarray of int64, shape (n_pairs, 2), or None
        A plan that keeps enough, if there is one.

    Returns
    -------
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs, sorted. None instead of both if nothing better than the start is found.
    slots : ndarray of int64, shape (n_pairs, per_week), or None
        Their slots, where they take some.

    Notes
    -----
    Branch and cut by HiGHS, first for the number of pairs and then for their gains, 30 seconds
    each at most. Above 262,144 pairs nothing is looked for.
    """
    row, column = np.nonzero(allowed)
    if len(row) > _MOST_EDGES:
        return None
    pinned = np.isin(row, problem.pins[:, 0])
    is_pin = np.isin(row * problem.n_columns + column, problem.pins @ [problem.n_columns, 1])
    row, column = row[~pinned | is_pin], column[~pinned | is_pin]
    was = column_of[row] == column
    worth = gain[row, column]
    found: NDArray[Any] | None = None
    slots = None
    if problem.slots is not None:
        found, slots = _place(problem, Edges(row, column, worth), was, n_kept)
    else:
        found = _choose(problem, row, column, worth, was, n_kept)
    if found is None:
        return None
    pairs = np.stack([row[found], column[found]], axis=1)
    if start is None:
        return pairs, slots
    better = _rate(problem, gain, pairs) > _rate(problem, gain, start)
    return (pairs, slots) if better else None


def _rate(
    problem: AssignmentProblem, gain: NDArray[np.int64], pairs: NDArray[np.int64]
) -> tuple[int, ...]:
    """Return what is compared of two plans, first things first."""
    rows, columns = pairs[:, 0], pairs[:, 1]
    number = len(pairs) if problem.objective == "coverage" else 0
    counts: list[int] = []
    if isinstance(problem.tiers, np.ndarray):
        n_tiers = int(problem.tiers.max(initial=0)) + 1
        counts = np.bincount(problem.tiers[rows, columns], minlength=n_tiers).tolist()
    return (number, *counts, int(gain[rows, columns].sum()))


def _choose(
    problem: AssignmentProblem,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    worth: NDArray[np.int64],
    was: NDArray[np.bool_],
    n_kept: int,
) -> NDArray[np.bool_] | None:
    """Return which of some pairs are best, or None if nothing was found."""
    limits = [*_limits(problem, row, column), (was.astype(np.float64)[None, :], n_kept, np.inf)]
    fixed = np.isin(row, problem.pins[:, 0]).astype(np.float64)
    goals = [np.ones(len(row))] if problem.objective == "coverage" else []
    if isinstance(problem.tiers, np.ndarray):
        tier = problem.tiers[row, column]
        goals += [(tier == own).astype(np.float64) for own in np.unique(tier).tolist()]
    for goal in goals:
        most = _solve(goal, limits, fixed)
        if most is None:
            return None
        limits.append((goal[None, :], int(goal @ most), np.inf))
    return _solve(worth.astype(np.float64), limits, fixed)


def _place(
    problem: AssignmentProblem, edges: Edges, was: NDArray[np.bool_], n_kept: int
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Return which of some pairs are best together with their slots, and these."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    joint = draw_program(problem, edges)
    if joint.n_variables > _MOST_EDGES:
        return None, None
    program = joint.program().demand(joint.spread(was.astype(np.int64)), n_kept)
    number, gain = joint.spread(np.ones(len(edges), np.int64)), joint.spread(edges.gain)
    best = None
    for goal in [number, gain] if problem.objective == "coverage" else [gain]:
        found, _ = maximise(program, goal, _NODES, Watch(_SECONDS))
        best = best if found is None else found
        if found is None:
            break
        program = program.demand(goal, float(goal @ found))
    if best is None:
        return None, None
    chosen = np.flatnonzero(best[: len(edges)] > 0)
    return chosen, read_slots(joint, best, chosen, problem.slots.per_week)


def _limits(
    problem: AssignmentProblem, row: NDArray[np.int64], column: NDArray[np.int64]
) -> list[tuple[Any, Any, Any]]:
    """Return what the chosen pairs must keep: matrix, least, most."""
    from scipy.sparse import csr_array

    n = len(row)
    each = np.arange(n)
    ones = np.ones(n)
    limits: list[tuple[Any, Any, Any]] = [
        (csr_array((ones, (row, each)), shape=(problem.n_rows, n)), 0, 1),
        (
            csr_array((ones, (column, each)), shape=(problem.n_columns, n)),
            problem.at_least,
            problem.capacity,
        ),
    ]
    for quota in problem.quotas:
        label = quota.class_of[row]
        counted = np.flatnonzero(label >= 0)
        place = column[counted] * quota.n_classes + label[counted]
        shape = problem.n_columns * max(1, quota.n_classes), n
        counts = csr_array((np.ones(len(counted)), (place, counted)), shape=shape)
        limits.append((counts, 0, quota.at_most))
    for budget in problem.budgets:
        use = budget.pairs(row, column).astype(np.float64)
        spent = csr_array((use, (column, each)), shape=(problem.n_columns, n))
        limits.append((spent, 0, budget.limit))
    return limits


def _solve(
    worth: NDArray[np.float64], limits: list[tuple[Any, Any, Any]], fixed: NDArray[np.float64]
) -> NDArray[np.bool_] | None:
    """Return which pairs are chosen, or None if nothing was found."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        -worth,
        integrality=np.ones(len(worth), np.int64),
        bounds=Bounds(fixed, np.ones(len(worth))),
        constraints=[LinearConstraint(*limit) for limit in limits],
        options={"time_limit": _SECONDS, "mip_rel_gap": 0.0},
    )
    return None if found.x is None else np.asarray(found.x > 0.5)
