"""Prices of people and of changes: what they prove about groups after changes.

Every legal group is worth at most the prices of its members and of the sets that it uses, less the
charge for each member who keeps the old group, plus the excess of its size. Groups that go on from
an old one hold more than half of its people, so that all of them are seen from these.
"""

from __future__ import annotations

from itertools import chain, combinations, islice
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.columns import charge_sets, largest_excess, link_people
from pairmatch.solvers.certify.group_rules import which_are_legal
from pairmatch.solvers.solution import GroupPrices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import CompanyPrices

    Numbers = NDArray[np.int64]
    # What a group lacks, its members as bits, how many keep the old group, how far its size is from
    # the target, and who cannot keep the old group beside it
    _Column = tuple[int, int, int, int, int]

__all__ = ["bound_company"]

_MOST_CELLS = 2**22  # people placed times squared distances of sizes
_AT_ONCE = 2**15  # groups that are held at once
_N_SEEN = 6_000_000  # groups that go on from an old one and are looked at
_MOST_COLUMNS = 20_000  # groups that a better answer can hold
_N_SEARCHED = 2_000_000
_NEVER = -(2**54)
_LIMIT = 2**60


def bound_company(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    n_kept: int,
    sizes: Sequence[int],
    prices: CompanyPrices,
    objective: int | None = None,
) -> int | None:
    """Return a bound on groups in which enough people keep theirs, or None.

    Parameters
    ----------
    problem : GroupingProblem
        The pool as it is now.
    company : ndarray of int64, shape (n,)
        Old group of whoever could keep it, -1 for all others.
    n_kept : int
        How many people must keep their group.
    sizes : sequence of int
        Sizes of the groups of an answer.
    prices : CompanyPrices
        Any prices with a charge >= 0, and those of sets >= 0.
    objective : int, optional
        What the answer is worth. Where few groups can be in a better one, and all people are
        placed, a search tells whether there is any.

    Returns
    -------
    int or None
        Scaled bound on the value of all groups that place as many people as the answer, in sizes
        whose squared distances from the target add up to no more. None where the prices cannot be
        used, or too many groups would have to be looked at.

    Notes
    -----
    Lagrangian relaxation of "everybody once" and "so many keep their group" (Geoffrion 1974,
    doi:10.1007/BFb0120690), exact but for rounding where the linear program over all groups is.
    """
    person = np.asarray(prices.person, np.int64)
    if person.shape != (problem.n,) or prices.unit < 1 or prices.charge < 0 or not sizes:
        return None
    case = _case_of(problem, prices)
    if case is None:
        return None
    factor = prices.unit * lcm(*range(problem.smallest - 1, problem.largest))
    top = int(np.abs(person).max()) + prices.charge + sum(case.set_price.tolist())
    top += int(np.abs(problem.gain).max()) * factor
    if 8 * top * problem.largest**2 * max(problem.n + 8, 2**11) >= _LIMIT:
        return None
    placed, off = sum(sizes), sum((size - problem.target) ** 2 for size in sizes)
    if (placed + 1) * (off + 1) > _MOST_CELLS:
        return None
    excess = _excess_of_sizes(problem, company, prices, case, factor, (placed, off))
    if excess is None:
        return None
    most = _add_up_sizes(excess, placed, off, problem.target)
    total = int(np.sort(person)[problem.n - placed :].sum()) + most - prices.charge * n_kept
    total += int((case.set_price * (case.sets.sum(axis=1) // case.divisor)).sum())
    bound = total // prices.unit
    if objective is None or bound <= objective or placed < problem.n:
        return bound
    room = total - (objective + 1) * prices.unit
    columns = _list_columns(problem, company, prices.charge, case, factor, excess, room)
    if columns is None or _can_be_better(columns, company, (n_kept, off), room):
        return bound
    return objective


def _case_of(problem: GroupingProblem, prices: CompanyPrices) -> GroupPrices | None:
    """Return the prices of people and of sets, or None where they are not well formed."""
    n_sets = len(prices.sets)
    if n_sets and prices.sets.shape != (n_sets, problem.n):
        return None
    if prices.divisor.shape != (n_sets,) or prices.set_price.shape != (n_sets,):
        return None
    if (prices.divisor < 1).any() or (prices.set_price < 0).any():
        return None
    sets = np.asarray(prices.sets, np.bool_).reshape(n_sets, problem.n)
    person = np.asarray(prices.person, np.int64)
    return GroupPrices(person, prices.unit, sets, prices.divisor, prices.set_price)


def _list_columns(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    charge: int,
    case: GroupPrices,
    factor: int,
    excess: dict[int, int],
    room: int,
) -> list[list[_Column]] | None:
    """Return by person all groups that a better answer can hold, or None if there are many."""
    plain, everybody = link_people(problem, case.person, factor), np.arange(problem.n)
    found: dict[int, _Column] = {}
    n_seen = 0
    for size, most in excess.items():
        links = charge_sets(plain, case, size)
        starts: list[tuple[tuple[int, ...], Numbers, int, int]] = [
            ((first,), everybody[first + 1 :], 0, 0) for first in range(problem.n)
        ]
        starts += [
            (stay, others, len(stay), sum(1 << i for i in old.tolist()))
            for old, stay, others in _list_stays(company, size)
        ]
        for stay, others, kept, gone in starts:
            paid = charge * kept
            floor = most - paid - room - 1
            for groups in _complete(links, stay, others, size, floor):
                n_seen += len(groups)
                if n_seen > _N_SEEN // 10:
                    return None
                value = _reduced(problem, case, factor, groups)
                good = _is_legal(problem, groups) & (value > floor)
                for group, over in zip(groups[good].tolist(), value[good].tolist(), strict=True):
                    bits = sum(1 << i for i in group)
                    lacks = most - over - paid
                    if bits not in found or found[bits][2] < kept:
                        off = (size - problem.target) ** 2
                        found[bits] = lacks, bits, kept, off, bits | gone
                if len(found) > _MOST_COLUMNS:
                    return None
    columns: list[list[_Column]] = [[] for _ in range(problem.n)]
    for column in sorted(found.values()):
        for i in range(problem.n):
            if column[1] >> i & 1:
                columns[i].append(column)
    return columns


def _list_stays(
    company: NDArray[np.int64], size: int
) -> Iterator[tuple[Numbers, tuple[int, ...], Numbers]]:
    """Yield an old group, who of it could stay in a group of this size, and who is not of it."""
    for mark in range(int(company.max(initial=-1)) + 1):
        old, others = np.flatnonzero(company == mark), np.flatnonzero(company != mark)
        for count in range(old.size // 2 + 1, min(old.size, size) + 1):
            for stay in combinations(old.tolist(), count):
                yield old, stay, others


def _can_be_better(
    columns: list[list[_Column]],
    company: NDArray[np.int64],
    limit: tuple[int, int],
    room: int,
) -> bool:
    """Return whether groups that cover everybody could lack so little, or the search is long.

    Whoever has the fewest groups comes first, as in the exact covers of Knuth
    (https://doi.org/10.48550/arXiv.cs/0011047).
    """
    n, (n_kept, most_off), n_seen = len(columns), limit, 0
    order = sorted(range(n), key=lambda i: (len(columns[i]), i))
    could = sum(1 << i for i in np.flatnonzero(company >= 0).tolist())
    stack = [(0, (1 << n) - 1, could, room, 0, 0)]
    while stack:
        at, left, could, spare, kept, off = stack.pop()
        while at < n and not left >> order[at] & 1:
            at += 1
        if at == n:
            return True
        for lacks, bits, stay, far, gone in columns[order[at]]:
            n_seen += 1
            if lacks > spare:
                break
            rest = could & ~gone  # who could still keep the old group
            fits = bits & left == bits and off + far <= most_off
            if fits and kept + stay + rest.bit_count() >= n_kept:
                more = spare - lacks, kept + stay, off + far
                stack.append((at + 1, left ^ bits, rest, *more))
        if n_seen > _N_SEARCHED:
            return True
    return False


def _excess_of_sizes(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    prices: CompanyPrices,
    case: GroupPrices,
    factor: int,
    shape: tuple[int, int],
) -> dict[int, int] | None:
    """Return by how much a legal group of each possible size exceeds its prices at most."""
    placed, off = shape
    plain = link_people(problem, case.person, factor)
    excess: dict[int, int] = {}
    for size in range(problem.smallest, min(problem.largest, problem.n) + 1):
        if not _is_possible(problem, size, placed, off):
            continue
        # a size that needs a price of its own is not looked at below the dearest so far
        least = max(excess.values(), default=_NEVER // 64)
        links = charge_sets(plain, case, size)
        kept = _most_kept(problem, company, prices.charge, case, links, factor, size, least)
        if kept is None:
            return None
        found = largest_excess(problem, case, links, factor, size, kept)
        if found is None:
            return None
        excess[size] = found
    return excess


def _is_possible(problem: GroupingProblem, size: int, placed: int, off: int) -> bool:
    """Return whether a group of one size and others can place so many people in such sizes."""
    sizes = range(problem.smallest, problem.largest + 1)
    zero = dict.fromkeys(sizes, 0)
    rest = placed - size, off - (size - problem.target) ** 2
    return rest == (0, 0) or (min(rest) >= 0 and _add_up_sizes(zero, *rest, problem.target) == 0)


def _add_up_sizes(excess: dict[int, int], placed: int, off: int, target: int) -> int:
    """Return the largest excess of groups that place so many people, no farther from the target."""
    best = np.full((placed + 1, off + 1), _NEVER)
    best[0] = 0
    for people in range(1, placed + 1):
        for size, most in excess.items():
            far = (size - target) ** 2
            if size <= people and far <= off:
                before = best[people - size, : off + 1 - far]
                some = np.where(before > _NEVER // 2, before + most, _NEVER)
                np.maximum(best[people, far:], some, out=best[people, far:])
    return int(best[placed, off])


def _most_kept(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    charge: int,
    case: GroupPrices,
    links: Numbers,
    factor: int,
    size: int,
    least: int,
) -> int | None:
    """Return what no group of one size that goes on exceeds its prices by, or ``least``."""
    best, n_seen = least, 0
    for _, stay, others in _list_stays(company, size):
        paid = charge * len(stay)
        for groups in _complete(links, stay, others, size, best - paid):
            n_seen += len(groups)
            if n_seen > _N_SEEN:
                return None
            value = _reduced(problem, case, factor, groups)
            value = value[_is_legal(problem, groups)]
            best = max(best, int(value.max(initial=_NEVER)) + paid)
    return best


def _complete(
    links: Numbers, stay: tuple[int, ...], others: Numbers, size: int, floor: int
) -> Iterator[Numbers]:
    """Yield the groups of those who stay and others that could exceed the floor.

    The links inside a group add up to ``size - 1`` times the excess of its mean value; a newcomer
    brings its links to those who stay and half of its best ones to other newcomers.
    """
    n_more, inside = size - len(stay), sum(int(links[a, b]) for a, b in combinations(stay, 2))
    aim = 2 * (floor * (size - 1) - inside)
    if n_more == 0:
        yield np.array([stay], np.int64)
        return
    while True:
        brings = 2 * links[others][:, list(stay)].sum(axis=1)
        if n_more > 1 and others.size >= n_more:
            inner = links[np.ix_(others, others)]
            brings += np.partition(inner, -(n_more - 1), axis=1)[:, 1 - n_more :].sum(axis=1)
        if others.size < n_more:
            return
        best = np.sort(brings)[::-1][:n_more]
        fits = brings + int(best[: n_more - 1].sum()) > aim
        if fits.all():
            break
        others = others[fits]
    if n_more == 1:
        yield np.column_stack([*(np.full(others.size, i) for i in stay), others])
        return
    newcomers = combinations(others.tolist(), n_more)
    while True:
        some = np.fromiter(chain.from_iterable(islice(newcomers, _AT_ONCE)), np.int64)
        if not some.size:
            return
        some = some.reshape(-1, n_more)
        yield np.column_stack([*(np.full(len(some), i) for i in stay), some])


def _is_legal(problem: GroupingProblem, groups: Numbers) -> NDArray[np.bool_]:
    """Return which groups of one size may be formed."""
    legal = which_are_legal(problem, groups)
    for a, b in combinations(groups.T, 2):
        legal &= problem.allowed[a, b] & problem.allowed[b, a]
    return legal


def _reduced(problem: GroupingProblem, case: GroupPrices, factor: int, groups: Numbers) -> Numbers:
    """Return the values of groups of one size over the prices of their members and of sets."""
    size = groups.shape[1]
    given = []  # by each member as coach
    for a in range(size):
        gains = [problem.gain[groups[:, b], groups[:, a]] for b in range(size) if b != a]
        given.append(np.sum(gains, axis=0))
    each = np.stack(given)
    value = each.sum(axis=0) * (factor // (size - 1))
    if problem.objective == "worst_rotation":
        value = each.min(axis=0) * (size * (factor // (size - 1)))
    over: Numbers = value - case.person[groups].sum(axis=1)
    for people, divisor, price in zip(case.sets, case.divisor, case.set_price, strict=True):
        over -= price * (people[groups].sum(axis=1) // divisor)
    return over
