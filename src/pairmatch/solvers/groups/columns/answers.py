"""Answers in the terms of the whole pool: numbers of groups, cases, and the trivial cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.solution import GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.pools import TriadPrices
    from pairmatch.solvers.groups.basis.search import Plan
    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.columns.bounds import Priced
    from pairmatch.solvers.groups.columns.cases import Proof
    from pairmatch.solvers.problem import GroupingProblem

__all__ = [
    "best_proof",
    "finish_small",
    "gap_of",
    "number_groups",
    "place_nobody",
    "plain_case",
    "proof_of_matching",
    "spread_over",
    "widen_case",
]


def proof_of_matching(
    case: GroupPrices, n: int, people: NDArray[np.int64], plan: Plan
) -> tuple[int, NDArray[np.int64], tuple[GroupPrices, ...], str]:
    """Return what the prices of a matching prove about as many people, as ``best_proof`` does."""
    person = np.sort(case.person)[case.person.size - 2 * plan.n_groups :]
    sets = case.set_price @ (case.sets.sum(axis=1) // 2)
    bound = int(person.sum() + sets) // case.unit
    prices = spread_over(n, people, -(-case.person // case.unit))
    how = f"prices of people and of {len(case.sets)} odd sets"
    return bound, prices, (widen_case(case, n, people),), how


def best_proof(
    n: int,
    people: NDArray[np.int64],
    plan: Plan,
    priced: Priced,
    proof: Proof | None,
    fine: TriadPrices | None,
    columns: tuple[int, GroupPrices] | None,
) -> tuple[int, NDArray[np.int64], tuple[GroupPrices, ...], str]:
    """Return the best bound of several, its prices and cases for the whole pool, and its origin.

    Parameters
    ----------
    n : int
        People in the whole pool.
    people : ndarray of int64
        Those who can be placed.
    plan : Plan
        The grouping that the bound is about.
    priced : Priced
        Prices of people, which always prove something.
    proof : Proof or None
        Cases with prices of sets.
    fine : TriadPrices or None
        Prices of people in fractions, where all groups are triads.
    columns : tuple of int and GroupPrices, or None
        A bound from all legal groups, and its prices.
    """
    prices = spread_over(n, people, priced.price)
    known = None if proof is None else proof.bound
    if proof is not None and known is not None and known < priced.bound:
        cases = tuple(widen_case(case, n, people) for case in proof.cases())
        n_sets = max(len(case.sets) for case in cases)
        how = f"prices of people and of up to {n_sets} sets, {len(cases)} case"
        return known, prices, cases, how + ("s" if len(cases) > 1 else "")
    if fine is not None and fine.bound < priced.bound:
        case = widen_case(plain_case(fine.price, fine.unit), n, people)
        return fine.bound, prices, (case,), "prices of people against triads"
    if columns is not None and columns[0] < priced.bound:
        bound, found = columns
        case = widen_case(found, n, people)
        return bound, prices, (case,), "prices of people and sizes against all legal groups"
    against = "triads" if min(table.shape[1] for table in plan.tables) == 3 else "pairs"
    return priced.bound, prices, (), f"prices of people against {against}"


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
