"""What an unknown value counts as: the average of its criterion over the pool."""

from __future__ import annotations

import hashlib
import warnings
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault, PairmatchWarning, ProgramError
from pairmatch.scoring.terms import Linear, count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Criterion
    from pairmatch.scoring.terms import Index, Term

__all__ = ["average_units", "find_neutral"]

_PAIRS = 1 << 20
_SIDE = 128


def average_units(
    term: Term, coached_ids: Sequence[str], coach_ids: Sequence[str], twin: NDArray[np.int64]
) -> int | None:
    """Return the average units over all pairs of different people in which a term is known.

    Parameters
    ----------
    term : Term
        A bound criterion.
    coached_ids, coach_ids : sequence of str
        Ids of the two sides.
    twin : ndarray of int64, shape (n,)
        Column of the same person, -1 where there is none.

    Returns
    -------
    int or None
        Rounded half-even; None if the term is known for no pair.

    Notes
    -----
    Linear terms: exactly, from feature sums, O(n + m). Others: from all pairs up to 2**20, else
    from about 2**20 pairs in blocks of people that a hash of their ids chooses, whatever the
    order of the rows.
    """
    own_rows = np.flatnonzero(twin >= 0)
    own_columns = twin[own_rows]
    if isinstance(term, Linear):
        left, right = (
            term.coached.sum(axis=0, dtype=np.int64),
            term.coach.sum(axis=0, dtype=np.int64),
        )
        total = sum(a * b for a, b in zip(left.tolist(), right.tolist(), strict=True))
        total -= int(term.at(own_rows, own_columns).sum(dtype=np.int64))
        n_known = int(term.known_coached.sum()) * int(term.known_coach.sum())
        n_known -= int(term.known_at(own_rows, own_columns).sum())
    else:
        total = n_known = 0
        for rows, columns in _draw_blocks(coached_ids, coach_ids):
            n, m = count(rows, len(coached_ids)), count(columns, len(coach_ids))
            units = np.empty((n, m), np.float32)
            term.fill(units, rows, columns, -1)
            same = twin[rows][:, None] == np.arange(len(coach_ids))[columns][None, :]
            counted = (units >= 0) & ~same
            total += int(units.sum(where=counted, dtype=np.float64))
            n_known += int(counted.sum())
    return round(Fraction(total, n_known)) if n_known else None


def find_neutral(
    coached: Profiles,
    coach: Profiles,
    criteria: Sequence[Criterion],
    names: Sequence[str],
    terms: Sequence[Term],
    shares: Sequence[int],
    twin: NDArray[np.int64],
    given: Mapping[str, int] | None,
) -> tuple[int, ...]:
    """Return what an unknown value of each criterion counts as."""
    given = given or {}
    constants = []
    for criterion, name, term, share in zip(criteria, names, terms, shares, strict=True):
        units: int | None = 0
        if criterion.missing == "neutral":
            units = (
                given[name] if name in given else average_units(term, coached.ids, coach.ids, twin)
            )
            if units is None and len(coached) and len(coach):
                text = f"{name} is known for no pair of these tables: it counts 0 for everybody"
                warnings.warn(text, PairmatchWarning, stacklevel=4)
            if units is not None and not 0 <= units <= share:
                what = f"expected units from 0 to {share:,}, found {units!r}."
                raise ProgramError("these neutral values cannot be used", [Fault(what, name)])
        constants.append(int(units or 0))
    return tuple(constants)


def _draw_blocks(coached_ids: Sequence[str], coach_ids: Sequence[str]) -> list[tuple[Index, Index]]:
    """Return disjoint blocks that hold all pairs, or about 2**20 of them."""
    n, m = len(coached_ids), len(coach_ids)
    if n * m <= _PAIRS:
        return [(slice(None), slice(None))]
    rows, columns = _shuffle(coached_ids), _shuffle(coach_ids)
    height, width = min(n, _SIDE), min(m, _SIDE)
    row_bundles, column_bundles = n // height, m // width
    wanted = -(-_PAIRS // (height * width))
    blocks: list[tuple[Index, Index]] = []
    for k in range(min(wanted, row_bundles * column_bundles)):
        a = k % row_bundles
        b = (a + k // row_bundles) % column_bundles
        some_rows = np.sort(rows[a * height : (a + 1) * height])
        some_columns = np.sort(columns[b * width : (b + 1) * width])
        blocks.append((some_rows, some_columns))
    return blocks


def _shuffle(ids: Sequence[str]) -> NDArray[np.int64]:
    """Return positions in the order of a hash of the ids."""
    keys = [
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in ids
    ]
    return np.array(sorted(range(len(ids)), key=lambda k: (keys[k], ids[k])), np.int64)
