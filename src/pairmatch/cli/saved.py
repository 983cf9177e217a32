"""The sheets that belong to a plan in a folder; others are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pairmatch.errors import Fault, ProgramError
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from pairmatch.cycles import Record
    from pairmatch.profiles import Profiles, Schedule

__all__ = ["Plan", "check_people", "check_same_people", "read_sheets"]

Plan = Annotated[Path, typer.Argument(metavar="PLAN", help="Folder of a plan (--out).")]


def read_sheets(
    record: Record, mentees: str, mentors: str | None, schedule: Schedule | None
) -> tuple[Profiles, Profiles]:
    """Return both sheets of a plan of pairs, or the one of groups twice."""
    if record.kind == "grouping":
        if mentors is not None:
            what = "This is a plan of groups: give the one sheet of its pool."
            raise ProgramError("one sheet too many", [Fault(what, mentors)])
        table = read_table(mentees, schedule=schedule)
        return table, table
    if mentors is None:
        raise ProgramError("this is a plan of pairs: give MENTEES and MENTORS")
    return read_tables(mentees, mentors, schedule)


def check_people(record: Record, tables: tuple[Profiles, Profiles]) -> None:
    """Raise if nobody of a plan is where they should be: those are other sheets."""
    known = record.people
    if not known or known & {*tables[0].ids}:
        return
    what = "Nobody of the plan is in this sheet."
    remedy = "Name the sheet that the plan was made from, or match anew: pairmatch match."
    if record.kind == "grouping":
        remedy = remedy.replace("match anew: pairmatch match", "form groups anew: pairmatch groups")
    elif known & {*tables[1].ids}:
        what = "Its people are mentors here: the mentees of the plan are in the other sheet."
        remedy = "Name the sheet of the mentees first, then that of the mentors."
    raise ProgramError(
        f"{record.folder} is a plan of other people", [Fault(what, tables[0].source, remedy)]
    )


def check_same_people(record: Record, tables: tuple[Profiles, Profiles]) -> None:
    """Raise unless the sheets still name everybody of a plan, and nobody else is coached."""
    check_people(record, tables)
    coaches = {pair[1] for pair in record.pairs}
    sides = [(record.people, tables[0], record.people), (coaches, tables[1], {*tables[1].ids})]
    faults: list[Fault] = []
    for known, table, expected in sides if record.kind == "matching" else sides[:1]:
        lost = sorted(known - {*table.ids}, key=natural_key)
        new = sorted({*table.ids} - expected, key=natural_key)
        faults += [
            Fault(f"is {what}.", f"{table.source}, id {who}")
            for people, what in (
                (lost, "in the plan and not in this sheet"),
                (new, "in this sheet and not in the plan"),
            )
            for who in people
        ]
    if faults:
        remedy = f"Bring it up to date first: pairmatch rematch {record.folder} ... --out NEW."
        faults[-1] = replace(faults[-1], remedy=remedy)
        raise ProgramError(f"{record.folder} is not a plan of these people", faults)
