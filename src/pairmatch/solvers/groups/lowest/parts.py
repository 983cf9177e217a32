"""Parts of a pool that hardly any triad crosses, and which of these triads make them divide.

Triads above a floor often stay within parts of a pool, for instance within a subject. A part whose
people do not divide by three then needs triads that cross it. No prices tell that, because in
fractions every part divides; but where few triads cross, a search over them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.lowest.above import Above
    from pairmatch.solvers.groups.lowest.raising import Raised

__all__ = ["MOST_CROSSING", "Parts", "find_parts", "lower_by_parts"]

MOST_CROSSING = 1000
"""Triads across among which a choice is looked for."""

_N_STEPS = 6  # floors from which crossing triads are listed, at most
_N_CHOICES = 10_000  # of the search for a choice, when it has to come to its end


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Parts of a pool.

    Parameters
    ----------
    of_person : ndarray of int64, shape (n,)
        The part of each person, from 0.
    """

    of_person: NDArray[np.int64]

    @property
    def lacking(self) -> NDArray[np.int64]:
        """How many of each part triads across have to take, but for multiples of three."""
        lacking: NDArray[np.int64] = np.bincount(self.of_person) % 3
        return lacking

    def crossing(self, triads: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which triads have members of several parts."""
        seats = self.of_person[triads]
        across: NDArray[np.bool_] = (seats != seats[:, :1]).any(axis=1)
        return across

    def choose(
        self, crossing: NDArray[np.int64], rng: np.random.Generator | None = None
    ) -> tuple[NDArray[np.int64] | None, bool]:
        """Return disjoint triads that leave people of every part that divide by three.

        Parameters
        ----------
        crossing : ndarray of int64, shape (m, 3)
            Triads to choose from.
        rng : Generator, optional
            Which is tried first; by default, as they come.

        Returns
        -------
        chosen : ndarray of int64, shape (k, 3), or None
            The triads, or None where none were found.
        settled : bool
            Whether that is certain.
        """
        m, lacking = len(crossing), self.lacking
        taken = np.zeros((m, lacking.size), np.int64)
        np.add.at(taken, (np.arange(m)[:, None], self.of_person[crossing]), 1)
        touches = taken > 0
        rank = np.arange(m) if rng is None else rng.permutation(m)
        n_left = _N_CHOICES

        def place(lacks: NDArray[np.int64], open_: NDArray[np.bool_]) -> list[int] | None:
            """Return triads among those that are open that give every part what it lacks."""
            nonlocal n_left
            if not lacks.any():
                return []
            n_left -= 1
            if n_left < 0:
                return None
            n_open = np.where(lacks > 0, touches[open_].sum(axis=0), m + 1)
            part = int(n_open.argmin())  # a triad across has to be chosen for this one
            options = np.flatnonzero(open_ & touches[:, part])
            open_ = open_.copy()
            for at in options[np.argsort(rank[options])].tolist():
                open_[at] = False
                apart = ~(crossing[:, :, None] == crossing[at]).any(axis=(1, 2))
                found = place((lacks - taken[at]) % 3, open_ & apart)
                if found is not None:
                    return [at, *found]
                if n_left < 0:
                    break
            return None

        found = place(lacking, np.ones(m, np.bool_))
        return (None, n_left >= 0) if found is None else (crossing[found], True)


def find_parts(raised: Raised, above: Above) -> Parts | None:
    """Return the parts that no triad at the ceiling crosses; None where they divide by three."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if above.sizes != (3,) or raised.plan.bench.size or not above.list_from(raised.ceiling):
        return None
    triads = above.listed(raised.ceiling)[0]
    ends = np.concatenate([triads[:, :2], triads[:, 1:]]).T
    n = above.values.n
    link = csr_array((np.ones(ends.shape[1]), tuple(ends)), shape=(n, n))
    parts = Parts(connected_components(link, directed=False)[1].astype(np.int64))
    return parts if parts.lacking.any() else None


def lower_by_parts(raised: Raised, above: Above) -> Parts | None:
    """Lower the ceiling to where enough triads cross parts of the pool; in place.

    Returns
    -------
    Parts or None
        The parts, if there are any that do not divide by three.
    """
    parts = find_parts(raised, above)
    if parts is None:
        return None
    top, step = raised.ceiling, max(1, (raised.ceiling - raised.lowest) >> (_N_STEPS - 1))
    floor = top
    while floor > raised.lowest:
        floor = max(raised.lowest, top - step)
        step *= 2
        if not above.list_from(floor):
            return parts
        triads, means = above.tables[0], above.means[0]
        across = np.flatnonzero((means >= floor) & parts.crossing(triads))
        across = across[np.argsort(-means[across], kind="stable")]
        complete = across.size <= MOST_CROSSING
        across = across[:MOST_CROSSING]
        triads, means = triads[across], means[across]
        first, beyond = 0, across.size + 1  # so many are not enough; so many may be
        while first + 1 < beyond:
            at = (first + beyond) // 2
            chosen, settled = parts.choose(triads[:at])
            if chosen is None and settled:
                first = at
            else:
                beyond = at
        if beyond <= across.size:
            highest = int(means[beyond - 1])
        else:
            highest = floor - 1 if complete else int(means[-1])
        if highest < raised.ceiling:
            raised.prove(max(highest, raised.lowest), parts=parts.of_person)
        if beyond <= across.size or not complete:
            return parts
    return parts
