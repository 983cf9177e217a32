"""Tight rules: all legal groups listed, as many people as possible packed into them, and a proof.

Where rules leave few groups, they can all be written down; what then remains is set packing, and
the prices of its linear program bound both how many people can be placed and what these are worth.
"""

from __future__ import annotations

import math
from itertools import combinations
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.columns.bounds import Priced
from pairmatch.solvers.solution import PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.search import Plan
    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = [
    "incidence",
    "list_groups",
    "pack_groups",
    "packing_prices",
    "price_people",
    "price_places",
    "tighten",
]

_N_PACKED = 2500  # groups in the program in whole numbers
_N_PROGRAMS = 60  # of column generation
_AT_ONCE = 4  # groups of pairs that get on, per group that may be listed


def list_groups(
    values: GroupValues, people: Sequence[int], smallest: int, largest: int, n_most: int
) -> tuple[list[NDArray[np.int64]], bool]:
    """Return the legal groups among some people, a table for each size, and whether all are there.

    The smallest sizes come first; a size is left out when there would be too many groups.
    """
    tables: list[NDArray[np.int64]] = []
    level = np.array([pair for pair in combinations(people, 2) if values.allowed[pair]], np.int64)
    level = level.reshape(-1, 2)
    size, n_found, everyone = 2, 0, np.array(people, np.int64)
    while len(level) and size <= largest:
        if size >= smallest:
            table = level[values.legal(level)]
            n_found += len(table)
            if n_found > n_most:
                return tables, False
            tables.append(table)
        if size == largest:
            break
        parts, n_grown = [], 0
        for chunk in np.array_split(level, -(-len(level) // 4096)):
            joint = everyone > chunk[:, -1:]
            for column in chunk.T:
                joint &= values.allowed[np.ix_(column, everyone)]
            row, at = np.nonzero(joint)
            grown = np.column_stack([chunk[row], everyone[at]])
            if values.rules is not None:
                grown = grown[values.rules.may_grow(grown)]
            n_grown += len(grown)
            if n_grown > _AT_ONCE * n_most:
                return tables, False
            parts.append(grown)
        level, size = np.concatenate(parts), size + 1
    return tables, True


def pack_groups(
    values: GroupValues, tables: Sequence[NDArray[np.int64]], seconds: float
) -> list[tuple[int, ...]]:
    """Return disjoint groups that place as many people as possible, and then are worth much.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    tables : sequence of ndarray of int64
        The groups to choose from, a table for each size.
    seconds : float
        What a time limit leaves; without one the number of cases ends the work.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    size = np.concatenate([np.full(len(table), table.shape[1]) for table in tables])
    if not size.size:
        return []
    worth = np.concatenate([values.of_groups(table) for table in tables]).astype(float)
    worth -= worth.min()
    top = float(worth.max()) or 1.0
    aim = size + 0.5 * worth / top / values.n
    end = perf_counter() + seconds
    prices = _generate(values.n, tables, aim, end)
    if prices is None:
        return []
    near = np.argsort(-_reduced(tables, aim, prices), kind="stable")[:_N_PACKED]
    parts, first = [], 0
    for table in tables:
        parts.append(table[np.sort(near[(near >= first) & (near < first + len(table))]) - first])
        first += len(table)
    aim, tables = aim[np.sort(near)], parts
    _, cover = incidence(values.n, tables)
    answer = milp(
        -aim,
        constraints=LinearConstraint(cover, -np.inf, 1.0),
        integrality=np.ones(aim.size, np.int64),
        bounds=Bounds(0.0, 1.0),
        # the values add less than half a person: this gap never costs anybody a place
        options={"node_limit": 100, "mip_rel_gap": 0.4 / values.n, "time_limit": _left(end)},
    )
    if answer.x is None:
        return []
    groups = [tuple(row) for table in tables for row in table.tolist()]
    chosen = [groups[at] for at in np.flatnonzero(answer.x > 0.5)]
    used = [person for group in chosen for person in group]
    return chosen if len(set(used)) == len(used) else []


def price_people(values: GroupValues, triads: NDArray[np.int64], n_placed: int) -> Priced | None:
    """Return prices that bound groupings of so many people into these triads, or None.

    Every person placed is worth a bonus that outweighs all values; the prices of that linear
    program, less the bonus, cover every triad and charge most to those who are hard to place.
    """
    worth = values.of_groups(triads)
    bonus = int(np.abs(worth).max(initial=0)) + 1
    _, cover = incidence(values.n, [triads])
    prices = packing_prices(cover, (worth + 3.0 * bonus) / bonus)
    if prices is None:
        return None
    person = np.rint(prices * bonus).astype(np.int64) - bonus
    over = np.zeros(values.n, np.int64)
    excess = np.maximum(worth - person[triads].sum(axis=1), 0)
    for column in triads.T:
        np.maximum.at(over, column, excess)
    person += -(-over // 3)
    return Priced(person, int(np.sort(person)[values.n - n_placed :].sum()))


def tighten(
    values: GroupValues, plan: Plan, tables: Sequence[NDArray[np.int64]], priced: Priced
) -> Priced:
    """Return better prices for a plan of triads that leaves somebody out, where there are any."""
    triads = next((table for table in tables if table.shape[1] == 3), None)
    if triads is None or {table.shape[1] for table in plan.tables} != {3}:
        return priced
    other = price_people(values, triads, values.n - plan.bench.size)
    return other if other is not None and other.bound < priced.bound else priced


def price_places(
    values: GroupValues, tables: Sequence[NDArray[np.int64]], seconds: float
) -> NDArray[np.int64] | None:
    """Return prices of places that prove how many people can be placed, or None.

    The members of every legal group have prices that add up to its size at least, so that no more
    people than the sum of all prices are in disjoint groups. None as well after so many seconds.
    """
    size = np.concatenate([np.full(len(table), table.shape[1]) for table in tables])
    if not size.size:
        return None
    prices = _generate(values.n, tables, size.astype(float), perf_counter() + seconds)
    if prices is None:
        return None
    place: NDArray[np.int64] = np.rint(np.maximum(prices, 0) * PLACE).astype(np.int64)
    for table in tables:
        short = table.shape[1] * PLACE - place[table].sum(axis=1)
        for at in np.flatnonzero(short > 0).tolist():
            lack = table.shape[1] * PLACE - int(place[table[at]].sum())
            place[table[at, 0]] += max(0, lack)
    return place


def _reduced(
    tables: Sequence[NDArray[np.int64]], aim: NDArray[np.float64], prices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each group is worth over the prices of its members."""
    over: NDArray[np.float64]
    over = aim - np.concatenate([prices[table].sum(axis=1) for table in tables])
    return over


def _generate(
    n: int, tables: Sequence[NDArray[np.int64]], aim: NDArray[np.float64], end: float
) -> NDArray[np.float64] | None:
    """Return the prices of people in the program of packing, by column generation, if in time."""
    kind = np.concatenate([np.full(len(table), at) for at, table in enumerate(tables)])
    first = np.cumsum([0, *(len(table) for table in tables)])
    used = np.argsort(-aim, kind="stable")[: 20 * n]
    prices = None
    for _ in range(_N_PROGRAMS):
        used = np.sort(used)
        parts = [table[used[kind[used] == at] - first[at]] for at, table in enumerate(tables)]
        prices = packing_prices(incidence(n, parts)[1], aim[used], _left(end))
        if prices is None or perf_counter() > end:
            return None
        over = _reduced(tables, aim, prices)
        fresh = np.setdiff1d(np.flatnonzero(over > 1e-7), used)
        if not fresh.size:
            break
        used = np.union1d(used, fresh[np.argsort(-over[fresh], kind="stable")[: 12 * n]])
    return prices


def incidence(n: int, tables: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], Any]:
    """Return the size of each group, and who is in which as a sparse matrix."""
    from scipy.sparse import csc_array

    size = np.concatenate(
        [np.empty(0, np.int64), *(np.full(len(table), table.shape[1]) for table in tables)]
    )
    starts = np.concatenate([[0], np.cumsum(size)])
    rows = np.concatenate([np.empty(0, np.int64), *(table.ravel() for table in tables)])
    return size, csc_array((np.ones(rows.size), rows, starts), shape=(n, size.size))


def _left(end: float) -> float:
    """Return the seconds until a time, a little at least."""
    return max(0.1, end - perf_counter())


def packing_prices(
    cover: Any, worth: NDArray[np.float64], seconds: float = math.inf
) -> NDArray[np.float64] | None:
    """Return the prices of people in the linear program of packing, if that took no longer."""
    from scipy.optimize import linprog

    answer = linprog(
        -worth,
        A_ub=cover,
        b_ub=np.ones(cover.shape[0]),
        bounds=(0, None),
        method="highs-ds",
        options={"time_limit": seconds},
    )
    if answer.status != 0:
        return None
    prices: NDArray[np.float64] = -np.asarray(answer.ineqlin.marginals, float)
    return prices
