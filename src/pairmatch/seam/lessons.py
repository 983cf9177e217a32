"""Weekly meetings moved aside for lessons, among times that are equally good."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Observation, find_rule
from pairmatch.constraints.lessons import watch_lesson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.scoring.own import Scored
    from pairmatch.solvers.problem import AssignmentProblem, Slots
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["move_meetings"]

_STEPS = 1000  # of the search for one mentor and whoever shares a calendar with it
_TOGETHER = 24  # pairs that are searched at once at most
_Cost = tuple[int, ...]


def move_meetings(
    scored: Scored,
    constraints: Sequence[Any],
    problem: AssignmentProblem,
    solution: AssignmentSolution,
) -> AssignmentSolution:
    """Return a plan of the same pairs whose meetings leave most lessons to watch.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The two tables.
    constraints : sequence
        Constraints of every kind; only ``Observation`` is read.
    problem : AssignmentProblem
        The problem, with slots.
    solution : AssignmentSolution
        Pairs and their slots.

    Notes
    -----
    As many meetings as before are at preferred times; of these choices one with fewest pairs
    without a lesson, then without conferences, then with least cover, then the one that is there.
    Mentors share no calendar unless somebody is in both tables, so that each is searched on its
    own, depth first: more meetings never leave more lessons, which bounds what a branch can give.
    Where more than 24 pairs share calendars, directly or through others, each mentor is searched
    while the others stay. A search ends after 1,000 steps with the best that it has found.
    """
    rule = find_rule(constraints, Observation)
    slots, taken = problem.slots, solution.slots
    if rule is None or slots is None or taken is None or not len(taken):
        return solution
    moved = taken.copy()
    search = _Search(scored, rule, slots, solution.pairs, problem.n_columns)
    for pairs in _share_calendars(problem, solution):
        parts = [pairs]
        if len(pairs) > _TOGETHER:
            columns = solution.pairs[pairs, 1]
            parts = [np.array(pairs)[columns == j].tolist() for j in np.unique(columns)]
        for part in parts:
            for (k, at), slot in search.run(moved, part).items():
                moved[k, at] = slot
    moved.sort(axis=1)
    return replace(solution, slots=moved)


def _people(slots: Slots, n_columns: int, i: int, j: int) -> tuple[int, int]:
    """Return numbers of the two people of a pair; one number for who is in both tables."""
    twin = int(slots.twin[i])
    return (twin if twin >= 0 else n_columns + i), j


def _share_calendars(problem: AssignmentProblem, solution: AssignmentSolution) -> list[list[int]]:
    """Return the positions of pairs that have people in common, directly or through others."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    leader: dict[int, int] = {}

    def find(person: int) -> int:
        while leader.setdefault(person, person) != person:
            person = leader[person]
        return person

    people = [_people(problem.slots, problem.n_columns, i, j) for i, j in solution.pairs.tolist()]
    for one, other in people:
        a, b = find(one), find(other)
        leader[max(a, b)] = min(a, b)
    found: dict[int, list[int]] = {}
    for k, (one, _) in enumerate(people):
        found.setdefault(find(one), []).append(k)
    return list(found.values())


class _Search:
    """The meetings of people who share calendars, given slots one after the other."""

    def __init__(
        self,
        scored: Any,
        rule: Observation,
        slots: Slots,
        pairs: NDArray[np.int64],
        n_columns: int,
    ) -> None:
        self.scored, self.rule, self.slots = scored, rule, slots
        self.ends = [(i, j) for i, j in pairs.tolist()]
        self.people = [set(_people(slots, n_columns, i, j)) for i, j in self.ends]
        self.pairs_of: dict[int, list[int]] = {}
        for k, both in enumerate(self.people):
            for person in sorted(both):
                self.pairs_of.setdefault(person, []).append(k)
        self.known: dict[tuple[int, frozenset[int]], _Cost] = {}

    def _around(self, pairs: list[int]) -> list[int]:
        """Return all pairs that have somebody in common with one of some pairs."""
        people = sorted({person for k in pairs for person in self.people[k]})
        return sorted({k for person in people for k in self.pairs_of[person]})

    def run(self, taken: NDArray[np.int64], pairs: list[int]) -> dict[tuple[int, int], int]:
        """Return the slot of each meeting of some pairs, while those of all others stay."""
        self.pairs = self._around(pairs)
        held = {
            (k, at): slot
            for k in self._around(self.pairs)
            for at, slot in enumerate(taken[k].tolist())
            if slot >= 0
        }
        self.now = {meeting: slot for meeting, slot in held.items() if meeting[0] in set(pairs)}
        fixed = {meeting: slot for meeting, slot in held.items() if meeting not in self.now}
        self.steps = 0
        self.best, self.found = self._cost(held), held
        if self.now and self.best > self._cost(fixed):
            self.asked = sum(self._likes(k, slot) for (k, _), slot in self.now.items())
            self._go(list(self.now), fixed, 0)
        return {meeting: self.found[meeting] for meeting in self.now}

    def _go(
        self, left: list[tuple[int, int]], held: dict[tuple[int, int], int], likes: int
    ) -> None:
        """Give a slot to the next meeting, in every way that may still be better."""
        if not left:
            if likes >= self.asked:
                self.best, self.found = self._cost(held), dict(held)
            return
        meeting, rest = left[0], left[1:]
        k = meeting[0]
        i, j = self.ends[k]
        now = self.now[meeting]
        options = np.flatnonzero(self.slots.row[i] & self.slots.column[j]).tolist()
        most = 2 * len(rest)
        for slot in sorted(options, key=lambda slot: (slot != now, slot)):
            self.steps += 1
            if self.steps > _STEPS:
                return
            liked = likes + self._likes(k, slot)
            if liked + most < self.asked or not self._fits(k, slot, held):
                continue
            further = held | {meeting: slot}
            if self._cost(further) < self.best:
                self._go(rest, further, liked)

    def _likes(self, k: int, slot: int) -> int:
        i, j = self.ends[k]
        return int(self.slots.row_likes[i, slot]) + int(self.slots.column_likes[j, slot])

    def _fits(self, k: int, slot: int, held: dict[tuple[int, int], int]) -> bool:
        """Return whether both people of a pair can take a slot beside those that they have."""
        mine = self.people[k]
        return not any(
            mine & self.people[other] and self.slots.clash(slot, taken)
            for (other, _), taken in held.items()
        )

    def _cost(self, held: dict[tuple[int, int], int]) -> _Cost:
        """Return how many lessons and conferences have no time, and the minutes of cover."""
        parts = []
        for k in self.pairs:
            mine = self.people[k]
            slots = frozenset(s for (other, _), s in held.items() if mine & self.people[other])
            if (k, slots) not in self.known:
                self.known[k, slots] = self._cost_of(k, slots)
            parts.append(self.known[k, slots])
        return tuple(map(sum, zip(*parts, strict=True)))

    def _cost_of(self, k: int, slots: frozenset[int]) -> _Cost:
        i, j = self.ends[k]
        coached, coach = self.scored.coached, self.scored.coach
        starts = self.slots.start[sorted(slots)].tolist()
        taken = [(start, start + self.slots.minutes) for start in starts]
        ways = [(coach, j, coached, i), (coached, i, coach, j)]
        watched = [watch_lesson(self.rule, *way, taken) for way in ways[: self.rule.n_lessons]]
        return tuple(map(sum, zip(*(one.cost(self.rule) for one in watched), strict=True)))
