"""Whether two people can both begin at one of many starts: sets of bits instead of a product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.profiles.week import can_start, candidate_starts
from pairmatch.scoring.terms import Sided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles.week import Windows
    from pairmatch.scoring.terms import Index

__all__ = [
    "Begins",
    "GrownOverlap",
    "Overlap",
    "fill_up",
    "find_begins",
    "overlap_term",
    "pack_words",
]

_WORD = 64
_PAIRS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Begins:
    """Who can begin a meeting when, at every start that could matter to anybody.

    Parameters
    ----------
    starts : ndarray of int64, shape (64 * n_words,)
        Minutes of the week, in any order; -1 for none.
    coached, coach : ndarray of uint64, shapes (n, n_words), (m, n_words)
        Who can begin at which, as bits.
    """

    starts: NDArray[np.int64]
    coached: NDArray[np.uint64]
    coach: NDArray[np.uint64]


def find_begins(
    coached: Sequence[Windows | None], coach: Sequence[Windows | None], minutes: int
) -> tuple[Begins, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who can begin a meeting when, also as matrices of the starts that there are."""
    starts = candidate_starts(coached, coach)
    here, there = can_start(coached, starts, minutes), can_start(coach, starts, minutes)
    return Begins(fill_up(starts), pack_words(here), pack_words(there)), here, there


def fill_up(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return starts with -1 behind them, so that they fill whole words."""
    return np.concatenate([starts, np.full(-len(starts) % _WORD, -1)])


def pack_words(has: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return each row as bits, in whole words."""
    octets = np.packbits(has, axis=1)
    out = np.zeros((len(has), 8 * -(-has.shape[1] // _WORD)), np.uint8)
    out[:, : octets.shape[1]] = octets
    return out.view(np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Overlap(Sided):
    """Full units where two people share an entry, such as the start of a meeting.

    Equal to cutting the product of the two 0/1 matrices off at 1. The coaches who have an entry
    are a set of bits; the coaches who share one with a coached person are the union of a few such
    sets, 64 coaches at a time.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    entries : ndarray of int64
        The entries of each coached person, one person after the other; each list opens with the
        number ``n_entries``, which nobody has.
    first : ndarray of int64, shape (n + 1,)
        Where the entries of each person begin.
    coaches_of : ndarray of uint64, shape (n_entries + 1, n_words)
        The coaches who have an entry, as bits; the last row is empty.
    coached, coach : ndarray of uint8, shapes (n, n_bytes), (m, n_bytes)
        The entries of each person, as bits.
    units : int
        What a shared entry is worth.
    begins : Begins
        Every start that could matter, for people who are added.
    """

    entries: NDArray[np.int64]
    first: NDArray[np.int64]
    coaches_of: NDArray[np.uint64]
    coached: NDArray[np.uint8]
    coach: NDArray[np.uint8]
    units: int
    begins: Begins

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown.

        O(r c / 64) word operations for each entry a coached person has, and one look-up for every
        eight pairs.
        """
        r, c = out.shape
        if not r or not c:
            return
        entries, starts = self._list_entries(rows)
        shared = np.bitwise_or.reduceat(self._pack(columns)[entries], starts, axis=0)
        n_bytes = -(-c // 8)
        octets = shared.view(np.uint8)[:, :n_bytes]
        values = (_BITS * self.units).astype(out.dtype)
        if c == 8 * n_bytes and out.flags.c_contiguous:
            np.take(values, octets, axis=0, out=out.reshape(r, n_bytes, 8), mode="clip")
        else:
            out[...] = np.take(values, octets, axis=0).reshape(r, 8 * n_bytes)[:, :c]
        self.mark(out, rows, columns, unknown)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        out = np.empty(len(i), np.int32)
        for a in range(0, len(i), _PAIRS):
            piece = slice(a, a + _PAIRS)
            out[piece] = (self.coached[i[piece]] & self.coach[j[piece]]).any(axis=1)
        return out * np.int32(self.units)

    def _list_entries(self, rows: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the entries of some coached people and where each list begins."""
        n = len(self.known_coached)
        if isinstance(rows, slice) and rows.indices(n)[2] == 1:
            start, stop, _ = rows.indices(n)
            ends = self.first[start : stop + 1]
            return self.entries[ends[0] : ends[-1]], ends[:-1] - ends[0]
        chosen = np.arange(n)[rows]
        lengths = self.first[chosen + 1] - self.first[chosen]
        starts = np.cumsum(lengths) - lengths
        within = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
        return self.entries[np.repeat(self.first[chosen], lengths) + within], starts

    def _pack(self, columns: Index) -> NDArray[np.uint64]:
        """Return the coaches who have an entry, for some of the coaches."""
        m = len(self.known_coach)
        if isinstance(columns, slice):
            start, stop, step = columns.indices(m)
            if step == 1 and start % _WORD == 0:
                return self.coaches_of[:, start // _WORD : -(-stop // _WORD)]
        n_entries = len(self.coaches_of) - 1
        return _pack_columns(np.unpackbits(self.coach[columns], axis=1, count=n_entries))


_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int64)
"""The eight bits of every byte."""


def _pack_columns(has: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return for each entry the people who have it as bits, and an empty row at the end."""
    n_people, n_entries = has.shape
    octets = np.packbits(np.ascontiguousarray(has.T), axis=1)
    out = np.zeros((n_entries + 1, 8 * -(-n_people // _WORD)), np.uint8)
    out[:-1, : octets.shape[1]] = octets
    return out.view(np.uint64)


def overlap_term(
    known_coached: NDArray[np.bool_],
    known_coach: NDArray[np.bool_],
    coached: NDArray[np.bool_],
    coach: NDArray[np.bool_],
    units: int,
    begins: Begins,
) -> Overlap:
    """Return "share at least one entry" of two 0/1 matrices, people x entries, as a term.

    Nobody who is not known has an entry.
    """
    n_entries = coached.shape[1]
    person, entry = np.nonzero(coached)
    first = np.concatenate([[0], np.cumsum(coached.sum(axis=1) + 1)])
    entries = np.full(int(first[-1]), n_entries, np.int64)
    entries[np.arange(len(entry)) + person + 1] = entry
    return Overlap(
        known_coached=known_coached,
        known_coach=known_coach,
        entries=entries,
        first=first,
        coaches_of=_pack_columns(coach),
        coached=np.packbits(coached, axis=1),
        coach=np.packbits(coach, axis=1),
        units=units,
        begins=begins,
    )


@dataclass(frozen=True, slots=True, eq=False)
class GrownOverlap(Sided):
    """A term of :class:`Overlap` with more people; it looks at every start, in words of bits.

    Parameters
    ----------
    known_coached, known_coach : ndarray of bool, shapes (n,), (m,)
        Who gave what is needed.
    begins : Begins
        When everybody can begin.
    units : int
        What a shared start is worth.
    """

    begins: Begins
    units: int
    _sets: dict[int, NDArray[np.uint64]] = field(init=False, repr=False, default_factory=dict)

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        sides = self.begins.coached[rows], self.begins.coach[columns]
        few = int(len(sides[1]) < len(sides[0]))
        if sides[few].size and out.size:
            shared = self._share(sides[few], 1 - few, (columns, rows)[few])
            out[...] = shared.T if few else shared
            out *= self.units
        self.mark(out, rows, columns, unknown)

    def _share(self, words: NDArray[np.uint64], side: int, others: Index) -> NDArray[np.uint8]:
        """Return which of some people of one side share a start with each of a few, as bits.

        The people who can begin at a start are a set of bits; those who share one with somebody
        are the union of a few such sets.
        """
        has = np.unpackbits(words.view(np.uint8), axis=1)
        n, n_starts = has.shape
        person, start = np.divmod(np.flatnonzero(has), n_starts)
        first = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=n) + 1)])
        starts = np.full(int(first[-1]), n_starts)  # each list opens with a start that nobody has
        starts[np.arange(len(start)) + person + 1] = start
        if side not in self._sets:
            theirs = (self.begins.coached, self.begins.coach)[side]
            self._sets[side] = _pack_columns(np.unpackbits(theirs.view(np.uint8), axis=1))
        union = np.bitwise_or.reduceat(self._sets[side][starts], first[:-1], axis=0)
        bits = np.unpackbits(union.view(np.uint8), axis=1, count=self.shape[side])
        return bits[:, others] if isinstance(others, slice) else bits.take(others, axis=1)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        shared = (self.begins.coached[i] & self.begins.coach[j]).any(axis=1)
        return np.where(shared, self.units, 0).astype(np.int32)
