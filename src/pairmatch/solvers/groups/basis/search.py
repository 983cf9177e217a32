"""Search for a good grouping: optimal reassignment descent, again and again from disturbed plans.

One step frees one member of every group and everybody without a seat, and gives all free seats to
all of them at once, by a linear assignment: the best of exponentially many neighbours. Steps with
other members freed follow until nothing improves. Then the members of a few groups are shuffled,
and the descent starts over; the disturbed plan is kept where it is no worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["Plan", "descend", "disturb_and_descend", "seat_greedily"]

_BLOCK = 600  # groups in one assignment


@dataclass(slots=True)
class Plan:
    """A grouping that is being worked on.

    Parameters
    ----------
    tables : list of ndarray of int64, shapes (n_groups, size)
        The groups, one table for each size; the order inside a row means nothing.
    bench : ndarray of int64
        People without a seat.
    worth : int
        Sum of the values of the groups, less the penalty for each pair that is not allowed.
    """

    tables: list[NDArray[np.int64]]
    bench: NDArray[np.int64]
    worth: int

    def copy(self) -> Plan:
        """Return a plan that can be changed without changing this one."""
        return Plan([table.copy() for table in self.tables], self.bench.copy(), self.worth)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return sum(len(table) for table in self.tables)


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What a search needs to know: values, the penalty of a forbidden pair, randomness."""

    values: Any  # GroupValues; of a large pool those that know what triads are worth
    penalty: int
    rng: np.random.Generator
    keep_on: Callable[[], bool]

    @classmethod
    def of(
        cls, values: GroupValues, rng: np.random.Generator, keep_on: Callable[[], bool]
    ) -> Search:
        """Return a search whose penalty outweighs what one group can gain."""
        penalty = 0
        if not values.allowed_everywhere:
            top = int(np.abs(values.gain).max(initial=0))
            penalty = 4 * values.scale * top + values.scale
        return cls(values, penalty, rng, keep_on)

    def worth(self, tables: list[NDArray[np.int64]]) -> int:
        """Return the sum of the values of the groups, less penalties."""
        worth: int = self.values.of_tables(tables)
        if self.penalty:
            worth -= self.penalty * sum(int(self.values.n_forbidden(t).sum()) for t in tables)
        return worth


def seat_greedily(search: Search, sizes: tuple[int, ...]) -> Plan:
    """Return a plan in which the scarcest people found the groups and the others join at once.

    The founders are the people with the least to offer to their best partners; then seat after
    seat of all groups is filled by one linear assignment.
    """
    from scipy.optimize import linear_sum_assignment

    values = search.values
    n, n_groups = values.n, len(sizes)
    if not n_groups:
        return Plan([], np.arange(n), 0)
    low = np.iinfo(np.int64).min // 4
    ranked = np.sort(np.where(values.allowed, values.pair, low), axis=1)
    best = ranked[:, -(sizes[0] - 1) :]
    scarcity = np.where(best > low, best, -1).sum(axis=1)
    founders = np.sort(np.argsort(scarcity, kind="stable")[:n_groups])
    rows = founders[:, None]
    sizes_of = np.asarray(sizes)
    done: dict[int, list[NDArray[np.int64]]] = {}
    free = np.setdiff1d(np.arange(n), founders)
    while True:
        full = sizes_of == rows.shape[1]
        if full.any():
            done.setdefault(rows.shape[1], []).append(rows[full])
            rows, sizes_of = rows[~full], sizes_of[~full]
        if not rows.size:
            break
        worth, n_forbidden = values.with_each(rows, free)
        _, seat = linear_sum_assignment(worth - search.penalty * n_forbidden, maximize=True)
        rows = np.column_stack([rows, free[seat]])
        free = np.delete(free, seat)
    tables = [np.concatenate(done[size]) for size in sorted(done)]
    return Plan(tables, free, search.worth(tables))


def descend(search: Search, plan: Plan, patience: int) -> int:
    """Improve a plan in place until ``patience`` steps in a row have gained nothing.

    Returns
    -------
    int
        Number of steps taken.
    """
    idle = n_steps = 0
    while idle < patience and search.keep_on():
        before = plan.worth
        _reassign(search, plan)
        idle = 0 if plan.worth > before else idle + 1
        n_steps += 1
    return n_steps


def disturb_and_descend(
    search: Search, plan: Plan, *, n_shuffled: int, patience: int, tolerance: int
) -> tuple[Plan, int]:
    """Shuffle the members of a few groups, descend, and return the plan to go on with.

    Parameters
    ----------
    search : Search
        Values and randomness.
    plan : Plan
        Left as it is.
    n_shuffled : int
        Number of groups whose members are dealt anew.
    patience : int
        Idle steps that end the descent.
    tolerance : int
        A new plan is kept when it is worse than the old one by no more than this.

    Returns
    -------
    plan : Plan
        The new plan or the old one.
    n_steps : int
        Steps taken.
    """
    trial = plan.copy()
    n_shuffled = min(n_shuffled, trial.n_groups)
    chosen = search.rng.choice(trial.n_groups, size=n_shuffled, replace=False)
    people: list[NDArray[np.int64]] = []
    first, picks = 0, []
    for table in trial.tables:
        pick = chosen[(chosen >= first) & (chosen < first + len(table))] - first
        picks.append(pick)
        people.append(table[pick].ravel())
        first += len(table)
    dealt = search.rng.permutation(np.concatenate(people))
    used = 0
    for table, pick in zip(trial.tables, picks, strict=True):
        n_seats = pick.size * table.shape[1]
        table[pick] = dealt[used : used + n_seats].reshape(pick.size, table.shape[1])
        used += n_seats
    trial.worth = search.worth(trial.tables)
    n_steps = descend(search, trial, patience)
    return (trial if trial.worth >= plan.worth - tolerance else plan), n_steps


def _reassign(search: Search, plan: Plan) -> None:
    """Free one random member of every group and the bench, and fill all seats anew."""
    for table in plan.tables:
        rows = np.arange(len(table))
        freed = search.rng.integers(table.shape[1], size=len(table))
        last = table[:, -1].copy()
        table[:, -1] = table[rows, freed]
        table[rows, freed] = last
    if plan.n_groups <= _BLOCK:
        _fill(search, plan, plan.tables)
        return
    for position, table in enumerate(plan.tables):
        shuffled = table[search.rng.permutation(len(table))]
        plan.tables[position] = shuffled
        n_blocks = -(-len(table) // _BLOCK)
        for block in np.array_split(shuffled, n_blocks):
            _fill(search, plan, [block])


def _fill(search: Search, plan: Plan, tables: list[NDArray[np.int64]]) -> None:
    """Give the last seats of these groups to whom they suit best, in place."""
    from scipy.optimize import linear_sum_assignment

    people = np.concatenate([*(table[:, -1] for table in tables), plan.bench])
    parts = []
    for table in tables:
        worth, n_forbidden = search.values.with_each(table[:, :-1], people)
        if search.penalty:
            worth -= search.penalty * n_forbidden
        parts.append(worth)
    worth = parts[0] if len(parts) == 1 else np.concatenate(parts)
    rows = np.arange(len(worth))
    _, seat = linear_sum_assignment(worth, maximize=True)
    gained = int(worth[rows, seat].sum()) - int(worth[rows, rows].sum())
    if gained <= 0 and not plan.bench.size and plan.n_groups > len(rows):
        return
    first = 0
    for table in tables:
        table[:, -1] = people[seat[first : first + len(table)]]
        first += len(table)
    plan.bench = np.delete(people, seat)
    plan.worth += gained
