"""From prices to groupings: a linear program over the few triads that pay, rounded again and again.

The fractional grouping is found over the triads whose prices exceed their worth the least. Triads
of which it uses much are taken, the others get new prices and a new program, until a small
set-partition program is left, which is solved as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pools import price_triads
from pairmatch.solvers.groups.basis.pricing import collect_triads

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["cheapest_triads", "round_prices"]

_N_COLUMNS = 8  # triads a person in a program
_N_WHOLE = 36  # people who are dealt by a program in whole numbers
_MOST_WHOLE = 1500  # triads in such a program
_MUCH = 0.6  # a share that is taken


def cheapest_triads(
    values: GroupValues,
    price: NDArray[np.int64],
    unit: int,
    n_most: int,
    margin: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return about ``n_most`` triads that fall short of their prices the least, and by how much.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    price : ndarray of int64, shape (n,)
        Prices in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    n_most : int
        Number of triads.
    margin : int
        A guess by how much these fall short.
    """
    triads = collect_triads(values, price, -2 * margin, unit, 4 * n_most)
    for _ in range(30):
        if len(triads) < n_most:
            margin *= 2
        elif len(triads) > 4 * n_most:
            margin = margin * 3 // 5
        else:
            break
        n_before = len(triads)
        triads = collect_triads(values, price, -2 * margin, unit, 4 * n_most)
        if n_before == len(triads) < n_most and margin > 2**50:
            break
    short = price[triads].sum(axis=1) - values.of_groups(triads) * unit
    if len(triads) > n_most:
        few = np.sort(np.argsort(short, kind="stable")[:n_most])
        triads, short = triads[few], short[few]
    return triads, short


def round_prices(
    values: GroupValues,
    price: NDArray[np.int64],
    unit: int,
    lower: int,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return a grouping of everybody into triads that uses triads near the prices.

    Parameters
    ----------
    values : GroupValues
        What triads are worth; the number of people is a multiple of three.
    price : ndarray of int64, shape (n,)
        Prices that no triad exceeds, in scaled gains times ``unit``.
    unit : int
        Factor of the prices.
    lower : int
        About what a good grouping is worth.
    keep_on : callable
        Asked before each program; False ends the work.

    Returns
    -------
    ndarray of int64, shape (n / 3, 3), or None
        The grouping; None if it was not found, or not in time.
    """
    people = np.arange(values.n)
    part, chosen = values, []
    margin = max(1, (int(price.sum()) - lower * unit) * 6 // max(3, values.n))
    while keep_on():
        if people.size <= _N_WHOLE:
            last = _deal_whole(part, price, unit, margin)
            if last is None:
                return None
            chosen.append(people[last])
            return np.concatenate(chosen)
        triads, short = cheapest_triads(part, price, unit, _N_COLUMNS * part.n, margin)
        share = _solve_program(part.n, triads, short)
        if share is None:
            return None
        order = np.argsort(-share, kind="stable")
        taken = order[share[order] > _MUCH]
        if taken.size < part.n // 30 + 1:
            taken = _disjoint(part.n, triads, order, part.n // 30 + 1)
        if not taken.size:
            return None
        chosen.append(people[triads[taken]])
        rest = np.ones(part.n, bool)
        rest[triads[taken]] = False
        left = np.flatnonzero(rest)
        people, price = people[left], price[left]
        part = part.take(left)
        if not people.size:
            return np.concatenate(chosen)
        guess = int(price.sum()) // unit
        guess -= max(1, margin * people.size // 6 // unit)
        price = price_triads(
            part, guess, unit=unit, n_rounds=3, n_steps=150, keep_on=keep_on, start=price
        ).price
    return None


def _disjoint(
    n: int, triads: NDArray[np.int64], order: NDArray[np.int64], n_most: int
) -> NDArray[np.int64]:
    """Return the first triads of an order that have nobody in common."""
    free = np.ones(n, bool)
    taken = []
    for at in order.tolist():
        if free[triads[at]].all():
            free[triads[at]] = False
            taken.append(at)
            if len(taken) == n_most:
                break
    return np.array(taken, np.int64)


def _solve_program(
    n: int, triads: NDArray[np.int64], short: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return how much of each triad the best fractional grouping uses."""
    from scipy.optimize import linprog
    from scipy.sparse import csc_array, hstack, identity

    m = len(triads)
    if not m:
        return None
    cover = csc_array((np.ones(3 * m), triads.ravel(), np.arange(0, 3 * m + 1, 3)), shape=(n, m))
    top = float(max(1, short.max()))
    answer = linprog(
        np.concatenate([short / top, np.full(n, 4.0)]),  # staying out has its price
        A_eq=hstack([cover, identity(n)], format="csc"),
        b_eq=np.ones(n),
        method="highs-ds",
        options={"presolve": False},
    )
    return None if answer.x is None else np.asarray(answer.x, float)[:m]


def _deal_whole(
    values: GroupValues, price: NDArray[np.int64], unit: int, margin: int
) -> NDArray[np.int64] | None:
    """Return the best grouping of a few people over the triads near the prices."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csc_array

    triads, short = cheapest_triads(values, price, unit, _MOST_WHOLE, margin)
    m = len(triads)
    if m < values.n // 3:
        return None
    starts = np.arange(0, 3 * m + 1, 3)
    cover = csc_array((np.ones(3 * m), triads.ravel(), starts), shape=(values.n, m))
    answer = milp(
        short / max(1, int(short.max())),
        constraints=LinearConstraint(cover, 1.0, 1.0),
        integrality=np.ones(m, np.int64),
        options={"node_limit": 200},
    )
    if answer.x is None:
        return None
    dealt = triads[np.asarray(answer.x) > 0.5]
    return dealt if np.array_equal(np.sort(dealt.ravel()), np.arange(values.n)) else None
