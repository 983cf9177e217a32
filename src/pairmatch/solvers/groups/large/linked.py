"""Triads of a large pool that are worth more than their prices, found along links.

Two of the three links of a triad are at least as large as the third, and they share a person: from
that person the triad is found among links above ``(floor - largest link) / 2``. Where the links of
everybody are complete down to there, the triads are complete as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.large.loops import load_link_loops
from pairmatch.solvers.groups.large.streaming import NEVER
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.links import Links
    from pairmatch.solvers.groups.large.streaming import PoolValues

    Found = tuple[NDArray[np.int64], NDArray[np.int64]]
    Seats = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.integer], NDArray[np.integer]]

__all__ = ["LinkedTriads", "find_triads"]

_HEIGHT, _N_SAMPLED = 256, 200  # people together, and in a sample
_N_PARTS = 16  # of the pool, side by side
_N_CELLS = 2**21  # pairs of links looked at together
_ROOM = 64  # triads a person that are made room for at first


@dataclass(frozen=True, slots=True, eq=False)
class LinkedTriads:
    """Triads along the links of a large pool.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    links : Links
        The strongest links of each person.
    """

    pool: PoolValues
    links: Links

    def best(self, price: NDArray[np.int64], floor: int, unit: int) -> NDArray[np.int64]:
        """Return twice the largest reduced value of each person over linked triads.

        Parameters
        ----------
        price : ndarray of int64, shape (n,)
            Prices of people in scaled gains times ``unit``.
        floor : int
            Triads whose doubled reduced value is not above this are not looked for.
        unit : int
            Factor of the prices.
        """
        loops = load_link_loops(self.pool.pair_type)
        n, factor = self.pool.n, self.pool.scale * unit

        def look(rows: slice) -> NDArray[np.int64]:
            best = np.full(n, floor)
            for part in _cut(np.arange(rows.start, rows.stop)):
                seat = self._seats(part)
                if loops is not None and not self.pool.worst:
                    loops.best(*seat, self.pool.apart, price, factor, floor, best)
                    continue
                for column, twice in _columns(
                    find_triads(self.pool, seat, price, floor, unit)
                    if self.pool.worst
                    else _combine(self.pool, seat, price, floor, unit, once=False)
                ):
                    np.maximum.at(best, column, twice)
            return best

        best = np.full(n, floor)
        for found in map_blocks(look, _list_parts(n)):
            np.maximum(best, found, out=best)
        return best

    def collect(self, price: NDArray[np.int64], floor: int, unit: int) -> Found:
        """Return the linked triads above a floor, sorted, and their values times ``unit``."""
        n = self.pool.n

        def look(rows: slice) -> Found:
            parts = [self._seats(part) for part in _cut(np.arange(rows.start, rows.stop))]
            found = [find_triads(self.pool, seat, price, floor, unit) for seat in parts]
            return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])

        seen = map_blocks(look, _list_parts(n))
        triads = np.sort(np.concatenate([found[0] for found in seen]), axis=1)
        twice = np.concatenate([found[1] for found in seen])
        _, first = np.unique((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2], True)
        triads = triads[first]
        return triads, twice[first] // 2 + price[triads].sum(axis=1)

    def fit_floor(self, price: NDArray[np.int64], unit: int, n_each: int) -> int:
        """Return a floor above which about ``n_each`` triads a person lie, as a sample tells."""
        sample = np.unique(np.linspace(0, self.pool.n - 1, _N_SAMPLED).astype(np.int64))
        seats = [self._seats(part) for part in _cut(sample)]
        wanted = n_each * sample.size
        step = max(1, int(np.abs(price).mean()) // 64)
        floor = 2 * step
        while True:
            found = [find_triads(self.pool, seat, price, floor, unit)[1] for seat in seats]
            twice = np.concatenate(found)
            if twice.size >= wanted:
                return int(-np.partition(-twice, wanted - 1)[wanted - 1]) - 1
            if floor < NEVER // 4:
                return floor
            floor -= step
            step *= 2

    def _seats(self, people: NDArray[np.int64]) -> Seats:
        """Return the links of some people."""
        rows: slice | NDArray[np.int64] = people
        if people[-1] - people[0] + 1 == people.size:  # a view is enough
            rows = slice(int(people[0]), int(people[-1]) + 1)
        links = self.links
        return people, links.partner[rows], links.pair[rows], links.apart[rows]


def find_triads(
    pool: PoolValues, seats: Seats, price: NDArray[np.int64], floor: int, unit: int
) -> Found:
    """Return triads above the floor along links of some people, and twice their reduced values.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    seats : tuple of ndarray
        People, and a row each of partners, of what they give each other, and of what the partners
        give each other.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains times ``unit``.
    floor : int
        What the doubled reduced value has to exceed.
    unit : int
        Factor of the prices.
    """
    loops = load_link_loops(pool.pair_type)
    if loops is None:
        triads, twice = _combine(pool, seats, price, floor, unit, once=True)
    else:
        room = _ROOM * seats[0].size
        while True:
            triads, twice = np.empty((room, 3), np.int64), np.empty(room, np.int64)
            factor = pool.scale * unit
            count = loops.collect(*seats, pool.apart, price, factor, floor, triads, twice)
            if count <= room:
                break
            room = count
        triads, twice = triads[:count].copy(), twice[:count].copy()
    if pool.worst:
        twice = 2 * (pool.of_groups(triads) * unit - price[triads].sum(axis=1))
        triads, twice = triads[twice > floor], twice[twice > floor]
    return triads, twice


def _combine(
    pool: PoolValues,
    seats: Seats,
    price: NDArray[np.int64],
    floor: int,
    unit: int,
    *,
    once: bool,
) -> Found:
    """Do in numpy what the compiled loops do."""
    who, partner, pair, apart = seats
    factor, partner = pool.scale * unit, partner.astype(np.int64)
    link = pair.astype(np.int64) * factor - price[who, None] - price[partner]
    link[pair == pool.apart] = NEVER
    order = np.argsort(-link, axis=1, kind="stable")
    link = np.take_along_axis(link, order, axis=1)
    width = int((2 * link > floor - link[:, :1]).sum(axis=1).max(initial=0))
    found = [(np.empty((0, 3), np.int64), np.empty(0, np.int64))]
    height = max(1, _N_CELLS // max(1, width * width))
    later = np.triu(np.ones((width, width), np.bool_), 1)
    for first in range(0, len(who), height):
        part = slice(first, first + height)
        own, rank, near = link[part, :width], order[part], partner[part]
        at, x, y = np.nonzero((own[:, :, None] + 2 * own[:, None, :] > floor) & later)
        between = apart[part][at, rank[at, x], rank[at, y]].astype(np.int64)
        a, b = near[at, rank[at, x]], near[at, rank[at, y]]
        third = between * factor - price[a] - price[b]
        twice = own[at, x] + own[at, y] + third
        good = (twice > floor) & (between != pool.apart)
        if once:  # it is seen from the person who is not in its weakest link
            good &= third <= own[at, y]
        found.append((np.column_stack([who[part][at], a, b])[good], twice[good]))
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _columns(found: Found) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the people of triads seat by seat, and twice the reduced values."""
    triads, twice = found
    for column in triads.T:
        yield column, twice


def _cut(people: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield a few of the people at a time."""
    for first in range(0, people.size, _HEIGHT):
        yield people[first : first + _HEIGHT]


def _list_parts(n: int) -> list[slice]:
    """Return parts of the pool that do not depend on the number of processors."""
    ends = np.linspace(0, n, _N_PARTS + 1).astype(np.int64).tolist()
    return [slice(a, b) for a, b in pairwise(ends) if b > a]
