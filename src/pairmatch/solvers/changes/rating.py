"""What is compared of two plans, first things first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["count_tiers", "rate_plan", "unpinned_gains"]


def rate_plan(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> tuple[int, ...]:
    """Return numbers of a plan, of which larger ones are better, the first before the others.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem of any objective; tiers are held.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A plan.

    Examples
    --------
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> gains = MatrixGains(np.array([[9, 4], [5, 1]]), np.ones((2, 2), bool))
    >>> problem = AssignmentProblem(gains, np.array([1, 1]), np.array([0, 0]))
    >>> rate_plan(problem, np.array([[0, 1], [1, 0]]))
    (2, 9)
    """
    total = int(problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
    covers = problem.objective != "total"
    if (problem.demand > 1).any():
        served = len(np.unique(pairs[:, 0])), len(pairs)
        return (*served, total) if covers else (total, *served)
    own = np.sort(unpinned_gains(problem, pairs)).tolist()
    first = {"worst_off": own[:1], "leximin": own}.get(problem.objective, [])
    return (len(pairs) if covers else 0, *first, *count_tiers(problem, pairs), total)


def unpinned_gains(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> NDArray[np.integer]:
    """Return the gains of pairs that are not pinned."""
    wide = [problem.n_columns, 1]
    own = pairs[~np.isin(pairs @ wide, problem.pins @ wide)]
    return problem.gains.pairs(own[:, 0], own[:, 1])[0]


def count_tiers(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[int]:
    """Return how many pairs are of each tier, none where there are no tiers."""
    if not isinstance(problem.tiers, np.ndarray):
        return []
    n_tiers = int(problem.tiers.max(initial=0)) + 1
    own = problem.tiers[pairs[:, 0], pairs[:, 1]]
    counts: list[int] = np.bincount(own, minlength=n_tiers).tolist()
    return counts
