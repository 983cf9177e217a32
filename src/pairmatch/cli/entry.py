"""The commands together, and how they end: a sentence and an exit code, whatever happens."""

from __future__ import annotations

import sys
import warnings
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

import pairmatch as pm
from pairmatch.cli import catalogue, inspection, living, planning
from pairmatch.cli.console import PatientStream, err, out, print_warning
from pairmatch.disk import say_trouble
from pairmatch.errors import InfeasibleError, PairmatchError, PairmatchWarning
from pairmatch.plans.hints import hint_at_header

__all__ = ["app", "run"]

INFEASIBLE, BAD_INPUT, INTERRUPTED = 1, 2, 130


class _Commands(TyperGroup):
    """Ctrl-C in a command is no failure of the rules: it has an exit code of its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("Stopped before there was an answer.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    help="Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, proved.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("match")(planning.match_command)
app.command("groups")(planning.groups_command)
app.command("formats")(planning.formats_command)
app.command("check")(inspection.check_command)
app.command("explain")(inspection.explain_command)
app.command("rematch")(living.rematch_command)
app.command("what-if")(living.what_if_command)
app.command("compare")(living.compare_command)
app.command("evaluate")(living.evaluate_command)
app.command("programs")(catalogue.programs_command)
app.command("schema")(catalogue.schema_command)
app.command("demo")(catalogue.demo_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"pairmatch {pm.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, proved."""


def run() -> None:
    """Run the command line; every mistake of a user ends in a sentence and an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an id that the terminal cannot show
    sys.stdout, sys.stderr = PatientStream(sys.stdout), PatientStream(sys.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("always", PairmatchWarning)
        warnings.showwarning = print_warning  # type: ignore[assignment]
        try:
            app(standalone_mode=True)
        except InfeasibleError as error:
            err.print(escape(f"No plan can satisfy the rules: {error}"))
            sys.exit(INFEASIBLE)
        except PairmatchError as error:
            err.print(escape(str(error)))
            hint = hint_at_header(error)
            if hint:
                err.print(escape(f"hint: {hint}"))
            sys.exit(BAD_INPUT)
        except OSError as error:
            err.print(escape(say_trouble(error.filename or "the output", error)))
            sys.exit(BAD_INPUT)
        finally:
            sys.stdout.flush()
