"""Running several formats over one pool, one after another, in the time that is left."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Load
from pairmatch.errors import Fault, InfeasibleError, ProgramError
from pairmatch.formats.bounds import groups_alone, pairs_alone
from pairmatch.formats.several import Formats, engagements, minutes_of, seats, watching_of
from pairmatch.formats.sharing import share_time
from pairmatch.inputs import check_arguments, read_table
from pairmatch.profiles.joining import replace_texts
from pairmatch.profiles.spans import cut_windows
from pairmatch.profiles.week import format_windows, merge_windows
from pairmatch.programs import Program
from pairmatch.solvers.solution import Status, end_if_stopped
from pairmatch.typed import is_count
from pairmatch.verbs import form_groups, match

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.formats.bounds import Alone
    from pairmatch.options import Options
    from pairmatch.plans import Grouping, Matching
    from pairmatch.profiles import Profiles

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["match_formats"]

_MOST_ORDERED = 4  # formats
_MENTEES, _MENTORS = frozenset({"", "mentee", "both"}), frozenset({"", "mentor", "both"})


def match_formats(
    teachers: Table,
    programs: Sequence[Program],
    *,
    minutes_per_week: int | str = "minutes_per_week",
    options: Options | None = None,
    any_order: bool = False,
    joint_bound: bool = False,
) -> Formats:
    """Run several formats over one pool: one time budget for each person, no double booking.

    Parameters
    ----------
    teachers : Profiles, DataFrame or path
        The pool. For a program about pairs, who has the ``role`` mentee or both (or none) is
        coached, and who has mentor or both (or none) coaches.
    programs : sequence of Program
        The formats, the most important first. What ``Meetings`` and ``Observation`` plan has times,
        which the formats after it leave alone, in every week.
    minutes_per_week : int or str, default: "minutes_per_week"
        Minutes of each person for all formats together: a number, or a column, where a blank cell
        (or no such column) is no limit. A meeting takes the minutes of ``Meetings``, else of
        ``CommonTime``; watching lessons takes the minutes of one a week, with its conferences.
    options : Options, optional
        Seed and time limit, for each format. With ``any_order`` no other order is begun once the
        limit has passed since the call, and formats of other orders have what is left of it.
    any_order : bool, default: False
        Whether other orders of up to four formats are tried, for the plans with the most people
        in them, and among these with the largest sum of objectives. Orders in which the rules of a
        format cannot be kept are passed over. The time limit, or Ctrl-C once the first order is
        through, ends that with the best order so far; ``orders`` and ``status`` say so.
    joint_bound : bool, default: False
        Whether to prove a bound on that sum, for :attr:`Formats.bound` and :attr:`Formats.gap`. It
        takes another solve of each format.

    Returns
    -------
    Formats
        One plan a format, and the timetable of all together.

    Raises
    ------
    ProgramError
        If there is no program, or more than four with ``any_order``, or the minutes cannot be
        used.
    ProfileError, InfeasibleError, CapabilityError
        As for :func:`match` and :func:`form_groups`.
    KeyboardInterrupt
        On Ctrl-C before all formats have a plan. After that it only ends the trying of other
        orders, or the proving of the joint bound, which is missing then.

    Notes
    -----
    Lexicographic by verb, not jointly optimal. Proved, where its plan says so: each format is the
    best in what the plans before it leave. Not proved: that the first formats, among plans equally
    good, leave most to the later ones; the order is yours, because it says what matters more. With
    ``joint_bound``, how much more all formats could be worth together in any order: the sum of what
    each could be with the whole pool and all its time for itself, the largest total whether or not
    coverage comes first; or, if that is less, what the places that people have minutes for bring
    together, each place at its price. To solve one format again given all others never gains
    anything, since it was the best in more. Proved for all together, and checked once more by
    :meth:`Formats.check`: nobody is in two places, and nobody is beyond their minutes.

    An observation keeps its time free in all weeks, though it takes place in one. Travel between
    meetings of two different formats is not counted.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> pool = pd.DataFrame({"id": list("abcd"), "free": ["Mon 08:00-09:30"] * 4})
    >>> pair = pm.Program([pm.CommonTime()], [pm.Meetings(minutes=45)], size=2)
    >>> team = pm.Program([pm.CommonTime()], [pm.Meetings(minutes=30)], size=4)
    >>> formats = pm.match_formats(pool, [pair, team], minutes_per_week=75)
    >>> formats.timetable()[["format", "day", "start", "end"]]
       format  day  start    end
    0       1  Mon  08:00  08:45
    1       1  Mon  08:00  08:45
    2       2  Mon  08:45  09:15
    """
    start = perf_counter()
    _, options = check_arguments(None, options)
    _check_programs(programs, any_order=any_order)
    table = read_table(teachers)
    budget = _budgets(table, minutes_per_week)
    formats = _run_in_order(table, budget, programs, tuple(range(len(programs))), options)
    if not (joint_bound or any_order):
        return formats
    if any_order:
        formats = replace(formats, orders=(formats.order,))
    late = options.time_limit is not None and perf_counter() - start >= options.time_limit
    if late and not joint_bound:
        return replace(formats, stopped=Status.TIME_LIMIT) if len(programs) > 1 else formats
    try:
        alone = [_leave_alone(table, budget, program, options) for program in programs]
        rated, known = _rate(formats, alone), [one.seats for one in alone]
        every = [places for own in known if own is not None for places in own]
        if None not in known:
            rated = replace(rated, shared=share_time(formats.ids, budget, every))
        formats = rated
    except KeyboardInterrupt:
        return replace(formats, stopped=Status.INTERRUPTED)
    if any_order:
        formats = _try_orders(table, programs, alone, formats, options, start)
    return formats if joint_bound else replace(formats, bounds=(), shared=None)


def _try_orders(
    table: Profiles,
    programs: Sequence[Program],
    alone: Sequence[Alone],
    best: Formats,
    options: Options,
    start: float,
) -> Formats:
    """Return the best of all orders, or of those that were tried until the time was over."""
    tried, stopped, shared = list(best.orders), None, best.shared
    try:
        for order in list(permutations(range(len(programs))))[1:]:
            left = None
            if options.time_limit is not None:
                left = options.time_limit - (perf_counter() - start)
                if left <= 0:
                    stopped = Status.TIME_LIMIT
                    break
            hurried = replace(options, time_limit=left)
            try:
                found = _run_in_order(table, best.budget, programs, order, hurried)
            except (InfeasibleError, ProgramError):  # what it asks for cannot be had in this order
                tried.append(tuple(number + 1 for number in order))
                continue
            other = _rate(found, alone)
            tried.append(other.order)
            if _rank(other) > _rank(best):
                best = other
    except KeyboardInterrupt:
        stopped = Status.INTERRUPTED
    return replace(best, shared=shared, orders=tuple(tried), stopped=stopped)


def _rank(formats: Formats) -> tuple[int, float]:
    """Return what counts when orders are compared."""
    placed = sum(plan.matched for plan in formats.plans if plan is not None)
    return placed, sum(worth or 0.0 for worth in formats.worths)


def _run_in_order(
    table: Profiles,
    budget: NDArray[np.float64],
    programs: Sequence[Program],
    order: tuple[int, ...],
    options: Options,
) -> Formats:
    """Return the plans of formats that are run in some order."""
    left = budget.copy()
    taken: list[list[tuple[int, int]]] = [[] for _ in table.ids]
    plans: list[Matching | Grouping | None] = [None] * len(programs)
    row_of = {key: row for row, key in enumerate(table.ids)}
    for number in order:
        program = programs[number]
        rows = np.flatnonzero(left >= minutes_of(program) + watching_of(program))
        plan = _run(_book(table, taken).take(rows), left[rows], program, options)
        plans[number] = plan
        for key, _, _, minutes in seats(plan):
            left[row_of[key]] -= minutes
        for engagement in engagements(plan):
            taken[row_of[engagement.who]].append((engagement.start, engagement.end))
    numbers = tuple(number + 1 for number in order)
    formats = Formats(tuple(plans), tuple(table.ids), budget, order=numbers)
    formats.check()
    return formats


def _rate(formats: Formats, alone: Sequence[Alone]) -> Formats:
    """Return formats with what each is worth in the whole pool, and could be at most."""
    worths = tuple(one.rate(plan) for one, plan in zip(alone, formats.plans, strict=True))
    bounds = tuple(
        None if worth is None else one.bound for one, worth in zip(alone, worths, strict=True)
    )
    return replace(formats, worths=worths, bounds=bounds)


def _leave_alone(
    table: Profiles, budget: NDArray[np.float64], program: Program, options: Options
) -> Alone:
    """Return what a format could be with the whole pool for itself."""
    rows = np.flatnonzero(budget >= minutes_of(program) + watching_of(program))
    part = table.take(rows)
    if program.forms_groups:
        return groups_alone(part, program)
    return pairs_alone(program, lambda total: _run(part, budget[rows], total, options))


def _check_programs(programs: Any, *, any_order: bool) -> None:
    given = programs if isinstance(programs, list | tuple) else []
    faults = [
        Fault(f"{program!r} is no program.", f"format {number}")
        for number, program in enumerate(given, 1)
        if not isinstance(program, Program)
    ]
    if not given:
        faults.append(Fault("there is no format.", "", "Give a list of programs."))
    if any_order and len(given) > _MOST_ORDERED:
        what = f"there are {len(given)} formats, and orders of up to {_MOST_ORDERED} are tried."
        faults.append(Fault(what, "any_order", "Leave it out, or run fewer formats at once."))
    if faults:
        raise ProgramError("the formats cannot be run", faults)


def _budgets(table: Profiles, minutes: Any) -> NDArray[np.float64]:
    """Return the minutes of each person, infinite where there is no limit."""
    if is_count(minutes):
        return np.full(len(table), float(minutes))
    if not isinstance(minutes, str):
        remedy = "Give whole minutes >= 0, or the name of a column."
        raise ProgramError(
            "the formats cannot be run", [Fault(f"minutes_per_week is {minutes!r}.", "", remedy)]
        )
    if minutes not in table:
        if minutes == "minutes_per_week":
            return np.full(len(table), np.inf)
        what = f"there is no column {minutes!r}."
        raise ProgramError("the formats cannot be run", [Fault(what, table.source)])
    numbers = table.numbers(minutes)
    return np.where(np.isnan(numbers), np.inf, numbers)


def _book(table: Profiles, taken: list[list[tuple[int, int]]]) -> Profiles:
    """Return the pool in which nobody is free, or can be watched, at times that are taken."""
    if not any(taken):
        return table
    own = table.windows("busy") if "busy" in table else (None,) * len(table)
    busy = [
        format_windows(merge_windows([*(one or ()), *more]))
        for one, more in zip(own, taken, strict=True)
    ]
    if "teaching" in table:
        texts = table.texts("teaching").tolist()
        for row, lessons in enumerate(table.windows("teaching")):
            rest = cut_windows(lessons or (), taken[row])
            if rest != (lessons or ()):
                texts[row] = format_windows(rest)
        table = replace_texts(table, "teaching", texts)
    return replace_texts(table, "busy", busy)


def _run(
    table: Profiles, left: NDArray[np.float64], program: Program, options: Options
) -> Matching | Grouping | None:
    """Return the plan of one format among those who have minutes for it."""
    if len(table) < 2:
        return None
    if program.forms_groups:
        return end_if_stopped(form_groups(table, program, options=options))
    roles = [
        str(text).strip().casefold() if "role" in table else ""
        for text in (table.texts("role") if "role" in table else table.ids)
    ]
    coached = np.array([role in _MENTEES for role in roles])
    coach = np.array([role in _MENTORS for role in roles])
    if not coached.any() or not coach.any():
        return None
    minutes = minutes_of(program)
    if minutes:
        # who is coached, too, keeps the minutes for that, and everybody those of a lesson
        own = np.where(coached, minutes, 0) + watching_of(program)
        places = np.minimum(np.floor((left - own) / minutes), len(table)).astype(np.int64)
        most: dict[str | int, int] = dict(
            zip(table.ids, np.maximum(places, 0).tolist(), strict=True)
        )
        most = {key: most[key] for key, coaches in zip(table.ids, coach, strict=True) if coaches}
        loads = [] if any(isinstance(r, Load) for r in program.constraints) else [Load()]
        rules = [*program.constraints, *loads, Load(at_most=most)]
        program = replace(program, constraints=tuple(rules))
    mentees, mentors = table.take(np.flatnonzero(coached)), table.take(np.flatnonzero(coach))
    return end_if_stopped(match(mentees, mentors, program, options=options))
