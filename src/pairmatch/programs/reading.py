"""Programs in TOML files: every fault at once, with the line it stands in."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.programs.positions import find_lines
from pairmatch.programs.schema import CONSTRAINTS, CRITERIA, field_hints, file_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import TextIO

__all__ = ["read_parts"]

_PARTS = (
    "criteria", "constraints", "objective", "size", "leftovers", "roles", "rounds", "meet_at_most"
)  # fmt: skip
_PLAIN = _PARTS[2:]
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "date_type": "a date",
    "model_type": 'a table such as { kind = "SubjectMatch" }',
    "model_attributes_type": 'a table such as { kind = "SubjectMatch" }',
    "too_long": "fewer values",
    "missing": "more values",
}


def read_parts(
    source: str | PathLike[str] | TextIO, check: Callable[..., object]
) -> dict[str, Any]:
    """Read the parts of a program from a TOML file.

    Parameters
    ----------
    source : path-like or text stream
        The file.
    check : callable
        Called with the parts by name; its ``ProgramError`` is told with the line of the part.

    Returns
    -------
    dict
        Arguments for ``Program``.

    Raises
    ------
    ProgramError
        If the file cannot be read or any key or value in it is wrong; all at once.
    """
    from pydantic import ValidationError

    name, text = _read_text(source)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProgramError(f"{name} is not valid TOML: {error}") from None
    faults: dict[Fault, None] = {}
    teller = _Teller(content, find_lines(text))
    parts: dict[str, Any] = {}
    try:
        folder = None if hasattr(source, "read") else Path(source).parent
        model = file_model().model_validate(content, context={"folder": folder})
        parts = {key: getattr(model, f"a_{key}") for key in _PARTS if key in content}
    except ValidationError as error:
        faults |= dict.fromkeys(teller.faults(error.errors(include_url=False)))
        wrong = {step["loc"][0] for step in error.errors(include_url=False)}
        parts = {key: _frozen(content[key]) for key in _PLAIN if key in content.keys() - wrong}
    try:
        check(**parts)
    except ProgramError as error:
        faults |= dict.fromkeys(teller.own_faults(error, ()))
    if faults:
        ordered = sorted(faults, key=lambda fault: int(fault.where.split()[-1]))
        raise ProgramError(f"{name} cannot be used", ordered)
    return parts


def _read_text(source: Any) -> tuple[str, str]:
    if hasattr(source, "read"):
        return getattr(source, "name", "the program"), source.read().removeprefix("\ufeff")
    file = Path(source)
    try:
        return file.name, file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        what = "'pairmatch programs NAME > my.toml' writes a ready-made program to a file."
        raise ProgramError(f"there is no program file {file}", [Fault(what)]) from None
    except OSError as error:
        raise ProgramError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProgramError(f"{file.name} is not UTF-8 text") from None


def _frozen(content: Any) -> Any:
    return tuple(content) if isinstance(content, list) else content


class _Teller:
    """Turns what pydantic found into sentences with lines."""

    def __init__(self, content: dict[str, Any], lines: dict[tuple[str | int, ...], int]) -> None:
        self.content = content
        self.lines = lines

    def where(self, path: tuple[str | int, ...]) -> str:
        """Return the line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"line {self.lines.get(path, 1)}"

    def place(self, loc: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
        """Return the path in the file that a place in pydantic's words stands for."""
        path: tuple[str | int, ...] = ()
        here: Any = self.content
        for step in loc:
            is_key = isinstance(here, dict) and step in here
            is_row = isinstance(here, list) and isinstance(step, int) and step < len(here)
            if is_key or is_row:
                path, here = (*path, step), here[step]
        return path, here

    def faults(self, errors: list[Any]) -> list[Fault]:
        found: list[Fault] = []
        wrong: dict[tuple[str | int, ...], list[Any]] = {}
        for error in errors:
            path, here = self.place(error["loc"])
            if error["type"] == "value_error" and isinstance(error["ctx"]["error"], ProgramError):
                found += self.own_faults(error["ctx"]["error"], path)
            elif error["type"] == "extra_forbidden":
                found.append(self.stranger(path))
            elif error["type"] in ("union_tag_invalid", "union_tag_not_found"):
                found.append(self.kind_fault(path, here))
            elif error["type"] == "missing" and isinstance(here, dict):
                what = f"{self.kind_at(path)} needs {error['loc'][-1]!r}."
                found.append(Fault(what, self.where(path)))
            else:
                wrong.setdefault(path, []).append(error)
        return found + [self.type_fault(path, some) for path, some in wrong.items()]

    def kind_at(self, path: tuple[str | int, ...]) -> str:
        here: Any = self.content
        for step in path:
            here = here[step]
        return str(here.get("kind", "this table")) if isinstance(here, dict) else "this table"

    def stranger(self, path: tuple[str | int, ...]) -> Fault:
        """Return the fault of a key that nobody knows."""
        key = str(path[-1])
        if len(path) == 1:
            return Fault(f"{key!r} is unknown.{did_you_mean(key, _PARTS)}", self.where(path))
        kind = self.kind_at(path[:-1])
        known = ["kind", *field_hints((CRITERIA | CONSTRAINTS)[kind])]
        what = f"{kind} has no parameter {key!r}.{did_you_mean(key, known)}"
        return Fault(what, self.where(path))

    def kind_fault(self, path: tuple[str | int, ...], table: Any) -> Fault:
        """Return the fault of a table that does not say what it is."""
        kinds = CONSTRAINTS if path[0] == "constraints" and len(path) == 2 else CRITERIA
        if not isinstance(table, dict):
            remedy = 'Write a table such as { kind = "SubjectMatch" }.'
            return Fault(f"{table!r} is no criterion.", self.where(path), remedy)
        if "kind" in table:
            near = did_you_mean(str(table["kind"]), kinds)
            what = f"kind {table['kind']!r} is unknown.{near}"
            if table["kind"] == "Custom":
                what = "a Custom criterion is a function and has no place in a file."
            return Fault(what, self.where((*path, "kind")))
        for key in table:
            if did_you_mean(str(key), ["kind"]).startswith(" Did you"):
                return Fault(f"{key!r} is unknown. Did you mean 'kind'?", self.where((*path, key)))
        return Fault(f"kind is missing.{did_you_mean('', kinds)}", self.where(path))

    def own_faults(self, error: ProgramError, path: tuple[str | int, ...]) -> list[Fault]:
        """Return what a value found wrong with itself, each in the line of its parameter."""
        here: Any = self.content
        for step in path:
            here = here[step]
        keys = sorted(here, key=len, reverse=True) if isinstance(here, dict) else []
        found = []
        for fault in error.faults or (Fault(error.headline),):
            at = f"{fault.where} {fault.what}".strip()
            key = next((key for key in keys if at.startswith((f"{key} ", f"{key},"))), None)
            told = "" if not path or fault.what.startswith(str(key)) else f"{fault.where}: "
            what = f"{told if fault.where else ''}{fault.what}"
            if path:
                what = f"{self.kind_at(path)}: {what}"
            line = self.where(path if key is None else (*path, key))
            found.append(Fault(what, line, fault.remedy))
        return found

    def type_fault(self, path: tuple[str | int, ...], errors: list[Any]) -> Fault:
        """Return one sentence about a value of the wrong type, whatever could have stood there."""
        here: Any = self.content
        for step in path:
            here = here[step]
        if path in (("criteria",), ("constraints",)):
            what = f"write each of the {path[0]} as a table [[{path[0]}]]."
            return Fault(what, self.where(path))
        named = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        wanted = []
        for error in errors:
            words = error.get("ctx", {}).get("expected")
            said = error["msg"].removeprefix("Value error, ")
            wanted.append(_EXPECTED.get(error["type"]) or words or said)
        if "a number" in wanted:
            wanted = [words for words in wanted if words != "a whole number"]
        *most, last = dict.fromkeys(wanted)
        expected = f"{', '.join(most)} or {last}" if most else last
        near = ""
        if isinstance(here, str) and errors[0]["type"] == "literal_error":
            near = did_you_mean(here, [word.strip("'") for word in _split(wanted[0])])
            near = near if near.startswith(" Did you") else ""
        return Fault(f"{named} is {here!r}, expected {expected}.{near}", self.where(path))


def _split(words: str) -> list[str]:
    return words.replace(" or ", ", ").split(", ")
