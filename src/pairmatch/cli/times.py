"""Time on the command line: bells for reading sheets, the term for writing calendars."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

import pairmatch as pm
from pairmatch.errors import CapabilityError, Fault, ProgramError
from pairmatch.reports import make_term

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "Bells",
    "Calendars",
    "FirstWeek",
    "Holidays",
    "Hours",
    "Names",
    "Page",
    "Revision",
    "SlotMinutes",
    "Timezone",
    "Weeks",
    "plan_handouts",
    "read_schedule",
    "require_times",
]

_READING, _CALENDARS = "Times in the sheets", "Calendars"

Bells = Annotated[
    str | None,
    typer.Option(
        help="CSV of bells: school, day, period, start, end. Makes 'Mon P3' a time.",
        rich_help_panel=_READING,
    ),
]
Hours = Annotated[
    str | None,
    typer.Option(
        help="When people may meet at all: 'Mon-Fri 07:30-16:30'.", rich_help_panel=_READING
    ),
]
SlotMinutes = Annotated[
    int | None,
    typer.Option(
        help="How long a slot lasts that is named by its start: '8AM; noon'.",
        rich_help_panel=_READING,
    ),
]
Calendars = Annotated[
    bool,
    typer.Option(
        "--calendars",
        help="Write calendars (.ics) for the plan and for each person.",
        rich_help_panel=_CALENDARS,
    ),
]
FirstWeek = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help="Monday of the first week: 2027-01-11.",
        rich_help_panel=_CALENDARS,
    ),
]
Weeks = Annotated[
    int | None,
    typer.Option(help="Number of weeks, holidays included.", rich_help_panel=_CALENDARS),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Time zone of the school: America/Chicago.",
        rich_help_panel=_CALENDARS,
    ),
]
Holidays = Annotated[
    str,
    typer.Option(
        metavar="DATES",
        help="Days without meetings: 2027-02-15,2027-03-15/2027-03-19.",
        rich_help_panel=_CALENDARS,
    ),
]
Names = Annotated[
    bool,
    typer.Option(
        "--names",
        help="Show names instead of ids in calendars and page.",
        rich_help_panel=_CALENDARS,
    ),
]
Page = Annotated[
    bool,
    typer.Option(
        "--page", help="Write the week as a page to print (week.html).", rich_help_panel=_CALENDARS
    ),
]
Revision = Annotated[
    int,
    typer.Option(
        min=0,
        help="Count up when the plan is made again, so that events move.",
        rich_help_panel=_CALENDARS,
    ),
]


def read_schedule(
    bells: str | None, hours: str | None, slot_minutes: int | None
) -> pm.Schedule | None:
    """Return what was said about the week of the schools; None if nothing was."""
    if bells is not None:
        return pm.Schedule.from_bells(bells, hours=hours, slot_minutes=slot_minutes)
    if hours is None and slot_minutes is None:
        return None
    return pm.Schedule(hours=hours, slot_minutes=slot_minutes)


def plan_handouts(
    folder: Path | None,
    *,
    calendars: bool,
    page: bool,
    first_week: str | None,
    weeks: int | None,
    timezone: str | None,
    holidays: str,
    names: bool,
    revision: int,
) -> Callable[[pm.Matching | pm.Grouping], None] | None:
    """Return what writes calendars and page of a plan, None if neither is wanted.

    What cannot be written is found out before the work.
    """
    given = {"--first-week": first_week, "--weeks": weeks, "--timezone": timezone}
    calendars = calendars or bool(holidays) or any(value is not None for value in given.values())
    faults = []
    if (calendars or page) and folder is None:
        faults.append(Fault("there is no folder to write into.", "", "Add --out FOLDER."))
    if calendars:
        examples = {
            "--first-week": "2027-01-11, a Monday",
            "--weeks": "18, holidays included",
            "--timezone": "America/Chicago",
        }
        faults += [
            Fault(f"{option} is missing.", "", f"For example {option} {examples[option]}.")
            for option, value in given.items()
            if value is None
        ]
    for wanted, library, extra in (
        (calendars, "icalendar", "calendar"),
        (page, "jinja2", "report"),
    ):
        if wanted and find_spec(library) is None:
            faults.append(
                Fault(
                    f"{library} is not installed.",
                    "",
                    f"Install it: pip install 'pairmatch-mentoring[{extra}]'.",
                )
            )
    if faults:
        raise ProgramError(f"the {'calendars' if calendars else 'page'} cannot be written", faults)
    days = [day.strip() for day in holidays.split(",") if day.strip()]
    if calendars:
        make_term(first_week or "", weeks or 0, timezone or "", days)
    if not calendars and not page:
        return None

    def write(plan: pm.Matching | pm.Grouping) -> None:
        if folder is None:
            return
        if calendars:
            plan.write_calendars(
                folder / "calendars",
                first_monday=first_week or "",
                weeks=weeks or 0,
                timezone=timezone or "",
                holidays=days,
                names=names,
                revision=revision,
            )
        if page:
            plan.write_week(folder / "week.html", names=names)

    return write


def require_times(program: pm.Program | None) -> None:
    """Refuse calendars and pages of plans that will have no meeting times."""
    if program is None or not program.has_times:
        raise CapabilityError(
            "calendars and pages need meeting times, which this program does not set",
            [
                Fault(
                    "add the rule Meetings(minutes=45) to it ('pairmatch programs' writes a file)."
                )
            ],
        )
