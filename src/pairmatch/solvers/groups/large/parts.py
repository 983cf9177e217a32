"""Large pools of triads: solved in parts, with prices that carry over to the whole.

The people of a random part look like those of the whole, so that its prices are a good start for
all. Later parts are made of groups that cheap triads of the whole pool link to each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pools import price_triads
from pairmatch.solvers.groups.basis.search import Search, descend, seat_greedily
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.streaming import PoolValues

__all__ = ["N_PART", "link_groups", "price_parts"]

N_PART = 900  # people in a part, about
N_PRICED = 450  # people in a part that is only priced, about


def price_parts(
    pool: PoolValues, unit: int, rng: np.random.Generator, keep_on: Callable[[], bool]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return prices to start from, found in random parts of a large pool.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    unit : int
        Factor of the prices.
    rng : Generator
        Deals the parts.
    keep_on : callable
        Asked before each part; False gives the mean price to the people of the rest.

    Returns
    -------
    table : ndarray of int64, shape (n_groups, 3)
        Triads of the people whose parts were priced, but for one or two of each part.
    price : ndarray of int64, shape (n,)
        Prices in scaled gains times ``unit``; triads across parts may exceed them.
    """
    n = pool.n
    every = rng.permutation(n)
    parts = np.array_split(every[: n - n % 3].reshape(-1, 3), max(1, round(n / N_PRICED)))
    parts = [part.ravel() for part in parts]
    parts[-1] = np.append(parts[-1], every[n - n % 3 :])
    seeds = rng.integers(2**62, size=len(parts))

    def look(at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        people = np.sort(parts[at])
        if not keep_on() or people.size < 6:
            return None
        own = Search.of(pool.take(people), np.random.default_rng(seeds[at]), keep_on)
        plan = seat_greedily(own, (3,) * (people.size // 3))
        descend(own, plan, 6)
        found = price_triads(
            own.values, plan.worth, unit=unit, n_rounds=3, n_steps=150, keep_on=keep_on
        )
        return people[plan.tables[0]], found.price

    price, priced = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    tables = [np.empty((0, 3), np.int64)]
    for part, found in zip(parts, map_blocks(look, range(len(parts))), strict=True):
        if found is not None:
            tables.append(found[0])
            price[np.sort(part)], priced[part] = found[1], True
    if priced.any():
        price[~priced] = int(price[priced].mean())
    return np.concatenate(tables), price


def link_groups(
    triads: NDArray[np.int64], cheap: NDArray[np.int64], n_most: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return parts of about ``n_most`` groups, each grown along cheap triads; all groups once.

    Parameters
    ----------
    triads : ndarray of int64, shape (n_groups, 3)
        The groups, of people who are numbered from 0 without a gap.
    cheap : ndarray of int64, shape (m, 3)
        Triads that link groups.
    n_most : int
        Groups in a part, about.
    rng : Generator
        Chooses where a part begins.
    """
    from scipy.sparse import csr_array

    n_groups = len(triads)
    group_of = np.empty(triads.size, np.int64)
    group_of[triads] = np.arange(n_groups)[:, None]
    ends = group_of[cheap]
    first = np.concatenate([ends[:, 0], ends[:, 0], ends[:, 1]])
    second = np.concatenate([ends[:, 1], ends[:, 2], ends[:, 2]])
    one = np.ones(first.size)
    link = csr_array((one, (first, second)), shape=(n_groups, n_groups))
    link = csr_array(link + link.T)
    free = np.ones(n_groups, bool)
    parts = []
    n_parts = -(-n_groups // n_most)
    for n_left in range(n_parts, 0, -1):
        size = -(-int(free.sum()) // n_left)
        pull = rng.random(n_groups) * 1e-3  # links to the part so far
        chosen = np.zeros(n_groups, bool)
        n_chosen = 0
        while n_chosen < size:
            open_ = np.flatnonzero(free)
            few = max(1, min(size - n_chosen, size // 20))
            take = open_[np.argsort(-pull[open_], kind="stable")[:few]]
            free[take], chosen[take] = False, True
            n_chosen += take.size
            pull += link[take].sum(axis=0)
        parts.append(np.flatnonzero(chosen))
    return parts
