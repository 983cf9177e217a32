"""The standard columns of a profile table: names, meanings, and what is clearly a typing error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "STANDARD",
    "Column",
    "Kind",
    "clear_blanks",
    "find_column",
    "fold_header",
    "is_blank",
    "suggest_columns",
]

Kind: TypeAlias = Literal[
    "id", "text", "list", "ids", "grades", "number", "windows", "word", "date"
]

_NOTHING = frozenset({"", "n/a", "#n/a", "null", "nan"})


@dataclass(frozen=True, slots=True)
class Column:
    """What a standard column holds.

    Parameters
    ----------
    name : str
        Its name in the table.
    kind : str
        How its cells are read; ``"ids"`` is a list of ids, compared exactly.
    low, high : float
        Range of a number, both ends included.
    whole : bool
        Whether a number must be whole.
    words : mapping
        Accepted spelling (lower case) to standard word, for a closed set of words.
    """

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    words: Mapping[str, str] = field(default_factory=dict, compare=False)


def _spell(**spellings: str) -> dict[str, str]:
    """Turn ``yes="y true"`` into ``{"yes": "yes", "y": "yes", "true": "yes"}``."""
    return {
        other: word
        for word, others in spellings.items()
        for other in (word, word.replace("_", " "), word.replace("_", "-"), *others.split())
    }


_COLUMNS = (
    Column("id", "id"),
    *(Column(name, "text") for name in ("name", "email", "school", "credential", "role")),
    *(Column(name, "list") for name in ("subjects", "strengths", "goals", "formats")),
    Column("grades", "grades"),
    Column("years", "number", 0, 60),
    *(Column(name, "windows") for name in ("free", "teaching", "busy")),
    Column("modality", "word", words=_spell(in_person="inperson", virtual="online", either="both")),
    Column("max_mentees", "number", 0, 1_000_000, whole=True),
    Column("minutes_per_week", "number", 0, 10_080),
    *(Column(name, "ids") for name in ("evaluator", "wishes", "vetoes")),
    Column("commitment", "word", words=_spell(low="", medium="", high="")),
    Column("trained", "word", words=_spell(yes="y true 1", no="n false 0")),
    Column("enrolled", "date"),
)
STANDARD: Mapping[str, Column] = {column.name: column for column in _COLUMNS}

# Other names for a standard column that nobody would give to a different one.
_SYNONYMS = {
    "experience": "years",
    "years_experience": "years",
    "years_of_experience": "years",
    "years_of_teaching": "years",
    "years_of_teaching_experience": "years",
    "teaching_experience": "years",
    "availability": "free",
    "available": "free",
    "available_times": "free",
    "free_time": "free",
    "free_times": "free",
    "free_period": "free",
    "free_periods": "free",
    "teaching_time": "teaching",
    "teaching_times": "teaching",
    "busy_time": "busy",
    "busy_times": "busy",
    "grade_level": "grades",
    "grade_levels": "grades",
    "grade_band": "grades",
    "grade_bands": "grades",
}

_STYLES = frozenset({"styles", "styl", "stile"})


@lru_cache(maxsize=2**10)
def fold_header(header: str) -> str:
    """Return the form in which headers are compared with standard names.

    Examples
    --------
    >>> fold_header("  Max Mentees ")
    'max_mentees'
    """
    return re.sub(r"[\s_-]+", "_", header.strip().casefold())


def find_column(name: str) -> Column | None:
    """Return the standard column of this folded name, or None for a column of one's own."""
    if name.startswith("style_") and len(name) > len("style_"):
        return Column(name, "number", 0, 5)
    return STANDARD.get(name)


def is_blank(text: str, column: Column | None) -> bool:
    """Return whether a stripped cell says nothing.

    ``n/a``, ``#N/A``, ``null`` and ``nan`` in any case say nothing, except as an id. ``NA`` says
    nothing where text is not free: a school or a person may be called NA.
    """
    if not text or (column is not None and column.kind == "id"):
        return not text
    word = text.casefold()
    return word in _NOTHING or (
        word == "na" and not (column is not None and column.kind in {"text", "ids"})
    )


def clear_blanks(texts: list[str], column: Column | None) -> list[str]:
    """Return the cells of a column with ``""`` for those that say nothing."""
    # No word that says nothing has more than four letters.
    blanks = {text for text in set(texts) if 0 < len(text) <= 4 and is_blank(text, column)}
    return ["" if text in blanks else text for text in texts] if blanks else texts


def suggest_columns(header: str, present: Iterable[str]) -> tuple[Column, ...]:
    """Return standard columns that `header` may have been meant to be, the nearest first.

    Only columns the table does not have are suggested, and never ``name`` or ``email``, which
    nothing is computed from. A suggestion is a singular for a plural or the reverse, a known other
    name, or a name of five letters or more with the same first letter that agrees to 80 %.
    Whether the cells agree as well is for the caller to see.
    """
    key = fold_header(header)
    have = set(present)
    head, _, scale = key.partition("_")
    found: list[tuple[float, Column]] = []
    if scale and (head in _STYLES or (head != "style" and sorted(head) == sorted("style"))):
        found.append((1.0, Column(f"style_{scale}", "number", 0, 5)))
    for name, column in STANDARD.items():
        if name in have or column.kind == "id" or name in {"name", "email"}:
            continue
        if _SYNONYMS.get(key) == name or key in {f"{name}s", name.removesuffix("s")}:
            found.append((1.0, column))
        elif len(name) >= 5 and key[:1] == name[0] and _likeness(key, name) >= 0.8:
            found.append((_likeness(key, name), column))
    found.sort(key=lambda pair: -pair[0])
    return tuple(column for _, column in found)


def _likeness(one: str, other: str) -> float:
    """Return how much two words agree, 0 to 1 (Ratcliff and Obershelp's measure)."""
    return SequenceMatcher(None, one, other).ratio()
