"""Scores after changes: those of unchanged people from the running plan, the others bound anew.

Of most criteria a pair's value follows from the cells of its two people alone. Then nothing has to
be bound again for people who are the same; new and changed people are put behind the old tables.
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
from pairmatch.cycles.blocks import Blocks
from pairmatch.cycles.changes import change_table, drop_strangers
from pairmatch.cycles.renewal import carry_neutral, find_proof
from pairmatch.errors import PairmatchWarning
from pairmatch.scoring import Compatibility
from pairmatch.scoring.growing import grow
from pairmatch.seam import find_hashed_places, hashed_order, loads_of
from pairmatch.solvers.problem import AssignmentProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.plans import Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program
    from pairmatch.scoring import PairRule
    from pairmatch.solvers.certify.nearby import Running
    from pairmatch.solvers.near_pairs import NearPairs

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
# These read no other columns than evaluator and vetoes, if any.
_READ = rules.EvaluatorPairs, rules.Forbid, rules.Load, rules.MinScore, rules.Vetoes


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
    place : ndarray of int64, shape (n,)
        Row of each one where ``table`` is put behind the running plan's.
    """

    ids: tuple[str, ...]
    old: NDArray[np.int64]
    was: NDArray[np.int64]
    fresh: NDArray[np.int64]
    table: Profiles
    place: NDArray[np.int64]

    @classmethod
    def make(
        cls, table: Profiles, news: Profiles | None, gone: set[str], side: str, seed: int
    ) -> Side | None:
        """Return a side after changes, or None if new cells make a column another one."""
        none = np.empty(0, np.int64)
        changed = table.take(none)
        if news is not None:
            alike = all(
                c in table and (c in news.numeric) == (c in table.numeric) for c in news.columns
            )
            if not alike:
                return None
            known = [row for row in table.find_rows(news.ids) if row >= 0]
            known = [row for row in known if table.ids[row] not in gone]
            changed = change_table(table.take(np.array(known, np.int64)), news, gone, side)
        left = [row for row in table.find_rows(gone) if row >= 0]
        was = np.delete(np.arange(len(table)), left)
        ids = list(table.ids)
        for row in sorted(left, reverse=True):
            del ids[row]
        before = table.find_rows(changed.ids)
        joins = [k for k, row in enumerate(before) if row < 0 or changed.ids[k] in gone]
        joins = [joins[k] for k in hashed_order([changed.ids[k] for k in joins], seed).tolist()]
        places = find_hashed_places(ids, [changed.ids[k] for k in joins], seed)
        for place, k in zip(places[::-1], joins[::-1], strict=True):
            ids.insert(place, changed.ids[k])
        was = np.insert(was, places, -1)
        fresh = np.full(len(ids), -1)
        fresh[was < 0] = joins
        now = np.full(len(table), -1)
        now[was[was >= 0]] = np.flatnonzero(was >= 0)
        stayed = np.setdiff1d(np.arange(len(changed)), joins)
        fresh[now[np.array(before, np.int64)[stayed]]] = stayed
        old = np.where(fresh < 0, was, -1)
        behind = np.where(fresh < 0, was, len(table) + fresh)
        return cls(tuple(ids), old, was, fresh, changed, behind)

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
    def grown(self) -> Compatibility:
        """Everybody there was, and behind them who is new or has changed; of an id the last."""
        known: Any = self.plan.scored
        named = self.program.constraints

        def bind_rules(coached: Profiles, coach: Profiles) -> tuple[PairRule, ...]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
                return bind_pair_rules(named, coached, coach, check_spelling=False)

        read = all(isinstance(rule, _READ) for rule in named)
        columns = ("evaluator", "vetoes") if read else None
        return grow(known, self.rows.table, self.columns.table, bind_rules, columns)

    def evaluate(self, rows: Index, columns: Index) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return units and "is allowed" of a block."""
        return self._blocks.evaluate(rows, columns)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks.make(self.grown, self.rows.place, self.columns.place)

    def block(self, rows: slice, columns: slice) -> Scores:
        """Return gains and "is allowed" of a block."""
        units, allowed = self.evaluate(rows, columns)
        return np.where(allowed, units, 0).astype(np.int64), allowed

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        """Return gain and "is allowed" of single pairs."""
        known, gain, is_allowed = self._running_scores
        if not len(known):
            return self._look_up(rows, columns)
        key = rows * self.shape[1] + columns
        at = np.minimum(np.searchsorted(known, key), len(known) - 1)
        units, allowed = gain[at], is_allowed[at]
        new = np.flatnonzero(known[at] != key)
        units[new], allowed[new] = self._look_up(rows[new], columns[new])
        return units, allowed

    @cached_property
    def _running_scores(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Keys, gains and "is allowed" of the running pairs: they are asked for often."""
        rows, columns = self.running_pairs.T  # a mentee has one mentor at most: keys are in order
        pairs = self.plan.solution.pairs
        had = np.full(self.plan.problem.n_rows, -1)
        had[pairs[:, 0]] = np.arange(len(pairs))
        # Pairs of the same two people are worth what they were.
        same = (self.rows.old[rows] >= 0) & (self.columns.old[columns] >= 0)
        units = np.empty(len(rows), np.int64)
        units[same] = self.plan.units[had[self.rows.old[rows[same]]]]
        i, j = self.rows.place[rows], self.columns.place[columns]
        units[~same] = self.grown.units_at(i[~same], j[~same])
        forbidden = np.zeros(len(rows), np.bool_)
        for rule in self.grown.rules:
            forbidden |= rule.forbids(i, j, units)
        return rows * self.shape[1] + columns, np.where(forbidden, 0, units), ~forbidden

    def _look_up(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        units, allowed = self.grown.evaluate_at(self.rows.place[rows], self.columns.place[columns])
        return np.where(allowed, units, 0).astype(np.int64), allowed

    @cached_property
    def capacity(self) -> NDArray[np.int64]:
        """Places of each mentor, shape (n_columns,)."""
        places = self.plan.problem.capacity[np.maximum(self.columns.was, 0)].copy()
        new = np.flatnonzero(self.columns.fresh >= 0)
        if len(new):
            named = self.program
            if named.constraints:
                named = drop_strangers(named, {*self.rows.ids}, {*self.columns.table.ids})
            most, _ = loads_of(self.columns.table, self.shape[0], named.constraints)
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
        known = find_proof(self.plan)
        return None if known is None else known.follow(self.rows.old, self.columns.old)

    @cached_property
    def near(self) -> NearPairs | None:
        """Pairs of unchanged people that were nearly as good at the prices of that proof."""
        known = self.plan.solution.near
        return None if known is None else known.follow(self.rows.old, self.columns.old)

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
    gone = changes.find_leavers_by_side(plan)
    new: Any = changes.mentees, changes.mentors
    sides = [
        Side.make(table, news, left, side, plan.seed)
        for table, news, left, side in zip(
            (known.coached, known.coach), new, gone, ("mentees", "mentors"), strict=True
        )
    ]
    rows, columns = sides
    if rows is None or columns is None or not len(rows) or not len(columns):
        return None
    if program.constraints:
        program = drop_strangers(program, {*rows.ids}, {*columns.ids})
    return Patchwork(plan, rows, columns, program.replace(criteria=criteria), neutral)
