"""A table as it was handed over: headers, text cells, and how its rows are called."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CellProblem", "Sheet"]


@dataclass(frozen=True, slots=True)
class CellProblem:
    """Something wrong that was seen before the meaning of the columns was known.

    Parameters
    ----------
    row : int
        Position in `Sheet.rows`.
    column : int
        Position in `Sheet.headers`; -1 for the row as a whole.
    what, remedy : str
        As in `pairmatch.errors.Fault`.
    """

    row: int
    column: int
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Text in rows and columns.

    Parameters
    ----------
    source : str
        Name for messages.
    headers : list of str
        As written.
    columns : list of list of str
        Cells by column, stripped, all of the length of `rows`.
    rows : list of int
        What each row is called in messages: the row number of the spreadsheet (header = 1), or
        the position in a DataFrame.
    problems : list of CellProblem
        Cells and rows that could not be taken over.
    """

    source: str
    headers: list[str]
    columns: list[list[str]]
    rows: list[int]
    problems: list[CellProblem]
