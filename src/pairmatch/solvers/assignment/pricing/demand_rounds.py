"""Exact plans in which rows have several columns, in pools whose matrix never exists."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Timer
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.demand import (
    check_demand,
    climb_demand,
    settle_demand,
    write_down,
)
from pairmatch.solvers.assignment.held.remainder import Edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.assignment.pricing.effort import FLOW_SECONDS, Effort
from pairmatch.solvers.assignment.pricing.pool_parts import Pool
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.sweep import Stopped
from pairmatch.solvers.assignment.pricing.watching import find_deadline
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.demand import DemandFlow
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.pricing.watching import Progress
    from pairmatch.solvers.solution import AssignmentSolution, Prices

__all__ = ["solve_demand_streamed"]

_MORE = 12  # pairs of each row that the first round takes, beyond what it should have
_MOST_TIGHT = 2**21  # where more pairs than these are as good, ties are left as they are
_FIRST = 0.3  # share of a time limit for the first prices
_FLOWS = 4  # flows a round


def solve_demand_streamed(
    problem: AssignmentProblem,
    watch: Watch,
    progress: Progress | None = None,
    effort: Effort | None = None,
) -> AssignmentSolution:
    """Return the best plan of a large problem whose rows should have several columns.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" or "total", without minimum loads, tiers and budgets, whose
        quotas nest.
    watch : Watch
        The clock.
    progress : callable, optional
        Called as ``progress(round, gap, seconds)`` after each round; the gap is the share of rows
        that could still do better.
    effort : Effort, optional
        Sizes that change the time, not the plan.

    Returns
    -------
    AssignmentSolution
        As :func:`.solve_demand`. Where time ran out or Ctrl-C
        was pressed, the best plan so far, with prices that give a true bound.

    Raises
    ------
    CapabilityError
        If the problem has minimum loads, a fair objective, tiers, budgets or quotas that cross.
    OutOfTime
        If the time limit is reached before the first plan.

    Notes
    -----
    Column generation for the three flows of
    :func:`.climb_demand`: the best pairs of every row by the
    prices of each flow, found in passes over all pairs, are added until none of them is better
    than the worst of those that the row would choose. Memory: O((n + m) * n_features + candidates).
    """
    remainder = set_pins(problem)
    check_demand(problem, remainder)
    if problem.at_least.any():
        raise CapabilityError(
            "several mentors for one mentee with minimum loads are found among all pairs at once, "
            "which are too many here; drop at_least from Load, or match schools or regions one by "
            "one with match_many()"
        )
    search = _Search(problem, watch, progress, effort or Effort())
    try:
        return search.run()
    except (OutOfTime, Stopped):
        status, known = Status.TIME_LIMIT, search.found
        if known is None:
            raise OutOfTime from None
    except KeyboardInterrupt:
        status, known = Status.INTERRUPTED, search.found
        if known is None:
            raise
    finally:
        search.close()
    return replace(write_down(problem, known), status=status, solver="pricing, min-cost flow")


class _Search:
    """One run."""

    def __init__(
        self, problem: AssignmentProblem, watch: Watch, progress: Progress | None, effort: Effort
    ) -> None:
        self.problem, self.watch, self.progress, self.effort = problem, watch, progress, effort
        self.remainder = set_pins(problem)
        self.found: DemandFlow | None = None
        self.candidates = Candidates(problem.gains.shape)
        self.begin, self.n_rounds = monotonic(), 0
        self.demand = np.zeros(problem.n_rows, np.int64)
        self.demand[self.remainder.rows] = self.remainder.demand
        self.first_counts = np.zeros(problem.n_rows, np.bool_)
        self.first_counts[self.remainder.rows] = ~self.remainder.served
        stop = Event()
        self.pool = Pool(problem, self.remainder, effort, stop)
        self.timer: Timer | None = None
        if watch.left is not None:
            self.deadline, _ = find_deadline(problem, watch.left)
            self.timer = Timer(max(0.0, self.deadline - monotonic()), stop.set)
            self.timer.daemon = True
            self.timer.start()

    def close(self) -> None:
        """Stop the clock."""
        if self.timer is not None:
            self.timer.cancel()

    def run(self) -> AssignmentSolution:
        """Solve over the candidates, add the pairs that are better, repeat."""
        problem, remainder = self.problem, self.remainder
        self._begin()
        n_more = _MORE
        while True:
            found = self._climb()
            self.found = found
            n_new, n_rows = 0, 0
            for prices in (found.prices, *found.steps):
                rows, new = self._price(found, prices, n_more, is_one=prices is not found.prices)
                n_new, n_rows = n_new + new, max(n_rows, rows)
            self.n_rounds += 1
            if self.progress is not None:
                gap = n_rows / max(1, problem.n_rows)
                self.progress(self.n_rounds, gap, monotonic() - self.begin)
            if not n_new:
                break
            n_more += _MORE // 2
        whole = self._add_ties(found)
        settled = settle_demand(problem, remainder, self._climb() if whole else found, self.watch)
        return replace(settled, solver="pricing, min-cost flow")

    def _begin(self) -> None:
        """Take first candidates by the prices of one column a row."""
        problem, left = self.problem, self.remainder
        single = AssignmentProblem(
            problem.gains, left.capacity, np.zeros_like(left.capacity), objective=problem.objective
        )
        seconds = None if self.watch.left is None else _FIRST * self.watch.left
        opened = solve_by_pricing(single, time_limit=seconds, effort=self.effort)
        if opened.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        assert opened.prices is not None  # noqa: S101 - a streamed answer has prices
        prices = replace(opened.prices, quota=price_no_quota(problem), coverage=None)
        known = opened.pairs[np.isin(opened.pairs[:, 0], left.rows)]
        gain, _ = problem.gains.pairs(known[:, 0], known[:, 1])
        self._add(Edges(known[:, 0], known[:, 1], gain))
        edges, _ = self.pool.sweep(prices, self.demand + _MORE, -(2**50))
        self._add(edges)

    def _add(self, edges: Edges) -> int:
        """Make candidates of pairs that may be formed; return how many were new."""
        problem = self.problem
        code = edges.row * problem.n_columns + edges.column
        use = ~np.isin(code, problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1])
        if problem.objective == "total":
            use &= edges.gain >= 0
        some = edges.take(use)
        return self.candidates.add(some.row, some.column, some.gain)

    def _climb(self) -> DemandFlow:
        """Return a best plan over the candidates."""
        held = self.candidates
        if self.timer is not None:
            left = self.deadline - monotonic()
            if left < _FLOWS * FLOW_SECONDS * len(held) and self.found is not None:
                raise OutOfTime
        edges = Edges(held.row, held.column.astype(np.int64), held.gain)
        found = climb_demand(self.problem, self.remainder, edges, self.watch)
        steps = tuple(self._close(prices) for prices in found.steps)
        return replace(found, prices=self._close(found.prices), steps=steps)

    def _close(self, prices: Prices) -> Prices:
        """Return prices that are out of reach where there is no place."""
        far = self.pool.largest + prices.bonus + prices.first + 1
        column = np.where(self.remainder.capacity > 0, prices.column, far)
        for price, room in zip(prices.quota, self.remainder.room, strict=True):
            price[room <= 0] = far
        return replace(prices, column=column)

    def _charge(self, prices: Prices, edges: Edges, *, is_one: bool) -> NDArray[np.int64]:
        """Return what pairs leave their rows, the bonus of every pair included."""
        worth = 0 if is_one else edges.gain
        profit: NDArray[np.int64] = worth + prices.bonus - prices.column[edges.column]
        for quota, price in zip(self.problem.quotas, prices.quota, strict=True):
            label = quota.class_of[edges.row]
            profit -= np.where(label >= 0, price[edges.column, label], 0) if price.size else 0
        return profit

    def _find_bars(self, found: DemandFlow, prices: Prices, *, is_one: bool) -> NDArray[np.int64]:
        """Return what a pair must leave its row to be worth more than those that it would take."""
        n, edges = self.problem.n_rows, found.edges
        profit = self._charge(prices, edges, is_one=is_one)
        order = np.lexsort((-profit, edges.row))
        start = np.searchsorted(edges.row[order], np.arange(n + 1))
        count = np.diff(start)
        far = -(2**60)
        ranked = np.append(profit[order], far)
        best = ranked[np.where(count > 0, start[:-1], -1)]
        last = ranked[np.where(count >= self.demand, start[:-1] + self.demand - 1, -1)]
        # A first pair may cost as much as it brings on top of the others.
        first = np.where(self.first_counts, np.maximum(best, -prices.first), 0)
        return np.where(last >= 0, last, np.minimum(first, 0))

    def _price(
        self, found: DemandFlow, prices: Prices, n_more: int, *, is_one: bool
    ) -> tuple[int, int]:
        """Add pairs that some prices have missed; return of how many rows, and how many."""
        self.watch.check()
        bar = self._find_bars(found, prices, is_one=is_one)
        lowest = int(bar[self.remainder.rows].min(initial=0)) + is_one
        edges, _ = self.pool.sweep(prices, self.demand + n_more, lowest, is_one=is_one)
        better = edges.take(self._charge(prices, edges, is_one=is_one) > bar[edges.row])
        n_rows = len(np.unique(better.row))
        return n_rows, self._add(better)

    def _add_ties(self, found: DemandFlow) -> bool:
        """Add all pairs that a best plan could have; return whether these could be held."""
        prices, n_columns = found.prices, self.problem.n_columns
        bar = self._find_bars(found, prices, is_one=False)
        keep, rows = self.demand + _MORE, self.remainder.rows
        n_held = 0
        while len(rows):
            lowest = int(bar[rows].min()) - 1
            edges, floor = self.pool.sweep(prices, np.minimum(keep, n_columns), lowest, rows=rows)
            tight = edges.take(self._charge(prices, edges, is_one=False) >= bar[edges.row])
            n_held += len(tight)
            rows = rows[(floor[rows] >= bar[rows]) & (keep[rows] < n_columns)]
            keep = 4 * keep
            if n_held + int(keep[rows].sum()) // 4 > _MOST_TIGHT:
                return False
            self._add(tight)
        return True
