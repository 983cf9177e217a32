"""A term with one value for all pairs but a few, which are listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.scoring.terms import count, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pairmatch.scoring.terms import Index

__all__ = ["ListedPairs"]


@dataclass(frozen=True, slots=True, eq=False)
class ListedPairs:
    """Units of pairs that are listed, and one number of units for all others.

    Parameters
    ----------
    has_coached, has_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    either : bool
        Whether a pair is known where one side gave it, and not only where both did.
    plain : int
        Units of the pairs that are not listed.
    first : ndarray of int64, shape (n + 1,)
        Where the list of each row begins in ``column``.
    column, value : ndarray of int64, shape (n_listed,)
        Columns, ascending in each row, and units of the listed pairs.
    """

    has_coached: NDArray[np.bool_]
    has_coach: NDArray[np.bool_]
    either: bool
    plain: int
    first: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.int64]

    @classmethod
    def collect(
        cls,
        has_coached: NDArray[np.bool_],
        has_coach: NDArray[np.bool_],
        units_of: Mapping[tuple[int, int], int],
        *,
        plain: int = 0,
        either: bool = False,
    ) -> ListedPairs:
        """Return the term of some pairs (row, column) and their units."""
        pairs = np.array(sorted(units_of), dtype=np.int64).reshape(-1, 2)
        value = np.array([units_of[i, j] for i, j in pairs.tolist()], dtype=np.int64)
        lengths = np.bincount(pairs[:, 0], minlength=len(has_coached))
        first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(has_coached, has_coach, either, plain, first, pairs[:, 1].copy(), value)

    @property
    def known_coached(self) -> NDArray[np.bool_] | None:
        """Whether each coached person gave what is needed; None if either side will do."""
        return None if self.either else self.has_coached

    @property
    def known_coach(self) -> NDArray[np.bool_] | None:
        """Whether each coach gave what is needed; None if either side will do."""
        return None if self.either else self.has_coach

    def known(self, rows: Index, columns: Index) -> NDArray[np.bool_]:
        """Return whether each pair of a block is known."""
        mine, theirs = self.has_coached[rows][:, None], self.has_coach[columns][None, :]
        known: NDArray[np.bool_] = mine | theirs if self.either else mine & theirs
        return known

    def known_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether single pairs are known."""
        mine, theirs = self.has_coached[i], self.has_coach[j]
        known: NDArray[np.bool_] = mine | theirs if self.either else mine & theirs
        return known

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        out[...] = self.plain
        chosen = np.arange(len(self.has_coached))[rows]
        place = np.full(len(self.has_coach), -1)
        place[columns] = np.arange(out.shape[1])
        lengths = self.first[chosen + 1] - self.first[chosen]
        if lengths.any():
            here = np.repeat(np.arange(len(chosen)), lengths)
            starts = np.cumsum(lengths) - lengths
            entry = np.arange(len(here)) - np.repeat(starts - self.first[chosen], lengths)
            there = place[self.column[entry]]
            inside = there >= 0
            out[here[inside], there[inside]] = self.value[entry[inside]]
        lacking = ~self.has_coached[rows]
        if self.either:
            if lacking.any() and not self.has_coach.all():
                out[np.ix_(lacking, ~self.has_coach[columns])] = unknown
            return
        if lacking.any():
            out[lacking] = unknown
        lacking = ~self.has_coach[columns]
        if lacking.any():
            out[:, lacking] = unknown

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        """Return the units of a block; 0 where unknown."""
        n, m = len(self.has_coached), len(self.has_coach)
        out = np.empty((count(rows, n), count(columns, m)), np.int32)
        for here, some_rows in cut(rows, n, 512):
            tile = np.empty((here.stop - here.start, out.shape[1]), np.float32)[: len(out[here])]
            self.fill(tile, some_rows, columns, 0)
            out[here] = tile
        return out

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        units = np.full(len(i), self.plain, np.int64)
        if len(self.column):
            width = len(self.has_coach)
            row = np.repeat(np.arange(len(self.has_coached)), np.diff(self.first))
            keys = row * width + self.column
            wanted = i * width + j
            entry = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            units = np.where(keys[entry] == wanted, self.value[entry], units)
        return np.where(self.known_at(i, j), units, 0).astype(np.int32)
