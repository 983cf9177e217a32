"""The commands that show what there is: ``programs``, ``schema`` and ``demo``."""

from __future__ import annotations

import json
from inspect import Parameter
from typing import Annotated, Any

import typer
from rich.markup import escape

import pairmatch as pm
from pairmatch.cli.arguments import Seed, Settings, read_preset
from pairmatch.cli.console import out, show_frame
from pairmatch.programs import PRESETS, program_schema

__all__ = ["demo_command", "programs_command", "schema_command"]


def programs_command(
    name: Annotated[str | None, typer.Argument(help="One of them, as a file to edit.")] = None,
    settings: Settings = None,
) -> None:
    """List the ready-made programs, or print one as TOML: pairmatch programs triad > my.toml."""
    if name is None:
        for preset in PRESETS.values():
            has = ", ".join(map(_shown, preset.parameters.items()))
            out.print(f"[bold]{preset.name}[/bold] (pairmatch {preset.verb}): {preset.sentence}")
            if has:
                out.print(f"    {escape(has)}")
        return
    text = read_preset(name, settings).to_toml(comments=True)
    preset = PRESETS[name]
    tables = "MENTEES.csv MENTORS.csv" if preset.verb == "match" else "TEACHERS.csv"
    typer.echo(f"# {preset.sentence}")
    typer.echo(f"# Use it: pairmatch {preset.verb} {tables} --program THIS_FILE.toml")
    typer.echo("# A criterion or rule whose column the sheets do not have must be taken out.\n")
    typer.echo(text, nl=False)


def _shown(parameter: tuple[str, Any]) -> str:
    name, default = parameter
    return f"{name} (needed)" if default is Parameter.empty else f"{name}={default!r}"


def schema_command() -> None:
    """Print the JSON schema of program files, for editors that check while one types."""
    typer.echo(json.dumps(program_schema(), indent=2))


def demo_command(seed: Seed = 0) -> None:
    """Show what pairmatch does, on a district that it makes up."""
    from pairmatch.datasets import district

    pool = district(40, 24, seed=seed)
    out.print(
        "A made-up district: 40 mentees and 24 mentors in a few schools, with gaps in the data.\n"
        "[bold]plan = pm.match(mentees, mentors, pm.Program.preset('mentoring'))[/bold]\n"
    )
    plan = pm.match(pool.mentees, pool.mentors, pm.Program.preset("mentoring"))
    out.print(escape(plan.summary()))
    frame = plan.to_frame()
    show_frame(frame.head(5), "the first five pairs")
    if len(frame):
        first = frame.iloc[0]
        out.print("[bold]plan.explain(mentee, mentor)[/bold]: the explanation is the score.")
        show_frame(
            plan.explain(first["mentee"], first["mentor"]),
            f"{first['mentee']} with {first['mentor']}",
        )
        row = plan.mentee_row(first["mentee"])
        best = plan.scored.best(2) if isinstance(plan.scored, pm.Compatibility) else frame
        theirs = best[best["mentee"] == plan.scored.coached.ids[row]]["mentor"]
        other = next((m for m in theirs if m != first["mentor"]), first["mentor"])
        out.print("[bold]plan.why_not(mentee, mentor)[/bold]: what another pair would cost.")
        out.print(escape(str(plan.why_not(first["mentee"], other))) + "\n")
    certificate = pm.verify(plan)
    out.print(
        "[bold]pm.verify(plan)[/bold]: re-scored and re-checked pair by pair: "
        f"total {certificate.objective} millionths, bound {certificate.bound}, "
        f"{'proved optimal' if certificate.proved else 'not proved'}.\n"
    )
    out.print("Next: [bold]pairmatch match MENTEES.csv MENTORS.csv --out plan[/bold]")
