"""What verbs are given: tables, programs and options, or a clear word about what they are not."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProfileError, ProgramError, ScoreError
from pairmatch.options import Options
from pairmatch.profiles import Profiles, Schedule, read_profiles
from pairmatch.programs import Program
from pairmatch.solvers.assignment import RangeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    import pandas as pd

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["check_arguments", "read_table", "read_tables", "refuse_large_scores"]


@contextmanager
def refuse_large_scores() -> Iterator[None]:
    """Say in words that scores are too large for exact sums, wherever that comes out."""
    try:
        yield
    except (RangeError, OverflowError) as error:
        remedy = "Scale the scores down, or round them."
        raise ScoreError("the scores cannot be used", [Fault(f"{error}.", "", remedy)]) from None


def read_table(source: Table, side: str = "teachers", schedule: Schedule | None = None) -> Profiles:
    """Return a table of at least one person, or say what is wrong with it and whose it is."""
    try:
        table = source if isinstance(source, Profiles) else read_profiles(source, schedule=schedule)
    except ProfileError as error:
        if not hasattr(source, "columns"):
            raise
        faults = error.faults or (Fault(_end_sentence(error.headline)),)
        raise ProfileError(f"the table of {side} cannot be used", faults) from None
    if len(table) == 0:
        raise ProfileError(f"{table.source} cannot be used", [Fault("it has no people.")])
    return table


def read_tables(
    mentees: Table, mentors: Table, schedule: Schedule | None = None
) -> tuple[Profiles, Profiles]:
    """Read both tables, or say what is wrong with both."""
    if mentors is mentees or _same_file(mentees, mentors):
        both = read_table(mentees, "mentees", schedule)
        return both, both
    tables, errors = [], []
    for source, side in ((mentees, "mentees"), (mentors, "mentors")):
        try:
            tables.append(read_table(source, side, schedule))
        except ProfileError as error:
            errors.append(error)
    if len(errors) == 2:
        faults = [
            Fault(fault.what, f"{error.headline}; {fault.where}".rstrip("; "), fault.remedy)
            for error in errors
            for fault in error.faults
        ] + [Fault(_end_sentence(error.headline)) for error in errors if not error.faults]
        raise ProfileError("neither table can be used", dict.fromkeys(faults))
    if errors:
        raise errors[0]
    return tables[0], tables[1]


def _same_file(one: Any, other: Any) -> bool:
    """Return whether these are two names of one file: a pool of peers."""
    if not isinstance(one, str | Path) or not isinstance(other, str | Path):
        return False
    return Path(one).resolve() == Path(other).resolve()


def check_arguments(program: Any, options: Any) -> tuple[Program, Options]:
    """Return program and options, or say what was given instead of them."""
    faults = []
    if not isinstance(program, Program | None):
        what, remedy = f"{program!r}", "Write Program(criteria=[...], constraints=[...])."
        if isinstance(program, str):
            remedy = f"Write Program.preset({program!r})."
        elif hasattr(program, "columns"):
            what = "a table"
        faults.append(Fault(f"{what} is no program.", "", remedy))
    if not isinstance(options, Options | None):
        faults.append(Fault(f"{options!r} are no options.", "", "Write options=Options(seed=7)."))
    if faults:
        raise ProgramError("the arguments cannot be used", faults)
    return program or Program(), options or Options()


def _end_sentence(headline: str) -> str:
    """Return a headline as a sentence of its own."""
    return headline if headline.endswith((".", "?", "!")) else f"{headline}."
