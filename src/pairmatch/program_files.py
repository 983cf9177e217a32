"""Programs in TOML files: every fault at once, with the line it stands in."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairmatch import constraints, scoring
from pairmatch.errors import Fault, ProgramError, did_you_mean

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["read_parts"]

_CRITERIA = (
    "SubjectMatch",
    "GradeMatch",
    "ExperienceGap",
    "GoalCoverage",
    "StyleFit",
    "CommonTime",
    "SameSchool",
    "Similarity",
    "Closeness",
    "Wishes",
)
_CONSTRAINTS = (
    "Load",
    "Meetings",
    "Minutes",
    "Pin",
    "Forbid",
    "EvaluatorPairs",
    "Require",
    "MinScore",
    "Quota",
    "Tiers",
    "Vetoes",
)
_PARTS = ("criteria", "constraints", "objective", "size", "leftovers", "roles", "rounds")


def read_parts(path: str | PathLike[str]) -> dict[str, Any]:
    """Read the parts of a program from a TOML file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    dict
        Arguments for ``Program``.

    Raises
    ------
    ProgramError
        If the file cannot be read or any key or value in it is wrong; all at once.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProgramError(f"{file.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProgramError(f"{file.name} is not UTF-8 text") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProgramError(f"{file.name} is not valid TOML: {error}") from None
    reader = _Reader(text.splitlines())
    parts = reader.parts(content)
    if reader.faults:
        raise ProgramError(f"{file.name} cannot be used", reader.faults)
    return parts


class _Reader:
    """Turns tables into values and gathers what is wrong on the way."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.faults: list[Fault] = []

    def parts(self, content: dict[str, Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for key, part in content.items():
            if key not in _PARTS:
                where = self.line_of(key, 0)
                self.faults.append(Fault(f"{key!r} is unknown.{did_you_mean(key, _PARTS)}", where))
            elif key == "criteria":
                parts[key] = self.values(key, part, _CRITERIA, scoring)
            elif key == "constraints":
                parts[key] = self.values(key, part, _CONSTRAINTS, constraints)
            else:
                parts[key] = part
        return parts

    def values(self, key: str, tables: Any, kinds: tuple[str, ...], room: Any) -> list[Any]:
        if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
            what = f"write each of the {key} as a table [[{key}]]."
            self.faults.append(Fault(what, self.line_of(key, 0)))
            return []
        starts = [n for n, line in enumerate(self.lines) if line.strip() == f"[[{key}]]"]
        starts += [0] * (len(tables) - len(starts))
        made = [
            self.value(table, kinds, room, start)
            for table, start in zip(tables, starts, strict=False)
        ]
        return [value for value in made if value is not None]

    def value(self, table: dict[str, Any], kinds: tuple[str, ...], room: Any, start: int) -> Any:
        where = f"line {start + 1}"
        kind = table.get("kind")
        if kind not in kinds:
            what = "kind is missing." if kind is None else f"kind {kind!r} is unknown."
            self.faults.append(Fault(f"{what}{did_you_mean(str(kind), kinds)}", where))
            return None
        maker = getattr(room, str(kind))
        known = [field.name for field in fields(maker) if field.init]
        arguments = {}
        for key, content in table.items():
            if key == "kind":
                continue
            if key not in known:
                what = f"{kind} has no parameter {key!r}.{did_you_mean(key, known)}"
                self.faults.append(Fault(what, self.line_of(key, start)))
            elif key in ("criterion", "levels"):
                arguments[key] = self.nested(content, start)
            else:
                arguments[key] = content
        n_before = len(self.faults)
        try:
            return maker(**arguments)
        except ProgramError as error:
            self.faults += [Fault(fault.what, where, fault.remedy) for fault in error.faults]
        except TypeError as error:
            self.faults.append(Fault(f"{kind}: {str(error).split('() ')[-1]}.", where))
        if len(self.faults) == n_before:
            self.faults.append(Fault(f"{kind} cannot be made.", where))
        return None

    def nested(self, content: Any, start: int) -> Any:
        """Return criteria inside a constraint, in whatever lists they stand."""
        if isinstance(content, list):
            return [self.nested(part, start) for part in content]
        if isinstance(content, dict):
            return self.value(content, _CRITERIA, scoring, start)
        return content

    def line_of(self, key: str, start: int) -> str:
        for number, line in enumerate(self.lines[start:], start + 1):
            if line.lstrip(" [").startswith(key):
                return f"line {number}"
        return f"line {start + 1}"
