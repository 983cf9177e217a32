"""Criteria about place and time: the same school, and a time when both are free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import Fault, did_you_mean
from pairmatch.profiles.members import fold_entry
from pairmatch.profiles.week import WEEK_MINUTES
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.scoring.overlaps import find_begins, overlap_term
from pairmatch.scoring.terms import Elementwise, Linear
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.profiles.week import Windows
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.overlaps import Overlap

__all__ = ["CommonTime", "SameSchool", "read_free"]

_MOST_SCHOOLS = 64
_TIMES = ("free", "teaching")


@dataclass(frozen=True, slots=True, eq=False)
class SameCode:
    """Full units where two codes are equal."""

    coached: NDArray[np.int64]
    coach: NDArray[np.int64]
    units: int

    def measure(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of pairs; anything where unknown."""
        return np.where(self.coached[i] == self.coach[j], self.units, 0)


@dataclass(frozen=True, slots=True, repr=False)
class SameSchool:
    """Whether both work at the same site: 1 or 0.

    Compares ``school`` without regard to case and white space.

    Parameters
    ----------
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.

    Examples
    --------
    >>> SameSchool(missing="exclude")
    SameSchool(missing='exclude')
    """

    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        refuse_faults(self, find_common_faults(self.weight, self.missing))

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "SameSchool"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "school"), ("coach", "school"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "different schools"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no school", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear | Elementwise:
        """Return the integer units of all pairs."""
        mine = [fold_entry(text) for text in coached.texts("school").tolist()]
        theirs = [fold_entry(text) for text in coach.texts("school").tolist()]
        shared = sorted((set(mine) & set(theirs)) - {""})
        code_of = {school: code for code, school in enumerate(shared)}
        codes = np.array([code_of.get(school, -1) for school in mine], np.int64)
        other_codes = np.array([code_of.get(school, -2) for school in theirs], np.int64)
        known_coached = np.array([school != "" for school in mine], np.bool_)
        known_coach = np.array([school != "" for school in theirs], np.bool_)
        if len(shared) > _MOST_SCHOOLS:
            return Elementwise(known_coached, known_coach, SameCode(codes, other_codes, units))
        schools = np.arange(len(shared))
        here = (codes[:, None] == schools).astype(np.int32) * units
        there = (other_codes[:, None] == schools).astype(np.int32)
        return Linear(known_coached, known_coach, here.astype(np.int32), there, units)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = (
            fold_entry(str(table.texts("school")[row])) for table, row in ((coached, i), (coach, j))
        )
        if not mine or not theirs:
            return None
        return units if mine == theirs else 0

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the two schools."""
        return show_cell(coached, i, "school"), show_cell(coach, j, "school")


def read_free(profiles: Profiles, column: str = "free") -> tuple[Windows | None, ...]:
    """Return the windows in which each person is free and not busy; None where unknown.

    A blank ``busy`` takes nothing away. Of another column than ``free`` nothing is taken away.
    """
    free = profiles.windows(column)
    if column != "free" or "busy" not in profiles:
        return free
    busy = profiles.windows("busy")
    return tuple(
        None if own is None else subtract(own, taken or ())
        for own, taken in zip(free, busy, strict=True)
    )


def subtract(windows: Windows, taken: Windows) -> Windows:
    """Return what is left of merged windows without others.

    Examples
    --------
    >>> subtract(((0, 60), (90, 120)), ((30, 40), (90, 120)))
    ((0, 30), (40, 60))
    """
    left = []
    for start, end in windows:
        for busy_start, busy_end in taken:
            if busy_start < end and start < busy_end:
                if start < busy_start:
                    left.append((start, busy_start))
                start = busy_end
        if start < end:
            left.append((start, end))
    return tuple(left)


@dataclass(frozen=True, slots=True, repr=False)
class CommonTime:
    """Whether both are free together for long enough at least once a week: 1 or 0.

    Compares the windows ``free``, without those in ``busy`` where that column is there, at a
    resolution of one minute. With ``coached="teaching"`` it asks whether the coach can observe:
    is free while the coached person teaches.

    Parameters
    ----------
    minutes : int, default: 45
        Length of the meeting, 1 to 10,080.
    coached, coach : {"free", "teaching"}, default: "free"
        Which windows of the coached person, and of the coach, have to overlap.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.

    Examples
    --------
    >>> CommonTime(minutes=30)
    CommonTime(minutes=30)
    """

    minutes: int = field(default=45, kw_only=True)
    coached: Literal["free", "teaching"] = field(default="free", kw_only=True)
    coach: Literal["free", "teaching"] = field(default="free", kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        whole = is_number(self.minutes) and self.minutes == int(self.minutes)
        if not whole or not 1 <= self.minutes <= WEEK_MINUTES:
            what = f"expected whole minutes from 1 to 10,080, found {self.minutes!r}."
            faults.append(Fault(what, "minutes"))
        for side in ("coached", "coach"):
            column = getattr(self, side)
            if column not in _TIMES:
                near = did_you_mean(str(column), _TIMES)
                faults.append(Fault(f"{column!r} is no column of this kind.{near}", side))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        if self.coached == self.coach == "free":
            return "CommonTime"
        return f"CommonTime({self.coached}, {self.coach})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", self.coached), ("coach", self.coach))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        if self.coached == self.coach:
            return f"no joint {int(self.minutes)} minutes"
        teaches, other = (
            ("mentee", "mentor") if self.coached == "teaching" else ("mentor", "mentee")
        )
        return (
            f"no {int(self.minutes)} minutes in which the {teaches} teaches and the {other} is free"
        )

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        column = self.coach if coached_known else self.coached
        return say_unknown(f"no {column} time", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Overlap:
        """Return the integer units of all pairs."""
        mine, theirs = read_free(coached, self.coached), read_free(coach, self.coach)
        begins, *both = find_begins(mine, theirs, int(self.minutes))
        here, there = thin(*both)
        return overlap_term(
            np.array([windows is not None for windows in mine], np.bool_),
            np.array([windows is not None for windows in theirs], np.bool_),
            here,
            there,
            units,
            begins,
        )

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = coached.windows(self.coached)[i], coach.windows(self.coach)[j]
        if mine is None or theirs is None:
            return None
        busy = [
            window
            for table, row, column in ((coached, i, self.coached), (coach, j, self.coach))
            if column == "free" and "busy" in table
            for window in table.windows("busy")[row] or ()
        ]
        for start, end in mine:
            for other_start, other_end in theirs:
                joint = max(start, other_start), min(end, other_end)
                # An earliest meeting begins with the window or as somebody stops being busy.
                for begin in (joint[0], *(stop for _, stop in busy)):
                    finish = begin + int(self.minutes)
                    if joint[0] <= begin and finish <= joint[1]:
                        clash = any(begin < stop and from_ < finish for from_, stop in busy)
                        if not clash:
                            return units
        return 0

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return when the two are free, or teach."""
        return show_cell(coached, i, self.coached), show_cell(coach, j, self.coach)


def thin(
    here: NDArray[np.bool_], there: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Drop starts that one side cannot use, and those that a neighbouring start makes needless.

    A start is needless if everybody who could meet then can also meet at the next or the last one
    that stays.
    """
    keep = here.any(axis=0) & there.any(axis=0)
    while not keep.all():
        here, there = here[:, keep], there[:, keep]
        keep = np.ones(here.shape[1], np.bool_)
        later = _within(here[:, :-1], here[:, 1:]) & _within(there[:, :-1], there[:, 1:])
        if later.any():
            keep[:-1] = ~later
            continue
        earlier = _within(here[:, 1:], here[:, :-1]) & _within(there[:, 1:], there[:, :-1])
        keep[1:] = ~earlier
    return here, there


def _within(some: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether each column of ``some`` is a subset of that of ``others``."""
    outside: NDArray[np.bool_] = np.any(some & ~others, axis=0)
    return ~outside
