"""One whole number for each person of a table: one for all, named one by one, or in a column."""

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

_MOST = 2**31


def read_amounts(
    table: Profiles | Labels,
    side: str,
    rule: object,
    amount: Any,
    default: int,
    *,
    least: int = 0,
    unit: str = "whole number >= 0",
    remedy: str = "",
) -> tuple[NDArray[np.int64], list[Fault]]:
    """Return the amount of each person, and what is wrong.

    Parameters
    ----------
    table : Profiles or Labels
        Whom the amounts are for.
    side : {"mentee", "mentor"}
        What one of them is, in words.
    rule : object
        The rule that asks, for the faults.
    amount : int, mapping of ids, or str
        One amount for all, that of each person who is named, or the column that has it.
    default : int
        Of whom no amount is known.
    least : int
        The smallest amount that a cell may have.
    unit, remedy : str
        What a cell should be, and what to do where there is no such column.
    """
    ids = table.ids
    if not isinstance(amount, Mapping | str):
        return np.full(len(ids), amount, np.int64), []
    amounts = np.full(len(ids), default, np.int64)
    if isinstance(amount, Mapping):
        rows, faults = find_places(ids, amount, f"among the {side}s", repr(rule))
        known = np.array(rows, np.int64) >= 0
        amounts[np.array(rows, np.int64)[known]] = np.array([*amount.values()], np.int64)[known]
        return amounts, faults
    if amount not in columns_of(table):
        what = f"the {side}s have no column {amount!r}.{did_you_mean(amount, columns_of(table))}"
        return amounts, [Fault(what, repr(rule), remedy)]
    numbers = table.numbers(amount)
    given = ~np.isnan(numbers)
    wrong = given & ((numbers < least) | (numbers != np.floor(numbers)) | (numbers > _MOST))
    amounts[given & ~wrong] = numbers[given & ~wrong].astype(np.int64)
    advice = f"Give a whole number >= {least}, or leave the cell blank."
    return amounts, [
        Fault(f"{numbers[i]:g} is no {unit}.", f"{side} {ids[i]}, column {amount}", advice)
        for i in np.flatnonzero(wrong)
    ]


def columns_of(table: Profiles | Labels) -> tuple[str, ...]:
    """Return the columns of a table; bare labels have none."""
    return () if isinstance(table, Labels) else table.columns
