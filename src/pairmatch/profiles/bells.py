"""Bell schedules: when the periods of each school are."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pairmatch.errors import Fault, ProfileError, did_you_mean
from pairmatch.profiles.clock import parse_span
from pairmatch.profiles.columns import fold_header
from pairmatch.profiles.csvfile import read_sheet
from pairmatch.profiles.days import parse_days
from pairmatch.profiles.frame import convert_frame
from pairmatch.profiles.members import fold_entry, is_none, unify_dashes
from pairmatch.profiles.phrases import parse_windows
from pairmatch.profiles.vocabulary import Vocabulary, fold_period
from pairmatch.profiles.week import DAYS, format_minute
from pairmatch.typed import check_all, is_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from pairmatch.profiles.sheet import Sheet

    Bells: TypeAlias = (
        Mapping[str, str] | Mapping[str, Mapping[str, str]] | pd.DataFrame | str | os.PathLike[str]
    )

__all__ = ["Bell", "Schedule"]

_DAYS_TIMES = re.compile(
    r"(?P<days>.*?)\s*(?P<times>(?:\d|noon|midnight|none|-\s*$).*)", re.IGNORECASE | re.DOTALL
)
_COLUMNS = ("school", "day", "period", "start", "end")


@dataclass(frozen=True, slots=True)
class Bell:
    """One period on one day.

    Parameters
    ----------
    school : str
        Its school; ``""`` for all schools that have no bells of their own.
    period : str
        Its name: ``P3``, ``Lunch A``.
    day : int
        0 (Monday) to 6.
    start, end : int
        Minutes of the day, ``0 <= start < end <= 1440``.
    """

    school: str
    period: str
    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, repr=False)
class Schedule:
    """What the words of a school's week mean: its periods, its hours, the length of its slots.

    Parameters
    ----------
    bells : tuple of Bell, optional
        Periods; `from_bells` makes them from a table.
    hours : str, optional
        When people may meet at all, such as ``"Mon-Fri 07:30-16:30"``. Needed for whole days
        (``Mon all day``), open ends (``Mon after 3 pm``) and times that say when people are *not*
        available.
    slot_minutes : int, optional
        How long a slot lasts that is named by its start only (``8AM;9AM;noon``), 1 to 1440.

    Raises
    ------
    ProgramError
        If `hours` are no windows, `slot_minutes` is out of range, or periods are named by bare
        numbers while slots are named by their start, so that ``Mon 8`` may be both.

    Examples
    --------
    >>> import pandas as pd
    >>> from pairmatch.profiles import Schedule, read_profiles
    >>> schedule = Schedule.from_bells({"P1": "08:00-08:50", "P2": "08:55-09:45; Wed 08:40-09:20"})
    >>> people = pd.DataFrame({"id": ["T-1"], "free": ["Mon P2; Wed P2"]})
    >>> read_profiles(people, schedule=schedule)["free"][0]
    'Mon 08:55-09:45; Wed 08:40-09:20'
    """

    bells: tuple[Bell, ...] = ()
    hours: str | None = None
    slot_minutes: int | None = None

    def __post_init__(self) -> None:
        problem = ""
        if self.hours is not None:
            try:
                problem = "" if parse_windows(self.hours) else "there are none"
            except (ValueError, AttributeError, TypeError) as error:
                problem = str(error)
        length = self.slot_minutes
        numbers = [bell.period for bell in self.bells if bell.period.isdecimal()]
        check_all(
            "Schedule",
            (
                not problem,
                f"hours {self.hours!r} cannot be read: {problem}.",
                "Write them as hours='Mon-Fri 07:30-16:30'.",
            ),
            (
                length is None or (is_count(length, 1) and length <= 1440),
                f"slot_minutes is {length!r}; expected a whole number from 1 to 1440.",
                "Write slot_minutes=60 if a slot lasts an hour.",
            ),
            (
                length is None or not numbers,
                f"'{numbers[0] if numbers else ''}' names a period and may name a slot, too.",
                "Name the periods P1, P2, ... in the bells, or leave slot_minutes out.",
            ),
        )

    def __repr__(self) -> str:
        schools = {bell.school for bell in self.bells}
        periods = {(bell.school, bell.period) for bell in self.bells}
        words = [f"{len(periods)} periods, {len(schools)} schools"] if self.bells else []
        words += [f"hours={self.hours!r}"] if self.hours is not None else []
        words += [f"slot_minutes={self.slot_minutes}"] if self.slot_minutes is not None else []
        return f"Schedule({'; '.join(words)})"

    @classmethod
    def from_bells(
        cls, bells: Bells, *, hours: str | None = None, slot_minutes: int | None = None
    ) -> Schedule:
        """Make a schedule from a table of bells.

        Parameters
        ----------
        bells : mapping, path or DataFrame
            ``{period: times}``, or ``{school: {period: times}}``, with times such as
            ``"08:00-08:50"`` (Monday to Friday) and, after ``;``, those of special days:
            ``"08:00-08:50; Wed 08:00-08:40"``. Or a CSV file or DataFrame with the columns
            ``period, start, end`` and, if need be, ``day`` (``Mon``, ``Mon-Thu``, blank for
            Monday to Friday) and ``school`` (blank for schools without bells of their own).
        hours, slot_minutes
            As in `Schedule`.

        Returns
        -------
        Schedule

        Raises
        ------
        ProfileError
            If the table cannot be read, with every fault by row or by period.

        Notes
        -----
        A day that a school names has only the bells that name it: with ``Wed`` rows for an early
        release, a period without one is not on Wednesday at all. So nobody is sent to a lesson
        that an early release took away.

        Examples
        --------
        >>> Schedule.from_bells({"P1": "08:00-08:50", "P2": "8:55-9:45 am"})
        Schedule(2 periods, 1 schools)
        >>> Schedule.from_bells({"P1": "08:50-08:00"})
        Traceback (most recent call last):
        pairmatch.errors.ProfileError: the bells cannot be used: period P1: '08:50-08:00' ends
        before it starts; expected a later end, at most 24:00 (write a window over midnight as two).
        """
        faults: list[Fault] = []
        if hasattr(bells, "items") and not hasattr(bells, "columns"):
            source, rows = "the bells", _list_mapping(bells, faults)
        else:
            source, rows = _list_table(bells, faults)
        made = _ring(rows, faults)
        if not made and not faults:
            faults.append(Fault("there are no periods.", "", "Write one row for each period."))
        if faults:
            raise ProfileError(f"{source} cannot be used", faults)
        return cls(made, hours, slot_minutes)

    def vocabulary(self, school: str) -> Vocabulary:
        """Return how the words of one school are read.

        The bells are the school's own, else those without a school; if there are neither, the
        first name of a period raises with the reason.
        """
        key = fold_entry(school)
        own = [bell for bell in self.bells if fold_entry(bell.school) == key]
        own = own or [bell for bell in self.bells if not bell.school]
        missing = ""
        if self.bells and not own:
            schools = sorted({bell.school for bell in self.bells})
            missing = "the cell of the school is blank, and each school has its own bells"
            if school:
                missing = f"there are no bells of the school '{school}'."
                missing = (missing + did_you_mean(school, schools)).rstrip(".")
        periods: dict[str, dict[int, tuple[int, int]]] = {}
        for bell in own:
            folded = fold_period(bell.period)
            keys = {folded, f"#{int(folded)}"} if folded.isdecimal() else {folded}
            for name in keys:
                periods.setdefault(name, {})[bell.day] = (bell.start, bell.end)
        return Vocabulary(
            periods=periods,
            names=tuple(dict.fromkeys(bell.period for bell in own)),
            school=own[0].school if own else "",
            missing=missing,
            hours=None if self.hours is None else parse_windows(self.hours),
            slot_minutes=self.slot_minutes,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of bells: a period, the days it names (none: the ordinary ones), and its times."""

    school: str
    period: str
    days: tuple[int, ...]
    span: tuple[int, int] | None  # None: not on these days
    where: str


def _list_mapping(bells: Any, faults: list[Fault]) -> list[_Row]:
    """Read bells as typed in a program."""
    rows: list[_Row] = []
    for name, content in bells.items():
        nested = hasattr(content, "items")
        for period, times in content.items() if nested else ((name, content),):
            where = f"school {name}, period {period}" if nested else f"period {period}"
            if not isinstance(times, str) or not str(period).strip():
                faults.append(Fault(f"{times!r} are no times; expected '08:00-08:50'.", where))
                continue
            for piece in filter(None, map(str.strip, re.split(r"[;\r\n]", times))):
                school = str(name).strip() if nested else ""
                _read_row(rows, faults, school, str(period).strip(), piece, where)
    return rows


def _read_row(
    rows: list[_Row], faults: list[Fault], school: str, period: str, piece: str, where: str
) -> None:
    """Read ``08:00-08:50`` or ``Wed 08:00-08:40`` or ``Wed none``."""
    text = unify_dashes(piece)
    match = _DAYS_TIMES.fullmatch(text)
    try:
        if match is None:
            raise ValueError(f"'{piece}' has no times; expected '08:00-08:50'")  # noqa: TRY301
        times = match["times"]
        span = None if is_none(times) else parse_span(times, piece)
        if span is None and not is_none(times):
            raise ValueError(  # noqa: TRY301
                f"'{piece}' needs one start and one end; expected '08:00-08:50'"
            )
        rows.append(_Row(school, period, parse_days(match["days"].strip(" :")), span, where))
    except ValueError as error:
        faults.append(Fault(f"{error}.", where))


def _list_table(source: Any, faults: list[Fault]) -> tuple[str, list[_Row]]:
    """Read bells from a CSV file or a DataFrame."""
    sheet = _open(source)
    position = {fold_header(header): k for k, header in enumerate(sheet.headers)}
    needed = [name for name in ("period", "start", "end") if name not in position]
    if needed:
        known = did_you_mean(needed[0], sheet.headers)
        faults.append(
            Fault(
                f"there is no column {' and no column '.join(needed)}.{known}",
                "",
                "Write the columns school, day, period, start, end; school and day may be absent.",
            )
        )
        return sheet.source, []
    rows: list[_Row] = []
    for k, number in enumerate(sheet.rows):
        cells = {
            name: sheet.columns[position[name]][k] if name in position else "" for name in _COLUMNS
        }
        if not any(cells.values()):
            continue
        where = f"row {number}, period {cells['period']}"
        if not cells["period"]:
            faults.append(Fault("the period has no name.", f"row {number}"))
            continue
        piece = f"{cells['start']}-{cells['end']}"
        _read_row(
            rows, faults, cells["school"], cells["period"], f"{cells['day']} {piece}".strip(), where
        )
    faults += [
        Fault(problem.what, f"row {sheet.rows[problem.row]}", problem.remedy)
        for problem in sheet.problems
    ]
    return sheet.source, rows


def _open(source: Any) -> Sheet:
    """Return a file or a frame as a sheet of text."""
    if isinstance(source, (str, os.PathLike)):
        return read_sheet(Path(source), id_column="period")
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(source, pandas.DataFrame):
        raise ProfileError(
            f"bells cannot be read from a {type(source).__name__}; expected a mapping such as "
            "{'P1': '08:00-08:50'}, the path of a CSV file or a pandas DataFrame"
        )
    return convert_frame(source, id_column="period")


def _ring(rows: Iterable[_Row], faults: list[Fault]) -> tuple[Bell, ...]:
    """Turn rows into the bells of each day; a day that is named has only what names it."""
    by_school: dict[str, list[_Row]] = {}
    for row in rows:
        by_school.setdefault(fold_entry(row.school), []).append(row)
    made: list[Bell] = []
    for own in by_school.values():
        named = {day for row in own for day in row.days}
        spelling: dict[str, str] = {}
        for row in own:
            if spelling.setdefault(fold_period(row.period), row.period) != row.period:
                other = spelling[fold_period(row.period)]
                faults.append(
                    Fault(
                        f"'{row.period}' and '{other}' are read as the same period.",
                        row.where,
                        "Give them names that differ in more than the word for period.",
                    )
                )
        seen: dict[tuple[str, int], tuple[int, int]] = {}
        for row in own:
            for day in row.days or [day for day in range(5) if day not in named]:
                if row.span is None:
                    continue
                key = fold_period(row.period), day
                if key in seen:
                    first = format_minute(seen[key][0])[1]
                    faults.append(
                        Fault(
                            f"'{row.period}' is on {DAYS[day]} twice, first at {first}.",
                            row.where,
                            "Remove one, or give the periods different names.",
                        )
                    )
                    continue
                seen[key] = row.span
                made.append(Bell(row.school, row.period, day, *row.span))
    made.sort(key=lambda bell: (fold_entry(bell.school), bell.day, bell.start, bell.end))
    return tuple(made)
