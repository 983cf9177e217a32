"""Meetings checked once more, in plain Python from the cells of the tables."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Meetings, find_rule
from pairmatch.constraints.meeting_times import meeting_windows, travel_minutes
from pairmatch.errors import Fault
from pairmatch.plans.timetable import list_meetings
from pairmatch.profiles.week import format_minute

if TYPE_CHECKING:
    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["meeting_faults"]


def meeting_faults(plan: PairPlan, problem: AssignmentProblem) -> list[Fault]:
    """Return what is wrong with the times of a plan: not free, double-booked, too few, too far.

    Parameters
    ----------
    plan : PairPlan
        The plan, which says when pairs meet.
    problem : AssignmentProblem
        What its tables and its program mean, made anew.
    """
    rule = find_rule(plan.program.constraints, Meetings)
    if rule is None:
        return []
    shape = len(plan.solution.pairs), rule.per_week
    taken, slots = plan.solution.slots, plan.problem.slots
    if taken is None or slots is None or problem.slots is None or taken.shape != shape:
        return [Fault("it has no timetable, which Meetings ask for.", repr(rule))]
    if not np.array_equal(slots.start, problem.slots.start) or slots.minutes != rule.minutes:
        return [Fault("its slots are not those of its tables.", repr(rule))]
    if ((taken < -1) | (taken >= slots.n_slots)).any():
        return [Fault("it has meetings at times that do not exist.", repr(rule))]
    faults: list[Fault] = []
    calendar: dict[Any, list[tuple[int, str, Any]]] = defaultdict(list)
    for i, j, start in list_meetings(plan):
        faults += _pair_faults(plan, rule, i, j, start)
        if start >= 0:
            mentee, mentor = plan.scored.coached.ids[i], plan.scored.coach.ids[j]
            where = _place(plan, i, j) if rule.travel is not None else ""
            calendar[mentee].append((start, where, mentor))
            calendar[mentor].append((start, where, mentee))
    for person, meetings in calendar.items():
        meetings.sort(key=lambda meeting: meeting[0])
        for k, first in enumerate(meetings):
            for second in meetings[k + 1 :]:
                away = _way(rule, first[1], second[1])
                if second[0] < first[0] + rule.minutes + away:
                    what = (
                        f"is double-booked: with {first[2]} at {' '.join(format_minute(first[0]))}"
                    )
                    what += f" and with {second[2]} at {' '.join(format_minute(second[0]))}"
                    what += f", {away} minutes away." if away else "."
                    faults.append(Fault(what, str(person)))
    return faults


def _pair_faults(plan: PairPlan, rule: Meetings, i: int, j: int, start: int) -> list[Fault]:
    """Return what is wrong with one meeting as such."""
    coached: Any = plan.scored.coached
    coach: Any = plan.scored.coach
    where = f"{coached.ids[i]} with {coach.ids[j]}"
    mine, theirs = meeting_windows(rule, coached, i), meeting_windows(rule, coach, j)
    if isinstance(mine, str) or isinstance(theirs, str):
        if start < 0 and rule.unknown == "allow":
            return []
        return [Fault("they meet, but it is not known when they are free.", where)]
    if start < 0:
        return [Fault("they have no time to meet.", where)]
    away = travel_minutes(rule, coached, i, coach, j)
    if isinstance(away, str):
        return [Fault(f"{away}.", where)]
    faults = []
    for person, free, way in ((coached.ids[i], mine, 0), (coach.ids[j], theirs, away)):
        begin, end = start - way, start + rule.minutes + way
        if not any(opens <= begin and end <= closes for opens, closes in free):
            at = " ".join(format_minute(start))
            faults.append(Fault(f"{person} is not free for a meeting at {at}.", where))
    return faults


def _place(plan: PairPlan, i: int, j: int) -> str:
    """Return the school where a pair meets, blank for virtual meetings."""
    tables: tuple[Any, Any] = plan.scored.coached, plan.scored.coach
    kinds = [
        str(table.texts("modality")[row]) if "modality" in table else ""
        for table, row in zip(tables, (i, j), strict=True)
    ]
    if "virtual" in kinds or kinds == ["either", "either"]:
        return ""
    return str(tables[0].texts("school")[i])


def _way(rule: Meetings, here: str, there: str) -> int:
    """Return the minutes between two schools."""
    travel = rule.travel
    if not here or not there or here == there or travel is None:
        return 0
    if isinstance(travel, int):
        return travel
    one_way = travel.get(here, {}).get(there)
    found = travel.get(there, {}).get(here) if one_way is None else one_way
    return 0 if found is None else int(found)
