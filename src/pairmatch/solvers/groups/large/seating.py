"""A plan within a second or two: people seated as they come, whatever that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.streaming import PoolValues

    Groups = list[NDArray[np.int64]]

__all__ = ["group_tables", "legal_groups", "seat_anyhow"]

_N_TRIALS = 12  # times that people of forbidden groups are seated anew
_N_NEAR, _N_FAR = 24, 24  # groups that are asked to take one more


def group_tables(groups: Groups) -> list[NDArray[np.int64]]:
    """Return groups by size."""
    sizes = np.array([group.size for group in groups], np.int64)
    return [
        np.stack([groups[at] for at in np.flatnonzero(sizes == size)]) for size in np.unique(sizes)
    ]


def legal_groups(values: PoolValues, groups: Groups) -> Groups:
    """Return the groups without a forbidden pair."""
    kept: Groups = []
    for table in group_tables(groups):
        fine = np.ones(len(table), np.bool_)
        for x in range(table.shape[1]):
            for y in range(x):
                fine &= values.pairs(table[:, x], table[:, y])[1]
        kept += list(table[fine])
    return kept


def seat_anyhow(
    values: PoolValues,
    order: NDArray[np.int64],
    sizes: tuple[int, ...],
    groups: Groups,
    rng: np.random.Generator,
) -> Groups:
    """Return groups without a forbidden pair of as many people as a few trials place.

    Parameters
    ----------
    values : PoolValues
        Who may share a group.
    order : ndarray of int64
        People who are in no group yet; those who are near each other are likely to suit.
    sizes : tuple of int
        Sizes of the groups to form of them; whoever is left over joins a group.
    groups : list of ndarray of int64
        Groups that are there already.
    rng : Generator
        Seats people anew.
    """
    groups, loose, left = list(groups), order, np.array(sizes, np.int64)
    position = np.zeros(values.n)
    position[order] = np.arange(order.size)
    for trial in range(_N_TRIALS):
        if not left.size or not loose.size:
            break
        if trial:
            loose = rng.permutation(loose) if trial % 2 else loose[np.argsort(position[loose])]
        left = left[np.cumsum(left) <= loose.size]
        cut = np.split(loose, np.cumsum(left))
        fine = legal_groups(values, cut[:-1])
        groups += fine
        placed = np.zeros(values.n, np.bool_)
        for group in fine:
            placed[group] = True
        loose = loose[~placed[loose]]
        formed = np.bincount([group.size for group in fine], minlength=int(left.max(initial=0)) + 1)
        kept = []
        for size in left.tolist():
            if formed[size]:
                formed[size] -= 1
            else:
                kept.append(size)
        left = np.array(kept, np.int64)
    return _join(values, loose, groups, position, rng)


def _join(
    values: PoolValues,
    loose: NDArray[np.int64],
    groups: Groups,
    position: NDArray[np.float64],
    rng: np.random.Generator,
) -> Groups:
    """Return the groups after people joined those that may take one more, the smallest first."""
    largest, n_groups = values.problem.largest, len(groups)
    if not loose.size or not n_groups:
        return groups
    size = np.array([group.size for group in groups])
    table = np.full((n_groups, largest), -1)
    for row, group in enumerate(groups):
        table[row, : group.size] = group
    by_place = np.argsort(position[table[:, 0]], kind="stable")
    place = np.searchsorted(position[table[by_place, 0]], position[loose])
    for trial in range(_N_NEAR + _N_FAR):
        step = (trial + 1) // 2 * (1 if trial % 2 else -1)
        ranks = place + step if trial < _N_NEAR else rng.integers(n_groups, size=loose.size)
        chosen = by_place[np.clip(ranks, 0, n_groups - 1)]
        chosen, who = np.unique(chosen, return_index=True)
        fine = size[chosen] < min(largest, int(size.min()) + 1 + trial // 8)
        for column in range(largest):
            mate = table[chosen, column]
            there = mate >= 0
            fine[there] &= values.pairs(loose[who[there]], mate[there])[1]
        chosen, who = chosen[fine], who[fine]
        table[chosen, size[chosen]] = loose[who]
        size[chosen] += 1
        loose, place = np.delete(loose, who), np.delete(place, who)
        if not loose.size:
            break
    return [row[:k] for row, k in zip(table, size.tolist(), strict=True)]
