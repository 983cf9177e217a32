"""Slots for rows with several columns in large pools: a few columns planned anew at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.program import IntegerProgram, Row, maximise
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.meetings.conflicts import read_slots
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.meetings.program import JointProgram
    from pairmatch.solvers.problem import Slots

__all__ = ["count_rows", "replan"]

_NODES = 200  # of the search tree of a part
_WIDTH = 8  # columns that are planned anew at a time
_KEEP = 24  # columns that look best to each row
_PASSES = 3  # over the rows that have too few columns
_CELLS = 2**20  # pairs looked at in one go
_FAR = 2**62  # below it no pair is allowed


def replan(
    problem: AssignmentProblem,
    price: NDArray[np.int64],
    pairs: NDArray[np.int64],
    taken: NDArray[np.int64],
    watch: Watch,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a plan with slots that is no worse, with more pairs where some are found.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots and demand, without minimum loads.
    price : ndarray of int64, shape (n_columns,)
        What a place is worth to others: rows look at columns that leave them most.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A plan.
    taken : ndarray of int64, shape (n_pairs, per_week)
        Its slots.
    watch : Watch
        The clock; where it ends, the plan so far is returned.

    Notes
    -----
    For every row that has fewer columns than it should, the columns that look best to it, with all
    rows that they have, are planned anew by a small integer program; their meetings with others
    stay. Nothing says that the plan is best: prices of the problem without slots bound it.
    """
    plan = _Plan(problem, pairs, taken)
    wanted = plan.list_wanting()
    near = _find_near(problem, price, wanted, watch)
    try:
        for turn in range(_PASSES):
            before = plan.rate()
            for row in wanted.tolist():
                watch.check()
                if len(plan.slots_of[row]) < problem.demand[row]:
                    columns = near[row]
                    first = turn * _WIDTH // 2
                    plan.improve(row, columns[first : first + _WIDTH], watch)
            if plan.rate() == before:
                break
    except OutOfTime:
        pass
    return plan.write()


def count_rows(joint: JointProgram) -> tuple[list[Row], NDArray[np.int64]]:
    """Return the constraints with a variable for each row: it has a pair."""
    who = np.unique(joint.edges.row)
    rows = list(joint.rows)
    for k, i in enumerate(who.tolist()):
        own = np.flatnonzero(joint.edges.row == i)
        use = np.append(np.ones(len(own), np.int64), -1)
        rows.append(Row("all", (), np.append(own, joint.n_variables + k), 0, len(own), use))
    return rows, who


def _find_near(
    problem: AssignmentProblem, price: NDArray[np.int64], rows: NDArray[np.int64], watch: Watch
) -> dict[int, NDArray[np.int64]]:
    """Return the columns that leave some rows most, the best first."""
    places = np.flatnonzero(problem.capacity > 0)
    height = max(1, _CELLS // max(1, problem.n_columns))
    near: dict[int, NDArray[np.int64]] = {}
    for row in rows.tolist():
        near[row] = places[:0]
    wanted = np.zeros(problem.n_rows, np.bool_)
    wanted[rows] = True
    for top in range(0, problem.n_rows, height):
        some = np.flatnonzero(wanted[top : top + height])
        if not len(some) or watch.is_over:
            continue
        block = slice(top, min(top + height, problem.n_rows))
        gain, allowed = problem.gains.block(block, slice(0, problem.n_columns))
        value = np.where(allowed, gain - price, -_FAR)[some][:, places]
        order = np.argsort(-value, axis=1, kind="stable")[:, :_KEEP]
        for k, i in enumerate((some + top).tolist()):
            found = places[order[k]]
            near[i] = found[allowed[i - top, found]]
    return near


class _Plan:
    """Pairs with their slots, by row and by column."""

    def __init__(
        self, problem: AssignmentProblem, pairs: NDArray[np.int64], taken: NDArray[np.int64]
    ) -> None:
        assert problem.slots is not None  # noqa: S101 - whoever calls has looked
        self.problem, self.slots = problem, problem.slots
        self.slots_of: list[dict[int, list[int]]] = [{} for _ in range(problem.n_rows)]
        self.rows_of: list[set[int]] = [set() for _ in range(problem.n_columns)]
        for (row, column), own in zip(pairs.tolist(), taken.tolist(), strict=True):
            self.slots_of[row][column] = own
            self.rows_of[column].add(row)
        twin = self.slots.twin
        self.row_of = np.full(problem.n_columns, -1)
        self.row_of[twin[twin >= 0]] = np.flatnonzero(twin >= 0)
        self.pins = {tuple(pin) for pin in problem.pins.tolist()}
        self.clash = _find_clashes(self.slots)

    def list_wanting(self) -> NDArray[np.int64]:
        """Return the rows that have too few columns, those without any first."""
        count = np.array([len(own) for own in self.slots_of], np.int64)
        wanting = np.flatnonzero(count < self.problem.demand)
        return wanting[np.argsort(count[wanting] > 0, kind="stable")]

    def rate(self) -> tuple[int, int, int]:
        """Return how many rows have a column, how many pairs there are, and the total."""
        pairs, _ = self.write()
        total = int(self.problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
        return len(np.unique(pairs[:, 0])), len(pairs), total

    def write(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs, sorted, and their slots."""
        listed = [
            (row, column, own)
            for row, mine in enumerate(self.slots_of)
            for column, own in sorted(mine.items())
        ]
        pairs = np.array([(row, column) for row, column, _ in listed], np.int64).reshape(-1, 2)
        taken = np.array([own for *_, own in listed], np.int64)
        return pairs, taken.reshape(-1, self.slots.per_week)

    def improve(self, row: int, columns: NDArray[np.int64], watch: Watch) -> None:
        """Plan some columns anew, with a row and all the rows that they have."""
        columns = np.sort(columns)
        inside = set(columns.tolist())
        rows = np.array(sorted({row}.union(*(self.rows_of[j] for j in inside))), np.int64)
        if not len(columns):
            return
        part, worth = self._cut(rows, columns, inside)
        i, j = np.nonzero(part.gains.block(slice(0, len(rows)), slice(0, len(columns)))[1])
        edges = Edges(i, j, part.gains.pairs(i, j)[0])
        joint = draw_program(part, edges)
        lines, who = count_rows(joint)
        size = joint.n_variables + len(who)
        goal = np.zeros(size, np.int64)
        pair_worth, first_worth = worth
        goal[: len(edges)] = edges.gain + pair_worth
        is_new = np.array([len(self.slots_of[k].keys() - inside) == 0 for k in rows[who].tolist()])
        goal[joint.n_variables :] = np.where(is_new, first_worth, 0) if len(who) else 0
        found, _ = maximise(IntegerProgram.of(lines, size), goal, _NODES, watch)
        if found is None:
            return
        chosen = np.flatnonzero(found[: len(edges)] > 0)
        own = read_slots(joint, found[: joint.n_variables], chosen, self.slots.per_week)
        before = self._value(rows, inside, pair_worth, first_worth)
        kept = self._take_out(rows, inside)
        self._put(rows[edges.row[chosen]], columns[edges.column[chosen]], own)
        if self._value(rows, inside, pair_worth, first_worth) < before:
            self._take_out(rows, inside)
            self._put(*kept)

    def _cut(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], inside: set[int]
    ) -> tuple[AssignmentProblem, tuple[int, int]]:
        """Return the problem of a part, and what a pair and a first pair are worth there."""
        problem, slots = self.problem, self.slots
        shape = len(rows), len(columns)
        gain, allowed = problem.gains.pairs(np.repeat(rows, shape[1]), np.tile(columns, shape[0]))
        outside = np.array([len(self.slots_of[i].keys() - inside) for i in rows.tolist()])
        free_row = slots.row[rows].copy()
        free_column = slots.column[columns].copy()
        for k, i in enumerate(rows.tolist()):
            free_row[k] &= ~self._find_busy(i, int(slots.twin[i]), inside)
        for k, j in enumerate(columns.tolist()):
            free_column[k] &= ~self._find_busy(int(self.row_of[j]), j, inside)
        twin = slots.twin[rows]
        at = np.minimum(np.searchsorted(columns, twin), len(columns) - 1)
        own = replace(
            slots,
            row=free_row,
            column=free_column,
            open_row=slots.open_row[rows],
            open_column=slots.open_column[columns],
            twin=np.where(columns[at] == twin, at, -1),
            row_likes=slots.row_likes[rows],
            column_likes=slots.column_likes[columns],
        )
        pins = [
            (k, at)
            for k, i in enumerate(rows.tolist())
            for at, j in enumerate(columns.tolist())
            if (i, j) in self.pins
        ]
        left = problem.demand[rows] - outside
        matrix = allowed.reshape(shape) & (left > 0)[:, None]
        part = AssignmentProblem(
            MatrixGains(np.where(matrix, gain.reshape(shape), 0), matrix),
            problem.capacity[columns],
            np.zeros(len(columns), np.int64),
            np.array(pins, np.int64).reshape(-1, 2),
            tuple(Quotas(quota.class_of[rows], quota.at_most) for quota in problem.quotas),
            "coverage",
            demand=np.maximum(left, 1),
            slots=own,
        )
        if problem.objective == "total":
            return part, (0, 0)
        # More than all gains of the part, so that pairs come first, and rows before them.
        pair_worth = 1 + 2 * int(np.abs(gain).max(initial=0)) * int(left.sum())
        return part, (pair_worth, pair_worth * (1 + int(left.sum())))

    def _find_busy(self, row: int, column: int, inside: set[int]) -> NDArray[np.bool_]:
        """Return when a person cannot meet, for meetings that are not planned anew."""
        taken: list[int] = []
        if row >= 0:
            for other, own in self.slots_of[row].items():
                taken += own if other not in inside else ()
        if column >= 0 and column not in inside:
            for other in self.rows_of[column]:
                taken += self.slots_of[other][column]
        timed = np.array([slot for slot in taken if slot >= 0], np.int64)
        return np.asarray(self.clash[timed].any(axis=0))

    def _value(
        self, rows: NDArray[np.int64], inside: set[int], pair_worth: int, first_worth: int
    ) -> int:
        """Return what the pairs of some rows are worth, those of first columns more."""
        value = 0
        for i in rows.tolist():
            mine = np.array(sorted(self.slots_of[i].keys() & inside), np.int64)
            gain, _ = self.problem.gains.pairs(np.full(len(mine), i), mine)
            value += int(gain.sum()) + pair_worth * len(mine)
            value += first_worth * bool(self.slots_of[i])
        return value

    def _take_out(
        self, rows: NDArray[np.int64], inside: set[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Take the pairs inside a part out of the plan; return rows, columns and slots."""
        found = [
            (i, j, self.slots_of[i].pop(j))
            for i in rows.tolist()
            for j in sorted(self.slots_of[i].keys() & inside)
        ]
        for i, j, _ in found:
            self.rows_of[j].remove(i)
        pairs = np.array([(i, j) for i, j, _ in found], np.int64).reshape(-1, 2)
        taken = np.array([own for *_, own in found], np.int64)
        return pairs[:, 0], pairs[:, 1], taken.reshape(-1, self.slots.per_week)

    def _put(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], taken: NDArray[np.int64]
    ) -> None:
        """Add pairs with their slots."""
        for i, j, own in zip(rows.tolist(), columns.tolist(), taken.tolist(), strict=True):
            self.slots_of[i][j] = own
            self.rows_of[j].add(i)


def _find_clashes(slots: Slots) -> NDArray[np.bool_]:
    """Return which slots nobody can take both of."""
    clash = np.zeros((slots.n_slots, slots.n_slots), np.bool_)
    for a in range(slots.n_slots):
        for b in range(a, slots.n_slots):
            clash[a, b] = clash[b, a] = slots.clash(a, b)
    return clash
