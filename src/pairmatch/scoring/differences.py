"""Differences of numbers as exact integers, and the two ways to hold a function of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pairmatch.errors import Fault, ProgramError
from pairmatch.scoring.terms import Elementwise, Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles

__all__ = ["MICRO", "Scale", "difference_term", "divide_half_even", "read_micros", "to_micro"]

MICRO = 1_000_000
"""Numbers are compared to six decimals, so that 8.1 - 5.1 is exactly 3."""

MOST_LEVELS = 64
LARGEST = 1e12


def to_micro(number: float) -> int:
    """Return a number in millionths, rounded half-even."""
    return round(float(number) * MICRO)


def read_micros(profiles: Profiles, column: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column in millionths, 0 where blank, and where it is not blank."""
    numbers = profiles.numbers(column)
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 0.0)
    beyond = np.flatnonzero(np.abs(filled) > LARGEST)
    if beyond.size:
        what = "is too large to be compared; expected at most 1,000,000,000,000."
        faults = [Fault(what, profiles.place(int(row), column)) for row in beyond]
        raise ProgramError(f"{profiles.source} cannot be scored", faults)
    return np.rint(filled * MICRO).astype(np.int64), known


def divide_half_even(numerator: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """Divide integers >= 0 by one > 0, rounded half-even, without floats."""
    quotient, rest = np.divmod(numerator, denominator)
    rest *= 2
    quotient += (rest > denominator) | ((rest == denominator) & (quotient & 1 == 1))
    return quotient


class Curve(Protocol):
    """A function of the difference coach - coached, in units; picklable."""

    def units_of(self, difference: NDArray[np.int64], units: int) -> NDArray[np.int64]:
        """Return the units of differences in millionths."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """One number of each person on both sides, and what its difference is worth.

    Parameters
    ----------
    coached, coach : ndarray of int64, shapes (n,), (m,)
        The numbers in millionths; anything where unknown.
    curve : Curve
        What a difference is worth.
    units : int
        What the best difference is worth.
    """

    coached: NDArray[np.int64]
    coach: NDArray[np.int64]
    curve: Curve
    units: int

    def measure(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of pairs; anything where unknown."""
        return self.curve.units_of(self.coach[j] - self.coached[i], self.units)


@dataclass(frozen=True, slots=True, eq=False)
class SumOfScales:
    """The sum of what the differences on several scales are worth."""

    scales: tuple[Scale, ...]

    def measure(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of pairs; anything where unknown."""
        return sum((scale.measure(i, j) for scale in self.scales[1:]), self.scales[0].measure(i, j))


def difference_term(
    scales: Sequence[Scale], known_coached: NDArray[np.bool_], known_coach: NDArray[np.bool_]
) -> Linear | Elementwise:
    """Return the sum over scales as a table where one is small, else element by element.

    The table has one feature per distinct number of the side with fewer of them: "has this
    number" there, and on the other side the units of a pair with someone who has. Both forms give
    the same integers.
    """
    left: list[NDArray[np.int32]] = []
    right: list[NDArray[np.int32]] = []
    for scale in scales:
        mine, mine_of = np.unique(scale.coached[known_coached], return_inverse=True)
        theirs, theirs_of = np.unique(scale.coach[known_coach], return_inverse=True)
        if min(len(mine), len(theirs)) > MOST_LEVELS:
            kernel = scales[0] if len(scales) == 1 else SumOfScales(tuple(scales))
            return Elementwise(known_coached, known_coach, kernel)
        # At most 64 x the distinct numbers of the other side.
        table = scale.curve.units_of(theirs[None, :] - mine[:, None], scale.units).astype(np.int32)
        if len(mine) <= len(theirs):
            features = np.eye(len(mine), dtype=np.int32)[mine_of], table.T[theirs_of]
        else:
            features = table[mine_of], np.eye(len(theirs), dtype=np.int32)[theirs_of]
        used = features[0].any(axis=0) & features[1].any(axis=0)
        left.append(spread(features[0][:, used], known_coached))
        right.append(spread(features[1][:, used], known_coach))
    largest = sum(scale.units for scale in scales)
    return Linear(known_coached, known_coach, np.hstack(left), np.hstack(right), largest)


def spread(features: NDArray[np.int32], known: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return features of the known as features of all, 0 for the others."""
    out = np.zeros((len(known), features.shape[1]), np.int32)
    out[known] = features
    return out
