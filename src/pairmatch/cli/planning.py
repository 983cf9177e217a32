"""The commands that make plans: ``match`` and ``groups``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import (
    Folder,
    Limit,
    MenteesFile,
    MentorsFile,
    ProgramName,
    Seed,
    TeachersFile,
    choose_program,
)
from pairmatch.cli.console import out, show_progress
from pairmatch.cli.times import (
    Bells,
    Calendars,
    FirstWeek,
    Holidays,
    Hours,
    Names,
    Page,
    Revision,
    SlotMinutes,
    Timezone,
    Weeks,
    plan_handouts,
    read_schedule,
)
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans.files import make_folder
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["groups_command", "match_command"]

STOPPED = 3


def match_command(
    mentees: MenteesFile,
    mentors: MentorsFile,
    program: ProgramName = None,
    folder: Folder = None,
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
    _prepare(folder)
    schedule = read_schedule(bells, hours, slot_minutes)
    hand_out = plan_handouts(
        folder,
        calendars=calendars,
        page=page,
        first_week=first_week,
        weeks=weeks,
        timezone=timezone,
        holidays=holidays,
        names=names,
        revision=revision,
    )
    with show_progress("matching") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        tables = read_tables(mentees, mentors, schedule)
        plan = pm.match(*tables, choose_program(program, "match", *tables), options=options)
    _finish(plan, folder, hand_out)


def groups_command(
    teachers: TeachersFile,
    program: ProgramName = "triad",
    folder: Folder = None,
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
    """Form coaching triads or groups of one pool."""
    _prepare(folder)
    schedule = read_schedule(bells, hours, slot_minutes)
    hand_out = plan_handouts(
        folder,
        calendars=calendars,
        page=page,
        first_week=first_week,
        weeks=weeks,
        timezone=timezone,
        holidays=holidays,
        names=names,
        revision=revision,
    )
    with show_progress("forming groups") as progress:
        options = pm.Options(seed=seed, time_limit=time_limit, progress=progress)
        table = read_table(teachers, schedule=schedule)
        wanted = choose_program(program, "groups", table, table)
        plan = pm.form_groups(table, wanted, options=options)
    _finish(plan, folder, hand_out)


def _prepare(folder: Path | None) -> None:
    """Find out before the work whether its result can be written."""
    if folder is not None:
        make_folder(folder)


def _finish(
    plan: pm.Matching | pm.Grouping,
    folder: Path | None,
    hand_out: Callable[[pm.Matching | pm.Grouping], None],
) -> None:
    """Check once more, write, print, and leave with the right code."""
    pm.verify(plan)
    if folder is not None:
        plan.save(folder)
        hand_out(plan)
    out.print(escape(plan.summary()))
    if folder is not None:
        out.print(f"written to {escape(str(folder))}")
    if plan.status in (Status.TIME_LIMIT, Status.INTERRUPTED):
        raise typer.Exit(STOPPED)
