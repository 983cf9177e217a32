"""All linear criteria as one product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.scoring.terms import count, multiply_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.scoring.terms import Index, Linear, Term

__all__ = ["Addend", "FusedProduct", "fuse"]


@dataclass(frozen=True, slots=True, eq=False)
class Addend:
    """A term and what it counts as where it is unknown.

    Parameters
    ----------
    term : Term
        The bound criterion.
    neutral : int
        Units of a pair whose value is unknown.
    """

    term: Term
    neutral: int


@dataclass(frozen=True, slots=True, eq=False)
class FusedProduct:
    """The sum of all linear terms, with their neutral values: one product of features.

    Parameters
    ----------
    coached : ndarray of float32, shape (n, n_features)
        Features of the coached, integers >= 0; read-only.
    coach : ndarray of float32, shape (m, n_features)
        Features of the coaches, integers >= 0; read-only.
    largest : int
        Upper bound on the value of any pair, and so, as nothing is negative, on every partial sum.
    free : (list of None, list of None), optional
        Hold one entry each while nobody writes into the room beside the features of a side.

    Notes
    -----
    A float32 product is exact in any order and block size while ``largest`` is below 2**24; a
    solver that adds price columns needs ``largest + max|u| + max|v|`` below that. From there on
    the features are float64.
    """

    coached: NDArray[np.floating]
    coach: NDArray[np.floating]
    largest: int
    free: tuple[list[None], list[None]] = field(
        repr=False, default_factory=lambda: ([None], [None])
    )

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.coached.shape[1])

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index) -> None:
        """Write the values of a block into ``out``, of the type of the features."""
        np.matmul(self.coached[rows], self.coach[columns].T, out=out)

    def block(self, rows: Index, columns: Index) -> NDArray[np.floating]:
        """Return the values of a block, exact integers as floats."""
        shape = count(rows, len(self.coached)), count(columns, len(self.coach))
        out = np.empty(shape, self.coached.dtype)
        self.fill(out, rows, columns)
        return out

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the values of single pairs."""
        return multiply_pairs(self.coached, self.coach, i, j)

    def check(self, addends: Sequence[Addend]) -> None:
        """Compare one tile with the terms in integers, criterion by criterion.

        Raises
        ------
        CertificateError
            If they differ, which would be an error of this library or of its arithmetic.
        """
        n, m = len(self.coached), len(self.coach)
        if not n or not m:
            return
        rows = np.unique(np.linspace(0, n - 1, 48).astype(np.int64))
        columns = np.unique(np.linspace(0, m - 1, 48).astype(np.int64))
        i, j = (side.ravel() for side in np.meshgrid(rows, columns, indexing="ij"))
        expected = np.zeros(len(i), np.int64)
        for addend in addends:
            known = addend.term.known_at(i, j)
            expected += np.where(known, addend.term.at(i, j), addend.neutral)
        if (self.block(rows, columns).ravel() != expected).any() or expected.max() > self.largest:
            raise CertificateError(
                "the fast product of the linear criteria is not the exact one; please report this"
            )


def fuse(
    addends: Sequence[Addend], n: int, m: int, *, merged: bool = True, n_spare: int = 0
) -> FusedProduct:
    """Return linear terms and their neutral values as one product, alike features as one.

    The features are views of arrays with ``n_spare`` more columns.

    A term that is unknown for somebody needs at most two more features:
    k_i k_j value + (1 - k_i k_j) neutral
    = value + (1 - k_i) neutral + k_i (1 - k_j) neutral, as features of the unknown are 0.
    """
    if not merged:
        return _lay_out(addends, n, m, n_spare)
    pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    largest = 0
    for addend in addends:
        term: Linear = addend.term  # type: ignore[assignment]
        pairs += zip(term.coached.T, term.coach.T, strict=True)
        blank_coached = ~term.known_coached * np.int32(addend.neutral)
        blank_coach = ~term.known_coach * np.int32(addend.neutral)
        pairs.append((blank_coached, np.ones(m, np.int32)))
        pairs.append((term.known_coached.astype(np.int32), blank_coach))
        largest += max(term.largest, addend.neutral)
    pairs = [(left, right) for left, right in pairs if left.any() and right.any()]
    pairs = [(left, right) for right, left in _merge([(right, left) for left, right in pairs])]
    pairs = _merge(pairs)
    coached, coach = _make_room(n, m, len(pairs), n_spare, largest)
    for f, (left, right) in enumerate(pairs):
        coached[:, f] = left
        coach[:, f] = right
    coached.flags.writeable = coach.flags.writeable = False
    return FusedProduct(coached, coach, largest)


def _make_room(
    n: int, m: int, width: int, n_spare: int, largest: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return room for the features of either side, views of arrays with more columns."""
    kind = np.float32 if largest < 1 << 24 else np.float64
    coached, coach = np.empty((n, width + n_spare), kind), np.empty((m, width + n_spare), kind)
    return coached[:, :width], coach[:, :width]


def _lay_out(addends: Sequence[Addend], n: int, m: int, n_spare: int) -> FusedProduct:
    """Return the same product with all features side by side, which takes less time."""
    largest = sum(max(addend.term.largest, addend.neutral) for addend in addends)  # type: ignore[attr-defined]
    width = sum(addend.term.coached.shape[1] + 2 for addend in addends)  # type: ignore[attr-defined]
    coached, coach = _make_room(n, m, width, n_spare, largest)
    at = 0
    for addend in addends:
        term: Linear = addend.term  # type: ignore[assignment]
        end = at + term.coached.shape[1]
        coached[:, at:end], coach[:, at:end] = term.coached, term.coach
        coached[:, end], coach[:, end] = ~term.known_coached * addend.neutral, 1
        coached[:, end + 1], coach[:, end + 1] = (
            term.known_coached, ~term.known_coach * addend.neutral
        )  # fmt: skip
        at = end + 2
    coached.flags.writeable = coach.flags.writeable = False
    return FusedProduct(coached, coach, largest)


def _merge(
    pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]],
) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Join features that are equal on the first side by adding up the second."""
    merged: dict[bytes, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
    for first, second in pairs:
        key = np.ascontiguousarray(first).tobytes()
        before = merged.get(key)
        merged[key] = (first, second if before is None else before[1] + second)
    return list(merged.values())
