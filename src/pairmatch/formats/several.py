"""What several formats over one pool come to: one timetable, one budget for each person."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Meetings, Observation, Require, find_rule
from pairmatch.disk import make_folder, write_whole
from pairmatch.errors import CertificateError, Fault, say_count
from pairmatch.plans.files import clear_folder, dump_csv
from pairmatch.plans.order import natural_key
from pairmatch.profiles.week import format_minute
from pairmatch.reports.entries import split_people
from pairmatch.scoring import CommonTime
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans import Grouping, Matching
    from pairmatch.programs import Program

__all__ = ["Engagement", "Formats", "engagements", "minutes_of", "seats", "watching_of"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Formats:
    """What :func:`match_formats` found: one plan for each format, over one pool.

    Parameters
    ----------
    plans : tuple of Matching, Grouping or None
        One for each program, in their order; None where nobody had minutes left.
    ids : tuple of str
        Everybody in the pool.
    budget : ndarray of float, shape (n,)
        Minutes a week of each person; infinite where there is no limit.
    worths : tuple of float or None
        What each plan is worth by the scores of the whole pool, where a joint bound was asked for.
    bounds : tuple of float or None
        What each format could be worth at most with the whole pool and all its time for itself.
    shared : float or None
        What all of them could be worth together at most in the minutes that everybody has.
    order : tuple of int
        In which order they were run, counted from 1.
    orders : tuple of tuple of int
        Which orders were tried, where others were asked for; the one that was given first.
    stopped : Status or None
        What ended the trying of orders, or the joint bound, before the end: TIME_LIMIT or
        INTERRUPTED.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> staff = pd.DataFrame({"id": ["A", "B", "C"], "subjects": ["art", "art", "art"]})
    >>> found = pm.match_formats(staff, [pm.Program(criteria=[pm.SubjectMatch()], size=3)])
    >>> found
    Formats(Grouping(3 people in 1 group, gap 0.00%))
    """

    plans: tuple[Matching | Grouping | None, ...]
    ids: tuple[str, ...]
    budget: NDArray[np.float64]
    worths: tuple[float | None, ...] = ()
    bounds: tuple[float | None, ...] = ()
    shared: float | None = None
    order: tuple[int, ...] = ()
    orders: tuple[tuple[int, ...], ...] = ()
    stopped: Status | None = None

    @property
    def status(self) -> Status:
        """How the work ended.

        INTERRUPTED or TIME_LIMIT where orders were left untried, a plan is not the best one given
        those before it, or a joint bound was not finished; OPTIMAL where the joint bound is
        reached, else FEASIBLE.
        """
        if self.stopped is not None:
            return self.stopped
        if any(plan is not None and plan.status is Status.TIME_LIMIT for plan in self.plans):
            return Status.TIME_LIMIT
        return Status.OPTIMAL if self.gap == 0 else Status.FEASIBLE

    @property
    def objective(self) -> float | None:
        """Sum of what all plans are worth by the scores of the whole pool; None if not asked for.

        Those are the scores before any format has taken time, so that orders can be compared.
        """
        return _add_up(self.worths)

    @property
    def bound(self) -> float | None:
        """Proved bound on that sum for all formats together, in any order; None if not proved."""
        alone = _add_up(self.bounds)
        return alone if alone is None or self.shared is None else min(alone, self.shared)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound); None without a bound."""
        bound, objective = self.bound, self.objective
        if bound is None or objective is None:
            return None
        return max(0.0, bound - objective) / abs(bound) if bound else 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each person in each format: ``format, id, role, partners, minutes``.

        Formats are counted from 1; ``partners`` are ids joined by ``;``.
        """
        import pandas as pd

        rows = []
        for number, plan in enumerate(self.plans, 1):
            for key, role, partners, minutes in sorted(
                seats(plan), key=lambda seat: (natural_key(seat[0]), seat[1])
            ):
                rows.append((number, key, role, ";".join(map(str, partners)), minutes))
        return pd.DataFrame(rows, columns=["format", "id", "role", "partners", "minutes"])

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting, observation or conference of all formats, ``format`` first."""
        import pandas as pd

        frames = [
            plan.timetable().astype(object).assign(format=number)
            for number, plan in enumerate(self.plans, 1)
            if plan is not None and plan.program.has_times
        ]
        if not frames:
            return pd.DataFrame(columns=["format", "kind", "people", "day", "start", "end"])
        whole: Any = pd.concat(frames, ignore_index=True)
        whole = whole.where(whole.notna(), "")
        week = {day: k for k, day in enumerate(_DAYS)}
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
        people = say_count(len(self.ids), "person", "people")
        lines = [f"{say_count(len(self.plans), 'format')} over {people}"]
        for number, plan in enumerate(self.plans, 1):
            if plan is None:
                lines.append(f"  format {number}  nobody has minutes left for it")
                continue
            proof = "no bound is proved"
            if plan.gap is not None:
                proof = "proved optimal" if plan.gap == 0 else f"within {plan.gap:.2%}"
            time = "times fixed" if plan.program.has_times else "no times fixed"
            lines.append(
                f"  format {number}  {plan!r}: {proof} given the formats before it, {time}"
            )
        every = factorial(len(self.plans))
        together = "each format is judged given those before it; another order may be better"
        if len(self.orders) == every:
            together = (
                "the best of all orders, in each of which a format is judged given those before"
            )
        if self.gap is not None:
            together = (
                f"{self.objective:.4f} of at most {self.bound:.4f} in any order, "
                f"within {self.gap:.2%}"
            )
        lines.append(f"  together  {together}")
        if self.orders:
            told = f"{len(self.orders)} of {every} tried, this is {', '.join(map(str, self.order))}"
            if self.stopped is not None:
                who = "the time limit" if self.stopped is Status.TIME_LIMIT else "Ctrl-C"
                told += f"; stopped by {who}, another one may be better"
            lines.append(f"  orders    {told}")
        return "\n".join(lines)

    def check(self) -> None:
        """Check once more that nobody is in two places or beyond their minutes.

        Raises
        ------
        CertificateError
            If somebody is; all such people at once.
        """
        rows: Any = self.budgets().itertuples()
        faults = [
            Fault(f"{row.used} minutes of {row.minutes_per_week:g}.", f"id {row.id}")
            for row in rows
            if row.left < 0
        ]
        held: dict[Any, list[Engagement]] = {}
        for plan in self.plans:
            for new in engagements(plan):
                others = held.setdefault(new.who, [])
                for old in others:
                    if new.clashes(old):
                        (day, one), (_, other) = format_minute(new.start), format_minute(old.start)
                        week = new.week or old.week
                        when = f"{day} of week {week}" if week else day
                        what = f"two meetings on {when} at {one} and {other}."
                        faults.append(Fault(what, f"id {new.who}"))
                others.append(new)
        if faults:
            raise CertificateError("the formats do not fit together", faults)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write each plan into a folder of its own, and what they come to together.

        ``format-1``, ``format-2``, ... and ``formats.csv``, ``timetable.csv``, ``budgets.csv``,
        ``summary.txt``. What formats of an earlier run left there, and this one does not have, is
        removed.
        """
        target = make_folder(folder)
        homes = {target / f"format-{number}": plan for number, plan in enumerate(self.plans, 1)}
        for home, plan in homes.items():
            if plan is not None:
                plan.save(home)
        for home in sorted(target.glob("format-*")):  # of more formats, when they were run before
            if homes.get(home) is None and home.is_dir():
                clear_folder(home)
                with suppress(OSError):  # somebody has put something into it
                    home.rmdir()
        frames = {
            "formats": self.to_frame(),
            "timetable": self.timetable(),
            "budgets": self.budgets(),
        }
        for name, frame in frames.items():
            write_whole(target / f"{name}.csv", dump_csv(frame))
        write_whole(target / "summary.txt", self.summary() + "\n")

    def __repr__(self) -> str:
        return f"Formats({', '.join(map(repr, self.plans))})"


def _add_up(parts: tuple[float | None, ...]) -> float | None:
    """Return the sum of all parts, None if there are none or one of them is not known."""
    known = [part for part in parts if part is not None]
    return float(sum(known)) if parts and len(known) == len(parts) else None


@dataclass(frozen=True, slots=True)
class Engagement:
    """One time at which one person is taken.

    Parameters
    ----------
    who : str or int
        Id.
    start, end : int
        Minutes of the week.
    week : int or None
        Week of the term; None for every week.
    """

    who: Any
    start: int
    end: int
    week: int | None

    def clashes(self, other: Engagement) -> bool:
        """Whether one person cannot keep both."""
        same_week = self.week is None or other.week is None or self.week == other.week
        return same_week and self.start < other.end and other.start < self.end


def engagements(plan: Matching | Grouping | None) -> list[Engagement]:
    """Return when whom a plan takes; what has no time is not among it."""
    if plan is None or not plan.program.has_times:
        return []
    ids = {str(key): key for key in (*plan.scored.coached.ids, *plan.scored.coach.ids)}
    found = []
    rows: Any = plan.timetable().itertuples()
    for row in rows:
        if not row.day:
            continue
        hours, minutes = str(row.start).split(":")
        start = 1440 * _DAYS.index(str(row.day)) + 60 * int(hours) + int(minutes)
        week: int | None = getattr(row, "week", None) or None
        found += [
            Engagement(ids[who], start, start + int(row.minutes), week)
            for who in split_people(str(row.people), ids)
        ]
    return found


def minutes_of(program: Program) -> int:
    """Return the minutes a week that a place in this format takes, lessons not counted."""
    rules = program.constraints
    meetings = find_rule(rules, Meetings)
    if meetings is not None:
        return meetings.minutes * meetings.per_week
    parts = [*(program.criteria or ()), *rules]
    criteria = [part.criterion if isinstance(part, Require) else part for part in parts]
    return max((int(c.minutes) for c in criteria if isinstance(c, CommonTime)), default=0)


def watching_of(program: Program) -> int:
    """Return the minutes of an observation and its conferences, 0 without."""
    rule = find_rule(program.constraints, Observation)
    return 0 if rule is None else rule.minutes + 2 * rule.talk


def seats(plan: Any) -> list[tuple[Any, str, list[Any], int]]:
    """Return who takes part in a plan, as what, with whom, and for how many minutes a week.

    Nobody has two observations in a week, so these count once, whatever the number of partners.
    """
    if plan is None:
        return []
    minutes, watching = minutes_of(plan.program), watching_of(plan.program)
    if hasattr(plan, "groups"):
        roles = dict(plan.to_frame()[["id", "role"]].itertuples(index=False))
        return [
            (key, roles[key], [other for other in members if other != key], minutes + watching)
            for members in plan.group_ids
            for key in members
        ]
    frame = plan.to_frame()
    found = []
    counted: set[Any] = set()
    for side, other in (("mentee", "mentor"), ("mentor", "mentee")):
        for key, partners in frame.groupby(side, sort=False)[other]:
            own = minutes * len(partners) + (0 if key in counted else watching)
            counted.add(key)
            found.append((key, side, partners.tolist(), own))
    return found
