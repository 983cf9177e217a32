"""Pairs and slots as one integer program, for calendars that are no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.program import IntegerProgram, Row, list_rows
from pairmatch.solvers.assignment.held.remainder import Remainder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges
    from pairmatch.solvers.problem import AssignmentProblem, Slots

__all__ = ["JointProgram", "draw_program"]


@dataclass(frozen=True, slots=True, eq=False)
class JointProgram:
    """One variable a pair, then one a pair and slot that it can take.

    Parameters
    ----------
    edges : Edges
        The pairs.
    pair, slot : ndarray of int64, shape (n_takes,)
        Pair and slot behind each further variable.
    rows : list of Row
        The constraints; ``edges`` of a row are variables.
    """

    edges: Edges
    pair: NDArray[np.int64]
    slot: NDArray[np.int64]
    rows: list[Row]

    @property
    def n_variables(self) -> int:
        """Number of variables."""
        return len(self.edges) + len(self.pair)

    def program(self) -> IntegerProgram:
        """Return the constraints as a matrix."""
        return IntegerProgram.of(self.rows, self.n_variables)

    def spread(self, of_pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return weights of all variables from weights of pairs."""
        return np.concatenate([of_pairs, np.zeros(len(self.pair), np.int64)])


def draw_program(problem: AssignmentProblem, edges: Edges) -> JointProgram:
    """Return the integer program of some pairs: loads, quotas, budgets and every calendar."""
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    timed = np.flatnonzero(~slots.open_row[edges.row] & ~slots.open_column[edges.column])
    pair, slot = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    step = max(1, 2**23 // max(1, slots.n_slots))
    for begin in range(0, len(timed), step):
        some = timed[begin : begin + step]
        which, own = np.nonzero(slots.row[edges.row[some]] & slots.column[edges.column[some]])
        pair.append(some[which])
        slot.append(own)
    take_pair, take_slot = np.concatenate(pair), np.concatenate(slot)
    if not (slots.row_likes.any() or slots.column_likes.any()):
        needed = find_needed(problem, edges, take_pair, take_slot)
        take_pair, take_slot = take_pair[needed], take_slot[needed]
    whole = Remainder(
        rows=np.arange(problem.n_rows),
        capacity=problem.capacity,
        at_least=problem.at_least,
        load=np.zeros(problem.n_columns, np.int64),
        room=tuple(
            np.full((problem.n_columns, quota.n_classes), quota.at_most, np.int64)
            for quota in problem.quotas
        ),
        demand=problem.demand,
        served=np.zeros(problem.n_rows, np.bool_),
    )
    pinned = set(problem.pins[:, 0].tolist())
    rows = []
    for row in list_rows(_drop_pins(problem), whole, edges):
        if row.kind == "row":
            most = int(problem.demand[row.where[0]])
            must = row.where[0] in pinned and most == 1
            row = Row(row.kind, row.where, row.edges, int(must), most)
        rows.append(row)
    code = edges.row * problem.n_columns + edges.column
    n_options = np.bincount(edges.row, minlength=problem.n_rows)
    for i, j in problem.pins.tolist():
        if max(n_options[i], problem.demand[i]) > 1:
            own = np.flatnonzero(code == i * problem.n_columns + j)
            rows.append(Row("all", (), own, 1, 1))
    n_pairs = len(edges)
    order = np.argsort(take_pair, kind="stable")
    first = np.searchsorted(take_pair[order], timed, "left")
    after = np.searchsorted(take_pair[order], timed, "right")
    for p, a, b in zip(timed.tolist(), first.tolist(), after.tolist(), strict=True):
        variables = np.concatenate([[p], n_pairs + order[a:b]])
        use = np.concatenate([[-slots.per_week], np.ones(b - a, np.int64)])
        rows.append(Row("all", (), variables, 0, 0, use))
    several = np.flatnonzero((problem.demand > 1) | (slots.per_week > 1))
    rows += _list_calendars(slots, several, edges, take_pair, take_slot)
    return JointProgram(edges, take_pair, take_slot, rows)


def find_needed(
    problem: AssignmentProblem,
    edges: Edges,
    pair: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which slots of pairs a timetable may need that nobody can move to the left.

    A meeting can move to the slot before it unless another one of the same people ends in
    between; so a slot is needed only if it is the first of its pair, or somebody in it may have
    another meeting that ends between the two.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    n_columns, n_rows = problem.n_columns, problem.n_rows
    needed = np.ones(len(pair), np.bool_)
    if not len(pair):
        return needed
    row, column = edges.row[pair], edges.column[pair]
    begin = slots.start[slot]
    place = np.zeros_like(slot) if slots.place is None else slots.place[slot]
    order = np.lexsort((begin, place, pair))
    same = (np.diff(pair[order]) == 0) & (np.diff(place[order]) == 0)
    before = np.full(len(pair), -1)
    before[order[1:][same]] = begin[order[:-1][same]]
    farthest = 0 if slots.gap is None else int(slots.gap.max(initial=0))
    twin = slots.twin[row]
    person = np.where(twin >= 0, twin, n_columns + row)
    several = np.ones(n_columns + n_rows, np.bool_)  # who may have more than one meeting
    if slots.per_week == 1:
        several[:n_columns] = problem.capacity > 1
        several[slots.twin[slots.twin >= 0]] = True
        several[n_columns:] = problem.demand > 1
    last = np.searchsorted(slots.start, begin - slots.minutes, "right")
    first = np.searchsorted(slots.start, before - slots.minutes - farthest, "right")
    while True:
        n_before = int(needed.sum())
        used = np.zeros((n_columns + n_rows, slots.n_slots + 1), np.int32)
        used[column[needed], slot[needed] + 1] = 1
        used[person[needed], slot[needed] + 1] = 1
        np.cumsum(used, axis=1, out=used)
        blocked = several[column] & (used[column, last] > used[column, first])
        blocked |= several[person] & (used[person, last] > used[person, first])
        needed &= (before < 0) | blocked
        if int(needed.sum()) == n_before:
            return needed


def _drop_pins(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem without pins: here their pairs are variables, and count like all others.

    Otherwise what pins take of the budgets would be taken twice.
    """
    return replace(problem, pins=np.empty((0, 2), np.int64))


def _list_calendars(
    slots: Slots,
    several: NDArray[np.int64],
    edges: Edges,
    pair: NDArray[np.int64],
    slot: NDArray[np.int64],
) -> Iterator[Row]:
    """List, for each person, the moments at which at most one meeting can be."""
    n_columns, n_pairs = len(slots.column), len(edges)
    row, column = edges.row[pair], edges.column[pair]
    variable = n_pairs + np.arange(len(pair))
    twin = slots.twin[row]
    own = twin >= 0
    # A row with one meeting cannot clash with itself; one that is a column as well can.
    other = ~own & np.isin(row, several)
    people = [column, twin[own], n_columns + row[other]]
    used = [variable, variable[own], variable[other]]
    person, used_by = np.concatenate(people), np.concatenate(used)
    order = np.argsort(person, kind="stable")
    person, used_by = person[order], used_by[order]
    values, first = np.unique(person, return_index=True)
    for value, group in zip(values.tolist(), np.split(used_by, first[1:]), strict=False):
        yield from _list_moments(slots, value, group, slot[group - n_pairs])


def _list_moments(
    slots: Slots, person: int, variables: NDArray[np.int64], slot: NDArray[np.int64]
) -> Iterator[Row]:
    """List the largest sets of slots of one person that share a minute, and pairs too far apart."""
    begin = slots.start[slot]
    before: set[int] = set()
    for moment in np.unique(slot).tolist():
        at = slots.start[moment]
        inside = np.flatnonzero((begin <= at) & (begin + slots.minutes > at))
        members = set(inside.tolist())
        following = np.flatnonzero((begin > at) & (begin < slots.start[moment] + slots.minutes))
        if len(following) and members <= _at_next(slots, begin, int(begin[following].min())):
            continue  # the next moment says more
        if len(members) > 1 and members != before:
            yield Row("all", (person, moment), variables[inside], 0, 1)
        before = members
    if slots.place is None or slots.gap is None:
        return
    distinct = np.unique(slot).tolist()
    for k, a in enumerate(distinct):
        for b in distinct[k + 1 :]:
            apart = slots.start[b] >= slots.start[a] + slots.minutes
            if apart and slots.clash(a, b):
                both = np.flatnonzero((slot == a) | (slot == b))
                yield Row("all", (), variables[both], 0, 1)


def _at_next(slots: Slots, begin: NDArray[np.int64], at: int) -> set[int]:
    """Return which slots are going on at a later moment."""
    return set(np.flatnonzero((begin <= at) & (begin + slots.minutes > at)).tolist())
