"""Costs of pairs that decide only between otherwise best plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.network import RangeError
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["put_costs_in_gains"]

_LIMIT = 2**60


def put_costs_in_gains(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem without costs whose best plans are those of this one.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with costs, under "coverage" or "total" without tiers.

    Returns
    -------
    AssignmentProblem
        Every gain is multiplied by more than all pairs of a plan can cost, and the cost of the
        pair is taken off: a better total outweighs any cost.

    Raises
    ------
    RangeError
        If the gains are too large for that.
    """
    gains, cost = problem.gains, problem.cost
    if cost is None:
        return problem
    every = slice(0, problem.n_rows), slice(0, problem.n_columns)
    gain, allowed = gains.block(*every)
    n_pairs = min(int(problem.demand.sum()), int(problem.capacity.sum()))
    factor = 1 + n_pairs * int(cost.max(initial=0))
    largest, limit = int(np.abs(gain).max(initial=0)), _LIMIT // (factor * max(1, n_pairs))
    if largest > limit:
        raise RangeError(largest, limit)
    joined = MatrixGains(np.where(allowed, gain * factor - cost, 0), allowed)
    return replace(problem, gains=joined, cost=None)
