"""Rows that should have several columns, each at slots of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.program import IntegerProgram, Row, maximise
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.meetings.conflicts import (
    FRACTIONS,
    assign_slots,
    find_duals,
    read_slots,
)
from pairmatch.solvers.assignment.meetings.pins import check_pinned_slots
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.assignment.meetings.replanning import count_rows, replan
from pairmatch.solvers.assignment.meetings.solver import place_greedily
from pairmatch.solvers.certify.demand_meetings import certify_demand_slots
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Solver = Callable[[AssignmentProblem], AssignmentSolution]

__all__ = ["solve_demand_with_slots"]

_NODES = 5_000
_MOST_TAKES = 60_000  # pairs at their slots that are searched at once


def solve_demand_with_slots(
    problem: AssignmentProblem, solve: Solver, *, time_limit: float | None = None
) -> AssignmentSolution:
    """Return the best plan in which rows have several columns and nobody two slots at once.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots and demand under "coverage" or "total".
    solve : callable
        Solves a problem without slots.
    time_limit : float, optional
        Seconds after which the best plan so far is returned.

    Returns
    -------
    AssignmentSolution
        With prices and ``steps`` as of
        :func:`.solve_demand`; OPTIMAL where these prove that
        no plan is better.

    Raises
    ------
    CapabilityError
        If minimum loads are not met within the time limit, or asked for where gains are streamed.
    LoadConflict
        If minimum loads and pins cannot be met together with the slots.

    Notes
    -----
    The plan without slots is taken if its pairs can all have slots. Otherwise both are chosen by
    integer programs over pairs, slots and rows that have a pair, one objective after the other;
    the dual values of their linear relaxations are the prices. A row with several columns makes
    this no network: its meetings exclude each other, and so do those of each column. Where there
    are too many pairs for that, pairs of the plan without slots take slots one by one, and rows
    that lack columns have some planned anew (:func:`.replan`): the plan keeps every rule, and the
    prices without slots bound it, but nothing says that it is best unless it is as good as the
    plan without slots.
    """
    watch = Watch(time_limit)
    is_streamed = isinstance(problem.gains, StreamedGains)
    if is_streamed and problem.at_least.any():
        raise CapabilityError(
            "several mentors for one mentee with Meetings and minimum loads cannot be honoured in "
            "a pool of this size; drop at_least from Load, drop Meetings or Demand, or match "
            "schools or regions one by one with match_many()"
        )
    check_pinned_slots(problem)
    first = solve(replace(problem, slots=None))
    status = first.status
    if status not in (Status.INTERRUPTED, Status.TIME_LIMIT):
        try:
            if is_streamed:
                return _replan(problem, first, watch)
            taken = assign_slots(problem, first.pairs, watch)
            if taken is not None:
                return replace(first, slots=taken, solver=f"{first.solver}, then slots")
            edges, complete = _choose_edges(problem, first)
            if complete or problem.at_least.any():
                return _search(problem, first, watch, edges, complete=complete)
            return _replan(problem, first, watch)
        except OutOfTime:
            status = Status.TIME_LIMIT
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
    pairs, taken = place_greedily(problem, first.pairs)
    return replace(first, pairs=pairs, slots=taken, status=status)


def _replan(
    problem: AssignmentProblem, first: AssignmentSolution, watch: Watch
) -> AssignmentSolution:
    """Return a plan that keeps the slots, bounded by the one without, whose prices it has."""
    nothing = np.zeros(problem.n_columns, np.int64)
    price = nothing if first.prices is None else first.prices.column
    pairs, taken = place_greedily(problem, first.pairs)
    if len(pairs) < len(first.pairs):
        pairs, taken = replan(problem, price, pairs, taken, watch)

    def rate(plan: NDArray[np.int64]) -> tuple[int, int, int]:
        total = int(problem.gains.pairs(plan[:, 0], plan[:, 1])[0].sum())
        return len(np.unique(plan[:, 0])), len(plan), total

    status = Status.FEASIBLE
    if rate(pairs) == rate(first.pairs):
        status = first.status
    elif watch.is_over:
        status = Status.TIME_LIMIT
    solver = f"{first.solver}, then slots, a few columns at a time"
    return replace(first, pairs=pairs, slots=taken, status=status, solver=solver)


def _search(
    problem: AssignmentProblem,
    first: AssignmentSolution,
    watch: Watch,
    edges: Edges,
    *,
    complete: bool,
) -> AssignmentSolution:
    """Return the best plan that integer programs find among some pairs, maybe all."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    joint = draw_program(problem, edges)
    rows, has_pair = count_rows(joint)
    size = joint.n_variables + len(has_pair)
    program = IntegerProgram.of(rows, size)
    goals = np.zeros((3, size), np.int64)
    goals[0, joint.n_variables :] = 1
    goals[1, : len(edges)] = 1
    goals[2, : len(edges)] = edges.gain
    order = (0, 1, 2) if problem.objective == "coverage" else (2, 0, 1)
    best: NDArray[np.int64] | None = None
    for k in order:
        watch.check()
        found, done = maximise(program, goals[k], _NODES, watch)
        complete &= done
        if found is None and best is None:
            if problem.at_least.any():
                columns = np.flatnonzero(problem.at_least)
                raise LoadConflict(columns, np.arange(problem.n_rows), problem.at_least)
            raise OutOfTime
        if found is not None and (best is None or goals[k] @ found >= goals[k] @ best):
            best = found
        assert best is not None  # noqa: S101 - one of the two is there
        program = program.demand(goals[k], float(goals[k] @ best))
    assert best is not None  # noqa: S101 - there are objectives
    likes = np.zeros(size, np.int64)
    likes[len(edges) : joint.n_variables] = problem.slots.row_likes[
        edges.row[joint.pair], joint.slot
    ]
    likes[len(edges) : joint.n_variables] += problem.slots.column_likes[
        edges.column[joint.pair], joint.slot
    ]
    if likes.any():
        liked, _ = maximise(program, likes, _NODES, watch)
        best = best if liked is None else liked
    chosen = np.flatnonzero(best[: len(edges)] > 0)
    taken = read_slots(joint, best[: joint.n_variables], chosen, problem.slots.per_week)
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    by_row = np.lexsort((pairs[:, 1], pairs[:, 0]))
    answer = AssignmentSolution(
        pairs[by_row], None, Status.FEASIBLE, "integer programming over slots (HiGHS)",
        slots=taken[by_row],
    )  # fmt: skip
    values = [int(goal @ best) for goal in goals]
    answer = _keep_better(problem, answer, first, _prove(problem, rows, goals, values))
    if certify_demand_slots(problem, answer).proved:
        return replace(answer, status=Status.OPTIMAL)
    if complete:
        return replace(answer, solver=f"{answer.solver[:-1]}, which claims optimality)")
    return answer


def _choose_edges(problem: AssignmentProblem, first: AssignmentSolution) -> tuple[Edges, bool]:
    """Return the pairs that are searched, those that look best first, and whether they are all."""
    slots, prices = problem.slots, first.prices
    assert slots is not None  # noqa: S101 - whoever calls has looked
    price = np.zeros(problem.n_columns, np.int64) if prices is None else prices.column
    parts = []
    for top in range(0, problem.n_rows, 256):
        rows = slice(top, min(top + 256, problem.n_rows))
        gain, allowed = problem.gains.block(rows, slice(0, problem.n_columns))
        row, column = np.nonzero(allowed & (problem.capacity > 0))
        value = np.where(allowed, gain - price, np.iinfo(np.int64).min)
        rank = np.argsort(np.argsort(-value, axis=1, kind="stable"), axis=1)
        width = 1 + (slots.row[row + top] & slots.column[column]).sum(axis=1)
        parts.append((row + top, column, gain[row, column], rank[row, column], width))
    none = np.empty(0, np.int64)
    row, column, gain, rank, width = (
        np.concatenate([none, *(part[k] for part in parts)]) for k in range(5)
    )
    pins = problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1]
    rank = np.where(np.isin(row * problem.n_columns + column, pins), -1, rank)
    order = np.lexsort((column, row, rank))
    fits = np.cumsum(width[order]) <= _MOST_TAKES
    fits |= rank[order] < 0
    kept = np.sort(order[fits])
    return Edges(row[kept], column[kept], gain[kept]), bool(fits.all())


def _prove(
    problem: AssignmentProblem,
    rows: list[Row],
    goals: NDArray[np.int64],
    values: list[int],
) -> list[Prices]:
    """Return prices of each objective, from the dual values of what comes before it."""
    found: list[Prices] = []
    asked = [0, 1, 2] if problem.objective == "coverage" else [2]
    for k in asked:
        more = [
            Row("all", (), np.flatnonzero(goals[g]), values[g], int(goals[g].sum()))
            for g in range(k if problem.objective == "coverage" else 0)
        ]
        duals = find_duals(IntegerProgram.of([*rows, *more], goals.shape[1]), goals[k])
        if duals is None:
            return []
        found.append(_read(problem, rows, duals, len(more)))
    return found


def _read(
    problem: AssignmentProblem, rows: list[Row], duals: NDArray[np.int64], n_more: int
) -> Prices:
    """Return prices of places and minutes, and what keeps to the objectives before is worth."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    column = np.zeros(problem.n_columns, np.int64)
    time = np.zeros((problem.n_columns, problem.slots.n_slots), np.int64)
    for row, dual in zip(rows, duals.tolist(), strict=False):
        if row.kind == "column":
            column[row.where[0]] += dual
        elif row.kind == "all" and len(row.where) == 2 and row.where[0] < problem.n_columns:
            time[row.where] += max(0, dual)
    column = np.where(problem.at_least > 0, column, np.maximum(column, 0))
    lifts = [max(0, -int(dual)) // FRACTIONS for dual in duals[len(rows) :].tolist()]
    lifts += [0] * (2 - n_more)
    return Prices(column, bonus=lifts[1], first=lifts[0], scale=FRACTIONS, time=time)


def _keep_better(
    problem: AssignmentProblem,
    answer: AssignmentSolution,
    first: AssignmentSolution,
    found: list[Prices],
) -> AssignmentSolution:
    """Return the answer with those prices that prove most of each objective, whoever made them."""
    nothing = Prices(np.zeros(problem.n_columns, np.int64))
    n_steps = 2 if problem.objective == "coverage" else 0
    sets = [[nothing] * (n_steps + 1)]
    if first.prices is not None and len(first.steps) == n_steps:
        sets.append([*first.steps, first.prices])
    if len(found) == n_steps + 1:
        sets.append(found)
    chosen = sets[0]
    for k in range(n_steps + 1):
        tried = []
        for number, values in enumerate(sets):
            wanted = [*chosen[:k], values[k], *chosen[k + 1 :]]
            seen = certify_demand_slots(
                problem, replace(answer, steps=tuple(wanted[:-1]), prices=wanted[-1])
            )
            bound = (seen.matched_bound, seen.seats_bound, seen.bound)[k if n_steps else 2]
            tried.append((bound or 0, number, wanted))
        chosen = min(tried, key=lambda entry: entry[:2])[2]
    return replace(answer, steps=tuple(chosen[:-1]), prices=chosen[-1])
