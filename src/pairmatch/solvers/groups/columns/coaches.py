"""What one coach after another leaves of a part of a group, where the worst rotation counts.

A group is worth no more than the rotation of any of its members, nor than a mean of some of them.
With a coach who is in the group already, each newcomer adds a number of its own: the best that a
part of a group can reach with that coach is what is inside it and its best newcomers, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

    Numbers = NDArray[np.int64]

__all__ = ["Coaches", "sum_with_best"]

_NEVER = -(2**56)


@dataclass(frozen=True, slots=True, eq=False)
class Coaches:
    """What newcomers add to a group of one size, by its coach, over what they cost.

    Parameters
    ----------
    gives : ndarray of int64, shape (n, n)
        ``gives[a, i]`` is what i as a member adds with a as the coach.
    person : ndarray of int64, shape (n,)
        Prices of people.
    charge : ndarray of int64, shape (n, n)
        What two together have to pay for sets, at least.
    """

    gives: Numbers
    person: Numbers
    charge: Numbers

    @classmethod
    def of(cls, values: GroupValues, case: GroupPrices, size: int) -> Coaches:
        """Return what coaches of groups of one size give at the prices of a case."""
        factor = size * (values.scale // (size - 1)) * case.unit
        charge = np.zeros_like(values.gain)
        for at in np.flatnonzero((case.set_price > 0) & (case.divisor == 2)):
            three = np.flatnonzero(case.sets[at])
            if three.size == 3:
                charge[np.ix_(three, three)] += int(case.set_price[at]) // 3
        np.fill_diagonal(charge, 0)
        return cls(values.gain.T * factor, case.person, charge)

    def take(self, people: Numbers) -> Coaches:
        """Return the same for people in another order."""
        inside = np.ix_(people, people)
        return Coaches(self.gives[inside], self.person[people], self.charge[inside])

    def reach(
        self, parts: Numbers, near: Numbers, open_: NDArray[np.bool_], n_more: int
    ) -> Numbers:
        """Return what parts can exceed their prices by with each newcomer and the best others.

        Parameters
        ----------
        parts : ndarray of int64, shape (m, n_members)
            Members so far.
        near : ndarray of int64, shape (n_near,)
            Who may come.
        open_ : ndarray of bool, shape (m, n_near)
            Who may come where.
        n_more : int
            Members still to come, at least 1.
        """
        m, n_members = parts.shape
        costs = np.repeat(self.person[near][None], m, axis=0)
        inside = -self.person[parts].sum(axis=1)
        for at, column in enumerate(parts.T):
            costs += self.charge[column][:, near]
            for other in parts.T[:at]:
                inside -= self.charge[column, other]
        costs[~open_] = -_NEVER
        least = np.full(costs.shape, 2**61)
        every, base = np.zeros_like(costs), np.zeros(m, np.int64)
        for column in parts.T:
            adds = self.gives[column][:, near]
            mine = self.gives[column[:, None], parts].sum(axis=1) + inside
            every += adds
            base += mine
            np.minimum(least, mine[:, None] + sum_with_best(adds - costs, n_more), out=least)
        if n_members > 1:
            mean = sum_with_best(every - n_members * costs, n_more) + base[:, None]
            np.minimum(least, mean // n_members, out=least)
        return least

    def reach_roughly(self, parts: Numbers, n_more: int) -> Numbers:
        """Return the same for everybody as a newcomer, whoever may come after.

        Parameters
        ----------
        parts : ndarray of int64, shape (m, n_members)
            Members so far.
        n_more : int
            Members still to come, at least 1.
        """
        over = self.gives - self.person
        rest = n_more - 1
        best = np.zeros(len(over), np.int64)
        if rest:
            at = len(over) - rest
            best = np.partition(over, at, axis=1)[:, at:].sum(axis=1)
        inside = -self.person[parts].sum(axis=1)
        least = np.full((len(parts), len(over)), 2**61)
        for column in parts.T:
            base = self.gives[column[:, None], parts].sum(axis=1) + inside + best[column]
            np.minimum(least, over[column] + base[:, None], out=least)
        return least

    def reach_as_coach(self, first: int, near: Numbers, n_more: int) -> Numbers:
        """Return what a person and each newcomer can reach, with that newcomer as the coach.

        Parameters
        ----------
        first : int
            The person.
        near : ndarray of int64, shape (n_near,)
            Who may come.
        n_more : int
            Members still to come, the coach among them.
        """
        adds = self.gives[np.ix_(near, near)] - self.person[near]
        np.fill_diagonal(adds, _NEVER)
        best = np.zeros(near.size, np.int64)
        if 1 < n_more <= near.size:
            at = near.size - n_more + 1
            best = np.partition(adds, at, axis=1)[:, at:].sum(axis=1)
        elif n_more > near.size:
            best[:] = 16 * _NEVER
        best += self.gives[near, first] - self.person[near] - self.person[first]
        best -= self.charge[near, first]
        return best


def sum_with_best(adds: Numbers, n_more: int) -> Numbers:
    """Return for each newcomer of each row what it adds with the best others of the row."""
    width = adds.shape[1]
    if width < n_more:
        return np.full(adds.shape, 16 * _NEVER)
    top = np.maximum(np.partition(adds, width - n_more, axis=1)[:, width - n_more :], 2 * _NEVER)
    low, total = top.min(axis=1, keepdims=True), top.sum(axis=1, keepdims=True)
    best: Numbers = np.where(adds >= low, total, total - low + adds)
    return best
