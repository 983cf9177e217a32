"""The best plan that keeps a number of pairs which no price singles out: an integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_between"]

_SECONDS = 30.0
_MOST_EDGES = 2**18


def solve_between(
    problem: AssignmentProblem,
    gain: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    column_of: NDArray[np.int64],
    n_kept: int,
    start: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the best plan that is found among those that keep enough pairs.

    Parameters
    ----------
    problem : AssignmentProblem
        Loads, pins, quotas and budgets.
    gain, allowed : ndarray, shape (n_rows, n_columns)
        Its gains, and which pairs may be formed.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were, -1 for none.
    n_kept : int
        How many of these must stay, at least.
    start : ndarray of int64, shape (n_pairs, 2)
        A plan that keeps enough; returned if nothing better is found.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2)
        The pairs, sorted.

    Notes
    -----
    Branch and cut by HiGHS, first for the number of pairs and then for their gains, 30 seconds
    each at most. Above 262,144 pairs the start is returned.
    """
    row, column = np.nonzero(allowed)
    if len(row) > _MOST_EDGES:
        return start
    was = (column_of[row] == column).astype(np.float64)
    limits = [*_limits(problem, row, column), (was[None, :], n_kept, np.inf)]
    fixed = np.zeros(len(row))
    pins = {tuple(pin) for pin in problem.pins.tolist()}
    for k, pair in enumerate(zip(row.tolist(), column.tolist(), strict=True)):
        fixed[k] = pair in pins
    best = start
    if problem.objective == "coverage":
        most = _solve(np.ones(len(row)), limits, fixed)
        if most is None or most.sum() < len(start):
            return start
        limits.append((np.ones((1, len(row))), int(most.sum()), np.inf))
    worth = gain[row, column].astype(np.float64)
    found = _solve(worth, limits, fixed)
    if found is not None:
        pairs = np.stack([row[found], column[found]], axis=1)
        old = gain[start[:, 0], start[:, 1]].sum()
        new = gain[pairs[:, 0], pairs[:, 1]].sum()
        covers = problem.objective == "coverage"
        if (covers and len(pairs) > len(start)) or (
            new > old and len(pairs) >= covers * len(start)
        ):
            best = pairs
    return best


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
