"""The best plan that keeps a given number of the pairs there were."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.flow import find_safe_bonus
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.changes.answers import (
    HullPoint,
    Rematching,
    TooManyChangesError,
    UnsettledError,
)
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.earlier import count_kept, list_earlier
from pairmatch.solvers.changes.limited import solve_between
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Prices

__all__ = ["Weights", "solve_rematching", "trace_hull"]

_BETWEEN = "prices of changes, then an integer program"


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What a pair gets on top of its gain, so that tiers come before gains.

    Parameters
    ----------
    tier : tuple of int
        For its tier.
    bonus : int
        For being one, so that coverage comes first; 0 under "total".
    """

    tier: tuple[int, ...]
    bonus: int


@dataclass(frozen=True, slots=True, eq=False)
class _Corner:
    """A plan, and the price of a change for which it is best."""

    point: HullPoint
    prices: Prices | None
    keep: int
    scale: int

    def bound(self, n_kept: int) -> Fraction | None:
        """Return what no plan that keeps enough is worth more than, where that is known."""
        if self.prices is None or not self.point.proved:
            return None
        return self.point.value + Fraction(self.keep * (self.point.kept - n_kept), self.scale)

    def dual(self, family: _Family) -> ChangePrices | None:
        """Return the prices that prove it."""
        if self.prices is None:
            return None
        return ChangePrices(self.prices, self.keep, family.bonus, self.scale, family.tier)

    def prove(self, family: _Family) -> Rematching:
        """Return the plan with its proof."""
        point = self.point
        return Rematching(point.pairs, self.dual(family), "prices of changes", point.slots)


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """The plain problem, those in which pairs that were there are worth more, and their answers."""

    problem: AssignmentProblem
    plain: NDArray[np.int64]
    gain: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    column_of: NDArray[np.int64]
    bonus: int
    tier: tuple[int, ...]
    n_kept: int
    attempt: Attempt
    corners: list[_Corner] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        problem: AssignmentProblem,
        column_of: NDArray[np.int64],
        n_kept: int,
        weights: Weights | None,
        attempt: Attempt,
    ) -> _Family:
        every = slice(0, problem.n_rows), slice(0, problem.n_columns)
        gain, allowed = problem.gains.block(*every)
        gain = np.where(allowed, gain, 0).astype(np.int64)
        if weights is not None and isinstance(problem.tiers, np.ndarray):
            weighted = np.where(allowed, gain + np.array(weights.tier)[problem.tiers], 0)
            own = problem, gain, weighted, allowed, column_of, weights.bonus, weights.tier
            return cls(*own, n_kept, attempt)
        places = min(problem.n_rows, int(problem.capacity.sum()))
        covers = problem.objective == "coverage"
        bonus = find_safe_bonus(gain[allowed], places) if covers else 0
        return cls(problem, gain, gain, allowed, column_of, bonus, (), n_kept, attempt)

    def lift(self, keep: int, scale: int) -> AssignmentProblem:
        """Return the problem in which a change costs ``keep / scale``."""
        worth = scale * (self.gain + self.bonus)
        worth[list_earlier(self.column_of)] += keep
        gains = MatrixGains(np.where(self.allowed, worth, 0), self.allowed)
        return replace(self.problem, gains=gains, objective="total", tiers=None)

    def solve(self, keep: int, scale: int = 1) -> _Corner:
        """Return the best plan for a price of a change."""
        found = self.attempt.solve(self.lift(keep, scale))
        corner = _Corner(self.point(found), found.prices, keep, scale)
        self.corners.append(corner)
        self.attempt.dual = self.attempt.dual or corner.dual(self)
        if corner.point.kept >= self.n_kept:
            self.attempt.keep(self.sum_up)
        self.attempt.go_on(found)
        return corner

    def sum_up(self) -> Rematching:
        """Return the best plan so far that keeps enough, and the prices that bound it best."""
        points = [corner.point for corner in self.corners if corner.point.kept >= self.n_kept]
        best = max(points, key=lambda point: point.value)
        bounds = [corner.bound(self.n_kept) for corner in self.corners]
        known = [(bound, k) for k, bound in enumerate(bounds) if bound is not None]
        dual = self.corners[min(known)[1] if known else 0].dual(self)
        return Rematching(best.pairs, dual, "prices of changes", best.slots)

    def solve_freely(self) -> _Corner:
        """Return the best plan of all, and of several one that keeps most."""
        return self.solve(1, int(np.count_nonzero(self.column_of >= 0)) + 1)

    def point(self, found: AssignmentSolution) -> HullPoint:
        """Return what a plan keeps and is worth."""
        rows, columns = found.pairs[:, 0], found.pairs[:, 1]
        kept = count_kept(self.column_of, found.pairs)
        value = int(self.gain[rows, columns].sum()) + self.bonus * len(rows)
        proved = found.status is Status.OPTIMAL
        return HullPoint(found.pairs, kept, value, found.slots, proved)

    def find_useful(self, corner: _Corner, value: int, n_kept: int) -> NDArray[np.bool_]:
        """Return the pairs that a plan of more value, which keeps enough, could have.

        A pair that is worth less than its row's profit and its column's price by more than the
        bound leaves above that value is in no such plan.
        """
        problem, prices = self.problem, corner.prices
        plain = not (problem.quotas or problem.budgets or len(problem.pins))
        plain = plain and problem.slots is None
        if not plain or prices is None or (prices.column < 0).any() or prices.scale != 1:
            return self.allowed
        left = self.lift(corner.keep, corner.scale).gains.gain - prices.column  # type: ignore[attr-defined]
        profit = np.where(self.allowed, left, 0).max(axis=1, initial=0)
        bound = int(profit.sum()) + int(problem.capacity @ prices.column)
        most = bound - corner.scale * value - corner.keep * n_kept
        useful: NDArray[np.bool_] = self.allowed & (profit[:, None] - left <= most)
        return useful

    @property
    def highest(self) -> int:
        """A price at which no change pays."""
        most = int(np.abs(self.gain).max(initial=0)) + self.bonus
        return (min(self.problem.n_rows, int(self.problem.capacity.sum())) + 1) * most + 1


def solve_rematching(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    weights: Weights | None = None,
    attempt: Attempt | None = None,
) -> Rematching:
    """Return the best plan that keeps at least ``n_kept`` of the pairs there were.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, of objective "coverage" or "total".
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were and still may be, -1 for none; columns, where
        rows had several.
    n_kept : int
        How many of these must stay.
    weights : Weights, optional
        What pairs get for their tier, where there are tiers.
    attempt : Attempt, optional
        The clock, and where the best plan so far is kept.

    Returns
    -------
    Rematching

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    UnsettledError
        If no such plan was found, though there may be one.
    OutOfTime, KeyboardInterrupt
        If the clock or Ctrl-C ended the search.

    Notes
    -----
    Lagrangian relaxation of one constraint: with a price m on each change the problem is an
    assignment problem, and the plans that are best for some m are the corners of the concave hull
    of the trade-off between pairs kept and value. The search for m takes the slope between the
    two corners on either side (M. J. Eisner, D. G. Severance, J. ACM 23 (1976), 619-635,
    https://doi.org/10.1145/321978.321982); each step is one assignment problem in integers. At a
    corner the plan is proved best. Between two of them an integer program over the few pairs that
    the prices leave looks for the best plan, and the hull is its proved bound.
    """
    attempt = attempt or Attempt()
    family = _Family.make(problem, column_of, n_kept, weights, attempt)
    few = family.solve_freely()
    if few.point.kept >= n_kept:
        return few.prove(family)
    many = family.solve(family.highest)
    if many.point.kept < n_kept:
        if many.point.proved:
            raise TooManyChangesError(many.point.kept, many.dual(family))
        own = problem, family.plain, family.allowed
        found = solve_between(*own, column_of, n_kept, None, attempt.watch)
        if found is None:
            raise UnsettledError
        return Rematching(found[0], few.dual(family), _BETWEEN, found[1])
    while many.point.kept > n_kept:
        rise = few.point.value - many.point.value
        run = many.point.kept - few.point.kept
        if rise <= 0:  # only where a solver has stopped before the best plan
            break
        middle = family.solve(rise, run)
        level = run * many.point.value + rise * many.point.kept
        if run * middle.point.value + rise * middle.point.kept <= level:
            if middle.point.kept == n_kept and middle.point.proved:
                return middle.prove(family)
            start = max(
                (p for p in (many.point, middle.point) if p.kept >= n_kept), key=lambda p: p.value
            )
            useful = family.find_useful(middle, start.value, n_kept)
            own = problem, family.plain, useful
            found = solve_between(*own, column_of, n_kept, start.pairs, attempt.watch)
            pairs, slots = found or (start.pairs, start.slots)
            return Rematching(pairs, middle.dual(family), _BETWEEN, slots)
        if middle.point.kept >= n_kept:
            many = middle
        else:
            few = middle
    return many.prove(family)


def trace_hull(
    problem: AssignmentProblem, column_of: NDArray[np.int64]
) -> tuple[list[HullPoint], int]:
    """Return all corners of the trade-off between pairs kept and value, and the bonus in values.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, of objective "coverage" or "total".
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were and still may be, -1 for none; columns, where
        rows had several.

    Returns
    -------
    list of HullPoint
        From the most pairs kept to the fewest.
    int
        What every pair got on top of its gain.

    Notes
    -----
    Two assignment problems for each corner at most.
    """
    family = _Family.make(problem, column_of, 0, None, Attempt())
    ends = [family.solve(family.highest).point, family.solve_freely().point]
    corners = {point.kept: point for point in ends}
    spans = [(ends[0], ends[1])]
    while spans:
        many, few = spans.pop()
        rise, run = few.value - many.value, many.kept - few.kept
        if run <= 0 or rise <= 0:
            continue
        middle = family.solve(rise, run).point
        if run * middle.value + rise * middle.kept > run * few.value + rise * few.kept:
            corners[middle.kept] = middle
            spans += [(many, middle), (middle, few)]
    best = sorted(corners.values(), key=lambda point: -point.kept)
    return [p for k, p in enumerate(best) if k == 0 or p.value > best[k - 1].value], family.bonus
