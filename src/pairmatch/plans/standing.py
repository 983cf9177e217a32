"""Who has the places, the minutes and the times of a plan, counted once for all who ask."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.problem import AssignmentProblem, Budget
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["Standing", "find_crowded"]

_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """What a plan has left of places, minutes and times.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    rank : ndarray of int64, shape (n_columns,)
        Place of each column in natural order.
    load : ndarray of int64, shape (n_columns,)
        Rows of each column.
    left : tuple of ndarray of int64, shape (n_columns,) each
        What is left of each budget.
    rows_of : mapping of int to list of int
        Rows of each column that has any.
    meets : mapping of int to list of (slot, row)
        When each column meets whom, as a mentor or as a mentee.
    closed : ndarray of bool, shape (n_columns, n_slots), or None
        Slots that clash with a meeting of the column; None where pairs take no slots.
    """

    plan: PairPlan
    rank: NDArray[np.int64]
    load: NDArray[np.int64]
    left: tuple[NDArray[np.int64], ...]
    rows_of: Mapping[int, list[int]]
    meets: Mapping[int, list[tuple[int, int]]]
    closed: NDArray[np.bool_] | None

    @classmethod
    def of(cls, plan: PairPlan) -> Standing:
        """Count what a plan takes. O(pairs + columns log columns)."""
        problem, solution, ids = plan.problem, plan.solution, plan.scored.coach.ids
        order = sorted(range(len(ids)), key=lambda j: natural_key(ids[j]))
        rank = np.empty(len(ids), np.int64)
        rank[order] = np.arange(len(ids))
        rows, columns = solution.pairs[:, 0], solution.pairs[:, 1]
        rows_of: dict[int, list[int]] = defaultdict(list)
        for i, j in solution.pairs.tolist():
            rows_of[j].append(i)
        left = []
        for budget in problem.budgets:
            rest = budget.limit.astype(np.int64)
            np.subtract.at(rest, columns, budget.pairs(rows, columns))
            left.append(rest)
        meets = _list_meetings(problem, solution)
        return cls(
            plan, rank, np.bincount(columns, minlength=len(ids)),
            tuple(left), rows_of, meets, _find_closed(problem, solution, meets),
        )  # fmt: skip

    def tight(self, row: int) -> NDArray[np.bool_]:
        """Return the columns in whose budgets a row does not fit even alone."""
        found = np.zeros(self.plan.problem.n_columns, np.bool_)
        for budget in self.plan.problem.budgets:
            found |= _cost(budget, row) > budget.limit
        return found

    def sort(
        self, row: int, suitable: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which suitable columns are free, full, crowded by a quota, and out of time."""
        spent = self.load >= self.plan.problem.capacity
        for budget, rest in zip(self.plan.problem.budgets, self.left, strict=True):
            spent |= _cost(budget, row) > rest
        full = suitable & spent
        crowded = suitable & ~full & find_crowded(self.plan.problem, self.plan.solution, row)
        booked = suitable & ~full & ~crowded & self._booked(row)
        return suitable & ~full & ~crowded & ~booked, full, crowded, booked

    def in_order(self, columns: NDArray[np.int64]) -> list[int]:
        """Return columns in the natural order of their ids."""
        ordered: list[int] = columns[np.argsort(self.rank[columns])].tolist()
        return ordered

    def people_of(self, column: int) -> list[Any]:
        """Return the ids of the rows of a column, in natural order."""
        ids = self.plan.scored.coached.ids
        return sorted((ids[i] for i in self.rows_of.get(column, ())), key=natural_key)

    def say_taken(self, row: int, columns: NDArray[np.int64]) -> str:
        """Return in words whose meetings leave some columns no time for a row."""
        slots, ids = self.plan.problem.slots, self.plan.scored.coached.ids
        said = []
        for j in self.in_order(columns)[:_SHOWN]:
            joint = (
                [] if slots is None else np.flatnonzero(slots.row[row] & slots.column[j]).tolist()
            )
            people = {
                ids[i]
                for slot, i in self.meets.get(j, ())
                if slots is not None and any(slots.clash(slot, other) for other in joint)
            }
            listed = ", ".join(str(key) for key in sorted(people, key=natural_key))
            by = f"taken by {listed}" if people else "in use"
            said.append(f"all joint slots of {self.plan.scored.coach.ids[j]} are {by}")
        rest = len(columns) - len(said)
        return "; ".join(said) + (f"; {rest} more mentors likewise" if rest else "")

    def _booked(self, row: int) -> NDArray[np.bool_]:
        """Return the columns that have joint slots with a row, but none left."""
        slots = self.plan.problem.slots
        if slots is None or self.closed is None or slots.open_row[row]:
            return np.zeros(self.plan.problem.n_columns, np.bool_)
        joint = slots.row[row] & slots.column
        left = joint & ~self.closed
        if slots.twin[row] >= 0:
            left &= ~self.closed[slots.twin[row]]
        booked: NDArray[np.bool_] = joint.any(axis=1) & (left.sum(axis=1) < slots.per_week)
        return booked & ~slots.open_column


def find_crowded(
    problem: AssignmentProblem, solution: AssignmentSolution, row: int
) -> NDArray[np.bool_]:
    """Return the columns in which a quota is used up for the class of a row."""
    crowded = np.zeros(problem.n_columns, np.bool_)
    for quota in problem.quotas:
        if quota.class_of[row] >= 0:
            mates = quota.class_of[solution.pairs[:, 0]] == quota.class_of[row]
            count = np.bincount(solution.pairs[mates, 1], minlength=problem.n_columns)
            crowded |= count >= quota.at_most
    return crowded


def _cost(budget: Budget, row: int) -> NDArray[np.int64]:
    """Return what a row takes of a budget with each column."""
    return np.asarray(budget.block(slice(row, row + 1), slice(None))[0], dtype=np.int64)


def _list_meetings(
    problem: AssignmentProblem, solution: AssignmentSolution
) -> dict[int, list[tuple[int, int]]]:
    """Return when each column meets whom, also as the person who is a row."""
    slots, taken = problem.slots, solution.slots
    meets: dict[int, list[tuple[int, int]]] = defaultdict(list)
    if slots is None or taken is None:
        return meets
    for (i, j), own in zip(solution.pairs.tolist(), taken.tolist(), strict=True):
        for slot in own:
            if slot >= 0:
                meets[j].append((slot, i))
                if slots.twin[i] >= 0:
                    meets[int(slots.twin[i])].append((slot, i))
    return meets


def _find_closed(
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    meets: Mapping[int, list[tuple[int, int]]],
) -> NDArray[np.bool_] | None:
    """Return which slots of each column clash with one of its meetings."""
    slots = problem.slots
    if slots is None or solution.slots is None:
        return None
    used = sorted({slot for own in meets.values() for slot, _ in own})
    clashing = {
        slot: np.array([slots.clash(slot, other) for other in range(slots.n_slots)])
        for slot in used
    }
    closed = np.zeros((problem.n_columns, slots.n_slots), np.bool_)
    for j, own in meets.items():
        for slot, _ in own:
            closed[j] |= clashing[slot]
    return closed
