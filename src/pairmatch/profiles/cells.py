"""What one cell may say: numbers, words, dates and grades.

Every reader takes stripped text that is not blank and raises ValueError with a sentence that says
what was expected.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from pairmatch.profiles.members import is_none, make_splitter, split_list, unify_dashes
from pairmatch.profiles.phrases import make_windows_parser
from pairmatch.profiles.slips import list_slips, raise_slips

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pairmatch.profiles.columns import Column

__all__ = ["GRADES", "make_reader", "parse_date", "parse_grades", "parse_number", "read_cells"]

T = TypeVar("T")

GRADES = ("PK", "K", *(str(grade) for grade in range(1, 13)))

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# "1,000" is a thousand here and one there; a leading zero can only be a decimal comma.
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d.*)?", re.ASCII)

_ORDINALS: tuple[str, ...] = ("first", "second", "third", "fourth", "fifth", "sixth")
_ORDINALS += ("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth")
_GRADE_WORDS = {
    **dict.fromkeys(("pk", "prek", "pre-k", "pre k", "prekindergarten", "pre-kindergarten"), "PK"),
    **dict.fromkeys(("k", "kg", "kindergarten", "kinder"), "K"),
    **{word: str(k) for k, word in enumerate(_ORDINALS, start=1)},
}
_GRADE_NUMBER = re.compile(r"0*(\d{1,2})(?:\.0+)?(?:st|nd|rd|th)?", re.ASCII)
_MONTH_DATE = re.compile(
    r"\d{1,2}[- ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*[- ]\d{1,2}",
    re.IGNORECASE,
)


def parse_number(text: str) -> float:
    """Read a finite number with a decimal point or a decimal comma.

    Examples
    --------
    >>> parse_number("3,5"), parse_number("2.0")
    (3.5, 2.0)
    >>> parse_number("1,000")
    Traceback (most recent call last):
    ValueError: '1,000' may be 1 or 1000; write it without the comma
    """
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"'{text}' is not a number")
    if _AMBIGUOUS.fullmatch(text):
        plain = text.replace(",", "")
        raise ValueError(
            f"'{text}' may be {text.partition(',')[0]} or {plain}; write it without the comma"
        )
    number = float(text.replace(",", "."))
    if not math.isfinite(number):
        raise ValueError(f"'{text}' is too large for a number")
    return number + 0.0  # no minus zero


def parse_date(text: str) -> str:
    """Return the ISO form of a date; the time of day is dropped.

    Examples
    --------
    >>> parse_date("2026-09-01 00:00:00")
    '2026-09-01'
    """
    match = _DATE.fullmatch(text)
    try:
        if match is not None:
            datetime.fromisoformat(text)
            return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        pass
    raise ValueError(f"'{text}' is no date; expected year-month-day such as 2026-09-01")


def parse_grades(text: str) -> tuple[str, ...]:
    """Return the grades of a cell in order, bands expanded.

    Examples
    --------
    >>> parse_grades("Pre-K; 1st; Grade 3; 9-11")
    ('PK', '1', '3', '9', '10', '11')
    >>> parse_grades("K-2, 05")
    ('K', '1', '2', '5')
    """
    if is_none(text):
        return ()
    found: set[int] = set()
    slips: list[str] = []
    # No grade has a comma or a dash of another kind in it, so both are safe to unify.
    for entry in split_list(unify_dashes(text).replace(",", ";")):
        grade = _find_grade(entry)
        try:
            found |= _expand_band(entry) if grade is None else {grade}
        except ValueError as error:
            slips += list_slips(error)
    raise_slips(slips)
    return tuple(GRADES[grade] for grade in sorted(found))


def _find_grade(text: str) -> int | None:
    """Return the position of a single grade in `GRADES`."""
    word = text.strip().casefold()
    word = word.removeprefix("grades").removeprefix("grade").removeprefix("gr.").strip()
    word = word.removesuffix("grades").removesuffix("grade").strip()
    grade = _GRADE_WORDS.get(word)
    if grade is None:
        match = _GRADE_NUMBER.fullmatch(word)
        grade = match[1] if match else ""
    return GRADES.index(grade) if grade in GRADES else None


def _expand_band(entry: str) -> set[int]:
    """Return the grades of a band such as ``K-2``."""
    if _MONTH_DATE.fullmatch(entry):
        raise ValueError(
            f"'{entry}' looks like a band of grades that a spreadsheet turned into a date; "
            "format the column as text and write 9-12"
        )
    for match in re.finditer(r"-|\bto\b", entry):
        first, last = _find_grade(entry[: match.start()]), _find_grade(entry[match.end() :])
        if first is not None and last is not None:
            if first > last:
                raise ValueError(f"the band '{entry}' runs backwards; write the lower grade first")
            return set(range(first, last + 1))
    raise ValueError(
        f"'{entry}' is no grade; expected PK, K, 1 to 12 or a band such as K-2, separated by ';'"
    )


def make_reader(column: Column) -> Callable[[str], object]:
    """Return the function that reads a cell of this column."""
    if column.kind == "number":
        return lambda text: _read_quantity(text, column)
    if column.kind == "word":
        return lambda text: _read_word(text, column)
    if column.kind == "date":
        return parse_date
    if column.kind == "grades":
        return parse_grades
    if column.kind == "windows":
        return make_windows_parser()
    if column.kind == "ids":
        return make_splitter(str)
    if column.kind == "list":
        return make_splitter()
    return str


def _read_quantity(text: str, column: Column) -> float:
    """Read a number in the range of its column."""
    expected = f"{'a whole number' if column.whole else 'a number'} from {column.low:g} to "
    expected += f"{column.high:,.0f}" if column.high < 1e6 else "a million"
    try:
        number = parse_number(text)
    except ValueError as error:
        raise ValueError(f"{error}; expected {expected}") from None
    if not column.low <= number <= column.high or (column.whole and number % 1):
        raise ValueError(f"'{text}' is not {expected}")
    return number


def _read_word(text: str, column: Column) -> str:
    """Return the standard word for a word of a closed set."""
    word = column.words.get(" ".join(text.casefold().split()))
    if word is None:
        *most, last = dict.fromkeys(column.words.values())
        raise ValueError(f"'{text}' is not understood; expected {', '.join(most)} or {last}")
    return word


def read_cells(
    texts: Iterable[str], read: Callable[[str], T], blank: T
) -> tuple[list[T], dict[int, tuple[str, ...]]]:
    """Read a column, each distinct text once.

    Parameters
    ----------
    texts : iterable of str
        Cells, ``""`` where blank.
    read : callable
        Reads a cell that is not blank; raises ValueError with a sentence.
    blank : object
        Value of a blank cell, and of one that cannot be read.

    Returns
    -------
    values : list
    problems : dict
        Position of each cell that cannot be read, and what is wrong with it, a sentence each.
    """
    listed = list(texts)
    memory: dict[str, T] = {}
    refused: dict[str, tuple[str, ...]] = {}
    for text in dict.fromkeys(listed):
        memory[text] = blank
        if text:
            try:
                memory[text] = read(text)
            except ValueError as error:
                refused[text] = list_slips(error)
    values = [memory[text] for text in listed]
    if not refused:
        return values, {}
    return values, {k: refused[text] for k, text in enumerate(listed) if text in refused}
