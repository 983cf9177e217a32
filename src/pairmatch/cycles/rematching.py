"""A running plan after changes: the best one that moves few people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.changes import Changes
from pairmatch.cycles.moves import list_moves
from pairmatch.cycles.renewal import (
    check_request,
    find_keepable,
    find_running,
    find_times,
    renew,
)
from pairmatch.cycles.standing import Standing, fill_open_places
from pairmatch.errors import CapabilityError, Fault, InfeasibleError
from pairmatch.plans.conflict import explain_conflict
from pairmatch.seam import MOST_HELD
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.keeping import keep_slots
from pairmatch.solvers.assignment.nearby import Ground, solve_nearby
from pairmatch.solvers.assignment.rematching import (
    TooManyChangesError,
    UnsettledError,
    solve_rematching,
    trace_hull,
)
from pairmatch.solvers.certify.changes import (
    ChangeLimit,
    ChangePrices,
    Running,
    certify_nearby,
    certify_rematching,
    leave_rows,
)
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.certify.openings import certify_standing
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans import Matching
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["Rematch", "rematch"]

NEARBY_FROM = 2**18
"""Pairs above which a plan is re-matched near the running one, where its proof allows that."""


@dataclass(frozen=True, eq=False, repr=False)
class Rematch:
    """A plan after changes, who moved, and how good any plan with as few moves could be.

    Made by :func:`rematch`.

    Parameters
    ----------
    source : Matching, or callable that returns it
        Where :attr:`plan` comes from.
    before : Matching
        The plan that was running.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs of the plan.
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
    running : Running or None
        What of the old plan's proof still holds; large pools build on it.
    standing : Standing or None
        What was solved and proved where only open places were given away.
    """

    source: Matching | partial[Matching]
    before: Matching
    pairs: NDArray[np.int64]
    column_of: NDArray[np.int64]
    at_most_changes: int | None
    certificate: Certificate
    dual: ChangePrices | None
    seconds: float
    running: Running | None = None
    standing: Standing | None = None

    @cached_property
    def plan(self) -> Matching:
        """The plan from now on.

        Its own ``gap`` compares it with the best plan of all, which may move more people. Where
        nobody was to move, the scores of all pairs are made ready only when this is asked for.
        """
        if isinstance(self.source, partial):
            return replace(self.source(), seconds=self.seconds)
        return self.source

    @property
    def matched(self) -> int:
        """Number of mentees who have a mentor."""
        return self.certificate.matched

    @property
    def changes(self) -> int:
        """How many people moved who could have kept their mentor."""
        pairs = self.pairs
        kept = int(np.count_nonzero(self.column_of[pairs[:, 0]] == pairs[:, 1]))
        return int(np.count_nonzero(self.column_of >= 0)) - kept

    @property
    def objective(self) -> float | int:
        """Total score of the pairs."""
        return self._in_scores(self.certificate.objective)

    @property
    def bound(self) -> float | int | None:
        """Proved bound on the total of plans with as few changes that match as many."""
        bound = self.certificate.bound
        return None if bound is None else self._in_scores(bound)

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

        Raises
        ------
        CapabilityError
            If there are more than 4,194,304 pairs.
        """
        import pandas as pd

        if _n_pairs(self.plan.problem) > MOST_HELD:
            raise CapabilityError(
                f"the curve looks at all pairs at once, at most {MOST_HELD:,} of them; "
                "ask rematch() for single numbers of changes"
            )
        corners, bonus = trace_hull(self.plan.problem, self.column_of)
        if not all(corner.proved for corner in corners):
            raise CapabilityError(
                "with these calendars not every corner of the curve could be proved best; "
                "ask rematch() for single numbers of changes"
            )
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
        problem, limit, pairs = self.plan.problem, self._limit(), self.plan.solution.pairs
        if self.standing is not None:
            see: Any = self.plan.scored.evaluate
            return certify_standing(problem, self.column_of, pairs, self.standing.prices, see)
        if self.running is not None and self.dual and _n_pairs(problem) > NEARBY_FROM:
            look: Any = self.plan.scored.evaluate
            return certify_nearby(problem, limit, pairs, self.dual, self.running, look)
        return certify_rematching(problem, limit, pairs, self.dual, self.plan.solution.slots)

    def _in_scores(self, units: int) -> float | int:
        """Return units as a score; tables have one scale, before and after."""
        return (self.plan if self.standing is None else self.before).in_scores(units)

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
                f"{self.matched} of {len(self.column_of)} mentees matched, "
                f"{self.before.matched} before",
                f"  moved     {n_counted} who could have stayed ({limit}), "
                f"{len(moved) - n_counted} others",
                f"  total     {self.objective:.6g}, {proof} with so few changes",
            ]
        )

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Rematch({self.changes} changes, {self.matched} matched, {gap})"


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
        If ``at_most_changes`` is no whole number >= 0, or there is no plan.
    InfeasibleError
        If the rules force more changes than are allowed; the message says how many.
    CapabilityError
        If the plan is one of groups, the program has a fair objective, tiers or several mentors
        each, or there are more than 4,194,304 pairs and the running plan's proof cannot be built
        on.

    Notes
    -----
    Scores stay on the scale of the first plan: what unknown values count as is taken over from
    it. Of the plans that are best, one with the fewest changes is returned. With ``Meetings``,
    pairs that stay meet when they did before, as far as the others leave room for that.

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
    check_request(plan, changes, at_most_changes)
    changes = (changes or Changes()).read()
    coached, coach, program = changes.apply(plan)
    if at_most_changes == 0:
        found = fill_open_places(plan, changes, coached, coach, program)
        if found is not None:
            seconds = perf_counter() - start
            proof = found.certificate, None, seconds, None, found
            return Rematch(found.make, plan, found.pairs, found.column_of, 0, *proof)
    new = renew(plan, coached, coach, program)
    column_of = find_keepable(plan, new.scored, new.problem)
    n_before = int(np.count_nonzero(column_of >= 0))
    least = 0 if at_most_changes is None else max(0, n_before - at_most_changes)
    limit = ChangeLimit(column_of, least)
    running = find_running(plan, new, changes)
    n_pairs = _n_pairs(new.problem)
    if n_pairs > MOST_HELD and running is None:
        raise CapabilityError(
            f"here are {n_pairs:,} pairs; above {MOST_HELD:,} a plan is re-matched near the "
            "running one, which must be proved best and without pins, quotas, minutes, minimum "
            "loads, meetings and new rules; match anew with match()"
        )
    try:
        if running is not None and n_pairs > NEARBY_FROM:
            new, certificate, dual = _solve_near(new, limit, running)
        else:
            new, certificate, dual = _solve_whole(new, limit, find_times(plan, new, column_of))
    except LoadConflict as conflict:
        raise explain_conflict(new.scored, new.problem, conflict) from None
    except UnsettledError:
        raise CapabilityError(
            f"no plan with at most {at_most_changes} changes was found, though none is ruled out; "
            "allow more changes, or match anew with match()"
        ) from None
    except TooManyChangesError as error:
        forced = n_before - int(error.args[0])
        what = f"at least {forced} people must move, {at_most_changes} may."
        remedy = f"Write at_most_changes={forced}, or lower minimum loads and drop pins."
        raise InfeasibleError("the changes force more moves", [Fault(what, "", remedy)]) from None
    seconds = perf_counter() - start
    after = replace(new, seconds=seconds)
    told = column_of, at_most_changes, certificate, dual, seconds, running
    return Rematch(after, plan, after.solution.pairs, *told)


def _n_pairs(problem: AssignmentProblem) -> int:
    return problem.n_rows * problem.n_columns


def _solve_whole(
    new: Matching, limit: ChangeLimit, times: NDArray[np.int64]
) -> tuple[Matching, Certificate, ChangePrices | None]:
    """Solve and prove with all pairs in hand."""
    found = solve_rematching(new.problem, limit.column_of, limit.n_kept)
    free = solve_assignment(new.problem)
    order = np.lexsort((found.pairs[:, 1], found.pairs[:, 0]))
    pairs, slots = found.pairs[order], None
    if found.slots is not None:
        stays = limit.column_of[pairs[:, 0]] == pairs[:, 1]
        times[np.setdiff1d(np.arange(len(times)), pairs[stays, 0])] = -1
        slots = keep_slots(new.problem, pairs, found.slots[order], times)
    certificate = certify_rematching(new.problem, limit, pairs, found.dual, slots)
    solution = AssignmentSolution(pairs, free.prices, Status.FEASIBLE, found.solver, slots=slots)
    checked = certify_plan(new.problem, solution)
    if checked.proved:
        solution = replace(solution, status=Status.OPTIMAL)
    return replace(new, solution=solution, certificate=checked), certificate, found.dual


def _solve_near(
    new: Matching, limit: ChangeLimit, running: Running
) -> tuple[Matching, Certificate, ChangePrices | None]:
    """Solve and prove near the running plan, without a look at most pairs."""
    profit = leave_rows(running)
    if profit is None:
        return _solve_whole(new, limit, np.empty((0, 0), np.int64))
    ground = Ground(
        np.where(running.row >= 0, profit[running.row], -1),
        np.where(running.column >= 0, running.prices.column[running.column], -1),
        running.prices.bonus,
    )
    look = new.scored.evaluate
    found = solve_nearby(new.problem, limit.column_of, limit.n_kept, ground, look)  # type: ignore[arg-type]
    if found.dual is None:  # pragma: no cover - it always has prices
        return _solve_whole(new, limit, np.empty((0, 0), np.int64))
    certificate = certify_nearby(
        new.problem,
        limit,
        found.pairs,
        found.dual,
        running,
        look,  # type: ignore[arg-type]
    )
    prices = replace(found.dual.prices, bonus=found.dual.bonus, scale=found.dual.scale)
    solution = AssignmentSolution(found.pairs, prices, Status.FEASIBLE, found.solver)
    return replace(new, solution=solution), certificate, found.dual
