"""Rounds kept full: groups of one or two rounds are chosen anew, all at once, given all others.

Where rules leave few groups, the first rounds would take what later ones need. Here some groups of
two rounds are dissolved, the legal groups of their people and of those left out are listed, and a
program in whole numbers chooses among them: for as many places as can be, then so that nobody is
left out more often than others, then for the total.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.columns.packing import incidence, list_groups
from pairmatch.solvers.terms.places import pair_rows
from pairmatch.solvers.terms.schedules import count_meetings
from pairmatch.solvers.terms.search import tables_of
from pairmatch.solvers.terms.turns import share_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["Filling", "fill_rounds"]

_N_WHOLE = 33  # people up to whom whole rounds are dissolved
_N_POOL = 30  # people of each round where only some groups are
_N_LISTED = 12_000  # groups that one program may choose from
_N_KEPT = 600  # of which these stay, by the prices of its linear relaxation
_N_NODES = 5  # cases that one program may look at
_N_PASSES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """What rounds are filled with.

    Parameters
    ----------
    values : GroupValues
        Values and rules of one round, without regard to the others.
    smallest, largest : int
        Sizes that groups may have.
    at_most : int
        How often two people may meet.
    before : ndarray of int64, shape (n,)
        How often each person was left out before the term.
    keep_on : callable
        Whether there is time left.
    """

    values: GroupValues
    smallest: int
    largest: int
    at_most: int
    before: NDArray[np.int64]
    keep_on: Callable[[], bool]

    def missed(self, rounds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often each person has been left out, before and in these rounds."""
        missed: NDArray[np.int64] = self.before + (rounds < 0).sum(axis=0)
        return missed

    def rank(self, rounds: NDArray[np.int64]) -> tuple[int, int, int]:
        """Return by what terms are compared: places, even turns in staying out, the total."""
        missed = self.missed(rounds)
        worth = sum(self.values.of_tables(tables_of(row)) for row in rounds)
        return int((rounds >= 0).sum()), -int((missed**2).sum()), int(worth)


def fill_rounds(
    filling: Filling, rounds: NDArray[np.int64], limit: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return rounds that place more people, or leave them out more evenly, or are worth more.

    Parameters
    ----------
    filling : Filling
        Values, rules, limits.
    rounds : ndarray of int64, shape (n_rounds, n)
        Rounds without a broken rule; a round may be empty.
    limit : int
        Places that cannot be exceeded, so that nothing is tried any more for more of them.
    rng : Generator
        Which groups are dissolved in large pools.
    """
    rounds = share_turns(filling.values, rounds, filling.at_most, filling.before)
    rank = filling.rank(rounds)
    for _ in range(_N_PASSES):
        before = rank
        if rank[0] >= limit and (filling.values.n > _N_WHOLE or _is_even(filling, rounds)):
            break
        for chosen in _by_need(rounds):
            if not filling.keep_on():
                return rounds
            if not (rounds[chosen] < 0).any():
                continue  # full rounds have nothing to gain here
            found = _choose_again(filling, rounds, chosen, rng)
            if found is not None and (new := filling.rank(found)) > rank:
                rounds, rank = found, new
        if rank[:2] == before[:2]:
            break
    return share_turns(filling.values, rounds, filling.at_most, filling.before)


def _by_need(rounds: NDArray[np.int64]) -> list[list[int]]:
    """Return single rounds and pairs of them, those that leave most people out first."""
    out = (rounds < 0).sum(axis=1)
    order = np.argsort(-out, kind="stable").tolist()
    pairs = sorted(combinations(range(len(order)), 2), key=lambda pair: (sum(pair), pair))
    return [[row] for row in order] + [sorted((order[a], order[b])) for a, b in pairs]


def _is_even(filling: Filling, rounds: NDArray[np.int64]) -> bool:
    """Return whether nobody was left out two times more often than somebody else."""
    missed = filling.missed(rounds)
    return int(missed.max(initial=0)) - int(missed.min(initial=0)) <= 1


def _choose_again(
    filling: Filling, rounds: NDArray[np.int64], chosen: list[int], rng: np.random.Generator
) -> NDArray[np.int64] | None:
    """Return the rounds with the groups of some of them chosen anew, or None."""
    values = filling.values
    free = _freed(filling, rounds, chosen, rng)
    kept = rounds.copy()
    for at, people in zip(chosen, free, strict=True):
        kept[at, people] = -1
    met = count_meetings(kept)
    room = values.allowed & (met < filling.at_most)
    open_ = replace(values, allowed=room)
    listed: list[tuple[int, NDArray[np.int64]]] = []  # round and groups of one size
    for at, people in zip(chosen, free, strict=True):
        tables, _ = list_groups(
            open_, people.tolist(), filling.smallest, filling.largest, _N_LISTED
        )
        listed += [(at, table) for table in tables if len(table)]
    if not listed:
        return None
    taken = _choose(filling, kept, listed, filling.at_most - met)
    if taken is None:
        return None
    for at, members in taken:
        kept[at, members] = int(kept[at].max()) + 1
    for at in chosen:
        numbers = np.unique(kept[at][kept[at] >= 0])
        kept[at] = np.where(kept[at] >= 0, np.searchsorted(numbers, kept[at]), -1)
    return kept


def _freed(
    filling: Filling, rounds: NDArray[np.int64], chosen: list[int], rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return who gets a new group or none in each of these rounds."""
    n = filling.values.n
    if n <= _N_WHOLE:
        return [np.arange(n) for _ in chosen]
    short = max(chosen, key=lambda at: (int((rounds[at] < 0).sum()), -at))
    out = np.flatnonzero(rounds[short] < 0)
    first = rng.permutation(out)[: _N_POOL // 3]
    near = filling.values.allowed[first].sum(axis=0)
    free: list[NDArray[np.int64]] = []
    for at in chosen:
        row = rounds[at]
        wanted = near if at == short else np.isin(np.arange(n), free[0] if free else first)
        n_groups = int(row.max(initial=-1)) + 1
        claim = np.zeros(n_groups)
        np.add.at(claim, row[row >= 0], wanted[row >= 0].astype(float))
        people = first if at == short else first[row[first] < 0]
        for group in np.argsort(-claim - 0.5 * rng.random(n_groups), kind="stable").tolist():
            members = np.flatnonzero(row == group)
            if people.size + members.size > _N_POOL:
                break
            people = np.union1d(people, members)
        free.append(np.sort(people))
    return free


def _choose(
    filling: Filling,
    kept: NDArray[np.int64],
    listed: list[tuple[int, NDArray[np.int64]]],
    room: NDArray[np.int64],
) -> list[tuple[int, NDArray[np.int64]]] | None:
    """Return the round and the members of groups that together are best, or None."""
    from scipy.optimize import Bounds, LinearConstraint, linprog, milp

    aim = _aims(filling, kept, listed)
    sizes, rows, most = _limits(filling, listed, room)
    if aim.size > _N_KEPT:
        relaxed = linprog(-aim, A_ub=rows, b_ub=most, bounds=(0, None), method="highs-ipm")
        if relaxed.status != 0:
            return None
        over = aim + rows.T @ relaxed.ineqlin.marginals
        near = np.sort(np.argsort(-over, kind="stable")[:_N_KEPT])
        rows = rows[:, near]
    else:
        near = np.arange(aim.size)
    answer = milp(
        -aim[near],
        constraints=LinearConstraint(rows, -np.inf, most),
        integrality=np.ones(near.size, np.int64),
        bounds=Bounds(0.0, 1.0),
        options={"node_limit": _N_NODES, "mip_rel_gap": 0.3 / filling.values.n},
    )
    if answer.x is None:
        return None
    first = np.cumsum([0, *sizes])
    taken = []
    for column in near[answer.x > 0.5].tolist():
        table = int(np.searchsorted(first, column, side="right")) - 1
        at, groups = listed[table]
        taken.append((at, groups[column - first[table]]))
    return taken


def _aims(
    filling: Filling, kept: NDArray[np.int64], listed: list[tuple[int, NDArray[np.int64]]]
) -> NDArray[np.float64]:
    """Return what groups add: places, more for who was left out, a little for their worth."""
    rounds = sorted({at for at, _ in listed})
    others = np.delete(kept, rounds, axis=0)
    missed = filling.missed(others)
    missed = missed - int(missed.min(initial=0))
    turns = 2.0 * missed + len(rounds)  # what another miss costs, where misses count squared
    turns *= 0.4 / max(1.0, float(turns.sum()) * len(rounds))
    worth = [filling.values.of_groups(table).astype(float) for _, table in listed]
    low, top = (f(float(f(w)) for w in worth) for f in (min, max))
    unit = max(1.0, top - low) * filling.values.n * len(rounds)
    least = float(turns.min(initial=1.0))
    parts = [
        table.shape[1] * (1.0 + 0.1 * least * (w - low) / unit) + turns[table].sum(axis=1)
        for (_, table), w in zip(listed, worth, strict=True)
    ]
    return np.concatenate(parts)


def _limits(
    filling: Filling, listed: list[tuple[int, NDArray[np.int64]]], room: NDArray[np.int64]
) -> tuple[list[int], Any, NDArray[np.float64]]:
    """Return tables' lengths, rows of people by round and of pairs, and their limits."""
    from scipy.sparse import csc_array, hstack, vstack

    n = filling.values.n
    rounds = sorted({at for at, _ in listed})
    sizes = [len(table) for _, table in listed]
    people = []
    for at, table in listed:
        _, cover = incidence(n, [table])
        blank = csc_array((n, len(table)))
        people.append(vstack([cover if at == each else blank for each in rounds]))
    rows = hstack(people, format="csc")
    pairs, met = pair_rows(n, [table for _, table in listed])
    limit = np.concatenate([np.ones(n * len(rounds)), room.ravel()[pairs]]).astype(float)
    if len(rounds) == 1:  # who meets once in one round is not at the limit
        return sizes, rows, np.ones(n)
    return sizes, vstack([rows, met], format="csc"), limit
