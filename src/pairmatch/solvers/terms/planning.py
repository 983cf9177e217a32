"""A whole term: round after round and mended, or a known schedule onto which people are placed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import (
    Plan,
    Search,
    descend,
    disturb_and_descend,
    seat_greedily,
)
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.repair import placeable_people
from pairmatch.solvers.terms.limits import most_full_rounds
from pairmatch.solvers.terms.schedules import count_meetings, known_schedule
from pairmatch.solvers.terms.search import Term, mend, tables_of, trade_places

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["N_JOINT", "plan_term"]

N_JOINT = 200
"""People up to whom rounds are planned together; above, one after the other."""

_N_MENDED = 4000  # trades after which a term is given up
_N_MENDED_BRIEFLY = 300  # the same where a schedule of as many rounds is known
_N_PASSES = 3  # times that every round is improved given all others
_N_RENEWED = 30  # people up to whom some rounds are formed anew
_N_TRIES = 12  # times
_N_BRIEF = 60  # steps of a round that may not be kept


def plan_term(
    problem: GroupingProblem,
    first: NDArray[np.int64],
    n_rounds: int,
    *,
    at_most: int = 1,
    scale: int,
    seed: int = 0,
    keep_on: Callable[[], bool] = lambda: True,
) -> tuple[NDArray[np.int64], bool]:
    """Return rounds that place as many people as the first, in which nobody meets too often.

    Parameters
    ----------
    problem : GroupingProblem
        Gains, sizes and rules of every round.
    first : ndarray of int64, shape (n,)
        Groups of a good round by itself, -1 for people who are left out.
    n_rounds : int
        Rounds that are wanted, >= 1.
    at_most : int, default: 1
        How often two people may meet.
    scale : int
        A multiple of ``size - 1`` of every allowed size.
    seed : int, default: 0
        Seed of the search.
    keep_on : callable, optional
        Whether there is time left; by default a number of steps ends the search.

    Returns
    -------
    rounds : ndarray of int64, shape (n_found, n)
        As many rounds as were found, ``1 <= n_found <= n_rounds``.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """
    people = placeable_people(problem)
    core = problem.take(people) if people.size < problem.n else problem
    values = GroupValues.of(core, scale)
    one = first[people]
    n_placed = int((one >= 0).sum())
    most, _ = most_full_rounds(problem, n_placed, at_most)
    n_wanted = n_rounds if most is None else max(1, min(n_rounds, most))
    work = _Work(core, values, one, at_most, np.random.default_rng(seed), keep_on)
    best, interrupted = one[None, :], False
    try:
        placed = work.place(n_wanted)
        known = 1 if placed is None else len(placed)
        best = one[None, :] if placed is None else placed
        n_mended = _N_MENDED if known < n_wanted else _N_MENDED_BRIEFLY
        best = max(best, work.follow(n_wanted, n_mended), key=work.rank)
        best = work.polish(best)
        renewed = work.renew(best)
        best = best if renewed is best else work.polish(renewed)
    except KeyboardInterrupt:
        interrupted = True
    rounds = np.full((len(best), problem.n), -1, np.int64)
    rounds[:, people] = [_number(row) for row in best]
    return rounds, interrupted


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What both ways of planning need."""

    problem: GroupingProblem
    values: GroupValues
    first: NDArray[np.int64]
    at_most: int
    rng: np.random.Generator
    keep_on: Callable[[], bool]

    def rank(self, rounds: NDArray[np.int64]) -> tuple[int, int]:
        """Return by what plans are compared: rounds, then what they are worth."""
        return len(rounds), Term.of(self.values, rounds, self.at_most).worth

    def follow(self, n_wanted: int, n_mended: int) -> NDArray[np.int64]:
        """Form round after round; where one fails, mend it together with all before it."""
        rounds = self.first[None, :]
        sizes = tuple(sorted(np.bincount(self.first[self.first >= 0]).tolist(), reverse=True))
        while len(rounds) < n_wanted and self.keep_on():
            look = self._look(count_meetings(rounds))
            plan = seat_greedily(look, sizes)
            descend(look, plan, 15)
            plan = self._disturb(look, plan, 60)
            tried = np.concatenate([rounds, _row_of(plan, self.values.n)[None, :]])
            if any(look.values.n_forbidden(table).any() for table in plan.tables):
                term = Term.of(self.values, tried, self.at_most)
                if not mend(term, self.rng, n_mended, self.keep_on):
                    break
                tried = term.group_of
            rounds = tried
        return rounds

    def place(self, n_wanted: int) -> NDArray[np.int64] | None:
        """Place people on a known schedule, as long as it is and as the rules allow."""
        n = self.values.n
        sizes = tuple(sorted(np.bincount(self.first[self.first >= 0]).tolist(), reverse=True))
        schedule = known_schedule(n, sizes)
        fits = [max(np.bincount(row[row >= 0])) <= self.problem.largest for row in schedule]
        schedule = schedule[np.array(fits, bool)] if fits else schedule
        if len(schedule) < 2 or self.at_most > 1:
            return None
        schedule = schedule[:, _seats_like(schedule[0], self.first)]
        for _ in range(2):  # the best rounds of the schedule, once people are placed
            term = Term.of(self.values, schedule[:n_wanted], self.at_most)
            trade_places(term, self.rng, 40 + 4 * n, self.keep_on)
            if len(schedule) <= n_wanted:
                break
            term = Term.of(self.values, schedule, self.at_most)
            order = np.argsort([-term.worth_of(at) for at in range(len(schedule))], kind="stable")
            schedule = schedule[order]
        term = Term.of(self.values, schedule[:n_wanted], self.at_most)
        trade_places(term, self.rng, 200 + 20 * n, self.keep_on)
        if term.n_wrong and not mend(term, self.rng, _N_MENDED, self.keep_on):
            return None
        return term.group_of

    def renew(self, rounds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Form some rounds anew, from random groups and given all others; keep what is better."""
        n_rounds, n = rounds.shape
        if n_rounds < 2 or n > _N_RENEWED:
            return rounds
        best, worth = rounds, self.rank(rounds)[1]
        for _ in range(_N_TRIES):
            if not self.keep_on():
                break
            chosen = self.rng.permutation(n_rounds)[: int(self.rng.integers(2, n_rounds + 1))]
            tried, done = best.copy(), np.setdiff1d(np.arange(n_rounds), chosen).tolist()
            for at in chosen.tolist():
                look = self._look(count_meetings(tried[done]))
                row = tried[at, self.rng.permutation(n)]
                tables = tables_of(row)
                plan = Plan(tables, np.flatnonzero(row < 0), look.worth(tables))
                descend(look, plan, 15)
                if any(look.values.n_forbidden(table).any() for table in plan.tables):
                    plan = self._disturb(look, plan, _N_BRIEF)
                tried[at] = _row_of(plan, n)
                done.append(at)
            term = Term.of(self.values, tried, self.at_most)
            if term.n_wrong and not mend(term, self.rng, _N_MENDED_BRIEFLY, self.keep_on):
                continue
            for at in range(n_rounds):
                self._improve(term, at, _N_BRIEF)
            trade_places(term, self.rng, _N_BRIEF, self.keep_on)
            if term.worth > worth and not term.n_wrong:
                best, worth = term.group_of.copy(), term.worth
        return best

    def polish(self, rounds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Improve each round given all others, and who is who in all rounds, in turn."""
        term = Term.of(self.values, rounds, self.at_most)
        for _ in range(_N_PASSES):
            before = term.worth
            for at in range(len(term.group_of)):
                if self.keep_on():
                    self._improve(term, at, min(800, 20 * self.values.n))
            trade_places(term, self.rng, 100 + 10 * self.values.n, self.keep_on)
            if term.worth == before or not self.keep_on():
                break
        return term.group_of

    def _improve(self, term: Term, at: int, n_steps: int) -> None:
        """Improve one round in place; pairs that meet often enough in the others are forbidden."""
        others = np.delete(term.group_of, at, axis=0)
        look = self._look(count_meetings(others))
        row = term.group_of[at]
        tables = tables_of(row)
        plan = Plan(tables, np.flatnonzero(row < 0), look.worth(tables))
        found = self._disturb(look, plan, n_steps)
        if found.worth > plan.worth:
            term.set_round(at, _row_of(found, self.values.n))

    def _look(self, met: NDArray[np.int64]) -> Search:
        """Return a search that keeps apart who has met often enough."""
        allowed = self.values.allowed & (met < self.at_most)
        return Search.of(replace(self.values, allowed=allowed), self.rng, self.keep_on)

    def _disturb(self, look: Search, plan: Plan, n_steps: int) -> Plan:
        """Return the best plan that a number of steps from disturbed plans finds."""
        best, current, done = plan.copy(), plan, 0
        if plan.n_groups < 1 + (not plan.bench.size):
            return best
        tolerance = abs(plan.worth) // 1000
        while done < n_steps and self.keep_on():
            current, n_taken = disturb_and_descend(
                look, current, n_shuffled=3, patience=10, tolerance=tolerance
            )
            done += n_taken
            if current.worth > best.worth:
                best = current.copy()
        return best


def _number(row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a round with its groups numbered by smallest member."""
    tables = tables_of(row)
    return _row_of(Plan(tables, np.flatnonzero(row < 0), 0), row.size)


def _row_of(plan: Plan, n: int) -> NDArray[np.int64]:
    """Return the group of each person, numbered by smallest member."""
    row = np.full(n, -1, np.int64)
    groups = sorted(tuple(sorted(g)) for table in plan.tables for g in table.tolist())
    for number, members in enumerate(groups):
        row[list(members)] = number
    return row


def _seats_like(seats: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a seat for each person so that the groups of a round are groups of people."""
    seat_of = np.empty(people.size, np.int64)

    def listed(row: NDArray[np.int64]) -> NDArray[np.int64]:
        size = np.where(row >= 0, np.bincount(row[row >= 0], minlength=row.max() + 1)[row], 0)
        return np.lexsort((row, -size))

    seat_of[listed(people)] = listed(seats)
    return seat_of
