"""Rules about pairs, bound to two tables: vectors for solving, one plain pair for reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.scoring import Criterion, Term

__all__ = [
    "ForbiddenPairs",
    "LowScore",
    "PairConstraint",
    "RequiredTerm",
    "Roster",
    "find_rule",
    "pair_keys",
    "sort_keys",
    "threshold_units",
]


_Rule = TypeVar("_Rule")


def find_rule(constraints: Iterable[Any], kind: type[_Rule]) -> _Rule | None:
    """Return the first constraint of a kind, None without."""
    return next((rule for rule in constraints if isinstance(rule, kind)), None)


class Roster(Protocol):
    """Anything whose rows have ids: a table of profiles, or one side of an own score matrix."""

    @property
    def ids(self) -> Sequence[Any]:
        """One id a row, unique."""
        ...


class PairConstraint(Protocol):
    """A constraint that can be decided for each pair by itself."""

    def breach(self, coached: Any, i: int, coach: Any, j: int, score: Fraction) -> str | None:
        """Return why one pair breaks the rule, or None; plain Python that shares no vector code."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ForbiddenPairs:
    """Single pairs, looked up by key."""

    name: str
    constraint: PairConstraint
    coached: Roster
    coach: Roster
    keys: NDArray[np.int64]
    places: tuple[NDArray[np.int64], NDArray[np.int64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", np.divmod(self.keys, self.n_columns))

    @property
    def n_columns(self) -> int:
        """Number of coaches, the factor in a key."""
        return len(self.coach.ids)

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        return self.constraint.breach(self.coached, i, self.coach, j, Fraction(0)) or self.name

    def forbids(
        self, i: NDArray[np.int64], j: NDArray[np.int64], units: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Return which of these pairs are among the keys."""
        removed = np.zeros(units.shape, dtype=np.bool_)
        if self.keys.size == 0 or units.size == 0:
            return removed
        if i.ndim == 1:
            wanted = i * self.n_columns + j
            place = np.minimum(np.searchsorted(self.keys, wanted), self.keys.size - 1)
            found: NDArray[np.bool_] = self.keys[place] == wanted
            return found
        # Few keys fall into any block: look for the keys in the block, not for the block in them.
        rows, columns = self.places
        at_column = np.full(self.n_columns, -1)
        at_column[j[0]] = np.arange(j.shape[1])
        inside = np.flatnonzero(at_column[columns] >= 0)
        at_row = np.full(len(self.coached.ids), -1)
        at_row[i[:, 0]] = np.arange(len(i))
        inside = inside[at_row[rows[inside]] >= 0]
        removed[at_row[rows[inside]], at_column[columns[inside]]] = True
        return removed


@dataclass(frozen=True, slots=True, eq=False)
class RequiredTerm:
    """A criterion that must be known and reach a threshold."""

    name: str
    constraint: PairConstraint
    criterion: Criterion
    coached: Profiles
    coach: Profiles
    term: Term
    threshold: int
    unknown_is_fine: bool

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        return self.constraint.breach(self.coached, i, self.coach, j, Fraction(0)) or self.name

    def reasons(self, i: int, columns: NDArray[np.int64]) -> list[str]:
        """Return in words why each of these pairs, all removed, is removed."""
        mine, theirs = self.term.known_coached, self.term.known_coach
        if mine is None or theirs is None:
            return [self.reason(i, j) for j in columns.tolist()]
        found = np.full(len(columns), self.criterion.zero_reason, object)
        value = self.term.at(np.full_like(columns, i), columns)
        for units in np.unique(value[value != 0]).tolist():
            here = value == units
            found[here] = self.reason(i, int(columns[here.argmax()]))
        for given in (True, False):
            unknown = (theirs[columns] == given) & ~(mine[i] & given)
            found[unknown] = self.criterion.unknown_reason(bool(mine[i]), given)
        reasons: list[str] = found.tolist()
        return reasons

    def forbids(
        self, i: NDArray[np.int64], j: NDArray[np.int64], units: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Return which of these pairs the criterion scores too low, or not at all."""
        if units.size == 0:
            return np.zeros(units.shape, dtype=np.bool_)
        if i.ndim == 2:
            low = self.term.block(i[:, 0], j[0]) < self.threshold
            known = self.term.known(i[:, 0], j[0])
        else:
            low = self.term.at(i, j) < self.threshold
            known = self.term.known_at(i, j)
        return known & low if self.unknown_is_fine else ~known | low


@dataclass(frozen=True, slots=True, eq=False)
class EitherWay:
    """A required criterion of which one direction is enough."""

    name: str
    there: RequiredTerm
    back: RequiredTerm

    @property
    def constraint(self) -> PairConstraint:
        """The rule."""
        return self.there.constraint

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        return self.there.reason(i, j)

    def forbids(
        self, i: NDArray[np.int64], j: NDArray[np.int64], units: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Return which of these pairs the criterion scores too low in both directions."""
        return self.there.forbids(i, j, units) & self.back.forbids(j.T, i.T, units.T).T


@dataclass(frozen=True, slots=True, eq=False)
class LowScore:
    """A smallest total score."""

    name: str
    constraint: PairConstraint
    threshold: int

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        del i, j
        return f"scores too low for {self.name}"

    def forbids(
        self, i: NDArray[np.int64], j: NDArray[np.int64], units: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Return which of these pairs score below the threshold."""
        del i, j
        low: NDArray[np.bool_] = units < self.threshold
        return low


def pair_keys(pairs: Iterable[tuple[int, int]], n_columns: int) -> NDArray[np.int64]:
    """Return the sorted keys ``row * n_columns + column`` of some pairs."""
    keys = [row * n_columns + column for row, column in pairs]
    return sort_keys(np.array(keys, dtype=np.int64))


def sort_keys(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each key once, in order."""
    keys = np.sort(keys)
    return keys[np.diff(keys, prepend=-1) > 0]  # no key is below 0


def positions(roster: Roster) -> Mapping[Any, int]:
    """Return the row of each id."""
    known: Mapping[Any, int] | None = getattr(roster, "row_of", None)  # tables remember it
    return {person: row for row, person in enumerate(roster.ids)} if known is None else known


def threshold_units(at_least: float, scale: Fraction | int) -> int:
    """Return the smallest integer of units that reaches a score, as it was typed.

    Examples
    --------
    >>> threshold_units(0.3, 1_000_000)
    300000
    """
    return ceil(Fraction(str(at_least)) * scale)
