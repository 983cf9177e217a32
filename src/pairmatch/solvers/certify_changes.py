"""Whether an answer changes no more than it may, and how good any other such answer could be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["ChangeLimit", "ChangePrices", "certify_rematching"]


@dataclass(frozen=True, slots=True, eq=False)
class ChangeLimit:
    """Of the pairs there were, some number must stay.

    Parameters
    ----------
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these pairs the answer must have, at least.
    """

    column_of: NDArray[np.int64]
    n_kept: int


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
    """

    prices: Prices
    keep: int
    bonus: int
    scale: int


def certify_rematching(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: ChangePrices | None,
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
    answer = AssignmentSolution(pairs, None, Status.FEASIBLE, "")
    objective = certify_assignment(plain, answer).objective
    kept = int(np.count_nonzero(limit.column_of[pairs[:, 0]] == pairs[:, 1]))
    if kept < limit.n_kept:
        what = f"keeps {kept} of the pairs there were, fewer than {limit.n_kept}."
        raise CertificateError("the answer changes too much", [Fault(what)])
    covers = problem.objective == "coverage"
    if dual is None:
        return Certificate(objective, None, len(pairs), None)
    if dual.keep < 0 or dual.scale < 1 or dual.bonus < 0 or (dual.bonus and not covers):
        raise CertificateError("the prices of changes are of the wrong sign")
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    worth = dual.scale * (gain.astype(np.int64) + dual.bonus)
    rows = np.flatnonzero(limit.column_of >= 0)
    worth[rows, limit.column_of[rows]] += dual.keep
    lifted = replace(plain, gains=MatrixGains(np.where(allowed, worth, 0), allowed))
    priced = certify_assignment(lifted, replace(answer, prices=dual.prices))
    if priced.bound is None:  # pragma: no cover - prices always give one
        return Certificate(objective, None, len(pairs), None)
    value = (priced.bound - dual.keep * limit.n_kept) // dual.scale
    if not covers:
        return Certificate(objective, value, len(pairs), None)
    least = dual.bonus + int(gain[allowed].min(initial=0))
    matched_bound = value // least if least > 0 else None
    return Certificate(objective, value - dual.bonus * len(pairs), len(pairs), matched_bound)
