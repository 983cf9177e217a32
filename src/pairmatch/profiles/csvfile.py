"""CSV files as spreadsheets and forms write them: bytes, encodings, delimiters, ragged rows."""

from __future__ import annotations

import csv
import io
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pairmatch.errors import ProfileError
from pairmatch.profiles.columns import fold_header
from pairmatch.profiles.formulas import unguard_formula
from pairmatch.profiles.sheet import CellProblem, Sheet

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_sheet"]

_SAVE_AS_CSV = "Open it and save it as 'CSV UTF-8', then read that file."
_MAGIC = (
    (b"PK\x03\x04", "a workbook or an archive (zip), not a text table"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook, not a text table"),
    (b"PAR1", "a Parquet file, not a text table"),
    (b"%PDF", "a PDF document, not a text table"),
    (b"\x89PNG", "a picture, not a text table"),
    (b"\xff\xd8\xff", "a picture, not a text table"),
    (b"\x1f\x8b", "a compressed file, not a text table"),
)
_DELIMITERS = (",", ";", "\t")
_SEP_LINE = re.compile(r"sep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)


def read_sheet(path: Path, *, id_column: str) -> Sheet:
    """Read a CSV file as text, cell by cell.

    Parameters
    ----------
    path : Path
        UTF-8 (with or without BOM), UTF-16 or UTF-32 with BOM, else cp1252; separated by comma,
        semicolon or tab.
    id_column : str
        Header that helps to find the delimiter.

    Raises
    ------
    ProfileError
        If the file is not there, is not text, is empty, or has a quotation mark that never ends.
    """
    text = _decode(_load(path), path.name)
    hint = _SEP_LINE.match(text)  # Excel's own note of the delimiter; it does not show it as a row
    delimiter = hint[1] if hint else ""
    text = text[hint.end() :] if hint else text
    if not delimiter:
        delimiter = _find_delimiter(text, id_column)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled: list[tuple[int, list[str]]] = []
    number = 0
    memory: dict[str, str] = {}  # people who wrote the same share one text
    try:
        for number, record in enumerate(records, start=1):
            cells = [unguard_formula(cell.strip()) for cell in record]
            cells = [memory.setdefault(cell, cell) for cell in cells]
            if any(cells):
                filled.append((number, cells))
    except csv.Error as error:
        raise ProfileError(
            f"{path.name} cannot be read after row {number} (line {records.line_num} of the "
            f"file): a quotation mark is not closed or not doubled, or a cell is too long ({error})"
        ) from None
    if not filled:
        raise ProfileError(f"{path.name} is empty: it has no header and no people")
    return _arrange(path.name, filled)


def _load(path: Path) -> bytes:
    """Return the bytes, or say why there are none."""
    try:
        if path.is_dir():
            raise ProfileError(f"{path} is a folder; give the name of a CSV file in it")
        if not path.exists():
            raise ProfileError(f"there is no file {path}.{_suggest_file(path)}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, ProfileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ProfileError(f"{path} cannot be opened: {reason}") from None


def _suggest_file(path: Path) -> str:
    """Return a sentence with files of similar names in the same folder."""
    folder = path.parent
    if not folder.is_dir():
        return f" There is no folder {folder} either."
    names = {entry.name.casefold(): entry.name for entry in sorted(folder.iterdir())}
    near = get_close_matches(path.name.casefold(), list(names), n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(repr(names[name]) for name in near)}?"
    tables = sorted(name for name in names.values() if name.lower().endswith(".csv"))
    return f" The folder has {', '.join(tables[:5])}." if tables else ""


def _decode(content: bytes, name: str) -> str:
    """Return the text of the file without byte order mark."""
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<html", b"<!doctype", b"<?xml")):
        raise ProfileError(f"{name} is a web page, not a text table. {_SAVE_AS_CSV}")
    for start, what in _MAGIC:
        if content.startswith(start):
            raise ProfileError(f"{name} is {what}. {_SAVE_AS_CSV}")
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                raise ProfileError(
                    f"{name} starts as {encoding.upper()} text but breaks off. {_SAVE_AS_CSV}"
                ) from None
            if "\x00" not in text:
                return text
    if b"\x00" in content:
        raise ProfileError(f"{name} is not a text file (it holds zero bytes). {_SAVE_AS_CSV}")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ProfileError(f"{name} is neither UTF-8 nor Windows text (cp1252). {_SAVE_AS_CSV}")


def _find_delimiter(text: str, id_column: str) -> str:
    """Return the delimiter of the header: the one that shows the id column, or most cells."""
    best, best_rank = ",", (False, 1)
    for delimiter in _DELIMITERS:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            header = next((record for record in records if any(map(str.strip, record))), [])
        except csv.Error:
            continue
        names = [fold_header(cell) for cell in header]
        rank = (fold_header(id_column) in names, len(header))
        if rank > best_rank:
            best, best_rank = delimiter, rank
    return best


def _arrange(source: str, filled: list[tuple[int, list[str]]]) -> Sheet:
    """Make all rows as long as the header; a row that is too long is a problem."""
    header = filled[0][1]
    while header and not header[-1] and all(len(r) < len(header) or not r[len(header) - 1]
                                            for _, r in filled):  # fmt: skip
        header.pop()
    width = len(header)
    rows: list[int] = []
    kept: list[list[str]] = []
    problems: list[CellProblem] = []
    for number, cells in filled[1:]:
        if len(cells) > width:
            while len(cells) > width and not cells[-1]:
                cells.pop()
            n_extra = len(cells) - width
            if n_extra:
                problems.append(
                    CellProblem(
                        len(rows),
                        -1,
                        f"{len(cells)} cells where the header has {width}.",
                        f"Remove the {n_extra} extra, or put quotation marks around the cell that "
                        "holds the delimiter.",
                    )
                )
                # Which cell is the extra one is not known: do not read any but the first.
                cells = [cells[0], *[""] * (width - 1)]
        elif len(cells) < width:
            cells += [""] * (width - len(cells))
        rows.append(number)
        kept.append(cells)
    columns = [list(column) for column in zip(*kept, strict=True)] or [[] for _ in header]
    return Sheet(source, header, columns, rows, problems)
