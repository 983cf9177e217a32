"""A rule about time: every pair gets meetings of its own in the week, and nobody two at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pairmatch.constraints.meeting_times import (
    JointSlot,
    bind_times,
    meeting_windows,
    missing_columns,
    travel_minutes,
)
from pairmatch.errors import ProgramError
from pairmatch.profiles.phrases import parse_windows
from pairmatch.profiles.spans import common_windows, trim_windows
from pairmatch.profiles.week import WEEK_MINUTES
from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

if TYPE_CHECKING:
    from fractions import Fraction

    from pairmatch.constraints.meeting_times import MeetingTimes
    from pairmatch.profiles import Profiles

__all__ = ["Meetings"]


@dataclass(frozen=True, slots=True, repr=False)
class Meetings:
    """Every pair meets at times of its own, free for both, and nobody is ever double-booked.

    The times are chosen together with the pairs, not after them: a pair is formed only if its
    meetings fit next to all others of its mentor. In groups, the meetings are joint to all members.

    Parameters
    ----------
    minutes : int, default: 45
        Length of a meeting.
    per_week : int, default: 1
        Meetings of each pair (or group) a week; they do not overlap.
    within : str or None, default: None
        Weekly windows in which meetings must lie, such as ``"Mon-Fri 07:30-16:30"``, or the name
        of a column with windows of each person (contract time, for instance).
    not_within : str or None, default: None
        Weekly windows that meetings must not touch, or the name of a column of them; a blank cell
        takes nothing away.
    travel : int, mapping or None, default: None
        Minutes between any two different schools, or ``{school: {school: minutes}}`` (one
        direction is enough). An in-person meeting takes place at the mentee's school; the mentor
        needs these minutes of free time before and after it, and between two meetings at different
        schools. A meeting is virtual, and needs none, if one of the two is ``virtual`` in the
        column ``modality``, or both are ``either``.
    prefer : str or None, default: None
        Weekly windows, or a column of them, in which meetings should lie: among all plans that are
        equally good otherwise, one with most meetings inside (of a column, counted for each
        person).
    unknown : {"forbid", "allow"}, default: "forbid"
        What to do with people whose free time is unknown. If allowed, their meetings have no time.

    Raises
    ------
    ProgramError
        If a number is out of range or windows cannot be read; everything at once.

    Notes
    -----
    Free time is the column ``free`` without ``busy``. Meetings begin at few minutes of the week,
    and nothing is lost by that. Of the timetables of some pairs with as many meetings at preferred
    times as can be, take one whose starts have the least sum. No meeting of it can begin a
    minute earlier: so it begins where free time of one of its people begins (of the mentor: and the
    way is over), or a preferred window does, or where another meeting of one of them ends (and the
    way from there is over). Followed back from meeting to meeting, every start is the beginning of
    some window plus lengths of meetings and ways, each of them between two meetings that one person
    has time for; and all such sums are tried.

    Examples
    --------
    >>> Meetings(minutes=30, within="Mon-Fri 07:30-16:30")
    Meetings(minutes=30, within='Mon-Fri 07:30-16:30')
    """

    minutes: int = 45
    per_week: int = 1
    within: str | None = None
    not_within: str | None = None
    travel: int | Mapping[str, Mapping[str, int]] | None = None
    prefer: str | None = None
    unknown: Literal["forbid", "allow"] = "forbid"

    def __post_init__(self) -> None:
        given: Any = self.travel
        if isinstance(given, Mapping):
            rows = {
                str(a): FrozenMap({str(b): n for b, n in row.items()})
                if isinstance(row, Mapping)
                else row
                for a, row in given.items()
            }
            object.__setattr__(self, "travel", FrozenMap(rows))
        check_all(
            "Meetings",
            (
                is_count(self.minutes, 1) and self.minutes <= WEEK_MINUTES,
                f"minutes is {self.minutes!r}.",
                "Give whole minutes from 1 to 10,080.",
            ),
            (
                is_count(self.per_week, 1) and self.per_week <= 50,
                f"per_week is {self.per_week!r}.",
                "Give a whole number from 1 to 50.",
            ),
            _windows_check("within", self.within),
            _windows_check("not_within", self.not_within),
            _windows_check("prefer", self.prefer),
            *_travel_checks(self.travel),
            (
                self.unknown in ("forbid", "allow"),
                f"unknown is {self.unknown!r}.",
                "Give 'forbid' or 'allow'.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)

    def bind(
        self, coached: Profiles, coach: Profiles, *, several_coaches: bool = False
    ) -> JointSlot:
        """Return the rule over these two tables: a pair needs a joint time.

        Parameters
        ----------
        coached, coach : Profiles
            The two tables.
        several_coaches : bool, default: False
            Whether a coached person may meet several coaches.

        Raises
        ------
        ProgramError
            If a table lacks a column that is needed.
        """
        times = self.times(coached, coach, several_coaches=several_coaches)
        return JointSlot(repr(self), self, coached, coach, times)

    def times(
        self, coached: Profiles, coach: Profiles, *, several_coaches: bool = False
    ) -> MeetingTimes:
        """Return the possible starts, and who is free for a meeting at each of them.

        Parameters
        ----------
        coached, coach : Profiles
            The two tables.
        several_coaches : bool, default: False
            Whether a coached person may meet several coaches.

        Raises
        ------
        ProgramError
            If a table lacks a column that is needed.
        """
        faults = missing_columns(self, coached, coach)
        if faults:
            raise ProgramError("Meetings do not fit the tables", faults)
        return bind_times(self, coached, coach, several_coaches=several_coaches)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why this pair can have no meetings, or None; plain Python from the cells."""
        del score
        mine, theirs = meeting_windows(self, coached, i), meeting_windows(self, coach, j)
        if isinstance(mine, str):
            who = "either" if isinstance(theirs, str) else "the mentee"
            return None if self.unknown == "allow" else f"{mine} given by {who}"
        if isinstance(theirs, str):
            return None if self.unknown == "allow" else f"{theirs} given by the mentor"
        away = travel_minutes(self, coached, i, coach, j)
        if isinstance(away, str):
            return away
        joint = common_windows(mine, trim_windows(theirs, away) if away else theirs)
        room = sum((end - start) // self.minutes for start, end in joint)
        if room >= self.per_week:
            return None
        return self.short_reason

    @property
    def short_reason(self) -> str:
        """Why a pair whose free time is known cannot meet."""
        if self.per_week == 1:
            return f"no joint {self.minutes}-minute slot"
        return f"no {self.per_week} joint {self.minutes}-minute slots a week"


def _windows_check(name: str, text: Any) -> tuple[bool, str, str]:
    """Windows or the name of a column; what looks like neither is read aloud."""
    if text is None:
        return True, "", ""
    if not isinstance(text, str) or not text.strip():
        remedy = "Give windows such as 'Mon-Fri 07:30-16:30', or the name of a column."
        return False, f"{name} is {text!r}.", remedy
    if is_column(text):
        return True, "", ""
    try:
        found = parse_windows(text)
    except ValueError as error:
        return False, f"{name} is {text!r}: {error}.", ""
    return bool(found), f"{name} is {text!r}, which is no window at all.", "Leave it out."


def is_column(text: str) -> bool:
    """Return whether a text names a column, where it could be windows too."""
    return text.isidentifier() and text.casefold() != "none"


def _travel_checks(travel: Any) -> list[tuple[bool, str, str]]:
    remedy = "Give minutes, or {school: {school: minutes}}."
    if travel is None or is_count(travel):
        return []
    if not isinstance(travel, Mapping):
        return [(False, f"travel is {travel!r}.", remedy)]
    return [
        (is_count(n), f"travel from {a} to {b} is {n!r}.", "Give whole minutes >= 0.")
        for a, row in travel.items()
        for b, n in (row.items() if isinstance(row, Mapping) else [("elsewhere", row)])
        if not is_count(n) or not isinstance(row, Mapping)
    ] + [
        (False, f"travel from {a} is {row!r}.", remedy)
        for a, row in travel.items()
        if is_count(row)
    ]
