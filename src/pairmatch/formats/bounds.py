"""What several formats could be worth together at most, whatever their order."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import CarryOver, Load, TakeTurns, Tiers, bind_pair_rules
from pairmatch.errors import PairmatchWarning
from pairmatch.formats.several import minutes_of, watching_of
from pairmatch.formats.sharing import Seats
from pairmatch.programs import default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.seam import MOST_HELD
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.regrouping import share_company, share_people
from pairmatch.solvers.certify.small_groups import group_value
from pairmatch.solvers.groups.regrouping.company import Company
from pairmatch.solvers.groups.regrouping.solver import price_company
from pairmatch.solvers.problem import AssignmentProblem, GroupingProblem

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
    seats : tuple of Seats or None
        What each place in it brings at most; None if that is not known.
    """

    bound: float | None
    rate: Callable[[Any], float | None]
    seats: tuple[Seats, ...] | None = None


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
        return Alone(0.0, lambda _: 0.0, ())
    if not isinstance(problem, GroupingProblem) or problem.n > _MOST_HELD:
        return Alone(None, lambda _: None)
    nobody = np.full(problem.n, -1, np.int64)
    prices = price_company(problem, Company(nobody), 0, [0])
    unit = lcm(*range(problem.smallest - 1, problem.largest))
    bound = share_company(problem, nobody, 0, prices.person, prices.charge)[0]
    once = np.ones(problem.n, np.int64)
    places = share_people(problem, prices.person)
    minutes = minutes_of(program) + watching_of(program)
    seats = Seats(tuple(table.ids), places, once, minutes, 2 * unit * int(scored.scale))

    def rate(plan: Grouping | None) -> float | None:
        worth = 0
        for members in () if plan is None else plan.group_ids:
            rows = table.find_rows(map(str, members))
            if not problem.allowed[np.ix_(rows, rows)][~np.eye(len(rows), dtype=bool)].all():
                return None  # by scores of a part of the pool it was allowed
            worth += group_value(problem, rows, unit)
        return worth / (unit * scored.scale)

    return Alone(bound / (unit * scored.scale), rate, (seats,))


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
        return Alone(0.0, lambda plan: 0.0 if plan is None else None, ())

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

    return Alone(alone.bound, rate, _price_seats(alone, minutes_of(program)))


def _price_seats(alone: Matching, minutes: int) -> tuple[Seats, ...] | None:
    """Return what each place of a mentee and of a mentor brings, whatever else is asked of pairs.

    With any prices of the mentors' places a pair is worth no more than its mentee makes of the
    best place at these prices, and the price of its own place.
    """
    problem = alone.problem
    if problem.n_rows * problem.n_columns > MOST_HELD:
        return None
    none = np.zeros(problem.n_columns, np.int64)
    plain = AssignmentProblem(
        problem.gains, problem.capacity, none, objective="total", demand=problem.demand
    )
    prices = solve_assignment(plain).prices
    price = none if prices is None else np.maximum(prices.column, 0)
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    left = np.where(allowed, gain - price, 0).max(axis=1, initial=0)
    scored: Any = alone.scored
    return tuple(
        Seats(tuple(side.ids), value, most, minutes, int(scored.scale))
        for side, value, most in (
            (scored.coached, left, problem.demand),
            (scored.coach, price, problem.capacity),
        )
    )
