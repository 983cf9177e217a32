"""A plan in which everybody stays who can: only open places are given away.

Neither scores nor rules of the others are looked at, so that nothing has to be bound anew for
them. What of the tables is needed is bound in small parts; a pair is worth the same in each.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch import constraints as rules
from pairmatch import scoring
from pairmatch.constraints import bind_pair_rules
from pairmatch.cycles.changes import drop_strangers
from pairmatch.cycles.renewal import carry_neutral, find_same, renew
from pairmatch.errors import PairmatchWarning
from pairmatch.scoring import Compatibility
from pairmatch.seam import hashed_order, loads_of
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.openings import certify_rest
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.plans import Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

__all__ = ["Standing", "fill_open_places"]

# Of these a pair's value follows from the cells of its two people alone; wishes, for instance,
# also say which ids there have to be.
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
class Standing:
    """A new plan in which everybody stays who can, and its proof.

    Parameters
    ----------
    make : callable
        Returns the plan.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Its pairs.
    column_of : ndarray of int64, shape (n_rows,)
        By row, the column of the mentor whom a mentee had and could keep; -1 for none.
    certificate : Certificate
        What the check found.
    prices : Prices or None
        Prices of the open places.
    """

    make: partial[Matching]
    pairs: NDArray[np.int64]
    column_of: NDArray[np.int64]
    certificate: Certificate
    prices: Prices | None


@dataclass(frozen=True, slots=True, eq=False)
class _Sketch:
    """Both tables as they are now, unbound, and where their people stood in a plan."""

    plan: Matching
    coached: Profiles
    coach: Profiles
    program: Program
    criteria: tuple[Any, ...]
    neutral: tuple[tuple[str, int], ...]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of mentees and of mentors."""
        return len(self.coached), len(self.coach)

    def bind(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Compatibility:
        """Let criteria and rules meet some of the people."""
        coached, coach = self.coached.take(rows), self.coach.take(columns)
        named = drop_strangers(self.program, {*coached.ids}, {*coach.ids}).constraints
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
            bound = bind_pair_rules(named, coached, coach)
            return Compatibility.bind(
                coached, coach, self.criteria, bound, neutral=dict(self.neutral)
            )

    def worth(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of single pairs that the old plan had."""
        gain, allowed = np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_)
        same = (self.row[rows] >= 0) & (self.column[columns] >= 0)
        units = np.zeros(self.plan.problem.n_rows, np.int64)
        units[self.plan.solution.pairs[:, 0]] = self.plan.units
        gain[same] = units[self.row[rows[same]]]
        if not same.all():
            mine, at_row = np.unique(rows[~same], return_inverse=True)
            theirs, at_column = np.unique(columns[~same], return_inverse=True)
            gain[~same], allowed[~same] = self.bind(mine, theirs).evaluate_at(at_row, at_column)
        return gain, allowed


def fill_open_places(
    plan: Matching, changes: Changes, coached: Any, coach: Any, program: Program
) -> Standing | None:
    """Return the best plan in which everybody stays who can, or None where this is no short cut.

    Parameters
    ----------
    plan : Matching
        The running plan.
    changes : Changes
        What has changed, with its tables read.
    coached, coach, program
        What it has changed to.

    Notes
    -----
    Whoever stays takes a place; the rest is an assignment problem of its own, of open places and
    people who have nobody, solved and proved like every other.
    """
    known: Any = plan.scored
    if (
        not isinstance(known, Compatibility)
        or known.coach is known.coached
        or changes.program is not None
        or program.objective not in ("coverage", "total")
        or not all(isinstance(rule, _RULES) for rule in program.constraints)
    ):
        return None
    criteria = tuple(program.criteria or known.criteria)
    required = [rule.criterion for rule in program.constraints if isinstance(rule, rules.Require)]
    if not all(type(criterion) in _OF_TWO for criterion in (*criteria, *required)):
        return None
    coached = coached.take(hashed_order(coached.ids, plan.seed))
    coach = coach.take(hashed_order(coach.ids, plan.seed))
    row, column = find_same(plan, changes, coached.ids, coach.ids)
    neutral = carry_neutral(known, criteria)
    if len(neutral) < len(criteria):
        return None
    program = program.replace(criteria=criteria)
    sketch = _Sketch(plan, coached, coach, program, criteria, neutral, row, column)
    capacity, at_least = loads_of(sketch, program.constraints)  # type: ignore[arg-type]
    rows, columns = _find_still_there(plan, coached, coach)
    gain, allowed = sketch.worth(rows, columns)
    stays = allowed & (capacity[columns] > 0)
    rows, columns, gain = rows[stays], columns[stays], gain[stays]
    left = capacity - np.bincount(columns, minlength=len(capacity))
    if at_least.any() or (left < 0).any():
        return None
    column_of = np.full(len(coached), -1, np.int64)
    column_of[rows] = columns
    idle, open_columns = np.flatnonzero(column_of < 0), np.flatnonzero(left > 0)
    worth, legal = sketch.bind(idle, open_columns).evaluate()
    rest = AssignmentProblem(
        MatrixGains(np.where(legal, worth, 0).astype(np.int64), legal),
        left[open_columns],
        np.zeros(len(open_columns), np.int64),
        objective=program.objective,  # type: ignore[arg-type]
    )
    found = solve_assignment(rest)
    certificate = certify_rest(rest, found, gain)
    own = np.stack([idle[found.pairs[:, 0]], open_columns[found.pairs[:, 1]]], axis=1)
    pairs = np.concatenate([np.stack([rows, columns], axis=1), own])
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    solution = AssignmentSolution(pairs, None, Status.FEASIBLE, "open places alone")
    make = partial(_make, sketch, solution)
    return Standing(make, pairs, column_of, certificate, found.prices)


def _find_still_there(
    plan: Matching, coached: Profiles, coach: Profiles
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of a plan of whom both are still there, by their new places."""
    row_of = {who: i for i, who in enumerate(coached.ids)}
    column_of = {who: j for j, who in enumerate(coach.ids)}
    was: Any = plan.scored
    rows = np.array([row_of.get(who, -1) for who in was.coached.ids], np.int64)
    columns = np.array([column_of.get(who, -1) for who in was.coach.ids], np.int64)
    pairs = plan.solution.pairs
    mine, theirs = rows[pairs[:, 0]], columns[pairs[:, 1]]
    there = (mine >= 0) & (theirs >= 0)
    return mine[there], theirs[there]


def _make(sketch: _Sketch, solution: AssignmentSolution) -> Matching:
    """Return the plan, with everything bound that can be asked of it."""
    new = renew(sketch.plan, sketch.coached, sketch.coach, sketch.program)
    return replace(new, solution=solution)
