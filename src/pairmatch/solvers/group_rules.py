"""What a group as a whole has to satisfy, in integers: sums, company, links, pins, slots.

Rules that hold for a group if they hold for each two of its members are not here: they are absent
pairs of the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

__all__ = ["GroupRules", "Weekly", "pack_slots"]

_CHUNK = 2**16


def _no_sums() -> NDArray[np.int64]:
    return np.empty((0, 0), np.int64)


def _no_worth() -> NDArray[np.int64]:
    return np.empty((0, 0), np.int64)


def _no_limits() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def pack_slots(free: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return rows of bits as 64-bit words: start s is bit ``s % 64`` of word ``s // 64``."""
    n, n_starts = free.shape
    padded = np.zeros((n, max(1, -(-n_starts // 64)) * 64), np.uint8)
    padded[:, :n_starts] = free
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Weekly:
    """Several meetings of a group a week, no two at once.

    Parameters
    ----------
    times : int
        Meetings a week, >= 2.
    start : ndarray of int64, shape (n_starts,)
        Minute at which each start is, ascending; start s is bit s of the slots of people.
    minutes : int
        Length of a meeting.
    """

    times: int
    start: NDArray[np.int64]
    minutes: int
    _after: NDArray[np.uint64] = field(init=False)

    def __post_init__(self) -> None:
        after = self.start[:, None] + self.minutes <= self.start
        object.__setattr__(self, "_after", pack_slots(after))

    def have_time(self, joint: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return where enough of the starts follow each other; words of bits on the last axis.

        The earliest start is always a good one to begin with.
        """
        left = joint.copy()
        enough: NDArray[np.bool_] = np.ones(joint.shape[:-1], np.bool_)
        for _ in range(self.times):
            at = (left != 0).argmax(axis=-1)
            word = np.take_along_axis(left, at[..., None], axis=-1)[..., 0]
            np.logical_and(enough, word != 0, out=enough)
            lowest = word & (~word + np.uint64(1))
            bit = np.frexp(lowest.astype(np.float64))[1] - 1
            first = np.clip(64 * at + bit, 0, len(self._after) - 1)
            left &= self._after[first]
        return enough


@dataclass(frozen=True, slots=True, eq=False)
class GroupRules:
    """Rules of which only a whole group can tell whether they hold.

    Parameters
    ----------
    n : int
        Number of people.
    amount : ndarray of int64, shape (n, n_sums)
        What each person adds to each sum.
    most : ndarray of int64, shape (n_sums,)
        The largest sum of the amounts of the members of a group, for each sum. "At least" is a
        negative amount.
    label : ndarray of bool, shape (n, n_labels)
        Who has which label of which nobody may be the only bearer in a group.
    links : tuple of ndarray of bool, shape (n, n)
        For each of these, every member i of a group needs some other member j with
        ``links[i, j]``; where ``links[i, i]`` the person needs nobody.
    together : ndarray of int64, shape (n,)
        Set of people to which a person belongs who stay together; -1 for none. A group holds all
        of a set or nobody of it.
    n_together : ndarray of int64, shape (n_sets,)
        Number of people in each set.
    slots : ndarray of uint64, shape (n, n_words), or None
        Starts at which each person can meet, as bits; the members of a group need a joint one.
    weekly : Weekly or None
        How many joint ones they need, where that is more than one.
    worth : ndarray of int64, shape (n, n)
        What each two people give each other, both ways together; 0 on the diagonal. Looked at only
        where there is a floor.
    floor : Fraction or None
        The lowest mean of ``worth / 2`` over the pairs of a group: the mean of its rotations.

    Notes
    -----
    Every operation costs O(groups x size x sums) or less, apart from pairs inside groups.
    """

    n: int
    amount: NDArray[np.int64] = field(default_factory=_no_sums)
    most: NDArray[np.int64] = field(default_factory=_no_limits)
    label: NDArray[np.bool_] = field(default_factory=lambda: np.empty((0, 0), np.bool_))
    links: tuple[NDArray[np.bool_], ...] = ()
    together: NDArray[np.int64] = field(default_factory=_no_limits)
    n_together: NDArray[np.int64] = field(default_factory=_no_limits)
    slots: NDArray[np.uint64] | None = None
    weekly: Weekly | None = None
    worth: NDArray[np.int64] = field(default_factory=_no_worth)
    floor: Fraction | None = None

    def __post_init__(self) -> None:
        for name, empty in (("amount", np.int64), ("label", np.bool_)):
            if getattr(self, name).shape[1] == 0:
                object.__setattr__(self, name, np.empty((self.n, 0), empty))
        if not self.n_together.size:
            object.__setattr__(self, "together", np.full(self.n, -1, np.int64))

    def legal(self, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which groups satisfy every rule.

        Parameters
        ----------
        groups : ndarray of int64, shape (m, k)
            Members of groups of one size.

        Returns
        -------
        ndarray of bool, shape (m,)
        """
        legal: NDArray[np.bool_] = self.n_broken(groups) == 0
        return legal

    def n_broken(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rules each group breaks, shape (m,)."""
        if len(groups) > _CHUNK:
            parts = np.array_split(groups, -(-len(groups) // _CHUNK))
            return np.concatenate([self.n_broken(part) for part in parts])
        broken = np.zeros(len(groups), np.int64)
        for amount, most in zip(self.amount.T, self.most.tolist(), strict=True):
            broken += amount[groups].sum(axis=1) > most
        for label in self.label.T:
            broken += label[groups].sum(axis=1) == 1
        for links in self.links:
            linked = links[groups[:, :, None], groups[:, None, :]].any(axis=2)
            broken += (~linked).sum(axis=1)
        if self.n_together.size:
            mark = self.together[groups]
            beside = (mark[:, :, None] == mark[:, None, :]).sum(axis=2)
            broken += ((mark >= 0) & (beside != self.n_together[mark])).any(axis=1)
        if self.slots is not None:
            joint = np.bitwise_and.reduce(self.slots[groups], axis=1)
            broken += ~self._meet(joint)
        if self.floor is not None:
            sums = self.worth[groups[:, :, None], groups[:, None, :]].sum(axis=(1, 2)) // 2
            broken += sums < self._least(groups.shape[1])
        return broken

    def _least(self, size: int) -> int:
        """Return the smallest sum of ``worth`` over the pairs of a group of this size."""
        assert self.floor is not None  # noqa: S101  asked for only where there is one
        return ceil(self.floor * size * (size - 1))

    def n_broken_with_each(
        self, rest: NDArray[np.int64], people: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return how many rules each group breaks once each of some people joined it.

        Parameters
        ----------
        rest : ndarray of int64, shape (n_groups, size - 1)
            The members who stay.
        people : ndarray of int64, shape (n_people,)
            Who might join them.

        Returns
        -------
        ndarray of int64, shape (n_groups, n_people)
        """
        broken = np.zeros((len(rest), people.size), np.int64)
        for amount, most in zip(self.amount.T, self.most.tolist(), strict=True):
            broken += (most - amount[rest].sum(axis=1))[:, None] < amount[people]
        for label in self.label.T:
            broken += (label[rest].sum(axis=1)[:, None] + label[people]) == 1
        for links in self.links:
            broken += self._unlinked(links, rest, people)
        if self.n_together.size:
            broken += self._torn(rest, people)
        if self.slots is not None:
            joint = np.bitwise_and.reduce(self.slots[rest], axis=1)
            meet = np.zeros(broken.shape, np.bool_)
            if self.weekly is not None:
                for row, ours in zip(meet, joint, strict=True):
                    row[:] = self._meet(ours & self.slots[people])
            else:
                for word, theirs in zip(joint.T, self.slots[people].T, strict=True):
                    meet |= (word[:, None] & theirs) != 0
            broken += ~meet
        if self.floor is not None:
            sums = self.worth[rest[:, :, None], rest[:, None, :]].sum(axis=(1, 2))[:, None] // 2
            for column in rest.T:
                sums = sums + self.worth[column[:, None], people]
            broken += sums < self._least(rest.shape[1] + 1)
        return broken

    def _unlinked(
        self, links: NDArray[np.bool_], rest: NDArray[np.int64], people: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return how many members lack a link."""
        joins = links[people, people][None, :].repeat(len(rest), axis=0)
        lacking = np.zeros(joins.shape, np.int64)
        inside = np.zeros(rest.shape, np.bool_)
        for column in rest.T:
            inside |= links[rest, column[:, None]]
        for seat, column in enumerate(rest.T):
            joins |= links[people, column[:, None]]
            lacking += ~(inside[:, seat, None] | links[column[:, None], people])
        return lacking + ~joins

    def _torn(self, rest: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return 1 where a set of people who stay together would be torn apart."""
        torn = np.zeros((len(rest), people.size), np.int64)
        mark = self.together[people]
        size = np.where(mark >= 0, self.n_together[mark], 0)
        beside = np.zeros(torn.shape, np.int64)
        for column in rest.T:
            beside += self.together[column][:, None] == mark
        torn |= (mark >= 0) & (beside + 1 != size)
        ours = self.together[rest]
        inside: NDArray[np.int64] = (ours[:, :, None] == ours[:, None, :]).sum(axis=2)
        for seat, own in enumerate(ours.T):
            lacking = np.where(own >= 0, self.n_together[own] - inside[:, seat], 0)[:, None]
            torn |= lacking != ((own[:, None] == mark) & (own >= 0)[:, None])
        return torn

    def may_grow(self, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which groups break no rule that further members cannot mend, shape (m,)."""
        grows = np.ones(len(groups), np.bool_)
        for amount, most in zip(self.amount.T, self.most.tolist(), strict=True):
            if amount.min(initial=0) >= 0:
                grows &= amount[groups].sum(axis=1) <= most
        if self.slots is not None:
            joint: NDArray[np.uint64] = np.bitwise_and.reduce(self.slots[groups], axis=1)
            np.logical_and(grows, self._meet(joint), out=grows)
        return grows

    def _meet(self, joint: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return where joint starts are enough, words of bits on the last axis."""
        if self.weekly is not None:
            return self.weekly.have_time(joint)
        some: NDArray[np.bool_] = np.logical_or.reduce(joint != 0, axis=-1)
        return some

    def legal_pairs(self, largest: int) -> NDArray[np.bool_]:
        """Return which pairs may be in one group as far as two people can tell, shape (n, n).

        Parameters
        ----------
        largest : int
            Largest size of a group: whom a set leaves no room for is no partner either.
        """
        fits = np.ones((self.n, self.n), np.bool_)
        for amount, most in zip(self.amount.T, self.most.tolist(), strict=True):
            lowest = np.sort(amount)[: max(0, largest - 2)]
            room = most - int(np.minimum(lowest, 0).sum())
            fits &= amount[:, None] + amount <= room
        for links in self.links:
            able = np.flatnonzero(links.any(axis=1))
            linked = np.zeros(fits.shape, np.bool_)
            linked[np.ix_(able, able)] = True
            fits &= linked
        if self.slots is not None:
            meet = np.zeros(fits.shape, np.bool_)
            if self.weekly is not None:
                for row, ours in zip(meet, self.slots, strict=True):
                    row[:] = self._meet(ours & self.slots)
            else:
                for word in self.slots.T:
                    meet |= (word[:, None] & word) != 0
            fits &= meet
        if self.n_together.size:
            size = np.where(self.together >= 0, self.n_together[self.together], 1)
            same = (self.together[:, None] == self.together) & (self.together >= 0)
            fits &= same | (np.add.outer(size, size) <= largest)
        return fits

    def most_groups(self) -> int | None:
        """Return how many groups the sums allow at most; None where they do not say.

        A sum of at most -5 needs members who add up to 5 less than nothing: there are only so many
        of them.
        """
        caps = [
            int(np.maximum(-amount, 0).sum()) // -most
            for amount, most in zip(self.amount.T, self.most.tolist(), strict=True)
            if most < 0
        ]
        return min(caps, default=None)

    def take(self, people: NDArray[np.int64]) -> GroupRules:
        """Return the rules of some of the people.

        A set of people who stay together keeps its size, so that nobody of it can be in a group
        once one of them is gone.
        """
        inside = np.ix_(people, people)
        return replace(
            self,
            n=people.size,
            amount=self.amount[people],
            label=self.label[people],
            links=tuple(links[inside] for links in self.links),
            together=self.together[people],
            slots=None if self.slots is None else self.slots[people],
            worth=self.worth if self.floor is None else self.worth[inside],
        )
