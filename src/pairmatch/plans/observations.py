"""When lessons are watched: one start and one week of the term for each observation of a plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Observation
from pairmatch.constraints.observation import free_windows
from pairmatch.plans.order import natural_key
from pairmatch.plans.timetable import COLUMNS, list_meetings, write_time
from pairmatch.profiles.spans import common_windows, cut_windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from pairmatch.plans.matching import Matching
    from pairmatch.profiles.week import Windows

__all__ = ["Lesson", "describe_lessons", "observation_rule", "schedule_lessons", "tabulate_lessons"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One observation of a pair.

    Parameters
    ----------
    mentee, mentor, observer, observed : str or int
        Ids.
    week : int
        Week of the term, from 1.
    start : int or None
        Minute of the week; None if no lesson is left beside the weekly meetings.
    before, after : int or None
        Starts of the conferences; None if there are none, or no time for them.
    cover : int
        Minutes for which the observer has to be covered.
    """

    mentee: Any
    mentor: Any
    observer: Any
    observed: Any
    week: int
    start: int | None
    before: int | None
    after: int | None
    cover: int


def observation_rule(plan: Matching) -> Observation | None:
    """Return the ``Observation`` of a plan's program, None without."""
    return next((r for r in plan.program.constraints if isinstance(r, Observation)), None)


def schedule_lessons(plan: Matching) -> tuple[Lesson, ...]:
    """Return every observation of a plan, sorted by week and pair.

    Each takes the lesson that needs least cover, of these the earliest, at which none of the two
    has a weekly meeting; with conferences, the first that leaves time for both. Weeks are the
    colours of an edge colouring: nobody has two observations in a week (D. König, "Über Graphen
    und ihre Anwendung", 1916, https://doi.org/10.1007/BF01456961, for two separate tables; for
    people in both tables, chains are recoloured, too, and a week that is short stays short).
    """
    rule = observation_rule(plan)
    if rule is None:
        return ()
    met: dict[Any, list[tuple[int, int]]] = defaultdict(list)
    ids, mentors = plan.scored.coached.ids, plan.scored.coach.ids
    minutes = 0 if plan.problem.slots is None else plan.problem.slots.minutes
    for i, j, start in list_meetings(plan):
        if start >= 0:
            met[ids[i]].append((start, start + minutes))
            met[mentors[j]].append((start, start + minutes))
    pairs = sorted(plan.solution.pairs.tolist(), key=lambda p: (natural_key(ids[p[0]]), p[1]))
    lessons, edges = [], []
    for i, j in pairs:
        for mentor_watches in (True, False) if rule.both_ways else (True,):
            lessons.append(_find_lesson(plan, rule, i, j, mentor_watches, met))
            edges.append((ids[i], mentors[j]))
    weeks = _colour(edges, rule.weeks)
    found = [replace(one, week=week) for one, week in zip(lessons, weeks, strict=True)]
    found.sort(key=lambda one: (one.week, natural_key(one.mentee), natural_key(one.observer)))
    return tuple(found)


def _find_lesson(
    plan: Matching,
    rule: Observation,
    i: int,
    j: int,
    mentor_watches: bool,
    met: dict[Any, list[tuple[int, int]]],
) -> Lesson:
    """Return ids, start, conferences and cover of one observation."""
    coached: Any = plan.scored.coached
    coach: Any = plan.scored.coach
    mentee, mentor = coached.ids[i], coach.ids[j]
    observer, a, observed, b = (coach, j, coached, i) if mentor_watches else (coached, i, coach, j)
    blank = Lesson(mentee, mentor, observer.ids[a], observed.ids[b], 0, None, None, None, 0)
    taken = tuple(sorted({*met[mentee], *met[mentor]}))
    lessons = rule.lessons(observer, a, observed, b)
    if isinstance(lessons, str):
        return blank
    own = free_windows(observer, a) or ()
    starts = sorted(
        (_cover(own, start, rule.minutes), start)
        for start in _starts(cut_windows(lessons, taken), rule.minutes, own)
    )
    joint = common_windows(free_windows(coached, i) or (), free_windows(coach, j) or ())
    joint = cut_windows(joint, taken)
    for cover, start in starts:
        if not rule.talk:
            return replace(blank, start=start, cover=cover)
        first = _latest(joint, start, rule.talk)
        then = _earliest(joint, start + rule.minutes, rule.talk)
        if first is not None and then is not None:
            return replace(blank, start=start, before=first, after=then, cover=cover)
    if starts:
        return replace(blank, start=starts[0][1], cover=starts[0][0])
    return blank


def _starts(windows: Windows, minutes: int, own: Windows) -> Iterator[int]:
    """List the starts at which windows begin, or something of one's own begins or ends in them."""
    for start, end in windows:
        marks = {
            start,
            end - minutes,
            *(m for window in own for m in (window[0], window[1] - minutes)),
        }
        yield from sorted(m for m in marks if start <= m <= end - minutes)


def _latest(windows: Windows, end: int, minutes: int) -> int | None:
    """Return the latest start of a talk that is over by `end`."""
    found = [
        min(closes, end) - minutes
        for opens, closes in windows
        if min(closes, end) - minutes >= opens
    ]
    return max(found, default=None)


def _earliest(windows: Windows, begin: int, minutes: int) -> int | None:
    """Return the earliest start of a talk that begins at `begin` or later."""
    found = [
        max(opens, begin) for opens, closes in windows if max(opens, begin) + minutes <= closes
    ]
    return min(found, default=None)


def _cover(free: Windows, start: int, minutes: int) -> int:
    """Return for how many of these minutes somebody is not free."""
    inside = common_windows(free, ((start, start + minutes),))
    return minutes - sum(end - begin for begin, end in inside)


def _colour(edges: Sequence[tuple[Any, Any]], n_weeks: int) -> list[int]:
    """Return a week for each edge, from 1, so that nobody has two in one.

    Where no week is free for both, two weeks change places along a chain.
    """
    weeks = [0] * len(edges)
    used: dict[Any, dict[int, int]] = defaultdict(dict)  # person -> week -> edge
    for number, (a, b) in enumerate(edges):
        free = [
            {week for week in range(1, n_weeks + 1) if week not in used[person]}
            for person in (a, b)
        ]
        both = free[0] & free[1]
        if not both:
            both = _swap(edges, weeks, used, a, b, free)
        if not both:
            continue
        week = min(both)
        weeks[number] = week
        used[a][week] = used[b][week] = number
    return weeks


def _swap(
    edges: Sequence[tuple[Any, Any]],
    weeks: list[int],
    used: dict[Any, dict[int, int]],
    a: Any,
    b: Any,
    free: list[set[int]],
) -> set[int]:
    """Free a week of b at a, or the other way round, along a chain of two weeks."""
    for x in sorted(free[0]):
        for y in sorted(free[1]):
            chain, person, week = [], b, x
            while week in used[person]:
                edge = used[person][week]
                chain.append(edge)
                person = edges[edge][0] if edges[edge][1] == person else edges[edge][1]
                week = y if week == x else x
            if person == a:
                continue
            for edge in chain:
                for end in edges[edge]:
                    used[end].pop(weeks[edge], None)
            for edge in chain:
                weeks[edge] = y if weeks[edge] == x else x
                for end in edges[edge]:
                    used[end][weeks[edge]] = edge
            return {x}
    return set()


def describe_lessons(plan: Matching) -> list[str]:
    """Return the lines of a summary about observations."""
    rule = observation_rule(plan)
    if rule is None:
        return []
    lessons = schedule_lessons(plan)
    placed = [one for one in lessons if one.start is not None and one.week]
    last = max((one.week for one in placed), default=0)
    lines = [f"  lessons   {len(placed)} observations of {rule.minutes} minutes in {last} weeks"]
    if rule.cover_cost is not None:
        cover = sum(one.cover for one in placed)
        lines[0] += f", {cover} minutes of cover (cost {cover * rule.cover_cost:g})"
    missing = [one for one in lessons if one.start is None or not one.week]
    if missing:
        text = f"            {len(missing)} have no time left beside the weekly meetings"
        lines.append(f"{text}: {_names(missing)}")
    if rule.talk:
        silent = [one for one in placed if one.before is None]
        if silent:
            lines.append(
                f"            {len(silent)} have no time for conferences: {_names(silent)}"
            )
    return lines


def _names(lessons: list[Lesson]) -> str:
    shown = [f"{one.observer} at {one.observed}" for one in lessons[:5]]
    return ", ".join(shown) + (" ..." if len(lessons) > 5 else "")


def tabulate_lessons(plan: Matching, meetings: pd.DataFrame | None) -> pd.DataFrame:
    """Return meetings, then observations and conferences by week, as one frame."""
    import pandas as pd

    rule = observation_rule(plan)
    rows: list[tuple[Any, ...]] = []
    for one in schedule_lessons(plan):
        people = ";".join(map(str, (one.mentee, one.mentor)))
        talk, minutes = (0, 0) if rule is None else (rule.talk, rule.minutes)
        parts = [("observation", one.start, minutes)]
        if one.before is not None and one.after is not None:
            parts = [("conference", one.before, talk), *parts, ("conference", one.after, talk)]
        for kind, start, length in parts:
            time = write_time(-1 if start is None else start, length)
            who = (one.observer, one.observed) if kind == "observation" else ("", "")
            rows.append(
                (kind, one.mentee, one.mentor, people, *time, length, "", *who, one.week or "")
            )
    columns = [*COLUMNS, "observer", "observed", "week"]
    lessons = pd.DataFrame(rows, columns=columns)
    if meetings is None:
        return lessons
    whole = meetings.assign(observer="", observed="", week="")[columns].astype(object)
    return pd.concat([whole, lessons.astype(object)], ignore_index=True)
