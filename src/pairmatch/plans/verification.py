"""The independent check of a plan: knows the tables and the rules, but no solver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import CarryOver, Demand, Load, Minutes, Pin, Quota, Tiers
from pairmatch.constraints.minutes import settle_minutes
from pairmatch.errors import CertificateError, Fault
from pairmatch.plans.cover import charge_cover, count_least_cover
from pairmatch.plans.group_verification import find_false_claims, verify_grouping
from pairmatch.plans.grouping import Grouping
from pairmatch.plans.lesson_checks import lesson_faults
from pairmatch.plans.matching import Matching
from pairmatch.plans.meeting_checks import meeting_faults
from pairmatch.plans.rebuild import rebuild_matching
from pairmatch.plans.rescore import Rescorer
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.tiers import StreamedTiers

if TYPE_CHECKING:
    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.solution import Certificate

__all__ = ["verify"]


def verify(plan: Matching | Grouping) -> Certificate:
    """Re-score and re-check a plan from its tables, and recompute its bound.

    Parameters
    ----------
    plan : Matching or Grouping
        A plan as it was returned, or one that was edited by hand.

    Returns
    -------
    Certificate
        Objective, bound and number of people placed as exact integers.

    Raises
    ------
    CertificateError
        If a score is not what the criteria say, a rule is broken, or the plan claims to be better
        proved than it is; everything that is wrong at once.

    Notes
    -----
    Scores are recomputed pair by pair and criterion by criterion in plain Python, rules are asked
    one pair at a time, the integer problem is built anew from the tables and the program, and the
    bound is recomputed in it from the prices of the solution.
    O(pairs x criteria) plus one pass over all allowed pairs for the bound.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[3, 1], [2, 2]])
    >>> pm.verify(plan).objective
    5
    >>> pm.verify(plan.replace(pairs={0: 1, 1: 0})).gap > 0
    True
    """
    if isinstance(plan, Grouping):
        return verify_grouping(plan)
    if not isinstance(plan, Matching):
        raise TypeError(f"expected a plan, found {_name(plan)}")
    problem = rebuild_matching(plan)
    _check_range(plan)
    faults = (
        _score_faults(plan)
        + _tier_faults(plan)
        + _load_faults(plan)
        + _minute_faults(plan)
        + _pin_faults(plan)
        + _quota_faults(plan)
        + meeting_faults(plan, problem)
        + lesson_faults(plan)
    )
    certificate = None
    try:
        certificate = certify_plan(problem, plan.solution)
    except CertificateError as error:
        if not faults:  # what is said in ids above need not be said again in positions
            faults += error.faults or (Fault(error.headline),)
    if certificate is not None:
        made = plan.scored, plan.program, plan.solution
        faults += find_false_claims(plan, certificate, int(plan.units.sum()) - charge_cover(*made))
        least = count_least_cover(*made)
        if certificate.cost is not None and certificate.cost != least:
            what = f"its pairs need {least} minutes of cover, not {certificate.cost}."
            faults.append(Fault(what))
    if faults or certificate is None:
        raise CertificateError("the plan does not hold", faults)
    return certificate


def _name(other: object) -> str:
    """Return what was given instead of a plan, and what to do with it."""
    kind = type(other).__name__
    return f"{kind}; it checks itself: call its verify()" if hasattr(other, "verify") else kind


def _check_range(plan: PairPlan) -> None:
    """Raise if the pairs of a plan are not positions in its tables."""
    pairs = plan.solution.pairs
    shape = plan.scored.shape
    whole = pairs.ndim == 2 and pairs.shape[1:] == (2,) and pairs.dtype.kind == "i"
    if not whole or (pairs < 0).any() or (pairs >= np.array(shape)).any():
        what = f"its pairs are no positions in tables of {shape[0]} and {shape[1]} people."
        raise CertificateError("the plan does not hold", [Fault(what)])


def _score_faults(plan: PairPlan) -> list[Fault]:
    rescorer = Rescorer(plan.scored, plan.program.constraints)
    faults = []
    for (i, j), units in zip(plan.solution.pairs.tolist(), plan.units.tolist(), strict=True):
        where = f"{plan.scored.coached.ids[i]} with {plan.scored.coach.ids[j]}"
        again = rescorer.score(i, j)
        if again != units:
            faults.append(Fault(f"scores {again} units, the plan says {units}.", where))
        faults += [Fault(f"{why}.", where) for why in rescorer.breaches(i, j, again)]
    return faults


def _tier_faults(plan: PairPlan) -> list[Fault]:
    tiers: Any = plan.problem.tiers
    table: Any = plan.scored
    faults = []
    for rule in plan.program.constraints:
        if not isinstance(rule, (Tiers, CarryOver)) or tiers is None or not rule.levels:
            continue
        for i, j in plan.solution.pairs.tolist():
            again = rule.tier_of(table.coached, i, table.coach, j)
            known = tiers.at(i, j) if isinstance(tiers, StreamedTiers) else tiers[i, j]
            if again != known:
                where = f"{table.coached.ids[i]} with {table.coach.ids[j]}"
                faults.append(Fault(f"is of tier {again}, not {known}.", where))
    return faults


def _load_faults(plan: PairPlan) -> list[Fault]:
    pairs = plan.solution.pairs.tolist()
    faults = []
    for i, count in Counter(i for i, _ in pairs).items():
        if count > _wanted(plan, i):
            faults.append(Fault(f"has {count} mentors.", f"mentee {plan.scored.coached.ids[i]}"))
    held = Counter(j for _, j in pairs)
    loads = [rule for rule in plan.program.constraints if isinstance(rule, Load)] or [Load()]
    for j, mentor in enumerate(plan.scored.coach.ids):
        for load in loads:
            most = _amount(plan, load, "at_most", j)
            least = _amount(plan, load, "at_least", j)
            if held[j] > most and not _has_minutes_only(plan, j):
                what = f"has {held[j]} mentees for {most} place{'' if most == 1 else 's'}."
                faults.append(Fault(what, f"mentor {mentor}"))
            if held[j] < least:
                what = f"has {held[j]} mentees, fewer than {least}."
                faults.append(Fault(what, f"mentor {mentor}"))
    return faults


def _wanted(plan: PairPlan, i: int) -> int:
    """Return how many mentors one mentee should have, from the values and the cells."""
    rules = [rule for rule in plan.program.constraints if isinstance(rule, Demand)]
    counts = [(_cell_amount(plan.scored.coached, rule.each, i), rule.default) for rule in rules]
    return min((default if n is None else n for n, default in counts), default=1)


def _amount(plan: PairPlan, load: Load, side: str, j: int) -> int:
    """Return what one ``Load`` says about one mentor, from the value and the cell."""
    table, mentor = plan.scored.coach, plan.scored.coach.ids[j]
    amount = getattr(load, side)
    default = load.default if side == "at_most" else 0
    if amount is None:
        amount = "max_mentees" if "max_mentees" in getattr(table, "columns", ()) else default
    if isinstance(amount, Mapping):
        named = {str(key): number for key, number in amount.items()}
        return int(named.get(str(mentor), default))
    if isinstance(amount, str):
        cell = table.numbers(amount)[j]  # type: ignore[union-attr]
        return default if cell != cell else int(cell)
    return int(amount)


def _minute_faults(plan: PairPlan) -> list[Fault]:
    """Add up the minutes of each mentor, from the value and the cells."""
    faults = []
    labelled = hasattr(plan.scored.coached, "columns")
    twin_of = {key: j for j, key in enumerate(plan.scored.coach.ids)} if labelled else {}
    for rule in settle_minutes(plan.program.constraints):
        used: Counter[int] = Counter()
        own: Counter[int] = Counter()  # as mentees
        for i, j in plan.solution.pairs.tolist():
            minutes = _minutes_of(plan, rule, i, j)
            if minutes is None:
                where = f"{plan.scored.coached.ids[i]} with {plan.scored.coach.ids[j]}"
                faults.append(Fault("it is not said how many minutes they take.", where))
            used[j] += minutes or 0
            own[twin_of.get(plan.scored.coached.ids[i], -1)] += minutes or 0
        for j, minutes in sorted(used.items()):
            most = _cell_amount(plan.scored.coach, rule.at_most, j)
            if most is not None and minutes > max(0, most - own[j]):
                also = f" and {own[j]} as a mentee" if own[j] else ""
                what = f"has {minutes} minutes of meetings{also} for {most}."
                faults.append(Fault(what, f"mentor {plan.scored.coach.ids[j]}"))
    return faults


def _minutes_of(plan: PairPlan, rule: Minutes, i: int, j: int) -> int | None:
    """Return how many minutes one pair takes."""
    mentee, mentor = plan.scored.coached.ids[i], plan.scored.coach.ids[j]
    found: Any
    if isinstance(rule.each, tuple):
        found = rule.each[int(mentee)][int(mentor)]
    else:
        found = _cell_amount(plan.scored.coached, rule.each, i)
        if isinstance(found, Mapping):
            found = {str(key): cell for key, cell in found.items()}.get(str(mentor))
    return rule.default if found is None else found


def _cell_amount(table: Any, amount: Any, row: int) -> Any:
    """Return what a number, a mapping or a column says about one person, or None."""
    if isinstance(amount, Mapping):
        return {str(key): cell for key, cell in amount.items()}.get(str(table.ids[row]))
    if isinstance(amount, str):
        cell = table.numbers(amount)[row]
        return None if cell != cell else int(cell)
    return amount


def _has_minutes_only(plan: PairPlan, j: int) -> bool:
    """Return whether minutes alone say how many mentees a mentor may have."""
    if "max_mentees" in getattr(plan.scored.coach, "columns", ()):
        return False
    rules = plan.program.constraints
    return not any(isinstance(rule, Load) for rule in rules) and any(
        _cell_amount(plan.scored.coach, rule.at_most, j) is not None
        for rule in rules
        if isinstance(rule, Minutes)
    )


def _pin_faults(plan: PairPlan) -> list[Fault]:
    ids, mentors = plan.scored.coached.ids, plan.scored.coach.ids
    pairs = {(str(ids[i]), str(mentors[j])) for i, j in plan.solution.pairs.tolist()}
    return [
        Fault("is not in the plan.", repr(rule))
        for rule in plan.program.constraints
        if isinstance(rule, Pin) and (str(rule.mentee), str(rule.mentor)) not in pairs
    ]


def _quota_faults(plan: PairPlan) -> list[Fault]:
    faults = []
    for rule in plan.program.constraints:
        if not isinstance(rule, Quota):
            continue
        counts: Counter[tuple[Any, str]] = Counter()
        for i, j in plan.solution.pairs.tolist():
            for value in _values(plan, rule, i):
                counts[plan.scored.coach.ids[j], value] += 1
        faults += [
            Fault(f"has {n} mentees who share {value!r}.", f"mentor {mentor}, {rule!r}")
            for (mentor, value), n in counts.items()
            if n > rule.at_most
        ]
    return faults


def _values(plan: PairPlan, rule: Quota, i: int) -> list[str]:
    mentee = plan.scored.coached.ids[i]
    if isinstance(rule.by, Mapping):
        value = str(rule.by.get(mentee, rule.by.get(str(mentee), ""))).strip()
        return [value] if value else []
    members = plan.scored.coached.members(rule.by)  # type: ignore[union-attr]
    return [label for label, has in zip(members.labels, members.matrix[i], strict=True) if has]
