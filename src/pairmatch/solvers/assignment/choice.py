"""Which exact method takes which assignment problem."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.solvers.assignment.fairness.choice import (
    check_fairness,
    forget_proof,
    is_fair,
    set_fairness_aside,
    solve_fairly,
)
from pairmatch.solvers.assignment.held.conflict import LoadConflict, refine_conflict
from pairmatch.solvers.assignment.held.costs import put_costs_in_gains
from pairmatch.solvers.assignment.held.demand import has_demand, solve_demand
from pairmatch.solvers.assignment.held.dense import fits_dense, solve_dense
from pairmatch.solvers.assignment.held.draft import UNMET, draft_plan, take_better
from pairmatch.solvers.assignment.held.flow import solve_by_flow
from pairmatch.solvers.assignment.held.integer import solve_by_integers
from pairmatch.solvers.assignment.held.layout import find_laminar
from pairmatch.solvers.assignment.held.packed_demand import solve_packed_demand
from pairmatch.solvers.assignment.held.remainder import price_no_quota, set_pins
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.meetings.demand import solve_demand_with_slots
from pairmatch.solvers.assignment.meetings.fairness import solve_fairly_with_slots
from pairmatch.solvers.assignment.meetings.solver import solve_with_slots
from pairmatch.solvers.assignment.pricing.demand_rounds import solve_demand_streamed
from pairmatch.solvers.assignment.pricing.drafting import draft_in_blocks
from pairmatch.solvers.assignment.pricing.quota_rounds import (
    breaks_quota,
    quota_binds,
    solve_with_quotas,
)
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from pairmatch.solvers.assignment.pricing.watching import Progress
    from pairmatch.solvers.problem import AssignmentProblem, Budget
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["METHODS", "Method", "choose_method", "solve_assignment"]

Method = Literal["auto", "dense", "flow", "pricing", "integer"]
METHODS: tuple[Method, ...] = get_args(Method)

_LARGE = 4000 * 4000  # pairs; above, a matrix and its copies are more than a notebook may want
_DENSE_MOST = 1500 * 1500  # pairs from which on compiled pricing beats the dense solver
_DENSE_MOST_PLAIN = 3500 * 3500  # the same without numba
_FLOW_MOST = 400_000  # pairs from which on pricing beats a flow over all of them
_SLOWEST = 2e-9  # seconds a cubed row that the dense solver takes where it is slow
_LATE, _DRAFTING = 0.7, 0.2  # seconds after a limit to meet minimum loads, and to seat others
_DENSITY = 0.1  # share of allowed pairs from which on the dense solver beat the flow


def solve_assignment(
    problem: AssignmentProblem,
    *,
    method: Method = "auto",
    seed: int = 0,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> AssignmentSolution:
    """Return the best plan of an assignment problem, with prices that prove it.

    Parameters
    ----------
    problem : AssignmentProblem
        Gains, loads, pins, quotas and budgets.
    method : {"auto", "dense", "flow", "pricing", "integer"}, default: "auto"
        How to look for it; the plan does not depend on it. ``"dense"``: one place each, no
        minimum loads, no quota that binds. ``"flow"``: any loads, and quotas that nest.
        ``"pricing"``: the same, but never more than a few pairs of each person at a time.
        ``"integer"``: everything, slowly, and alone budgets that bind. ``"auto"``: whichever of
        those that can is likely to be the fastest.
    seed : int, default: 0
        Where ``"pricing"`` begins.
    time_limit : float, optional
        Seconds after which the best plan so far is returned, with a true bound if there is one.
        Ctrl-C ends a solve in the same way.
    progress : callable, optional
        Called by ``"pricing"`` with (round, gap, seconds).

    Returns
    -------
    AssignmentSolution
        Pairs, prices and status. Among equally good plans: under "total" one that matches most
        rows, then most even loads (least sum of squares), then a fixed choice by the indices.
        With a fair objective or tiers also the ``steps`` of the proof, and the ``price``.

    Raises
    ------
    ProgramError
        If the method does not exist or cannot take a problem like this one.
    CapabilityError
        If quotas cross, or a budget binds, under a fair objective or with tiers; or if nothing
        that meets the minimum loads was found within the time limit.
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If the gains are too large for exact 64-bit arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> gain = np.array([[5, 4], [5, 1], [3, 3]])
    >>> problem = AssignmentProblem(
    ...     gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
    ...     capacity=np.array([1, 2]),
    ...     at_least=np.array([0, 0]),
    ... )
    >>> solve_assignment(problem).pairs.tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    if problem.cost is not None:
        problem = put_costs_in_gains(problem)
    if problem.slots is not None:
        if problem.budgets and not _is_budgeted(problem):
            problem = replace(problem, budgets=())
        plain = partial(solve_assignment, method=method, seed=seed, time_limit=time_limit)
        plain = partial(plain, progress=progress)
        if has_demand(problem):
            return solve_demand_with_slots(problem, plain, time_limit=time_limit)
        timed = partial(solve_with_slots, solve=plain, time_limit=time_limit)
        if is_fair(problem):
            return solve_fairly_with_slots(problem, timed, time_limit=time_limit)
        return timed(problem)
    watch = Watch(time_limit)
    try:
        return _solve(problem, method, watch, progress, seed)
    except OutOfTime:
        status = Status.TIME_LIMIT
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    known = watch.recall()
    if known is None:
        known = _draft(problem)
    elif not (problem.at_least.any() or is_fair(problem)):
        known = take_better(problem, known, draft_plan(problem))
    return replace(known, status=status)


def _draft(problem: AssignmentProblem) -> AssignmentSolution:
    """Return a valid plan in no time."""
    gains = problem.gains.source if isinstance(problem.gains, DeferredGains) else problem.gains
    plain = not (problem.quotas or problem.budgets)
    if not plain or not isinstance(gains, StreamedGains):
        return draft_plan(problem)
    late = monotonic() + _LATE

    def check() -> None:
        if monotonic() > late:
            raise CapabilityError(UNMET)

    return draft_in_blocks(replace(problem, gains=gains), monotonic() + _DRAFTING, check)


def _solve(
    problem: AssignmentProblem,
    method: Method,
    watch: Watch,
    progress: Progress | None,
    seed: int,
) -> AssignmentSolution:
    """Return the best plan of a problem by a method, or raise when the time is over."""
    chosen = choose_method(problem, method, time_limit=watch.left)
    if problem.budgets and not _is_budgeted(problem):
        problem = replace(problem, budgets=())
    if has_demand(problem):
        held = _hold(problem, watch)
        if isinstance(held.gains, StreamedGains):
            try:
                return solve_demand_streamed(held, watch, progress)
            except LoadConflict as conflict:
                raise refine_conflict(held, conflict) from None
        search = solve_packed_demand if chosen == "integer" else solve_demand
        return watch.hurry(lambda: search(held, watch))
    if is_fair(problem):

        def solve(plain: AssignmentProblem) -> AssignmentSolution:
            found = _solve(plain, method, watch, progress, seed)
            if found.status in (Status.TIME_LIMIT, Status.INTERRUPTED):
                rough = watch.recall() or replace(found, prices=None)
                watch.keep(lambda: rough)
                raise OutOfTime if found.status is Status.TIME_LIMIT else KeyboardInterrupt
            return found

        best = None
        check_fairness(problem)
        gains = problem.gains
        if isinstance(gains, DeferredGains):
            gains = gains.source
        if watch.deadline is not None and isinstance(gains, StreamedGains):
            # A plan to fall back on, before there is any matrix.
            rough = best = solve(set_fairness_aside(replace(problem, gains=gains)))
            watch.keep(lambda: forget_proof(rough))
        problem = _hold(problem, watch)
        return watch.hurry(lambda: solve_fairly(problem, solve, watch, best))
    if chosen == "pricing":
        open_problem = replace(problem, quotas=())
        try:
            solution = solve_by_pricing(
                open_problem, time_limit=watch.left, progress=progress, seed=seed
            )
        except LoadConflict as conflict:
            raise refine_conflict(open_problem, conflict) from None
        if breaks_quota(problem, solution.pairs):
            return solve_with_quotas(problem, solution, time_limit=watch.left, progress=progress)
        return _price_quotas(problem, solution)
    problem = _hold(problem, watch)
    if chosen == "dense":
        settled = watch.hurry(lambda: solve_dense(problem, watch))
        if settled is not None:
            return settled
    if chosen == "integer":
        return watch.hurry(lambda: solve_by_integers(problem, watch))
    return watch.hurry(lambda: solve_by_flow(problem, watch))


def choose_method(
    problem: AssignmentProblem, method: Method = "auto", *, time_limit: float | None = None
) -> Method:
    """Return the method that takes a problem, by its size and structure.

    Parameters
    ----------
    problem : AssignmentProblem
        Gains, loads, pins and quotas.
    method : {"auto", "dense", "flow", "pricing", "integer"}, default: "auto"
        What was asked for.
    time_limit : float, optional
        Seconds; where the dense solver might take longer, pricing is preferred, which has a plan
        and a bound at any time.

    Returns
    -------
    str
        "integer" where quotas cross each other or a budget binds; "pricing" for large pools;
        "dense" with one place each; "flow" for everything else, fair objectives and rows that
        should have several columns included.

    Raises
    ------
    ProgramError
        If the method does not exist or cannot take a problem like this one; the alternatives are
        named.
    CapabilityError
        If a budget binds under a fair objective or with tiers.
    """
    if method not in METHODS:
        raise ProgramError(
            f"{method!r} is no method to solve an assignment; the methods are {', '.join(METHODS)}"
        )
    if has_demand(problem):
        if _is_budgeted(problem) and method in ("auto", "integer"):
            return "integer"
        if method not in ("auto", "flow"):
            raise ProgramError(
                f'method "{method}" gives every mentee one mentor; use "flow" or "auto"'
            )
        return "pricing" if _is_streamed(problem) else "flow"
    if _is_budgeted(problem):
        _check_budgets(problem, method)
        return "integer"
    if is_fair(problem):
        if method == "integer":
            raise ProgramError(
                'method "integer" knows neither fair objectives nor tiers; use "flow" or "auto"'
            )
        return "pricing" if _is_streamed(problem) else "flow"
    dense = fits_dense(problem)
    nested = len(find_laminar(problem.quotas, set_pins(problem).rows)) == len(problem.quotas)
    free = not any(quota_binds(problem, quota) for quota in problem.quotas)
    if method == "dense" and not dense:
        raise ProgramError(
            'method "dense" takes one place each, without minimum loads and binding quotas; '
            'use "flow", "pricing", "integer" or "auto"'
        )
    if method == "flow" and not nested:
        raise ProgramError(
            'method "flow" takes quotas only whose classes lie within each other or apart; '
            'use "integer" or "auto"'
        )
    if method == "pricing" and not (free or nested):
        raise ProgramError(
            'method "pricing" takes quotas that bind only if their classes lie within each other '
            'or apart; use "integer" or "auto"'
        )
    if method != "auto":
        return method
    if free and _is_large(problem, dense=dense):
        return "pricing"
    if free and time_limit is not None and _SLOWEST * problem.n_rows**3 > time_limit:
        return "pricing"
    if not nested:
        return "integer"
    if not free and _is_large(problem, dense=False):
        return "pricing"
    return "dense" if dense and _pays_off(problem) else "flow"


def _is_streamed(problem: AssignmentProblem) -> bool:
    """Return whether the gains are a recipe for blocks and never become a matrix."""
    n_pairs = problem.n_rows * problem.n_columns
    return isinstance(problem.gains, StreamedGains) and n_pairs > _LARGE


def _is_budgeted(problem: AssignmentProblem) -> bool:
    """Return whether some column could exceed a budget with all its places taken."""
    return any(_can_exceed(problem, budget) for budget in problem.budgets)


def _can_exceed(problem: AssignmentProblem, budget: Budget) -> bool:
    """Return whether the rows that use most exceed a budget, as many as a column has places."""
    if not problem.n_rows or not problem.n_columns:
        return False
    spent = np.cumsum(np.sort(budget.use, axis=0)[::-1], axis=0)
    last = np.minimum(problem.capacity, problem.n_rows) - 1
    most = spent[last, 0] if spent.shape[1] == 1 else spent[last, np.arange(problem.n_columns)]
    return bool(((last >= 0) & (most > budget.limit)).any())


def _check_budgets(problem: AssignmentProblem, method: Method) -> None:
    """Raise unless what was asked for goes together with budgets."""
    if is_fair(problem):
        wish = "tiers" if problem.tiers is not None else f"objective {problem.objective!r}"
        raise CapabilityError(
            f"{wish} cannot be honoured together with minutes that differ between mentees; use "
            "objective 'coverage' or 'total' without tiers, or the same minutes for everybody"
        )
    if method not in ("integer", "auto"):
        raise ProgramError(
            f'method "{method}" takes no minutes that differ between mentees; '
            'use "integer" or "auto"'
        )


def _price_quotas(problem: AssignmentProblem, solution: AssignmentSolution) -> AssignmentSolution:
    """Return the solution with prices of 0 for quotas that do not bind."""
    if not problem.quotas or solution.prices is None:
        return solution
    zero = price_no_quota(problem)
    prices = replace(solution.prices, quota=zero)
    if prices.coverage is not None:
        prices = replace(prices, coverage=replace(prices.coverage, quota=zero))
    return replace(solution, prices=prices)


def _is_large(problem: AssignmentProblem, *, dense: bool) -> bool:
    """Return whether looking at a few pairs of each person beats looking at all at once."""
    gains = problem.gains
    n_pairs = gains.shape[0] * gains.shape[1]
    if dense:
        compiled = find_spec("numba") is not None
        return n_pairs > (_DENSE_MOST if compiled else _DENSE_MOST_PLAIN)
    if isinstance(gains, MatrixGains):
        n_pairs = int(np.count_nonzero(gains.allowed))
    return n_pairs > _FLOW_MOST


def _hold(problem: AssignmentProblem, watch: Watch) -> AssignmentProblem:
    """Return the problem with its gains in a matrix, unless that would be a large one."""
    gains = problem.gains
    if isinstance(gains, DeferredGains):
        watch.hurry(lambda: gains.fill(watch.check))
        return problem
    if isinstance(gains, MatrixGains) or gains.shape[0] * gains.shape[1] > _LARGE:
        return problem
    held = DeferredGains(gains)
    watch.hurry(lambda: held.fill(watch.check))
    return replace(problem, gains=held.fill())


def _pays_off(problem: AssignmentProblem) -> bool:
    """Return whether the dense solver is likely to be the faster one."""
    gains = problem.gains
    if not isinstance(gains, MatrixGains):
        return gains.shape[0] * gains.shape[1] <= _LARGE
    return bool(gains.allowed.sum() >= _DENSITY * gains.allowed.size)
