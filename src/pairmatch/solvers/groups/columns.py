"""Groups of several sizes: all legal ones listed, their linear program, and the best rounding.

Where rules or mixed sizes stand in the way of prices of triads, and the legal groups of the sizes
that are used can be written down, the linear program of set partition over all of them is solved
by column generation. Besides the prices of people, every size has a price, since the number of
groups of each size is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.answers import plain_case
from pairmatch.solvers.groups.packing import list_groups
from pairmatch.solvers.groups.search import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["Columns"]

_N_COLUMNS = 700_000  # groups of all sizes that are used
_N_ROUNDS = 60  # linear programs
_N_FRESH = 12  # new columns a person in each of them
_N_MIP = 3000  # columns of the program in whole numbers
_N_NODES = 60
_UNIT = 1024  # prices are written in this fraction of a scaled gain


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """All legal groups of the sizes of a plan.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    tables : list of ndarray of int64, shapes (m, size)
        Every legal group of each size that is used, sizes increasing.
    worth : list of ndarray of int64, shapes (m,)
        Their values.
    count : list of int
        Groups of each size in a grouping.
    """

    values: GroupValues
    tables: list[NDArray[np.int64]]
    worth: list[NDArray[np.int64]]
    count: list[int]

    @classmethod
    def of(
        cls, values: GroupValues, plan: Plan, listed: Sequence[NDArray[np.int64]]
    ) -> Columns | None:
        """Return the columns for groupings of the sizes of a plan, or None if some lack."""
        sizes = {table.shape[1]: len(table) for table in plan.tables}
        tables = [table for table in listed if table.shape[1] in sizes]
        if len(tables) < len(sizes):
            return None
        worth = [values.of_groups(table) for table in tables]
        return cls(values, tables, worth, [sizes[table.shape[1]] for table in tables])

    @classmethod
    def listed(cls, values: GroupValues, plan: Plan, *, everything: bool) -> Columns | None:
        """Return the columns for the sizes of a plan, or None where there are too many.

        With ``everything``, any people may share a group.
        """
        sizes = [table.shape[1] for table in plan.tables]
        if everything and comb(values.n, max(sizes)) > _N_COLUMNS:
            return None
        limits = min(sizes), max(sizes), _N_COLUMNS
        tables, every = list_groups(values, range(values.n), *limits)
        return cls.of(values, plan, tables) if every else None

    @property
    def n_placed(self) -> int:
        """People in the groups of a grouping."""
        return sum(t.shape[1] * c for t, c in zip(self.tables, self.count, strict=True))

    def bound(self, person: NDArray[np.int64], unit: int) -> int:
        """Return what prices of people prove about groupings of these sizes."""
        total = int(np.sort(person)[person.size - self.n_placed :].sum())
        for short, count in zip(self.excess(person, unit), self.count, strict=True):
            total += count * int(short.max())
        return total // unit

    def price(
        self, plan: Plan, keep_on: Callable[[], bool]
    ) -> tuple[int, GroupPrices, list[NDArray[np.int64]]]:
        """Return a bound, its prices, and the columns of the last program, by size.

        Parameters
        ----------
        plan : Plan
            A legal grouping of these sizes.
        keep_on : callable
            Asked before each program but the first; False ends the work.
        """
        n = self.values.n
        share = plan.worth * _UNIT // self.n_placed
        person = np.full(n, share)
        used = [self._find(table, plan) for table in self.tables]
        best, held = self.bound(person, _UNIT), person
        used = [np.union1d(a, b) for a, b in zip(used, self._dearest(person), strict=True)]
        for n_done in range(_N_ROUNDS):
            if n_done and not keep_on():
                break
            found = self._solve(used)
            if found is None:
                break
            person = np.rint(found * _UNIT).astype(np.int64)
            bound = self.bound(person, _UNIT)
            if bound < best:
                best, held = bound, person
            if best <= plan.worth or not self._grow(used, person):
                break
        return best, plain_case(held, _UNIT), used

    def round(
        self, plan: Plan, bound: int, prices: GroupPrices, used: list[NDArray[np.int64]]
    ) -> Plan:
        """Return the plan, or the best one over the columns near the prices."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        gap = (bound - plan.worth) * _UNIT
        chosen, short = [], []
        for excess, rows in zip(self.excess(prices.person, _UNIT), used, strict=True):
            below = int(excess.max()) - excess
            near = np.union1d(np.flatnonzero(below <= gap), rows)
            chosen.append(near)
            short.append(below[near])
        every = np.concatenate(short)
        if every.size > _N_MIP:
            most = np.partition(every, _N_MIP - 1)[_N_MIP - 1]
            for at, rows in enumerate(chosen):
                keep = (short[at] < most) | np.isin(rows, self._find(self.tables[at], plan))
                chosen[at] = rows[keep]
        cover, counts, worth = self._program(chosen)
        if not worth.size:
            return plan
        everybody = 1.0 if self.n_placed == self.values.n else 0.0
        number = np.array(self.count, float)
        answer = milp(
            -worth / max(1.0, float(np.abs(worth).max())),
            constraints=[
                LinearConstraint(cover, everybody, 1.0),
                LinearConstraint(counts, number, number),
            ],
            integrality=np.ones(worth.size, np.int64),
            bounds=Bounds(0.0, 1.0),
            options={"node_limit": _N_NODES, "mip_rel_gap": 1e-9},
        )
        if answer.x is None:
            return plan
        taken = np.asarray(answer.x) > 0.5
        tables, first = [], 0
        for table, rows, count in zip(self.tables, chosen, self.count, strict=True):
            mine = table[rows[taken[first : first + rows.size]]]
            first += rows.size
            if len(mine) != count:
                return plan
            tables.append(mine)
        seated = np.concatenate([table.ravel() for table in tables])
        if np.unique(seated).size < seated.size:
            return plan
        total = self.values.of_tables(tables)
        if total <= plan.worth:
            return plan
        return Plan(tables, np.setdiff1d(np.arange(self.values.n), seated), total)

    def excess(self, person: NDArray[np.int64], unit: int) -> list[NDArray[np.int64]]:
        """Return by how much each group exceeds its prices."""
        excess = []
        for table, worth in zip(self.tables, self.worth, strict=True):
            over = worth * unit
            for column in table.T:
                over -= person[column]
            excess.append(over)
        return excess

    def _dearest(self, person: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return the columns to begin with: those worth the most."""
        n_most = _N_FRESH * self.values.n
        return [np.argsort(-excess, kind="stable")[:n_most] for excess in self.excess(person, 1)]

    def _grow(self, used: list[NDArray[np.int64]], person: NDArray[np.int64]) -> bool:
        """Add the columns that exceed their prices the most; return whether there were new ones."""
        grown = False
        n_most = _N_FRESH * self.values.n
        for at, excess in enumerate(self.excess(person, _UNIT)):
            floor = int(excess[used[at]].max(initial=np.iinfo(np.int64).min))
            fresh = np.flatnonzero(excess > floor)
            if fresh.size > n_most:
                fresh = fresh[np.argpartition(-excess[fresh], n_most)[:n_most]]
            grown |= bool(fresh.size)
            used[at] = np.union1d(used[at], fresh)
        return grown

    def _find(self, table: NDArray[np.int64], plan: Plan) -> NDArray[np.int64]:
        """Return the rows of the table that are groups of the plan."""
        size, n = table.shape[1], self.values.n
        power = n ** np.arange(size - 1, -1, -1)
        ours = next(np.sort(own, axis=1) for own in plan.tables if own.shape[1] == size)
        return np.flatnonzero(np.isin(table @ power, ours @ power))

    def _program(self, rows: list[NDArray[np.int64]]) -> tuple[Any, Any, NDArray[np.float64]]:
        """Return who is in which column, which size it has, and its value."""
        from scipy.sparse import csc_array

        m = sum(some.size for some in rows)
        members, sizes, worth = [], [], []
        for at, some in enumerate(rows):
            members.append(self.tables[at][some].ravel())
            sizes.append(np.full(some.size, at))
            worth.append(self.worth[at][some])
        kind = np.concatenate(sizes)
        width = np.array([table.shape[1] for table in self.tables])[kind]
        starts = np.concatenate([[0], np.cumsum(width)])
        people = np.concatenate(members)
        cover = csc_array((np.ones(people.size), people, starts), shape=(self.values.n, m))
        counts = csc_array((np.ones(m), kind, np.arange(m + 1)), shape=(len(self.tables), m))
        return cover, counts, np.concatenate(worth).astype(float)

    def _solve(self, used: list[NDArray[np.int64]]) -> NDArray[np.float64] | None:
        """Return the prices of people in the linear program over some columns."""
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        cover, counts, worth = self._program(used)
        top = max(1.0, float(np.abs(worth).max(initial=0.0)))
        everybody = self.n_placed == self.values.n
        ones, number = np.ones(self.values.n), np.array(self.count, float)
        answer = linprog(
            -worth / top,
            A_ub=None if everybody else cover,
            b_ub=None if everybody else ones,
            A_eq=vstack([cover, counts]) if everybody else counts,
            b_eq=np.concatenate([ones, number]) if everybody else number,
            bounds=(0, None),
            method="highs",
        )
        if answer.status != 0:
            return None
        side = answer.eqlin if everybody else answer.ineqlin
        return -np.asarray(side.marginals, float)[: self.values.n] * top
