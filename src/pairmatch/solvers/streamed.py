"""Gains that are computed block by block from integer features; the matrix never exists.

The gain of a pair is a product of two integer feature vectors, plus units for every
:class:`Overlap` that the two share (common time, for instance), plus whatever further terms say.
Features are float32 arrays that hold integers: as long as no partial sum reaches 2**24 the product
is exact in any order and block size.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pairmatch.solvers.barred import Barred

    Index = slice | NDArray[np.int64]

__all__ = ["FLOAT32_EXACT", "Overlap", "PairTerm", "PairTest", "Spare", "StreamedGains"]

FLOAT32_EXACT = 2**24  # below it every integer is a float32, so sums are exact in any order
_FLOAT64_EXACT = 2**53
_WORD = 64
_PEOPLE = 1 << 13


class PairTerm(Protocol):
    """Integer units that are no product of features."""

    def block(self, rows: Index, columns: Index) -> NDArray[np.signedinteger]:
        """Return the units of a block; rows and columns are slices or index arrays."""
        ...

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        """Return the units of the pairs ``(i[k], j[k])``."""
        ...


class PairTest(Protocol):
    """A rule that is cheap to ask of a few pairs."""

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs of two broadcastable index arrays are forbidden."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Whether two people have anything in common, as bits.

    Parameters
    ----------
    row, column : ndarray of uint64, shapes (n_rows, n_words) and (n_columns, n_words)
        Bit f of a person says that the person has binary feature f.

    Examples
    --------
    >>> free = Overlap.pack([[1, 0], [0, 1]], [[0, 1]])
    >>> free.holds(np.array([[0], [1]]), np.array([[0]])).tolist()
    [[False], [True]]
    """

    row: NDArray[np.uint64]
    column: NDArray[np.uint64]
    _columns_of: list[NDArray[np.uint64]] = field(init=False, repr=False, default_factory=list)

    @classmethod
    def pack(cls, row: ArrayLike, column: ArrayLike) -> Overlap:
        """Pack binary features, shapes (n_rows, f) and (n_columns, f), any number type."""
        return cls(_words(np.asarray(row) != 0), _words(np.asarray(column) != 0))

    @property
    def n_words(self) -> int:
        """Number of 64-bit words a person takes."""
        return int(self.row.shape[1])

    def block(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Say which pairs of a block share a feature.

        The columns that have a feature are a set of bits; the columns that share one with a row
        are the union of a few such sets, 64 columns at a time.
        """
        start, stop, _ = columns.indices(len(self.column))
        words = slice(start // _WORD, -(-stop // _WORD))
        has = np.unpackbits(self.row[rows].view(np.uint8), axis=1, bitorder="little")
        line, entry = np.nonzero(has)
        counts = np.bincount(line, minlength=len(has))
        # Each list opens with a feature that nobody has, so that no list is empty.
        first = np.concatenate([[0], np.cumsum(counts + 1)])
        entries = np.full(int(first[-1]), self.n_words * _WORD)
        entries[np.arange(len(entry)) + line + 1] = entry
        if not self._columns_of:  # not everybody who takes a part asks for blocks of it
            self._columns_of.append(_transpose(self.column))
        sets = self._columns_of[0][:, words]
        if not len(has) or start >= stop:
            return np.zeros((len(has), max(0, stop - start)), np.bool_)
        shared = np.bitwise_or.reduceat(sets[entries], first[:-1], axis=0)
        bits = np.unpackbits(shared.view(np.uint8), axis=1, bitorder="little")
        offset = start - words.start * _WORD
        return bits[:, offset : offset + stop - start].view(np.bool_)

    def holds(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs of two broadcastable index arrays share a feature."""
        shared = np.zeros(np.broadcast_shapes(i.shape, j.shape), bool)
        for word in range(self.n_words):
            shared |= (self.row[i, word] & self.column[j, word]) != 0
        return shared

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Overlap:
        """Return the same question for some of the rows and columns."""
        return Overlap(self.row[rows], self.column[columns])


@dataclass(frozen=True, slots=True, eq=False)
class Spare:
    """Features with one more column, which one reader at a time may write into.

    Whoever adds a feature of his own to all of them, prices for instance, need not copy the rest.

    Parameters
    ----------
    whole : ndarray of float32, shape (n, n_features + 1)
        The features, and what is written into the last column.
    free : list of None, optional
        Holds one entry while nobody writes; shared by all who share the memory.
    """

    whole: NDArray[np.float32]
    free: list[None] = field(repr=False, default_factory=lambda: [None])

    @classmethod
    def gather(cls, features: NDArray[np.float32], people: NDArray[np.int64]) -> Spare:
        """Return the features of some people, a few at a time."""
        whole = np.empty((len(people), features.shape[1] + 1), np.float32)
        for start in range(0, len(people), _PEOPLE):
            part = slice(start, start + _PEOPLE)
            whole[part, :-1] = features[people[part]]
        return cls(whole)

    @property
    def features(self) -> NDArray[np.float32]:
        """The features without the last column, read-only."""
        view = self.whole[:, :-1]
        view.flags.writeable = False
        return view

    def holds(self, features: NDArray[np.float32]) -> bool:
        """Say whether these are the features beside the column, the same memory."""
        mine, theirs = self.features.__array_interface__, features.__array_interface__
        return all(mine[what] == theirs[what] for what in ("data", "shape", "strides"))

    def take(self) -> bool:
        """Take the last column, and say whether nobody else has it."""
        try:
            self.free.pop()  # of two threads one gets it
        except IndexError:
            return False
        return True

    def give_back(self) -> None:
        """Leave the last column to others."""
        self.free.append(None)


@dataclass(frozen=True, slots=True, eq=False)
class StreamedGains:
    """Gains and rules of all pairs, by features; any block of them on demand.

    Parameters
    ----------
    row_features : ndarray of float32, shape (n_rows, n_features)
        Integers; the linear part of a gain is the product with ``column_features``.
    column_features : ndarray of float32, shape (n_columns, n_features)
        Integers.
    largest : int
        Largest absolute value that any partial sum of a gain can take, shared and further terms
        included: the sum of absolute products is always enough.
    shared : tuple of (Overlap, int), optional
        Units that a pair gets on top when it has something in common.
    terms : tuple of PairTerm, optional
        Further units, by objects that know any block of them.
    tests : tuple of PairTest, optional
        Rules, asked of the pairs that matter.
    needs : tuple of Overlap, optional
        A pair is allowed only if it has something in common, in each of them.
    keys : (ndarray of int64, ndarray of int64), optional
        Row keys and column keys: a pair is allowed only if they are equal (same school).
    least : int, optional
        A pair is allowed only if its gain is at least this.
    barred : Barred, optional
        Single pairs that are not allowed.
    spares : (Spare or None, Spare or None), optional
        What ``row_features`` and ``column_features`` are views of, if there is room beside them.

    Examples
    --------
    >>> gains = StreamedGains(np.float32([[1, 2]]), np.float32([[3, 4], [0, 1]]), largest=11)
    >>> gains.block(slice(0, 1), slice(0, 2))[0].tolist()
    [[11, 2]]
    """

    row_features: NDArray[np.float32]
    column_features: NDArray[np.float32]
    largest: int
    shared: tuple[tuple[Overlap, int], ...] = ()
    terms: tuple[PairTerm, ...] = ()
    tests: tuple[PairTest, ...] = ()
    needs: tuple[Overlap, ...] = ()
    keys: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    least: int | None = None
    barred: Barred | None = None
    spares: tuple[Spare | None, Spare | None] = (None, None)

    def __post_init__(self) -> None:
        if self.largest >= _FLOAT64_EXACT:
            raise ValueError(f"gains up to {self.largest} cannot be summed exactly (2**53)")

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows (coached) and of columns (coaches)."""
        return self.row_features.shape[0], self.column_features.shape[0]

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed" of a block."""
        left = self._exact(self.row_features[rows])
        right = self._exact(self.column_features[columns])
        gain = (left @ right.T).astype(np.int64)
        i = np.arange(self.shape[0])[rows, None]
        j = np.arange(self.shape[1])[None, columns]
        for term in self.terms:
            gain += term.block(rows, columns)
        for overlap, units in self.shared:
            gain += units * overlap.block(rows, columns)
        allowed = np.ones(gain.shape, np.bool_)
        for overlap in self.needs:
            allowed &= overlap.block(rows, columns)
        if self.barred is not None:
            part = slice(*columns.indices(self.shape[1])[:2])
            allowed[self.barred.find(i[:, 0], part)] = False
        return self._ruled(i, j, gain, allowed)

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of the pairs ``(rows[k], columns[k])``."""
        gain = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), 1 << 16):  # keeps the gathered features small
            part = slice(start, start + (1 << 16))
            left = self._exact(self.row_features[rows[part]])
            right = self._exact(self.column_features[columns[part]])
            gain[part] = np.einsum("kf,kf->k", left, right)
        for term in self.terms:
            gain += term.at(rows, columns)
        for overlap, units in self.shared:
            gain += units * overlap.holds(rows, columns)
        allowed = np.ones(gain.shape, np.bool_)
        for overlap in self.needs:
            allowed &= overlap.holds(rows, columns)
        if self.barred is not None:
            allowed &= ~self.barred.holds(rows, columns)
        return self._ruled(rows, columns, gain, allowed)

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> StreamedGains:
        """Return the gains of some of the rows and columns, renumbered from 0."""
        keys = None if self.keys is None else (self.keys[0][rows], self.keys[1][columns])
        left, right = self.find_spare(0), self.find_spare(1)
        if left is None or not _is_all(rows, self.shape[0]):
            left = Spare.gather(self.row_features, rows)
        if right is None or not _is_all(columns, self.shape[1]):
            right = Spare.gather(self.column_features, columns)
        return StreamedGains(
            left.features,
            right.features,
            self.largest,
            tuple((overlap.take(rows, columns), units) for overlap, units in self.shared),
            tuple(_TakenTerm(term, rows, columns) for term in self.terms),
            tuple(_TakenTest(test, rows, columns) for test in self.tests),
            tuple(overlap.take(rows, columns) for overlap in self.needs),
            keys,
            self.least,
            None if self.barred is None else self.barred.take(rows, columns),
            (left, right),
        )

    def find_spare(self, side: int) -> Spare | None:
        """Return the room beside the features of the rows (0) or columns (1), if there is any."""
        spare = self.spares[side]
        features = (self.row_features, self.column_features)[side]
        if spare is None or not spare.holds(features):
            return None  # other features were put in their place
        return spare

    def keep_above(self, least: int) -> StreamedGains:
        """Return the same gains, with no pair below ``least`` allowed."""
        return replace(self, least=least if self.least is None else max(least, self.least))

    def sort_alike(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns in an order in which those with the same needs are neighbours.

        So whole tiles of pairs have nothing in common that a rule asks for.
        """
        if not self.needs:
            return rows, columns
        row_words = np.hstack([need.row for need in self.needs])[rows]
        column_words = np.hstack([need.column for need in self.needs])[columns]
        return rows[np.lexsort(row_words.T)], columns[np.lexsort(column_words.T)]

    def _exact(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return features in the smallest type that sums up gains without rounding."""
        return features if self.largest < FLOAT32_EXACT else features.astype(np.float64)

    def _ruled(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        gain: NDArray[np.int64],
        allowed: NDArray[np.bool_],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Ask the remaining rules, and blank the gains of what is forbidden."""
        if self.least is not None:
            allowed &= gain >= self.least
        if self.keys is not None:
            allowed &= self.keys[0][i] == self.keys[1][j]
        for test in self.tests:
            allowed &= ~test.forbids(i, j)
        gain[~allowed] = 0
        return gain, allowed


@dataclass(frozen=True, slots=True, eq=False)
class _TakenTerm:
    """A term seen from a part of the pool."""

    term: PairTerm
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def block(self, rows: Index, columns: Index) -> NDArray[np.signedinteger]:
        return self.term.block(self.rows[rows], self.columns[columns])

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        return self.term.at(self.rows[i], self.columns[j])


@dataclass(frozen=True, slots=True, eq=False)
class _TakenTest:
    """A rule seen from a part of the pool."""

    test: PairTest
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.test.forbids(self.rows[i], self.columns[j])


def _is_all(index: NDArray[np.int64], n: int) -> bool:
    return len(index) == n and bool((index == np.arange(n)).all())


def _transpose(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return who has each feature, as bits, and an empty set at the end."""
    n, n_words = words.shape
    sets = np.zeros((n_words * _WORD + 1, max(1, -(-n // _WORD))), np.uint64)
    octets = sets.view(np.uint8)
    for start in range(0, n, _PEOPLE):  # a few people at a time: unpacked bits are large
        part = np.ascontiguousarray(words[start : start + _PEOPLE]).view(np.uint8)
        has = np.unpackbits(part, axis=1, bitorder="little")
        packed = np.packbits(has.T, axis=1, bitorder="little")
        octets[:-1, start // 8 : start // 8 + packed.shape[1]] = packed
    return sets


def _words(has: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack booleans, shape (n, f), into words, shape (n, at least 1)."""
    n, f = has.shape
    padded = np.zeros((n, max(1, -(-f // _WORD)) * _WORD), np.uint8)
    padded[:, :f] = has
    packed = np.packbits(padded, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)
