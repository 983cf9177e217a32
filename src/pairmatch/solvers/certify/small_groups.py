"""Small pools enumerated: the most people that can be placed, and the best value."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.group_rules import find_broken_rules
from pairmatch.solvers.solution import PLACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupPrices

__all__ = [
    "best_by_enumeration",
    "bound_by_places",
    "group_value",
    "most_by_size",
    "most_placed",
    "narrow_case",
]

_N_LOOKED_AT = 400_000  # groups of people who get on
_N_SHORT = 20_000  # of these, groups whose rules are asked again one by one


def group_value(problem: GroupingProblem, members: list[int], scale: int) -> int:
    """Return the scaled value of one group, times its number of members."""
    size = len(members)
    given = [
        sum(int(problem.gain[b, a]) for b in members if b != a) for a in members
    ]  # by each as coach
    if problem.objective == "worst_rotation":
        return size * min(given) * (scale // (size - 1))
    return sum(given) * (scale // (size - 1))


def most_by_size(n: int, smallest: int, largest: int, most_groups: int) -> int:
    """Return how many of n people fit into groups of allowed sizes."""
    counts = range(1, min(n // smallest, most_groups) + 1)
    return max((min(n, count * largest) for count in counts), default=0)


def most_placed(problem: GroupingProblem, able: NDArray[np.int64]) -> int:
    """Return the exact largest number of people placed, by enumeration."""

    @cache
    def legal(members: tuple[int, ...]) -> bool:
        return not find_broken_rules(problem, members)

    @cache
    def most(left: tuple[int, ...]) -> int:
        if len(left) < problem.smallest:
            return 0
        first, others = left[0], left[1:]
        best = most(others)
        friends = [p for p in others if problem.allowed[first, p] and problem.allowed[p, first]]
        for size in range(problem.smallest, min(problem.largest, len(friends) + 1) + 1):
            for rest in combinations(friends, size - 1):
                if best == len(left):
                    return best
                if legal((first, *rest)):
                    remaining = tuple(p for p in others if p not in rest)
                    best = max(best, size + most(remaining))
        return best

    return most(tuple(able.tolist()))


def best_by_enumeration(
    problem: GroupingProblem, able: NDArray[np.int64], sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the exact best value of a grouping into groups of these sizes."""

    @cache
    def worth(members: tuple[int, ...]) -> int | None:
        if find_broken_rules(problem, members):
            return None
        return group_value(problem, list(members), scale)

    @cache
    def best(left: tuple[int, ...], to_form: tuple[int, ...]) -> int | None:
        if not to_form:
            return 0
        n_spare = len(left) - sum(to_form)
        if n_spare < 0:
            return None
        first, others = left[0], left[1:]
        found = best(others, to_form) if n_spare else None
        for size in sorted(set(to_form)):
            position = to_form.index(size)
            later = to_form[:position] + to_form[position + 1 :]
            for rest in combinations(others, size - 1):
                value = worth((first, *rest))
                if value is None:
                    continue
                more = best(tuple(p for p in others if p not in rest), later)
                if more is not None and (found is None or value + more > found):
                    found = value + more
        return found

    return best(tuple(able.tolist()), sizes)


def bound_by_places(
    problem: GroupingProblem, places: NDArray[np.int64], able: NDArray[np.int64]
) -> int | None:
    """Return the number of people that prices of places prove, or None if they prove nothing.

    Every group of a legal size among the able people whose members get on in pairs is looked at;
    one that is legal as a whole must have prices that add up to its size at least.
    """
    if places.shape != (problem.n,) or (places < 0).any():
        return None
    allowed = problem.allowed & problem.allowed.T
    size, level = 1, able[:, None]
    while len(level) and size < problem.largest:
        grown, n_grown = [], 0
        for group in level:
            friends = able[(able > group[-1]) & allowed[np.ix_(group, able)].all(axis=0)]
            grown.append(np.column_stack([np.tile(group, (friends.size, 1)), friends]))
            n_grown += friends.size
            if n_grown > _N_LOOKED_AT:
                return None
        level, size = np.concatenate(grown), size + 1
        if size >= problem.smallest:
            short = level[places[level].sum(axis=1) < size * PLACE]
            if len(short) > _N_SHORT:
                return None
            if any(not find_broken_rules(problem, group) for group in short.tolist()):
                return None
    return int(places[able].sum()) // PLACE


def narrow_case(case: GroupPrices, able: NDArray[np.int64]) -> GroupPrices:
    """Return the case for some of the people; decisions about others mean nothing."""
    row_of = {person: row for row, person in enumerate(able.tolist())}
    together, apart = (
        np.array([[row_of.get(a, -1) for a in pair] for pair in pairs.tolist()], np.int64)
        for pairs in (case.together, case.apart)
    )
    person, sets = case.person[able], case.sets[:, able]
    return replace(case, person=person, sets=sets, together=together, apart=apart)
