"""Groups of any sizes as columns of a linear program, generated where prices ask for them.

The number of groups of each size is fixed, so that every size has a price besides the prices of
people. Programs over some columns are solved from the inside; groups that exceed the prices are
looked for quickly first, and in the end by a search that misses none, which makes the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.answers import plain_case
from pairmatch.solvers.groups.interior import solve_inside
from pairmatch.solvers.groups.offers import excess_of, find_offers, follows, list_offers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["UNIT", "Columns", "Shares", "begin_columns"]

UNIT = 1024  # prices are written in this fraction of a scaled gain
_N_PROGRAMS = 50
_N_FRESH = 4  # new columns a person and size, at most, in each round
_N_EACH = 6  # groups around a person that a search for all of them returns
_N_LOOKED_AT = 400_000  # parts of groups in one such search
_N_KEPT = 6  # parts of groups around a person in a quick search
_COARSE, _FINE = 1e-2, 1e-7  # relative gaps of the programs, first and last
_OUT = 4.0  # cost of a person or a group that is lacking, over the best group


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """A fractional grouping.

    Parameters
    ----------
    tables : tuple of ndarray of int64, shapes (m, size)
        Groups of each size.
    share : tuple of ndarray of float64, shapes (m,)
        How much of each is used.
    case : GroupPrices
        Prices of the program that it solves.
    """

    tables: tuple[NDArray[np.int64], ...]
    share: tuple[NDArray[np.float64], ...]
    case: GroupPrices


class Columns:
    """Legal groups found so far, and what their programs have proved; a workspace that grows.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    tables : sequence of ndarray of int64, shapes (m, size)
        Groups to begin with, a table for each size, possibly empty.
    count : sequence of int
        Groups of each size in a grouping, at least one.
    case : GroupPrices
        Prices to begin with.

    Attributes
    ----------
    bound : int or None
        What is proved about groupings of these sizes; None before anything is.
    proof : GroupPrices
        The prices behind the bound.
    most : list of int
        By how much a group of each size exceeds them at most.
    shares : Shares or None
        The last fractional grouping.
    """

    def __init__(
        self,
        values: GroupValues,
        tables: Sequence[NDArray[np.int64]],
        count: Sequence[int],
        case: GroupPrices,
    ) -> None:
        self.values = values
        self.tables = [np.unique(np.sort(table, axis=1), axis=0) for table in tables]
        self.count = list(count)
        self.case = case
        self.bound: int | None = None
        self.proof = case
        self.most: list[int] = []
        self.shares: Shares | None = None

    @property
    def n_placed(self) -> int:
        """People in the groups of a grouping."""
        return sum(t.shape[1] * c for t, c in zip(self.tables, self.count, strict=True))

    def bound_of(self, case: GroupPrices, most: Sequence[int]) -> int:
        """Return what prices prove if no group of a size exceeds them by more than told."""
        person = np.sort(case.person)
        total = int(person[person.size - self.n_placed :].sum())
        total += int(case.set_price @ (case.sets.sum(axis=1) // case.divisor))
        total += sum(count * top for count, top in zip(self.count, most, strict=True))
        return total // case.unit

    def price(self, enough: int, keep_on: Callable[[], bool], *, wholly: bool = True) -> None:
        """Solve programs until no group exceeds their prices; updates the attributes.

        Parameters
        ----------
        enough : int
            A bound as low as this ends the work.
        keep_on : callable
            Asked before each program; False ends the work.
        wholly : bool, default: True
            Whether to look for every group in the end; without, there is no bound.
        """
        tolerance, n = _COARSE, self.values.n
        for n_done in range(_N_PROGRAMS if wholly else 5):
            top = self._tops()
            seen = self._add_found(top)
            if wholly and n_done and seen <= n // 8:
                added = self._add_all(top)
                if added is None:
                    return
                seen += added
                if self.bound is not None and self.bound <= enough:
                    return
            if n_done and seen <= (0 if wholly else n // 10) and tolerance <= _FINE:
                return
            if seen <= n:
                tolerance = min(tolerance, 1e-4)
            if seen <= n // 4:
                tolerance = _FINE
            if (n_done and not keep_on()) or not self._solve(tolerance):
                return

    def _tops(self) -> list[int]:
        """Return the largest excess of a column of each size."""
        low = -(2**61)
        return [int(excess_of(self.values, t, self.case).max(initial=low)) for t in self.tables]

    def _add_found(self, top: list[int]) -> int:
        """Add groups that a quick search finds above the columns; return how many are new."""
        n_new = 0
        for at, table in enumerate(self.tables):
            groups = find_offers(self.values, self.case, table.shape[1], _N_KEPT)
            excess = excess_of(self.values, groups, self.case)
            good = np.flatnonzero(excess > top[at])
            best = good[np.argsort(-excess[good], kind="stable")[: _N_FRESH * self.values.n]]
            n_new += self._add(at, groups[best])
            top[at] = max(top[at], int(excess.max(initial=top[at])))
        return n_new

    def _add_all(self, top: list[int]) -> int | None:
        """Look for every group above the columns, and state the bound; None if there are many."""
        n_new = 0
        for at, table in enumerate(self.tables):
            size = table.shape[1]
            listed = list_offers(
                self.values, self.case, size, top[at], n_each=_N_EACH, n_most=_N_LOOKED_AT
            )
            if listed is None:
                return None
            n_new += self._add(at, listed[0])
            top[at] = int(listed[1].max(initial=top[at]))
        bound = self.bound_of(self.case, top)
        if self.bound is None or bound < self.bound:
            self.bound, self.proof, self.most = bound, self.case, top.copy()
        return n_new

    def _add(self, at: int, groups: NDArray[np.int64]) -> int:
        """Add groups of one size, members in order; return how many are new."""
        n_before = len(self.tables[at])
        self.tables[at] = np.unique(np.concatenate([self.tables[at], groups]), axis=0)
        return len(self.tables[at]) - n_before

    def _solve(self, tolerance: float) -> bool:
        """Solve the program over the columns; return whether that went well."""
        n, n_sizes = self.values.n, len(self.tables)
        n_rows, width = n + n_sizes, max(t.shape[1] for t in self.tables) + 1
        kept = [table[follows(self.case, table)] for table in self.tables]
        worth = np.concatenate([self.values.of_groups(table) for table in kept]).astype(float)
        top = max(1.0, float(np.abs(worth).max(initial=0.0)))
        rows = np.full((worth.size + n_rows, width), n_rows)
        first = 0
        for at, table in enumerate(kept):
            part = rows[first : first + len(table)]
            part[:, : table.shape[1]], part[:, -1] = table, n + at
            first += len(table)
        rows[first:, 0] = np.arange(n_rows)  # whoever is lacking, at a price
        out = np.full(n_rows, _OUT)
        if self.n_placed < n:
            out[:n] = 0.0
        right = np.concatenate([np.ones(n), self.count])
        solved = solve_inside(rows, np.concatenate([-worth / top, out]), right, tolerance)
        if solved is None:
            return False
        share, price = solved
        person = np.rint(-price[:n] * (top * self.case.unit)).astype(np.int64)
        self.case = replace(self.case, person=person)
        ends = np.cumsum([len(table) for table in kept])
        parts = np.split(share[: worth.size], ends[:-1])
        self.shares = Shares(tuple(kept), tuple(parts), self.case)
        return True


def begin_columns(values: GroupValues, tables: Sequence[NDArray[np.int64]], worth: int) -> Columns:
    """Return columns that begin with a grouping of this value, everybody at the same price."""
    n_placed = sum(table.size for table in tables)
    case = plain_case(np.full(values.n, worth * UNIT // n_placed), UNIT)
    first = []
    for table in tables:
        groups = find_offers(values, case, table.shape[1], _N_KEPT)
        best = np.argsort(-values.of_groups(groups), kind="stable")[: _N_FRESH * values.n]
        first.append(np.concatenate([table, groups[best]]))
    return Columns(values, first, [len(table) for table in tables], case)
