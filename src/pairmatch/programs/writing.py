"""Programs as TOML text: what was given, nothing that is a default, and never with a loss."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime, time
from textwrap import wrap
from typing import Any, get_args, get_origin

from pairmatch.errors import Fault, ProgramError
from pairmatch.programs.earlier import describe_history
from pairmatch.programs.schema import CONSTRAINTS, CRITERIA, field_hints
from pairmatch.programs.words import describe_fields, first_sentence
from pairmatch.scoring import History
from pairmatch.typed import is_number, is_whole

__all__ = ["write_parts"]


class _NoPlaceError(Exception):
    """Something that a file cannot hold; the argument says what."""


def write_parts(parts: Mapping[str, Any], *, comments: bool = False) -> str:
    """Return the parts of a program as TOML.

    Parameters
    ----------
    parts : mapping
        Parts that differ from their defaults, by name.
    comments : bool, default: False
        Whether each table and parameter is followed by what it is for.

    Raises
    ------
    ProgramError
        If something has no place in a file; all such parts at once.
    """
    faults: list[Fault] = []
    lines = []
    for key, part in parts.items():
        if key in ("criteria", "constraints"):
            continue
        try:
            lines.append(f"{key} = {_inline(part)}")
        except _NoPlaceError as error:
            faults.append(Fault(f"{error}.", key))
    for key in ("criteria", "constraints"):
        for value in parts.get(key) or ():
            try:
                lines += ["", f"[[{key}]]", *_table(value, comments=comments)]
            except _NoPlaceError as error:
                faults.append(Fault(f"{error}.", repr(value)))
        if key in parts and parts[key] == ():
            lines.append(f"{key} = []")
    if faults:
        raise ProgramError("the program has no file", faults)
    return "\n".join(lines).lstrip("\n") + "\n"


def _table(value: Any, *, comments: bool) -> list[str]:
    entries = _entries(value)
    kind: Any = type(value)
    said = describe_fields(kind) if comments else {}
    lines = []
    if comments:
        lines += [f"# {line}" for line in _opening(type(value))]
    for key, text in entries.items():
        note = first_sentence(said.get(key, ""))
        line = f"{key} = {text}"
        if note and len(line) + len(note) < 96:
            lines.append(f"{line}  # {note}")
        else:
            lines += [f"# {part}" for part in wrap(f"{key}: {note}", 94)] if note else []
            lines.append(line)
    return lines


def _opening(kind: type) -> list[str]:
    """Return the first sentence of a class, in lines."""
    doc = " ".join((kind.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
    return wrap(doc, 94)


def _entries(value: Any) -> dict[str, str]:
    """Return ``kind`` and the parameters that differ from their defaults, each as TOML."""
    kind: Any = type(value)
    name = str(kind.__name__)
    if (CRITERIA | CONSTRAINTS).get(name) is not kind:
        if hasattr(value, "function"):
            raise _NoPlaceError(
                "a Custom criterion is a function; keep such a program in a Python file"
            )
        raise _NoPlaceError(f"{name} has no place in a file; keep such a program in a Python file")
    entries = {"kind": _text(name)}
    hints = field_hints(kind)
    for entry in fields(value):
        if entry.name not in hints:
            continue
        content = getattr(value, entry.name)
        default = entry.default
        if default is MISSING and entry.default_factory is not MISSING:
            default = entry.default_factory()
        if content is default or (content == default and type(content) is type(default)):
            continue
        if hints[entry.name] is Any and _is_matrix(content):
            raise _NoPlaceError(f"{entry.name} is a matrix; keep such a program in a Python file")
        if isinstance(content, Mapping) or _is_frozen_mapping(hints[entry.name], content):
            entries[entry.name] = _mapping(content, listed=hints[entry.name] is not Any)
        else:
            entries[entry.name] = _inline(content)
    return entries


def _is_frozen_mapping(hint: Any, content: Any) -> bool:
    """Whether a value keeps a mapping as a tuple of its items."""
    meant = any(get_origin(part) in (Mapping, dict) for part in (hint, *get_args(hint)))
    return meant and isinstance(content, tuple)


def _is_matrix(content: Any) -> bool:
    """Whether this has one number for each pair of people."""
    rows = content.values() if isinstance(content, Mapping) else content
    is_table = isinstance(rows, Collection) and not isinstance(rows, str) and bool(rows)
    return is_table and all(
        isinstance(row, Mapping)
        or (isinstance(row, tuple) and all(cell is None or is_number(cell) for cell in row))
        for row in rows
    )


def _mapping(content: Any, *, listed: bool) -> str:
    """Return a mapping as a table, or as a list of entries where the keys are no texts."""
    pairs = content.items() if isinstance(content, Mapping) else content
    rows = [(key, part) for key, part in pairs]
    if all(isinstance(key, str) for key, _ in rows):
        body = ", ".join(f"{_text(key)} = {_inline(part)}" for key, part in rows)
        return f"{{ {body} }}" if body else "{}"
    if not listed:
        raise _NoPlaceError("people are numbered by position here, as in an own matrix; use ids")
    flat = [[*(key if isinstance(key, tuple) else (key,)), part] for key, part in rows]
    return _inline(flat)


def _inline(content: Any) -> str:
    """Return a value on one line."""
    if isinstance(content, bool):
        return "true" if content else "false"
    if is_whole(content):
        return str(int(content))
    if is_number(content):
        return repr(float(content))
    if isinstance(content, str):
        return _text(content)
    if isinstance(content, datetime | date | time):
        return content.isoformat()
    if isinstance(content, History):
        return _mapping(describe_history(content), listed=False)
    if isinstance(content, Mapping):
        return _mapping(content, listed=False)
    if type(content).__name__ in CRITERIA or hasattr(content, "pair_units"):
        body = ", ".join(f"{key} = {text}" for key, text in _entries(content).items())
        return f"{{ {body} }}"
    if isinstance(content, Collection):
        parts = sorted(content) if isinstance(content, set | frozenset) else content
        return f"[{', '.join(_inline(part) for part in parts)}]"
    if content is None:
        raise _NoPlaceError("a blank has no place in a file")
    raise _NoPlaceError(f"{type(content).__name__} has no place in a file")


def _text(text: str) -> str:
    """Return a basic string of TOML."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _NoPlaceError(f"{text!r} is no text that UTF-8 can hold") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
