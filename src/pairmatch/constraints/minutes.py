"""A rule about time: how many minutes of meetings a mentor has for all mentees together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

__all__ = ["Minutes"]


@dataclass(frozen=True, slots=True, repr=False)
class Minutes:
    """How many minutes a week each mentor has, where mentees take different numbers of them.

    Parameters
    ----------
    each : int, str, mapping or matrix
        Minutes that the meetings with a mentee take: one number for all, the name of a column of
        the mentees' table, or ``{id: minutes}``. Where they depend on the mentor too: a DataFrame
        of mentees x mentors (or ``{mentee: {mentor: minutes}}``), or for own scores without labels
        an array of the same shape.
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

    Such plans are a generalised assignment. They are found by integer programming, and the gap of
    the plan is what can be proved: see ``plan.gap``.

    Examples
    --------
    >>> Minutes(each="minutes", at_most={"M-07": 90})
    Minutes(each='minutes', at_most={'M-07': 90})
    >>> Minutes(each=45)
    Minutes(each=45)
    """

    each: Any
    at_most: int | str | Mapping[str | int, int] = "minutes_per_week"
    default: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "each", _freeze(self.each))
        if isinstance(self.at_most, Mapping):
            object.__setattr__(self, "at_most", FrozenMap(self.at_most))
        check_all(
            "Minutes",
            *_each_faults(self.each),
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
