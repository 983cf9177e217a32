"""Minimum loads that cannot all be met: which, who could have helped, and what could be reached."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.largest_flow import find_largest_flow, find_rivals
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins
from pairmatch.solvers.assignment.held.thinning import thin_by_paths
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.layout import Layout
    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

    Fill = Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]

__all__ = [
    "LoadConflict",
    "check_minimum_loads",
    "check_network_loads",
    "fill_loads",
    "refine_conflict",
    "start_flow",
]


_TRIALS = 300  # sets of columns that are tried for a smaller conflict
_MOST_TRIED = 2**25  # pairs that all trials together look at
_MOST_REFINED = 2**20  # pairs of a conflict that are all looked at


class LoadConflict(Exception):  # noqa: N818 - a finding about the input, not a fault of the solver
    """Minimum loads that no plan can meet.

    Parameters
    ----------
    columns : ndarray of int64
        Columns whose minimum loads cannot all be met together, while those of any part can.
    rows : ndarray of int64
        Rows that one of these columns could get: open ones, and those pinned to it.
    reachable : ndarray of int64, shape (n_columns,)
        ``at_least``, lowered by the least total amount that makes it possible to meet.
    is_smallest : bool, default: False
        Whether no set of fewer columns conflicts.
    is_thin : bool, default: True
        Whether no part of this set conflicts; otherwise there was no time to find out.
    prices : Prices, optional
        Prices of places and of places within quotas that prove it, every pair worth nothing:
        places of columns in conflict have a price of -1.
    """

    def __init__(
        self,
        columns: NDArray[np.int64],
        rows: NDArray[np.int64],
        reachable: NDArray[np.int64],
        is_smallest: bool = False,
        is_thin: bool = True,
        prices: Prices | None = None,
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.reachable = reachable
        self.is_smallest = is_smallest
        self.is_thin = is_thin
        self.prices = prices
        super().__init__(columns, rows, reachable, is_smallest, is_thin, prices)

    def __str__(self) -> str:
        return (
            f"the minimum loads of columns {self.columns.tolist()} cannot all be met by the "
            f"{len(self.rows)} rows that they could get"
        )


def check_minimum_loads(
    problem: AssignmentProblem,
    remainder: Remainder,
    edges: Edges,
    fill: Fill,
    *,
    layout: Layout | None = None,
) -> None:
    """Raise :class:`LoadConflict` if no plan meets every minimum load.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    remainder : Remainder
        What its pins leave.
    edges : Edges
        The pairs that may be formed; all of those of columns with a minimum load left to meet.
    fill : callable
        Given how many rows each column asks for, returns how many each gets where together they
        get most, and a set of columns that cannot all get what they ask for if some do not.
    layout : Layout, optional
        The network, where one flow in it is what fills: then each column of that set could pass on
        a row to one that gets less, directly or through others.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.

    Notes
    -----
    As few as possible of the first of these columns are taken that are in conflict. Where they lack
    one row, and each could pass one on, every one of them is needed; otherwise they are left out
    one by one until that is so: in a network by paths that lead from a column to the one that
    lacks rows, O(pairs) each. Then sets of fewer columns are tried as long as there are few of
    them; to find a smallest one is hard in general.
    """
    asked = remainder.at_least
    if not asked.any():
        return
    met, suspects = fill(asked)
    if (met == asked).all():
        return
    suspects = _thin_out(asked, suspects, fill, layout)
    suspects, is_smallest = _find_smaller(asked, suspects, fill, len(edges))
    pinned = problem.pins[np.isin(problem.pins[:, 1], suspects), 0]
    raise LoadConflict(
        columns=suspects,
        rows=np.union1d(edges.row[np.isin(edges.column, suspects)], pinned),
        reachable=problem.at_least - (asked - met),
        is_smallest=is_smallest,
    )


def check_network_loads(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges, layout: Layout
) -> None:
    """Raise :class:`LoadConflict` if no flow in a network meets every minimum load.

    Parameters
    ----------
    problem, remainder, edges
        As for :func:`check_minimum_loads`.
    layout : Layout
        The network of these pairs.
    """
    check_minimum_loads(problem, remainder, edges, partial(fill_loads, layout), layout=layout)


def _thin_out(
    asked: NDArray[np.int64],
    suspects: NDArray[np.int64],
    fill: Fill,
    layout: Layout | None,
) -> NDArray[np.int64]:
    """Return those of some columns in conflict that are all needed for one."""

    def try_some(some: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
        trial = np.zeros_like(asked)
        trial[some] = asked[some]
        met, rivals = fill(trial)
        return int((trial - met).sum()), rivals

    low, high = 0, len(suspects)  # so many of the first columns can be met, so many cannot
    while high - low > 1:
        middle = (low + high) // 2
        if try_some(suspects[:middle])[0]:
            high = middle
        else:
            low = middle
    lacks, rivals = try_some(suspects[:high])
    if layout is not None:
        last = int(suspects[high - 1])
        return rivals if lacks == 1 else thin_by_paths(layout, asked, rivals, last)
    waiting = rivals.tolist()
    while waiting:
        column = waiting.pop(0)
        found, fewer = try_some(rivals[rivals != column])
        if found:
            lacks, rivals = found, fewer
            waiting = [other for other in waiting if other in set(fewer.tolist())]
    return rivals


def _find_smaller(
    asked: NDArray[np.int64], known: NDArray[np.int64], fill: Fill, n_edges: int
) -> tuple[NDArray[np.int64], bool]:
    """Return a set of fewer columns that conflicts, or the known one, and whether none has less."""
    needy = np.flatnonzero(asked)
    left = min(_TRIALS, _MOST_TRIED // max(1, n_edges))
    for size in range(1, len(known)):
        left -= comb(len(needy), size)
        if left < 0:
            return known, False
        for some in combinations(needy.tolist(), size):
            trial = np.zeros_like(asked)
            trial[list(some)] = asked[list(some)]
            if (fill(trial)[0] < trial).any():
                return np.array(some), True
    return known, True


def refine_conflict(problem: AssignmentProblem, conflict: LoadConflict) -> LoadConflict:
    """Return the conflict with only columns that are needed for it, where that is little work.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem whose quotas nest.
    conflict : LoadConflict
        Columns that cannot all get their minimum loads, maybe too many of them.
    """
    columns, n_rows = conflict.columns, problem.n_rows
    if conflict.is_smallest or len(columns) * n_rows > _MOST_REFINED:
        return conflict
    row, column = np.divmod(np.arange(n_rows * len(columns)), max(1, len(columns)))
    gain, allowed = problem.gains.pairs(row, columns[column])
    shape = n_rows, len(columns)
    elsewhere = ~np.isin(problem.pins[:, 1], columns)
    allowed = allowed.reshape(shape).copy()
    demand = problem.demand - np.bincount(problem.pins[elsewhere, 0], minlength=n_rows)
    allowed[demand == 0] = False
    pins = problem.pins[~elsewhere].copy()
    pins[:, 1] = np.searchsorted(columns, pins[:, 1])
    part = replace(
        problem,
        gains=MatrixGains(gain.reshape(shape), allowed),
        capacity=problem.capacity[columns],
        at_least=problem.at_least[columns],
        pins=pins,
        objective="coverage",
        demand=np.maximum(demand, 1),
    )
    remainder = set_pins(part)
    edges = collect_edges(part, remainder)
    layout = draw_network(edges, remainder, dict(enumerate(part.quotas)))
    try:
        check_network_loads(part, remainder, edges, layout)
    except LoadConflict as found:
        return LoadConflict(
            columns[found.columns],
            found.rows,
            conflict.reachable,
            found.is_smallest and len(columns) == np.count_nonzero(problem.at_least),
        )
    return conflict


def fill_loads(
    layout: Layout, asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the columns of a network as many as possible of the rows that they ask for.

    Parameters
    ----------
    layout : Layout
        The network.
    asked : ndarray of int64, shape (n_columns,)
        Rows that each column asks for.

    Returns
    -------
    met : ndarray of int64, shape (n_columns,)
        Rows that each column gets.
    short : ndarray of int64
        Columns that cannot all get what they ask for: those that compete, directly or through
        others, with a column that gets less. Empty if all do.

    Notes
    -----
    One maximum flow, and the side of its smallest cut where the shortage is.
    """
    flow = find_largest_flow(layout, asked)
    met = flow[layout.load_arcs]
    return met, find_rivals(layout, flow, asked, np.flatnonzero(met < asked))


def start_flow(layout: Layout, at_least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a flow that meets minimum loads that can be met, and seats nobody else.

    Parameters
    ----------
    layout : Layout
        The network.
    at_least : ndarray of int64, shape (n_columns,)
        Rows that each column must get.
    """
    network = layout.network
    flow = np.zeros(len(network.tail), np.int64)
    if at_least.any():
        flow = find_largest_flow(layout, at_least)
    seated = np.bincount(network.tail[layout.pair_arcs], flow[layout.pair_arcs], layout.n_rows)
    flow[layout.idle_arcs] = network.supply[: layout.n_rows] - seated.astype(np.int64)
    return flow
