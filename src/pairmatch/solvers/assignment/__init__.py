"""Assignment: rows to columns, exactly."""

from pairmatch.solvers.assignment.choice import METHODS, Method, solve_assignment
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.network import RangeError

__all__ = ["METHODS", "LoadConflict", "Method", "RangeError", "solve_assignment"]
