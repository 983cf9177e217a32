"""The best plan with few changes where rows have several columns, each at slots of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.program import IntegerProgram, Row, maximise
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.meetings.conflicts import (
    FRACTIONS,
    assign_slots,
    find_duals,
    read_slots,
)
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.assignment.meetings.replanning import count_rows
from pairmatch.solvers.certify.changes import ChangeLimit, ChangeStep
from pairmatch.solvers.certify.demand_changes import DemandPrices, certify_demand_changes
from pairmatch.solvers.certify.demand_meetings import bound_demand_slots
from pairmatch.solvers.changes.answers import Rematching, TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.demand_goals import solve_demand_goals
from pairmatch.solvers.changes.earlier import count_kept, list_earlier, was_there
from pairmatch.solvers.changes.rating import rate_plan
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.meetings.program import JointProgram
    from pairmatch.solvers.changes.attempt import Attempt
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_demand_meetings"]

_NODES = 5_000
_MOST_TAKES = 60_000  # pairs at their slots that are searched at once


def solve_demand_meetings(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return a plan that keeps enough pairs, of rows with several columns and slots.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots and demand, held whole, of objective "coverage" or "total".
    column_of, n_kept, attempt
        As for :func:`~pairmatch.solvers.changes.demand_goals.solve_demand_goals`.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    UnsettledError
        If no such plan was found, though there may be one.
    CapabilityError, LoadConflict, RangeError
        As of :func:`~pairmatch.solvers.changes.demand_goals.solve_demand_goals`.

    Notes
    -----
    The best plan without slots is the answer if its pairs can all have slots. Otherwise both are
    chosen by integer programs with a row for the pairs that stay, one goal after the other; the
    dual values of their linear relaxations are prices of places, minutes and changes. Above 60,000
    pairs at their slots, those earlier pairs stay that the plan without slots keeps, or all of
    them, the rest is matched around them, and the plan without slots is the bound.
    """
    bare = solve_demand_goals(replace(problem, slots=None), column_of, n_kept, attempt.aside())
    slots = assign_slots(problem, bare.pairs)
    if slots is not None:
        return replace(bare, slots=slots, solver=f"{bare.solver}, then slots")
    search = _Search.of(problem, column_of, n_kept, attempt.watch)
    if search is None:
        return _hold_kept(problem, column_of, n_kept, bare, attempt)
    best = search.climb()
    return search.prove(best, bare)


def _hold_kept(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    bare: Rematching,
    attempt: Attempt,
) -> Rematching:
    """Return the better plan of one around the earlier pairs that are kept without slots, or all.

    With slots more changes may gain less than they cost, as nobody searches all plans.
    """
    kept = [bare.pairs[was_there(column_of, *bare.pairs.T)] if n_kept else problem.pins]
    every = np.stack(list_earlier(column_of), axis=1)
    try:
        bound = attempt.aside()
        solve_demand_goals(replace(problem, slots=None), column_of, len(every), bound)
    except TooManyChangesError:
        pass
    else:
        kept.append(every)
    found = []
    for own in kept:
        pins = np.unique(np.concatenate([problem.pins, own]), axis=0)
        try:
            plan = attempt.finish(replace(problem, pins=pins))
        except LoadConflict:  # of pairs that stay with each other's times, or with minimum loads
            if own is problem.pins:
                raise
            continue
        if count_kept(column_of, plan.pairs) >= n_kept:
            found.append(plan)
    if not found:
        raise UnsettledError
    best = max(found, key=lambda plan: rate_plan(problem, plan.pairs))
    return Rematching(best.pairs, bare.dual, "kept pairs first, then slots", best.slots)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """All pairs and slots as one integer program.

    Parameters
    ----------
    limit : ChangeLimit
        Which pairs there were, and how many must stay.
    joint : JointProgram
        Pairs and their slots.
    rows : list of Row
        Its constraints, with those that count the rows which have a pair.
    goals : ndarray of int64, shape (3, n_variables)
        Rows with a pair, pairs, gains.
    was : ndarray of int64, shape (n_variables,)
        The pairs there were.
    watch : Watch
        The clock.
    """

    problem: AssignmentProblem
    limit: ChangeLimit
    joint: JointProgram
    rows: list[Row]
    goals: NDArray[np.int64]
    was: NDArray[np.int64]
    watch: Watch

    @classmethod
    def of(
        cls,
        problem: AssignmentProblem,
        column_of: NDArray[np.int64],
        n_kept: int,
        watch: Watch,
    ) -> _Search | None:
        """Return the search, or None where it would be too large."""
        edges = _list_edges(problem)
        if edges is None:
            return None
        joint = draw_program(problem, edges)
        rows, has_pair = count_rows(joint)
        n_before, size = joint.n_variables, joint.n_variables + len(has_pair)
        single = [*range(len(edges)), *range(n_before, size)]
        rows += [Row("all", (), np.array([k]), 0, 1) for k in single]  # for the relaxation
        goals = np.zeros((3, size), np.int64)
        goals[0, n_before:] = 1
        goals[1, : len(edges)] = 1
        goals[2, : len(edges)] = edges.gain
        was = np.zeros(size, np.int64)
        was[: len(edges)] = was_there(column_of, edges.row, edges.column)
        limit = ChangeLimit(column_of, n_kept)
        return cls(problem, limit, joint, rows, goals, was, watch)

    @property
    def order(self) -> tuple[int, ...]:
        """The goals, first things first."""
        return (0, 1, 2) if self.problem.objective == "coverage" else (2, 0, 1)

    def climb(self) -> NDArray[np.int64]:
        """Return the best variables, one goal after the other."""
        program = IntegerProgram.of(self.rows, self.goals.shape[1])
        program = program.demand(self.was, self.limit.n_kept)
        best: NDArray[np.int64] | None = None
        for k in self.order:
            goal = self.goals[k]
            found, _ = maximise(program, goal, _NODES, self.watch)
            if found is None and best is None:
                found = self._keep_most()
            if found is not None and (best is None or goal @ found >= goal @ best):
                best = found
            assert best is not None  # noqa: S101 - one of the two is there
            program = program.demand(goal, float(goal @ best))
        assert best is not None  # noqa: S101 - there are goals
        return best

    def _keep_most(self) -> NDArray[np.int64]:
        """Return variables that keep enough pairs, or raise what is known if none were found."""
        program = IntegerProgram.of(self.rows, self.goals.shape[1])
        found, _ = maximise(program, self.was, _NODES, self.watch)
        if found is not None and self.was @ found >= self.limit.n_kept:
            return found
        duals = find_duals(program, self.was)
        if duals is not None:
            earlier = np.zeros(self.problem.gains.shape, np.int64)
            earlier[tuple(self.limit.earlier.T)] = FRACTIONS
            _, allowed = self.problem.gains.block(*_whole(self.problem))
            counted = replace(self.problem, gains=MatrixGains(earlier, allowed))
            most = bound_demand_slots(counted, self._read(duals, (0, 0))) // FRACTIONS
            if most < self.limit.n_kept:
                raise TooManyChangesError(most, None)
        raise UnsettledError

    def prove(self, best: NDArray[np.int64], bare: Rematching) -> Rematching:
        """Return the plan with those prices that prove most of each goal."""
        edges, slots = self.joint.edges, self.problem.slots
        assert slots is not None  # noqa: S101 - whoever calls has looked
        chosen = np.flatnonzero(best[: len(edges)] > 0)
        taken = read_slots(self.joint, best[: self.joint.n_variables], chosen, slots.per_week)
        pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
        known = bare.dual.steps if isinstance(bare.dual, DemandPrices) else ()
        steps: list[ChangeStep] = []
        for k in self.order if self.problem.objective == "coverage" else (2,):
            options = [*known[len(steps) : len(steps) + 1], *self._price(k, best)]
            if not options:
                break
            rated = []
            for number, step in enumerate(options):
                dual = DemandPrices((*steps, step))
                seen = certify_demand_changes(self.problem, self.limit, pairs, dual, taken)
                bounds = {0: seen.matched_bound, 1: seen.seats_bound, 2: seen.bound}
                rated.append((bounds[k], number, step))
            steps.append(min(rated, key=lambda entry: entry[:2])[2])
        dual = DemandPrices(tuple(steps))
        return Rematching(pairs, dual, "integer programming over slots (HiGHS)", taken)

    def _price(self, goal: int, best: NDArray[np.int64]) -> list[ChangeStep]:
        """Return prices of a goal among plans that are as good before it and keep enough."""
        before = self.order[: self.order.index(goal)]
        more = [
            Row("all", (), np.flatnonzero(own), value, max(value, int(own.sum())), own[own != 0])
            for own, value in [
                *((self.goals[g], int(self.goals[g] @ best)) for g in before),
                (self.was, self.limit.n_kept),
            ]
        ]
        program = IntegerProgram.of([*self.rows, *more], self.goals.shape[1])
        duals = find_duals(program, self.goals[goal])
        if duals is None:
            return []
        *lifts, keep = [max(0, -int(dual)) for dual in duals[len(self.rows) :].tolist()]
        own = [FRACTIONS if goal == g else 0 for g in (0, 1)]
        for g, lift in zip(before, lifts, strict=True):
            own[g] = lift
        scale = FRACTIONS if goal == 2 else 0
        return [ChangeStep(self._read(duals, (own[0], own[1])), keep, scale)]

    def _read(self, duals: NDArray[np.int64], bonuses: tuple[int, int]) -> Prices:
        """Return prices of places and minutes, with the bonuses of rows and of pairs."""
        problem, slots = self.problem, self.problem.slots
        assert slots is not None  # noqa: S101 - whoever calls has looked
        column = np.zeros(problem.n_columns, np.int64)
        time = np.zeros((problem.n_columns, slots.n_slots), np.int64)
        for row, dual in zip(self.rows, duals.tolist(), strict=False):
            if row.kind == "column":
                column[row.where[0]] += dual
            elif row.kind == "all" and len(row.where) == 2 and row.where[0] < problem.n_columns:
                time[row.where] += max(0, dual)
        column = np.where(problem.at_least > 0, column, np.maximum(column, 0))
        return Prices(column, first=bonuses[0], bonus=bonuses[1], time=time)


def _whole(problem: AssignmentProblem) -> tuple[slice, slice]:
    return slice(0, problem.n_rows), slice(0, problem.n_columns)


def _list_edges(problem: AssignmentProblem) -> Edges | None:
    """Return all pairs that a plan may have, or None where they have too many slots."""
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    gain, allowed = problem.gains.block(*_whole(problem))
    fixed = np.zeros(problem.n_rows, np.bool_)
    fixed[problem.pins[:, 0]] = problem.demand[problem.pins[:, 0]] == 1
    may = allowed & (problem.capacity > 0) & ~fixed[:, None]
    may[problem.pins[:, 0], problem.pins[:, 1]] = True
    width = np.count_nonzero(may)
    width += int((may * (slots.row.astype(np.int64) @ slots.column.T.astype(np.int64))).sum())
    if width > _MOST_TAKES:
        return None
    row, column = np.nonzero(may)
    return Edges(row, column, gain[row, column].astype(np.int64))
