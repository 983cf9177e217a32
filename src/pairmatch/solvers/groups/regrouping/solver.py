"""Groups after changes: the best ones that keep enough people in groups that go on.

A group goes on where more than half of its people who are still there stay together. So no two new
groups can go on from one old group, and what is kept adds up over groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.basis.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.regrouping.company import Company, count_kept
from pairmatch.solvers.groups.regrouping.keeping import Board, Quest
from pairmatch.solvers.solution import CompanyPrices, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

    Groups = list[tuple[int, ...]]

__all__ = ["N_EXACT", "Regrouped", "Trail", "price_company"]

N_EXACT = 13
"""People up to whom the best groups are found by enumeration."""

_NONE = np.iinfo(np.int64).min // 4
_N_TRIES = 3  # of better sizes
_STEPS = 150


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
    prices : CompanyPrices or None
        What bounds all groups with as few changes, where it is not enumeration.
    status : Status, default: Status.FEASIBLE
        Whether the clock or Ctrl-C ended the search.
    """

    groups: Groups
    kept: int
    solver: str
    prices: CompanyPrices | None = None
    status: Status = Status.FEASIBLE


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

    def count(self, groups: Groups) -> tuple[int, int]:
        """Return the rank of some groups, and how many keep theirs in them."""
        rank = sum(int(self.rank(np.array([g]))[0]) for g in groups)
        return rank, sum(int(count_kept(np.array([g]), self.company)[0]) for g in groups)

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


class Trail:
    """Groups after changes for one limit after another, each building on those before.

    Parameters
    ----------
    problem : GroupingProblem
        The pool as it is now. As many people as possible are placed, then sizes are as near to the
        target as possible (sum of squares), then the objective counts.
    company : Company
        Who was in which group, and could stay. Each old group by itself is a legal group.
    seed : int, default: 0
        Seed of the search in larger pools.
    start : list of tuple of int, optional
        Groups to begin with; by default the old ones.
    clock : Clock, optional
        When to stop; by default only at the end.
    """

    def __init__(
        self,
        problem: GroupingProblem,
        company: Company,
        seed: int = 0,
        start: Groups | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock(perf_counter(), None, None)
        self.status = Status.FEASIBLE
        self.pool, self.company = _Pool(problem, company), company
        self.start = company.groups if start is None else start
        self.n_exact = N_EXACT
        self.table: _Table | None = None
        self.rng = np.random.default_rng(seed)
        self.known: list[Groups] = []
        self.board: Board | None = None

    def regroup(self, n_kept: int) -> Regrouped:
        """Return groups in which at least ``n_kept`` people keep their group.

        Parameters
        ----------
        n_kept : int
            How many people must keep their group, at most ``company.n``.

        Returns
        -------
        Regrouped
            Up to 13 people the best of all, and of several one that keeps most. Above, the best
            of many groups that prices of people and of changes ask for.

        Notes
        -----
        Up to 13 people: dynamic programming over sets of people and numbers kept, O(2^n n) for
        each possible group. Above: column generation, and a program in whole numbers over its
        columns.
        """
        n = self.pool.problem.n
        if n <= self.n_exact:
            self.table = self.table or self.pool.solve(np.arange(n))
            rank = self.table.rank
            kept = max(range(n_kept, n + 1), key=lambda k: (rank[k], k))
            return Regrouped(self.table.read(kept), kept, "enumeration of groups")
        board = self.board or self._begin()
        try:
            prices = self._improve(board, n_kept)
        except KeyboardInterrupt:
            self.status, prices = Status.INTERRUPTED, None
        groups, kept = self._best(n_kept)
        return Regrouped(groups, kept, "columns near the running plan", prices, self.status)

    def _improve(self, board: Board, n_kept: int) -> CompanyPrices | None:
        """Let prices ask for better groups, as long as there is time; return the prices."""
        n, prices = self.pool.problem.n, None
        groups, _ = self._best(n_kept)
        for _ in range(_N_TRIES):
            if not self._goes_on():
                break
            quest = Quest(n_kept, *self._shape(groups))
            prices = board.price(quest)
            self.clock.tell(None)
            if not self._is_nearest(quest):
                self._adopt(board.choose(quest, by_shape=True))
            self._adopt(board.choose(quest))
            if quest.placed == n and self._goes_on():
                prices = board.tighten(quest, self._worth(self._best(n_kept)[0]), prices, self.rng)
                board.widen(quest, self._worth(self._best(n_kept)[0]))
                self._adopt(board.choose(quest))
            groups, _ = self._best(n_kept)
            if self._shape(groups) == (quest.placed, quest.off):
                break
        return prices

    def _goes_on(self) -> bool:
        """Return whether there is time for more."""
        if self.status is Status.FEASIBLE and not self.clock.within(1.0):
            self.status = Status.TIME_LIMIT
        return self.status is Status.FEASIBLE

    def add(self, groups: Groups) -> None:
        """Take some groups into account that were found elsewhere."""
        if self.board is None:
            self._begin()
        self._adopt(groups)

    def _begin(self) -> Board:
        """Form groups in which nobody changes who need not."""
        problem = self.pool.problem
        search = _Search(self.pool, self.rng, self.start)
        try:
            search.settle(self._goes_on)
        except KeyboardInterrupt:
            self.status = Status.INTERRUPTED
        limits = problem.smallest, problem.largest, problem.target
        self.board = Board(self.pool.values, self.company, limits, self.clock)
        self._adopt(search.groups)
        return self.board

    def _adopt(self, groups: Groups | None) -> None:
        """Keep groups for limits that they fit."""
        if groups is not None and self.board is not None:
            self.known.append(groups)
            self.board.add(groups)

    def _best(self, n_kept: int) -> tuple[Groups, int]:
        """Return the best groups known that keep enough people."""
        rated = [(*self.pool.count(groups), groups) for groups in self.known]
        _, kept, groups = max(
            (some for some in rated if some[1] >= n_kept), key=lambda some: some[:2]
        )
        return groups, kept

    def _worth(self, groups: Groups) -> int:
        return sum(int(self.pool.values.of_groups(np.array([g]))[0]) for g in groups)

    def _shape(self, groups: Groups) -> tuple[int, int]:
        target = self.pool.problem.target
        return sum(map(len, groups)), sum((len(group) - target) ** 2 for group in groups)

    def _is_nearest(self, quest: Quest) -> bool:
        """Return whether arithmetic allows for no better sizes."""
        problem = self.pool.problem
        usual = choose_sizes(problem.n, problem.smallest, problem.largest, problem.target)
        off = sum((size - problem.target) ** 2 for size in usual)
        return (quest.placed, quest.off) == (sum(usual), off)


class _Search:
    """Old groups that take in everybody else, a few of them at a time."""

    def __init__(self, pool: _Pool, rng: np.random.Generator, start: Groups) -> None:
        self.pool, self.rng = pool, rng
        # Two groups at least, and no more than can be enumerated in no time.
        self.together = min(N_EXACT - 1, max(9, 2 * pool.problem.target))
        self.groups = start

    def settle(self, goes_on: Callable[[], bool]) -> None:
        """Look at the surroundings of everybody left out; as many as before keep their group."""
        placed = {i for group in self.groups for i in group}
        idle = [i for i in range(self.pool.problem.n) if i not in placed]
        for start in range(0, len(idle), 4):
            if not goes_on():
                return
            for _ in range(2):
                self._form_anew(tuple(idle[start : start + 4]))

    def _form_anew(self, core: tuple[int, ...]) -> None:
        """Form the groups around some people anew, where that makes them better."""
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
            return
        whole = np.array(sorted(people), np.int64)
        table = self.pool.solve(whole)
        before = self.pool.count(taken)
        options = [k for k in range(before[1], len(whole) + 1) if table.rank[k] > _NONE // 2]
        best = max(options, key=lambda k: (int(table.rank[k]), k), default=-1)
        if best >= 0 and int(table.rank[best]) > before[0]:
            self.groups = [g for g in self.groups if g not in taken] + table.read(best)


def price_company(
    problem: GroupingProblem, company: Company, n_kept: int, charges: Iterable[int]
) -> CompanyPrices:
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
    return CompanyPrices(best, chosen, shared=True)
