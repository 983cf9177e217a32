"""How many places several rounds can have together, from prices, checked group by group."""

from __future__ import annotations

from itertools import combinations
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.group_rules import which_are_legal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import TermPrices

__all__ = ["bound_term_places"]

_N_LOOKED_AT = 1_000_000  # groups of people who get on in pairs, of one size


def bound_term_places(
    problem: GroupingProblem, prices: TermPrices, n_rounds: int, at_most: int
) -> int | None:
    """Return how many places so many rounds can have at most, or None if prices prove nothing.

    Parameters
    ----------
    problem : GroupingProblem
        Sizes, pairs and rules of every round.
    prices : TermPrices
        Prices >= 0 of a person in one round and of one meeting of two people, in parts of a person.
    n_rounds : int
        Rounds of the term.
    at_most : int
        How often two people may meet.

    Notes
    -----
    Every legal group has members and meetings whose prices add up to its size at least; each person
    pays once a round, each pair as often as it may meet. Where all legal groups have sizes with a
    common divisor, so has the number of places.
    """
    n, person, pair, unit = problem.n, prices.person, prices.pair, prices.unit
    if person.shape != (n,) or pair.shape != (n, n) or unit < 1:
        return None
    if (person < 0).any() or (pair < 0).any() or (pair != pair.T).any():
        return None
    top = max(int(person.max(initial=0)), int(pair.max(initial=0)), unit)
    if top * n * n * max(n_rounds, at_most) >= 2**62:
        return None
    allowed = problem.allowed & problem.allowed.T & ~np.eye(n, dtype=bool)
    common, level = 0, np.arange(n)[:, None]
    while len(level) and level.shape[1] < problem.largest:
        grown = _grow(allowed, level)
        if grown is None:
            return None
        level, size = grown, grown.shape[1]
        if size < problem.smallest or not len(level):
            continue
        legal = level[which_are_legal(problem, level)]
        cost = person[legal].sum(axis=1)
        for a, b in combinations(range(size), 2):
            cost = cost + pair[legal[:, a], legal[:, b]]
        if (cost < size * unit).any():
            return None
        common = gcd(common, size) if len(legal) else common
    total = n_rounds * int(person.sum()) + at_most * (int(pair.sum()) // 2)
    most = total // unit
    return most - most % common if common else 0


def _grow(allowed: NDArray[np.bool_], level: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return all groups with one more member, a later one; None if they are too many."""
    parts, n_grown = [np.empty((0, level.shape[1] + 1), np.int64)], 0
    everyone = np.arange(len(allowed))
    for first in range(0, len(level), 4096):
        some = level[first : first + 4096]
        fits = everyone > some[:, -1:]
        for column in some.T:
            fits &= allowed[column]
        row, new = np.nonzero(fits)
        parts.append(np.column_stack([some[row], new]))
        n_grown += row.size
        if n_grown > _N_LOOKED_AT:
            return None
    return np.concatenate(parts)
