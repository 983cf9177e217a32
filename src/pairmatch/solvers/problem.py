"""What a solver is asked: integers and indices, no ids, no words, no units.

Row = who is coached, column = who coaches. A pair that is not allowed is an absent edge: it has no
gain at all, not a low one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from pairmatch.solvers.group_rules import GroupRules

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from pairmatch.solvers.tiers import StreamedTiers

__all__ = [
    "AssignmentProblem",
    "Budget",
    "Gains",
    "GroupingProblem",
    "MatrixGains",
    "PoolGains",
    "Quotas",
    "Slots",
    "StreamedGrouping",
]


class Gains(Protocol):
    """The integer gain of every allowed pair, block by block; the matrix need not exist."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows (coached) and of columns (coaches)."""
        ...

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed", both of the shape of the block.

        The gain of a pair that is not allowed is 0 and means nothing.
        """
        ...

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of the pairs ``(rows[k], columns[k])``."""
        ...


class PoolGains(Gains, Protocol):
    """Gains of a pool that is too large to be held whole, but may be held in parts."""

    @property
    def largest(self) -> int:
        """No gain is larger than this, or lower than minus this."""
        ...

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> PoolGains:
        """Return the gains of some of the rows and columns, renumbered from 0."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class MatrixGains:
    """Gains that are small enough to be held whole.

    Parameters
    ----------
    gain : ndarray of int64, shape (n_rows, n_columns)
        Gain of each pair; 0 where not allowed.
    allowed : ndarray of bool, shape (n_rows, n_columns)
        Whether the pair may be formed.
    """

    gain: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.gain.shape[0], self.gain.shape[1]

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed" of a block, as views."""
        return self.gain[rows, columns], self.allowed[rows, columns]

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of single pairs."""
        return self.gain[rows, columns], self.allowed[rows, columns]

    @property
    def largest(self) -> int:
        """Largest magnitude of a gain."""
        return max(int(self.gain.max(initial=0)), -int(self.gain.min(initial=0)))

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> MatrixGains:
        """Return the gains of some of the rows and columns."""
        part = np.ix_(rows, columns)
        return MatrixGains(self.gain[part], self.allowed[part])


@dataclass(frozen=True, slots=True, eq=False)
class Quotas:
    """At most ``at_most`` rows of one class with any one column.

    Parameters
    ----------
    class_of : ndarray of int64, shape (n_rows,)
        Class of each row, ``0 .. n_classes - 1``; -1 for a row the quota does not count.
    at_most : int
        Largest number of rows of one class with one column, >= 0.
    """

    class_of: NDArray[np.int64]
    at_most: int

    @property
    def n_classes(self) -> int:
        """Number of classes that are counted."""
        return int(self.class_of.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """Pairs use up something of which every column has a limited amount.

    Parameters
    ----------
    use : ndarray of int64, shape (n_rows, n_columns) or (n_rows, 1)
        What each pair uses, >= 0; one column if all pairs of a row use the same.
    limit : ndarray of int64, shape (n_columns,)
        The most that the pairs of each column may use together, >= 0.
    """

    use: NDArray[np.int64]
    limit: NDArray[np.int64]

    def block(self, rows: slice, columns: slice) -> NDArray[np.int64]:
        """Return what the pairs of a block use."""
        return np.broadcast_to(self.use, (len(self.use), len(self.limit)))[rows, columns]

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the pairs ``(rows[k], columns[k])`` use."""
        return np.broadcast_to(self.use, (len(self.use), len(self.limit)))[rows, columns]


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """When pairs can meet: each pair takes some slots, and nobody two that overlap.

    Parameters
    ----------
    start : ndarray of int64, shape (n_slots,)
        Minute at which each slot begins, ascending.
    minutes : int
        Length of every slot, >= 1.
    row, column : ndarray of bool, shapes (n_rows, n_slots) and (n_columns, n_slots)
        Who can take which slots. A pair takes slots that both can.
    open_row, open_column : ndarray of bool, shapes (n_rows,) and (n_columns,)
        Whose pairs take no slot at all.
    twin : ndarray of int64, shape (n_rows,)
        The column that is the same person, with one calendar; -1 if there is none.
    per_week : int
        Slots of each pair, >= 1.
    row_likes, column_likes : ndarray of bool, shapes as ``row`` and ``column``
        Who would rather take which slots; counted among otherwise best answers.
    place : ndarray of int64, shape (n_slots,), or None
        Where each slot is, -1 for nowhere in particular.
    gap : ndarray of int64, shape (n_places, n_places), or None
        Minutes that a person needs between slots at two places.
    """

    start: NDArray[np.int64]
    minutes: int
    row: NDArray[np.bool_]
    column: NDArray[np.bool_]
    open_row: NDArray[np.bool_]
    open_column: NDArray[np.bool_]
    twin: NDArray[np.int64]
    per_week: int
    row_likes: NDArray[np.bool_]
    column_likes: NDArray[np.bool_]
    place: NDArray[np.int64] | None = None
    gap: NDArray[np.int64] | None = None

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return len(self.start)

    def clash(self, a: int, b: int) -> bool:
        """Return whether one person cannot take both slots."""
        first, second = (a, b) if self.start[a] <= self.start[b] else (b, a)
        wait = self.minutes
        if self.place is not None and self.gap is not None:
            here, there = self.place[first], self.place[second]
            wait += int(self.gap[here, there]) if here >= 0 and there >= 0 else 0
        return bool(self.start[second] < self.start[first] + wait)


@dataclass(frozen=True, slots=True, eq=False)
class AssignmentProblem:
    """Give rows to columns, each row within its demand, each column within its load.

    Parameters
    ----------
    gains : Gains
        What each allowed pair is worth; any sign.
    capacity : ndarray of int64, shape (n_columns,)
        Places of each column, >= 0.
    at_least : ndarray of int64, shape (n_columns,)
        Rows that each column must get, ``0 <= at_least <= capacity``.
    pins : ndarray of int64, shape (n_pins, 2)
        Pairs (row, column) that must be in the answer. They are allowed, within capacity, quotas
        and the demand of their rows: whoever builds the problem has checked that.
    quotas : tuple of Quotas
        Limits per column and class of rows.
    objective : {"coverage", "total", "worst_off", "leximin"}
        "coverage": as many rows as possible, then the largest sum of gains among such answers.
        "total": the largest sum of gains. "worst_off" (maximin): as many rows as possible, then
        the highest lowest gain, then the largest sum. "leximin": as many rows as possible, then
        the highest lowest gain, then the highest second lowest, and so on. Rows may stay without
        a column under all of them.
    tiers : ndarray of int64, shape (n_rows, n_columns), StreamedTiers, or None
        Tier of each pair, 0, 1, ...; only with "coverage" and "total". As many pairs of tier 0 as
        possible, then of tier 1, and so on, before the sum of gains; under "coverage" after as
        many rows as possible.
    budgets : tuple of Budget
        Limits on what the pairs of each column use together. Pins keep within them.
    demand : ndarray of int64, shape (n_rows,)
        How many columns each row should have, >= 1, all of them different; 1 by default. Under
        "coverage" as many rows as possible get at least one column, then as many pairs as possible
        are formed, then the sum of gains counts. A row may be pinned to as many columns.
    slots : Slots, optional
        Every pair takes slots of time as well; allowed pairs have enough in common.
    cost : ndarray of int64, shape (n_rows, n_columns), or None
        What each pair costs, >= 0; only with "coverage" and "total" without tiers. As little as
        possible together, among otherwise best answers.
    """

    gains: Gains
    capacity: NDArray[np.int64]
    at_least: NDArray[np.int64]
    pins: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    quotas: tuple[Quotas, ...] = ()
    objective: Literal["coverage", "total", "worst_off", "leximin"] = "coverage"
    tiers: NDArray[np.int64] | StreamedTiers | None = None
    budgets: tuple[Budget, ...] = ()
    demand: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    slots: Slots | None = None
    cost: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if len(self.demand) != self.gains.shape[0]:
            object.__setattr__(self, "demand", np.ones(self.gains.shape[0], np.int64))

    @property
    def n_rows(self) -> int:
        """Number of people to be coached."""
        return self.gains.shape[0]

    @property
    def n_columns(self) -> int:
        """Number of coaches."""
        return self.gains.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class GroupingProblem:
    """Partition the members of one pool into groups.

    ``gain[b, a]`` is what a gives as coach of b. In a group of k, the rotation with coach a is
    worth the mean of ``gain[b, a]`` over the other members b; the group's value is the mean
    ("total") or the smallest ("worst_rotation") of its k rotations; the objective is the sum over
    placed people of their group's value, after placing as many people as possible.

    Parameters
    ----------
    gain : ndarray of int64, shape (n, n)
        Directed gains, the diagonal ignored.
    allowed : ndarray of bool, shape (n, n), symmetric
        Whether two people may share a group.
    smallest, largest : int
        Allowed group sizes, ``2 <= smallest <= largest``.
    target : int
        Preferred group size, within the two.
    objective : {"total", "worst_rotation", "worst_group"}
        How a group is valued. "worst_group": as under "total", but the lowest mean of the rotations
        of a group comes before the sum.
    rules : GroupRules or None
        What every group has to satisfy as a whole, beyond its pairs.
    """

    gain: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    smallest: int
    largest: int
    target: int
    objective: Literal["total", "worst_rotation", "worst_group"] = "total"
    rules: GroupRules | None = None

    @property
    def n(self) -> int:
        """Number of people in the pool."""
        return len(self.gain)

    def take(self, people: NDArray[np.int64]) -> GroupingProblem:
        """Return the problem of some of the people."""
        inside = np.ix_(people, people)
        rules = None if self.rules is None else self.rules.take(people)
        return replace(self, gain=self.gain[inside], allowed=self.allowed[inside], rules=rules)

    def with_floor(self, lowest: Fraction) -> GroupingProblem:
        """Return the problem of the largest total in which no group has a lower mean, in gains."""
        worth = self.gain + self.gain.T
        np.fill_diagonal(worth, 0)
        rules = GroupRules(self.n) if self.rules is None else self.rules
        rules = replace(rules, worth=worth, floor=lowest)
        return replace(self, objective="total", rules=rules)

    def gains_among(self, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the gains among some people."""
        return self.gain[np.ix_(people, people)]

    def partners_of(self, person: int) -> NDArray[np.bool_]:
        """Return who may share a group with a person, shape (n,)."""
        partners: NDArray[np.bool_] = self.allowed[person]
        return partners


@dataclass(frozen=True, slots=True, eq=False)
class StreamedGrouping:
    """Partition a large pool into groups; its gains are computed where they are needed.

    Two people may share a group if both directions are allowed. Sizes and objective are those of
    :class:`GroupingProblem`; rules about whole groups are for pools that are held whole.

    Parameters
    ----------
    gains : PoolGains
        Directed gains of n by n pairs, the diagonal ignored.
    smallest, largest, target : int
        Allowed group sizes and the preferred one.
    objective : {"total", "worst_rotation"}
        How a group is valued.
    """

    gains: PoolGains
    smallest: int
    largest: int
    target: int
    objective: Literal["total", "worst_rotation"] = "total"

    @property
    def n(self) -> int:
        """Number of people in the pool."""
        return self.gains.shape[0]

    @property
    def rules(self) -> None:
        """No rules about whole groups."""
        return

    def take(self, people: NDArray[np.int64]) -> GroupingProblem:
        """Return the problem of some of the people, held whole."""
        every = slice(0, len(people))
        gain, allowed = self.gains.take(people, people).block(every, every)
        both = allowed & allowed.T
        np.fill_diagonal(both, val=False)
        sizes = self.smallest, self.largest, self.target
        return GroupingProblem(gain, both, *sizes, self.objective)

    def gains_among(self, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the gains among some people."""
        k = len(people)
        rows, columns = np.repeat(people, k), np.tile(people, k)
        return self.gains.pairs(rows, columns)[0].reshape(k, k)

    def partners_of(self, person: int) -> NDArray[np.bool_]:
        """Return who may share a group with a person, shape (n,)."""
        one, every = slice(person, person + 1), slice(0, self.n)
        both: NDArray[np.bool_] = self.gains.block(one, every)[1][0].copy()
        both &= self.gains.block(every, one)[1][:, 0]
        both[person] = False
        return both
