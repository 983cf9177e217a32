"""Minutes of cover that pairs need while lessons are watched, and what they cost."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pairmatch.constraints.cover import count_cover_of_pair, price_cover
from pairmatch.seam.cover import covering_rule

if TYPE_CHECKING:
    from pairmatch.programs import Program
    from pairmatch.scoring.own import Scored
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["charge_cover", "count_least_cover"]


def count_least_cover(scored: Scored, program: Program, solution: AssignmentSolution) -> int | None:
    """Return the minutes of cover that pairs need at least; None where nobody is covered."""
    rule = covering_rule(program.constraints)
    if rule is None:
        return None
    table: Any = scored
    return sum(
        count_cover_of_pair(rule, table.coached, i, table.coach, j)
        for i, j in solution.pairs.tolist()
    )


def charge_cover(scored: Scored, program: Program, solution: AssignmentSolution) -> int:
    """Return what the cover of pairs costs, in units of their scores."""
    rule = covering_rule(program.constraints)
    price = 0 if rule is None else price_cover(rule, Fraction(scored.scale))
    return price * (count_least_cover(scored, program, solution) or 0) if price else 0
