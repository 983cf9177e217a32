"""A plan over a few pairs of each person that can be moved along paths, in place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.compartments import Compartments
    from pairmatch.solvers.assignment.held.remainder import Edges

__all__ = ["Seats", "spread"]

_LEAST = np.iinfo(np.int64).min


class Seats:
    """Who sits where over candidate pairs, every row with at most one, and what may still change.

    Parameters
    ----------
    edges : Edges
        Candidates, sorted by row and column; the pairs of the plan are among them.
    least, capacity : ndarray of int64, shape (n_columns,)
        Rows that each column must have, and its places.
    mate : ndarray of int64, shape (n_rows,)
        Column of each row in a plan of maximum coverage, or -1.
    cover : (ndarray of bool, ndarray of bool), shapes (n_rows,) and (n_columns + n_cells,)
        Rows and columns of a smallest cover of all allowed pairs, columns counted once a place. A
        compartment is in it where its pairs are covered, by its own room or by a column's places.
    compartments : Compartments, optional
        Where quotas are kept; default: there are none.

    Notes
    -----
    Nodes are the rows, the columns, their compartments and the sink, which every place and every
    idle row leads to. In the code below a compartment is a column that leads to another one.
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
        self.n, self.n_roots = len(mate), len(capacity)
        enter, room, base = edges.column, capacity[:0], np.arange(self.n_roots)
        above = np.full(self.n_roots, self.n_roots)
        if compartments is not None:
            enter, room, above = compartments.enter, compartments.room, compartments.above
            base = compartments.column
        self.m = len(above)
        self.above, self._base = above, base
        self.least = np.concatenate([least, np.zeros_like(room)]).astype(np.int64)
        self.capacity = np.concatenate([capacity, room]).astype(np.int64)
        self.idle = mate < 0
        # Complementary slackness: pairs, places and rows of price 0 may change, no others.
        self.can_idle = ~cover[0]
        self.can_load = cover[1] == np.append(cover[1], np.False_)[above]
        order = np.lexsort((enter, edges.row))
        kept = order[cover[0][edges.row[order]] != cover[1][enter[order]]]
        self._row, self._column, self._gain = edges.row[kept], enter[kept], edges.gain[kept]
        self._mate = np.full(self.n, -1)
        mine = np.flatnonzero(mate[self._row] == base[self._column])
        self._mate[self._row[mine]] = mine
        self.load = np.zeros(self.m, np.int64)
        at = self._column[mine]
        while len(at):
            np.add.at(self.load, at, 1)
            at = above[at]
            at = at[at < self.m]
        self._inner = np.arange(self.n_roots, self.m)  # the compartments, those inside others later
        self._by_above = self._inner[np.argsort(above[self._inner], kind="stable")]
        self._above_start = np.searchsorted(above[self._by_above], np.arange(self.m + 1))
        self._alive = np.ones(len(self._row), np.bool_)
        self._done = int(_LEAST)
        self._closed: int | None = None  # level whose pairs are not to be used
        # The same memory, for looking at single people.
        self._mate_at, self._load_at = self._mate.data, self.load.data
        self._idle_at, self._places = self.idle.data, self.capacity.data
        self._asked = self.least.data
        self._may_idle, self._may_load = self.can_idle.data, self.can_load.data
        self._index()
        self._seated: list[list[int]] = [[] for _ in range(self.m)]
        for i, k in zip(self._row[mine].tolist(), self._column[mine].tolist(), strict=True):
            self._seated[k].append(i)
        self._above_at = above.tolist()
        self._inside: dict[int, list[int]] = {}
        for k in self._inner.tolist():
            self._inside.setdefault(self._above_at[k], []).append(k)

    @property
    def mate(self) -> NDArray[np.int64]:
        """Column of each row as things are, or -1."""
        found = np.full(self.n, -1)
        seated = self._mate >= 0
        found[seated] = self._base[self._column[self._mate[seated]]]
        return found

    def _index(self) -> None:
        """Make the lists of pairs by row, by column and by gain."""
        self._row_start = np.searchsorted(self._row, np.arange(self.n + 1))
        self._by_column = np.argsort(self._column, kind="stable")
        self._column_start = np.searchsorted(self._column[self._by_column], np.arange(self.m + 1))
        self._by_gain = np.argsort(self._gain, kind="stable")
        self._sorted_gain = self._gain[self._by_gain]
        self._next = int(np.searchsorted(self._sorted_gain, self._done, "right"))
        self._open = self._alive.copy()
        self._open[self._mate[self._mate >= 0]] = False
        self._n_dead = 0
        self._is_open = self._open.data
        self._column_at = self._column.tolist()
        starts = self._row_start.tolist()
        rows: list[Sequence[int]] = [range(a, b) for a, b in pairwise(starts)]
        listed, starts = self._by_column.tolist(), self._column_start.tolist()
        self._near: tuple[list[Sequence[int]], list[Sequence[int]]] = (
            rows, [listed[a:b] for a, b in pairwise(starts)]
        )  # fmt: skip
        self._far = (self._column + self.n).tolist(), self._row.tolist()

    def _compact(self) -> None:
        """Forget the pairs that are of no use any more."""
        new = np.cumsum(self._alive) - 1
        seated = self._mate >= 0
        self._mate[seated] = new[self._mate[seated]]
        self._row, self._column = self._row[self._alive], self._column[self._alive]
        self._gain = self._gain[self._alive]
        self._alive = np.ones(len(self._row), np.bool_)
        self._index()

    def _kill(self, edges: NDArray[np.int64]) -> None:
        """Give up pairs for good."""
        self._n_dead += int(np.count_nonzero(self._alive[edges]))
        self._alive[edges] = self._open[edges] = False

    def _around(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the pairs of some rows and columns."""
        rows, columns, _ = self._part(nodes)
        at, by = spread(self._row_start, rows), spread(self._column_start, columns)
        return np.concatenate([at, self._by_column[by]])

    def _part(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
        """Return the rows among some nodes, the columns, and whether the sink is there."""
        n, sink = self.n, self.n + self.m
        is_column = (nodes >= n) & (nodes < sink)
        return nodes[nodes < n], nodes[is_column] - n, bool((nodes == sink).any())

    def _move(self, row: int) -> tuple[int, NDArray[np.int64]] | None:
        """Send a row another way, in place; where there is none, return all that an end can reach.

        Both ends are searched from in turn, the one with less to look at first: that is 0 for what
        leads on from the row, and 1 for what leads to its place.
        """
        n = self.n
        end = n + int(self._column[self._mate[row]])
        origins: tuple[dict[int, int], dict[int, int]] = ({row: -1}, {end: -1})
        fronts = [[row], [end]]
        weights = [0, 0]
        while True:
            way = int(weights[0] > weights[1])
            other, fronts[way], weights[way] = (
                origins[1 - way],
                *self._step(fronts[way], origins[way], way),
            )
            meeting = next((node for node in fronts[way] if node in other), -1)
            if meeting >= 0:
                nodes = [meeting]
                while nodes[-1] != row:
                    nodes.append(origins[0][nodes[-1]])
                nodes.reverse()
                while nodes[-1] != end:
                    nodes.append(origins[1][nodes[-1]])
                self._shift(nodes)
                return None
            if not fronts[way]:
                break
        return way, np.array(list(origins[way]))

    def _step(self, front: list[int], origin: dict[int, int], way: int) -> tuple[list[int], int]:
        """Return the new nodes one step on, or one step back, and how much there is to look at.

        The same as :meth:`_find_next` without heights, for a few nodes.
        """
        n, sink, roots = self.n, self.n + self.m, self.n_roots
        is_open, mate, near, far = self._is_open, self._mate_at, self._near[way], self._far[way]
        load, capacity, idle = self._load_at, self._places, self._idle_at
        least = self._asked
        to_sink, found = -1, []
        for node in front:
            if node == sink:
                room = self.load < self.capacity if way else self.load > self.least
                rows = ~self.idle & (self._mate >= 0) if way else self.idle
                beyond = [n + np.flatnonzero((room & self.can_load)[:roots])]
                beyond.append(np.flatnonzero(rows & self.can_idle))
                following = np.concatenate(beyond).tolist()
            elif (node < n) == (way == 0):
                following = [far[k] for k in near[node - n * way] if is_open[k]]
            elif way:
                following = [n + self._column_at[mate[node]]] if mate[node] >= 0 else []
            else:
                k = node - n
                following = self._seated[k]
            if node < n:
                if self._may_idle[node] and bool(idle[node]) == bool(way):
                    to_sink = node
            elif node < sink:
                k = node - n
                if self._may_load[k] and (load[k] > least[k] if way else load[k] < capacity[k]):
                    if k < roots:
                        to_sink = node
                    else:
                        following = [*following, n + self._above_at[k]]
                inside = self._inside.get(k, ())
                if inside:
                    following = [*following, *self._list_inside(inside, way)]
            for to in following:
                if to not in origin:
                    origin[to] = node
                    found.append(to)
        if to_sink >= 0 and sink not in origin:
            origin[sink] = to_sink
            found.append(sink)
        weight = len(found)
        for node in found:
            if (node < n) == (way == 0) and node != sink:
                weight += len(near[node - n * way])
        return found, weight

    def _list_inside(self, inside: Sequence[int], way: int) -> list[int]:
        """Return the nodes of compartments that can pass a unit on, or give one back."""
        load, capacity, may = self._load_at, self._places, self._may_load
        if way:
            return [self.n + k for k in inside if may[k] and load[k] < capacity[k]]
        return [self.n + k for k in inside if may[k] and load[k] > 0]

    def _shift(self, nodes: list[int]) -> None:
        """Move one unit along a path from a row to a column that misses one."""
        n, sink, above = self.n, self.n + self.m, self._above_at
        moved = []
        for a, b in pairwise(nodes):
            if a < n:
                moved.append((a, b - n))
                self.idle[a] = b == sink
            elif b == sink:
                self.load[a - n] += 1
            elif a == sink and b < n:
                self.idle[b] = False
            elif a == sink:
                self.load[b - n] -= 1
            elif b >= n and above[a - n] == b - n:
                self.load[a - n] += 1
            elif b >= n:
                self.load[b - n] -= 1
        for row, _ in moved:
            self._unseat(row)
        for row, column in moved:
            if column < self.m:
                first, last = self._row_start[row], self._row_start[row + 1]
                edge = first + np.searchsorted(self._column[first:last], column)
                self._mate[row] = edge
                self._open[edge] = False
                self._seated[column].append(row)

    def _unseat(self, row: int) -> None:
        """Take a row from its place."""
        edge = self._mate[row]
        if edge >= 0:
            self._seated[self._column[edge]].remove(row)
            self._mate[row] = -1
            self._open[edge] = self._alive[edge] and self._gain[edge] != self._closed

    def _sitting(self, columns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that sit at some columns, and where."""
        seated = [self._seated[k] for k in columns.tolist()]
        count = [len(rows) for rows in seated]
        rows = np.array([row for some in seated for row in some], np.int64)
        return rows, np.repeat(columns, count)


def spread(start: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all positions of the lists of some nodes."""
    count = start[nodes + 1] - start[nodes]
    stop = np.cumsum(count)
    total = int(stop[-1]) if len(stop) else 0
    positions: NDArray[np.int64] = np.arange(total) + np.repeat(start[nodes] - stop + count, count)
    return positions
