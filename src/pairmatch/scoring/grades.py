"""The criterion about grades, by ordinal distance."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from pairmatch.errors import Fault
from pairmatch.profiles.cells import GRADES
from pairmatch.scoring.credits import (
    Entries,
    read_cell,
    read_entries,
    share_term,
    share_units,
)
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.terms import Linear

__all__ = ["GradeMatch"]


def to_grade_keys(label: str) -> tuple[str, ...]:
    """Return the sort key of a grade: PK is 00, K is 01, grade 1 is 02 and so on."""
    return (f"{GRADES.index(label):02d}",)


@dataclass(frozen=True, slots=True, repr=False)
class GradeMatch:
    """How near the coach's grades are to those of the coached person.

    The mean, over the coached person's ``grades``, of the best credit among the coach's. Two
    grades d steps apart on PK, K, 1, ..., 12 have credit max(0, 1 - d / (within + 1)).

    Parameters
    ----------
    within : int, default: 2
        Largest distance that still counts, in grades; 0 for the same grade only.
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
    >>> GradeMatch(within=1)
    GradeMatch(within=1)
    """

    within: int = field(default=2, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        if not is_number(self.within) or self.within != int(self.within) or self.within < 0:
            what = f"expected a whole number of grades, at least 0, found {self.within!r}."
            faults.append(Fault(what, "within"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "GradeMatch"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "grades"), ("coach", "grades"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return f"no grade within {int(self.within)}" if self.within else "no grade in common"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no grade", coached_known, coach_known)

    def _credits(self, key: str) -> dict[str, Fraction]:
        """Return the grades that earn credit for a grade."""
        return _tabulate(int(key), int(self.within))

    def read_sides(self, coached: Profiles, coach: Profiles) -> tuple[Entries, Entries]:
        """Return the grades of both tables."""
        mine = read_entries(coached, "grades", to_grade_keys)
        return mine, read_entries(coach, "grades", to_grade_keys)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear:
        """Return the integer units of all pairs."""
        return share_term(*self.read_sides(coached, coach), self._credits, units)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = read_cell(coached, i, "grades"), read_cell(coach, j, "grades")
        if mine is None or theirs is None:
            return None
        own = {key for label in mine for key in to_grade_keys(label)}
        others = {key for label in theirs for key in to_grade_keys(label)}
        return share_units(own, others, self._credits, units)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the grades of both."""
        return show_cell(coached, i, "grades"), show_cell(coach, j, "grades")


@lru_cache(maxsize=128)
def _tabulate(key: int, reach: int) -> dict[str, Fraction]:
    """Return the credit of every grade within reach."""
    grades = range(max(0, key - reach), min(len(GRADES), key + reach + 1))
    return {f"{grade:02d}": Fraction(reach + 1 - abs(grade - key), reach + 1) for grade in grades}
