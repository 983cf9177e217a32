"""The plan that is best for the worst off, and so on up, in a pool whose matrix never exists."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.assignment.fairness.ladder import Ladder
from pairmatch.solvers.assignment.fairness.rung_order import RungOrder
from pairmatch.solvers.assignment.held.faces import narrow_to_coverage, open_face, pick_pairs
from pairmatch.solvers.assignment.held.network import find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import Edges, set_pins
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import StreamedGains

_Found = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]

__all__ = ["solve_leximin_streamed"]

_CELLS = 2**20  # pairs looked at in one go
_KEEP = 16  # pairs of each person that the search begins with, by gain and by price
_MORE = 8  # pairs of each person that a round may add
_MOST_TIGHT = 2**21  # where more pairs than these are as good, ties are left as they are
_MOST_MORE = 64  # the same in a late one
_MUCH = 4  # new pairs a person from which on the plan so far is no good start
_BEND, _FINE = 20, 2**32  # the higher, the nearer to leximin, and the more high gains look alike
_TILES = 8  # blocks at a time
_NEVER = np.iinfo(np.int64).min


def solve_leximin_streamed(
    problem: AssignmentProblem,
    gains: StreamedGains,
    start: AssignmentSolution,
    watch: Watch,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose gains, sorted, are lexicographically largest.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" without quotas that bind.
    gains : StreamedGains
        Its gains.
    start : AssignmentSolution
        The plan of maximum coverage whose lowest gain is as high as possible, with its ``steps``.
    watch : Watch
        The clock, and where plans are kept that are better for the worst off than the start.

    Returns
    -------
    AssignmentSolution
        ``steps``: prices of rows and columns for coverage, then for each level of gains that a
        pair that is not pinned has, ascending. Taken as vectors, lexicographically, no pair is
        worth more than the prices of its two sides. ``prices`` is None, as the levels leave no
        choice of the total.

    Notes
    -----
    Column generation for a linear program with an objective for every level: the levels are
    settled one after the other over a few pairs of each person, by
    :class:`.Ladder`; its potentials put all people in an order
    from which follows what any other pair may gain at most; one pass over all pairs, block by
    block, finds those that gain more, and the levels are settled again with these. Where many are
    new the levels begin with a plan of a convex cost, close to the answer. O(n_columns *
    n_levels) bytes for the proof, O(blocks + candidates) for the rest.
    """
    if not len(start.pairs):
        return replace(start, prices=None)
    search = _Search(problem, gains, start, watch)
    return search.run()


class _Search:
    """One run."""

    def __init__(
        self,
        problem: AssignmentProblem,
        gains: StreamedGains,
        start: AssignmentSolution,
        watch: Watch,
    ) -> None:
        self.problem, self.start, self.watch = problem, start, watch
        self.remainder = left = set_pins(problem)
        self.rows, self.columns = left.rows, np.flatnonzero(left.capacity > 0)
        self.least, self.capacity = left.at_least[self.columns], left.capacity[self.columns]
        free = start.pairs[np.isin(start.pairs[:, 0], self.rows)]
        self.mate = np.full(len(self.rows), -1)
        self.mate[np.searchsorted(self.rows, free[:, 0])] = np.searchsorted(
            self.columns, free[:, 1]
        )
        price = start.steps[0].column[self.columns] > 0
        seated = self.mate >= 0
        self.cover = seated.copy(), price
        self.cover[0][seated] = ~price[self.mate[seated]]
        gain, _ = gains.pairs(free[:, 0], free[:, 1])
        lowest = int(gain.min(initial=np.iinfo(np.int64).max))
        self.gains = gains.take(self.rows, self.columns).keep_above(lowest)
        self.proof = start.steps

    def run(self) -> AssignmentSolution:
        """Settle all levels, add the pairs that would do better, repeat."""
        n, m = self.gains.shape
        watch = self.watch
        watch.keep(self._draft)
        if not n or not m:  # pins have taken all there was
            return self._draft()
        code, begin = self._begin(), self.mate
        n_new, more = len(code), _MORE
        while True:
            watch.check()
            row, column = np.divmod(code, m)
            edges = Edges(row, column, self.gains.pairs(row, column)[0])
            if n_new > _MUCH * n:
                begin = self._bend(edges)
            self.ladder = ladder = Ladder(edges, self.least, self.capacity, begin, self.cover)
            rungs = ladder.climb(watch)
            self.mate = begin = ladder.mate
            order = RungOrder(rungs, n, m, self.cover, self.least > 0)
            better, tight, least = self._look(order, more)
            if not len(better):
                break
            settled = self._read_steps(order, least)
            self.proof = settled if len(settled) > 1 else self.proof
            more = min(2 * more, _MOST_MORE)
            n_new = len(better)
            code = np.union1d(code, better)
        steps = self._read_steps(order)
        pairs = self._join(self.mate)
        if tight is not None:
            pairs = self._settle(order, tight, pairs)
        return replace(
            self.start, pairs=pairs, prices=None, steps=steps, solver="pricing, level by level"
        )

    def _draft(self) -> AssignmentSolution:
        """Return the plan so far, with a proof of the levels that no pair can change any more."""
        ladder = getattr(self, "ladder", None)
        mate = self.mate
        if ladder is not None and self._rate(ladder.settled) > self._rate(mate):
            mate = ladder.settled
        pairs = self._join(mate)
        return replace(self.start, pairs=pairs, prices=None, steps=self.proof, price=None)

    def _rate(self, mate: NDArray[np.int64]) -> list[int]:
        """Return the gains of a plan, the lowest first."""
        seated = np.flatnonzero(mate >= 0)
        gains: list[int] = np.sort(self.gains.pairs(seated, mate[seated])[0]).tolist()
        return gains

    def _bend(self, edges: Edges) -> NDArray[np.int64]:
        """Return a plan over candidates in which low gains weigh heavily: nearly the answer."""
        some = Edges(self.rows[edges.row], self.columns[edges.column], edges.gain)
        face = open_face(replace(self.problem, quotas=()), self._join(self.mate), some)
        network = narrow_to_coverage(face)[0].network
        order, rank = np.unique(edges.gain, return_inverse=True)
        loss = (np.arange(len(order), 0, -1) / len(order)) ** _BEND * _FINE
        cost = face.layout.spend(on_pairs=np.rint(loss).astype(np.int64)[rank])
        flow = self.watch.wait(lambda: find_cheapest_flow(network, cost))
        chosen = edges.take(flow[face.layout.pair_arcs] > 0)
        mate = np.full(len(self.rows), -1)
        mate[chosen.row] = chosen.column
        return mate

    def _join(self, mate: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the pairs of a plan, pins included, sorted."""
        at = np.flatnonzero(mate >= 0)
        free = np.stack([self.rows[at], self.columns[mate[at]]], axis=1)
        pairs = np.concatenate([self.problem.pins.reshape(-1, 2), free])
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def _begin(self) -> NDArray[np.int64]:
        """Return codes of the pairs of the plan, and of the best ones by gain and by profit."""
        n, m = self.gains.shape
        seated = np.flatnonzero(self.mate >= 0)
        parts = [seated * m + self.mate[seated]]
        nobody = np.zeros(n, np.int64), np.zeros(m, np.int64)
        priced = self._find_prices()
        for u, v in (nobody, priced):
            parts.append(self._find_best(u, v, by_column=False))
            parts.append(self._find_best(u, v, by_column=True))
        rng = np.random.default_rng(0)
        row, column = np.repeat(np.arange(n), _KEEP), rng.integers(0, m, n * _KEEP)
        allowed = self.gains.pairs(row, column)[1]
        parts.append((row * m + column)[allowed])
        return np.unique(np.concatenate(parts))

    def _find_prices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the prices of rows and columns in the plan of the largest total."""
        n, m = self.gains.shape
        u, v = np.zeros(n, np.int64), np.zeros(m, np.int64)
        if self.start.prices is not None:
            v = self.start.prices.column[self.columns]
        seated = np.flatnonzero(self.mate >= 0)
        gain, _ = self.gains.pairs(seated, self.mate[seated])
        u[seated] = gain - v[self.mate[seated]]
        return u, v

    def _find_best(
        self, u: NDArray[np.int64], v: NDArray[np.int64], *, by_column: bool
    ) -> NDArray[np.int64]:
        """Return codes of the allowed pairs of each row, or column, that leave most of the gain."""
        n, m = self.gains.shape
        n_lines, n_others = (m, n) if by_column else (n, m)
        height = max(1, _CELLS // max(1, n_others))
        keep = min(_KEEP, n_others)

        def look(top: int) -> NDArray[np.int64]:
            self.watch.check()
            some = slice(top, min(n_lines, top + height))
            block = (slice(0, n), some) if by_column else (some, slice(0, m))
            gain, allowed = self.gains.block(*block)
            gain = gain - (u[block[0], None] if by_column else v[block[1]])
            gain[~allowed] = _NEVER
            if by_column:
                gain, allowed = gain.T, allowed.T
            at = np.argpartition(gain, n_others - keep, axis=1)[:, n_others - keep :]
            line, k = np.nonzero(np.take_along_axis(allowed, at, axis=1))
            other = at[line, k]
            return other * m + line + top if by_column else (line + top) * m + other

        found = map_blocks(look, range(0, n_lines, height))
        return np.concatenate([np.empty(0, np.int64), *found])

    def _list_parts(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return the rows and columns whose pairs cost nothing by the cover."""
        row, column = self.cover
        return [
            (np.flatnonzero(row), np.flatnonzero(~column)),
            (np.flatnonzero(~row), np.flatnonzero(column)),
        ]

    def _look(
        self, order: RungOrder, more: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64] | None, int]:
        """Return codes of pairs that would do better, those of pairs that are as good, and a level.

        The second is None where they are too many. Below that level none would do better.
        """
        m = self.gains.shape[1]
        better, tight = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        n_tight, least = 0, int(np.iinfo(np.int64).max)
        for rows, columns in self._list_parts():
            rows = rows[np.argsort(order.row[rows], kind="stable")]
            columns = columns[np.argsort(order.column[columns], kind="stable")]
            if not len(rows) or not len(columns):
                continue
            part = self.gains.take(rows, columns)
            tiles = _Tiles(part, order, rows, columns, self.watch, more)
            starts = tiles.starts
            for k in range(0, len(starts), _TILES):
                found = map_blocks(tiles.look, starts[k : k + _TILES])
                for (row, column, _), _, lowest in found:
                    better.append(row * m + column)
                    least = min(least, lowest)
                row, column, gain = (
                    np.concatenate([part[1][k] for part in found]) for k in range(3)
                )
                sign = order.judge(row, column, gain)
                some = np.flatnonzero(sign < 0)
                least = min(least, int(gain[some].min(initial=least)))
                some = some[_pick(row[some], column[some], more)]
                better.append(row[some] * m + column[some])
                some = np.flatnonzero(sign == 0)
                n_tight += len(some)
                if n_tight <= _MOST_TIGHT:
                    tight.append(row[some] * m + column[some])
        all_tight = None if n_tight > _MOST_TIGHT else np.concatenate(tight)
        return np.concatenate(better), all_tight, least

    def _settle(
        self, order: RungOrder, tight: NDArray[np.int64], pairs: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the one best plan that all methods agree on."""
        row, column = np.divmod(np.sort(tight), self.gains.shape[1])
        edges = Edges(
            self.rows[row], self.columns[column], np.zeros(len(row), np.int64)
        )  # rows and columns ascend, so these are sorted too
        face = open_face(replace(self.problem, quotas=()), pairs, edges)
        lower, upper = face.network.lower.copy(), face.network.upper.copy()
        is_full = order.column < order.sink
        is_full |= self.cover[1]
        loads, idle = face.layout.load_arcs, face.layout.idle_arcs
        lower[loads][self.columns[is_full]] = upper[loads][self.columns[is_full]]
        is_least = (order.column > order.sink) & ~self.cover[1]
        upper[loads][self.columns[is_least]] = lower[loads][self.columns[is_least]]
        upper[idle][(order.row > order.sink) | self.cover[0]] = 0
        network = replace(face.network, lower=lower, upper=upper)
        face = replace(face, network=network, layout=replace(face.layout, network=network))
        return pick_pairs(face, self.watch)

    def _read_coverage(self) -> Prices:
        """Return prices of 0 and 1 that prove the coverage; places that are gone cost more."""
        problem = self.problem
        row: NDArray[Any] = np.zeros(problem.n_rows, np.int8)  # bytes: there may be many levels
        column: NDArray[Any] = np.full(problem.n_columns, 2, np.int8)
        row[self.rows], column[self.columns] = self.cover
        return Prices(column, row=row)

    def _read_steps(self, order: RungOrder, stop: int | None = None) -> tuple[Prices, ...]:
        """Return the prices of coverage and of each level, or of those below one."""
        problem, n = self.problem, len(self.rows)
        steps = [self._read_coverage()]
        for rung in order.rungs:
            if stop is not None and rung.gain >= stop:
                break
            price = rung.height - rung.height[-1]
            price[order.is_held] = 0
            row = np.zeros(problem.n_rows, price.dtype)
            column = np.zeros(problem.n_columns, price.dtype)
            row[self.rows], column[self.columns] = price[:n], -price[n:-1]
            steps.append(Prices(column, row=row))
        return tuple(steps)


class _Tiles:
    """Rows and columns in the order of their potentials, block by block."""

    def __init__(
        self,
        gains: StreamedGains,
        order: RungOrder,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        watch: Watch,
        more: int,
    ) -> None:
        self.gains, self.order, self.watch, self.more = gains, order, watch, more
        self.rows, self.columns = rows, columns
        self.height = max(1, _CELLS // len(columns))

    @property
    def starts(self) -> range:
        """First row of every block."""
        return range(0, len(self.rows), self.height)

    def look(self, top: int) -> tuple[_Found, _Found, int]:
        """Return the best pairs above their limit, all pairs at it, and the least limit broken."""
        self.watch.check()
        some = slice(top, min(len(self.rows), top + self.height))
        order, rows = self.order, self.rows[some]
        # Only pairs of rows that come before their column are limited.
        first = int(np.searchsorted(order.column[self.columns], order.row[rows[0]], "right"))
        gain, allowed = self.gains.block(some, slice(first, len(self.columns)))
        limit = order.limit(rows, self.columns[first:])
        i, j = np.nonzero(allowed & (gain >= limit))
        value, over = gain[i, j], gain[i, j] - limit[i, j]
        at = np.flatnonzero(over == 0)
        above = np.flatnonzero(over > 0)
        best = _pick(i[above], j[above], self.more, over[above])
        best = above[best]
        row, column = rows[i], self.columns[first + j]
        return (
            (row[best], column[best], value[best]),
            (row[at], column[at], value[at]),
            int((value - over)[above].min(initial=np.iinfo(np.int64).max)),
        )


def _pick(
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    count: int,
    over: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return some entries of every row and column: those that are over most, and others."""
    # Where all prefer the same few, those alone would be picked: scatter the rest.
    orders = [np.argsort((row * 40_503 + column * 30_011) % 65_521, kind="stable")]
    if over is not None:
        orders.append(np.argsort(-over, kind="stable"))
    found = [order[_find_first(line[order], count)] for order in orders for line in (row, column)]
    return np.unique(np.concatenate(found))


def _find_first(line: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the positions of the first so many entries of every line."""
    order = np.argsort(line, kind="stable")
    first = np.searchsorted(line[order], line[order])
    return np.sort(order[np.arange(len(line)) - first < count])
