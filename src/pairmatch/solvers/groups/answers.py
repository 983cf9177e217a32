"""Answers in the terms of the whole pool: numbers of groups, cases, and the trivial cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.solution import GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues
    from pairmatch.solvers.problem import GroupingProblem

__all__ = [
    "bound_of_matching",
    "finish_small",
    "gap_of",
    "number_groups",
    "place_nobody",
    "plain_case",
    "spread_over",
    "widen_case",
]


def bound_of_matching(case: GroupPrices, n_placed: int) -> int:
    """Return what the prices of a matching prove about as many people."""
    people = np.sort(case.person)[case.person.size - n_placed :]
    sets = case.set_price @ (case.sets.sum(axis=1) // 2)
    return int(people.sum() + sets) // case.unit


def plain_case(price: NDArray[np.int64], unit: int) -> GroupPrices:
    """Return the only case, with prices of people alone."""
    none, no_sets = np.zeros(0, np.int64), np.zeros((0, price.size), bool)
    return GroupPrices(price, unit, no_sets, none, none)


def widen_case(case: GroupPrices, n: int, people: NDArray[np.int64]) -> GroupPrices:
    """Return the case of some people in the numbers of the whole pool."""
    if people.size == n:
        return case
    person = np.full(n, min(0, int(case.person.min(initial=0))))  # never among the dearest
    person[people] = case.person
    sets = np.zeros((len(case.sets), n), bool)
    sets[:, people] = case.sets
    pairs = people[case.together], people[case.apart]
    return replace(case, person=person, sets=sets, together=pairs[0], apart=pairs[1])


def spread_over(n: int, people: NDArray[np.int64], amount: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an amount for each of n people; those outside have the least, and no more than 0."""
    every = np.full(n, min(0, int(amount.min(initial=0))))
    every[people] = amount
    return every


def number_groups(
    n: int, people: NDArray[np.int64], groups: list[tuple[int, ...]]
) -> NDArray[np.int64]:
    """Return the group of each person, numbered by smallest member."""
    group_of = np.full(n, -1, np.int64)
    for number, members in enumerate(sorted(groups, key=min)):
        group_of[people[list(members)]] = number
    return group_of


def place_nobody(problem: GroupingProblem, scale: int, status: Status) -> GroupingSolution:
    """Return the grouping without a group."""
    nobody = np.full(problem.n, -1, np.int64)
    return GroupingSolution(nobody, 0, scale, "no group, nothing to gain", status, "none")


def finish_small(
    problem: GroupingProblem,
    values: GroupValues,
    people: NDArray[np.int64],
    groups: list[tuple[int, ...]],
) -> GroupingSolution:
    """Return the optimum of a small pool."""
    bound = sum(int(values.of_groups(np.array([group])).sum()) for group in groups)
    return GroupingSolution(
        number_groups(problem.n, people, groups),
        bound,
        values.scale,
        "enumeration of subsets",
        Status.OPTIMAL,
        "dynamic programming over subsets",
    )


def gap_of(worth: int, bound: int) -> float:
    """Return the gap of a bound."""
    return (bound - worth) / max(1, abs(bound))
