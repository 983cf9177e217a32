"""Tiers of pairs that are looked up where they are needed; the table never exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.streamed import Overlap, StreamedGains

    Index = slice | NDArray[np.int64]

__all__ = ["StreamedTiers", "find_least_total", "weigh_gains"]

_INT32 = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class StreamedTiers:
    """The tier of every pair, by the kinds of the two people.

    Parameters
    ----------
    row_kind, column_kind : ndarray of int64, shapes (n_rows,) and (n_columns,)
        Kind of each person; people of one kind are of the same tier with everybody.
    table : ndarray of int64, shape (n_row_kinds, n_column_kinds)
        Tier of every two kinds.
    n_tiers : int
        Number of tiers, that of pairs of no level included.

    Examples
    --------
    >>> from pairmatch.solvers.streamed import Overlap
    >>> near = Overlap.pack([[1, 0], [0, 1]], [[1, 0], [1, 1]])
    >>> tiers = StreamedTiers.of(((near,),))
    >>> tiers.at(np.array([[0], [1]]), np.array([[0, 1]])).tolist()
    [[0, 0], [1, 0]]
    """

    row_kind: NDArray[np.int64]
    column_kind: NDArray[np.int64]
    table: NDArray[np.int64]
    n_tiers: int

    @classmethod
    def of(cls, levels: tuple[tuple[Overlap, ...], ...]) -> StreamedTiers:
        """Return the tiers of levels, each of which asks for something in common, all of it."""
        flat = [overlap for level in levels for overlap in level]
        rows = np.hstack([overlap.row for overlap in flat])
        columns = np.hstack([overlap.column for overlap in flat])
        first_row, row_kind = _find_kinds(rows)
        first_column, column_kind = _find_kinds(columns)
        i, j = first_row[:, None], first_column[None, :]
        table = np.full((len(first_row), len(first_column)), len(levels), np.int64)
        for number in range(len(levels) - 1, -1, -1):
            holds = np.ones(table.shape, np.bool_)
            for overlap in levels[number]:
                holds &= overlap.holds(i, j)
            table[holds] = number
        return cls(row_kind, column_kind, table, len(levels) + 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self.row_kind), len(self.column_kind)

    def count(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many pairs of a plan are of each tier."""
        return np.bincount(self.at(pairs[:, 0], pairs[:, 1]), minlength=self.n_tiers)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tiers of pairs of two broadcastable index arrays."""
        return self.table[self.row_kind[i], self.column_kind[j]]


def _find_kinds(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return who is the first of each kind, and everybody's kind."""
    if not len(words):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, first, kind = np.unique(words, axis=0, return_index=True, return_inverse=True)
    return first, kind.reshape(-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """What a pair is given for its tier, as a term of streamed gains."""

    tiers: StreamedTiers
    table: NDArray[np.signedinteger]  # of every two kinds

    def block(self, rows: Index, columns: Index) -> NDArray[np.signedinteger]:
        lines = self.table[self.tiers.row_kind[rows]]
        return lines.take(self.tiers.column_kind[columns], axis=1)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        return self.table[self.tiers.row_kind[i], self.tiers.column_kind[j]]


@dataclass(frozen=True, slots=True, eq=False)
class _Allowed:
    """The rules of gains that ask for the gain itself."""

    gains: StreamedGains

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        i, j = np.broadcast_arrays(i, j)
        return ~self.gains.pairs(i.ravel(), j.ravel())[1].reshape(i.shape)


def weigh_gains(
    gains: StreamedGains, tiers: StreamedTiers, weight: NDArray[np.int64]
) -> StreamedGains:
    """Return gains with a weight for the tier of the pair on top.

    Parameters
    ----------
    gains : StreamedGains
        Gains and rules, which stay.
    tiers : StreamedTiers
        Tiers of the same pool.
    weight : ndarray of int64, shape (n_tiers,)
        What a pair of each tier is given, >= 0.
    """
    most = int(weight.max(initial=0))
    table = weight.astype(np.int64)[tiers.table]
    term = _Weights(tiers, table.astype(np.int32) if most < _INT32 else table)
    tests = gains.tests if gains.least is None else (*gains.tests, _Allowed(gains))
    gains = replace(gains, tests=tests, least=None)
    return replace(gains, terms=(*gains.terms, term), largest=gains.largest + most)


def find_least_total(gains: StreamedGains, n_pairs: int) -> int:
    """Return what the gains of no more pairs than that, each row once, cannot fall below."""
    if gains.terms or not all(gains.shape):
        return -gains.largest * n_pairs
    left, right = gains.row_features, gains.column_features
    top, bottom = (side.astype(np.float64) for side in (right.max(axis=0), right.min(axis=0)))
    least = float((np.maximum(left, 0) @ bottom + np.minimum(left, 0) @ top).min())
    least += sum(min(0, units) for _, units in gains.shared)
    return min(0, int(least)) * n_pairs
