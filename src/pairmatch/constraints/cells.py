"""Single cells in plain Python, for rules that are asked again one by one."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pairmatch.profiles.columns import clear_blanks, find_column
from pairmatch.profiles.members import fold_entry, is_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairmatch.profiles import Profiles

__all__ = ["DIGITS", "Tally", "count_entries", "entries_of", "number_of"]

DIGITS = 6
"""Decimals to which numbers in rules are read."""


class Tally(dict[str, int]):
    """Counts of entries, whatever their case; 0 for an entry that nobody has."""

    def __missing__(self, entry: str) -> int:
        folded = fold_entry(entry)
        return next((n for known, n in self.items() if fold_entry(known) == folded), 0)


def entries_of(table: Profiles, column: str, row: int) -> frozenset[str]:
    """Return the folded entries of one cell; none where it is blank or says so."""
    cell = table[column][row]
    if not isinstance(cell, tuple):
        text = clear_blanks([str(table.texts(column)[row])], find_column(column))[0]
        cell = () if is_none(text) else tuple(text.split(";"))
    return frozenset(fold_entry(entry) for entry in cell if str(entry).strip())


def count_entries(table: Profiles, column: str, members: Sequence[int]) -> Tally:
    """Return how many of the members have each entry."""
    tally = Tally()
    for row in members:
        for entry in entries_of(table, column, row):
            tally[entry] = tally[entry] + 1
    return tally


def number_of(table: Profiles, column: str, row: int) -> Fraction | None:
    """Return the number in one cell, to six decimals; None where it is blank."""
    number = float(table.numbers(column)[row])
    if number != number:
        return None
    return Fraction(round(Fraction(str(number)) * 10**DIGITS), 10**DIGITS)
