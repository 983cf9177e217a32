"""Two plans as one of them and some independent moves that lead to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pairmatch.solvers.changes.rematching import HullPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["take_part"]


class Worths(Protocol):
    """Whoever knows what pairs are worth."""

    def find(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the pairs ``(row[k], column[k])`` are worth."""
        ...


def take_part(
    many: HullPoint,
    few: HullPoint,
    column_of: NDArray[np.int64],
    n_kept: int,
    worths: Worths,
) -> HullPoint:
    """Return a plan between two that makes as many of the moves to the second as there may be.

    Parameters
    ----------
    many, few : HullPoint
        Two plans; the first keeps enough pairs, the second is worth more.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were, -1 for none.
    n_kept : int
        How many of these must stay.
    worths : Worths
        What the pairs of both plans are worth.

    Notes
    -----
    Rows that move, joined where they share a column, fall into parts that do not touch each other.
    Which parts to make is a knapsack problem: O(parts x changes allowed). Where both plans are
    best for one price of a change, so is every choice of parts.
    """
    mates = np.full((2, len(column_of)), -1, np.int64)
    for mate, point in zip(mates, (many, few), strict=True):
        mate[point.pairs[:, 0]] = point.pairs[:, 1]
    rows = np.flatnonzero(mates[0] != mates[1])
    part = _join(mates[:, rows])
    n_parts = int(part.max(initial=-1)) + 1
    keeps, worth = np.zeros((2, 2, n_parts), np.int64)
    for side, mate in enumerate(mates[:, rows]):
        sits = np.flatnonzero(mate >= 0)
        np.add.at(worth[side], part[sits], worths.find(rows[sits], mate[sits]))
        np.add.at(keeps[side], part[sits], mate[sits] == column_of[rows[sits]])
    cost, gain = keeps[0] - keeps[1], worth[1] - worth[0]
    chosen = _pack(cost, gain, many.kept - n_kept)
    moves = chosen[part]
    mate = mates[0].copy()
    mate[rows[moves]] = mates[1, rows[moves]]
    who = np.flatnonzero(mate >= 0)
    return HullPoint(
        np.stack([who, mate[who]], axis=1),
        many.kept - int(cost[chosen].sum()),
        many.value + int(gain[chosen].sum()),
    )


def _join(mates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the part of each row, given its column in two plans."""
    leader: dict[int, int] = {}

    def find(column: int) -> int:
        while leader.setdefault(column, column) != column:
            leader[column] = column = leader[leader[column]]
        return column

    ends = [[j for j in pair if j >= 0] for pair in mates.T.tolist()]
    for columns in ends:
        if len(columns) == 2:
            leader[find(columns[0])] = find(columns[1])
    _, part = np.unique([find(columns[0]) for columns in ends], return_inverse=True)
    return np.asarray(part, np.int64)


def _pack(cost: NDArray[np.int64], gain: NDArray[np.int64], room: int) -> NDArray[np.bool_]:
    """Return the parts of most gain whose costs fit into the room."""
    best = np.zeros(room + 1, np.int64)  # by what has been spent at most
    taken = np.zeros((len(cost), room + 1), np.bool_)
    for k, (c, g) in enumerate(zip(cost.tolist(), gain.tolist(), strict=True)):
        if c < 0 or g <= 0 or c > room:
            continue
        more = best[: room + 1 - c] + g
        taken[k, c:] = more > best[c:]
        best[c:] = np.maximum(best[c:], more)
    chosen = np.zeros(len(cost), np.bool_)
    left = room
    for k in range(len(cost) - 1, -1, -1):
        if taken[k, left]:
            chosen[k] = True
            left -= int(cost[k])
    return chosen
