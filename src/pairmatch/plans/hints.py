"""Slips that leave a sheet readable: two sheets swapped, a second row of headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairmatch.errors import PairmatchError
    from pairmatch.profiles import Profiles

__all__ = ["hint_at_header", "hint_at_sheets"]

_HEADINGS = re.compile(r"id|.*\b(id|identifier|code|number)\b.*\?*", re.IGNORECASE)


def hint_at_sheets(coached: Profiles, coach: Profiles) -> list[str]:
    """Return what looks as if it were not meant, in sentences."""
    hints = [hint for table in dict.fromkeys((coached, coach)) for hint in _second_headings(table)]
    if coached is not coach and _leaning(coached) < 0 < _leaning(coach):
        hints.append(
            f"{coached.source} looks like the sheet of mentors and {coach.source} like that of "
            "mentees; mentees come first."
        )
    return hints


def hint_at_header(error: PairmatchError) -> str:
    """Return a hint if the faults of a sheet are those of a second row of headings, else ""."""
    columns: dict[str, set[str]] = {}
    for fault in error.faults:
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


def _leaning(table: Profiles) -> int:
    """Return more than 0 for a sheet of mentees, less for one of mentors, as far as it says."""
    if "role" in table:
        roles = [str(text).strip().casefold() for text in table.texts("role")]
        n_mentees, n_mentors = roles.count("mentee"), roles.count("mentor")
        if n_mentees != n_mentors:
            return n_mentees - n_mentors
    signs = {"goals": 1, "max_mentees": -1, "strengths": -1, "trained": -1}
    return sum(sign for column, sign in signs.items() if column in table)
