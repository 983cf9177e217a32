"""The commands that make plans: ``match``, ``groups`` and ``formats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import (
    Folder,
    Histories,
    Limit,
    MeetAtMost,
    MenteesFile,
    MentorsFile,
    ProgramName,
    Rounds,
    Seed,
    Settings,
    TeachersFile,
    choose_program,
    choose_programs,
    remember,
)
from pairmatch.cli.auditing import Audit, AuditTable, MatchedOn, WithinDays
from pairmatch.cli.console import err, leave_if_stopped, out, show_progress
from pairmatch.cli.times import (
    Bells,
    Calendars,
    FirstWeek,
    Handout,
    Holidays,
    Hours,
    Names,
    Page,
    Revision,
    SlotMinutes,
    Timezone,
    Weeks,
    note_older,
    read_schedule,
)
from pairmatch.errors import CapabilityError
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans.files import check_target
from pairmatch.plans.hints import hint_at_sheets
from pairmatch.plans.rounds import GroupingRounds

if TYPE_CHECKING:
    from pathlib import Path

    from pairmatch.profiles import Profiles

__all__ = ["formats_command", "groups_command", "match_command"]


def match_command(
    mentees: MenteesFile,
    mentors: MentorsFile,
    program: ProgramName = None,
    settings: Settings = None,
    histories: Histories = None,
    folder: Folder = None,
    audit: Audit = False,
    matched_on: MatchedOn = None,
    within_days: WithinDays = 30,
    seed: Seed = 0,
    time_limit: Limit = None,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
    calendars: Calendars = False,
    page: Page = False,
    first_week: FirstWeek = None,
    weeks: Weeks = None,
    timezone: Timezone = None,
    holidays: Holidays = "",
    names: Names = False,
    revision: Revision = 0,
) -> None:
    """Match mentees with mentors."""
    record = AuditTable(audit, matched_on, within_days)
    handout = Handout(calendars, page, first_week, weeks, timezone, holidays, names, revision)
    _prepare(folder, record, handout)
    schedule = read_schedule(bells, hours, slot_minutes)
    with show_progress("matching") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        tables = read_tables(mentees, mentors, schedule)
        _give_hints(*tables)
        wanted = choose_program(program, "match", *tables, settings)
        wanted = remember(wanted, histories, *tables)
        handout.require_times(wanted)
        plan = pm.match(*tables, wanted, options=options)
    _finish(plan, folder, record, handout)
    leave_if_stopped(plan.status)


def groups_command(
    teachers: TeachersFile,
    program: ProgramName = "triad",
    settings: Settings = None,
    histories: Histories = None,
    rounds: Rounds = None,
    meet_at_most: MeetAtMost = None,
    folder: Folder = None,
    audit: Audit = False,
    matched_on: MatchedOn = None,
    within_days: WithinDays = 30,
    seed: Seed = 0,
    time_limit: Limit = None,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
    calendars: Calendars = False,
    page: Page = False,
    first_week: FirstWeek = None,
    weeks: Weeks = None,
    timezone: Timezone = None,
    holidays: Holidays = "",
    names: Names = False,
    revision: Revision = 0,
) -> None:
    """Form coaching triads or groups of one pool, once or for several rounds of a term."""
    record = AuditTable(audit, matched_on, within_days)
    handout = Handout(calendars, page, first_week, weeks, timezone, holidays, names, revision)
    _prepare(folder, record, handout)
    schedule = read_schedule(bells, hours, slot_minutes)
    with show_progress("forming groups") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        table = read_table(teachers, schedule=schedule)
        _give_hints(table)
        wanted = choose_program(program, "groups", table, table, settings)
        wanted = remember(wanted, histories, table, table)
        wanted = (wanted or pm.Program(size=3)).replace(rounds=rounds, meet_at_most=meet_at_most)
        if wanted.rounds > 1:
            _refuse_for_terms(handout.wanted or record.wanted)
            plan: pm.Grouping | GroupingRounds = pm.form_rounds(table, wanted, options=options)
        else:
            handout.require_times(wanted)
            plan = pm.form_groups(table, wanted.replace(meet_at_most=1), options=options)
    _finish(plan, folder, record, handout)
    n_formed = len(plan) if isinstance(plan, GroupingRounds) else 1
    few = f" with {n_formed} of {wanted.rounds} rounds formed" if n_formed < wanted.rounds else ""
    leave_if_stopped(plan.status, few)


def formats_command(
    teachers: TeachersFile,
    programs: Annotated[
        list[str],
        typer.Option(
            "--program",
            "-p",
            metavar="NAME|FILE",
            help="A format, the most important first; give one --program for each.",
        ),
    ],
    folder: Folder = None,
    minutes_per_week: Annotated[
        int | None,
        typer.Option(min=0, help="Minutes of each person; by default the column of that name."),
    ] = None,
    any_order: Annotated[
        bool,
        typer.Option("--any-order", help="Try all orders of up to four formats; keep the best."),
    ] = False,
    joint_bound: Annotated[
        bool,
        typer.Option("--joint-bound", help="Prove what all formats could be worth together."),
    ] = False,
    seed: Seed = 0,
    time_limit: Limit = None,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
) -> None:
    """Run several formats over one pool: one budget of time, nobody in two places."""
    _prepare(folder)
    schedule = read_schedule(bells, hours, slot_minutes)
    with show_progress("matching") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        table = read_table(teachers, schedule=schedule)
        found = pm.match_formats(
            table,
            choose_programs(programs, table),
            minutes_per_week="minutes_per_week" if minutes_per_week is None else minutes_per_week,
            options=options,
            any_order=any_order,
            joint_bound=joint_bound,
        )
    plans = [plan for plan in found.plans if plan is not None]
    for plan in plans:
        pm.verify(plan)
    if folder is not None:
        found.save(folder)
    out.print(escape(found.summary()))
    if folder is not None:
        out.print(f"written to {escape(str(folder))}")
    leave_if_stopped(found.status)


def _prepare(folder: Path | None, *outputs: AuditTable | Handout) -> None:
    """Find out before the work whether its result can be written."""
    check_target(folder)
    for output in outputs:
        output.check(folder)


def _give_hints(coached: Profiles, coach: Profiles | None = None) -> None:
    """Say what looks as if it were not meant, beside the answer."""
    for hint in hint_at_sheets(coached, coach):
        err.print(escape(f"hint: {hint}"))


def _refuse_for_terms(wanted: bool) -> None:
    """Say that what is handed out is for one round."""
    if wanted:
        raise CapabilityError(
            "calendars, pages and audits are about one round; form that round alone, with the "
            "rounds before as --history"
        )


def _finish(
    plan: pm.Matching | pm.Grouping | GroupingRounds,
    folder: Path | None,
    record: AuditTable,
    handout: Handout,
) -> None:
    """Check once more, write and print."""
    if isinstance(plan, GroupingRounds):
        plan.verify()
    else:
        pm.verify(plan)
    if folder is not None:
        plan.save(folder)
        if not isinstance(plan, GroupingRounds):
            record.write(plan, folder)
            handout.write(plan, folder)
        note_older(folder, handout)
    out.print(escape(plan.summary()))
    if folder is not None:
        out.print(f"written to {escape(str(folder))}")
