"""Observations checked once more, in plain Python from the cells of the tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Meetings, find_rule
from pairmatch.errors import Fault
from pairmatch.plans.group_timetable import schedule_group_lessons
from pairmatch.plans.observations import observation_rule, schedule_lessons
from pairmatch.plans.timetable import list_meetings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pairmatch.constraints import Observation
    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.observations import Lesson
    from pairmatch.plans.pair_plan import PairPlan

__all__ = ["group_lesson_faults", "lesson_faults"]


def lesson_faults(plan: PairPlan) -> list[Fault]:
    """Return what is wrong with the observations of a plan of pairs.

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

    def find(one: Lesson, person: Any) -> Any:
        return sides[person != one.of[1]][person]

    return _find_faults(rule, schedule_lessons(plan), find, met)


def group_lesson_faults(plan: GroupPlan) -> list[Fault]:
    """Return what is wrong with the observations of a plan of groups; see ``lesson_faults``.

    Also if somebody in a group does not watch everybody else in it; one way: if of two members
    not exactly one watches the other.
    """
    rule = observation_rule(plan)
    if rule is None:
        return []
    table: Any = plan.scored.coached
    row_of = {person: row for row, person in enumerate(table.ids)}
    met: dict[Any, list[tuple[int, int]]] = {person: [] for person in table.ids}
    meeting = find_rule(plan.program.constraints, Meetings)
    length = 0 if meeting is None else meeting.minutes
    lessons = schedule_group_lessons(plan)
    faults = []
    for members, (starts, _) in zip(plan.group_ids, plan.chosen_times, strict=True):
        for start in starts:
            for person in members:
                met[person].append((start, start + length))
                windows = table.windows("free")[row_of[person]]
                if windows is not None and not _holds(windows, start, start + length):
                    faults.append(Fault("is not free for the meeting of the group.", str(person)))
    found = [(one.observer, one.observed) for one in lessons]
    if rule.both_ways:
        asked = [pair for members in plan.group_ids for pair in permutations(members, 2)]
        if Counter(asked) != Counter(found):
            faults.append(Fault("not everybody watches everybody else in the group.", repr(rule)))
    else:
        once = [frozenset(pair) for members in plan.group_ids for pair in combinations(members, 2)]
        if Counter(once) != Counter(map(frozenset, found)):
            faults.append(Fault("not one of each two in the group watches the other.", repr(rule)))
    return faults + _find_faults(rule, lessons, lambda _, who: (table, row_of[who]), met)


def _find_faults(
    rule: Observation,
    lessons: Iterable[Lesson],
    find: Callable[[Lesson, Any], Any],
    met: Mapping[Any, list[tuple[int, int]]],
) -> list[Fault]:
    """Return what is wrong with lessons; `find` gives the table and the row of a person."""
    faults = []
    weeks = set()
    for one in lessons:
        if one.start is None:
            continue
        where = f"{one.observer} at {one.observed}"
        end = one.start + rule.minutes
        table, row = find(one, one.observed)
        if not _holds(table.windows("teaching")[row] or (), one.start, end):
            faults.append(Fault(f"{one.observed} does not teach then.", where))
        table, row = find(one, one.observer)
        busy = (table.windows("busy")[row] or ()) if "busy" in table else ()
        free = table.windows("free")[row] or () if "free" in table else ()
        if rule.cover_cost is None and not _holds(free, one.start, end):
            faults.append(Fault(f"{one.observer} is not free then.", where))
        held = sum(max(0, min(b, end) - max(a, one.start)) for a, b in free)
        if rule.cover_cost is not None and not busy and one.when.cover != rule.minutes - held:
            what = f"takes {rule.minutes - held} minutes of cover, not {one.when.cover}."
            faults.append(Fault(what, where))
        taken = [*busy, *met[one.observer], *met[one.observed]]
        if any(a < end and one.start < b for a, b in taken):
            faults.append(Fault("there is a meeting at the same time.", where))
        if one.week > rule.weeks:
            faults.append(Fault(f"week {one.week} is after the term.", where))
        for person in {one.observer, one.observed} if one.week else ():
            if (person, one.week) in weeks:
                faults.append(Fault(f"{person} has two observations in week {one.week}.", where))
            weeks.add((person, one.week))
    return faults


def _holds(windows: Any, start: int, end: int) -> bool:
    """Return whether a stretch of time lies within one window."""
    return any(opens <= start and end <= closes for opens, closes in windows)
