"""Whether an answer in which rows have several columns keeps every rule, and how good it is.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs nor prices.
"""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.budgets import check_budgets
from pairmatch.solvers.certify.demand_budgets import (
    bound_packed,
    charge_places,
    check_packed_prices,
)
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Certificate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Prices

__all__ = ["bound_demand", "certify_demand"]

_CELLS = 2**20  # pairs at a time
_LIMIT = 2**55  # of prices, so that a row's sum over its columns stays within 64 bits


def certify_demand(
    problem: AssignmentProblem, solution: AssignmentSolution, *, deadline: float = math.inf
) -> Certificate:
    """Check an answer pair by pair and bound every other answer from its prices.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked: "coverage" or "total", without tiers and budgets.
    solution : AssignmentSolution
        What was answered. Under "coverage" its ``steps`` are prices of rows that have a pair and
        of pairs.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more pairs are looked at: bounds that would need them
        are missing, or those that need no look.

    Returns
    -------
    Certificate
        ``matched`` counts the rows that have a pair, ``seats`` the pairs. Under "coverage"
        ``matched_bound`` holds for all answers, ``seats_bound`` for those that match as many rows,
        and ``bound`` for those that have as many pairs as well.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if its prices are not of the right shape, sign and size.

    Notes
    -----
    Weak duality: a row with demand d can make no more of prices v than its d best profits
    ``gain_ij + bonus - v_j``, only those above 0 but for the first, which brings ``first`` on top.
    All else as in :func:`~pairmatch.solvers.certify.certify_assignment`. One pass over all pairs
    for each set of prices, O(block) memory. Within budgets the bound is that of all answers
    without, or, by prices of rows, that of :func:`.bound_packed`.
    """
    pairs = np.asarray(solution.pairs)
    n_rows, n_columns = problem.gains.shape
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise CertificateError("pairs must be integers of shape (n, 2)")
    if ((pairs < 0) | (pairs >= (n_rows, n_columns))).any():
        raise CertificateError(f"there are {n_rows} rows and {n_columns} columns")
    gain, allowed = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    faults = _check_pairs(problem, pairs, allowed)
    named = [(f"prices of step {k}", prices) for k, prices in enumerate(solution.steps)]
    if solution.prices is not None:
        named.append(("prices", solution.prices))
    for where, prices in named:
        faults += _check_prices(problem, prices, where)
    if faults:
        raise CertificateError("the answer does not survive its check", faults)

    total, seats, matched = sum(gain.tolist()), len(pairs), len(np.unique(pairs[:, 0]))
    best = None
    if solution.prices is not None:
        best = _bound(problem, solution.prices, worth=None, deadline=deadline)
    if problem.objective == "total":
        if solution.prices is not None and (solution.prices.bonus or solution.prices.first):
            raise CertificateError("prices have a bonus though the number of pairs is free")
        return Certificate(total, best, matched, None, seats=seats, seats_bound=None)
    if problem.objective != "coverage" or problem.tiers is not None:
        raise CertificateError("several columns a row are certified under coverage and total only")
    matched_bound, seats_bound = n_rows, int(np.minimum(problem.capacity, n_rows).sum())
    seats_bound = min(seats_bound, int(problem.demand.sum()))
    if solution.steps:
        prices = solution.steps[0]
        found = _bound(problem, prices, worth=0, deadline=deadline)
        if found is not None and prices.bonus == 0 and prices.first == 1:
            matched_bound = min(matched_bound, found)
    if len(solution.steps) > 1:
        prices = solution.steps[1]
        found = _bound(problem, prices, worth=0, deadline=deadline)
        if found is not None and prices.bonus == 1:
            seats_bound = min(seats_bound, found - prices.first * matched)
    bound = None
    if best is not None and solution.prices is not None:
        bound = best - solution.prices.first * matched - solution.prices.bonus * seats
    return Certificate(total, bound, matched, matched_bound, seats=seats, seats_bound=seats_bound)


def bound_demand(problem: AssignmentProblem, prices: Prices) -> int:
    """Return what no answer exceeds by some prices, the bonuses of its pairs and rows included.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem without tiers, budgets and slots.
    prices : Prices
        Prices of places and quotas, with any bonuses.

    Raises
    ------
    CertificateError
        If the prices are not of the right shape, sign and size.
    """
    faults = _check_prices(problem, prices, "prices")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    found = _bound(problem, prices, worth=None, deadline=math.inf)
    assert found is not None  # noqa: S101 - there is no deadline
    return found


def _check_pairs(
    problem: AssignmentProblem, pairs: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> list[Fault]:
    """Check single pairs, demands, pins, loads and quotas."""
    faults = [
        Fault("this pair is not allowed", f"row {i}, column {j}")
        for i, j in pairs[~allowed].tolist()
    ]
    code = pairs[:, 0] * problem.n_columns + pairs[:, 1]
    listed, times = np.unique(code, return_counts=True)
    faults += [
        Fault("this pair is there twice", f"row {k // problem.n_columns}")
        for k in listed[times > 1].tolist()
    ]
    count = np.bincount(pairs[:, 0], minlength=problem.n_rows)
    faults += [
        Fault(f"is in {count[i]} pairs, expected at most {problem.demand[i]}", f"row {i}")
        for i in np.flatnonzero(count > problem.demand).tolist()
    ]
    pins = problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1]
    faults += [
        Fault("this pin is not kept", f"row {i}, column {j}")
        for i, j in problem.pins[~np.isin(pins, code)].tolist()
    ]
    load = np.bincount(pairs[:, 1], minlength=problem.n_columns)
    low, high = problem.at_least, problem.capacity
    faults += [
        Fault(f"has {load[j]} rows, expected {low[j]} to {high[j]}", f"column {j}")
        for j in np.flatnonzero((load > high) | (load < low)).tolist()
    ]
    for k, quota in enumerate(problem.quotas):
        label = quota.class_of[pairs[:, 0]]
        used = np.zeros((problem.n_columns, quota.n_classes), np.int64)
        np.add.at(used, (pairs[label >= 0, 1], label[label >= 0]), 1)
        faults += [
            Fault(f"has {used[j, c]} rows of class {c}, expected at most {quota.at_most}",
                  f"column {j}, quota {k}")
            for j, c in np.argwhere(used > quota.at_most).tolist()
        ]  # fmt: skip
    return faults + check_budgets(problem, pairs)


def _check_prices(problem: AssignmentProblem, prices: Prices, where: str) -> list[Fault]:
    """Check that prices have the shapes, signs and sizes that a bound may be made of."""
    if problem.budgets and prices.row is not None:
        return check_packed_prices(problem, prices, where)
    wanted: list[tuple[int, ...]] = [(problem.n_columns,)]
    wanted += [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    given = [prices.column, *prices.quota]
    shapes = [np.shape(array) for array in given]
    if shapes != wanted or any(np.asarray(array).dtype.kind != "i" for array in given):
        return [Fault(f"expected integers of shapes {wanted}, found {shapes}", where)]
    sizes = [max(int(a.max(initial=0)), -int(a.min(initial=0))) for a in given]
    most = max(1, int(problem.demand.max(initial=1)))
    if (sum(sizes) + abs(prices.bonus) + abs(prices.first)) * most > _LIMIT:
        return [Fault("are too large to be added up exactly", where)]
    wrong = (prices.column < 0) & (problem.at_least == 0)
    faults = [
        Fault(f"price {prices.column[j]} is below 0 without a minimum load", f"{where}, column {j}")
        for j in np.flatnonzero(wrong).tolist()
    ]  # fmt: skip
    if any((array < 0).any() for array in prices.quota) or min(prices.bonus, prices.first) < 0:
        faults.append(Fault("a price of a quota, or a bonus, is negative", where))
    if prices.scale != 1 or prices.row is not None or prices.budget:
        faults.append(Fault("are of a kind that has no place here", where))
    return faults


def _bound(
    problem: AssignmentProblem, prices: Prices, *, worth: int | None, deadline: float
) -> int | None:
    """Return what no answer exceeds, bonuses included; every pair is worth its gain, or as said.

    None where that was not found out by the deadline.
    """
    if problem.budgets and prices.row is not None:
        return bound_packed(problem, prices, worth=worth)
    n_rows, n_columns = problem.gains.shape
    pinned, column = problem.pins[:, 0], problem.pins[:, 1]
    n_pinned = np.bincount(pinned, minlength=n_rows)
    bound = charge_places(problem, prices, worth=worth)
    height = max(1, _CELLS // max(1, n_columns))
    left = problem.demand - n_pinned

    def look(top: int) -> int | None:
        if monotonic() > deadline:
            return None
        rows = slice(top, min(n_rows, top + height))
        gain, allowed = problem.gains.block(rows, slice(0, n_columns))
        profit = (gain if worth is None else np.full_like(gain, worth)) + prices.bonus
        profit = profit - prices.column
        for quota, price in zip(problem.quotas, prices.quota, strict=True):
            if not price.size:
                continue
            label = quota.class_of[rows]
            profit -= np.where(label[:, None] >= 0, price.T[label], 0)
        here = (pinned >= rows.start) & (pinned < rows.stop)
        profit[~allowed] = -_LIMIT
        profit[pinned[here] - top, column[here]] = -_LIMIT
        return _add_best(profit, left[rows], prices.first, n_pinned[rows] == 0)

    parts = map_blocks(look, range(0, n_rows, height))
    found = [part for part in parts if part is not None]
    return int(bound) + sum(found) if len(found) == len(parts) else None


def _add_best(
    profit: NDArray[np.int64], left: NDArray[np.int64], first: int, fresh: NDArray[np.bool_]
) -> int:
    """Add up the best profits of each row, as many as it may still have, the first with a bonus."""
    if not profit.size:
        return 0
    most = min(int(left.max(initial=0)), profit.shape[1])
    ranked = -np.partition(-profit, range(most), axis=1)[:, :most] if most else profit[:, :0]
    ranked = np.where(np.arange(most) < left[:, None], ranked, -_LIMIT)
    extra = np.maximum(ranked, 0)
    if most:
        lead = ranked[:, 0] + np.where(fresh, first, 0)
        extra[:, 0] = np.maximum(lead, 0)
    return sum(extra.sum(axis=1).tolist())
