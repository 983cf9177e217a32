"""All linear criteria as one product."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

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
    merging : Merging or None, optional
        Which features of the terms became which, for people who are added.

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
    merging: Merging | None = field(repr=False, default=None)

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.coached.shape[1])

    def grow(self, addends: Sequence[Addend]) -> FusedProduct | None:
        """Return the product with more people behind, who have grown into the same terms.

        None where features that were one differ now, or one is needed that nobody needed before.
        """
        if self.merging is None or not addends:
            return None
        n, m = len(self.coached), len(self.coach)
        mine = _list_features(addends, "coached", slice(n, None))
        theirs = _list_features(addends, "coach", slice(m, None))
        more = self.merging.join(mine, theirs)
        if more is None:
            return None
        sides = []
        for features, added in zip((self.coached, self.coach), more[:2], strict=True):
            grown = np.empty((len(features) + len(added), features.shape[1]), features.dtype)
            grown[: len(features)], grown[len(features) :] = features, added
            grown.flags.writeable = False
            sides.append(grown)
        return FusedProduct(sides[0], sides[1], self.largest, merging=more[2])

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
        expected = np.zeros((len(rows), len(columns)), np.int64)
        for addend in addends:
            term: Linear = addend.term  # type: ignore[assignment]
            units = term.coached[rows].astype(np.int64) @ term.coach[columns].T
            expected += np.where(term.known(rows, columns), units, addend.neutral)
        if (self.block(rows, columns) != expected).any() or expected.max() > self.largest:
            raise CertificateError(
                "the fast product of the linear criteria is not the exact one; please report this"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Merging:
    """Which features of linear terms, side by side, became which features of their product.

    Features that are alike on the side of the coaches are one group, and groups that are alike on
    the side of the coached one feature.

    Parameters
    ----------
    group : ndarray of int64, shape (n_features,)
        Group of each feature; -1 where nobody had it on one of the sides.
    feature : ndarray of int64, shape (n_groups,)
        Feature of each group.
    used : ndarray of bool, shape (2, n_features)
        Whether anybody had each feature, of the coached and of the coaches.
    """

    group: NDArray[np.int64]
    feature: NDArray[np.int64]
    used: NDArray[np.bool_]

    def join(
        self, coached: NDArray[np.int64], coach: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Merging] | None:
        """Return the features of more people as they were merged, None if theirs are not alike.

        With them the same merging, which now holds for these people as well.
        """
        kept = np.flatnonzero(self.group >= 0)
        has = np.stack([side.any(axis=0) for side in (coached, coach)]) | self.used
        if (has.all(axis=0) & (self.group < 0)).any():
            return None
        group, n_groups = self.group[kept], len(self.feature)
        first = np.empty(n_groups, np.int64)
        first[group[::-1]] = kept[::-1]
        theirs = coach[:, first]
        if (theirs[:, group] != coach[:, kept]).any():
            return None
        mine = _add_up(coached[:, kept], group, n_groups)
        lead = np.empty(int(self.feature.max(initial=-1)) + 1, np.int64)
        lead[self.feature[::-1]] = np.arange(n_groups)[::-1]
        if (mine[:, lead[self.feature]] != mine).any():
            return None
        return mine[:, lead], _add_up(theirs, self.feature, len(lead)), replace(self, used=has)


def _add_up(columns: NDArray[np.int64], into: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the sums of the columns that go into each of n."""
    total = np.zeros((n, len(columns)), np.int64)
    np.add.at(total, into, columns.T)
    return total.T


def fuse(
    addends: Sequence[Addend],
    n: int,
    m: int,
    *,
    merged: bool = True,
    n_spare: int = 0,
    before: FusedProduct | None = None,
) -> FusedProduct:
    """Return linear terms and their neutral values as one product, checked against the terms.

    Features that are alike become one if ``merged``, in views of arrays with ``n_spare`` more
    columns. ``before`` is the product of the same terms for the first people of either side.

    A term that is unknown for somebody needs at most two more features:
    k_i k_j value + (1 - k_i k_j) neutral
    = value + (1 - k_i) neutral + k_i (1 - k_j) neutral, as features of the unknown are 0.
    """
    fused = None if before is None else before.grow(addends)
    if fused is None:
        lay_out = _fuse_alike if merged else _lay_out
        fused = lay_out(addends, n, m, n_spare)
    fused.check(addends)
    return fused


def _fuse_alike(addends: Sequence[Addend], n: int, m: int, n_spare: int) -> FusedProduct:
    """Return the product in which features that are alike are one, which pays for many pairs."""
    pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    largest = 0
    for addend in addends:  # in the order of _list_features
        term: Linear = addend.term  # type: ignore[assignment]
        pairs += zip(term.coached.T, term.coach.T, strict=True)
        blank_coached = ~term.known_coached * np.int32(addend.neutral)
        blank_coach = ~term.known_coach * np.int32(addend.neutral)
        pairs.append((blank_coached, np.ones(m, np.int32)))
        pairs.append((term.known_coached.astype(np.int32), blank_coach))
        largest += max(term.largest, addend.neutral)
    used = np.array([[side.any() for side in pair] for pair in pairs], np.bool_).reshape(-1, 2).T
    kept = np.flatnonzero(used.all(axis=0))
    group = np.full(len(pairs), -1)
    turned, group[kept] = _merge([pairs[k][::-1] for k in kept])
    pairs, feature = _merge([pair[::-1] for pair in turned])
    coached, coach = _make_room(n, m, len(pairs), n_spare, largest)
    for f, (left, right) in enumerate(pairs):
        coached[:, f] = left
        coach[:, f] = right
    coached.flags.writeable = coach.flags.writeable = False
    return FusedProduct(coached, coach, largest, merging=Merging(group, feature, used))


def _list_features(
    addends: Sequence[Addend], side: Literal["coached", "coach"], people: slice
) -> NDArray[np.int64]:
    """Return all features of some people side by side, two for neutral values behind each term."""
    parts = []
    for addend in addends:
        term: Linear = addend.term  # type: ignore[assignment]
        if side == "coached":
            known = term.known_coached[people]
            neutral = np.stack([~known * addend.neutral, known], axis=1)
            parts.append(np.concatenate([term.coached[people], neutral], axis=1))
        else:
            known = term.known_coach[people]
            neutral = np.stack([np.ones_like(known), ~known * addend.neutral], axis=1)
            parts.append(np.concatenate([term.coach[people], neutral], axis=1))
    return np.concatenate(parts, axis=1).astype(np.int64)


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
) -> tuple[list[tuple[NDArray[np.int32], NDArray[np.int32]]], NDArray[np.int64]]:
    """Join features that are equal on the first side by adding up the second; and say which."""
    merged: dict[bytes, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
    number: dict[bytes, int] = {}
    into = []
    for first, second in pairs:
        key = np.ascontiguousarray(first).tobytes()
        before = merged.get(key)
        merged[key] = (first, second if before is None else before[1] + second)
        into.append(number.setdefault(key, len(number)))
    return list(merged.values()), np.array(into, np.int64)
