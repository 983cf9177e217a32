"""Whether an answer in which everybody stays who can is the best of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Look = Callable[
        [NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.bool_]]
    ]

__all__ = ["certify_rest", "certify_standing"]


def certify_rest(
    rest: AssignmentProblem, answer: AssignmentSolution, fixed: NDArray[np.int64]
) -> Certificate:
    """Check the answer to what is left beside fixed pairs; the certificate counts these as well.

    Parameters
    ----------
    rest : AssignmentProblem
        Rows without a fixed pair, and columns with the places that are left.
    answer : AssignmentSolution
        What was answered.
    fixed : ndarray of int64, shape (n_fixed,)
        Gains of the fixed pairs.
    """
    found = certify_assignment(rest, answer)
    own, n = int(fixed.sum()), len(fixed)
    return Certificate(
        found.objective + own,
        None if found.bound is None else found.bound + own,
        found.matched + n,
        None if found.matched_bound is None else found.matched_bound + n,
    )


def certify_standing(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    pairs: NDArray[np.int64],
    prices: Prices | None,
    look: Look,
) -> Certificate:
    """Check an answer that has to keep certain pairs, and bound every other such answer.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked, without pins, minimum loads, quotas and budgets.
    column_of : ndarray of int64, shape (n_rows,)
        Column that each row has to keep, -1 for none.
    pairs : ndarray of int64, shape (n_pairs, 2)
        What was answered.
    prices : Prices or None
        Prices of the columns that have places left, in their order.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.

    Raises
    ------
    CertificateError
        If a pair is missing that had to stay, or the answer breaks another rule.
    """
    rows = np.flatnonzero(column_of >= 0)
    columns = column_of[rows]
    gain, allowed = problem.gains.pairs(rows, columns)
    left = problem.capacity - np.bincount(columns, minlength=problem.n_columns)
    has = np.full(problem.n_rows, -1, np.int64)
    has[pairs[:, 0]] = pairs[:, 1]
    idle, open_columns = np.flatnonzero(column_of < 0), np.flatnonzero(left > 0)
    own = pairs[column_of[pairs[:, 0]] < 0]
    plain = not (len(problem.pins) or problem.at_least.any() or problem.quotas or problem.budgets)
    plain = plain and problem.slots is None and problem.tiers is None
    faults = []
    if not plain or (problem.demand != 1).any():
        faults.append("rules beyond single pairs and places are not for this check.")
    if (has[rows] != columns).any() or len(np.unique(pairs[:, 0])) < len(pairs):
        faults.append("a pair is missing that had to stay.")
    if not allowed.all() or (left < 0).any() or not np.isin(own[:, 1], open_columns).all():
        faults.append("a pair is not allowed, or has no place.")
    if faults:
        what = [Fault(fault) for fault in faults]
        raise CertificateError("the answer changes what had to stay", what)
    worth, legal = look(idle, open_columns)
    rest = AssignmentProblem(
        MatrixGains(np.where(legal, worth, 0).astype(np.int64), legal),
        left[open_columns],
        np.zeros(len(open_columns), np.int64),
        objective=problem.objective,
    )
    places = np.searchsorted(idle, own[:, 0]), np.searchsorted(open_columns, own[:, 1])
    answer = AssignmentSolution(np.stack(places, axis=1), prices, Status.FEASIBLE, "")
    return certify_rest(rest, answer, gain.astype(np.int64))
