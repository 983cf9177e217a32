"""Groups of any sizes as columns of a linear program, generated where prices ask for them.

The number of groups of each size is fixed, so that every size has a price besides the prices of
people. Programs over some columns are solved from the inside; groups that exceed the prices are
looked for quickly first, and in the end by a search that misses none, which makes the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.columns.answers import plain_case
from pairmatch.solvers.groups.columns.cuts import find_overused_sets
from pairmatch.solvers.groups.columns.interior import solve_inside
from pairmatch.solvers.groups.columns.offers import excess_of, find_offers, follows, list_offers
from pairmatch.solvers.groups.columns.packing import incidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["UNIT", "Columns", "Shares", "begin_columns"]

UNIT = 1024  # prices are written in this fraction of a scaled gain
_N_PROGRAMS = 50
_N_FRESH = 4  # new columns a person and size, at most, in each round
_N_EACH = 6  # groups around a person that a search for all of them returns
_N_LOOKED_AT = 400_000  # parts of groups in one such search
_N_KEPT = 6  # parts of groups around a person in a quick search
_COARSE, _FINE = 1e-2, 1e-7  # relative gaps of the programs, first and last
_N_CORNERS = 4
_SCALE = 1e-5  # of the objective in programs that are solved at a corner
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
                added = self._add_all(top, keep_on)
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

    def _add_all(self, top: list[int], keep_on: Callable[[], bool]) -> int | None:
        """Look for every group above the columns, and state the bound; None if that is too long."""
        n_new = 0
        for at, table in enumerate(self.tables):
            size = table.shape[1]
            listed = list_offers(
                self.values,
                self.case,
                size,
                top[at],
                n_each=_N_EACH,
                n_most=_N_LOOKED_AT,
                keep_on=keep_on,
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
        from scipy.sparse import hstack, identity, vstack

        n, n_sizes, n_cuts = self.values.n, len(self.tables), len(self.case.sets)
        kept, worth, parts = self._program()
        top = max(1.0, float(np.abs(worth).max(initial=0.0)))
        # whoever is lacking, at a price, and what is left of the cuts
        out = np.full(n + n_sizes + n_cuts, _OUT)
        out[n + n_sizes :] = 0.0
        if self.n_placed < n:
            out[:n] = 0.0
        rest = identity(out.size, format="csc")
        solved = solve_inside(
            hstack([vstack(parts), rest], format="csc"),
            np.concatenate([-worth / top, out]),
            np.concatenate([np.ones(n), self.count, self._limits]),
            tolerance,
        )
        if solved is None:
            return False
        share, price = solved
        whole = np.rint(-price * (top * self.case.unit)).astype(np.int64)
        set_price = np.maximum(whole[n + n_sizes :], 0)
        self.case = replace(self.case, person=whole[:n], set_price=set_price)
        ends = np.cumsum([len(table) for table in kept])
        split = np.split(share[: worth.size], ends[:-1])
        self.shares = Shares(tuple(kept), tuple(split), self.case)
        return True

    def sharpen(self, enough: int, keep_on: Callable[[], bool]) -> None:
        """Solve the program at a corner: prices that are exact, where the gap is next to nothing.

        Parameters
        ----------
        enough : int
            A bound as low as this ends the work.
        keep_on : callable
            Asked before each program; False ends the work.
        """
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        for _ in range(_N_CORNERS):
            if self.bound is None or self.bound <= enough or not keep_on():
                return
            case, everybody = self.case, self.n_placed == self.values.n
            kept, _, (cover, sizes, used) = self._program()
            plain = replace(case, set_price=np.zeros_like(case.set_price))
            over = [excess_of(self.values, table, plain) for table in kept]
            answer = linprog(
                np.concatenate(over) * (-_SCALE / case.unit),
                A_ub=used if everybody else vstack([used, cover]),
                b_ub=np.concatenate([self._limits, np.ones(0 if everybody else self.values.n)]),
                A_eq=vstack([sizes, cover]) if everybody else sizes,
                b_eq=np.concatenate([self.count, np.ones(self.values.n if everybody else 0)]),
                method="highs-ds",
                options={"dual_feasibility_tolerance": 1e-10},
            )
            if answer.status != 0:
                return
            factor, n_sizes, n_cuts = -case.unit / _SCALE, len(kept), len(case.sets)
            equal, below = (
                np.rint(side.marginals * factor).astype(np.int64)
                for side in (answer.eqlin, answer.ineqlin)
            )
            person = case.person + (equal[n_sizes:] if everybody else below[n_cuts:])
            self.case = replace(case, person=person, set_price=np.maximum(below[:n_cuts], 0))
            if not self._add_all(self._tops(), keep_on):
                return

    def _program(
        self,
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.float64], tuple[Any, Any, Any]]:
        """Return the columns in use, their worth, and who, which size and what sets they use."""
        from scipy.sparse import csc_array

        kept = [table[follows(self.case, table)] for table in self.tables]
        worth = np.concatenate([self.values.of_groups(table) for table in kept]).astype(float)
        _, cover = incidence(self.values.n, kept)
        kind = np.concatenate([np.full(len(table), at) for at, table in enumerate(kept)])
        first = np.arange(worth.size + 1)
        sizes = csc_array((np.ones(worth.size), kind, first), shape=(len(kept), worth.size))
        used = csc_array(np.concatenate([self._uses(table) for table in kept], axis=1))
        return kept, worth, (cover, sizes, used)

    @property
    def _limits(self) -> NDArray[np.int64]:
        """How often each set can be used."""
        limits: NDArray[np.int64] = self.case.sets.sum(axis=1) // self.case.divisor
        return limits

    def _uses(self, groups: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how often each set is used by each group, shape (n_sets, n_groups)."""
        count = np.zeros((len(self.case.sets), len(groups)))
        for column in groups.T:
            count += self.case.sets[:, column]
        return count // self.case.divisor[:, None]

    def cut(self, n_most: int, rng: np.random.Generator) -> int:
        """Add sets that the last fractional grouping overuses; return how many are new."""
        if self.shares is None:
            return 0
        priced = self.case.set_price > 0
        sets, divisor = self.case.sets[priced], self.case.divisor[priced]
        known = {(int(d), row.tobytes()) for d, row in zip(divisor, sets, strict=True)}
        largest = max(table.shape[1] for table in self.tables)
        found, of = find_overused_sets(
            self.values.n,
            self.shares.tables,
            self.shares.share,
            rng,
            n_most,
            divisors=range(2, largest + 1),
        )
        new = [(int(d), row.tobytes()) not in known for d, row in zip(of, found, strict=True)]
        found, of = found[new], of[new]
        self.case = replace(
            self.case,
            sets=np.concatenate([sets, found]),
            divisor=np.concatenate([divisor, of]),
            set_price=np.concatenate([self.case.set_price[priced], np.zeros(of.size, np.int64)]),
        )
        return of.size


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
