"""Rules about any two members of a group: they differ, or are not too far apart."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints.cells import DIGITS, entries_of, number_of
from pairmatch.constraints.columns import OfColumn, column_check
from pairmatch.profiles.members import fold_entry
from pairmatch.typed import check_all, is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles

__all__ = ["Different", "Spread", "scaled_numbers"]


@dataclass(frozen=True, slots=True, repr=False)
class Different(OfColumn):
    """Any two members of a group differ in a column: no entry is shared.

    Parameters
    ----------
    column : str
        A column of the table; of a list, no entry may be shared.

    Raises
    ------
    ProgramError
        If the name is missing.

    Notes
    -----
    Known values only: a blank cell differs from everything.

    Examples
    --------
    >>> Different("school")
    Different('school')
    """

    column: str

    def __post_init__(self) -> None:
        check_all("Different", column_check(self.column))

    def bind(self, coached: Profiles, coach: Profiles) -> CompanyTest:
        """Return the rule over these two tables."""
        matrices = []
        labels: dict[str, int] = {}
        for table in (coached, coach):
            members = table.members(self.column)
            folded = [labels.setdefault(fold_entry(label), len(labels)) for label in members.labels]
            matrices.append((members.matrix, folded))
        here, there = (_spread_columns(matrix, places, len(labels)) for matrix, places in matrices)
        return CompanyTest(repr(self), self, coached, coach, here, there, 0)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why these two break the rule, or None; plain Python from the cells."""
        del score
        shared = entries_of(coached, self.column, i) & entries_of(coach, self.column, j)
        return f"same {self.column} ({'; '.join(sorted(shared))})" if shared else None


@dataclass(frozen=True, slots=True, repr=False)
class Spread(OfColumn):
    """Any two members of a group are at most so far apart in a number.

    Parameters
    ----------
    column : str
        A column of numbers.
    at_most : float
        Largest difference between two members, >= 0, in units of the column.

    Raises
    ------
    ProgramError
        If ``at_most`` is no number >= 0.

    Notes
    -----
    Known values only, to six decimals: who has no number is near to everybody.

    Examples
    --------
    >>> Spread("years", at_most=15)
    Spread('years', at_most=15)
    """

    column: str
    at_most: float

    def __post_init__(self) -> None:
        check_all(
            "Spread",
            column_check(self.column),
            (
                is_number(self.at_most) and self.at_most >= 0,
                f"at_most is {self.at_most!r}.",
                "Give a number >= 0.",
            ),
        )

    def bind(self, coached: Profiles, coach: Profiles) -> CompanyTest:
        """Return the rule over these two tables."""
        limit = floor(Fraction(str(self.at_most)) * 10**DIGITS)
        here, there = (scaled_numbers(table, self.column) for table in (coached, coach))
        return CompanyTest(repr(self), self, coached, coach, here, there, limit)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why these two break the rule, or None; plain Python from the cells."""
        del score
        mine, theirs = number_of(coached, self.column, i), number_of(coach, self.column, j)
        if mine is None or theirs is None or abs(mine - theirs) <= Fraction(str(self.at_most)):
            return None
        apart = float(abs(mine - theirs))
        return f"{apart:g} apart in {self.column}, at most {self.at_most:g} are allowed"


@dataclass(frozen=True, slots=True, eq=False)
class CompanyTest:
    """A rule about two people, over two tables: shared entries, or a difference of numbers."""

    name: str
    constraint: Different | Spread
    coached: Profiles
    coach: Profiles
    here: NDArray[Any]
    there: NDArray[Any]
    limit: int

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        why = self.constraint.breach(self.coached, i, self.coach, j, Fraction(0))
        return why or self.name

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[Any],  # noqa: ARG002 - whatever the score
    ) -> NDArray[np.bool_]:
        """Return which of these pairs break the rule."""
        forbidden: NDArray[np.bool_]
        if isinstance(self.constraint, Spread):
            known = (self.here[i] != _UNKNOWN) & (self.there[j] != _UNKNOWN)
            forbidden = known & (abs(self.here[i] - self.there[j]) > self.limit)
        elif i.ndim == 2:
            forbidden = self.here[i[:, 0]] @ self.there[j[0]].T > 0
        else:
            forbidden = (self.here[i] * self.there[j]).sum(axis=1) > 0
        return forbidden


_UNKNOWN = np.iinfo(np.int64).min // 4


def scaled_numbers(table: Profiles, column: str) -> NDArray[np.int64]:
    """Return a column of numbers in millionths; a very low number where unknown."""
    numbers = [number_of(table, column, row) for row in range(len(table))]
    scaled = [_UNKNOWN if x is None else int(x * 10**DIGITS) for x in numbers]
    return np.array(scaled, np.int64)


def _spread_columns(
    matrix: NDArray[np.bool_], places: list[int], n_labels: int
) -> NDArray[np.float32]:
    """Return who has which of the labels of both tables."""
    spread = np.zeros((len(matrix), n_labels), np.float32)
    spread[:, places] = matrix
    return spread
