"""Plans as files: CSV, JSON, and a folder of both."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairmatch.disk import check_folder, has_file, make_folder, remove_file, write_together
from pairmatch.errors import Fault, PairmatchError
from pairmatch.profiles.formulas import guard_formula

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from os import PathLike

    import pandas as pd

__all__ = [
    "check_target",
    "clear_folder",
    "dump_csv",
    "dump_json",
    "versions",
    "write_folder",
]

# Left by an earlier plan of another kind, what only some plans have would speak of that one.
_OURS = (
    *("pairs.csv", "reasons.csv", "loads.csv", "partly_served.csv", "groups.csv", "rotations.csv"),
    *("timetable.csv", "time_pressure.csv", "audit.csv", "moved.csv", "unmatched.csv"),
    *("summary.txt", "plan.json", "program.toml"),
)


def versions() -> dict[str, str]:
    """Return the versions on which the bytes of a plan depend."""
    names = {"pairmatch": "pairmatch-mentoring", "numpy": "numpy", "scipy": "scipy"}
    names["ortools"] = "ortools"
    found = {}
    for name, distribution in names.items():
        try:
            found[name] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def dump_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV text in which no text is a formula for a spreadsheet.

    Text such as ``=SUM(A1)`` or ``@import`` gets an apostrophe in front (`guard_formula`), which
    `pairmatch.read_profiles` takes off again; numbers stay numbers.
    """
    safe = frame.rename(columns=guard_formula)
    for k, (_, values) in enumerate(safe.items()):
        if any(type(value) is str and guard_formula(value) != value for value in values):
            safe.isetitem(k, [guard_formula(value) for value in values])
    return safe.to_csv(index=False)


def dump_json(record: Mapping[str, Any]) -> str:
    """Return a record as JSON text, the same bytes for the same content."""
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_folder(
    folder: str | PathLike[str],
    frames: Mapping[str, pd.DataFrame],
    summary: str,
    record: str,
    program: str | None,
) -> None:
    """Write the files of one plan into a folder, which is made if need be.

    Files that an earlier plan left there and this one does not have are removed.

    Raises
    ------
    PairmatchError
        If the folder cannot be made or written, or holds a program that no plan has written.
    """
    _refuse_to_overwrite(folder)
    had_plan = has_file(Path(folder) / "plan.json")
    target = make_folder(folder)
    texts = {f"{name}.csv": dump_csv(frame) for name, frame in frames.items()}
    texts |= {"summary.txt": summary + "\n", "plan.json": record}
    if program is not None:
        texts["program.toml"] = program
    write_together(target, texts)
    if had_plan:
        clear_folder(target, kept=texts)


def check_target(folder: str | PathLike[str] | None) -> None:
    """Find out before the work whether a plan can be written into a folder, if into any.

    Raises
    ------
    PairmatchError
        As for :func:`write_folder`.
    """
    if folder is not None:
        check_folder(folder)
        _refuse_to_overwrite(folder)


def _refuse_to_overwrite(folder: str | PathLike[str]) -> None:
    """Raise if a folder holds a program file that is no plan's: somebody has written it by hand."""
    file = Path(folder) / "program.toml"
    if has_file(file) and not has_file(Path(folder) / "plan.json"):
        what = f"{file} is of no plan, and would be overwritten."
        remedy = "Choose another folder for the plan, or another name for the file."
        raise PairmatchError("the plan cannot be written", [Fault(what, "", remedy)])


def clear_folder(folder: str | PathLike[str], kept: Container[str] = ()) -> None:
    """Remove what a plan has written into a folder, but for some files; nobody else's files.

    Raises
    ------
    PairmatchError
        If a file cannot be removed.
    """
    for name in _OURS:
        if name not in kept:
            remove_file(Path(folder) / name)
