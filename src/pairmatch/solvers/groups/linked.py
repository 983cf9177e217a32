"""Triads of a large pool that are worth more than their prices, found along links.

Two of the three links of a triad are at least as large as the third, and they share a person: from
that person the triad is found among links above ``(floor - largest link) / 2``. Where the links of
everybody are complete down to there, the triads are complete as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.streaming import (
    NEVER,
    Links,
    PoolValues,
    sample_limits,
    stream_links,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues

__all__ = ["LinkedValues", "find_links", "prove_prices"]

_N_LINKS = 96  # links of a person
_HEIGHT, _N_SAMPLED = 512, 128  # people together, and in a sample
_N_CELLS = 2**22  # pairs of links looked at together
_N_ROUNDS = 3  # streams until the links are complete
_MANY = 400  # links a person that are too many to look for triads


@dataclass(frozen=True, slots=True, eq=False)
class LinkedValues:
    """Values of triads of a large pool, and the links along which they are looked for.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    links : Links
        The strongest links of each person.
    """

    pool: PoolValues
    links: Links

    @property
    def n(self) -> int:
        """Number of people."""
        return self.pool.n

    @property
    def scale(self) -> int:
        """Factor of the values."""
        return self.pool.scale

    @property
    def worst(self) -> bool:
        """Whether a group is worth its worst rotation."""
        return self.pool.worst

    @property
    def rules(self) -> None:
        """No rules about whole groups."""
        return

    def of_tables(self, tables: Iterable[NDArray[np.int64]]) -> int:
        """Return the sum of the values of all groups in tables of one size each."""
        return self.pool.of_tables(tables)

    def of_groups(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the values of groups of one size."""
        return self.pool.of_groups(members)

    def take(self, people: NDArray[np.int64]) -> GroupValues:
        """Return the values of groups of some of the people, held whole."""
        return self.pool.take(people)

    def best_triads(self, price: NDArray[np.int64], floor: int, unit: int) -> NDArray[np.int64]:
        """Return twice the largest reduced value of each person over linked triads."""
        best = np.full(self.n, floor)
        for triads, twice in self._open(price, floor, unit):
            for column in triads.T:
                np.maximum.at(best, column, twice)
        return best

    def collect_triads(
        self, price: NDArray[np.int64], floor: int, unit: int, enough: int
    ) -> NDArray[np.int64]:
        """Return the linked triads whose doubled reduced value is above ``floor``, sorted."""
        found, n_found, n = [np.empty(0, np.int64)], 0, self.n
        for triads, _ in self._open(price, floor, unit):
            triads.sort(axis=1)
            found.append(np.unique((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2]))
            n_found += found[-1].size
            if n_found > 3 * (enough + 1):  # each is seen three times at most
                break
        keys = np.unique(np.concatenate(found))
        return np.column_stack([keys // (n * n), keys // n % n, keys % n])

    def fit_margin(self, price: NDArray[np.int64], unit: int, n_triads: int, margin: int) -> int:
        """Return by how much about ``n_triads`` triads fall short of their prices at most.

        A sample of people tells; ``margin`` is a guess to start from.
        """
        n_blocks = min(_N_SAMPLED, self.n)
        step = self.n / n_blocks
        sample = [slice(int(step * at), int(step * at) + 1) for at in range(n_blocks)]
        wanted = max(1, n_triads * n_blocks // self.n)
        for _ in range(40):
            found = [twice for _, twice in self._open(price, -2 * margin, unit, sample)]
            twice = np.concatenate([np.empty(0, np.int64), *found])
            if twice.size >= wanted:
                return int(-np.partition(-twice, wanted - 1)[wanted - 1]) // -2 + 1
            if margin > 2**50:
                break
            margin *= 2
        return margin

    def _open(
        self,
        price: NDArray[np.int64],
        floor: int,
        unit: int,
        parts: list[slice] | None = None,
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield triads above the floor, and twice their reduced values."""
        factor, links, n = self.scale * unit, self.links, self.n
        for rows in parts or [slice(at, min(at + _HEIGHT, n)) for at in range(0, n, _HEIGHT)]:
            link = links.under(price, factor, rows)
            order = np.argsort(-link, axis=1, kind="stable")
            link = np.take_along_axis(link, order, axis=1)
            partner = np.take_along_axis(links.partner[rows], order, axis=1)
            near = 2 * link > floor - link[:, :1]
            width = int(near.sum(axis=1).max(initial=0))
            height = max(1, _N_CELLS // max(1, width * width))
            for first in range(0, len(link), height):
                part = slice(first, first + height)
                found = self._combine(link[part, :width], partner[part, :width], price, floor, unit)
                if found is not None:
                    who, a, b, twice = found
                    triads = np.column_stack([who + rows.start + first, a, b])
                    if self.worst:
                        twice = 2 * (self.of_groups(triads) * unit - price[triads].sum(axis=1))
                        triads, twice = triads[twice > floor], twice[twice > floor]
                    yield triads, twice

    def _combine(
        self,
        link: NDArray[np.int64],
        partner: NDArray[np.int64],
        price: NDArray[np.int64],
        floor: int,
        unit: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        """Return person, two partners and twice the reduced value of triads above the floor."""
        width = link.shape[1]
        if width < 2:
            return None
        reach = link[:, :, None] + 2 * link[:, None, :] > floor
        reach &= np.triu(np.ones((width, width), np.bool_), 1)
        who, x, y = np.nonzero(reach)
        if not who.size:
            return None
        a, b = partner[who, x], partner[who, y]
        pair, allowed = self.pool.pairs(a, b)
        apart = pair * (self.scale * unit) - price[a] - price[b]
        twice = link[who, x] + link[who, y] + apart
        # it is seen from the person who is not in its weakest link
        good = allowed & (twice > floor) & (apart <= link[who, y])
        return who[good], a[good], b[good], twice[good]


def find_links(
    pool: PoolValues, price: NDArray[np.int64], unit: int, rng: np.random.Generator
) -> LinkedValues:
    """Return the pool with the strongest links under some prices."""
    limit = sample_limits(pool, price, unit, _N_LINKS, rng)
    _, hits = stream_links(pool, price, unit, limit)
    return LinkedValues(pool, Links.of(pool.n, hits, 2 * _N_LINKS))


def prove_prices(
    linked: LinkedValues, price: NDArray[np.int64], unit: int
) -> tuple[NDArray[np.int64], bool]:
    """Return prices that no triad of the pool exceeds, and whether triads were looked at.

    Parameters
    ----------
    linked : LinkedValues
        Links that tell how large the largest link of each person is, about.
    price : ndarray of int64, shape (n,)
        Prices of people, in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    """
    pool, n = linked.pool, linked.n
    factor = pool.scale * unit
    top = linked.links.under(price, factor, slice(0, n)).max(axis=1, initial=NEVER)
    limit = -np.maximum(top, 0) // 2 - np.abs(top) // 16
    limit[top < NEVER // 2] = 0
    for _ in range(_N_ROUNDS):
        two, hits = stream_links(pool, price, unit, limit)
        if (limit <= -two[:, 0] // 2).all() and hits[0].size <= _MANY * n:
            complete = LinkedValues(pool, Links.of(n, hits))
            twice = complete.best_triads(price, 0, unit)
            return price - (-twice // 6), True
        if hits[0].size > _MANY * n:
            break
        limit = np.minimum(limit, -np.maximum(two[:, 0], 0) // 2 - 1)
    # a triad is half the sum of two links of each of its people
    return price - (-two.sum(axis=1) // 4), False
