"""Bound criteria: the integer units of any block of pairs.

A term is what a criterion becomes once it has met two tables. There are three forms: *linear* (a
product of integer features), *shaped* (a product, then a function of each cell) and *element-wise*
(any function of a pair). All give the same integers for a pair in whatever block it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Index = slice | NDArray[np.int64]

__all__ = [
    "Elementwise",
    "Finish",
    "Kernel",
    "Linear",
    "Shaped",
    "Sided",
    "Term",
    "cut",
    "multiply_pairs",
]

_PAIRS = 1 << 16


class Term(Protocol):
    """Integer units of every pair of two tables, and whether they are known.

    ``rows`` and ``columns`` are slices or index arrays; ``i`` and ``j`` are index arrays of equal
    length that name pairs.
    """

    @property
    def known_coached(self) -> NDArray[np.bool_] | None:
        """Whether each coached person gave what is needed; None if it depends on the pair."""
        ...

    @property
    def known_coach(self) -> NDArray[np.bool_] | None:
        """Whether each coach gave what is needed; None if it depends on the pair."""
        ...

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        ...

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        """Return the units of a block; 0 where unknown."""
        ...

    def known(self, rows: Index, columns: Index) -> NDArray[np.bool_]:
        """Return whether each pair of a block is known."""
        ...

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        ...

    def known_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether single pairs are known."""
        ...


def cut(index: Index, n: int, size: int) -> list[tuple[slice, Index]]:
    """Return an index in pieces of at most ``size``: where it goes, and what it takes."""
    if not isinstance(index, slice):
        return [(slice(a, a + size), index[a : a + size]) for a in range(0, len(index), size)]
    start, stop, step = index.indices(n)
    if step != 1:
        return cut(np.arange(start, stop, step, dtype=np.int64), n, size)
    pieces: list[tuple[slice, Index]] = []
    for a in range(start, stop, size):
        b = min(stop, a + size)
        pieces.append((slice(a - start, b - start), slice(a, b)))
    return pieces


def count(index: Index, n: int) -> int:
    """Return how many positions an index takes out of n."""
    return len(range(*index.indices(n))) if isinstance(index, slice) else len(index)


def as_pairs(
    i: ArrayLike, j: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, ...]]:
    """Return positions as flat arrays of equal length, and the shape they had together."""
    rows, columns = np.broadcast_arrays(np.asarray(i, np.int64), np.asarray(j, np.int64))
    return rows.ravel(), columns.ravel(), rows.shape


def multiply_pairs(
    coached: NDArray[Any],
    coach: NDArray[Any],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the exact product of the feature rows of single pairs, in pieces."""
    out = np.empty(len(i), np.int64)
    for a in range(0, len(i), _PAIRS):
        piece = slice(a, a + _PAIRS)
        out[piece] = np.einsum("kf,kf->k", coached[i[piece]], coach[j[piece]])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Sided:
    """A term that is known where both sides gave what it needs.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    """

    known_coached: NDArray[np.bool_]
    known_coach: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of coached people and of coaches."""
        return len(self.known_coached), len(self.known_coach)

    @property
    def exact_type(self) -> type[np.floating]:
        """Float type that holds all units exactly; a criterion has at most 1,000,000."""
        return np.float32

    def known(self, rows: Index, columns: Index) -> NDArray[np.bool_]:
        """Return whether each pair of a block is known."""
        return self.known_coached[rows][:, None] & self.known_coach[columns][None, :]

    def known_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether single pairs are known."""
        return self.known_coached[i] & self.known_coach[j]

    def mark(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Overwrite what is unknown in a block."""
        missing = ~self.known_coached[rows]
        if missing.any():
            out[missing] = unknown
        missing = ~self.known_coach[columns]
        if missing.any():
            out[:, missing] = unknown

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        raise NotImplementedError

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        """Return the units of a block; 0 where unknown."""
        n, m = self.shape
        out = np.empty((count(rows, n), count(columns, m)), np.int32)
        for here, some_rows in cut(rows, n, 512):
            for there, some_columns in cut(columns, m, 1024):
                tile = np.empty(out[here, there].shape, self.exact_type)
                self.fill(tile, some_rows, some_columns, 0)
                out[here, there] = tile
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Linear(Sided):
    """Units are the product of two integer feature vectors.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    coached : ndarray of int32, shape (n, n_features)
        Features of the coached, >= 0, and 0 for those who are not known.
    coach : ndarray of int32, shape (m, n_features)
        Features of the coaches, likewise.
    largest : int
        Upper bound on the units of any pair. As features are not negative, it bounds every
        partial sum as well, so a float32 product is exact in any order while it is below 2**24.
    """

    coached: NDArray[np.int32]
    coach: NDArray[np.int32]
    largest: int

    @property
    def exact_type(self) -> type[np.floating]:
        """Float type in which the product is exact."""
        return np.float32 if self.largest < 1 << 24 else np.float64

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        kind: Any = self.exact_type
        left, right = self.coached[rows].astype(kind), self.coach[columns].astype(kind).T
        if out.dtype == kind:
            np.matmul(left, right, out=out)
        else:
            out[...] = left @ right
        if unknown:
            self.mark(out, rows, columns, unknown)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        return multiply_pairs(self.coached, self.coach, i, j).astype(np.int32)


class Finish(Protocol):
    """What a shaped term does with its product; picklable."""

    def shape(self, product: NDArray[np.floating], rows: Index, columns: Index) -> None:
        """Turn the products of a block into units, in place."""
        ...

    def shape_at(
        self, product: NDArray[np.int64], i: NDArray[np.int64], j: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the units of single pairs from their products."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shaped(Sided):
    """Units are a function of each cell of a product of features.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    coached, coach : ndarray of float32, shapes (n, n_features), (m, n_features)
        Integer features whose products stay below 2**24.
    finish : Finish
        What is done with the product.
    """

    coached: NDArray[np.float32]
    coach: NDArray[np.float32]
    finish: Finish

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        if out.dtype == np.float32:
            np.matmul(self.coached[rows], self.coach[columns].T, out=out)
        else:
            out[...] = self.coached[rows] @ self.coach[columns].T
        self.finish.shape(out, rows, columns)
        self.mark(out, rows, columns, unknown)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        product = multiply_pairs(self.coached, self.coach, i, j)
        units = self.finish.shape_at(product, i, j)
        return np.where(self.known_at(i, j), units, 0).astype(np.int32)


class Kernel(Protocol):
    """Units of pairs by index arrays that broadcast against each other; picklable."""

    def measure(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.integer]:
        """Return the units of pairs; anything where unknown."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Elementwise(Sided):
    """Units are any function of a pair.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    kernel : Kernel
        The function.
    """

    kernel: Kernel

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        n, m = self.shape
        i = np.arange(n)[rows]
        j = np.arange(m)[columns]
        out[...] = self.kernel.measure(i[:, None], j[None, :])
        self.mark(out, rows, columns, unknown)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        return np.where(self.known_at(i, j), self.kernel.measure(i, j), 0).astype(np.int32)
