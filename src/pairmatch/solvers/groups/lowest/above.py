"""The groups above a floor: listed whole where they are few, else only those that prices miss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pricing import collect_triads
from pairmatch.solvers.solution import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["Above", "grow_above"]

_AT_ONCE = 2048  # parts of groups that are completed at once
_N_LISTED = 400_000  # groups of all sizes that are held
_N_TRIADS, _N_TRIADS_EACH = 1_500_000, 1000  # triads, which are found sooner, in all and a person
_N_FRESH = 20_000  # groups that prices miss, looked for at once
_N_CELLS = 50_000_000  # parts times people in one search
_N_ALL_CELLS = 600_000_000  # and in all of them
_NEVER = -(2**50)


def grow_above(
    values: GroupValues,
    size: int,
    least: int,
    n_most: int,
    price: NDArray[np.int64],
    keep_on: Callable[[int], bool],
) -> tuple[NDArray[np.int64], bool]:
    """Return the legal groups of a size with a sum that is large and prices that are small.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    size : int
        Members of a group.
    least : int
        Smallest sum of gains over its ordered pairs.
    n_most : int
        Groups to return at most.
    price : ndarray of int64, shape (n,)
        Prices of places; those of the members add up to less than ``size`` people.
    keep_on : callable
        Told what is going to be looked at, in parts times people; False ends the work.

    Returns
    -------
    groups : ndarray of int64, shape (m, size)
        Members in increasing order.
    every : bool
        Whether these are all.

    Notes
    -----
    Groups grow from the cheapest member on. A part is dropped where its best completion is worth
    too little, or its cheapest one costs too much.
    """
    n = values.n
    order = np.argsort(price, kind="stable")
    cost = price[order]
    pair = np.where(values.allowed, values.pair, _NEVER)[np.ix_(order, order)]
    last = np.full(n, _NEVER)  # the best pair among those behind each position
    for at in range(n - 2, -1, -1):
        last[at] = max(int(last[at + 1]), int(pair[at + 1, at + 2 :].max(initial=_NEVER)))
    found: list[NDArray[np.int64]] = []
    n_found = n_cells = 0
    start = np.flatnonzero(size * cost < size * PLACE)
    stack = [(start[:, None], np.zeros(start.size, np.int64))]
    while stack:
        parts, inside = stack.pop()
        if len(parts) > _AT_ONCE:
            stack.append((parts[_AT_ONCE:], inside[_AT_ONCE:]))
            parts, inside = parts[:_AT_ONCE], inside[:_AT_ONCE]
        n_cells += len(parts) * n
        if n_cells > _N_CELLS or not keep_on(len(parts) * n):
            return _joined(found, size), False
        n_more = size - parts.shape[1]
        gives = np.zeros((len(parts), n), np.int64)
        for column in parts.T:
            gives += pair[column]
        gives[np.arange(n)[None, :] <= parts[:, -1:]] = _NEVER
        fits = gives > _NEVER // 2
        rest = (n_more - 1) * np.maximum(gives.max(axis=1, initial=_NEVER), _NEVER)
        rest += n_more * (n_more - 1) // 2 * np.maximum(last[parts[:, -1]], _NEVER)
        fits &= gives >= (least - inside - rest)[:, None]
        fits &= n_more * cost < (size * PLACE - cost[parts].sum(axis=1))[:, None]
        row, newcomer = np.nonzero(fits)
        grown = np.column_stack([parts[row], newcomer])
        if n_more > 1:
            stack.append((grown, inside[row] + gives[row, newcomer]))
            continue
        groups = np.sort(order[grown], axis=1)
        groups = groups[values.legal(groups)]
        found.append(groups)
        n_found += len(groups)
        if n_found > n_most:
            return _joined(found, size)[:n_most], False
    return _joined(found, size), True


def _joined(found: list[NDArray[np.int64]], size: int) -> NDArray[np.int64]:
    """Return tables of groups as one."""
    return np.concatenate([np.empty((0, size), np.int64), *found])


@dataclass(slots=True)
class Above:
    """Groups of some sizes by their mean, found when they are asked for; a workspace.

    Parameters
    ----------
    values : GroupValues
        What groups are worth, under "total".
    sizes : tuple of int
        Different sizes, increasing.
    unit : int
        Means are in this fraction of a gain, a multiple of ``size * (size - 1)`` for every size.
    keep_on : callable
        Asked now and then; False ends the work.
    """

    values: GroupValues
    sizes: tuple[int, ...]
    unit: int
    keep_on: Callable[[], bool]
    listed_from: int | None = None
    too_many_at: int | None = None
    tables: list[NDArray[np.int64]] = field(default_factory=list)
    means: list[NDArray[np.int64]] = field(default_factory=list)
    n_cells: int = 0

    def spend(self, n_cells: int) -> bool:
        """Count work, and return whether there is some left."""
        self.n_cells += n_cells
        return self.n_cells < _N_ALL_CELLS and self.keep_on()

    def mean_of(self, table: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the means of groups of one size, in fractions of a gain."""
        size = table.shape[1]
        pairs = self.values.pair[table[:, :, None], table[:, None, :]]
        means: NDArray[np.int64] = pairs.sum(axis=(1, 2)) // 2 * (self.unit // (size * (size - 1)))
        return means

    def least_sum(self, size: int, floor: int) -> int:
        """Return the smallest sum over the pairs of a group whose mean is at least the floor."""
        return -(-floor * size * (size - 1) // self.unit)

    def list_from(self, floor: int) -> bool:
        """Return whether all groups at the floor or above are held, having looked for them."""
        if self.listed_from is not None and floor >= self.listed_from:
            return True
        if self.too_many_at is not None and floor <= self.too_many_at:
            return False
        tables = []
        for size in self.sizes:
            table, every = self._list(size, floor)
            if not every:
                self.too_many_at = floor
                return False
            tables.append(table)
        self.listed_from, self.tables = floor, tables
        self.means = [self.mean_of(table) for table in tables]
        return True

    def _list(self, size: int, floor: int) -> tuple[NDArray[np.int64], bool]:
        """Return the groups of a size at a floor or above, and whether these are all."""
        least, nothing = self.least_sum(size, floor), np.zeros(self.values.n, np.int64)
        if size != 3:
            return grow_above(self.values, size, least, _N_LISTED, nothing, self.spend)
        if not self.keep_on():
            return np.empty((0, 3), np.int64), False
        most = max(_N_LISTED, min(_N_TRIADS, _N_TRIADS_EACH * self.values.n))
        triads = collect_triads(self.values, nothing, self.values.scale * least - 1, 1, most)
        return triads, len(triads) <= most

    def listed(self, floor: int) -> list[NDArray[np.int64]]:
        """Return the listed groups at a floor or above, by size."""
        return [table[means >= floor] for table, means in zip(self.tables, self.means, strict=True)]

    def above(self, floor: int) -> NDArray[np.int64]:
        """Return the means above a floor of all groups that are listed, increasing."""
        every = np.unique(np.concatenate([np.empty(0, np.int64), *self.means]))
        return every[every > floor]

    def missed(self, floor: int, price: NDArray[np.int64]) -> tuple[list[NDArray[np.int64]], bool]:
        """Return groups at the floor or above that prices of places do not pay for.

        Returns
        -------
        tables : list of ndarray of int64
            By size; not necessarily all.
        every : bool
            Whether there are no others, if there are none here.
        """
        tables, complete = [], True
        for at, size in enumerate(self.sizes):
            if self.list_from(floor):
                table = self.tables[at][self.means[at] >= floor]
                table = table[price[table].sum(axis=1) < size * PLACE]
            else:
                least = self.least_sum(size, floor)
                table, every = grow_above(self.values, size, least, _N_FRESH, price, self.spend)
                complete &= every or bool(len(table))
            tables.append(table)
        return tables, complete
