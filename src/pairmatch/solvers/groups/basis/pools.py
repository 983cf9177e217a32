"""Prices of people from a pool of triads: many cheap steps, then one exact look at all triads.

The linear program of set partition is solved in its dual by subgradient steps over the triads
whose reduced value is high (Held and Karp, doi:10.1007/BF01584070; step length of Polyak). Triads
that the exact look finds too cheap join the pool, and the steps go on from there, as in column
generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.kernels import find_kernels
from pairmatch.solvers.groups.basis.pricing import best_triads, collect_triads

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["TriadPrices", "price_triads", "step_prices"]

_N_POOL = 40  # triads a person in the pool
_STRAY = 64  # times the first distance to the aim that a step is made for, at most
_ONE = 1 << 10  # of a direction, so that it is kept in integers
_IDLE = 20  # steps without gain that halve the step length


@dataclass(frozen=True, slots=True, eq=False)
class TriadPrices:
    """Prices that no triad exceeds.

    Parameters
    ----------
    price : ndarray of int64, shape (n,)
        Prices in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    """

    price: NDArray[np.int64]
    unit: int

    @property
    def bound(self) -> int:
        """No grouping of everybody into triads is worth more, in scaled gains."""
        return int(self.price.sum()) // self.unit

    def rounded(self) -> NDArray[np.int64]:
        """Return the prices rounded up to whole scaled gains."""
        return -(-self.price // self.unit)


def price_triads(
    values: GroupValues,
    lower: int,
    *,
    unit: int,
    n_rounds: int,
    n_steps: int,
    keep_on: Callable[[], bool],
    start: NDArray[np.int64] | None = None,
) -> TriadPrices:
    """Return prices of people that no triad exceeds, with a sum as small as the steps find.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    lower : int
        Value of a grouping of everybody: the aim of the steps.
    unit : int
        Factor of the prices.
    n_rounds : int
        Exact looks at all triads, at least one.
    n_steps : int
        Steps over the pool between two of them.
    keep_on : callable
        Asked before each round but the first; False ends the work.
    start : ndarray of int64, shape (n,), optional
        Prices to start from, in scaled gains times ``unit``.
    """
    n = values.n
    share = lower * unit // n
    price = np.full(n, share) if start is None else start
    # a person whose best triad is below this has hardly any: half a mean share is far
    floor = -2 * max(abs(share) // 2, unit * values.scale)
    if start is not None:
        floor = max(floor, -8 * max(1, (int(start.sum()) - lower * unit) * 3 // n))
    pool = np.empty((0, 3), np.int64)
    best: TriadPrices | None = None
    length = 1.0
    for n_done in range(n_rounds):
        if n_done and not keep_on():
            break
        twice = _look(values, price, floor, unit)
        full = price - (-twice // 6)
        poorer = best is not None and full.sum() >= best.price.sum()
        if best is None or not poorer:
            gained = 0 if best is None else best.price.sum() - full.sum()
            best = TriadPrices(full, unit)
            if n_done > 1 and gained * 5000 < best.price.sum() - lower * unit:
                break
        if best.bound <= lower or n_done == n_rounds - 1:
            break
        margin = max(4 * (best.price.sum() - lower * unit) * 3 // n, unit * values.scale)
        floor = max(floor, -2 * int(margin))
        pool = _grow(values, pool, full, unit, 2 * int(margin))
        value = values.of_groups(pool) * unit
        length = max(0.02, length * (0.5 if poorer else 0.7)) if n_done else 1.0
        price = step_prices(pool, value, best.price, lower * unit, n_steps, length, -int(margin))
    assert best is not None  # noqa: S101  the first round always counts
    return best


def _look(
    values: GroupValues, price: NDArray[np.int64], floor: int, unit: int
) -> NDArray[np.int64]:
    """Return twice the largest reduced value of each person; legal triads only, where they can."""
    if values.rules is not None:
        lowest, enough = floor, 100 * values.n
        triads = collect_triads(values, price, lowest, unit, enough)
        if len(triads) > enough:
            lowest, enough = max(floor, 0), 200 * values.n
            triads = collect_triads(values, price, lowest, unit, enough)
        if len(triads) <= enough:
            best = np.full(values.n, lowest)
            twice = 2 * (values.of_groups(triads) * unit - price[triads].sum(axis=1))
            for column in triads.T:
                np.maximum.at(best, column, twice)
            return best
    return best_triads(values, price, floor, unit)[0]


def _grow(
    values: GroupValues,
    pool: NDArray[np.int64],
    price: NDArray[np.int64],
    unit: int,
    margin: int,
) -> NDArray[np.int64]:
    """Return the pool with the triads that are near the prices, without those far from them."""
    n, most = values.n, _N_POOL * values.n
    fresh = collect_triads(values, price, -margin, unit, most)
    while len(fresh) > most and margin:
        margin = margin * 3 // 5
        fresh = collect_triads(values, price, -margin, unit, most)
    every = np.concatenate([pool, fresh])
    keys = np.unique((every[:, 0] * n + every[:, 1]) * n + every[:, 2])
    pool = np.column_stack([keys // (n * n), keys // n % n, keys % n])
    if len(pool) > 2 * most:
        short = price[pool].sum(axis=1) - values.of_groups(pool) * unit
        pool = pool[np.sort(np.argsort(short, kind="stable")[: 2 * most])]
    return pool


def step_prices(
    pool: NDArray[np.int64],
    value: NDArray[np.int64],
    price: NDArray[np.int64],
    lower: int,
    n_steps: int,
    length: float,
    floor: int,
    most: int | None = None,
) -> NDArray[np.int64]:
    """Return the prices with the lowest bound over a pool of triads that the steps come to.

    Parameters
    ----------
    pool : ndarray of int64, shape (m, 3)
        Triads.
    value : ndarray of int64, shape (m,)
        What they are worth, as prices are written.
    price : ndarray of int64, shape (n,)
        Prices to start from.
    lower : int
        The aim of the steps.
    n_steps : int
        Number of steps.
    length : float
        Of a step, as a share of Polyak's.
    floor : int
        Reduced value of the best triad of a person who has none above it in the pool.
    most : int, optional
        How far a price may move away from where it starts.
    """
    n, lowest_price, largest_price, farthest = len(price), None, None, None
    if most is not None:
        lowest_price, largest_price = price - most, price + most
    kernels = find_kernels(n)
    charge = _charge_pool if kernels is None else kernels.charge
    held, lowest, idle = price, np.iinfo(np.int64).max, 0
    drift = np.zeros(n, np.int64)
    top, first = np.empty(n, np.int64), np.empty(n, np.int64)
    for _ in range(n_steps):
        top[:], first[:] = floor, -1
        charge(pool, value, price, top, first)
        bound = 3 * int(price.sum()) + int(top.sum())  # thrice the bound
        if bound < lowest:
            lowest, held, idle = bound, price, 0
        else:
            idle += 1
            if idle == _IDLE:
                length, idle, price = length / 2, 0, held
                drift[:] = 0
                if length < 1e-4:
                    break
                continue
        used = np.bincount(pool[first[first >= 0]].ravel(), minlength=n) + 3 * (first < 0)
        drift = (3 - used) * _ONE + 7 * drift // 10
        square = int(drift @ drift)
        if not square or bound <= 3 * lower:
            break
        farthest = bound - 3 * lower if farthest is None else farthest
        aim = min(bound - 3 * lower, _STRAY * farthest)  # steps that stray do not grow without end
        step = length * _ONE * float(aim) / square
        price = price - np.rint(step * drift).astype(np.int64)
        if most is not None:
            price = np.clip(price, lowest_price, largest_price)
    return held


def _charge_pool(
    triads: NDArray[np.int64],
    value: NDArray[np.int64],
    price: NDArray[np.int64],
    top: NDArray[np.int64],
    first: NDArray[np.int64],
) -> int:
    """Do in numpy what the compiled loop does."""
    reduced = value - price[triads].sum(axis=1)
    floor = top.copy()
    for column in triads.T:
        np.maximum.at(top, column, reduced)
    none = len(triads)
    first[:] = none
    for column in triads.T:
        hit = np.flatnonzero((reduced == top[column]) & (reduced > floor[column]))
        np.minimum.at(first, column[hit], hit)
    first[first == none] = -1
    return 0
