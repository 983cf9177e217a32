"""Why nobody can match more rows: a set of rows and columns that meets every allowed pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.rounds import Rounds

__all__ = ["find_cover"]

_KEEP = 8


def find_cover(rounds: Rounds) -> tuple[bool, NDArray[np.int64]]:
    """Return whether no seating has more rows, and the columns of the cover that says so.

    Parameters
    ----------
    rounds : Rounds
        A pool that has been run to its end. Pairs that prove a cover wrong become candidates.

    Returns
    -------
    maximum : bool
        False if some row outside can be seated at a lower gain.
    cover : ndarray of int64, shape (n_columns,)
        1 for the columns whose places, with the rows that are not reached, meet every pair.

    Notes
    -----
    König's theorem: from the rows that sit nowhere, follow candidate pairs to columns and seats
    back to rows. All columns reached are full, else one more row could be seated; they and the
    rows not reached cover all candidates. One sweep over the rows reached finds what else there is.
    """
    seating, candidates = rounds.seating, rounds.candidates
    assert seating is not None  # noqa: S101 - the pool has been run
    m = candidates.shape[1]
    while True:
        reached = seating.mate < 0
        cover = np.zeros(m, np.int64)
        fresh = reached.copy()
        while fresh.any():
            found = np.zeros(m, bool)
            found[candidates.column[fresh[candidates.row]]] = True
            found &= cover == 0
            if (found & (seating.filled < seating.capacity)).any():
                return False, cover
            cover[found] = 1
            sits = seating.mate >= 0
            fresh = sits.copy()
            fresh[sits] = found[seating.mate[sits]]
            fresh &= ~reached
            reached |= fresh
        missed = rounds.find_allowed(np.flatnonzero(reached), cover == 0, _KEEP)
        if not missed:
            return True, cover
