"""The inner loops over triads along links, compiled by numba where it is there (``fast``).

Integers in a fixed order: what ``linked`` does without numba returns the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Loop = Callable[..., int]

__all__ = ["LinkLoops", "load_link_loops"]


@dataclass(frozen=True, slots=True)
class LinkLoops:
    """Compiled loops.

    Parameters
    ----------
    best : callable
        Best linked triad of each person.
    collect : callable
        Linked triads above a floor.
    scan : callable
        Best triad of each person over a matrix of all pairs.
    """

    best: Loop
    collect: Loop
    scan: Loop


@lru_cache(maxsize=1)
def load_link_loops() -> LinkLoops | None:
    """Return the compiled loops, or None without numba."""
    try:
        from numba import njit
        from numba.extending import register_jitable
    except ImportError:
        return None
    register_jitable(_sort_near)
    compile_ = njit(cache=True, nogil=True)
    return LinkLoops(compile_(_best_linked), compile_(_collect_linked), compile_(_scan_held))


def _sort_near(
    v: int,
    partner: NDArray[np.int32],
    pair: NDArray[np.int32],
    none: int,
    price: NDArray[np.int64],
    factor: int,
    floor: int,
    link: NDArray[np.int64],
    at: NDArray[np.int64],
) -> int:
    """List the links of v that may matter, the largest first; return how many there are."""
    top = -(2**62)
    for x in range(len(pair)):
        if pair[x] != none:
            link[x] = pair[x] * np.int64(factor) - price[v] - price[partner[x]]
            top = max(top, link[x])
    n_near = 0
    for x in range(len(pair)):
        if pair[x] != none and 2 * link[x] > floor - top:
            link[n_near], at[n_near] = link[x], x
            n_near += 1
    order = np.argsort(-link[:n_near], kind="mergesort")
    link[:n_near], at[:n_near] = link[:n_near][order], at[:n_near][order]
    return n_near


def _best_linked(
    who: NDArray[np.int64],
    partner: NDArray[np.int32],
    pair: NDArray[np.int32],
    apart: NDArray[np.int32],
    none: int,
    price: NDArray[np.int64],
    factor: int,
    floor: int,
    best: NDArray[np.int64],
) -> int:
    """Raise ``best`` to twice the largest reduced value of each person along links of some."""
    width = pair.shape[1]
    link, at = np.empty(width, np.int64), np.empty(width, np.int64)
    for row in range(len(who)):
        v = who[row]
        n_near = _sort_near(v, partner[row], pair[row], none, price, factor, floor, link, at)
        for x in range(n_near):
            a = partner[row, at[x]]
            for y in range(x + 1, n_near):
                if link[x] + 2 * link[y] <= floor:
                    break
                between = apart[row, at[x], at[y]]
                if between != none:
                    b = partner[row, at[y]]
                    worth = link[x] + link[y] + between * np.int64(factor) - price[a] - price[b]
                    best[v] = max(best[v], worth)
                    best[a] = max(best[a], worth)
                    best[b] = max(best[b], worth)
    return 0


def _collect_linked(
    who: NDArray[np.int64],
    partner: NDArray[np.int32],
    pair: NDArray[np.int32],
    apart: NDArray[np.int32],
    none: int,
    price: NDArray[np.int64],
    factor: int,
    floor: int,
    found: NDArray[np.int64],
    twice: NDArray[np.int64],
) -> int:
    """List triads above the floor while there is room; return how many there are."""
    width, count = pair.shape[1], 0
    link, at = np.empty(width, np.int64), np.empty(width, np.int64)
    for row in range(len(who)):
        v = who[row]
        n_near = _sort_near(v, partner[row], pair[row], none, price, factor, floor, link, at)
        for x in range(n_near):
            a = partner[row, at[x]]
            for y in range(x + 1, n_near):
                if link[x] + 2 * link[y] <= floor:
                    break
                between = apart[row, at[x], at[y]]
                if between == none:
                    continue
                b = partner[row, at[y]]
                third = between * np.int64(factor) - price[a] - price[b]
                # it is seen from the person who is not in its weakest link
                if third <= link[y] and link[x] + link[y] + third > floor:
                    if count < len(found):
                        found[count, 0], found[count, 1], found[count, 2] = v, a, b
                        twice[count] = link[x] + link[y] + third
                    count += 1
    return count


def _scan_held(
    first: int,
    last: int,
    held: NDArray[np.int32],
    none: int,
    price: NDArray[np.int64],
    factor: int,
    floor: int,
    best: NDArray[np.int64],
) -> int:
    """Raise ``best`` to twice the largest reduced value over the triads seen from some people."""
    n = len(price)
    every = np.arange(n).astype(np.int32)
    link, at = np.empty(n, np.int64), np.empty(n, np.int64)
    for v in range(first, last):
        n_near = _sort_near(v, every, held[v], none, price, factor, floor, link, at)
        for x in range(n_near):
            a = at[x]
            for y in range(x + 1, n_near):
                if link[x] + 2 * link[y] <= floor:
                    break
                b = at[y]
                between = held[a, b]
                if between != none:
                    worth = link[x] + link[y] + between * np.int64(factor) - price[a] - price[b]
                    best[v] = max(best[v], worth)
                    best[a] = max(best[a], worth)
                    best[b] = max(best[b], worth)
    return 0
