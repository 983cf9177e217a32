"""Proofs of a large pool: prices that no triad, or no pair, of the whole pool exceeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.large.linked import find_triads
from pairmatch.solvers.groups.large.loops import load_link_loops
from pairmatch.solvers.groups.large.streaming import NEVER, stream_links
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.streaming import Hits, PoolValues

__all__ = ["prove_by_pairs", "prove_prices"]

_N_STREAMS = 3  # streams until the links are complete
_MANY = 1200  # links a person that are too many to look for triads
_ROWS = 64


def prove_prices(
    pool: PoolValues,
    price: NDArray[np.int64],
    unit: int,
    top: NDArray[np.int64],
    keep_on: Callable[[], bool],
) -> tuple[NDArray[np.int64], bool] | None:
    """Return prices that no triad of the pool exceeds, and whether triads were looked at.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices of people, in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    top : ndarray of int64, shape (n,)
        The largest link of each person, about; it decides only how often pairs are looked at.
    keep_on : callable
        Asked every now and then; False ends the work, and None is returned.
    """
    n, factor, loops = pool.n, pool.scale * unit, load_link_loops(pool.pair_type)
    if pool.held is not None and loops is not None and not pool.worst:
        held = pool.held

        def scan(rows: slice) -> NDArray[np.int64] | None:
            best = np.zeros(n, np.int64)
            if keep_on():
                loops.scan(rows.start, rows.stop, held, pool.apart, price, factor, 0, best)
                return best
            return None

        twice = np.zeros(n, np.int64)
        for found in map_blocks(scan, _list_rows(n)):
            if found is None:
                return None
            np.maximum(twice, found, out=twice)
        return price - (-twice // 6), True
    limit = -np.maximum(top, 0) // 2 - np.abs(top) // 16
    limit[top < NEVER // 2] = 0
    for _ in range(_N_STREAMS):
        seen = stream_links(pool, price, unit, limit, keep_on=keep_on)
        if seen is None:
            return None
        two, hits = seen
        if hits[0].size > _MANY * n:
            break
        if (limit <= -two[:, 0] // 2).all():
            excess = _scan_hits(pool, hits, price, unit, keep_on)
            return None if excess is None else (price - (-excess // 6), True)
        limit = np.minimum(limit, -np.maximum(two[:, 0], 0) // 2 - 1)
    # a triad is half the sum of two links of each of its people
    return price - (-two.sum(axis=1) // 4), False


def prove_by_pairs(
    pool: PoolValues,
    price: NDArray[np.int64],
    unit: int,
    smallest: int,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return prices that no group of at least ``smallest`` exceeds, by the links of its members.

    Of a group of k, each member has k - 1 links, and its value is the sum of all, over k - 1: at
    most half the mean of the ``smallest - 1`` largest links of each member, above its price.
    """
    none = np.full(pool.n, 2**62)
    seen = stream_links(pool, price, unit, none, smallest - 1, keep_on)
    if seen is None:
        return None
    over: NDArray[np.int64] = np.maximum(seen[0].sum(axis=1), 0)
    return price - (-over // (2 * (smallest - 1)))


def _scan_hits(
    pool: PoolValues,
    hits: Hits,
    price: NDArray[np.int64],
    unit: int,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return twice the largest reduced value of each person over triads along complete links."""
    order = np.lexsort((hits[1], hits[0]))
    partner, pair = hits[1][order], hits[2][order]
    ends = np.searchsorted(hits[0][order], np.arange(pool.n + 1))
    best = np.zeros(pool.n, np.int64)

    def look(rows: slice) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
        found = []
        for v in range(rows.start, rows.stop):
            near = slice(int(ends[v]), int(ends[v + 1]))
            if not keep_on():
                return None
            if near.stop - near.start > 1:
                own = partner[near].astype(np.int64)
                found.append(_best_of(pool, v, own, pair[near], price, unit))
        return found

    for seen in map_blocks(look, _list_rows(pool.n)):
        if seen is None:
            return None
        for people, twice in seen:
            np.maximum.at(best, people, twice)
    return best


def _best_of(
    pool: PoolValues,
    v: int,
    own: NDArray[np.int64],
    pair: NDArray[np.integer],
    price: NDArray[np.int64],
    unit: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a person and its partners, and twice by how much their triads exceed the prices."""
    people, factor = np.append(own, v), pool.scale * unit
    loops = load_link_loops(pool.pair_type)
    most = np.zeros(people.size, np.int64)
    link = pair * np.int64(factor) - price[v] - price[own]
    few = 2 * link > -int(link.max())
    own, pair = own[few], pair[few]
    if own.size < 2:
        return people, most
    row: NDArray[np.integer] = pair[None].astype(pool.pair_type)
    apart = pool.among(own)[None]
    if loops is None or pool.worst:
        seats = np.array([v]), own[None].astype(np.int32), row, apart
        triads, twice = find_triads(pool, seats, price, 0, unit)
        return triads.ravel(), np.repeat(twice, 3)
    people, every = np.append(own, v), np.arange(own.size, dtype=np.int32)
    most, last = np.zeros(people.size, np.int64), np.array([own.size])
    loops.best(last, every[None], row, apart, pool.apart, price[people], factor, 0, most)
    return people, most


def _list_rows(n: int) -> list[slice]:
    """Return parts of the pool."""
    return [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
