"""Values of groups of a large pool: pairs are computed where they are needed, tile by tile.

Prices tell which pairs matter. With prices u the link of two people is
``scale * (gain[i, j] + gain[j, i]) - u[i] - u[j]``, and twice the reduced value of a triad is at
most the sum of its three links. A stream looks at every pair once and keeps those above a limit of
one of their people; memory is a few pairs a person, whatever the size of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.large.loops import load_link_loops
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import PoolGains, StreamedGrouping

    Tops = tuple[NDArray[np.int64], NDArray[np.int64]]
    Hits = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.integer]]

__all__ = ["NEVER", "PoolValues", "sample_limits", "stream_links", "time_stream"]

NEVER = -(2**56)
"""The link of two people who may not share a group."""

_HEIGHT, _WIDTH = 264, 1000  # pairs at a time; powers of two make transposing slow
_MOST_HELD = 12_000  # people of whom what all pairs give each other is held
_NARROW = 2**29  # gains below this are held in 32 bits
_N_TILES = 128  # tiles between two looks at the clock
_N_SAMPLE = 1024  # people of whom a sample of links is taken
_ROOM = 2**15  # hits of a tile that are made room for at first


@dataclass(frozen=True, slots=True, eq=False)
class PoolValues:
    """What groups of a large pool are worth; the part of ``GroupValues`` that needs no matrix.

    Parameters
    ----------
    problem : StreamedGrouping
        The pool.
    scale : int
        A multiple of ``size - 1`` of every size that is used.
    held : ndarray of int32, shape (n, n), or None
        What pairs give each other where the pool is small enough to hold that; very low where two
        may not share a group.
    """

    problem: StreamedGrouping
    scale: int
    held: NDArray[np.int32] | None = None

    @classmethod
    def of(cls, problem: StreamedGrouping, scale: int) -> PoolValues:
        """Return the values, with what pairs give each other held up to 12,000 people."""
        bare = cls(problem, scale)
        if problem.n > _MOST_HELD or bare.pair_type != np.int32:
            return bare
        held = np.full((problem.n, problem.n), bare.apart, np.int32)

        def fill(tile: tuple[slice, slice]) -> None:
            rows, columns = tile
            pair, allowed = bare.tile(rows, columns)
            pair[~allowed] = bare.apart
            held[rows, columns] = pair
            held[columns, rows] = pair.T

        map_blocks(fill, _list_tiles(problem.n))
        np.fill_diagonal(held, bare.apart)
        return cls(problem, scale, held)

    @property
    def is_held(self) -> bool:
        """Whether what all pairs give each other is held."""
        return self.held is not None

    @property
    def n(self) -> int:
        """Number of people."""
        return self.problem.n

    @property
    def gains(self) -> PoolGains:
        """Directed gains of all pairs."""
        return self.problem.gains

    @property
    def pair_type(self) -> type[np.int32] | type[np.int64]:
        """Integers in which lists of pairs are kept."""
        return np.int32 if self.gains.largest < _NARROW else np.int64

    @property
    def apart(self) -> int:
        """What two give each other, in such a list, who may not share a group."""
        return int(np.iinfo(self.pair_type).min)

    @property
    def worst(self) -> bool:
        """Whether a group is worth its worst rotation."""
        return self.problem.objective == "worst_rotation"

    @property
    def largest_value(self) -> int:
        """No group of three is worth more than this, or less than minus this."""
        return 3 * self.scale * self.gains.largest

    def take(self, people: NDArray[np.int64]) -> GroupValues:
        """Return the values of groups of some of the people, held whole."""
        return GroupValues.of(self.problem.take(people), self.scale)

    def of_groups(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the values of groups of one size, ``members`` of shape (n_groups, size)."""
        size = members.shape[1]
        factor = self.scale // (size - 1)
        if self.held is not None and not self.worst:
            whole: NDArray[np.int64] = np.zeros(len(members), np.int64)
            for first in range(size):
                for second in range(first):
                    pair, allowed = self.pairs(members[:, first], members[:, second])
                    whole += np.where(allowed, pair, 0)
            whole *= factor
            return whole
        given = np.zeros(members.shape, np.int64)
        for coach in range(size):
            for peer in range(size):
                if peer != coach:
                    given[:, coach] += self.gains.pairs(members[:, peer], members[:, coach])[0]
        value: NDArray[np.int64]
        value = given.min(axis=1) * (size * factor) if self.worst else given.sum(axis=1) * factor
        return value

    def of_tables(self, tables: Iterable[NDArray[np.int64]]) -> int:
        """Return the sum of the values of all groups in tables of one size each."""
        return sum(int(self.of_groups(table).sum()) for table in tables)

    def pairs(
        self, a: NDArray[np.int64], b: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return what pairs give each other, and whether they may share a group."""
        if self.held is not None:
            pair = self.held[a, b].astype(np.int64)
            return pair, pair > self.apart
        forth, back = self.gains.pairs(a, b), self.gains.pairs(b, a)
        return forth[0] + back[0], forth[1] & back[1]

    def among(self, people: NDArray[np.int64]) -> NDArray[np.integer]:
        """Return what any two of some people give each other; very low where they may not."""
        if self.held is not None:
            inside: NDArray[np.integer] = self.held[people[:, None], people[None, :]]
            return inside
        every = slice(0, people.size)
        given, allowed = self.gains.take(people, people).block(every, every)
        pair: NDArray[np.integer] = (given + given.T).astype(self.pair_type)
        pair[~(allowed & allowed.T)] = self.apart
        np.fill_diagonal(pair, self.apart)
        return pair

    def two_sides(
        self, rows: slice, columns: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.bool_]]:
        """Return the directed gains of a block of pairs and what is allowed, forth and back."""
        return *self.gains.block(rows, columns), *self.gains.block(columns, rows)

    def tile(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the same of a block of pairs."""
        if self.held is not None:
            pair = self.held[rows, columns].astype(np.int64)
            return pair, pair > self.apart
        pair, allowed, back, too = self.two_sides(rows, columns)
        return pair + back.T, allowed & too.T


def stream_links(
    values: PoolValues,
    price: NDArray[np.int64],
    unit: int,
    limit: NDArray[np.int64],
    n_top: int = 2,
    keep_on: Callable[[], bool] = lambda: True,
) -> tuple[NDArray[np.int64], Hits] | None:
    """Look at all pairs once.

    Parameters
    ----------
    values : PoolValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    limit : ndarray of int64, shape (n,)
        Links of a person above this are returned.
    n_top : int, default: 2
        Links of each person that are returned in any case, without their partners.
    keep_on : callable, optional
        Asked every now and then; False ends the work, and None is returned.

    Returns
    -------
    top : ndarray of int64, shape (n, n_top)
        The largest links of each person, the largest one first.
    hits : tuple of ndarray
        Person, partner, and what the two give each other.

    Notes
    -----
    Each gain is computed once: n^2 of them, in O(n) memory beside the hits.
    """
    n, factor, kind = values.n, values.scale * unit, values.pair_type
    loops = load_link_loops(kind)

    def look_fast(tile: tuple[slice, slice]) -> tuple[tuple[slice, slice], Tops, list[Hits]]:
        assert loops is not None  # noqa: S101  chosen below
        rows, columns = tile
        sides = [np.ascontiguousarray(side) for side in values.two_sides(rows, columns)]
        room = _ROOM
        while True:
            tops = tuple(np.full((x.stop - x.start, n_top), NEVER) for x in tile)
            hits = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, kind)
            corner = rows.start, columns.start
            count = loops.look(*sides, *corner, price, factor, limit, *tops, *hits)
            if count <= room:
                break
            room = count
        person, partner, both = hits
        found = person[:count].copy(), partner[:count].copy(), both[:count].copy()
        return tile, (tops[0], tops[1]), [found]

    def look(tile: tuple[slice, slice]) -> tuple[tuple[slice, slice], Tops, list[Hits]]:
        rows, columns = tile
        pair, allowed = values.tile(rows, columns)
        link = pair * factor
        link -= price[rows, None]
        link -= price[None, columns]
        # what lies left of the diagonal is seen from the other side
        line = np.arange(rows.start, rows.stop, dtype=np.int32)
        column = np.arange(columns.start, columns.stop, dtype=np.int32)
        if columns.start < rows.stop:
            allowed = allowed & (line[:, None] < column[None, :])
        if not allowed.all():
            np.putmask(link, ~allowed, NEVER)
        found: list[Hits] = []
        at = np.flatnonzero(link > limit[rows, None])
        i, j = np.divmod(at, column.size)
        found.append((line[i], column[j], pair.ravel()[at].astype(kind)))
        at = np.flatnonzero(link > limit[None, columns])
        i, j = np.divmod(at, column.size)
        found.append((column[j], line[i], pair.ravel()[at].astype(kind)))
        return tile, (_largest(link, n_top), _largest(link.T, n_top)), found

    top = np.full((n, n_top), NEVER)
    every: list[Hits] = []
    tiles = _list_tiles(n)
    fast = loops is not None and n_top in {0, 2}
    for start in range(0, len(tiles), _N_TILES):
        if not keep_on():
            return None
        some = tiles[start : start + _N_TILES]
        for (rows, columns), tops, found in map_blocks(look_fast if fast else look, some):
            every += [hit for hit in found if hit[0].size]
            for part, best in zip((rows, columns), tops, strict=True):
                both = np.concatenate([top[part], best], axis=1)
                top[part] = np.sort(both, axis=1)[:, : -n_top - 1 : -1]
    none = np.empty(0, np.int32)
    hits = every or [(none, none, np.empty(0, values.pair_type))]
    person, partner, pair = (np.concatenate([hit[at] for hit in hits]) for at in range(3))
    return top, (person, partner, pair)


def sample_limits(
    values: PoolValues,
    price: NDArray[np.int64],
    unit: int,
    n_links: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return limits above which about ``n_links`` links of each person lie.

    They are read off a random sample of the pool.
    """
    n, factor = values.n, values.scale * unit
    sample = np.sort(rng.permutation(n)[:_N_SAMPLE])
    rank = min(sample.size - 1, max(2, -(-n_links * sample.size // n)))
    every = np.arange(n)
    forth, back = values.gains.take(every, sample), values.gains.take(sample, every)
    limit = np.empty(n, np.int64)
    most = slice(0, sample.size)
    for start in range(0, n, _WIDTH):
        rows = slice(start, min(start + _WIDTH, n))
        pair, allowed = forth.block(rows, most)
        other, too = back.block(most, rows)
        link = (pair + other.T) * factor - price[rows, None] - price[None, sample]
        link[~(allowed & too.T) | (every[rows, None] == sample[None, :])] = NEVER
        limit[rows] = -np.partition(-link, rank, axis=1)[:, rank]
    return np.maximum(limit, NEVER)


def time_stream(values: PoolValues) -> float:
    """Return about how many seconds a look at all pairs takes."""
    tiles = _list_tiles(values.n)
    some = tiles[:: max(1, len(tiles) // 32)]
    share = 3.0 if load_link_loops(values.pair_type) is None else 1.5  # of it all
    values.tile(*tiles[0])  # what is loaded once is no part of it, nor are compiled loops
    start = perf_counter()
    map_blocks(lambda tile: values.tile(*tile)[0].max(), some)
    return share * (perf_counter() - start) * len(tiles) / len(some)


def _list_tiles(n: int) -> list[tuple[slice, slice]]:
    """Return tiles of pairs that cover everything right of the diagonal."""
    return [
        (slice(top, min(top + _HEIGHT, n)), slice(left, min(left + _WIDTH, n)))
        for top in range(0, n, _HEIGHT)
        for left in range(top, n, _WIDTH)
    ]


def _largest(link: NDArray[np.int64], n_top: int) -> NDArray[np.int64]:
    """Return the largest links of each row."""
    if not n_top:
        return link[:, :0]
    if link.shape[1] <= n_top:
        return link
    if n_top != 2:
        most: NDArray[np.int64] = np.partition(link, -n_top, axis=1)[:, -n_top:]
        return most
    rows, first = np.arange(len(link)), link.argmax(axis=1)
    best = link[rows, first]
    rest = link.copy()
    rest[rows, first] = NEVER
    return np.column_stack([rest.max(axis=1), best])
