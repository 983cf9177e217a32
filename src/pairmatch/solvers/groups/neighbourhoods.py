"""Large neighbourhoods: a few dozen people dealt anew into triads, the best way there is.

Prices make these small set-partition problems easy: every triad of a better deal falls short of
its prices by less than the groups that are opened do together, so all others can be ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.pricing import collect_triads, pair_excess

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues

__all__ = ["deal_parts_anew"]

_N_COLUMNS = 1200
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
    for _ in range(n_rounds):
        if not keep_on() or not loss.any():
            break
        opened = _near_groups(triads, loss, near, min(n_groups, len(triads)), rng)
        dealt = _deal(values, triads[opened], price, int(loss[opened].sum()))
        if dealt is not None:
            triads[opened] = dealt
            loss[opened] = price[dealt].sum(axis=1) - values.of_groups(dealt)
    return triads


def _near_groups(
    triads: NDArray[np.int64],
    loss: NDArray[np.int64],
    near: NDArray[np.int64],
    n_groups: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return groups to open: one that loses much, then groups of partners of those opened."""
    group_of = np.empty(triads.size, np.int64)
    group_of[triads] = np.arange(len(triads))[:, None]
    weight = np.maximum(loss, 0) + max(1.0, float(loss.mean()) / 4)
    opened = [int(rng.choice(len(triads), p=weight / weight.sum()))]
    member = {opened[0]}
    n_tries = 0
    while len(opened) < n_groups:
        n_tries += 1
        if n_tries > 20 * n_groups:
            rest = [g for g in range(len(triads)) if g not in member]
            opened += rest[: n_groups - len(opened)]
            break
        person = triads[opened[int(rng.integers(len(opened)))], int(rng.integers(3))]
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
