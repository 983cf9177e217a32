"""Whether triads above a mean can make parts of a pool divide by three."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["rule_out_parts"]

_MOST_ACROSS = 5000  # triads across that are listed
_N_CHOICES = 40_000  # choices of them that are looked at
_NEVER = -(2**54)


def rule_out_parts(
    problem: GroupingProblem,
    people: NDArray[np.int64],
    part_of: NDArray[np.int64],
    stated: Fraction,
) -> bool | None:
    """Return whether no disjoint triads above a mean seat all people; None if unclear.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    people : ndarray of int64, shape (n_people,)
        Who is to be seated.
    part_of : ndarray of int64, shape (n,)
        Any division of the pool into parts.
    stated : Fraction
        The mean.

    Notes
    -----
    The triads of a plan within a part seat a multiple of three of its people. So those that cross
    parts have to leave a multiple of three of each. Whether such triads were legal as a whole is
    not asked: more of them only make plans easier.
    """
    if part_of.shape != (problem.n,) or not np.issubdtype(part_of.dtype, np.integer):
        return False
    part = np.unique(part_of[people], return_inverse=True)[1].reshape(-1)
    across = _list_across(problem, people, part, floor(6 * stated) + 1)
    if across is None:
        return None
    wanted = tuple((np.bincount(part) % 3).tolist())
    by_part: list[list[int]] = [[] for _ in wanted]
    for at, row in enumerate(part[across].tolist()):
        for touched in sorted(set(row)):
            by_part[touched].append(at)
    seats, members = part[across].tolist(), [frozenset(row) for row in across.tolist()]
    empty: frozenset[int] = frozenset()
    stack = [(wanted, empty, empty)]
    n_looked = 0
    while stack:
        lacks, busy, shut = stack.pop()
        open_ = [
            [at for at in by_part[touched] if at not in shut and not members[at] & busy]
            for touched, lack in enumerate(lacks)
            if lack
        ]
        if not open_:
            return False
        n_looked += 1
        if n_looked > _N_CHOICES:
            return None
        tried = set(shut)
        for at in min(open_, key=len):  # one of these has to be taken
            tried.add(at)
            after = list(lacks)
            for touched in seats[at]:
                after[touched] = (after[touched] - 1) % 3
            stack.append((tuple(after), busy | members[at], frozenset(tried)))
    return True


def _list_across(
    problem: GroupingProblem, people: NDArray[np.int64], part: NDArray[np.int64], least: int
) -> NDArray[np.int64] | None:
    """Return the triads of several parts with a sum of pairs of at least so much; None if many."""
    inside = np.ix_(people, people)
    pair = (problem.gain + problem.gain.T)[inside]
    pair[~(problem.allowed & problem.allowed.T)[inside]] = _NEVER
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    n_found = 0
    for first in range(people.size - 2):
        later = np.arange(first + 1, people.size)
        own = pair[first, later]
        later = later[own >= least - 2 * int(pair.max())]
        if not later.size:
            continue
        own = pair[first, later]
        whole = pair[np.ix_(later, later)] + own[:, None]
        whole += own
        other = part[later] != part[first]
        alone = ~other[:, None] & ~other & (part[later][:, None] == part[later])
        second, third = np.nonzero(np.triu((whole >= least) & ~alone, 1))
        n_found += second.size
        if n_found > _MOST_ACROSS:
            return None
        found.append(np.column_stack([np.full(second.size, first), later[second], later[third]]))
    return np.concatenate(found)
