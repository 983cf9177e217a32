"""The term in which a weekly timetable holds: first week, number of weeks, time zone, holidays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.typed import is_count

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

__all__ = ["Term", "make_term", "open_zone"]

_MOST_WEEKS = 104


@dataclass(frozen=True, slots=True)
class Term:
    """When a weekly timetable holds.

    Parameters
    ----------
    first_monday : date
        Monday of the first week.
    weeks : int
        Number of weeks, holidays included, 1 to 104.
    timezone : str
        Name of the school's time zone, such as ``"America/Chicago"``.
    holidays : frozenset of date
        Days on which nobody meets.
    """

    first_monday: date
    weeks: int
    timezone: str
    holidays: frozenset[date] = frozenset()

    def day(self, week: int, day: int) -> date:
        """Return the date of a day (0 is Monday) of a week (0 is the first)."""
        return self.first_monday + timedelta(days=7 * week + day)


def make_term(
    first_monday: date | str,
    weeks: int,
    timezone: str,
    holidays: Iterable[date | str] = (),
) -> Term:
    """Check what was typed and return the term, or raise with everything that is wrong.

    Parameters
    ----------
    first_monday : date or str
        ``"2027-01-11"``; must be a Monday.
    weeks, timezone
        As in `Term`.
    holidays : iterable of date or str
        Dates, or stretches such as ``"2027-03-15/2027-03-19"`` (both days included).

    Raises
    ------
    ProgramError
        With every fault, and the nearest thing that could have been meant.

    Examples
    --------
    >>> make_term("2027-01-13", 18, "America/Chicago")
    Traceback (most recent call last):
    pairmatch.errors.ProgramError: the term cannot be used: the first week cannot begin on
    2027-01-13, a Wednesday. Write 2027-01-11, the Monday of that week.
    """
    faults: list[Fault] = []
    monday = _read_date(first_monday, "first week:", faults)
    if monday is not None and monday.weekday() != 0:
        start = monday - timedelta(days=monday.weekday())
        faults.append(
            Fault(
                f"the first week cannot begin on {monday}, a {monday:%A}.",
                "",
                f"Write {start}, the Monday of that week.",
            )
        )
    if not is_count(weeks, 1) or weeks > _MOST_WEEKS:
        faults.append(
            Fault(
                f"{weeks!r} is no number of weeks.",
                "",
                f"Write a whole number from 1 to {_MOST_WEEKS}, holidays included.",
            )
        )
    try:
        open_zone(timezone)
    except ProgramError as error:
        faults += error.faults
    free = _read_holidays(holidays, faults)
    if faults or monday is None:
        raise ProgramError("the term cannot be used", faults)
    return Term(monday, int(weeks), timezone, frozenset(free))


def _read_date(value: Any, name: str, faults: list[Fault]) -> date | None:
    """Return a date, or None and a fault."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip())
    except (ValueError, AttributeError):
        faults.append(
            Fault(f"{name} {value!r} is no date.", "", "Write year-month-day, such as 2027-01-11.")
        )
        return None


def _read_holidays(holidays: Any, faults: list[Fault]) -> list[date]:
    """Return every single day without school."""
    found: list[date] = []
    if isinstance(holidays, (str, date)):
        holidays = [part for part in str(holidays).split(",") if part.strip()]
    for entry in holidays:
        ends = entry.split("/") if isinstance(entry, str) else [entry]
        dates = [_read_date(end, "holidays:", faults) for end in ends]
        first, last = dates[0], dates[-1]
        if first is None or last is None:
            continue
        if len(dates) > 2 or last < first or (last - first).days > 366:
            faults.append(
                Fault(
                    f"the holidays {entry!r} are no stretch of days.",
                    "",
                    "Write the first and the last day: 2027-03-15/2027-03-19.",
                )
            )
            continue
        found += [first + timedelta(days=k) for k in range((last - first).days + 1)]
    return found


def open_zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises
    ------
    ProgramError
        If there is none of this name, or this computer has no time zone data.
    """
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        pass
    known = sorted(zoneinfo.available_timezones())
    if not known:
        fault = Fault(
            f"there are no time zone data on this computer, so {name!r} cannot be found.",
            "",
            "Install them: pip install tzdata.",
        )
    else:
        near = did_you_mean(str(name).replace(" ", "_"), [zone for zone in known if "/" in zone])
        fault = Fault(
            f"{name!r} is no time zone.{near if 'Did you' in near else ''}",
            "",
            "Write a place such as America/Chicago: an abbreviation such as CST means several.",
        )
    raise ProgramError("the time zone cannot be used", [fault])
