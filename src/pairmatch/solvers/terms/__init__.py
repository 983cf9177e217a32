"""Several rounds of groups: schedules, planning together, limits."""

from pairmatch.solvers.terms.planning import plan_term

__all__ = ["plan_term"]
