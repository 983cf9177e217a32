"""Which exact method takes which assignment problem."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from pairmatch.errors import ProgramError, did_you_mean
from pairmatch.solvers.assignment.dense import fits_dense, solve_dense
from pairmatch.solvers.assignment.fairness import is_fair, solve_fairly
from pairmatch.solvers.assignment.flow import solve_by_flow
from pairmatch.solvers.assignment.integer import solve_by_integers
from pairmatch.solvers.assignment.layout import find_laminar
from pairmatch.solvers.assignment.remainder import set_pins
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["METHODS", "Method", "solve_assignment"]

Method = Literal["auto", "dense", "flow", "integer"]
METHODS: tuple[Method, ...] = get_args(Method)

_LARGE = 4000 * 4000  # pairs; above, a matrix and its copies are more than a notebook may want
_DENSITY = 0.1  # share of allowed pairs from which on the dense solver beat the flow


def solve_assignment(problem: AssignmentProblem, *, method: Method = "auto") -> AssignmentSolution:
    """Return the best plan of an assignment problem, with prices that prove it.

    Parameters
    ----------
    problem : AssignmentProblem
        Gains, loads, pins and quotas.
    method : {"auto", "dense", "flow", "integer"}, default: "auto"
        How to look for it; the plan does not depend on it. ``"dense"``: one place each, no
        minimum loads, no quota that binds. ``"flow"``: any loads, and quotas that nest.
        ``"integer"``: everything, slowly. ``"auto"``: the first of these that can.

    Returns
    -------
    AssignmentSolution
        Pairs, prices and status. Among equally good plans: under "total" one that matches most
        rows, then most even loads (least sum of squares), then a fixed choice by the indices.

    Raises
    ------
    ProgramError
        If the method does not exist or cannot take a problem like this one.
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If the gains are too large for exact 64-bit arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> gain = np.array([[5, 4], [5, 1], [3, 3]])
    >>> problem = AssignmentProblem(
    ...     gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
    ...     capacity=np.array([1, 2]),
    ...     at_least=np.array([0, 0]),
    ... )
    >>> solve_assignment(problem).pairs.tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    if method not in METHODS:
        raise ProgramError(
            f"{method!r} is no method to solve an assignment.{did_you_mean(method, METHODS)}"
        )
    problem = _hold(problem)
    if is_fair(problem):
        if method == "integer":
            raise ProgramError(
                'method "integer" knows neither fair objectives nor tiers; use "flow" or "auto"'
            )
        return solve_fairly(problem, partial(solve_assignment, method=method))
    dense = fits_dense(problem)
    nested = len(find_laminar(problem.quotas, set_pins(problem).rows)) == len(problem.quotas)
    if method == "dense" and not dense:
        raise ProgramError(
            'method "dense" takes one place each, without minimum loads and binding quotas; '
            'use "flow", "integer" or "auto"'
        )
    if method == "flow" and not nested:
        raise ProgramError(
            'method "flow" takes quotas only whose classes lie within each other or apart; '
            'use "integer" or "auto"'
        )
    if method == "dense" or (method == "auto" and dense and _pays_off(problem)):
        solution = solve_dense(problem)
        if solution is not None:
            return solution
    if method == "integer" or not nested:
        return solve_by_integers(problem)
    return solve_by_flow(problem)


def _hold(problem: AssignmentProblem) -> AssignmentProblem:
    """Return the problem with its gains in a matrix, unless that would be a large one."""
    n_rows, n_columns = problem.gains.shape
    if isinstance(problem.gains, MatrixGains) or n_rows * n_columns > _LARGE:
        return problem
    gain, allowed = problem.gains.block(slice(0, n_rows), slice(0, n_columns))
    return replace(problem, gains=MatrixGains(gain, allowed))


def _pays_off(problem: AssignmentProblem) -> bool:
    """Return whether the dense solver is likely to be the faster one."""
    gains = problem.gains
    if not isinstance(gains, MatrixGains):
        return False
    return bool(gains.allowed.sum() >= _DENSITY * gains.allowed.size)
