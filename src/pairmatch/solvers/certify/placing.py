"""How many people any grouping can place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.group_rules import most_groups
from pairmatch.solvers.certify.small_groups import most_by_size, most_placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["N_SOME_OUT", "able_people", "bound_placed"]

N_SOME_OUT = 12
"""People up to whom everything is enumerated, when somebody is left out."""


def able_people(problem: GroupingProblem) -> NDArray[np.int64]:
    """Return the people whom numbers of partners, and sets that lost somebody, do not bar."""
    allowed = problem.allowed & problem.allowed.T & ~np.eye(problem.n, dtype=bool)
    able = np.arange(problem.n)
    while True:
        inside = allowed[np.ix_(able, able)]
        count = inside.sum(axis=1)
        stays = count >= problem.smallest - 1
        if problem.smallest >= 3 and not (count == able.size - 1).all():
            joint = inside.astype(np.float32) @ inside.astype(np.float32)
            stays &= ((joint > 0.5) & inside).any(axis=1)
        if problem.rules is not None and problem.rules.n_together.size:
            mark = problem.rules.together[able]  # a set that has lost somebody is lost
            n_left = np.bincount(mark[mark >= 0], minlength=problem.rules.n_together.size)
            stays &= (mark < 0) | (n_left == problem.rules.n_together)[mark]
        if stays.all():
            return able
        able = able[stays]


def bound_placed(problem: GroupingProblem, n_placed: int) -> int:
    """Return an upper bound on how many people any grouping can place."""
    able = able_people(problem)
    if n_placed == able.size:
        return n_placed
    if able.size <= N_SOME_OUT:
        return most_placed(problem, able)
    allowed = (problem.allowed & problem.allowed.T)[np.ix_(able, able)]
    allowed &= ~np.eye(able.size, dtype=bool)
    reach = allowed | np.eye(able.size, dtype=bool)
    while True:  # closure by squaring: which people are linked at all
        wider = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0.5
        if (wider == reach).all():
            break
        reach = wider
    parts = np.unique(reach.argmax(axis=1), return_counts=True)[1]
    limits = problem.smallest, problem.largest, most_groups(problem)
    most = min(most_by_size(able.size, *limits), sum(most_by_size(n, *limits) for n in parts))
    return max(n_placed, most)
