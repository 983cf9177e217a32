"""A running plan after changes: the best one that moves few people."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch import constraints as rules
from pairmatch.constraints import bind_pair_rules
from pairmatch.cycles.changes import Changes
from pairmatch.cycles.moves import list_moves
from pairmatch.errors import CapabilityError, Fault, InfeasibleError, PairmatchWarning, ProgramError
from pairmatch.plans import Matching
from pairmatch.plans.conflict import explain_conflict
from pairmatch.scoring import Compatibility, units_of_weights
from pairmatch.scoring.criterion import tell_apart
from pairmatch.scoring.own import OwnScores
from pairmatch.seam import MOST_HELD, assignment_problem, check_capabilities, hashed_order
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.rematching import (
    TooManyChangesError,
    solve_rematching,
    trace_hull,
)
from pairmatch.solvers.certify_changes import ChangeLimit, ChangePrices, certify_rematching
from pairmatch.solvers.certify_fair import certify_plan
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status
from pairmatch.typed import is_count

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.programs import Program
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["Rematch", "rematch"]

_LEGAL = (
    rules.Forbid, rules.Require, rules.MinScore, rules.EvaluatorPairs, rules.Vetoes,
    rules.NotAgain, rules.Load, rules.Minutes, rules.Pin, rules.Quota,
)  # fmt: skip
_REMEDIES = {
    "CarryOver": "Match anew with match(), or leave it out of the changed program.",
    "Tiers": "Match anew with match(), or leave it out of the changed program.",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rematch:
    """A plan after changes, who moved, and how good any plan with as few moves could be.

    Made by :func:`rematch`.

    Parameters
    ----------
    plan : Matching
        The plan from now on. Its own ``gap`` compares it with the best plan of all, which may
        move more people.
    before : Matching
        The plan that was running.
    column_of : ndarray of int64, shape (n_mentees,)
        By row of ``plan``, the column of the mentor whom a mentee had and could keep; -1 for none.
    at_most_changes : int or None
        The limit that was set.
    certificate : Certificate
        What the independent check of the limited problem found.
    dual : ChangePrices or None
        The prices behind its bound.
    seconds : float
        Wall-clock time of everything.
    """

    plan: Matching
    before: Matching
    column_of: NDArray[np.int64]
    at_most_changes: int | None
    certificate: Certificate
    dual: ChangePrices | None
    seconds: float

    @property
    def changes(self) -> int:
        """How many people moved who could have kept their mentor."""
        pairs = self.plan.solution.pairs
        kept = int(np.count_nonzero(self.column_of[pairs[:, 0]] == pairs[:, 1]))
        return int(np.count_nonzero(self.column_of >= 0)) - kept

    @property
    def objective(self) -> float | int:
        """Total score of the pairs."""
        return self.plan.objective

    @property
    def bound(self) -> float | int | None:
        """Proved bound on the total of plans with as few changes that match as many."""
        bound = self.certificate.bound
        return None if bound is None else self.plan.in_scores(bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound) under the limit; 0.0 if and only if proved."""
        return self.certificate.gap

    @property
    def moved(self) -> pd.DataFrame:
        """Everybody whose mentor is another one than before, and why.

        Returns
        -------
        DataFrame
            ``mentee, before, after, counted, score_before, score_after, reason``; blank where
            there is no mentor. ``counted`` is True where the mentee could have kept the mentor.
        """
        return list_moves(self.before, self.plan, self.column_of)

    def curve(self) -> pd.DataFrame:
        """Return what each number of changes allows.

        Returns
        -------
        DataFrame
            ``changes, matched, objective, bound, exact``: with so many changes or fewer, the best
            known plan, and the proved bound on the total of plans that match as many as the bound
            allows. ``exact`` at the corners of the concave hull, where the two are one plan.

        Notes
        -----
        Two assignment problems for each corner; the numbers between corners have the hull as
        their bound. ``rematch`` with such a number looks for a better plan between them.
        """
        import pandas as pd

        corners, bonus = trace_hull(self.plan.problem, self.column_of)
        n_kept = int(np.count_nonzero(self.column_of >= 0))
        rows = []
        for corner, after in zip(corners, [*corners[1:], None], strict=True):
            units = corner.value - bonus * len(corner.pairs)
            row = len(corner.pairs), self.plan.in_scores(units)
            rows.append((n_kept - corner.kept, *row, self.plan.in_scores(units), True))
            for kept in range(corner.kept - 1, after.kept if after else corner.kept - 1, -1):
                rise, run = after.value - corner.value, corner.kept - after.kept  # type: ignore[union-attr]
                value = corner.value + rise * (corner.kept - kept) // run
                matched = max(len(corner.pairs), value // bonus) if bonus else 0
                limit = self.plan.in_scores(value - bonus * matched)
                rows.append((n_kept - kept, *row, limit, False))
        return pd.DataFrame(rows, columns=["changes", "matched", "objective", "bound", "exact"])

    def verify(self) -> Certificate:
        """Check the plan and the limit once more from the tables, and recompute the bound.

        Raises
        ------
        CertificateError
            If the plan breaks a rule or moves too many.
        """
        from pairmatch.plans import verify

        verify(self.plan)
        return certify_rematching(
            self.plan.problem, self._limit(), self.plan.solution.pairs, self.dual
        )

    def _limit(self) -> ChangeLimit:
        n_before = int(np.count_nonzero(self.column_of >= 0))
        most = n_before if self.at_most_changes is None else self.at_most_changes
        return ChangeLimit(self.column_of, max(0, n_before - most))

    def summary(self) -> str:
        """Return what changed in a few lines of text."""
        moved = self.moved
        n_counted = int(moved["counted"].sum())
        limit = "no limit" if self.at_most_changes is None else f"at most {self.at_most_changes}"
        proof = "no bound is proved"
        if self.gap is not None:
            proof = "proved best" if self.gap == 0 else f"at most {self.gap:.2%} below the best"
        return "\n".join(
            [
                f"{self.plan.matched} of {len(self.plan.scored.coached.ids)} mentees matched, "
                f"{self.before.matched} before",
                f"  moved     {n_counted} who could have stayed ({limit}), "
                f"{len(moved) - n_counted} others",
                f"  total     {self.objective:.6g}, {proof} with so few changes",
            ]
        )

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Rematch({self.changes} changes, {self.plan.matched} matched, {gap})"


def rematch(
    plan: Matching, changes: Changes | None = None, *, at_most_changes: int | None = None
) -> Rematch:
    """Return the best plan after changes that moves few people.

    A *change* is a mentee who had a mentor and could keep this mentor (both are still there, the
    mentor has a place, and no rule forbids the pair now) but has another one, or none, in the new
    plan. What nobody could avoid is not counted.

    Parameters
    ----------
    plan : Matching
        The plan that is running.
    changes : Changes, optional
        Who leaves, who joins, whose cells and which rules are new.
    at_most_changes : int, optional
        How many changes there may be; no limit by default.

    Returns
    -------
    Rematch
        The new plan, who moved and why, and a proof: exact where the limit is at a corner of the
        concave hull of the trade-off, else the hull as a bound.

    Raises
    ------
    ProgramError
        If ``at_most_changes`` is no whole number >= 0.
    InfeasibleError
        If the rules force more changes than are allowed; the message says how many.
    CapabilityError
        If the program has a fair objective or tiers, or there are more than 4,194,304 pairs.

    Notes
    -----
    Scores stay on the scale of the first plan: what unknown values count as is taken over from
    it. Of the plans that are best, one with the fewest changes is returned.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 8, 1], [8, 6, 1], [7, 1, 5]])
    >>> plan.to_frame()["mentor"].tolist()
    [1, 0, 2]
    >>> after = pm.rematch(plan, pm.Changes(leave=[1]), at_most_changes=0)
    >>> after.plan.to_frame()["mentor"].tolist()
    [0, 2]
    """
    start = perf_counter()
    given: Any = changes
    changes = Changes() if changes is None else changes
    if not isinstance(given, Changes | None):
        remedy = "Write rematch(plan, Changes(leave=[...]))."
        raise ProgramError("these are no changes", [Fault(f"found {given!r}.", "", remedy)])
    if at_most_changes is not None and not is_count(at_most_changes):
        raise ProgramError(f"at_most_changes is {at_most_changes!r}; give a whole number >= 0")
    coached, coach, program = changes.apply(plan)
    new = renew(plan, coached, coach, program)
    column_of = find_keepable(plan, new.scored, new.problem)
    n_before = int(np.count_nonzero(column_of >= 0))
    least = 0 if at_most_changes is None else max(0, n_before - at_most_changes)
    try:
        found = solve_rematching(new.problem, column_of, least)
        free = solve_assignment(new.problem)
    except LoadConflict as conflict:
        raise explain_conflict(new.scored, new.problem, conflict) from None
    except TooManyChangesError as error:
        forced = n_before - int(error.args[0])
        what = f"at least {forced} people must move, {at_most_changes} may."
        remedy = f"Write at_most_changes={forced}, or lower minimum loads and drop pins."
        raise InfeasibleError("the changes force more moves", [Fault(what, "", remedy)]) from None
    certificate = certify_rematching(
        new.problem, ChangeLimit(column_of, least), found.pairs, found.dual
    )
    order = np.lexsort((found.pairs[:, 1], found.pairs[:, 0]))
    solution = AssignmentSolution(found.pairs[order], free.prices, Status.FEASIBLE, found.solver)
    checked = certify_plan(new.problem, solution)
    if checked.proved:
        solution = replace(solution, status=Status.OPTIMAL)
    seconds = perf_counter() - start
    after = replace(new, solution=solution, certificate=checked, seconds=seconds)
    return Rematch(after, plan, column_of, at_most_changes, certificate, found.dual, seconds)


def renew(plan: Matching, coached: Any, coach: Any, program: Program) -> Matching:
    """Return a plan without pairs over changed tables and rules, on the scale of an old one."""
    if program.objective not in ("coverage", "total"):
        raise CapabilityError(
            f"rematch() cannot honour objective={program.objective!r}; use 'coverage' or 'total', "
            "or match anew with match()"
        )
    check_capabilities(program.constraints, _LEGAL, "rematch()", _REMEDIES)
    scored: Any
    neutral: tuple[tuple[str, int], ...] = ()
    if isinstance(coached, OwnScores):
        own = coached.take(
            hashed_order(coached.coached.ids, plan.seed), hashed_order(coached.coach.ids, plan.seed)
        )
        bound = bind_pair_rules(program.constraints, own.coached, own.coach, scale=own.scale)
        scored = own.with_rules(bound)
    else:
        old: Any = plan.scored
        criteria = program.criteria or old.criteria
        program = program.replace(criteria=criteria)
        neutral = carry_neutral(old, criteria)
        one_table = coach is coached
        coached = coached.take(hashed_order(coached.ids, plan.seed))
        coach = coached if one_table else coach.take(hashed_order(coach.ids, plan.seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
            bound = bind_pair_rules(program.constraints, coached, coach)
            scored = Compatibility.bind(coached, coach, criteria, bound, neutral=dict(neutral))
    if scored.shape[0] * scored.shape[1] > MOST_HELD:
        raise CapabilityError(
            f"rematch() looks at all pairs at once, at most {MOST_HELD:,} of them, and here are "
            f"{scored.shape[0] * scored.shape[1]:,}; match anew with match(), or school by school"
        )
    problem = assignment_problem(scored, program.constraints, program.objective)  # type: ignore[arg-type]
    nobody = AssignmentSolution(np.empty((0, 2), np.int64), None, Status.FEASIBLE, "")
    return Matching(scored, problem, nobody, None, program, plan.seed, 0.0, fixed_neutral=neutral)


def carry_neutral(old: Compatibility, criteria: Any) -> tuple[tuple[str, int], ...]:
    """Return what unknown values count as, for the criteria that an old plan had too."""
    worth = {
        _without_weight(criterion): (units, share)
        for criterion, units, share in zip(
            old.criteria, old.neutral, old.units_of_criteria, strict=True
        )
    }
    shares = units_of_weights([criterion.weight for criterion in criteria])
    carried = {}
    names = tell_apart([criterion.name for criterion in criteria])
    for name, criterion, share in zip(names, criteria, shares, strict=True):
        units, old_share = worth.get(_without_weight(criterion), (None, 1))
        if units is not None:
            carried[name] = round(Fraction(units * share, old_share))
    return tuple(carried.items())


def _without_weight(criterion: Any) -> str:
    try:
        parts = {e.name: getattr(criterion, e.name) for e in fields(criterion)}
    except TypeError:
        return repr(criterion)
    return repr((type(criterion).__name__, {k: v for k, v in parts.items() if k != "weight"}))


def find_keepable(plan: Matching, scored: Any, problem: AssignmentProblem) -> NDArray[np.int64]:
    """Return by new row the new column of the mentor whom a mentee had and could keep, or -1."""
    row_of = {str(who): i for i, who in enumerate(scored.coached.ids)}
    place_of = {str(who): j for j, who in enumerate(scored.coach.ids)}
    column_of = np.full(len(row_of), -1, np.int64)
    for i, j in plan.solution.pairs.tolist():
        row = row_of.get(str(plan.scored.coached.ids[i]))
        column = place_of.get(str(plan.scored.coach.ids[j]))
        if row is not None and column is not None:
            column_of[row] = column
    rows = np.flatnonzero(column_of >= 0)
    columns = column_of[rows]
    _, allowed = problem.gains.pairs(rows, columns)
    could = allowed & (problem.capacity[columns] > 0)
    for budget in problem.budgets:
        could &= budget.pairs(rows, columns) <= budget.limit[columns]
    column_of[rows[~could]] = -1
    return column_of
