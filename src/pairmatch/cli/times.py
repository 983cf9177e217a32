"""Time on the command line: bells for reading sheets, the term for writing calendars."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

import pairmatch as pm
from pairmatch.cli.console import print_warning
from pairmatch.errors import CapabilityError, Fault, ProgramError
from pairmatch.reports import make_term

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Bells",
    "Calendars",
    "FirstWeek",
    "Handout",
    "Holidays",
    "Hours",
    "Names",
    "Page",
    "Revision",
    "SlotMinutes",
    "Timezone",
    "Weeks",
    "note_older",
    "read_schedule",
]

CALENDARS, PAGE = "calendars", "week.html"

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


@dataclass(frozen=True, slots=True)
class Handout:
    """What was typed about calendars and the page of the week.

    Parameters
    ----------
    calendars, page : bool
        Whether they were asked for; calendars also by naming holidays or any part of the term.
    first_week, weeks, timezone : str, int, str or None
        The term; None where it was not said.
    holidays : str
        Dates and stretches, separated by commas.
    names : bool
        Whether names are shown instead of ids.
    revision : int
        How often the plan was made before.
    """

    calendars: bool
    page: bool
    first_week: str | None
    weeks: int | None
    timezone: str | None
    holidays: str
    names: bool
    revision: int

    @property
    def has_calendars(self) -> bool:
        """Whether calendars are wanted."""
        said = (self.first_week, self.weeks, self.timezone)
        return self.calendars or bool(self.holidays) or any(part is not None for part in said)

    @property
    def wanted(self) -> bool:
        """Whether anything is handed out."""
        return self.has_calendars or self.page

    @property
    def days(self) -> list[str]:
        """Days and stretches without meetings."""
        return [day.strip() for day in self.holidays.split(",") if day.strip()]

    def check(self, folder: Path | None) -> None:
        """Find out before the work what stands in the way, all at once."""
        faults = []
        if self.wanted and folder is None:
            faults.append(Fault("there is no folder to write into.", "", "Add --out FOLDER."))
        if self.has_calendars:
            faults += [
                Fault(f"{option} is missing.", "", f"For example {option} {example}.")
                for option, example, value in (
                    ("--first-week", "2027-01-11, a Monday", self.first_week),
                    ("--weeks", "18, holidays included", self.weeks),
                    ("--timezone", "America/Chicago", self.timezone),
                )
                if value is None
            ]
        for wanted, library, extra in (
            (self.has_calendars, "icalendar", "calendar"),
            (self.page, "jinja2", "report"),
        ):
            if wanted and find_spec(library) is None:
                remedy = f"Install it: pip install 'pairmatch-mentoring[{extra}]'."
                faults.append(Fault(f"{library} is not installed.", "", remedy))
        if faults:
            what = "calendars" if self.has_calendars else "page"
            raise ProgramError(f"the {what} cannot be written", faults)
        if self.has_calendars:
            make_term(self.first_week or "", self.weeks or 0, self.timezone or "", self.days)

    def require_times(self, program: pm.Program | None) -> None:
        """Refuse calendars and pages of plans that will have no meeting times."""
        if self.wanted and (program is None or not program.has_times):
            remedy = "add the rule Meetings(minutes=45) to it ('pairmatch programs' writes a file)."
            raise CapabilityError(
                "calendars and pages need meeting times, which this program does not set",
                [Fault(remedy)],
            )

    def write(self, plan: pm.Matching | pm.Grouping, folder: Path) -> None:
        """Write what is wanted."""
        if self.has_calendars:
            plan.write_calendars(
                folder / CALENDARS,
                first_monday=self.first_week or "",
                weeks=self.weeks or 0,
                timezone=self.timezone or "",
                holidays=self.days,
                names=self.names,
                revision=self.revision,
            )
        if self.page:
            plan.write_week(folder / PAGE, names=self.names)


def note_older(folder: Path, written: Handout | None = None) -> None:
    """Say which meeting times in a folder are of an earlier plan than the one just written."""
    is_new = {
        CALENDARS: written is not None and written.has_calendars,
        PAGE: written is not None and written.page,
    }
    for name, new in is_new.items():
        if not new and (folder / name).exists():
            print_warning(
                f"{folder / name} is of an earlier plan, not of this one; write it anew, or delete "
                "it before somebody goes by it"
            )
