"""Answers with few changes in which rows have several columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.demand_meetings import bound_demand_slots, certify_demand_slots
from pairmatch.solvers.certify.demands import bound_demand, certify_demand
from pairmatch.solvers.certify.sums import find_magnitude
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.certify.changes import ChangeLimit, ChangeStep
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["DemandPrices", "certify_demand_changes"]

_LIMIT = 2**55


@dataclass(frozen=True, slots=True, eq=False)
class DemandPrices:
    """What proves an answer with few changes in which rows have several columns.

    Parameters
    ----------
    steps : tuple of ChangeStep
        Under "coverage" prices of the rows with a pair, of the pairs and of the total; under
        "total" of the total alone. Those that are missing are not proved. Prices are of problems in
        which the first pair of a row brings ``first``, every pair ``bonus`` and, in the last step,
        ``scale`` times its gain; in all of them a pair that was there brings ``keep`` more.
    """

    steps: tuple[ChangeStep, ...]


def certify_demand_changes(
    problem: AssignmentProblem,
    limit: ChangeLimit,
    pairs: NDArray[np.int64],
    dual: DemandPrices | None,
    slots: NDArray[np.int64] | None = None,
) -> Certificate:
    """Check an answer with a limited number of changes, and bound every other such answer.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked, of objective "coverage" or "total"; without tiers and budgets.
    limit : ChangeLimit
        Which pairs there were, and how many must stay.
    pairs : ndarray of int64, shape (n_pairs, 2)
        What was answered.
    dual : DemandPrices or None
        The prices that prove it; without them there is no bound.
    slots : ndarray of int64, shape (n_pairs, per_week), optional
        The slots of the pairs, where they take some.

    Returns
    -------
    Certificate
        As of :func:`~pairmatch.solvers.certify.demands.certify_demand`, of answers that keep as
        many pairs.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, keeps too few pairs, or the prices are of the wrong shape,
        sign or size.

    Notes
    -----
    Lagrangian duality: answers that keep at least K pairs are worth no more than the best of all
    with a price of ``keep`` on each change, less ``keep * K``; any prices bound that. Prices that
    leave minutes out bound all answers without slots, and so those with slots as well.
    """
    if problem.budgets:
        raise CertificateError("budgets have no place here")
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    answer = AssignmentSolution(pairs, None, Status.FEASIBLE, "", slots=slots)
    certify = certify_demand if problem.slots is None else certify_demand_slots
    known = certify(problem, answer)
    kept = limit.count_kept(pairs)
    if kept < limit.n_kept:
        what = f"keeps {kept} of the pairs there were, fewer than {limit.n_kept}."
        raise CertificateError("the answer changes too much", [Fault(what)])
    if dual is None:
        return known
    goals = list(dual.steps)
    seats, covers = known.seats or 0, problem.objective == "coverage"
    if len(goals) > (3 if covers else 1):
        raise CertificateError("there are more prices than goals")
    if covers and goals:
        step = goals.pop(0)
        most = _bound(problem, limit, step, worth=0)
        if step.prices.first < 1 or step.prices.bonus:
            raise CertificateError("these prices are for another goal")
        most = min(most // step.prices.first, known.matched_bound or most)
        known = replace(known, matched_bound=most)
    if covers and goals:
        step = goals.pop(0)
        most = _bound(problem, limit, step, worth=0)
        if step.prices.bonus < 1:
            raise CertificateError("these prices are for another goal")
        most = (most - step.prices.first * known.matched) // step.prices.bonus
        known = replace(known, seats_bound=min(most, known.seats_bound or most))
    if not goals:
        return known
    step = goals[0]
    if step.scale < 1 or (not covers and (step.prices.first or step.prices.bonus)):
        raise CertificateError("these prices are for another goal")
    most = _bound(problem, limit, step, worth=1)
    most -= step.prices.first * known.matched + step.prices.bonus * seats
    return replace(known, bound=most // step.scale)


def _bound(problem: AssignmentProblem, limit: ChangeLimit, step: ChangeStep, *, worth: int) -> int:
    """Return what no answer that keeps enough pairs exceeds, bonuses included."""
    if step.keep < 0 or step.scale < 0:
        raise CertificateError("the prices of changes are of the wrong sign")
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    largest = step.scale * find_magnitude(gain) * worth + step.keep
    if largest * max(1, int(problem.demand.max(initial=1))) > _LIMIT:
        raise CertificateError("gains and prices are too large to be added up exactly")
    lifted = step.scale * worth * gain.astype(np.int64)
    lifted[tuple(limit.earlier.T)] += step.keep
    asked = replace(problem, gains=MatrixGains(np.where(allowed, lifted, 0), allowed))
    if problem.slots is None or step.prices.time is None:
        most = bound_demand(replace(asked, slots=None), step.prices)
    else:
        most = bound_demand_slots(asked, step.prices)
    return most - step.keep * limit.n_kept
