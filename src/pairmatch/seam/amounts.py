"""Numbers of people, read alike for every rule: one for all, some by id, or a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import find_places
from pairmatch.errors import Fault, did_you_mean
from pairmatch.scoring.own import Labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles

__all__ = ["columns_of", "read_amounts"]


def columns_of(table: Profiles | Labels) -> tuple[str, ...]:
    """Return the columns of a table; the sides of own scores have none."""
    return () if isinstance(table, Labels) else table.columns


def read_amounts(
    table: Profiles | Labels,
    side: str,
    rule: object,
    amount: Any,
    *,
    blank: int,
    least: int = 0,
    most: float = 2**31,
    wrong: tuple[str, str],
) -> tuple[NDArray[np.int64], list[Fault]]:
    """Return one whole number for each person, and what is wrong.

    Parameters
    ----------
    table : Profiles or Labels
        The people.
    side : str
        What one of them is: "mentor" or "mentee".
    rule : object
        Whose numbers these are, as it was typed.
    amount : int, mapping of id to int, or str
        A number for all, for some, or the name of a column.
    blank : int
        The number of those for whom none is given.
    least, most : int
        Range of the cells of a column.
    wrong : tuple of str
        What to say of a cell that is out of range, and what to do with it.
    """
    ids = table.ids
    if not isinstance(amount, (str, Mapping)):
        return np.full(len(ids), amount, np.int64), []
    amounts = np.full(len(ids), blank, np.int64)
    if isinstance(amount, Mapping):
        rows, faults = find_places(ids, amount, f"among the {side}s", repr(rule))
        for row, number in zip(rows, amount.values(), strict=True):
            if row >= 0:
                amounts[row] = number
        return amounts, faults
    if isinstance(table, Labels) or amount not in table:
        what = f"the {side}s have no column {amount!r}.{did_you_mean(amount, columns_of(table))}"
        return amounts, [Fault(what, repr(rule), f"Give a number, or {{{side}: number}}.")]
    numbers = table.numbers(amount)
    known = ~np.isnan(numbers)
    off = known & ((numbers < least) | (numbers != np.floor(numbers)) | (numbers > most))
    amounts[known & ~off] = numbers[known & ~off].astype(np.int64)
    what, remedy = wrong
    return amounts, [
        Fault(f"{numbers[j]:g} is {what}.", f"{side} {ids[j]}, column {amount}", remedy)
        for j in np.flatnonzero(off)
    ]
