"""The best plan within a number of changes, solved and proved over all pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.cycles.renewal import find_times
from pairmatch.errors import CapabilityError, Fault, InfeasibleError, say_count
from pairmatch.plans.conflict import explain_conflict
from pairmatch.seam import MOST_FAIR
from pairmatch.solvers.assignment import LoadConflict
from pairmatch.solvers.assignment.held.remainder import price_no_quota
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.answers import TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.holding import hold_earlier
from pairmatch.solvers.changes.keeping import keep_slots
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.changes.streamed_rematching import solve_streamed_rematching
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from pairmatch.errors import PairmatchError
    from pairmatch.plans import Matching
    from pairmatch.solvers.certify.changes import ChangeLimit
    from pairmatch.solvers.certify.ordered_changes import ChangeDual
    from pairmatch.solvers.changes.answers import Rematching
    from pairmatch.solvers.problem import AssignmentProblem

    Proof = tuple[Certificate, ChangeDual | None]

__all__ = ["refuse_changes", "settle"]

_TOO_LATE = (
    "the time was over before a plan with so few changes was found; allow more time, or more "
    "changes"
)


def settle(
    before: Matching,
    new: Matching,
    limit: ChangeLimit,
    free: AssignmentSolution | None = None,
    attempt: Attempt | None = None,
) -> tuple[Matching, Proof]:
    """Return the best plan that keeps enough pairs, and what is proved about it.

    Parameters
    ----------
    before : Matching
        The plan that was running.
    new : Matching
        Tables and rules as they are now, with whatever pairs.
    limit : ChangeLimit
        Which pairs there were, and how many must stay.
    free : AssignmentSolution, optional
        The best plan without a limit, where it is known.
    attempt : Attempt, optional
        The clock. Where it or Ctrl-C ends the search, the best plan so far is the answer.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    UnsettledError
        If no plan that keeps enough was found, though none is ruled out.
    CapabilityError
        If there are rules that this cannot honour together, or not in so large a pool; if the time
        was over before there was a plan.
    KeyboardInterrupt
        If Ctrl-C came before there was one.
    InfeasibleError
        If the minimum loads cannot be met.
    """
    problem, attempt = new.problem, attempt or Attempt()
    status = Status.FEASIBLE
    try:
        found, free = _solve(problem, limit, free, attempt)
    except LoadConflict as conflict:
        raise explain_conflict(new.scored, problem, conflict) from None
    except (OutOfTime, KeyboardInterrupt) as error:
        status = Status.TIME_LIMIT if isinstance(error, OutOfTime) else Status.INTERRUPTED
        some = _find_some(problem, limit, attempt)
        if some is None and status is Status.INTERRUPTED:
            raise
        if some is None:
            raise CapabilityError(_TOO_LATE) from None
        found, free = some, None
    order = np.lexsort((found.pairs[:, 1], found.pairs[:, 0]))
    pairs, slots = found.pairs[order], None
    if found.slots is not None:
        slots = keep_slots(problem, pairs, found.slots[order], find_times(before, new, pairs))
    certificate = certify_changes(problem, limit, pairs, found.dual, slots)
    nothing = Prices(np.zeros(problem.n_columns, np.int64), price_no_quota(problem))
    proof = (nothing, ()) if free is None else (free.prices, free.steps)
    solution = AssignmentSolution(pairs, proof[0], status, found.solver, proof[1], slots=slots)
    checked = certify_plan(problem, solution)
    if checked.proved:
        solution = replace(solution, status=Status.OPTIMAL)
    return replace(new, solution=solution, certificate=checked), (certificate, found.dual)


def _solve(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    free: AssignmentSolution | None,
    attempt: Attempt,
) -> tuple[Rematching, AssignmentSolution | None]:
    """Return the best plan within the limit, and the best without it, if there is time for it."""
    if isinstance(problem.gains, StreamedGains):
        _check_streamed(problem)
        known = limit.column_of, limit.n_kept, free, attempt
        return solve_streamed_rematching(problem, *known)
    found = solve_with_few_changes(problem, limit.column_of, limit.n_kept, attempt)
    attempt.keep(lambda: found)
    try:
        return found, free or attempt.finish(problem)
    except OutOfTime:  # the answer is complete, how far it is from the best of all is not known
        return found, None


def _find_some(
    problem: AssignmentProblem, limit: ChangeLimit, attempt: Attempt
) -> Rematching | None:
    """Return the best plan so far, or one around the pairs there were, if that keeps enough."""
    found = attempt.recall() or hold_earlier(problem, limit.column_of, limit.n_kept)
    return found and replace(found, dual=found.dual or attempt.dual)


def _check_streamed(problem: AssignmentProblem) -> None:
    """Raise where a large pool has rules that ask for all pairs at once."""
    asked = {
        "Tiers or CarryOver": problem.tiers is not None,
        "Demand": bool((problem.demand > 1).any()),
        f"objective={problem.objective!r}": problem.objective not in ("total", "coverage"),
    }
    others = [name for name, there in asked.items() if there]
    if others:
        n_pairs = problem.n_rows * problem.n_columns
        raise CapabilityError(
            f"here are {n_pairs:,} pairs; with {' and '.join(others)} a plan is re-matched up to "
            f"{MOST_FAIR:,} of them; leave that out of the changed program, re-match schools or "
            "regions one by one, or match anew with match()"
        )


def refuse_changes(
    limit: ChangeLimit, error: TooManyChangesError | UnsettledError
) -> PairmatchError:
    """Return the error that says in words how many must move, or that nobody knows."""
    if isinstance(error, UnsettledError):
        return CapabilityError(
            "no plan with so few changes was found, though none is ruled out; allow more "
            "changes, or match anew with match()"
        )
    n_before = len(limit.earlier)
    forced, allowed = n_before - int(error.args[0]), n_before - limit.n_kept
    what = f"at least {say_count(forced, 'person', 'people')} must move, {allowed} may."
    if limit.column_of.ndim > 1:  # mentees had several mentors
        what = f"at least {say_count(forced, 'pair')} must change, {allowed} may."
    remedy = f"Write at_most_changes={forced}, or lower minimum loads and drop pins."
    return InfeasibleError("the changes force more moves", [Fault(what, "", remedy)])
