"""Groups of one pool: sizes, exact values, search, bounds."""

from pairmatch.solvers.groups.choice import solve_grouping

__all__ = ["solve_grouping"]
