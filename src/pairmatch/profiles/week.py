"""The weekly time grid: windows as half-open minutes of the week, and what is done with them.

Minute 0 is Monday 00:00, minute 10,080 is the end of Sunday. A meeting never runs over the end of
the week.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    "merge_windows",
    "parse_minute",
    "start_bits",
    "unpack_starts",
]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

Windows: TypeAlias = tuple[tuple[int, int], ...]


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


def parse_minute(day: str, time: str) -> int:
    """Return the minute of the week that `format_minute` wrote as day and time.

    Examples
    --------
    >>> parse_minute("Mon", "07:30")
    450
    """
    hours, minutes = time.split(":")
    return DAYS.index(day) * DAY_MINUTES + int(hours) * 60 + int(minutes)


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
    own = [mine or () for mine in windows]
    ends = np.fromiter(chain.from_iterable(chain.from_iterable(own)), np.int64).reshape(-1, 2)
    person = np.repeat(np.arange(len(own)), np.fromiter(map(len, own), np.int64, len(own)))
    long_enough = ends[:, 1] - ends[:, 0] >= minutes
    ends, person = ends[long_enough], person[long_enough]
    marks = np.zeros((len(windows), asked.size + 1), dtype=np.int16)
    first = np.searchsorted(ascending, ends[:, 0], side="left")
    after = np.searchsorted(ascending, ends[:, 1] - minutes, side="right")
    np.add.at(marks, (person, first), 1)
    np.add.at(marks, (person, after), -1)
    free = np.empty((len(windows), asked.size), dtype=np.bool_)
    free[:, order] = np.cumsum(marks[:, :-1], axis=1, dtype=np.int16) > 0
    return free


def start_bits(windows: Sequence[Windows | None], minutes: int) -> NDArray[np.uint8]:
    """Return for each person the set of all starts of a meeting as bits, one a minute of the week.

    The bitwise *and* of two rows is the set of their joint starts, of any number of rows that of a
    group; so a joint slot of all is found, not pairwise overlaps.

    Parameters
    ----------
    windows : sequence of windows, length n
        Merged windows of each person; None (unknown) has no start.
    minutes : int
        Length of the meeting, at least 1.

    Returns
    -------
    ndarray of uint8, shape (n, 1260)
        Minute m is bit ``7 - m % 8`` of byte ``m // 8``; `unpack_starts` reads it.

    Notes
    -----
    1,260 bytes a person. People whose windows are the same object or equal are computed once.

    Examples
    --------
    >>> bits = start_bits([((450, 495),), ((460, 520), (900, 960))], minutes=30)
    >>> unpack_starts(bits[0] & bits[1])
    array([460, 461, 462, 463, 464, 465])
    """
    distinct = list(dict.fromkeys(windows))
    position = {own: k for k, own in enumerate(distinct)}
    free = can_start(distinct, np.arange(WEEK_MINUTES), minutes)
    bits = np.packbits(free, axis=1)
    rows = np.fromiter((position[own] for own in windows), dtype=np.int64, count=len(windows))
    return bits[rows]


def unpack_starts(bits: ArrayLike) -> NDArray[np.int64]:
    """Return the minutes of the week in one row of `start_bits`, ascending."""
    return np.flatnonzero(np.unpackbits(np.asarray(bits, dtype=np.uint8)))
