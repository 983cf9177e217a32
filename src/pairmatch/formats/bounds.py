"""What several formats could be worth together at most, whatever their order."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import CarryOver, Load, TakeTurns, Tiers, bind_pair_rules
from pairmatch.errors import PairmatchWarning
from pairmatch.programs import default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.certify.regrouping import share_company
from pairmatch.solvers.certify.small_groups import group_value
from pairmatch.solvers.groups.regrouping.company import Company
from pairmatch.solvers.groups.regrouping.solver import price_company
from pairmatch.solvers.problem import GroupingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.plans import Grouping, Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

__all__ = ["Alone", "groups_alone", "pairs_alone"]

_MOST_HELD = 2048  # people whose prices share what all pairs give


@dataclass(frozen=True, slots=True)
class Alone:
    """One format with the whole pool, and all its time, for itself.

    Parameters
    ----------
    bound : float or None
        What any plan of it is worth at most, in whatever other formats leave; None if not known.
    rate : callable
        Returns what a plan is worth by the scores of the whole pool; None if that cannot be said.
    """

    bound: float | None
    rate: Callable[[Any], float | None]


def groups_alone(table: Profiles, program: Program) -> Alone:
    """Return what groups are worth in the whole pool, and what any groups are at most.

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
        return Alone(0.0, lambda _: 0.0)
    if not isinstance(problem, GroupingProblem) or problem.n > _MOST_HELD:
        return Alone(None, lambda _: None)
    nobody = np.full(problem.n, -1, np.int64)
    prices = price_company(problem, Company(nobody), 0, [0])
    unit = lcm(*range(problem.smallest - 1, problem.largest))
    bound = share_company(problem, nobody, 0, prices.person, prices.charge)[0]

    def rate(plan: Grouping | None) -> float | None:
        worth = 0
        for members in () if plan is None else plan.group_ids:
            rows = table.find_rows(map(str, members))
            if not problem.allowed[np.ix_(rows, rows)][~np.eye(len(rows), dtype=bool)].all():
                return None  # by scores of a part of the pool it was allowed
            worth += group_value(problem, rows, unit)
        return worth / (unit * scored.scale)

    return Alone(bound / (unit * scored.scale), rate)


def pairs_alone(program: Program, match_alone: Callable[[Program], Any]) -> Alone:
    """Return what pairs are worth in the whole pool, and what any pairs are at most.

    Parameters
    ----------
    program : Program
        The format.
    match_alone : callable
        Returns the plan of a program in the whole pool, with all the time.

    Notes
    -----
    What comes before the total is left out, and so are minimum loads: of a mentor whose time
    another format has taken nobody asks them.
    """
    rest = (
        replace(rule, at_least=0) if isinstance(rule, Load) else rule
        for rule in program.constraints
        if not isinstance(rule, (Tiers, CarryOver))
    )
    alone = match_alone(replace(program, constraints=tuple(rest), objective="total"))
    if alone is None:
        return Alone(0.0, lambda plan: 0.0 if plan is None else None)

    def rate(plan: Matching | None) -> float | None:
        if plan is None:
            return 0.0
        sides = []
        for whole, part, own in zip(
            (alone.scored.coached, alone.scored.coach), (plan.scored.coached, plan.scored.coach),
            plan.solution.pairs.T, strict=True,
        ):  # fmt: skip
            known = whole.find_rows(str(part.ids[row]) for row in own.tolist())
            sides.append(np.array(known, np.int64))
        gain, allowed = alone.problem.gains.pairs(*sides)
        return alone.in_scores(int(gain.sum())) if allowed.all() else None

    return Alone(alone.bound, rate)
