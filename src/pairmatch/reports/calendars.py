"""Calendars (``.ics``, RFC 5545): one for the plan and one for each person."""

from __future__ import annotations

import uuid
import warnings
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, PairmatchError, PairmatchWarning, ProgramError
from pairmatch.reports.entries import clean_line, list_entries
from pairmatch.reports.terms import open_zone
from pairmatch.reports.timezones import make_timezone
from pairmatch.typed import is_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pandas as pd

    from pairmatch.reports.entries import Entry
    from pairmatch.reports.terms import Term

__all__ = ["PRODUCER", "make_calendars"]

PRODUCER = "-//pairmatch//timetable//EN"
_END = b"END:VCALENDAR\r\n"
_NAMESPACE = uuid.UUID("6d3f5a0e-0c0b-5f0e-9a53-5f2b8f6f1c27")


def make_calendars(
    timetable: pd.DataFrame,
    term: Term,
    *,
    title: str = "Coaching",
    names: Mapping[Any, str] | None = None,
    revision: int = 0,
    ids: Iterable[Any] = (),
) -> tuple[bytes, dict[str, bytes]]:
    """Return the calendar of the whole plan and that of each person, as iCalendar files.

    Parameters
    ----------
    timetable : DataFrame
        As ``plan.timetable()`` returns it: one row a meeting.
    term : Term
        When it holds. Weekly meetings repeat, without the holidays; what has a week happens once.
    title : str, optional
        Name of the calendars, a part of what identifies each event: another title, another set of
        events.
    names : mapping, optional
        Id to the name that is shown; ids by default.
    revision : int, optional
        Number of the revision, at least 0. Calendar programs take an event over again if the
        revision is higher.
    ids : iterable, optional
        Everybody's id; needed where ids hold a semicolon.

    Returns
    -------
    plan : bytes
        All meetings.
    people : dict of str to bytes
        Id to the meetings of this person, sorted by id.

    Raises
    ------
    ProgramError
        If the timetable cannot be used, or has a week beyond the term.
    PairmatchError
        If icalendar is not installed.

    Warns
    -----
    PairmatchWarning
        For what falls on holidays only, and for meetings without a time: they are left out.

    Notes
    -----
    Times are local times of the school with the rules of its zone (VTIMEZONE), so 08:00 stays
    08:00 when the clocks change. An event is identified by its people, its kind and its number
    among those of the same people, not by its time: importing the calendars of a changed plan
    moves events and doubles none. The same input gives the same bytes.
    """
    if not is_count(revision):
        fault = Fault(f"revision is {revision!r}; expected a whole number from 0.")
        raise ProgramError("the calendars cannot be made", [fault])
    entries = list_entries(timetable, names, ids)
    late = [entry for entry in entries if entry.week is not None and entry.week > term.weeks]
    if late:
        raise ProgramError(
            "the timetable is longer than the term",
            [
                Fault(
                    f"{entry.title.partition(':')[0].lower()} of {', '.join(entry.people)} is in "
                    f"week {entry.week}; the term has {term.weeks}.",
                )
                for entry in late
            ],
        )
    events = []
    lost: list[Entry] = []
    for entry in entries:
        event = _make_event(entry, term, title, revision)
        if event is None and entry.day >= 0:
            lost.append(entry)
        elif event is not None:
            events.append((entry, event))
    timeless = sum(entry.day < 0 for entry in entries)
    if timeless:
        warnings.warn(
            f"{timeless} {'meeting has' if timeless == 1 else 'meetings have'} no time, since "
            "somebody's free time is unknown, and so no place in the calendars",
            PairmatchWarning,
            stacklevel=2,
        )
    if lost:
        shown = "; ".join(f"{entry.kind} of {', '.join(entry.people)}" for entry in lost[:5])
        warnings.warn(
            f"{len(lost)} {'entry falls' if len(lost) == 1 else 'entries fall'} on holidays only "
            f"and {'is' if len(lost) == 1 else 'are'} left out of the calendars: {shown}"
            f"{'; ...' if len(lost) > 5 else ''}",
            PairmatchWarning,
            stacklevel=2,
        )
    zone: bytes = make_timezone(term).to_ical()
    own: dict[str, list[bytes]] = {p: [zone] for entry in entries for p in entry.people}
    for entry, event in events:
        for person in entry.people:
            own[person].append(event)
    people = {person: _make_file(own[person], term, title, person) for person in sorted(own)}
    return _make_file([zone, *(event for _, event in events)], term, title, ""), people


def _library() -> Any:
    """Return icalendar, or say how to get it."""
    try:
        import icalendar
    except ImportError:
        raise PairmatchError(
            "calendars need icalendar. Install it: pip install 'pairmatch-mentoring[calendar]'."
        ) from None
    return icalendar


def _make_event(entry: Entry, term: Term, title: str, revision: int) -> bytes | None:
    """Return an event, or None if it has no time or every day of it is a holiday."""
    if entry.day < 0:
        return None
    weeks = range(term.weeks) if entry.week is None else [entry.week - 1]
    days = [term.day(week, entry.day) for week in weeks]
    held = [day for day in days if day not in term.holidays]
    if not held:
        return None
    zone = open_zone(term.timezone)
    event = _library().Event()
    event.add("uid", f"{uuid.uuid5(_NAMESPACE, f'{title}|{entry.identity}')}@pairmatch")
    stamp = datetime.combine(term.first_monday, time(), UTC) + timedelta(minutes=revision)
    event.add("dtstamp", stamp)
    event.add("sequence", revision)
    event.add("summary", entry.title)
    if entry.detail:
        event.add("description", entry.detail)

    def at(day: date, minute: int) -> datetime:
        """Return local time; 24:00 is 0:00 of the day after."""
        late, minute = divmod(minute, 1440)
        moment = time(minute // 60, minute % 60)
        return datetime.combine(day + timedelta(days=late), moment, zone)

    event.add("dtstart", at(held[0], entry.start))
    event.add("dtend", at(held[0], entry.end))
    span = (held[-1] - held[0]).days // 7 + 1
    if span > 1:
        event.add("rrule", {"freq": "weekly", "count": span})
        free = [day for day in days if held[0] < day < held[-1] and day in term.holidays]
        if free:
            event.add("exdate", [at(day, entry.start) for day in free])
    content: bytes = event.to_ical()
    return content


def _make_file(parts: Iterable[bytes], term: Term, title: str, person: str) -> bytes:
    """Return one calendar file of a time zone and events that are written already."""
    calendar = _library().Calendar()
    calendar.add("prodid", PRODUCER)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", clean_line(f"{title} {person}" if person else title))
    calendar.add("x-wr-timezone", term.timezone)
    empty: bytes = calendar.to_ical()
    return b"".join([empty.removesuffix(_END), *parts, _END])
