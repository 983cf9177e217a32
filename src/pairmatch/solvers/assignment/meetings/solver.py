"""The best pairs together with their slots of time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.flow import find_safe_bonus
from pairmatch.solvers.assignment.held.network import NoFlowError
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.meetings.classes import find_classes
from pairmatch.solvers.assignment.meetings.conflicts import (
    assign_slots,
    solve_jointly,
)
from pairmatch.solvers.assignment.meetings.pins import check_pinned_slots
from pairmatch.solvers.assignment.meetings.rounds import MeetingRounds
from pairmatch.solvers.assignment.meetings.settling import best_slots, settle_meetings
from pairmatch.solvers.certify.meetings import certify_slots
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.meetings.classes import SlotClasses
    from pairmatch.solvers.assignment.meetings.prices import SlotPrices
    from pairmatch.solvers.problem import AssignmentProblem, Slots

    Solver = Callable[[AssignmentProblem], AssignmentSolution]

__all__ = ["is_network", "place_greedily", "solve_with_slots"]

_RAISE = 8  # factor of the bonus where coverage was not reached


def solve_with_slots(
    problem: AssignmentProblem, solve: Solver, *, time_limit: float | None = None
) -> AssignmentSolution:
    """Return the best plan of a problem with slots.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots, under "coverage" or "total" without tiers, one column a row.
    solve : callable
        Solves a problem without slots.
    time_limit : float, optional
        Seconds after which a search among calendars that are no network ends.

    Returns
    -------
    AssignmentSolution
        Pairs, their slots, and prices of places and minutes. OPTIMAL where these prove that no
        plan is better.

    Raises
    ------
    CapabilityError
        If there is no plan that meets the minimum loads within the time limit.
    LoadConflict
        If minimum loads and pins cannot be met together with the slots; PinConflict if the pins
        alone cannot.

    Notes
    -----
    Where the slots of every column are such that two of them either exclude each other or do not
    touch, and nobody else has two meetings, the joint choice is a minimum-cost flow: row, (column,
    class of slots) with room for one, column with its load. Few columns ever have two rows that
    want the same slot, so classes become nodes only where the rows chosen for a column have no
    system of distinct slots (P. Hall, "On representatives of subsets", 1935,
    https://doi.org/10.1112/jlms/s1-10.37.26), and pairs become arcs only where prices ask for
    them; a last sweep prices every pair. Elsewhere the flow asks for less than the rules do: its
    plan is taken if its pairs can be given slots that keep them all, and otherwise an integer
    program looks for the best plan, with the prices of its linear relaxation as a bound.
    """
    watch = Watch(time_limit)
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    check_pinned_slots(problem)
    first = solve(replace(problem, slots=None))
    status = first.status
    if status is not Status.INTERRUPTED:  # Ctrl-C ends all of it, not only the plan without slots
        try:
            return _continue(problem, first, watch)
        except OutOfTime:
            status = Status.TIME_LIMIT
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
    pairs, taken = place_greedily(problem, first.pairs)
    prices = first.prices
    if prices is not None:
        prices = Prices(prices.column, bonus=prices.bonus, scale=prices.scale)
    return AssignmentSolution(
        pairs, prices, status, f"{first.solver}, then slots one by one", slots=taken
    )


def _continue(
    problem: AssignmentProblem, first: AssignmentSolution, watch: Watch
) -> AssignmentSolution:
    """Return the best plan, from the best plan without slots."""
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    prices = first.prices
    classes = find_classes(slots)
    price = np.zeros(problem.n_columns, np.int64) if prices is None else prices.column
    if prices is not None and prices.scale > 1:
        price = price // prices.scale
    bonus = 0 if prices is None else prices.bonus
    rounds = MeetingRounds(problem, classes, price, first.pairs, bonus, watch)
    if problem.objective == "coverage" and not bonus:
        rounds.bonus = 1 + int(np.abs(rounds.edges.gain).max(initial=0))
    try:
        found, coverage = _climb(problem, rounds)
        pairs, labels = settle_meetings(rounds, found)
    except NoFlowError:
        raise _conflict(problem) from None
    _, chosen = best_slots(slots, classes, pairs[:, 0], pairs[:, 1], labels)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    plan = AssignmentSolution(
        pairs=pairs[order],
        prices=Prices(found.column, bonus=rounds.bonus, coverage=coverage, time=found.time),
        status=Status.OPTIMAL,
        solver=f"{first.solver}, then flow over slots",
        slots=chosen[order, None],
    )
    if is_network(problem, classes):
        return plan
    taken = assign_slots(problem, plan.pairs, watch)
    if taken is not None:
        plan = replace(plan, slots=taken)
        try:
            if certify_slots(problem, plan).proved:
                return plan
        except CertificateError:
            pass  # quotas or budgets, which the flow leaves out
    return _fall_back(problem, first, solve_jointly(problem, rounds, found, coverage, watch))


def _fall_back(
    problem: AssignmentProblem, first: AssignmentSolution, found: AssignmentSolution
) -> AssignmentSolution:
    """Return what a search has found, or pairs with slots one by one where these are worth more.

    A search that the clock or its nodes end may have found nobody at all.
    """
    if found.status is Status.OPTIMAL or problem.at_least.any():
        return found
    pairs, taken = place_greedily(problem, first.pairs)

    def rate(some: NDArray[np.int64]) -> tuple[int, ...]:
        total = int(problem.gains.pairs(some[:, 0], some[:, 1])[0].sum())
        return (total,) if problem.objective == "total" else (len(some), total)

    if rate(found.pairs) >= rate(pairs):
        return found
    return replace(found, pairs=pairs, slots=taken, solver=f"{found.solver}, then slots one by one")


def is_network(problem: AssignmentProblem, classes: SlotClasses) -> bool:
    """Return whether the flow asks for all that the rules do."""
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    simple = slots.per_week == 1 and slots.place is None and not problem.quotas
    twins = (slots.twin >= 0).any() or problem.budgets
    plain = classes.plain | (problem.capacity <= 1)
    return bool(simple and not twins and plain.all())


def _conflict(problem: AssignmentProblem) -> LoadConflict:
    """Return the error of minimum loads that the slots do not allow."""
    columns = np.flatnonzero(problem.at_least)
    return LoadConflict(columns, np.arange(problem.n_rows), problem.at_least.copy())


def _climb(problem: AssignmentProblem, rounds: MeetingRounds) -> tuple[SlotPrices, Prices | None]:
    """Return prices of a best plan, and those of coverage; raise the bonus where it is too low."""
    while True:
        found = rounds.improve()
        if problem.objective == "total":
            return found, None
        if len(rounds.chosen) == problem.n_rows:
            return found, Prices(np.zeros(problem.n_columns, np.int64))
        matched, cover = rounds.bound_coverage()
        if len(rounds.chosen) >= matched:
            return found, Prices(cover.column, time=cover.time)
        places = min(problem.n_rows, int(problem.capacity.sum()))
        most = find_safe_bonus(rounds.edges.gain, places)
        if rounds.bonus >= most:
            raise ArithmeticError("no bonus makes the plan match as many as possible")
        rounds.bonus = min(most, rounds.bonus * _RAISE)


def place_greedily(
    problem: AssignmentProblem, pairs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pins, those of some other pairs that find slots one by one, and these slots.

    For when the time is over; in order of the pairs. Pins get theirs together, so that none is
    left without.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    if problem.at_least.any():
        raise CapabilityError(
            "the time was over before there was a plan that meets the minimum loads and has times "
            "to meet; allow more time, or leave out the minimum loads"
        )
    pins = problem.pins
    code = problem.n_columns * pairs[:, 0] + pairs[:, 1]
    pairs = pairs[~np.isin(code, problem.n_columns * pins[:, 0] + pins[:, 1])]
    given = assign_slots(problem, pins) if len(pins) else np.empty((0, slots.per_week), np.int64)
    if given is None:
        raise CapabilityError(
            "the time was over before the pinned pairs had times to meet; allow more time"
        )
    calendar: dict[int, list[int]] = {}
    kept, taken = [tuple(pin) for pin in pins.tolist()], given.tolist()
    for row, column, own in [
        *((*pin, mine) for pin, mine in zip(kept, given.tolist(), strict=True)),
        *((row, column, None) for row, column in pairs.tolist()),
    ]:
        twin = int(slots.twin[row])
        person = twin if twin >= 0 else problem.n_columns + row
        booked = calendar.setdefault(column, []), calendar.setdefault(person, [])
        if own is None:
            own = _find_slots(slots, row, column, (*booked[0], *booked[1]))
            if own is None:
                continue
            kept.append((row, column))
            taken.append(own)
        for calendar_of_one in booked:
            calendar_of_one.extend(slot for slot in own if slot >= 0)
    pairs = np.array(kept, np.int64).reshape(-1, 2)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], np.array(taken, np.int64).reshape(-1, slots.per_week)[order]


def _find_slots(slots: Slots, row: int, column: int, booked: tuple[int, ...]) -> list[int] | None:
    """Return the first slots that a pair can take, -1 if it takes none, None if there are none."""
    if slots.open_row[row] or slots.open_column[column]:
        return [-1] * slots.per_week
    own: list[int] = []
    for slot in np.flatnonzero(slots.row[row] & slots.column[column]).tolist():
        if len(own) < slots.per_week and not any(slots.clash(slot, t) for t in (*booked, *own)):
            own.append(slot)
    return own if len(own) == slots.per_week else None
