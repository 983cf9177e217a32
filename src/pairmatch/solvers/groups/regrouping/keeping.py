"""Groups after changes as columns of a program: who is in them, and how many keep their group.

One row a person, one for the number of people who have to keep their group, one for the sizes,
and one for each set of people that fractional groups overuse.
Prices of these rows ask for new columns; whole numbers over the columns give the groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.columns.answers import plain_case
from pairmatch.solvers.groups.columns.cuts import find_overused_sets
from pairmatch.solvers.groups.columns.interior import solve_inside
from pairmatch.solvers.groups.columns.offers import (
    excess_of,
    find_offers,
    links_of,
    list_offers,
)
from pairmatch.solvers.groups.columns.packing import incidence
from pairmatch.solvers.groups.regrouping.company import count_kept, list_stays
from pairmatch.solvers.groups.regrouping.newcomers import complete_stays, join_nearest
from pairmatch.solvers.solution import CompanyPrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.clock import Clock
    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.regrouping.company import Company

    Numbers = NDArray[np.int64]
    Groups = list[tuple[int, ...]]

__all__ = ["Board", "Quest"]

UNIT = 1024  # prices are written in this fraction of a scaled gain
_N_PROGRAMS = 40
_N_FRESH = 3  # new columns a person and size, at most, in each round
_N_AROUND = 4  # parts of groups around a person in a quick search
_N_NEWCOMERS = 6  # tried with those who stay
_N_EACH, _N_LOOKED_AT = 6, 200_000
_COARSE, _FINE = 1e-2, 1e-7  # relative gaps of the programs, first and last
_LACKING = 4.0  # cost of a person or of somebody who keeps the group, over the best group
_N_CUT_ROUNDS, _N_CUTS = 6, 20  # sets of each kind
_PART, _LITTLE = 12, 20_000  # parts of a gap, and of a value, of which a round of cuts gains one
_MOST_PRICE = 2**59
_N_WHOLE = 1500  # columns of a program in whole numbers
_N_NODES = 100


@dataclass(frozen=True, slots=True)
class Quest:
    """What is asked of the groups besides their value.

    Parameters
    ----------
    n_kept : int
        How many people must keep their group, at least.
    placed : int
        How many people are placed.
    off : int
        What the squared distances of the sizes from the target add up to, at most.
    """

    n_kept: int
    placed: int
    off: int


class Board:
    """Legal groups found so far; a workspace that grows.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    company : Company
        Who was in one group.
    limits : tuple of int
        Smallest, largest and preferred size.
    clock : Clock
        When to look no further; prices are as good as they are by then.
    """

    def __init__(
        self, values: GroupValues, company: Company, limits: tuple[int, int, int], clock: Clock
    ) -> None:
        self.values, self.company, self.target, self.clock = values, company, limits[2], clock
        largest = min(limits[1], values.n)
        self.stays = list_stays(company, largest)
        self.tables = {
            size: np.empty((0, size), np.int64) for size in range(limits[0], largest + 1)
        }
        self.add(company.groups)
        top = np.sort(values.pair, axis=1)[:, -2:].mean(axis=1)
        price = np.rint(top * (0.5 * values.scale * UNIT)).astype(np.int64)
        self.case, self.charge = plain_case(price, UNIT), 0
        self.level = 0.0  # what the last fractional groups are worth
        self.shares: tuple[list[Numbers], list[NDArray[np.float64]]] = [], []

    def add(self, groups: Groups) -> None:
        """Add some groups."""
        for size in self.tables:
            mine = [sorted(group) for group in groups if len(group) == size]
            self._add(size, np.array(mine, np.int64).reshape(-1, size))

    def price(self, quest: Quest) -> CompanyPrices:
        """Return prices that hold for all groups found, after looking for more where they ask."""
        tolerance = _COARSE
        for n_done in range(_N_PROGRAMS):
            if not self.clock.within(1.0):
                break
            floor = self._solve(quest, tolerance)
            if floor is None:
                break
            n_new = self._add_found(floor)
            if n_new <= self.values.n // 8 and self.clock.within(1.0):
                n_new += self._add_all(floor)
            if n_done and not n_new and tolerance <= _FINE:
                break
            if n_new <= self.values.n:
                tolerance = min(tolerance, 1e-4)
            if n_new <= self.values.n // 4:
                tolerance = _FINE
        case = self.case
        told = case.sets, case.divisor, case.set_price
        return CompanyPrices(case.person, self.charge, UNIT, False, *told)

    def tighten(
        self, quest: Quest, worth: int, prices: CompanyPrices, rng: np.random.Generator
    ) -> CompanyPrices:
        """Return prices with those of sets that fractional groups overuse, while that gains.

        Parameters
        ----------
        quest : Quest
            What is asked.
        worth : int
            Value of an answer.
        prices : CompanyPrices
            The last prices for the same quest.
        rng : Generator
            Randomness of the search for sets.
        """
        for _ in range(_N_CUT_ROUNDS):
            before = self.level
            if before <= worth + 0.5 or not self.clock.within(1.0) or not self._cut(rng):
                break
            found = self.price(quest)
            top = int(np.abs(found.person).max()) + found.charge + int(found.set_price.sum())
            if 8 * top * max(self.tables) ** 2 * max(self.values.n + 8, 2**11) >= _MOST_PRICE:
                break  # prices that ran away: their sums could not be checked
            prices = found
            if before - self.level <= max((before - worth) / _PART, before / _LITTLE):
                break
        return prices

    def _cut(self, rng: np.random.Generator) -> int:
        """Add sets that the last fractional groups overuse; return how many are new."""
        case, (tables, shares) = self.case, self.shares
        if not tables:
            return 0
        used = case.set_price > 0
        sets, divisor, price = case.sets[used], case.divisor[used], case.set_price[used]
        known = {(int(d), row.tobytes()) for d, row in zip(divisor, sets, strict=True)}
        found, of = find_overused_sets(
            self.values.n, tables, shares, rng, _N_CUTS, divisors=range(2, max(self.tables) + 1)
        )
        new = [(int(d), row.tobytes()) not in known for d, row in zip(of, found, strict=True)]
        found, of = found[new], of[new]
        self.case = replace(
            case,
            sets=np.concatenate([sets, found]),
            divisor=np.concatenate([divisor, of]),
            set_price=np.concatenate([price, np.zeros(of.size, np.int64)]),
        )
        return of.size

    def widen(self, quest: Quest, worth: int) -> None:
        """Add groups that an answer which is worth more than this may hold, as far as they are few.

        Parameters
        ----------
        quest : Quest
            What is asked.
        worth : int
            Value of an answer.
        """
        case = self.case
        room = int(case.person.sum() + case.set_price @ self._limits)
        room -= self.charge * quest.n_kept + worth * UNIT
        for size in self._open(quest):
            links = links_of(self.values, case, size)
            some = [
                self._complete(links, stays, size, self.values.n)
                for stays in self.stays.values()
                if stays.shape[1] in (size, size - 1)
            ]
            listed = list_offers(self.values, case, size, -room, n_each=60, n_most=_N_LOOKED_AT)
            groups = np.concatenate([np.empty((0, size), np.int64), *some])
            if listed is not None:
                groups = np.concatenate([groups, listed[0]])
            over = self._rate(groups)
            good = np.flatnonzero(over > -room)
            self._add(size, groups[good[np.argsort(-over[good], kind="stable")[:_N_WHOLE]]])

    def choose(self, quest: Quest, *, by_shape: bool = False) -> Groups | None:
        """Return groups in whole numbers, of those found; None if there are none.

        Parameters
        ----------
        quest : Quest
            What is asked.
        by_shape : bool, default: False
            Whether people placed and sizes count, and not the value.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        case, over = self.case, {}
        for size, table in self._open(quest).items():
            kept = count_kept(table, self.company)
            over[size] = excess_of(self.values, table, case) + self.charge * kept
        every = np.sort(np.concatenate([*over.values(), np.empty(0, np.int64)]))
        floor = every[max(0, every.size - _N_WHOLE)] if every.size else 0
        tables = [table[over[size] >= floor] for size, table in self._open(quest).items()]
        if by_shape:
            tables = list(self.tables.values())
        worth, kept, size_of, off, cover = self._rows(tables)
        if not worth.size:
            return None
        tight = quest.placed == self.values.n
        if by_shape:  # one person more counts more than all sizes
            worth = size_of * (1 + self.values.n * int(off.max())) - off
        limits: Any = {"node_limit": _N_NODES, "mip_rel_gap": 0.0, **self.clock.options}
        answer = milp(
            -worth / max(1.0, float(np.abs(worth).max())),
            integrality=np.ones(worth.size),
            bounds=Bounds(0, 1),
            constraints=[
                LinearConstraint(cover, np.full(self.values.n, 1.0 if tight else 0.0), 1.0),
                LinearConstraint(kept[None], quest.n_kept),
                LinearConstraint(size_of[None], quest.placed),
                LinearConstraint(off[None], ub=np.inf if by_shape else quest.off),
                *self._cuts(tables),
            ],
            options=limits,
        )
        if answer.x is None:
            return None
        used = np.split(answer.x > 0.5, np.cumsum([len(table) for table in tables])[:-1])
        return [
            tuple(group)
            for table, some in zip(tables, used, strict=True)
            for group in table[some].tolist()
        ]

    def _cuts(self, tables: list[Numbers]) -> list[Any]:
        """Return what sets with a price ask of columns, if there are any."""
        from scipy.optimize import LinearConstraint
        from scipy.sparse import csc_array

        priced = self.case.set_price > 0
        if not priced.any():
            return []
        used = np.concatenate([self._uses(table) for table in tables], axis=1)[priced]
        return [LinearConstraint(csc_array(used.astype(float)), ub=self._limits[priced])]

    def _open(self, quest: Quest) -> dict[int, Numbers]:
        """Return the groups of sizes that fit."""
        return {s: t for s, t in self.tables.items() if (s - self.target) ** 2 <= quest.off}

    @property
    def _limits(self) -> Numbers:
        """How often each set can be used."""
        limits: Numbers = self.case.sets.sum(axis=1) // self.case.divisor
        return limits

    def _uses(self, groups: Numbers) -> Numbers:
        """Return how often each set is used by each group, shape (n_sets, n_groups)."""
        count = np.zeros((len(self.case.sets), len(groups)), np.int64)
        for column in groups.T:
            count += self.case.sets[:, column]
        return count // self.case.divisor[:, None]

    def _rows(self, tables: list[Numbers]) -> tuple[Any, Any, Any, Any, Any]:
        """Return worth, people who keep theirs, size and distance of all columns, and members."""
        none = np.empty(0)
        worth = np.concatenate([none, *(self.values.of_groups(t) for t in tables)])
        kept = np.concatenate([none, *(count_kept(t, self.company) for t in tables)])
        size = np.concatenate([none, *(np.full(len(t), t.shape[1]) for t in tables)])
        _, cover = incidence(self.values.n, tables)
        return worth, kept, size, (size - self.target) ** 2, cover

    def _solve(self, quest: Quest, tolerance: float) -> dict[int, int] | None:
        """Solve the program; return by size what a group has to exceed to be a new column."""
        from scipy.sparse import block_diag, csc_array, hstack, identity, vstack

        n, everybody = self.values.n, quest.placed == self.values.n
        tables, sets = self._open(quest), self.case.sets
        worth, kept, size, off, cover = self._rows(list(tables.values()))
        top = max(1.0, float(np.abs(worth).max(initial=0.0)))
        # whoever is lacking, at a price; too few who keep theirs, sizes too far off, and spare of
        # both; too few or too many people placed
        rows: list[Any] = [cover, csc_array(kept[None]), csc_array(off[None])]
        cost = [np.full(n, _LACKING if everybody else 0.0), (_LACKING, 0.0), (0.0, _LACKING)]
        right = [np.ones(n), (float(quest.n_kept),), (float(quest.off),)]
        if not everybody:
            rows.append(csc_array(size[None]))
            cost.append((_LACKING, _LACKING))
            right.append((float(quest.placed),))
        rest: Any = [identity(n), *(np.array([[1.0, -1.0]]) for _ in rows[1:])]
        if len(sets):
            used = [self._uses(table) for table in tables.values()]
            rows.append(csc_array(np.concatenate(used, axis=1)))
            cost.append(np.zeros(len(sets)))
            right.append(self._limits)
            rest.append(identity(len(sets)))
        whole: Any = hstack([vstack(rows), block_diag(rest)], format="csc")
        costs = np.concatenate([-worth / top, *map(np.asarray, cost)])
        right_side = np.concatenate([np.asarray(part) for part in right])
        solved = solve_inside(whole, costs, right_side, tolerance)
        if solved is None:
            return None
        price = -solved[1] * (top * UNIT)
        person = np.rint(price[:n] + (0.0 if everybody else price[n + 2])).astype(np.int64)
        of_sets = np.rint(price[price.size - len(sets) :]).astype(np.int64)
        self.case = replace(self.case, person=person, set_price=np.maximum(of_sets, 0))
        self.level = -float(costs @ solved[0]) * top
        ends = np.cumsum([len(table) for table in tables.values()])
        self.shares = list(tables.values()), np.split(solved[0][: worth.size], ends[:-1])
        self.charge = max(0, round(-float(price[n])))
        spread = max(0.0, float(price[n + 1]))
        return {s: round(spread * (s - self.target) ** 2) for s in tables}

    def _add_found(self, floor: dict[int, int]) -> int:
        """Add groups that a quick search finds above the columns; return how many are new."""
        case, n_new = self.case, 0
        for size, least in floor.items():
            links = links_of(self.values, case, size)
            groups = [find_offers(self.values, case, size, _N_AROUND)]
            groups += [
                self._complete(links, stays, size)
                for count, stays in self.stays.items()
                if count <= size
            ]
            n_new += self._add_best(size, np.concatenate(groups), least)
        return n_new

    def _add_all(self, floor: dict[int, int]) -> int:
        """Add every group around each person that is above the columns, unless there are many."""
        case, n_new = self.case, 0
        for size, least in floor.items():
            listed = list_offers(
                self.values, case, size, least, n_each=_N_EACH, n_most=_N_LOOKED_AT
            )
            groups = [] if listed is None else [listed[0]]
            links, group_of = links_of(self.values, case, size), self.company.group_of
            top = max(least, int(self._rate(self.tables[size]).max(initial=least)))
            for count, stays in self.stays.items():
                if count <= size:
                    above = (size - 1) * (top - self.charge * count)
                    some = complete_stays(links, stays, group_of, size, above, _N_LOOKED_AT // 10)
                    groups.append(some[self.values.n_forbidden(some) == 0])
            n_new += self._add_best(size, np.concatenate(groups), least) if groups else 0
        return n_new

    def _add_best(self, size: int, groups: Numbers, least: int) -> int:
        """Add the groups that exceed what is known most; return how many are new."""
        least = max(least, int(self._rate(self.tables[size]).max(initial=least)))
        over = self._rate(groups)
        good = np.flatnonzero(over > least)
        best = good[np.argsort(-over[good], kind="stable")[: _N_FRESH * self.values.n]]
        return self._add(size, groups[best])

    def _rate(self, groups: Numbers) -> Numbers:
        """Return by how much groups of one size exceed prices and the charge."""
        over: Numbers = excess_of(self.values, groups, self.case)
        over += self.charge * count_kept(groups, self.company)
        return over

    def _complete(
        self, links: Numbers, stays: Numbers, size: int, n_most: int = _N_NEWCOMERS
    ) -> Numbers:
        """Return legal groups of those who stay with the best newcomers."""
        groups = join_nearest(links, stays, self.company.group_of, size, n_most)
        legal: Numbers = groups[self.values.n_forbidden(groups) == 0]
        return legal

    def _add(self, size: int, groups: Numbers) -> int:
        """Add groups of one size, members in order; return how many are new."""
        n_before = len(self.tables[size])
        self.tables[size] = np.unique(np.concatenate([self.tables[size], groups]), axis=0)
        return len(self.tables[size]) - n_before
