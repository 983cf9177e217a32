"""The highest lowest gain of a large pool with quotas that bind: one plan after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.fairness.bottleneck import bound_loads, bound_lowest
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.layout import draw_network, reward_loads
from pairmatch.solvers.assignment.held.network import find_cheapest_flow, find_potentials
from pairmatch.solvers.assignment.held.remainder import Edges, price_no_quota, set_pins
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

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
    *,
    any_total: bool = False,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose lowest gain is highest, then of the best total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" with quotas that nest.
    gains : StreamedGains
        Its gains.
    best : AssignmentSolution
        Its solution: maximum coverage, then the largest total, with prices.
    solve : callable
        Solves a problem of the same loads, pins and quotas under "coverage".
    watch : Watch
        The clock, and where plans are kept whose lowest gain may be raised yet.
    any_total : bool, default: False
        Whether any plan of that lowest gain will do, with prices of whatever it is best for.

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
    threshold must come down at least. Where it cannot meet the minimum loads, prices of coverage
    and those of the conflict prove together that fewer rows would be matched: no plan has more
    than the former promise, and the columns in conflict would be paid for more rows than they can
    get. At most O(log(range of gains)) plans, two as a rule.
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
    if problem.at_least.any():
        high, short = bound_loads(problem, gains, best.pairs, high, watch)
        if short is not None:
            cover = replace(steps[0], column=steps[0].column - short)
    trial = high
    reach = high  # pairs above it are paid for by the cover, or ruled out by a pin

    def attempt(least: int) -> tuple[AssignmentSolution | None, Prices]:
        """Return the best plan of gains that are not lower, or None, and a proof of its size."""
        kept = replace(problem, gains=gains.keep_above(least))
        try:
            found = solve(kept)
        except LoadConflict as conflict:
            return None, _add_conflict(kept, steps[0], conflict)
        return found, _read_coverage(problem, found)

    while low < high:
        watch.check()
        found, proof = attempt(trial)
        if found is not None and len(found.pairs) == len(best.pairs):
            kept, kept_at, low = found, trial, _find_lowest(gains, found)
            draft = replace(found, prices=None)
            watch.keep(partial(replace, draft))
        else:
            cover = proof
            reach = _Reach(problem, gains, cover, watch).find(found, trial)
            high = max(low, min(reach, trial - 1))
        trial = low + (high - low + 1) // 2
    if low < highest:
        if cover is None or reach > low:
            cover = attempt(low + 1)[1]
        steps.append(replace(cover, bonus=1))
    if first < low != kept_at and not any_total:
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


def _add_conflict(problem: AssignmentProblem, cover: Prices, conflict: LoadConflict) -> Prices:
    """Return prices by which fewer rows are matched, where minimum loads cannot be met."""
    found = conflict.prices
    if found is None:
        found = _price_conflict(problem, conflict)
    joined = zip(
        cover.quota or price_no_quota(problem),
        found.quota or price_no_quota(problem),
        strict=True,
    )
    return Prices(cover.column + found.column, tuple(mine + theirs for mine, theirs in joined))


def _price_conflict(problem: AssignmentProblem, conflict: LoadConflict) -> Prices:
    """Return prices that prove a conflict of columns, every pair worth nothing."""
    columns, left = conflict.columns, set_pins(problem)
    price = np.zeros(problem.n_columns, np.int64)
    rows = np.intersect1d(conflict.rows, left.rows)
    if len(rows) < int(left.at_least[columns].sum()):  # fewer rows than are asked for
        price[columns] = -1
        return Prices(price)
    asked = np.zeros_like(left.at_least)
    asked[columns] = left.at_least[columns]
    row, column = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    gain, allowed = problem.gains.pairs(row, column)
    edges = Edges(row, column, gain).take(allowed)
    layout = draw_network(edges, left, dict(enumerate(problem.quotas)))
    nothing = np.zeros(len(layout.network.tail), np.int64)
    network, cost = reward_loads(layout, nothing, asked)
    flow = find_cheapest_flow(network, cost)
    potential = find_potentials(network, cost, flow, layout.sink)
    shapes = [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    found, quota = layout.read_prices(potential, asked, shapes)
    price[columns] = found[columns]
    return Prices(price, quota)


class _Reach:
    """Which pairs some prices do not pay for, where every pair is worth 1."""

    def __init__(
        self, problem: AssignmentProblem, gains: StreamedGains, cover: Prices, watch: Watch
    ) -> None:
        self.problem, self.gains, self.watch = problem, gains, watch
        self.price = cover.column[None, :]
        self.classes = np.zeros(problem.n_rows, np.int64)  # of rows that pay the same everywhere
        for quota, of_class in zip(problem.quotas, cover.quota, strict=True):
            label, self.classes = np.unique(
                self.classes * (quota.n_classes + 1) + quota.class_of + 1, return_inverse=True
            )
            mine, before = label % (quota.n_classes + 1) - 1, label // (quota.n_classes + 1)
            extra = of_class.T[mine] if of_class.size else np.zeros((len(mine), problem.n_columns))
            self.price = self.price[before] + np.where(mine[:, None] >= 0, extra, 0)

    def find(self, plan: AssignmentSolution | None, least: int) -> int:
        """Return the best gain of a pair that the prices and the rows do not pay for.

        Rows pay as the plan says, or where there is none, what the pairs of at least that gain ask
        of them.
        """
        problem = self.problem
        if plan is None:
            tops = range(0, problem.n_rows, _HEIGHT)
            found = map_blocks(partial(self._ask, least), tops)
            paid = np.concatenate([np.empty(0, np.int64), *found])
        else:
            paid = np.zeros(problem.n_rows, np.int64)
            row, column = plan.pairs[:, 0], plan.pairs[:, 1]
            paid[row] = np.maximum(1 - self.price[self.classes[row], column], 0)
        paid[problem.pins[:, 0]] = np.iinfo(np.int64).max // 2
        look = partial(self._look, paid)
        return max(map_blocks(look, range(0, problem.n_rows, _HEIGHT)), default=int(_NONE))

    def _block(
        self, top: int
    ) -> tuple[slice, NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return some rows, their gains, which are allowed, and what is left of 1."""
        self.watch.check()
        n, m = self.gains.shape
        rows = slice(top, min(n, top + _HEIGHT))
        gain, allowed = self.gains.block(rows, slice(0, m))
        return rows, gain, allowed, 1 - self.price[self.classes[rows]]

    def _ask(self, least: int, top: int) -> NDArray[np.int64]:
        """Return what some rows must pay for all pairs of at least a gain to be paid for."""
        _, gain, allowed, left = self._block(top)
        asked: NDArray[np.int64] = np.max(left, axis=1, where=allowed & (gain >= least), initial=0)
        return asked

    def _look(self, paid: NDArray[np.int64], top: int) -> int:
        """Return the best gain of a pair of some rows that is not paid for."""
        rows, gain, allowed, left = self._block(top)
        return int(gain.max(where=allowed & (left > paid[rows, None]), initial=_NONE))
