"""One lesson to watch: the observed teaches, the observer is free or covered, and both talk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pairmatch.constraints.observation import free_windows
from pairmatch.profiles.spans import common_windows, cut_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pairmatch.constraints.observation import Observation
    from pairmatch.profiles import Profiles
    from pairmatch.profiles.week import Windows

__all__ = ["Watched", "watch_lesson", "weeks_of_group"]


@dataclass(frozen=True, slots=True)
class Watched:
    """When a lesson is watched.

    Parameters
    ----------
    start : int or None
        Minute of the week; None if no lesson is left.
    before, after : int or None
        Starts of the conferences; None if there are none, or no time for them.
    cover : int
        Minutes for which the observer has to be covered.
    """

    start: int | None = None
    before: int | None = None
    after: int | None = None
    cover: int = 0

    def cost(self, rule: Observation) -> tuple[int, int, int]:
        """Return what is worse about it, most important first: no lesson, no talks, cover."""
        silent = rule.talk > 0 and self.before is None
        return int(self.start is None), int(silent), self.cover


def watch_lesson(
    rule: Observation,
    observer: Profiles,
    a: int,
    observed: Profiles,
    b: int,
    taken: Iterable[tuple[int, int]],
    *,
    talks: bool = True,
) -> Watched:
    """Return the best time at which one person can watch another.

    Parameters
    ----------
    rule : Observation
        What is asked for.
    observer, observed : Profiles
        Their tables.
    a, b : int
        Their rows.
    taken : iterable of (int, int)
        When one of the two has a weekly meeting.
    talks : bool, default: True
        Whether conferences are looked for, if the rule asks for them.

    Notes
    -----
    With conferences, a lesson that leaves time for both comes first; then the lesson that needs
    least cover, of these the earliest. The minutes of cover are linear between the marks that are
    looked at, so that no other start needs less.
    """
    lessons = rule.lessons(observer, a, observed, b)
    if isinstance(lessons, str):
        return Watched()
    taken = tuple(sorted(taken))
    own = free_windows(observer, a) or ()
    starts = sorted(
        (_cover(own, start, rule.minutes), start)
        for start in _starts(cut_windows(lessons, taken), rule.minutes, own)
    )
    if rule.talk and talks:
        joint = cut_windows(common_windows(own, free_windows(observed, b) or ()), taken)
        for cover, start in starts:
            first = _latest(joint, start, rule.talk)
            then = _earliest(joint, start + rule.minutes, rule.talk)
            if first is not None and then is not None:
                return Watched(start, first, then, cover)
    return Watched(starts[0][1], cover=starts[0][0]) if starts else Watched()


def _starts(windows: Windows, minutes: int, own: Windows) -> Iterator[int]:
    """List the starts at which windows begin or end, or something of one's own does in them."""
    for start, end in windows:
        marks = {
            start,
            end - minutes,
            *(m for window in own for m in (window[0], window[1] - minutes)),
        }
        yield from sorted(m for m in marks if start <= m <= end - minutes)


def _latest(windows: Windows, end: int, minutes: int) -> int | None:
    """Return the latest start of a talk that is over by `end`."""
    found = [
        min(closes, end) - minutes
        for opens, closes in windows
        if min(closes, end) - minutes >= opens
    ]
    return max(found, default=None)


def _earliest(windows: Windows, begin: int, minutes: int) -> int | None:
    """Return the earliest start of a talk that begins at `begin` or later."""
    found = [
        max(opens, begin) for opens, closes in windows if max(opens, begin) + minutes <= closes
    ]
    return min(found, default=None)


def _cover(free: Windows, start: int, minutes: int) -> int:
    """Return for how many of these minutes somebody is not free."""
    inside = common_windows(free, ((start, start + minutes),))
    return minutes - sum(end - begin for begin, end in inside)


def weeks_of_group(size: int, *, both_ways: bool = True) -> int:
    """Return the weeks in which each two of a group watch each other, nobody twice in one.

    Pairs of a round robin, each in both directions or in one.

    Examples
    --------
    >>> [weeks_of_group(size) for size in (2, 3, 4, 5, 6)]
    [2, 6, 6, 10, 10]
    """
    return (2 if both_ways else 1) * (size + size % 2 - 1)
