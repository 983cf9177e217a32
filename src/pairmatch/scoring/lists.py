"""Criteria about other lists: strengths that cover goals, and things in common."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import Fault, did_you_mean
from pairmatch.profiles.members import fold_entry
from pairmatch.scoring.credits import Entries, read_cell, read_entries, share_term, share_units
from pairmatch.scoring.criterion import (
    find_column_faults,
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.scoring.terms import Shaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.terms import Index, Linear

__all__ = ["GoalCoverage", "Similarity"]

_MODES = ("match", "complement")


@dataclass(frozen=True, slots=True, repr=False)
class GoalCoverage:
    """The share of the coached person's goals that the coach's strengths cover.

    Compares ``goals`` with ``strengths``, without regard to case and white space. A coached
    person with the cell ``none`` has no goals to cover: unknown.

    Parameters
    ----------
    also : sequence of str, optional
        Goals of the district or the initiative, which count as goals of everyone. A coached
        person who gave no goals then has just these, and is known.
    own : bool, default: True
        Whether own goals count; False looks at nothing but those in ``also``.
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
    >>> GoalCoverage(also=["AI tools"], weight=3)
    GoalCoverage(also=['AI tools'], weight=3)
    """

    also: Sequence[str] = field(
        default=(), kw_only=True, metadata={"show": lambda goals: repr(list(goals))}
    )
    own: bool = field(default=True, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        own: object = self.own
        if not isinstance(own, bool):
            faults.append(Fault(f"expected True or False, found {self.own!r}.", "own"))
        elif not own and isinstance(self.also, (list, tuple)) and not self.also:
            faults.append(Fault("there is no goal to look at.", "own", "Name goals in also=[...]."))
        if isinstance(self.also, str):
            what = f"expected a list of goals, found the text {self.also!r}."
            faults.append(Fault(what, "also", f"Write also=[{self.also!r}]."))
        elif not isinstance(self.also, (list, tuple)):
            faults.append(Fault(f"expected a list of goals, found {self.also!r}.", "also"))
        else:
            faults += [
                Fault(f"expected a goal as text, found {goal!r}.", "also")
                for goal in self.also
                if not isinstance(goal, str) or not goal.strip()
            ]
            object.__setattr__(self, "also", tuple(self.also))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "GoalCoverage" if self.own else f"GoalCoverage({'; '.join(self.also)})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        strengths: tuple[Side, str] = ("coach", "strengths")
        return (("coached", "goals"), strengths) if self.own else (strengths,)

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "no goal covered"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        if coached_known and not coach_known:
            return "no strength given by the coach"
        return "no goal given" if coach_known else "no goal and no strength given"

    def read_sides(self, coached: Profiles, coach: Profiles) -> tuple[Entries, Entries]:
        """Return the goals, with those of everyone, and the strengths."""
        nothing = Entries(
            (), np.zeros((len(coached), 0), np.bool_), np.ones(len(coached), np.bool_)
        )
        goals = read_entries(coached, "goals") if self.own else nothing
        if self.also:
            goals = goals.including([fold_entry(goal) for goal in self.also])
        return goals, read_entries(coach, "strengths")

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear:
        """Return the integer units of all pairs."""
        sides = self.read_sides(coached, coach)
        return share_term(*sides, lambda key: {key: Fraction(1)}, units)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        goals = read_cell(coached, i, "goals") if self.own else ()
        strengths = read_cell(coach, j, "strengths")
        if strengths is None or (goals is None and not self.also):
            return None
        own = {fold_entry(goal) for goal in (*(goals or ()), *self.also)}
        others = {fold_entry(strength) for strength in strengths}
        return share_units(own, others, lambda key: {key: Fraction(1)}, units)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the goals, with those of everyone, and the strengths."""
        goals = show_cell(coached, i, "goals") if self.own else ""
        if self.also:
            own = (read_cell(coached, i, "goals") if self.own else None) or ()
            folded = {fold_entry(goal) for goal in own}
            more = (goal for goal in self.also if fold_entry(goal) not in folded)
            goals = "; ".join((*own, *more))
        return goals, show_cell(coach, j, "strengths")


@dataclass(frozen=True, slots=True, eq=False)
class Cosine:
    """Divide counts by the root of the product of the two sizes, in units; or what is missing."""

    units: int
    coached_size: NDArray[np.int64]
    coach_size: NDArray[np.int64]
    different: bool = False

    def shape(self, product: NDArray[np.floating], rows: Index, columns: Index) -> None:
        """Turn the counts of a block into units, in place."""
        sizes = self.coached_size[rows][:, None] * self.coach_size[columns][None, :]
        product[...] = np.rint(product.astype(np.float64) * self.units / np.sqrt(sizes))
        if self.different:
            np.subtract(self.units, product, out=product)

    def shape_at(
        self, product: NDArray[np.int64], i: NDArray[np.int64], j: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the units of single pairs from their counts."""
        sizes = self.coached_size[i] * self.coach_size[j]
        units: NDArray[np.int64] = np.rint(product * self.units / np.sqrt(sizes)).astype(np.int64)
        return self.units - units if self.different else units


@dataclass(frozen=True, slots=True, repr=False)
class Similarity:
    """How much two people have in common in a list column, or how little.

    |A and B| / sqrt(|A| |B|) for the two lists A and B; 0 where one of them is empty.

    Parameters
    ----------
    column : str
        Any column, read as a ``;``-separated list, such as ``"interests"``.
    mode : {"match", "complement"}, default: "match"
        Whether to have much in common is better, or to differ: 1 minus the formula.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.

    Notes
    -----
    The Ochiai coefficient, that is the cosine of the two membership vectors.

    Examples
    --------
    >>> Similarity("interests", weight=0.5)
    Similarity('interests', weight=0.5)
    """

    column: str = field(metadata={"leading": True})
    mode: Literal["match", "complement"] = field(default="match", kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        faults += find_column_faults(self.column)
        if self.mode not in _MODES:
            what = f"{self.mode!r} is no mode.{did_you_mean(str(self.mode), _MODES)}"
            faults.append(Fault(what, "mode"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"{'Similarity' if self.mode == 'match' else 'Difference'}({self.column})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", self.column), ("coach", self.column))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        if self.mode == "complement":
            return f"the same {self.column}"
        return f"nothing in common in {self.column}"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown(f"no {self.column}", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Shaped:
        """Return the integer units of all pairs."""
        mine, theirs = read_entries(coached, self.column), read_entries(coach, self.column)
        shared = sorted(set(mine.keys) & set(theirs.keys))
        features = [
            side.matrix[:, [side.keys.index(key) for key in shared]].astype(np.float32)
            for side in (mine, theirs)
        ]
        sizes = [np.maximum(side.matrix.sum(axis=1, dtype=np.int64), 1) for side in (mine, theirs)]
        return Shaped(
            known_coached=mine.known,
            known_coach=theirs.known,
            coached=features[0],
            coach=features[1],
            finish=Cosine(units, sizes[0], sizes[1], self.mode == "complement"),
        )

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = read_cell(coached, i, self.column), read_cell(coach, j, self.column)
        if mine is None or theirs is None:
            return None
        own, others = set(map(fold_entry, mine)), set(map(fold_entry, theirs))
        if not own or not others:
            return units if self.mode == "complement" else 0
        shared = round(len(own & others) * units / math.sqrt(len(own) * len(others)))
        return units - shared if self.mode == "complement" else shared

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the two lists."""
        return show_cell(coached, i, self.column), show_cell(coach, j, self.column)
