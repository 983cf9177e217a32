"""Exact plans in which rows have several columns, in pools whose matrix never exists."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from threading import Event, Timer
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.demand import (
    check_demand,
    climb_demand,
    settle_demand,
    write_down,
)
from pairmatch.solvers.assignment.held.draft import UNMET, take_in_turn
from pairmatch.solvers.assignment.held.layout import draw_network, reward_loads
from pairmatch.solvers.assignment.held.network import find_cheapest_flow, find_potentials
from pairmatch.solvers.assignment.held.remainder import Edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.assignment.pricing.drafting import draft_in_blocks
from pairmatch.solvers.assignment.pricing.effort import FLOW_SECONDS, Effort
from pairmatch.solvers.assignment.pricing.filling import meet_all_loads
from pairmatch.solvers.assignment.pricing.pool_parts import Pool
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.assignment.pricing.sweep import Stopped
from pairmatch.solvers.assignment.pricing.watching import find_deadline
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.demand import DemandFlow
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.pricing.watching import Progress
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["solve_demand_streamed"]

_MORE = 12  # pairs of each row that the first round takes, beyond what it should have
_MOST_TIGHT = 2**21  # where more pairs than these are as good, ties are left as they are
_FIRST = 0.3  # share of a time limit for the first prices
_FLOWS = 4  # flows a round
_LATE, _DRAFTING = 0.7, 0.2  # seconds after a limit to meet minimum loads, and to seat others
_MOST_MISSED = 0.02  # share of rows up to which the prices of a plan cut short are its own
_CELLS = 2**20  # pairs looked at in one go
_MOST_TAKEN = 2**18  # candidates that a plan cut short is filled with


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
        A problem under "coverage" or "total", without tiers and budgets, whose quotas nest.
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
        If the problem has a fair objective, tiers, budgets or quotas that cross, or if nothing that
        meets the minimum loads was found within the time limit.
    LoadConflict
        If the minimum loads cannot all be met.

    Notes
    -----
    Column generation for the three flows of
    :func:`.climb_demand`: the best pairs of every row by the
    prices of each flow, found in passes over all pairs, are added until none of them is better
    than the worst of those that the row would choose. Minimum loads are met beforehand in the same
    way, by a flow that is paid for each row that a column must get. Memory: O((n + m) * n_features
    + candidates).
    """
    remainder = set_pins(problem)
    check_demand(problem, remainder)
    search = _Search(problem, watch, progress, effort or Effort())
    try:
        return search.run()
    except (OutOfTime, Stopped):
        status = Status.TIME_LIMIT
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    finally:
        search.close()
    return replace(search.write(status), status=status, solver="pricing, min-cost flow")


class _Search:
    """One run."""

    def __init__(
        self, problem: AssignmentProblem, watch: Watch, progress: Progress | None, effort: Effort
    ) -> None:
        self.problem, self.watch, self.progress, self.effort = problem, watch, progress, effort
        self.remainder = set_pins(problem)
        self.found: DemandFlow | None = None
        self.opened: AssignmentSolution | None = None
        self.rough: NDArray[np.int64] | None = None
        self.missed = 1.0  # share of the rows that could do better by the latest prices
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
        if remainder.at_least.any():
            self._meet_loads()
        n_more = _MORE
        while True:
            found = self._climb()
            self.found = found
            n_new, n_rows = 0, 0
            for prices in (found.prices, *found.steps):
                is_one = prices is not found.prices
                rows, new = self._price(found.edges, prices, n_more, is_one=is_one)
                self.missed = self.missed if is_one else rows / problem.n_rows
                n_new, n_rows = n_new + new, max(n_rows, rows)
            self.n_rounds += 1
            if self.progress is not None:
                gap = n_rows / max(1, problem.n_rows)
                self.progress(self.n_rounds, gap, monotonic() - self.begin)
            if not n_new:
                break
            n_more += _MORE // 2
        whole = self._add_ties(found)
        found = self._climb() if whole else found
        settle = partial(settle_demand, problem, remainder, found, self.watch)
        settled = self.watch.wait(settle)
        return replace(settled, solver="pricing, min-cost flow")

    def _begin(self) -> None:
        """Take first candidates by the prices of one column a row."""
        problem, left = self.problem, self.remainder
        opened = self._open()
        if opened.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        known = opened.pairs[np.isin(opened.pairs[:, 0], left.rows)]
        gain, _ = problem.gains.pairs(known[:, 0], known[:, 1])
        self._add(Edges(known[:, 0], known[:, 1], gain))
        assert self.opened is not None  # noqa: S101 - just set
        assert self.opened.prices is not None  # noqa: S101 - a streamed answer has prices
        edges, _ = self.pool.sweep(self.opened.prices, self.demand + _MORE, -(2**50))
        self._add(edges)

    def _open(self) -> AssignmentSolution:
        """Return a plan of one column a row, and keep one that meets minimum loads if it can."""
        problem, left = self.problem, self.remainder
        if left.at_least.any() and not problem.quotas:
            parts = self.pool.parts
            meet = partial(meet_all_loads, is_final=False, hurried=self.timer is not None)
            try:
                found = meet(problem, left.at_least, parts, self._check_clock)
            except LoadConflict:
                pass  # rows may have to go to several columns
            else:
                pairs = [
                    np.column_stack([rows[some[:, 0]], columns[some[:, 1]]])
                    for (rows, columns, _), some in zip(parts, found, strict=True)
                ]
                self._keep(np.concatenate([np.empty((0, 2), np.int64), *pairs]))
        single = AssignmentProblem(
            problem.gains, left.capacity, np.zeros_like(left.capacity), objective=problem.objective
        )
        seconds = None if self.watch.left is None else _FIRST * self.watch.left
        opened = solve_by_pricing(single, time_limit=seconds, effort=self.effort)
        assert opened.prices is not None  # noqa: S101 - a streamed answer has prices
        prices = replace(opened.prices, quota=price_no_quota(problem), coverage=None)
        self.opened = replace(opened, prices=prices)
        if not left.at_least.any():
            some = np.isin(opened.pairs[:, 0], left.rows)
            self._keep(take_in_turn(problem, left, self._drop_pins(opened.pairs[some])))
        return opened

    def _keep(self, pairs: NDArray[np.int64]) -> None:
        """Make candidates of pairs that meet the minimum loads, and remember them."""
        pairs = self._drop_pins(pairs)
        load = np.bincount(pairs[:, 1], minlength=self.problem.n_columns)
        if (load >= self.remainder.at_least).all():
            self.rough = pairs
        gain, _ = self.problem.gains.pairs(pairs[:, 0], pairs[:, 1])
        self._add(Edges(pairs[:, 0], pairs[:, 1], gain))

    def _check_clock(self) -> None:
        """Raise if it is too late to meet minimum loads."""
        if self.timer is not None and monotonic() > self.deadline + _LATE:
            raise OutOfTime

    def _meet_loads(self) -> None:
        """Find pairs that meet the minimum loads, or raise if there are none."""
        problem, left = self.problem, self.remainder
        shapes = [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
        n_more = _MORE
        while True:
            self._check_flow(1)
            edges = self._list_edges()
            layout = draw_network(edges, left, dict(enumerate(problem.quotas)))
            nothing = np.zeros(len(layout.network.tail), np.int64)
            network, cost = reward_loads(layout, nothing, left.at_least)
            flow = self.watch.wait(partial(find_cheapest_flow, network, cost))
            short = left.at_least - flow[layout.load_arcs]
            if not short.any():
                chosen = edges.take(flow[layout.pair_arcs] > 0)
                self.rough = np.stack([chosen.row, chosen.column], axis=1)
                return
            potential = find_potentials(network, cost, flow, layout.sink)
            column, quota = layout.read_prices(potential, left.at_least, shapes)
            prices = self._close(Prices(column, quota))
            if not self._price(edges, prices, n_more, is_one=True)[1]:
                raise self._name_conflict(np.flatnonzero((left.at_least > 0) & (column < 0)), short)
            n_more += _MORE // 2

    def _name_conflict(self, columns: NDArray[np.int64], short: NDArray[np.int64]) -> LoadConflict:
        """Return the conflict of some columns, with all rows that they could get."""
        problem = self.problem
        part = take_gains(problem.gains, self.remainder.rows, columns)
        n_rows, width = part.shape
        height = max(1, _CELLS // max(1, width))
        able = [
            part.block(slice(top, min(n_rows, top + height)), slice(0, width))[1].any(axis=1)
            for top in range(0, n_rows, height)
        ]
        rows = self.remainder.rows[np.concatenate([np.zeros(0, np.bool_), *able])]
        pinned = problem.pins[np.isin(problem.pins[:, 1], columns), 0]
        reachable = problem.at_least - short
        return LoadConflict(columns, np.union1d(rows, pinned), reachable, is_thin=False)

    def write(self, status: Status) -> AssignmentSolution:
        """Return the best plan so far, with prices that give a true bound."""
        if self.found is not None:
            known = write_down(self.problem, self.found)
            # Prices of a few pairs promise the others too much: worse than those of one column.
            rough = self.missed > _MOST_MISSED and self.opened is not None
            return replace(known, prices=self.opened.prices) if rough and self.opened else known
        least, quotas = self.problem.at_least, self.problem.quotas
        hurried = status is Status.TIME_LIMIT
        if self.rough is None and least.any() and (hurried or quotas):
            raise CapabilityError(UNMET)
        pairs = self.rough
        if self.opened is not None and pairs is not None:
            pairs = self._seat_more(pairs)
        if quotas:
            if self.opened is None or pairs is None:
                raise OutOfTime
            pairs = np.concatenate([self.problem.pins.reshape(-1, 2), pairs])
        else:
            drafted = draft_in_blocks(self.problem, monotonic() + _DRAFTING, known=pairs)
            if self.opened is None:
                return drafted
            pairs = drafted.pairs
        return replace(self.opened, pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])

    def _seat_more(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return pairs with candidates for which there is still room, the best first."""
        held = self.candidates
        order = np.argsort(-held.gain, kind="stable")[:_MOST_TAKEN]
        more = np.stack([held.row[order], held.column[order]], axis=1)
        return take_in_turn(self.problem, self.remainder, np.concatenate([pairs, more]))

    def _drop_pins(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some pairs that are not pinned."""
        pins, n_columns = self.problem.pins, self.problem.n_columns
        code = pairs[:, 0] * n_columns + pairs[:, 1]
        return pairs[~np.isin(code, pins[:, 0] * n_columns + pins[:, 1])]

    def _add(self, edges: Edges) -> int:
        """Make candidates of pairs that may be formed; return how many were new."""
        problem = self.problem
        code = edges.row * problem.n_columns + edges.column
        use = ~np.isin(code, problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1])
        if problem.objective == "total":
            use &= (edges.gain >= 0) | (self.remainder.at_least > 0)[edges.column]
        some = edges.take(use)
        return self.candidates.add(some.row, some.column, some.gain)

    def _climb(self) -> DemandFlow:
        """Return a best plan over the candidates."""
        self._check_flow(_FLOWS)
        edges = self._list_edges()
        climb = partial(climb_demand, self.problem, self.remainder, edges, self.watch)
        found = self.watch.wait(climb)
        steps = tuple(self._close(prices) for prices in found.steps)
        return replace(found, prices=self._close(found.prices), steps=steps)

    def _check_flow(self, n_flows: int) -> None:
        """Raise where there is no time for so many flows, which nothing can stop."""
        if self.timer is not None:
            left = self.deadline - monotonic()
            if left < n_flows * FLOW_SECONDS * len(self.candidates):
                raise OutOfTime

    def _list_edges(self) -> Edges:
        """Return the candidates."""
        held = self.candidates
        return Edges(held.row, held.column.astype(np.int64), held.gain)

    def _close(self, prices: Prices) -> Prices:
        """Return prices that are out of reach where there is no place."""
        far = self.pool.largest + prices.bonus + prices.first + 1
        column = np.where(self.remainder.capacity > 0, prices.column, far)
        far += int(np.maximum(-column, 0).max(initial=0))
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

    def _find_bars(self, edges: Edges, prices: Prices, *, is_one: bool) -> NDArray[np.int64]:
        """Return what a pair must leave its row to be worth more than those that it would take."""
        n = self.problem.n_rows
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

    def _price(self, held: Edges, prices: Prices, n_more: int, *, is_one: bool) -> tuple[int, int]:
        """Add pairs that some prices have missed; return of how many rows, and how many."""
        self.watch.check()
        bar = self._find_bars(held, prices, is_one=is_one)
        lowest = int(bar[self.remainder.rows].min(initial=0)) + is_one
        edges, _ = self.pool.sweep(prices, self.demand + n_more, lowest, is_one=is_one)
        better = edges.take(self._charge(prices, edges, is_one=is_one) > bar[edges.row])
        n_rows = len(np.unique(better.row))
        return n_rows, self._add(better)

    def _add_ties(self, found: DemandFlow) -> bool:
        """Add all pairs that a best plan could have; return whether these could be held."""
        prices, n_columns = found.prices, self.problem.n_columns
        bar = self._find_bars(found.edges, prices, is_one=False)
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
