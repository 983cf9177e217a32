"""What was asked, once more: scores, rules and integers from the tables and the program alone.

A check that took the problem from the plan would believe whoever made the plan.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import bind_pair_rules
from pairmatch.errors import CertificateError, Fault, PairmatchWarning
from pairmatch.programs import default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.scoring.own import OwnScores, Scored
from pairmatch.seam import assignment_problem
from pairmatch.seam.groups import grouping_problem

if TYPE_CHECKING:
    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.problem import AssignmentProblem, GroupingProblem, StreamedGrouping

__all__ = ["rebuild_grouping", "rebuild_matching"]


def rebuild_matching(plan: PairPlan) -> AssignmentProblem:
    """Return the integers that the tables and the program of a matching mean.

    Raises
    ------
    CertificateError
        If the plan's scores are not those of its program.
    """
    scored = _rescore(plan, mutual=False)
    objective: Any = plan.program.objective
    return assignment_problem(scored, plan.program.constraints, objective)


def rebuild_grouping(plan: GroupPlan) -> GroupingProblem | StreamedGrouping:
    """Return the integers that the table and the program of a grouping mean.

    Raises
    ------
    CertificateError
        If the plan's scores are not those of its program.
    """
    return grouping_problem(_rescore(plan, mutual=True), plan.program)


def _rescore(plan: PairPlan | GroupPlan, *, mutual: bool) -> Scored:
    """Return scores and rules from the tables; raise if the plan has other ones."""
    scored, constraints = plan.scored, plan.program.constraints
    coached, coach = scored.coached, scored.coach
    if isinstance(scored, OwnScores):
        rules = bind_pair_rules(constraints, coached, coach, scale=scored.scale, mutual=mutual)
        return scored.with_rules(rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
        rules = bind_pair_rules(constraints, coached, coach, mutual=mutual)
        criteria = plan.program.criteria or default_criteria(scored.coached, scored.coach)
        neutral = dict(plan.fixed_neutral)
        again = Compatibility.bind(scored.coached, scored.coach, criteria, rules, neutral=neutral)
    for name in ("criteria", "units_of_criteria", "neutral"):
        if getattr(again, name) != getattr(scored, name):
            what = f"{name} of its scores are {getattr(scored, name)}, not {getattr(again, name)}."
            raise CertificateError("the plan does not hold", [Fault(what)])
    return again
