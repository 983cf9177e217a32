"""Cells of weekly time, read with the words of the school in the same row."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from pairmatch.profiles.columns import STANDARD, fold_header, is_blank
from pairmatch.profiles.days import parse_days
from pairmatch.profiles.members import is_none
from pairmatch.profiles.phrases import is_doubtful, make_windows_parser
from pairmatch.profiles.sheet import CellProblem
from pairmatch.profiles.slips import list_slips
from pairmatch.profiles.spans import cut_windows
from pairmatch.profiles.week import (
    DAY_MINUTES,
    WEEK_MINUTES,
    format_windows,
    merge_windows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.profiles.bells import Schedule
    from pairmatch.profiles.sheet import Sheet
    from pairmatch.profiles.week import Windows

__all__ = ["DAY_WORD", "Asked", "Sort", "TimeCells"]

_TICKS = frozenset(("yes", "y", "x", "1", "1.0", "true", "t", "ok", "\u2713", "\u2714", "\u2611"))
_NO_TICKS = frozenset(("no", "n", "0", "0.0", "false", "f", "\u2717", "\u2718", "\u2610"))
_CAN = frozenset(("available", "free", "i am free", "i am available", "can meet"))
_CANNOT = frozenset(("unavailable", "not available", "busy", "not free", "cannot meet"))

DAY_WORD = r"\b(?:mon|tue|wed|thu|fri|sat|sun|weekday)"
T = TypeVar("T")

Sort: TypeAlias = Literal["days", "windows", "times"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One column of a form: the time its header names, and what a tick in it says."""

    column: int
    header: str
    kind: str  # free, teaching, busy or unavailable
    label: str
    sort: Sort
    days: tuple[int, ...] = ()


class TimeCells:
    """Reads cells with the words of the school in the same row, and remembers what is wrong."""

    def __init__(self, sheet: Sheet, schedule: Schedule) -> None:
        self.sheet = sheet
        self.schedule = schedule
        self.problems: list[CellProblem] = []
        self.doubts: list[str] = []
        self._parsers: dict[tuple[str, tuple[int, ...]], Callable[[str], Windows]] = {}
        position = {fold_header(header): k for k, header in enumerate(sheet.headers)}
        blank = [""] * len(sheet.rows)
        self.schools = sheet.columns[position["school"]] if "school" in position else blank
        self.hours = schedule.vocabulary("").hours
        # Whose words headers may use: those of any school with bells of its own.
        self._labelled = sorted({"", *(bell.school for bell in schedule.bells)})

    def parse(self, text: str, school: str, days: tuple[int, ...] = ()) -> Windows:
        """Read one cell; `days` are meant where none is named."""
        key = school, days
        if key not in self._parsers:
            self._parsers[key] = make_windows_parser(self.schedule.vocabulary(school), days)
        windows = self._parsers[key](text)
        if is_doubtful(text, windows):
            self.doubts.append(text)
        return windows

    def sort_label(self, label: str) -> Sort | None:
        """Return whether a header names days, windows, times of any day, or nothing of these."""
        if re.match(r"\d*$", label):
            return None
        for sort, days in (("days", None), ("windows", ()), ("times", (0, 1, 2, 3, 4))):
            for school in self._labelled:
                try:
                    if days is None:
                        parse_days(label)
                    else:
                        self.parse(label, school, days)
                except ValueError:
                    continue
                if sort == "windows" and not re.search(DAY_WORD, label, re.IGNORECASE):
                    break  # a period without a day: the cells may say which
                self.doubts.clear()
                return sort  # type: ignore[return-value]
        return None

    def rewrite(self, column: int) -> list[str]:
        """Return a column of windows in plain words; what is plain already stays as written."""
        plain = make_windows_parser()

        def write(text: str, school: str) -> str:
            n_doubts = len(self.doubts)
            windows = self.parse(text, school)
            try:
                if plain(text) == windows:
                    del self.doubts[n_doubts:]  # the column itself will be doubted
                    return text
            except ValueError:
                pass
            return format_windows(windows)

        return [text or "" for text in self._each(column, write)]

    def read_denials(self, column: int) -> list[Windows | None]:
        """Read when people are *not* free; None where blank. A day alone is the whole day."""
        week = ((0, WEEK_MINUTES),)

        def read(text: str, school: str) -> Windows:
            if is_none(text):
                return ()
            words = replace(self.schedule.vocabulary(school), hours=week)
            windows = make_windows_parser(words)(f"unavailable: {text}")
            denied = cut_windows(week, windows)
            if is_doubtful(text, denied):
                self.doubts.append(text)
            return denied

        return self._each(column, read)

    def _each(self, column: int, read: Callable[[str, str], T]) -> list[T | None]:
        """Read every cell that is not blank, each distinct one of a school once."""
        memory: dict[tuple[str, str], T | None] = {}
        refused: dict[tuple[str, str], tuple[str, ...]] = {}
        values = []
        for row, key in enumerate(zip(self.sheet.columns[column], self.schools, strict=True)):
            if key not in memory:
                memory[key] = None
                if not is_blank(key[0], STANDARD["free"]):
                    try:
                        memory[key] = read(*key)
                    except ValueError as error:
                        refused[key] = list_slips(error)
            self.problems += [
                CellProblem(row, column, _end_sentence(what)) for what in refused.get(key, ())
            ]
            values.append(memory[key])
        return values

    def makes_sense(self, column: int) -> bool:
        """Return whether at least half of the cells of a column are windows."""
        cells = [
            text for text in self.sheet.columns[column] if not is_blank(text, STANDARD["free"])
        ]
        before = len(self.problems)
        self.read_denials(column)
        n_bad = len({problem.row for problem in self.problems[before:]})
        del self.problems[before:]
        self.doubts.clear()
        return bool(cells) and 2 * n_bad <= len(cells)

    def collect(self, grid: list[Asked]) -> list[Windows | None]:
        """Return what each person ticked, merged; None where the whole grid is blank."""
        found: list[list[tuple[int, int]] | None] = [None] * len(self.sheet.rows)
        for ask in grid:

            def tick(text: str, school: str, ask: Asked = ask) -> Windows:
                return self._tick(text, school, ask)

            for row, windows in enumerate(self._each(ask.column, tick)):
                if windows is not None:
                    found[row] = [*(found[row] or ()), *windows]
        return [None if own is None else merge_windows(own) for own in found]

    def _tick(self, text: str, school: str, ask: Asked) -> Windows:
        """Read one cell of a grid."""
        word = " ".join(text.casefold().split()).rstrip(".;,")
        against = ask.kind in {"unavailable", "busy"}
        if word in _NO_TICKS or is_none(word) or word in (_CAN if against else _CANNOT):
            return ()
        ticked = word in _TICKS or (
            ask.kind != "teaching" and word in (_CANNOT if against else _CAN)
        )
        if ask.sort == "windows":
            if not ticked:
                raise ValueError(f"'{text}' is neither yes nor no")
            return self.parse(ask.label, school)
        if ask.sort == "days":
            if not ticked:
                return self.parse(text, school, ask.days)
            if ask.kind == "unavailable":
                return merge_windows(
                    (day * DAY_MINUTES, (day + 1) * DAY_MINUTES) for day in ask.days
                )
            return self.parse("all day", school, ask.days)
        return self.parse(ask.label, school, () if ticked else parse_days(text))

    def cover(self, grid: list[Asked]) -> Windows | None:
        """Return all the time a grid asks about, if its headers alone say so."""
        if any(ask.sort != "windows" for ask in grid):
            return None
        try:
            schools = sorted(set(self.schools)) or [""]
            return merge_windows(
                window
                for ask in grid
                for school in schools
                for window in self.parse(ask.label, school)
            )
        except ValueError:
            return None

    def deny(self, free: list[str], denied: list[Windows | None], base: Windows) -> list[str]:
        """Return free time (or `base`, where it is blank) without what is denied."""
        rest = []
        for text, own, school in zip(free, denied, self.schools, strict=True):
            try:
                windows = base if not text else self.parse(text, school)
            except ValueError:
                own = None  # named where the column is read
            rest.append(text if own is None else format_windows(cut_windows(windows, own)))
        return rest


def _end_sentence(text: str) -> str:
    """Return a text with a full stop, unless it ends with one or asks."""
    return text if text.endswith((".", "?")) else f"{text}."
