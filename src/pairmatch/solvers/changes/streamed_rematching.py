"""The best plan that keeps a number of pairs, of a pool whose matrix of gains never exists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.changes.answers import (
    HullPoint,
    Rematching,
    TooManyChangesError,
    UnsettledError,
)
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.changes.differences import take_part
from pairmatch.solvers.changes.earlier import count_kept
from pairmatch.solvers.changes.holding import hold_earlier
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Prices
    from pairmatch.solvers.streamed import Index

__all__ = ["solve_streamed_rematching"]

_FIRST, _RAISE = 2**14, 4  # the first price of a change, about 2% of a full score; how it is raised
_HOW = "prices of changes, all pairs priced in blocks"
_DIGITS = 24  # of a float32
_DEAR = 4  # times a gain: what a change costs where none may be
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
    """A plan, the price of a change for which it is best, and the prices that prove it.

    ``most`` is what no plan is worth more than at that price of a change, None if nobody knows.
    """

    point: HullPoint
    keep: int
    prices: Prices | None
    most: int | None

    def limit(self, n_kept: int) -> int | None:
        """Return what no plan that keeps as many is worth more than."""
        return None if self.most is None else self.most - self.keep * n_kept


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """The problem, those in which pairs that were there are worth more, and their answers."""

    problem: AssignmentProblem
    gains: StreamedGains
    column_of: NDArray[np.int64]
    bonus: int
    n_kept: int
    cover: Prices | None
    attempt: Attempt
    corners: list[_Corner] = field(default_factory=list)

    def solve(self, keep: int) -> _Corner:
        """Return the best plan for a price of a change."""
        gains = self.gains
        if keep:
            term = KeptTerm(self.column_of, keep)
            gains = replace(gains, terms=(*gains.terms, term), largest=gains.largest + keep)
        lifted = replace(self.problem, gains=gains, objective="total")
        found = self.attempt.solve(lifted)
        point, most = self._point(found), None
        if found.status is Status.OPTIMAL:
            most = point.value + keep * point.kept
        elif found.prices is not None:
            most = certify_plan(lifted, found).bound
        corner = self._write(_Corner(point, keep, found.prices, most))
        self.attempt.go_on(found)
        return corner

    def recall(self, free: AssignmentSolution) -> _Corner:
        """Return the best plan of the problem itself as that where changes cost nothing."""
        point, prices, most = self._point(free), free.prices, None
        if prices is not None:
            prices = replace(prices, bonus=0, coverage=None)
        if free.status is Status.OPTIMAL:
            most = point.value
        elif prices is not None:
            raised = replace(self.problem, gains=self.gains, objective="total")
            most = certify_plan(raised, replace(free, prices=prices)).bound
        return self._write(_Corner(point, 0, prices, most))

    def _write(self, corner: _Corner) -> _Corner:
        self.corners.append(corner)
        self.attempt.dual = self.attempt.dual or self.dual(corner)
        if corner.point.kept >= self.n_kept:
            self.attempt.keep(partial(self.prove, corner.point))
        return corner

    def prove(self, point: HullPoint) -> Rematching:
        """Return the best plan that keeps enough, this or another one, with the best bound."""
        points = [corner.point for corner in self.corners if corner.point.kept >= self.n_kept]
        best = max([point, *points], key=lambda some: some.value)
        bounds = [(corner.limit(self.n_kept), k) for k, corner in enumerate(self.corners)]
        known = [(bound, k) for bound, k in bounds if bound is not None]
        dual = None
        if known:
            corner = self.corners[min(known)[1]]
            dual = self.dual(corner)
        order = np.lexsort((best.pairs[:, 1], best.pairs[:, 0]))
        slots = None if best.slots is None else best.slots[order]
        return Rematching(best.pairs[order], dual, _HOW, slots)

    def dual(self, corner: _Corner) -> ChangePrices | None:
        """Return the prices of a corner, with what proves that nobody can match more rows."""
        if corner.prices is None:
            return None
        prices = replace(corner.prices, coverage=self.cover)
        return ChangePrices(prices, corner.keep, self.bonus, 1)

    def move(self, point: HullPoint, bonus: int) -> HullPoint:
        """Return a plan with what it is worth at another bonus."""
        return replace(point, value=point.value + (bonus - self.bonus) * len(point.pairs))

    def _point(self, found: AssignmentSolution) -> HullPoint:
        kept = count_kept(self.column_of, found.pairs)
        value, proved = int(self.find(*found.pairs.T).sum()), found.status is Status.OPTIMAL
        return HullPoint(found.pairs, kept, value, found.slots, proved)

    def find(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what pairs are worth, each with the bonus."""
        return self.gains.pairs(row, column)[0]

    def hold_all(self) -> HullPoint:
        """Return the best plan in which all stay who have to."""
        for keep in (min(_DEAR * (self.gains.largest + 1), self.highest), self.highest):
            corner = self.solve(keep)
            if corner.point.kept >= self.n_kept:
                return corner.point
        if corner.point.proved:
            raise TooManyChangesError(corner.point.kept)
        return self.place_first()

    def place_first(self) -> HullPoint:
        """Return a plan of pairs that were there, as many as a search finds, and others around.

        For rules that no prices prove: there the dearest changes may still be too many.
        """
        held = hold_earlier(self.problem, self.column_of, self.n_kept, self.attempt)
        if held is None:
            raise UnsettledError
        value = int(self.find(*held.pairs.T).sum())
        kept = count_kept(self.column_of, held.pairs)
        point = HullPoint(held.pairs, kept, value, held.slots, proved=False)
        return self._write(_Corner(point, 0, None, None)).point

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
    free: AssignmentSolution | None = None,
    attempt: Attempt | None = None,
) -> tuple[Rematching, AssignmentSolution]:
    """Return the best plan that keeps at least ``n_kept`` of the pairs there were.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, of objective "coverage" or "total", of streamed gains >= 0, with
        loads, pins, quotas, budgets and slots, and without tiers; one column a row.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these must stay.
    free : AssignmentSolution, optional
        The best plan with any number of changes, with its prices, where it is known.
    attempt : Attempt, optional
        The clock, and where the best plan so far is kept.

    Returns
    -------
    rematching : Rematching
        At a corner of the concave hull of the trade-off between pairs kept and value the best
        plan; between two of them as many moves as fit of those that lead from one to the other.
        The prices bound every plan that keeps as many, by less than a millionth of a full score
        for each change more than the hull itself.
    free : AssignmentSolution
        The best plan with any number of changes.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    UnsettledError
        If none was found though none is ruled out: slots or budgets that no prices prove.
    OutOfTime, KeyboardInterrupt
        If the clock or Ctrl-C ended the search.

    Notes
    -----
    As :func:`~pairmatch.solvers.changes.rematching.solve_rematching`, with prices of a change in
    whole units, each of them one run of the streamed solver. Under "coverage" a pair is worth a
    bonus more: first the one with which the best plan was found, and where the limit leaves fewer
    people matched, one that outweighs all gains.
    """
    gains = problem.gains
    assert isinstance(gains, StreamedGains)  # noqa: S101 - whoever calls has looked
    attempt = attempt or Attempt()
    best = free or attempt.solve(problem)
    small, cover = 0, None
    if best.prices is not None:
        small, cover = best.prices.bonus, best.prices.coverage
    family = _raise_gains(problem, gains, column_of, small, n_kept, cover, attempt)
    corner = family.recall(best)
    attempt.go_on(best)
    return _search(family, corner, best), best


def _search(family: _Family, corner: _Corner, free: AssignmentSolution) -> Rematching:
    """Return the best plan that keeps enough pairs, from the best without a limit."""
    problem, column_of, n_kept = family.problem, family.column_of, family.n_kept
    few, many = _bracket(family, corner)
    answer = _narrow(family, few, many)
    if problem.objective != "coverage" or len(answer.pairs) == len(free.pairs):
        return answer
    places = min(problem.n_rows, int(problem.capacity.sum()))
    gains = problem.gains
    assert isinstance(gains, StreamedGains)  # noqa: S101 - whoever calls has looked
    safe = 1 << ((places + 1) * (gains.largest + 1)).bit_length()
    ends = family.move(few, safe), family.move(many, safe)
    family = _raise_gains(problem, gains, column_of, safe, n_kept, family.cover, family.attempt)
    if few is many:  # they all have to stay
        return family.prove(family.hold_all())
    return _narrow(family, *ends)


def _raise_gains(
    problem: AssignmentProblem,
    gains: StreamedGains,
    column_of: NDArray[np.int64],
    bonus: int,
    n_kept: int,
    cover: Prices | None,
    attempt: Attempt,
) -> _Family:
    """Return the problem in which every pair is worth a bonus more."""
    high = bonus >> _DIGITS << _DIGITS
    parts = [part for part in (high, bonus - high) if part] or [0]
    sides = []
    for features, units in ((gains.row_features, [1] * len(parts)), (gains.column_features, parts)):
        own = np.array(units, np.float32)  # exact: each is below 24 digits
        more = np.tile(own, (len(features), 1))
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
    return _Family(problem, raised, column_of, bonus, n_kept, cover, attempt)


def _bracket(family: _Family, free: _Corner) -> tuple[HullPoint, HullPoint]:
    """Return a plan that keeps too few pairs and one that keeps enough, or a best one twice."""
    n_kept, few = family.n_kept, free.point
    if 0 < n_kept == np.count_nonzero(family.column_of >= 0) > few.kept:
        all_stay = family.hold_all()
        return all_stay, all_stay
    gentle = family.solve(1).point  # of several best plans, one that keeps more
    if gentle.value == few.value:
        few = gentle
    if few.kept >= n_kept:
        return few, few
    keep = _FIRST
    many = family.solve(keep).point
    while many.kept < n_kept:
        if keep >= family.highest:
            if many.proved:
                raise TooManyChangesError(many.kept)
            return many, family.place_first()
        few, keep = many, min(keep * _RAISE, family.highest)
        many = family.solve(keep).point
    return few, many


def _narrow(family: _Family, few: HullPoint, many: HullPoint) -> Rematching:
    """Return the best plan that keeps enough pairs, by prices of a change between two plans."""
    n_kept = family.n_kept
    for _ in range(_MOST_PRICES):
        rise, run = few.value - many.value, many.kept - few.kept
        if run <= 0 or (family.corners and (many.kept == n_kept or rise <= 0)):
            break
        middle = family.solve(max(0, rise) // run).point
        enough = middle.kept >= n_kept
        end = many if enough else few
        if middle.kept == end.kept and middle.value <= end.value:
            break
        many, few = (middle, few) if enough else (many, middle)
    if many.kept > n_kept and few.value > many.value:
        slots = family.problem.slots
        twin = None if slots is None else slots.twin
        many = take_part(many, few, family.column_of, n_kept, family, twin)
    return family.prove(many)
