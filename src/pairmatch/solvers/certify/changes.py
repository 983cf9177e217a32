"""Whether an answer changes no more than it may, and how good any other such answer could be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import bound_matched, certify_assignment
from pairmatch.solvers.certify.lifts import lift_gains
from pairmatch.solvers.certify.meetings import bound_matched_in_time, certify_slots
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
    "bound_changes",
    "certify_rematching",
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

    @classmethod
    def allow(cls, column_of: NDArray[np.int64], at_most: int | None) -> ChangeLimit:
        """Return the limit of so many changes at most, None for any number."""
        n_before = int(np.count_nonzero(column_of >= 0))
        return cls(column_of, 0 if at_most is None else max(0, n_before - at_most))

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
        bound = bound_matched if problem.slots is None else bound_matched_in_time
        covered = bound(problem, dual.prices.coverage)
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
