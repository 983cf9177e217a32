"""What each criterion adds to the score of one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.scoring.criterion import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.scoring.compatibility import Compatibility

__all__ = ["Part", "list_parts", "list_parts_at"]

_PER_POINT = FULL // 100


@dataclass(frozen=True, slots=True)
class Part:
    """What one criterion adds to the score of a pair.

    Parameters
    ----------
    criterion : str
        Name of the criterion.
    coached_value, coach_value : str
        What the two people gave.
    score : float or None
        Value of the criterion, 0 to 1; None if unknown.
    weight : float
        Share of all weight, 0 to 1.
    units : int
        What is added, in millionths of a full score; the units of all parts sum to the score.
    points : float
        The same in points: 100 for a full score.
    known : bool
        Whether both people gave what the criterion needs.
    """

    criterion: str
    coached_value: str
    coach_value: str
    score: float | None
    weight: float
    units: int
    points: float
    known: bool


def list_parts(compatibility: Compatibility, i: int, j: int) -> tuple[Part, ...]:
    """Return what each criterion adds to the score of a pair, neutral values included."""
    return list_parts_at(compatibility, np.array([i], np.int64), np.array([j], np.int64))[0]


def list_parts_at(
    compatibility: Compatibility, i: NDArray[np.int64], j: NDArray[np.int64]
) -> list[tuple[Part, ...]]:
    """Return what each criterion adds to the score of each pair; every criterion is asked once.

    Parameters
    ----------
    compatibility : Compatibility
        Scores of two tables.
    i, j : ndarray of int64, shape (n_pairs,)
        Rows of the coached and columns of the coaches.
    """
    coached, coach = compatibility.coached, compatibility.coach
    rows, columns = i.tolist(), j.tolist()
    by_criterion = []
    for criterion, name, term, share, neutral in zip(
        compatibility.criteria,
        compatibility.names,
        compatibility.terms,
        compatibility.units_of_criteria,
        compatibility.neutral,
        strict=True,
    ):
        known = term.known_at(i, j)
        units = np.where(known, term.at(i, j), neutral)
        parts = []
        for row, column, is_known, added in zip(
            rows, columns, known.tolist(), units.tolist(), strict=True
        ):
            score = None
            if is_known:  # a weight too small for a single unit still has a value to tell
                exact = added if share else criterion.pair_units(coached, row, coach, column, FULL)
                score = (exact or 0) / (share or FULL)
            said = criterion.words(coached, row, coach, column)
            points = added / _PER_POINT
            parts.append(Part(name, *said, score, share / FULL, added, points, is_known))
        by_criterion.append(parts)
    return list(zip(*by_criterion, strict=True))
