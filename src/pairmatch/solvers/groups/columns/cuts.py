"""Sets of people that fractional groupings overuse.

Disjoint groups contain at most ``|S| // d`` times d people of a set S. A fractional grouping may
have more: three people of whom every two are half together (d = 2), a community with an odd number
of people who are all in pairs and fours of it (d = 2), or one whose size is no multiple of that of
the groups that are all inside (d = that size). These are rank-one Chvatal-Gomory cuts of the
set-partition problem (those of three people are the subset-row cuts of Jepsen et al.,
doi:10.1287/opre.1070.0449); anyone can check their prices.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["choose_unlike", "find_overused_sets"]

_TOLERANCE = 1e-3
_N_DEALS = 24  # random contractions
_N_KEPT = 60  # sets improved by local search
_N_MOVES = 4  # steps of it
_ALIKE = 50  # sets are alike where one person in so many is in only one of them
_N_ALIKE = 3  # sets kept of those that are alike


def find_overused_sets(
    n: int,
    tables: Sequence[NDArray[np.int64]],
    shares: Sequence[NDArray[np.float64]],
    rng: np.random.Generator,
    n_most: int,
    divisors: Sequence[int],
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return sets of people, with divisors, whose inequality a fractional grouping violates.

    Parameters
    ----------
    n : int
        Number of people.
    tables : sequence of ndarray of int64, shapes (m, size)
        Groups that the fractional grouping uses.
    shares : sequence of ndarray of float64, shapes (m,)
        How much of each it uses, >= 0.
    rng : Generator
        Randomness of the search for communities.
    n_most : int
        Largest number of sets of each kind, the most overused first.
    divisors : sequence of int
        Those of communities; sets of three, with divisor 2, are looked for in any case.

    Returns
    -------
    sets : ndarray of bool, shape (n_sets, n)
        The sets, each once with a divisor.
    divisor : ndarray of int64, shape (n_sets,)
        Their divisors.
    """
    used = [share > _TOLERANCE / 10 for share in shares]
    tables = [table[some] for table, some in zip(tables, used, strict=True)]
    shares = [share[some] for share, some in zip(shares, used, strict=True)]
    found = [_find_overused_threes(n, tables, shares, n_most)]
    of = [np.full(len(found[0]), 2, np.int64)]
    near = _communities(n, tables, shares, rng)
    for divisor in divisors:
        sets = _overused_communities(near, tables, shares, divisor, n_most)
        if divisor == 2:
            sets = sets[sets.sum(axis=1) > 3]
        found.append(sets)
        of.append(np.full(len(sets), divisor, np.int64))
    return np.concatenate(found), np.concatenate(of)


def _pair_shares(
    n: int, tables: Sequence[NDArray[np.int64]], shares: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return how much each two people are together."""
    together = np.zeros((n, n))
    for table, share in zip(tables, shares, strict=True):
        for a, b in combinations(range(table.shape[1]), 2):
            np.add.at(together, (table[:, a], table[:, b]), share)
    return together + together.T


def _find_overused_threes(
    n: int,
    tables: Sequence[NDArray[np.int64]],
    shares: Sequence[NDArray[np.float64]],
    n_most: int,
) -> NDArray[np.bool_]:
    """Return sets of three of which fractional groups contain two or more more than once."""
    together = _pair_shares(n, tables, shares)
    whole: dict[tuple[int, ...], float] = {}
    for table, share in zip(tables, shares, strict=True):
        for row, value in zip(np.sort(table, axis=1).tolist(), share.tolist(), strict=True):
            for part in combinations(row, 3):
                whole[part] = whole.get(part, 0.0) + value
    found: dict[tuple[int, ...], float] = {}
    for i in range(n):
        near = np.flatnonzero(together[i] > 0)
        inside = together[np.ix_(near, near)] + together[i, near][:, None] + together[i, near]
        for a, b in zip(*np.nonzero(np.triu(inside > 1 + _TOLERANCE, 1)), strict=True):
            three = tuple(sorted((i, int(near[a]), int(near[b]))))
            # a group of all three was counted with each of its pairs
            found[three] = float(inside[a, b]) - 2 * whole.get(three, 0.0) - 1
    ranked = sorted((-over, three) for three, over in found.items() if over > _TOLERANCE)
    sets = np.zeros((min(n_most, len(ranked)), n), bool)
    for row, (_, three) in enumerate(ranked[:n_most]):
        sets[row, list(three)] = True
    return sets


def _overused_communities(
    sets: NDArray[np.bool_],
    tables: Sequence[NDArray[np.int64]],
    shares: Sequence[NDArray[np.float64]],
    divisor: int,
    n_most: int,
) -> NDArray[np.bool_]:
    """Return sets near some of which fractional groups hold more than the divisor allows."""
    share = np.concatenate(shares)
    incidence = np.zeros((sets.shape[1], share.size), np.float32)
    first = 0
    for table in tables:
        for column in table.T:
            incidence[column, first + np.arange(len(table))] = 1
        first += len(table)

    def over(sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        inside = (sets.astype(np.float32) @ incidence).astype(np.uint16) // np.uint16(divisor)
        excess: NDArray[np.float64] = inside @ share - sets.sum(axis=1) // divisor
        return excess

    if not len(sets):
        return sets
    sets = _sorted_unique(np.concatenate([sets, ~sets]))
    excess = over(sets)
    for _ in range(_N_MOVES):  # one person in or out, from the most promising sets
        order = choose_unlike(sets, excess, _N_KEPT)
        sets, excess = sets[order], excess[order]
        near = np.concatenate(
            [_best_neighbours(row, incidence, share, divisor) for row in sets[: _N_KEPT // 2]]
        )
        sets = _sorted_unique(np.concatenate([sets, near]))
        excess = over(sets)
    order = choose_unlike(sets, excess, n_most)
    return sets[order[excess[order] > _TOLERANCE]]


def choose_unlike(
    sets: NDArray[np.bool_], excess: NDArray[np.float64], n_most: int
) -> NDArray[np.int64]:
    """Return the most overused sets, only a few of those that differ in hardly anybody.

    Parameters
    ----------
    sets : ndarray of bool, shape (n_sets, n)
        Sets of people; one and its complement are alike as well.
    excess : ndarray of float64, shape (n_sets,)
        By how much each is overused.
    n_most : int
        Sets to choose, at most.

    Returns
    -------
    ndarray of int64, shape (n_chosen,)
        Their rows, the most overused first.
    """
    order = np.argsort(-excess, kind="stable")[: 5 * n_most]
    rows = sets[order].astype(np.float32)
    size = rows.sum(axis=1)
    apart = size[:, None] + size[None, :] - 2 * (rows @ rows.T)
    alike = np.minimum(apart, sets.shape[1] - apart) <= sets.shape[1] // _ALIKE
    kept: list[int] = []
    n_alike = np.zeros(order.size, np.int64)
    for at in range(order.size):
        if n_alike[at] < _N_ALIKE:
            kept.append(at)
            n_alike += alike[at]
        if len(kept) == n_most:
            break
    return order[kept]


def _best_neighbours(
    row: NDArray[np.bool_],
    incidence: NDArray[np.float32],
    share: NDArray[np.float64],
    divisor: int,
) -> NDArray[np.bool_]:
    """Return the two sets that differ in one person and are most overused."""
    count = (row.astype(np.float32) @ incidence).astype(np.int64)
    whole = float((count // divisor) @ share)
    loses = (share * (count % divisor == 0)).astype(np.float32)  # with a person less
    lacks = (share * (count % divisor == divisor - 1)).astype(np.float32)  # with one more
    size = int(row.sum())
    without = whole - incidence @ loses - (size - 1) // divisor
    with_it = whole + incidence @ lacks - (size + 1) // divisor
    excess = np.where(row, without, with_it)
    few = np.argsort(-excess, kind="stable")[:2]
    near = np.repeat(row[None], 2, axis=0)
    near[np.arange(2), few] ^= True
    return near


def _sorted_unique(sets: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the different rows in a fixed order."""
    packed = np.packbits(sets, axis=1)
    _, first = np.unique(packed, axis=0, return_index=True)
    return sets[first]


def _communities(
    n: int,
    tables: Sequence[NDArray[np.int64]],
    shares: Sequence[NDArray[np.float64]],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Return sets that grow together when random pairs are contracted, heavy pairs early."""
    together = np.triu(_pair_shares(n, tables, shares))
    first, second = np.nonzero(together)
    weight = together[first, second]
    found: dict[frozenset[int], None] = {}
    for deal in range(_N_DEALS):
        late = -weight if not deal else rng.exponential(size=weight.size) / weight
        label = list(range(n))
        members = [[person] for person in range(n)]
        for pair in np.argsort(late, kind="stable").tolist():
            a, b = label[first[pair]], label[second[pair]]
            if a == b:
                continue
            if len(members[a]) < len(members[b]):
                a, b = b, a
            for person in members[b]:
                label[person] = a
            members[a] += members[b]
            if 3 < len(members[a]) < n - 3:
                found[frozenset(members[a])] = None
    sets = np.zeros((len(found), n), bool)
    for row, people in enumerate(found):
        sets[row, sorted(people)] = True
    return sets
