"""The inner loops over triads along links, compiled by numba where it is there (``fast``).

Integers in a fixed order: what ``linked`` does without numba returns the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once

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
    look : callable
        Largest links and links above limits in a block of pairs.
    """

    best: Loop
    collect: Loop
    scan: Loop
    look: Loop


@compiled_once
def load_link_loops(kind: type[np.integer]) -> LinkLoops | None:
    """Return the compiled loops, or None without numba or where they are not waited for.

    Parameters
    ----------
    kind : type
        Integers in which lists of pairs are kept.
    """
    try:
        from numba import from_dtype, njit, types
        from numba.extending import register_jitable
    except ImportError:
        return None
    register_jitable(_sort_near)
    register_jitable(_raise_top)
    compile_ = njit(cache=True, nogil=True)
    loops = _best_linked, _collect_linked, _scan_held, _look_at_tile
    best, collect, scan, look = compiled = [compile_(loop) for loop in loops]
    pair: Any = from_dtype(np.dtype(kind))
    whole, line, narrow = types.int64, types.int64[::1], types.int32[::1]
    table, given = types.int64[:, ::1], (types.int64[:, ::1], types.boolean[:, ::1])
    seats = line, types.int32[:, ::1], pair[:, ::1], pair[:, :, ::1]
    best.compile((*seats, whole, line, whole, whole, line))
    collect.compile((*seats, whole, line, whole, whole, table, line))
    if kind is np.int32:  # wider ones are never held whole
        scan.compile((whole, whole, pair[:, ::1], whole, line, whole, whole, line))
    tile = *given, *given, whole, whole, line, whole, line, table, table
    look.compile((*tile, narrow, narrow, pair[::1]))
    return LinkLoops(*compiled)


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


def _raise_top(top: NDArray[np.int64], link: int) -> None:
    """Put a link among the two largest, the largest one first; there may be no room for any."""
    if len(top) and link > top[1]:
        if link > top[0]:
            top[0], top[1] = link, top[0]
        else:
            top[1] = link


def _look_at_tile(
    pair: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    back: NDArray[np.int64],
    too: NDArray[np.bool_],
    first_row: int,
    first_column: int,
    price: NDArray[np.int64],
    factor: int,
    limit: NDArray[np.int64],
    row_top: NDArray[np.int64],
    column_top: NDArray[np.int64],
    person: NDArray[np.int32],
    partner: NDArray[np.int32],
    both: NDArray[np.integer],
) -> int:
    """List links above limits right of the diagonal, from both sides; return how many."""
    count = 0
    for x in range(pair.shape[0]):
        i = first_row + x
        for y in range(max(0, i + 1 - first_column), pair.shape[1]):
            if not allowed[x, y] or not too[y, x]:
                continue
            j = first_column + y
            given = pair[x, y] + back[y, x]
            link = given * np.int64(factor) - price[i] - price[j]
            if link > limit[i]:
                if count < len(person):
                    person[count], partner[count], both[count] = i, j, given
                count += 1
            if link > limit[j]:
                if count < len(person):
                    person[count], partner[count], both[count] = j, i, given
                count += 1
            _raise_top(row_top[x], link)
            _raise_top(column_top[y], link)
    return count
