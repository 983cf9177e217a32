"""Schedules in which no two seats share a group twice: round robins, planes, Kirkman's schoolgirls.

A schedule knows seats, not people: row r, column p says in which group seat p is in round r.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.terms.fields import prime_powers, ring_tables
from pairmatch.solvers.terms.tables import TABLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["count_meetings", "known_schedule"]

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def known_schedule(n: int, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the longest schedule that a construction gives for groups of these sizes.

    Parameters
    ----------
    n : int
        Number of seats.
    sizes : tuple of int
        Sizes of the groups, not increasing, with a sum of at most n.

    Returns
    -------
    ndarray of int64, shape (n_rounds, n)
        Group of each seat in each round, -1 for a seat that rests; no rows where nothing is known.

    Notes
    -----
    Round robins for pairs; for groups of q, lines of an affine space over the field of q (Bose
    1938); transversal designs with groups of k on k columns of v seats, and a schedule inside the
    columns (which makes Kirkman's system of 3v from one of v); else base rounds of which all
    shifts are rounds as well (see ``tables``), as Kirkman triple systems (Ray-Chaudhuri and Wilson
    1971, doi:10.1090/pspum/019/9959) and nearly Kirkman ones (Baker and Wilson 1977) often are.

    Examples
    --------
    >>> [len(known_schedule(n, (3,) * (n // 3))) for n in (9, 15, 21, 27, 30, 33)]
    [4, 7, 10, 13, 14, 16]
    >>> len(known_schedule(8, (2,) * 4)), len(known_schedule(16, (4,) * 4))
    (7, 5)
    """
    best = np.empty((0, n), np.int64)
    for schedule in (_from_table(n, sizes), _round_robin(n, sizes), *_of_equal_groups(n, sizes)):
        if schedule is not None and len(schedule) > len(best):
            best = schedule
    return best


def count_meetings(schedule: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each two seats share a group, shape (n, n); 0 on the diagonal."""
    n = schedule.shape[1]
    met = np.zeros((n, n), np.int64)
    for group_of in schedule:
        met += (group_of[:, None] == group_of) & (group_of >= 0)[:, None]
    np.fill_diagonal(met, 0)
    return met


def _round_robin(n: int, sizes: tuple[int, ...]) -> NDArray[np.int64] | None:
    """Everybody against everybody, by turning a circle; with an odd number one seat rests."""
    if set(sizes) != {2} or 2 * len(sizes) < n - 1:
        return None
    around = n - 1 + n % 2
    rounds = np.arange(around)[:, None]
    seats = np.arange(around)[None, :]
    across = (rounds - seats) % around  # two seats of the circle meet when they add up to the round
    group = np.minimum(seats, across)
    alone = across == seats
    if n % 2:
        return _renumber(np.where(alone, -1, group))
    last = np.argmax(alone, axis=1)
    return _renumber(np.column_stack([group, last]))


def _of_equal_groups(n: int, sizes: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Schedules of affine spaces and of transversal designs."""
    k = sizes[0] if sizes else 0
    if k < 3 or set(sizes) != {k} or k * len(sizes) != n:
        return []
    found = []
    prime = prime_powers(k)
    dimension = round(np.log(n) / np.log(k))
    if len(prime) == 1 and k**dimension == n:
        found.append(_affine(k, dimension))
    v = n // k
    if v >= k and min(p**e for p, e in prime_powers(v)) >= k:
        found.append(_transversal(k, v))
    return found


def _affine(q: int, dimension: int) -> NDArray[np.int64]:
    """Parallel lines of the affine space over the field of q, one round a direction."""
    plus, times, _ = ring_tables(q)
    points = np.array(np.unravel_index(np.arange(q**dimension), (q,) * dimension))
    inverse = np.argmax(times == 1, axis=1)
    minus = np.argmax(plus == 0, axis=1)
    rounds = []
    for code in range(1, q**dimension):
        way = np.array(np.unravel_index(code, (q,) * dimension))
        first = int(np.flatnonzero(way)[0])
        if way[first] != 1:
            continue  # a multiple of an earlier direction
        steps = times[minus[points[first]], inverse[way[first]]]
        line = plus[points, times[way[:, None], steps[None, :]]]  # its point with 0 at `first`
        rounds.append(np.ravel_multi_index(tuple(line), (q,) * dimension))
    return _renumber(np.array(rounds))


def _transversal(k: int, v: int) -> NDArray[np.int64]:
    """Form groups with one seat of each of k columns of v, then groups inside the columns.

    The last round has groups of v where v is between k and 2k and no multiple of k.
    """
    plus, times, apart = ring_tables(v)
    minus = np.argmax(plus == 0, axis=1)
    column, value = np.divmod(np.arange(k * v), v)
    rounds = [plus[value, minus[times[apart[column], slope]]] for slope in range(v)]
    inside: list[NDArray[np.int64]] = []
    if v % k == 0:
        part = known_schedule(v, (k,) * (v // k))
        inside = [np.concatenate([row + at * v for at in range(k)]) for row in part]
    elif v < 2 * k:
        inside = [column]  # the columns are groups themselves, larger ones if v > k
    return _renumber(np.array(rounds + inside))


def _from_table(n: int, sizes: tuple[int, ...]) -> NDArray[np.int64] | None:
    """All shifts of the base rounds of a table."""
    entry = TABLES.get((n, sizes))
    if entry is None:
        return None
    shift, n_fixed, bases = entry
    rounds = []
    seat = np.arange(n)
    for text in bases.split("/"):
        base = np.array([_LETTERS.index(letter) for letter in text.lstrip("!")])
        for step in range(1 if text.startswith("!") else shift):
            turned = seat // shift * shift + (seat % shift + step) % shift
            moved = np.where(seat < n - n_fixed, turned, seat)
            row = np.empty(n, np.int64)
            row[moved] = base
            rounds.append(row)
    schedule = np.array(rounds)
    alone = np.array([np.bincount(row)[row] == 1 for row in schedule])
    return _renumber(np.where(alone, -1, schedule))


def _renumber(schedule: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rounds whose groups are numbered by their first seats."""
    numbered = np.full(schedule.shape, -1, np.int64)
    for row, out in zip(schedule, numbered, strict=True):
        _, first, inverse = np.unique(row, return_index=True, return_inverse=True)
        rank = np.empty(first.size, np.int64)
        order = np.argsort(np.where(np.unique(row) < 0, -1, first), kind="stable")
        rank[order] = np.arange(first.size)
        out[:] = np.where(row < 0, -1, rank[inverse.ravel()] - int((row < 0).any()))
    return numbered
