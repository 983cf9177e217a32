"""When lessons are watched: one start and one week of the term for each observation of a plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Observation, find_rule
from pairmatch.constraints.lessons import watch_lesson
from pairmatch.plans.cover import charge_cover, count_least_cover
from pairmatch.plans.order import natural_key
from pairmatch.plans.timetable import list_meetings, write_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from pairmatch.constraints.lessons import Watched
    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.pair_plan import PairPlan

__all__ = [
    "Lesson",
    "describe_cover",
    "describe_lessons",
    "observation_rule",
    "schedule_lessons",
    "sort_lessons",
    "tabulate_lessons",
]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One observation of a plan.

    Parameters
    ----------
    of : tuple
        Mentee and mentor, or the number of the group.
    observer, observed : str or int
        Ids.
    week : int
        Week of the term, from 1; 0 if none is left.
    when : Watched
        Start, conferences and cover.
    """

    of: tuple[Any, ...]
    observer: Any
    observed: Any
    week: int
    when: Watched

    @property
    def start(self) -> int | None:
        """Minute of the week; None if no lesson is left beside the weekly meetings."""
        return self.when.start


def observation_rule(plan: PairPlan | GroupPlan) -> Observation | None:
    """Return the ``Observation`` of a plan's program, None without."""
    return find_rule(plan.program.constraints, Observation)


def schedule_lessons(plan: PairPlan) -> tuple[Lesson, ...]:
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
    coached: Any = plan.scored.coached
    coach: Any = plan.scored.coach
    pairs = sorted(plan.solution.pairs.tolist(), key=lambda p: (natural_key(ids[p[0]]), p[1]))
    lessons, edges = [], []
    for i, j in pairs:
        of = ids[i], mentors[j]
        taken = {*met[of[0]], *met[of[1]]}
        ways = [(coach, j, coached, i), (coached, i, coach, j)]
        for observer, a, observed, b in ways if rule.both_ways else ways[:1]:
            when = watch_lesson(rule, observer, a, observed, b, taken)
            lessons.append(Lesson(of, observer.ids[a], observed.ids[b], 0, when))
            edges.append(of)
    weeks = _colour(edges, rule.weeks)
    found = [replace(one, week=week) for one, week in zip(lessons, weeks, strict=True)]
    return sort_lessons(found)


def sort_lessons(lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """Return lessons by week, then by pair or group."""

    def key(one: Lesson) -> tuple[Any, ...]:
        return one.week, natural_key(one.of[0]), natural_key(one.observer)

    return tuple(sorted(lessons, key=key))


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


def describe_cover(plan: PairPlan) -> list[str]:
    """Return the line of a summary about what the cover of pairs costs, and whether it is least."""
    made = plan.scored, plan.program, plan.solution
    least = count_least_cover(*made)
    if least is None:
        return []
    text = f"            the pairs need {_minutes(least)} of cover at least"
    charge = charge_cover(*made)
    if charge:
        text += f", which cost {float(plan.in_scores(charge)):.6g} of the total"
    found = plan.certificate
    if found is not None and found.cost_bound is not None and found.cost_bound == found.cost:
        text += "; no plan as good needs less"
    return [text]


def _minutes(number: int) -> str:
    return f"{number} minute{'' if number == 1 else 's'}"


def describe_lessons(rule: Observation | None, lessons: Sequence[Lesson]) -> list[str]:
    """Return the lines of a summary about observations."""
    if rule is None:
        return []
    placed = [one for one in lessons if one.start is not None and one.week]
    last = max((one.week for one in placed), default=0)
    lines = [f"  lessons   {len(placed)} observations of {rule.minutes} minutes in {last} weeks"]
    if rule.cover_cost is not None:
        cover = sum(one.when.cover for one in placed)
        lines[0] += f", {_minutes(cover)} of cover"
    missing = [one for one in lessons if one.start is None or not one.week]
    if missing:
        text = f"            {len(missing)} have no time left beside the weekly meetings"
        lines.append(f"{text}: {_names(missing)}")
    if rule.talk:
        silent = [one for one in placed if one.when.before is None]
        if silent:
            lines.append(
                f"            {len(silent)} have no time for conferences: {_names(silent)}"
            )
    return lines


def _names(lessons: list[Lesson]) -> str:
    shown = [f"{one.observer} at {one.observed}" for one in lessons[:5]]
    return ", ".join(shown) + (" ..." if len(lessons) > 5 else "")


def tabulate_lessons(
    rule: Observation,
    lessons: Sequence[Lesson],
    columns: tuple[str, ...],
    meetings: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return meetings, then observations and conferences by week, as one frame.

    Parameters
    ----------
    rule : Observation
        What was asked for.
    lessons : sequence of Lesson
        What was found.
    columns : tuple of str
        Those of meetings.
    meetings : DataFrame or None
        Weekly meetings, if there are any.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for one in lessons:
        of = one.of if len(one.of) == 2 else (one.observer, one.observed)
        people = ";".join(map(str, sorted(of, key=natural_key) if of != one.of else of))
        when = one.when
        parts = [("observation", when.start, rule.minutes)]
        if when.before is not None and when.after is not None:
            talks = [("conference", at, rule.talk) for at in (when.before, when.after)]
            parts = [talks[0], *parts, talks[1]]
        for kind, start, length in parts:
            time = write_time(-1 if start is None else start, length)
            who = (one.observer, one.observed) if kind == "observation" else ("", "")
            rows.append((kind, *one.of, people, *time, length, "", *who, one.week or ""))
    columns = (*columns, "observer", "observed", "week")
    frame = pd.DataFrame(rows, columns=list(columns))
    if meetings is None:
        return frame
    whole = meetings.assign(observer="", observed="", week="")[list(columns)].astype(object)
    return pd.concat([whole, frame.astype(object)], ignore_index=True)
