"""The timetable of groups: their meetings, and the lessons their members watch week by week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Meetings, find_rule
from pairmatch.plans.observations import (
    Lesson,
    observation_rule,
    sort_lessons,
    tabulate_lessons,
)
from pairmatch.plans.timetable import write_time
from pairmatch.profiles.week import DAYS

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.group_plan import GroupPlan

__all__ = ["meeting_rows", "schedule_group_lessons", "tabulate_times"]

_COLUMNS = ("kind", "group", "people", "day", "start", "end", "minutes", "modality")


def schedule_group_lessons(plan: GroupPlan) -> tuple[Lesson, ...]:
    """Return every observation of a plan of groups, sorted by week and group.

    Weeks are those of a round robin in which each encounter is played twice, or once one way:
    everybody has one observation a week at most, and a group of k is through in 2 (k - 1) weeks, or
    2 k for odd k; one way in half of that.
    """
    rule = observation_rule(plan)
    if rule is None:
        return ()
    ids = plan.scored.coached.ids
    lessons = []
    chosen = zip(plan.groups, plan.chosen_times, strict=True)
    for number, (members, (_, ways)) in enumerate(chosen, 1):
        for round_, pairs in enumerate(_rounds(len(members))):
            for x, y in pairs:
                for late, (a, b) in enumerate(((x, y), (y, x))):
                    when = ways.get((members[a], members[b]))
                    if when is None:
                        continue  # the other one watches
                    week = 2 * round_ + late + 1 if rule.both_ways else round_ + 1
                    of = (number,)
                    lessons.append(Lesson(of, ids[members[a]], ids[members[b]], week, when))
    return sort_lessons(lessons)


def _rounds(size: int) -> list[list[tuple[int, int]]]:
    """Return the encounters of a round robin, round by round; with an odd number one rests."""
    circle = [*range(size), *([-1] if size % 2 else [])]
    rounds = []
    for _ in range(len(circle) - 1):
        half = len(circle) // 2
        pairs = zip(circle[:half], reversed(circle[half:]), strict=True)
        rounds.append([(min(p), max(p)) for p in pairs if -1 not in p])
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return rounds


def meeting_rows(plan: GroupPlan) -> list[tuple[tuple[str, str, str], ...]]:
    """Return day, start and end of the meetings of each group; none where no time is known."""
    rule = find_rule(plan.program.constraints, Meetings)
    minutes = 0 if rule is None else rule.minutes
    return [
        tuple(write_time(start, minutes) for start in starts) for starts, _ in plan.chosen_times
    ]


def tabulate_times(plan: GroupPlan) -> pd.DataFrame:
    """Return meetings by day, start and people, then observations by week."""
    import pandas as pd

    meeting, rule = find_rule(plan.program.constraints, Meetings), observation_rule(plan)
    minutes = 0 if meeting is None else meeting.minutes
    rows = []
    for number, (keys, members, times) in enumerate(
        zip(plan.group_ids, plan.groups, meeting_rows(plan), strict=True), 1
    ):
        people = ";".join(str(key) for key in keys)
        way = _modality_of(plan.scored.coached, members)
        rows += [("meeting", number, people, *when, minutes, way) for when in times]
    rows.sort(key=lambda row: (DAYS.index(row[3]), row[4], row[2]))
    meetings = pd.DataFrame(rows, columns=list(_COLUMNS))
    if rule is None:
        return meetings
    held = None if meeting is None else meetings
    return tabulate_lessons(rule, schedule_group_lessons(plan), _COLUMNS, held)


def _modality_of(table: Any, members: tuple[int, ...]) -> str:
    """Return how a group meets: virtually if somebody can only do so, blank if nobody says."""
    if "modality" not in getattr(table, "columns", ()):
        return ""
    said = {str(table.texts("modality")[row]) for row in members} - {""}
    if "virtual" in said:
        return "virtual"
    return "in_person" if "in_person" in said else "virtual" if said else ""
