"""Whether an answer is best, and costs least among the best.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs nor prices.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Certificate

__all__ = ["certify_costs"]

_LIMIT = 2**61


def certify_costs(
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    certify: Callable[[AssignmentProblem, AssignmentSolution], Certificate],
) -> Certificate:
    """Check an answer whose pairs cost something, and bound total and costs of every other one.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked, with costs.
    solution : AssignmentSolution
        What was answered; its prices belong to the gains that are described below.
    certify : callable
        Certifies a problem without costs.

    Returns
    -------
    Certificate
        ``cost`` is that of the answer; ``cost_bound`` is as much if no answer that is as good
        otherwise costs less, else 0.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if its prices cannot be used.

    Notes
    -----
    With F larger than what all pairs of an answer can cost together, an answer is best and of least
    cost if it maximises ``sum (F gain - cost)``: one more unit of gain outweighs any cost. And a
    bound B of that sum bounds the sum of the gains by ``(B + F - 1) // F``.
    """
    cost = problem.cost
    if cost is None:
        raise ValueError("the problem has no costs")
    if cost.shape != problem.gains.shape or cost.dtype.kind not in "iu" or (cost < 0).any():
        raise CertificateError(f"costs must be whole numbers >= 0 of shape {problem.gains.shape}")
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    n_pairs = min(int(problem.demand.sum()), int(problem.capacity.sum()))
    factor = 1 + n_pairs * int(cost.max(initial=0))
    if (int(np.abs(gain).max(initial=0)) + 1) * factor * max(1, n_pairs) > _LIMIT:
        raise CertificateError("gains and costs are too large to be added up exactly")
    joined = MatrixGains(np.where(allowed, factor * gain - cost, 0), allowed)
    found = certify(replace(problem, gains=joined, cost=None), solution)
    i, j = solution.pairs[:, 0], solution.pairs[:, 1]
    total, spent = int(gain[i, j].sum()), int(cost[i, j].sum())
    bound = found.bound
    least = 0
    if bound is not None:
        least = spent if bound == found.objective else 0
        bound = (bound + factor - 1) // factor
    return replace(found, objective=total, bound=bound, cost=spent, cost_bound=least)
