"""The whole solve of a pool that is too large to be held: in parts, and proved in streams."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.basis.compiling import wait_at_most
from pairmatch.solvers.groups.basis.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.basis.values import price_unit
from pairmatch.solvers.groups.columns.answers import gap_of, number_groups, plain_case
from pairmatch.solvers.groups.large.dealing import Deck, deal_on, seat_by_prices
from pairmatch.solvers.groups.large.parts import N_PART, price_parts
from pairmatch.solvers.groups.large.prices import LinkPrices, price_links
from pairmatch.solvers.groups.large.proofs import prove_by_pairs, prove_prices
from pairmatch.solvers.groups.large.seating import group_tables, legal_groups, seat_anyhow
from pairmatch.solvers.groups.large.streaming import NEVER, PoolValues, time_stream
from pairmatch.solvers.solution import GroupingSolution, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping

    Groups = list[NDArray[np.int64]]

    class Solve(Protocol):
        """Solves a part that is held."""

        def __call__(
            self, problem: GroupingProblem, *, seed: int, time_limit: float | None
        ) -> GroupingSolution: ...


__all__ = ["solve_large"]

_N_ROUNDS, _N_STREAMED, _N_STEPS = 9, 4, 200  # of prices; after the fourth they hardly move
_FIND_AFTER = (0, 2)  # rounds after which links are looked for again, where that is cheap
_OPEN = 0.98  # share of allowed pairs above which forbidden ones are mended afterwards
_N_PAIRS = 20_000  # pairs that are asked for this share
_N_MENDED = 20  # parts that are mended at most
_N_LINKING = 6  # looks at all pairs that take as long as prices along links
_N_CHECK = 2  # streams whose time the check of a proof takes
_QUICK = 5000  # people up to whom a bound is found even when time is over
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
        with wait_at_most(0.0):
            return run.answer()
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
    groups: Groups = field(default_factory=list)
    price: NDArray[np.int64] | None = None
    top: NDArray[np.int64] | None = None
    proved: tuple[NDArray[np.int64], bool] | None = None
    n_solved: int = 0
    streaming: float = 0.0
    interrupted: bool = False

    @property
    def unit(self) -> int:
        """Fraction of a scaled gain in which prices are written."""
        return price_unit(self.values.largest_value, self.values.n)

    def within(self, share: float) -> bool:
        """Return whether there is time left beside that of the check of the proof."""
        if self.clock.time_limit is None:
            return True
        whole = self.clock.time_limit
        return self.clock.within(share * max(0.4, 1 - _N_CHECK * self.streaming / whole))

    def search(self) -> None:
        """Find groups and prices."""
        self.groups = self._complete([])
        self.clock.tell(None)
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
        self._hold()
        pool, unit = self.values, self.unit
        # links and the check of what they prove take about as long as some looks at all pairs
        fits = pool.is_held or (_N_LINKING + _N_CHECK) * self.streaming < 0.7 * self._whole
        keep_on = partial(self.within, 0.3) if fits else partial(self.clock.within, 0.95)
        table, self.price = price_parts(pool, unit, self.rng, keep_on)
        self._adopt(table)
        self.clock.tell(None)
        if not fits:
            self.clock.stopped = True
            if (1 + _N_CHECK) * self.streaming < self.clock.left(0.95):  # one look, not a close one
                smallest, within = min(self.sizes), partial(self.clock.within, 0.5)
                price = prove_by_pairs(self.values, self.price, unit, smallest, within)
                self.proved = None if price is None else (price, False)
            return
        prices = self._price(pool, 0.55)
        if prices is None:
            return
        deck = Deck(pool, prices)
        table = seat_by_prices(deck, self.rng, partial(self.within, 0.7))
        self._adopt(table)
        if self.sizes[0] > 3 and pool.worst:  # nothing is known of the worst of larger groups
            self.values = replace(pool, problem=replace(pool.problem, objective="total"))
            self._price(self.values, 0.75)
        self._prove(partial(self.clock.within, 0.9))
        bound = None if self.proved is None else int(self.proved[0].sum()) // unit

        def tell(table: NDArray[np.int64]) -> None:
            self._adopt(table)
            worth = pool.of_groups(table).sum()
            self.clock.tell(None if bound is None else gap_of(int(worth), bound))

        tell(deal_on(deck, table, self.rng, partial(self.within, 0.97), tell))

    def _price(self, pool: PoolValues, share: float) -> LinkPrices | None:
        """Find prices along the strongest links, from those that are known."""
        assert self.price is not None  # noqa: S101  those of parts
        prices = price_links(
            pool,
            self.price,
            self.unit,
            n_rounds=_N_ROUNDS if pool.is_held else _N_STREAMED,
            n_steps=_N_STEPS,
            find_after=_FIND_AFTER if pool.is_held else (),
            rng=self.rng,
            keep_on=partial(self.within, share),
            tell=lambda _: self.clock.tell(None),
        )
        if prices is not None:
            self.price = prices.price
            self.top = prices.links.top(prices.price, pool.scale * self.unit)
            self._cover(prices.covering, by_triads=False)
        return prices

    @property
    def _whole(self) -> float:
        """Seconds of the whole solve."""
        return self.clock.time_limit or float("inf")

    def _hold(self) -> None:
        """Hold what pairs give each other where the pool is small enough, or time a stream."""
        start = perf_counter()
        self.values = PoolValues.of(self.problem, self.values.scale)
        self.streaming = perf_counter() - start
        if not self.values.is_held:
            self.streaming = time_stream(self.values)

    def _adopt(self, table: NDArray[np.int64]) -> None:
        """Take triads as groups, and seat everybody else as they come."""
        groups = self._complete(legal_groups(self.values, list(table)))
        if sum(g.size for g in groups) >= sum(g.size for g in self.groups):
            self.groups = groups

    def _complete(self, groups: Groups) -> Groups:
        """Return the groups with people who are in none seated as they come."""
        out = np.ones(self.values.n, np.bool_)
        for group in groups:
            out[group] = False
        limits = self.problem.smallest, self.problem.largest, self.problem.target
        n_out = int(out.sum())
        triads = limits[0] == limits[2] == 3 and len(groups) > 0  # those left over join others
        sizes = (3,) * (n_out // 3) if triads else choose_sizes(n_out, *limits)
        order = self._order()
        return seat_anyhow(self.values, order[out[order]], sizes, groups, self.rng)

    def _prove(self, keep_on: Callable[[], bool]) -> None:
        """Find prices that no group of the whole pool exceeds."""
        start = perf_counter()
        n, smallest = self.values.n, min(self.sizes)
        if self.price is None:
            worth = self.values.of_tables(group_tables(self.groups))
            self.price = np.full(n, worth * self.unit // max(1, sum(g.size for g in self.groups)))
        if smallest == 3 and self.top is not None:
            found = prove_prices(self.values, self.price, self.unit, self.top, keep_on)
            if found is not None:
                self._cover(found[0], by_triads=found[1])
        else:
            price = prove_by_pairs(self.values, self.price, self.unit, smallest, keep_on)
            self.proved = None if price is None else (price, False)
        self.streaming = max(self.streaming, perf_counter() - start)

    def _cover(self, price: NDArray[np.int64], *, by_triads: bool) -> None:
        """Take prices that no triad exceeds, if their sum is lower than before."""
        if self.proved is None or price.sum() < self.proved[0].sum():
            self.proved = price, by_triads

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
        self.groups = [group for group in self.groups if not inside[group].any()] + groups
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
        """Place people who are in no group, with the groups of partners formed anew."""
        self.groups = legal_groups(self.values, self.groups)
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

    def answer(self) -> GroupingSolution:
        """Return the groups with a proved bound."""
        n, unit, scale = self.values.n, self.unit, self.values.scale
        if self.interrupted:
            self.groups = self._complete(legal_groups(self.values, self.groups))
        tables = group_tables(self.groups)
        if not tables:
            nobody = np.full(n, -1, np.int64)
            how = "no group, nothing to gain"
            return GroupingSolution(nobody, 0, scale, how, Status.FEASIBLE, "none")
        sizes = {table.shape[1] for table in tables}
        if sizes != set(self.sizes):  # proved for other groups
            self.sizes, self.proved = tuple(sorted(sizes, reverse=True)), None
        over = self.interrupted or self.clock.stopped
        if self.proved is None and (n <= _QUICK or not over):
            try:
                self._prove(lambda: True)
            except KeyboardInterrupt:
                self.interrupted = True
        worth = PoolValues(self.problem, scale).of_tables(tables)
        n_placed = sum(table.size for table in tables)
        status = Status.TIME_LIMIT if self.clock.stopped else Status.FEASIBLE
        status = Status.INTERRUPTED if self.interrupted else status
        groups = [tuple(group.tolist()) for group in self.groups]
        group_of = number_groups(n, np.arange(n), groups)
        solver = "prices and dealing" if self.top is not None else "reassignment descent in parts"
        if self.proved is None:
            return GroupingSolution(group_of, None, scale, "no time for a bound", status, solver)
        price, by_triads = self.proved
        bound = int(np.sort(price)[n - n_placed :].sum()) // unit
        if bound == worth and n_placed == n:
            status = Status.OPTIMAL
        if not self.interrupted:
            self.clock.tell(gap_of(worth, bound))
        how = f"prices of people against {'triads' if by_triads else 'pairs'}"
        prices = -(-price // unit)
        case = plain_case(price, unit)
        return GroupingSolution(group_of, bound, scale, how, status, solver, prices, (case,))
