"""What people said of their pair or group, and what came of it: validated like profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault, ProfileError
from pairmatch.profiles.records import read_records
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.profiles.records import Records

__all__ = ["Feedback", "read_feedback"]

_COLUMNS = (
    "mentee", "mentor", "group", "rating", "held", "planned", "before", "after", "retained",
)  # fmt: skip
_WORDS = {"yes": 1.0, "y": 1.0, "true": 1.0, "1": 1.0, "no": 0.0, "n": 0.0, "false": 0.0, "0": 0.0}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Feedback:
    """Answers about pairs or groups, one row each; NaN where nothing was said.

    Parameters
    ----------
    keys : tuple
        ``(mentee, mentor)`` of a pair, or ``(group,)``, as text; a key may come several times.
    rating : ndarray of float64, shape (n,)
        Rating of the pair or group.
    held, planned : ndarray of float64, shape (n,)
        Meetings held and planned.
    before, after : ndarray of float64, shape (n,)
        Self-rating before and after.
    retained : ndarray of float64, shape (n,)
        1 if the person stayed, 0 if not.
    scale : (float, float)
        Lowest and highest rating.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> said = {"mentee": ["T-1", "T-2"], "mentor": ["M-1", "M-1"], "rating": [4, None]}
    >>> pm.read_feedback(pd.DataFrame(said))
    Feedback(2 rows, 1 with a rating)
    """

    keys: tuple[tuple[str, ...], ...]
    rating: NDArray[np.float64]
    held: NDArray[np.float64]
    planned: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    retained: NDArray[np.float64]
    scale: tuple[float, float]

    def __post_init__(self) -> None:
        for name in _COLUMNS[3:]:
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        rated = int((~np.isnan(self.rating)).sum())
        return f"Feedback({len(self)} rows, {rated} with a rating)"


def read_feedback(
    source: str | PathLike[str] | pd.DataFrame, *, scale: tuple[float, float] = (1, 5)
) -> Feedback:
    """Read feedback about pairs or groups.

    Parameters
    ----------
    source : path or DataFrame
        Columns ``mentee, mentor`` or ``group``, and any of ``rating``, ``held``, ``planned``,
        ``before``, ``after``, ``retained`` (yes or no). A blank cell says nothing. Several rows
        about one pair or group are averaged; as many yes as no about ``retained`` say nothing.
    scale : (float, float), default: (1, 5)
        Lowest and highest value of ``rating``, ``before`` and ``after``.

    Returns
    -------
    Feedback

    Raises
    ------
    ProfileError
        If the columns are not there or a cell cannot be understood; every fault at once.

    Examples
    --------
    >>> import pandas as pd
    >>> read_feedback(pd.DataFrame({"mentee": ["T-1"], "mentor": ["M-1"], "rating": [9]}))
    Traceback (most recent call last):
    pairmatch.errors.ProfileError: table cannot be used: row 0, column rating: '9' is not a number
    from 1 to 5. Leave the cell blank if nothing was said.
    """
    ends: tuple[float, ...] = tuple(scale)
    if len(ends) != 2 or not all(is_number(end) for end in ends) or ends[0] >= ends[1]:
        raise ProfileError(f"scale is {scale!r}; give the lowest and the highest rating")
    table = read_records(source, _COLUMNS, key="rating")
    pairs = "mentee" in table and "mentor" in table
    if not pairs and "group" not in table:
        what = "expected the columns mentee and mentor, or group."
        raise ProfileError(f"{table.source} is no feedback", [Fault(what)])
    if not any(column in table for column in _COLUMNS[3:]):
        what = f"expected at least one of the columns {', '.join(_COLUMNS[3:])}."
        raise ProfileError(f"{table.source} is no feedback", [Fault(what)])
    faults: list[Fault] = []
    keys = []
    for row in range(len(table)):
        key = (table.cell(row, "mentee"), table.cell(row, "mentor"))
        if not pairs or not any(key):
            group = table.cell(row, "group").removesuffix(".0")
            keys.append((group,))
        else:
            keys.append(key)  # type: ignore[arg-type]
        if not all(keys[-1]):
            what = "it is not said whom this is about."
            faults.append(Fault(what, table.place(row), "Give mentee and mentor, or the group."))
    low, high = scale

    def grade(text: str) -> float | None:
        value = _number(text)
        return value if value is not None and low <= value <= high else None

    def count(text: str) -> float | None:
        value = _number(text)
        return value if value is not None and value >= 0 and value == int(value) else None

    span = f"is not a number from {low:g} to {high:g}"
    read: dict[str, NDArray[np.float64]] = {}
    for column in ("rating", "before", "after"):
        read[column] = _read(table, column, grade, span, faults)
    for column in ("held", "planned"):
        read[column] = _read(table, column, count, "is no whole number >= 0", faults)
    read["retained"] = _read(
        table, "retained", lambda text: _WORDS.get(text.casefold()), "is neither yes nor no", faults
    )
    if faults:
        raise ProfileError(f"{table.source} cannot be used", faults)
    return Feedback(tuple(keys), scale=(float(low), float(high)), **read)


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _read(
    table: Records,
    column: str,
    parse: Callable[[str], float | None],
    problem: str,
    faults: list[Fault],
) -> NDArray[np.float64]:
    values = np.full(len(table), np.nan)
    for row in range(len(table)):
        text = table.cell(row, column)
        if not text:
            continue
        value = parse(text)
        if value is None:
            remedy = "Leave the cell blank if nothing was said."
            faults.append(Fault(f"{text!r} {problem}.", table.place(row, column), remedy))
        else:
            values[row] = value
    return values
