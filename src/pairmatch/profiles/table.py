"""Profiles: people as rows of an immutable, columnar, validated table."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import Fault, ProfileError, UnknownIdError, did_you_mean, say_count
from pairmatch.profiles.cells import GRADES, make_reader, parse_number, read_cells
from pairmatch.profiles.columns import clear_blanks, find_column, is_blank
from pairmatch.profiles.members import Members, collect_members, fold_entry, make_splitter
from pairmatch.profiles.phrases import make_windows_parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pairmatch.profiles.week import Windows

__all__ = ["Profiles"]


_PRIVATE = ("name", "email")  # columns whose cells no message may quote


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Profiles:
    """People and what is known of them, as `pairmatch.read_profiles` returns them.

    A blank cell means unknown. Every array that comes out is read-only; the arrays of a slice
    (`take`) have the same types as those of the whole. Two tables are equal if they hold the same
    people with the same cells, in whatever order.

    Parameters
    ----------
    source : str
        Name of the file, or ``"table"``.
    ids : tuple of str
        Unique, in the order of the rows.
    columns : tuple of str
        As in the table, standard ones under their standard names.
    cells : mapping
        Text of each column, shape (n,), ``""`` where blank; already validated.
    numeric : frozenset of str
        Columns of one's own in which every cell that is not blank is a number.
    rows : ndarray of int64, shape (n,)
        Row numbers for messages.

    Examples
    --------
    >>> import pandas as pd
    >>> from pairmatch.profiles import read_profiles
    >>> people = read_profiles(
    ...     pd.DataFrame({"id": ["M-01", "M-02"], "years": [12, None], "goals": ["ICT; ELL", ""]})
    ... )
    >>> people
    Profiles('table': 2 people, 3 columns)
    >>> people["years"]
    array([12., nan])
    >>> people.members("goals").labels
    ('ELL', 'ICT')
    """

    source: str
    ids: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[str, NDArray[np.object_]]
    numeric: frozenset[str]
    rows: NDArray[np.int64]
    # Derived columns. Filled at first use; two threads may both fill a place, with equal values.
    _cache: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (*self.cells.values(), self.rows):
            array.flags.writeable = False

    def __reduce__(self) -> tuple[type[Profiles], tuple[Any, ...]]:
        return Profiles, (
            self.source, self.ids, self.columns, dict(self.cells), self.numeric, self.rows,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        people = say_count(len(self), "person", "people")
        columns = "1 column" if len(self.columns) == 1 else f"{len(self.columns)} columns"
        return f"Profiles({self.source!r}: {people}, {columns})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profiles):
            return NotImplemented
        return self is other or self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __contains__(self, column: object) -> bool:
        return column in self.cells

    def __getitem__(self, column: str) -> NDArray[Any]:
        """Return a column as a read-only array of shape (n,).

        Numbers (float64, NaN where unknown) for standard columns that are numbers and for columns
        of one's own in which every cell that is not blank is a number; tuples of text for lists,
        with bands of grades expanded; else text, ``""`` where unknown.
        """
        if not isinstance(column, str):
            raise ProfileError(f"{self.source}: a column is named by text, not {column!r}")
        standard = find_column(column)
        kind = None if standard is None else standard.kind
        if kind == "number" or column in self.numeric:
            return self.numbers(column)
        if kind in {"list", "ids", "grades"}:
            return self._lists(column)
        return self.texts(column)

    def texts(self, column: str) -> NDArray[np.object_]:
        """Return the text of any column, ``""`` where blank.

        Columns with a closed set of words (``modality``, ``commitment``, ``trained``) hold the
        standard word, ``enrolled`` an ISO date; all others the text as read, stripped.

        Raises
        ------
        ProfileError
            If there is no such column.
        """
        cells = self.cells.get(column)
        if cells is None:
            known = did_you_mean(str(column), self.columns)
            raise ProfileError(f"{self.source} has no column {column!r}.{known}")
        return cells

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return any column as numbers, NaN where blank.

        Raises
        ------
        ProfileError
            If a cell is not a number; every such row is named.
        """
        found: NDArray[np.float64] | None = self._cache.get(("numbers", column))
        if found is None:
            found = np.array(self._read(column, parse_number, float("nan")), dtype=np.float64)
            found.flags.writeable = False
            self._cache["numbers", column] = found
        return found

    def members(self, column: str) -> Members:
        """Return any column read as a list: who has which entry.

        Entries are separated by ``;`` and compared as wholes, without regard to case and white
        space; ids (``evaluator``, ``wishes``, ``vetoes``) are compared exactly. Grades are in
        their own order, from PK to 12.

        Notes
        -----
        The matrix has n x labels bytes. For columns in which nearly everybody has entries of
        their own, such as ``wishes`` in a large pool, take the tuples of ``profiles["wishes"]``.
        """
        found: Members | None = self._cache.get(("members", column))
        if found is None:
            standard = find_column(column)
            kind = None if standard is None else standard.kind
            lists = self._lists(column)
            known = np.fromiter(
                (not is_blank(text, standard) for text in self.texts(column)),
                dtype=np.bool_,
                count=len(self),
            )
            found = collect_members(
                lists.tolist(),
                known,
                key=fold_entry if kind not in {"id", "ids", "grades"} else str,
                rank=GRADES.index if kind == "grades" else None,
            )
            self._cache["members", column] = found
        return found

    def windows(self, column: str) -> tuple[Windows | None, ...]:
        """Return the weekly windows of each person: merged, in minutes of the week.

        None where the cell is blank, ``()`` where it says ``none`` or ``-``.

        Raises
        ------
        ProfileError
            If a cell of a column of one's own is not a list of windows; every such row is named.
        """
        found: tuple[Windows | None, ...] | None = self._cache.get(("windows", column))
        if found is None:
            found = tuple(self._read(column, make_windows_parser(), None))
            self._cache["windows", column] = found
        return found

    def take(self, rows: slice | ArrayLike) -> Profiles:
        """Return some of the people: a slice or an array of row positions (or of booleans).

        Notes
        -----
        What has been read of the whole table is handed on, so a slice parses no cell again; a
        slice object costs views, not copies.
        """
        chosen: Any = rows
        if not isinstance(rows, slice):
            chosen = np.asarray(rows)
            chosen = chosen if chosen.size else chosen.astype(np.int64)
        positions = np.arange(len(self))[chosen].tolist()
        for column in self.columns:
            standard = find_column(column)
            if column in self.numeric or (standard is not None and standard.kind == "number"):
                self.numbers(column)
        read: dict[tuple[str, str], Any] = {}
        for (what, column), values in list(self._cache.items()):
            if what in {"numbers", "lists"}:
                read[what, column] = values[chosen]
                read[what, column].flags.writeable = False
            elif what == "windows":
                read[what, column] = tuple([values[row] for row in positions])
        return Profiles(
            self.source,
            tuple([self.ids[row] for row in positions]),
            self.columns,
            {column: texts[chosen] for column, texts in self.cells.items()},
            self.numeric,
            self.rows[chosen],
            read,
        )

    def index_of(self, id: str) -> int:  # noqa: A002 - the word of the table
        """Return the row position of an id.

        Raises
        ------
        UnknownIdError
            If nobody has this id.
        """
        row = self.row_of.get(id)
        if row is None:
            raise UnknownIdError(
                f"{id!r} is no id in {self.source}.{did_you_mean(str(id), self.ids)}"
            )
        return row

    def find_rows(self, ids: Iterable[str]) -> list[int]:
        """Return the row position of each id, -1 where nobody has it."""
        index = self.row_of
        return [index.get(who, -1) for who in ids]

    def place(self, row: int, column: str = "") -> str:
        """Return where a cell stands, in the words of the input, for messages.

        Examples
        --------
        ``row 7 (id T-104), column years``
        """
        return f"row {self.rows[row]} (id {self.ids[row]})" + (column and f", column {column}")

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame of text, ``""`` where blank."""
        import pandas as pd

        return pd.DataFrame(
            {column: self.cells[column] for column in self.columns},
            columns=pd.Index(self.columns, dtype=object),
            dtype=object,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the content; the order of rows and columns does not matter."""
        found: str | None = self._cache.get(("fingerprint", ""))
        if found is None:
            digest = hashlib.sha256()
            order = sorted(range(len(self)), key=self.ids.__getitem__)
            for column in sorted(self.columns):
                texts = self.cells[column].tolist()
                content = [column, [texts[row] for row in order]]
                digest.update(json.dumps(content).encode("ascii"))
            found = digest.hexdigest()
            self._cache["fingerprint", ""] = found
        return found

    @property
    def row_of(self) -> Mapping[str, int]:
        """Row position of each id."""
        index: dict[str, int] | None = self._cache.get(("index", ""))
        if index is None:
            index = {known: row for row, known in enumerate(self.ids)}
            self._cache["index", ""] = index
        return index

    def _lists(self, column: str) -> NDArray[np.object_]:
        """Return the entries of each person as an object array of tuples."""
        found: NDArray[np.object_] | None = self._cache.get(("lists", column))
        if found is None:
            standard = find_column(column)
            read: Any = make_splitter()
            if standard is not None and standard.kind in {"ids", "grades"}:
                read = make_reader(standard)
            found = np.fromiter(self._read(column, read, ()), dtype=object, count=len(self))
            found.flags.writeable = False
            self._cache["lists", column] = found
        return found

    def _read(self, column: str, read: Any, blank: Any) -> list[Any]:
        """Read every cell of a column, or raise with all the rows that cannot be read."""
        standard = find_column(column)
        texts = clear_blanks(self.texts(column).tolist(), standard)
        values, problems = read_cells(texts, read, blank)
        if problems:
            if column in _PRIVATE:
                said = "the cell is not of the kind that was asked for"
                problems = dict.fromkeys(problems, (said,))
            raise ProfileError(
                f"column {column} of {self.source} cannot be read as asked",
                [
                    Fault(what, self.place(row, column))
                    for row, slips in problems.items()
                    for what in slips
                ],
            )
        return values
