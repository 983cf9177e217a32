"""The independent check of groups: pairs, rules about wholes, sizes, times, in plain Python."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints import Pin
from pairmatch.errors import CertificateError, Fault
from pairmatch.plans.breaches import list_breaches
from pairmatch.plans.lesson_checks import group_lesson_faults
from pairmatch.plans.rebuild import rebuild_grouping
from pairmatch.plans.rescore import Rescorer
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.solution import Certificate

__all__ = ["find_false_claims", "verify_grouping"]


def find_false_claims(
    plan: PairPlan | GroupPlan, certificate: Certificate, total: int
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


def verify_grouping(plan: GroupPlan) -> Certificate:
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
            for rule, why in list_breaches(plan.scored.coached, plan.program, members)
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


def _pin_faults(plan: GroupPlan) -> list[Fault]:
    """Return a fault for each pin whose two people are not treated alike."""
    group_of = {str(key): number for number, keys in enumerate(plan.group_ids, 1) for key in keys}
    return [
        Fault("are not in one group.", repr(rule))
        for rule in plan.program.constraints
        if isinstance(rule, Pin)
        and group_of.get(str(rule.mentee)) != group_of.get(str(rule.mentor))
    ]
