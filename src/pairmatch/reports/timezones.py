"""The rules of a time zone during a term, as a VTIMEZONE."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pairmatch.reports.terms import open_zone

if TYPE_CHECKING:
    from pairmatch.reports.terms import Term

__all__ = ["find_changes", "make_timezone"]


def find_changes(term: Term) -> list[tuple[datetime, timedelta, timedelta, str, bool]]:
    """Return when the clocks of the zone are set during the term.

    Returns
    -------
    list of tuple
        Moment (UTC), offset before, offset after, name of the time after it, whether that is
        daylight saving time. The first entry is the state two days before the term.

    Notes
    -----
    Looks at every day and halves the days on which the offset differs, down to the second.
    """
    zone = open_zone(term.timezone)
    start = datetime.combine(term.first_monday, time(), UTC) - timedelta(days=2)
    local = start.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    found = [(start, offset, offset, local.tzname() or "", bool(local.dst()))]
    for day in range(7 * term.weeks + 4):
        low, high = start + timedelta(days=day), start + timedelta(days=day + 1)
        before, after = (moment.astimezone(zone).utcoffset() for moment in (low, high))
        if before == after or before is None or after is None:
            continue
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
            if middle.astimezone(zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        local = high.astimezone(zone)
        found.append((high, before, after, local.tzname() or "", bool(local.dst())))
    return found


def make_timezone(term: Term) -> Any:
    """Return the VTIMEZONE component of a term.

    Notes
    -----
    RFC 5545, section 3.6.5: each onset is written in the local time that held until then.
    """
    import icalendar

    component = icalendar.Timezone()
    component.add("tzid", term.timezone)
    for moment, before, after, name, saving in find_changes(term):
        part: Any = icalendar.TimezoneDaylight() if saving else icalendar.TimezoneStandard()
        part.add("dtstart", (moment + before).replace(tzinfo=None))
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        part.add("tzname", name)
        component.add_component(part)
    return component
