"""The independent check of groups: pairs, rules about wholes, sizes, times, in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Meetings, Pin
from pairmatch.constraints.cells import entries_of
from pairmatch.constraints.meeting_times import meeting_windows
from pairmatch.errors import CertificateError, Fault
from pairmatch.plans.lesson_checks import group_lesson_faults
from pairmatch.plans.rebuild import rebuild_grouping
from pairmatch.plans.rescore import Rescorer
from pairmatch.profiles.spans import common_windows
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from pairmatch.plans.grouping import Grouping
    from pairmatch.plans.matching import Matching
    from pairmatch.solvers.solution import Certificate

__all__ = ["find_false_claims", "group_breaches", "verify_grouping"]


def find_false_claims(
    plan: Matching | Grouping, certificate: Certificate, total: int
) -> list[Fault]:
    """Return where objective, bound or status are not what the recomputed certificate says."""
    faults = []
    if certificate.objective != total:
        what = f"the pairs are worth {total} units, the certificate says {certificate.objective}."
        faults.append(Fault(what))
    if plan.status is Status.OPTIMAL and not certificate.proved:
        what = f"it claims to be optimal, but the proved gap is {certificate.gap}."
        faults.append(Fault(what))
    claimed = plan.certificate
    cut_short = plan.status in (Status.TIME_LIMIT, Status.INTERRUPTED)
    if claimed is not None and not _is_covered(claimed, certificate, cut_short=cut_short):
        faults.append(Fault(f"its certificate {claimed} is not what a check finds: {certificate}."))
    return faults


def _is_covered(claimed: Certificate, found: Certificate, *, cut_short: bool) -> bool:
    """Return whether a check confirms all that a certificate claims.

    A proof that the clock cut short may claim wider bounds than one that went on to its end.
    """
    if not cut_short:
        return claimed == found
    for mine, theirs in (
        (claimed.bound, found.bound),
        (claimed.matched_bound, found.matched_bound),
        (claimed.seats_bound, found.seats_bound),
    ):
        if mine is not None and (theirs is None or mine < theirs):
            return False
    reached = -1 if found.levels is None else found.levels
    if claimed.levels is not None and not found.proved and claimed.levels > reached:
        return False
    bounds = found.bound, found.matched_bound, found.seats_bound
    wide = replace(claimed, bound=bounds[0], matched_bound=bounds[1], seats_bound=bounds[2])
    return replace(wide, levels=found.levels) == found


def verify_grouping(plan: Grouping) -> Certificate:
    """Re-score and re-check groups from their table; see :func:`verify`."""
    problem = rebuild_grouping(plan)
    rescorer = Rescorer(plan.scored, plan.program.constraints, mutual=True)
    ids = plan.scored.coached.ids
    faults = _pin_faults(plan) + group_lesson_faults(plan)
    total, means = Fraction(0), []
    for number, members in enumerate(plan.groups, 1):
        scores = {}
        gain = problem.gains_among(np.array(members))
        place = {row: at for at, row in enumerate(members)}
        for i, j in product(members, members):
            if i == j:
                continue
            scores[i, j] = rescorer.score(i, j)
            where = f"group {number}, {ids[i]} and {ids[j]}"
            held = int(gain[place[i], place[j]])
            if scores[i, j] != held:
                what = f"scores {scores[i, j]} units, not {held}."
                faults.append(Fault(what, where))
            faults += [Fault(f"{why}.", where) for why in rescorer.breaches(i, j, scores[i, j])]
        faults += [
            Fault(f"{why}.", f"group {number}, {rule}")
            for rule, why in group_breaches(plan, members)
        ]
        rotations = [
            Fraction(sum(scores[i, j] for i in members if i != j), max(1, len(members) - 1))
            for j in members
        ]
        means.append(sum(rotations) / len(rotations))
        worst = problem.objective == "worst_rotation"
        total += len(members) * min(rotations) if worst else sum(rotations)
    certificate = None
    try:
        certificate = certify_grouping(problem, plan.solution)
    except CertificateError as error:
        if not faults:  # what is said in ids above need not be said again in positions
            faults += error.faults or (Fault(error.headline),)
    if certificate is not None:
        faults += find_false_claims(plan, certificate, int(total * certificate.scale))
        lowest = min(means, default=None)
        if certificate.lowest is not None and certificate.lowest != lowest:
            what = f"its lowest group is worth {lowest} units, not {certificate.lowest}."
            faults.append(Fault(what))
    if faults or certificate is None:
        raise CertificateError("the plan does not hold", faults)
    return certificate


def group_breaches(plan: Grouping, members: tuple[int, ...]) -> list[tuple[str, str]]:
    """Return each rule about whole groups that a group breaks, and how."""
    table: Any = plan.scored.coached
    found = []
    for rule in plan.program.constraints:
        why = None
        if isinstance(rule, Meetings):
            why = _meeting_breach(rule, table, members)
        elif hasattr(rule, "needs") and not hasattr(rule, "bind") and hasattr(rule, "breach"):
            why = rule.breach(table, members)
        if why:
            found.append((repr(rule), why))
    if plan.program.roles is not None:
        why = _seat_breach(plan, members)
        if why:
            found.append((f"roles={dict(plan.program.roles)!r}", why))
    return found


def _meeting_breach(rule: Meetings, table: Any, members: tuple[int, ...]) -> str | None:
    """Return why a group cannot meet, from the windows of each member."""
    joint = None
    for row in members:
        windows = meeting_windows(rule, table, row)
        if isinstance(windows, str):
            if rule.unknown == "forbid":
                return f"{windows} given by {table.ids[row]}"
            continue
        joint = windows if joint is None else common_windows(joint, windows)
    if joint is None:
        return None
    if sum((end - start) // rule.minutes for start, end in joint) >= rule.per_week:
        return None
    return rule.short_reason


def _seat_breach(plan: Grouping, members: tuple[int, ...]) -> str | None:
    """Return why members cannot fill the seats, trying every way to sit."""
    roles = dict(plan.program.roles or {})
    table: Any = plan.scored.coached
    chosen: list[Counter[str]] = [Counter()]
    for row in members:
        entries = entries_of(table, "role", row)
        may = [role for role in roles if "both" in entries or role.casefold() in entries]
        further = [held + Counter([role]) for held in chosen for role in may]
        chosen = [held for held in further if all(held[role] <= roles[role] for role in held)]
        chosen = list({tuple(sorted(held.items())): held for held in chosen}.values())
    if any(all(held[role] == n for role, n in roles.items()) for held in chosen):
        return None
    return f"its {len(members)} members cannot fill the seats"


def _pin_faults(plan: Grouping) -> list[Fault]:
    """Return a fault for each pin whose two people are not treated alike."""
    group_of = {str(key): number for number, keys in enumerate(plan.group_ids, 1) for key in keys}
    return [
        Fault("are not in one group.", repr(rule))
        for rule in plan.program.constraints
        if isinstance(rule, Pin)
        and group_of.get(str(rule.mentee)) != group_of.get(str(rule.mentor))
    ]
