"""When groups meet and who sits where: a joint start, and a seat for each member."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.compositions import meeting_times_of, seats_of
from pairmatch.profiles.week import format_minute

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.grouping import Grouping

__all__ = ["meeting_rows", "meets", "seat_members", "timetable_frame"]


def meets(plan: Grouping) -> bool:
    """Return whether a joint meeting is part of what was asked."""
    return any(type(rule).__name__ == "Meetings" for rule in plan.program.constraints)


def meeting_rows(plan: Grouping) -> list[tuple[str, str, str]]:
    """Return day, start and end of the meeting of each group; blank where no time is known.

    Of all joint starts, the one that most members prefer, then the earliest.
    """
    times = meeting_times_of(plan.scored.coached, plan.program.constraints)
    if times is None:
        return [("", "", "")] * len(plan.groups)
    rows = []
    for members in plan.groups:
        among = np.array(members)
        joint = np.flatnonzero(times.coached[among].all(axis=0))
        if not joint.size or not times.known_coached[among].all():
            rows.append(("", "", ""))
            continue
        likes = times.likes_coached[np.ix_(among, joint)].sum(axis=0)
        start = int(times.start[joint[int(likes.argmax())]])
        day, opening = format_minute(start)
        rows.append((day, opening, _clock(start + times.minutes)))
    return rows


def _clock(minute: int) -> str:
    """Return the time of day at which a meeting ends; midnight is 24:00."""
    _, text = format_minute(minute % (7 * 1440))
    return "24:00" if text == "00:00" else text


def timetable_frame(plan: Grouping) -> pd.DataFrame:
    """Return one row a meeting, sorted by day, start and people."""
    import pandas as pd

    minutes = next(
        (rule.minutes for rule in plan.program.constraints if type(rule).__name__ == "Meetings"), 0
    )
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    rows = []
    for number, (keys, members, when) in enumerate(
        zip(plan.group_ids, plan.groups, meeting_rows(plan), strict=True), 1
    ):
        if when[0]:
            people = ";".join(str(key) for key in keys)
            way = _modality(plan.scored.coached, members)
            rows.append(("meeting", number, people, *when, minutes, way))
    rows.sort(key=lambda row: (days.index(row[3]), row[4], row[2]))
    columns = ["kind", "group", "people", "day", "start", "end", "minutes", "modality"]
    return pd.DataFrame(rows, columns=columns)


def _modality(table: Any, members: tuple[int, ...]) -> str:
    """Return how a group meets: virtually if somebody can only do so, blank if nobody says."""
    if "modality" not in getattr(table, "columns", ()):
        return ""
    said = {str(table.texts("modality")[row]) for row in members} - {""}
    if "virtual" in said:
        return "virtual"
    return "in_person" if "in_person" in said else "virtual" if said else ""


def seat_members(plan: Grouping, members: tuple[int, ...]) -> tuple[str, ...]:
    """Return the role of each member: of all ways to fill the seats, where coaches give most.

    A way is worth what those in the first named seats give to the others.
    """
    roles = plan.program.roles
    if roles is None:
        return ("member",) * len(members)
    may = seats_of(plan.scored.coached.take(list(members)), roles)  # type: ignore[union-attr]
    place = {role: k for k, role in enumerate(roles)}
    gain = plan.problem.gain[np.ix_(members, members)]
    given = [int(column.sum() - column[k]) for k, column in enumerate(gain.T)]

    @cache
    def best(k: int, left: tuple[int, ...]) -> tuple[int, tuple[str, ...]] | None:
        if k == len(members):
            return 0, ()
        found: tuple[int, tuple[str, ...]] | None = None
        for role, at in place.items():
            if not may[k, at] or not left[at]:
                continue
            rest = best(k + 1, (*left[:at], left[at] - 1, *left[at + 1 :]))
            if rest is None:
                continue
            worth = rest[0] + (given[k] if at == 0 else 0)
            if found is None or worth > found[0]:
                found = worth, (role, *rest[1])
        return found

    way = best(0, tuple(roles.values()))
    return ("",) * len(members) if way is None else way[1]
