"""The whole solve: sizes, search, repair, prices, proof; the best plan is kept at every moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.annealing import anneal, anneals
from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.basis.compiling import wait_at_most
from pairmatch.solvers.groups.basis.exact import N_SMALL, solve_by_subsets
from pairmatch.solvers.groups.basis.pairs import match_pool
from pairmatch.solvers.groups.basis.pools import TriadPrices, price_triads
from pairmatch.solvers.groups.basis.search import (
    Plan,
    Search,
    descend,
    disturb_and_descend,
    seat_greedily,
)
from pairmatch.solvers.groups.basis.sizes import scale_of, usual_sizes
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.answers import (
    best_proof,
    finish_small,
    gap_of,
    number_groups,
    place_nobody,
    proof_of_matching,
    spread_over,
)
from pairmatch.solvers.groups.columns.bounds import Priced, bound_of_triads, improve_prices
from pairmatch.solvers.groups.columns.cases import Proof
from pairmatch.solvers.groups.columns.master import UNIT
from pairmatch.solvers.groups.columns.mixing import mix_columns, suits_columns
from pairmatch.solvers.groups.columns.packing import price_places, tighten
from pairmatch.solvers.groups.columns.repair import (
    breaks_rules,
    pack_plan,
    placeable_people,
    plan_of,
    repair_plan,
)
from pairmatch.solvers.groups.triads.solver import (
    N_PROVED,
    deal_parts,
    prove_triads,
    round_and_descend,
)
from pairmatch.solvers.solution import GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["solve_grouping"]

_N_PRICE_STEPS = 150
_N_STARTS = 4  # further beginnings of a search that nothing follows
_N_SMALL_ENOUGH = 150  # people up to whom a proof of the optimum is worth the time
_N_CASES = 600  # of a proof of the optimum
_NARROW = 0.005  # gap of a given plan up to which the proof is taken to its end
_N_MATCHED = 3000  # people of whom all pairs are priced at once
_N_ANNEALED = 6  # times that larger groups are annealed


def solve_grouping(
    problem: GroupingProblem,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Callable[[int, float | None, float], None] | None = None,
    start: list[tuple[int, ...]] | None = None,
) -> GroupingSolution:
    """Form groups that are as good as the search can find, with a proved bound on the best.

    As many people as possible are placed, in groups as even as the pool allows and of about the
    target size; then the objective counts. The number of groups is the one nearest to n over the
    target size. Only where forbidden pairs rule that out are other sizes within the limits taken.

    Parameters
    ----------
    problem : GroupingProblem
        The pool, the allowed sizes, the objective.
    seed : int, default: 0
        Seed of the search. The same problem and seed give the same groups.
    time_limit : float, optional
        Seconds after which the search stops, as a safety; by default a deterministic number of
        steps ends it.
    progress : callable, optional
        Called with (round, gap or None, seconds).
    start : list of tuple of int, optional
        Groups to start from, which break no rule; the answer has groups of the same sizes.

    Returns
    -------
    GroupingSolution
        Groups of allowed sizes without a forbidden pair; people who cannot be placed have group
        -1. On Ctrl-C the best so far, with a valid bound and ``Status.INTERRUPTED``.

    Raises
    ------
    OverflowError
        If the gains are so large that sums leave 64 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from pairmatch.solvers.problem import GroupingProblem
    >>> gain = np.zeros((6, 6), np.int64)
    >>> gain[np.ix_([0, 2, 4], [0, 2, 4])] = 10
    >>> allowed = ~np.eye(6, dtype=bool)
    >>> solution = solve_grouping(GroupingProblem(gain, allowed, 3, 5, 3))
    >>> solution.group_of.tolist(), solution.bound // solution.scale, solution.status.value
    ([0, 1, 0, 1, 0, 1], 30, 'optimal')
    """
    clock = Clock(perf_counter(), time_limit, progress)
    people = placeable_people(problem)
    core = problem if people.size == problem.n else problem.take(people)
    sizes = usual_sizes(core)
    if start is not None:
        sizes = tuple(sorted((len(group) for group in start), reverse=True))
    full = core.rules is None and bool((core.allowed | np.eye(core.n, dtype=bool)).all())
    used = set(sizes)
    if not full or problem.n <= N_SMALL:
        used |= set(range(core.smallest, min(core.largest, core.n) + 1))
    values = GroupValues.of(core, scale_of(used))
    if not sizes:
        return place_nobody(problem, values.scale, Status.OPTIMAL)
    if core.n <= N_SMALL and start is None:
        groups = solve_by_subsets(core, values)
        if groups is not None:
            return finish_small(problem, values, people, groups)
    run = _Run(core, values, sizes, full, np.random.default_rng(seed), clock)
    if start is not None:
        row_of = {person: row for row, person in enumerate(people.tolist())}
        run.given = [tuple(row_of[person] for person in group) for group in start]
    try:
        if run.match_pairs():
            return run.answer(problem, people)
        run.search()
        run.price()
        run.deal()
        run.prove()
    except KeyboardInterrupt:
        run.interrupted = True
        with wait_at_most(0.0):
            return run.answer(problem, people)
    return run.answer(problem, people)


@dataclass(slots=True)
class _Run:
    """The best plan and the best bound so far."""

    problem: GroupingProblem
    values: GroupValues
    sizes: tuple[int, ...]
    full: bool
    rng: np.random.Generator
    clock: Clock
    given: list[tuple[int, ...]] | None = None
    best: Plan | None = None
    priced: Priced | None = None
    prices: TriadPrices | None = None
    case: GroupPrices | None = None
    proof: Proof | None = None
    listed: list[NDArray[np.int64]] = field(default_factory=list)
    all_listed: bool = False
    places: NDArray[np.int64] | None = None
    columns: tuple[int, GroupPrices] | None = None
    interrupted: bool = False

    def match_pairs(self) -> bool:
        """Pair everybody, or all but one, in the best way; return whether that is done."""
        values, suits = self.values, set(self.sizes) == {2} and self.values.rules is None
        if not suits or values.n > _N_MATCHED or values.unit != UNIT:
            return False
        n_placed = 2 * len(self.sizes)
        found = match_pool(self.values, n_placed, lambda: self.clock.within(0.8))
        if found is None:
            return False
        pairs, self.case = found
        bench = np.setdiff1d(np.arange(self.values.n), pairs)
        self.best = Plan([pairs], bench, self.values.of_tables([pairs]))
        self.clock.tell(None)
        return True

    def search(self) -> None:
        """Find a good plan: greedy seats, descent, then disturbed descents."""
        look = Search.of(self.values, self.rng, lambda: self.clock.within(0.5))
        triads = set(self.sizes) == {3}
        given = self.given
        plan = seat_greedily(look, self.sizes) if given is None else plan_of(look, given)
        self.best = plan.copy()  # the descent works in place and may be interrupted
        large = triads and self.values.n > _N_SMALL_ENOUGH
        descend(look, plan, 12 if large else 40)
        self.best = plan.copy()
        if breaks_rules(self.values, plan):
            plan = self._disturb(look, plan, self._n_steps() // 2)
        if breaks_rules(self.values, plan):
            packed, self.listed, self.all_listed = pack_plan(
                self.problem, look, plan, self.clock.left(0.5)
            )
            if packed is not None:
                self.best = packed
                if packed.bench.size and not self.all_listed:
                    self.best = packed = repair_plan(self.problem, look, packed)
                self.best = self._disturb(look, packed, self._n_steps())
                self.clock.tell(None)
                return
        brief = self._is_brief()
        anew = not triads and not brief
        if not triads:  # before what a time limit may not leave time for
            self.best = plan = anneal(look, plan, 2 if brief else _N_ANNEALED, briefly=brief)
        if not large or not self.full:
            self.best = self._disturb(look, plan, self._n_steps())
        self.clock.tell(None)
        if anew and not anneals(look, plan):
            self._start_again(look)
        if not self.full:
            look = Search.of(self.values, self.rng, lambda: self.clock.within(0.6))
            self.best = repaired = repair_plan(self.problem, look, self.best)
            self.best = self._disturb(look, repaired, self._n_steps() // 4)
            self.clock.tell(None)

    def _is_brief(self) -> bool:
        """Return whether columns are likely to be generated after the search."""
        triads = set(self.sizes) == {3} and 3 * len(self.sizes) == self.values.n
        return not triads and suits_columns(self.values, self.sizes)

    def _start_again(self, look: Search) -> None:
        """Search from other beginnings where no proof and no exact re-solving will follow."""
        for _ in range(_N_STARTS):
            best = self.best
            assert best is not None  # noqa: S101  the first search has found one
            fresh, _ = disturb_and_descend(
                look, best, n_shuffled=best.n_groups, patience=40, tolerance=2**62
            )
            found = self._disturb(look, fresh, self._n_steps())
            self.best = found if found.worth > best.worth else best
            self.clock.tell(None)

    def price(self) -> None:
        """Find prices that bound every grouping."""
        if self.best is None or not self.best.tables:
            return
        if self._is_brief() and not self._all_triads(self.best):
            self._price_columns()
        self.priced = self._priced(_N_PRICE_STEPS if self.columns is None else 1)
        if self.listed and self.best.bench.size:
            if self.all_listed:
                self.places = price_places(self.values, self.listed, self.clock.left(0.7))
            self.priced = tighten(self.values, self.best, self.listed, self.priced)
        self.clock.tell(gap_of(self.best.worth, self.priced.bound))

    def _price_columns(self) -> None:
        """Bound groups of the sizes that are used by columns, and improve the plan."""
        best = self.best
        assert best is not None  # noqa: S101  there is a plan before there are prices
        found = mix_columns(self.values, best, self.rng, partial(self.clock.within, 0.9))
        if found is None:
            look = Search.of(self.values, self.rng, lambda: self.clock.within(0.6))
            self._start_again(look)
            return
        self.columns = found.bound, found.case
        if found.plan.worth > best.worth:
            self.best = found.plan

    def deal(self) -> None:
        """Use the prices to find better triads."""
        plan, prices = self.best, self.prices
        if plan is None or prices is None or not self._all_triads(plan):
            return
        look = Search.of(self.values, self.rng, lambda: self.clock.within(0.8))
        for improve in (round_and_descend, deal_parts):
            if plan.worth >= prices.bound:
                return
            better = improve(look, plan, prices, look.keep_on)
            if not self.values.n_forbidden(better.tables[0]).any():
                self.best = plan = better
            self.clock.tell(gap_of(plan.worth, prices.bound))

    def _all_triads(self, plan: Plan) -> bool:
        """Return whether everybody is in a group of three, without a forbidden pair."""
        if plan.bench.size or len(plan.tables) != 1 or plan.tables[0].shape[1] != 3:
            return False
        return not self.values.n_forbidden(plan.tables[0]).any()

    def prove(self) -> None:
        """Close the gap of triads of everybody, as far as the work limit allows."""
        n, plan, prices = self.values.n, self.best, self.prices
        if plan is None or prices is None or n > N_PROVED or plan.worth >= prices.bound:
            return
        if not self._all_triads(plan) or prices.unit != UNIT:
            return  # prices of sets are fractions, which sums of very large gains leave no room for
        look = Search.of(self.values, self.rng, lambda: self.clock.within(0.95))
        self.proof = Proof(plan.tables[0].copy(), plan.worth)
        n_cases = _N_CASES if n <= _N_SMALL_ENOUGH or self.clock.time_limit is not None else 0
        if self.given is not None and gap_of(plan.worth, prices.bound) >= _NARROW:
            n_cases = 0  # above a floor, a wide gap stays wide
        left = partial(self.clock.left, 0.95)
        prove_triads(
            look, self.proof, prices, n_cases=n_cases, keep_on=self._report, seconds_left=left
        )

    def _report(self) -> bool:
        """Tell how far the proof is, and return whether there is time left."""
        if self.proof is not None and self.proof.bound is not None:
            self.clock.tell(gap_of(self.proof.worth, self.proof.bound))
        return self.clock.within(0.95)

    def answer(self, problem: GroupingProblem, people: NDArray[np.int64]) -> GroupingSolution:
        """Return the best plan in the terms of the whole pool."""
        look = Search.of(self.values, self.rng, lambda: False)
        plan = self.best if self.best is not None else seat_greedily(look, self.sizes)
        if self.proof is not None and self.proof.worth > plan.worth:
            plan = Plan([self.proof.triads], plan.bench, self.proof.worth)
        if plan.worth != self.values.of_tables(plan.tables):  # interrupted before the repair
            plan = repair_plan(self.problem, look, plan)
        self.best = plan
        if not plan.tables:
            return place_nobody(problem, self.values.scale, Status.FEASIBLE)
        groups = [tuple(row) for table in plan.tables for row in table.tolist()]
        group_of = number_groups(problem.n, people, groups)
        bound, prices, cases, how = self._bound(problem.n, people, plan)
        everybody = not plan.bench.size and people.size == problem.n
        status = Status.FEASIBLE
        if self.interrupted:
            status = Status.INTERRUPTED
        elif bound == plan.worth and everybody:
            status = Status.OPTIMAL
        elif self.clock.stopped:
            status = Status.TIME_LIMIT
        scale = self.values.scale
        solver = "reassignment descent" if self.case is None else "matching with odd sets"
        places = None if self.places is None else spread_over(problem.n, people, self.places)
        return GroupingSolution(group_of, bound, scale, how, status, solver, prices, cases, places)

    def _bound(
        self, n: int, people: NDArray[np.int64], plan: Plan
    ) -> tuple[int, NDArray[np.int64], tuple[GroupPrices, ...], str]:
        """Return the best bound, its prices and cases for the whole pool, and how it was found."""
        if self.case is not None:
            return proof_of_matching(self.case, n, people, plan)
        priced = self.priced if self.priced is not None else self._priced(1)
        fine = self.prices if set(self.sizes) == {3} else None
        return best_proof(n, people, plan, priced, self.proof, fine, self.columns)

    def _n_steps(self) -> int:
        """Return the deterministic work limit, in steps."""
        n_most = min(4000, 60 * self.values.n, max(300, 600_000 // self.values.n))
        return n_most // 5 if self._is_brief() else n_most

    def _disturb(self, look: Search, plan: Plan, n_steps: int) -> Plan:
        """Return the best plan that a number of steps from disturbed plans finds."""
        best, current = plan.copy(), plan
        if plan.n_groups < 1 + (not plan.bench.size):
            return best
        tolerance = abs(plan.worth) // 1000
        done = 0
        while done < n_steps and look.keep_on():
            current, n_taken = disturb_and_descend(
                look, current, n_shuffled=3, patience=15, tolerance=tolerance
            )
            done += n_taken
            if current.worth > best.worth:
                best = current.copy()
                if self.best is None or best.worth > self.best.worth:
                    self.best = best
        return best

    def _priced(self, n_steps: int) -> Priced:
        """Return prices and bound for groupings of the sizes of the best plan."""
        assert self.best is not None  # noqa: S101  there is a plan before there are prices
        sizes = [table.shape[1] for table in self.best.tables for _ in table]
        values, worth = self.values, self.best.worth
        keep_on = partial(self.clock.within, 0.7)
        mixed = values.rules is not None and max(sizes) > 3  # legal triads are not all that count
        if min(sizes) != 3 or sum(sizes) < values.n or mixed:
            return improve_prices(values, sizes, worth, n_steps, keep_on)
        self.prices = price_triads(
            values,
            worth,
            unit=values.unit,
            n_rounds=1 + n_steps // 12,
            n_steps=400,
            keep_on=keep_on,
        )
        return bound_of_triads(values, self.prices.rounded(), sizes)
