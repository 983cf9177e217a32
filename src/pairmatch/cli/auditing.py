"""The audit table on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pairmatch.disk import write_whole
from pairmatch.errors import Fault, ProgramError
from pairmatch.plans.files import dump_csv

if TYPE_CHECKING:
    from pathlib import Path

    import pairmatch as pm

__all__ = ["Audit", "AuditTable", "MatchedOn", "WithinDays"]

_AUDIT = "Audit"

Audit = Annotated[
    bool,
    typer.Option(
        "--audit",
        help="Write audit.csv: dates, days to match, credential, who was considered, rules.",
        rich_help_panel=_AUDIT,
    ),
]
MatchedOn = Annotated[
    str | None,
    typer.Option(
        metavar="DATE", help="Day from which the plan is in force.", rich_help_panel=_AUDIT
    ),
]
WithinDays = Annotated[
    int,
    typer.Option(
        min=0, help="Days after enrolment in which to be matched.", rich_help_panel=_AUDIT
    ),
]


@dataclass(frozen=True, slots=True)
class AuditTable:
    """What was typed about the audit table.

    Parameters
    ----------
    asked : bool
        Whether it was asked for; also by naming the day.
    matched_on : str or None
        Day from which the plan is in force.
    within_days : int
        Days after enrolment in which to be matched.
    """

    asked: bool
    matched_on: str | None
    within_days: int

    @property
    def wanted(self) -> bool:
        """Whether the table is written."""
        return self.asked or self.matched_on is not None

    def check(self, folder: Path | None) -> None:
        """Find out before the work what stands in the way, all at once."""
        faults = []
        if self.wanted and folder is None:
            faults.append(Fault("there is no folder to write into.", "", "Add --out FOLDER."))
        try:
            self._day()
        except ValueError:
            what = f"--matched-on {self.matched_on} is no date."
            faults.append(Fault(what, "", "Write it like 2026-09-15."))
        if faults:
            raise ProgramError("the audit cannot be written", faults)

    def write(self, plan: pm.Matching | pm.Grouping, folder: Path) -> None:
        """Write the table, if it is wanted."""
        if self.wanted:
            table = plan.audit(matched_on=self._day(), within_days=self.within_days)
            write_whole(folder / "audit.csv", dump_csv(table))

    def _day(self) -> date | None:
        return None if self.matched_on is None else date.fromisoformat(self.matched_on)
