"""What several formats could be worth together at most, whatever their order."""

from __future__ import annotations

import warnings
from dataclasses import replace
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import TakeTurns, Tiers, bind_pair_rules
from pairmatch.errors import PairmatchWarning
from pairmatch.programs import default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.certify.regrouping import share_company
from pairmatch.solvers.certify.small_groups import group_value
from pairmatch.solvers.groups.company import Company
from pairmatch.solvers.groups.regrouping import price_company
from pairmatch.solvers.problem import GroupingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.plans import Grouping, Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

__all__ = ["bound_groups", "bound_pairs"]

_MOST_HELD = 2048  # people whose prices share what all pairs give

Worth = tuple[float | None, float | None]
"""What a plan is worth on the scale of the whole pool, and what any plan is at most."""


def bound_groups(table: Profiles, program: Program, plan: Grouping | None) -> Worth:
    """Return what a plan of groups is worth in the whole pool, and what any groups are at most.

    Notes
    -----
    Prices share what each pair gives between its two people, so that the bound holds for groups of
    any of the people, in any of the sizes.
    """
    rest = [rule for rule in program.constraints if not isinstance(rule, TakeTurns)]
    program = program.replace(constraints=rest, rounds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
        rules = bind_pair_rules(rest, table, table, mutual=True)
        criteria = program.criteria or default_criteria(table, table)
        scored = Compatibility.bind(table, table, criteria, rules)
        problem = grouping_problem(scored, program)
    if problem.n < problem.smallest:
        return 0.0, 0.0
    if not isinstance(problem, GroupingProblem) or problem.n > _MOST_HELD:
        return None, None
    nobody = np.full(problem.n, -1, np.int64)
    prices = price_company(problem, Company(nobody), 0, [0])
    scale = lcm(*range(problem.smallest - 1, problem.largest)) * scored.scale
    bound = share_company(problem, nobody, 0, prices.person, prices.charge)[0]
    row_of = {key: row for row, key in enumerate(table.ids)}
    worth = 0
    for members in () if plan is None else plan.group_ids:
        rows = [row_of[str(who)] for who in members]
        if not problem.allowed[np.ix_(rows, rows)][~np.eye(len(rows), dtype=bool)].all():
            return None, None  # by scores of a part of the pool it was allowed
        worth += group_value(problem, rows, scale // scored.scale)
    return worth / scale, bound / scale


def bound_pairs(
    program: Program, plan: Matching | None, match_alone: Callable[[Program], Any]
) -> Worth:
    """Return what a plan of pairs is worth in the whole pool, and what any plan is at most.

    Parameters
    ----------
    program : Program
        The format.
    plan : Matching or None
        Its plan in what other formats leave.
    match_alone : callable
        Returns the plan of a program in the whole pool, with all the time.
    """
    rest = [rule for rule in program.constraints if not isinstance(rule, Tiers)]
    alone = match_alone(replace(program, constraints=tuple(rest), objective="total"))
    if alone is None:
        return (0.0, 0.0) if plan is None else (None, None)
    if plan is None or not plan.matched:
        return 0.0, alone.bound
    row_of = {str(key): row for row, key in enumerate(alone.scored.coached.ids)}
    place_of = {str(key): row for row, key in enumerate(alone.scored.coach.ids)}
    ids = plan.scored.coached.ids, plan.scored.coach.ids
    pairs = plan.solution.pairs
    rows = np.array([row_of[str(ids[0][i])] for i in pairs[:, 0].tolist()])
    columns = np.array([place_of[str(ids[1][j])] for j in pairs[:, 1].tolist()])
    gain, allowed = alone.problem.gains.pairs(rows, columns)
    return (alone.in_scores(int(gain.sum())), alone.bound) if allowed.all() else (None, None)
