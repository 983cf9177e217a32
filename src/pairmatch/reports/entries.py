"""Lines of a timetable as values: who meets when, and what it is called."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProgramError
from pairmatch.profiles.week import DAYS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    import pandas as pd

__all__ = ["Entry", "clean_line", "list_entries", "split_people"]

_NEEDED = ("kind", "people", "day", "start", "end")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
# Control characters, and what some programs take for the end of a line.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
_WORDS = {"meeting": "Meeting", "observation": "Observation", "conference": "Conference"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timetable.

    Parameters
    ----------
    kind : str
        ``"meeting"``, ``"observation"`` or ``"conference"``.
    people : tuple of str
        Ids of all who take part.
    day, start, end : int
        Day (0 is Monday) and minutes of the day; -1 where no time is known.
    week : int or None
        Week of the term (1 is the first) of what happens once; None for every week.
    title, detail : str
        What it is called, in one line each; free of control characters.
    identity : str
        What stays the same when the plan is made again and only the time changes.
    """

    kind: str
    people: tuple[str, ...]
    day: int
    start: int
    end: int
    week: int | None
    title: str
    detail: str
    identity: str

    @property
    def clock(self) -> str:
        """Start and end as text; blank where no time is known."""
        if self.day < 0:
            return ""
        return f"{_write(self.start)}-{_write(self.end)}"


def clean_line(text: object) -> str:
    r"""Return text in one line, without control characters.

    Examples
    --------
    >>> clean_line("Ana\r\nBEGIN:VEVENT")
    'Ana BEGIN:VEVENT'
    """
    return " ".join(_CONTROL.sub(" ", str(text)).split())


def list_entries(
    timetable: pd.DataFrame,
    names: Mapping[Any, str] | None = None,
    ids: Iterable[Any] = (),
) -> list[Entry]:
    """Read a timetable, one entry a row, in the order of the rows.

    Parameters
    ----------
    timetable : DataFrame
        With ``kind, people, day, start, end`` and, where there are, ``mentee, mentor, group,
        observer, observed, week, modality``, as ``plan.timetable()`` returns it.
    names : mapping, optional
        Id to the name that is shown instead of it.
    ids : iterable, optional
        Everybody's id; needed where ids hold a semicolon.

    Raises
    ------
    ProgramError
        If columns are missing or a row has no time, with every such row.
    """
    missing = [name for name in _NEEDED if name not in timetable.columns]
    if missing:
        raise ProgramError(
            f"this is no timetable: it lacks {', '.join(missing)}",
            [Fault("expected the frame that plan.timetable() returns.")],
        )
    known = {str(key): clean_line(name) for key, name in (names or {}).items()}
    everybody = {str(key) for key in ids}
    entries: list[Entry] = []
    faults: list[Fault] = []
    seen: Counter[str] = Counter()
    for number, row in enumerate(timetable.to_dict("records")):
        day = str(row["day"])
        start, end = _read(row["start"]), _read(row["end"])
        week = _week(row.get("week"))
        timeless = not _text(row["day"]) and not _text(row["start"])
        if timeless:  # somebody's free time is unknown: the people must find a time themselves
            day, start, end = "", -1, -1
        elif day not in DAYS or start is None or end is None or start >= end or week == 0:
            faults.append(
                Fault(
                    f"{day} {row['start']}-{row['end']} is no time of a meeting.",
                    f"row {number} of the timetable",
                    "Expected a day Mon to Sun, start and end as HH:MM, a week from 1 or blank.",
                )
            )
            continue
        people = _people(row, everybody)
        shown = [known.get(person) or clean_line(person) for person in people]
        kind = str(row["kind"])
        title = f"{_WORDS.get(kind, clean_line(kind).title())}: {', '.join(shown)}"
        watcher, watched = _text(row.get("observer")), _text(row.get("observed"))
        if kind == "observation" and watcher:
            title = (
                f"Observation: {known.get(watcher) or clean_line(watcher)} observes "
                f"{known.get(watched) or clean_line(watched)}"
            )
        parts = [f"{word} {clean_line(value)}" for word in ("group", "mentee", "mentor")
                 if (value := _text(row.get(word)))]  # fmt: skip
        parts += [clean_line(_text(row.get("modality"))).replace("_", " ")]
        key = "|".join([kind, *(people if watcher else sorted(people)), watcher, watched])
        seen[key] += 1
        entries.append(
            Entry(
                kind,
                people,
                -1 if timeless else DAYS.index(day),
                start,
                end,
                week,
                title,
                "; ".join(filter(None, parts)),
                f"{key}|{seen[key]}",
            )
        )
    if faults:
        raise ProgramError("the timetable cannot be used", faults)
    return entries


def split_people(text: str, ids: Container[str]) -> list[str]:
    """Return the people of a meeting from their ids joined by ";", which an id may hold, too.

    Examples
    --------
    >>> split_people("T;1;b", {"T;1", "b"}), split_people("a; b", set())
    (['T;1', 'b'], ['a', 'b'])
    """
    parts = text.split(";")

    def read(start: int) -> list[str] | None:
        if start == len(parts):
            return []
        for end in range(start + 1, len(parts) + 1):
            person = ";".join(parts[start:end])
            if person in ids and (rest := read(end)) is not None:
                return [person, *rest]
        return None

    found = read(0)
    return [part.strip() for part in parts if part.strip()] if found is None else found


def _people(row: dict[Any, Any], ids: Container[str]) -> tuple[str, ...]:
    """Return the ids of all who take part."""
    for columns in (("mentee", "mentor"), ("observer", "observed")):
        found = [_text(row.get(column)) for column in columns]
        if all(found):
            return tuple(dict.fromkeys(found))
    return tuple(dict.fromkeys(split_people(_text(row["people"]), ids)))


def _text(value: Any) -> str:
    """Return a cell as text, blank if it is missing."""
    return "" if value is None or value != value else str(value).strip()


def _week(value: Any) -> int | None:
    """Return a week of the term, None where blank, 0 where it is none."""
    text = _text(value).removesuffix(".0")
    if text in {"", "<NA>", "NaT"}:
        return None
    return int(text) if text.isdecimal() else 0


def _read(value: Any) -> int | None:
    """Return the minute of the day."""
    match = _CLOCK.fullmatch(str(value))
    minute = int(match[1]) * 60 + int(match[2]) if match else None
    return minute if minute is not None and minute <= 1440 else None


def _write(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
