"""Gains level by level over a few pairs of each person: as few pairs as possible on each rung."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.seats import Seats, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.compartments import Compartments
    from pairmatch.solvers.assignment.held.remainder import Edges
    from pairmatch.solvers.assignment.held.watch import Watch

__all__ = ["Ladder", "Rung"]

_FULL = 0.7  # share of pairs that must still be of use before the lists are made anew
_FEW, _SHARE = 100, 20  # nodes, or one in so many, up to which people are looked at one by one
_SMALL = 100  # potentials up to which a byte holds all their differences


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """A gain that every plan needs which is as good below, and potentials that prove how often.

    Parameters
    ----------
    gain : int
        The gain.
    count : int
        Pairs of the plan that have it.
    height : ndarray of int8 or int64, shape (n_rows + n_columns + 1,)
        Potentials of rows, columns and of the sink, which every place leads to: a pair may be
        used only if its row is not below its column, by one where it has the gain itself.
    apart : ndarray of int64, shape (n_apart,)
        Compartments whose potential is not that of what they are in; pairs look at it instead.
    apart_height : ndarray of int8 or int64, shape (n_apart,)
        Their potentials.
    """

    gain: int
    count: int
    height: NDArray[np.signedinteger]
    apart: NDArray[np.int64]
    apart_height: NDArray[np.signedinteger]


class Ladder(Seats):
    """A plan over candidate pairs that climbs in place; its parameters are those of the seats.

    Notes
    -----
    Levels in ascending order, as in :mod:`.leximin`. A pair of a level is sent another way by a
    search from both of its ends at once: where there is none, the smaller of the two sides is
    exhausted first, most often after a few people, and is the proof. The sides of several pairs
    add up to potentials. Where these prove nothing, as pairs could change places among each other,
    or the sides are large, all pairs of the level are placed anew by shortest augmenting paths,
    pairs of the level at a cost of 1.
    """

    def __init__(
        self,
        edges: Edges,
        least: NDArray[np.int64],
        capacity: NDArray[np.int64],
        mate: NDArray[np.int64],
        cover: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        compartments: Compartments | None = None,
    ) -> None:
        super().__init__(edges, least, capacity, mate, cover, compartments)
        self.settled = mate  # the plan after the last level
        n_nodes = self.n + self.m + 1
        self._seen = np.zeros(n_nodes, np.int64)  # by the search with this number
        self._parent = np.full(n_nodes, -1)
        self._slot = np.zeros(n_nodes, np.int64)
        self._stamp = 0

    def climb(self, watch: Watch) -> list[Rung]:
        """Settle all levels, the lowest first."""
        rungs: list[Rung] = []
        while True:
            watch.check()
            seated = np.flatnonzero(self._mate >= 0)
            gain = np.full(self.n, self._done)
            gain[seated] = self._gain[self._mate[seated]]
            waiting = gain > self._done
            if not waiting.any():
                return rungs
            level = int(gain[waiting].min())
            self._close_below(level)
            found = self._clear(level, np.flatnonzero(gain == level))
            self._done = level
            self.settled = self.mate
            if found is not None:
                rungs.append(found)
            if self._n_dead > (1 - _FULL) * len(self._row):
                self._compact()

    def list_full(self) -> NDArray[np.int64]:
        """Return the compartments that have no place left, as things are."""
        return self._inner[self.load[self._inner] >= self.capacity[self._inner]]

    def _close_below(self, level: int) -> None:
        """Give up the pairs of a lower gain that no level has needed."""
        stop = int(np.searchsorted(self._sorted_gain, level))
        self._kill(self._by_gain[self._next : stop])
        self._next = stop

    def _clear(self, level: int, rows: NDArray[np.int64]) -> Rung | None:
        """Leave as few pairs as possible on a level; return the proof if some must stay."""
        stop = int(np.searchsorted(self._sorted_gain, level, "right"))
        edges = self._by_gain[self._next : stop]
        edges = edges[self._alive[edges]]
        self._next = stop
        self._open[edges] = False
        self._closed = level
        cut = self._cut(rows, edges, level)
        if cut is None:
            rows = rows[self._are_on(rows, level)]
            height, touched = self._place_anew(rows, edges, level), np.flatnonzero(self._alive)
        else:
            height, side = cut
            touched = np.union1d(edges, self._around(side))
        if not height.any():
            self._kill(edges)
            return None
        self._narrow(height, touched, level)
        is_mate = self._mate[self._row[edges]] == edges
        self._open[edges] = self._alive[edges] & ~is_mate
        return self._write(level, int(is_mate.sum()), height)

    def _are_on(self, rows: NDArray[np.int64], level: int) -> NDArray[np.bool_]:
        """Say which rows have a pair of a level."""
        edges = self._mate[rows]
        found: NDArray[np.bool_] = (edges >= 0) & (self._gain[edges] == level)
        return found

    def _cut(
        self, rows: NDArray[np.int64], edges: NDArray[np.int64], level: int
    ) -> tuple[NDArray[np.signedinteger], NDArray[np.int64]] | None:
        """Send rows of a level another way, one by one; return heights and where they may differ.

        Nothing leads from one side of a row that cannot be moved to the other but pairs of the
        level; the heights are the sum of such sides. None where they prove nothing, as rows might
        leave the level together, or where this takes long.
        """
        n = self.n
        height = np.zeros(n + self.m + 1, np.int64)
        sides: list[NDArray[np.int64]] = []
        waiting, n_seen, is_moving = rows, 0, True
        while is_moving:
            is_moving = False
            for row in waiting.tolist():
                edge = self._mate[row]
                if edge < 0 or self._gain[edge] != level:  # an earlier one pushed it away
                    continue
                if height[n + self._column[edge]] - height[row] == 1:
                    continue
                found = self._move(row)
                if found is None:  # what held others back need not do so any more
                    is_moving = True
                    height[:] = 0
                    sides.clear()
                    continue
                way, side = found
                n_seen += len(side)
                if n_seen > max(_FEW, len(height) // _SHARE):
                    return None
                if way == 1:
                    side = self._join(side, level)
                height[side] += 2 * way - 1
                sides.append(side)
            waiting = waiting[self._are_on(waiting, level)]
        drop = height[self._row[edges]] - height[n + self._column[edges]]
        needed = self._mate[waiting]
        if (drop < -1).any() or (height[waiting] - height[n + self._column[needed]] != -1).any():
            return None
        height -= height.min()
        side = np.concatenate([waiting, *sides])
        return (height if height.max() > _SMALL else height.astype(np.int8)), side

    def _join(self, side: NDArray[np.int64], level: int) -> NDArray[np.int64]:
        """Return the nodes of a side and the rows that sit there, so that no pair is loose."""
        _, columns, at_sink = self._part(side)
        sitting = self._sitting(columns)[0]
        parts = [side, sitting[~self._are_on(sitting, level)]]
        if at_sink:
            parts.append(np.flatnonzero(self.idle))
        return np.unique(np.concatenate(parts))

    def _write(self, level: int, count: int, height: NDArray[np.signedinteger]) -> Rung:
        """Return a level with its potentials; those of compartments only where they differ."""
        n, roots = self.n, self.n_roots
        inner = self._inner
        apart = inner[height[n + inner] != height[n + self.above[inner]]]
        short = np.append(height[: n + roots], height[-1:]) if len(inner) else height
        return Rung(level, count, short, apart, height[n + apart])

    def _narrow(
        self, height: NDArray[np.signedinteger], edges: NDArray[np.int64], level: int
    ) -> None:
        """Keep the plans that the potentials say are as good."""
        n, sink = self.n, self.n + self.m
        drop = height[self._row[edges]].astype(np.int64) - height[n + self._column[edges]]
        self._kill(edges[drop + (self._gain[edges] == level) != 0])
        self.can_load &= height[n:sink] == height[n + self.above]
        self.can_idle &= height[:n] == height[sink]

    def _find_next(
        self, nodes: NDArray[np.int64], height: NDArray[np.int64], level: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return nodes that are one step on at no cost, and from which; some several times."""
        n, sink = self.n, self.n + self.m
        rows, columns, at_sink = self._part(nodes)
        edges = spread(self._row_start, rows)
        edges = edges[self._open[edges]]
        seated, at = self._sitting(columns)
        gates = columns[(self.load[columns] < self.capacity[columns]) & self.can_load[columns]]
        leaving = rows[self.can_idle[rows] & ~self.idle[rows]]
        beyond = np.empty(0, np.int64)
        if at_sink:
            free = self._list_loaded()
            beyond = np.concatenate([n + free, np.flatnonzero(self.idle & self.can_idle)])
        inner = self._inner
        if len(inner):
            inner = self._by_above[spread(self._above_start, columns)]
            inner = inner[(self.load[inner] > 0) & self.can_load[inner]]
        to = [n + self._column[edges], seated, beyond, n + inner, n + self.above[gates]]
        to.append(np.full(len(leaving), sink))
        origin = [self._row[edges], n + at, np.full(len(beyond), sink)]
        origin += [n + self.above[inner], n + gates, leaving]
        # A row of the level that leaves its pair gains what the pair costs.
        cost = [self._gain[edges] == level, -(self._gain[self._mate[seated]] == level).astype(int)]
        cost.append(np.zeros(sum(map(len, to[2:])), np.int64))
        all_to, all_origin = np.concatenate(to), np.concatenate(origin)
        free = np.concatenate(cost) + height[all_origin] - height[all_to] == 0
        return all_to[free], all_origin[free]

    def _list_loaded(self) -> NDArray[np.int64]:
        """Return the columns that may give a row back to the sink."""
        free = (self.load > self.least) & self.can_load
        return np.flatnonzero(free[: self.n_roots])

    def _note(self, nodes: NDArray[np.int64], origin: NDArray[np.int64]) -> NDArray[np.int64]:
        """Note nodes that are new, with one origin each, and return them once."""
        fresh = self._seen[nodes] != self._stamp
        nodes, origin = nodes[fresh], origin[fresh]
        self._slot[nodes] = np.arange(len(nodes))
        once = self._slot[nodes] == np.arange(len(nodes))
        nodes, origin = nodes[once], origin[once]
        self._seen[nodes] = self._stamp
        self._parent[nodes] = origin
        return nodes

    def _place_anew(
        self, rows: NDArray[np.int64], edges: NDArray[np.int64], level: int
    ) -> NDArray[np.signedinteger]:
        """Place the rows of a level again, its pairs at a cost of 1; return the heights."""
        n, sink = self.n, self.n + self.m
        missing = np.bincount(self._column[self._mate[rows]], minlength=self.m)
        self._closed = None
        for row in rows.tolist():
            self._unseat(row)
        self._open[edges] = True
        height = np.zeros(sink + 1, np.int64)
        waiting = rows
        while len(waiting):
            self._stamp += 1
            self._seen[waiting] = self._stamp
            front = waiting
            used = np.zeros(sink + 1, np.bool_)
            while len(front):
                front = self._note(*self._find_next(front, height, level))
                _, columns, _ = self._part(front)
                ends = columns[missing[columns] > 0]
                if len(ends):
                    break
            else:
                self._lift(height, level)
                continue
            starts = set(waiting.tolist())
            for end in ends.tolist():
                nodes = [n + end]
                while nodes[-1] not in starts and not used[nodes[-1]]:
                    nodes.append(int(self._parent[nodes[-1]]))
                if used[nodes].any():
                    continue
                used[nodes] = True
                missing[end] -= 1
                self._shift(nodes[::-1])
            waiting = waiting[(self._mate[waiting] < 0) & ~self.idle[waiting]]
        return height if height.max() > _SMALL else height.astype(np.int8)

    def _lift(self, height: NDArray[np.int64], level: int) -> None:
        """Raise all that was not reached until one step more costs nothing, in place."""
        n, sink = self.n, self.n + self.m
        reached = self._seen == self._stamp
        edges = np.flatnonzero(self._open & reached[self._row] & ~reached[n + self._column])
        rise = height[self._row[edges]] - height[n + self._column[edges]]
        rise += self._gain[edges] == level
        rises = [rise]
        inner, roots = self._inner, self.n_roots
        if len(inner):
            below, over = n + inner, n + self.above[inner]
            up = (self.load < self.capacity)[inner] & self.can_load[inner]
            up &= reached[below] & ~reached[over]
            down = (self.load[inner] > 0) & self.can_load[inner] & reached[over] & ~reached[below]
            step = height[below] - height[over]
            rises += [step[up], -step[down]]
        if reached[sink]:
            beyond = self._list_loaded()
            beyond = np.concatenate([n + beyond, np.flatnonzero(self.idle & self.can_idle)])
            rises.append((height[sink] - height[beyond])[~reached[beyond]])
        else:
            before = np.flatnonzero(((self.load < self.capacity) & self.can_load)[:roots])
            leaving = np.flatnonzero(~self.idle & self.can_idle)
            before = np.concatenate([n + before, leaving])
            rises.append((height[before] - height[sink])[reached[before]])
        height[~reached] += min(int(part.min()) for part in rises if len(part))
