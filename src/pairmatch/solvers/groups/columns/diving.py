"""From a fractional grouping to a whole one: groups that it uses most are taken, step by step.

After each step the program of the people left is priced anew, with new columns, so that the last
groups are as good as the first (price and dive; Sadykov et al. 2019, doi:10.1287/ijoc.2018.0822).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.columns.answers import plain_case
from pairmatch.solvers.groups.columns.offers import excess_of
from pairmatch.solvers.groups.columns.packing import incidence
from pairmatch.solvers.groups.columns.solver import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.columns.solver import Shares
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["dive", "pick_groups"]

_N_WHOLE = 10  # groups that are dealt at once in the end
_PART = 8  # one group in so many is taken in each step
_SURE, _LIKELY = 0.9, 0.3  # shares of groups that are taken in any case, and if some are lacking
_N_NODES = 200
_N_COLUMNS = 800  # groups that the last step chooses from, about
_LOW = -(2**62)


def dive(columns: Columns, keep_on: Callable[[], bool]) -> list[NDArray[np.int64]] | None:
    """Return groups, a table for each size; None if the last people do not fit together.

    Parameters
    ----------
    columns : Columns
        With a fractional grouping; left as it is.
    keep_on : callable
        Asked before each step; False ends the work without groups.
    """
    sizes = [table.shape[1] for table in columns.tables]
    chosen: dict[int, list[NDArray[np.int64]]] = {size: [] for size in sizes}
    people = np.arange(columns.values.n)
    while sum(columns.count) > _N_WHOLE:
        if columns.shares is None or not keep_on():
            return None
        taken = _take_groups(columns.shares, columns.count, columns.values.n)
        for group in taken:
            chosen[group.size].append(people[group])
        left = np.setdiff1d(np.arange(columns.values.n), np.concatenate(taken))
        people, columns = people[left], _without(columns, taken, left)
        if columns.count:
            columns.price(_LOW, keep_on, wholly=False)
    if columns.count:
        case = columns.case
        tables = _nearest(columns, case)
        last = pick_groups(columns.values, tables, columns.count, case, _N_NODES)
        if last is None:
            return None
        for table in last:
            chosen[table.shape[1]].extend(people[table])
    return [np.array(chosen[size], np.int64).reshape(-1, size) for size in sizes]


def _take_groups(shares: Shares, count: Sequence[int], n: int) -> list[NDArray[np.int64]]:
    """Return disjoint groups with large shares, one at least."""
    room = list(count)
    quota = max(1, sum(room) // _PART)
    kind = np.concatenate([np.full(share.size, at) for at, share in enumerate(shares.share)])
    row = np.concatenate([np.arange(share.size) for share in shares.share])
    every = np.concatenate(shares.share)
    free = np.ones(n, np.bool_)
    taken: list[NDArray[np.int64]] = []
    for place in np.argsort(-every, kind="stable").tolist():
        wanted = len(taken) < quota and every[place] > _LIKELY
        if taken and not wanted and every[place] <= _SURE:
            break
        group = shares.tables[kind[place]][row[place]]
        if free[group].all() and room[kind[place]]:
            room[kind[place]] -= 1
            free[group] = False
            taken.append(group)
    return taken


def _without(
    columns: Columns, taken: Sequence[NDArray[np.int64]], left: NDArray[np.int64]
) -> Columns:
    """Return the columns of the people who are left, and of the sizes that are still to come."""
    place = np.full(columns.values.n, -1)
    place[left] = np.arange(left.size)
    tables, count = [], []
    for table, n_groups in zip(columns.tables, columns.count, strict=True):
        n_more = n_groups - sum(group.size == table.shape[1] for group in taken)
        if n_more:
            moved = place[table]
            tables.append(moved[(moved >= 0).all(axis=1)])
            count.append(n_more)
    whole = columns.case.sets[:, left].sum(axis=1) == columns.case.sets.sum(axis=1)
    case = replace(
        columns.case,
        person=columns.case.person[left],
        sets=columns.case.sets[whole][:, left],
        divisor=columns.case.divisor[whole],
        set_price=columns.case.set_price[whole],
    )
    return Columns(columns.values.take(left), tables, count, case)


def _nearest(columns: Columns, case: GroupPrices) -> list[NDArray[np.int64]]:
    """Return the groups that fall short of the best of their size the least."""
    over = [excess_of(columns.values, table, case) for table in columns.tables]
    short = [int(excess.max(initial=_LOW)) - excess for excess in over]
    every = np.concatenate(short)
    most = np.partition(every, _N_COLUMNS - 1)[_N_COLUMNS - 1] if every.size > _N_COLUMNS else 2**62
    return [table[row <= most] for table, row in zip(columns.tables, short, strict=True)]


def pick_groups(
    values: GroupValues,
    tables: Sequence[NDArray[np.int64]],
    count: Sequence[int],
    case: GroupPrices,
    n_nodes: int,
    *,
    seconds: float = math.inf,
) -> list[NDArray[np.int64]] | None:
    """Return the best disjoint groups of some, so many of each size, or None if there are none.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    tables : sequence of ndarray of int64, shapes (m, size)
        Groups to choose from.
    count : sequence of int
        Groups of each size to choose.
    case : GroupPrices
        Prices near the best, which make the numbers small.
    n_nodes : int
        Cases that the program in whole numbers looks into.
    seconds : float, optional
        After which it stops.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array, hstack, identity

    n_placed = sum(t.shape[1] * c for t, c in zip(tables, count, strict=True))
    plain = plain_case(case.person, case.unit)
    over = [excess_of(values, table, plain) for table in tables]
    if any(excess.size < c for excess, c in zip(over, count, strict=True)):
        return None
    short = np.concatenate([int(excess.max(initial=_LOW)) - excess for excess in over])
    kind = np.concatenate([np.full(len(table), at) for at, table in enumerate(tables)])
    m = short.size
    _, cover = incidence(values.n, tables)
    counts = csc_array((np.ones(m), kind, np.arange(m + 1)), shape=(len(tables), m))
    stays_out = np.maximum(case.person, 0)
    if n_placed < values.n:
        cover = hstack([cover, identity(values.n)], format="csc")
        counts = hstack([counts, csc_array((len(tables), values.n))], format="csc")
        short = np.concatenate([short, stays_out])
    number = np.array(count, float)
    answer = milp(
        short / max(1.0, float(np.median(short))),
        constraints=[LinearConstraint(cover, 1.0, 1.0), LinearConstraint(counts, number, number)],
        integrality=np.ones(short.size, np.int64),
        bounds=Bounds(0.0, 1.0),
        options={"node_limit": n_nodes, "mip_rel_gap": 1e-9, "time_limit": seconds},
    )
    if answer.x is None:
        return None
    taken = np.asarray(answer.x)[:m] > 0.5
    picked = [table[taken[kind == at]] for at, table in enumerate(tables)]
    seated = np.concatenate([table.ravel() for table in picked])
    fits = all(len(table) == c for table, c in zip(picked, count, strict=True))
    return picked if fits and np.unique(seated).size == seated.size == n_placed else None
