"""What prices of people and of sets prove about groupings, computed again from nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["bound_case", "cover_everything", "narrow_case"]


def narrow_case(case: GroupPrices, able: NDArray[np.int64]) -> GroupPrices:
    """Return the case for some of the people; decisions about others mean nothing."""
    row_of = {person: row for row, person in enumerate(able.tolist())}
    kept = []
    for pairs in (case.together, case.apart):
        rows = [(row_of.get(a, -1), row_of.get(b, -1)) for a, b in pairs.tolist()]
        kept.append(np.array(rows, np.int64).reshape(-1, 2))
    return replace(
        case,
        person=case.person[able],
        sets=case.sets[:, able],
        together=kept[0],
        apart=kept[1],
    )


def cover_everything(cases: tuple[GroupPrices, ...]) -> bool:
    """Return whether every grouping falls into some case.

    Cases cover everything if one of them has no decision, or if those that keep some pair
    together cover everything that does so, and those that do not cover the rest.
    """

    def covered(decisions: list[dict[tuple[int, int], bool]]) -> bool:
        if any(not decided for decided in decisions):
            return True
        if not decisions:
            return False
        pairs = [pair for pair in decisions[0] if all(pair in other for other in decisions)]
        for pair in pairs[:1]:
            halves: tuple[list[dict[tuple[int, int], bool]], ...] = ([], [])
            for decided in decisions:
                rest = {key: kept for key, kept in decided.items() if key != pair}
                halves[decided[pair]].append(rest)
            return covered(halves[0]) and covered(halves[1])
        return False

    told: list[dict[tuple[int, int], bool]] = []
    for case in cases:
        decided: dict[tuple[int, int], bool] = {}
        for pairs, kept in ((case.together, True), (case.apart, False)):
            for a, b in pairs.tolist():
                decided[min(a, b), max(a, b)] = kept
        if len(decided) < len(case.together) + len(case.apart):
            return False
        told.append(decided)
    return covered(told)


def bound_case(
    problem: GroupingProblem, case: GroupPrices, sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the bound that the prices of one case prove, or None if they prove nothing."""
    n_sets = len(case.sets)
    if case.set_price.shape != (n_sets,) or case.divisor.shape != (n_sets,):
        return None
    if case.unit < 1 or (case.set_price < 0).any() or (case.divisor < 1).any():
        return None
    smallest = sizes[0]
    n_placed = sum(sizes)
    person = case.person.astype(np.int64)
    links = _pair_links(problem, person, scale * case.unit)
    if smallest != 3:
        if case.set_price.any():
            return None
        top = np.sort(links, axis=1)[:, problem.n - smallest + 1 :].sum(axis=1)
        return _add_up(person, top, 2 * (smallest - 1), n_placed, 0) // case.unit
    excess = _triad_excess(problem, case, links, scale * case.unit)
    sets = int((case.set_price * (case.sets.sum(axis=1) // case.divisor)).sum())
    extra = 0
    if sizes[-1] > 3:
        if case.set_price.any() or case.together.size or case.apart.size:
            return None
        raised = person + -(-excess // 3)
        if problem.objective == "worst_rotation":
            extra = _larger_excess(problem, raised, sizes, scale * case.unit)
        return (int(np.sort(raised)[problem.n - n_placed :].sum()) + extra) // case.unit
    return (_add_up(person, excess, 3, n_placed, 0) + sets) // case.unit


def _add_up(
    person: NDArray[np.int64], more: NDArray[np.int64], divisor: int, n_placed: int, extra: int
) -> int:
    """Return the sum of ``person + more / divisor`` over the people with the largest, floored."""
    full = np.sort(person * divisor + more)[person.size - n_placed :]
    return int(full.sum()) // divisor + extra


def _pair_links(
    problem: GroupingProblem, person: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """Return twice what each pair adds to the reduced mean value of a triad; low if forbidden."""
    links = (problem.gain + problem.gain.T) * factor - person[:, None] - person[None, :]
    forbidden = ~(problem.allowed & problem.allowed.T)
    np.fill_diagonal(forbidden, val=True)
    links[forbidden] = -(2**54)
    return links


def _triad_excess(
    problem: GroupingProblem, case: GroupPrices, links: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """Return by how much the worst triad of each person exceeds its prices, at least 0.

    A triad of i < j < k is skipped only if its pair (i, j) with the best pairs of i and of j, or
    its pair (i, k) with the best ones of i and of k, cannot reach a positive excess.
    """
    n = problem.n
    excess = np.zeros(n, np.int64)
    best = links.max(axis=1)
    gain = problem.gain
    for i in range(n - 2):
        reach = links[i, i + 1 :] + best[i] + best[i + 1 :] > 0
        others = np.flatnonzero(reach) + i + 1
        if others.size < 2:
            continue
        inside = links[np.ix_(others, others)]
        twice = inside + links[i, others][:, None] + links[i, others][None, :]
        row, column = np.nonzero(np.triu(twice > 0, 1))
        if not row.size:
            continue
        j, k = others[row], others[column]
        value = twice[row, column] // 2
        if problem.objective == "worst_rotation":
            given = np.stack(
                [gain[j, i] + gain[k, i], gain[i, j] + gain[k, j], gain[i, k] + gain[j, k]]
            )
            prices = case.person[i] + case.person[j] + case.person[k]
            value = 3 * given.min(axis=0) * (factor // 2) - prices
        over = np.flatnonzero(value > 0)
        over = over[_in_case(case, i, j[over], k[over])]
        j, k, value = j[over], k[over], value[over]
        if not over.size:
            continue
        for at in np.flatnonzero(case.set_price):
            member = case.sets[at]
            count = int(member[i]) + member[j].astype(np.int64) + member[k]
            value = value - case.set_price[at] * (count // case.divisor[at])
        excess[i] = max(excess[i], value.max(initial=0))
        np.maximum.at(excess, j, value)
        np.maximum.at(excess, k, value)
    return excess


def _in_case(
    case: GroupPrices, i: int, j: NDArray[np.int64], k: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which triads i, j, k respect the decisions of the case."""
    fits = np.ones(j.size, bool)
    for pairs, n_wrong in ((case.together, 1), (case.apart, 2)):
        for a, b in pairs.tolist():
            n_in = int(i in (a, b)) + ((j == a) | (j == b)).astype(np.int64) + ((k == a) | (k == b))
            fits &= n_in != n_wrong
    return fits


def _larger_excess(
    problem: GroupingProblem, person: NDArray[np.int64], sizes: tuple[int, ...], factor: int
) -> int:
    """Return what groups of four and more can exceed the prices by, all together."""
    extra = 0
    for size in sorted(set(sizes) - {3}):
        links = _pair_links(problem, person, factor)
        best = np.sort(links, axis=1)[:, problem.n - size + 1 :].sum(axis=1)
        full = np.sort(best)[problem.n - size :].sum()
        extra += sizes.count(size) * max(0, -(-int(full) // (2 * (size - 1))))
    return extra
