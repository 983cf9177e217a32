"""The best plan with few changes where something comes before the total: tiers, the lowest gain."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.demand import has_demand
from pairmatch.solvers.assignment.held.layout import find_laminar
from pairmatch.solvers.assignment.held.network import RangeError
from pairmatch.solvers.assignment.held.remainder import price_no_quota
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.certify.ordered_changes import LowestPrices
from pairmatch.solvers.changes.answers import Rematching, TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.demand_goals import solve_demand_goals
from pairmatch.solvers.changes.demand_meetings import solve_demand_meetings
from pairmatch.solvers.changes.goals import solve_goals
from pairmatch.solvers.changes.rematching import Weights, solve_rematching
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.certify.ordered_changes import ChangeDual
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_with_few_changes"]

_LARGEST = 2**61  # of weights times squared places, so that prices of changes stay in 64 bits

_TOO_LARGE = (
    "these scores are too large, or so many people in so many tiers need weights too "
    "large, to be added up exactly; use fewer levels, or match anew with match()"
)


def solve_with_few_changes(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    attempt: Attempt | None = None,
) -> Rematching:
    """Return the best plan that keeps at least ``n_kept`` of the pairs there were.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, held whole, of any objective; there may be tiers.
    column_of, n_kept, attempt
        As for :func:`solve_rematching`.

    Raises
    ------
    TooManyChangesError, UnsettledError, OutOfTime, KeyboardInterrupt
        As :func:`solve_rematching`.
    CapabilityError
        If tiers, "worst_off", "leximin" or several columns a row come with rules that this cannot
        prove, or with gains too large for exact arithmetic.

    Notes
    -----
    Tiers and levels are settled one after the other where quotas nest. Otherwise tiers become
    weights that outweigh what later tiers and gains of the answer are worth, learnt from answers to
    smaller weights. The lowest gain is searched for by bisection over the distinct
    gains, each time asking for as many pairs with as few changes.
    """
    attempt = attempt or Attempt()
    if has_demand(problem):
        return _serve_several(problem, column_of, n_kept, attempt)
    fair = problem.objective in ("worst_off", "leximin")
    if problem.tiers is None and not fair:
        return solve_rematching(problem, column_of, n_kept, None, attempt)
    open_rows = np.setdiff1d(np.arange(problem.n_rows), problem.pins[:, 0])
    nested = len(find_laminar(problem.quotas, open_rows)) == len(problem.quotas)
    what = "tiers" if problem.tiers is not None else f"objective={problem.objective!r}"
    others = {
        "meetings": problem.slots is not None,
        "minutes": bool(problem.budgets),
        "minimum loads": problem.objective == "worst_off" and problem.at_least.any(),
        "quotas that overlap": problem.objective == "leximin" and not nested,
    }
    found = [name for name, asked in others.items() if asked]
    if found:
        raise CapabilityError(
            f"rematch() cannot honour {what} together with {' and '.join(found)}; leave one of "
            "them out of the changed program, or match anew with match()"
        )
    if problem.objective == "worst_off":
        return _raise_lowest(problem, column_of, n_kept, attempt)
    try:
        return (solve_goals if nested else _weigh_tiers)(problem, column_of, n_kept, attempt)
    except RangeError:
        raise CapabilityError(_TOO_LARGE) from None


def _serve_several(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return the best plan of rows that should have several columns."""
    if problem.budgets:
        raise CapabilityError(
            "rematch() cannot honour minutes together with several mentors for one mentee; leave "
            "one of them out of the changed program, or match anew with match()"
        )
    solve = solve_demand_goals if problem.slots is None else solve_demand_meetings
    try:
        return solve(problem, column_of, n_kept, attempt)
    except RangeError:
        raise CapabilityError(_TOO_LARGE) from None


def _weigh_tiers(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return the best plan by tiers."""
    assert isinstance(problem.tiers, np.ndarray)  # noqa: S101 - held whole
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    n_tiers = int(problem.tiers[allowed].max(initial=0)) + 1
    places = min(problem.n_rows, int(problem.capacity.sum()))
    most, least = int(gain[allowed].max(initial=0)), int(gain[allowed].min(initial=0))
    spread = places * (most - least)
    covers = problem.objective == "coverage"
    tiers = np.minimum(problem.tiers, n_tiers - 1)
    count = np.ones(n_tiers, np.int64)
    while True:
        weights = _find_weights(count.tolist(), spread, covers)
        size = (max(weights.tier) + weights.bonus) * (places + 1) ** 2
        if size >= _LARGEST:
            raise RangeError(size, _LARGEST)
        found = solve_rematching(
            replace(problem, tiers=tiers), column_of, n_kept, weights, attempt.aside()
        )
        here = np.bincount(tiers[found.pairs[:, 0], found.pairs[:, 1]], minlength=n_tiers)
        if (here <= count).all():
            return replace(found, solver=f"weighted tiers, {found.solver}")
        attempt.keep(partial(replace, found, dual=None))
        count = np.maximum(count, here)  # weights only grow, and come to an end


def _find_weights(count: list[int], spread: int, covers: bool) -> Weights:
    """Return weights of which each is more than twice what may come after it."""
    below, tier = spread, [0] if covers else []
    for n_pairs in count[: len(count) - covers][::-1]:
        tier.append(2 * below + 1)
        below += n_pairs * tier[-1]
    return Weights(tuple(tier[::-1]), 2 * below + 1 if covers else 0)


def _raise_lowest(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return the plan whose lowest gain is highest, then of the largest total."""
    plain = replace(problem, objective="coverage")
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    gain = np.where(allowed, gain, 0).astype(np.int64)
    fixed = np.zeros(allowed.shape, np.bool_)
    fixed[problem.pins[:, 0], problem.pins[:, 1]] = True
    nothing = np.zeros_like(gain)

    def narrow(level: int) -> NDArray[np.bool_]:
        useful: NDArray[np.bool_] = allowed & (fixed | (gain >= level))
        return useful

    covering = solve_rematching(
        replace(plain, gains=MatrixGains(nothing, allowed)),
        column_of, n_kept, None, attempt.aside(),
    )  # fmt: skip
    most = len(covering.pairs)
    cover = covering.dual
    levels = np.unique(gain[allowed & ~fixed])
    low, high = 0, len(levels)
    above: ChangeDual | None = None
    free = Prices(np.zeros(problem.n_columns, np.int64), price_no_quota(problem))

    def sum_up(answer: Rematching) -> Rematching:
        over = above
        if over is None and high >= len(levels):  # nobody is above: every price proves that
            over = ChangePrices(free, 0, 1, 1)
        proofs = [p if isinstance(p, ChangePrices) else None for p in (cover, over, answer.dual)]
        solver = f"highest lowest gain, {answer.solver}"
        return replace(answer, dual=LowestPrices(*proofs), solver=solver)

    attempt.keep(partial(sum_up, replace(covering, dual=None)))
    while high - low > 1:
        middle = (low + high) // 2
        part = replace(plain, gains=MatrixGains(nothing, narrow(int(levels[middle]))))
        try:
            found = solve_rematching(part, column_of, n_kept, None, attempt.aside())
            enough, dual = len(found.pairs) >= most, found.dual
        except TooManyChangesError as error:
            enough, dual = False, error.args[1]
        except UnsettledError:
            enough, dual = False, None
        if enough:
            low = middle
            attempt.keep(partial(sum_up, replace(found, dual=None)))
        else:
            high, above = middle, dual
    useful = narrow(int(levels[low])) if len(levels) else allowed
    part = replace(plain, gains=MatrixGains(np.where(useful, gain, 0), useful))
    return sum_up(solve_rematching(part, column_of, n_kept, None, attempt.aside()))
