"""What is typed after a command: tables, options, and which program is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import pairmatch as pm
from pairmatch.constraints import Load, Minutes, Quota, Tiers
from pairmatch.errors import Fault, ProgramError
from pairmatch.programs import PRESETS

if TYPE_CHECKING:
    Verb = Literal["match", "groups"]

__all__ = [
    "Folder",
    "Limit",
    "MenteesFile",
    "MentorsFile",
    "ProgramName",
    "Seed",
    "TeachersFile",
    "choose_program",
    "pair_objective",
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
Folder = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write the plan into this folder.")
]
Seed = Annotated[int, typer.Option(min=0, help="Decides between equally good plans.")]
Limit = Annotated[
    float | None, typer.Option("--time-limit", min=0.01, help="Seconds; a safety stop.")
]

_USE = {"match": "pairmatch match MENTEES MENTORS", "groups": "pairmatch groups TEACHERS"}


def choose_program(
    name: str | None, verb: Verb, coached: pm.Profiles, coach: pm.Profiles
) -> pm.Program | None:
    """Read a program file as it is; let a ready-made program fit the columns that are there."""
    if name is None:
        return None
    if Path(name).suffix == ".toml" or Path(name).is_file():
        program = pm.Program.from_toml(name)
        _refuse_other_verb(name, verb, _verb_of(program))
        return program
    if name in PRESETS:
        _refuse_other_verb(name, verb, PRESETS[name].verb)
        needed = PRESETS[name].needed
        if needed:
            settings = " ".join(f"--set {key}=..." for key in needed)
            raise ProgramError(
                f"the program {name!r} needs {' and '.join(needed)}",
                [
                    Fault(
                        f"write it to a file first: pairmatch programs {name} {settings} > my.toml"
                    )
                ],
            )
    return pm.Program.preset(name).fitting(coached, coach)


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


def pair_objective(program: pm.Program) -> Any:
    """Return the objective if it is one for pairs."""
    legal = ("coverage", "total", "worst_off", "leximin")
    return program.objective if program.objective in legal else "coverage"
