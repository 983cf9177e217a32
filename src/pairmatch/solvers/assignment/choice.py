"""Which exact method takes which assignment problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pairmatch.errors import ProgramError, did_you_mean
from pairmatch.solvers.assignment.dense import fits_dense, solve_dense
from pairmatch.solvers.assignment.flow import solve_by_flow
from pairmatch.solvers.assignment.layout import find_laminar
from pairmatch.solvers.assignment.remainder import set_pins

if TYPE_CHECKING:
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["METHODS", "Method", "solve_assignment"]

Method = Literal["auto", "dense", "flow", "integer"]
METHODS: tuple[Method, ...] = ("auto", "dense", "flow", "integer")


def solve_assignment(
    problem: AssignmentProblem, *, method: Method = "auto"
) -> AssignmentSolution:
    if method == "dense":
        return solve_dense(problem)
    return solve_by_flow(problem)
