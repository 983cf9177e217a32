"""The plan that ties are settled to, by augmenting paths: for pools where it is an assignment.

The same choice as that of :func:`.settle_ties`, in a fraction of
its time and memory, where nothing but the weights of the pairs is left to decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.ties import ROUND_BITS, draw_weights
from pairmatch.solvers.assignment.pricing.augment import Seating
from pairmatch.solvers.assignment.pricing.candidates import Candidates

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder

__all__ = ["seat_ties"]

_MOST_PEOPLE = 2**18  # beside more of them sums of weights could leave 64 bits


def seat_ties(
    edges: Edges,
    remainder: Remainder,
    pairs: NDArray[np.int64],
    price: NDArray[np.int64],
    profit: NDArray[np.int64],
    should_stop: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return the pairs that the weights pick among all best plans; None if it takes a flow.

    Parameters
    ----------
    edges : Edges
        The tight pairs of the open rows.
    remainder : Remainder
        Rows and places that the pins leave.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A best plan, pins included.
    price : ndarray of int64, shape (n_columns,)
        Prices that prove it best.
    profit : ndarray of int64, shape (n_rows,)
        What they leave each row.
    should_stop : callable
        Whether there is no time for this.

    Returns
    -------
    ndarray of int64, shape (n_seated, 2), or None
        Pairs of open rows. None too without numba, when told to stop, and where the number of
        pairs or the loads may vary in other ways: some row with a tight pair sits nowhere though
        not all loads are settled, or columns whose load is not settled have more than one place
        or different numbers of pins.
    """
    rows, n_columns = remainder.rows, len(price)
    n_people = len(rows) + n_columns
    has_pair = np.zeros(len(rows), np.bool_)
    line = np.searchsorted(rows, edges.row)
    has_pair[line] = True
    sits = np.isin(rows, pairs[:, 0])
    least = np.where(price > 0, remainder.capacity, remainder.at_least)
    capacity = np.where(price < 0, remainder.at_least, remainder.capacity)
    varies = capacity > least
    alike = (capacity[varies] == 1).all() and len(np.unique(remainder.load[varies])) <= 1
    must_sit = has_pair if varies.any() else profit[rows] > 0
    if n_people > _MOST_PEOPLE or not alike or (must_sit & ~sits).any():
        return None
    column = edges.column
    for turn, bits in enumerate(ROUND_BITS):
        far = (n_people + 2) << (bits + 1)
        gain = draw_weights(rows[line], column, turn)
        candidates = Candidates((len(rows), n_columns))
        candidates.add(line, column, gain)
        del line, gain
        seating = Seating(len(rows), capacity, least, np.zeros(n_columns, np.int64))
        if not seating.can_stop:
            return None
        seating.outside = np.where(must_sit, -far, 0)
        seating.spare = np.where(least < capacity, 0, -far)
        seating.short = np.full(n_columns, -far)
        if not seating.solve(candidates, should_stop):
            return None
        line, column = np.divmod(candidates.find_tight(seating.u, seating.v), n_columns)
        least = np.where(seating.v > 0, capacity, least)
        must_sit = must_sit | (seating.u > 0)
        if len(line) == np.count_nonzero(seating.mate >= 0):
            break
    seated = np.flatnonzero(seating.mate >= 0)
    return np.column_stack([rows[seated], seating.mate[seated]])
