"""Which of all best plans is taken, once prices say which pairs a best plan can have.

A pair is *tight* if it is worth to its row exactly what the prices leave the row. Best plans
consist of tight pairs, fill every place that has a price and seat every row that has a profit; any
plan of that kind is best. So the plan that all solvers agree on is found in a small network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.flow import even_loads, improve_flow, settle_ties
from pairmatch.solvers.assignment.layout import draw_network
from pairmatch.solvers.assignment.network import find_cheapest_flow
from pairmatch.solvers.assignment.remainder import Edges, set_pins
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.remainder import Remainder
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["settle_plan"]

_HEIGHT, _WIDTH = 256, 2048  # pairs looked at in one go
_AT_ONCE = 64  # stripes between two looks at how many pairs have been found
_MOST_TIGHT = 2**21  # more than these are left as they are: their network would be a large one


def settle_plan(problem: AssignmentProblem, solution: AssignmentSolution) -> AssignmentSolution:
    """Return, of all best plans, the one that does not depend on how the first was found.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem without quotas.
    solution : AssignmentSolution
        A best plan with prices that prove it.

    Returns
    -------
    AssignmentSolution
        Of the best plans one that seats most rows, of these one of the most even loads (least sum
        of squares), and of these the one of :mod:`~pairmatch.solvers.assignment.ties`. With more
        than 2,097,152 tight pairs the plan is returned as it is.

    Notes
    -----
    One pass over all pairs; O(tight pairs) memory.
    """
    prices = solution.prices
    if prices is None:
        return solution
    remainder = set_pins(problem)
    found = _collect_tight(problem, remainder, prices.column, prices.bonus)
    if found is None:
        return solution
    edges, profit = found
    layout = draw_network(edges, remainder, {})
    network = layout.network
    lower, upper = network.lower.copy(), network.upper.copy()
    loads, idle = layout.load_arcs, layout.idle_arcs
    lower[loads] = np.where(prices.column > 0, upper[loads], lower[loads])
    upper[loads] = np.where(prices.column < 0, lower[loads], upper[loads])
    upper[idle] = np.where(profit > 0, 0, upper[idle])
    network = replace(network, lower=lower, upper=upper)
    flow = find_cheapest_flow(network, np.zeros(len(lower), np.int64))
    network, flow = improve_flow(network, flow, layout.spend(on_idle=1), layout)
    network, flow = even_loads(network, flow, layout, remainder.load)
    flow = settle_ties(network, flow, layout, edges)
    chosen = edges.take(flow[layout.pair_arcs] > 0)
    pairs = np.concatenate([problem.pins, np.stack([chosen.row, chosen.column], axis=1)])
    return replace(solution, pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])


def _collect_tight(
    problem: AssignmentProblem, remainder: Remainder, price: NDArray[np.int64], bonus: int
) -> tuple[Edges, NDArray[np.int64]] | None:
    """Return the tight pairs of open rows and what the prices leave each; None if too many."""
    n_rows, n_columns = problem.gains.shape
    is_open = np.zeros(n_rows, np.bool_)
    is_open[remainder.rows] = True
    usable = remainder.capacity > 0
    profit = np.zeros(n_rows, np.int64)
    stripes = [slice(top, min(top + _HEIGHT, n_rows)) for top in range(0, n_rows, _HEIGHT)]

    def look(rows: slice) -> Edges:
        """Return the tight pairs of some rows, and note the profits of the rows."""
        found = []
        best = np.zeros(rows.stop - rows.start, np.int64)
        for left in range(0, n_columns, _WIDTH):
            columns = slice(left, min(left + _WIDTH, n_columns))
            gain, allowed = problem.gains.block(rows, columns)
            value = np.where(allowed & usable[columns], gain + (bonus - price[columns]), -1)
            np.maximum(best, value.max(axis=1, initial=0), out=best)
            row, column = np.nonzero((value >= best[:, None]) & is_open[rows, None])
            found.append((row, column + left, gain[row, column], value[row, column]))
        row, column, gain, value = (np.concatenate(part) for part in zip(*found, strict=True))
        tight = value == best[row]
        profit[rows] = best
        order = np.lexsort((column[tight], row[tight]))
        return Edges(row[tight] + rows.start, column[tight], gain[tight]).take(order)

    parts: list[Edges] = []
    n_tight = 0
    for first in range(0, len(stripes), _AT_ONCE):
        parts += map_blocks(look, stripes[first : first + _AT_ONCE])
        n_tight = sum(len(part) for part in parts)
        if n_tight > _MOST_TIGHT:
            return None
    none = np.empty(0, np.int64)
    whole = Edges(
        np.concatenate([none, *(part.row for part in parts)]),
        np.concatenate([none, *(part.column for part in parts)]),
        np.concatenate([none, *(part.gain for part in parts)]),
    )
    return whole, profit[remainder.rows]
