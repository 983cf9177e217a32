"""A running plan over changed tables: what is new, what could stay, what is still proved."""

from __future__ import annotations

import warnings
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch import constraints as rules
from pairmatch.constraints import bind_pair_rules
from pairmatch.cycles.changes import Changes
from pairmatch.errors import CapabilityError, Fault, PairmatchWarning, ProgramError
from pairmatch.inputs import check_arguments, read_table
from pairmatch.options import Options
from pairmatch.plans import Grouping, Matching
from pairmatch.plans.conflict import check_pins
from pairmatch.plans.rounds import GroupingRounds
from pairmatch.plans.timetable import find_begins
from pairmatch.scoring import Compatibility, units_of_weights
from pairmatch.scoring.criterion import tell_apart
from pairmatch.scoring.own import OwnScores
from pairmatch.seam import assignment_problem, check_capabilities, hashed_order
from pairmatch.solvers.certify.nearby import Running
from pairmatch.solvers.solution import AssignmentSolution, Status
from pairmatch.typed import is_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = [
    "bind_anew",
    "carry_neutral",
    "check_request",
    "find_keepable",
    "find_proof",
    "find_running",
    "find_same",
    "find_times",
    "read_options",
    "renew",
]

_LEGAL = (
    rules.Forbid, rules.Require, rules.MinScore, rules.EvaluatorPairs, rules.Vetoes,
    rules.NotAgain, rules.Load, rules.Minutes, rules.Pin, rules.Quota, rules.Meetings,
    rules.Observation, rules.Different, rules.Spread, rules.Tiers, rules.CarryOver, rules.Demand,
)  # fmt: skip
_ANEW = "Match anew with match(), or leave it out of the changed program."
_REMEDIES = {"Compose": _ANEW}


def find_running(plan: Matching, new: Matching, changes: Changes) -> Running | None:
    """Return what of a plan's proof still holds, or None if new rules leave nothing of it."""
    simple = (rules.Load, *_LEGAL[:6])
    if (
        changes.program is not None
        or isinstance(plan.scored, OwnScores)
        or plan.scored.coach is plan.scored.coached
        or (known := find_proof(plan)) is None
        or {"worst_off", "leximin"} & {plan.problem.objective, new.problem.objective}
        or not all(isinstance(rule, simple) for rule in new.program.constraints)
        or "Continuity" in repr(new.program)  # worth something else once a mentor has left
        or (new.problem.at_least.any() or len(new.problem.pins))
    ):
        return None
    return known.follow(*find_same(plan, changes, new.scored.coached.ids, new.scored.coach.ids))


def find_proof(plan: Matching) -> Running | None:
    """Return the proof of a plan, or what still holds of that of an earlier one."""
    if plan.earlier is not None or plan.certificate is None or plan.solution.prices is None:
        return plan.earlier
    if len(plan.problem.pins):
        return None
    every = np.arange(plan.problem.n_rows), np.arange(plan.problem.n_columns)
    proof = plan.solution.pairs, plan.solution.prices, plan.certificate
    return Running(plan.problem, *proof, *every)


def check_request(plan: object, changes: object, at_most_changes: object) -> None:
    """Raise if this is no plan of pairs, or what is asked is not understood."""
    if changes is not None and not isinstance(changes, Changes):
        remedy = "Write rematch(plan, Changes(leave=[...]))."
        raise ProgramError("these are no changes", [Fault(f"found {changes!r}.", "", remedy)])
    if at_most_changes is not None and not is_count(at_most_changes):
        raise ProgramError(f"at_most_changes is {at_most_changes!r}; give a whole number >= 0")
    if isinstance(plan, GroupingRounds):
        what = "what was met in the rounds so far is history; the rounds to come are formed anew."
        remedy = (
            "Write history = History().add(rounds.rounds[0]) and so on for each round so far, and "
            "form_rounds(table, program) with NotAgain(history) among the constraints and rounds= "
            "as many as are left; one round by itself can be re-matched."
        )
        raise CapabilityError("several rounds are not re-matched", [Fault(what, "plan", remedy)])
    if not isinstance(plan, (Matching, Grouping)):
        remedy = "Give what match(), match_scores(), form_groups() or group_scores() returned."
        raise ProgramError("there is no plan", [Fault(f"found {plan!r}.", "plan", remedy)])


def read_options(options: object, seed: int) -> Options:
    """Return how to solve; with a seed of its own where nothing was said."""
    _, given = check_arguments(None, options)
    if given.method != "auto":
        raise CapabilityError(
            f"method={given.method!r} is for match(); how a running plan is brought up to date "
            "follows from what has changed; leave it out"
        )
    return Options(seed=seed) if options is None else given


def find_same(
    plan: Matching, changes: Changes, mentees: Sequence[str], mentors: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where people stood in a plan, -1 for those who are new or have new cells."""
    sides = []
    for table, rows, ids in (
        (plan.scored.coached, changes.mentees, mentees),
        (plan.scored.coach, changes.mentors, mentors),
    ):
        fresh = set() if rows is None else set(read_table(rows).ids)
        place = {who: k for k, who in enumerate(table.ids)}
        here = [-1 if who in fresh else place.get(who, -1) for who in ids]
        sides.append(np.array(here, np.int64))
    return sides[0], sides[1]


def renew(
    plan: Matching,
    coached: Any,
    coach: Any,
    program: Program,
    ids: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Matching:
    """Return a plan without pairs over changed tables and rules, on the scale of an old one.

    Its rows are in the order of ``ids``; by default in that of a hash, as in every plan.
    """
    check_capabilities(program.constraints, _LEGAL, "rematch()", _REMEDIES)
    if isinstance(coached, OwnScores):
        own = coached.coached.ids, coached.coach.ids
        coached = coached.take(*(hashed_order(side, plan.seed) for side in own))
    else:
        one_table = coach is coached
        first, second = (None, None) if ids is None else ids
        coached = _put_in_order(coached, first, plan.seed)
        coach = coached if one_table else _put_in_order(coach, second, plan.seed)
    scored, program, neutral = bind_anew(plan, coached, coach, program)
    problem = assignment_problem(scored, program.constraints, program.objective)  # type: ignore[arg-type]
    check_pins(scored, problem)
    nobody = AssignmentSolution(np.empty((0, 2), np.int64), None, Status.FEASIBLE, "")
    return Matching(scored, problem, nobody, None, program, plan.seed, 0.0, fixed_neutral=neutral)


def _put_in_order(table: Profiles, ids: Sequence[str] | None, seed: int) -> Profiles:
    if ids is None:
        return table.take(hashed_order(table.ids, seed))
    return table.take(np.array(table.find_rows(ids), np.int64))


def bind_anew(
    plan: Matching | Grouping, coached: Any, coach: Any, program: Program, *, mutual: bool = False
) -> tuple[Any, Program, tuple[tuple[str, int], ...]]:
    """Return scores and rules of changed tables on the scale of an old plan, in their order.

    With them the program with the criteria of that plan where it has none of its own, and what
    unknown values count as. Own scores are given as ``coached``.
    """
    if isinstance(coached, OwnScores):
        sides = coached.coached, coached.coach
        own = bind_pair_rules(program.constraints, *sides, scale=coached.scale, mutual=mutual)
        return coached.with_rules(own), program, ()
    old: Any = plan.scored
    criteria = program.criteria or old.criteria
    neutral = carry_neutral(old, criteria)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
        bound = bind_pair_rules(program.constraints, coached, coach, mutual=mutual)
        scored = Compatibility.bind(coached, coach, criteria, bound, neutral=dict(neutral))
    return scored, program.replace(criteria=criteria), neutral


def carry_neutral(old: Compatibility, criteria: Any) -> tuple[tuple[str, int], ...]:
    """Return what unknown values count as, for the criteria that an old plan had too."""
    worth = {
        _without_weight(criterion): (units, share)
        for criterion, units, share in zip(
            old.criteria, old.neutral, old.units_of_criteria, strict=True
        )
    }
    shares = units_of_weights([criterion.weight for criterion in criteria])
    carried = {}
    names = tell_apart([criterion.name for criterion in criteria])
    for name, criterion, share in zip(names, criteria, shares, strict=True):
        units, old_share = worth.get(_without_weight(criterion), (None, 1))
        if units is not None:
            carried[name] = round(Fraction(units * share, old_share))
    return tuple(carried.items())


def _without_weight(criterion: Any) -> str:
    try:
        parts = {e.name: getattr(criterion, e.name) for e in fields(criterion)}
    except TypeError:
        return repr(criterion)
    return repr((type(criterion).__name__, {k: v for k, v in parts.items() if k != "weight"}))


def find_keepable(plan: Matching, scored: Any, problem: AssignmentProblem) -> NDArray[np.int64]:
    """Return by new row the new columns of the mentors whom a mentee had and could keep, or -1.

    Of shape (n_rows,), or (n_rows, most) where a mentee had several.
    """
    pairs = _follow(plan, scored)
    rows, columns = pairs[(pairs >= 0).all(axis=1)].T
    _, allowed = problem.gains.pairs(rows, columns)
    could = allowed & (problem.capacity[columns] > 0)
    for budget in problem.budgets:
        could &= budget.pairs(rows, columns) <= budget.limit[columns]
    rows, columns = rows[could], columns[could]
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(first, np.diff(np.append(first, len(rows))))
    column_of = np.full((problem.n_rows, int(turn.max(initial=0)) + 1), -1, np.int64)
    column_of[rows, turn] = columns
    return column_of[:, 0] if column_of.shape[1] == 1 else column_of


def _follow(plan: Matching, scored: Any) -> NDArray[np.int64]:
    """Return the pairs of a plan by their new rows and columns, -1 for who is gone."""
    sides = []
    for old, new, places in zip(
        (plan.scored.coached, plan.scored.coach), (scored.coached, scored.coach),
        plan.solution.pairs.T, strict=True,
    ):  # fmt: skip
        now = {str(who): k for k, who in enumerate(new.ids)}
        here = [now.get(str(old.ids[place]), -1) for place in places.tolist()]
        sides.append(np.array(here, np.int64))
    return np.stack(sides, axis=1)


def find_times(plan: Matching, new: Matching, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by pair of a new plan when its meetings began before, -1 for those that are new."""
    slots = new.problem.slots
    per_week = 0 if slots is None else slots.per_week
    return find_begins(plan, _follow(plan, new.scored), pairs, per_week)
