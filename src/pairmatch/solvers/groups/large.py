"""The whole solve of a pool that is too large to be held: in parts, and proved in streams."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pairmatch.solvers.groups.answers import gap_of, number_groups
from pairmatch.solvers.groups.clock import Clock
from pairmatch.solvers.groups.linked import LinkedValues, find_links, prove_prices
from pairmatch.solvers.groups.parts import N_PART, join_parts, start_in_parts
from pairmatch.solvers.groups.pools import price_triads
from pairmatch.solvers.groups.search import Plan, Search
from pairmatch.solvers.groups.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.streaming import NEVER, PoolValues, stream_links
from pairmatch.solvers.groups.triads import deal_parts, price_unit
from pairmatch.solvers.problem import StreamedGrouping
from pairmatch.solvers.solution import GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

    class Solve(Protocol):
        """Solves a part that is held."""

        def __call__(
            self, problem: GroupingProblem, *, seed: int, time_limit: float | None
        ) -> GroupingSolution: ...


__all__ = ["solve_large"]

_N_SWEEPS = 2  # times that every group is in a part that is solved again
_OPEN = 0.98  # share of allowed pairs above which forbidden ones are mended afterwards
_N_PAIRS = 20_000  # pairs that are asked for this share
_N_MENDED = 20  # parts that are mended at most
_N_STREAMS = 8  # streams whose time the proof and its check take
_LIMIT = 2**61


def solve_large(
    problem: StreamedGrouping,
    solve: Solve,
    *,
    seed: int,
    time_limit: float | None,
    progress: Callable[[int, float | None, float], None] | None,
) -> GroupingSolution:
    """Form groups of a pool of which only parts are ever held.

    Parameters
    ----------
    problem : StreamedGrouping
        The pool.
    solve : callable
        Solves a part that is held.
    seed : int
        Seed of the search.
    time_limit : float or None
        Seconds for search, proof and the check of the proof.
    progress : callable or None
        Called with (round, gap or None, seconds).

    Raises
    ------
    OverflowError
        If the gains are so large that sums leave 64 bits.

    Notes
    -----
    O(n) memory; a proof computes each gain once or twice.
    """
    sizes = choose_sizes(problem.n, problem.smallest, problem.largest, problem.target)
    values = PoolValues(problem, scale_of(range(problem.smallest, problem.largest + 1)))
    top = 8 * problem.gains.largest * values.scale * (problem.largest + 1) * (problem.n + 8)
    if top >= _LIMIT:
        raise OverflowError("the gains are too large for exact 64-bit sums; use fewer digits")
    clock = Clock(perf_counter(), time_limit, progress)
    run = _Large(problem, values, sizes, solve, np.random.default_rng(seed), clock, seed)
    try:
        run.search()
    except KeyboardInterrupt:
        run.interrupted = True
    return run.answer()


@dataclass(slots=True)
class _Large:
    """Groups and prices so far."""

    problem: StreamedGrouping
    values: PoolValues
    sizes: tuple[int, ...]
    solve: Solve
    rng: np.random.Generator
    clock: Clock
    seed: int
    groups: list[NDArray[np.int64]] = field(default_factory=list)
    price: NDArray[np.int64] | None = None
    linked: LinkedValues | None = None
    n_solved: int = 0
    streaming: float = 0.0
    interrupted: bool = False

    @property
    def unit(self) -> int:
        """Fraction of a scaled gain in which prices are written."""
        return price_unit(self.values.largest_value, self.values.n)

    def within(self, share: float) -> bool:
        """Return whether there is time left beside that of the proof and its check."""
        if self.clock.time_limit is None:
            return True
        whole = self.clock.time_limit
        rest = max(0.3 * whole, whole - _N_STREAMS * self.streaming)
        return self.clock.within(share * rest / whole)

    def search(self) -> None:
        """Find groups and prices."""
        if set(self.sizes) <= {2, 3, 4, 5} and self.problem.target == 3 and self._is_open():
            self._form_triads()
        else:
            self._solve_parts()
        self._mend()

    def _is_open(self) -> bool:
        """Return whether nearly all pairs are allowed, as far as a sample tells."""
        a, b = self.rng.integers(self.values.n, size=(2, _N_PAIRS))
        return bool(self.values.pairs(a, b)[1][a != b].mean() >= _OPEN)

    def _form_triads(self) -> None:
        """Form triads of everybody but one or two, by prices of people."""
        n = self.values.n
        core = np.sort(self.rng.permutation(n)[: n - n % 3])
        gains = self.problem.gains if core.size == n else self.problem.gains.take(core, core)
        triads = StreamedGrouping(gains, 3, 3, 3, self.problem.objective)
        start_of_stream = perf_counter()
        pool = PoolValues.of(triads, self.values.scale)
        self.streaming = perf_counter() - start_of_stream
        look = Search(pool, 0, self.rng, partial(self.within, 0.3))
        plan, start = start_in_parts(look, self.unit, look.keep_on)
        self.price = np.full(n, int(start.mean()))
        self._keep(core, plan, start)
        self.clock.tell(None)
        linked = self._link(pool, start)
        prices = price_triads(
            linked,
            plan.worth,
            unit=self.unit,
            n_rounds=8,
            n_steps=400,
            keep_on=partial(self.within, 0.55),
            start=start,
        )
        self._keep(core, plan, prices.price)
        look = Search(linked, 0, self.rng, partial(self.within, 0.75))
        plan = join_parts(look, plan, prices, _N_SWEEPS, look.keep_on)
        self._keep(core, plan, prices.price)
        self.clock.tell(gap_of(plan.worth, prices.bound))
        plan = deal_parts(look, plan, prices, partial(self.within, 0.82))
        self._keep(core, plan, prices.price)
        if self.within(0.9):
            linked = self._link(pool, prices.price)
            prices = price_triads(
                linked,
                plan.worth,
                unit=self.unit,
                n_rounds=6,
                n_steps=400,
                keep_on=partial(self.within, 1.0),
                start=prices.price,
            )
            self._keep(core, plan, prices.price)
        self.linked = linked if core.size == n else None
        self.clock.tell(gap_of(plan.worth, prices.bound))

    def _link(self, pool: PoolValues, price: NDArray[np.int64]) -> LinkedValues:
        """Return the strongest links, and note how long a stream takes."""
        start = perf_counter()
        linked = find_links(pool, price, self.unit, self.rng)
        self.streaming = max(self.streaming, perf_counter() - start)
        return linked

    def _keep(self, core: NDArray[np.int64], plan: Plan, price: NDArray[np.int64]) -> None:
        """Keep a plan and prices of some people."""
        assert self.price is not None  # noqa: S101  set before
        self.groups = list(core[plan.tables[0]])
        self.price[core] = price

    def _solve_parts(self) -> None:
        """Solve parts of people who are alike in what the rules ask for."""
        n, target = self.values.n, self.problem.target
        order = self._order()
        n_parts = -(-n // N_PART)
        ends = [target * round(n * part / n_parts / target) for part in range(n_parts)] + [n]
        self.price = np.zeros(n, np.int64)
        for first, last in pairwise(ends):
            part = np.sort(order[first:last])
            share = 0.8 * (last / n)
            seconds = None if self.clock.time_limit is None else self.clock.left(share)
            self._solve_part(part, seconds)
            self.clock.tell(None)

    def _solve_part(self, part: NDArray[np.int64], seconds: float | None) -> int:
        """Solve one part, take its groups and prices, and return how many it places."""
        found = self.solve(
            self.problem.take(part), seed=self.seed + self.n_solved, time_limit=seconds
        )
        self.n_solved += 1
        group_of = found.group_of
        order = np.argsort(group_of, kind="stable")
        order = order[group_of[order] >= 0]
        cuts = np.flatnonzero(np.diff(group_of[order])) + 1
        groups = [part[members] for members in np.split(order, cuts) if members.size]
        if self.price is not None and found.prices is not None:
            factor = self.values.scale * self.unit
            self.price[part] = found.prices * factor // found.scale
        inside = np.zeros(self.values.n, np.bool_)
        inside[part] = True
        self.groups = [group for group in self.groups if not inside[group[0]]] + groups
        return int(order.size)

    def _order(self) -> NDArray[np.int64]:
        """Return the people so that those who may share a group are near each other."""
        every = self.rng.permutation(self.values.n)
        gains = self.problem.gains
        alike = getattr(gains, "sort_alike", None)
        if alike is not None:
            every = np.asarray(alike(every, every)[0])
        keys = getattr(gains, "keys", None)
        return every if keys is None else every[np.argsort(keys[0][every], kind="stable")]

    def _mend(self) -> None:
        """Dissolve groups with a forbidden pair, and place people who are in no group."""
        legal = [np.zeros(0, np.bool_)]
        tables = self._tables()
        for table in tables:
            fine = np.ones(len(table), np.bool_)
            for x in range(table.shape[1]):
                for y in range(x):
                    fine &= self.values.pairs(table[:, x], table[:, y])[1]
            legal.append(fine)
        self.groups = [
            group for table, fine in zip(tables, legal[1:], strict=True) for group in table[fine]
        ]
        most = sum(self.sizes)
        for attempt in range(_N_MENDED):
            placed = np.zeros(self.values.n, np.bool_)
            for group in self.groups:
                placed[group] = True
            n_placed = int(placed.sum())
            if n_placed >= most or (attempt and not self.clock.within(0.85)):
                return
            out = self.rng.permutation(np.flatnonzero(~placed))[: N_PART // 2]
            part = self._with_neighbours(out)
            before, n_inside = list(self.groups), int(placed[part].sum())
            price = None if self.price is None else self.price.copy()
            left = None if self.clock.time_limit is None else self.clock.left(0.85) / 4
            if self._solve_part(part, left) < n_inside:
                self.groups, self.price = before, price

    def _with_neighbours(self, out: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return people without a group, and the groups of their best allowed partners."""
        group_of = np.full(self.values.n, -1)
        for number, group in enumerate(self.groups):
            group_of[group] = number
        gains, every = self.problem.gains, np.arange(self.values.n)
        pair, allowed = gains.take(out, every).block(slice(0, out.size), slice(0, every.size))
        worth = np.where(allowed & (group_of >= 0)[None, :], pair, NEVER)
        n_near = max(1, min(300, N_PART // max(1, 2 * self.problem.target * out.size)))
        near = np.argpartition(-worth, min(n_near, every.size - 1), axis=1)[:, :n_near]
        near = near[np.take_along_axis(worth, near, axis=1) > NEVER]
        chosen = np.unique(group_of[near])
        n_groups = max(1, N_PART // self.problem.target)
        chosen = self.rng.permutation(chosen)[:n_groups]
        return np.sort(np.concatenate([out, *(self.groups[number] for number in chosen)]))

    def _tables(self) -> list[NDArray[np.int64]]:
        """Return the groups by size."""
        sizes = sorted({group.size for group in self.groups})
        return [np.stack([g for g in self.groups if g.size == size]) for size in sizes]

    def answer(self) -> GroupingSolution:
        """Return the groups with a proved bound."""
        if self.interrupted:
            self._mend_nothing()
        n, unit, scale = self.values.n, self.unit, self.values.scale
        tables = self._tables()
        if not tables:
            nobody = np.full(n, -1, np.int64)
            how = "no group, nothing to gain"
            return GroupingSolution(nobody, 0, scale, how, Status.FEASIBLE, "none")
        worth = self.values.of_tables(tables)
        n_placed = sum(table.size for table in tables)
        smallest = tables[0].shape[1]
        price = np.full(n, worth * unit // n_placed) if self.price is None else self.price
        if smallest == 3:
            linked, values = self.linked, self.values
            if tables[-1].shape[1] > 3:  # the worst rotation of larger groups says nothing here
                values = replace(values, problem=replace(self.problem, objective="total"))
            if linked is None or values is not self.values:
                linked = find_links(values, price, unit, self.rng)
            price, by_triads = prove_prices(linked, price, unit)
            against = "triads" if by_triads else "pairs"
        else:
            none = np.full(n, 2**62)
            top, _ = stream_links(self.values, price, unit, none, smallest - 1)
            price = price - (-np.maximum(top.sum(axis=1), 0) // (2 * (smallest - 1)))
            against = "pairs"
        bound = int(np.sort(price)[n - n_placed :].sum()) // unit
        status = Status.TIME_LIMIT if self.clock.stopped else Status.FEASIBLE
        status = Status.INTERRUPTED if self.interrupted else status
        if bound == worth and n_placed == n:
            status = Status.OPTIMAL
        self.clock.tell(gap_of(worth, bound))
        none, no_sets = np.zeros(0, np.int64), np.zeros((0, n), bool)
        case = GroupPrices(price, unit, no_sets, none, none)
        groups = [tuple(group.tolist()) for group in self.groups]
        return GroupingSolution(
            number_groups(n, np.arange(n), groups),
            bound,
            scale,
            f"prices of people against {against}",
            status,
            "reassignment descent in parts",
            -(-price // unit),
            (case,),
        )

    def _mend_nothing(self) -> None:
        """Drop groups with a forbidden pair; there is no time for more."""
        most, self.sizes = self.sizes, ()
        self._mend()
        self.sizes = most
