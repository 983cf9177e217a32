"""A pandas DataFrame as a sheet of text."""

from __future__ import annotations

import math
from datetime import date, datetime
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import ProfileError
from pairmatch.profiles.columns import fold_header
from pairmatch.profiles.sheet import CellProblem, Sheet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["convert_frame"]


def convert_frame(frame: pd.DataFrame, *, id_column: str) -> Sheet:
    """Write every cell of a DataFrame as the text it would have in a CSV file.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numbers, text, dates, booleans, and real lists, tuples or sets in list columns; None, NaN
        and NA are blank, an empty list is known and empty. The index counts as a column if it has
        the name of the id column and no column has.
    id_column : str
        Name of the column with the ids.

    Raises
    ------
    ProfileError
        If the columns have more than one level.
    """
    if frame.columns.nlevels > 1:
        raise ProfileError("the table has column names of several levels; expected one")
    headers = ["" if _is_missing(label) else str(label) for label in frame.columns]
    contents = [column.tolist() for _, column in frame.items()]
    wanted = fold_header(id_column)
    name = frame.index.name
    indexed = name is not None and fold_header(str(name)) == wanted
    if indexed and wanted not in map(fold_header, headers):
        headers.insert(0, str(name))
        contents.insert(0, _list_values(frame.index.to_series()))
    problems: list[CellProblem] = []
    columns: list[list[str]] = []
    for k, values in enumerate(contents):
        is_id = fold_header(headers[k]) == wanted
        texts: list[str] = []
        memory: dict[str, str] = {}  # people who wrote the same share one text
        for row, value in enumerate(values):
            try:
                text = value.strip() if type(value) is str else _write_cell(value, is_id)
                texts.append(memory.setdefault(text, text))
            except ValueError as error:
                texts.append("")
                problems.append(CellProblem(row, k, str(error)))
        columns.append(texts)
    return Sheet("table", headers, columns, list(range(len(frame))), problems)


def _list_values(series: pd.Series[Any]) -> list[Any]:
    """Return the values as Python objects."""
    values: list[Any] = series.astype(object).tolist()
    return values


def _is_missing(value: object) -> bool:
    """Return whether a value is None, NaN, NaT or NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, Real) and math.isnan(value)


def _write_cell(value: Any, is_id: bool) -> str:
    """Return the text of one value."""
    if type(value) is float and value == value:  # most cells that are not text
        return _write_number(value, is_id)
    if _is_missing(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        if is_id:
            raise ValueError(f"{value} is no id; ids are text")
        return str(bool(value))
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return _write_number(float(value), is_id)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, (str, date)):
        return str(value).strip()
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)) and not is_id:
        entries = [_write_cell(entry, is_id=False) for entry in value]
        if isinstance(value, (set, frozenset)):
            entries.sort()  # a set has no order that could be kept
        if any(";" in entry for entry in entries):
            raise ValueError("an entry of a list holds ';', which separates entries; remove it")
        entries = [entry for entry in entries if entry]
        return "; ".join(entries) if entries else "none"
    if type(value).__name__ in {"Decimal", "time", "UUID"}:
        return str(value)
    raise ValueError(
        f"a cell of type {type(value).__name__} is not understood; "
        + ("ids are text" if is_id else "expected text, a number, a date or a list of text")
    )


def _write_number(number: float, is_id: bool) -> str:
    """Return the shortest text of a number; whole ones without a decimal point."""
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number; leave the cell empty if it is unknown")
    if number.is_integer() and abs(number) < 2**53:
        return str(int(number))
    if is_id:
        raise ValueError(f"{number!r} is a number with a fraction or out of range; ids are text")
    return repr(number)
