"""Two plans as one of them and some independent moves that lead to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pairmatch.solvers.changes.answers import HullPoint

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
    twin: NDArray[np.int64] | None = None,
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
    twin : ndarray of int64, shape (n_rows,), optional
        Where pairs take slots: the column that is the same person, -1 if there is none.

    Notes
    -----
    Rows that move, joined where they share a column, fall into parts that do not touch each other:
    each column has its rows, and their slots, from one of the plans, and so whatever holds of the
    columns of both holds of those of the answer. With slots whole calendars are taken.
    Which parts to make is a knapsack problem: O(parts x changes allowed). Where both plans are
    best for one price of a change, so is every choice of parts.
    """
    mates = np.full((2, len(column_of)), -1, np.int64)
    for mate, point in zip(mates, (many, few), strict=True):
        mate[point.pairs[:, 0]] = point.pairs[:, 1]
    rows = np.flatnonzero(mates[0] != mates[1])
    label = _join(mates, rows, twin)
    own = label[mates[:, rows].max(axis=0)]
    leaders, part = np.unique(own, return_inverse=True)
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
    slots = None
    if many.slots is not None and few.slots is not None:
        second = np.isin(label, leaders[chosen])  # whose calendars are those of the second plan
        taken = np.full((len(mate), many.slots.shape[1]), -1, np.int64)
        taken[many.pairs[:, 0]] = many.slots
        ours = second[few.pairs[:, 1]]
        taken[few.pairs[ours, 0]] = few.slots[ours]
        slots = taken[who]
    return HullPoint(
        np.stack([who, mate[who]], axis=1),
        many.kept - int(cost[chosen].sum()),
        many.value + int(gain[chosen].sum()),
        slots,
    )


def _join(
    mates: NDArray[np.int64], rows: NDArray[np.int64], twin: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return a number for each column, the same for those that some row that moves has in turn.

    With slots the same as well for the calendars that one pair stands in.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    twins = np.empty(0, np.int64) if twin is None else twin
    links = [mates[:, rows], *(np.stack([mate, twins]) for mate in mates if len(twins))]
    linked = np.hstack(links)
    one, other = linked[:, (linked >= 0).all(axis=0)]
    n_columns = int(max(mates.max(initial=0), twins.max(initial=0))) + 1
    graph = csr_array((np.ones(len(one), np.int8), (one, other)), shape=(n_columns, n_columns))
    label: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return label


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
