"""The table that an auditor asks for: who was matched when, under which rules, among whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import find_id
from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.plans.group_plan import GroupPlan
from pairmatch.plans.order import natural_key
from pairmatch.typed import is_count

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan

__all__ = ["hash_rules", "tabulate_audit"]

_COPIED = ("school", "credential", "grades", "subjects", "enrolled")
_BLOCK = 512


def tabulate_audit(
    plan: PairPlan | GroupPlan,
    matched_on: str | date | Mapping[Any, str | date] | None,
    within_days: int,
) -> pd.DataFrame:
    """Return one row a pair, or a person, and one for everybody who was left out.

    Parameters
    ----------
    plan : PairPlan or GroupPlan
        The plan.
    matched_on : str, date, mapping or None
        When the plan came into force, one ISO date for all or ``{id: date}``; None: not yet.
    within_days : int
        Days after enrolment within which people must be matched.

    Raises
    ------
    ProgramError
        If a date is none, an id is not there or ``within_days`` is no whole number >= 0.

    Notes
    -----
    O(pairs of the two tables) time for counting who was considered, memory of a block of rows.
    """
    import pandas as pd

    ids = plan.scored.coached.ids
    dates = _read_dates(matched_on, ids)
    if not is_count(within_days):
        what = f"within_days is {within_days!r}."
        raise ProgramError("the audit cannot be made", [Fault(what, "", "Give whole days >= 0.")])
    considered = _count_considered(plan)
    partners, partner_word, person_word = _partners(plan)
    rules = hash_rules(plan)
    rows = []
    for row in sorted(range(len(ids)), key=lambda row: natural_key(ids[row])):
        copied = _cells(plan, row)
        enrolled = _read_date(copied["enrolled"])
        on = dates.get(row)
        days = None if enrolled is None or on is None else (on - enrolled).days
        for partner, score in partners.get(row, [("", None)]):
            placed = partner != ""
            rows.append(
                {
                    person_word: ids[row],
                    partner_word: partner,
                    "score": score,
                    **copied,
                    "matched_on": on.isoformat() if placed and on is not None else "",
                    "days": days if placed else None,
                    "in_time": _in_time(days, within_days, placed=placed),
                    "considered": int(considered[row]),
                    "rules": rules,
                }
            )
    columns = [person_word, partner_word, "score", *_COPIED]
    columns += ["matched_on", "days", "in_time", "considered", "rules"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"days": "Int64", "score": "float64"})


def hash_rules(plan: PairPlan | GroupPlan) -> str:
    """Return the SHA-256 of the criteria and rules that were in force, defaults spelt out."""
    criteria = getattr(plan.scored, "criteria", None)
    return plan.program.replace(criteria=criteria).fingerprint


def _in_time(days: int | None, within_days: int, *, placed: bool) -> str:
    """Return "yes", "no", "open" for those who can still be matched in time, "" for unknown."""
    if days is None:
        return ""
    if days > within_days:
        return "no"
    return "yes" if placed else "open"


def _partners(plan: PairPlan | GroupPlan) -> tuple[dict[int, list[tuple[Any, float]]], str, str]:
    """Return the mentors, or the group, of each person in a plan, by row."""
    found: dict[int, list[tuple[Any, float]]] = {}
    if isinstance(plan, GroupPlan):
        values = zip(plan.groups, plan.group_values, strict=True)
        for number, (members, value) in enumerate(values, 1):
            found |= {row: [(number, value)] for row in members}
        return found, "group", "id"
    for (i, j), units in zip(plan.solution.pairs.tolist(), plan.units.tolist(), strict=True):
        found.setdefault(i, []).append((plan.scored.coach.ids[j], plan.in_scores(units)))
    return found, "mentor", "mentee"


def _cells(plan: Any, row: int) -> dict[str, str]:
    """Return what the sheet says about a person; blank for own scores."""
    table = plan.scored.coached
    has = getattr(table, "columns", ())
    return {name: str(table.texts(name)[row]).strip() if name in has else "" for name in _COPIED}


def _count_considered(plan: Any) -> NDArray[np.int64]:
    """Return how many partners the rules allow each person."""
    n_rows, n_columns = plan.scored.shape
    count = np.zeros(n_rows, np.int64)
    for start in range(0, n_rows, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n_rows))
        _, allowed = plan.scored.evaluate(rows, slice(0, n_columns))
        count[rows] = allowed.sum(axis=1)
    return count


def _read_dates(given: Any, ids: tuple[Any, ...]) -> dict[int, date]:
    """Return the date of each row, or every fault in what was given."""
    if given is None:
        return {}
    row_of = {key: row for row, key in enumerate(ids)}
    if not isinstance(given, Mapping):
        given = dict.fromkeys(ids, given)
    faults: dict[Fault, None] = {}
    dates = {}
    for key, content in given.items():
        person, on = find_id(row_of, key), _read_date(content)
        if person is None:
            what = f"{key!r} is nobody in this plan.{did_you_mean(str(key), ids)}"
            faults[Fault(what, "matched_on")] = None
        elif on is None:
            faults[Fault(f"{content!r} is no date.", "matched_on", "Write 2026-09-01.")] = None
        else:
            dates[row_of[person]] = on
    if faults:
        raise ProgramError("the audit cannot be made", faults)
    return dates


def _read_date(content: Any) -> date | None:
    if isinstance(content, date):
        return content if type(content) is date else date(content.year, content.month, content.day)
    try:
        return date.fromisoformat(str(content))
    except ValueError:
        return None
