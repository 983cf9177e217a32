"""The best plan that keeps a number of pairs, of a pool whose matrix of gains never exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.changes.differences import take_part
from pairmatch.solvers.changes.earlier import count_kept
from pairmatch.solvers.changes.rematching import HullPoint, Rematching, TooManyChangesError
from pairmatch.solvers.solution import Prices, end_if_stopped
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import Index

__all__ = ["solve_streamed_rematching"]

_FIRST, _RAISE = 2**14, 4  # the first price of a change, about 2% of a full score; how it is raised
_MOST_PRICES = 24  # between two plans, each of which costs a matching anew


@dataclass(frozen=True, slots=True, eq=False)
class KeptTerm:
    """Units on top of the gain of each pair that was there.

    Parameters
    ----------
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were, -1 for none.
    keep : int
        The units.
    """

    column_of: NDArray[np.int64]
    keep: int

    def block(self, rows: Index, columns: Index) -> NDArray[np.int64]:
        """Return the units of a block; rows and columns are slices or index arrays."""
        wanted = self.column_of[rows]
        if isinstance(columns, slice):
            columns = np.arange(columns.start or 0, columns.stop)
        units = np.zeros((len(wanted), len(columns)), np.int64)
        if len(columns):
            order = np.argsort(columns, kind="stable")
            place = np.minimum(np.searchsorted(columns, wanted, sorter=order), len(columns) - 1)
            place = order[place]
            there = np.flatnonzero((columns[place] == wanted) & (wanted >= 0))
            units[there, place[there]] = self.keep
        return units

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of the pairs ``(i[k], j[k])``."""
        return np.where(self.column_of[i] == j, self.keep, 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Corner:
    """A plan, the price of a change for which it is best, and the prices that prove it."""

    point: HullPoint
    keep: int
    found: AssignmentSolution

    def limit(self, n_kept: int) -> int:
        """Return what no plan that keeps as many is worth more than."""
        return self.point.value + self.keep * (self.point.kept - n_kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """The problem, and those in which pairs that were there are worth more."""

    problem: AssignmentProblem
    gains: StreamedGains
    column_of: NDArray[np.int64]
    bonus: int

    def solve(self, keep: int) -> _Corner:
        """Return the best plan for a price of a change."""
        gains = self.gains
        if keep:
            term = KeptTerm(self.column_of, keep)
            gains = replace(gains, terms=(*gains.terms, term), largest=gains.largest + keep)
        lifted = replace(self.problem, gains=gains, objective="total")
        found = end_if_stopped(solve_assignment(lifted))
        return _Corner(self._point(found), keep, found)

    def recall(self, free: AssignmentSolution) -> _Corner:
        """Return the best plan of the problem itself as that where changes cost nothing."""
        assert free.prices is not None  # noqa: S101 - the streamed solver always has some
        prices = Prices(free.prices.column, free.prices.quota)
        return _Corner(self._point(free), 0, replace(free, prices=prices))

    def move(self, point: HullPoint, bonus: int) -> HullPoint:
        """Return a plan with what it is worth at another bonus."""
        return replace(point, value=point.value + (bonus - self.bonus) * len(point.pairs))

    def _point(self, found: AssignmentSolution) -> HullPoint:
        kept = count_kept(self.column_of, found.pairs)
        return HullPoint(found.pairs, kept, int(self.find(*found.pairs.T).sum()))

    def find(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what pairs are worth, each with the bonus."""
        return self.gains.pairs(row, column)[0]

    @property
    def highest(self) -> int:
        """A price at which no change pays."""
        return (min(self.problem.n_rows, int(self.problem.capacity.sum())) + 1) * (
            self.gains.largest + 1
        )


def solve_streamed_rematching(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    free: AssignmentSolution,
) -> Rematching:
    """Return the best plan that keeps at least ``n_kept`` of the pairs there were.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, of objective "coverage" or "total", of streamed gains >= 0, with
        loads and pins, and without quotas, budgets, slots and tiers.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these must stay.
    free : AssignmentSolution
        The best plan with any number of changes, with its prices.

    Returns
    -------
    Rematching
        At a corner of the concave hull of the trade-off between pairs kept and value the best
        plan; between two of them as many moves as fit of those that lead from one to the other.
        The prices bound every plan that keeps as many, by less than a millionth of a full score
        for each change more than the hull itself.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.

    Notes
    -----
    As :func:`~pairmatch.solvers.changes.rematching.solve_rematching`, with prices of a change in
    whole units, each of them one run of the streamed solver. Under "coverage" a pair is worth a
    bonus more: first the one with which the best plan was found, and where the limit leaves fewer
    people matched, one that outweighs all gains.
    """
    gains = problem.gains
    assert isinstance(gains, StreamedGains)  # noqa: S101 - whoever calls has looked
    small = 0 if free.prices is None else free.prices.bonus
    family = _raise_gains(problem, gains, column_of, small)
    few, many = _bracket(family, family.recall(free), n_kept)
    if many is None:
        return _with_cover(_prove(family, few.point, few), free)
    best = min(few, many, key=lambda corner: corner.limit(n_kept))
    answer = _narrow(family, few.point, many.point, best, n_kept)
    if problem.objective != "coverage" or len(answer.pairs) == len(free.pairs):
        return _with_cover(answer, free)
    places = min(problem.n_rows, int(problem.capacity.sum()))
    safe = 1 << ((places + 1) * (gains.largest + 1)).bit_length()
    ends = family.move(few.point, safe), family.move(many.point, safe)
    family = _raise_gains(problem, gains, column_of, safe)
    return _narrow(family, *ends, None, n_kept)


def _raise_gains(
    problem: AssignmentProblem, gains: StreamedGains, column_of: NDArray[np.int64], bonus: int
) -> _Family:
    """Return the problem in which every pair is worth a bonus more."""
    sides = []
    for features, units in ((gains.row_features, 1), (gains.column_features, bonus)):
        more = np.full((len(features), 1), units, np.float32)  # exact: below 2**24 or one bit
        sides.append(np.hstack([features, more]))
    least = None if gains.least is None else gains.least + bonus
    raised = replace(
        gains,
        row_features=sides[0],
        column_features=sides[1],
        largest=gains.largest + bonus,
        least=least,
        spares=(None, None),
    )
    return _Family(problem, raised, column_of, bonus)


def _with_cover(answer: Rematching, free: AssignmentSolution) -> Rematching:
    """Return an answer with what proves that nobody can match more rows."""
    dual = answer.dual
    if free.prices is None or not isinstance(dual, ChangePrices):
        return answer
    prices = replace(dual.prices, coverage=free.prices.coverage)
    return replace(answer, dual=replace(dual, prices=prices))


def _bracket(family: _Family, free: _Corner, n_kept: int) -> tuple[_Corner, _Corner | None]:
    """Return a plan that keeps too few pairs and one that keeps enough, or a best one and None."""
    few, gentle = free, family.solve(1)  # of several best plans, one that keeps more
    if gentle.point.value == few.point.value:
        few = replace(few, point=gentle.point)
    if few.point.kept >= n_kept:
        return few, None
    keep = _FIRST
    many = family.solve(keep)
    while many.point.kept < n_kept:
        if keep >= family.highest:
            raise TooManyChangesError(many.point.kept)
        few, keep = many, min(keep * _RAISE, family.highest)
        many = family.solve(keep)
    return few, many


def _narrow(
    family: _Family, few: HullPoint, many: HullPoint, best: _Corner | None, n_kept: int
) -> Rematching:
    """Return the best plan that keeps enough pairs, by prices of a change between two plans.

    ``best`` bounds it best so far; None where no prices of this family are known yet.
    """
    for _ in range(_MOST_PRICES):
        rise, run = few.value - many.value, many.kept - few.kept
        if best is not None and (many.kept == n_kept or rise <= 0):
            break
        middle = family.solve(max(0, rise) // run)
        best = min(best or middle, middle, key=lambda corner: corner.limit(n_kept))
        point = middle.point
        enough = point.kept >= n_kept
        end = many if enough else few
        if point.kept == end.kept and point.value <= end.value:
            break
        many, few = (point, few) if enough else (many, point)
    if many.kept > n_kept and few.value > many.value:
        many = take_part(many, few, family.column_of, n_kept, family)
    assert best is not None  # noqa: S101 - there was a price
    return _prove(family, many, best)


def _prove(family: _Family, point: HullPoint, corner: _Corner) -> Rematching:
    """Return a plan with the prices that bound it."""
    prices = corner.found.prices
    assert prices is not None  # noqa: S101 - the streamed solver always has some
    dual = ChangePrices(prices, corner.keep, family.bonus, 1)
    order = np.lexsort((point.pairs[:, 1], point.pairs[:, 0]))
    return Rematching(point.pairs[order], dual, "prices of changes, all pairs priced in blocks")
