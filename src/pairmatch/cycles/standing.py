"""A plan in which everybody stays who can: only open places are given away.

Neither scores nor rules of the others are looked at, so that nothing has to be bound anew for
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.cycles.renewal import renew
from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.certify.openings import certify_rest
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import (
    AssignmentSolution,
    Certificate,
    Prices,
    Status,
    end_if_stopped,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.cycles.patchwork import Patchwork
    from pairmatch.plans import Matching

__all__ = ["Standing", "fill_open_places", "make_plan"]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A new plan in which everybody stays who can, and its proof.

    Parameters
    ----------
    make : callable
        Returns the plan.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Its pairs.
    column_of : ndarray of int64, shape (n_rows,)
        By row, the column of the mentor whom a mentee had and could keep; -1 for none.
    certificate : Certificate
        What the check found.
    prices : Prices or None
        Prices of the open places.
    """

    make: partial[Matching]
    pairs: NDArray[np.int64]
    column_of: NDArray[np.int64]
    certificate: Certificate
    prices: Prices | None


def fill_open_places(patch: Patchwork, changes: Changes) -> Standing | None:
    """Return the best plan in which everybody stays who can, or None where this is no short cut.

    Parameters
    ----------
    patch : Patchwork
        The running plan, and the scores after changes.
    changes : Changes
        What has changed, with its tables read.

    Notes
    -----
    Whoever stays takes a place; the rest is an assignment problem of its own, of open places and
    people who have nobody, solved and proved like every other.
    """
    capacity, still = patch.capacity, patch.running_pairs
    gain, allowed = patch.pairs(still[:, 0], still[:, 1])
    stays = allowed & (capacity[still[:, 1]] > 0)
    still, gain = still[stays], gain[stays]
    left = capacity - np.bincount(still[:, 1], minlength=len(capacity))
    if (left < 0).any():
        return None
    column_of = np.full(patch.shape[0], -1, np.int64)
    column_of[still[:, 0]] = still[:, 1]
    idle, open_columns = np.flatnonzero(column_of < 0), np.flatnonzero(left > 0)
    worth, legal = patch.evaluate(idle, open_columns)
    rest = AssignmentProblem(
        MatrixGains(np.where(legal, worth, 0).astype(np.int64), legal),
        left[open_columns],
        np.zeros(len(open_columns), np.int64),
        objective=patch.program.objective,  # type: ignore[arg-type]
    )
    found = _solve_rest(rest)
    certificate = certify_rest(rest, found, gain)
    own = np.stack([idle[found.pairs[:, 0]], open_columns[found.pairs[:, 1]]], axis=1)
    pairs = np.concatenate([still, own])
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    solution = AssignmentSolution(pairs, None, Status.FEASIBLE, "open places alone")
    make = partial(make_plan, patch, changes, solution)
    return Standing(make, pairs, column_of, certificate, found.prices)


def _solve_rest(rest: AssignmentProblem) -> AssignmentSolution:
    """Return the best plan for open places, with prices for everybody.

    One more row than there are places is enough for each column: of its best rows one has nobody,
    so a plan with a row beyond them can be made no worse, and no such row would pay more than it.
    """
    n_best = int(rest.capacity.sum()) + 1
    gain, allowed = rest.gains.block(slice(0, rest.n_rows), slice(0, rest.n_columns))
    if n_best >= rest.n_rows:
        return end_if_stopped(solve_assignment(rest))
    worth = np.where(allowed, gain, -1)
    last = np.partition(worth, -n_best, axis=0)[-n_best]
    useful = worth > last
    ties = worth == last  # of these the first rows
    ties &= np.cumsum(ties, axis=0) <= n_best - useful.sum(axis=0)
    useful = (useful | ties) & allowed
    rows = np.flatnonzero(useful.any(axis=1))
    gains = MatrixGains(np.where(useful, gain, 0)[rows], useful[rows])
    part = AssignmentProblem(gains, rest.capacity, rest.at_least, objective=rest.objective)
    found = end_if_stopped(solve_assignment(part))
    pairs = np.stack([rows[found.pairs[:, 0]], found.pairs[:, 1]], axis=1)
    return replace(found, pairs=pairs)


def make_plan(patch: Patchwork, changes: Changes, solution: AssignmentSolution) -> Matching:
    """Return the plan, with everything bound that can be asked of it."""
    ids = patch.rows.ids, patch.columns.ids
    plan = renew(patch.plan, *changes.apply(patch.plan), ids)
    # The next re-match builds on the same proof, and so on the pairs that are near its prices.
    solution = replace(solution, near=patch.near)
    return replace(plan, solution=solution, earlier=patch.find_running())
