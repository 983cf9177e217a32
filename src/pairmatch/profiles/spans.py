"""Arithmetic of weekly windows: what two have in common, what one leaves of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.profiles.week import WEEK_MINUTES, merge_windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairmatch.profiles.week import Windows

__all__ = ["common_windows", "cut_windows", "trim_windows"]


def common_windows(*tables: Iterable[tuple[int, int]]) -> Windows:
    """Return when all hold: the minutes that every list of windows covers, merged.

    Notes
    -----
    One pass over both sides of each step: O(w log w) for w windows.

    Examples
    --------
    >>> common_windows([(0, 60), (90, 120)], [(30, 100)])
    ((30, 60), (90, 100))
    """
    joint: Windows = ((0, WEEK_MINUTES),)
    for windows in tables:
        other = merge_windows(windows)
        found = []
        one = two = 0
        while one < len(joint) and two < len(other):
            start = max(joint[one][0], other[two][0])
            end = min(joint[one][1], other[two][1])
            if start < end:
                found.append((start, end))
            if joint[one][1] < other[two][1]:
                one += 1
            else:
                two += 1
        joint = tuple(found)
    return joint


def cut_windows(windows: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Windows:
    """Return what windows leave outside others, merged.

    Examples
    --------
    >>> cut_windows([(0, 60), (90, 120)], [(30, 40), (90, 120)])
    ((0, 30), (40, 60))
    """
    last = 0
    rest = []
    for start, end in merge_windows(taken):
        rest.append((last, start))
        last = end
    rest.append((last, WEEK_MINUTES))
    return common_windows(windows, [gap for gap in rest if gap[0] < gap[1]])


def trim_windows(windows: Windows, minutes: int) -> Windows:
    """Return windows without so many minutes at both ends.

    Examples
    --------
    >>> trim_windows(((0, 60), (90, 110)), 10)
    ((10, 50),)
    """
    return tuple(
        (start + minutes, end - minutes) for start, end in windows if end - start > 2 * minutes
    )
