"""Whether an answer with slots in which rows have several columns holds, and how good it is.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs, slots nor prices.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.demands import certify_demand
from pairmatch.solvers.certify.meetings import (
    check_slot_prices,
    check_slots,
    find_least_payments,
    find_payments,
)
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Slots
    from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices

__all__ = ["bound_demand_slots", "certify_demand_slots"]

_CELLS = 2**20  # pairs at a time
_FAR = -(2**55)


def certify_demand_slots(
    problem: AssignmentProblem, solution: AssignmentSolution, *, deadline: float = math.inf
) -> Certificate:
    """Check an answer with slots and several columns a row, and bound every other answer.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked: "coverage" or "total" without tiers, with slots.
    solution : AssignmentSolution
        What was answered. Under "coverage" its ``steps`` are prices of rows that have a pair and
        of pairs.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more pairs of a streamed pool are looked at.

    Returns
    -------
    Certificate
        As of :func:`~pairmatch.solvers.certify.demands.certify_demand`.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if its prices are not of the right shape, sign and size.

    Notes
    -----
    Weak duality as there; a pair also pays the least that its slots cost, by the prices of minutes
    in the time of its column. The meetings of a row exclude each other, too: it cannot have more
    columns than it has time for, and beyond that this has no price, which only leaves the bound
    higher than it could be. Where gains are streamed and minutes cost nothing, the bound is that of
    all answers without slots.
    """
    slots = problem.slots
    if slots is None:
        raise ValueError("the problem has no slots")
    bare = replace(problem, slots=None)
    found = certify_demand(bare, replace(solution, prices=None, steps=(), slots=None))
    faults = check_slots(slots, solution)
    given = [*solution.steps, *([] if solution.prices is None else [solution.prices])]
    for each in given:
        faults += check_slot_prices(problem, each, "prices")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    if isinstance(problem.gains, StreamedGains) and all(each.time is None for each in given):
        return certify_demand(bare, replace(solution, slots=None), deadline=deadline)
    prices = solution.prices
    best = None if prices is None else _bound(problem, prices, worth=None)
    if problem.objective == "total":
        if prices is not None and (prices.bonus or prices.first):
            raise CertificateError("prices have a bonus though the number of pairs is free")
        return replace(found, bound=best)
    seats = found.seats or 0
    if solution.steps and not solution.steps[0].bonus and solution.steps[0].first == 1:
        most = _bound(problem, solution.steps[0], worth=0)
        found = replace(found, matched_bound=min(most, found.matched_bound or most))
    elif solution.steps and not solution.steps[0].bonus and not solution.steps[0].first:
        most = _bound(problem, replace(solution.steps[0], first=1), worth=0)
        found = replace(found, matched_bound=min(most, found.matched_bound or most))
    if len(solution.steps) > 1:
        step = solution.steps[1]
        step = step if step.bonus == 1 else replace(step, bonus=1)
        most = _bound(problem, step, worth=0) - step.first * found.matched
        found = replace(found, seats_bound=min(most, found.seats_bound or most))
    if best is not None and prices is not None:
        best -= prices.first * found.matched + prices.bonus * seats
    return replace(found, bound=best)


def bound_demand_slots(problem: AssignmentProblem, prices: Prices) -> int:
    """Return what no answer exceeds by some prices, the bonuses of its pairs and rows included.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots, without tiers and budgets.
    prices : Prices
        Prices of places and minutes, with any bonuses >= 0.

    Raises
    ------
    CertificateError
        If the prices are not of the right shape, sign and size.
    """
    faults = check_slot_prices(problem, prices, "prices")
    if not 0 <= prices.first < -_FAR // 4:
        faults.append(Fault("a bonus is negative or too large", "prices"))
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    return _bound(problem, prices, worth=None)


def _bound(problem: AssignmentProblem, prices: Prices, *, worth: int | None) -> int:
    """Return what no answer exceeds, bonuses included; every pair is worth its gain, or as said."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    n_rows, n_columns = problem.gains.shape
    pay = find_payments(problem.slots, prices)
    costly = np.zeros(n_columns, np.bool_) if pay is None else np.asarray(pay.any(axis=1))
    pinned, column = problem.pins[:, 0], problem.pins[:, 1]
    n_pinned = np.bincount(pinned, minlength=n_rows)
    lift = prices.scale * prices.first
    demand = np.minimum(problem.demand, np.maximum(_count_fitting(problem.slots), n_pinned))
    counts = np.where(prices.column >= 0, problem.capacity, problem.at_least)
    bound = sum(n * p for n, p in zip(counts.tolist(), prices.column.tolist(), strict=True))
    bound += 0 if prices.time is None else sum(prices.time.sum(axis=1).tolist())
    height = max(1, _CELLS // max(1, n_columns))
    for top in range(0, n_rows, height):
        rows = slice(top, min(n_rows, top + height))
        gain, allowed = problem.gains.block(rows, slice(0, n_columns))
        value = (gain if worth is None else np.full_like(gain, worth)) + prices.bonus
        profit = prices.scale * value - prices.column
        twin = problem.slots.twin[rows]
        asks = costly[None, :] | ((twin >= 0) & costly[np.maximum(twin, 0)])[:, None]
        i, j = np.nonzero(allowed & asks)
        profit[i, j] -= find_least_payments(problem.slots, pay, i + top, j)
        profit[~allowed] = _FAR
        here = (pinned >= rows.start) & (pinned < rows.stop)
        own = pinned[here] - top, column[here]
        bound += sum(profit[own].tolist())
        profit[own] = _FAR
        fresh = n_pinned[rows] == 0
        bound += lift * int(np.count_nonzero(~fresh))
        bound += _add_best(profit, (demand - n_pinned)[rows], np.where(fresh, lift, 0))
    return int(bound) // prices.scale


def _count_fitting(slots: Slots) -> NDArray[np.int64]:
    """Return how many columns each row has time for at most, whatever these are."""
    most = np.full(len(slots.row), np.iinfo(np.int64).max)
    if slots.open_column.any():
        return most
    n_fitting = np.zeros(len(slots.row), np.int64)
    ends = np.full(len(slots.row), np.iinfo(np.int64).min)
    for number, start in enumerate(slots.start.tolist()):  # whatever ends first leaves most
        fits = slots.row[:, number] & (ends <= start)
        n_fitting += fits
        ends[fits] = start + slots.minutes
    return np.where(slots.open_row, most, n_fitting // slots.per_week)


def _add_best(profit: NDArray[np.int64], left: NDArray[np.int64], lift: NDArray[np.int64]) -> int:
    """Add up the best profits of each row, as many as it may still have, the first with a lift."""
    most = min(int(left.max(initial=0)), profit.shape[1])
    if not most or not profit.size:
        return 0
    ranked = -np.partition(-profit, range(most), axis=1)[:, :most]
    ranked = np.where(np.arange(most) < left[:, None], ranked, _FAR)
    extra = np.maximum(ranked, 0)
    extra[:, 0] = np.maximum(ranked[:, 0] + lift, 0)
    return sum(extra.sum(axis=1).tolist())
