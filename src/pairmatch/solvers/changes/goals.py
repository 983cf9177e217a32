"""The best plan with few changes by several goals, one after the other, without weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.faces import open_face
from pairmatch.solvers.certify.ordered_changes import OrderedPrices
from pairmatch.solvers.changes.answers import Rematching
from pairmatch.solvers.changes.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.certify.changes import ChangeStep
    from pairmatch.solvers.changes.attempt import Attempt
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_goals"]


def solve_goals(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int, attempt: Attempt
) -> Rematching:
    """Return the best plan by tiers, or for everybody in order, that keeps enough pairs.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, held whole, with tiers or of objective "leximin"; its quotas nest.
    column_of, n_kept, attempt
        As for :func:`~pairmatch.solvers.changes.rematching.solve_rematching`.

    Returns
    -------
    Rematching
        ``dual`` proves as many of the goals as prices can.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    RangeError
        If gains are too large for 64-bit arithmetic.
    OutOfTime, KeyboardInterrupt
        If the clock or Ctrl-C ended the search; goals that were reached stay proved.

    Notes
    -----
    Coverage, then tier by tier and the total, or level by level as in leximin. Each goal is an
    assignment problem over the plans that are best by those before it, with a price of a change
    that is searched for as in :func:`~pairmatch.solvers.changes.rematching.solve_rematching`;
    after a goal with a price, plans keep just enough pairs. Where prices leave only plans that keep
    more and plans that keep fewer, an integer program looks for one between; if there is none, it
    settles this goal and those to come, 64 at most, without proof.
    """
    plain = replace(problem, objective="coverage", tiers=None)
    face = open_face(plain, attempt.finish(plain).pairs)
    search = Search(face, column_of, n_kept, attempt.watch)

    def sum_up(total: ChangeStep | None = None) -> Rematching:
        return Rematching(search.pairs, OrderedPrices(tuple(search.steps), total), "goal by goal")

    attempt.keep(sum_up)
    if problem.objective != "total":
        search.reach(search.spread(np.ones(len(face.edges), np.int64)))
    total = None
    if problem.objective == "leximin":
        _reach_levels(search)
    else:
        _reach_tiers(search, problem.tiers)  # type: ignore[arg-type]
        was_proved = search.proved
        search.reach(search.spread(search.face.edges.gain))
        total = search.steps.pop() if was_proved else None
    return sum_up(total)


def _reach_tiers(search: Search, tiers: NDArray[np.int64]) -> None:
    """Have most of the first tier, then of the second, and so on."""
    edges = search.face.edges
    for k in np.unique(tiers[edges.row, edges.column]).tolist():
        search.tidy()
        edges = search.face.edges
        search.reach(search.spread(tiers[edges.row, edges.column] == k))


def _reach_levels(search: Search) -> None:
    """Have fewest of the lowest gain, then of the second lowest, and so on."""
    done = np.iinfo(np.int64).min
    while True:
        search.tidy()
        gain = search.face.edges.gain
        waiting = gain[search.chosen & (gain > done)]
        if not len(waiting):
            return
        level = int(waiting.min())
        search.close((gain > done) & (gain < level))
        search.spare(gain == level)
        done = level
