"""The criterion about teaching styles: alike, or complementing each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
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

__all__ = ["StyleFit"]

_MODES = ("match", "complement")
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Ramp:
    """From no difference to the full width of a scale: 1 to 0, or 0 to 1; in millionths."""

    width: int
    rising: bool

    def units_of(self, difference: NDArray[np.int64], units: int) -> NDArray[np.int64]:
        """Return the units of differences."""
        apart = np.abs(difference)
        return divide_half_even(units * (apart if self.rising else self.width - apart), self.width)


@dataclass(frozen=True, slots=True, repr=False)
class StyleFit:
    """How well two teaching styles go together.

    Over all columns ``style_*`` that both tables have: 1 minus the mean distance, or the mean
    distance when styles should complement each other. The distance of a and b on a scale from lo
    to hi is |a - b| / (hi - lo). Known where all scales are given.

    Parameters
    ----------
    mode : {"match", "complement"}, default: "match"
        Whether alike or different is better.
    scale : (float, float), default: (1, 5)
        Lowest and highest answer, the same for all scales.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range, or, when bound to tables, an answer lies outside the
        scale; all faults at once.

    Examples
    --------
    >>> StyleFit(mode="complement", scale=(0, 1))
    StyleFit(mode='complement', scale=(0, 1))
    """

    mode: Literal["match", "complement"] = field(default="match", kw_only=True)
    scale: tuple[float, float] = field(default=(1, 5), kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        if self.mode not in _MODES:
            what = f"{self.mode!r} is no mode.{did_you_mean(str(self.mode), _MODES)}"
            faults.append(Fault(what, "mode"))
        ends: object = self.scale
        if (
            isinstance(ends, (tuple, list))
            and len(ends) == 2
            and all(is_number(end) and abs(end) <= _LARGEST for end in ends)
            and to_micro(ends[0]) < to_micro(ends[1])
        ):
            object.__setattr__(self, "scale", tuple(ends))
        else:
            what = f"expected the lowest and the highest answer such as (1, 5), found {ends!r}."
            faults.append(Fault(what, "scale"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "StyleFit"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "style_*"), ("coach", "style_*"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "opposite styles" if self.mode == "match" else "the same style"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no full set of styles", coached_known, coach_known)

    def _columns(self, coached: Profiles, coach: Profiles) -> list[str]:
        """Return the scales that both tables have, sorted."""
        both = set(coached.columns) & set(coach.columns)
        columns = sorted(column for column in both if column.startswith("style_"))
        if not columns:
            what = "the two tables have no style column in common."
            remedy = "Give the columns style_* of both tables the same names."
            refuse_faults(self, [Fault(what, "columns style_*", remedy)])
        return columns

    def _check(self, tables: tuple[Profiles, Profiles], columns: list[str]) -> None:
        """Refuse answers outside the scale."""
        low, high = self.scale
        faults, outside = [], []
        for table in tables if tables[0] is not tables[1] else tables[:1]:
            for column in columns:
                numbers = table.numbers(column)
                for row in np.flatnonzero((numbers < low) | (numbers > high)).tolist():
                    outside.append(float(numbers[row]))
                    what = f"{numbers[row]:g} is outside the scale {low:g} to {high:g}."
                    faults.append(Fault(what, f"{table.source}, {table.place(row, column)}"))
        if faults:
            ends = next(
                ends
                for ends in ((0, 1), (1, 5), (0, 5), (min(low, *outside), max(high, *outside)))
                if all(
                    ends[0] <= number <= ends[1]
                    for table in tables
                    for column in columns
                    for number in table.numbers(column)
                    if number == number
                )
            )
            remedy = f"Correct the cells or declare the scale: StyleFit(scale={ends})."
            last = faults[-1]
            faults[-1] = Fault(last.what, last.where, remedy)
            raise ProgramError("StyleFit cannot be used", faults)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear | Elementwise:
        """Return the integer units of all pairs."""
        columns = self._columns(coached, coach)
        self._check((coached, coach), columns)
        ramp = Ramp(to_micro(self.scale[1]) - to_micro(self.scale[0]), self.mode == "complement")
        known_coached = np.ones(len(coached), np.bool_)
        known_coach = np.ones(len(coach), np.bool_)
        scales = []
        for position, column in enumerate(columns):
            mine, gave_coached = read_micros(coached, column)
            theirs, gave_coach = read_micros(coach, column)
            known_coached &= gave_coached
            known_coach &= gave_coach
            part = units // len(columns) + (position < units % len(columns))
            scales.append(Scale(mine, theirs, ramp, part))
        return difference_term(scales, known_coached, known_coach)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        columns = self._columns(coached, coach)
        base, left_over = divmod(units, len(columns))
        low, high = (Fraction(to_micro(end), MICRO) for end in self.scale)
        total = 0
        for position, column in enumerate(columns):
            ends = float(coached.numbers(column)[i]), float(coach.numbers(column)[j])
            if any(end != end for end in ends):
                return None
            mine, theirs = (Fraction(to_micro(end), MICRO) for end in ends)
            distance = abs(mine - theirs) / (high - low)
            part = base + (1 if position < left_over else 0)
            total += round(part * (distance if self.mode == "complement" else 1 - distance))
        return total

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the answers of both, scale by scale."""
        columns = self._columns(coached, coach)
        return _say(coached, i, columns), _say(coach, j, columns)


def _say(profiles: Profiles, row: int, columns: list[str]) -> str:
    """Return ``"pace 3, tone 5"``."""
    texts = {column.removeprefix("style_"): profiles.texts(column)[row] for column in columns}
    return ", ".join(f"{scale} {text or 'not given'}" for scale, text in texts.items())
