"""Whether an answer with slots of time holds, and how good any answer with slots can be.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs, slots nor prices.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.meeting_streams import can_stream, stream_profits
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Slots

__all__ = [
    "bound_matched_in_time",
    "certify_slots",
    "check_slot_prices",
    "check_slots",
    "find_least_payments",
    "find_payments",
]

_HEIGHT, _WIDTH = 256, 2048
_AT_ONCE = 2**22
_DEAR = 2**55  # more than any price, and 50 of them still fit
_FAR = -(2**61)


def certify_slots(problem: AssignmentProblem, solution: AssignmentSolution) -> Certificate:
    """Check an answer with slots, pair by pair and person by person, and bound every other one.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked, with slots; objective "coverage" or "total" without tiers.
    solution : AssignmentSolution
        What was answered, by whatever means.

    Returns
    -------
    Certificate
        As of :func:`~pairmatch.solvers.certify.certify_assignment`.

    Raises
    ------
    CertificateError
        If a pair is not allowed, a load is missed, somebody takes two slots that overlap or a slot
        that is not free, or if prices are not of the right shape, sign and size.

    Notes
    -----
    Weak duality: with prices v of places and y >= 0 of minutes in the time of each column, no
    answer is worth more than

    ``sum_i max(0, max_j [gain_ij + bonus - v_j - k min_t pay_ijt])
    + sum_j (capacity_j max(v_j, 0) - at_least_j max(-v_j, 0)) + sum_jq y_jq``

    where a pair takes k slots, t runs over the slots that both can take, and ``pay_ijt`` is the sum
    of the prices ``y_jq`` of the minutes q that slot t covers, plus those in the time of i where i
    is a column as well: at no minute does anybody have two meetings. A pinned row counts with its
    pin, whatever that leaves. Quotas, budgets and ways between places only lower what can be
    reached, so the bound holds with them, too. One pass over all pairs; the slots of a pair are
    looked at only where the pair would be best if it took no time.
    """
    slots = problem.slots
    if slots is None:
        raise ValueError("the problem has no slots")
    bare = replace(problem, slots=None, objective="total")
    certify_assignment(bare, replace(solution, prices=None, slots=None))
    faults = check_slots(slots, solution)
    prices = solution.prices
    if prices is not None:
        faults += check_slot_prices(problem, prices, "prices")
        if prices.coverage is not None:
            faults += check_slot_prices(problem, prices.coverage, "prices of coverage")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    gain, _ = problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])
    total, matched = int(gain.sum()), len(solution.pairs)
    none = Prices(np.zeros(problem.n_columns, np.int64))
    if problem.objective == "total":
        bound = None if prices is None else _sweep(problem, solution, [(prices, False)])[0]
        return Certificate(total, bound, matched, matched_bound=None)
    asked: list[tuple[Prices, bool]] = []
    if prices is not None:
        asked = [(prices, False), (prices.coverage or none, True)]
    found = _sweep(problem, solution, asked)
    matched_bound = min(problem.n_rows, int(problem.capacity.sum()), *found[1:])
    if matched < matched_bound:  # prices that prove nothing are no reason to claim it
        matched_bound = min(matched_bound, *_sweep(problem, solution, [(none, True)]))
    if prices is None:
        return Certificate(total, None, matched, matched_bound)
    bound = found[0] - prices.bonus * matched
    if bound > total:  # with few rows the bonus says little
        bound = min(bound, *_sweep(problem, solution, [(none, False)]))
    return Certificate(total, bound, matched, matched_bound)


def bound_matched_in_time(problem: AssignmentProblem, cover: Prices) -> int:
    """Return how many rows any plan can match at most, with every pair worth 1.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots; whether any plan keeps its minimum loads is not known.
    cover : Prices
        Prices of places and of minutes.

    Raises
    ------
    CertificateError
        If the prices are not of the right shape, sign and size.
    """
    faults = check_slot_prices(problem, cover, "prices of coverage")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    nobody = AssignmentSolution(np.empty((0, 2), np.int64), None, Status.FEASIBLE, "")
    return _sweep(problem, nobody, [(cover, True)])[0]


def check_slots(slots: Slots, solution: AssignmentSolution) -> list[Fault]:
    """Check that every pair has its slots, and nobody two that clash."""
    taken = solution.slots
    shape = len(solution.pairs), slots.per_week
    if taken is None or taken.shape != shape or taken.dtype.kind not in "iu":
        return [Fault(f"slots must be integers of shape {shape}")]
    faults = []
    calendar: dict[int, list[int]] = defaultdict(list)
    for (row, column), own in zip(solution.pairs.tolist(), taken.tolist(), strict=True):
        where = f"row {row}, column {column}"
        if slots.open_row[row] or slots.open_column[column]:
            if any(slot != -1 for slot in own):
                faults.append(Fault("takes a slot though none is known to be free", where))
            continue
        person = int(slots.twin[row]) if slots.twin[row] >= 0 else len(slots.column) + row
        for slot in own:
            if not 0 <= slot < slots.n_slots:
                faults.append(Fault(f"takes slot {slot} of {slots.n_slots}", where))
            elif not (slots.row[row, slot] and slots.column[column, slot]):
                faults.append(Fault(f"slot {slot} is not free for both", where))
            else:
                calendar[person].append(slot)
                calendar[column].append(slot)
    for person, own in calendar.items():
        own.sort()
        for k, a in enumerate(own):
            for b in own[k + 1 :]:
                if _clash(slots, a, b):
                    side = f"column {person}"
                    if person >= len(slots.column):
                        side = f"row {person - len(slots.column)}"
                    faults.append(Fault(f"cannot take both slots {a} and {b}", side))
    return faults


def _clash(slots: Slots, a: int, b: int) -> bool:
    """Return whether slot b begins before somebody in slot a <= b can be there."""
    ready = int(slots.start[a]) + slots.minutes
    if slots.place is not None and slots.gap is not None:
        here, there = int(slots.place[a]), int(slots.place[b])
        if here >= 0 and there >= 0:
            ready += int(slots.gap[here, there])
    return int(slots.start[b]) < ready


def check_slot_prices(problem: AssignmentProblem, prices: Prices, where: str) -> list[Fault]:
    """Check that prices have the shapes, signs and sizes that a bound may be made of."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    shapes: list[tuple[int, ...]] = [(problem.n_columns,)]
    given = [prices.column]
    if prices.time is not None:
        shapes.append((problem.n_columns, problem.slots.n_slots))
        given.append(prices.time)
    found = [np.shape(array) for array in given]
    if found != shapes or any(np.asarray(array).dtype.kind != "i" for array in given):
        return [Fault(f"expected integers of shapes {shapes}, found {found}", where)]
    if prices.scale < 1 or prices.bonus < 0:
        return [Fault(f"have scale {prices.scale} and bonus {prices.bonus}", where)]
    faults = []
    sizes = [max(int(a.max(initial=0)), -int(a.min(initial=0))) for a in given]
    if sum(sizes) + prices.bonus * prices.scale > _DEAR // max(1, problem.slots.n_slots):
        faults.append(Fault("are too large to be added up exactly", where))
    if ((prices.column < 0) & (problem.at_least == 0)).any():
        faults.append(Fault("a place has a negative price without a minimum load", where))
    if prices.time is not None and (prices.time < 0).any():
        faults.append(Fault("a minute has a negative price", where))
    return faults


def find_payments(slots: Slots, prices: Prices) -> NDArray[np.int64] | None:
    """Return what each column asks for each slot: the prices of all minutes that it covers."""
    if prices.time is None or not prices.time.any():
        return None
    sums = np.concatenate(
        [np.zeros((len(prices.time), 1), np.int64), np.cumsum(prices.time, axis=1)], axis=1
    )
    first = np.searchsorted(slots.start, slots.start, "left")
    after = np.searchsorted(slots.start, slots.start + slots.minutes, "left")
    cost: NDArray[np.int64] = sums[:, after] - sums[:, first]
    return cost


def _sweep(
    problem: AssignmentProblem, solution: AssignmentSolution, asked: list[tuple[Prices, bool]]
) -> list[int]:
    """Look at every pair; return the bound of each set of prices, its bonus included."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    slots: Slots = problem.slots
    n_rows = problem.n_rows
    payments = [find_payments(slots, prices) for prices, _ in asked]
    profits: dict[int, NDArray[np.int64]] = {}
    for k, (prices, ones) in enumerate(asked):
        if can_stream(problem, prices, ones=ones):
            pay = partial(find_least_payments, slots, payments[k])
            profits[k] = stream_profits(
                problem, prices, solution.pairs, payments[k], pay, ones=ones
            )
    rest = [k for k in range(len(asked)) if k not in profits]
    stripes = [slice(top, min(top + _HEIGHT, n_rows)) for top in range(0, n_rows, _HEIGHT)]
    look = partial(_look, problem, [asked[k] for k in rest], [payments[k] for k in rest])
    parts = []
    if rest:
        parts = [look(s) for s in stripes] if len(stripes) < 8 else map_blocks(look, stripes)
    for at, k in enumerate(rest):
        profits[k] = np.concatenate([np.empty(0, np.int64), *(part[at] for part in parts)])
    bounds = []
    pinned = problem.pins
    for k, (prices, worth_one) in enumerate(asked):
        profit = profits[k]
        gain, _ = problem.gains.pairs(pinned[:, 0], pinned[:, 1])
        value = (np.ones_like(gain) if worth_one else gain) + prices.bonus
        profit[pinned[:, 0]] = prices.scale * value - prices.column[pinned[:, 1]]
        profit[pinned[:, 0]] -= find_least_payments(slots, payments[k], pinned[:, 0], pinned[:, 1])
        bound = sum(profit.tolist())
        column = prices.column
        places = np.where(column >= 0, problem.capacity, problem.at_least)
        bound += sum(int(n) * int(p) for n, p in zip(places, column, strict=True))
        if prices.time is not None:
            bound += sum(prices.time.sum(axis=1).tolist())
        bounds.append(bound // prices.scale)
    return bounds


def _look(
    problem: AssignmentProblem,
    asked: list[tuple[Prices, bool]],
    payments: list[NDArray[np.int64] | None],
    rows: slice,
) -> list[NDArray[np.int64]]:
    """Return the best profit of some rows under each set of prices, nothing below 0."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    best = [np.zeros(rows.stop - rows.start, np.int64) for _ in asked]
    for left in range(0, problem.n_columns, _WIDTH):
        columns = slice(left, min(left + _WIDTH, problem.n_columns))
        gain, allowed = problem.gains.block(rows, columns)
        absent = ~(allowed & (problem.capacity[columns] > 0))
        for k, (prices, worth_one) in enumerate(asked):
            worth = 1 if worth_one else gain
            base = prices.scale * (worth + prices.bonus) - prices.column[columns]
            base = np.where(absent, _FAR, base)
            pay = payments[k]
            if pay is None:
                np.maximum(best[k], base.max(axis=1), out=best[k])
                continue
            _refine(problem.slots, pay, base, best[k], rows.start, left)
    return best


def _refine(
    slots: Slots,
    pay: NDArray[np.int64],
    base: NDArray[np.int64],
    best: NDArray[np.int64],
    top: int,
    left: int,
) -> None:
    """Raise the best profits by those of a block; slots are looked at only where they matter."""
    twin = slots.twin[top : top + len(base)]
    costly = np.asarray(pay.any(axis=1))
    waits = (
        costly[left : left + base.shape[1]][None, :]
        | ((twin >= 0) & costly[np.maximum(twin, 0)])[:, None]
    )
    np.maximum(best, np.where(waits, _FAR, base).max(axis=1), out=best)
    line = np.arange(len(base))
    first = base.argmax(axis=1)
    value = base[line, first] - find_least_payments(slots, pay, line + top, first + left)
    np.maximum(best, value, out=best)
    row, column = np.nonzero(waits & (base > best[:, None]))
    value = base[row, column] - find_least_payments(slots, pay, row + top, column + left)
    np.maximum.at(best, row, value)


def find_least_payments(
    slots: Slots, pay: NDArray[np.int64] | None, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the least that pairs pay for their slots."""
    least = np.zeros(len(rows), np.int64)
    if pay is None:
        return least
    step = max(1, _AT_ONCE // max(1, slots.n_slots))
    for begin in range(0, len(rows), step):
        i, j = rows[begin : begin + step], columns[begin : begin + step]
        twin = slots.twin[i]
        asked = pay[j] + np.where((twin >= 0)[:, None], pay[np.maximum(twin, 0)], 0)
        joint = slots.row[i] & slots.column[j]
        cost = np.where(joint, asked, _DEAR).min(axis=1, initial=_DEAR)
        free = slots.open_row[i] | slots.open_column[j]
        least[begin : begin + step] = np.where(free, 0, cost * slots.per_week)
    return least
