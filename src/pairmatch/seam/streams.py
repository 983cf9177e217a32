"""Large pools at the seam: a compatibility as integer features, so that no matrix need exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints.bound import ForbiddenPairs, LowScore, RequiredTerm
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.constraints.observation import Observable
from pairmatch.scoring import Linear, SamePerson, SameSchool
from pairmatch.scoring.overlaps import Overlap as SharedEntries
from pairmatch.solvers.barred import Barred
from pairmatch.solvers.streamed import Overlap, Spare, StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.scoring import Addend, Compatibility, PairRule, Term
    from pairmatch.scoring.terms import Index

    Keys = tuple[NDArray[np.int64], NDArray[np.int64]]

__all__ = ["pack_entries", "stream_gains"]


def stream_gains(scored: Compatibility) -> StreamedGains:
    """Return the gains and rules of all pairs as features; the same integers, block by block.

    Parameters
    ----------
    scored : Compatibility
        Scores and pair rules of two tables.

    Returns
    -------
    StreamedGains
        The linear criteria as one product, shared meeting starts as bits, anything else as a term
        that is asked for its blocks. "In the same school" becomes keys, so that other blocks are
        never visited; requirements that are features or bits become features or bits; a lowest
        score becomes a threshold; the other rules are asked of the pairs that matter.
    """
    n_columns = scored.shape[1]
    left: list[NDArray[np.generic]] = []  # what is unknown, beside the features of the rows
    right: list[NDArray[np.generic]] = []
    largest = scored.fused.largest
    shared: list[tuple[Overlap, int]] = []
    terms: list[_NeutralTerm] = []
    for addend in scored.others:
        if not isinstance(addend.term, SharedEntries):
            terms.append(_NeutralTerm(addend))
            largest += _most_units(scored, addend)
            continue
        term = addend.term
        shared.append((pack_entries(term), term.units))
        largest += max(term.units, addend.neutral)
        if addend.neutral:
            blank = ~term.known_coached, ~term.known_coach
            left += [blank[0] * addend.neutral, ~blank[0] * addend.neutral]
            right += [np.ones(n_columns), blank[1]]
    needs, tests, keys, least, pairs = _sort_rules(scored.rules)
    barred = Barred(np.concatenate(pairs), scored.shape) if pairs else None
    fused = scored.fused
    spares = _append(fused.coached, left, fused.free[0]), _append(fused.coach, right, fused.free[1])
    return StreamedGains(
        spares[0].features,
        spares[1].features,
        largest,
        tuple(shared),
        tuple(terms),
        tuple(tests),
        tuple(needs),
        keys,
        least,
        barred,
        spares,
    )


def _most_units(scored: Compatibility, addend: Addend) -> int:
    place = next(k for k, term in enumerate(scored.terms) if term is addend.term)
    return max(scored.units_of_criteria[place], addend.neutral)


def _append(
    features: NDArray[np.floating], columns: list[NDArray[np.generic]], free: list[None]
) -> Spare:
    """Return features with more columns, in the room beside them if it is there."""
    n, width = features.shape
    wide, room = width + len(columns) + 1, features.base
    if room is None or not _has_room(room, features, wide):
        room, free = np.empty((n, wide), np.float32), [None]
        room[:, :width] = features
    for k, column in enumerate(columns):
        room[:, width + k] = column
    return Spare(room[:, :wide], free)


def _has_room(room: NDArray[np.generic], features: NDArray[np.floating], wide: int) -> bool:
    """Say whether features are the first columns of an array that is as wide."""
    return (
        room.dtype == np.float32
        and room.strides == features.strides
        and room.ctypes.data == features.ctypes.data
        and room.shape[1] >= wide
    )


def _sort_rules(
    rules: tuple[PairRule, ...],
) -> tuple[list[Overlap], list[_Test], Keys | None, int | None, list[NDArray[np.int64]]]:
    """Give every rule its fastest form: bits, keys, a threshold, a list, or a test of pairs."""
    needs: list[Overlap] = []
    tests: list[_Test] = []
    pairs: list[NDArray[np.int64]] = []
    keys: Keys | None = None
    least: int | None = None
    for rule in rules:
        if isinstance(rule, LowScore):
            least = rule.threshold if least is None else max(least, rule.threshold)
        elif isinstance(rule, SamePerson):
            twin = np.flatnonzero(rule.twin >= 0)
            pairs.append(np.stack([twin, rule.twin[twin]], axis=1))
        elif isinstance(rule, ForbiddenPairs):
            pairs.append(np.stack(np.divmod(rule.keys, rule.n_columns), axis=1))
        elif isinstance(rule, JointSlot) and rule.times.per_week == 1:
            needs.append(_joint_slots(rule))
        elif isinstance(rule, Observable):
            needs += [Overlap.pack(mine, theirs) for mine, theirs in rule.ways]
        elif not isinstance(rule, RequiredTerm) or rule.unknown_is_fine:
            tests.append(_Test(rule))
        elif keys is None and isinstance(rule.criterion, SameSchool):
            keys = _school_keys(rule.term)
        elif isinstance(rule.term, SharedEntries) and rule.threshold <= rule.term.units:
            needs.append(pack_entries(rule.term))
        elif isinstance(rule.term, Linear) and rule.threshold == 1:
            needs.append(Overlap.pack(rule.term.coached > 0, rule.term.coach > 0))
        else:
            tests.append(_Test(rule))
    return needs, tests, keys, least, pairs


def pack_entries(term: SharedEntries) -> Overlap:
    """Return the entries of each person in words of 64 bits."""
    return Overlap(_words(term.coached), _words(term.coach))


def _joint_slots(rule: JointSlot) -> Overlap:
    """Return the slots of each person as bits; one more for those who need none, if allowed."""
    times = rule.times
    blank = [times.known_coached, times.known_coach]
    if not rule.unknown_is_fine:
        return Overlap.pack(times.coached, times.coach)
    one = [np.ones_like(known) for known in blank]
    return Overlap.pack(
        np.column_stack([times.coached, ~blank[0], one[0]]),
        np.column_stack([times.coach, one[1], ~blank[1]]),
    )


def _words(octets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    n, n_bytes = octets.shape
    padded = np.zeros((n, 8 * max(1, -(-n_bytes // 8))), np.uint8)
    padded[:, :n_bytes] = octets
    return padded.view(np.uint64)


def _school_keys(term: Term) -> Keys:
    """Return a number for each school; the unknown equal nobody, not even each other."""
    if isinstance(term, Linear):
        here, there = term.coached > 0, term.coach > 0
        return (
            np.where(here.any(axis=1), here.argmax(axis=1) if here.shape[1] else 0, -1),
            np.where(there.any(axis=1), there.argmax(axis=1) if there.shape[1] else 0, -2),
        )
    kernel = term.kernel  # type: ignore[attr-defined]
    return kernel.coached, kernel.coach


@dataclass(frozen=True, slots=True, eq=False)
class _NeutralTerm:
    """A term with its neutral value where it is unknown."""

    addend: Addend

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        """Return the units of a block."""
        known = self.addend.term.known(rows, columns)
        units = self.addend.term.block(rows, columns)
        return np.where(known, units, self.addend.neutral).astype(np.int32)

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs."""
        known = self.addend.term.known_at(i, j)
        return np.where(known, self.addend.term.at(i, j), self.addend.neutral).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """A rule that does not depend on the score."""

    rule: PairRule

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs of two broadcastable index arrays are forbidden."""
        no_score = np.broadcast_to(np.int32(0), np.broadcast_shapes(i.shape, j.shape))
        return self.rule.forbids(i, j, no_score)
