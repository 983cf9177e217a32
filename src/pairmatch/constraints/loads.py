"""Rules about how many: places of a mentor, and limits on mentees who share a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

__all__ = ["Demand", "Load", "Quota"]

Amount = int | str | Mapping[str | int, int] | None


def _is_word(content: object) -> bool:
    return isinstance(content, str) and bool(content.strip())


def _amount_faults(name: str, amount: object) -> tuple[tuple[bool, str, str], ...]:
    """Return checks for a number, a column name or a mapping of ids to numbers."""
    remedy = "Give a whole number >= 0, the name of a column, or {id: number}."
    if isinstance(amount, Mapping):
        return tuple(
            (
                is_count(n),
                f"{name} of {key} is {n!r}, not a whole number >= 0.",
                remedy,
            )
            for key, n in amount.items()
        )
    legal = amount is None or (isinstance(amount, str) and bool(amount.strip())) or is_count(amount)
    return ((legal, f"{name} is {amount!r}.", remedy),)


@dataclass(frozen=True, slots=True, repr=False)
class Load:
    """How many mentees each mentor may and must have (upper and lower quota).

    Parameters
    ----------
    at_most : int, str, mapping or None, default: None
        Places of each mentor: one number for all, the name of a column of the mentors' table, or
        ``{id: number}`` (mentors that are not named have ``default`` places). None reads the
        column ``max_mentees`` where there is one. 0 is legal: this mentor takes nobody.
    at_least : int, str, mapping, default: 0
        Mentees that each mentor must get; mentors that are not named need none.
    default : int, default: 1
        Places of a mentor whose cell is blank, or who is not named.

    Raises
    ------
    ProgramError
        If an amount is not a whole number >= 0, or a lower bound exceeds its upper bound.

    Examples
    --------
    >>> Load(at_most=3)
    Load(at_most=3)
    >>> Load(at_most={"M-07": 2}, at_least=1)
    Load(at_most={'M-07': 2}, at_least=1)
    """

    at_most: Amount = None
    at_least: int | str | Mapping[str | int, int] = 0
    default: int = 1

    def __post_init__(self) -> None:
        for name in ("at_most", "at_least"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, FrozenMap(getattr(self, name)))
        both = is_count(self.at_most) and is_count(self.at_least)
        check_all(
            "Load",
            *_amount_faults("at_most", self.at_most),
            *_amount_faults("at_least", self.at_least),
            (
                is_count(self.default),
                f"default is {self.default!r}.",
                "Give a whole number >= 0.",
            ),
            (
                not both or self.at_least <= self.at_most,  # type: ignore[operator]
                f"at_least={self.at_least!r} is more than at_most={self.at_most!r}.",
                "Lower the one or raise the other.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)


@dataclass(frozen=True, slots=True, repr=False)
class Quota:
    """At most so many mentees who share a value, with any one mentor.

    Parameters
    ----------
    by : str or mapping
        Column of the mentees' table whose values are counted (of a list column, each entry), or
        ``{id: value}``. Blank cells are not counted.
    at_most : int
        Largest number of mentees of one value with one mentor, >= 0.

    Raises
    ------
    ProgramError
        If ``at_most`` is not a whole number >= 0 or ``by`` names nothing.

    Examples
    --------
    >>> Quota(by="school", at_most=2)
    Quota(by='school', at_most=2)
    """

    by: str | Mapping[str | int, str]
    at_most: int

    def __post_init__(self) -> None:
        if isinstance(self.by, Mapping):
            object.__setattr__(self, "by", FrozenMap(self.by))
        check_all(
            "Quota",
            (
                isinstance(self.by, Mapping) or _is_word(self.by),
                f"by is {self.by!r}.",
                "Give the name of a column of the mentees' table, or {id: value}.",
            ),
            (
                is_count(self.at_most),
                f"at_most is {self.at_most!r}.",
                "Give a whole number >= 0.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)


@dataclass(frozen=True, slots=True, repr=False)
class Demand:
    """How many different mentors each mentee should have.

    Under objective "coverage" as many mentees as possible get at least one mentor, then as many
    places as possible are filled, then the total counts.

    Parameters
    ----------
    each : int, str or mapping
        Mentors of each mentee, >= 1: one number for all, the name of a column of the mentees'
        table, or ``{id: number}``.
    default : int, default: 1
        Mentors of a mentee whose cell is blank, or who is not named.

    Raises
    ------
    ProgramError
        If an amount is not a whole number >= 1.

    Notes
    -----
    In the assignment of reviewers to papers: the number of reviews that a paper needs.

    Examples
    --------
    >>> Demand(2)
    Demand(each=2)
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[7, 5, 1], [6, 4, 3]], [pm.Load(at_most=1), pm.Demand(2)])
    >>> plan.to_frame()["mentor"].tolist(), plan.matched, plan.objective
    ([0, 1, 2], 2, 15)
    """

    each: int | str | Mapping[str | int, int]
    default: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.each, Mapping):
            object.__setattr__(self, "each", FrozenMap(self.each))
        remedy = "Give a whole number >= 1, the name of a column, or {id: number}."
        amounts = self.each.items() if isinstance(self.each, Mapping) else [("each", self.each)]
        check_all(
            "Demand",
            *(
                (
                    (is_count(n) and n != 0) or (n is self.each and _is_word(n)),
                    f"the number of mentors of {key} is {n!r}."
                    if isinstance(self.each, Mapping)
                    else f"each is {n!r}.",
                    remedy,
                )
                for key, n in amounts
            ),
            (
                is_count(self.default) and self.default > 0,
                f"default is {self.default!r}.",
                "Give a whole number >= 1.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)
