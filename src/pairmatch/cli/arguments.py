"""What is typed after a command: tables, options, and which program is meant."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import pairmatch as pm
from pairmatch.cli.console import print_warning
from pairmatch.constraints import Load, Minutes, Quota, Tiers
from pairmatch.disk import has_file
from pairmatch.errors import Fault, ProgramError
from pairmatch.programs import PRESETS
from pairmatch.programs.earlier import add_earlier

if TYPE_CHECKING:
    from collections.abc import Sequence

    Verb = Literal["match", "groups"]

__all__ = [
    "Folder",
    "Histories",
    "Limit",
    "MeetAtMost",
    "MenteesFile",
    "MentorsFile",
    "ProgramName",
    "Rounds",
    "Seed",
    "Settings",
    "TeachersFile",
    "choose_program",
    "choose_programs",
    "read_preset",
    "remember",
]

MenteesFile = Annotated[str, typer.Argument(metavar="MENTEES", help="CSV of who is coached.")]
MentorsFile = Annotated[str, typer.Argument(metavar="MENTORS", help="CSV of who coaches.")]
TeachersFile = Annotated[str, typer.Argument(metavar="TEACHERS", help="CSV of the pool.")]
ProgramName = Annotated[
    str | None,
    typer.Option(
        "--program",
        "-p",
        metavar="NAME|FILE",
        help="A ready-made program (see: pairmatch programs) or a TOML file.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A parameter of the ready-made program; may be repeated.",
    ),
]
Histories = Annotated[
    list[str] | None,
    typer.Option(
        "--history",
        metavar="PLAN|FILE",
        help="Earlier plans, oldest first: folders, their pairs.csv or groups.csv, or tables with "
        "a column cycle. Nobody meets the same person again.",
    ),
]


def _name_folder(text: str) -> Path:
    if not text.strip():
        raise typer.BadParameter("it has no name; write for example --out plan")
    return Path(text)


Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        parser=_name_folder,
        help="Write the results into this folder, which is made if need be.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Decides between equally good plans.")]
Limit = Annotated[
    float | None, typer.Option("--time-limit", min=0.01, help="Seconds; a safety stop.")
]

Rounds = Annotated[
    int | None,
    typer.Option(min=1, help="Rounds of a term, in which no two people meet twice."),
]
MeetAtMost = Annotated[
    int | None,
    typer.Option(min=1, help="How often two people may meet over all rounds, if more than once."),
]

_USE = {"match": "pairmatch match MENTEES MENTORS", "groups": "pairmatch groups TEACHERS"}


def choose_program(
    name: str | None,
    verb: Verb,
    coached: pm.Profiles,
    coach: pm.Profiles,
    settings: Sequence[str] | None = None,
) -> pm.Program | None:
    """Read a program file as it is; let a ready-made program fit the columns that are there."""
    if name is None:
        if settings:
            remedy = "Add --program NAME; 'pairmatch programs' lists them."
            raise ProgramError(
                "--set is for a ready-made program", [Fault("none is named.", "", remedy)]
            )
        return None
    program = _read_file(name, settings)
    if program is not None:
        _refuse_other_verb(name, verb, _verb_of(program))
        return program
    if name in PRESETS:
        _refuse_other_verb(name, verb, PRESETS[name].verb)
    return read_preset(name, settings).fitting(coached, coach)


def choose_programs(names: Sequence[str], pool: pm.Profiles) -> list[pm.Program]:
    """Return programs of any kind over one pool."""
    return [_read_file(name) or read_preset(name).fitting(pool, pool) for name in names]


def _read_file(name: str, settings: Sequence[str] | None = None) -> pm.Program | None:
    """Return the program in a file, None if the name is not that of a file."""
    if Path(name).suffix != ".toml" and not has_file(name):
        return None
    if settings:
        remedy = "Change them in the file."
        raise ProgramError(
            "--set is for ready-made programs", [Fault(f"{name} is a file.", "", remedy)]
        )
    return pm.Program.from_toml(name)


def read_preset(name: str, settings: Sequence[str] | None = None) -> pm.Program:
    """Return a ready-made program with what was set; say what it needs."""
    parameters = read_settings(settings)
    lacking = (
        [key for key in PRESETS[name].needed if key not in parameters] if (name in PRESETS) else []
    )
    if lacking:
        told = " ".join(f"--set {key}=..." for key in lacking)
        what = f"have it as a file: pairmatch programs {name} {told} > my.toml"
        raise ProgramError(
            f"the program {name!r} needs {' and '.join(lacking)}",
            [Fault(f"add {told}, or {what}")],
        )
    return pm.Program.preset(name, **parameters)


def read_settings(texts: Sequence[str] | None) -> dict[str, Any]:
    """Read ``KEY=VALUE`` each; a value is a number, true, false or a list if it reads like one."""
    found: dict[str, Any] = {}
    for text in texts or ():
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key:
            what = "for example minutes=30."
            raise ProgramError(f"--set {text}: expected KEY=VALUE", [Fault(what)])
        if key in found:
            raise ProgramError(f"--set {key} is given twice")
        try:
            content = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            content = value
        found[key] = tuple(content) if isinstance(content, list) else content
    return found


def remember(
    program: pm.Program | None,
    sources: Sequence[str] | None,
    coached: pm.Profiles,
    coach: pm.Profiles,
) -> pm.Program | None:
    """Add the rule that nobody meets again whom these plans and tables brought together."""
    if not sources:
        return program
    history = pm.History()
    here = {*coached.ids, *coach.ids}
    for source in sources:
        before, history = history, add_earlier(history, Path(source))
        met: set[tuple[str, ...]] = {pair[1:] for pair in {*history.pairs}.difference(before.pairs)}
        met |= {members for _, members in set(history.groups).difference(before.groups)}
        if met and not any(here.intersection(together) for together in met):
            print_warning(f"--history {source}: nobody in it is in these sheets")
    program = program or pm.Program()
    return program.replace(constraints=[*program.constraints, pm.NotAgain(history)])


def _verb_of(program: pm.Program) -> Verb | None:
    """Return what a program is for, where it says so."""
    if program.forms_groups:
        return "groups"
    about_mentors = any(isinstance(r, Load | Minutes | Quota | Tiers) for r in program.constraints)
    return "match" if about_mentors else None


def _refuse_other_verb(name: str, verb: Verb, meant: Verb | None) -> None:
    if meant is None or meant == verb:
        return
    what = "forms groups of one pool" if meant == "groups" else "matches mentees with mentors"
    raise ProgramError(f"{name} {what}; use: {_USE[meant]} --program {name}")
