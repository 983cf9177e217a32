"""The commands for a plan that runs: ``rematch``, ``what-if``, ``compare`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import Folder, Histories, Limit, remember
from pairmatch.cli.console import err, leave_if_stopped, out, show_frame, show_progress
from pairmatch.cli.saved import Plan, check_people, check_same_people, read_sheets
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
from pairmatch.cycles import compare_records, read_record
from pairmatch.cycles.saved import with_people
from pairmatch.disk import has_file, make_folder, write_whole
from pairmatch.errors import ProgramError, say_count
from pairmatch.plans.files import check_target, dump_csv

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.cycles import Record
    from pairmatch.profiles import Profiles

__all__ = ["compare_command", "evaluate_command", "rematch_command", "what_if_command"]

ProgramFile = Annotated[
    str | None,
    typer.Option("--program", "-p", metavar="FILE", help="The rules from now on, as TOML."),
]
Mentees = Annotated[
    str, typer.Argument(metavar="MENTEES", help="The mentees (or the one pool) as of now.")
]
Mentors = Annotated[
    str | None, typer.Argument(metavar="MENTORS", help="The mentors as of now; not for groups.")
]
MostChanges = Annotated[
    int | None,
    typer.Option(min=0, help="How many may move who could keep their mentor, or their group."),
]
Before = Annotated[Path, typer.Argument(metavar="BEFORE", help="Folder of a plan.")]
After = Annotated[Path, typer.Argument(metavar="AFTER", help="Folder of another plan.")]
_SHOWN = 12


def rematch_command(
    plan: Plan,
    mentees: Mentees,
    mentors: Mentors = None,
    at_most_changes: MostChanges = None,
    program: ProgramFile = None,
    histories: Histories = None,
    folder: Folder = None,
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
    revision: Revision = 1,
) -> None:
    """Bring a plan up to date after people left, joined or changed; move few."""
    handout = Handout(calendars, page, first_week, weeks, timezone, holidays, names, revision)
    check_target(folder)
    handout.check(folder)
    record = read_record(plan)
    tables = read_sheets(record, mentees, mentors, read_schedule(bells, hours, slot_minutes))
    check_people(record, tables)
    given = None if program is None else pm.Program.from_toml(program)
    if histories and given is None:  # one more rule beside those of the plan
        given = record.read_program()
    changed = remember(given, histories, *tables)
    if handout.wanted:
        handout.require_times(changed or record.read_program())
    has_own = has_file(plan / "program.toml")
    one_table = tables[0] is tables[1]
    old, joined = (tables[0], None) if one_table else _split(tables[0], record)
    if record.kind == "grouping":
        old, joined = _split(tables[0], record)
        old = with_people(old, record.people)
    before: Any = pm.read_plan(
        plan, old, old if one_table else tables[1], program=None if has_own else changed
    )
    gone = [
        {*side.ids} - {*table.ids}
        for side, table in zip((before.scored.coached, before.scored.coach), tables, strict=True)
    ]
    # Who is on the other sheet now has changed sides.
    turned = [{*tables[1].ids} & gone[0] - gone[1], {*tables[0].ids} & gone[1] - gone[0]]
    coaches = None if one_table or not turned[0] else _take(tables[1], turned[0])
    if turned[1] and not one_table:
        joined = _take(tables[0], turned[1] | ({*joined.ids} if joined is not None else set()))
    leave = sorted(gone[0] | gone[1])
    changes = pm.Changes(leave=leave, mentees=joined, mentors=coaches, program=changed)
    with show_progress("re-matching") as progress:
        options = pm.Options(seed=before.seed, time_limit=time_limit, progress=progress)
        after = pm.rematch(before, changes, at_most_changes=at_most_changes, options=options)
    _report(after, record, folder, handout)
    leave_if_stopped(after.plan.status)


def what_if_command(
    plan: Plan,
    mentees: Mentees,
    mentors: Mentors = None,
    places: Annotated[
        list[str] | None,
        typer.Option("--place", metavar="ID=NUMBER", help="More places (or -1, fewer): M-07=1."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Do without rules of a kind, such as MinScore."),
    ] = None,
    minutes: Annotated[int | None, typer.Option(help="Another length of meetings.")] = None,
    at_most_changes: MostChanges = None,
    folder: Folder = None,
    time_limit: Limit = None,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
) -> None:
    """Say what a plan would become if one thing were different; the plan stays as it is."""
    check_target(folder)
    if not places and not drop and minutes is None:
        raise ProgramError("nothing was asked: give --place, --drop or --minutes")
    record = read_record(plan)
    tables = read_sheets(record, mentees, mentors, read_schedule(bells, hours, slot_minutes))
    check_same_people(record, tables)
    before: Any = pm.read_plan(plan, *tables)
    with show_progress("re-matching") as progress:
        answer = pm.what_if(
            before,
            places=_read_places(places),
            drop=tuple(drop or ()),
            minutes=minutes,
            at_most_changes=at_most_changes,
            options=pm.Options(seed=before.seed, time_limit=time_limit, progress=progress),
        )
    _report(answer, record, folder)
    out.print(escape(f"against the plan: {pm.compare(before, answer.plan).summary()}"))
    leave_if_stopped(answer.plan.status)


def _take(table: Profiles, ids: set[str]) -> Profiles:
    """Return the rows of some people."""
    return table.take(np.flatnonzero([who in ids for who in table.ids]))


def _read_places(texts: list[str] | None) -> dict[str, int] | None:
    """Read ``ID=NUMBER`` each."""
    found: dict[str, int] = {}
    for text in texts or ():
        who, equals, number = (part.strip() for part in text.rpartition("="))
        try:
            more = int(number)
        except ValueError:
            equals = ""
            more = 0
        if not equals or not who:
            raise ProgramError(f"--place {text}: expected ID=NUMBER; for example M-07=1.")
        found[who] = found.get(who, 0) + more
    return found or None


def _report(
    after: Any, record: Record, folder: Path | None, handout: Handout | None = None
) -> None:
    """Check an answer, say what it is, and write it where that was asked."""
    after.verify()
    moved = after.moved
    if record.kind == "matching":
        moved = _with_old_scores(moved, {pair[:2]: pair[2] for pair in record.pairs})
    if folder is not None:
        after.plan.save(folder)
        write_whole(folder / "moved.csv", dump_csv(moved))
        if handout is not None:
            handout.write(after.plan, folder)
        note_older(folder, handout)
    out.print(escape(after.summary()))
    _show_some(moved.drop(columns=["counted"]), "who moves")
    if folder is not None:
        out.print(f"written to {escape(str(folder))}")


def _split(mentees: Profiles, record: Record) -> tuple[Profiles, Profiles | None]:
    """Return who was there when the plan was made, and who joined; (everybody, None) if nobody."""
    known = record.people
    was_there = np.array([person in known for person in mentees.ids])
    if was_there.all() or not was_there.any():
        return mentees, None
    return mentees.take(was_there), mentees.take(~was_there)


def _with_old_scores(moved: pd.DataFrame, score: dict[tuple[str, str], float]) -> pd.DataFrame:
    """Fill in what pairs were worth of whom one has left."""
    rows: Any = moved.itertuples()
    known = [score.get((str(row.mentee), str(row.before))) for row in rows]
    gone = moved["reason"].str.endswith("left")
    return moved.assign(score_before=moved["score_before"].where(~gone, known))


def compare_command(
    first: Before,
    second: After,
    folder: Folder = None,
) -> None:
    """Say who moves from one plan to another."""
    before, after = read_record(first), read_record(second)
    found = compare_records(before, after)
    out.print(escape(found.summary()))
    if before.neutral != after.neutral:
        err.print(
            "note: unknown values count differently in the two plans, so their scores are not on "
            "one scale; 'pairmatch rematch' keeps the scale."
        )
    _show_some(found.moved, "who moves")
    if folder is not None:
        write_whole(make_folder(folder) / "moved.csv", dump_csv(found.moved))
        out.print(f"written to {escape(str(folder))}")


def evaluate_command(
    plan: Plan,
    feedback: Annotated[str, typer.Argument(metavar="FEEDBACK", help="CSV of what people said.")],
    first: Annotated[
        str, typer.Argument(metavar="MENTEES", help="The sheet of the plan (or of its one pool).")
    ],
    mentors: Annotated[
        str | None, typer.Argument(metavar="MENTORS", help="Left out for groups.")
    ] = None,
    folder: Folder = None,
    scale: Annotated[str, typer.Option(help="Lowest and highest rating.")] = "1-5",
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
) -> None:
    """Say what feedback tells about a plan, with intervals."""
    record = read_record(plan)
    tables = read_sheets(record, first, mentors, read_schedule(bells, hours, slot_minutes))
    said = pm.read_feedback(feedback, scale=_read_scale(scale))
    check_people(record, tables)
    found = pm.evaluate(pm.read_plan(plan, *tables), said)
    frames = {
        "coverage": found.coverage,
        "outcomes": found.outcomes,
        "by_decile": found.by_decile,
        "by_criterion": found.by_criterion,
    }
    for name, frame in frames.items():
        if len(frame):
            show_frame(frame, name.replace("_", " "))
    if found.lost:
        who = ", ".join(" and ".join(people) for people in found.lost[:_SHOWN])
        more = f" and {len(found.lost) - _SHOWN} more" if len(found.lost) > _SHOWN else ""
        answers = say_count(len(found.lost), "answer")
        what = "about pairs or groups that are not in this plan"
        out.print(escape(f"left out: {answers} {what}: {who}{more}"))
    if folder is not None:
        target = make_folder(folder)
        for name, frame in frames.items():
            write_whole(target / f"{name}.csv", dump_csv(frame))
        out.print(f"written to {escape(str(folder))}")


def _read_scale(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise ProgramError(f"--scale {text}: expected two numbers, such as 1-5") from None


def _show_some(frame: pd.DataFrame, title: str) -> None:
    if not len(frame):
        return
    more = f" (the first {_SHOWN} of {len(frame)})" if len(frame) > _SHOWN else ""
    shown: pd.DataFrame = frame.head(_SHOWN).astype(object)
    show_frame(shown.where(shown.notna(), ""), title + more)
