"""Earlier cycles in a program file: tables beside the file, or every pair and group in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.disk import has_file, has_folder
from pairmatch.errors import Fault, ProfileError
from pairmatch.profiles.records import read_records
from pairmatch.scoring import History, read_history
from pairmatch.typed import is_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["HISTORY_SCHEMA", "add_earlier", "describe_history", "make_history"]

_COLUMNS = ("cycle", "mentee", "mentor", "group", "id", "round")
_KEYS = ("pairs", "groups", "left_out", "last_cycle")

HISTORY_SCHEMA: Mapping[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "properties": {
                "pairs": {"type": "array", "items": {"type": "array"}},
                "groups": {"type": "array", "items": {"type": "array"}},
                "left_out": {"type": "array", "items": {"type": "array"}},
                "last_cycle": {"type": "integer"},
            },
            "additionalProperties": False,
        },
    ],
    "description": "Earlier plans or tables, oldest first, relative to this file; or all of them.",
}
"""What an editor may expect of a history."""


def make_history(content: Any, folder: Path) -> History:
    """Return what a file says of earlier cycles.

    Parameters
    ----------
    content : str, list of str, or dict
        Names of files or plan folders, oldest first, relative to ``folder``: tables with a column
        ``cycle``, or pairs and groups of one cycle each. Or ``pairs``, ``groups``, ``left_out``
        and ``last_cycle`` as :class:`History` has them.
    folder : Path
        Where the program file is.

    Raises
    ------
    ValueError
        If this is none of these, or a file cannot be used; the message ends a sentence that
        begins with "expected".
    """
    names = [content] if isinstance(content, str) else content
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        history = History()
        for name in names:
            try:
                history = add_earlier(history, folder / name)
            except ProfileError as error:
                first = f": {error.faults[0]}" if error.faults else ""
                raise ValueError(f"a table of earlier cycles ({error.headline}{first})") from None
        return history
    if not isinstance(content, dict):
        raise ValueError('a file such as "autumn.csv", a list of files, or a table of pairs')
    for key in content:
        if key not in _KEYS:
            raise ValueError(f"the keys {', '.join(_KEYS)}, not {key!r}")
    parts: dict[str, Any] = {}
    for key, shape in (
        ("pairs", (_is_cycle, _is_id, _is_id)),
        ("groups", (_is_cycle, _is_group)),
        ("left_out", (_is_cycle, _is_id)),
    ):
        rows = content.get(key, [])
        for row in rows if isinstance(rows, list) else [rows]:
            fits = isinstance(row, list) and len(row) == len(shape)
            if not fits or not all(fit(x) for fit, x in zip(shape, row, strict=True)):
                example = {"pairs": '[1, "T-1", "M-1"]', "groups": '[1, ["a", "b"]]'}
                wanted = example.get(key, '[1, "T-1"]')
                raise ValueError(f"in {key} rows such as {wanted}, not {row!r}")
        parts[key] = tuple(tuple(row) for row in rows)
    last = content.get("last_cycle")
    if last is not None and not _is_cycle(last):
        raise ValueError(f"a whole number >= 0 as last_cycle, not {last!r}")
    return History(**parts, last_cycle=last)


def describe_history(history: History) -> dict[str, Any]:
    """Return what :func:`make_history` reads back to an equal value."""
    named = [row[0] for rows in (history.pairs, history.groups, history.left_out) for row in rows]
    parts = {key: getattr(history, key) for key in _KEYS[:3] if getattr(history, key)}
    if history.last_cycle is not None and history.last_cycle != max(named, default=None):
        parts["last_cycle"] = history.last_cycle
    return parts


def add_earlier(history: History, path: Path) -> History:
    """Return a history with a table of cycles, or with one plan as the next cycle.

    Parameters
    ----------
    history : History
        What is known.
    path : Path
        The folder of a plan, its ``pairs.csv`` or ``groups.csv``, or a table with the column
        ``cycle``.

    Raises
    ------
    ProfileError
        If there is no plan in the folder, or the table cannot be understood.
    """
    left_out: list[tuple[int, str]] = []
    if has_folder(path):
        home, rest = path, path / "unmatched.csv"
        path = home / ("pairs.csv" if has_file(home / "pairs.csv") else "groups.csv")
        if not has_file(path):
            what = "expected the folder of a plan, with pairs.csv or groups.csv in it."
            raise ProfileError(f"there is no plan in {home}", [Fault(what)])
        if has_file(rest):
            table = read_records(rest, ("id",), key="id")
            left_out = [(history.next_cycle, table.cell(k, "id")) for k in range(len(table))]
    table = read_records(path, _COLUMNS, key="cycle")
    if "cycle" in table:
        told = read_history(path)
    else:
        import pandas as pd

        frame = pd.DataFrame(dict(table.cells))
        try:
            told = read_history(frame.assign(cycle=str(history.next_cycle)))
        except ProfileError as error:
            headline = f"{path.name} cannot be used as a history"
            raise ProfileError(headline, error.faults) from None
    return History(
        (*history.pairs, *told.pairs),
        (*history.groups, *told.groups),
        (*history.left_out, *told.left_out, *left_out),
        max(history.next_cycle, told.next_cycle) - 1,
    )


def _is_cycle(number: object) -> bool:
    return is_whole(number) and number >= 0  # type: ignore[operator]


def _is_id(text: object) -> bool:
    return isinstance(text, str)


def _is_group(members: object) -> bool:
    return isinstance(members, list) and all(map(_is_id, members))
