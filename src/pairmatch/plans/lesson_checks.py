"""Observations checked once more, in plain Python from the cells of the tables."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault
from pairmatch.plans.observations import observation_rule, schedule_lessons
from pairmatch.plans.timetable import list_meetings

if TYPE_CHECKING:
    from pairmatch.plans.matching import Matching
    from pairmatch.plans.observations import Lesson

__all__ = ["lesson_faults"]


def lesson_faults(plan: Matching) -> list[Fault]:
    """Return what is wrong with the observations of a plan.

    The observed must teach and the observer be free (or covered), nobody may have a weekly meeting
    then, two observations in a week, or one after the term. Lessons that found no time are no
    fault: the summary lists them.
    """
    rule = observation_rule(plan)
    if rule is None:
        return []
    tables: tuple[Any, Any] = plan.scored.coach, plan.scored.coached
    sides = [{person: (table, row) for row, person in enumerate(table.ids)} for table in tables]
    met = defaultdict(list)
    for i, j, start in list_meetings(plan):
        for person in (plan.scored.coached.ids[i], plan.scored.coach.ids[j]):
            if start >= 0 and plan.problem.slots is not None:
                met[person].append((start, start + plan.problem.slots.minutes))
    faults = []
    weeks: dict[tuple[Any, int], Lesson] = {}
    for one in schedule_lessons(plan):
        if one.start is None:
            continue
        where = f"{one.observer} at {one.observed}"
        end = one.start + rule.minutes
        table, row = sides[one.observed != one.mentor][one.observed]
        if not _holds(table.windows("teaching")[row] or (), one.start, end):
            faults.append(Fault(f"{one.observed} does not teach then.", where))
        table, row = sides[one.observer != one.mentor][one.observer]
        busy = (table.windows("busy")[row] or ()) if "busy" in table else ()
        free = table.windows("free")[row] or () if "free" in table else ()
        if rule.cover_cost is None and not _holds(free, one.start, end):
            faults.append(Fault(f"{one.observer} is not free then.", where))
        taken = [*busy, *met[one.mentee], *met[one.mentor]]
        if any(a < end and one.start < b for a, b in taken):
            faults.append(Fault("there is a meeting at the same time.", where))
        if one.week > rule.weeks:
            faults.append(Fault(f"week {one.week} is after the term.", where))
        for person in {one.mentee, one.mentor} if one.week else ():
            if (person, one.week) in weeks:
                faults.append(Fault(f"{person} has two observations in week {one.week}.", where))
            weeks[person, one.week] = one
    return faults


def _holds(windows: Any, start: int, end: int) -> bool:
    """Return whether a stretch of time lies within one window."""
    return any(opens <= start and end <= closes for opens, closes in windows)
