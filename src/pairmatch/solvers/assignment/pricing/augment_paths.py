"""Shortest augmenting paths with warm prices: the compiled kernels.

Reduced costs ``u[i] + v[j] - gain`` are never negative and are 0 where a row sits. A row that sits
nowhere is worth ``outside[i]``; an empty place of column j is worth ``spare[j]``, and if fewer than
``least[j]`` rows sit there, ``short[j]``. One row (or one empty place) at a time looks for the
shortest way to a place (or a row) that can give in, and the prices on the way move by just that
much. So every call leaves prices that are feasible and a seating that is tight.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Kernels = tuple[Callable[..., Any], ...]

__all__ = ["load_kernels"]

_FAR = np.int64(2**62)


def _push(
    heap_key: Array,
    heap_item: Array,
    size: int,
    key: int,
    item: int,
) -> int:
    """Add to a binary heap; return its new size."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap_key[parent] <= key:
            break
        heap_key[at] = heap_key[parent]
        heap_item[at] = heap_item[parent]
        at = parent
    heap_key[at] = key
    heap_item[at] = item
    return size + 1


def _pop(
    heap_key: Array,
    heap_item: Array,
    size: int,
) -> int:
    """Remove the top of a binary heap, which the caller has read; return its new size."""
    size -= 1
    key = heap_key[size]
    item = heap_item[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap_key[child + 1] < heap_key[child]:
            child += 1
        if heap_key[child] >= key:
            break
        heap_key[at] = heap_key[child]
        heap_item[at] = heap_item[child]
        at = child
    heap_key[at] = key
    heap_item[at] = item
    return size


def _seat(
    row: int,
    column: int,
    mate: Array,
    first: Array,
    after: Array,
    before: Array,
    filled: Array,
) -> None:
    """Put a row that sits nowhere on a place of a column."""
    mate[row] = column
    after[row] = first[column]
    before[row] = -1
    if first[column] >= 0:
        before[first[column]] = row
    first[column] = row
    filled[column] += 1


def _unseat(
    row: int,
    mate: Array,
    first: Array,
    after: Array,
    before: Array,
    filled: Array,
) -> None:
    """Take a row from its place."""
    column = mate[row]
    if before[row] >= 0:
        after[before[row]] = after[row]
    else:
        first[column] = after[row]
    if after[row] >= 0:
        before[after[row]] = before[row]
    mate[row] = -1
    filled[column] -= 1


# fmt: off
def _seat_rows(
    start: Array, edge_column: Array, edge_gain: Array, outside: Array, spare: Array, capacity:
    Array, least: Array, u: Array, v: Array, mate: Array, first: Array, after: Array, before:
    Array, filled: Array,
) -> None:
    # fmt: on
    """Set u from v, send rows outside that would rather move, and seat those that find room."""
    for i in range(len(u)):
        best = outside[i]
        own = best - 1
        for e in range(start[i], start[i + 1]):
            profit = edge_gain[e] - v[edge_column[e]]
            best = max(best, profit)
            if edge_column[e] == mate[i]:
                own = profit
        u[i] = best
        if mate[i] >= 0:
            if own == best:
                continue
            _unseat(i, mate, first, after, before, filled)
        if best == outside[i]:
            continue
        for e in range(start[i], start[i + 1]):
            j = edge_column[e]
            if edge_gain[e] - v[j] != best:
                continue
            room = capacity[j] if v[j] >= spare[j] else least[j]
            if filled[j] < room:
                _seat(i, j, mate, first, after, before, filled)
                break


# fmt: off
def _insert_rows(
    queue: Array, begin: int, budget: int, start: Array, edge_column: Array, edge_gain: Array,
    outside: Array, spare: Array, capacity: Array, least: Array, u: Array, v: Array, mate:
    Array, first: Array, after: Array, before: Array, filled: Array, dist: Array, via: Array,
    heap_key: Array, heap_item: Array, seen: Array,
) -> int:
    # fmt: on
    """Seat, or leave outside, the rows of ``queue`` from ``begin`` on; return where it stopped.

    ``budget`` is how many edges may be looked at before the caller wants to be asked again.
    """
    work = 0
    at = begin
    while at < len(queue) and work < budget:
        source = queue[at]
        at += 1
        if mate[source] >= 0 or u[source] <= outside[source]:
            continue
        best = u[source] - outside[source]
        end_row = source
        end_column = -1
        size = 0
        n_seen = 0
        row = source
        reached = np.int64(0)
        column = -1
        while True:
            # Relax the rows at the present distance: the source, or all who sit on ``column``.
            while row >= 0:
                if column >= 0:
                    leave = reached + u[row] - outside[row]
                    if leave < best:
                        best = leave
                        end_row = row
                        end_column = -1
                base = reached + u[row]
                work += start[row + 1] - start[row]
                for e in range(start[row], start[row + 1]):
                    j = edge_column[e]
                    d = base + v[j] - edge_gain[e]
                    if d >= best or d >= dist[j]:
                        continue
                    if dist[j] == _FAR:
                        seen[n_seen] = j
                        n_seen += 1
                    dist[j] = d
                    via[j] = row
                    if filled[j] < capacity[j]:
                        stop = d
                        if filled[j] >= least[j] and v[j] < spare[j]:
                            stop += spare[j] - v[j]
                        if stop < best:
                            best = stop
                            end_column = j
                            if stop == reached:
                                break
                    # Columns nobody sits on lead nowhere.
                    if first[j] >= 0 and d < best:
                        size = _push(heap_key, heap_item, size, d, j)
                if best <= reached or column < 0:
                    break
                row = after[row]
            found = False
            while size > 0:
                reached = heap_key[0]
                column = heap_item[0]
                if reached >= best:
                    break
                size = _pop(heap_key, heap_item, size)
                if reached == dist[column]:
                    found = True
                    break
            if not found:
                break
            row = first[column]
        u[source] -= best
        for k in range(n_seen):
            j = seen[k]
            if dist[j] < best:
                move = best - dist[j]
                v[j] += move
                i = first[j]
                while i >= 0:
                    u[i] -= move
                    i = after[i]
        if end_column >= 0:
            j = end_column
        else:
            j = -1
            if end_row != source:
                j = mate[end_row]
                _unseat(end_row, mate, first, after, before, filled)
        while j >= 0:
            i = via[j]
            free = mate[i]
            if free >= 0:
                _unseat(i, mate, first, after, before, filled)
            _seat(i, j, mate, first, after, before, filled)
            j = free
        for k in range(n_seen):
            dist[seen[k]] = _FAR
    return at


# fmt: off
def _fill_columns(
    queue: Array, begin: int, budget: int, start: Array, edge_row: Array, edge_gain: Array,
    spare: Array, short: Array, capacity: Array, least: Array, u: Array, v: Array, mate: Array,
    first: Array, after: Array, before: Array, filled: Array, dist: Array, via: Array, onto:
    Array, heap_key: Array, heap_item: Array, seen: Array,
) -> int:
    # fmt: on
    """Fill the empty places of the columns of ``queue``, or lower their price to what they cost.

    Edges are listed by column here. ``via[k]`` is the row that leaves column k, ``onto[k]`` where
    it goes.
    """
    work = 0
    at = begin
    while at < len(queue) and work < budget:
        source = queue[at]
        if filled[source] < least[source]:
            best = v[source] - short[source]
        elif filled[source] < capacity[source]:
            best = max(np.int64(0), v[source] - spare[source])
        else:
            best = np.int64(0)
        if best <= 0:
            at += 1
            continue
        end_column = source
        end_row = -1
        end_onto = -1
        size = 0
        n_seen = 1
        seen[0] = source
        dist[source] = 0
        column = source
        reached = np.int64(0)
        while True:
            base = reached + v[column]
            work += start[column + 1] - start[column]
            for e in range(start[column], start[column + 1]):
                i = edge_row[e]
                d = base + u[i] - edge_gain[e]
                if d >= best:
                    continue
                k = mate[i]
                if k < 0:
                    best = d  # u[i] is what the row is worth outside, so it may come at once
                    end_row = i
                    end_onto = column
                    continue
                if d >= dist[k]:
                    continue
                if dist[k] == _FAR:
                    seen[n_seen] = k
                    n_seen += 1
                dist[k] = d
                via[k] = i
                onto[k] = column
                drop = max(np.int64(0), v[k] - spare[k])
                if filled[k] <= least[k]:
                    drop = v[k] - short[k]
                if d + drop < best:
                    best = d + drop
                    end_column = k
                    end_row = -1
                if d < best:
                    size = _push(heap_key, heap_item, size, d, k)
            found = False
            while size > 0:
                reached = heap_key[0]
                column = heap_item[0]
                if reached >= best:
                    break
                size = _pop(heap_key, heap_item, size)
                if reached == dist[column]:
                    found = True
                    break
            if not found:
                break
        for k in range(n_seen):
            j = seen[k]
            if dist[j] < best:
                move = best - dist[j]
                v[j] -= move
                i = first[j]
                while i >= 0:
                    u[i] += move
                    i = after[i]
        k = end_column
        if end_row >= 0:
            _seat(end_row, end_onto, mate, first, after, before, filled)
            k = end_onto
        while k != source:
            i = via[k]
            j = onto[k]
            _unseat(i, mate, first, after, before, filled)
            _seat(i, j, mate, first, after, before, filled)
            k = j
        for k in range(n_seen):
            dist[seen[k]] = _FAR
    return at


# fmt: off
def _turn_edges(
    start: Array, edge_column: Array, edge_gain: Array, column_start: Array, edge_row: Array,
    turned_gain: Array,
) -> None:
    # fmt: on
    """Write edges sorted by column; ``column_start``, n_columns + 1 zeros, gets their starts."""
    for e in range(len(edge_column)):
        column_start[edge_column[e] + 1] += 1
    for j in range(len(column_start) - 1):
        column_start[j + 1] += column_start[j]
    place = column_start.copy()
    for i in range(len(start) - 1):
        for e in range(start[i], start[i + 1]):
            j = edge_column[e]
            edge_row[place[j]] = i
            turned_gain[place[j]] = edge_gain[e]
            place[j] += 1


@lru_cache(maxsize=1)
def load_kernels() -> Kernels | None:
    """Return the compiled ``_seat_rows``, ``_insert_rows``, ``_fill_columns``, ``_turn_edges``.

    None without numba.
    """
    try:
        from numba import njit
        from numba.extending import register_jitable
    except ImportError:
        return None
    for helper in (_push, _pop, _seat, _unseat):
        register_jitable(helper)
    compile_ = njit(cache=True, nogil=True)
    kernels = _seat_rows, _insert_rows, _fill_columns, _turn_edges
    return tuple(compile_(kernel) for kernel in kernels)
