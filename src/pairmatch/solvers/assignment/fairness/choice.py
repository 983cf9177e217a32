"""Objectives that look at more than the sum: the worst off, everybody in order, tiers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.solvers.assignment.fairness.bottleneck import solve_worst_off_streamed
from pairmatch.solvers.assignment.fairness.leximin import solve_leximin
from pairmatch.solvers.assignment.fairness.leximin_rounds import solve_leximin_streamed
from pairmatch.solvers.assignment.fairness.quota_thresholds import solve_worst_off_with_quotas
from pairmatch.solvers.assignment.fairness.tiers import solve_by_tiers
from pairmatch.solvers.assignment.fairness.weighted_tiers import solve_tiers_streamed
from pairmatch.solvers.assignment.fairness.worst_off import solve_worst_off
from pairmatch.solvers.assignment.held.layout import find_laminar
from pairmatch.solvers.assignment.held.remainder import set_pins
from pairmatch.solvers.assignment.held.watch import Watch
from pairmatch.solvers.assignment.pricing.quota_rounds import quota_binds
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.streamed import StreamedGains
from pairmatch.solvers.tables import stream_table
from pairmatch.solvers.tiers import StreamedTiers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = [
    "check_fairness",
    "forget_proof",
    "is_fair",
    "set_fairness_aside",
    "solve_fairly",
    "stream_levels",
]

_STREAMED_FROM = 400 * 400  # pairs from which on "leximin" looks at a few of each person


def is_fair(problem: AssignmentProblem) -> bool:
    """Return whether a problem asks for more than coverage and the largest total.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.

    Returns
    -------
    bool
        Whether its objective is "worst_off" or "leximin", or it has tiers.
    """
    return problem.objective in ("worst_off", "leximin") or problem.tiers is not None


def solve_fairly(
    problem: AssignmentProblem,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
    watch: Watch | None = None,
    best: AssignmentSolution | None = None,
) -> AssignmentSolution:
    """Return the best plan of a problem under "worst_off", "leximin" or with tiers.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem for which :func:`is_fair` holds.
    solve : callable
        Solves a problem of the same loads, pins and quotas under "coverage" or "total".
    watch : Watch, optional
        The clock, and where plans are kept that are not proved best yet.
    best : AssignmentSolution, optional
        The solution without the fair objective or the tiers, if it is known.

    Returns
    -------
    AssignmentSolution
        With ``steps`` that prove every objective before the total, and its ``price``: how much
        less the total is than without the fair objective or the tiers.

    Raises
    ------
    CapabilityError
        If quotas do not nest, so that one network cannot hold them, or there are more tiers than
        can be told apart exactly.
    ProgramError
        If tiers come with a fair objective, or are no table of whole numbers from 0.
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If the gains are too large for exact 64-bit arithmetic.
    """
    check_fairness(problem)
    quotas_bind = any(quota_binds(problem, quota) for quota in problem.quotas)
    plain = set_fairness_aside(problem)
    table = stream_levels(problem)
    if table is not None:  # no quota binds: none of them is to have a price
        plain = replace(plain, quotas=())
    best = best or solve(plain)
    rough = best
    watch = watch or Watch()
    watch.keep(lambda: forget_proof(rough))
    if isinstance(problem.gains, StreamedGains) and isinstance(problem.tiers, StreamedTiers):
        fair = solve_tiers_streamed(plain, problem.gains, problem.tiers, best, solve)
        return replace(fair, price=_add_up(problem, best) - _add_up(problem, fair))
    if isinstance(problem.gains, StreamedGains):
        by_level = problem.objective == "leximin"
        if quotas_bind:
            fair = solve_worst_off_with_quotas(
                plain, problem.gains, best, solve, watch, any_total=by_level
            )
        else:
            fair = solve_worst_off_streamed(
                plain, problem.gains, best, solve, watch, any_total=by_level
            )
        if by_level:
            fair = solve_leximin_streamed(plain, problem.gains, fair, watch)
        return replace(fair, price=_add_up(problem, best) - _add_up(problem, fair))
    if problem.tiers is not None:
        fair = solve_by_tiers(problem, best, watch)
    elif table is not None and len(best.pairs):
        fair = solve_worst_off_streamed(plain, table, best, solve, watch, any_total=True)
        fair = solve_leximin_streamed(plain, table, fair, watch)
    else:
        fair = solve_worst_off(plain, best, solve, watch)
        if problem.objective == "leximin":
            lowest = fair
            watch.keep(lambda: replace(lowest, prices=None))
            fair = solve_leximin(plain, fair, solve, watch)
    return replace(fair, price=_add_up(problem, best) - _add_up(problem, fair))


def stream_levels(problem: AssignmentProblem) -> StreamedGains | None:
    """Return the gains of a pool that is held, if levels are settled sooner over a few of them.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem for which :func:`is_fair` holds.

    Returns
    -------
    StreamedGains or None
        None where all levels are settled over all pairs: in small pools, and where quotas bind.
    """
    gains = problem.gains
    if problem.objective != "leximin" or not isinstance(gains, MatrixGains):
        return None
    if problem.n_rows * problem.n_columns < _STREAMED_FROM:
        return None
    if any(quota_binds(problem, quota) for quota in problem.quotas):
        return None
    return stream_table(gains)


def check_fairness(problem: AssignmentProblem) -> None:
    """Raise, before any work, where a fair objective or tiers cannot be honoured.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem for which :func:`is_fair` holds.

    Raises
    ------
    CapabilityError, ProgramError
        As :func:`solve_fairly`.
    """
    wish = "tiers" if problem.tiers is not None else f"objective {problem.objective!r}"
    if len(find_laminar(problem.quotas, set_pins(problem).rows)) < len(problem.quotas):
        raise CapabilityError(
            f"{wish} can be honoured only with quotas whose classes lie within each other or "
            "apart; drop one of the quotas that cross, or use objective 'coverage' or 'total' "
            "without tiers"
        )
    if problem.tiers is not None:
        _check_tiers(problem)


def set_fairness_aside(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem without its fair objective, or without its tiers.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem for which :func:`is_fair` holds. Where gains are streamed, quotas of which none
        binds are left out as well, so that no place within them has a price.
    """
    objective = "total" if problem.objective == "total" else "coverage"
    plain: AssignmentProblem = replace(problem, objective=objective, tiers=None)  # type: ignore[arg-type]
    bound = any(quota_binds(problem, quota) for quota in problem.quotas)
    if isinstance(problem.gains, StreamedGains) and not bound:
        plain = replace(plain, quotas=())
    return plain


def forget_proof(solution: AssignmentSolution) -> AssignmentSolution:
    """Return a plan that says nothing about the objectives before the total.

    Parameters
    ----------
    solution : AssignmentSolution
        The solution of a problem without these objectives.
    """
    return replace(solution, prices=None, steps=(), price=None)


def _check_tiers(problem: AssignmentProblem) -> None:
    """Raise unless the tiers are a table of whole numbers from 0, beside a plain objective."""
    tiers = problem.tiers
    if problem.objective in ("worst_off", "leximin"):
        raise ProgramError(
            f"objective {problem.objective!r} and tiers both say what comes before the total; "
            "use tiers with objective 'coverage' or 'total'"
        )
    if isinstance(tiers, StreamedTiers) and tiers.shape == problem.gains.shape:
        return
    if (
        tiers is None
        or isinstance(tiers, StreamedTiers)
        or tiers.shape != problem.gains.shape
        or tiers.dtype.kind not in "iu"
    ):
        kind = "int64" if not isinstance(tiers, np.ndarray) else tiers.dtype
        found = "nothing" if tiers is None else f"{kind} {tiers.shape}"
        raise ProgramError(
            f"tiers must be whole numbers of shape {problem.gains.shape}, not {found}"
        )
    if tiers.min(initial=0) < 0:
        raise ProgramError(f"tiers are counted from 0, found {tiers.min()}")


def _add_up(problem: AssignmentProblem, solution: AssignmentSolution) -> int:
    """Return the sum of the gains of a plan."""
    gain, _ = problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])
    return sum(np.asarray(gain).tolist())
