"""The weekly time grid: windows as half-open minutes of the week, read, merged, written.

Minute 0 is Monday 00:00, minute 10,080 is the end of Sunday. A meeting never runs over the end of
the week.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pairmatch.profiles.members import is_none, unify_dashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DAYS",
    "DAY_MINUTES",
    "WEEK_MINUTES",
    "Windows",
    "can_start",
    "candidate_starts",
    "format_minute",
    "format_windows",
    "is_doubtful",
    "make_windows_parser",
    "merge_windows",
    "parse_windows",
]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

Windows: TypeAlias = tuple[tuple[int, int], ...]
_Piece: TypeAlias = tuple[tuple[int, ...], tuple[int, int] | None]

_DAY_NAMES = (
    "mon monday mondays",
    "tue tues tuesday tuesdays",
    "wed weds wednesday wednesdays",
    "thu thur thurs thursday thursdays",
    "fri friday fridays",
    "sat saturday saturdays",
    "sun sunday sundays",
)
_DAY_OF = {name: day for day, names in enumerate(_DAY_NAMES) for name in names.split()}

_SPLIT = re.compile(
    r"(?P<days>\D*?)[\s:]*(?P<times>(?:\d|\b(?:noon|midnight)\b).*)?", re.DOTALL | re.IGNORECASE
)
_TIME = r"(?:12\s*)?(?:noon|midnight)|\d{1,2}(?:[:.]\d{2}(?::00)?)?\s*(?:[ap]\.?m\b\.?)?"
_TIMES = re.compile(rf"(?P<start>{_TIME})\s*(?:-|to|until|till)\s*(?P<end>{_TIME})")
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?(?::00)?\s*(?P<half>[ap]?)")
_BARE_EARLY = re.compile(r"(?<![\d:.])[1-5](?:[:.]\d\d)?\s*(?:-|to\b|until\b|till\b)")


def parse_windows(text: str) -> Windows:
    """Read weekly windows as people write them.

    Parameters
    ----------
    text : str
        Windows such as ``Mon 07:30-08:15``, separated by ``;``, ``,`` or line breaks. Days are
        English names, full or short, in any case, alone, as a range (``Mon-Fri 15:30-16:30``) or
        as a list (``Mon, Wed 07:30-08:15``); after a comma a window without a day repeats the day
        before it. Times are ``8:00``, ``08.00``, ``8``, ``2:30 pm``, ``noon`` or ``midnight``;
        ``am`` or ``pm`` on one side counts for both. ``24:00`` is the end of a day only. The
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


def make_windows_parser() -> Callable[[str], Windows]:
    """Return `parse_windows` with a memory of its own, for many texts of one table.

    The windows of a school's timetable repeat; each distinct one is read once.
    """
    memory: dict[str, list[tuple[int, int]]] = {}

    def parse(text: str) -> Windows:
        if is_none(text):
            return ()
        found: list[tuple[int, int]] = []
        for part in text.split(";"):
            windows = memory.get(part)
            if windows is None:
                windows = memory[part] = _parse_part(part)
            found += windows
        return merge_windows(found)

    return parse


def _parse_part(part: str) -> list[tuple[int, int]]:
    """Read what stands between two semicolons: windows and days with commas or line breaks."""
    found: list[tuple[int, int]] = []
    for line in unify_dashes(part).splitlines():
        waiting: tuple[int, ...] = ()  # days of a list whose time has not come yet
        before: tuple[int, ...] = ()  # days of the window just read
        for piece in filter(None, map(str.strip, line.split(","))):
            days, times = _parse_piece(piece)
            waiting += days
            if times is None:
                continue
            before, waiting = waiting or before, ()
            if not before:
                raise ValueError(
                    f"'{piece}' names no day; expected a window such as Mon 07:30-08:15"
                )
            for day in before:
                midnight = day * DAY_MINUTES
                found.append((midnight + times[0], midnight + times[1]))
        if waiting:
            raise ValueError(
                f"'{DAYS[waiting[-1]]}' has no time; expected a window such as Mon 07:30-08:15"
            )
    return found


def _parse_piece(piece: str) -> _Piece:
    """Read what stands between two separators: days, times or both."""
    match = _SPLIT.fullmatch(piece)
    if match is None or not (match["days"] or match["times"]):
        raise ValueError(f"'{piece}' is no window; expected one such as Mon 07:30-08:15")
    days = _parse_days(match["days"])
    if match["times"] is None:
        return days, None
    times = _TIMES.fullmatch(match["times"].lower())
    if times is None:
        raise ValueError(
            f"'{piece}' needs one start and one end; expected a window such as Mon 07:30-08:15"
        )
    return days, _parse_times(times["start"].strip(), times["end"].strip(), piece)


def _parse_days(text: str) -> tuple[int, ...]:
    """Read ``mon``, ``mon-fri`` or ``mon & wed``."""
    days: list[int] = []
    text = re.sub(r"\s*-\s*", "-", text.removesuffix("from").strip().rstrip(":"))
    for part in re.split(r"\s*(?:[/&+]|\band\b)\s*|\s+", text):
        if not part:
            continue
        ends = [_find_day(word) for word in part.split("-")]
        if len(ends) > 2 or ends[0] > ends[-1]:
            raise ValueError(
                f"'{part}' is no range of days from Mon to Sun; list the days one by one"
            )
        days += range(ends[0], ends[-1] + 1)
    return tuple(days)


def _find_day(word: str) -> int:
    """Return 0 for Monday .. 6 for Sunday."""
    day = _DAY_OF.get(word.strip(".").lower())
    if day is None:
        raise ValueError(f"'{word}' is no day of the week; expected {', '.join(DAYS)}")
    return day


def _parse_times(start: str, end: str, piece: str) -> tuple[int, int]:
    """Read both ends; ``am`` or ``pm`` on one side is taken for the other where it fits."""
    if _half(start) == _half(end) == "":
        opening, closing = _minute_of(start, ""), _minute_of(end, "")
    elif _half(start) and _half(end):
        opening, closing = _minute_of(start, _half(start)), _minute_of(end, _half(end))
    elif _half(end):  # "2:30-3 pm", and "11-1 pm", whose start can only be before noon
        closing = _minute_of(end, _half(end))
        if closing == 0 and _half(end) == "a":
            raise ValueError(
                f"'{piece}' can be read in two ways; write noon, or 24:00 for midnight"
            )
        closing = closing or DAY_MINUTES
        opening = _minute_of(start, _half(end))
        if opening >= closing:
            opening = _minute_of(start, "a")
    else:
        opening = _minute_of(start, _half(start))
        closing = _minute_of(end, _half(start))
        if closing <= opening:
            closing = _minute_of(end, "p")
    if opening == DAY_MINUTES:
        raise ValueError(f"'{start}' is the end of a day; a window cannot start there")
    if closing == 0 and (_half(end) == "a" or "midnight" in end):
        closing = DAY_MINUTES
    if opening == closing:
        raise ValueError(f"'{piece}' starts and ends at the same time; expected a later end")
    if opening > closing:
        raise ValueError(
            f"'{piece}' ends before it starts; expected a later end, at most 24:00 "
            "(write a window over midnight as two)"
        )
    return opening, closing


def _half(time: str) -> str:
    """Return ``a`` or ``p`` for am or pm, ``x`` for noon and midnight, else nothing."""
    if time.endswith(("noon", "midnight")):
        return "x"
    return next((letter for letter in "ap" if letter in time), "")


def _minute_of(time: str, half: str) -> int:
    """Return the minute of the day; `half` says which half of it, if that is known."""
    if time.endswith("noon"):
        return 12 * 60
    if time.endswith("midnight"):
        return 0
    match = _CLOCK.match(time)
    assert match is not None  # noqa: S101 - _TIMES let nothing else through
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"] and not 1 <= hour <= 12:
        raise ValueError(f"'{time}' is no time of day; expected 1:00 to 12:59 before am or pm")
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:
        raise ValueError(f"'{time}' is no time of day; expected 00:00 to 24:00")
    if half in {"a", "p"} and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + minute


def is_doubtful(text: str, windows: Windows) -> bool:
    """Return whether `text` may mean the afternoon: ``Mon 3:30-4:30`` is read as the night.

    Only hours 1 to 5 without a leading zero and without am or pm are doubtful.
    """
    if not any(60 <= start % DAY_MINUTES < 360 for start, _ in windows):
        return False
    words = unify_dashes(text).lower()
    return any(
        _BARE_EARLY.search(piece) and not re.search(r"[ap]\.?m\b", piece)
        for piece in re.split(r"[;,\n\r]", words)
    )


def merge_windows(windows: Iterable[tuple[int, int]]) -> Windows:
    """Sort windows and join those that overlap or touch.

    Examples
    --------
    >>> merge_windows([(60, 90), (0, 30), (30, 45)])
    ((0, 45), (60, 90))
    """
    merged: list[tuple[int, int]] = []
    last = -1
    for start, end in sorted(windows):
        if start > last:
            merged.append((start, end))
            last = end
        elif end > last:
            merged[-1] = (merged[-1][0], end)
            last = end
    return tuple(merged)


def format_minute(minute: int) -> tuple[str, str]:
    """Return day and time of a minute of the week.

    Examples
    --------
    >>> format_minute(450)
    ('Mon', '07:30')
    """
    if not 0 <= minute < WEEK_MINUTES:
        raise ValueError(f"{minute} is no minute of the week; expected 0 to {WEEK_MINUTES - 1}")
    day, rest = divmod(minute, DAY_MINUTES)
    return DAYS[day], f"{rest // 60:02d}:{rest % 60:02d}"


def format_windows(windows: Iterable[tuple[int, int]]) -> str:
    """Write windows so that `parse_windows` reads them back; ``none`` if there are none.

    Examples
    --------
    >>> format_windows([(450, 495), (1380, 1500)])
    'Mon 07:30-08:15; Mon 23:00-24:00; Tue 00:00-01:00'
    """
    written = []
    for start, end in windows:
        while start < end:
            day, opening = format_minute(start)
            midnight = (start // DAY_MINUTES + 1) * DAY_MINUTES
            closing = "24:00" if end >= midnight else format_minute(end)[1]
            written.append(f"{day} {opening}-{closing}")
            start = midnight
    return "; ".join(written) or "none"


def candidate_starts(*tables: Sequence[Windows | None]) -> NDArray[np.int64]:
    """Return the distinct starts of all windows, sorted.

    People who are free together for some minutes are so from the latest of the starts of the
    windows concerned, so a joint start exists if and only if one of these is one: the set is
    exact at a resolution of one minute, and small.

    Parameters
    ----------
    *tables : sequence of windows
        Windows of each person, None where unknown.

    Examples
    --------
    >>> candidate_starts([((450, 495),), None], [((460, 520), (900, 960))])
    array([450, 460, 900])
    """
    starts = {
        start
        for table in tables
        for windows in table
        if windows is not None
        for start, _ in windows
    }
    return np.array(sorted(starts), dtype=np.int64)


def can_start(
    windows: Sequence[Windows | None], starts: ArrayLike, minutes: int
) -> NDArray[np.bool_]:
    """Return who is free during ``[t, t + minutes)`` for each start t.

    Parameters
    ----------
    windows : sequence of windows, length n
        Merged windows of each person; None (unknown) is free at no time.
    starts : array_like of int, shape (s,)
        Minutes of the week.
    minutes : int
        Length of the meeting, at least 1.

    Returns
    -------
    ndarray of bool, shape (n, s)

    Notes
    -----
    The starts that fit a window are neighbours in sorted order, so each window is two marks and
    the matrix is their running sum: O(w log s + n s) for w windows.

    Examples
    --------
    >>> can_start([((450, 495),), None], [450, 460], minutes=40)
    array([[ True, False],
           [False, False]])
    """
    if minutes < 1:
        raise ValueError(f"a meeting lasts at least one minute, got {minutes}")
    asked = np.asarray(starts, dtype=np.int64)
    order = np.argsort(asked, kind="stable")
    ascending = asked[order]
    flat = np.array(
        [(k, start, end) for k, own in enumerate(windows) for start, end in own or ()],
        dtype=np.int64,
    ).reshape(-1, 3)
    flat = flat[flat[:, 2] - flat[:, 1] >= minutes]
    marks = np.zeros((len(windows), asked.size + 1), dtype=np.int16)
    first = np.searchsorted(ascending, flat[:, 1], side="left")
    after = np.searchsorted(ascending, flat[:, 2] - minutes, side="right")
    np.add.at(marks, (flat[:, 0], first), 1)
    np.add.at(marks, (flat[:, 0], after), -1)
    free = np.empty((len(windows), asked.size), dtype=np.bool_)
    free[:, order] = np.cumsum(marks[:, :-1], axis=1, dtype=np.int16) > 0
    return free
