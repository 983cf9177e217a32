"""Groups of any size against prices: every legal group that could exceed them is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.group_rules import may_become_legal, which_are_legal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupPrices

    Numbers = NDArray[np.int64]

__all__ = ["bound_by_sizes", "charge_sets", "largest_excess", "link_people"]

_N_PARTS = 3_000_000  # parts of groups that are looked at, for each size: most are dropped early
_AT_ONCE = 2048
_NEVER = -(2**54)


def bound_by_sizes(
    problem: GroupingProblem,
    case: GroupPrices,
    sizes: Sequence[int],
    factor: int,
    known: Sequence[Sequence[int]] = (),
    *,
    spare: int = 0,
) -> int | None:
    """Return what the prices of a case prove about groupings into groups of these sizes, or None.

    Every group of size k is worth at most its prices plus the largest excess of a legal group of
    that size. This excess may be negative.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    case : GroupPrices
        Prices of people, any sign, and of sets, in gains times ``factor``; its decisions.
    sizes : sequence of int
        Sizes of all groups.
    factor : int
        Factor of values and prices; a multiple of ``size - 1`` of every size.
    known : sequence of sequence of int
        Groups to look at first: what exceeds less than these is passed over.
    spare : int, default: 0
        What other groups may exceed these by without being looked at, times ``factor``: the larger
        it is, the less work, and the weaker the bound. With some, a tenth of the work is done.

    Returns
    -------
    int or None
        The bound times ``factor``; None where too many groups would have to be looked at.
    """
    person = case.person.astype(np.int64)
    links = link_people(problem, person, factor)
    for a, b in case.apart.tolist():
        links[a, b] = links[b, a] = _NEVER
    total = int(np.sort(person)[problem.n - sum(sizes) :].sum())
    total += int((case.set_price * (case.sets.sum(axis=1) // case.divisor)).sum())
    for size in sorted(set(sizes)):
        mine = [sorted(group) for group in known if len(group) == size]
        table = np.array(mine, np.int64).reshape(-1, size)
        charged = charge_sets(links, case, size)
        table = table[_follows(case, table)]
        least = int(_excess(problem, case, table, factor).max()) + spare if len(table) else None
        n_parts = _N_PARTS // 10 if spare else _N_PARTS  # a second look is to be short
        most = largest_excess(problem, case, charged, factor, size, least, n_parts)
        if most is None:
            return None
        total += most * list(sizes).count(size)
    return total


def charge_sets(links: Numbers, case: GroupPrices, size: int) -> Numbers:
    """Return links that bear some of the prices of sets with divisor 2.

    A group with c members of such a set has ``c (c - 1) / 2`` links inside it and pays ``c // 2``
    times; each link bears what is never too much for any c.
    """
    charged = links.copy()
    for people, divisor, price in zip(case.sets, case.divisor, case.set_price, strict=True):
        if divisor == 2:
            inside = np.flatnonzero(people)
            most = (size - 1) * int(price)
            for c in range(2, min(size, inside.size) + 1):
                most = min(most, (size - 1) * int(price) * (c // 2) * 2 // (c * (c - 1)))
            charged[np.ix_(inside, inside)] -= most
    return np.maximum(charged, 2 * _NEVER)


def link_people(problem: GroupingProblem, person: Numbers, factor: int) -> Numbers:
    """Return by how much what each two give each other exceeds their prices; very low if never."""
    links = (problem.gain + problem.gain.T) * factor - person[:, None] - person[None, :]
    forbidden = ~(problem.allowed & problem.allowed.T)
    np.fill_diagonal(forbidden, val=True)
    links[forbidden] = _NEVER
    return links


def largest_excess(
    problem: GroupingProblem,
    case: GroupPrices,
    links: Numbers,
    factor: int,
    size: int,
    least: int | None = None,
    n_parts: int = _N_PARTS,
) -> int | None:
    """Return what no legal group of one size exceeds its prices by, or None.

    That is the largest excess, or ``least`` if this is more; None where there is no legal group,
    or more than ``n_parts`` parts of groups would have to be looked at.

    Groups are grown from their first member, people with little to give first. The links inside a
    group add up to ``size - 1`` times the excess of its mean value. Half of what is linked to a
    newcomer is its own, so that each of them brings its links to those who are in and half of its
    best links to others who might come. If the worst rotation counts, nor is a group worth more
    than what any of its members gives as the coach.
    """
    n, best = problem.n, least
    coached = _Coached(problem, case, factor, size) if _counts_worst(problem) else None
    offers = _sum_largest(2 * links + _sum_largest(links, size - 2), size - 1)
    turn = np.lexsort((offers, ~_rare(problem)))  # groups that need somebody rare start there
    n_seen = 0
    waits = np.ones(n, np.bool_)
    for first in turn.tolist():
        waits[first] = False
        near = np.flatnonzero(waits & (links[first] > _NEVER))
        while near.size >= size - 1 and best is not None:
            brings = 2 * links[first, near]
            brings += _sum_largest(links[np.ix_(near, near)], size - 2)
            able = _with_best_others(brings[None], size - 1)[0] > 2 * best * (size - 1)
            if coached is not None:
                everyone = np.ones((1, near.size), np.bool_)
                able &= coached.most(np.array([[first]]), near, everyone, size - 1)[0] > best
                able &= coached.most_by_newcomer(first, near, size - 2) > best
            if able.all():
                break
            near = near[able]
        if near.size < size - 1:
            continue
        inner = links[np.ix_(near, near)]
        stack = [
            (
                np.full((1, 1), first),
                np.full(1, -1),
                links[first, near][None],
                np.zeros(1, np.int64),
            )
        ]
        while stack:
            parts, last, gives, inside = stack.pop()
            n_seen += len(parts)
            if n_seen > n_parts:
                return None
            n_more = size - parts.shape[1]
            brings = 2 * gives + _sum_largest(inner, n_more - 1)
            brings[gives < _NEVER // 2] = 2 * _NEVER
            reach = 2 * inside[:, None] + _with_best_others(brings, n_more)
            open_ = (gives > _NEVER // 2) & (np.arange(near.size) > last[:, None])
            if best is not None:
                open_ &= reach > 2 * best * (size - 1)
                if coached is not None and parts.shape[1] > 1:
                    alive = np.flatnonzero(open_.any(axis=1))
                    limit = coached.most(parts[alive], near, open_[alive], n_more)
                    open_[alive] &= limit > best
            row, seat = np.nonzero(open_)
            grown = np.column_stack([parts[row], near[seat]])
            if n_more == 1:
                legal = _follows(case, grown)
                grown = grown[legal]
                grown = grown[which_are_legal(problem, grown)]
                if len(grown):
                    most = int(_excess(problem, case, grown, factor).max())
                    best = most if best is None else max(best, most)
                continue
            fits = may_become_legal(problem, grown, _least(problem, near, n_more - 1))
            row, seat, grown = row[fits], seat[fits], grown[fits]
            order = np.argsort(reach[row, seat])
            for begin in range(0, order.size, _AT_ONCE):
                some = order[begin : begin + _AT_ONCE]
                links_now = np.maximum(gives[row[some]] + inner[seat[some]], _NEVER)
                links_now[~open_[row[some]]] = _NEVER
                now_in = inside[row[some]] + gives[row[some], seat[some]]
                stack.append((grown[some], seat[some], links_now, now_in))
    return best


def _counts_worst(problem: GroupingProblem) -> bool:
    """Return whether a group is worth what its worst rotation is."""
    return problem.objective == "worst_rotation"


class _Coached:
    """What a rotation with one coach exceeds the prices of a group by, prices of sets left out."""

    def __init__(self, problem: GroupingProblem, case: GroupPrices, factor: int, size: int) -> None:
        each = size * (factor // (size - 1))
        self.by = problem.gain.T.astype(np.int64) * each  # row = coach
        self.price = case.person.astype(np.int64)

    def most(self, parts: Numbers, near: Numbers, open_: NDArray[np.bool_], n_more: int) -> Numbers:
        """Return what parts reach with each newcomer and others who are open to them, at most."""
        n_in = parts.shape[1]
        paid = self.price[parts].sum(axis=1)
        limit = np.full((len(parts), near.size), 2**60)
        together, so_far = np.zeros((len(parts), near.size), np.int64), np.zeros_like(paid)
        for coach in parts.T:
            given = -paid
            for i in parts.T:  # gains of a person with itself are not looked at
                given = given + np.where(coach == i, 0, self.by[coach, i])
            brings = np.where(open_, self.by[coach][:, near] - self.price[near], _NEVER)
            together += brings
            so_far += given
            limit = np.minimum(limit, given[:, None] + _with_best_others(brings, n_more))
        if n_in > 1:  # nor more than the mean of these rotations
            together = np.maximum(together, _NEVER)
            joint = so_far[:, None] + _with_best_others(together, n_more)
            limit = np.minimum(limit, joint // n_in)
        return limit

    def most_by_newcomer(self, first: int, near: Numbers, n_others: int) -> Numbers:
        """Return what a person and each newcomer reach with others, the newcomer as the coach."""
        brings = self.by[np.ix_(near, near)] - self.price[near]
        np.fill_diagonal(brings, _NEVER)
        alone: Numbers = self.by[near, first] - self.price[near] - self.price[first]
        return alone + _sum_largest(brings, n_others)


def _sum_largest(links: Numbers, n_most: int) -> Numbers:
    """Return the sum of the largest entries of each row; what is lacking counts as forbidden."""
    lacking = max(0, n_most - links.shape[1])
    n_most -= lacking
    most = np.sort(links, axis=1)[:, links.shape[1] - n_most :].sum(axis=1)
    total: Numbers = most + lacking * _NEVER
    return total


def _with_best_others(brings: Numbers, n_more: int) -> Numbers:
    """Return what each newcomer brings together with the best others of its row."""
    width = brings.shape[1]
    if width < n_more:
        return np.full(brings.shape, 16 * _NEVER)
    largest = np.partition(brings, width - n_more, axis=1)[:, width - n_more :]
    weakest, all_of_them = largest.min(axis=1)[:, None], largest.sum(axis=1)[:, None]
    return np.asarray(all_of_them + np.minimum(brings - weakest, 0))


def _rare(problem: GroupingProblem) -> NDArray[np.bool_]:
    """Return who adds to a sum that every group needs and that most people do not add to."""
    rare = np.zeros(problem.n, np.bool_)
    if problem.rules is not None:
        for amount, most in zip(problem.rules.amount.T, problem.rules.most.tolist(), strict=True):
            if most < 0 and 2 * (amount < 0).sum() < problem.n:
                rare |= amount < 0
    return rare


def _least(problem: GroupingProblem, near: Numbers, n_more: int) -> Numbers:
    """Return what so many more members add to each sum at least."""
    if problem.rules is None:
        return np.zeros(0, np.int64)
    least: Numbers = n_more * problem.rules.amount[near].min(axis=0)
    return least


def _follows(case: GroupPrices, groups: Numbers) -> NDArray[np.bool_]:
    """Return which groups respect the decisions of a case."""
    fits = np.ones(len(groups), np.bool_)
    for a, b in case.together.tolist():
        fits &= (groups == a).any(axis=1) == (groups == b).any(axis=1)
    for a, b in case.apart.tolist():
        fits &= ~((groups == a).any(axis=1) & (groups == b).any(axis=1))
    return fits


def _excess(problem: GroupingProblem, case: GroupPrices, groups: Numbers, factor: int) -> Numbers:
    """Return by how much groups of one size exceed their prices."""
    size = groups.shape[1]
    given = []  # by each member as coach
    for a in range(size):
        gains = [problem.gain[groups[:, b], groups[:, a]] for b in range(size) if b != a]
        given.append(np.sum(gains, axis=0))
    each = np.stack(given)
    if problem.objective == "worst_rotation":
        value = each.min(axis=0) * (size * (factor // (size - 1)))
    else:
        value = each.sum(axis=0) * (factor // (size - 1))
    over: Numbers = value - case.person[groups].sum(axis=1)
    for people, divisor, price in zip(case.sets, case.divisor, case.set_price, strict=True):
        over -= price * (people[groups].sum(axis=1) // divisor)
    return over
