"""Pairs that are nearly as good as those of a best plan: where searches near that plan go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NearPairs"]


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """All pairs that lose little at the prices of a best plan, and how little.

    What its solver knows in the end anyway; nothing is proved by it.

    Parameters
    ----------
    row, column : ndarray of int32, shape (n_near,)
        The pairs.
    gain : ndarray of int64, shape (n_near,)
        What they gain.
    row_slack, column_slack : ndarray of int64, shapes (n_rows,), (n_columns,)
        Every allowed pair that is not named loses what these say of its row and of its column
        together, or more; all >= 0.
    """

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    gain: NDArray[np.int64]
    row_slack: NDArray[np.int64]
    column_slack: NDArray[np.int64]

    def follow(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NearPairs:
        """Return the same of who is still there: by new row and column the present one, or -1."""
        places, slacks = [], []
        for old, slack in ((row, self.row_slack), (column, self.column_slack)):
            place, same = np.full(len(slack), -1, np.int32), old >= 0
            place[old[same]] = np.flatnonzero(same)
            places.append(place)
            slacks.append(np.where(same, slack[old], 0))
        i, j = places[0][self.row], places[1][self.column]
        both = (i >= 0) & (j >= 0)
        return NearPairs(i[both], j[both], self.gain[both], *slacks)
