"""What the command line prints, and to whom: people, files, or a reader who has already gone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from math import isnan
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from pairmatch.solvers.solution import Status

__all__ = [
    "PatientStream",
    "err",
    "leave_if_stopped",
    "list_ids",
    "out",
    "print_warning",
    "show_frame",
    "show_progress",
]

STOPPED = 3

# Ids such as ":a:" are nobody's picture, and "[x]" is nobody's style: what is typed is shown.
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class PatientStream:
    """A stream that does not mind if nobody reads it any more: the work goes on, unheard."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, to nobody if the reader has gone."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._write_to_nobody()
            return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._write_to_nobody()

    def _write_to_nobody(self) -> None:
        nobody = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nobody, self._stream.fileno())
        os.close(nobody)


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, float | None, float], None] | None]:
    """Show rounds and gap of long work, where somebody watches."""
    if not err.is_terminal:
        yield None
        return
    with err.status(f"{what} ...") as status:

        def show(n_rounds: int, gap: float | None, seconds: float) -> None:
            reached = "" if gap is None else f", gap {gap:.2%}"
            status.update(f"{what}: round {n_rounds}{reached}, {seconds:.0f} s")

        yield show


def show_frame(frame: pd.DataFrame, title: str) -> None:
    """Print a frame as a table."""
    table = Table(title=escape(title), title_justify="left")
    for column in frame.columns:
        table.add_column(escape(str(column)))
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(_cell(content)) for content in row))
    out.print(table)


def _cell(content: object) -> str:
    if isinstance(content, float):
        return "unknown" if isnan(content) else f"{content:.3f}"
    return shorten(str(content), 60, placeholder=" ...")


def list_ids(ids: tuple[object, ...]) -> str:
    """Return the first of many ids, ready to print."""
    shown = ", ".join(escape(str(key)) for key in ids[:20])
    return shown + (f" and {len(ids) - 20} more" if len(ids) > 20 else "")


def print_warning(message: Warning | str, *_: object) -> None:
    """Print a warning of ours as a note."""
    err.print(escape(f"note: {message}"))


def leave_if_stopped(status: Status, few: str = "") -> None:
    """Say that the work was not finished, and leave with a code of its own."""
    who = {"time_limit": "the time limit", "interrupted": "Ctrl-C"}.get(status.value)
    if who is not None:
        print_warning(f"stopped by {who}{few}; the plan keeps every rule, a better one may exist")
        raise typer.Exit(STOPPED)
