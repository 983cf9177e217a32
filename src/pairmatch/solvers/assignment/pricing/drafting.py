"""A valid plan of a large pool in no time, for when the clock ends a solve before its first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.draft import UNMET
from pairmatch.solvers.assignment.held.remainder import set_pins
from pairmatch.solvers.assignment.pricing.completing import complete_plan
from pairmatch.solvers.assignment.pricing.filling import meet_all_loads
from pairmatch.solvers.assignment.pricing.parting import split_pool, take_part
from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Gains

    Part = tuple[NDArray[np.int64], NDArray[np.int64], Gains]

__all__ = ["draft_in_blocks"]


def draft_in_blocks(
    problem: AssignmentProblem,
    deadline: float = math.inf,
    check: Callable[[], None] = lambda: None,
    *,
    known: NDArray[np.int64] | None = None,
) -> AssignmentSolution:
    """Return a plan that keeps every rule, with prices that give a true bound.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem without quotas, budgets and slots.
    deadline : float, optional
        When, by :func:`time.monotonic`, rows take any place that is free.
    check : callable, optional
        Called while minimum loads are met; it may raise.
    known : ndarray of int64, shape (n_known, 2), optional
        Pairs to begin with, which meet the minimum loads; none of them is pinned.

    Returns
    -------
    AssignmentSolution
        One column a row at a time; the prices are 0, so that the bound is the sum of what each row
        likes best.

    Raises
    ------
    CapabilityError
        If one column a row does not meet the minimum loads.
    LoadConflict
        If nothing does.
    """
    left = set_pins(problem)
    parts: list[Part] = [
        (rows, columns, take_part(problem.gains, rows, columns))
        for rows, columns in split_pool(problem.gains, left.rows, left.capacity)
    ]
    demand = np.zeros(problem.n_rows, np.int64)
    demand[left.rows] = left.demand
    places = left.capacity.copy()
    found = problem.pins.astype(np.int64).reshape(-1, 2)

    def seat(pairs: NDArray[np.int64]) -> None:
        nonlocal found
        code = pairs[:, 0] * problem.n_columns + pairs[:, 1]
        pairs = pairs[~np.isin(code, found[:, 0] * problem.n_columns + found[:, 1])]
        np.subtract.at(demand, pairs[:, 0], 1)
        np.subtract.at(places, pairs[:, 1], 1)
        found = np.concatenate([found, pairs])

    if known is not None:
        seat(known)
    elif left.at_least.any():
        for (rows, columns, _), pairs in zip(
            parts,
            meet_all_loads(problem, left.at_least, parts, check, hurried=True),
            strict=True,
        ):
            seat(np.column_stack([rows[pairs[:, 0]], columns[pairs[:, 1]]]))
    load = np.bincount(found[:, 1], minlength=problem.n_columns)
    if (load < problem.at_least).any():
        raise CapabilityError(UNMET)
    while demand.any():
        before = len(found)
        for rows, columns, gains in parts:
            some, free = np.flatnonzero(demand[rows] > 0), np.flatnonzero(places[columns] > 0)
            if not len(some) or not len(free):
                continue
            pairs = complete_plan(
                take_gains(gains, some, free), places[columns[free]], np.zeros(len(free), np.int64),
                np.empty((0, 2), np.int64), deadline, coverage=problem.objective != "total",
            )  # fmt: skip
            seat(np.column_stack([rows[some[pairs[:, 0]]], columns[free[pairs[:, 1]]]]))
        if len(found) == before:
            break
    prices = Prices(np.zeros(problem.n_columns, np.int64))
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    return AssignmentSolution(found, prices, Status.TIME_LIMIT, "first come first served")
