"""Groups of any size that are worth more than the prices of their members.

With prices u, ``R[i, j] = scale * pair[i, j] - u[i] - u[j]`` adds up, over the pairs of a group of
k, to ``k - 1`` times what its mean value exceeds its prices by. A part of a group can reach no
more than what is inside it, what its best newcomers give, and half of the best links of each of
these: that prunes the search for all groups above a floor. Near the best prices it is short. Where
the worst rotation counts, a part can reach no more with any of its coaches either.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pricing import pair_excess
from pairmatch.solvers.groups.columns.coaches import Coaches, sum_with_best

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

    Numbers = NDArray[np.int64]

__all__ = ["excess_of", "find_offers", "list_offers"]

_NEVER = -(2**56)  # the link of two who may not share a group
_AT_ONCE = 1024  # parts of groups
_N_NEXT = 3  # newcomers with which a part goes on in the quick search


def excess_of(values: GroupValues, groups: Numbers, case: GroupPrices) -> Numbers:
    """Return by how much groups of one size exceed their prices, shape (n_groups,)."""
    over = values.of_groups(groups) * case.unit
    for column in groups.T:
        over -= case.person[column]
    priced = case.set_price > 0
    if priced.any() and len(groups):
        member = np.ascontiguousarray(case.sets[priced].T).view(np.int8)
        divisor, price = case.divisor[priced].astype(np.int8), case.set_price[priced]
        for first in range(0, len(groups), _AT_ONCE):
            count = member[groups[first : first + _AT_ONCE]].sum(axis=1, dtype=np.int8)
            over[first : first + _AT_ONCE] -= (count // divisor) @ price
    return over


def follows(case: GroupPrices, groups: Numbers) -> NDArray[np.bool_]:
    """Return which groups respect the decisions of a case."""
    fits = np.ones(len(groups), np.bool_)
    for pairs, n_wrong in ((case.together, 1), (case.apart, 2)):
        for a, b in pairs.tolist():
            fits &= ((groups == a) | (groups == b)).sum(axis=1) != n_wrong
    return fits


def links_of(values: GroupValues, case: GroupPrices, size: int) -> Numbers:
    """Return the links of each two people of groups of one size at the prices of a case.

    Who is in such a group with others of a set pays a part of its price for each pair of them, so
    little that it is never more than the group has to pay. Only sets with divisor 2 have a price
    for every pair.
    """
    links = pair_excess(values, case.person, case.unit)
    for at in np.flatnonzero((case.set_price > 0) & (case.divisor == 2)):
        inside = np.flatnonzero(case.sets[at])
        price = (size - 1) * int(case.set_price[at])
        counts = range(2, min(size, inside.size) + 1)
        links[np.ix_(inside, inside)] -= min(price * (c // 2) // comb(c, 2) for c in counts)
    for a, b in case.apart.tolist():
        links[a, b] = links[b, a] = _NEVER
    return links


def find_offers(values: GroupValues, case: GroupPrices, size: int, n_kept: int) -> Numbers:
    """Return good groups of one size, some around each person, found quickly.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    case : GroupPrices
        Prices, and decisions.
    size : int
        Members of a group.
    n_kept : int
        Parts of groups around a person that are kept at every step.

    Returns
    -------
    ndarray of int64, shape (m, size)
        Legal groups, members in increasing order, each once.
    """
    n, links = values.n, links_of(values, case, size)
    coaches = Coaches.of(values, case, size) if values.worst else None
    root = np.arange(n)
    parts, inside = root[:, None], np.zeros(n, np.int64)
    while parts.shape[1] < size and len(parts):
        n_more = size - parts.shape[1]
        gives = np.zeros((len(parts), n), np.int64)
        for column in parts.T:
            gives += links[column]
        reach = 2 * (gives + inside[:, None]) + _tops(links, n_more - 1)
        open_ = (gives >= _NEVER // 2) & _may_join(values, parts, n_more)
        if coaches is not None:
            coached = coaches.reach_roughly(parts, n_more)
            np.minimum(reach, 2 * (size - 1) * coached, out=reach)
        reach[~open_] = 8 * _NEVER
        n_next = min(n_kept if parts.shape[1] == 1 else _N_NEXT, n - 1)
        near = np.argpartition(-reach, n_next, axis=1)[:, :n_next].ravel()
        row = np.repeat(np.arange(len(parts)), n_next)
        worth = reach[row, near]
        open_ = worth > 4 * _NEVER
        row, near, worth = row[open_], near[open_], worth[open_]
        grown = np.sort(np.column_stack([parts[row], near]), axis=1)
        inside, root = inside[row] + gives[row, near], root[row]
        kept = _best_of_each(root, worth, grown, n_kept)
        parts, inside, root = grown[kept], inside[kept], root[kept]
    groups = np.unique(parts, axis=0) if len(parts) else np.empty((0, size), np.int64)
    return groups[values.legal(groups) & follows(case, groups)]


def _best_of_each(root: Numbers, worth: Numbers, grown: Numbers, n_kept: int) -> Numbers:
    """Return the rows of the best different parts around each person."""
    order = np.lexsort((*grown.T[::-1], -worth, root))
    root, grown = root[order], grown[order]
    fresh = np.ones(order.size, np.bool_)
    fresh[1:] = (root[1:] != root[:-1]) | (grown[1:] != grown[:-1]).any(axis=1)
    order, root = order[fresh], root[fresh]
    rank = np.arange(root.size) - np.searchsorted(root, root)
    return order[rank < n_kept]


def _may_join(values: GroupValues, parts: Numbers, n_more: int) -> NDArray[np.bool_]:
    """Return who may join which part, as far as slots and sums tell."""
    joins = np.ones((len(parts), values.n), np.bool_)
    rules = values.rules
    if rules is None:
        return joins
    if rules.slots is not None:
        joint = np.bitwise_and.reduce(rules.slots[parts], axis=1)
        meet = np.zeros(joins.shape, np.bool_)
        for ours, theirs in zip(joint.T, rules.slots.T, strict=True):
            meet |= (ours[:, None] & theirs) != 0
        joins &= meet
    for amount, most in zip(rules.amount.T, rules.most.tolist(), strict=True):
        room = most - (n_more - 1) * min(0, int(amount.min())) - amount[parts].sum(axis=1)
        joins &= amount[None, :] <= room[:, None]
    return joins


def _tops(links: Numbers, n_most: int) -> Numbers:
    """Return the sum of the largest entries of each row."""
    width = links.shape[-1]
    if n_most <= 0:
        return np.zeros(links.shape[:-1], np.int64)
    if width <= n_most:
        total: Numbers = links.sum(axis=-1) + (n_most - width) * _NEVER
        return total
    kept: Numbers = np.partition(links, width - n_most, axis=-1)[..., width - n_most :]
    return np.asarray(kept.sum(axis=-1))


def list_offers(
    values: GroupValues,
    case: GroupPrices,
    size: int,
    floor: int,
    *,
    n_each: int,
    n_most: int,
    keep_on: Callable[[], bool] = lambda: True,
) -> tuple[Numbers, Numbers] | None:
    """Return the groups of one size that exceed their prices by more than a floor.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    case : GroupPrices
        Prices, and decisions.
    size : int
        Members of a group.
    floor : int
        Excess that a group has to beat.
    n_each : int
        The search ends around a person when there are as many that are better; no group that is
        left out exceeds its prices by more than the best that is returned.
    n_most : int
        Parts of groups to look at, at most.
    keep_on : callable, optional
        Asked before each person; False ends the work.

    Returns
    -------
    groups : ndarray of int64, shape (m, size)
        Members in increasing order.
    excess : ndarray of int64, shape (m,)
        By how much each exceeds its prices.

    Notes
    -----
    None where there is more to look at, or no time. Each group is found from the first of its
    members, in an order in which those with little to offer come first and are done with.
    """
    links = links_of(values, case, size)
    reach = _tops(2 * links + _tops(links, size - 2), size - 1)
    order = np.lexsort((reach, -_scarce(values)))
    coaches = Coaches.of(values, case, size).take(order) if values.worst else None
    search = _Search(values, case, size, order, n_each, n_most, coaches)
    links = links[np.ix_(order, order)]
    found, over = [np.empty((0, size), np.int64)], [np.empty(0, np.int64)]
    for first in range(values.n - size + 1):
        groups, excess = search.around(first, links, floor)
        if search.n_left < 0 or not keep_on():
            return None
        found.append(groups)
        over.append(excess)
    return np.concatenate(found), np.concatenate(over)


def _scarce(values: GroupValues) -> Numbers:
    """Return how many sums need each person where most others do not help."""
    needed = np.zeros(values.n, np.int64)
    if values.rules is not None:
        for amount, most in zip(values.rules.amount.T, values.rules.most.tolist(), strict=True):
            if most < 0 and 2 * int((amount < 0).sum()) < values.n:
                needed += amount < 0
    return needed


@dataclass(slots=True)
class _Search:
    """A search for groups around one person after another; positions are in the given order."""

    values: GroupValues
    case: GroupPrices
    size: int
    order: Numbers
    n_each: int
    n_left: int
    coaches: Coaches | None

    def around(self, first: int, links: Numbers, floor: int) -> tuple[Numbers, Numbers]:
        """Return groups of a person and of people behind it."""
        aim = floor * (self.size - 1)
        near, gives = self._near(first, links, floor)
        groups, excess = [np.empty((0, self.size), np.int64)], [np.empty(0, np.int64)]
        if near.size < self.size - 1:
            return groups[0], excess[0]
        inner = links[np.ix_(near, near)]
        stack = [(np.empty((1, 0), np.int64), np.zeros(1, np.int64), gives[None])]
        while stack:
            parts, inside, gives = stack.pop()
            self.n_left -= len(parts)
            if self.n_left < 0:
                break
            if parts.shape[1] < self.size - 2:
                stack += self._grow(first, near, inner, (parts, inside, gives), floor)
                continue
            row, last = np.nonzero(inside[:, None] + gives > aim)
            seats = [np.full(row.size, first), *near[parts[row]].T, near[last]]
            some = np.sort(self.order[np.column_stack(seats)], axis=1)
            some = some[self.values.legal(some) & follows(self.case, some)]
            over = excess_of(self.values, some, self.case)
            groups.append(some[over > floor])
            excess.append(over[over > floor])
            every = np.concatenate(excess)
            if every.size > self.n_each:
                floor = int(np.partition(every, every.size - self.n_each)[-self.n_each])
                aim = floor * (self.size - 1)
        every, table = np.concatenate(excess), np.concatenate(groups)
        best = np.argsort(-every, kind="stable")[: self.n_each]
        return table[best], every[best]

    def _near(self, first: int, links: Numbers, floor: int) -> tuple[Numbers, Numbers]:
        """Return who behind a person could be in such a group, and the links to them."""
        near = first + 1 + np.flatnonzero(links[first, first + 1 :] > _NEVER // 2)
        while near.size >= self.size - 1:
            inner = links[np.ix_(near, near)]
            reach = 2 * links[first, near] + _tops(inner, self.size - 2)
            fits = sum_with_best(reach[None], self.size - 1)[0] > 2 * floor * (self.size - 1)
            if self.coaches is not None:
                every = np.ones((1, near.size), np.bool_)
                coached = self.coaches.reach(np.array([[first]]), near, every, self.size - 1)[0]
                fits &= coached > floor
                fits &= self.coaches.reach_as_coach(first, near, self.size - 1) > floor
            if fits.all():
                near = near[np.argsort(reach, kind="stable")]
                break
            near = near[fits]
        return near, links[first, near]

    def _grow(
        self,
        first: int,
        near: Numbers,
        inner: Numbers,
        level: tuple[Numbers, Numbers, Numbers],
        floor: int,
    ) -> list[tuple[Numbers, Numbers, Numbers]]:
        """Return parts with one member more, the most promising last."""
        parts, inside, gives = level
        n_more, twice = self.size - 1 - parts.shape[1], 2 * floor * (self.size - 1)
        reach = 2 * gives + _tops(inner, n_more - 1)
        open_ = gives > _NEVER // 2
        reach[~open_] = 2 * _NEVER
        reach = 2 * inside[:, None] + sum_with_best(reach, n_more)
        open_ &= reach > twice
        if self.coaches is not None and parts.shape[1]:
            some = np.flatnonzero(open_.sum(axis=1) >= n_more)
            members = np.column_stack([np.full(some.size, first), near[parts[some]]])
            coached = self.coaches.reach(members, near, open_[some], n_more)
            open_[some] &= coached > floor
        row, seat = np.nonzero(open_)
        grown = np.column_stack([parts[row], seat])
        fits = self._may_grow(first, near, grown, n_more - 1)
        row, seat, grown = row[fits], seat[fits], grown[fits]
        order = np.argsort(reach[row, seat], kind="stable")
        levels = []
        for chunk in np.array_split(order, -(-order.size // _AT_ONCE)) if order.size else ():
            row_of, newcomer = row[chunk], seat[chunk]
            later = np.arange(near.size) > newcomer[:, None]
            later &= open_[row_of]
            joint = gives[row_of] + inner[newcomer]
            joint[~later | (joint < _NEVER // 2)] = _NEVER
            levels.append((grown[chunk], inside[row_of] + gives[row_of, newcomer], joint))
        return levels

    def _may_grow(
        self, first: int, near: Numbers, parts: Numbers, n_more: int
    ) -> NDArray[np.bool_]:
        """Return which parts can still become legal as far as slots and sums tell."""
        fits = np.ones(len(parts), np.bool_)
        rules = self.values.rules
        if rules is None:
            return fits
        one, others = self.order[first], self.order[near]
        if rules.slots is not None:
            joint = rules.slots[others[parts]]
            fits &= (rules.slots[one] & np.bitwise_and.reduce(joint, axis=1)).any(axis=1)
        for amount, most in zip(rules.amount.T, rules.most.tolist(), strict=True):
            least = n_more * int(amount[others].min())
            fits &= amount[one] + amount[others[parts]].sum(axis=1) + least <= most
        return fits
