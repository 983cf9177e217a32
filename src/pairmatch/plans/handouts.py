"""What a plan hands out: an audit table, calendars, and the week as a page to print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pairmatch.disk import make_folder, write_whole
from pairmatch.errors import CapabilityError, PairmatchError
from pairmatch.plans.audit import tabulate_audit
from pairmatch.plans.files import dump_csv
from pairmatch.plans.order import natural_key
from pairmatch.reports.calendars import PRODUCER, make_calendars
from pairmatch.reports.pages import make_page
from pairmatch.reports.terms import make_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from os import PathLike
    from pathlib import Path

    import pandas as pd

    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores

__all__ = ["Handouts"]

_RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(1, 10)))
)
_NO_MEETINGS = (
    "this plan has no meeting times. Add the rule Meetings(minutes=45) to the program, and make "
    "the plan again."
)


class Handouts:
    """What plans of pairs and plans of groups hand out alike."""

    scored: Compatibility | OwnScores

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting; there are none without the rule ``Meetings``."""
        raise CapabilityError(_NO_MEETINGS)

    def audit(
        self,
        *,
        matched_on: str | date | Mapping[Any, str | date] | None = None,
        within_days: int = 30,
    ) -> pd.DataFrame:
        """Return what an auditor asks for, one row a person (or pair), those left out included.

        Parameters
        ----------
        matched_on : str, date or mapping, optional
            When the plan came into force: one ISO date for all, or ``{id: date}``.
        within_days : int, default: 30
            Days after enrolment within which everybody must be matched.

        Returns
        -------
        DataFrame
            ``mentee, mentor, score`` (of groups ``id, group, score``), what the sheet says
            (``school, credential, grades, subjects, enrolled``), ``matched_on, days, in_time``
            ("yes", "no", "open", or "" without dates), ``considered`` (how many partners the
            rules allow) and ``rules`` (SHA-256 of the criteria and rules).

        Raises
        ------
        ProgramError
            If a date or an id cannot be used; all at once.
        """
        return tabulate_audit(self, matched_on, within_days)  # type: ignore[arg-type]

    def write_calendars(
        self,
        folder: str | PathLike[str],
        *,
        first_monday: date | str,
        weeks: int,
        timezone: str,
        holidays: Iterable[date | str] = (),
        title: str = "Coaching",
        names: bool = False,
        revision: int = 0,
    ) -> Path:
        """Write an iCalendar file for the plan and one for each person.

        Parameters
        ----------
        folder : path
            Gets ``plan.ics``, ``people/ID.ics`` and ``people.csv``, which says whose file is
            which; made if need be. Calendars of people who no longer meet are removed.
        first_monday : date or str
            Monday of the first week, ``"2027-01-11"``.
        weeks : int
            Number of weeks, holidays included, 1 to 104.
        timezone : str
            Time zone of the school, ``"America/Chicago"``. Meetings keep their local time when
            the clocks change.
        holidays : iterable of date or str, optional
            Days without meetings, or stretches ``"2027-03-15/2027-03-19"``.
        title : str, optional
            Name of the calendars. Events belong to it: write a new one for a new term.
        names : bool, optional
            Show names from the column ``name`` instead of ids.
        revision : int, optional
            Count up when the plan is made again: calendar programs then move the events they have
            instead of keeping the old time.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        CapabilityError
            If the plan has no meeting times.
        ProgramError
            If the term cannot be used, with every fault.
        PairmatchError
            If icalendar (extra ``calendar``) is not installed or a file cannot be written.

        Warns
        -----
        PairmatchWarning
            For meetings without a time and for what falls on holidays only.
        """
        term = make_term(first_monday, weeks, timezone, holidays)
        timetable = self._meetings()
        shown = self._names() if names else None
        plan, people = make_calendars(
            timetable, term, title=title, names=shown, revision=revision, ids=self._everybody()
        )
        target = make_folder(folder)
        own = make_folder(target / "people")
        file_of = _name_files(people)
        for old in sorted(own.glob("*.ics")):
            if old.name not in file_of.values() and _is_ours(old):
                old.unlink()
        write_whole(target / "plan.ics", plan.decode("utf-8"))
        for person, content in people.items():
            write_whole(own / file_of[person], content.decode("utf-8"))
        import pandas as pd

        rows = [(person, f"people/{file_of[person]}") for person in sorted(people, key=natural_key)]
        write_whole(target / "people.csv", dump_csv(pd.DataFrame(rows, columns=["id", "file"])))
        return target

    def write_week(
        self, path: str | PathLike[str], *, title: str = "Coaching", names: bool = False
    ) -> None:
        """Write the week as one HTML page to print: the plan, then a sheet for each person.

        Parameters
        ----------
        path : path
            The file, such as ``week.html``.
        title : str, optional
            Heading.
        names : bool, optional
            Show names from the column ``name`` instead of ids.

        Raises
        ------
        CapabilityError
            If the plan has no meeting times.
        PairmatchError
            If jinja2 (extra ``report``) is not installed or the file cannot be written.
        """
        shown = self._names() if names else None
        page = make_page(self._meetings(), title=title, names=shown, ids=self._everybody())
        write_whole(path, page)

    def _meetings(self) -> pd.DataFrame:
        """Return the timetable, or say how to get one."""
        frame = self.timetable()
        if frame.empty:
            raise CapabilityError(_NO_MEETINGS)
        return frame

    def _everybody(self) -> tuple[Any, ...]:
        """Return the ids of both sides."""
        return *self.scored.coached.ids, *self.scored.coach.ids

    def _names(self) -> Mapping[str, str]:
        """Return the name of each person whose name is known."""
        found: dict[str, str] = {}
        for table in (self.scored.coached, self.scored.coach):
            profiles: Any = table
            if hasattr(profiles, "texts") and "name" in profiles:
                texts = profiles.texts("name").tolist()
                found |= {key: name for key, name in zip(profiles.ids, texts, strict=True) if name}
        return found


def _name_files(people: Iterable[str]) -> dict[str, str]:
    """Return a file name for each id: legal everywhere, different even without regard to case."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for person in sorted(people, key=natural_key):
        stem = re.sub(r"[^\w.-]+", "_", person, flags=re.ASCII).strip("._")[:80] or "person"
        if stem.casefold().partition(".")[0] in _RESERVED:
            stem = f"_{stem}"
        name, number = stem, 1
        while name.casefold() in used:
            number += 1
            name = f"{stem}-{number}"
        used.add(name.casefold())
        found[person] = f"{name}.ics"
    return found


def _is_ours(path: Path) -> bool:
    """Return whether a calendar file was written here."""
    try:
        with path.open("rb") as stream:
            return PRODUCER.encode() in stream.read(400)
    except OSError as error:
        raise PairmatchError(f"{path} cannot be read: {error.strerror}") from None
