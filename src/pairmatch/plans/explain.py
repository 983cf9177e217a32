"""Why this pair: the score of each criterion, put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.errors import CapabilityError
from pairmatch.plans.order import natural_key
from pairmatch.scoring.parts import list_parts_at

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility, Part
    from pairmatch.scoring.own import Scored

__all__ = ["explain_all", "explain_pair"]


def explain_pair(scored: Scored, i: int, j: int) -> pd.DataFrame:
    """Return one row per criterion for a pair, in the plan or not."""
    import pandas as pd

    if not hasattr(scored, "parts"):
        raise CapabilityError(
            "own scores have no parts to explain; match profiles with criteria for that"
        )
    return pd.DataFrame([_part_row(part) for part in scored.parts(i, j)], columns=_PART_COLUMNS)


_PART_COLUMNS = ["criterion", "mentee_value", "mentor_value", "score", "weight", "points"]


def _part_row(part: Part) -> tuple[str, str, str, float, float, float]:
    score = float("nan") if part.score is None else part.score
    return (
        part.criterion, part.coached_value, part.coach_value, score, part.weight, part.points
    )  # fmt: skip


def explain_all(scored: Compatibility, pairs: NDArray[np.int64]) -> pd.DataFrame:
    """Return the explanations of all pairs in one frame, with ``mentee`` and ``mentor`` first."""
    import pandas as pd

    order = sorted(
        range(len(pairs)), key=lambda at: natural_key(scored.coached.ids[int(pairs[at, 0])])
    )
    i, j = pairs[order].T
    rows = [
        (scored.coached.ids[row], scored.coach.ids[column], *_part_row(part))
        for row, column, parts in zip(
            i.tolist(), j.tolist(), list_parts_at(scored, i, j), strict=True
        )
        for part in parts
    ]
    return pd.DataFrame(rows, columns=["mentee", "mentor", *_PART_COLUMNS])
