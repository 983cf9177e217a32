"""Which exact method takes which assignment problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pairmatch.errors import ProgramError, did_you_mean
from pairmatch.solvers.assignment.dense import fits_dense, solve_dense
from pairmatch.solvers.assignment.flow import solve_by_flow
from pairmatch.solvers.assignment.integer import solve_by_integers
from pairmatch.solvers.assignment.layout import find_laminar
from pairmatch.solvers.assignment.remainder import set_pins

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["METHODS", "Method", "solve_assignment"]

Method = Literal["auto", "dense", "flow", "integer"]
METHODS: tuple[Method, ...] = get_args(Method)

_DENSE_PAIRS = 3000 * 3000  # above, the matrix and its copies weigh more than the time they save


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
        If the gains are too far apart for exact 64-bit arithmetic.

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
    if method == "dense" and not fits_dense(problem):
        raise ProgramError(
            'method "dense" takes one place each, without minimum loads and binding quotas; '
            'use "flow", "integer" or "auto"'
        )
    nested = len(find_laminar(problem.quotas, set_pins(problem).rows)) == len(problem.quotas)
    if method == "flow" and not nested:
        raise ProgramError(
            'method "flow" takes quotas only whose classes lie within each other or apart; '
            'use "integer" or "auto"'
        )
    if method == "dense" or (method == "auto" and _suits_dense(problem)):
        solution = solve_dense(problem)
        if solution is not None:
            return solution
    if method == "integer" or not nested:
        return solve_by_integers(problem)
    return solve_by_flow(problem)


def _suits_dense(problem: AssignmentProblem) -> bool:
    """Whether the dense solver can take a problem and is likely to be the faster one."""
    n_rows, n_columns = problem.gains.shape
    return n_rows * n_columns <= _DENSE_PAIRS and fits_dense(problem)
