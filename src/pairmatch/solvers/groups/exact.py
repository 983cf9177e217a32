"""Small pools: the best grouping by dynamic programming over all subsets of people."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.sizes import usual_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.values import GroupValues
    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["N_SMALL", "N_SMALL_PARTIAL", "solve_by_subsets"]

N_SMALL = 15  # people who are all placed
N_SMALL_PARTIAL = 12  # people of whom some may stay out

_NONE = np.iinfo(np.int64).min // 2


def solve_by_subsets(problem: GroupingProblem, values: GroupValues) -> list[tuple[int, ...]] | None:
    """Return a best grouping of a small pool, as sorted tuples of members.

    As many people as possible are placed; then the usual sizes for that many people are taken if
    any grouping has them, else any allowed sizes; then the value decides.

    Parameters
    ----------
    problem : GroupingProblem
        The pool, of at most 15 people.
    values : GroupValues
        Values of groups; the scale must suit every allowed size if people have to stay out.

    Returns
    -------
    list of tuple of int, or None
        The groups; None if somebody has to stay out and there are more than 12 people.

    Notes
    -----
    With n people and groups of k, about ``2**n * n**(k - 1)`` sums, all vectorised.
    """
    n = problem.n
    usual = usual_sizes(problem)
    if sum(usual) == n:
        groups = _best_partition(values, usual, np.array([2**n - 1]))
        if groups is not None:
            return groups
    if n > N_SMALL_PARTIAL:
        return None
    every_size = range(problem.smallest, min(n, problem.largest) + 1)
    table, _ = _fill_table(values, every_size, n // problem.smallest)
    n_members = np.bitwise_count(np.arange(2**n)).astype(np.int64)
    possible = (table > _NONE).any(axis=0)
    n_placed = int(n_members[possible].max())
    masks = np.flatnonzero(n_members == n_placed)
    usual = usual_sizes(problem, n_placed)
    if sum(usual) == n_placed:
        groups = _best_partition(values, usual, masks)
        if groups is not None:
            return groups
    best = table[:, masks]
    count, where = np.unravel_index(int(best.argmax()), best.shape)
    return _trace_back(values, table, every_size, int(count), int(masks[where]))


def _best_partition(
    values: GroupValues, sizes: tuple[int, ...], masks: NDArray[np.int64]
) -> list[tuple[int, ...]] | None:
    """Return the best partition of one of the sets of people into groups of these sizes."""
    if not sizes:
        return []
    table, distinct = _fill_table(values, sorted(set(sizes)), len(sizes))
    best = table[len(sizes), masks]
    where = int(best.argmax())
    if best[where] == _NONE:
        return None
    return _trace_back(values, table, distinct, len(sizes), int(masks[where]))


def _fill_table(
    values: GroupValues, sizes: Iterable[int], n_groups: int
) -> tuple[NDArray[np.int64], list[int]]:
    """Return ``table[q, mask]``, the best value of a partition of mask into q groups.

    Two sizes that differ by one and the number of groups fix how many there are of each size.
    """
    n = values.n
    distinct = list(sizes)
    table = np.full((n_groups + 1, 2**n), _NONE)
    table[0, 0] = 0
    for lowest in range(n - 1, -1, -1):
        later = np.arange(2 ** (n - 1 - lowest)) << (lowest + 1)
        for size in distinct:
            members, worth, masks = _groups_with_lowest(values, lowest, size)
            for value, mask in zip(worth.tolist(), masks.tolist(), strict=True):
                rest = later[(later & mask) == 0]
                known = table[:-1, rest]
                target = table[1:, rest | mask]
                np.maximum(target, np.where(known > _NONE, known + value, _NONE), out=target)
                table[1:, rest | mask] = target
            del members
    return table, distinct


def _groups_with_lowest(
    values: GroupValues, lowest: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the allowed groups of a size whose first member is given: members, value, mask."""
    others = combinations(range(lowest + 1, values.n), size - 1)
    members = np.array([(lowest, *rest) for rest in others], np.int64).reshape(-1, size)
    members = members[values.n_forbidden(members) == 0]
    return members, values.of_groups(members), (1 << members).sum(axis=1)


def _trace_back(
    values: GroupValues, table: NDArray[np.int64], sizes: Iterable[int], n_groups: int, mask: int
) -> list[tuple[int, ...]]:
    """Return the groups behind one entry of the table."""
    groups: list[tuple[int, ...]] = []
    distinct = list(sizes)
    while n_groups:
        lowest = (mask & -mask).bit_length() - 1
        for size in distinct:
            members, worth, masks = _groups_with_lowest(values, lowest, size)
            inside = (masks & mask) == masks
            fits = np.zeros(len(masks), bool)
            before = table[n_groups - 1, mask ^ masks[inside]]
            fits[inside] = (before > _NONE) & (before + worth[inside] == table[n_groups, mask])
            if fits.any():
                first = int(fits.argmax())
                groups.append(tuple(members[first].tolist()))
                mask ^= int(masks[first])
                break
        n_groups -= 1
    return groups
