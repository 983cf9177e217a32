"""Prices of people of a large pool, from the triads along its strongest links.

As in ``pools``, the dual of the set-partition program is solved by subgradient steps over the
triads whose reduced value is high (Held and Karp, doi:10.1007/BF01584070; step length of Polyak).
Here no look at all triads tells where the pool of triads has holes, so that no price moves further
at a time than triads outside of it are away from their prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pools import step_prices
from pairmatch.solvers.groups.large.linked import LinkedTriads
from pairmatch.solvers.groups.large.links import find_links

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.links import Links
    from pairmatch.solvers.groups.large.streaming import PoolValues

__all__ = ["LinkPrices", "price_links"]

_N_POOL = 40  # triads a person in the pool
_N_FEW = 10  # triads a person that may be above prices to start from
_AIM = 33  # the best grouping is looked for a 33rd below the bound
_SMALL = 20_000  # a gain that is so small a part of the bound ends the work


@dataclass(frozen=True, slots=True, eq=False)
class LinkPrices:
    """Prices that no triad along some links exceeds.

    Parameters
    ----------
    price : ndarray of int64, shape (n,)
        Prices in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    links : Links
        The links.
    covering : ndarray of int64, shape (n,)
        Prices that no triad of the whole pool exceeds; far from the lowest.
    """

    price: NDArray[np.int64]
    unit: int
    links: Links
    covering: NDArray[np.int64]


def price_links(
    pool: PoolValues,
    start: NDArray[np.int64],
    unit: int,
    *,
    n_rounds: int,
    n_steps: int,
    find_after: tuple[int, ...],
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
    tell: Callable[[int], None] = lambda _: None,
) -> LinkPrices | None:
    """Return prices that no triad along the strongest links exceeds, with a small sum.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth; the number of people is a multiple of three.
    start : ndarray of int64, shape (n,)
        Prices to start from, in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    n_rounds : int
        Pools of triads, at least one.
    n_steps : int
        Steps over a pool.
    find_after : tuple of int
        Rounds after which the strongest links are found anew.
    rng : Generator
        Chooses samples.
    keep_on : callable
        Asked before each round; False ends the work.
    tell : callable, optional
        Called with the sum of the prices, in scaled gains, of each round.

    Returns
    -------
    LinkPrices or None
        None if there was no time to find links.
    """
    n = pool.n
    links = find_links(pool, start, unit, rng, keep_on)
    if links is None:
        return None
    linked, covering = LinkedTriads(pool, links), links.covering
    floor = linked.fit_floor(start, unit, _N_FEW)
    price = best = start + floor // 6  # where hundreds of triads exceed them, all are too low
    triads, value = np.empty((0, 3), np.int64), np.empty(0, np.int64)
    lowest: int | None = None
    length = 1.0
    for n_done in range(n_rounds + 1):
        full = _cover(linked, price, unit)
        whole = int(full.sum())
        gained = None if lowest is None else lowest - whole
        if gained is None or gained > 0:
            best, lowest = full, whole
            tell(whole // unit)
        small = gained is not None and 0 <= gained * _SMALL < abs(whole)
        if n_done == n_rounds or small or not keep_on():
            break
        if n_done in find_after:
            fresh = find_links(pool, best, unit, rng, keep_on)
            if fresh is not None:
                linked, covering = LinkedTriads(pool, fresh), fresh.covering
                best = _cover(linked, best, unit)
                lowest = int(best.sum())
        floor = min(0, linked.fit_floor(best, unit, _N_POOL))
        triads, value = _merge(n, triads, value, *linked.collect(best, floor, unit))
        short = best[triads].sum(axis=1) - value
        if short.size > 2 * _N_POOL * n:
            few = np.sort(np.argpartition(short, 2 * _N_POOL * n)[: 2 * _N_POOL * n])
            triads, value = triads[few], value[few]
        length *= 0.7 if gained is None or gained > 0 else 0.5
        assert lowest is not None  # noqa: S101  set in the first round
        aim = lowest - max(n, abs(lowest) // _AIM)
        most = max(1, -floor // 2)
        price = step_prices(triads, value, best, aim, n_steps, length, floor // 2, most)
    return LinkPrices(best, unit, linked.links, covering)


def _cover(linked: LinkedTriads, price: NDArray[np.int64], unit: int) -> NDArray[np.int64]:
    """Return prices that no linked triad exceeds, as low as the best triads allow."""
    floor = min(0, linked.fit_floor(price, unit, _N_FEW))
    return price - (-linked.best(price, floor, unit) // 6)


def _merge(
    n: int,
    triads: NDArray[np.int64],
    value: NDArray[np.int64],
    fresh: NDArray[np.int64],
    worth: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all triads of two lists and their values, each once."""
    triads, value = np.concatenate([triads, fresh]), np.concatenate([value, worth])
    _, first = np.unique((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2], True)
    return triads[first], value[first]
