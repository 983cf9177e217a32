"""Rules about earlier cycles: who must not meet again, and who comes first this time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints.bound import ForbiddenPairs, pair_keys
from pairmatch.scoring.history import History
from pairmatch.typed import check_all, is_count, typed_repr

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from pairmatch.constraints.bound import Roster
    from pairmatch.scoring import PairRule

__all__ = ["CarryOver", "NotAgain"]


def _is_history(history: object) -> tuple[bool, str, str]:
    legal = isinstance(history, History)
    return legal, f"history is {history!r}.", "Give read_history(file) or History().add(plan)."


@dataclass(frozen=True, slots=True, repr=False)
class NotAgain:
    """People who have been together, as a pair or in one group, are not put together again.

    It holds in both directions and between formats: members of one group do not become a pair.

    Parameters
    ----------
    history : History
        Earlier cycles.
    within : int or None, default: None
        Only people who were together in the last so many cycles, >= 1; None for ever.

    Raises
    ------
    ProgramError
        If ``history`` is none or ``within`` is no whole number >= 1.

    Examples
    --------
    >>> NotAgain(History(pairs=[(1, "T-1", "M-1")]), within=2)
    NotAgain(History(1 cycle: 1 pair, 0 groups, 0 people left out), within=2)
    """

    history: History
    within: int | None = None

    def __post_init__(self) -> None:
        check_all(
            "NotAgain",
            _is_history(self.history),
            (
                self.within is None or is_count(self.within, 1),
                f"within is {self.within!r}.",
                "Give a whole number of cycles >= 1, or leave it out for ever.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self, ("history",))

    def bind(self, coached: Roster, coach: Roster) -> PairRule:
        """Return the rule over these two tables."""
        rows = {str(person): i for i, person in enumerate(coached.ids)}
        columns = {str(person): j for j, person in enumerate(coach.ids)}
        pairs = [
            (rows[one], columns[other])
            for a, b in self.history.last_met
            if self._forbids(self.history.age(a, b))
            for one, other in ((a, b), (b, a))
            if one in rows and other in columns
        ]
        return ForbiddenPairs(
            "together before", self, coached, coach, pair_keys(pairs, len(coach.ids))
        )

    def _forbids(self, age: int | None) -> bool:
        return age is not None and (self.within is None or age <= self.within)

    def breach(self, coached: Roster, i: int, coach: Roster, j: int, score: Fraction) -> str | None:
        """Return why this pair breaks the rule, or None."""
        del score
        age = self.history.age(coached.ids[i], coach.ids[j])
        if not self._forbids(age):
            return None
        return "together in the last cycle" if age == 1 else f"together {age} cycles ago"


@dataclass(frozen=True, slots=True, repr=False)
class CarryOver:
    """Who was left out comes first: of all plans that match as many, one that serves them.

    Mentees are ranked by how many times in a row they were left out. As many as possible of those
    who waited longest are matched, then of the next, and so on, before scores count; so nobody is
    left out again and again where another could be. ``plan.price`` is what this costs the total.

    Parameters
    ----------
    history : History
        Earlier cycles.

    Raises
    ------
    ProgramError
        If ``history`` is none.

    Notes
    -----
    Which mentees can be matched together is a matroid (a transversal matroid, Edmonds and
    Fulkerson 1965, https://doi.org/10.6028/jres.069B.016), so serving some of them first never
    lowers the number that is matched. It is solved and proved as tiers of pairs.

    Examples
    --------
    >>> CarryOver(History(left_out=[(1, "T-4")]))
    CarryOver(History(1 cycle: 0 pairs, 0 groups, 1 person left out))
    """

    history: History

    def __post_init__(self) -> None:
        check_all("CarryOver", _is_history(self.history))

    def __repr__(self) -> str:
        return typed_repr(self, ("history",))

    @property
    def levels(self) -> tuple[int, ...]:
        """The different numbers of times that people were left out, largest first."""
        return tuple(sorted(set(self.history.waiting.values()), reverse=True))

    def bind(self, coached: Roster, coach: Roster) -> NDArray[np.int64]:
        """Return the tier of every pair: that of its mentee."""
        tiers = [self.tier_of(coached, i, coach, 0) for i in range(len(coached.ids))]
        column = np.array(tiers, dtype=np.int64)[:, None]
        return np.repeat(column, len(coach.ids), axis=1)

    def tier_of(self, coached: Roster, i: int, coach: Roster, j: int) -> int:
        """Return the tier of one pair: 0 for who waited longest, the last for who did not."""
        del coach, j
        waited = self.history.waiting.get(str(coached.ids[i]))
        return len(self.levels) if waited is None else self.levels.index(waited)
