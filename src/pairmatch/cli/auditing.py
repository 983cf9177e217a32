"""The audit table on the command line."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pairmatch.disk import write_whole
from pairmatch.errors import Fault, ProgramError
from pairmatch.plans.files import dump_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pairmatch as pm

__all__ = ["Audit", "MatchedOn", "WithinDays", "plan_audit"]

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


def plan_audit(
    folder: Path | None, *, wanted: bool, matched_on: str | None, within_days: int
) -> Callable[[pm.Matching | pm.Grouping], None]:
    """Return what writes the audit table; find out before the work if it cannot be written."""
    wanted = wanted or matched_on is not None
    faults = []
    if wanted and folder is None:
        faults.append(Fault("there is no folder to write into.", "", "Add --out FOLDER."))
    try:
        on = None if matched_on is None else date.fromisoformat(matched_on)
    except ValueError:
        what = f"--matched-on {matched_on} is no date."
        faults.append(Fault(what, "", "Write it like 2026-09-15."))
    if faults:
        raise ProgramError("the audit cannot be written", faults)

    def write(plan: pm.Matching | pm.Grouping) -> None:
        if wanted and folder is not None:
            table = plan.audit(matched_on=on, within_days=within_days)
            write_whole(folder / "audit.csv", dump_csv(table))

    return write
