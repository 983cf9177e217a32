"""Triads that are worth more than the prices of their members and of the sets they use.

Prices of large sets leave the prices of people low, so that nearly every triad within such a set is
worth more than its members cost. They are charged where they are found, one after another, and only
those that remain are written down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once
from pairmatch.solvers.groups.basis.kernels import N_PLAIN
from pairmatch.solvers.groups.basis.pricing import each_neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["charge_triads", "overpriced_triads"]

_LOW = -(2**60)


def overpriced_triads(
    values: GroupValues, prices: GroupPrices, floor: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all legal triads of one case that exceed their prices by more than a floor.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    prices : GroupPrices
        Prices of people and of sets; its decisions say which triads count.
    floor : int, default: 0
        What the excess has to be above, in scaled gains times the unit of the prices.

    Returns
    -------
    triads : ndarray of int64, shape (m, 3)
        Members in increasing order, rows in lexicographic order.
    excess : ndarray of int64, shape (m,)
        By how much each exceeds its prices.
    """
    if len(prices.apart):
        allowed = values.allowed.copy()
        for a, b in (prices.apart.T, prices.apart.T[::-1]):
            allowed[a, b] = False
        values = replace(values, allowed=allowed)
    order = np.argsort(-prices.set_price, kind="stable")[: int((prices.set_price > 0).sum())]
    member = np.ascontiguousarray(prices.sets[order].T).view(np.uint8)
    divisor, charge = prices.divisor[order], prices.set_price[order]
    loop = load_charges() if values.n > N_PLAIN else None
    if loop is None:
        triads, excess = _collect_plainly(values, prices, floor)
    else:
        room = 64 * values.n
        while True:
            triads, excess = np.empty((room, 3), np.int64), np.empty(room, np.int64)
            people = values.gain, values.pair, values.allowed, prices.person
            sets = member, divisor, charge
            factor = values.scale * prices.unit
            count = loop(*people, *sets, factor, values.worst, floor, triads, excess)
            if count <= room:
                break
            room = count
        triads, excess = triads[:count], excess[:count]
    kept = values.legal(triads)
    for a, b in prices.together.tolist():
        kept &= ((triads == a) | (triads == b)).sum(axis=1) != 1
    return triads[kept], excess[kept]


def charge_triads(prices: GroupPrices, triads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each triad has to pay for the sets it uses."""
    charge = np.zeros(len(triads), np.int64)
    columns = np.ascontiguousarray(triads.T)
    for at in np.flatnonzero(prices.set_price):
        member = prices.sets[at].view(np.uint8)
        count = member[columns[0]]
        count += member[columns[1]]
        count += member[columns[2]]
        charge[count >= prices.divisor[at]] += prices.set_price[at]
    return charge


def _collect_plainly(
    values: GroupValues, prices: GroupPrices, floor: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do in numpy what the compiled loop does: around one person after another."""
    n = values.n
    found, over = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for v, near, reduced in each_neighbourhood(values, prices.person, 2 * floor, prices.unit):
        row, column = np.nonzero(np.triu(reduced > 2 * floor, 1))
        triads = np.column_stack([np.full(row.size, v), near[row], near[column]])
        excess = reduced[row, column] // 2 - charge_triads(prices, triads)
        some = excess > floor
        triads = np.sort(triads[some], axis=1)
        found.append((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2])
        over.append(excess[some])
    keys, first = np.unique(np.concatenate(found), return_index=True)
    triads = np.column_stack([keys // (n * n), keys // n % n, keys % n])
    return triads, np.concatenate(over)[first]


@compiled_once
def load_charges() -> Callable[..., int] | None:
    """Return the compiled loop, or None without numba or where it is not waited for."""
    try:
        from numba import njit, types
    except ImportError:
        return None
    compiled: Any = njit(cache=True, nogil=True)(_collect_charged)
    whole, line, table = types.int64, types.int64[::1], types.int64[:, ::1]
    people = table, table, types.boolean[:, ::1], line
    compiled.compile(
        (*people, types.uint8[:, ::1], line, line, whole, types.boolean, whole, table, line)
    )
    loop: Callable[..., int] = compiled
    return loop


def _collect_charged(
    gain: NDArray[np.int64],
    pair: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    price: NDArray[np.int64],
    member: NDArray[np.uint8],
    divisor: NDArray[np.int64],
    charge: NDArray[np.int64],
    factor: int,
    worst: bool,
    floor: int,
    found: NDArray[np.int64],
    excess: NDArray[np.int64],
) -> int:
    """List all triads a < b < c above ``floor`` while there is room; return how many there are."""
    n, count = len(price), 0
    top, later = np.empty(n, np.int64), np.empty(n, np.int64)
    for a in range(n):  # the best pair of each person
        top[a] = _LOW
        for b in range(n):
            if allowed[a, b]:
                top[a] = max(top[a], pair[a, b] * factor - price[a] - price[b])
    for a in range(n):
        n_later = 0
        for b in range(a + 1, n):
            if allowed[a, b]:
                link = pair[a, b] * factor - price[a] - price[b]
                if link + top[a] + top[b] > 2 * floor:
                    later[n_later] = b
                    n_later += 1
        for x in range(n_later):
            b = later[x]
            inside = pair[a, b] * factor - 2 * (price[a] + price[b])
            for y in range(x + 1, n_later):
                c = later[y]
                over = (inside + (pair[a, c] + pair[b, c]) * factor) // 2 - price[c]
                if over <= floor or not allowed[b, c]:
                    continue
                if worst:
                    least = min(gain[b, a] + gain[c, a], gain[a, b] + gain[c, b])
                    least = min(least, gain[a, c] + gain[b, c])
                    over = 3 * (factor // 2) * least - price[a] - price[b] - price[c]
                for s in range(len(charge)):
                    if over <= floor:
                        break
                    if member[a, s] + member[b, s] + member[c, s] >= divisor[s]:
                        over -= charge[s]
                if over > floor:
                    if count < len(found):
                        found[count, 0], found[count, 1], found[count, 2] = a, b, c
                        excess[count] = over
                    count += 1
    return count
