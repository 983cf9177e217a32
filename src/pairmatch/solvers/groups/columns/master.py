"""The set-partition problem of triads as a linear program, with columns and cuts on demand.

Prices that the linear program returns are rounded to integers and made good against every triad,
so that a bound rests on integers alone, however the program was solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.charges import charge_triads, overpriced_triads
from pairmatch.solvers.solution import GroupPrices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["UNIT", "Decisions", "Master", "Relaxation"]

UNIT = 1024  # prices are written in this fraction of a scaled gain
_N_NEW = 1200  # columns added at once
_N_KEPT = 15  # columns a person that survive a round of cuts
_SCALE = 1e-5  # of the objective inside the linear program


@dataclass(frozen=True, slots=True)
class Decisions:
    """Pairs of people that are in one group, and pairs that are not."""

    together: tuple[tuple[int, int], ...] = ()
    apart: tuple[tuple[int, int], ...] = ()

    def keep(self, triads: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which triads respect the decisions."""
        kept = np.ones(len(triads), bool)
        for pairs, n_wrong in ((self.together, 1), (self.apart, 2)):
            for a, b in pairs:
                kept &= ((triads == a) | (triads == b)).sum(axis=1) != n_wrong
        return kept


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """A fractional grouping, and the bound that its prices prove.

    Parameters
    ----------
    triads : ndarray of int64, shape (m, 3)
        Triads it uses.
    share : ndarray of float64, shape (m,)
        How much of each.
    prices : GroupPrices
        Integer prices.
    bound : int
        What they prove, in scaled gains.
    """

    triads: NDArray[np.int64]
    share: NDArray[np.float64]
    prices: GroupPrices
    bound: int

    @property
    def whole(self) -> bool:
        """Whether it is a grouping."""
        return bool((self.share > 1 - 1e-6).all())


class Master:
    """Columns and cuts found so far; a workspace that grows and shrinks.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    triads : ndarray of int64, shape (m, 3)
        Columns: triads in lexicographic order.
    person : ndarray of int64, shape (n,)
        Prices of people to start from, in fractions ``1 / UNIT`` of a scaled gain.
    """

    def __init__(
        self, values: GroupValues, triads: NDArray[np.int64], person: NDArray[np.int64]
    ) -> None:
        self.values = values
        self.triads = triads
        self.person = person
        self.sets = np.zeros((0, values.n), bool)
        self.divisor = np.zeros(0, np.int64)

    def add_triads(self, triads: NDArray[np.int64]) -> None:
        """Add columns."""
        n = self.values.n
        every = np.concatenate([self.triads, np.sort(triads, axis=1)])
        keys = np.sort((every[:, 0] * n + every[:, 1]) * n + every[:, 2])
        keys = keys[np.diff(keys, prepend=-1) > 0]
        self.triads = np.column_stack([keys // (n * n), keys // n % n, keys % n])

    def drop_poor_triads(self, prices: GroupPrices) -> None:
        """Forget the columns that cost most above their worth; they come back when needed."""
        worth = self.values.of_groups(self.triads) * UNIT
        worth -= prices.person[self.triads].sum(axis=1)
        worth -= charge_triads(prices, self.triads)
        order = np.argsort(-worth, kind="stable")[: _N_KEPT * self.values.n]
        self.triads = self.triads[np.sort(order)]

    def add_sets(self, sets: NDArray[np.bool_], divisor: NDArray[np.int64]) -> int:
        """Add cuts that are new, and return how many."""
        known = {(row.tobytes(), int(d)) for row, d in zip(self.sets, self.divisor, strict=True)}
        new = [
            at
            for at, (row, d) in enumerate(zip(sets, divisor, strict=True))
            if (row.tobytes(), int(d)) not in known
        ]
        self.sets = np.concatenate([self.sets, sets[new]])
        self.divisor = np.concatenate([self.divisor, divisor[new]])
        return len(new)

    def drop_idle_sets(self, prices: GroupPrices) -> None:
        """Forget cuts without a price."""
        used = prices.set_price > 0
        self.sets, self.divisor = prices.sets[used], prices.divisor[used]

    def relax(
        self, decisions: Decisions, enough: int, keep_on: Callable[[], bool]
    ) -> Relaxation | None:
        """Return the best fractional grouping under some decisions, or None if that failed.

        Columns are added until no triad is worth more than its members cost, or there is no time
        left: its bound holds all the same.

        Parameters
        ----------
        decisions : Decisions
            What has been decided about pairs.
        enough : int
            A bound as low as this ends the work.
        keep_on : callable
            Whether there is time left.
        """
        for _ in range(60):
            solved = self._solve(decisions)
            if solved is None:
                return None
            used, share, person, set_price = solved
            prices = GroupPrices(
                person,
                UNIT,
                self.sets,
                self.divisor,
                set_price,
                np.array(decisions.together, np.int64).reshape(-1, 2),
                np.array(decisions.apart, np.int64).reshape(-1, 2),
            )
            over, excess = overpriced_triads(self.values, prices)
            sets = int(set_price @ (self.sets.sum(axis=1) // self.divisor))
            worst = np.zeros(self.values.n, np.int64)
            for column in over.T:
                np.maximum.at(worst, column, excess)
            bound = (int((3 * person + worst).sum()) // 3 + sets) // UNIT
            relaxation = Relaxation(used, share, prices, bound)
            big = excess > UNIT // 64
            if bound <= enough or not big.any() or not keep_on():
                return relaxation
            order = np.argsort(-excess[big], kind="stable")[:_N_NEW]
            n_before = len(self.triads)
            self.add_triads(over[big][order])
            if len(self.triads) == n_before:  # all are there: the program was not solved exactly
                return relaxation
        return relaxation

    def _in_sets(self, triads: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the coefficient of each triad in each cut."""
        member = self.sets.view(np.uint8)
        count = member[:, triads[:, 0]]
        count += member[:, triads[:, 1]]
        count += member[:, triads[:, 2]]
        return count // self.divisor.astype(np.uint8)[:, None]

    def _solve(
        self, decisions: Decisions
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]] | None:
        """Solve the linear program over the columns: used triads, shares, integer prices."""
        from scipy.optimize import linprog
        from scipy.sparse import csc_array, csr_array, hstack, identity

        n = self.values.n
        triads = self.triads[decisions.keep(self.triads)]
        worth = self.values.of_groups(triads)
        m = len(triads)
        starts = np.arange(0, 3 * m + 1, 3)
        cover = csc_array((np.ones(3 * m), triads.ravel(), starts), shape=(n, m))
        # what triads cost above their worth at the last prices, so that the solver sees small
        # numbers; staying out is possible at a price, so that the program never lacks a solution
        short = (self.person[triads].sum(axis=1) - worth * UNIT) / UNIT
        out = 4.0 * float(np.abs(worth).max(initial=1)) + np.abs(self.person) / UNIT
        inside = csr_array(self._in_sets(triads).astype(float))
        answer = linprog(
            np.concatenate([short, out]) * _SCALE,
            A_ub=hstack([inside, csr_array((len(self.sets), n))], format="csr"),
            b_ub=(self.sets.sum(axis=1) // self.divisor).astype(float),
            A_eq=hstack([cover, identity(n)], format="csc"),
            b_eq=np.ones(n),
            method="highs-ds",
            options={
                "presolve": False,
                "dual_feasibility_tolerance": 1e-10,
                "primal_feasibility_tolerance": 1e-9,
            },
        )
        if answer.status != 0:
            return None
        factor = -UNIT / _SCALE
        person = self.person + np.rint(answer.eqlin.marginals * factor).astype(np.int64)
        set_price = np.rint(answer.ineqlin.marginals * factor).astype(np.int64)
        set_price = np.maximum(set_price, 0)
        self.person = person
        share = np.asarray(answer.x, float)[:m]
        used = share > 1e-7
        return triads[used], share[used], person, set_price
