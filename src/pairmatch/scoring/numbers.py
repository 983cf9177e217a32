"""Criteria about numbers: experience, and closeness in any column."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault
from pairmatch.scoring.criterion import (
    find_column_faults,
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.scoring.differences import (
    MICRO,
    Scale,
    difference_term,
    divide_half_even,
    read_micros,
    to_micro,
)
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.terms import Elementwise, Linear

__all__ = ["Closeness", "ExperienceGap"]

_LONGEST = 1_000_000


def read_micro(profiles: Profiles, row: int, column: str) -> int | None:
    """Return one number in millionths; None where the cell is blank."""
    number = float(profiles.numbers(column)[row])
    return None if number != number else to_micro(number)


@dataclass(frozen=True, slots=True)
class Tent:
    """0 outside low to high, 1/2 at both ends, 1 at the top, linear between; in millionths."""

    low: int
    top: int
    high: int

    def units_of(self, difference: NDArray[np.int64], units: int) -> NDArray[np.int64]:
        """Return the units of differences."""
        out = np.zeros(difference.shape, np.int64)
        out[difference == self.top] = units
        for end, beyond in ((self.low, difference < self.top), (self.high, difference > self.top)):
            width = abs(self.top - end)
            from_end = np.abs(difference - end)
            inside = beyond & (np.abs(difference - self.top) <= width)
            if width:
                out[inside] = divide_half_even(units * (width + from_end[inside]), 2 * width)
        return out


@dataclass(frozen=True, slots=True, repr=False)
class ExperienceGap:
    """How well the coach's lead in ``years`` of experience fits.

    The coach's years minus those of the coached person: worth 0 below ``at_least`` and above
    ``at_most``, 1/2 at both, 1 at ``ideal``, linear between.

    Parameters
    ----------
    at_least, ideal, at_most : float, default: 3, 8, 20
        Years, ``at_least <= ideal <= at_most``. Where an end is the ideal itself it is worth 1.
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
    >>> ExperienceGap(at_least=3, ideal=8, at_most=15, weight=2)
    ExperienceGap(at_most=15, weight=2)
    """

    at_least: float = field(default=3, kw_only=True)
    ideal: float = field(default=8, kw_only=True)
    at_most: float = field(default=20, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        limits = {"at_least": self.at_least, "ideal": self.ideal, "at_most": self.at_most}
        wrong = {
            name: years
            for name, years in limits.items()
            if not is_number(years) or abs(years) > _LONGEST
        }
        faults += [
            Fault(f"expected a number of years, found {years!r}.", name)
            for name, years in wrong.items()
        ]
        if not wrong and not self.at_least <= self.ideal <= self.at_most:
            what = f"expected at_least <= ideal <= at_most, found {self.at_least}, {self.ideal}"
            faults.append(Fault(f"{what}, {self.at_most}.", "at_least, ideal, at_most"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "ExperienceGap"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "years"), ("coach", "years"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return f"experience gap outside {self.at_least:g} to {self.at_most:g} years"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no years of experience", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear | Elementwise:
        """Return the integer units of all pairs."""
        mine, known_coached = read_micros(coached, "years")
        theirs, known_coach = read_micros(coach, "years")
        tent = Tent(to_micro(self.at_least), to_micro(self.ideal), to_micro(self.at_most))
        return difference_term([Scale(mine, theirs, tent, units)], known_coached, known_coach)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = read_micro(coached, i, "years"), read_micro(coach, j, "years")
        if mine is None or theirs is None:
            return None
        gap = Fraction(theirs - mine, MICRO)
        low, top, high = (
            Fraction(to_micro(years), MICRO) for years in (self.at_least, self.ideal, self.at_most)
        )
        if gap == top:
            return units
        if not low <= gap <= high:
            return 0
        end = low if gap < top else high
        return round(units * (1 + (gap - end) / (top - end)) / 2)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the years of both."""
        return show_cell(coached, i, "years"), show_cell(coach, j, "years")


@dataclass(frozen=True, slots=True)
class Slope:
    """1 at no difference, falling to 0 at ``width``; in millionths."""

    width: int

    def units_of(self, difference: NDArray[np.int64], units: int) -> NDArray[np.int64]:
        """Return the units of differences."""
        near = self.width - np.minimum(np.abs(difference), self.width)
        return divide_half_even(units * near, self.width)


@dataclass(frozen=True, slots=True, repr=False)
class Closeness:
    """How near two people are to each other in a column of numbers.

    max(0, 1 - |a - b| / within) for the two numbers a and b.

    Parameters
    ----------
    column : str
        Any column of numbers, such as ``"km"``.
    within : float
        Difference from which on the pair is worth 0, > 0.
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
    >>> Closeness("km", within=10)
    Closeness('km', within=10)
    """

    column: str = field(metadata={"leading": True})
    within: float = field(kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        faults += find_column_faults(self.column)
        if not is_number(self.within) or not 1 / MICRO <= self.within <= _LONGEST:
            what = f"expected a number from 0.000001 to 1,000,000, found {self.within!r}."
            faults.append(Fault(what, "within"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"Closeness({self.column}, within={self.within})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", self.column), ("coach", self.column))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return f"{self.column} differs by {self.within:g} or more"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown(f"no {self.column}", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear | Elementwise:
        """Return the integer units of all pairs."""
        mine, known_coached = read_micros(coached, self.column)
        theirs, known_coach = read_micros(coach, self.column)
        slope = Slope(to_micro(self.within))
        return difference_term([Scale(mine, theirs, slope, units)], known_coached, known_coach)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = read_micro(coached, i, self.column), read_micro(coach, j, self.column)
        if mine is None or theirs is None:
            return None
        away = Fraction(abs(theirs - mine), to_micro(self.within))
        return round(units * max(Fraction(0), 1 - away))

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the two numbers."""
        return show_cell(coached, i, self.column), show_cell(coach, j, self.column)
