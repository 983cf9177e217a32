"""Bell schedules: when the teachers of a school teach, and when they are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["N_PERIODS", "weekly_windows"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
# Elementary, middle, high: first lesson (minute of the day), number of periods, their length, the
# break between them, and how long teachers stay after school. The middle period is lunch.
_BELLS = ((510, 7, 50, 5, 60), (480, 8, 45, 5, 75), (450, 7, 50, 5, 90))
_N_SHIFTS = 3  # schools of one level start 0, 5 or 10 minutes later
N_PERIODS = tuple(bell[1] for bell in _BELLS)


def weekly_windows(
    level: NDArray[np.int64],
    shift: NDArray[np.int64],
    preparation: NDArray[np.int64],
    days: NDArray[np.int64],
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Write the ``free`` and the ``teaching`` windows of n teachers.

    Parameters
    ----------
    level : ndarray of int64, shape (n,)
        0 elementary, 1 middle, 2 high.
    shift : ndarray of int64, shape (n,)
        Which of the staggered bells of its level the school rings; any integer.
    preparation : ndarray of int64, shape (n,)
        Pattern of preparation periods, ``0 .. 2 * N_PERIODS[level] - 1``; the upper half prepares
        twice a day. In elementary schools the period moves on by one every day.
    days : ndarray of int64, shape (n, 3)
        Days with time before school, in preparation periods and after school; bit 0 is Monday.

    Returns
    -------
    free, teaching : ndarray of object, shape (n,)
        Text such as ``"Mon 07:30-08:15; Wed 15:30-16:30"``. Strings are shared: there are few
        schedules, however many teachers.
    """
    n_bells, n_patterns = len(_BELLS) * _N_SHIFTS, 2 * max(N_PERIODS)
    before, after = np.full((2, n_bells, 32), "", dtype=object)
    between = np.full((n_bells, n_patterns, 32), "", dtype=object)
    teaching = np.full((n_bells, n_patterns), "", dtype=object)
    for bell in range(n_bells):
        kind, late = divmod(bell, _N_SHIFTS)
        start, n_periods, length, pause, stay = _BELLS[kind]
        start += 5 * late
        starts = [start + period * (length + pause) for period in range(n_periods)]
        end = starts[-1] + length
        every = range(n_periods)
        lessons = [[_window(d, starts[p], starts[p] + length) for p in every] for d in range(5)]
        for pattern in range(2 * n_periods):
            own = _preparation(pattern, n_periods, rotates=kind == 0)
            taught = set(every) - {n_periods // 2}
            teaching[bell, pattern] = "; ".join(
                lessons[d][p] for d in range(5) for p in sorted(taught - own[d])
            )
            for bits in range(32):
                between[bell, pattern, bits] = "".join(
                    lessons[d][p] + "; " for d in _days(bits) for p in sorted(own[d])
                )
        for bits in range(32):
            early = [_window(d, start - 50, start - 5) for d in _days(bits)]
            evening = [_window(d, end + 5, end + 5 + stay) for d in _days(bits)]
            before[bell, bits] = "".join(f"{window}; " for window in early)
            after[bell, bits] = "".join(f"{window}; " for window in evening)
    bell_of = level * _N_SHIFTS + shift % _N_SHIFTS
    index = (bell_of, preparation, days[:, 0], days[:, 1], days[:, 2])
    shape = (n_bells, n_patterns, 32, 32, 32)
    weeks, week_of = np.unique(np.ravel_multi_index(index, shape), return_inverse=True)
    at, turn, dawn, noon, dusk = np.unravel_index(weeks, shape)
    windows = before[at, dawn] + between[at, turn, noon] + after[at, dusk]
    free = np.array([text[:-2] for text in windows], dtype=object)[week_of]
    return free, teaching[bell_of, preparation]


def _days(bits: int) -> list[int]:
    return [day for day in range(5) if bits >> day & 1]


def _preparation(pattern: int, n_periods: int, *, rotates: bool) -> list[set[int]]:
    """Return the preparation periods of each day, never lunch."""
    lunch, days = n_periods // 2, []
    for day in range(5):
        first = (pattern + day * rotates) % n_periods
        own = {first, (first + 2) % n_periods} if pattern >= n_periods else {first}
        days.append({(p + 1) % n_periods if p == lunch else p for p in own})
    return days


def _window(day: int, start: int, end: int) -> str:
    return f"{_DAYS[day]} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"
