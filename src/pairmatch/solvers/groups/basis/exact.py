"""Small pools: the best grouping by dynamic programming over all subsets of people."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.sizes import usual_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.problem import GroupingProblem

__all__ = [
    "N_SMALL",
    "N_SMALL_PARTIAL",
    "partition_small",
    "raise_lowest",
    "solve_by_subsets",
]

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
    steps = dict.fromkeys(every_size, 1)  # any groups will do: rows are numbers of groups
    table = _fill_table(values, steps, n // problem.smallest)
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
    return _trace_back(values, table, steps, int(count), int(masks[where]))


def _best_partition(
    values: GroupValues, sizes: tuple[int, ...], masks: NDArray[np.int64]
) -> list[tuple[int, ...]] | None:
    """Return the best partition of one of the sets of people into groups of these sizes."""
    if not sizes:
        return []
    # two sizes that differ by one and the number of groups fix how many there are of each
    steps = dict.fromkeys(sorted(set(sizes)), 1)
    table = _fill_table(values, steps, len(sizes))
    best = table[len(sizes), masks]
    where = int(best.argmax())
    if best[where] == _NONE:
        return None
    return _trace_back(values, table, steps, len(sizes), int(masks[where]))


def raise_lowest(values: GroupValues, sizes: Sequence[int]) -> Fraction | None:
    """Return the highest lowest mean of a grouping of a small pool into groups of these sizes."""
    steps, target = _steps_of(values.n, sizes)
    unit = lcm(*(size * (size - 1) for size in steps))
    table = _fill_table(values, steps, target, unit)
    best = int(table[target, _masks_of(values.n, sum(sizes))].max())
    return None if best == _NONE else Fraction(best, unit)


def partition_small(values: GroupValues, sizes: Sequence[int]) -> list[tuple[int, ...]] | None:
    """Return the best grouping of a small pool into groups of these sizes, if there is any."""
    steps, target = _steps_of(values.n, sizes)
    table = _fill_table(values, steps, target)
    masks = _masks_of(values.n, sum(sizes))
    where = int(table[target, masks].argmax())
    if table[target, masks[where]] == _NONE:
        return None
    return _trace_back(values, table, steps, target, int(masks[where]))


def _masks_of(n: int, n_placed: int) -> NDArray[np.int64]:
    """Return all sets of so many people."""
    return np.flatnonzero(np.bitwise_count(np.arange(2**n)) == n_placed)


def _steps_of(n: int, sizes: Sequence[int]) -> tuple[dict[int, int], int]:
    """Return by how much each size moves the row of the table, and the row of all these groups."""
    steps: dict[int, int] = {}
    step = 1
    for size in sorted(set(sizes)):
        steps[size] = step
        step *= n // size + 1  # no grouping has as many, so that no two tallies share a row
    return steps, sum(steps[size] for size in sizes)


def _fill_table(
    values: GroupValues, steps: Mapping[int, int], last: int, unit: int = 0
) -> NDArray[np.int64]:
    """Return ``table[row, mask]``, the best value of a partition of mask into groups.

    A group of a size moves the row by the step of that size. With a unit, the lowest mean of a
    group in fractions of it counts, rather than the sum of all values.
    """
    n = values.n
    table = np.full((last + 1, 2**n), _NONE)
    table[0, 0] = -_NONE if unit else 0
    for lowest in range(n - 1, -1, -1):
        later = np.arange(2 ** (n - 1 - lowest)) << (lowest + 1)
        for size, step in steps.items():
            if step > last:
                continue
            members, worth, masks = _groups_with_lowest(values, lowest, size)
            if unit:
                inside = values.pair[members[:, :, None], members[:, None, :]].sum(axis=(1, 2))
                worth = inside // 2 * (unit // (size * (size - 1)))
            for value, mask in zip(worth.tolist(), masks.tolist(), strict=True):
                rest = later[(later & mask) == 0]
                known = table[:-step, rest]
                target = table[step:, rest | mask]
                with_it = np.minimum(known, value) if unit else known + value
                np.maximum(target, np.where(known > _NONE, with_it, _NONE), out=target)
                table[step:, rest | mask] = target
            del members
    return table


def _groups_with_lowest(
    values: GroupValues, lowest: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the allowed groups of a size whose first member is given: members, value, mask."""
    others = combinations(range(lowest + 1, values.n), size - 1)
    members = np.array([(lowest, *rest) for rest in others], np.int64).reshape(-1, size)
    members = members[values.n_forbidden(members) == 0]
    return members, values.of_groups(members), (1 << members).sum(axis=1)


def _trace_back(
    values: GroupValues, table: NDArray[np.int64], steps: Mapping[int, int], row: int, mask: int
) -> list[tuple[int, ...]]:
    """Return the groups behind one entry of the table."""
    groups: list[tuple[int, ...]] = []
    while row:
        lowest = (mask & -mask).bit_length() - 1
        for size, step in steps.items():
            if step > row:
                continue
            members, worth, masks = _groups_with_lowest(values, lowest, size)
            inside = (masks & mask) == masks
            fits = np.zeros(len(masks), bool)
            before = table[row - step, mask ^ masks[inside]]
            fits[inside] = (before > _NONE) & (before + worth[inside] == table[row, mask])
            if fits.any():
                first = int(fits.argmax())
                groups.append(tuple(members[first].tolist()))
                mask ^= int(masks[first])
                row -= step
                break
    return groups
