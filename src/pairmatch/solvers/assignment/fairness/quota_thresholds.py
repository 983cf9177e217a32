"""The highest lowest gain of a large pool with quotas that bind: one plan after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.fairness.bottleneck import bound_lowest
from pairmatch.solvers.assignment.held.remainder import price_no_quota
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import StreamedGains

__all__ = ["solve_worst_off_with_quotas"]

_HEIGHT = 128  # rows looked at in one go
_NONE = np.iinfo(np.int64).min


def solve_worst_off_with_quotas(
    problem: AssignmentProblem,
    gains: StreamedGains,
    best: AssignmentSolution,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
    watch: Watch,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose lowest gain is highest, then of the best total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" without minimum loads, with quotas that nest.
    gains : StreamedGains
        Its gains.
    best : AssignmentSolution
        Its solution: maximum coverage, then the largest total, with prices.
    solve : callable
        Solves a problem of the same loads, pins and quotas under "coverage".
    watch : Watch
        The clock, and where plans are kept whose lowest gain may be raised yet.

    Returns
    -------
    AssignmentSolution
        With the same ``steps`` as :func:`.solve_worst_off`,
        prices of quotas among them.

    Notes
    -----
    Threshold search between the lowest gain of the plan at hand and what could be kept without the
    quotas. For each threshold the exact plan without the pairs below it: where it matches fewer
    rows, its prices prove that, and the best pair that they do not pay for says how far the
    threshold must come down at least. At most O(log(range of gains)) plans, two as a rule.
    """
    steps = [_read_coverage(problem, best)]
    if not len(best.pairs):
        return replace(best, steps=tuple(steps))
    pinned, _ = gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    highest = int(pinned.min(initial=np.iinfo(np.int64).max))
    first = low = _find_lowest(gains, best)
    kept, kept_at = best, first
    high, column, _ = bound_lowest(problem, gains, best.pairs, watch)
    cover = None if column is None else Prices(column, price_no_quota(problem))
    reach = trial = high  # pairs above it are paid for by the cover, or ruled out by a pin
    while low < high:
        watch.check()
        found = solve(replace(problem, gains=gains.keep_above(trial)))
        if len(found.pairs) == len(best.pairs):
            kept, kept_at, low = found, trial, _find_lowest(gains, found)
            draft = replace(found, prices=None)
            watch.keep(partial(replace, draft))
        else:
            cover = _read_coverage(problem, found)
            reach = _find_reach(problem, gains, found, cover, watch)
            high = max(low, min(reach, trial - 1))
        trial = low + (high - low + 1) // 2
    if low < highest:
        if cover is None or reach > low:
            cover = _read_coverage(
                problem, solve(replace(problem, gains=gains.keep_above(low + 1)))
            )
        steps.append(replace(cover, bonus=1))
    if first < low != kept_at:
        kept = solve(replace(problem, gains=gains.keep_above(low)))
    return replace(kept, steps=tuple(steps), solver=f"threshold search, {kept.solver}")


def _find_lowest(gains: StreamedGains, plan: AssignmentSolution) -> int:
    """Return the lowest gain of a plan."""
    return int(gains.pairs(plan.pairs[:, 0], plan.pairs[:, 1])[0].min())


def _read_coverage(problem: AssignmentProblem, plan: AssignmentSolution) -> Prices:
    """Return the prices that prove how many rows a plan matches."""
    coverage = None if plan.prices is None else plan.prices.coverage
    if coverage is None:
        return Prices(np.zeros(problem.n_columns, np.int64), price_no_quota(problem))
    return Prices(coverage.column, coverage.quota or price_no_quota(problem))


def _find_reach(
    problem: AssignmentProblem,
    gains: StreamedGains,
    plan: AssignmentSolution,
    cover: Prices,
    watch: Watch,
) -> int:
    """Return the best gain of a pair that the prices of a plan and its rows do not pay for."""
    n, m = problem.gains.shape
    price = cover.column[None, :]
    classes = np.zeros(n, np.int64)  # of rows that pay the same everywhere
    for quota, of_class in zip(problem.quotas, cover.quota, strict=True):
        label, classes = np.unique(
            classes * (quota.n_classes + 1) + quota.class_of + 1, return_inverse=True
        )
        mine, before = label % (quota.n_classes + 1) - 1, label // (quota.n_classes + 1)
        extra = of_class.T[mine] if of_class.size else np.zeros((len(mine), m), np.int64)
        price = price[before] + np.where(mine[:, None] >= 0, extra, 0)
    paid = np.zeros(n, np.int64)
    row, column = plan.pairs[:, 0], plan.pairs[:, 1]
    paid[row] = np.maximum(1 - price[classes[row], column], 0)
    paid[problem.pins[:, 0]] = 1

    def look(top: int) -> int:
        watch.check()
        rows = slice(top, min(n, top + _HEIGHT))
        gain, allowed = gains.block(rows, slice(0, m))
        allowed &= price[classes[rows]] + paid[rows, None] < 1
        return int(gain.max(where=allowed, initial=_NONE))

    return max(map_blocks(look, range(0, n, _HEIGHT)), default=int(_NONE))
