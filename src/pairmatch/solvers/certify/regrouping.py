"""Whether groups after changes keep enough people, and how good any such groups could be."""

from __future__ import annotations

from itertools import combinations
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.company import bound_company
from pairmatch.solvers.certify.group_rules import find_broken_rules, which_are_legal
from pairmatch.solvers.certify.groups import bound_groupings
from pairmatch.solvers.certify.large_groups import bound_large, certify_large
from pairmatch.solvers.certify.small_groups import group_value
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import Certificate, GroupingSolution, GroupPrices, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import StreamedGrouping
    from pairmatch.solvers.solution import CompanyPrices

__all__ = ["certify_regrouping", "kept_in", "share_company", "share_people"]

_FEW = 13  # people whose groups are all enumerated
_MOST_WHOLE = 400  # people up to whom the limit tells in the bound
_LOW = -(2**56)


def kept_in(members: Sequence[int], company: NDArray[np.int64]) -> int:
    """Return how many members are in a group that goes on from their old one.

    It goes on from an old group if more than half of the people of that one are in it; from the
    one that most of its members come from.
    """
    return _count_kept(members, company, np.bincount(company[company >= 0], minlength=1))


def _count_kept(
    members: Sequence[int], company: NDArray[np.int64], n_before: NDArray[np.int64]
) -> int:
    """Return the same, for old groups of so many people."""
    marks = [int(company[i]) for i in members if company[i] >= 0]
    counts = [marks.count(mark) for mark in marks if 2 * marks.count(mark) > n_before[mark]]
    return max(counts, default=0)


def certify_regrouping(
    problem: GroupingProblem | StreamedGrouping,
    company: NDArray[np.int64],
    n_kept: int,
    groups: Sequence[Sequence[int]],
    prices: CompanyPrices | None = None,
) -> Certificate:
    """Check groups after changes, and bound all others that keep as many people.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        The pool as it is now.
    company : ndarray of int64, shape (n,)
        Old group of whoever could keep it, -1 for all others.
    n_kept : int
        How many people must be in a group that goes on from their old one.
    groups : sequence of sequence of int
        What was answered.
    prices : CompanyPrices, optional
        Prices of people and of changes; any give a valid bound.

    Returns
    -------
    Certificate
        The bound is for groups that place as many people in sizes as near to the target. Above
        400 people it is for any number of changes.

    Raises
    ------
    CertificateError
        If a group breaks a rule, somebody is in two, too few keep theirs, or more could be placed.
    """
    seen = [i for group in groups for i in group]
    faults = ["somebody is in two groups."] if len(set(seen)) < len(seen) else []
    for number, group in enumerate(groups):
        if not problem.smallest <= len(group) <= problem.largest:
            faults.append(f"group {number} has {len(group)} members.")
        if isinstance(problem, GroupingProblem):
            told = find_broken_rules(problem, list(group))
            faults += [f"group {number}: {what}" for what in told]
    n_before = np.bincount(company[company >= 0], minlength=1)
    kept = sum(_count_kept(group, company, n_before) for group in groups)
    if kept < n_kept:
        faults.append(f"{kept} people keep their group, fewer than {n_kept}.")
    if prices is not None and prices.charge < 0:
        faults.append("the charge for a change is below 0.")
    if faults:
        raise CertificateError("the groups after changes do not hold", [Fault(f) for f in faults])
    scale = lcm(*(size - 1 for size in range(problem.smallest, problem.largest + 1)))
    if not isinstance(problem, GroupingProblem) or problem.n > _MOST_WHOLE:
        return _certify_large(problem, groups, scale, prices)
    objective = sum(group_value(problem, list(group), scale) for group in groups)
    if problem.n <= _FEW:
        placed, off, value = _best_of_all(problem, company, n_kept, scale)
        mine = sum((len(group) - problem.target) ** 2 for group in groups)
        bound = value if (placed, off) == (len(seen), mine) else None
        return Certificate(objective, bound, len(seen), placed, scale)
    bound = None
    if prices is not None and prices.shared:
        bound = share_company(problem, company, n_kept, prices.person, prices.charge)[0]
    elif prices is not None:
        sizes = [len(group) for group in groups]
        bound = bound_company(problem, company, n_kept, sizes, prices, objective)
    if bound is not None and bound < objective:  # pragma: no cover - a bound of every such plan
        raise CertificateError("the bound does not hold", [Fault("it is below the objective.")])
    return Certificate(objective, bound, len(seen), problem.n, scale)


def _certify_large(
    problem: GroupingProblem | StreamedGrouping,
    groups: Sequence[Sequence[int]],
    scale: int,
    prices: CompanyPrices | None,
) -> Certificate:
    """Return what groups of a large pool are worth; the bound is for any number of changes."""
    group_of = np.full(problem.n, -1, np.int64)
    for number, group in enumerate(groups):
        group_of[list(group)] = number
    sizes = tuple(sorted(len(group) for group in groups))
    none = np.zeros(0, np.int64)
    case = None
    if prices is not None and prices.charge == 0 and sizes:
        no_sets = np.zeros((0, problem.n), np.bool_)
        case = GroupPrices(prices.person, prices.unit, no_sets, none, none)
    bound = None
    if isinstance(problem, GroupingProblem):
        objective = sum(group_value(problem, list(group), scale) for group in groups)
        if case is not None:
            told = "prices", Status.FEASIBLE, ""
            stated = GroupingSolution(group_of, None, scale, *told, cases=(case,))
            bound = bound_groupings(problem, stated, sizes)
    else:
        stated = GroupingSolution(group_of, None, scale, "none", Status.FEASIBLE, "")
        objective = certify_large(problem, stated).objective
        if case is not None:
            bound = bound_large(problem, case, sizes, scale)
    return Certificate(objective, bound, sum(sizes), problem.n, scale)


def _best_of_all(
    problem: GroupingProblem, company: NDArray[np.int64], n_kept: int, scale: int
) -> tuple[int, int, int]:
    """Return people placed, squared distance from the target size, and value of the best groups.

    Sets of people in increasing order; the last person of a set stays out or is in some group.
    """
    n = problem.n
    listed: list[list[tuple[int, int, int, int]]] = [[] for _ in range(n)]
    for size in range(problem.smallest, min(problem.largest, n) + 1):
        groups = np.array(list(combinations(range(n), size)), np.int64)
        for a, b in combinations(range(size), 2):
            left, right = groups[:, a], groups[:, b]
            groups = groups[problem.allowed[left, right] & problem.allowed[right, left]]
        for group in groups[which_are_legal(problem, groups)].tolist():
            bits = sum(1 << i for i in group)
            off = (size - problem.target) ** 2
            worth = group_value(problem, group, scale)
            listed[group[-1]].append((bits, kept_in(group, company), size * 10**4 - off, worth))
    arrays = [np.array(lines, np.int64).reshape(-1, 4) for lines in listed]
    first = np.full((2**n, n + 1), _LOW)  # people and sizes, then values among equals
    second = np.zeros((2**n, n + 1), np.int64)
    first[0, 0] = 0
    for chosen in range(1, 2**n):
        last = chosen.bit_length() - 1
        rest = chosen ^ 1 << last
        first[chosen], second[chosen] = first[rest], second[rest]
        lines = arrays[last]
        lines = lines[lines[:, 0] & chosen == lines[:, 0]]
        if not len(lines):
            continue
        for kept in np.unique(lines[:, 1]).tolist():
            some = lines[lines[:, 1] == kept]
            before = chosen ^ some[:, 0]
            sizes = first[before, : n + 1 - kept] + some[:, 2, None]
            value = second[before, : n + 1 - kept] + some[:, 3, None]
            top = sizes.max(axis=0)
            most = np.where(sizes == top, value, _LOW).max(axis=0)
            mine, own = first[chosen, kept:], second[chosen, kept:]
            better = (top > mine) | ((top == mine) & (most > own))
            mine[better], own[better] = top[better], most[better]
    code, value = max(
        (int(a), int(b)) for a, b in zip(first[-1, n_kept:], second[-1, n_kept:], strict=True)
    )
    placed = -(-code // 10**4)
    return placed, placed * 10**4 - code, value


def share_company(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    n_kept: int,
    price: NDArray[np.int64],
    charge: int,
) -> tuple[int, NDArray[np.float64]]:
    """Return a bound on groups that keep so many people, and how it moves with the prices.

    Notes
    -----
    Twice the value of a group of k is the sum over its members i of ``price_i`` plus the mean of
    ``gain_ij + gain_ji - price_j`` over the k - 1 others. Nobody can have more than with the best
    others; and whoever keeps the old group has at least half of its people among them. The charge
    is paid out to whoever keeps the group, and taken back for the number that has to.
    """
    share, use = _share(problem, company, price, charge)
    active = share > 0
    slope = active - use[active].sum(axis=0)
    bound = (int(share[active].sum()) - 2 * charge * n_kept) // 2
    return bound, slope


def share_people(problem: GroupingProblem, price: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each person brings at most to any group; no group is worth more than its people.

    Parameters
    ----------
    problem : GroupingProblem
        The problem; what it asks of whole groups is not looked at.
    price : ndarray of int64, shape (n,)
        Price of the company of each person.

    Returns
    -------
    ndarray of int64, shape (n,)
        In halves of the unit of :func:`share_company`, never below 0.

    Notes
    -----
    As there, with nobody who was in a group before.
    """
    share, _ = _share(problem, np.full(problem.n, -1, np.int64), price, 0)
    return np.maximum(share, 0)


def _share(
    problem: GroupingProblem, company: NDArray[np.int64], price: NDArray[np.int64], charge: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return twice what each person brings at most, and how often it takes the price of others."""
    n = problem.n
    sizes = range(problem.smallest, problem.largest + 1)
    scale = lcm(*(size - 1 for size in sizes))
    both = problem.allowed & problem.allowed.T & ~np.eye(n, dtype=bool)
    pair = (problem.gain + problem.gain.T).astype(np.int64)
    low = _LOW // (8 * scale * problem.largest)
    worth = np.where(both, pair - price, low)
    least = problem.smallest - 1
    order = np.argpartition(-worth, min(least, n - 1) - 1, axis=1)[:, :least]
    share = scale * price + (scale // least) * np.take_along_axis(worth, order, axis=1).sum(axis=1)
    use = np.zeros((n, n), np.float64)
    np.put_along_axis(use, order, 1.0 / least, axis=1)
    size_of = np.bincount(company[company >= 0], minlength=1)
    stays = np.flatnonzero(company >= 0)
    fellow = company[stays, None] == company[None, :]
    fellow[np.arange(len(stays)), stays] = False
    half = size_of[company[stays]] // 2
    for r in np.unique(half).tolist():
        rows = stays[half == r]
        theirs = np.where(fellow[half == r], worth[rows], 2 * low)
        taken = np.argsort(-theirs, axis=1, kind="stable")[:, :r]
        own = np.take_along_axis(theirs, taken, axis=1).sum(axis=1)
        others = worth[rows].copy()
        np.put_along_axis(others, taken, np.int64(low), axis=1)
        ranked = np.argsort(-others, axis=1, kind="stable")[:, : problem.largest]
        for size in sizes:
            more = size - 1 - r
            if more < 0:
                continue
            total = own + np.take_along_axis(others, ranked[:, :more], axis=1).sum(axis=1)
            kept = scale * price[rows] + (scale // (size - 1)) * total + 2 * charge
            better = kept > share[rows]
            share[rows[better]] = kept[better]
            use[rows[better]] = 0.0
            chosen = np.concatenate([taken, ranked[:, :more]], axis=1)[better]
            use[rows[better, None], chosen] = 1.0 / (size - 1)
    return share, use
