"""Minimum loads within quotas, met before anything is priced: flows over few pairs."""

from __future__ import annotations

import math
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.layout import draw_network, reward_loads
from pairmatch.solvers.assignment.held.network import find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import Edges, set_pins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["seat_within_quotas"]

_DRAWN, _KEPT = 32, 6  # rows that a column looks at for each that it asks for, and takes as pairs
_TURNS = 3  # in which columns draw rows
_AT_ONCE = 64  # columns that look at all rows at once
_NEVER = np.iinfo(np.int64).min


def seat_within_quotas(
    problem: AssignmentProblem, known: NDArray[np.int64], deadline: float = math.inf
) -> NDArray[np.int64] | None:
    """Return pairs that meet all minimum loads and break no quota, and no others.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem whose quotas nest.
    known : ndarray of int64, shape (n_known, 2)
        Allowed pairs to begin with, at best those of a plan that breaks quotas only.
    deadline : float, optional
        When, by :func:`time.monotonic`, to give up.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2), or None
        Pairs that are not pinned; None where there are none, or none were found in time.

    Notes
    -----
    A flow over candidates meets as much of the loads as it can. Columns that lack rows then, and
    those that have rows which these could have, draw some rows and take those that gain most as
    further candidates; later they look at all rows. Drawn by a fixed seed, so that only the clock
    can change the answer.
    """
    left = set_pins(problem)
    asked = left.at_least
    if not asked.any():
        return np.empty((0, 2), np.int64)
    if not len(left.rows):
        return None
    rng = np.random.default_rng(0)
    code = np.unique(known[:, 0] * problem.n_columns + known[:, 1])
    code = code[~np.isin(code, _code_pins(problem))]
    columns = np.empty(0, np.int64)
    seen = np.zeros(problem.n_columns, np.bool_)  # all of whose pairs are candidates
    turn = 0
    while monotonic() < deadline:
        if turn < _TURNS:
            new = _draw(problem, left, columns, rng)
        else:
            new = _take_all(problem, left, columns[~seen[columns]], deadline)
            seen[columns] = True
        code = np.union1d(code, new)
        edges = Edges(*np.divmod(code, problem.n_columns), np.zeros(len(code), np.int64))
        chosen, short = _seat(problem, left, edges)
        if not len(short):
            return np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
        # Whoever has a row that a column lacks may pass one on.
        rows = edges.row[np.isin(edges.column, short)]
        rivals = edges.column[chosen][np.isin(edges.row[chosen], rows)]
        columns = np.union1d(short, rivals)
        turn += 1
        if turn > _TURNS and seen[columns].all():
            if seen[asked > 0].all():
                return None
            columns = np.flatnonzero((asked > 0) & ~seen)
    return None


def _draw(
    problem: AssignmentProblem,
    left: Remainder,
    columns: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return codes of allowed pairs of columns with rows drawn at random, the best of each."""
    asked = left.at_least[columns]
    n_drawn = _DRAWN * np.maximum(asked, 1)
    column = np.repeat(columns, n_drawn)
    row = left.rows[rng.integers(0, len(left.rows), len(column))]
    gain, allowed = problem.gains.pairs(row, column)
    allowed &= ~np.isin(row * problem.n_columns + column, _code_pins(problem))
    order = np.lexsort((row, -np.where(allowed, gain, _NEVER), column))
    rank = np.arange(len(column)) - np.repeat(np.cumsum(n_drawn) - n_drawn, n_drawn)
    kept = order[(rank < np.repeat(_KEPT * np.maximum(asked, 1), n_drawn)) & allowed[order]]
    return np.unique(row[kept] * problem.n_columns + column[kept])


def _take_all(
    problem: AssignmentProblem, left: Remainder, columns: NDArray[np.int64], deadline: float
) -> NDArray[np.int64]:
    """Return codes of all allowed pairs of some columns."""
    parts = [np.empty(0, np.int64)]
    for start in range(0, len(columns), _AT_ONCE):
        if monotonic() > deadline:
            break
        some = columns[start : start + _AT_ONCE]
        row = np.repeat(left.rows, len(some))
        column = np.tile(some, len(left.rows))
        _, allowed = problem.gains.pairs(row, column)
        parts.append((row * problem.n_columns + column)[allowed])
    found = np.concatenate(parts)
    return found[~np.isin(found, _code_pins(problem))]


def _code_pins(problem: AssignmentProblem) -> NDArray[np.int64]:
    """Return the codes of the pinned pairs."""
    return problem.pins[:, 0] * problem.n_columns + problem.pins[:, 1]


def _seat(
    problem: AssignmentProblem, left: Remainder, edges: Edges
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return candidates that meet as much of the loads as can be, and columns that lack rows."""
    layout = draw_network(edges, left, dict(enumerate(problem.quotas)))
    nothing = np.zeros(len(layout.network.tail), np.int64)
    network, cost = reward_loads(layout, nothing, left.at_least)
    flow = find_cheapest_flow(network, cost)
    short = np.flatnonzero(flow[layout.load_arcs] < left.at_least)
    return np.flatnonzero(flow[layout.pair_arcs] > 0), short
