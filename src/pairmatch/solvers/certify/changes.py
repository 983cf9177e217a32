"""Whether an answer changes no more than it may, and how good any other such answer could be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import bound_matched, certify_assignment
from pairmatch.solvers.certify.lifts import lift_gains
from pairmatch.solvers.certify.meetings import certify_slots
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Index = slice | NDArray[np.int64]
    Look = Callable[[Index, Index], tuple[NDArray[np.integer], NDArray[np.bool_]]]

__all__ = [
    "ChangeLimit",
    "ChangePrices",
    "ChangeStep",
    "Running",
    "bound_changes",
    "certify_nearby",
    "certify_rematching",
    "leave_rows",
]


@dataclass(frozen=True, slots=True, eq=False)
class ChangeLimit:
    """Of the pairs there were, some number must stay.

    Parameters
    ----------
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were and still may be, -1 for none; columns, where
        rows have several.
    n_kept : int
        How many of these pairs the answer must have, at least.
    """

    column_of: NDArray[np.int64]
    n_kept: int

    @property
    def _columns(self) -> NDArray[np.int64]:
        return self.column_of[:, None] if self.column_of.ndim == 1 else self.column_of

    @property
    def earlier(self) -> NDArray[np.int64]:
        """The pairs there were and still may be, shape (n_earlier, 2)."""
        columns = self._columns
        row, place = np.nonzero(columns >= 0)
        return np.stack([row, columns[row, place]], axis=1)

    def contains(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of some pairs there were."""
        there = np.zeros(len(rows), np.bool_)
        for own in self._columns.T:
            there |= own[rows] == columns
        return there

    def count_kept(self, pairs: NDArray[np.int64]) -> int:
        """Return how many of some pairs, shape (n_pairs, 2), there were."""
        return int(np.count_nonzero(self.contains(pairs[:, 0], pairs[:, 1])))


@dataclass(frozen=True, slots=True, eq=False)
class ChangeStep:
    """Dual prices of one goal among several, with a limit on changes.

    Parameters
    ----------
    prices : Prices
        Prices of places and quotas where a pair is worth ``scale`` times what it counts for the
        goal, and a pair that was there ``keep`` more.
    keep : int
        Price of a change; below 0 only once the plans must keep just enough pairs.
    scale : int
        Factor that makes the price of a change whole, >= 1.
    """

    prices: Prices
    keep: int
    scale: int


@dataclass(frozen=True, slots=True, eq=False)
class ChangePrices:
    """Dual prices of a problem with a limit on changes.

    Parameters
    ----------
    prices : Prices
        Prices of places in the problem of objective "total" in which a pair is worth
        ``scale * (bonus + gain)``, and a pair that was there ``keep`` more.
    keep : int
        Price of a change, >= 0.
    bonus : int
        What every pair gets on top of its gain, so that coverage comes first; 0 under "total".
    scale : int
        Factor that makes the price of a change whole, >= 1.
    tier : tuple of int, default: ()
        What a pair of each tier gets on top of its gain, where there are tiers.
    """

    prices: Prices
    keep: int
    bonus: int
    scale: int
    tier: tuple[int, ...] = ()


def certify_rematching(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices | None,
    slots: NDArray[np.int64] | None = None,
) -> Certificate:
    """Check an answer with a limited number of changes, and bound every other such answer.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked, of objective "coverage" or "total".
    limit : ChangeLimit
        Which pairs there were, and how many must stay.
    pairs : ndarray of int64, shape (n_pairs, 2)
        What was answered.
    dual : ChangePrices or None
        The prices that prove it; without them there is no bound.
    slots : ndarray of int64, shape (n_pairs, per_week), optional
        The slots of the pairs, where they take some.

    Returns
    -------
    Certificate
        Under "coverage", ``matched_bound`` holds for every answer that keeps as many pairs, and
        ``bound`` for those among them that match at least as many as this one.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, keeps too few pairs, or the prices are of the wrong shape.

    Notes
    -----
    Lagrangian duality. For any m >= 0 the answers that keep at least K pairs are worth at most
    ``max over all answers of [value + m * (pairs kept)] - m * K``, and the first part is the bound
    of an ordinary assignment problem: any prices prove one. Answers that match more are worth a
    bonus more, so the same bound says how many can be matched.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    plain = replace(problem, objective="total", tiers=None)
    answer = AssignmentSolution(pairs, None, Status.FEASIBLE, "", slots=slots)
    certify = certify_assignment if problem.slots is None else certify_slots
    objective = certify(plain, answer).objective
    kept = limit.count_kept(pairs)
    if kept < limit.n_kept:
        what = f"keeps {kept} of the pairs there were, fewer than {limit.n_kept}."
        raise CertificateError("the answer changes too much", [Fault(what)])
    covers = problem.objective == "coverage"
    if dual is None:
        return Certificate(objective, None, len(pairs), None)
    value = bound_changes(problem, limit, dual, answer)
    if value is None:  # pragma: no cover - prices always give one
        return Certificate(objective, None, len(pairs), None)
    if not covers:
        return Certificate(objective, value, len(pairs), None)
    low = 0  # gains of streamed pools are >= 0
    if not isinstance(problem.gains, StreamedGains):
        gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
        low = int(gain[allowed].min()) if allowed.any() else 0
    least = dual.bonus + low
    matched_bound = value // least if least > 0 else None
    if dual.prices.coverage is not None:
        covered = bound_matched(problem, dual.prices.coverage)
        matched_bound = covered if matched_bound is None else min(covered, matched_bound)
    return Certificate(objective, value - dual.bonus * len(pairs), len(pairs), matched_bound)


def bound_changes(
    problem: AssignmentProblem, limit: ChangeLimit, dual: ChangePrices, answer: AssignmentSolution
) -> int | None:
    """Return what no answer that keeps enough pairs exceeds, the bonus of each pair included.

    Parameters
    ----------
    problem, limit, dual
        As for :func:`certify_rematching`.
    answer : AssignmentSolution
        Some answer to the problem without the limit, for its rules to be checked.

    Raises
    ------
    CertificateError
        If the prices are of the wrong sign or shape.
    """
    if dual.keep < 0 or dual.scale < 1 or dual.bonus < 0:
        raise CertificateError("the prices of changes are of the wrong sign")
    if dual.bonus and problem.objective != "coverage":
        raise CertificateError("the prices of changes are of the wrong sign")
    gains = lift_gains(problem.gains, limit.earlier, dual.keep, dual.bonus, dual.scale)
    lifted = replace(problem, objective="total", tiers=None, gains=gains)
    certify = certify_assignment if problem.slots is None else certify_slots
    priced = certify(lifted, replace(answer, prices=dual.prices))
    if priced.bound is None:  # pragma: no cover - prices always give one
        return None
    return (priced.bound - dual.keep * limit.n_kept) // dual.scale


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A plan that was proved best, and which of its rows and columns are still the same.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem that it answered, without pins, minimum loads, quotas and budgets.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The plan.
    prices : Prices
        The prices that proved it.
    certificate : Certificate
        What the check of that proof found.
    row, column : ndarray of int64
        By row and column of the present problem, the old one whose pairs are worth the same; -1
        for what is new or has changed.
    """

    problem: AssignmentProblem
    pairs: NDArray[np.int64]
    prices: Prices
    certificate: Certificate
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    def follow(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> Running:
        """Return the same after more changes: by new row and column the present one, or -1."""
        return replace(
            self,
            row=np.where(row >= 0, self.row[row], -1),
            column=np.where(column >= 0, self.column[column], -1),
        )


_SAMPLE = 64  # rows at a time; nearly always the first few pairs are enough


def leave_rows(running: Running) -> NDArray[np.int64] | None:
    """Return what the prices of a proved plan leave each of its rows, or None if that is unproved.

    Notes
    -----
    Profits of rows and prices of places add up to the bound; the worth of the pairs adds up to
    the objective. No profit is below what the row's own pair leaves, so if both sums are one,
    each profit is exactly that. A bound may also be proved without prices, by the best pair of
    each row; as soon as one row has a pair below its best, it was not.
    """
    problem, prices = running.problem, running.prices
    plain = not (len(problem.pins) or problem.at_least.any() or (problem.demand != 1).any())
    if not plain or problem.quotas or problem.budgets or problem.tiers is not None:
        return None
    if not running.certificate.proved or prices.scale != 1 or (prices.column < 0).any():
        return None
    rows, columns = running.pairs[:, 0], running.pairs[:, 1]
    load = np.bincount(columns, minlength=problem.n_columns)
    if (prices.column[load < problem.capacity] > 0).any():
        return None
    gain, _ = problem.gains.pairs(rows, columns)
    profit = np.zeros(problem.n_rows, np.int64)
    profit[rows] = gain + prices.bonus - prices.column[columns]
    if (profit < 0).any():
        return None
    if problem.objective == "coverage":
        own = np.zeros(problem.n_rows, np.int64)
        own[rows] = gain
        corner = [(0, min(_SAMPLE, problem.n_rows), min(_SAMPLE, problem.n_columns))]
        whole = range(0, problem.n_rows, _SAMPLE)
        for start, stop, width in corner + [(k, k + _SAMPLE, problem.n_columns) for k in whole]:
            part = slice(start, min(stop, problem.n_rows))
            worth, allowed = problem.gains.block(part, slice(0, width))
            if (np.where(allowed, worth, 0).max(axis=1, initial=0) > own[part]).any():
                return profit
        return None
    return profit


def certify_nearby(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices,
    running: Running,
    look: Look,
    left: NDArray[np.int64] | None = None,
) -> Certificate:
    """Check an answer near a proved plan; look only at what has changed, or has become cheaper.

    Parameters
    ----------
    problem, limit, pairs, dual
        As for :func:`certify_rematching`.
    running : Running
        The plan that was proved before.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.
    left : ndarray of int64, shape (n_old_rows,), optional
        What :func:`leave_rows` says of ``running``, where it has been asked before.

    Returns
    -------
    Certificate

    Raises
    ------
    CertificateError
        If the answer breaks a rule, keeps too few pairs, or the old proof cannot be built on.

    Notes
    -----
    Gains are >= 0 here. A row that is the same gets no more from the same columns at the same or
    higher prices than the old proof left it, and from a column that is cheaper by d at most d more
    than that. Only new rows, new columns, cheaper ones with the rows that have less than that, and
    rows of which all this is not enough to know are looked at.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    plain = replace(problem, objective="total", tiers=None)
    answer = AssignmentSolution(pairs, None, Status.FEASIBLE, "")
    objective = certify_assignment(plain, answer).objective
    kept = int(np.count_nonzero(limit.column_of[pairs[:, 0]] == pairs[:, 1]))
    old = leave_rows(running) if left is None else left
    price, scale, bonus = dual.prices.column, dual.scale, dual.bonus
    faults = []
    if kept < limit.n_kept:
        faults.append(f"it keeps {kept} of the pairs there were, fewer than {limit.n_kept}.")
    if old is None or bonus != running.prices.bonus or problem.pins.size:
        faults.append("the proof of the running plan cannot be built on.")
    if dual.keep < 0 or scale < 1 or (price < 0).any() or problem.at_least.any():
        faults.append("the prices are of the wrong sign.")
    if problem.quotas or problem.budgets or problem.tiers is not None:
        faults.append("quotas, budgets and tiers have no place here.")
    if faults or old is None:
        what = [Fault(fault) for fault in faults]
        raise CertificateError("the answer near a proved plan does not hold", what)
    same_column = running.column >= 0
    before = np.where(same_column, running.prices.column[running.column], 0)
    drop = np.where(same_column, scale * before - price, 0)
    every_column = slice(0, problem.n_columns)
    same_row = running.row >= 0
    given = np.where(same_row, scale * old[running.row], 0)

    def offer(rows: Index, columns: Index) -> NDArray[np.int64]:
        gain, allowed = look(rows, columns)
        worth = scale * (gain.astype(np.int64, copy=False) + bonus)
        worth -= price[columns]
        best: NDArray[np.int64] = np.where(allowed, worth, 0).max(axis=1, initial=0)
        return best

    mine = np.flatnonzero(limit.column_of >= 0)
    gain, allowed = problem.gains.pairs(mine, limit.column_of[mine])
    stay = np.zeros(problem.n_rows, np.int64)
    worth = scale * (gain + bonus) + dual.keep - price[limit.column_of[mine]]
    stay[mine] = np.where(allowed, worth, 0)
    profit = np.maximum(given, stay)
    more = profit - given  # how much cheaper a column may be before it matters to a row
    much = ~same_column | (drop > dual.keep)
    some = (drop > 0) & ~much
    rows = np.flatnonzero(~same_row | (more < drop[some].max(initial=0)))
    for who, columns in ((slice(0, problem.n_rows), much), (rows, some)):
        if columns.any() and (isinstance(who, slice) or len(who)):
            profit[who] = np.maximum(profit[who], offer(who, np.flatnonzero(columns)))
    has = np.zeros(problem.n_rows, np.int64)
    gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    has[pairs[:, 0]] = scale * (gain + bonus) - price[pairs[:, 1]]
    has[pairs[:, 0]] += dual.keep * (limit.column_of[pairs[:, 0]] == pairs[:, 1])
    loose = np.flatnonzero(~same_row | (profit > has))
    if len(loose):
        profit[loose] = np.maximum(offer(loose, every_column), stay[loose])
    total = int(profit.sum()) + int(problem.capacity @ price) - dual.keep * limit.n_kept
    value = total // scale
    if problem.objective != "coverage":
        return Certificate(objective, value, len(pairs), None)
    most = min(problem.n_rows, int(problem.capacity.sum()))
    if bonus:
        most = min(most, value // bonus)
    return Certificate(objective, value - bonus * len(pairs), len(pairs), most)
