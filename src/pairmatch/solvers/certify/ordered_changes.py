"""Answers with few changes where something comes before the total: tiers, or the lowest gain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.changes import (
    ChangeLimit,
    ChangePrices,
    bound_changes,
    certify_rematching,
)
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["LowestPrices", "certify_changes"]


@dataclass(frozen=True, slots=True, eq=False)
class LowestPrices:
    """What proves an answer with few changes whose lowest gain is as high as possible.

    Parameters
    ----------
    cover : ChangePrices or None
        Prove that no answer matches more rows; every pair counts the same.
    above : ChangePrices or None
        Prove that none matches as many by pairs above the lowest gain; None where there are none.
    total : ChangePrices or None
        Bound the sum of gains of answers by pairs of at least the lowest gain.
    """

    cover: ChangePrices | None
    above: ChangePrices | None
    total: ChangePrices | None


def certify_changes(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices | LowestPrices | None,
    slots: NDArray[np.int64] | None = None,
) -> Certificate:
    """Check an answer with a limited number of changes, whatever comes before the total.

    Parameters
    ----------
    problem, limit, pairs, slots
        As for :func:`certify_rematching`; the objective may also be "worst_off", and there may be
        tiers.
    dual : ChangePrices, LowestPrices or None
        The prices that prove it.

    Returns
    -------
    Certificate
        With tiers or "worst_off" there is a ``bound`` only if no answer that keeps as many pairs
        is better before the total; it holds for those that are as good.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, keeps too few pairs, or the prices are of the wrong kind.

    Notes
    -----
    Tiers become weights. A weight is so large that one pair more of its tier is worth more than
    twice all that the answer has of later tiers and of gains; what is left between answer and
    bound then says whether a better tier is ruled out. The lowest gain is proved by counting pairs.
    """
    if problem.tiers is not None:
        return _certify_tiers(problem, limit, pairs, dual, slots)
    if problem.objective == "worst_off":
        return _certify_lowest(problem, limit, pairs, dual)
    if isinstance(dual, LowestPrices):
        raise CertificateError("these prices are for another objective")
    return certify_rematching(problem, limit, pairs, dual, slots)


def _certify_tiers(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices | LowestPrices | None,
    slots: NDArray[np.int64] | None,
) -> Certificate:
    """Check an answer by tiers."""
    if not isinstance(problem.tiers, np.ndarray):
        raise CertificateError("tiers of a pool of this size have no limit on changes")
    plain = replace(problem, tiers=None)
    known = certify_rematching(plain, limit, pairs, None, slots)
    if dual is None:
        return known
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    n_tiers = int(problem.tiers[allowed].max(initial=0)) + 1
    if isinstance(dual, LowestPrices) or len(dual.tier) < n_tiers or min(dual.tier) < 0:
        raise CertificateError("there must be a weight for each tier")
    weight = np.array(dual.tier, np.int64)
    tiers = np.where(allowed, problem.tiers, 0)  # those of other pairs may have no weight
    weighted = np.where(allowed, gain.astype(np.int64) + weight[tiers], 0)
    lifted = replace(plain, gains=MatrixGains(weighted, allowed))
    found = certify_rematching(lifted, limit, pairs, replace(dual, tier=()), slots)
    places = min(problem.n_rows, int(problem.capacity.sum()))
    spread = known.objective - places * min(0, int(gain[allowed].min(initial=0)))
    count = np.bincount(problem.tiers[pairs[:, 0], pairs[:, 1]], minlength=len(weight)).tolist()
    below, last = spread, len(count) - 1
    for k in reversed(range(len(count))):
        # How many pairs are of the last tier is settled by the number of pairs, its weight is not.
        if dual.tier[k] <= 2 * below and not (k == last and problem.objective == "coverage"):
            return known
        below += count[k] * dual.tier[k]
    if found.bound is None or found.bound - found.objective > spread:
        return replace(known, matched_bound=found.matched_bound)
    bound = known.objective + found.bound - found.objective
    return replace(known, bound=bound, matched_bound=found.matched_bound)


def _certify_lowest(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices | LowestPrices | None,
) -> Certificate:
    """Check an answer whose lowest gain, pins apart, should be as high as possible."""
    if problem.slots is not None or problem.at_least.any() or problem.budgets:
        raise CertificateError("slots, minimum loads and budgets have no place here")
    plain = replace(problem, objective="coverage")
    known = certify_rematching(plain, limit, pairs, None)
    if dual is None:
        return known
    if isinstance(dual, ChangePrices):
        raise CertificateError("these prices are for another objective")
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    fixed = np.zeros(allowed.shape, np.bool_)
    fixed[problem.pins[:, 0], problem.pins[:, 1]] = True
    own = gain[pairs[:, 0], pairs[:, 1]][~fixed[pairs[:, 0], pairs[:, 1]]]
    lowest = int(own.min()) if len(own) else None
    nothing = np.zeros_like(gain)
    covers = certify_rematching(
        replace(plain, gains=MatrixGains(nothing, allowed)), limit, pairs, dual.cover
    )
    known = replace(known, matched_bound=covers.matched_bound)
    if covers.matched_bound != len(pairs):
        return known
    pinned = AssignmentSolution(problem.pins, None, Status.FEASIBLE, "")
    if lowest is not None:
        higher = replace(plain, gains=MatrixGains(nothing, allowed & (fixed | (gain > lowest))))
        if dual.above is None or dual.above.bonus < 1:
            return known
        most = bound_changes(higher, limit, dual.above, pinned)
        if most is None or most >= dual.above.bonus * len(pairs):
            return known
    as_high = allowed if lowest is None else allowed & (fixed | (gain >= lowest))
    part = replace(plain, gains=MatrixGains(np.where(as_high, gain, 0), as_high))
    return replace(known, bound=certify_rematching(part, limit, pairs, dual.total).bound)
