"""The best plan with few changes where rows should have several columns."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import check_network_loads, start_flow
from pairmatch.solvers.assignment.held.demand import (
    check_demand,
    join_proofs,
    read_bonus,
    split_idle,
)
from pairmatch.solvers.assignment.held.faces import Face
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins
from pairmatch.solvers.certify.changes import ChangeStep
from pairmatch.solvers.certify.demand_changes import DemandPrices
from pairmatch.solvers.changes.answers import Rematching
from pairmatch.solvers.changes.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.changes.attempt import Attempt
    from pairmatch.solvers.changes.search import Point
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["solve_demand_goals"]


def solve_demand_goals(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return the best plan that keeps enough pairs, of rows that should have several columns.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, held whole, of objective "coverage" or "total"; its quotas nest.
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Columns of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these pairs must stay.
    attempt : Attempt
        The clock, and where the best plan so far is kept.

    Returns
    -------
    Rematching
        ``dual`` proves as many of the goals as prices can.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    CapabilityError
        If the problem has tiers, budgets or quotas that cross.
    LoadConflict
        If the minimum loads cannot all be met.
    RangeError
        If gains are too large for 64-bit arithmetic.
    OutOfTime, KeyboardInterrupt
        If the clock or Ctrl-C ended the search; goals that were reached stay proved.

    Notes
    -----
    Under "coverage" most rows with a pair, then most pairs, then the total; under "total" the total
    first. Goal by goal as in :func:`~pairmatch.solvers.changes.goals.solve_goals`, in the network
    of :func:`~pairmatch.solvers.assignment.held.demand.solve_demand`; the prices of each goal are
    joined with those before it, so that each proof stands by itself.
    """
    remainder = set_pins(problem)
    check_demand(problem, remainder)
    # Pairs of negative gain are left out nowhere: with a price on changes they may be worth it.
    edges = collect_edges(replace(problem, objective="coverage"), remainder)
    layout = draw_network(edges, remainder, dict(enumerate(problem.quotas)))
    check_network_loads(problem, remainder, edges, layout)
    fresh = np.flatnonzero(~remainder.served)
    start = start_flow(layout, remainder.at_least)
    network, flow = split_idle(layout, start, fresh)
    layout = replace(layout, network=network)
    face = Face(problem, remainder, edges, layout, network, flow)
    search = Search(face, column_of, n_kept, attempt.watch)
    nobody = np.zeros(len(flow), np.int64)
    nobody[len(flow) - len(fresh) :] = -1
    number = search.spread(np.ones(len(edges), np.int64))
    total = search.spread(edges.gain)
    covers = problem.objective == "coverage"
    points: list[Point] = []
    read = partial(read_bonus, problem, layout, remainder)

    def sum_up() -> Rematching:
        known = points if covers else points[:1]
        steps = tuple(_join(known[: k + 1], read, covers=covers) for k in range(len(known)))
        return Rematching(search.pairs, DemandPrices(steps), "goal by goal, several columns a row")

    attempt.keep(sum_up)
    for goal in (nobody, number, total) if covers else (total, nobody, number):
        was_proved = search.proved
        search.reach(goal)
        if was_proved and search.last is not None:
            points.append(search.last)
    return sum_up()


def _join(points: list[Point], read: partial[Prices], *, covers: bool) -> ChangeStep:
    """Return what proves the last of some goals, those before it counting for more.

    The price of a change may be below 0 after a goal that had one: all plans that reach that goal
    keep just enough pairs, and with a larger factor for it the joint price is above 0 again.
    """
    last = points[-1]
    proof, keep = (last.cost, last.potential), last.keep
    weights = [last.scale]
    for point in points[-2::-1]:
        least = -(keep // point.keep) if keep < 0 < point.keep else 0
        factor, proof = join_proofs(point.whole, (point.cost, point.potential), proof, least)
        keep += factor * point.keep
        weights.append(factor * point.scale)
    weights.reverse()
    if not covers:
        return ChangeStep(read(proof[1], 0, 0), keep, weights[0])
    first, bonus, scale = [*weights, 0, 0][:3]
    return ChangeStep(read(proof[1], bonus, first), keep, scale)
