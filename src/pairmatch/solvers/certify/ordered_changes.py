"""Answers with few changes where something comes before the total: tiers, or the lowest gain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.changes import (
    ChangeLimit,
    ChangePrices,
    ChangeStep,
    bound_changes,
    certify_rematching,
)
from pairmatch.solvers.certify.demand_changes import DemandPrices, certify_demand_changes
from pairmatch.solvers.certify.fair import EqualAnswers, check_prices
from pairmatch.solvers.certify.sums import find_magnitude
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["ChangeDual", "LowestPrices", "OrderedPrices", "certify_changes"]

_LIMIT = 2**61


@dataclass(frozen=True, slots=True, eq=False)
class OrderedPrices:
    """What proves an answer with few changes goal by goal.

    Parameters
    ----------
    steps : tuple of ChangeStep
        Coverage (not under "total"), then each tier that an allowed pair of a row without pin has,
        or each distinct gain of the pairs that are not pinned, ascending.
    total : ChangeStep or None
        The total after tiers.
    """

    steps: tuple[ChangeStep, ...]
    total: ChangeStep | None


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


ChangeDual: TypeAlias = ChangePrices | LowestPrices | OrderedPrices | DemandPrices
"""What proves an answer with few changes."""


def certify_changes(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangeDual | None,
    slots: NDArray[np.int64] | None = None,
) -> Certificate:
    """Check an answer with a limited number of changes, whatever comes before the total.

    Parameters
    ----------
    problem, limit, pairs, slots
        As for :func:`certify_rematching`; the objective may also be "worst_off" or "leximin", and
        there may be tiers.
    dual : ChangePrices, LowestPrices, OrderedPrices, DemandPrices or None
        The prices that prove it.

    Returns
    -------
    Certificate
        Under "leximin" ``levels`` are how many of the lowest are proved, where not all are. With
        tiers, "worst_off" or "leximin" there is a ``bound`` only if no answer that keeps as
        many pairs is better before the total; it holds for those that are as good. Where rows
        should have several columns, as of
        :func:`~pairmatch.solvers.certify.demand_changes.certify_demand_changes`.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, keeps too few pairs, or the prices are of the wrong kind.

    Notes
    -----
    Goal by goal, each is bounded by weak duality among the answers that are as good by those before
    it; the limit is one more constraint, and its price one more price. Where a bound with a price
    above 0 is reached, answers that reach it keep just as many pairs as they must. Goals are whole
    numbers: a bound less than 1 above the answer proves it as well, and answers that are as good
    then miss the bound by no more than this one does.

    Tiers may also become weights. A weight is so large that one pair more of its tier is worth more
    than twice all that the answer has of later tiers and of gains; what is left between answer and
    bound then says whether a better tier is ruled out. The lowest gain is proved by counting pairs.
    """
    if (problem.demand > 1).any():
        if dual is not None and not isinstance(dual, DemandPrices):
            raise CertificateError("these prices are for rows with one column")
        return certify_demand_changes(problem, limit, pairs, dual, slots)
    if isinstance(dual, DemandPrices):
        raise CertificateError("these prices are for rows with several columns")
    if isinstance(dual, OrderedPrices):
        return _certify_goals(problem, limit, pairs, dual)
    if problem.objective == "leximin":
        if dual is not None:
            raise CertificateError("these prices are for another objective")
        return certify_rematching(replace(problem, objective="coverage"), limit, pairs, None, slots)
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


def _certify_goals(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: OrderedPrices,
) -> Certificate:
    """Check an answer goal by goal."""
    leximin, tiers = problem.objective == "leximin", problem.tiers
    if problem.slots is not None or problem.budgets or leximin == isinstance(tiers, np.ndarray):
        raise CertificateError("these prices are for tiers or leximin, without slots and budgets")
    covers = problem.objective != "total"
    plain = replace(problem, objective="coverage" if covers else "total", tiers=None)
    known = certify_rematching(plain, limit, pairs, None)
    every = dual.steps if dual.total is None else (*dual.steps, dual.total)
    answer = AssignmentSolution(
        pairs, None, Status.FEASIBLE, "", steps=tuple(step.prices for step in every)
    )
    check_prices(problem, answer)
    goals = _Goals(problem, limit, np.asarray(pairs, np.int64).reshape(-1, 2))
    face, steps, proved = goals.face, list(dual.steps), True
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    covered = True
    if covers:
        bound, covered = goals.reach(np.ones_like(face.gain), steps.pop(0) if steps else None)
        most = None if bound is None else bound + len(problem.pins)
        known, proved = replace(known, matched_bound=most), covered
    if leximin:
        below, n_proved = np.iinfo(np.int64).min, 0
        for level in np.unique(face.gain[face.chosen]).tolist():
            face.keep((face.gain <= below) | (face.gain >= level))
            on_level = -(face.gain == level).astype(np.int64)
            proved = proved and goals.reach(on_level, steps.pop(0) if steps else None)[1]
            if not proved:
                return replace(known, levels=n_proved or None)
            below, n_proved = level, n_proved + 1
        return replace(known, bound=known.objective) if proved and not steps else known
    assert isinstance(tiers, np.ndarray)  # noqa: S101 - looked at above
    for k in np.unique(tiers[face.row, face.column]).tolist():
        of_tier = (tiers[face.row, face.column] == k).astype(np.int64)
        proved = proved and goals.reach(of_tier, steps.pop(0) if steps else None)[1]
        if not proved:
            return known
    if steps or not proved or dual.total is None:
        return known
    bound, _ = goals.reach(face.gain, dual.total)
    return known if bound is None else replace(known, bound=bound + int(pinned.sum()))


class _Goals:
    """The answers that keep enough pairs and are as good as this one by the goals so far."""

    def __init__(
        self, problem: AssignmentProblem, limit: ChangeLimit, pairs: NDArray[np.int64]
    ) -> None:
        self.face, self.limit = EqualAnswers(problem, pairs), limit
        self.least = max(0, limit.n_kept - limit.count_kept(problem.pins))
        self.exact = False  # whether answers as good keep no more than they must

    def reach(self, goal: NDArray[np.int64], step: ChangeStep | None) -> tuple[int | None, bool]:
        """Return a bound on a goal, and whether this answer reaches it; then others must, too."""
        if step is None:
            return None, False
        face = self.face
        if step.scale < 1:
            raise CertificateError("the prices of changes are of the wrong sign")
        if step.keep < 0 and not self.exact:
            return None, False
        size = step.scale * find_magnitude(goal) + abs(step.keep) * (self.least + 1)
        if size > _LIMIT:
            raise CertificateError("gains and prices are too large to be added up exactly")
        was = self.limit.contains(face.row, face.column)
        bound = face.bound(step.scale * goal + step.keep * was, step.prices)
        bound -= step.keep * self.least
        slack = bound - step.scale * sum(goal[face.chosen].tolist())
        reached = slack < step.scale  # goals are whole numbers
        if reached:
            face.narrow(slack)
            self.exact = self.exact or abs(step.keep) > slack
        return bound // step.scale, reached
