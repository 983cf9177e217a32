"""The lowest group first: the best total, the highest floor, then the best total at that floor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import lcm
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.basis.exact import (
    N_SMALL,
    N_SMALL_PARTIAL,
    partition_small,
    raise_lowest,
)
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.basis.sizes import scale_of
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.answers import (
    gap_of,
    number_groups,
    plain_case,
    spread_over,
    widen_case,
)
from pairmatch.solvers.groups.columns.mixing import mix_columns
from pairmatch.solvers.groups.columns.repair import placeable_people
from pairmatch.solvers.groups.lowest.above import Above
from pairmatch.solvers.groups.lowest.blossoms import match_most, price_places_of_pairs
from pairmatch.solvers.groups.lowest.parts import lower_by_parts
from pairmatch.solvers.groups.lowest.raising import (
    Raised,
    climb,
    cover_above,
    lower_ceiling,
    pack_above,
    start_ceiling,
)
from pairmatch.solvers.groups.lowest.walking import walk_near, walk_up
from pairmatch.solvers.groups.solver import solve_grouping
from pairmatch.solvers.solution import PLACE, GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["solve_worst_group"]

_N_SEEN = 100  # people of whom larger groups are looked at one by one
_N_COLUMNS = 60_000  # groups at the floor over which the total is a program


def solve_worst_group(
    problem: GroupingProblem,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Callable[[int, float | None, float], None] | None = None,
) -> GroupingSolution:
    """Form groups whose lowest mean is as high as it can be, and then their total.

    As many people are placed as under "total", in groups of the same sizes.

    Parameters
    ----------
    problem : GroupingProblem
        With objective "worst_group".
    seed, time_limit, progress
        As for :func:`~pairmatch.solvers.groups.solver.solve_grouping`.

    Returns
    -------
    GroupingSolution
        With ``lowest_bound``, what proves it, and the ``price``; ``bound`` is one of plans in which
        no group is below the lowest one of this plan. On Ctrl-C the best so far.

    Notes
    -----
    A bottleneck problem: floors are searched by halving. See ``raising`` for groups of three and
    more, ``blossoms`` for pairs (exact), ``exact`` for small pools (exact).
    """
    start = perf_counter()
    clock = Clock(start, time_limit, progress)

    def tell(_: int, gap: float | None, __: float) -> None:
        clock.tell(gap)

    plain = replace(problem, objective="total")
    within = None if time_limit is None else 0.4 * time_limit
    base = solve_grouping(plain, seed=seed, time_limit=within, progress=tell)
    people = np.flatnonzero(base.group_of >= 0)
    if not people.size:
        return base
    run = _Run.of(plain, base, clock, np.random.default_rng(seed))
    if base.status is Status.INTERRUPTED:
        return run.unfinished()
    try:
        run.raise_floor()
        left = None if time_limit is None else max(0.05, time_limit - (perf_counter() - start))
        return run.finish(seed, left, tell)
    except KeyboardInterrupt:
        return run.unfinished()


@dataclass(slots=True)
class _Run:
    """The base, the people who can be placed, and how far the floor has been raised."""

    problem: GroupingProblem
    base: GroupingSolution
    people: NDArray[np.int64]
    core: GroupingProblem
    values: GroupValues
    sizes: tuple[int, ...]
    unit: int
    raised: Raised
    clock: Clock
    rng: np.random.Generator
    floor_prices: GroupPrices | None = None
    listed: list[NDArray[np.int64]] | None = None

    @classmethod
    def of(
        cls,
        problem: GroupingProblem,
        base: GroupingSolution,
        clock: Clock,
        rng: np.random.Generator,
    ) -> _Run:
        people = placeable_people(problem)
        core = problem.take(people)
        values = GroupValues.of(core, base.scale)
        placed = base.group_of[people]
        groups = [np.flatnonzero(placed == g) for g in range(int(placed.max()) + 1)]
        plan = _plan(values, [tuple(group.tolist()) for group in groups])
        sizes = tuple(sorted((group.size for group in groups), reverse=True))
        unit = lcm(*(size * (size - 1) for size in sizes))
        worth, n_placed = values.of_tables(plan.tables), sum(sizes)
        bound = base.bound if base.bound is not None else values.largest_value * n_placed
        ceiling = bound * unit // (base.scale * n_placed)
        above = Above(values, tuple(sorted(set(sizes))), unit, lambda: True)
        lowest = min(int(above.mean_of(table).min()) for table in plan.tables)
        plan.worth = worth
        raised = Raised(plan, lowest, max(lowest, ceiling))
        return cls(problem, base, people, core, values, sizes, unit, raised, clock, rng)

    @property
    def small(self) -> bool:
        """Whether floors and totals are found over all subsets."""
        n_placed = sum(self.sizes)
        return self.core.n <= (N_SMALL if n_placed == self.core.n else N_SMALL_PARTIAL)

    def raise_floor(self) -> None:
        """Raise the lowest group as far as can be."""
        if self.small:
            best = raise_lowest(self.values, self.sizes)
            if best is not None:
                self.raised.lowest = self.raised.ceiling = int(best * self.unit)
            return
        if set(self.sizes) == {2}:
            self._raise_pairs()
            return
        above = Above(
            self.values, tuple(sorted(set(self.sizes))), self.unit, lambda: self.clock.within(0.7)
        )
        start_ceiling(self.raised, above)
        parts = lower_by_parts(self.raised, above)
        keep_on = partial(self.clock.within, 0.5)
        walked = walk_up(self.raised, above, parts, self.rng, keep_on)
        if not walked:
            climb(self.values, self.raised, above, self.rng, keep_on)
        self.clock.tell(self._short())
        lower_ceiling(self.raised, above, lambda: self.clock.within(0.6))
        self.clock.tell(self._short())
        if self.raised.lowest < self.raised.ceiling:
            keep_on = partial(self.clock.within, 0.65)
            cover_above(self.raised, above, self.rng, keep_on, mend=not walked)
            self.clock.tell(self._short())
        if self.raised.lowest < self.raised.ceiling and not self.raised.settled:
            pack_above(self.values, self.raised, above, lambda: self.clock.within(0.65))
            lower_ceiling(self.raised, above, lambda: self.clock.within(0.7))
            self.clock.tell(self._short())
        if walked and self.base.prices is not None:
            price = self.base.prices[self.people]
            walk_near(self.raised, above, parts, price, self.rng, partial(self.clock.within, 0.75))
        if above.list_from(self.raised.lowest):
            kept = zip(above.tables, above.means, strict=True)
            self.listed = [table[means >= self.raised.lowest] for table, means in kept]

    def _short(self) -> float:
        """Return by how much the lowest group may fall short."""
        return gap_of(self.raised.lowest, self.raised.ceiling)

    def _raise_pairs(self) -> None:
        """Find the highest lowest pair by halving, with matchings in graphs."""
        values, n_placed = self.values, sum(self.sizes)
        possible = self._pairs_above(self.raised.lowest)
        mean = values.pair * (self.unit // 2)
        floors = np.unique(mean[possible])
        mate = np.full(values.n, -1)
        for a, b in self.raised.plan.tables[0].tolist():
            mate[a], mate[b] = b, a
        low, high = 0, floors.size  # floors[low] is reached, floors[high] is not
        stuck: tuple[NDArray[np.bool_], NDArray[np.int64]] | None = None
        while high - low > 1 or stuck is None:
            at = (low + high) // 2 if high - low > 1 else high
            floor = int(floors[at]) if at < floors.size else int(floors[-1]) + 1
            graph = possible & (mean >= floor)
            found = match_most(graph, mate)
            if (found >= 0).sum() >= n_placed:
                low, mate = at, found
            else:
                high, stuck = at, (graph, found)
        pairs = [(a, b) for a, b in enumerate(mate.tolist()) if a < b][: n_placed // 2]
        self.raised.plan = _plan(values, pairs)
        self.raised.lowest = self.raised.ceiling = int(floors[low])
        self.floor_prices = widen_case(price_places_of_pairs(*stuck), self.problem.n, self.people)

    def _pairs_above(self, floor: int) -> NDArray[np.bool_]:
        """Return which pairs are legal and reach a floor."""
        values = self.values
        possible = values.allowed & (values.pair * (self.unit // 2) >= floor)
        if values.rules is not None:
            pairs = np.argwhere(np.triu(possible))
            possible[tuple(pairs[~values.legal(pairs)].T)] = False
            possible &= possible.T
        return possible

    def finish(
        self,
        seed: int,
        time_limit: float | None,
        tell: Callable[[int, float | None, float], None],
    ) -> GroupingSolution:
        """Return the best total at the floor."""
        floor = Fraction(self.raised.lowest, self.unit)
        if self.small:
            floored = GroupValues.of(self.core.with_floor(floor), self.base.scale)
            groups = partition_small(floored, self.sizes)
            if groups is not None:
                worth = floored.of_tables(_plan(floored, groups).tables)
                final = replace(self.base, bound=worth)
                return self._answer(final, groups, self.base.status)
        limited = replace(
            self.core.with_floor(floor), smallest=min(self.sizes), largest=max(self.sizes)
        )
        limited = replace(
            limited, target=min(max(limited.smallest, limited.target), limited.largest)
        )
        if limited.largest == 2:
            limited = replace(limited, allowed=self._pairs_above(self.raised.lowest), rules=None)
        best, proofs = self._over_columns(limited), [self.base]
        if best is not None:
            proofs.append(best)
        if best is None or best.bound != self.raised.plan.worth:
            final = solve_grouping(
                limited, seed=seed, time_limit=time_limit, progress=tell, start=self._groups()
            )
            groups = _groups_of(final.group_of)
            if sorted(len(group) for group in groups) != sorted(self.sizes):
                return self.unfinished(Status.FEASIBLE)
            proofs.append(_widened(final, self.problem.n, self.people))
            status = final.status
        else:
            groups, status = self._groups(), Status.FEASIBLE
        if status is Status.FEASIBLE and self.clock.stopped:
            status = Status.TIME_LIMIT
        scale = scale_of(self.sizes)
        proofs = [_in_scale(proof, scale) for proof in proofs if proof.bound is not None]
        kept = min(proofs, key=lambda proof: proof.bound or 0, default=self.base)
        kept = replace(kept, solver=self.base.solver, places=self.base.places)
        return self._answer(kept, groups, status)

    def _over_columns(self, limited: GroupingProblem) -> GroupingSolution | None:
        """Improve the total over all groups at the floor, where they are few; return the bound."""
        if self.listed is None or sum(map(len, self.listed)) > _N_COLUMNS:
            return None
        if set(self.sizes) != {3} and self.core.n > _N_SEEN:
            return None
        values, raised = GroupValues.of(limited, self.base.scale), self.raised
        raised.plan.worth = values.of_tables(raised.plan.tables)
        keep_on = partial(self.clock.within, 0.8)
        found = mix_columns(values, raised.plan, np.random.default_rng(0), keep_on)
        if found is None:
            return None
        raised.plan, bound, case = found.plan, found.bound, found.case
        self.clock.tell(gap_of(raised.plan.worth, bound))
        n = self.problem.n
        prices = spread_over(n, self.people, -(-case.person // case.unit))
        case = widen_case(case, n, self.people)
        how = "prices of people and sizes against all legal groups"
        return replace(self.base, bound=bound, bound_method=how, prices=prices, cases=(case,))

    def _groups(self) -> list[tuple[int, ...]]:
        """Return the groups of the plan so far."""
        return [tuple(row) for table in self.raised.plan.tables for row in table.tolist()]

    def unfinished(self, status: Status = Status.INTERRUPTED) -> GroupingSolution:
        """Return the plan so far, with what the base proves."""
        return self._answer(self.base, self._groups(), status)

    def _answer(
        self, proof: GroupingSolution, groups: list[tuple[int, ...]], status: Status
    ) -> GroupingSolution:
        """Return groups of the core with the bounds of a solution of the whole pool."""
        plan = _plan(self.values, groups)
        worth, before = (
            some.worth * proof.scale // self.base.scale
            for some in (plan, _plan(self.values, self._base_groups()))
        )
        n_placed = sum(self.sizes)
        lowest = Fraction(self.raised.lowest, self.unit)
        bound = Fraction(self.raised.ceiling, self.unit)
        prices, parts = self._floor_proof()
        if not self.small and proof.bound is not None:
            mean = max(lowest, Fraction(proof.bound, proof.scale * n_placed))
            proved = prices is not None or parts is not None or self.raised.settled
            if not proved or mean < bound:
                bound, prices, parts = mean, None, None
        shown = prices is not None or parts is not None
        everybody = n_placed == self.problem.n
        if status in (Status.OPTIMAL, Status.FEASIBLE) and not self.small:
            proved = bound == lowest and proof.bound == worth and everybody
            status = Status.OPTIMAL if proved else Status.FEASIBLE
        return replace(
            proof,
            group_of=number_groups(self.problem.n, self.people, groups),
            status=status,
            solver=f"{proof.solver} above a floor",
            lowest_bound=bound if proof.bound is not None or shown else None,
            floor_prices=prices,
            floor_parts=parts,
            price=max(0, before - worth),
        )

    def _floor_proof(self) -> tuple[GroupPrices | None, NDArray[np.int64] | None]:
        """Return prices and parts of the whole pool behind the ceiling, where there are any."""
        n, prices, parts = self.problem.n, self.floor_prices, None
        if self.raised.prices is not None:
            prices = widen_case(plain_case(self.raised.prices, PLACE), n, self.people)
        if self.raised.parts is not None:
            parts = np.full(n, -1)
            parts[self.people] = self.raised.parts
        return prices, parts

    def _base_groups(self) -> list[tuple[int, ...]]:
        return _groups_of(self.base.group_of[self.people])


def _groups_of(group_of: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Return the members of each group."""
    members = Counter(group_of[group_of >= 0].tolist())
    return [tuple(np.flatnonzero(group_of == number).tolist()) for number in sorted(members)]


def _plan(values: GroupValues, groups: Sequence[tuple[int, ...]]) -> Plan:
    """Return the plan with these groups, worth what they are worth."""
    by_size: dict[int, list[tuple[int, ...]]] = {}
    for group in sorted(groups):
        by_size.setdefault(len(group), []).append(group)
    tables = [np.array(by_size[size], np.int64) for size in sorted(by_size)]
    seated = np.concatenate([table.ravel() for table in tables])
    return Plan(tables, np.setdiff1d(np.arange(values.n), seated), values.of_tables(tables))


def _in_scale(solution: GroupingSolution, scale: int) -> GroupingSolution:
    """Return a solution whose bound and prices are in gains times a smaller scale.

    What prices lose in scale they gain in unit, so that they prove the same.
    """
    factor = solution.scale // scale
    if factor == 1 or solution.bound is None or solution.prices is None:
        return solution
    cases = solution.cases or (plain_case(solution.prices, 1),)
    return replace(
        solution,
        scale=scale,
        bound=solution.bound // factor,
        prices=-(-solution.prices // factor),
        cases=tuple(replace(case, unit=case.unit * factor) for case in cases),
    )


def _widened(solution: GroupingSolution, n: int, people: NDArray[np.int64]) -> GroupingSolution:
    """Return the prices of a solution for some people in the numbers of the whole pool."""
    if people.size == n or solution.prices is None:
        return solution
    prices = np.full(n, min(0, int(solution.prices.min(initial=0))))
    prices[people] = solution.prices
    cases = tuple(widen_case(case, n, people) for case in solution.cases)
    return replace(solution, prices=prices, cases=cases)
