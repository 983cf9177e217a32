"""The command ``check``: tables and rules looked at before anything is solved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import ProgramName, Settings, choose_program
from pairmatch.cli.console import list_ids, out, show_frame
from pairmatch.cli.times import Bells, Hours, SlotMinutes, read_schedule
from pairmatch.inputs import read_table, read_tables
from pairmatch.plans.conflict import check_pins
from pairmatch.plans.diagnose import count_rules, unknown_evaluators
from pairmatch.plans.hints import hint_at_sheets
from pairmatch.seam import assignment_problem
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.assignment.estimate import estimate_effort
from pairmatch.verbs import refuse_for_groups, refuse_for_pairs

if TYPE_CHECKING:
    from pairmatch.profiles import Profiles

__all__ = ["check_command"]

_WHOLE = (pm.Alike, pm.Balance, pm.Compose, pm.GiveAndReceive, pm.NotAlone)


def check_command(
    mentees: Annotated[
        str, typer.Argument(metavar="MENTEES", help="CSV of who is coached, or of one pool.")
    ],
    mentors: Annotated[
        str | None,
        typer.Argument(metavar="MENTORS", help="CSV of who coaches; left out for groups."),
    ] = None,
    program: ProgramName = None,
    settings: Settings = None,
    bells: Bells = None,
    hours: Hours = None,
    slot_minutes: SlotMinutes = None,
) -> None:
    """Validate tables and rules, and say what the rules remove, before any solving."""
    tables = _read(mentees, mentors, read_schedule(bells, hours, slot_minutes))
    if mentors is None:
        _check_pool(tables[0], program or "triad", settings)
    else:
        _check_pairs(tables, program, settings)
    for hint in hint_at_sheets(tables[0], None if mentors is None else tables[1]):
        out.print(f"[bold]hint[/bold]: {escape(hint)}")
    out.print("The tables can be used.")


def _read(
    mentees: str, mentors: str | None, schedule: pm.Schedule | None
) -> tuple[Profiles, Profiles]:
    if mentors is not None:
        return read_tables(mentees, mentors, schedule)
    table = read_table(mentees, schedule=schedule)
    return table, table


def _check_pool(table: Profiles, name: str, settings: list[str] | None) -> None:
    wanted = choose_program(name, "groups", table, table, settings) or pm.Program(size=3)
    refuse_for_groups(wanted.replace(rounds=1))
    scored = pm.score(table, table, wanted)
    _describe(scored, "teachers")
    _count(scored, "partner")
    grouping_problem(scored, wanted)  # rules that do not fit the table, or contradict each other
    whole = [repr(rule) for rule in wanted.constraints if isinstance(rule, _WHOLE)]
    if whole:
        out.print(f"rules about whole groups: {escape(', '.join(whole))}")


def _check_pairs(
    tables: tuple[Profiles, Profiles], program: str | None, settings: list[str] | None
) -> None:
    wanted = choose_program(program, "match", *tables, settings) or pm.Program()
    refuse_for_pairs(wanted)
    scored = pm.score(*tables, wanted)
    objective: Any = wanted.objective
    problem = assignment_problem(scored, wanted.constraints, objective)
    check_pins(scored, problem)
    _describe(scored, "mentees")
    out.print(
        f"places: {int(problem.capacity.sum())}, "
        f"{int((problem.capacity == 0).sum())} mentors with none"
    )
    _count(scored, "mentor")
    out.print(f"matching takes {estimate_effort(problem)}")
    if problem.at_least.any():
        pm.match(*tables, wanted)  # minimum loads that cannot be met are found by trying


def _describe(scored: pm.Compatibility, people: str) -> None:
    sides = [(scored.coached, people)]
    if scored.coach is not scored.coached:
        sides.append((scored.coach, "mentors"))
    for table, side in sides:
        who = side if len(table) > 1 else side[:-1]
        columns = escape(", ".join(table.columns))
        out.print(f"{escape(table.source)}: {len(table)} {who}, columns {columns}")
    out.print("criteria: " + ", ".join(escape(repr(c)) for c in scored.criteria))


def _count(scored: pm.Compatibility, partner: str) -> None:
    counts = count_rules(scored)
    out.print(
        f"pairs: {counts.n_pairs}, allowed {counts.n_allowed} "
        f"({counts.n_allowed / max(1, counts.n_pairs):.0%})"
    )
    show_frame(counts.to_frame(), "what each rule removes")
    if counts.without:
        out.print(f"no {partner} is allowed for: {list_ids(counts.without)}")
    if counts.unused and partner == "mentor":
        out.print(f"no mentee is allowed for: {list_ids(counts.unused)}")
    for table in dict.fromkeys((scored.coached, scored.coach)):
        strangers = unknown_evaluators(table, scored.coached, scored.coach)
        if strangers:
            out.print(
                f"evaluators in neither table ({escape(table.source)}): {list_ids(strangers)}"
            )
