"""Whether an answer is best by fair objectives or tiers, where the matrix never exists.

Each objective is bounded by a problem of its own, block by block. Like the other checks this module
knows no solver.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.assignment import bound_matched, certify_assignment
from pairmatch.solvers.solution import Prices
from pairmatch.solvers.streamed import StreamedGains
from pairmatch.solvers.tiers import find_least_total, weigh_gains

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Certificate
    from pairmatch.solvers.tiers import StreamedTiers

__all__ = ["certify_lowest", "certify_tiers"]

_EXACT = 2**51  # weights below it leave float64 room for gains and prices


def certify_lowest(
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    rules: Certificate,
    deadline: float,
) -> Certificate:
    """Check coverage, the lowest gain and the total by bounds of three problems, block by block.

    Without prices, which would bound the total, ``levels`` is 0 if the lowest gain is proved.
    """
    gains = problem.gains
    assert isinstance(gains, StreamedGains)  # noqa: S101
    nothing = np.zeros(problem.n_columns, np.int64)
    steps = list(solution.steps)
    if not steps:
        return rules
    covered = Prices(nothing, coverage=replace(steps.pop(0), bonus=0))
    seen = certify_assignment(
        problem, replace(solution, prices=covered, steps=()), deadline=deadline
    )
    rules = replace(rules, matched_bound=seen.matched_bound)
    if seen.matched_bound != rules.matched or (solution.prices is None and not steps):
        return rules
    gain, _ = gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])
    pinned, _ = gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    if not len(gain):
        return replace(rules, bound=0)
    lowest = int(gain.min())
    if pinned.min(initial=np.iinfo(np.int64).max) > lowest:
        if not steps:
            return rules
        # Who keeps to higher gains matches fewer rows, or breaks a minimum load.
        above = replace(problem, gains=gains.keep_above(lowest + 1))
        cover = replace(steps.pop(0), bonus=0)
        if bound_matched(above, cover, deadline=deadline) >= rules.matched:
            return rules
    if solution.prices is None:
        return replace(rules, levels=0)
    kept = replace(problem, gains=gains.keep_above(lowest))
    total = certify_assignment(kept, replace(solution, steps=()), deadline=deadline)
    return replace(rules, bound=None if steps else total.bound)


def certify_tiers(
    problem: AssignmentProblem,
    tiers: StreamedTiers,
    solution: AssignmentSolution,
    rules: Certificate,
    deadline: float,
) -> Certificate:
    """Check coverage, and then tiers and total at once: gains with weights on top.

    If no plan is worth more, weights included, and each weight is more than what all later tiers
    and the gains of this plan are worth above the least that any plan gains, then a plan that is
    better by tiers would be worth more; and of those with as many pairs of every tier none gains
    more.
    """
    gains, prices, steps = problem.gains, solution.prices, list(solution.steps)
    assert isinstance(gains, StreamedGains)  # noqa: S101
    if problem.objective != "total":
        if not steps or (steps[0].column < 0).any():
            return rules
        nothing = np.zeros(problem.n_columns, np.int64)
        covered = Prices(nothing, coverage=replace(steps.pop(0), bonus=0))
        seen = certify_assignment(
            problem, replace(solution, prices=covered, steps=()), deadline=deadline
        )
        rules = replace(rules, matched_bound=seen.matched_bound)
        if seen.matched_bound != rules.matched:
            return rules
    if prices is None or steps or len(prices.tier) != tiers.n_tiers or min(prices.tier) < 0:
        return rules
    most = min(problem.n_rows, sum(problem.capacity.tolist()))
    left = rules.objective - find_least_total(gains, most)
    count = tiers.count(solution.pairs)
    is_settled = problem.objective != "total"  # how many pairs are of the last tier
    for k in reversed(range(tiers.n_tiers)):
        if prices.tier[k] <= left and not (is_settled and k == tiers.n_tiers - 1):
            return rules
        left += prices.tier[k] * int(count[k])
    if gains.largest + max(prices.tier) > _EXACT:
        raise CertificateError("weights of tiers are too large to be added up exactly")
    heavy = replace(problem, gains=weigh_gains(gains, tiers, np.array(prices.tier)))
    plain = replace(solution, prices=replace(prices, tier=()), steps=())
    found = certify_assignment(heavy, plain, deadline=deadline)
    return replace(rules, bound=rules.objective if found.bound == found.objective else None)
