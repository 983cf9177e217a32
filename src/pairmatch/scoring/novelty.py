"""Criteria about earlier cycles: new company, and the mentor one already has."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import Fault
from pairmatch.scoring.criterion import find_common_faults, refuse_faults, show
from pairmatch.scoring.history import History
from pairmatch.scoring.listed import ListedPairs
from pairmatch.typed import is_count, is_number

if TYPE_CHECKING:
    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side

__all__ = ["Continuity", "Novelty"]


def _history_faults(history: object) -> list[Fault]:
    if isinstance(history, History):
        return []
    what = f"expected a History, found {history!r}."
    return [Fault(what, "history", "Give read_history(file) or History().add(plan).")]


@dataclass(frozen=True, slots=True, repr=False)
class Novelty:
    """How long ago two people were last together, as a pair or in one group.

    Worth 1 if never, and ``1 - decay ** (age - 1)`` if it was ``age`` cycles ago: 0 for the last
    cycle, then 1/2, 3/4, ... with the default. It holds in both directions.

    Parameters
    ----------
    history : History
        Earlier cycles.
    decay : float, default: 0.5
        What remains of the penalty after each cycle, in [0, 1]; 1 never forgets.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        Without effect: it is known of every pair.

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.

    Examples
    --------
    >>> Novelty(History(pairs=[(1, "T-1", "M-1")]), decay=0.8, weight=2)
    Novelty(History(1 cycle: 1 pair, 0 groups, 0 people left out), decay=0.8, weight=2)
    """

    history: History = field(metadata={"leading": True})
    decay: float = field(default=0.5, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing) + _history_faults(self.history)
        if not is_number(self.decay) or not 0 <= self.decay <= 1:
            faults.append(Fault(f"expected a number from 0 to 1, found {self.decay!r}.", "decay"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "Novelty"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """No columns: ids are enough."""
        return ()

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "were together in the last cycle"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:  # noqa: ARG002
        """Return why the value of a pair is unknown: it never is."""
        return "no history"

    def _units(self, age: int | None, units: int) -> int:
        if age is None:
            return units
        return round(units * (1 - Fraction(str(float(self.decay))) ** (age - 1)))

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> ListedPairs:
        """Return the integer units of all pairs; O(earlier pairs) memory."""
        rows = {str(person): i for i, person in enumerate(coached.ids)}
        columns = {str(person): j for j, person in enumerate(coach.ids)}
        worth: dict[tuple[int, int], int] = {}
        for a, b in self.history.last_met:
            value = self._units(self.history.age(a, b), units)
            for one, other in ((a, b), (b, a)):
                if one in rows and other in columns:
                    worth[rows[one], columns[other]] = value
        known = np.ones(len(coached), np.bool_), np.ones(len(coach), np.bool_)
        return ListedPairs.collect(*known, worth, plain=units)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair."""
        return self._units(self.history.age(coached.ids[i], coach.ids[j]), units)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return when the two last met."""
        age = self.history.age(coached.ids[i], coach.ids[j])
        told = "never together" if age is None else f"together {_cycles(age)} ago"
        return told, told


@dataclass(frozen=True, slots=True, repr=False)
class Continuity:
    """Whether the mentor is the one of the last cycle: 1 or 0; unknown for who had none then.

    Made a rule by ``Require(Continuity(history), unknown="allow")``: who has a mentor keeps the
    mentor, as long as both are there.

    Parameters
    ----------
    history : History
        Earlier cycles.
    cycles : int or None, default: 2
        How many cycles a pair should last, >= 2 (two: the same mentor in the second induction
        year). Pairs that have lasted as long no longer count, and become unknown; None for no
        such limit.
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
    >>> Continuity(History(), cycles=3)
    Continuity(History(0 cycles: 0 pairs, 0 groups, 0 people left out), cycles=3)
    """

    history: History = field(metadata={"leading": True})
    cycles: int | None = field(default=2, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing) + _history_faults(self.history)
        if self.cycles is not None and not is_count(self.cycles, 2):
            what = f"expected a whole number >= 2, or None, found {self.cycles!r}."
            faults.append(Fault(what, "cycles"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "Continuity"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """No columns: ids are enough."""
        return ()

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "not the mentor of the last cycle"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:  # noqa: ARG002
        """Return why the value of a pair is unknown."""
        return "no mentor in the last cycle who could go on"

    def _mentors(self, mentee: Any, coach_ids: Any) -> list[str]:
        """Return the mentors of the last cycle who are there and may go on."""
        lasted = self.history.current_mentors.get(str(mentee), {})
        limit = self.cycles
        return [m for m, n in lasted.items() if m in coach_ids and (limit is None or n < limit)]

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> ListedPairs:
        """Return the integer units of all pairs; O(earlier pairs) memory."""
        columns = {str(person): j for j, person in enumerate(coach.ids)}
        kept = [self._mentors(mentee, columns) for mentee in coached.ids]
        worth = {(i, columns[m]): units for i, mentors in enumerate(kept) for m in mentors}
        has = np.array([bool(mentors) for mentors in kept], np.bool_)
        return ListedPairs.collect(has, np.ones(len(coach), np.bool_), worth)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair; None if the mentee has nobody to go on with."""
        mentors = self._mentors(coached.ids[i], coach.ids)
        if not mentors:
            return None
        return units if str(coach.ids[j]) in mentors else 0

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:  # noqa: ARG002
        """Return the mentors of the last cycle."""
        lasted = self.history.current_mentors.get(str(coached.ids[i]), {})
        told = "; ".join(f"{mentor} for {_cycles(n)}" for mentor, n in lasted.items())
        return told or "not given", ""


def _cycles(n: int) -> str:
    return "one cycle" if n == 1 else f"{n} cycles"
