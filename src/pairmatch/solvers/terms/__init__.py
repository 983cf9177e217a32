"""Several rounds of groups: schedules, planning together, limits."""

from pairmatch.solvers.terms.completing import complete_term
from pairmatch.solvers.terms.planning import plan_term

__all__ = ["complete_term", "plan_term"]
