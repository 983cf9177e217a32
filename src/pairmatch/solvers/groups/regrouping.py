"""Groups after changes: the best ones that keep enough people in groups that go on.

A group goes on where more than half of its people who are still there stay together. So no two new
groups can go on from one old group, and what is kept adds up over groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.sizes import scale_of
from pairmatch.solvers.groups.values import GroupValues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

    Groups = list[tuple[int, ...]]

__all__ = ["N_EXACT", "Company", "Regrouped", "count_kept", "price_company", "regroup"]

N_EXACT = 13
"""People up to whom the best groups are found by enumeration."""

_NONE = np.iinfo(np.int64).min // 4
_CHARGES = (0.5, 0.2, 0.1, 0.04, 0.015, 0.0)  # of what a person is worth in the mean
_ROUNDS = 8
_PATIENCE = 2  # rounds without a better plan
_N_THOROUGH = 60  # people up to whom as many rounds are made
_BRIEF = (0.2, 0.04, 0.0), 2, 1  # charges, rounds and patience above that
_STEPS = 150


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """Who was in one group, of those who are still there and whose group could go on.

    Parameters
    ----------
    group_of : ndarray of int64, shape (n,)
        Old group of each person, -1 for none.
    """

    group_of: NDArray[np.int64]

    @property
    def size(self) -> NDArray[np.int64]:
        """Number of people of each old group who are still there."""
        return np.bincount(self.group_of[self.group_of >= 0], minlength=1)

    @property
    def n(self) -> int:
        """Number of people who could keep their group."""
        return int((self.group_of >= 0).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Regrouped:
    """Groups, how many people keep their group, and prices behind a bound.

    Parameters
    ----------
    groups : list of tuple of int
        Members of each group.
    kept : int
        People whose group goes on with them.
    solver : str
        How they were found, in a few words.
    """

    groups: Groups
    kept: int
    solver: str


def count_kept(groups: NDArray[np.int64], company: Company) -> NDArray[np.int64]:
    """Return how many people keep their group in each of some groups of one size."""
    mark, size = company.group_of[groups], company.size
    kept = np.zeros(len(groups), np.int64)
    for own in mark.T:
        here = (mark == own[:, None]).sum(axis=1)
        goes_on = (own >= 0) & (2 * here > size[np.maximum(own, 0)])
        kept = np.maximum(kept, np.where(goes_on, here, 0))
    return kept


class _Pool:
    """Values, ranks and what is kept of all legal groups of some people."""

    def __init__(self, problem: GroupingProblem, company: Company) -> None:
        self.problem, self.company = problem, company
        sizes = range(problem.smallest, min(problem.largest, problem.n) + 1)
        self.values = GroupValues.of(problem, scale_of(sizes))
        top = int(np.abs(self.values.gain).max(initial=0))
        # A person placed counts more than all sizes, sizes more than all values.
        self.per_size = 2 * problem.n * top * self.values.scale + 1
        most = max(problem.largest - problem.target, problem.target - problem.smallest)
        self.per_person = self.per_size * (problem.n * most**2 + 1)
        if self.per_person * (problem.n + 1) >= 2**60:
            msg = "the gains are too large to be told from sizes; use fewer digits"
            raise OverflowError(msg)

    def rank(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what groups of one size count: people, then sizes, then values."""
        size = members.shape[1]
        off = (size - self.problem.target) ** 2
        fixed = size * self.per_person - off * self.per_size
        ranks: NDArray[np.int64] = self.values.of_groups(members) + fixed
        return ranks

    def legal_groups(self, people: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return all legal groups of some people, an array for each size, as positions."""
        found = []
        inside = self.values.allowed[np.ix_(people, people)]
        for size in range(self.problem.smallest, min(self.problem.largest, len(people)) + 1):
            groups = np.array(list(combinations(range(len(people)), size)), np.int64)
            for a, b in combinations(range(size), 2):
                groups = groups[inside[groups[:, a], groups[:, b]]]
            groups = groups[self.values.legal(people[groups])]
            if len(groups):
                found.append(groups)
        return found

    def solve(self, people: NDArray[np.int64]) -> _Table:
        """Return the best groups of a few people for every number of them who keep theirs."""
        n = len(people)
        rank = np.full((2**n, n + 1), _NONE)
        chosen = np.full((2**n, n + 1), -1, np.int64)
        rank[0, 0] = 0
        bits, worth, keeps = [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
        for groups in self.legal_groups(people):
            bits.append((1 << groups).sum(axis=1))
            worth.append(self.rank(people[groups]))
            keeps.append(count_kept(people[groups], self.company))
        bit, value = np.concatenate(bits), np.concatenate(worth)
        keep = np.concatenate([np.empty(0, np.int64), *keeps])
        first = bit & -bit
        for i in range(n - 1, -1, -1):
            rest = np.arange(2 ** (n - 1 - i), dtype=np.int64) << (i + 1)
            whole = rest | 1 << i
            rank[whole] = rank[rest]  # person i stays out
            for at in np.flatnonzero(first == 1 << i).tolist():
                others = int(bit[at]) ^ 1 << i
                inside = rest[rest & others == others]
                own, k = inside | 1 << i, int(keep[at])
                new = rank[inside ^ others][:, : n + 1 - k] + int(value[at])
                better = new > np.maximum(rank[own][:, k:], _NONE // 2)
                line, column = np.nonzero(better)
                rank[own[line], column + k] = new[line, column]
                chosen[own[line], column + k] = at
        return _Table(people, rank[-1], chosen, bit, keep, n)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    people: NDArray[np.int64]
    rank: NDArray[np.int64]
    chosen: NDArray[np.int64]
    bit: NDArray[np.int64]
    keep: NDArray[np.int64]
    n: int

    def read(self, kept: int) -> Groups:
        """Return the best groups in which so many keep theirs."""
        groups, left = [], 2**self.n - 1
        while left:
            at = int(self.chosen[left, kept])
            if at < 0:
                left &= left - 1
                continue
            mask = int(self.bit[at])
            groups.append(tuple(self.people[[b for b in range(self.n) if mask >> b & 1]].tolist()))
            left ^= mask
            kept -= int(self.keep[at])
        return groups


def regroup(problem: GroupingProblem, company: Company, n_kept: int, *, seed: int = 0) -> Regrouped:
    """Return groups in which at least ``n_kept`` people keep their group.

    Parameters
    ----------
    problem : GroupingProblem
        The pool as it is now. As many people as possible are placed, then sizes are as near to the
        target as possible (sum of squares), then the objective counts.
    company : Company
        Who was in which group, and could stay. Each old group by itself is a legal group.
    n_kept : int
        How many people must keep their group, at most ``company.n``.
    seed : int, default: 0
        Seed of the search in larger pools.

    Returns
    -------
    Regrouped
        Up to 13 people the best of all, and of several one that keeps most. Above, the best that
        a search finds that forms a few groups at a time anew, at a falling charge for a change.

    Notes
    -----
    Up to 13 people: dynamic programming over sets of people and numbers kept, O(2^n n) for each
    possible group. Above: the same for 10 people at a time.
    """
    pool = _Pool(problem, company)
    if problem.n <= N_EXACT:
        table = pool.solve(np.arange(problem.n))
        kept = max(range(n_kept, problem.n + 1), key=lambda k: (table.rank[k], k))
        return Regrouped(table.read(kept), kept, "enumeration of groups")
    search = _Search(pool, np.random.default_rng(seed))
    search.settle(np.inf, n_kept=company.n)
    typical = max(1.0, abs(search.value) / max(1, problem.n))
    thorough = _CHARGES, _ROUNDS, _PATIENCE
    charges, rounds, patience = thorough if problem.n <= _N_THOROUGH else _BRIEF
    for charge in charges:
        idle = 0
        for _ in range(rounds):
            idle = 0 if search.settle(charge * typical, n_kept) else idle + 1
            if idle == patience:
                break
    return Regrouped(search.groups, search.kept, "a few groups at a time, near the running plan")


class _Search:
    """Groups that get better, a few of them at a time."""

    def __init__(self, pool: _Pool, rng: np.random.Generator) -> None:
        self.pool, self.rng = pool, rng
        # Two groups at least, and no more than can be enumerated in no time.
        least = 12 if pool.problem.n <= _N_THOROUGH else 9
        self.together = min(N_EXACT - 1, max(least, 2 * pool.problem.target))
        marks = pool.company.group_of
        self.groups: Groups = [
            tuple(np.flatnonzero(marks == mark).tolist())
            for mark in range(int(marks.max(initial=-1)) + 1)
            if (marks == mark).any()
        ]
        self.kept = pool.company.n

    @property
    def value(self) -> int:
        """Value of all groups."""
        return sum(int(self.pool.values.of_groups(np.array([g]))[0]) for g in self.groups)

    def settle(self, charge: float, n_kept: int) -> bool:
        """Look once at the surroundings of every group and of everybody left out."""
        changed = False
        placed = {i for group in self.groups for i in group}
        idle = [i for i in range(self.pool.problem.n) if i not in placed]
        for start in range(0, len(idle), 4):
            for _ in range(2):
                changed |= self._form_anew(tuple(idle[start : start + 4]), charge, n_kept)
        for group in list(self.groups):
            if group in self.groups:
                changed |= self._form_anew(group, charge, n_kept)
        return changed

    def _form_anew(self, core: tuple[int, ...], charge: float, n_kept: int) -> bool:
        """Form the groups around some people anew; return whether that changed anything."""
        placed = {i for group in self.groups for i in group}
        mine = [i for i in core if i not in placed]
        taken = [group for group in self.groups if set(group) & set(core)]
        people = [*mine, *(i for group in taken for i in group)]
        link = self.pool.values.pair * self.pool.values.allowed
        near = link[people].max(axis=0) if people else np.zeros(self.pool.problem.n)
        others = [group for group in self.groups if group not in taken]
        reach = [float(np.sort(near[list(group)])[-2:].sum()) for group in others]
        noise = self.rng.random(len(others)) * (np.ptp(reach) if reach else 0.0)
        for at in np.argsort(-(np.array(reach) + noise), kind="stable").tolist():
            if len(people) + len(others[at]) <= self.together:
                taken.append(others[at])
                people += others[at]
        idle = [i for i in range(self.pool.problem.n) if i not in placed and i not in people]
        people += idle[: max(0, self.together - len(people))]
        if len(people) > N_EXACT or len(people) < self.pool.problem.smallest:
            return False
        whole = np.array(sorted(people), np.int64)
        table = self.pool.solve(whole)
        before = self._count(taken)
        room = n_kept - self.kept + before[1]
        price = 0 if np.isinf(charge) else round(charge)
        options = [k for k in range(max(0, room), len(whole) + 1) if table.rank[k] > _NONE // 2]
        if not options:
            return False
        best = max(options, key=lambda k: (int(table.rank[k]) + price * k, k))
        gain = int(table.rank[best]) + price * best - before[0] - price * before[1]
        if gain <= 0:
            return False
        self.groups = [g for g in self.groups if g not in taken] + table.read(best)
        self.kept += best - before[1]
        return True

    def _count(self, groups: Groups) -> tuple[int, int]:
        """Return the rank of some groups, and how many keep theirs in them."""
        rank = sum(int(self.pool.rank(np.array([g]))[0]) for g in groups)
        return rank, sum(int(count_kept(np.array([g]), self.pool.company)[0]) for g in groups)


def price_company(
    problem: GroupingProblem, company: Company, n_kept: int, charges: Iterable[int]
) -> tuple[NDArray[np.int64], int]:
    """Return prices of people, and a charge for a change, that bound all groups well.

    Parameters
    ----------
    problem : GroupingProblem
        The pool as it is now.
    company : Company
        Who was in which group.
    n_kept : int
        How many people must keep their group.
    charges : iterable of int
        Charges to begin with.

    Notes
    -----
    Each pair's gains are shared between its two people by the prices; nobody gets more than the
    best company would give. Subgradient steps on the sum of that.
    """
    from pairmatch.solvers.certify.regrouping import share_company

    price = np.zeros(problem.n, np.int64)
    least: int | None = None
    best, chosen = price, 0
    for charge in charges:
        current = price.copy()
        step = max(1.0, float(np.abs(problem.gain).mean()))
        for _ in range(_STEPS):
            bound, slope = share_company(problem, company.group_of, n_kept, current, charge)
            if least is None or bound < least:
                least, best, chosen = bound, current.copy(), charge
            else:
                step *= 0.93
            current = current - np.rint(step * slope).astype(np.int64)
        price = best
    return best, chosen
