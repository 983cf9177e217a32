"""Scores as frames, with ids on the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.scoring.criterion import FULL
from pairmatch.typed import is_count

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.scoring.compatibility import Compatibility

__all__ = ["label_pairs", "rank_best", "refuse_size"]

_MOST_CELLS = 4_000_000


def refuse_size(compatibility: Compatibility, instead: str) -> None:
    """Refuse a frame that would not fit the memory of an ordinary machine."""
    n, m = compatibility.shape
    if n * m > _MOST_CELLS:
        raise CapabilityError(
            f"a frame of {n:,} x {m:,} pairs is too large (at most {_MOST_CELLS:,}); "
            f"call .{instead} instead"
        )


def label_pairs(compatibility: Compatibility, values: NDArray[np.float64]) -> pd.DataFrame:
    """Return a matrix as a frame with ids on both axes."""
    import pandas as pd

    return pd.DataFrame(
        values,
        index=pd.Index(compatibility.coached.ids, name="mentee", dtype=object),
        columns=pd.Index(compatibility.coach.ids, name="mentor", dtype=object),
    )


def rank_best(compatibility: Compatibility, k: int) -> pd.DataFrame:
    """Return the k best allowed coaches of each coached person, block by block."""
    import pandas as pd

    if not is_count(k, 1):
        raise ProgramError(f"best(k) needs a whole number k >= 1, found {k!r}")
    n, m = compatibility.shape
    size = max(1, _MOST_CELLS // max(m, 1))
    kept = [np.empty((4, 0), np.int64)]
    for first in range(0, n if m else 0, size):
        units, allowed = compatibility.evaluate(slice(first, min(n, first + size)))
        # Units, then the earlier column, in one integer.
        order = np.where(allowed, units.astype(np.int64) * m + np.arange(m)[::-1], -1)
        if k < m:
            order = np.partition(order, m - k, axis=1)[:, m - k :]
        order = np.sort(order, axis=1)[:, ::-1]
        i, rank = np.nonzero(order >= 0)
        worth, from_end = np.divmod(order[i, rank], m)
        kept.append(np.stack([i + first, m - 1 - from_end, rank + 1, worth]))
    i, j, rank, worth = np.concatenate(kept, axis=1)
    return pd.DataFrame(
        {
            "mentee": np.array(compatibility.coached.ids, dtype=object)[i],
            "mentor": np.array(compatibility.coach.ids, dtype=object)[j],
            "rank": rank,
            "score": worth / FULL,
        }
    )
