"""Arithmetic of weekly windows: what two have in common, what one leaves of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairmatch.profiles.week import Windows

__all__ = ["common_windows", "cut_windows", "trim_windows"]


def common_windows(some: Windows, others: Windows) -> Windows:
    """Return when both hold.

    Examples
    --------
    >>> common_windows(((0, 60), (90, 120)), ((30, 100),))
    ((30, 60), (90, 100))
    """
    found = [
        (max(start, opening), min(end, closing))
        for start, end in some
        for opening, closing in others
        if max(start, opening) < min(end, closing)
    ]
    return tuple(sorted(found))


def cut_windows(windows: Windows, taken: Windows) -> Windows:
    """Return what merged windows leave outside others.

    Examples
    --------
    >>> cut_windows(((0, 60), (90, 120)), ((30, 40), (90, 120)))
    ((0, 30), (40, 60))
    """
    left = []
    for start, end in windows:
        for opening, closing in taken:
            if opening < end and start < closing:
                if start < opening:
                    left.append((start, opening))
                start = closing
        if start < end:
            left.append((start, end))
    return tuple(left)


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
