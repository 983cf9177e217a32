"""A running plan after changes: the best one that moves few people."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from pairmatch.cycles.changes import Changes
from pairmatch.cycles.outcome import Rematch
from pairmatch.cycles.patchwork import patch_scores
from pairmatch.cycles.regrouping import Regrouping, regroup_plan
from pairmatch.cycles.renewal import (
    check_request,
    find_keepable,
    find_running,
    read_options,
    renew,
)
from pairmatch.cycles.settlement import refuse_changes, settle
from pairmatch.cycles.standing import fill_open_places, make_plan
from pairmatch.inputs import refuse_large_scores
from pairmatch.plans import Grouping
from pairmatch.solvers.certify.changes import ChangeLimit, ChangePrices
from pairmatch.solvers.certify.nearby import Running, certify_nearby, find_covered, leave_rows
from pairmatch.solvers.changes.answers import TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.covering import renew_cover
from pairmatch.solvers.changes.lines import Lines
from pairmatch.solvers.changes.nearby import solve_nearby
from pairmatch.solvers.changes.surroundings import Ground
from pairmatch.solvers.processors import hold_blas
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.cycles.patchwork import Patchwork
    from pairmatch.options import Options
    from pairmatch.plans import Matching
    from pairmatch.solvers.certify.ordered_changes import ChangeDual
    from pairmatch.solvers.near_pairs import NearPairs
    from pairmatch.solvers.problem import AssignmentProblem

    Proof = tuple[Certificate, ChangeDual | None]

__all__ = ["rematch"]

_CHECK = 2e-7  # seconds a pair that the end of a search and the check of its plan take
NEARBY_FROM = 2**18
"""Pairs above which a plan is re-matched near the running one, where its proof allows that."""


@overload
def rematch(
    plan: Matching,
    changes: Changes | None = None,
    *,
    at_most_changes: int | None = None,
    options: Options | None = None,
) -> Rematch: ...


@overload
def rematch(
    plan: Grouping,
    changes: Changes | None = None,
    *,
    at_most_changes: int | None = None,
    options: Options | None = None,
) -> Regrouping: ...


@refuse_large_scores()
def rematch(
    plan: Matching | Grouping,
    changes: Changes | None = None,
    *,
    at_most_changes: int | None = None,
    options: Options | None = None,
) -> Rematch | Regrouping:
    """Return the best plan after changes that moves few people.

    A *change* is a mentee who had a mentor and could keep this mentor (both are still there, the
    mentor has a place, and no rule forbids the pair now) but has another one, or none, in the new
    plan. What nobody could avoid is not counted. Under ``Demand`` each pair counts by itself.

    Of groups, a group goes on where more than half of its people who are still there stay
    together, and a *change* is somebody who could stay and is not in the group that goes on.
    Groups that became too small, or break a rule by themselves, are dissolved; their people are
    placed anew and not counted, and nor are new company and people who join.

    Parameters
    ----------
    plan : Matching or Grouping
        The plan that is running.
    changes : Changes, optional
        Who leaves, who joins, whose cells and which rules are new.
    at_most_changes : int, optional
        How many changes there may be; no limit by default.
    options : Options, optional
        Time limit, progress and seed; with the plan's own seed and no limit by default.

    Returns
    -------
    Rematch, or Regrouping for groups
        The new plan, who moved and why, and a proof: exact where the limit is at a corner of the
        concave hull of the trade-off, else the hull as a bound. For groups exact up to 13 people;
        up to 400 exact where a search proves it, else with a bound from prices of people and of
        changes; above, only groups near changes are opened, and the bound, from the prices of the
        running plan, is for any number of changes, or missing where that plan has no prices.

    Raises
    ------
    ProgramError
        If ``at_most_changes`` is no whole number >= 0, there is no plan, or these are no options.
    ScoreError
        If own scores are too large for exact sums.
    InfeasibleError
        If the rules force more changes than are allowed; the message says how many.
    CapabilityError
        If the program has tiers, "worst_off" or "leximin" together with meetings or minutes; if
        there are more than 16,777,216 pairs together with tiers, several mentors each or another
        objective than "total" and "coverage"; if no plan with so few changes was found though none
        is ruled out, or the time was over before there was one; of groups, if the program has
        rounds; if ``options`` name a method.

    Notes
    -----
    When the time limit or Ctrl-C ends the search, the best plan so far is returned, with the bound
    that is proved by then; ``plan.status`` says so.

    Scores stay on the scale of the first plan: what unknown values count as is taken over from
    it. ``Tiers``, ``CarryOver``, "worst_off" and "leximin" come before the total here, too; the
    bound then holds for plans that are as good before the total, and is None where nobody has
    proved that. Of the plans that are best, one with the fewest changes is returned, unless
    something comes before the total. With ``Meetings``,
    pairs that stay meet when they did before, as far as the others leave room for that. With
    ``Demand`` as well, up to 60,000 pairs at their slots are searched at once; above, earlier pairs
    are placed first and the others around them, with the best plan without times as the bound.

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
    options = read_options(options, plan.seed)
    changes = (changes or Changes()).read()
    if isinstance(plan, Grouping):
        return regroup_plan(plan, changes, at_most_changes, options)
    patch = patch_scores(plan, changes)
    if patch is not None:
        with hold_blas():  # many small products
            found = _build_on(patch, changes, at_most_changes, start)
        if found is not None:
            return found
    new = renew(plan, *changes.apply(plan))
    limit = ChangeLimit.allow(find_keepable(plan, new.scored, new.problem), at_most_changes)
    running = None
    if new.problem.n_rows * new.problem.n_columns > NEARBY_FROM:
        running = find_running(plan, new, changes)
        look: Any = new.scored.evaluate
        near = _solve_near(new.problem, limit, running, look)
    else:
        near = None
    if near is not None:
        after, proof = replace(new, solution=near[0], earlier=running), near[1]
    else:
        running = None
        try:
            attempt = Attempt(
                _find_left(options, start, new.problem), options.progress, options.seed
            )
            after, proof = settle(plan, new, limit, attempt=attempt)
        except (TooManyChangesError, UnsettledError) as error:
            raise refuse_changes(limit, error) from None
    seconds = perf_counter() - start
    after = replace(after, seconds=seconds)
    pairs = after.solution.pairs
    return Rematch(after, plan, pairs, limit.column_of, at_most_changes, *proof, seconds, running)


def _find_left(options: Options, start: float, problem: AssignmentProblem) -> float | None:
    """Return the seconds that are left for a search, if there is a limit: a check comes after."""
    if options.time_limit is None:
        return None
    left = max(0.01, options.time_limit - (perf_counter() - start))
    return left - min(left / 2, _CHECK * problem.n_rows * problem.n_columns)


def _build_on(
    patch: Patchwork, changes: Changes, at_most_changes: int | None, start: float
) -> Rematch | None:
    """Re-match with few scores bound anew, or return None where that is not enough."""
    plan = patch.plan
    if at_most_changes == 0:
        found = fill_open_places(patch, changes)
        if found is not None:
            seconds = perf_counter() - start
            standing = found.certificate, None, seconds, None, found
            return Rematch(found.make, plan, found.pairs, found.column_of, 0, *standing)
    if patch.shape[0] * patch.shape[1] <= NEARBY_FROM:
        return None
    limit = ChangeLimit.allow(patch.find_keepable(), at_most_changes)
    running = patch.find_running()
    worth = None if plan.earlier else plan.units
    near = _solve_near(patch.pose(), limit, running, patch.evaluate, worth, patch.near)
    if near is None:
        return None
    make = partial(make_plan, patch, changes, near[0])
    told = *near[1], perf_counter() - start, running
    return Rematch(make, plan, near[0].pairs, limit.column_of, at_most_changes, *told)


def _solve_near(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    running: Running | None,
    look: Callable[..., tuple[NDArray[np.integer], NDArray[np.bool_]]],
    worth: NDArray[np.int64] | None = None,
    known: NearPairs | None = None,
) -> tuple[AssignmentSolution, Proof] | None:
    """Solve and prove near the running plan, without a look at most pairs; None if that fails.

    ``worth`` are the gains of the pairs of the plan whose proof is built on, if they are at hand,
    ``known`` the pairs of the present problem that are nearly as good at its prices.
    """
    profit = None if running is None else leave_rows(running, worth)
    if running is None or profit is None:
        return None
    ground = Ground(
        np.where(running.row >= 0, profit[running.row], -1),
        np.where(running.column >= 0, running.prices.column[running.column], -1),
        running.prices.bonus,
        known,
    )
    look = Lines(look, (problem.n_rows, problem.n_columns))
    try:
        found = solve_nearby(problem, limit.column_of, limit.n_kept, ground, look)
    except TooManyChangesError as error:
        raise refuse_changes(limit, error) from None
    if found is None or not isinstance(found.dual, ChangePrices):
        return None
    dual = _add_cover(problem, found.pairs, found.dual, running, look)
    certificate = certify_nearby(problem, limit, found.pairs, dual, running, look, profit)
    prices = replace(dual.prices, bonus=dual.bonus, scale=dual.scale)
    solution = AssignmentSolution(found.pairs, prices, Status.FEASIBLE, found.solver)
    return solution, (certificate, dual)


def _add_cover(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    dual: ChangePrices,
    running: Running,
    look: Callable[..., tuple[NDArray[np.integer], NDArray[np.bool_]]],
) -> ChangePrices:
    """Return prices with a cover that says how many can be matched, if the running plan had one."""
    known = find_covered(running) if problem.objective == "coverage" else None
    if known is None or running.prices.coverage is None:
        return dual
    before = np.where(running.column >= 0, running.prices.coverage.column[running.column], 1)
    covered = np.where(running.row >= 0, known[running.row], True)
    cover = renew_cover(problem, pairs, before, covered, look)
    return replace(dual, prices=replace(dual.prices, coverage=Prices(cover)))
