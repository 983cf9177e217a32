"""Forming groups after changes: who could stay, and the best groups for each number of changes."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import TakeTurns
from pairmatch.cycles.renewal import bind_anew
from pairmatch.errors import CapabilityError
from pairmatch.inputs import refuse_large_scores
from pairmatch.plans import Grouping
from pairmatch.scoring.own import OwnScores
from pairmatch.seam import hashed_order
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.certify.group_rules import find_broken_rules
from pairmatch.solvers.certify.regrouping import certify_regrouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.regrouping.company import Company
from pairmatch.solvers.groups.regrouping.solver import N_EXACT, Trail, price_company
from pairmatch.solvers.groups.regrouping.vicinity import carry_prices, regroup_near
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import CompanyPrices, GroupingSolution, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pairmatch.programs import Program
    from pairmatch.solvers.groups.basis.clock import Clock
    from pairmatch.solvers.problem import StreamedGrouping
    from pairmatch.solvers.solution import Certificate

__all__ = [
    "N_WHOLE",
    "Reformed",
    "carry_standing",
    "find_company",
    "find_touched",
    "reform",
    "renew_groups",
]

N_WHOLE = 400
"""People up to whom all groups are looked at; above, only groups near changes are opened."""

_CHARGES = (0.0, 0.03, 0.15)  # of what a person is worth in the mean
_UNIT = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Reformed:
    """Groups for one number of changes.

    Parameters
    ----------
    groups : tuple of tuple of int
        Members of each group.
    solver : str
        How they were found, in a few words.
    certificate : Certificate
        What the independent check of the limited problem found.
    prices : CompanyPrices or None
        What its bound rests on; None up to 13 people, and where there is none.
    status : Status
        Whether the clock or Ctrl-C ended the search.
    """

    groups: tuple[tuple[int, ...], ...]
    solver: str
    certificate: Certificate
    prices: CompanyPrices | None
    status: Status


def reform(
    problem: GroupingProblem | StreamedGrouping,
    company: NDArray[np.int64],
    limits: Sequence[int],
    *,
    seed: int,
    clock: Clock,
    touched: Sequence[int] = (),
    standing: CompanyPrices | None = None,
) -> Iterator[Reformed]:
    """Yield the best groups in which so many people keep theirs, for one number after another.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        The pool as it is now.
    company : ndarray of int64, shape (n,)
        Old group of whoever could keep it, -1 for all others.
    limits : sequence of int
        How many people must keep their group, the largest number first.
    seed : int
        Seed of the search.
    clock : Clock
        When to stop.
    touched : sequence of int
        Old groups that changed.
    standing : CompanyPrices, optional
        Prices of the running plan, for pools of more than 400 people.
    """
    with refuse_large_scores():
        if isinstance(problem, GroupingProblem) and problem.n <= N_WHOLE:
            yield from _reform_whole(problem, company, limits, seed, clock)
            return
        best: Reformed | None = None
        for n_kept in limits:
            near = regroup_near(problem, Company(company), n_kept, touched, seed=seed, clock=clock)
            groups = tuple(near.groups)
            proof = certify_regrouping(problem, company, n_kept, groups, standing)
            found = Reformed(groups, near.solver, proof, standing, near.status)
            if best is None or _rate(problem, found) > _rate(problem, best):
                best = found  # groups that keep more people are an answer here, too
            yield best


def _rate(problem: GroupingProblem | StreamedGrouping, found: Reformed) -> tuple[int, int, int]:
    """Return what counts in order: people placed, sizes near the target, value."""
    off = sum((len(group) - problem.target) ** 2 for group in found.groups)
    return found.certificate.matched, -off, found.certificate.objective


def _reform_whole(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    limits: Sequence[int],
    seed: int,
    clock: Clock,
) -> Iterator[Reformed]:
    trail = Trail(problem, Company(company), seed, clock=clock)
    for n_kept in limits:
        if n_kept == 0 and problem.n > N_EXACT:
            left = None if clock.time_limit is None else clock.left(1.0)
            fresh = solve_grouping(problem, seed=seed, time_limit=left)
            numbers = range(int(fresh.group_of.max(initial=-1)) + 1)
            trail.add([tuple(np.flatnonzero(fresh.group_of == k).tolist()) for k in numbers])
            if fresh.status is Status.INTERRUPTED:
                trail.status = fresh.status
        found = trail.regroup(n_kept)
        groups, prices = tuple(found.groups), found.prices
        proof = certify_regrouping(problem, company, n_kept, groups, prices)
        if proof.bound is None and problem.n > N_EXACT and found.status is Status.FEASIBLE:
            each = proof.objective // problem.n
            charges = [round(each * share) for share in _CHARGES]
            prices = price_company(problem, Company(company), n_kept, charges)
            proof = certify_regrouping(problem, company, n_kept, groups, prices)
        yield Reformed(groups, found.solver, proof, prices, found.status)


def renew_groups(plan: Grouping, table: Any, program: Program) -> Grouping:
    """Return a plan without groups over a changed table and rules, on the scale of an old one.

    With ``TakeTurns``, of people who were left out equally often those come first who could keep
    their group, then the others by hash.
    """
    if program.rounds != 1:
        raise CapabilityError(
            "rematch() of groups knows no rounds; leave them out of the changed program, or form "
            "the rounds to come anew with form_rounds()"
        )
    own = isinstance(table, OwnScores)
    if own:
        table = table.square()
    table = table.take(
        *_twice(hashed_order(table.coached.ids if own else table.ids, plan.seed), own)
    )
    if any(isinstance(rule, TakeTurns) for rule in program.constraints):
        rest = [rule for rule in program.constraints if not isinstance(rule, TakeTurns)]
        company = find_company(plan, _bind(plan, table, program.replace(constraints=rest)))
        table = table.take(*_twice(np.argsort(company < 0, kind="stable"), own))
    return _bind(plan, table, program)


def _twice(order: NDArray[np.int64], own: bool) -> tuple[NDArray[np.int64], ...]:
    """Return an order of rows, and the same of columns for a matrix."""
    return (order, order) if own else (order,)


def _bind(plan: Grouping, table: Any, program: Program) -> Grouping:
    """Return a plan without groups over a table in its order."""
    scored, program, neutral = bind_anew(plan, table, table, program, mutual=True)
    problem: Any = grouping_problem(scored, program)
    nobody = GroupingSolution(np.full(problem.n, -1, np.int64), None, 1, "", Status.FEASIBLE, "")
    return Grouping(scored, problem, nobody, None, program, plan.seed, 0.0, fixed_neutral=neutral)


def find_company(plan: Grouping, new: Grouping) -> NDArray[np.int64]:
    """Return by new row the old group of whoever could keep it, -1 for all others."""
    problem: Any = new.problem
    row_of = {str(who): row for row, who in enumerate(new.scored.coached.ids)}
    company = np.full(len(row_of), -1, np.int64)
    stays_out: Any = np.zeros(problem.n, np.bool_)
    if isinstance(problem, GroupingProblem):  # whose turn it is to stay out has left as well
        stays_out = ~problem.allowed.any(axis=1)
    number = 0
    for members in plan.group_ids:
        here = [row_of[str(who)] for who in members if str(who) in row_of]
        here = [row for row in here if not stays_out[row]]
        if not problem.smallest <= len(here) <= problem.largest:
            continue
        rows = np.array(here, np.int64)
        part = problem if isinstance(problem, GroupingProblem) else problem.take(rows)
        if not find_broken_rules(part, here if part is problem else list(range(len(here)))):
            company[here] = number
            number += 1
    return company


def find_touched(plan: Grouping, new: Grouping, company: NDArray[np.int64]) -> list[int]:
    """Return the groups that go on and that somebody left."""
    here = {str(who): row for row, who in enumerate(new.scored.coached.ids)}
    touched = []
    for members in plan.group_ids:
        rows = [here[str(who)] for who in members if str(who) in here]
        if len(rows) < len(members) and rows and company[rows].max() >= 0:
            touched.append(int(company[rows].max()))
    return touched


def carry_standing(plan: Grouping, new: Grouping) -> CompanyPrices | None:
    """Return the prices of a running plan for everybody who is there now, or None."""
    problem: Any = new.problem
    scale = lcm(*range(problem.smallest - 1, problem.largest))
    solution = plan.solution
    plain = [case for case in solution.cases if not len(case.sets)]
    if len(plain) == 1 and len(solution.cases) == 1:
        person, factor = plain[0].person, solution.scale * plain[0].unit
    elif solution.prices is not None:
        person, factor = solution.prices, solution.scale
    else:
        return None
    row_of = {str(who): row for row, who in enumerate(plan.scored.coached.ids)}
    rows = np.array([row_of.get(str(who), -1) for who in new.scored.coached.ids])
    known = rows >= 0
    price = np.where(known, -(-person[rows] * scale * _UNIT // factor), 0)
    return CompanyPrices(carry_prices(problem, price, known, scale * _UNIT), 0, _UNIT)
