"""The strongest links of every person of a large pool, and what their partners give each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.large.streaming import NEVER, sample_limits, stream_links
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.streaming import Hits, PoolValues

__all__ = ["Links", "find_links"]

_N_LINKS = 64  # links of a person
_MOST_CELLS = 2**28  # pairs of partners that are held
_ROWS = 64  # people at a time


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """The strongest links of every person.

    Parameters
    ----------
    partner : ndarray of int32, shape (n, most)
        Other people, in increasing order; the person itself where there are no more.
    pair : ndarray of int32 or int64, shape (n, most)
        What the two give each other, in gains; very low where there is no partner.
    apart : ndarray of int32 or int64, shape (n, most, most)
        What two partners give each other; very low where they may not share a group.
    covering : ndarray of int64, shape (n,)
        Prices that no triad of the whole pool exceeds, in the unit of those that chose the links.
    """

    partner: NDArray[np.int32]
    pair: NDArray[np.integer]
    apart: NDArray[np.integer]
    covering: NDArray[np.int64]

    def top(self, price: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
        """Return the largest link of each person under prices."""
        link = self.pair * np.int64(factor) - price[self.partner]
        link[self.pair == np.iinfo(self.pair.dtype).min] = NEVER
        top: NDArray[np.int64] = link.max(axis=1, initial=NEVER) - price
        return top

    @classmethod
    def of_hits(
        cls,
        pool: PoolValues,
        hits: Hits,
        price: NDArray[np.int64],
        unit: int,
        most: int,
        limit: NDArray[np.int64],
    ) -> Links:
        """Keep at most ``most`` links of each person from a stream, of all above a limit."""
        person, partner, pair = hits
        link = pair * np.int64(pool.scale * unit) - price[person] - price[partner]
        order = np.lexsort((partner, -link, person))
        person, partner, pair = person[order], partner[order], pair[order]
        count = np.bincount(person, minlength=pool.n)
        rank = np.arange(person.size) - np.repeat(np.cumsum(count) - count, count)
        held = rank < most
        who = np.repeat(np.arange(pool.n), most).reshape(pool.n, most)
        who[person[held], rank[held]] = partner[held]
        worth = np.full((pool.n, most), pool.apart, pool.pair_type)
        worth[person[held], rank[held]] = pair[held]
        return cls.between(pool, who.astype(np.int32), worth, price, unit, limit)

    @classmethod
    def of_held(cls, pool: PoolValues, price: NDArray[np.int64], unit: int, most: int) -> Links:
        """Keep the strongest ``most`` links of each person of a pool that is held."""
        held, n = pool.held, pool.n
        assert held is not None  # noqa: S101  asked for by the only caller
        cost = price // (pool.scale * unit)
        low = np.int64(pool.apart)
        partner = np.empty((n, most), np.int32)
        pair = np.empty((n, most), pool.pair_type)

        def look(rows: slice) -> None:
            link = held[rows] - cost
            link[held[rows] == low] = low
            chosen = np.argpartition(-link, most - 1, axis=1)[:, :most]
            partner[rows] = chosen = np.sort(chosen, axis=1)
            pair[rows] = np.take_along_axis(held[rows], chosen, axis=1)

        map_blocks(look, _list_rows(n))
        return cls.between(pool, partner, pair, price, unit, np.full(n, NEVER))

    @classmethod
    def between(
        cls,
        pool: PoolValues,
        partner: NDArray[np.int32],
        pair: NDArray[np.integer],
        price: NDArray[np.int64],
        unit: int,
        limit: NDArray[np.int64],
    ) -> Links:
        """Add what the partners of everybody give each other, and prices that cover all triads."""
        n, most = partner.shape
        apart = np.empty((n, most, most), pool.pair_type)

        def look(rows: slice) -> None:
            near = partner[rows].astype(np.int64)
            if pool.held is not None:
                apart[rows] = pool.held[near[:, :, None], near[:, None, :]]
            else:
                for at, own in enumerate(near, rows.start):
                    apart[at] = pool.among(own)
            none = pair[rows] == pool.apart
            apart[rows][none] = pool.apart
            apart[rows].swapaxes(1, 2)[none] = pool.apart

        map_blocks(look, _list_rows(n))
        # a triad is half the sum of two links of each of its people; those not listed are low
        link = pair * np.int64(pool.scale * unit) - price[partner] - price[:, None]
        link[pair == pool.apart] = NEVER
        two = np.maximum(np.partition(link, -2, axis=1)[:, -2:], limit[:, None])
        two[two < NEVER // 2] = 0  # whoever has no partners is in no triad
        return cls(partner, pair, apart, price - (-two.sum(axis=1) // 4))


def find_links(
    pool: PoolValues,
    price: NDArray[np.int64],
    unit: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool] = lambda: True,
) -> Links | None:
    """Return the strongest links under some prices; None if there was no time to find them."""
    most = max(8, min(_N_LINKS, pool.n - 1, int((_MOST_CELLS / pool.n) ** 0.5)))
    if pool.held is not None:
        return Links.of_held(pool, price, unit, most)
    limit = sample_limits(pool, price, unit, 2 * most, rng)
    found = stream_links(pool, price, unit, limit, 0, keep_on)
    return None if found is None else Links.of_hits(pool, found[1], price, unit, most, limit)


def _list_rows(n: int) -> list[slice]:
    """Return parts of the pool."""
    return [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
