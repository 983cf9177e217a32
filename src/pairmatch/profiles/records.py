"""Tables that are not about people one by one: rows of text under known headers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProfileError
from pairmatch.profiles.columns import fold_header
from pairmatch.profiles.csvfile import read_sheet
from pairmatch.profiles.frame import convert_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Records", "read_records"]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Cells as text, by known column.

    Parameters
    ----------
    source : str
        Name for messages.
    cells : mapping of str to list of str
        The known columns that are there; ``""`` where blank.
    rows : list of int
        What each row is called in messages.
    """

    source: str
    cells: Mapping[str, list[str]]
    rows: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, column: str) -> bool:
        return column in self.cells

    def cell(self, row: int, column: str) -> str:
        """Return a cell; ``""`` where the column is not there."""
        return self.cells[column][row] if column in self.cells else ""

    def place(self, row: int, column: str = "") -> str:
        """Return where a cell stands, in the words of the input."""
        return f"row {self.rows[row]}" + (column and f", column {column}")


def read_records(source: Any, known: Sequence[str], *, key: str) -> Records:
    """Read a CSV file or a DataFrame as text under known headers.

    Parameters
    ----------
    source : path or pandas.DataFrame
        The table. Other columns are passed over.
    known : sequence of str
        Standard headers, compared without regard to case, spaces and hyphens.
    key : str
        A header that is always there; it tells the delimiter.

    Raises
    ------
    ProfileError
        If the source is no readable table, or a header is nearly a known one that is not there.
    """
    if isinstance(source, (str, os.PathLike)):
        sheet = read_sheet(Path(source), id_column=key)
    else:
        pandas = sys.modules.get("pandas")
        if pandas is None or not isinstance(source, pandas.DataFrame):
            raise ProfileError(
                f"a table cannot be read from a {type(source).__name__}; "
                "expected the path of a CSV file or a pandas DataFrame"
            )
        sheet = convert_frame(source, id_column="")  # no column is read as an id
    folded = [fold_header(header) for header in sheet.headers]
    cells: dict[str, list[str]] = {}
    faults = []
    for name, column in zip(folded, sheet.columns, strict=True):
        if name in cells:
            faults.append(Fault("stands over two columns.", f"column {name}", "Rename one."))
        elif name in known:
            cells[name] = column
    for name in folded:
        lacking = [word for word in known if word not in cells]
        near = get_close_matches(name, lacking, n=1, cutoff=0.8) if name not in known else []
        if near:
            what = f"no such column; did you mean {near[0]!r}?"
            faults.append(Fault(what, f"column {name}", f"Rename it to {near[0]}."))
    faults += [
        Fault(problem.what, f"row {sheet.rows[problem.row]}", problem.remedy)
        for problem in sheet.problems
        if problem.column < 0 or folded[problem.column] in known
    ]
    if faults:
        raise ProfileError(f"{sheet.source} cannot be used", faults)
    return Records(sheet.source, cells, sheet.rows)
