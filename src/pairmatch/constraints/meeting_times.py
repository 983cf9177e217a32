"""Meetings met with tables: a common set of starts, and who is free at each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault, did_you_mean
from pairmatch.profiles.phrases import parse_windows
from pairmatch.profiles.spans import common_windows, cut_windows, trim_windows
from pairmatch.profiles.week import can_start, candidate_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.constraints.meetings import Meetings
    from pairmatch.profiles import Profiles
    from pairmatch.profiles.week import Windows

__all__ = [
    "JointSlot",
    "MeetingTimes",
    "bind_times",
    "count_disjoint",
    "meeting_windows",
    "missing_columns",
    "travel_minutes",
]


@dataclass(frozen=True, slots=True, eq=False)
class MeetingTimes:
    """The slots of meetings over two tables.

    A slot is a start in the week; with travel, a start at one kind of mentees (their school and
    modality), so that several slots may have the same start.

    Parameters
    ----------
    start : ndarray of int64, shape (n_slots,)
        Minute of the week at which each slot begins, ascending.
    minutes, per_week : int
        Length of a meeting, and how many of them a pair has.
    coached, coach : ndarray of bool, shapes (n_coached, n_slots) and (n_coach, n_slots)
        Who is free for a whole meeting (with travel: for the way as well).
    known_coached, known_coach : ndarray of bool, shapes (n_coached,) and (n_coach,)
        Whose free time is known.
    likes_coached, likes_coach : ndarray of bool, shapes as ``coached`` and ``coach``
        Who prefers to meet then.
    place : ndarray of int64, shape (n_slots,), or None
        Where a slot is, with travel; -1 for virtual meetings.
    gap : ndarray of int64, shape (n_places, n_places), or None
        Minutes between two places.
    """

    start: NDArray[np.int64]
    minutes: int
    per_week: int
    coached: NDArray[np.bool_]
    coach: NDArray[np.bool_]
    known_coached: NDArray[np.bool_]
    known_coach: NDArray[np.bool_]
    likes_coached: NDArray[np.bool_]
    likes_coach: NDArray[np.bool_]
    place: NDArray[np.int64] | None = None
    gap: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class JointSlot:
    """The rule that a pair needs joint time for its meetings."""

    name: str
    constraint: Meetings
    coached: Profiles
    coach: Profiles
    times: MeetingTimes

    @property
    def unknown_is_fine(self) -> bool:
        """Whether people whose free time is unknown may be paired."""
        return self.constraint.unknown == "allow"

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        from fractions import Fraction

        why = self.constraint.breach(self.coached, i, self.coach, j, Fraction(0))
        return why or self.constraint.short_reason

    def reasons(self, i: int, columns: NDArray[np.int64]) -> list[str]:
        """Return in words why each of these pairs, all removed, is removed."""
        unknown = ~self.times.known_coach[columns] | (not self.times.known_coached[i])
        asks = unknown | (self.constraint.travel is not None)
        short = self.constraint.short_reason
        return [
            self.reason(i, j) if ask else short
            for j, ask in zip(columns.tolist(), asks.tolist(), strict=True)
        ]

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[np.generic],  # noqa: ARG002 - whatever the score
    ) -> NDArray[np.bool_]:
        """Return which of these pairs have too little joint time, or none that is known."""
        times = self.times
        if i.ndim == 2 and times.per_week == 1:
            here = times.coached[i[:, 0]].astype(np.float32)
            enough = here @ times.coach[j[0]].astype(np.float32).T > 0
        else:
            enough = count_disjoint(times, i, j) >= times.per_week
        if self.unknown_is_fine:
            enough = enough | ~times.known_coached[i] | ~times.known_coach[j]
        result: NDArray[np.bool_] = ~enough
        return result


def count_disjoint(
    times: MeetingTimes, i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many meetings fit into the joint time of pairs, up to ``per_week``.

    Earliest first is best: starts are at hand wherever a meeting can end.
    """
    shape = np.broadcast_shapes(i.shape, j.shape)
    n_fitting = np.zeros(shape, np.int64)
    ends = np.full(shape, -1, np.int64)
    for slot, start in enumerate(times.start.tolist()):
        fits = times.coached[i, slot] & times.coach[j, slot] & (ends <= start)
        n_fitting += fits
        ends[fits] = start + times.minutes
    return n_fitting


def _windows_of(text: str, table: Profiles, row: int) -> Windows | None:
    """Return the windows that a text means for one person; None where the cell is blank."""
    return table.windows(text)[row] if text.isidentifier() else _parse_once(text)


@lru_cache(maxsize=16)
def _parse_once(text: str) -> Windows:
    """Read a text that is asked for again for every person."""
    return parse_windows(text)


def meeting_windows(meetings: Meetings, table: Profiles, row: int) -> Windows | str:
    """Return when one person can meet; a text such as "no free time" if that is unknown."""
    free = table.windows("free")[row]
    if free is None:
        return "no free time"
    if meetings.within is not None:
        inside = _windows_of(meetings.within, table, row)
        if inside is None:
            return f"no {meetings.within}"
        free = common_windows(free, inside)
    if meetings.not_within is not None:
        text = meetings.not_within
        if not text.isidentifier() or text in table:
            free = cut_windows(free, _windows_of(text, table, row) or ())
    if "busy" in table:
        free = cut_windows(free, table.windows("busy")[row] or ())
    return free


def missing_columns(meetings: Meetings, coached: Profiles, coach: Profiles) -> list[Fault]:
    """Return a fault for each column that a table lacks."""
    faults = []
    tables = {"mentees": coached, "mentors": coach}
    for side, table in tables.items():
        wanted = ["free", meetings.within]
        for column in wanted:
            if column is not None and column.isidentifier() and column not in table:
                near = did_you_mean(column, table.columns)
                faults.append(Fault(f"the {side} have no column {column!r}.{near}", repr(meetings)))
    for column in (meetings.not_within, meetings.prefer):
        is_name = column is not None and column.isidentifier()
        if is_name and not any(column in table for table in tables.values()):
            near = did_you_mean(str(column), (*coached.columns, *coach.columns))
            what = f"neither table has a column {column!r}.{near}"
            faults.append(Fault(what, repr(meetings)))
    if meetings.travel is not None:
        for side, table in tables.items():
            if "school" not in table:
                what = f"the {side} have no column 'school', which travel needs."
                faults.append(Fault(what, repr(meetings)))
    return faults


def _school(table: Profiles, row: int) -> str:
    return str(table.texts("school")[row])


def _modality(table: Profiles, row: int) -> str:
    return str(table.texts("modality")[row]) if "modality" in table else ""


def travel_minutes(
    meetings: Meetings, coached: Profiles, i: int, coach: Profiles, j: int
) -> int | str:
    """Return how far a mentor travels to a mentee, or why that is unknown."""
    if meetings.travel is None:
        return 0
    kinds = _modality(coached, i), _modality(coach, j)
    here, there = _school(coached, i), _school(coach, j)
    if "virtual" in kinds or kinds == ("either", "either"):
        return 0
    if not here or not there:
        return "no school given, so travel is unknown"
    found = _between(meetings, here, there)
    return f"no travel time between {here} and {there}" if found is None else found


def _between(meetings: Meetings, here: str, there: str) -> int | None:
    """Return the minutes between two schools."""
    if here == there:
        return 0
    travel = meetings.travel
    if travel is None or isinstance(travel, int):
        return travel or 0
    found = travel.get(here, {}).get(there)
    return travel.get(there, {}).get(here) if found is None else found


def bind_times(
    meetings: Meetings, coached: Profiles, coach: Profiles, *, several_coaches: bool = False
) -> MeetingTimes:
    """Return the slots of two tables, whose columns have been checked."""
    mine = _all_windows(meetings, coached)
    theirs = mine if coach is coached else _all_windows(meetings, coach)
    known = [np.array([w is not None for w in side], np.bool_) for side in (mine, theirs)]
    if meetings.travel is not None:
        return _bind_with_travel(meetings, coached, coach, (mine, theirs), known)
    both = set(coached.ids) & set(coach.ids)
    several = [*theirs, *(mine if both or several_coaches or meetings.per_week > 1 else ())]
    liked = _liked_windows(meetings, coached, coach)
    starts = _spread_starts(candidate_starts(mine, theirs, liked), several, meetings.minutes, [0])
    free = [can_start(side, starts, meetings.minutes) for side in (mine, theirs)]
    keep = free[0].any(axis=0) & free[1].any(axis=0)
    starts = starts[keep]
    return MeetingTimes(
        starts,
        meetings.minutes,
        meetings.per_week,
        free[0][:, keep],
        free[1][:, keep],
        known[0],
        known[1],
        _likes(meetings, coached, starts),
        _likes(meetings, coach, starts),
    )


def _all_windows(meetings: Meetings, table: Profiles) -> list[Windows | None]:
    """Return when everybody can meet, None where that is unknown."""
    found = [meeting_windows(meetings, table, row) for row in range(len(table))]
    return [None if isinstance(windows, str) else windows for windows in found]


def _spread_starts(
    starts: NDArray[np.int64],
    several: Sequence[Windows | None],
    minutes: int,
    gaps: Sequence[int],
) -> NDArray[np.int64]:
    """Add the starts at which a meeting may follow another of the same person.

    Somebody must be free for both. That one window holds both is not asked: what lies between them
    may be more than the ways to and from the two, where a table of ways says so.
    """
    distinct = list(dict.fromkeys(several))
    fresh = starts
    while fresh.size:
        ends = []
        for gap in gaps:
            after = fresh + minutes + gap
            both = can_start(distinct, fresh, minutes) & can_start(distinct, after, minutes)
            ends.append(after[both.any(axis=0)])
        fresh = np.setdiff1d(np.concatenate(ends), starts)
        starts = np.union1d(starts, fresh)
    return starts


def _liked_windows(meetings: Meetings, *tables: Profiles) -> list[Windows | None]:
    """Return the windows that anybody prefers."""
    text = meetings.prefer
    if text is None:
        return []
    if not text.isidentifier():
        return [parse_windows(text)]
    return [own for table in tables if text in table for own in table.windows(text)]


def _likes(meetings: Meetings, table: Profiles, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return who prefers which starts."""
    text = meetings.prefer
    if text is None or (text.isidentifier() and text not in table):
        return np.zeros((len(table), starts.size), np.bool_)
    if text.isidentifier():
        return can_start(table.windows(text), starts, meetings.minutes)
    one = can_start([parse_windows(text)], starts, meetings.minutes)
    return np.repeat(one, len(table), axis=0)


def _bind_with_travel(
    meetings: Meetings,
    coached: Profiles,
    coach: Profiles,
    windows: tuple[list[Windows | None], list[Windows | None]],
    known: list[NDArray[np.bool_]],
) -> MeetingTimes:
    """Return one slot for each start and kind of mentees: their school and modality."""
    mine, theirs = windows
    kinds = [(_school(coached, i), _modality(coached, i)) for i in range(len(coached))]
    partners = [(_school(coach, j), _modality(coach, j)) for j in range(len(coach))]
    schools = sorted({school for school, _ in (*kinds, *partners) if school})
    gap = np.array([[_between(meetings, a, b) or 0 for b in schools] for a in schools], np.int64)
    gap = gap.reshape(len(schools), len(schools))
    gaps = np.unique(np.append(gap, 0)).tolist()
    trimmed = {away: [w and trim_windows(w, away) for w in theirs] for away in gaps if away}
    trimmed[0] = theirs
    starts = candidate_starts(mine, *trimmed.values(), _liked_windows(meetings, coached, coach))
    starts = _spread_starts(starts, [*mine, *theirs], meetings.minutes, gaps)
    free = can_start(mine, starts, meetings.minutes)
    at = {
        away: can_start([w or () for w in side], starts, meetings.minutes)
        for away, side in trimmed.items()
    }
    kind_of = np.array([sorted(set(kinds)).index(kind) for kind in kinds], np.int64)
    blocks: list[tuple[NDArray[np.bool_], NDArray[np.bool_], int]] = []
    for number, (school, modality) in enumerate(sorted(set(kinds))):
        here = free & (kind_of == number)[:, None]
        there = np.zeros((len(coach), starts.size), np.bool_)
        virtual = np.zeros(len(coach), np.bool_)
        for j, (other, kind) in enumerate(partners):
            virtual[j] = "virtual" in (modality, kind) or modality == kind == "either"
            near = _between(meetings, school, other) if school and other else None
            if virtual[j] or near is not None:
                there[j] = at[0 if virtual[j] or near is None else near][j]
        blocks.append((here, there & ~virtual[:, None], schools.index(school) if school else -1))
        blocks.append((here, there & virtual[:, None], -1))
    start = np.tile(starts, len(blocks))
    row = np.hstack([np.empty((len(coached), 0), np.bool_), *(block[0] for block in blocks)])
    column = np.hstack([np.empty((len(coach), 0), np.bool_), *(block[1] for block in blocks)])
    where = np.repeat(np.array([block[2] for block in blocks], np.int64), starts.size)
    keep = np.flatnonzero(row.any(axis=0) & column.any(axis=0))
    keep = keep[np.lexsort((where[keep], start[keep]))]
    return MeetingTimes(
        start[keep],
        meetings.minutes,
        meetings.per_week,
        row[:, keep],
        column[:, keep],
        known[0],
        known[1],
        _likes(meetings, coached, start[keep]),
        _likes(meetings, coach, start[keep]),
        where[keep],
        gap,
    )
