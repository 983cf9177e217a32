"""A rule about time: how many minutes of meetings a mentor has for all mentees together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import Fault, ProgramError
from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["EnoughMinutes", "MenteeMinutes", "Minutes", "settle_minutes"]


@dataclass(frozen=True, slots=True, repr=False)
class Minutes:
    """How many minutes a week each mentor has, where mentees take different numbers of them.

    Parameters
    ----------
    each : int, str, mapping, matrix or None, default: None
        Minutes that the meetings with a mentee take: one number for all, the name of a column of
        the mentees' table, or ``{id: minutes}``. Where they depend on the mentor too: a DataFrame
        of mentees x mentors (or ``{mentee: {mentor: minutes}}``), or for own scores without labels
        an array of the same shape.
        None: what the ``Meetings`` of the program take a week. Then mentees keep within their own
        minutes, too, where their table has the column ``at_most``.
    at_most : int, str or mapping, default: "minutes_per_week"
        Minutes of each mentor: one number for all, the name of a column of the mentors' table, or
        ``{id: minutes}``. A blank cell, or not to be named, is no limit.
    default : int or None, default: None
        Minutes of a mentee whose cell is blank, or who is not named; None refuses such mentees.

    Raises
    ------
    ProgramError
        If an amount is not a whole number of minutes >= 0.

    Notes
    -----
    Without a ``Load`` and without a column ``max_mentees``, a mentor whose minutes are limited has
    as many places as fit into them; with either, both hold. A pair that does not fit into the
    minutes of its mentor even alone is not formed.

    Of a person in both tables, the limit is about both roles: what its own meetings as a mentee
    take (with the mentor that takes most, where they differ) is kept free for them.

    Such plans are a generalised assignment. They are found by integer programming, and the gap of
    the plan is what can be proved: see ``plan.gap``.

    Examples
    --------
    >>> Minutes(each="minutes", at_most={"M-07": 90})
    Minutes(each='minutes', at_most={'M-07': 90})
    >>> Minutes(each=45), Minutes()
    (Minutes(each=45), Minutes())
    """

    each: Any = None
    at_most: int | str | Mapping[str | int, int] = "minutes_per_week"
    default: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "each", _freeze(self.each))
        if isinstance(self.at_most, Mapping):
            object.__setattr__(self, "at_most", FrozenMap(self.at_most))
        check_all(
            "Minutes",
            *(() if self.each is None else _each_faults(self.each)),
            *_amount_faults("at_most", self.at_most),
            (
                self.default is None or is_count(self.default),
                f"default is {self.default!r}.",
                "Give whole minutes >= 0, or None.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)


def _plain(cell: Any) -> Any:
    """Return a cell of a matrix as a Python number where it is one, None where it is blank."""
    cell = cell.item() if hasattr(cell, "item") else cell
    if cell is None or cell != cell or str(cell) in ("<NA>", "NaT"):
        return None
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _freeze(each: Any) -> Any:
    """Return what was given as a value that can be hashed and compared."""
    if hasattr(each, "columns") and hasattr(each, "index"):
        rows = each.to_numpy(dtype=object)
        return FrozenMap(
            {
                mentee: FrozenMap(dict(zip(each.columns, map(_plain, row), strict=True)))
                for mentee, row in zip(each.index, rows, strict=True)
            }
        )
    if isinstance(each, Mapping):
        return FrozenMap(
            {
                key: FrozenMap(content) if isinstance(content, Mapping) else content
                for key, content in each.items()
            }
        )
    if hasattr(each, "ndim"):
        each = _plain(each) if each.ndim == 0 else each.tolist()
    if isinstance(each, (list, tuple)):
        return tuple(
            tuple(map(_plain, row)) if isinstance(row, (list, tuple)) else row for row in each
        )
    return each


def _each_faults(each: Any) -> tuple[tuple[bool, str, str], ...]:
    """Return checks for whatever may say how long the meetings with a mentee take."""
    if isinstance(each, tuple):
        widths = {len(row) if isinstance(row, tuple) else -1 for row in each}
        remedy = "Give one row a mentee, with one number for each mentor."
        if len(widths) != 1 or -1 in widths:
            return ((False, "each is no matrix: its rows differ in length.", remedy),)
        return tuple(
            (is_count(cell), f"each is {cell!r} in row {i}, column {j}.", _WHOLE)
            for i, row in enumerate(each)
            for j, cell in enumerate(row)
            if cell is not None
        )
    if isinstance(each, Mapping):
        nested = [key for key, content in each.items() if isinstance(content, Mapping)]
        if nested:
            return (
                (
                    len(nested) == len(each),
                    "each has one number for some mentees, and one a mentor for others.",
                    "Write {mentee: {mentor: minutes}} for all of them.",
                ),
                *(
                    (is_count(cell), f"each of {key} with {mentor} is {cell!r}.", _WHOLE)
                    for key in nested
                    for mentor, cell in each[key].items()
                    if cell is not None
                ),
            )
    return _amount_faults("each", each)


_WHOLE = "Give whole minutes >= 0."


def _amount_faults(name: str, amount: Any) -> tuple[tuple[bool, str, str], ...]:
    """Return checks for a number, a column name or a mapping of ids to numbers."""
    if isinstance(amount, Mapping):
        return tuple(
            (is_count(n), f"{name} of {key} is {n!r}.", _WHOLE) for key, n in amount.items()
        )
    legal = is_count(amount) or (isinstance(amount, str) and bool(amount.strip()))
    remedy = "Give whole minutes >= 0, the name of a column, or {id: minutes}."
    return ((legal, f"{name} is {amount!r}.", remedy),)


def settle_minutes(constraints: Sequence[Any]) -> list[Minutes]:
    """Return every ``Minutes``, with what the meetings take where that was left open.

    Raises
    ------
    ProgramError
        If it was left open and there are no ``Meetings``.
    """
    meetings = next((rule for rule in constraints if hasattr(rule, "per_week")), None)
    found = []
    for rule in constraints:
        if isinstance(rule, Minutes) and rule.each is None:
            if meetings is None:
                remedy = "Write Minutes(each=45), or add Meetings(minutes=45)."
                what = "it is not said how many minutes the meetings take."
                raise ProgramError("minutes cannot be used", [Fault(what, repr(rule), remedy)])
            found.append(replace(rule, each=meetings.minutes * meetings.per_week))
        elif isinstance(rule, Minutes):
            found.append(rule)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class EnoughMinutes:
    """The rule that a mentee has as many minutes a week as the meetings of a pair take."""

    name: str
    constraint: MenteeMinutes
    short: NDArray[np.bool_]

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        del i, j
        return self.constraint.why

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[np.generic],
    ) -> NDArray[np.bool_]:
        """Return which of these pairs ask too much of the mentee."""
        del j
        return np.broadcast_to(self.short[i], units.shape)


@dataclass(frozen=True, slots=True)
class MenteeMinutes:
    """The minutes of mentees, asked of one pair."""

    column: str
    needed: int

    @property
    def why(self) -> str:
        """Why a pair asks too much."""
        return f"meetings take {self.needed} minutes a week, more than the mentee has"

    @classmethod
    def of(cls, constraints: Sequence[Any], coached: Any) -> list[MenteeMinutes]:
        """Return the limits of mentees that a program asks for."""
        if not any(isinstance(rule, Minutes) and rule.each is None for rule in constraints):
            return []
        rules = [rule for rule in constraints if not isinstance(rule, Minutes) or rule.each is None]
        return [
            cls(rule.at_most, int(rule.each))
            for rule in settle_minutes(rules)
            if isinstance(rule.at_most, str) and rule.at_most in getattr(coached, "columns", ())
        ]

    def bind(self, coached: Any) -> EnoughMinutes:
        """Return the rule over a table of mentees."""
        numbers = coached.numbers(self.column)
        return EnoughMinutes("Minutes()", self, np.nan_to_num(numbers, nan=np.inf) < self.needed)

    def breach(self, coached: Any, i: int, coach: Any, j: int, score: object) -> str | None:
        """Return why this pair asks too much of its mentee, or None."""
        del coach, j, score
        cell = coached.numbers(self.column)[i]
        return self.why if cell < self.needed else None
