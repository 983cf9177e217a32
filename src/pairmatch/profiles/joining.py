"""Two tables of different people as one, without reading a cell again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.profiles.columns import find_column
from pairmatch.profiles.table import Profiles

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["join_tables", "replace_texts"]


def join_tables(first: Profiles, second: Profiles, only: Collection[str] | None = None) -> Profiles:
    """Return the people of two tables; cells of columns that one does not have are blank.

    Parameters
    ----------
    first, second : Profiles
        Tables without a common id.
    only : collection of str, optional
        Columns that are wanted, beside ``id``; by default all.

    Returns
    -------
    Profiles
        First the people of the first table, then those of the second.

    Examples
    --------
    >>> import pandas as pd
    >>> from pairmatch.profiles import read_profiles
    >>> one = read_profiles(pd.DataFrame({"id": ["a"], "years": [3]}))
    >>> two = read_profiles(pd.DataFrame({"id": ["b"], "school": ["x"]}))
    >>> join_tables(one, two)["years"]
    array([ 3., nan])
    """
    columns = (*first.columns, *(c for c in second.columns if c not in first))
    if only is not None:
        columns = tuple(column for column in columns if column == "id" or column in only)
    numeric = set()
    for column in columns:
        sides = [column in table.numeric for table in (first, second) if column in table]
        if sides and all(sides):
            numeric.add(column)
    cells = {}
    behind = zip(second.ids, range(len(first), len(first) + len(second)), strict=True)
    read: dict[tuple[str, str], Any] = {("index", ""): {**first.row_of, **dict(behind)}}
    for column in columns:
        cells[column] = np.concatenate([_texts(first, column), _texts(second, column)])
        standard = find_column(column)
        kind = None if standard is None else standard.kind
        if kind == "windows":
            windows = [
                table.windows(column) if column in table else (None,) * len(table)
                for table in (first, second)
            ]
            read["windows", column] = (*windows[0], *windows[1])
        elif kind == "number" or column in numeric:
            numbers = [
                table.numbers(column) if column in table else np.full(len(table), np.nan)
                for table in (first, second)
            ]
            read["numbers", column] = np.concatenate(numbers)
            read["numbers", column].flags.writeable = False
        elif ("lists", column) in first._cache and column in second:
            read["lists", column] = np.concatenate([first._lists(column), second._lists(column)])
            read["lists", column].flags.writeable = False
    return Profiles(
        first.source,
        (*first.ids, *second.ids),
        columns,
        cells,
        frozenset(numeric),
        np.concatenate([first.rows, second.rows]),
        read,
    )


def replace_texts(table: Profiles, column: str, texts: list[str]) -> Profiles:
    """Return a table with other, valid cells in one column, which may be new."""
    read = {
        key: values
        for key, values in list(table._cache.items())
        if key[0] in {"numbers", "lists", "windows"} and key[1] != column
    }
    cells = {**table.cells, column: np.array(texts, dtype=object)}
    columns = table.columns if column in table else (*table.columns, column)
    return Profiles(table.source, table.ids, columns, cells, table.numeric, table.rows, read)


def _texts(table: Profiles, column: str) -> Any:
    if column in table:
        return table.texts(column)
    return np.full(len(table), "", dtype=object)
