"""The plan that is best for the worst off, and so on up, in a pool whose matrix never exists."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.fairness import level_tiles
from pairmatch.solvers.assignment.fairness.ladder import Ladder
from pairmatch.solvers.assignment.fairness.level_tiles import NodesOf, Tiles, pick_some
from pairmatch.solvers.assignment.fairness.rung_order import RungOrder
from pairmatch.solvers.assignment.held.compartments import Classes
from pairmatch.solvers.assignment.held.faces import narrow_to_coverage, open_face
from pairmatch.solvers.assignment.held.network import find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import Edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing.settling import settle_plan
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.compartments import Compartments
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import StreamedGains

__all__ = ["solve_leximin_streamed"]

_KEEP = 16  # pairs of each person that the search begins with, by gain and by price
_MORE = 8  # pairs of each person that a round may add
_MOST_TIGHT = 2**21  # where more pairs than these are as good, ties are left as they are
_MOST_MORE = 64  # the same in a late one
_MUCH = 4  # new pairs a person from which on the plan so far is no good start
_BEND, _FINE = 20, 2**32  # the higher, the nearer to leximin, and the more high gains look alike
_TILES = 8  # blocks at a time
_FAR = np.iinfo(np.int64).max


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
        A problem under "coverage" whose quotas nest.
    gains : StreamedGains
        Its gains.
    start : AssignmentSolution
        The plan of maximum coverage whose lowest gain is as high as possible, with its ``steps``.
    watch : Watch
        The clock, and where plans are kept that are better for the worst off than the start.

    Returns
    -------
    AssignmentSolution
        ``steps``: prices of rows, columns and full places within quotas for coverage, then for each
        level of gains that a pair that is not pinned has, ascending. Taken as vectors,
        lexicographically, no pair is worth more than the prices of its two sides and of its places
        within quotas. ``prices`` is None, as the levels leave no choice of the total.

    Notes
    -----
    Column generation for a linear program with an objective for every level: the levels are
    settled one after the other over a few pairs of each person, by
    :class:`.Ladder`; its potentials put all people in an order
    from which follows what any other pair may gain at most; one pass over all pairs, block by
    block, finds those that gain more, and the levels are settled again with these. Where many are
    new the levels begin with a plan of a convex cost, close to the answer. A quota is a part of a
    column with a potential of its own, for each class that candidates could overfill it with; rows
    of one class are looked at together. O((n_rows + n_columns) * n_levels) bytes for the proof,
    O(blocks + candidates + n_columns * n_classes) for the rest.
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
        self.classes = classes = Classes(problem.quotas, left, self.columns)
        given = start.steps[0]
        self.price = given.column[self.columns]
        self.of_class = [price[self.columns] for price in given.quota or price_no_quota(problem)]
        seated = np.flatnonzero(self.mate >= 0)
        row_cover = np.zeros(len(self.rows), np.bool_)
        for kind in range(classes.n_kinds):
            mine = seated[classes.kind[seated] == kind]
            row_cover[mine] = ~self._cover_columns(kind)[self.mate[mine]]
        self.cover = row_cover, self.price > 0
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
        code, begin = self._drop_shut(self._begin()), self.mate
        n_new, more = len(code), _MORE
        while True:
            watch.check()
            row, column = np.divmod(code, m)
            edges = Edges(row, column, self.gains.pairs(row, column)[0])
            if n_new > _MUCH * n:
                begin = self._bend(edges)
            wanted = [price > 0 for price in self.of_class]
            parts = self.classes.divide(row, column, wanted)
            cover = self.cover[0], self._cover_parts(parts)
            self.ladder = Ladder(edges, self.least, self.capacity, begin, cover, parts)
            rungs = self.ladder.climb(watch)
            self.mate = begin = self.ladder.mate
            full = self.ladder.list_full()
            order = RungOrder(rungs, n, m, cover, self.least > 0, parts, full)
            self.cells = parts.cell[full - m]
            self.paid = cover[1][full]
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

    def _cover_columns(self, kind: int) -> NDArray[np.bool_]:
        """Return the columns whose pairs with rows of a kind are covered, by places or a quota."""
        price = self.price
        for quota, label in self.classes.list_cells(kind):
            price = price + self.of_class[quota][:, label]
        return price > 0

    def _cover_parts(self, parts: Compartments) -> NDArray[np.bool_]:
        """Return the columns, and parts of columns, whose pairs are covered."""
        price = np.concatenate([self.price, np.zeros(len(parts.cell), np.int64)])
        for k, (quota, column, label) in enumerate(parts.cell.tolist(), len(self.price)):
            price[k] = price[parts.above[k]] + self.of_class[quota][column, label]
        return price > 0

    def _drop_shut(self, code: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some pairs for which quotas have room."""
        return code[~self.classes.are_shut(*np.divmod(code, self.gains.shape[1]))]

    def _bend(self, edges: Edges) -> NDArray[np.int64]:
        """Return a plan over candidates in which low gains weigh heavily: nearly the answer."""
        some = Edges(self.rows[edges.row], self.columns[edges.column], edges.gain)
        face = open_face(self.problem, self._join(self.mate), some)
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
        height = max(1, level_tiles.CELLS // max(1, n_others))
        keep = min(_KEEP, n_others)

        def look(top: int) -> NDArray[np.int64]:
            self.watch.check()
            some = slice(top, min(n_lines, top + height))
            block = (slice(0, n), some) if by_column else (some, slice(0, m))
            gain, allowed = self.gains.block(*block)
            loss = (u[block[0], None] if by_column else v[block[1]]) - gain
            loss[~allowed] = _FAR
            if by_column:
                loss, allowed = loss.T, allowed.T
            # The least loss: to part off the last of a line takes longer where many are alike.
            at = np.argpartition(loss, keep - 1, axis=1)[:, :keep]
            line, k = np.nonzero(np.take_along_axis(allowed, at, axis=1))
            other = at[line, k]
            return other * m + line + top if by_column else (line + top) * m + other

        found = map_blocks(look, range(0, n_lines, height))
        return np.concatenate([np.empty(0, np.int64), *found])

    def _list_tiles(self, order: RungOrder, more: int) -> Iterator[Tiles]:
        """Yield rows and columns whose pairs cost nothing by the cover, rows of a kind together."""
        classes, (row_cover, _) = self.classes, self.cover
        node_of = NodesOf(len(self.columns), self.cells)
        for kind in range(classes.n_kinds):
            nodes = node_of.list_nodes(classes.list_cells(kind))
            covered, is_open = self._cover_columns(kind), ~classes.find_shut(kind)
            for flag in (True, False):
                rows = np.flatnonzero((classes.kind == kind) & (row_cover == flag))
                columns = np.flatnonzero((covered != flag) & is_open)
                if not len(rows) or not len(columns):
                    continue
                rows = rows[np.argsort(order.row[rows], kind="stable")]
                columns = columns[np.argsort(order.node[nodes[columns]], kind="stable")]
                yield Tiles(self.gains, order, rows, columns, nodes[columns], self.watch, more)

    def _look(
        self, order: RungOrder, more: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64] | None, int]:
        """Return codes of pairs that would do better, those of pairs that are as good, and a level.

        The second is None where they are too many. Below that level none would do better.
        """
        m = self.gains.shape[1]
        better, tight = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        n_tight, least = 0, int(np.iinfo(np.int64).max)
        jobs = ((tiles, start) for tiles in self._list_tiles(order, more) for start in tiles.starts)
        while some_jobs := list(islice(jobs, _TILES)):
            found = map_blocks(lambda job: job[0].look(job[1]), some_jobs)
            for (row, column, _, _), _, lowest in found:
                better.append(row * m + column)
                least = min(least, lowest)
            row, column, node, gain = (
                np.concatenate([part[1][k] for part in found]) for k in range(4)
            )
            sign = order.judge(row, node, gain)
            some = np.flatnonzero(sign < 0)
            least = min(least, int(gain[some].min(initial=least)))
            some = some[pick_some(row[some], column[some], more)]
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
        problem, n = self.problem, len(self.columns)
        row, column = np.divmod(np.sort(tight), self.gains.shape[1])
        edges = Edges(
            self.rows[row], self.columns[column], np.zeros(len(row), np.int64)
        )  # rows and columns ascend, so these are sorted too
        # Only the signs of prices matter here: what must be full, what must be as low as it may.
        place = np.zeros(problem.n_columns, np.int64)
        sign = np.sign(order.sink - order.node[:n])
        place[self.columns] = np.where(self.cover[1], 1, sign)
        quota = price_no_quota(problem)
        for k, (number, j, label) in enumerate(self.cells.tolist(), n):
            over = order.above[k]
            is_paid = order.node[k] < order.node[over]
            is_paid |= bool(self.paid[k - n]) and not self._is_covered(int(over))
            quota[number][self.columns[j], label] = int(is_paid)
        profit = np.zeros(problem.n_rows, np.int64)
        profit[self.rows] = (order.row > order.sink) | self.cover[0]
        settled = settle_plan(
            problem, pairs, Prices(place, quota), edges, profit, lambda: self.watch.is_over,
            fast=False,
        )  # fmt: skip
        if settled is None:
            raise OutOfTime
        return settled

    def _is_covered(self, node: int) -> bool:
        """Say whether the pairs in a column, or in a full part of one, are covered."""
        m = len(self.columns)
        return bool(self.cover[1][node] if node < m else self.paid[node - m])

    def _write(
        self,
        row: NDArray[np.signedinteger],
        column: NDArray[np.signedinteger],
        cell: NDArray[np.signedinteger],
        gone: int = 0,
    ) -> Prices:
        """Return prices by the numbers of the problem; places that are gone cost something."""
        problem = self.problem
        rows = np.zeros(problem.n_rows, row.dtype)
        columns = np.full(problem.n_columns, gone, column.dtype)
        rows[self.rows], columns[self.columns] = row, column
        if not problem.quotas:
            return Prices(columns, row=rows)
        return Prices(columns, row=rows, cells=self.named, cell=cell)

    def _read_steps(self, order: RungOrder, stop: int | None = None) -> tuple[Prices, ...]:
        """Return the prices of coverage and of each level, or of those below one."""
        n, m, above = len(self.rows), len(self.columns), order.above[len(self.columns) :]
        self.named = self.cells.copy()
        self.named[:, 1] = self.columns[self.named[:, 1]]
        covered = [self._is_covered(k) for k in range(m + len(self.cells))]
        inner = np.array(covered, np.int8)  # bytes: there may be many levels
        row, column = (part.astype(np.int8) for part in self.cover)
        steps = [self._write(row, column, inner[m:] - inner[above], gone=2)]
        for k, rung in enumerate(order.rungs):
            if stop is not None and rung.gain >= stop:
                break
            height = order.read(k)
            price = height[order.same] - height[-1]
            node = -price[n:-1]
            steps.append(self._write(price[:n], node[:m], node[m:] - node[above]))
        return tuple(steps)
