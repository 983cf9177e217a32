"""The exact best plan of a large pool with quotas, whose pairs are never held all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.draft import UNMET, take_in_turn
from pairmatch.solvers.assignment.held.layout import draw_network, reward_loads
from pairmatch.solvers.assignment.held.network import find_cheapest_flow, find_potentials
from pairmatch.solvers.assignment.held.remainder import Edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.assignment.pricing.effort import FLOW_SECONDS, Effort
from pairmatch.solvers.assignment.pricing.pool_parts import Pool
from pairmatch.solvers.assignment.pricing.quota_loads import seat_within_quotas
from pairmatch.solvers.assignment.pricing.settling import settle_plan
from pairmatch.solvers.assignment.pricing.sweep import Stopped
from pairmatch.solvers.assignment.pricing.watching import find_deadline, watch
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.pricing.watching import Progress
    from pairmatch.solvers.problem import AssignmentProblem, Quotas

__all__ = ["breaks_quota", "quota_binds", "solve_with_quotas"]

_RAISE = 4  # factor of the bonus where coverage was not reached
_LATE = 0.7  # seconds after a limit to meet minimum loads
_MORE = 8  # pairs of each row that a round may add
_MOST_TIGHT = 2**21  # more pairs than these are left as they are


def breaks_quota(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> bool:
    """Return whether some column has more rows of one class than a quota allows."""
    for quota in problem.quotas:
        label = quota.class_of[pairs[:, 0]]
        code = (pairs[:, 1] * quota.n_classes + label)[label >= 0]
        if np.unique(code, return_counts=True)[1].max(initial=0) > quota.at_most:
            return True
    return False


def quota_binds(problem: AssignmentProblem, quota: Quotas) -> bool:
    """Return whether a quota is smaller than some column could fill from one class."""
    counts = np.bincount(quota.class_of[quota.class_of >= 0])
    most = min(int(counts.max(initial=0)), int(problem.capacity.max(initial=0)))
    return quota.at_most < most


def solve_with_quotas(
    problem: AssignmentProblem,
    opened: AssignmentSolution,
    *,
    time_limit: float | None = None,
    progress: Progress | None = None,
    effort: Effort | None = None,
) -> AssignmentSolution:
    """Return the best plan of a problem whose quotas nest, pricing all pairs block by block.

    Parameters
    ----------
    problem : AssignmentProblem
        Loads, pins, quotas that nest, and gains.
    opened : AssignmentSolution
        The answer to the same problem without the quotas: its prices are where the search begins.
    time_limit : float, optional
        Seconds for the search and its proof; then the best plan so far is returned.
    progress : callable, optional
        Called as ``progress(round, gap, seconds)`` after each round, in the calling thread.
    effort : Effort, optional
        Sizes that change the time, not the plan.

    Returns
    -------
    AssignmentSolution
        The plan that a flow over all pairs would find, with prices of places and of places within
        quotas that prove it best; where the search was cut short, a valid plan and prices that
        give a true bound.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot be met within the quotas.
    CapabilityError
        If the search was cut short before a plan met the minimum loads.
    RangeError
        If the gains are too large for 64-bit integers.

    Notes
    -----
    Column generation for a flow with a node for every class of rows at a column: a flow over few
    candidate pairs yields prices of columns and of classes at columns; a sweep over all pairs, in
    which every pair pays both, finds those that the flow lacks. Each sweep gives an upper bound.
    Minimum loads and coverage are settled in the same way first and last, every pair worth 1.
    Memory: O((n + m) * n_features + m * n_classes + candidates).
    """
    deadline, _ = find_deadline(problem, time_limit)
    seated = None
    if time_limit is not None:  # before anything is priced, in case the clock ends that
        seated = seat_within_quotas(problem, opened.pairs, monotonic() + time_limit + _LATE)
    search = _Search(problem, opened, effort or Effort(), deadline, seated)
    if opened.status is not Status.OPTIMAL:
        return search.solution(opened.status)
    return search.solution(watch(search, deadline, progress))


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """What is made as large as possible: gains, rows that are matched, or loads that are met."""

    bonus: int
    is_one: bool = False
    for_loads: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A cheapest flow over the candidates, and what its prices say of all pairs."""

    edges: Edges
    layout: Layout
    flow: NDArray[np.int64]
    prices: Prices
    profit: NDArray[np.int64]  # of every row, bonus included, over the candidates
    bound: int  # on the worth of all plans, bonus included


class _Search:
    """One run."""

    def __init__(
        self,
        problem: AssignmentProblem,
        opened: AssignmentSolution,
        effort: Effort,
        deadline: float,
        seated: NDArray[np.int64] | None = None,
    ) -> None:
        self.problem, self.opened, self.seated = problem, opened, seated
        self.stop = Event()
        self.messages: SimpleQueue[tuple[int, float, float] | None] = SimpleQueue()
        self.error: BaseException | None = None
        self.settled: NDArray[np.int64] | None = None
        self.prices: Prices | None = None
        self._begin, self._deadline, self._effort = monotonic(), deadline, effort
        self._n_rounds = 0
        self._quotas = dict(enumerate(problem.quotas))
        self._remainder = set_pins(problem)
        self._candidates = Candidates(problem.gains.shape)
        self._pairs: NDArray[np.int64] | None = None
        self._bound: int | None = None
        self._pool = Pool(problem, self._remainder, effort, self.stop)
        assert opened.prices is not None  # noqa: S101 - a streamed answer has prices
        self._open_prices = replace(
            opened.prices, quota=price_no_quota(self.problem), coverage=None
        )

    def run(self) -> None:
        """Search until the best plan is proved, or until ``stop`` is set."""
        try:
            self.settled = self._search()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
            self.error = error
        finally:
            self.messages.put(None)

    def _search(self) -> NDArray[np.int64]:
        """Return the best plan that all methods agree on."""
        problem, prices = self.problem, self._open_prices
        keep = np.full(problem.n_rows, self._effort.keep)
        found, _ = self._pool.sweep(prices, keep, -prices.bonus)
        self._candidates.add(found.row, found.column, found.gain)
        known = self.opened.pairs[~np.isin(self.opened.pairs[:, 0], problem.pins[:, 0])]
        gain, _ = problem.gains.pairs(known[:, 0], known[:, 1])
        self._candidates.add(known[:, 0], known[:, 1], gain)
        if self._remainder.at_least.any():
            self._meet_loads()
        bonus = self._pool.largest + 1 if problem.objective == "coverage" else 0
        while True:
            self._bound = None
            step = self._climb(_Stage(bonus))
            coverage = None
            if problem.objective != "coverage":
                break
            coverage = self._prove_coverage(step)
            if coverage is not None:
                break
            bonus *= _RAISE
        self.prices = replace(step.prices, coverage=coverage)
        return self._settle(step)

    def _climb(self, stage: _Stage) -> _Step:
        """Return a flow that is cheapest over all pairs, candidates or not."""
        n_more = _MORE
        while True:
            step, found = self._advance(stage, n_more)
            if not len(found):
                return step
            self._candidates.add(found.row, found.column, found.gain)
            n_more += _MORE // 2

    def _advance(self, stage: _Stage, n_more: int) -> tuple[_Step, Edges]:
        """Solve on the candidates once, and return the pairs that would make it better."""
        if self.stop.is_set() or (
            monotonic() + FLOW_SECONDS * len(self._candidates) > self._deadline
        ):
            raise Stopped
        remainder, candidates = self._remainder, self._candidates
        edges = Edges(candidates.row, candidates.column.astype(np.int64), candidates.gain)
        layout = draw_network(edges, remainder, self._quotas)
        worth = np.zeros(len(edges), np.int64) if stage.is_one else edges.gain
        cost = layout.spend(on_pairs=-worth, on_idle=stage.bonus + stage.is_one)
        network = layout.network
        if stage.for_loads:
            network, cost = reward_loads(layout, cost, remainder.at_least)
        flow = find_cheapest_flow(network, cost)
        potential = find_potentials(network, cost, flow, layout.sink)
        if self.stop.is_set():
            raise Stopped
        prices = self._read(layout, potential, stage.bonus)
        profit = np.zeros(self.problem.n_rows, np.int64)
        worth = np.ones(len(edges), np.int64) if stage.is_one else edges.gain
        np.maximum.at(profit, edges.row, worth - self._charge(prices, edges))
        keep = np.full(self.problem.n_rows, n_more)
        lowest = int(profit[remainder.rows].min(initial=0))
        found, _ = self._pool.sweep(prices, keep, lowest, is_one=stage.is_one)
        worth = np.ones(len(found), np.int64) if stage.is_one else found.gain
        offer = worth - self._charge(prices, found)
        best = profit.copy()
        np.maximum.at(best, found.row, offer)
        bound = self._add_up(prices, best)
        step = _Step(edges, layout, flow[: len(layout.network.tail)], prices, profit, bound)
        if not stage.is_one:
            self._keep(step)
        return step, found.take(offer > profit[found.row])

    def _keep(self, step: _Step) -> None:
        """Remember a plan and the best prices so far, and pass on where the search is."""
        chosen = step.edges.take(step.flow[step.layout.pair_arcs] > 0)
        self._pairs = np.stack([chosen.row, chosen.column], axis=1)
        if self._bound is None or step.bound < self._bound:
            self._bound, self.prices = step.bound, step.prices
        value = int(chosen.gain.sum()) + step.prices.bonus * len(chosen)
        self._n_rounds += 1
        gap = max(0.0, (self._bound - value) / max(1, abs(self._bound)))
        self.messages.put((self._n_rounds, gap, monotonic() - self._begin))

    def _meet_loads(self) -> None:
        """Find pairs that meet the minimum loads, or raise if there are none."""
        step = self._climb(_Stage(-1, is_one=True, for_loads=True))
        asked = self._remainder.at_least
        short = asked - step.flow[step.layout.load_arcs]
        if not short.any():
            return
        rivals = np.flatnonzero((asked > 0) & (step.prices.column < 0))
        pinned = self.problem.pins[np.isin(self.problem.pins[:, 1], rivals), 0]
        rows = step.edges.row[np.isin(step.edges.column, rivals)]
        reachable = self.problem.at_least - short
        raise LoadConflict(rivals, np.union1d(rows, pinned), reachable, prices=step.prices)

    def _prove_coverage(self, step: _Step) -> Prices | None:
        """Return prices that prove that no plan matches more rows; None if some plan does."""
        zero = Prices(np.zeros(self.problem.n_columns, np.int64), price_no_quota(self.problem))
        n_matched = int(step.flow[step.layout.pair_arcs].sum())
        places = int(self._remainder.capacity.sum())
        if n_matched == len(self._remainder.rows):
            return zero
        if n_matched == places:
            return replace(zero, column=np.ones(self.problem.n_columns, np.int64))
        most = self._climb(_Stage(0, is_one=True))
        if int(most.flow[most.layout.pair_arcs].sum()) > n_matched:
            return None
        return most.prices

    def _read(self, layout: Layout, potential: NDArray[np.int64], bonus: int) -> Prices:
        """Return the prices behind node potentials; where there is no place, out of reach."""
        remainder = self._remainder
        column, quota = layout.read_prices(
            potential, remainder.at_least, [price.shape for price in price_no_quota(self.problem)]
        )
        far = self._pool.largest + abs(bonus) + 1
        column = np.where(remainder.capacity > 0, column, far)
        for price, room in zip(quota, remainder.room, strict=True):
            price[room <= 0] = far + int(np.maximum(-column, 0).max(initial=0))
        return Prices(column=column, quota=quota, bonus=bonus)

    def _charge(self, prices: Prices, edges: Edges) -> NDArray[np.int64]:
        """Return what pairs pay, less the bonus."""
        pay = prices.column[edges.column] - prices.bonus
        for quota, price in zip(self.problem.quotas, prices.quota, strict=True):
            label = quota.class_of[edges.row]
            pay += np.where(label >= 0, price[edges.column, label], 0) if price.size else 0
        return pay

    def _add_up(self, prices: Prices, profit: NDArray[np.int64]) -> int:
        """Return what no plan can exceed, given the best profit of every row."""
        remainder, column = self._remainder, prices.column
        places = np.where(column >= 0, remainder.capacity, remainder.at_least)
        bound = int(profit[remainder.rows].sum()) + int(places @ column)
        for room, price in zip(remainder.room, prices.quota, strict=True):
            bound += int((room * price).sum())
        return bound

    def _settle(self, step: _Step) -> NDArray[np.int64]:
        """Return the best plan that all methods agree on."""
        chosen = step.edges.take(step.flow[step.layout.pair_arcs] > 0)
        pairs = np.concatenate(
            [self.problem.pins.reshape(-1, 2), np.stack([chosen.row, chosen.column], axis=1)]
        )
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        tight = self._collect_tight(step)
        if tight is None:
            return pairs

        def should_stop() -> bool:
            left = self._deadline - monotonic() - FLOW_SECONDS * len(tight)
            return self.stop.is_set() or left < 0

        settled = settle_plan(self.problem, pairs, step.prices, tight, step.profit, should_stop)
        return pairs if settled is None else settled

    def _collect_tight(self, step: _Step) -> Edges | None:
        """Return all pairs that a best plan could have; None if they are too many."""
        profit, n_columns = step.profit, self.problem.n_columns
        keep = np.full(self.problem.n_rows, min(2 * _MORE, max(1, n_columns)))
        rows, parts = self._remainder.rows, []
        while len(rows):
            lowest = int(profit[rows].min()) - 1
            found, floor = self._pool.sweep(step.prices, keep, lowest, rows=rows)
            is_tight = found.gain - self._charge(step.prices, found) == profit[found.row]
            is_whole = floor < profit
            is_whole |= keep >= n_columns
            parts.append(found.take(is_tight & is_whole[found.row]))
            rows = rows[~is_whole[rows]]
            keep = np.minimum(4 * keep, n_columns)
            if sum(map(len, parts)) + int(keep[rows].sum()) // 4 > _MOST_TIGHT:
                return None
        row, column, gain = (
            np.concatenate([np.empty(0, np.int64), *(getattr(part, name) for part in parts)])
            for name in ("row", "column", "gain")
        )
        order = np.lexsort((column, row))
        return Edges(row, column, gain).take(order)

    def solution(self, status: Status | None) -> AssignmentSolution:
        """Return the plan and the prices as they are now."""
        solver = "pricing with quotas, min-cost flow"
        prices = self.prices or self._open_prices
        if self.settled is not None:
            return AssignmentSolution(self.settled, prices, status or Status.OPTIMAL, solver)
        pairs = self._pairs if self._pairs is not None else self._fall_back()
        pairs = np.concatenate([self.problem.pins.reshape(-1, 2), pairs])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        load = np.bincount(pairs[:, 1], minlength=self.problem.n_columns)
        if (load < self.problem.at_least).any():
            raise CapabilityError(UNMET)
        return AssignmentSolution(pairs, prices, status or Status.TIME_LIMIT, solver)

    def _fall_back(self) -> NDArray[np.int64]:
        """Return the plan without quotas, as far as it keeps them, and candidates that are free."""
        known, candidates = self.opened.pairs, self._candidates
        known = known[~np.isin(known[:, 0], self.problem.pins[:, 0])]
        more = np.stack([candidates.row, candidates.column.astype(np.int64)], axis=1)
        if self.problem.objective == "total":
            more = more[candidates.gain >= 0]
        first = known[:0] if self.seated is None else self.seated
        return take_in_turn(self.problem, self._remainder, np.concatenate([first, known, more]))
