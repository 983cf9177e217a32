"""How good any answer near a proved plan can be, without a look at most of the pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.certify.changes import ChangeLimit, ChangePrices
    from pairmatch.solvers.problem import AssignmentProblem

    Index = slice | NDArray[np.int64]
    Look = Callable[[Index, Index], tuple[NDArray[np.integer], NDArray[np.bool_]]]

__all__ = ["Running", "bound_matched_nearby", "certify_nearby", "find_covered", "leave_rows"]


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


_AT_ONCE = 2**15  # pairs that are priced together: they stay in the cache
_SAMPLE = 64  # rows at a time; nearly always the first few pairs are enough


def leave_rows(running: Running, gain: NDArray[np.int64] | None = None) -> NDArray[np.int64] | None:
    """Return what the prices of a proved plan leave each of its rows, or None if that is unproved.

    ``gain`` are the gains of its pairs, where they are at hand.

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
    gain = problem.gains.pairs(rows, columns)[0] if gain is None else gain
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
        cost = price[columns] - scale * bonus
        best = np.zeros(len(gain), np.int64)
        height = max(1, _AT_ONCE // max(1, len(cost)))
        for top in range(0, len(gain), height):
            part = slice(top, top + height)
            worth = np.multiply(gain[part], scale, dtype=np.int64)
            worth -= cost
            worth *= allowed[part]
            worth.max(axis=1, initial=0, out=best[part])
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
    if most > len(pairs) and dual.prices.coverage is not None:
        cover = dual.prices.coverage.column
        most = min(most, bound_matched_nearby(problem, pairs, cover, running, look))
    return Certificate(objective, value - bonus * len(pairs), len(pairs), most)


def find_covered(running: Running) -> NDArray[np.bool_] | None:
    """Return which rows of a proved plan its cover needs, or None if that is unproved.

    Notes
    -----
    A cover is a set of rows and columns that has a person of every allowed pair; no plan matches
    more rows than it has rows and places. Where it has as many as the plan has pairs, each pair
    has exactly one of its two people in it, and nobody without a pair is.
    """
    problem, prices, pairs = running.problem, running.prices, running.pairs
    if prices.coverage is None or not isinstance(problem.gains, StreamedGains):
        return None
    matched, cover = len(pairs), prices.coverage.column
    trivial = min(problem.n_rows, int(problem.capacity.sum()))
    by_cover = matched == running.certificate.matched_bound and matched < trivial
    if not by_cover or prices.coverage.quota or not np.isin(cover, (0, 1)).all():
        return None
    covered = np.zeros(problem.n_rows, np.bool_)
    covered[pairs[:, 0]] = cover[pairs[:, 1]] == 0
    return covered


def bound_matched_nearby(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    cover: NDArray[np.int64],
    running: Running,
    look: Look,
) -> int:
    """Return how many rows any plan can match, from the cover of a running plan.

    Parameters
    ----------
    problem, pairs, running, look
        As for :func:`certify_nearby`.
    cover : ndarray of int64, shape (n_columns,)
        1 for each column that is to be in the cover, else 0.

    Notes
    -----
    Rows that are the same are known to need no place in the cover, or looked at: where a column
    is new and not in the cover, or was in it and no longer is, with all rows that might need to be;
    and rows whose own pair says that they need not be. O(columns) for each row that is looked at.
    """
    known = find_covered(running)
    if known is None or cover.shape != (problem.n_columns,) or not np.isin(cover, (0, 1)).all():
        raise CertificateError("the cover of the answer cannot be built on")
    assert running.prices.coverage is not None  # noqa: S101 - just looked at
    same, kept = running.row >= 0, running.column >= 0
    before = np.where(kept, running.prices.coverage.column[running.column], 1)
    covered = same & known[running.row]
    opened = np.flatnonzero((cover == 0) & (before == 1))
    out = np.flatnonzero(same & ~covered)
    if len(opened) and len(out):
        covered[out] = look(out, opened)[1].any(axis=1)
    needs = np.zeros(problem.n_rows, np.bool_)
    needs[pairs[:, 0]] = cover[pairs[:, 1]] == 0
    loose = np.flatnonzero(~same | (covered & ~needs))
    uncovered = np.flatnonzero(cover == 0)
    if len(loose):
        covered[loose] = look(loose, uncovered)[1].any(axis=1)
    return int(np.count_nonzero(covered)) + int(problem.capacity @ cover)
