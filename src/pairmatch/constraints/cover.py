"""Minutes for which observers have to be covered by somebody else."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints.lessons import watch_lesson
from pairmatch.constraints.observation import free_windows
from pairmatch.profiles.spans import cut_windows
from pairmatch.profiles.week import WEEK_MINUTES, can_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.constraints.observation import Observation
    from pairmatch.profiles import Profiles
    from pairmatch.profiles.week import Windows

__all__ = ["count_cover", "count_cover_of_pair", "price_cover"]


def price_cover(rule: Observation, scale: Fraction) -> int:
    """Return what a minute of cover costs in integer units of scores.

    Parameters
    ----------
    rule : Observation
        With a ``cover_cost``.
    scale : Fraction
        Units per score.
    """
    return 0 if rule.cover_cost is None else round(Fraction(str(rule.cover_cost)) * scale)


def count_cover_of_pair(
    rule: Observation, coached: Profiles, i: int, coach: Profiles, j: int
) -> int:
    """Return the least minutes of cover that one pair needs, by its cells; plain Python."""
    ways = [(coach, j, coached, i), (coached, i, coach, j)][: rule.n_lessons]
    return sum(watch_lesson(rule, *way, (), talks=False).cover for way in ways)


def count_cover(rule: Observation, coached: Profiles, coach: Profiles) -> NDArray[np.int64]:
    """Return the least minutes of cover that each pair needs, both directions together.

    Parameters
    ----------
    rule : Observation
        With a ``cover_cost``.
    coached, coach : Profiles
        The two tables.

    Returns
    -------
    ndarray of int64, shape (n_coached, n_coach)
        What it says of pairs without a lesson to watch means nothing.

    Notes
    -----
    The free minutes within a lesson that begins at t grow with t until the lesson begins where a
    free window does, or ends where one ends, and only there can they stop growing; so the best
    start is one of these, or the first or last at which the lesson is possible. O(n_coached *
    n_coach * starts).
    """
    total = _count_one_way(rule, coach, coached)
    if rule.both_ways:
        total = total + _count_one_way(rule, coached, coach).T
    return total


def _count_one_way(rule: Observation, observer: Profiles, observed: Profiles) -> NDArray[np.int64]:
    """Return the least cover of each observer (columns) at each observed (rows)."""
    whole: Windows = ((0, WEEK_MINUTES),)
    busy = observer.windows("busy") if "busy" in observer else [()] * len(observer)
    present = [cut_windows(whole, own or ()) for own in busy]
    free = [free_windows(observer, row) or () for row in range(len(observer))]
    teaching = observed.windows("teaching")
    windows = {w for table in (present, free, teaching) for own in table if own for w in own}
    marks = {t for opens, closes in windows for t in (opens, closes - rule.minutes)}
    starts = np.array(sorted(t for t in marks if t >= 0), np.int64)
    teaches = can_start(teaching, starts, rule.minutes)
    starts, teaches = starts[teaches.any(axis=0)], teaches[:, teaches.any(axis=0)]
    never = 2 * rule.minutes
    cover = rule.minutes - _count_free(free, starts, rule.minutes)
    cover = np.where(can_start(present, starts, rule.minutes), cover, never).astype(np.int32)
    least = np.full((len(observed), len(observer)), never, np.int32)
    for number in range(starts.size):
        rows = np.flatnonzero(teaches[:, number])
        least[rows] = np.minimum(least[rows], cover[:, number])
    return least.astype(np.int64)


def _count_free(
    free: Sequence[Windows], starts: NDArray[np.int64], minutes: int
) -> NDArray[np.int64]:
    """Return how many minutes each person is free from each start on."""
    inside = np.zeros((len(free), starts.size), np.int64)
    for row, own in enumerate(free):
        for opens, closes in own:
            end = np.minimum(starts + minutes, closes)
            inside[row] += np.maximum(0, end - np.maximum(starts, opens))
    return inside
