"""The best plan within a number of changes, solved and proved over all pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.cycles.renewal import find_times
from pairmatch.errors import CapabilityError, Fault, InfeasibleError, say_count
from pairmatch.plans.conflict import explain_conflict
from pairmatch.seam import MOST_HELD
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.keeping import keep_slots
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.changes.rematching import TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.streamed_rematching import solve_streamed_rematching
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status, end_if_stopped
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from pairmatch.errors import PairmatchError
    from pairmatch.plans import Matching
    from pairmatch.solvers.certify.changes import ChangeLimit
    from pairmatch.solvers.certify.ordered_changes import ChangeDual
    from pairmatch.solvers.problem import AssignmentProblem

    Proof = tuple[Certificate, ChangeDual | None]

__all__ = ["refuse_changes", "settle"]


def settle(
    before: Matching, new: Matching, limit: ChangeLimit, free: AssignmentSolution | None = None
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

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    UnsettledError
        If no plan that keeps enough was found, though none is ruled out.
    CapabilityError
        If there are rules that this cannot honour together, or not in so large a pool.
    InfeasibleError
        If the minimum loads cannot be met.
    """
    problem = new.problem
    try:
        if isinstance(problem.gains, StreamedGains):
            _check_streamed(problem)
            free = free or end_if_stopped(solve_assignment(problem))
            found = solve_streamed_rematching(problem, limit.column_of, limit.n_kept, free)
        else:
            found = solve_with_few_changes(problem, limit.column_of, limit.n_kept)
            free = free or end_if_stopped(solve_assignment(problem))
    except LoadConflict as conflict:
        raise explain_conflict(new.scored, problem, conflict) from None
    order = np.lexsort((found.pairs[:, 1], found.pairs[:, 0]))
    pairs, slots = found.pairs[order], None
    if found.slots is not None:
        slots = keep_slots(problem, pairs, found.slots[order], find_times(before, new, pairs))
    certificate = certify_changes(problem, limit, pairs, found.dual, slots)
    solution = AssignmentSolution(
        pairs, free.prices, Status.FEASIBLE, found.solver, free.steps, slots=slots
    )
    checked = certify_plan(problem, solution)
    if checked.proved:
        solution = replace(solution, status=Status.OPTIMAL)
    return replace(new, solution=solution, certificate=checked), (certificate, found.dual)


def _check_streamed(problem: AssignmentProblem) -> None:
    """Raise where a large pool has rules that ask for all pairs at once."""
    asked = {
        "Quota": bool(problem.quotas),
        "Minutes": bool(problem.budgets),
        "Meetings": problem.slots is not None,
        "Tiers or CarryOver": problem.tiers is not None,
        "Demand": bool((problem.demand > 1).any()),
        f"objective={problem.objective!r}": problem.objective not in ("total", "coverage"),
    }
    others = [name for name, there in asked.items() if there]
    if others:
        n_pairs = problem.n_rows * problem.n_columns
        raise CapabilityError(
            f"here are {n_pairs:,} pairs; with {' and '.join(others)} a plan is re-matched up to "
            f"{MOST_HELD:,} of them; leave that out of the changed program, re-match schools or "
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
