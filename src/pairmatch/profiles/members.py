"""Lists in cells: how they are split, what counts as the same entry, who has which."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Members",
    "collect_members",
    "fold_entry",
    "is_none",
    "make_splitter",
    "split_list",
    "unify_dashes",
]

# Hyphens, figure dash, en and em dash, horizontal bar, minus sign, small and full-width forms.
_DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
)
_NONE = frozenset({"none", "-", "--"})


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Who has which entry of a list column.

    Parameters
    ----------
    labels : tuple of str
        The distinct entries in sorted order, each in the spelling that was seen first.
    matrix : ndarray of bool, shape (n, len(labels))
        Whether a person's list holds an entry; read-only.
    known : ndarray of bool, shape (n,)
        False where the cell is blank. A cell ``none`` or ``-`` is known and empty; read-only.
    """

    labels: tuple[str, ...]
    matrix: NDArray[np.bool_]
    known: NDArray[np.bool_]


def fold_entry(text: str) -> str:
    """Return what two entries must share to be the same: case and white space do not count.

    Examples
    --------
    >>> fold_entry("Classroom  Management ") == fold_entry("classroom management")
    True
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def unify_dashes(text: str) -> str:
    r"""Write every kind of dash as ``-``.

    Examples
    --------
    >>> unify_dashes("K\u20132")
    'K-2'
    """
    return text if text.isascii() else text.translate(_DASHES)


def is_none(text: str) -> bool:
    """Return whether a cell says "none": known and empty."""
    word = text.strip()
    return len(word) <= 4 and unify_dashes(word).casefold() in _NONE


def split_list(text: str) -> tuple[str, ...]:
    """Split a cell at its semicolons; entries that are the same count once.

    Examples
    --------
    >>> split_list("Maths; Art, Design ;maths;")
    ('Maths', 'Art, Design')
    >>> split_list("none")
    ()
    """
    return make_splitter()(text)


def make_splitter(key: Callable[[str], str] = fold_entry) -> Callable[[str], tuple[str, ...]]:
    """Return `split_list` with a memory of its own, for many cells of one column.

    Parameters
    ----------
    key : callable, optional
        Entries with the same key are the same.
    """
    memory: dict[str, tuple[str, str]] = {}

    def split(text: str) -> tuple[str, ...]:
        if is_none(text):
            return ()
        entries: dict[str, str] = {}
        for part in text.split(";"):
            pair = memory.get(part)
            if pair is None:
                entry = " ".join(part.split())
                pair = memory[part] = (key(entry), entry)
            entries.setdefault(*pair)
        entries.pop("", None)
        return tuple(entries.values())

    return split


def collect_members(
    lists: Sequence[tuple[str, ...]],
    known: NDArray[np.bool_],
    *,
    key: Callable[[str], str] = fold_entry,
    rank: Callable[[str], object] | None = None,
) -> Members:
    """Turn the lists of all people into a membership matrix.

    Parameters
    ----------
    lists : sequence of tuple of str, length n
        Entries of each person.
    known : ndarray of bool, shape (n,)
        Whether the cell was not blank.
    key : callable, optional
        Entries with the same key are the same.
    rank : callable, optional
        Sort order of the keys; alphabetical by default.
    """
    keys: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for entries in lists:
        for entry in entries:
            if entry not in keys:
                keys[entry] = key(entry)
                spelling.setdefault(keys[entry], entry)
    ordered = sorted(spelling, key=rank)  # type: ignore[arg-type]
    position = {folded: k for k, folded in enumerate(ordered)}
    column_of = {entry: position[folded] for entry, folded in keys.items()}
    matrix = np.zeros((len(lists), len(ordered)), dtype=np.bool_)
    counts = np.fromiter((len(entries) for entries in lists), dtype=np.int64, count=len(lists))
    columns = np.fromiter(
        (column_of[entry] for entries in lists for entry in entries),
        dtype=np.int64,
        count=int(counts.sum()),
    )
    matrix[np.repeat(np.arange(len(lists)), counts), columns] = True
    matrix.flags.writeable = False
    known = known.copy()
    known.flags.writeable = False
    return Members(tuple(spelling[folded] for folded in ordered), matrix, known)
