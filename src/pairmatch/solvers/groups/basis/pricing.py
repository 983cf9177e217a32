"""Triads that are worth more than the prices of their members, without looking at all of them.

With prices u, twice the reduced value of a triad is at most ``R[i, j] + R[i, k] + R[j, k]`` where
``R[i, j] = scale * pair[i, j] - u[i] - u[j]`` (exactly that under "total"). Two of its three pairs
are at least as large as the third, and they share a member v: a triad above ``floor`` is found
from that member among the partners with ``R[v, j] > (floor - max R[v]) / 2``, a short list when
prices are near the best ones. This makes exact pricing cheap at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.kernels import find_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["best_triads", "collect_triads", "each_neighbourhood", "pair_excess"]

_NEVER = -(2**58)  # twice the reduced value of what is not allowed


def pair_excess(values: GroupValues, price: NDArray[np.int64], unit: int = 1) -> NDArray[np.int64]:
    """Return ``R[i, j]``, very low where the two may not share a group.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains times ``unit``.
    unit : int, default: 1
        Factor of the prices.
    """
    excess = values.pair * (values.scale * unit)
    excess -= price[:, None]
    excess -= price[None, :]
    np.putmask(excess, ~values.allowed, _NEVER // 4)
    return excess


def best_triads(
    values: GroupValues, price: NDArray[np.int64], floor: int, unit: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each person the best triad that contains it.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains times ``unit``.
    floor : int
        Triads whose doubled reduced value is not above this are not looked for.
    unit : int, default: 1
        Factor of the prices.

    Returns
    -------
    best : ndarray of int64, shape (n,)
        Twice the largest reduced value over triads with that person, at least ``floor``.
    partners : ndarray of int64, shape (n, 2)
        The two others; -1 where nothing is above the floor.

    Notes
    -----
    ``sum(price) + sum(best) / 6`` bounds every partition into triads, for any prices.
    """
    n = values.n
    best = np.full(n, floor)
    partners = np.full((n, 2), -1)
    kernels = find_kernels(n)
    if kernels is not None:
        common = *_arrays(values), price, values.scale * unit, values.worst
        kernels.best(*common, floor, best, partners)
        return best, partners
    for v, near, reduced in each_neighbourhood(values, price, floor, unit):
        other = reduced.argmax(axis=1)
        worth = reduced[np.arange(near.size), other]
        better = worth > best[near]
        who = near[better]
        best[who] = worth[better]
        partners[who, 0] = v
        partners[who, 1] = near[other[better]]
        top = int(worth.argmax())
        if worth[top] > best[v]:
            best[v] = worth[top]
            partners[v] = near[top], near[other[top]]
    return best, partners


def collect_triads(
    values: GroupValues,
    price: NDArray[np.int64],
    floor: int,
    unit: int = 1,
    enough: int = 2**40,
) -> NDArray[np.int64]:
    """Return all legal triads whose doubled reduced value is above ``floor``, sorted.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains times ``unit``.
    floor : int
        What the doubled reduced value has to exceed.
    unit : int, default: 1
        Factor of the prices.
    enough : int, optional
        Where there are more, only some are returned, more than this, legal or not.

    Returns
    -------
    ndarray of int64, shape (n_triads, 3)
        Members in increasing order, rows in lexicographic order, each triad once.
    """
    n = values.n
    kernels = find_kernels(n)
    if kernels is not None:
        room = min(enough + 1, 64 * n)
        while True:
            triads = np.empty((room, 3), np.int64)
            common = *_arrays(values), price, values.scale * unit, values.worst
            count = kernels.collect(*common, floor, triads)
            if count <= room or room > enough:
                break
            room = min(count, enough + 1)
        triads = np.sort(triads[:count], axis=1)
        keys = np.sort((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2])
        triads = np.column_stack([keys // (n * n), keys // n % n, keys % n])
        return triads if count > room else triads[values.legal(triads)]
    found = [np.empty(0, np.int64)]
    n_found = 0
    for v, near, reduced in each_neighbourhood(values, price, floor, unit):
        row, column = np.nonzero(reduced > floor)
        once = row < column
        triads = np.column_stack([np.full(once.sum(), v), near[row[once]], near[column[once]]])
        triads.sort(axis=1)
        found.append((triads[:, 0] * n + triads[:, 1]) * n + triads[:, 2])
        n_found += int(once.sum())
        if n_found > 3 * (enough + 1):  # each is seen three times at most
            break
    keys = np.sort(np.concatenate(found))
    keys = keys[np.diff(keys, prepend=-1) > 0]
    triads = np.column_stack([keys // (n * n), keys // n % n, keys % n])
    return triads if len(triads) > enough else triads[values.legal(triads)]


def _arrays(
    values: GroupValues,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return what the compiled loops look into."""
    return values.gain, values.pair, values.allowed


def each_neighbourhood(
    values: GroupValues, price: NDArray[np.int64], floor: int, unit: int
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield person v, its near partners, and twice the reduced value with each two of them."""
    excess = pair_excess(values, price, unit)
    top = excess.max(axis=1, initial=_NEVER // 4)
    gain, factor = values.gain, 3 * values.scale * unit
    for v in range(values.n):
        row = excess[v]
        near = np.flatnonzero((row > (floor - top[v]) // 2) & values.allowed[v])
        if near.size < 2:
            continue
        inner = np.ix_(near, near)
        if not values.worst:
            reduced = excess[inner]
            reduced += row[near]
            reduced += row[near][:, None]
            yield v, near, reduced
            continue
        by_v = gain[near, v]
        by_first = gain[v, near][:, None] + gain[inner].T  # what the row's person gives
        reduced = np.minimum(by_v[:, None] + by_v[None, :], by_first)
        np.minimum(reduced, by_first.T, out=reduced)
        reduced *= factor
        reduced -= 2 * (price[v] + price[near][:, None] + price[near][None, :])
        np.putmask(reduced, ~values.allowed[inner], _NEVER)
        yield v, near, reduced
