"""What the files of a plan record: its JSON, and its program as TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.errors import ProgramError
from pairmatch.plans.files import versions
from pairmatch.plans.frames import tabulate_pairs
from pairmatch.plans.timetable import list_meetings, write_time

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.solution import Certificate

__all__ = ["program_text", "record_grouping", "record_matching"]

_TIME = ("day", "start", "end")


def record_matching(plan: PairPlan, unmatched: pd.DataFrame) -> dict[str, Any]:
    """Return what the JSON of a matching holds."""
    several = _list_several(plan)
    pairs = [
        {"mentee": str(mentee), "mentor": str(mentor), "score": float(score)}
        | dict(zip(_TIME, time, strict=False))
        | ({} if several is None else {"meetings": several[mentee, mentor]})
        for mentee, mentor, score, *time in tabulate_pairs(plan).to_numpy(dtype=object)
    ]
    out = _list_left_out(unmatched)
    return {"kind": "matching", **_record(plan), "pairs": pairs, "unmatched": out}


def _list_several(plan: PairPlan) -> dict[tuple[Any, Any], list[dict[str, str]]] | None:
    """Return the meetings of each pair, by ids; None unless pairs meet several times a week."""
    slots = plan.problem.slots
    if slots is None or slots.per_week == 1:
        return None
    found: dict[tuple[Any, Any], list[dict[str, str]]] = {}
    rows, columns = plan.scored.coached.ids, plan.scored.coach.ids
    for i, j, start in list_meetings(plan):
        time = dict(zip(_TIME, write_time(start, slots.minutes), strict=True))
        found.setdefault((rows[i], columns[j]), []).append(time)
    return found


def record_grouping(plan: GroupPlan, unmatched: pd.DataFrame) -> dict[str, Any]:
    """Return what the JSON of a grouping holds."""
    groups = [
        {"group": number, "ids": [str(key) for key in members], "value": float(value)}
        for number, (members, value) in enumerate(
            zip(plan.group_ids, plan.group_values, strict=True), 1
        )
    ]
    out = _list_left_out(unmatched)
    return {"kind": "grouping", **_record(plan), "groups": groups, "unmatched": out}


def _list_left_out(unmatched: pd.DataFrame) -> list[dict[str, Any]]:
    """Return who is left out, and why."""
    return [
        {"id": str(row.id), "reason": row.reason, "detail": row.detail}
        for row in unmatched.itertuples()
    ]


def _record(plan: PairPlan | GroupPlan) -> dict[str, Any]:
    certificate = plan.certificate
    return {
        "versions": versions(),
        "seed": plan.seed,
        "inputs": _hash_inputs(plan.scored),
        "program": repr(plan.program),
        "status": plan.status.value,
        "solver": plan.solver,
        "matched": plan.matched,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "certificate": None
        if certificate is None
        else {
            "objective": certificate.objective,
            "bound": certificate.bound,
            "matched": certificate.matched,
            "matched_bound": certificate.matched_bound,
            **({} if certificate.levels is None else {"levels": certificate.levels}),
            **_record_lowest(certificate),
            "units_per_score": str(plan.scored.scale * certificate.scale),
        },
        "neutral": _list_neutral(plan.scored),
    }


def _record_lowest(certificate: Certificate) -> dict[str, str | None]:
    """Return the lowest group and its bound as fractions of units, where it comes first."""
    if certificate.lowest is None:
        return {}
    bound, scale = certificate.lowest_bound, certificate.scale
    highest = None if bound is None else str(bound * scale)
    return {"lowest": str(certificate.lowest * scale), "lowest_bound": highest}


def _hash_inputs(scored: Any) -> dict[str, str]:
    """Return the hashes of the tables, or of the own scores, that a plan was made from."""
    if hasattr(scored, "fingerprint"):
        return {"scores": scored.fingerprint}
    return {"mentees": scored.coached.fingerprint, "mentors": scored.coach.fingerprint}


def _list_neutral(scored: Any) -> dict[str, int]:
    """Return what an unknown value of each criterion counts, in units of a millionth."""
    if not hasattr(scored, "criteria"):
        return {}
    return {name: int(units) for name, units in zip(scored.names, scored.neutral, strict=True)}


def program_text(plan: PairPlan | GroupPlan) -> str | None:
    """Return the criteria and rules in force as TOML; None where they have no place in a file."""
    criteria = getattr(plan.scored, "criteria", None)
    if criteria is None:
        return None
    try:
        return plan.program.replace(criteria=criteria).to_toml()
    except ProgramError:
        return None
