"""Several formats over one pool: one budget of time for each teacher, and nobody in two places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Load, Meetings, Require
from pairmatch.errors import CertificateError, Fault, ProgramError
from pairmatch.inputs import check_arguments, read_table
from pairmatch.plans.order import natural_key
from pairmatch.profiles import read_profiles
from pairmatch.programs import Program
from pairmatch.scoring import CommonTime
from pairmatch.typed import is_count
from pairmatch.verbs import form_groups, match

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.options import Options
    from pairmatch.plans import Grouping, Matching
    from pairmatch.profiles import Profiles

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["Formats", "match_formats"]

_MENTEES, _MENTORS = frozenset({"", "mentee", "both"}), frozenset({"", "mentor", "both"})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Formats:
    """What :func:`match_formats` found: one plan for each format, over one pool.

    Parameters
    ----------
    plans : tuple of Matching, Grouping or None
        One for each program, in their order; None where nobody had minutes left.
    minutes : tuple of int
        Minutes a week of one meeting of each format.
    ids : tuple of str
        Everybody in the pool.
    budget : ndarray of float, shape (n,)
        Minutes a week of each person; infinite where there is no limit.
    """

    plans: tuple[Matching | Grouping | None, ...]
    minutes: tuple[int, ...]
    ids: tuple[str, ...]
    budget: NDArray[np.float64]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each person in each format: ``format, id, role, partners, minutes``.

        Formats are counted from 1; ``partners`` are ids joined by ``;``.
        """
        import pandas as pd

        rows = []
        for number, (plan, minutes) in enumerate(zip(self.plans, self.minutes, strict=True), 1):
            for key, role, partners in sorted(
                _seats(plan), key=lambda seat: (natural_key(seat[0]), seat[1])
            ):
                n_meetings = len(partners) if role == "mentor" else 1
                joined = ";".join(map(str, partners))
                rows.append((number, key, role, joined, minutes * n_meetings))
        return pd.DataFrame(rows, columns=["format", "id", "role", "partners", "minutes"])

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting of all formats that have ``Meetings``, ``format`` first."""
        import pandas as pd

        frames = [
            plan.timetable().astype(object).assign(format=number)
            for number, plan in enumerate(self.plans, 1)
            if plan is not None and _meetings_of(plan.program) is not None
        ]
        if not frames:
            return pd.DataFrame(columns=["format", "kind", "people", "day", "start", "end"])
        whole: Any = pd.concat(frames, ignore_index=True)
        whole = whole.where(whole.notna(), "")
        week = {day: k for k, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))}
        order = sorted(
            range(len(whole)),
            key=lambda row: (
                week.get(whole["day"][row], 7), whole["start"][row], whole["people"][row]
            ),
        )  # fmt: skip
        columns = ["format", *(name for name in whole.columns if name != "format")]
        frame: pd.DataFrame = whole.iloc[order][columns].reset_index(drop=True)
        return frame

    def budgets(self) -> pd.DataFrame:
        """Return one row a person: ``id, minutes_per_week, used, left``; NaN is no limit."""
        import pandas as pd

        used = self.to_frame().groupby("id")["minutes"].sum().to_dict()
        rows: list[Any] = []
        for key, limit in zip(self.ids, self.budget.tolist(), strict=True):
            spent = int(used.get(key, 0))
            known = limit != np.inf
            rows.append(
                (key, limit if known else np.nan, spent, limit - spent if known else np.nan)
            )
        rows.sort(key=lambda row: natural_key(row[0]))
        return pd.DataFrame(rows, columns=["id", "minutes_per_week", "used", "left"])

    def summary(self) -> str:
        """Return the formats in a few lines of text, with what is proved and what is not."""
        lines = [f"{len(self.plans)} formats over {len(self.ids)} people"]
        for number, plan in enumerate(self.plans, 1):
            if plan is None:
                lines.append(f"  format {number}  nobody has minutes left for it")
                continue
            proof = "no bound is proved"
            if plan.gap is not None:
                proof = "proved optimal" if plan.gap == 0 else f"within {plan.gap:.2%}"
            time = "a time for each meeting" if _meetings_of(plan.program) else "no times fixed"
            lines.append(
                f"  format {number}  {plan!r}: {proof} given the formats before it, {time}"
            )
        lines.append(
            "  together  each format is judged given those before it; another order may be better"
        )
        return "\n".join(lines)

    def check(self) -> None:
        """Check once more that nobody is in two places or beyond their minutes.

        Raises
        ------
        CertificateError
            If somebody is; all such people at once.
        """
        faults = [
            Fault(f"{row.used} minutes of {row.minutes_per_week:g}.", f"id {row.id}")
            for row in _rows(self.budgets())
            if row.left < 0
        ]
        held: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for row in _rows(self.timetable()):
            for key in str(row.people).split(";"):
                for start, end in held.setdefault((key, row.day), []):
                    if row.start < end and start < row.end:
                        what = f"two meetings on {row.day} at {row.start} and {start}."
                        faults.append(Fault(what, f"id {key}"))
                held[key, row.day].append((row.start, row.end))
        if faults:
            raise CertificateError("the formats do not fit together", faults)

    def __repr__(self) -> str:
        return f"Formats({', '.join(map(repr, self.plans))})"


def match_formats(
    teachers: Table,
    programs: Sequence[Program],
    *,
    minutes_per_week: int | str = "minutes_per_week",
    options: Options | None = None,
) -> Formats:
    """Run several formats over one pool: one time budget for each person, no double booking.

    Parameters
    ----------
    teachers : Profiles, DataFrame or path
        The pool. For a program about pairs, who has the ``role`` mentee or both (or none) is
        coached, and who has mentor or both (or none) coaches.
    programs : sequence of Program
        The formats, the most important first. ``Meetings`` in a program gives each meeting a time,
        which the formats after it leave alone.
    minutes_per_week : int or str, default: "minutes_per_week"
        Minutes of each person for all formats together: a number, or a column, where a blank cell
        (or no such column) is no limit. A meeting takes the minutes of ``Meetings``, else of
        ``CommonTime``; a program with neither takes none.
    options : Options, optional
        Seed and time limit, for each format.

    Returns
    -------
    Formats
        One plan a format, and the timetable of all together.

    Raises
    ------
    ProgramError
        If there is no program, or the minutes cannot be used.
    ProfileError, InfeasibleError, CapabilityError
        As for :func:`match` and :func:`form_groups`.

    Notes
    -----
    Sequential: each format has the proof that its own verb gives, in what the formats before it
    leave. The best order, and the joint optimum over all formats, are not looked for. Travel
    between meetings of two different formats is not counted.

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
    _, options = check_arguments(None, options)
    _check_programs(programs)
    table = read_table(teachers)
    budget = _budgets(table, minutes_per_week)
    left = budget.copy()
    busy: list[list[str]] = [[] for _ in table.ids]
    plans: list[Matching | Grouping | None] = []
    row_of = {key: row for row, key in enumerate(table.ids)}
    for program in programs:
        minutes = _minutes_of(program)
        rows = np.flatnonzero(left >= minutes)
        plan = _run(_with_busy(table, busy).take(rows), left[rows], program, minutes, options)
        plans.append(plan)
        for key, role, partners in _seats(plan):
            left[row_of[key]] -= minutes * (len(partners) if role == "mentor" else 1)
        if plan is not None and _meetings_of(program) is not None:
            for meeting in _rows(plan.timetable()):
                for key in str(meeting.people).split(";"):
                    if meeting.day:
                        busy[row_of[key]].append(f"{meeting.day} {meeting.start}-{meeting.end}")
    formats = Formats(tuple(plans), tuple(map(_minutes_of, programs)), tuple(table.ids), budget)
    formats.check()
    return formats


def _check_programs(programs: Any) -> None:
    given = programs if isinstance(programs, list | tuple) else []
    faults = [
        Fault(f"{program!r} is no program.", f"format {number}")
        for number, program in enumerate(given, 1)
        if not isinstance(program, Program)
    ]
    if not given:
        faults.append(Fault("there is no format.", "", "Give a list of programs."))
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


def _meetings_of(program: Program) -> Meetings | None:
    return next((rule for rule in program.constraints if isinstance(rule, Meetings)), None)


def _minutes_of(program: Program) -> int:
    """Return the minutes a week that a place in this format takes."""
    meetings = _meetings_of(program)
    if meetings is not None:
        return meetings.minutes * meetings.per_week
    parts = [*(program.criteria or ()), *program.constraints]
    criteria = [part.criterion if isinstance(part, Require) else part for part in parts]
    return max((int(c.minutes) for c in criteria if isinstance(c, CommonTime)), default=0)


def _with_busy(table: Profiles, busy: list[list[str]]) -> Profiles:
    """Return the pool with the meetings that are fixed already as busy time."""
    if not any(busy):
        return table
    frame = table.to_frame()
    own = table.texts("busy").tolist() if "busy" in table else [""] * len(table)
    plain = [str(text).strip() for text in own]
    plain = ["" if text.casefold() in ("none", "-") else text for text in plain]
    frame["busy"] = [
        "; ".join(filter(None, [text, *taken])) for text, taken in zip(plain, busy, strict=True)
    ]
    return read_profiles(frame)


def _run(
    table: Profiles, left: NDArray[np.float64], program: Program, minutes: int, options: Options
) -> Matching | Grouping | None:
    """Return the plan of one format among those who have minutes for it."""
    if len(table) < 2:
        return None
    if program.forms_groups:
        return form_groups(table, program, options=options)
    roles = [
        str(text).strip().casefold() if "role" in table else ""
        for text in (table.texts("role") if "role" in table else table.ids)
    ]
    coached = np.array([role in _MENTEES for role in roles])
    coach = np.array([role in _MENTORS for role in roles])
    if not coached.any() or not coach.any():
        return None
    if minutes:
        own = np.where(coached, minutes, 0)  # who is coached, too, keeps the minutes for that
        places = np.minimum(np.floor((left - own) / minutes), len(table)).astype(np.int64)
        most: dict[str | int, int] = dict(
            zip(table.ids, np.maximum(places, 0).tolist(), strict=True)
        )
        most = {key: most[key] for key, coaches in zip(table.ids, coach, strict=True) if coaches}
        loads = [] if any(isinstance(r, Load) for r in program.constraints) else [Load()]
        rules = [*program.constraints, *loads, Load(at_most=most)]
        program = replace(program, constraints=tuple(rules))
    mentees, mentors = table.take(np.flatnonzero(coached)), table.take(np.flatnonzero(coach))
    return match(mentees, mentors, program, options=options)


def _rows(frame: pd.DataFrame) -> list[Any]:
    return list(frame.itertuples())


def _seats(plan: Any) -> list[tuple[Any, str, list[Any]]]:
    """Return who takes part in a plan, as what and with whom."""
    if plan is None:
        return []
    if hasattr(plan, "groups"):
        roles = dict(plan.to_frame()[["id", "role"]].itertuples(index=False))
        return [
            (key, roles[key], [other for other in members if other != key])
            for members in plan.group_ids
            for key in members
        ]
    frame = plan.to_frame()
    seats = []
    for side, other in (("mentee", "mentor"), ("mentor", "mentee")):
        for key, partners in frame.groupby(side, sort=False)[other]:
            seats.append((key, side, partners.tolist()))
    return seats
