"""The criterion about how people want to meet: in person, virtually, or either."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import Fault, did_you_mean
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.scoring.terms import Linear

if TYPE_CHECKING:
    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side

__all__ = ["ModalityMatch"]

_WAYS = ("in_person", "virtual")
_ANSWERS = (*_WAYS, "either")


def _ways(answer: str) -> frozenset[str]:
    """Return the ways in which somebody can meet."""
    return frozenset(_WAYS) if answer == "either" else frozenset({answer})


@dataclass(frozen=True, slots=True, repr=False)
class ModalityMatch:
    """Whether both can meet in the same way: 1 or 0.

    Compares ``modality``: ``in_person``, ``virtual`` or ``either``, which goes with both.

    Parameters
    ----------
    by : {"in_person", "virtual"} or None, default: None
        The way that both must be able to meet in; None for any that they share.
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
    >>> ModalityMatch(by="virtual")
    ModalityMatch(by='virtual')
    """

    by: Literal["in_person", "virtual"] | None = field(default=None, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        if self.by is not None and self.by not in _WAYS:
            what = f"{self.by!r} is no way to meet.{did_you_mean(str(self.by), _WAYS)}"
            faults.append(Fault(what, "by"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "ModalityMatch" if self.by is None else f"ModalityMatch({self.by})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "modality"), ("coach", "modality"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "no way to meet in common" if self.by is None else f"not both {self.by}"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no modality", coached_known, coach_known)

    def _goes(self, mine: str, theirs: str) -> bool:
        shared = _ways(mine) & _ways(theirs)
        return bool(shared) if self.by is None else self.by in shared

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear:
        """Return the integer units of all pairs."""
        mine, theirs = (np.asarray(table["modality"], str) for table in (coached, coach))
        known = np.isin(mine, _ANSWERS), np.isin(theirs, _ANSWERS)
        here = np.stack([mine == answer for answer in _ANSWERS], axis=1)
        fits = [[self._goes(a, b) for a in _ANSWERS] for b in _ANSWERS]
        there = np.stack([theirs == answer for answer in _ANSWERS], axis=1).astype(np.int32)
        return Linear(
            known_coached=known[0],
            known_coach=known[1],
            coached=here.astype(np.int32) * np.int32(units),
            coach=there @ np.array(fits, np.int32),
            largest=units,
        )

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = str(coached["modality"][i]), str(coach["modality"][j])
        if mine not in _ANSWERS or theirs not in _ANSWERS:
            return None
        return units if self._goes(mine, theirs) else 0

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return what the two answered."""
        return show_cell(coached, i, "modality"), show_cell(coach, j, "modality")
