"""A valid plan in no time, for when the clock ends a solve before its first plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.remainder import price_no_quota
from pairmatch.solvers.certify.budgets import count_room
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["UNMET", "draft_plan", "take_better", "take_in_turn"]

UNMET = (
    "no plan that meets the minimum loads was found within the time limit; give more seconds, or "
    "lower at_least in Load"
)
"""What is said where nothing was found in time."""

_HELD = 2**20  # pairs that are computed at once


def draft_plan(problem: AssignmentProblem) -> AssignmentSolution:
    """Return a plan that keeps every rule, row by row, with prices that give a true bound.

    Parameters
    ----------
    problem : AssignmentProblem
        Any problem.

    Returns
    -------
    AssignmentSolution
        Each row takes the best pair that is still free; the prices are 0, so that the bound is
        the sum of what each row likes best.

    Raises
    ------
    CapabilityError
        If this plan does not meet the minimum loads.
    """
    room = problem.capacity.astype(np.int64)
    budgets = count_room(problem)
    quotas = [np.full((problem.n_columns, q.n_classes), q.at_most) for q in problem.quotas]
    labels = [q.class_of for q in problem.quotas]
    demand = problem.demand.astype(np.int64)
    pairs = [(int(i), int(j)) for i, j in problem.pins]
    taken_by: dict[int, list[int]] = {}

    def take(i: int, j: int) -> None:
        taken_by.setdefault(i, []).append(j)
        room[j] -= 1
        demand[i] -= 1
        for left, label in zip(quotas, labels, strict=True):
            if label[i] >= 0:
                left[j, label[i]] -= 1

    for i, j in pairs:
        take(i, j)
    # First what must be met, then whoever is left: columns below their minimum come first.
    asked = np.maximum(problem.at_least - (problem.capacity - room), 0)
    for _ in range(int(demand.max(initial=0))):
        for i, gain, allowed in _look(problem, np.flatnonzero(demand > 0)):
            free = allowed & (room > 0)
            free[taken_by.get(i, [])] = False
            for left, label in zip(quotas, labels, strict=True):
                if label[i] >= 0:
                    free &= left[:, label[i]] > 0
            for budget, left in zip(problem.budgets, budgets, strict=True):
                free &= budget.block(slice(i, i + 1), slice(0, problem.n_columns))[0] <= left
            urgent = free & (asked > 0)
            if problem.objective == "total" and not urgent.any():
                free &= gain >= 0
            if urgent.any():
                free = urgent
            if not free.any():
                continue
            j = int(np.where(free, gain, np.iinfo(np.int64).min).argmax())
            pairs.append((i, j))
            take(i, j)
            asked[j] = max(0, asked[j] - 1)
            for budget, left in zip(problem.budgets, budgets, strict=True):
                left[j] -= budget.pairs(np.array([i]), np.array([j]))[0]
    if asked.any():
        raise CapabilityError(UNMET)
    column = np.zeros(problem.n_columns, np.int64)
    quota = price_no_quota(problem)
    listed = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return AssignmentSolution(
        listed, Prices(column, quota), Status.TIME_LIMIT, "first come first served"
    )


def take_better(
    problem: AssignmentProblem, known: AssignmentSolution, draft: AssignmentSolution
) -> AssignmentSolution:
    """Return the known plan, or that of the draft if it is better, with the known prices.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem; of a fair objective or tiers only coverage and total are looked at.
    known, draft : AssignmentSolution
        Two plans.
    """

    def rate(solution: AssignmentSolution) -> tuple[int, ...]:
        rows, columns = solution.pairs[:, 0], solution.pairs[:, 1]
        total = int(problem.gains.pairs(rows, columns)[0].sum())
        if problem.objective == "total":
            return (total,)
        return len(np.unique(rows)), len(rows), total

    if rate(known) >= rate(draft):
        return known
    return replace(known, pairs=draft.pairs, solver=f"{known.solver}, then {draft.solver}")


def take_in_turn(
    problem: AssignmentProblem, remainder: Remainder, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the pairs of a list for which there is still room, one after the other.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem without budgets.
    remainder : Remainder
        What its pins leave.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Allowed pairs that are not pinned, the first come first.
    """
    room = [left.copy() for left in remainder.room]
    labels = [quota.class_of for quota in problem.quotas]
    places = remainder.capacity.copy()
    wanted = np.zeros(problem.n_rows, np.int64)
    wanted[remainder.rows] = remainder.demand
    taken: set[tuple[int, int]] = set()
    for i, j in pairs.tolist():
        if wanted[i] <= 0 or places[j] <= 0 or (i, j) in taken:
            continue
        cells = [(k, int(label[i])) for k, label in enumerate(labels) if label[i] >= 0]
        if any(room[k][j, c] <= 0 for k, c in cells):
            continue
        wanted[i] -= 1
        places[j] -= 1
        for k, c in cells:
            room[k][j, c] -= 1
        taken.add((i, j))
    return np.array(list(taken), np.int64).reshape(-1, 2)


def _look(
    problem: AssignmentProblem, rows: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.bool_]]]:
    """Yield rows, each with gains and "is allowed"; many are computed at once."""
    n_at_once = max(1, _HELD // max(1, problem.n_columns))
    for start in range(0, problem.n_rows, n_at_once):
        stop = min(start + n_at_once, problem.n_rows)
        some = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)].tolist()
        if not some:
            continue
        gain, allowed = problem.gains.block(slice(start, stop), slice(0, problem.n_columns))
        for i in some:
            yield i, gain[i - start], allowed[i - start]
