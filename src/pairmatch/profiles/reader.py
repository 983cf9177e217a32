"""The way in: a CSV file or a DataFrame becomes profiles."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pairmatch.errors import ProfileError, ProgramError
from pairmatch.profiles.bells import Schedule
from pairmatch.profiles.csvfile import read_sheet
from pairmatch.profiles.frame import convert_frame
from pairmatch.profiles.validation import check_sheet

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.profiles.table import Profiles

__all__ = ["read_profiles"]


def read_profiles(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    id_column: str = "id",
    schedule: Schedule | None = None,
) -> Profiles:
    """Read and validate a table of people.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV file or a table in memory.
    id_column : str, optional
        Header of the column with the ids, if it is not ``id``. It becomes the column ``id``; a
        column ``id`` beside it is left out.
    schedule : Schedule, optional
        What the words of the school's week mean: periods (``Mon P3``), hours (for ``unavailable``
        and whole days), the length of slots that are named by their start (``8AM; noon``).

    Returns
    -------
    Profiles

    Raises
    ------
    ProgramError
        If `schedule` is not a `Schedule`.
    ProfileError
        If the source is not a readable table, or with every fault of the table at once, by row
        and column. Rows of a file are numbered as a spreadsheet shows them (the header is row 1),
        rows of a DataFrame by position from 0.

    Warns
    -----
    PairmatchWarning
        For a list column that seems to be separated by commas, and for windows such as
        ``Mon 3:30-4:30`` that may be meant in the afternoon.

    Notes
    -----
    Every cell is read as text, so the id ``007`` stays ``007`` and ``NA`` stays ``NA``. Files are
    UTF-8 (with or without BOM), UTF-16 with BOM or cp1252, separated by comma, semicolon or tab.
    Rows without any content are passed over. A row that is shorter than the header has blank
    cells at its end; a longer one is a fault.

    Headers are compared without regard to case, with spaces and hyphens as underscores:
    ``Max mentees`` is ``max_mentees``. Columns that are not standard pass through under their own
    name, but a name that is clearly a typing error of a standard column which the table lacks
    (``yeras``), over cells that fit that column, is a fault.

    A blank cell is unknown; so is ``n/a``, ``#N/A``, ``null`` or ``nan`` in a standard column
    other than the id, and ``NA`` where text is not free. In lists and windows, ``none`` and ``-``
    are known and empty. Lists are separated by ``;``, grades by comma as well. Numbers may have a
    decimal comma.

    Grids of forms become one column of windows: ``free [Monday]`` with cells such as
    ``8:00-9:00; noon-1 pm``, ``free [Mon 8:00-9:00]`` with ``x``, ``yes``, ``1`` or ``Available``,
    ``free [8:00-9:00]`` with days. The words before the bracket may be any question that says
    whether people are free, available, unavailable, teaching or busy. A column ``unavailable``
    is taken away from ``free``, or from the hours of the schedule.

    Examples
    --------
    >>> import pandas as pd
    >>> read_profiles(pd.DataFrame({"id": ["T-1", "T-2"], "years": [3, 70]}))
    Traceback (most recent call last):
    pairmatch.errors.ProfileError: table cannot be used: row 1 (id T-2), column years: '70' is not
    a number from 0 to 60. Leave the cell blank if it is unknown.
    """
    if not isinstance(schedule, Schedule | None):
        raise ProgramError(f"{schedule!r} is no schedule; write schedule=Schedule.from_bells(...)")
    if isinstance(source, (str, os.PathLike)):
        sheet = read_sheet(Path(source), id_column=id_column)
    else:
        # A DataFrame can only exist where pandas has been imported.
        pandas = sys.modules.get("pandas")
        if pandas is None or not isinstance(source, pandas.DataFrame):
            raise ProfileError(
                f"profiles cannot be read from a {type(source).__name__}; "
                "expected the path of a CSV file or a pandas DataFrame"
            )
        sheet = convert_frame(source, id_column=id_column)
    return check_sheet(sheet, id_column=id_column, schedule=schedule)
