"""The exact best plan of a pool whose matrix of gains never exists."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.draft import UNMET
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing.compiled import are_loaded_within
from pairmatch.solvers.assignment.pricing.completing import complete_plan
from pairmatch.solvers.assignment.pricing.cover import find_cover
from pairmatch.solvers.assignment.pricing.effort import FLOW_SECONDS, Effort
from pairmatch.solvers.assignment.pricing.filling import meet_all_loads
from pairmatch.solvers.assignment.pricing.guessing import guess_prices
from pairmatch.solvers.assignment.pricing.parting import split_pool, take_part
from pairmatch.solvers.assignment.pricing.rounds import Rounds
from pairmatch.solvers.assignment.pricing.settling import (
    collect_tight,
    join_edges,
    list_near,
    settle_plan,
)
from pairmatch.solvers.assignment.pricing.start import find_largest
from pairmatch.solvers.assignment.pricing.sweep import Stopped
from pairmatch.solvers.assignment.pricing.watching import find_deadline, watch
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.watching import Progress
    from pairmatch.solvers.near_pairs import NearPairs
    from pairmatch.solvers.problem import AssignmentProblem

    Guesses = Sequence[NDArray[np.int64] | None]

__all__ = ["solve_by_pricing"]

_MOST_NEAR = 2**28  # pairs of a pool up to which those that are nearly as good are kept
_RAISE = 4  # factor of the bonus where coverage was not reached
_LOADING = 0.25  # share of a time limit after which compiled code is not waited for any longer
_NEARLY = 0.9  # share of the pairs that a proof must reach for guessed prices to be worth it
_LATE, _LATE_SHARE = 0.7, 0.1  # seconds after a limit, and share of it, to meet minimum loads
_COMPLETING, _LEAST_COMPLETING = 0.5, 0.25  # seconds to seat more rows in a plan cut short


def check_clock(deadline: float) -> None:
    """Raise where the time is over."""
    if monotonic() > deadline:
        raise OutOfTime


def solve_by_pricing(
    problem: AssignmentProblem,
    *,
    time_limit: float | None = None,
    progress: Progress | None = None,
    n_threads: int | None = None,
    seed: int = 0,
    effort: Effort | None = None,
) -> AssignmentSolution:
    """Return the best plan of an assignment problem, pricing all pairs block by block.

    Parameters
    ----------
    problem : AssignmentProblem
        Loads, pins and gains, best :class:`~pairmatch.solvers.streamed.StreamedGains`; no quotas.
    time_limit : float, optional
        Seconds for the search and its proof by
        :func:`~pairmatch.solvers.certify.certify_assignment`; then the best plan so far is
        returned. Compiled code that cannot be loaded in a quarter of it is not used.
    progress : callable, optional
        Called as ``progress(round, gap, seconds)`` after each round, in the calling thread.
    n_threads : int, optional
        Threads that price; default: the processors this process may use. The plan does not
        depend on it.
    seed : int, default: 0
        Seed of the samples that first prices are learnt from.
    effort : Effort, optional
        Sizes that change the time, not the value of the plan.

    Returns
    -------
    AssignmentSolution
        Pairs and prices that prove them best: of all best plans one that seats most rows, of these
        one of the most even loads (least sum of squares), of these the one of
        :mod:`~pairmatch.solvers.assignment.held.ties`, as long as there are no more than 2,097,152
        pairs that a best plan could have. Status TIME_LIMIT or INTERRUPTED (Ctrl-C) where the
        search was cut short: then the pairs are valid and the prices give a true bound.

    Raises
    ------
    CapabilityError
        If the problem has quotas.
    LoadConflict
        If minimum loads cannot be met.

    Notes
    -----
    Column generation for the transportation problem: a sparse solver with prices works on few
    candidate pairs; blocked products of integer features, with the prices as one more feature,
    find the pairs that it lacks. Rows and columns carry floors that keep the prices feasible for
    every pair throughout (a box, as in Marsten, Hogan and Blankenship, "The boxstep method for
    large-scale optimization", Operations Research 23, 1975, doi:10.1287/opre.23.3.389), so only
    rows and columns that are held by a floor are priced again: about 1.3 passes over all pairs on
    independent profiles. First prices come from a stratified sample, solved the same way. For
    coverage every pair gets a bonus, raised until no plan can match more rows, which a vertex
    cover proves. Memory: O((n + m) * n_features + candidates).

    Examples
    --------
    >>> from pairmatch.solvers.problem import AssignmentProblem
    >>> from pairmatch.solvers.streamed import StreamedGains
    >>> features = np.float32([[1, 0], [0, 1], [1, 1]])
    >>> problem = AssignmentProblem(
    ...     gains=StreamedGains(features, np.float32([[3, 1], [2, 5]]), largest=7),
    ...     capacity=np.array([1, 1]),
    ...     at_least=np.array([0, 0]),
    ... )
    >>> solve_by_pricing(problem).pairs.tolist()
    [[0, 0], [2, 1]]
    """
    if problem.quotas:
        raise CapabilityError(
            "the streamed solver knows no quotas per column and class of rows; "
            "use the flow or integer method for them"
        )
    effort = effort or Effort()
    if n_threads is not None:
        effort = replace(effort, n_threads=n_threads)
    deadline, share = find_deadline(problem, time_limit)
    if time_limit is not None and effort.fast and not are_loaded_within(_LOADING * time_limit):
        effort = replace(effort, fast=False)
    late = max(_LATE, _LATE_SHARE * (time_limit or 0.0))
    search = _Search(problem, effort, seed, deadline, late)
    status = watch(search, deadline, progress)
    seconds = min(_COMPLETING, max(_LEAST_COMPLETING, 0.2 * (time_limit or 10.0)))
    return search.solution(status, seconds, guess=share >= _NEARLY)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of the pool that nothing ties to the rest."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    rounds: Rounds


class _Search:
    """One run: parts of the pool that do not touch, solved one after the other."""

    def __init__(
        self,
        problem: AssignmentProblem,
        effort: Effort,
        seed: int,
        deadline: float,
        late: float = math.inf,
    ) -> None:
        self.problem, self.effort = problem, effort
        self.stop = Event()
        self.messages: SimpleQueue[tuple[int, float, float] | None] = SimpleQueue()
        self.error: BaseException | None = None
        self.done = False
        self.settled: NDArray[np.int64] | None = None
        self.near: NearPairs | None = None
        self._begin, self._deadline = monotonic(), deadline
        self._late = deadline + late
        self._n_rounds = 0
        self.seated: list[NDArray[np.int64]] = []  # pairs of each part that meet the loads
        pins = problem.pins
        pinned = np.bincount(pins[:, 1], minlength=problem.n_columns)
        is_open = np.ones(problem.n_rows, bool)
        is_open[pins[:, 0]] = False
        self.rows = np.flatnonzero(is_open)
        self.capacity = problem.capacity - pinned
        self.least = np.maximum(problem.at_least - pinned, 0)
        self.cover = (self.capacity == 0).astype(np.int64)
        self.largest = find_largest(problem.gains)
        # About one full score, under "coverage".
        self.bonus = self.largest + 1 if problem.objective == "coverage" else 0
        rng = np.random.default_rng(seed)
        self.parts = [
            _Part(
                rows,
                columns,
                Rounds(
                    take_part(problem.gains, rows, columns),
                    self.capacity[columns],
                    self.least[columns],
                    self.bonus,
                    effort=effort,
                    rng=rng,
                    stop=self.stop,
                    deadline=deadline,
                ),
            )
            for rows, columns in split_pool(problem.gains, self.rows, self.capacity)
        ]

    def run(self) -> None:
        """Solve every part; under "coverage" raise the bonus until nobody more can be matched."""
        try:
            if self.least.any():
                self._meet_loads()
            while self._run_once():
                self.bonus *= _RAISE
                for part in self.parts:
                    part.rounds.raise_bonus(self.bonus)
            if self.done:
                shape = self.problem.n_rows, self.problem.n_columns
                if len(self.parts) == 1 and shape[0] * shape[1] <= _MOST_NEAR:
                    part = self.parts[0]
                    self.near = list_near(part.rounds, part.rows, part.columns, shape)
                self.settled = self._settle()
        except Stopped:
            pass  # before the first plan
        except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
            self.error = error
        finally:
            self.messages.put(None)

    def _run_once(self) -> bool:
        """Solve every part with the present bonus; return whether it is too small."""
        for part in self.parts:
            if not part.rounds.run(self._report):
                return False
        if self.problem.objective == "coverage":
            for part in self.parts:
                maximum, cover = find_cover(part.rounds)
                self.cover[part.columns] = cover
                if not maximum:
                    return True
        self.done = True
        return False

    def _meet_loads(self) -> None:
        """Seat as many rows as minimum loads ask for, or raise if they cannot all be met.

        Whoever stops the search waits for some: no plan is valid before.
        """
        parts = [(part.rows, part.columns, part.rounds.gains) for part in self.parts]
        meet = partial(meet_all_loads, self.problem, self.least, parts)
        if self._deadline < math.inf:  # any rows first, in case there is no time for good ones
            try:
                self.seated = meet(partial(check_clock, self._late), hurried=True)
            except OutOfTime:
                raise CapabilityError(UNMET) from None
        try:
            self.seated = meet(self._look)
        except OutOfTime:
            raise Stopped from None

    def _look(self) -> None:
        """Raise where the search ends, once there is a valid plan."""
        if self.seated and self.stop.is_set():
            raise OutOfTime
        check_clock(self._deadline)

    def _complete(
        self,
        k: int,
        pairs: NDArray[np.int64],
        price: NDArray[np.int64] | None,
        deadline: float,
    ) -> NDArray[np.int64]:
        """Return a valid plan of a part whose search was cut short."""
        rounds = self.parts[k].rounds
        complete = partial(complete_plan, rounds.gains, rounds.capacity)
        complete = partial(complete, deadline=deadline, coverage=self.bonus > 0, price=price)
        if not self.seated:
            return complete(rounds.least, pairs)
        try:
            if len(pairs):
                return complete(rounds.least, pairs, check=lambda: check_clock(self._late))
        except OutOfTime:
            pass
        return complete(0 * rounds.least, self.seated[k])

    def _settle(self) -> NDArray[np.int64] | None:
        """Return the one best plan that all methods agree on; None if told to stop."""
        pairs, edges = self._pairs(), self._collect_tight()
        if edges is None:
            return pairs
        profit = np.zeros(self.problem.n_rows, np.int64)
        for part in self.parts:
            assert part.rounds.seating is not None  # noqa: S101 - the pool has been run
            profit[part.rows] = part.rounds.seating.u + self.bonus
        ends = self._deadline - FLOW_SECONDS * len(edges)  # a flow cannot be stopped

        def should_stop() -> bool:
            return self.stop.is_set() or monotonic() > ends

        fast = self.effort.fast
        prices = Prices(self._price())
        return settle_plan(self.problem, pairs, prices, edges, profit, should_stop, fast=fast)

    def _collect_tight(self) -> Edges | None:
        """Return all pairs that a best plan can have, or None; rounds forget theirs."""
        tight = []
        for part in self.parts:
            edges = collect_tight(part.rounds)
            if edges is None:
                return None
            part.rounds.forget_pairs()
            tight.append(Edges(part.rows[edges.row], part.columns[edges.column], edges.gain))
            del edges
        return join_edges(tight)

    def _report(self, rounds: Rounds) -> None:
        """Pass on where the search is."""
        self._n_rounds += 1
        bound, value = rounds.bound, rounds.value
        gap = (bound - value) / max(1, abs(bound)) if bound is not None else 1.0
        self.messages.put((self._n_rounds, gap, monotonic() - self._begin))

    def _pairs(self, guesses: Guesses = (), seconds: float = 0.0) -> NDArray[np.int64]:
        """Return all pairs as they are now, sorted; those of an unfinished plan with more."""
        deadline = monotonic() + seconds
        found = [self.problem.pins.astype(np.int64).reshape(-1, 2)]
        for k, part in enumerate(self.parts):
            pairs = part.rounds.pairs()
            if not self.done:
                guess = guesses[k] if guesses else None
                price = part.rounds.price if part.rounds.price is not None else guess
                pairs = self._complete(k, pairs, price, deadline)
            found.append(np.column_stack([part.rows[pairs[:, 0]], part.columns[pairs[:, 1]]]))
        pairs = np.concatenate(found)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def _price(self, guesses: Guesses = ()) -> NDArray[np.int64]:
        """Return the prices of the columns as they are now; guesses where there are none yet."""
        # A column without places costs nothing to price out of reach: its price counts 0 times.
        price = np.where(self.capacity > 0, 0, self.largest + self.bonus)
        for k, part in enumerate(self.parts):
            seating, best = part.rounds.seating, part.rounds.price
            if best is None and guesses:
                best = guesses[k]
            if self.done and seating is not None:
                price[part.columns] = seating.v
            elif best is not None:
                price[part.columns] = best
        return price

    def solution(
        self, status: Status | None, seconds: float, *, guess: bool = True
    ) -> AssignmentSolution:
        """Return the plan and the prices as they are now; complete a plan for so many seconds."""
        guesses: Guesses = ()
        if not self.done:
            guesses = [guess_prices(part.rounds, self.effort) for part in self.parts]
        seatings = [part.rounds.seating for part in self.parts]
        solvers = [f"pricing, {seating.solver}" for seating in seatings if seating is not None]
        counted = self.done and self.problem.objective == "coverage"
        coverage = Prices(self.cover) if counted else None
        price = self._price(guesses if guess else ())
        prices = Prices(price, bonus=self.bonus, coverage=coverage)
        pairs = self._pairs(guesses, seconds) if self.settled is None else self.settled
        solver = solvers[-1] if solvers else "pricing"
        return AssignmentSolution(pairs, prices, status or Status.OPTIMAL, solver, near=self.near)
