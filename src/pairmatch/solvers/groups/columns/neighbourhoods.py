"""Large neighbourhoods: a few dozen people dealt anew into groups, the best way there is.

Prices make these small set-partition problems easy: every group of a better deal falls short of
its prices by less than the groups that are opened do together, so all others can be ignored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pricing import collect_triads, pair_excess
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.columns.answers import plain_case
from pairmatch.solvers.groups.columns.diving import pick_groups
from pairmatch.solvers.groups.columns.offers import excess_of, list_offers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["deal_groups_anew", "deal_parts_anew"]

_N_COLUMNS = 1200  # of one part, about
_N_LISTED = 60_000  # parts of groups that are looked at for one part of a plan
_N_BENCH = 12  # people without a group who may come in
_N_NEAR = 12  # partners of a person that lead from one group to the next


def deal_parts_anew(
    values: GroupValues,
    triads: NDArray[np.int64],
    price: NDArray[np.int64],
    *,
    n_groups: int,
    n_rounds: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64]:
    """Return a grouping into triads that is no worse, after re-solving parts of it.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    triads : ndarray of int64, shape (n / 3, 3)
        The grouping.
    price : ndarray of int64, shape (n,)
        Prices that cover every triad.
    n_groups : int
        Groups opened at once.
    n_rounds : int
        Parts to solve.
    rng : Generator
        Chooses the parts: groups that lose much against the prices, and groups near them.
    keep_on : callable
        Asked before each part; False ends the work.
    """
    triads = triads.copy()
    excess = pair_excess(values, price)
    n_near = min(_N_NEAR, values.n - 1)
    near = np.argpartition(-excess, n_near, axis=1)[:, :n_near]
    loss = price[triads].sum(axis=1) - values.of_groups(triads)
    for _ in range(n_rounds if n_groups < len(triads) else 1):
        if not keep_on() or not loss.any():
            break
        opened = _near_groups(list(triads), loss, near, min(n_groups, len(triads)), rng)
        dealt = _deal(values, triads[opened], price, int(loss[opened].sum()))
        if dealt is not None:
            triads[opened] = dealt
            loss[opened] = price[dealt].sum(axis=1) - values.of_groups(dealt)
    return triads


def _near_groups(
    groups: Sequence[NDArray[np.int64]],
    loss: NDArray[np.int64],
    near: NDArray[np.int64],
    n_groups: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return groups to open: one that loses much, then groups of partners of those opened."""
    group_of = np.full(len(near), -1)
    for at, members in enumerate(groups):
        group_of[members] = at
    weight = np.maximum(loss, 0) + max(1.0, float(loss.mean()) / 4)
    opened = [int(rng.choice(len(groups), p=weight / weight.sum()))]
    member = {-1, opened[0]}
    n_tries = 0
    while len(opened) < n_groups:
        n_tries += 1
        if n_tries > 20 * n_groups:
            rest = [g for g in range(len(groups)) if g not in member]
            opened += rest[: n_groups - len(opened)]
            break
        members = groups[opened[int(rng.integers(len(opened)))]]
        person = members[int(rng.integers(members.size))]
        group = int(group_of[near[person, int(rng.integers(near.shape[1]))]])
        if group not in member:
            member.add(group)
            opened.append(group)
    return np.array(sorted(opened))


def _deal(
    values: GroupValues, groups: NDArray[np.int64], price: NDArray[np.int64], loss: int
) -> NDArray[np.int64] | None:
    """Return the best triads of the members of some groups, or None if these are the best."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csc_array

    people = np.sort(groups.ravel())
    part = values.take(people)
    columns = collect_triads(part, price[people], -2 * loss)
    short = price[people][columns].sum(axis=1) - part.of_groups(columns)
    if len(columns) > _N_COLUMNS:
        few = np.argsort(short, kind="stable")[:_N_COLUMNS]
        columns, short = columns[few], short[few]
    m = len(columns)
    if m < len(groups):
        return None
    cover = csc_array(
        (np.ones(3 * m), columns.ravel(), np.arange(0, 3 * m + 1, 3)), shape=(people.size, m)
    )
    answer = milp(
        short / max(1, loss),
        constraints=LinearConstraint(cover, 1.0, 1.0),
        integrality=np.ones(m, np.int64),
        options={"node_limit": 200},
    )
    if answer.x is None:
        return None
    dealt = people[columns[np.asarray(answer.x) > 0.5]]
    if not np.array_equal(np.sort(dealt.ravel()), people):
        return None
    better = int(values.of_groups(dealt).sum()) > int(values.of_groups(groups).sum())
    return dealt if better else None


def deal_groups_anew(
    values: GroupValues,
    plan: Plan,
    case: GroupPrices,
    most: Sequence[int],
    *,
    n_groups: int,
    n_rounds: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> Plan:
    """Return a plan of the same sizes that is no worse, after re-solving parts of it.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    plan : Plan
        A legal plan, its tables in the order of sizes; left as it is.
    case : GroupPrices
        Prices near the best.
    most : sequence of int
        By how much a group of each size of the plan exceeds them at most.
    n_groups : int
        Groups opened at once; the whole plan where it has hardly more.
    n_rounds : int
        Parts to solve.
    rng : Generator
        Chooses the parts.
    keep_on : callable
        Asked before each part; False ends the work.
    """
    plan = plan.copy()
    most_of = {t.shape[1]: top for t, top in zip(plan.tables, most, strict=True)}
    n_near = min(_N_NEAR, values.n - 1)
    near = np.argpartition(-pair_excess(values, case.person, case.unit), n_near, axis=1)
    whole = plan.n_groups <= n_groups + n_groups // 3
    for _ in range(1 if whole else n_rounds):
        if not keep_on():
            break
        groups = [row for table in plan.tables for row in table]
        loss = np.concatenate(
            [most_of[t.shape[1]] - excess_of(values, t, case) for t in plan.tables]
        )
        if not loss.any() and not case.set_price.any():
            break
        opened = np.arange(len(groups))
        if not whole:
            opened = _near_groups(groups, loss, near[:, :n_near], n_groups, rng)
        dealt = _deal_sizes(values, [groups[at] for at in opened], plan.bench, case, most_of)
        if dealt is None:
            continue
        kept = [groups[at] for at in np.setdiff1d(np.arange(len(groups)), opened)]
        rows = kept + [row for table in dealt for row in table]
        tables = [np.array([row for row in rows if row.size == size], np.int64) for size in most_of]
        worth = values.of_tables(tables)
        if worth > plan.worth:
            seated = np.concatenate(rows)
            plan = Plan(tables, np.setdiff1d(np.arange(values.n), seated), worth)
    return plan


def _deal_sizes(
    values: GroupValues,
    groups: Sequence[NDArray[np.int64]],
    bench: NDArray[np.int64],
    case: GroupPrices,
    most_of: dict[int, int],
) -> list[NDArray[np.int64]] | None:
    """Return the best groups of as many of each size for these people and the bench, or None."""
    people = np.sort(np.concatenate([*groups, bench[:_N_BENCH]]))
    part, place = values.take(people), np.full(values.n, -1)
    place[people] = np.arange(people.size)
    inside = case.sets[:, people]
    whole = inside.sum(axis=1) == case.sets.sum(axis=1)
    prices = replace(
        case,
        person=case.person[people],
        sets=inside[whole],
        divisor=case.divisor[whole],
        set_price=case.set_price[whole],
    )
    sizes = sorted({row.size for row in groups})
    ours = [place[np.array([row for row in groups if row.size == size])] for size in sizes]
    # what all groups together may fall short by: as much as these do, and what their sets spare
    loss = int(prices.set_price @ (prices.sets.sum(axis=1) // prices.divisor))
    plain = plain_case(prices.person, prices.unit)
    loss += sum(int((most_of[t.shape[1]] - excess_of(part, t, plain)).sum()) for t in ours)
    n_each = _N_COLUMNS // people.size
    tables = []
    for size in sizes:
        floor = most_of[size] - loss - 1
        listed = list_offers(part, prices, size, floor, n_each=n_each, n_most=_N_LISTED)
        if listed is None:
            return None
        tables.append(listed[0])
    tables = [
        np.unique(np.concatenate([t, np.sort(o)]), axis=0)
        for t, o in zip(tables, ours, strict=True)
    ]
    picked = pick_groups(part, tables, [len(t) for t in ours], prices, 200)
    return None if picked is None else [people[table] for table in picked]
