"""Weekly windows as people write them: days, then times, periods or whole days."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from pairmatch.profiles.clock import parse_span, parse_time
from pairmatch.profiles.days import DAY_OF, parse_days, say_no_day
from pairmatch.profiles.members import is_none, unify_dashes
from pairmatch.profiles.slips import list_slips, raise_slips
from pairmatch.profiles.spans import common_windows, cut_windows
from pairmatch.profiles.vocabulary import PLAIN
from pairmatch.profiles.week import (
    DAY_MINUTES,
    DAYS,
    merge_windows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.profiles.vocabulary import DaySpans, Vocabulary
    from pairmatch.profiles.week import Windows

__all__ = ["is_doubtful", "make_windows_parser", "parse_windows"]

_DAY = rf"(?:{'|'.join(sorted(DAY_OF, key=len, reverse=True))})\.?"
_JOIN = r"(?:\s*[-/&+]\s*|\s+(?:to|thru|through|and)\s+|\s+)"
_HEAD = re.compile(
    rf"(?:(?:on|every)\s+)?(?P<days>{_DAY}(?:{_JOIN}{_DAY})*)(?![^\s:,(\d])[\s:,]*", re.IGNORECASE
)
_BETWEEN = re.compile(r"\bbetween\s+([^,]*?\d[^,]*?)\s+and\s+(?=\d|noon)()", re.IGNORECASE)
_COMMA = re.compile(r",|(?<=[\dm])\s+and\s+(?=\d|noon\b)", re.IGNORECASE)
_LEAD = re.compile(r"(?:from|at|during|between)\s+(?=\S)", re.IGNORECASE)
_BRACKETED = re.compile(r"(?P<label>[^()]*)\((?P<inside>[^()]*)\)")
_DOUBTS = frozenset(("not", "no", "maybe", "if", "only", "sometimes", "except", "or", "unless"))
_OPEN = re.compile(
    r"(?P<side>after|before|until|till)\s+(?P<time>.+)|from\s+(?P<onwards>.+?)(?:\s+on(?:wards?)?)?",
    re.IGNORECASE,
)
_WHOLE = frozenset(("all day", "any time", "anytime", "always", "whole day", "the whole day"))
_NOT_AT_ALL = re.compile(
    r"(?:unavailable|not available|not free|busy|cannot(?: meet)?|can't(?: meet)?|can not(?: meet)?"
    r"|(?:(?:any ?time|always|all|all week|everything),?\s+)?(?:except|but not))"
    r"\b(?:\s+(?:on|for|at))?\s*:?\s*(?=\S)",
    re.IGNORECASE,
)
_NOT = re.compile(r"not(?:\s+on)?\s*:?\s+(?=\S)", re.IGNORECASE)
_PERIOD_LIST = re.compile(r"\s*(?:[/&+]|\band\b)\s*", re.IGNORECASE)
_PERIOD_RANGE = re.compile(r"\s*-\s*|\s+(?:to|thru|through)\s+", re.IGNORECASE)
_BARE_EARLY = re.compile(r"(?<![\d:.])[1-5](?:[:.]\d\d)?\s*(?:-|to\b|until\b|till\b)")

_TIMES_LIKE = re.compile(r"\d+(?!\d*(?:st|nd|rd|th)\b)|noon\b|midnight\b", re.IGNORECASE)

_EXAMPLE = "expected a window such as Mon 07:30-08:15"
_HOURS = (
    "say when people may meet at all: Schedule(hours='Mon-Fri 07:30-16:30'), on the command line "
    "--hours 'Mon-Fri 07:30-16:30'"
)

_Span: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class _Part:
    """What stands between two separators: windows, and whether days were named."""

    windows: list[_Span] = field(default_factory=list)
    daily: str = ""  # the first period without a day
    dated: bool = False
    negative: bool = False


def parse_windows(text: str) -> Windows:
    """Read weekly windows as people write them.

    Parameters
    ----------
    text : str
        Windows such as ``Mon 07:30-08:15``, separated by ``;``, ``,`` or line breaks. Days are
        English names, full or short, in any case, alone, as a range (``Mon-Fri 15:30-16:30``), as
        ``weekdays`` or as a list (``Mon, Wed 07:30-08:15``); after a comma a window without a day
        repeats the day before it. Times are ``8:00``, ``08.00``, ``8``, ``2:30 pm``, ``noon`` or
        ``midnight``; ``am`` or ``pm`` on one side counts for both. ``24:00`` is the end of a day
        only. ``not`` takes a window away from those before it (``Mon-Fri 8-9; not Wed 8-9``). The
        words ``none`` and ``-`` stand for no window at all.

    Returns
    -------
    tuple of (int, int)
        Start and end in minutes of the week, half-open, sorted; overlapping and adjacent windows
        are one.

    Raises
    ------
    ValueError
        If the text is not a list of windows; the message says what was expected.

    Notes
    -----
    What only a `Schedule` can know is refused here with that advice: names of periods, slots named
    by their start, whole days, and what is said by its opposite (``unavailable Mon 8-9``).

    Examples
    --------
    >>> parse_windows("Mon 07:30-08:15; Wed 3:30-4:30 pm")
    ((450, 495), (3810, 3870))
    >>> parse_windows("tuesday 08.00 to noon, 12:00-13:00")
    ((1920, 2220),)
    >>> parse_windows("Mon 25:00-26:00")
    Traceback (most recent call last):
    ValueError: '25:00' is no time of day; expected 00:00 to 24:00
    """
    return make_windows_parser()(text)


def make_windows_parser(
    words: Vocabulary = PLAIN, days: tuple[int, ...] = ()
) -> Callable[[str], Windows]:
    """Return `parse_windows` with a memory of its own, for many texts of one table.

    The windows of a school's timetable repeat; each distinct one is read once.

    Parameters
    ----------
    words : Vocabulary, optional
        Periods, hours and slots of the school.
    days : tuple of int, optional
        The days that are meant where none is named (the column of a form says which).
    """
    memory: dict[tuple[str, bool], _Part] = {}
    windows: dict[_Span, _Span] = {}

    def parse(text: str) -> Windows:
        if is_none(text):
            return ()
        text = unify_dashes(text).strip()
        whole = _NOT_AT_ALL.match(text)
        parts: list[_Part] = []
        slips: list[str] = []
        for piece in re.split(r"[;\r\n]", text[whole.end() :] if whole else text):
            key = piece, whole is not None
            part = memory.get(key)
            try:
                if part is None and words is PLAIN and not days:
                    part = _read_plain(*key)
                elif part is None:
                    part = _read_part(piece, words, days, whole is not None)
            except ValueError as error:
                slips += list_slips(error)
                continue
            memory[key] = part
            parts.append(part)
        raise_slips(slips)
        found = _combine(parts, words, negative=whole is not None)
        return tuple([windows.setdefault(window, window) for window in found])  # few, shared

    return parse


@lru_cache(maxsize=2**13)
def _read_plain(text: str, negative: bool) -> _Part:
    """Read a piece in plain words; a few people who join repeat what others have written."""
    return _read_part(text, PLAIN, (), negative)


def _combine(parts: list[_Part], words: Vocabulary, *, negative: bool) -> Windows:
    """Add what is free, take away what is not."""
    daily = next((part.daily for part in parts if part.daily), "")
    if daily and any(part.dated for part in parts):
        raise ValueError(f"'{daily}' names no day; expected one such as Mon {daily}")
    signs = [part.negative for part in parts if part.windows]
    free = [window for part in parts if not part.negative for window in part.windows]
    taken = [window for part in parts if part.negative for window in part.windows]
    if negative and any(signs):
        raise ValueError("the cell says 'not' twice; write each window once, with or without 'not'")
    if not negative and not any(signs):
        return merge_windows(free)
    if negative:
        free, taken = [], free
    elif free and signs[0]:
        raise ValueError(
            "the cell can be read in two ways; write the windows first and those with 'not' after "
            "them, or 'unavailable:' before all of them"
        )
    if free:
        return cut_windows(free, taken)
    if words.hours is None:
        raise ValueError(f"the cell says when this person is not available, so {_HOURS}")
    return cut_windows(words.hours, taken)


def _read_part(text: str, words: Vocabulary, given: tuple[int, ...], negative: bool) -> _Part:
    """Read what stands between two semicolons: windows and days with commas."""
    part = _Part()
    opening = _NOT.match(text.strip())
    if opening:
        part.negative = True
        text = text.strip()[opening.end() :]
    waiting: tuple[int, ...] = ()  # days of a list whose time has not come yet
    before = given  # days of the window just read
    text = _BETWEEN.sub(r"\1-\2", text)
    for piece in filter(None, map(str.strip, _COMMA.split(text))):
        days, rest = _split_days(piece)
        part.dated |= bool(days)
        waiting += days
        if not rest:
            continue
        before, waiting = waiting or before, ()
        spans = _read_rest(rest, piece, words, dated=bool(before))
        if not before and not isinstance(spans, dict):
            raise ValueError(f"'{piece}' names no day; {_EXAMPLE}")
        if isinstance(spans, dict):
            if not before:
                part.daily = part.daily or piece
            if len(before) == 1 and before[0] not in spans:
                raise ValueError(words.miss(rest, before[0]))
            chosen = [day for day in before or sorted(spans) if day in spans]
            if not chosen:
                raise ValueError(words.miss(rest, before[0]))
            for day in chosen:
                part.windows += [_on(day, span) for span in spans[day]]
        elif isinstance(spans, tuple):
            part.windows += [_on(day, spans) for day in before]
        else:
            part.windows += [window for day in before for window in spans(day)]
    if waiting and not (negative or part.negative):
        raise ValueError(f"'{DAYS[waiting[-1]]}' has no time; {_EXAMPLE}")
    part.windows += [_on(day, (0, DAY_MINUTES)) for day in waiting]
    return part


def _on(day: int, span: _Span) -> _Span:
    """Return minutes of a day as minutes of the week."""
    return day * DAY_MINUTES + span[0], day * DAY_MINUTES + span[1]


def _split_days(piece: str) -> tuple[tuple[int, ...], str]:
    """Return the days at the beginning of a piece, and the rest."""
    head = _HEAD.match(piece)
    if head is None:
        return (), piece
    return parse_days(head["days"]), piece[head.end() :].strip()


def _read_rest(
    rest: str, piece: str, words: Vocabulary, *, dated: bool
) -> _Span | dict[int, list[_Span]] | Callable[[int], Windows]:
    """Read what follows the days: one span, spans by day, or a function of the day."""
    period = words.find(rest)
    if period is not None:
        return {day: [span] for day, span in period.items()}
    rest = _LEAD.sub("", rest) if parse_span(_LEAD.sub("", rest), piece) else rest
    span = parse_span(rest, piece)
    if span is not None:
        ends = _PERIOD_RANGE.split(rest)
        if len(ends) == 2 and all(words.find(end) is not None for end in ends):
            raise ValueError(
                f"'{piece}' may be the periods {ends[0]} to {ends[1]} or times of day; write P"
                f"{ends[0]}-P{ends[1]} or {span[0] // 60:02d}:00-{span[1] // 60:02d}:00"
            )
        return span
    bracketed = _BRACKETED.fullmatch(rest)
    if bracketed and not _DOUBTS & set(re.findall(r"\w+", bracketed["label"].lower())):
        span = parse_span(bracketed["inside"], piece)
        if span is not None:
            return span
    if " ".join(rest.lower().split()) in _WHOLE:
        return _within(words, piece, (0, DAY_MINUTES))
    half = _OPEN.fullmatch(rest)
    if half is not None and (time := parse_time(half["time"] or half["onwards"])) is not None:
        early = (half["side"] or "after").lower() != "after"
        return _within(words, piece, (0, time) if early else (time, DAY_MINUTES))
    time = parse_time(rest)
    if time is not None and words.slot_minutes is not None:
        if time + words.slot_minutes > DAY_MINUTES:
            raise ValueError(f"'{piece}' and {words.slot_minutes} minutes run past midnight")
        return time, time + words.slot_minutes
    if words.names and time is None and (spans := _read_periods(rest, words)):
        return spans
    if time is not None:
        raise ValueError(
            f"'{piece}' needs one start and one end; {_EXAMPLE}, or say how long a slot lasts: "
            "Schedule(slot_minutes=60), on the command line --slot-minutes 60"
        )
    if _TIMES_LIKE.match(rest) or _BRACKETED.fullmatch(rest):
        raise ValueError(f"'{piece}' needs one start and one end; {_EXAMPLE}{_advise(rest)}")
    if words.names or words.missing:
        raise ValueError(words.refuse(rest))
    word = rest.split()[0].rstrip(":")
    if re.search(r"\d", word):
        raise ValueError(
            f"'{rest}' may be a period; say when it is: Schedule.from_bells({{'{rest}': "
            "'08:00-08:50'}), on the command line --bells FILE, or write the times"
        )
    if dated:
        raise ValueError(f"'{rest}' is no day of the week and no time of day; {_EXAMPLE}")
    raise ValueError(say_no_day(word))


def _advise(rest: str) -> str:
    """Return what to do about a day that follows a time."""
    day = re.search(rf"(?<![a-z]){_DAY}(?![a-z])", rest, re.IGNORECASE)
    if day is None:
        return ""
    return ", the day first" if day.end() == len(rest) else "; separate windows by ';'"


def _within(words: Vocabulary, piece: str, span: _Span) -> Callable[[int], Windows]:
    """Return the part of a school's hours that lies within these minutes of a day."""
    hours = words.hours
    if hours is None:
        raise ValueError(f"'{piece}' has no end or start of its own, so {_HOURS}")
    return lambda day: common_windows(hours, [_on(day, span)] if span[0] < span[1] else [])


def _read_periods(rest: str, words: Vocabulary) -> dict[int, list[_Span]] | None:
    """Read ``P2-P4`` (from the first bell of P2 to the last of P4), ``P1 & P3``; else None."""
    found: dict[int, list[_Span]] = {}
    for entry in _PERIOD_LIST.split(rest):
        own = words.find(entry)
        if own is not None:
            for day, span in own.items():
                found.setdefault(day, []).append(span)
            continue
        ends = _PERIOD_RANGE.split(entry)
        if len(ends) != 2:
            return None
        first, last = words.find(ends[0]), _find_last(ends[0], ends[1], words)
        if first is None or last is None:
            return None
        for day in first.keys() & last.keys():
            if first[day][0] >= last[day][1]:
                raise ValueError(f"'{entry}' ends before it starts on {DAYS[day]}")
            found.setdefault(day, []).append((first[day][0], last[day][1]))
    return found


def _find_last(first: str, last: str, words: Vocabulary) -> DaySpans | None:
    """Return the second end of a range of periods: ``P4``, or ``4`` as in ``P2-4``."""
    return words.find(last) or words.find(re.sub(r"\d+$", "", first) + last)


def is_doubtful(text: str, windows: Windows) -> bool:
    """Return whether `text` may mean the afternoon: ``Mon 3:30-4:30`` is read as the night.

    Only hours 1 to 5 without a leading zero and without am or pm are doubtful.
    """
    if not any(60 <= start % DAY_MINUTES < 360 for start, _ in windows):
        return False
    words = unify_dashes(text).lower()
    return any(
        _BARE_EARLY.search(piece) and not re.search(r"[ap]\.?m\b|\d\s*[ap]\b", piece)
        for piece in re.split(r"[;,\n\r]", words)
    )
