"""What each criterion adds to the score of one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.scoring.criterion import FULL

if TYPE_CHECKING:
    from pairmatch.scoring.compatibility import Compatibility

__all__ = ["Part", "list_parts"]

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
    coached, coach = compatibility.coached, compatibility.coach
    pair = np.array([i], np.int64), np.array([j], np.int64)
    parts = []
    for criterion, name, term, share, neutral in zip(
        compatibility.criteria,
        compatibility.names,
        compatibility.terms,
        compatibility.units_of_criteria,
        compatibility.neutral,
        strict=True,
    ):
        known = bool(term.known_at(*pair)[0])
        units = int(term.at(*pair)[0]) if known else neutral
        score = None
        if known:  # a weight too small for a single unit still has a value to tell
            exact = units if share else criterion.pair_units(coached, i, coach, j, FULL)
            score = (exact or 0) / (share or FULL)
        mine, theirs = criterion.words(coached, i, coach, j)
        points = units / _PER_POINT
        parts.append(Part(name, mine, theirs, score, share / FULL, units, points, known))
    return tuple(parts)
