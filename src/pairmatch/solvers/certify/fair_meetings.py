"""Whether an answer with slots of time is best by a list of objectives: fair ones and tiers.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs, slots nor prices.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.meetings import certify_slots
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Prices
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Slots
    from pairmatch.solvers.solution import AssignmentSolution, Certificate

__all__ = ["certify_fair_slots"]

_LIMIT = 2**55
_ROWS = 512


def certify_fair_slots(problem: AssignmentProblem, solution: AssignmentSolution) -> Certificate:
    """Check an answer with slots, and every objective in its turn.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked: slots, and "worst_off", "leximin" or tiers.
    solution : AssignmentSolution
        What was answered, by whatever means.

    Returns
    -------
    Certificate
        As of :func:`~pairmatch.solvers.certify.fair.certify_plan`.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if prices are not of the right shape, sign and size.

    Notes
    -----
    Under "worst_off" there are three bounds as of
    :func:`~pairmatch.solvers.certify.meetings.certify_slots`: of the rows that can be matched, of
    the rows that can be matched by higher gains only, and of the total by gains that are not lower.

    Otherwise each objective is a sum over pairs at slots, bounded by prices of places and of
    minutes in the time of columns. Where the bound is reached, complementary slackness says which
    answers reach it too: pairs at slots below the best profit of their row are out, rows of
    positive profit must be matched, loads of positive price are full, minutes of positive price
    taken. The next objective is bounded for these only, with prices of any sign. What else is
    asked for (several slots a pair, ways, people in two roles, quotas, budgets) is passed over,
    which leaves the bounds valid. O(pairs at slots) time a step.
    """
    plain = replace(
        problem, objective="total" if problem.objective == "total" else "coverage", tiers=None
    )
    rules = certify_slots(plain, replace(solution, prices=None, steps=()))
    rules = replace(rules, bound=None)
    if problem.objective == "worst_off":
        return _certify_lowest(plain, solution, rules)
    return _certify_steps(problem, solution, rules)


def _certify_lowest(
    problem: AssignmentProblem, solution: AssignmentSolution, rules: Certificate
) -> Certificate:
    """Check coverage, the lowest gain and the total."""
    nothing = np.zeros(problem.n_columns, np.int64)
    steps = list(solution.steps)
    if not steps:
        return rules
    covered = Prices(nothing, coverage=steps.pop(0))
    seen = certify_slots(problem, replace(solution, prices=covered, steps=()))
    rules = replace(rules, matched_bound=seen.matched_bound)
    if seen.matched_bound != rules.matched or solution.prices is None:
        return rules
    pairs = solution.pairs
    gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    if not len(gain):
        return replace(rules, bound=0)
    lowest = int(gain.min())
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    if pinned.min(initial=np.iinfo(np.int64).max) > lowest:
        if not steps or solution.slots is None:
            return rules
        # Who keeps to higher gains matches fewer rows. The pins alone are such an answer, once
        # minimum loads are passed over.
        above = replace(_keep(problem, lowest + 1), at_least=nothing)
        code = pairs[:, 0] * problem.n_columns + pairs[:, 1]
        own = np.isin(code, problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1])
        covered = Prices(nothing, coverage=steps.pop(0))
        alone = replace(
            solution, pairs=pairs[own], slots=solution.slots[own], prices=covered, steps=()
        )
        try:
            most = certify_slots(above, alone).matched_bound
        except CertificateError:  # prices that need the minimum loads
            return rules
        if most is None or most >= rules.matched:
            return rules
    total = certify_slots(_keep(problem, lowest), replace(solution, steps=()))
    return replace(rules, bound=None if steps else total.bound)


def _keep(problem: AssignmentProblem, least: int) -> AssignmentProblem:
    """Return the problem without the pairs of lower gains."""
    gains = problem.gains
    if isinstance(gains, StreamedGains):
        return replace(problem, gains=gains.keep_above(least))
    gain, allowed = gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    return replace(problem, gains=MatrixGains(gain, allowed & (gain >= least)))


def _certify_steps(
    problem: AssignmentProblem, solution: AssignmentSolution, rules: Certificate
) -> Certificate:
    """Check levels or tiers one after the other."""
    _check_prices(problem, solution)
    face = _Face(problem, solution)
    tiers = np.unique(face.tier).tolist()
    steps = list(solution.steps)
    if problem.objective != "total":
        if not steps:
            return rules
        bound = face.bound(np.ones_like(face.gain), steps.pop(0))
        if rules.matched_bound is not None:
            rules = replace(rules, matched_bound=min(rules.matched_bound, bound))
        if bound != rules.matched:
            return rules
        face.narrow()
    if problem.tiers is None:
        proved = _prove_levels(face, steps)
        return replace(rules, bound=rules.objective if proved else None)
    for k in tiers:
        of_tier = (face.tier == k).astype(np.int64)
        if not steps or face.bound(of_tier, steps.pop(0)) != of_tier[face.chosen].sum():
            return rules
        face.narrow()
    if steps or solution.prices is None:
        return rules
    return replace(rules, bound=face.bound(face.gain, solution.prices))


def _prove_levels(face: _Face, steps: list[Prices]) -> bool:
    """Check level by level that nobody who is as good below has fewer pairs there."""
    below = np.iinfo(np.int64).min
    for level in np.unique(face.gain[face.chosen]).tolist():
        if not steps:
            return False
        face.keep((face.gain <= below) | (face.gain >= level))
        on_level = -(face.gain == level).astype(np.int64)
        if face.bound(on_level, steps.pop(0)) != on_level[face.chosen].sum():
            return False
        face.narrow()
        below = level
    return not steps


def _check_prices(problem: AssignmentProblem, solution: AssignmentSolution) -> None:
    """Raise unless all prices have the shapes and sizes that a bound may be made of."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    shape = problem.n_columns, problem.slots.n_slots
    for prices in (*solution.steps, *([] if solution.prices is None else [solution.prices])):
        given = [prices.column] + ([] if prices.time is None else [prices.time])
        wanted = [shape[:1], shape][: len(given)]
        if [np.shape(array) for array in given] != wanted or prices.bonus or prices.scale != 1:
            raise CertificateError(f"prices must be integers of shapes {wanted}, without a bonus")
        if any(np.asarray(array).dtype.kind != "i" for array in given):
            raise CertificateError("prices must be integers")
        largest = sum(max(int(a.max(initial=0)), -int(a.min(initial=0))) for a in given)
        if largest > _LIMIT // max(1, problem.slots.n_slots):
            raise CertificateError("prices are too large to be added up exactly")


class _Face:
    """The answers that are as good as this one in every objective so far.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    solution : AssignmentSolution
        A checked answer.
    """

    def __init__(self, problem: AssignmentProblem, solution: AssignmentSolution) -> None:
        assert problem.slots is not None  # noqa: S101 - whoever calls has looked
        assert solution.slots is not None  # noqa: S101 - checked with the rules
        self.problem, self.slots = problem, problem.slots
        self.low, self.high = problem.at_least.copy(), problem.capacity.copy()
        shape = problem.n_columns, self.slots.n_slots
        self.taken, self.room = np.zeros(shape, np.int64), np.ones(shape, np.int64)
        self.must = np.zeros(problem.n_rows, np.bool_)
        self.must[problem.pins[:, 0]] = True
        self.row, self.column, self.slot = _list_places(problem, self.slots)
        self.gain, _ = problem.gains.pairs(self.row, self.column)
        self.tier = np.zeros_like(self.gain)
        if isinstance(problem.tiers, np.ndarray):
            self.tier = problem.tiers[self.row, self.column].astype(np.int64)
        code = self._code(self.row, self.column, self.slot)
        pairs = solution.pairs
        first = self._code(pairs[:, 0], pairs[:, 1], solution.slots.min(axis=1, initial=2**31))
        self.chosen = np.searchsorted(code, np.sort(first))

    def _code(
        self, row: NDArray[np.int64], column: NDArray[np.int64], slot: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return a number for each pair at a slot, ascending as they are listed."""
        return (row * self.problem.n_columns + column) * (self.slots.n_slots + 1) + slot + 1

    def bound(self, worth: NDArray[np.int64], prices: Prices) -> int:
        """Return an upper bound on the worth of the pairs of any answer here.

        Where it is reached, :meth:`narrow` may follow.
        """
        if max(int(worth.max(initial=0)), -int(worth.min(initial=0))) > _LIMIT:
            raise CertificateError("gains are too large to be added up exactly")
        time = np.zeros(self.room.shape, np.int64) if prices.time is None else prices.time
        profit = worth - prices.column[self.column]
        timed = self.slot >= 0
        profit[timed] -= _payments(self.slots, time)[self.column[timed], self.slot[timed]]
        self._profit, self._prices, self._time = profit, prices.column, time
        self._best = np.zeros(self.problem.n_rows, np.int64)
        first = np.flatnonzero(np.diff(self.row, prepend=-1))
        if len(first):
            self._best[self.row[first]] = np.maximum.reduceat(profit, first)
        np.maximum(self._best, 0, out=self._best, where=~self.must)
        total = sum(self._best.tolist())
        for low, high, price in self._limits():
            at = np.flatnonzero(price)
            amount = np.where(price > 0, high, low).ravel()[at]
            total += sum(n * p for n, p in zip(amount.tolist(), price.ravel()[at].tolist()))  # noqa: B905
        return total

    def _limits(
        self,
    ) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...]:
        return (self.low, self.high, self._prices), (self.taken, self.room, self._time)

    def narrow(self) -> None:
        """Keep the answers that reach the last bound: it was reached by this one."""
        self.must |= self._best > 0
        for low, high, price in self._limits():
            np.copyto(low, high, where=price > 0)
            np.copyto(high, low, where=price < 0)
        self.keep(self._profit == self._best[self.row])

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Keep the answers that are made of these pairs at these slots: this one is."""
        self.chosen = (np.cumsum(which) - 1)[self.chosen]
        self.row, self.column, self.slot = self.row[which], self.column[which], self.slot[which]
        self.gain, self.tier = self.gain[which], self.tier[which]


def _list_places(
    problem: AssignmentProblem, slots: Slots
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each allowed pair at each slot it can take, -1 if it takes none."""
    pins = np.full(problem.n_rows, -1)  # pinned rows have no other pair
    pins[problem.pins[:, 0]] = problem.pins[:, 1]
    nothing = np.empty(0, np.int64)
    parts = [(nothing, nothing, nothing)]
    for top in range(0, problem.n_rows, _ROWS):
        rows = slice(top, min(top + _ROWS, problem.n_rows))
        _, allowed = problem.gains.block(rows, slice(0, problem.n_columns))
        allowed = allowed & (problem.capacity > 0)
        own = pins[rows, None]
        row, column = np.nonzero(allowed & ((own < 0) | (own == np.arange(problem.n_columns))))
        row += top
        step = max(1, 2**22 // max(1, slots.n_slots))
        for begin in range(0, len(row), step):
            i, j = row[begin : begin + step], column[begin : begin + step]
            free = slots.open_row[i] | slots.open_column[j]
            # One more slot at the front for pairs that take none.
            joint = np.concatenate(
                [free[:, None], slots.row[i] & slots.column[j] & ~free[:, None]], axis=1
            )
            which, slot = np.nonzero(joint)
            parts.append((i[which], j[which], slot - 1))
    found = tuple(np.concatenate([part[k] for part in parts]) for k in range(3))
    return found[0], found[1], found[2]


def _payments(slots: Slots, time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each column asks for each slot: the prices of all minutes that it covers."""
    sums = np.concatenate([np.zeros((len(time), 1), np.int64), np.cumsum(time, axis=1)], axis=1)
    first = np.searchsorted(slots.start, slots.start, "left")
    after = np.searchsorted(slots.start, slots.start + slots.minutes, "left")
    paid: NDArray[np.int64] = sums[:, after] - sums[:, first]
    return paid
