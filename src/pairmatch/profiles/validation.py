"""From a sheet of text to profiles: every fault of the table at once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import Fault, PairmatchWarning, ProfileError, did_you_mean
from pairmatch.profiles.cells import make_reader, parse_number, read_cells
from pairmatch.profiles.columns import (
    clear_blanks,
    find_column,
    fold_header,
    is_blank,
    suggest_columns,
)
from pairmatch.profiles.grids import unfold_times
from pairmatch.profiles.phrases import is_doubtful
from pairmatch.profiles.table import Profiles

if TYPE_CHECKING:
    from pairmatch.profiles.bells import Schedule
    from pairmatch.profiles.columns import Column
    from pairmatch.profiles.sheet import Sheet

__all__ = ["check_sheet"]

_REMEDIES = {
    "number": "Leave the cell blank if it is unknown.",
    "word": "Leave the cell blank if it is unknown.",
    "date": "Leave the cell blank if it is unknown.",
}


def check_sheet(sheet: Sheet, *, id_column: str, schedule: Schedule | None = None) -> Profiles:
    """Return the profiles that a sheet holds.

    Parameters
    ----------
    sheet : Sheet
        What was read.
    id_column : str
        Header of the column with the ids.
    schedule : Schedule, optional
        Periods, hours and slots, for columns of time.

    Raises
    ------
    ProfileError
        With every fault of the table.

    Warns
    -----
    PairmatchWarning
        For a list column that seems to be separated by commas, and for windows that may be meant
        in the afternoon.
    """
    sheet, time_faults = unfold_times(sheet, schedule)
    position, faults = _name_columns(sheet, id_column)
    faults += time_faults
    ids = sheet.columns[position["id"]] if "id" in position else [""] * len(sheet.rows)

    def place(row: int, column: str) -> str:
        """Name a cell in the words of the input."""
        who = f" (id {ids[row]})" if ids[row] else ""
        return f"row {sheet.rows[row]}{who}" + (column and f", column {column}")

    if "id" not in position and (late := _find_late_header(sheet, id_column)) is not None:
        raise ProfileError(f"{sheet.source} cannot be used", [late])
    names = {k: name for name, k in position.items()}
    refused = set()
    for problem in sheet.problems:
        name = names.get(problem.column, sheet.headers[problem.column])
        where = place(problem.row, "" if problem.column < 0 else name)
        faults.append(Fault(problem.what, where, problem.remedy))
        refused.add((problem.row, problem.column))
    if "id" in position:
        faults += _check_ids(sheet, ids, {row for row, k in refused if k in {-1, position["id"]}})
    if not sheet.rows:
        faults.append(Fault("there are no people below the header.", "", "Add a row for each."))
    cells: dict[str, list[str]] = {}
    numeric: set[str] = set()
    cache: dict[tuple[str, str], Any] = {}
    for name, k in position.items():
        column = find_column(name)
        texts = sheet.columns[k]
        if column is None:
            faults += _check_own_header(name, sheet.headers[k], texts, position)
            values, problems = _read_own_numbers(texts)
            if not problems:
                numeric.add(name)
                cache["numbers", name] = _freeze(np.array(values, dtype=np.float64))
        else:
            texts, problems = _read_standard(column, clear_blanks(texts, column), cache)
            faults += [
                Fault(f"{_clip(what)}.", place(row, name), _REMEDIES.get(column.kind, ""))
                for row, slips in problems.items()
                if (row, k) not in refused
                for what in slips
            ]
        cells[name] = texts
    if faults:
        raise ProfileError(f"{sheet.source} cannot be used", faults)
    _warn_of_doubts(sheet.source, cells, cache)
    return Profiles(
        source=sheet.source,
        ids=tuple(ids),
        columns=tuple(position),
        cells={name: _hold(texts) for name, texts in cells.items()},
        numeric=frozenset(numeric),
        rows=np.array(sheet.rows, dtype=np.int64),
        _cache=cache,
    )


def _clip(text: str) -> str:
    """Shorten what somebody wrote at length into one cell."""
    return text if len(text) <= 240 else f"{text[:120]} ... {text[-100:]}"


def _hold(values: list[Any]) -> Any:
    """Return a read-only object array; tuples stay single cells."""
    return _freeze(np.fromiter(values, dtype=object, count=len(values)))


def _freeze(array: Any) -> Any:
    """Make an array read-only."""
    array.flags.writeable = False
    return array


def _name_columns(sheet: Sheet, id_column: str) -> tuple[dict[str, int], list[Fault]]:
    """Give every column its name: standard name to position, in the order of the table."""
    wanted = fold_header(id_column)
    position: dict[str, int] = {}
    faults: list[Fault] = []
    for k, header in enumerate(sheet.headers):
        folded = fold_header(header)
        if not folded:
            n_cells = sum(map(bool, sheet.columns[k]))
            if n_cells:
                faults.append(
                    Fault(
                        f"{n_cells} {'cell' if n_cells == 1 else 'cells'} but no header.",
                        f"column {k + 1} from the left",
                        "Write a header in the first row, or clear the column.",
                    )
                )
            continue
        if folded == wanted:
            name = "id"
        elif folded == "id":
            continue  # another column was named as the id
        else:
            name = folded if find_column(folded) else " ".join(header.split())
        if name in position:
            first = sheet.headers[position[name]]
            alike = "" if first == header else f" (as '{first}' and '{header}')"
            faults.append(
                Fault(
                    f"the header stands over two columns, {position[name] + 1} and {k + 1} "
                    f"from the left{alike}.",
                    f"column {name}",
                    "Rename or remove one of them.",
                )
            )
            continue
        position[name] = k
    if "id" not in position:
        faults.insert(0, _miss_id(sheet, id_column))
    return position, faults


def _find_late_header(sheet: Sheet, id_column: str) -> Fault | None:
    """Say where the header is, if it is below the first row."""
    wanted = fold_header(id_column)
    for row in range(min(10, len(sheet.rows))):
        if wanted in [fold_header(column[row]) for column in sheet.columns]:
            return Fault(
                f"the header seems to be in row {sheet.rows[row]}, not in the first row.",
                remedy="Delete the rows above it.",
            )
    return None


def _miss_id(sheet: Sheet, id_column: str) -> Fault:
    """Say what could be the id column of a table that has none of that name."""
    headers = [" ".join(header.split()) for header in sheet.headers if header.strip()]
    unique = [
        header
        for header, texts in zip(sheet.headers, sheet.columns, strict=True)
        if header.strip()
        and find_column(fold_header(header)) is None
        and texts
        and all(texts)
        and len(set(texts)) == len(texts)
    ]
    example = " ".join(unique[0].split()) if unique else "Number"
    known = did_you_mean(id_column, headers)
    joint = next((mark for mark in "|,;\t" if len(headers) == 1 and mark in headers[0]), None)
    if joint is not None:
        return Fault(
            f"the whole header stands in one cell: '{_clip(headers[0])}'.",
            remedy=f"Save the sheet with ',' or ';' between the cells instead of '{joint}', or "
            "without quotation marks around whole rows.",
        )
    return Fault(
        f"there is no column '{id_column}', which says who is who.{known}",
        remedy="Add a column with a unique id for each person, or rename the one that has it to "
        f"'{id_column}' (in Python: read_profiles(..., id_column={example!r})).",
    )


def _check_ids(sheet: Sheet, ids: list[str], refused: set[int]) -> list[Fault]:
    """Find blank ids and ids of several rows."""
    faults = [
        Fault("the id is blank.", f"row {sheet.rows[row]}, column id", "Give this person an id.")
        for row, who in enumerate(ids)
        if not who and row not in refused
    ]
    if len(set(ids)) == len(ids):
        return faults
    rows_of: dict[str, list[int]] = {}
    for row, who in zip(sheet.rows, ids, strict=True):
        rows_of.setdefault(who, []).append(row)
    for who, rows in rows_of.items():
        if who and len(rows) > 1:
            *most, last = map(str, rows)
            faults.append(
                Fault(
                    f"{len(rows)} people have the same id '{who}'; ids must be unique.",
                    f"rows {', '.join(most)} and {last}, column id",
                    "Remove the row that is there twice, or give each person an own id.",
                )
            )
    return faults


def _read_standard(
    column: Column, texts: list[str], cache: dict[tuple[str, str], Any]
) -> tuple[list[str], dict[int, tuple[str, ...]]]:
    """Read a standard column; what was read is kept for the profiles."""
    if column.kind in {"id", "text"}:
        return texts, {}
    read = make_reader(column)
    if column.kind in {"word", "date"}:
        return read_cells(texts, read, "")  # type: ignore[arg-type]
    blank: Any = {"number": float("nan"), "windows": None}.get(column.kind, ())
    values, problems = read_cells(texts, read, blank)
    if column.kind == "number":
        cache["numbers", column.name] = _freeze(np.array(values, dtype=np.float64))
    elif column.kind == "windows":
        cache["windows", column.name] = tuple(values)
    else:
        cache["lists", column.name] = _hold(values)
    return texts, problems


def _read_own_numbers(texts: list[str]) -> tuple[list[float], dict[int, tuple[str, ...]]]:
    """Read a column of one's own as numbers, stopping early at text."""
    plain = clear_blanks(texts, None)
    first = next((text for text in plain if text), "")
    if read_cells([first], parse_number, 0.0)[1] or not (first or not any(texts)):
        return [], {0: ("text",)}
    return read_cells(plain, parse_number, float("nan"))


def _check_own_header(
    name: str, header: str, texts: list[str], present: dict[str, int]
) -> list[Fault]:
    """Refuse a header that is clearly a standard one with a typing error.

    To pass over ``yeras`` in silence would lose a column; to refuse ``bus`` because of ``busy``
    would forbid an honest name. So the name must be near (`suggest_columns`) and at least half of
    the cells must make sense in the standard column.
    """
    for column in suggest_columns(header, present):
        sample = [text for text in texts if not is_blank(text, column)][:200]
        n_bad = len(read_cells(sample, make_reader(column), None)[1])
        if sample and 2 * n_bad <= len(sample):
            return [
                Fault(
                    f"no such standard column; did you mean '{column.name}'?",
                    f"column {name}",
                    f"Rename it to {column.name}, or, if it is a column of your own, to a name "
                    "that is less alike.",
                )
            ]
    return []


def _warn_of_doubts(
    source: str, cells: dict[str, list[str]], cache: dict[tuple[str, str], Any]
) -> None:
    """Warn of what was read but may have been meant otherwise, once a column."""
    for name, texts in cells.items():
        column = find_column(name)
        if column is None:
            continue
        if column.kind in {"list", "ids"}:
            _warn_of_commas(source, name, texts, are_ids=column.kind == "ids")
        if column.kind == "windows":
            doubts = [
                text
                for text, windows in zip(texts, cache["windows", name], strict=True)
                if windows and is_doubtful(text, windows)
            ]
            if doubts:
                _warn(
                    f"{source}, column {name}: {len(doubts)} cells such as "
                    f"'{_clip(doubts[0])}' are read as times of the night. "
                    "Write 15:30 or 3:30 pm for the afternoon, 03:30 for "
                    "the night."
                )


def _warn_of_commas(source: str, name: str, texts: list[str], *, are_ids: bool) -> None:
    """Warn of cells in which commas seem to separate entries: there are no ';', or known parts.

    Where ids are listed, an entry that is nobody's is told elsewhere.
    """
    doubts = [text for text in texts if "," in text and ";" not in text]
    said = " and none holds ';'"
    if any(";" in text for text in texts) or len(doubts) == 1:
        known = (
            set()
            if are_ids
            else {
                entry.strip().casefold()
                for text in set(texts).difference(doubts)
                for entry in text.split(";")
            }
        )
        doubts = [
            text
            for text in doubts
            if any(part.strip().casefold() in known for part in text.split(",") if part.strip())
        ]
        said = f" ('{_clip(doubts[0])}') between entries of other cells" if doubts else ""
    if doubts:
        cells = "1 cell holds" if len(doubts) == 1 else f"{len(doubts)} cells hold"
        _warn(
            f"{source}, column {name}: {cells} commas{said}, "
            "so each is read as one entry. Separate entries by ';', or end each cell "
            "with ';' if the commas belong to the entries.",
            stacklevel=6,
        )


def _warn(message: str, *, stacklevel: int = 5) -> None:
    """Warn at the line that called `read_profiles`."""
    warnings.warn(message, PairmatchWarning, stacklevel=stacklevel)
