"""The commands together, and how they end: a sentence and an exit code, whatever happens."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

import pairmatch as pm
from pairmatch.cli.console import PatientStream, err, out, print_warning
from pairmatch.disk import say_trouble
from pairmatch.errors import InfeasibleError, PairmatchError, PairmatchWarning

__all__ = ["app", "run"]

INFEASIBLE, BAD_INPUT, INTERRUPTED = 1, 2, 130

# Which room has which command; opened when it is typed, so that --version waits for none of them.
_ROOM_OF = {
    **dict.fromkeys(("match", "groups", "formats"), "planning"),
    "check": "inspection",
    "explain": "explaining",
    **dict.fromkeys(("rematch", "what-if", "compare", "evaluate"), "living"),
    **dict.fromkeys(("programs", "schema", "demo"), "catalogue"),
}


class _Commands(TyperGroup):
    """The commands, each loaded when it is asked for.

    Ctrl-C in one of them is no failure of the rules: it has an exit code of its own.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_ROOM_OF)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        # All of them where none has that name, so that a near one can be named.
        for name in (cmd_name,) if cmd_name in _ROOM_OF else _ROOM_OF:
            if name not in self.commands:
                self.commands[name] = _load(name)
        return self.commands.get(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("Stopped before there was an answer.")
            raise typer.Exit(INTERRUPTED) from None


def _load(name: str) -> Any:
    """Return a command, from ``match_command`` of its room."""
    room = import_module(f"pairmatch.cli.{_ROOM_OF[name]}")
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(getattr(room, f"{name.replace('-', '_')}_command"))
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Commands,
    help="Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, proved.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    _open_streams()
    with warnings.catch_warnings():
        warnings.simplefilter("always", PairmatchWarning)
        warnings.showwarning = print_warning  # type: ignore[assignment]
        try:
            app(standalone_mode=True)
        except InfeasibleError as error:
            err.print(escape(f"No plan can satisfy the rules: {error}"))
            sys.exit(INFEASIBLE)
        except PairmatchError as error:
            from pairmatch.plans.hints import hint_at_header

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


def _open_streams() -> None:
    """Make standard output one that only we write to, and both streams ones that always take it.

    Compiled libraries print a line of their own now and then; it goes to standard error, so that
    what a script reads is the answer and nothing else.
    """
    answers, notes = sys.__stdout__, sys.__stderr__
    if answers is not None and notes is not None and sys.stdout is answers:
        answers.flush()
        ours = os.dup(answers.fileno())
        os.dup2(notes.fileno(), answers.fileno())
        sys.stdout = open(ours, "w", encoding=answers.encoding)  # noqa: PTH123, SIM115
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by whoever started us
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an id that the terminal cannot show
    sys.stdout, sys.stderr = PatientStream(sys.stdout), PatientStream(sys.stderr)
