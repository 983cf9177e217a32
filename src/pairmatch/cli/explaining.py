"""The command ``explain``: why one person has this partner, another one, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import ProgramName, Seed, Settings, choose_program
from pairmatch.cli.console import out, show_frame
from pairmatch.cli.saved import check_same_people, read_sheets
from pairmatch.cli.times import Bells, Hours, SlotMinutes, read_schedule
from pairmatch.cycles import read_record
from pairmatch.errors import Fault, ProgramError
from pairmatch.inputs import read_tables

if TYPE_CHECKING:
    from pairmatch.profiles import Schedule

__all__ = ["explain_command"]

PlanFolder = Annotated[
    Path | None,
    typer.Option("--plan", metavar="PLAN", help="Folder of the plan that is asked about (--out)."),
]


def explain_command(
    mentees: Annotated[
        str, typer.Argument(metavar="MENTEES", help="CSV of who is coached, or of one pool.")
    ],
    mentors: Annotated[
        str, typer.Argument(metavar="MENTORS", help="CSV of who coaches; left out for groups.")
    ],
    mentee: Annotated[
        str | None, typer.Argument(metavar="ID", help="A mentee, or a member of the pool.")
    ] = None,
    mentor: Annotated[
        str | None, typer.Argument(metavar="ID", help="A mentor, or another member.")
    ] = None,
    folder: PlanFolder = None,
    program: ProgramName = None,
    settings: Settings = None,
    seed: Seed = 0,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
) -> None:
    """Say why a person has this mentor or group, another one, or none.

    In a plan of pairs: pairmatch explain MENTEES MENTORS ID [ID] --plan FOLDER.

    In a plan of groups: pairmatch explain TEACHERS ID [ID] --plan FOLDER.

    Without --plan, mentees and mentors are matched for the answer.
    """
    schedule = read_schedule(bells, hours, slot_minutes)
    given = [text for text in (mentors, mentee, mentor) if text is not None]
    if folder is None:
        tables = read_tables(mentees, mentors, schedule)
        who = _take_ids(given[1:], "pairmatch explain MENTEES MENTORS ID [ID]")
        wanted = choose_program(program, "match", *tables, settings)
        _explain_pairs(pm.match(*tables, wanted, options=pm.Options(seed=seed)), who)
        return
    if program is not None or settings or seed:
        what = "It is explained by its own criteria and rules."
        remedy = "Leave out --program, --set and --seed, or --plan."
        raise ProgramError(f"{folder} has a program of its own", [Fault(what, "", remedy)])
    plan, ids = _read(folder, mentees, given, schedule)
    (_explain_groups if isinstance(plan, pm.Grouping) else _explain_pairs)(plan, ids)


def _read(folder: Path, first: str, given: list[str], schedule: Schedule | None) -> tuple[Any, Any]:
    """Return a plan, and the one or two ids that are asked about."""
    record = read_record(folder)
    pool = record.kind == "grouping"
    usage = "TEACHERS ID [ID]" if pool else "MENTEES MENTORS ID [ID]"
    ids = _take_ids(given if pool else given[1:], f"pairmatch explain {usage} --plan {folder}")
    tables = read_sheets(record, first, None if pool else given[0], schedule)
    check_same_people(record, tables)
    return pm.read_plan(folder, *tables), ids


def _take_ids(ids: list[str], usage: str) -> tuple[str, str | None]:
    """Return the person who is asked about, and the other one if there is one."""
    if not 1 <= len(ids) <= 2:
        what = "No person is named." if not ids else f"{ids[2]!r} is one id too many."
        raise ProgramError("there is nobody to explain", [Fault(what, "", f"Type {usage}.")])
    return ids[0], ids[1] if len(ids) > 1 else None


def _explain_pairs(plan: pm.Matching, who: tuple[str, str | None]) -> None:
    """Show who mentors a mentee and why, and what another mentor would mean."""
    mentee, mentor = who
    row = plan.mentee_row(mentee)
    if mentor is not None:
        plan.mentor_column(mentor)  # who is not there is said before the answer begins
    frame = plan.to_frame()
    frame = frame[frame["mentee"] == plan.scored.coached.ids[row]]
    theirs = dict(zip(frame["mentor"].tolist(), frame["score"].tolist(), strict=True))
    if theirs:
        listed = " and ".join(f"{who} (score {score:.3f})" for who, score in theirs.items())
        out.print(escape(f"{mentee} has {listed}"))
    else:
        _say_why_without(plan, mentee)
    for other in theirs if mentor is None else (mentor,):
        show_frame(plan.explain(mentee, other), f"{mentee} with {other}")
        if other not in theirs:
            out.print(escape(str(plan.why_not(mentee, other))))


def _explain_groups(plan: pm.Grouping, who: tuple[str, str | None]) -> None:
    """Show the group of a person and what its members are worth as coaches of each other."""
    person, other = who
    row = plan.row_of(person)
    if other is not None:
        plan.row_of(other)
    number = int(plan.solution.group_of[row]) + 1
    members = [key for key in plan.group_ids[number - 1] if str(key) != person] if number else []
    if number:
        listed = ", ".join(str(key) for key in members)
        out.print(escape(f"{person} is in group {number} with {listed}"))
    else:
        _say_why_without(plan, person)
    for partner in members if other is None else (other,):
        for coached, coach in ((person, partner), (partner, person)):
            show_frame(plan.explain(coached, coach), f"{coached} coached by {coach}")


def _say_why_without(plan: pm.Matching | pm.Grouping, person: str) -> None:
    why = plan.why_unmatched(person)
    out.print(escape(str(why)))
    show_frame(why.to_frame(), "by rule")
