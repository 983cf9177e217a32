"""Slips that leave a sheet readable: two sheets swapped, a second row of headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pairmatch.errors import did_you_mean
from pairmatch.profiles.members import fold_entry
from pairmatch.scoring.credits import read_entries
from pairmatch.scoring.lists import GoalCoverage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairmatch.errors import PairmatchError
    from pairmatch.profiles import Profiles

__all__ = ["hint_at_goals", "hint_at_header", "hint_at_sheets"]

_SHOWN = 3
_HEADINGS = re.compile(r"id|.*\b(id|identifier|code|number)\b.*\?*", re.IGNORECASE)


def hint_at_sheets(coached: Profiles, coach: Profiles | None) -> list[str]:
    """Return what looks as if it were not meant, in sentences; None as coach: one pool."""
    if coach is None:
        return _second_headings(coached)
    hints = [hint for table in dict.fromkeys((coached, coach)) for hint in _second_headings(table)]
    if coached is not coach and _leaning(coached) < 0 < _leaning(coach):
        hints.append(
            f"{coached.source} looks like the sheet of mentors and {coach.source} like that of "
            "mentees; mentees come first."
        )
        return hints
    hints += _other_roles(coached, "mentor", "mentees", "to be coached")
    return hints + _other_roles(coach, "mentee", "mentors", "to coach")


def hint_at_goals(criteria: Iterable[object], coach: Profiles) -> list[str]:
    """Return which goals for everyone nobody covers, so that they count for no pair."""
    hints = []
    for criterion in criteria:
        if not isinstance(criterion, GoalCoverage) or not criterion.also:
            continue
        strengths = read_entries(coach, "strengths").keys
        for goal in criterion.also:
            if fold_entry(goal) not in strengths:
                near = did_you_mean(fold_entry(goal), strengths)
                what = f"nobody has {goal!r} among the strengths, so it counts for no pair."
                hints.append(what + (near if near.startswith(" Did") else ""))
    return hints


def hint_at_header(error: PairmatchError) -> str:
    """Return a hint if the faults of a sheet are those of a second row of headings, else ""."""
    columns: dict[str, set[str]] = {}
    for fault in error.faults:
        if re.search(r"row 2 \(id [^)]*\d", fault.where):
            return ""  # T-1 is an id, no heading
        found = re.search(r"row (\d+)\b.*?column ([^,;]+)", fault.where)
        cell = re.match(r"'([^']*)'", fault.what)
        if found and cell and re.search(r"[^\W\d_]{3}", cell[1]):
            columns.setdefault(found[1], set()).add(found[2].strip())
    others = [len(names) for row, names in columns.items() if row != "2"]
    if len(columns.get("2", ())) >= 2 and len(columns["2"]) > max(others, default=0):
        return "Row 2 looks like a second row of headings: delete it if it is."
    return ""


def _second_headings(table: Profiles) -> list[str]:
    """Return a hint where the first people of a table are named like headings."""
    names = {str(name).casefold() for name in table.columns}
    for row in range(min(2, len(table))):
        cells = [str(table.texts(column)[row]).strip().casefold() for column in table.columns]
        given = [cell for cell in cells if cell]
        same = sum(cell in names for cell in given)
        person = str(table.ids[row])
        heading = _HEADINGS.fullmatch(person) and not any(letter.isdigit() for letter in person)
        if given and (2 * same > len(given) or heading):
            return [
                f"{table.source}: the person {table.ids[row]!r} looks like a second row of "
                "headings; delete that row if it is."
            ]
    return []


def _other_roles(table: Profiles, role: str, side: str, what: str) -> list[str]:
    """Return a hint where some of a sheet are there for the other side, by their own word."""
    if "role" not in table:
        return []
    roles = [str(text).strip().casefold() for text in table.texts("role")]
    some = [str(person) for person, own in zip(table.ids, roles, strict=True) if own == role]
    if not some:
        return []
    few = ", ".join(some[:_SHOWN]) + (", ..." if len(some) > _SHOWN else "")
    return [
        f"{table.source}: {len(some)} of {len(roles)} {side} have the role {role!r} ({few}); "
        f"whoever is in this sheet is {what}: leave them out if that is not meant."
    ]


def _leaning(table: Profiles) -> int:
    """Return more than 0 for a sheet of mentees, less for one of mentors, as far as it says."""
    if "role" in table:
        roles = [str(text).strip().casefold() for text in table.texts("role")]
        n_mentees, n_mentors = roles.count("mentee"), roles.count("mentor")
        if n_mentees != n_mentors:
            return n_mentees - n_mentors
    signs = {"goals": 1, "max_mentees": -1, "strengths": -1, "trained": -1}
    return sum(sign for column, sign in signs.items() if column in table)
