"""What groups are worth, in exact integers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pairmatch.solvers.group_rules import GroupRules
    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["GroupValues", "price_unit"]

_LIMIT = 2**61


@dataclass(frozen=True, slots=True, eq=False)
class GroupValues:
    """Values of groups times ``scale``, so that every mean is an integer.

    The value of a group counts once for each of its members: with k members and S the sum of the
    gains over its ordered pairs it is ``scale * S / (k - 1)`` under "total", and
    ``scale * k / (k - 1)`` times the smallest sum of what one coach gives under "worst_rotation".

    Parameters
    ----------
    gain : ndarray of int64, shape (n, n)
        ``gain[b, a]`` is what a gives as coach of b; 0 where not allowed and on the diagonal.
    pair : ndarray of int64, shape (n, n)
        ``gain + gain.T``.
    allowed : ndarray of bool, shape (n, n)
        Whether two different people may share a group.
    scale : int
        A multiple of ``size - 1`` of every size that is used.
    worst : bool
        Whether a group is worth its worst rotation rather than the mean of its rotations.
    rules : GroupRules or None
        What every group has to satisfy as a whole.
    caps : dict of int to int
        What counts at most of the value of a group, by its size; sizes without a cap have none.
    """

    gain: NDArray[np.int64]
    pair: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    scale: int
    worst: bool
    rules: GroupRules | None = None
    caps: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: GroupingProblem, scale: int) -> GroupValues:
        """Return the values of the groups of a problem.

        Raises
        ------
        OverflowError
            If the objective could leave the range of 64-bit integers.
        """
        allowed = problem.allowed & ~np.eye(problem.n, dtype=bool)
        gain = np.where(allowed, problem.gain, 0).astype(np.int64)
        top = max(abs(int(gain.max(initial=0))), abs(int(gain.min(initial=0))))
        if 8 * top * scale * (problem.largest + 1) * (problem.n + 8) >= _LIMIT:
            msg = (
                "the gains are too large for exact 64-bit sums; use fewer digits or a smaller size"
            )
            raise OverflowError(msg)
        worst = problem.objective == "worst_rotation"
        return cls(gain, gain + gain.T, allowed, scale, worst, problem.rules)

    def take(self, people: NDArray[np.int64]) -> GroupValues:
        """Return the values of groups of some of the people."""
        inside = np.ix_(people, people)
        return replace(
            self,
            gain=self.gain[inside],
            pair=self.pair[inside],
            allowed=self.allowed[inside],
            rules=None if self.rules is None else self.rules.take(people),
        )

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.gain)

    def of_groups(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the values of groups of one size, ``members`` of shape (n_groups, size)."""
        size = members.shape[1]
        given = self.gain[members[:, :, None], members[:, None, :]].sum(axis=1)
        factor = self.scale // (size - 1)
        value: NDArray[np.int64]
        value = given.min(axis=1) * (size * factor) if self.worst else given.sum(axis=1) * factor
        return np.minimum(value, self.caps[size]) if size in self.caps else value

    def n_forbidden(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the pairs that are not allowed and the rules broken in groups of one size."""
        size = members.shape[1]
        together = self.allowed[members[:, :, None], members[:, None, :]]
        count: NDArray[np.int64] = (size * (size - 1) - together.sum(axis=(1, 2))) // 2
        return count if self.rules is None else count + self.rules.n_broken(members)

    def legal(self, members: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which groups of one size, all of whose pairs are allowed, break no rule."""
        if self.rules is None:
            return np.ones(len(members), np.bool_)
        return self.rules.legal(members)

    def of_tables(self, tables: Iterable[NDArray[np.int64]]) -> int:
        """Return the sum of the values of all groups in tables of one size each."""
        worth = 0
        for table in tables:
            worth += int(self.of_groups(table).sum())
        return worth

    def with_each(
        self, rest: NDArray[np.int64], people: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the value of each group completed by each person, and its forbidden pairs.

        Parameters
        ----------
        rest : ndarray of int64, shape (n_groups, size - 1)
            The members who stay.
        people : ndarray of int64, shape (n_people,)
            Who might join them.

        Returns
        -------
        value : ndarray of int64, shape (n_groups, n_people)
            Exact value of the completed group. Forbidden pairs count as gain 0.
        n_forbidden : ndarray of int64, shape (n_groups, n_people)
            Pairs of the newcomer with the others that are not allowed, and rules that the completed
            group breaks.
        """
        size = rest.shape[1] + 1
        shape = (rest.shape[0], people.size)
        n_forbidden = np.zeros(shape, np.int64)
        if not self.allowed_everywhere:
            for column in rest.T:
                n_forbidden += ~self.allowed[column[:, None], people]
        if self.rules is not None:
            n_forbidden += self.rules.n_broken_with_each(rest, people)
        given = self.gain[rest[:, :, None], rest[:, None, :]].sum(axis=1)
        if not self.worst:
            value = np.zeros(shape, np.int64)
            for column in rest.T:
                value += self.pair[column[:, None], people]
            value += given.sum(axis=1)[:, None]
            value *= self.scale // (size - 1)
            if size in self.caps:
                np.minimum(value, self.caps[size], out=value)
            return value, n_forbidden
        value = self.gain[rest[:, 0, None], people]
        for column in rest.T[1:]:
            value += self.gain[column[:, None], people]
        received = self.gain.T
        for seat, column in enumerate(rest.T):
            np.minimum(value, received[column[:, None], people] + given[:, seat, None], out=value)
        value *= size * (self.scale // (size - 1))
        return value, n_forbidden

    @property
    def largest_value(self) -> int:
        """No group of three is worth more than this, or less than minus this."""
        return 3 * self.scale * int(np.abs(self.gain).max(initial=0))

    @property
    def unit(self) -> int:
        """The fraction of a scaled gain in which prices are written."""
        return price_unit(self.largest_value, self.n)

    @property
    def allowed_everywhere(self) -> bool:
        """Whether any people may share a group."""
        return self.rules is None and bool(self.allowed.sum() == self.n * (self.n - 1))


def price_unit(largest: int, n: int) -> int:
    """Return the fraction of a scaled gain in which prices are written: 1/1024 if sums allow."""
    return 1024 if 1024 * 64 * largest * (n + 8) < 2**61 else 1
