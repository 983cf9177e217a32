"""Groups of one pool: sizes, exact values, search, bounds."""

from pairmatch.solvers.groups.solver import solve_grouping

__all__ = ["solve_grouping"]
