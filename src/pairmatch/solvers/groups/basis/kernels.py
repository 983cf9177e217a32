"""The inner loops over triads, compiled by numba where it is there (the ``fast`` extra).

Everything is integer arithmetic in a fixed order, so that the plain versions, which are written in
numpy, return the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Loop = Callable[..., int]

__all__ = ["N_PLAIN", "Kernels", "find_kernels", "load_kernels"]

N_PLAIN = 40
"""People up to whom numpy is done before compiled loops are loaded."""

_LOW = -(2**60)


@dataclass(frozen=True, slots=True)
class Kernels:
    """Compiled loops.

    Parameters
    ----------
    best : callable
        Best triad of each person.
    collect : callable
        All triads above a floor.
    charge : callable
        Largest reduced value of a pool of triads for each person, and who is used.
    """

    best: Loop
    collect: Loop
    charge: Loop


def find_kernels(n: int) -> Kernels | None:
    """Return the compiled loops where they are worth loading for a pool of n people."""
    return load_kernels() if n > N_PLAIN else None


@compiled_once
def load_kernels() -> Kernels | None:
    """Return the compiled loops, or None without numba or where they are not waited for."""
    try:
        from numba import njit, types
        from numba.extending import register_jitable
    except ImportError:
        return None
    for helper in (_find_tops, _list_near, _twice_reduced):
        register_jitable(helper)
    compile_ = njit(cache=True, nogil=True)
    best, collect, charge = (compile_(loop) for loop in (_scan_best, _scan_all, _charge_pool))
    whole, line, table = types.int64, types.int64[::1], types.int64[:, ::1]
    common = table, table, types.boolean[:, ::1], line, whole, types.boolean, whole
    best.compile((*common, line, table))
    collect.compile((*common, table))
    charge.compile((table, *(line,) * 4))
    return Kernels(best, collect, charge)


def _find_tops(
    pair: NDArray[np.int64], allowed: NDArray[np.bool_], price: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """Return the largest pair excess of each person."""
    n = len(price)
    top = np.empty(n, np.int64)
    for v in range(n):
        most = _LOW
        for j in range(n):
            if allowed[v, j]:
                most = max(most, pair[v, j] * factor - price[j])
        top[v] = most - price[v]
    return top


def _list_near(
    pair: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    price: NDArray[np.int64],
    factor: int,
    v: int,
    limit: int,
    near: NDArray[np.int64],
    excess: NDArray[np.int64],
) -> int:
    """List the partners of v whose pair excess is above a limit; return how many there are."""
    n_near = 0
    for j in range(len(price)):
        if allowed[v, j]:
            over = pair[v, j] * factor - price[v] - price[j]
            if over > limit:
                near[n_near], excess[n_near] = j, over
                n_near += 1
    return n_near


def _twice_reduced(
    gain: NDArray[np.int64], price: NDArray[np.int64], factor: int, i: int, j: int, k: int
) -> int:
    """Return twice the reduced value of a triad by its worst rotation."""
    least = min(gain[j, i] + gain[k, i], gain[i, j] + gain[k, j], gain[i, k] + gain[j, k])
    return int(3 * factor * least - 2 * (price[i] + price[j] + price[k]))


def _scan_best(
    gain: NDArray[np.int64],
    pair: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    price: NDArray[np.int64],
    factor: int,
    worst: bool,
    floor: int,
    best: NDArray[np.int64],
    partners: NDArray[np.int64],
) -> int:
    """Fill in the best triad of each person above ``floor``."""
    n = len(price)
    top = _find_tops(pair, allowed, price, factor)
    near, excess = np.empty(n, np.int64), np.empty(n, np.int64)
    for v in range(n):
        n_near = _list_near(pair, allowed, price, factor, v, (floor - top[v]) // 2, near, excess)
        for x in range(1, n_near):
            a, by_a = near[x], excess[x]
            for y in range(x):
                b = near[y]
                if not allowed[a, b]:
                    continue
                worth = by_a + excess[y] + pair[a, b] * factor - price[a] - price[b]
                if worth <= best[v] and worth <= best[a] and worth <= best[b]:
                    continue
                if worst:
                    worth = _twice_reduced(gain, price, factor, v, a, b)
                if worth > best[v]:
                    best[v], partners[v, 0], partners[v, 1] = worth, a, b
                if worth > best[a]:
                    best[a], partners[a, 0], partners[a, 1] = worth, v, b
                if worth > best[b]:
                    best[b], partners[b, 0], partners[b, 1] = worth, v, a
    return 0


def _scan_all(
    gain: NDArray[np.int64],
    pair: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    price: NDArray[np.int64],
    factor: int,
    worst: bool,
    floor: int,
    found: NDArray[np.int64],
) -> int:
    """List all triads above ``floor`` while there is room; return how many there are.

    A triad is seen from the person who is not in its poorest pair; ties go by number.
    """
    n = len(price)
    top = _find_tops(pair, allowed, price, factor)
    near, excess = np.empty(n, np.int64), np.empty(n, np.int64)
    count = 0
    for v in range(n):
        n_near = _list_near(pair, allowed, price, factor, v, (floor - top[v]) // 2, near, excess)
        for x in range(1, n_near):
            a, by_a = near[x], excess[x]
            for y in range(x):
                b, by_b = near[y], excess[y]
                if not allowed[a, b]:
                    continue
                apart = pair[a, b] * factor - price[a] - price[b]
                if by_a + by_b + apart <= floor:
                    continue
                if apart > by_a or apart > by_b:
                    continue
                if (apart == by_a and v > b) or (apart == by_b and v > a):
                    continue
                if worst and _twice_reduced(gain, price, factor, v, a, b) <= floor:
                    continue
                if count < len(found):
                    found[count, 0], found[count, 1], found[count, 2] = v, a, b
                count += 1
    return count


def _charge_pool(
    triads: NDArray[np.int64],
    value: NDArray[np.int64],
    price: NDArray[np.int64],
    top: NDArray[np.int64],
    first: NDArray[np.int64],
) -> int:
    """Raise ``top`` to the largest reduced value of a person's triads; ``first`` is the triad."""
    for c in range(len(triads)):
        i, j, k = triads[c, 0], triads[c, 1], triads[c, 2]
        reduced = value[c] - price[i] - price[j] - price[k]
        if reduced > top[i]:
            top[i], first[i] = reduced, c
        if reduced > top[j]:
            top[j], first[j] = reduced, c
        if reduced > top[k]:
            top[k], first[k] = reduced, c
    return 0
