"""Scores after changes: those of unchanged people from the running plan, the others bound anew.

Of most criteria a pair's value follows from the cells of its two people alone. Then nothing has to
be bound again for people who are the same; new and changed people meet the old tables in parts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch import constraints as rules
from pairmatch import scoring
from pairmatch.constraints import bind_pair_rules
from pairmatch.cycles.changes import change_table, drop_strangers
from pairmatch.cycles.renewal import carry_neutral
from pairmatch.errors import PairmatchWarning
from pairmatch.scoring import Compatibility
from pairmatch.seam import find_hashed_place, loads_of
from pairmatch.solvers.certify.changes import Running
from pairmatch.solvers.problem import AssignmentProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.plans import Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

    Index = slice | NDArray[np.int64]
    Scores = tuple[NDArray[np.int64], NDArray[np.bool_]]

__all__ = ["Patchwork", "Side", "patch_scores"]

# Wishes, for instance, also say which ids there have to be.
_OF_TWO = (
    scoring.Closeness, scoring.CommonTime, scoring.ExperienceGap, scoring.GoalCoverage,
    scoring.GradeMatch, scoring.ModalityMatch, scoring.SameSchool, scoring.Similarity,
    scoring.StyleFit, scoring.SubjectMatch,
)  # fmt: skip
_RULES = (
    rules.EvaluatorPairs, rules.Forbid, rules.Load, rules.MinScore, rules.NotAgain, rules.Require,
    rules.Vetoes,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The people of one table as they are now.

    Parameters
    ----------
    ids : tuple of str
        Who is there.
    old : ndarray of int64, shape (n,)
        Row in the running plan of whoever is the same, -1 for who is new or has changed.
    was : ndarray of int64, shape (n,)
        Row in the running plan of whoever was there, -1 for who is new.
    fresh : ndarray of int64, shape (n,)
        Row in ``table``, -1 for who is the same.
    table : Profiles
        Those who are new or have changed; there may be none.
    """

    ids: tuple[str, ...]
    old: NDArray[np.int64]
    was: NDArray[np.int64]
    fresh: NDArray[np.int64]
    table: Profiles

    @classmethod
    def make(
        cls, table: Profiles, news: Profiles | None, gone: set[str], side: str, seed: int
    ) -> Side | None:
        """Return a side after changes, or None if new cells make a column another one."""
        place = {who: k for k, who in enumerate(table.ids)}
        none = np.empty(0, np.int64)
        changed = table.take(none)
        if news is not None:
            alike = all(
                c in table and (c in news.numeric) == (c in table.numeric) for c in news.columns
            )
            if not alike:
                return None
            known = [place[who] for who in news.ids if who in place and who not in gone]
            changed = change_table(table.take(np.array(known, np.int64)), news, gone, side)
        at = {who: k for k, who in enumerate(changed.ids)}
        ids = [who for who in table.ids if who not in gone]
        for who in changed.ids:
            if who not in place or who in gone:
                ids.insert(find_hashed_place(ids, who, seed), who)
        fresh = np.array([at.get(who, -1) for who in ids], np.int64)
        was = np.array([place.get(who, -1) for who in ids], np.int64)
        return cls(tuple(ids), np.where(fresh < 0, was, -1), was, fresh, changed)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Patchwork:
    """Units and rules of all pairs after changes; any block of them, without a table of everybody.

    Parameters
    ----------
    plan : Matching
        The running plan, from two tables.
    rows, columns : Side
        Mentees and mentors.
    program : Program
        Its program, without what names people who left.
    neutral : tuple of (str, int)
        By name of a criterion, what unknown values count as.
    """

    plan: Matching
    rows: Side
    columns: Side
    program: Program
    neutral: tuple[tuple[str, int], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of mentees and of mentors."""
        return len(self.rows), len(self.columns)

    @property
    def largest(self) -> int:
        """Largest magnitude of a gain."""
        return int(self.plan.scored.scale)

    @cached_property
    def _new_rows(self) -> Compatibility:
        return self._bind(self.rows.table, self.plan.scored.coach)

    @cached_property
    def _new_columns(self) -> Compatibility:
        return self._bind(self.plan.scored.coached, self.columns.table)

    @cached_property
    def _new_both(self) -> Compatibility:
        return self._bind(self.rows.table, self.columns.table)

    def _bind(self, coached: Any, coach: Any) -> Compatibility:
        """Let criteria and rules meet two tables, of whom some people may have left."""
        named = drop_strangers(self.program, {*coached.ids}, {*coach.ids}).constraints
        criteria: Any = self.program.criteria
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
            bound = bind_pair_rules(named, coached, coach, check_spelling=False)
            return Compatibility.bind(coached, coach, criteria, bound, neutral=dict(self.neutral))

    def evaluate(self, rows: Index, columns: Index) -> Scores:
        """Return units and "is allowed" of a block."""
        i, j = np.arange(len(self.rows))[rows], np.arange(len(self.columns))[columns]
        units, allowed = np.zeros((len(i), len(j)), np.int64), np.zeros((len(i), len(j)), np.bool_)
        for scored, mine, theirs, at, there in self._parts(i, j):
            if not len(at) or not len(there):
                continue
            part, legal = scored().evaluate(mine[at], theirs[there])
            if len(at) == len(i) and len(there) == len(j):
                return part.astype(np.int64), legal
            units[np.ix_(at, there)], allowed[np.ix_(at, there)] = part, legal
        return units, allowed

    def evaluate_alone(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        """Return the same for a block that is all that is asked: only its people are bound."""
        known: Any = self.plan.scored
        units, allowed = np.zeros((2, len(rows), len(columns)), np.int64)
        for a, b in ((False, False), (False, True), (True, False), (True, True)):
            i, j = self.rows.fresh[rows] >= 0, self.columns.fresh[columns] >= 0
            at, there = np.flatnonzero(i == a), np.flatnonzero(j == b)
            if not len(at) or not len(there):
                continue
            if not a and not b:
                part = known.evaluate(self.rows.old[rows[at]], self.columns.old[columns[there]])
            else:
                mine = (
                    self.rows.table.take(self.rows.fresh[rows[at]])
                    if a
                    else (known.coached.take(self.rows.old[rows[at]]))
                )
                theirs = (
                    self.columns.table.take(self.columns.fresh[columns[there]])
                    if b
                    else (known.coach.take(self.columns.old[columns[there]]))
                )
                part = self._bind(mine, theirs).evaluate()
            units[np.ix_(at, there)], allowed[np.ix_(at, there)] = part
        return units, allowed.astype(np.bool_)

    def _parts(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> list[tuple[Any, ...]]:
        """Return the four parts: who knows them, their rows and columns, and where these stand."""
        rows, columns = (self.rows.old[i], self.rows.fresh[i]), (
            self.columns.old[j], self.columns.fresh[j]
        )  # fmt: skip
        known = (
            (lambda: self.plan.scored, lambda: self._new_columns),
            (lambda: self._new_rows, lambda: self._new_both),
        )
        return [
            (known[a][b], rows[a], columns[b], np.flatnonzero(rows[a] >= 0),
             np.flatnonzero(columns[b] >= 0))
            for a in (0, 1)
            for b in (0, 1)
        ]  # fmt: skip

    def block(self, rows: slice, columns: slice) -> Scores:
        """Return gains and "is allowed" of a block."""
        units, allowed = self.evaluate(rows, columns)
        return np.where(allowed, units, 0), allowed

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        """Return gain and "is allowed" of single pairs."""
        units, allowed = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)
        for scored, mine, theirs, _, _ in self._parts(rows, columns):
            at = np.flatnonzero((mine >= 0) & (theirs >= 0))
            if len(at):
                units[at], allowed[at] = scored().evaluate_at(mine[at], theirs[at])
        units[~allowed] = 0
        return units, allowed

    @cached_property
    def capacity(self) -> NDArray[np.int64]:
        """Places of each mentor, shape (n_columns,)."""
        places = self.plan.problem.capacity[np.maximum(self.columns.was, 0)].copy()
        new = np.flatnonzero(self.columns.fresh >= 0)
        if len(new):
            stand_in = _Loads(self.shape[0], self.columns.table)
            named = drop_strangers(self.program, {*self.rows.ids}, {*self.columns.table.ids})
            most, _ = loads_of(stand_in, named.constraints)  # type: ignore[arg-type]
            places[new] = most[self.columns.fresh[new]]
        capped: NDArray[np.int64] = np.minimum(places, self.shape[0])
        return capped

    def pose(self) -> AssignmentProblem:
        """Return the integers of a matching of the people who are there now."""
        none = np.zeros(len(self.columns), np.int64)
        objective: Any = self.program.objective
        return AssignmentProblem(self, self.capacity, none, objective=objective)

    def find_keepable(self) -> NDArray[np.int64]:
        """Return by row the column of the mentor whom a mentee had and could keep, or -1."""
        rows, columns = self.running_pairs.T
        could = self.pairs(rows, columns)[1] & (self.capacity[columns] > 0)
        column_of = np.full(len(self.rows), -1, np.int64)
        column_of[rows[could]] = columns[could]
        return column_of

    def find_running(self) -> Running | None:
        """Return what of the plan's proof still holds, or None if it is not proved by prices."""
        plan = self.plan
        if plan.certificate is None or plan.solution.prices is None or len(plan.problem.pins):
            return None
        proof = plan.solution.pairs, plan.solution.prices, plan.certificate
        return Running(plan.problem, *proof, self.rows.old, self.columns.old)

    @cached_property
    def running_pairs(self) -> NDArray[np.int64]:
        """Pairs of the running plan of whom both are still there, shape (n_pairs, 2)."""
        sides = []
        for side, n in zip((self.rows, self.columns), self.plan.scored.shape, strict=True):
            now = np.full(n, -1, np.int64)
            there = np.flatnonzero(side.was >= 0)
            now[side.was[there]] = there
            sides.append(now)
        pairs = self.plan.solution.pairs
        both = np.stack([sides[0][pairs[:, 0]], sides[1][pairs[:, 1]]], axis=1)
        both = both[(both >= 0).all(axis=1)]
        return both[np.argsort(both[:, 0], kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class _Loads:
    """New mentors as the rules about loads see them."""

    n_rows: int
    coach: Profiles

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_rows, len(self.coach)

    @property
    def coached(self) -> Profiles:
        return self.coach


def patch_scores(plan: Matching, changes: Changes) -> Patchwork | None:
    """Return the scores after changes, or None where everybody has to be bound anew.

    Parameters
    ----------
    plan : Matching
        The running plan.
    changes : Changes
        What has changed, with its tables read.

    Raises
    ------
    UnknownIdError, ProgramError
        As for :meth:`Changes.apply`.
    """
    known: Any = plan.scored
    program = plan.program
    if (
        not isinstance(known, Compatibility)
        or known.coach is known.coached
        or changes.program is not None
        or changes.scores is not None
        or program.objective not in ("coverage", "total")
        or not all(isinstance(rule, _RULES) for rule in program.constraints)
        or plan.problem.at_least.any()
        or (plan.problem.capacity >= plan.problem.n_rows).any()
    ):
        return None
    criteria = tuple(program.criteria or known.criteria)
    required = [rule.criterion for rule in program.constraints if isinstance(rule, rules.Require)]
    if not all(type(criterion) in _OF_TWO for criterion in (*criteria, *required)):
        return None
    neutral = carry_neutral(known, criteria)
    if len(neutral) < len(criteria):
        return None
    gone = changes.find_leavers(plan)
    new: Any = changes.mentees, changes.mentors
    sides = [
        Side.make(table, news, gone, side, plan.seed)
        for table, news, side in zip(
            (known.coached, known.coach), new, ("mentees", "mentors"), strict=True
        )
    ]
    rows, columns = sides
    if rows is None or columns is None or not len(rows) or not len(columns):
        return None
    program = drop_strangers(program, {*rows.ids}, {*columns.ids}).replace(criteria=criteria)
    return Patchwork(plan, rows, columns, program, neutral)
