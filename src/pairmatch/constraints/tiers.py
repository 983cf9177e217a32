"""Ordered proximity: as many of the first kind of pair as possible, then of the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.scoring import FULL
from pairmatch.typed import check_all, typed_repr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles

__all__ = ["Tiers"]


@dataclass(frozen=True, slots=True, repr=False)
class Tiers:
    """As many pairs of the first tier as possible, then of the second, and so on; then scores.

    Under objective "coverage", tiers come after matching as many as possible.

    Parameters
    ----------
    levels : sequence
        From the most to the least wanted: a criterion, or a list of criteria that must all hold. A
        criterion holds where it is known and above 0; pairs of no level come last.

    Raises
    ------
    ProgramError
        If there is no level or something is no criterion.

    Examples
    --------
    >>> from pairmatch import GradeMatch, SameSchool
    >>> Tiers([[SameSchool(), GradeMatch(within=0)], GradeMatch(within=0), SameSchool()])
    Tiers([[SameSchool(), GradeMatch(within=0)], GradeMatch(within=0), SameSchool()])
    """

    levels: Sequence[Any]

    def __post_init__(self) -> None:
        given: Any = self.levels
        levels = tuple(
            tuple(level) if isinstance(level, Sequence) else level
            for level in (given if isinstance(given, Sequence) else ())
        )
        object.__setattr__(self, "levels", levels)
        flat = [c for level in levels for c in (level if isinstance(level, tuple) else (level,))]
        check_all(
            "Tiers",
            (bool(levels), "there is no level.", "Give a list of criteria, best first."),
            *(
                (
                    hasattr(criterion, "pair_units"),
                    f"{criterion!r} is no criterion.",
                    "Give values such as SameSchool().",
                )
                for criterion in flat
            ),
            (all(level != () for level in levels), "a level is empty.", "Give it a criterion."),
        )

    def __repr__(self) -> str:
        return typed_repr(self, ("levels",))

    @property
    def rules(self) -> tuple[tuple[Any, ...], ...]:
        """The criteria of each level."""
        return tuple(level if isinstance(level, tuple) else (level,) for level in self.levels)

    def bind(self, coached: Profiles, coach: Profiles) -> NDArray[np.int64]:
        """Return the tier of every pair: 0 for the first level, ``len(levels)`` for none."""
        shape = len(coached), len(coach)
        tier = np.full(shape, len(self.levels), dtype=np.int64)
        every = slice(0, shape[0]), slice(0, shape[1])
        for number, criteria in reversed(list(enumerate(self.rules))):
            holds = np.ones(shape, dtype=np.bool_)
            for criterion in criteria:
                term = criterion.bind(coached, coach, FULL)
                holds &= term.known(*every) & (term.block(*every) > 0)
            tier[holds] = number
        return tier

    def tier_of(self, coached: Profiles, i: int, coach: Profiles, j: int) -> int:
        """Return the tier of one pair, in plain Python from its cells."""
        for number, criteria in enumerate(self.rules):
            values = [criterion.pair_units(coached, i, coach, j, FULL) for criterion in criteria]
            if all(value is not None and value > 0 for value in values):
                return number
        return len(self.levels)
