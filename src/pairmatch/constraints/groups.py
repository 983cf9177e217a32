"""Rules about whole groups: who must be among the members, and how they go together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from pairmatch.constraints.cells import count_entries, entries_of, number_of
from pairmatch.constraints.columns import OfColumn, column_check
from pairmatch.typed import check_all, is_count, is_number, typed_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairmatch.profiles import Profiles

__all__ = [
    "Alike",
    "Balance",
    "Compose",
    "GiveAndReceive",
    "NotAlone",
]


def _value_check(value: Any) -> tuple[bool, str, str]:
    legal = isinstance(value, str) and value.strip() != ""
    return legal, f"value is {value!r}.", "Give an entry of the column, such as 'facilitator'."


@dataclass(frozen=True, slots=True, repr=False)
class Compose:
    """How many members of each group have an entry.

    Parameters
    ----------
    column : str
        A column of the table; of a list, any entry counts.
    value : str
        The entry, without regard to case and white space.
    at_least : int, default: 0
        Fewest members with it in each group.
    at_most : int or None, default: None
        Most members with it in each group; None for no limit.

    Raises
    ------
    ProgramError
        If a count is no whole number >= 0, none is given, or they contradict each other.

    Notes
    -----
    Known values only: a blank cell does not have the entry.

    Examples
    --------
    >>> Compose("role", "facilitator", at_least=1)
    Compose('role', 'facilitator', at_least=1)
    """

    column: str
    value: str
    at_least: int = 0
    at_most: int | None = None

    def __post_init__(self) -> None:
        both = is_count(self.at_least) and is_count(self.at_most)
        check_all(
            "Compose",
            column_check(self.column),
            _value_check(self.value),
            (
                is_count(self.at_least),
                f"at_least is {self.at_least!r}.",
                "Give a whole number >= 0.",
            ),
            (
                self.at_most is None or is_count(self.at_most),
                f"at_most is {self.at_most!r}.",
                "Give a whole number >= 0, or leave it out.",
            ),
            (
                self.at_most is not None or self.at_least != 0,
                "it asks for nothing.",
                "Give at_least=... or at_most=... .",
            ),
            (
                not both or self.at_least <= self.at_most,  # type: ignore[operator]
                f"at_least={self.at_least!r} is more than at_most={self.at_most!r}.",
                "Lower the one or raise the other.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self, ("column", "value"))

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return (self.column,)

    def breach(self, table: Profiles, members: Sequence[int]) -> str | None:
        """Return why a group breaks the rule, or None; plain Python from the cells."""
        count = count_entries(table, self.column, members)[self.value]
        if count < self.at_least:
            return f"{count} with {self.column} {self.value}, at least {self.at_least} are needed"
        if self.at_most is not None and count > self.at_most:
            return f"{count} with {self.column} {self.value}, at most {self.at_most} are allowed"
        return None


@dataclass(frozen=True, slots=True, repr=False)
class Alike(OfColumn):
    """At most so many members of a group share an entry.

    Parameters
    ----------
    column : str
        A column of the table; of a list, each entry counts.
    at_most : int
        Most members with the same entry, >= 1.

    Raises
    ------
    ProgramError
        If ``at_most`` is no whole number >= 1.

    Notes
    -----
    Known values only: a blank cell shares nothing.

    Examples
    --------
    >>> Alike("subjects", at_most=2)
    Alike('subjects', at_most=2)
    """

    column: str
    at_most: int

    def __post_init__(self) -> None:
        check_all(
            "Alike",
            column_check(self.column),
            (
                is_count(self.at_most, 1),
                f"at_most is {self.at_most!r}.",
                "Give a whole number >= 1; where all must differ, write Different(column).",
            ),
        )

    def breach(self, table: Profiles, members: Sequence[int]) -> str | None:
        """Return why a group breaks the rule, or None; plain Python from the cells."""
        crowded = [
            f"{count} share {self.column} {entry}, at most {self.at_most} may"
            for entry, count in sorted(count_entries(table, self.column, members).items())
            if count > self.at_most
        ]
        return "; ".join(crowded) or None


@dataclass(frozen=True, slots=True, repr=False)
class NotAlone(OfColumn):
    """Nobody is the only member of a group with an entry.

    Parameters
    ----------
    column : str
        A column of the table; of a list, each entry counts.
    value : str or None, default: None
        The entry about which nobody shall be alone; None for every entry of the column.

    Raises
    ------
    ProgramError
        If a name is missing.

    Notes
    -----
    Known values only: whose cell is blank is not alone.

    Examples
    --------
    >>> NotAlone("gender", "woman")
    NotAlone('gender', value='woman')
    """

    column: str
    value: str | None = None

    def __post_init__(self) -> None:
        value = (True, "", "") if self.value is None else _value_check(self.value)
        check_all("NotAlone", column_check(self.column), value)

    def breach(self, table: Profiles, members: Sequence[int]) -> str | None:
        """Return why a group breaks the rule, or None; plain Python from the cells."""
        counts = count_entries(table, self.column, members)
        looked_at = sorted(counts) if self.value is None else [self.value]
        alone = [entry for entry in looked_at if counts[entry] == 1]
        return f"one only with {self.column} {' and one with '.join(alone)}" if alone else None


@dataclass(frozen=True, slots=True, repr=False)
class Balance(OfColumn):
    """The mean of every group is near the mean of the pool.

    Parameters
    ----------
    column : str
        A column of numbers.
    within : float
        Largest distance between the two means, >= 0, in units of the column.

    Raises
    ------
    ProgramError
        If ``within`` is no number >= 0.

    Notes
    -----
    Known values only, to six decimals: both means are over people whose value is known, and a
    group in which none is known is fine.

    Examples
    --------
    >>> Balance("years", within=3)
    Balance('years', within=3)
    """

    column: str
    within: float

    def __post_init__(self) -> None:
        check_all(
            "Balance",
            column_check(self.column),
            (
                is_number(self.within) and self.within >= 0,
                f"within is {self.within!r}.",
                "Give a number >= 0.",
            ),
        )

    def breach(self, table: Profiles, members: Sequence[int]) -> str | None:
        """Return why a group breaks the rule, or None; plain Python from the cells."""
        known = [x for x in (number_of(table, self.column, i) for i in members) if x is not None]
        everyone = (number_of(table, self.column, i) for i in range(len(table)))
        pool = [x for x in everyone if x is not None]
        if not known:
            return None
        mean, middle = sum(known) / len(known), sum(pool) / len(pool)
        limit = Fraction(str(self.within))
        if -limit <= mean - middle <= limit:
            return None
        return (
            f"mean {self.column} {float(mean):g}, more than {self.within:g} from the "
            f"pool's {float(middle):g}"
        )


@dataclass(frozen=True, slots=True, repr=False)
class GiveAndReceive:
    """Everybody gives and receives: covers a goal of another member, and has one covered.

    Parameters
    ----------
    gives : str, default: "strengths"
        List column of what a person can give.
    wants : str, default: "goals"
        List column of what a person wants.
    unknown : {"forbid", "allow"}, default: "forbid"
        What to do with people who named nothing in one of the two. If allowed, nothing is asked of
        them on that side.

    Raises
    ------
    ProgramError
        If a name is missing or ``unknown`` is another word.

    Examples
    --------
    >>> GiveAndReceive()
    GiveAndReceive()
    """

    gives: str = "strengths"
    wants: str = "goals"
    unknown: Literal["forbid", "allow"] = "forbid"

    def __post_init__(self) -> None:
        check_all(
            "GiveAndReceive",
            column_check(self.gives),
            column_check(self.wants),
            (
                self.unknown in ("forbid", "allow"),
                f"unknown is {self.unknown!r}.",
                "Give 'forbid' or 'allow'.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return (self.gives, self.wants)

    def breach(self, table: Profiles, members: Sequence[int]) -> str | None:
        """Return why a group breaks the rule, or None; plain Python from the cells."""
        gives = {i: entries_of(table, self.gives, i) for i in members}
        wants = {i: entries_of(table, self.wants, i) for i in members}
        lacking = []
        for i in members:
            others = [j for j in members if j != i]
            for own, theirs, what in ((gives[i], wants, "gives"), (wants[i], gives, "receives")):
                skipped = not own and self.unknown == "allow"
                if not skipped and not any(own & theirs[j] for j in others):
                    lacking.append(f"{table.ids[i]} {what} nothing")
        return "; ".join(lacking) or None
