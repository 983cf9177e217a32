"""Which way a pool is solved: held whole, or in parts and streams."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups import solver
from pairmatch.solvers.groups.basis.compiling import wait_at_most
from pairmatch.solvers.groups.large.solver import solve_large
from pairmatch.solvers.groups.lowest.solver import solve_worst_group
from pairmatch.solvers.problem import MatrixGains, StreamedGrouping

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupingSolution

__all__ = ["solve_grouping"]

N_HELD = 1200
"""People of a streamed pool up to whom it is held whole after all."""

_N_WHOLE = 1800
"""People of a held pool above whom triads are found sooner along the strongest links."""


_LOADING = 0.25  # share of a time limit after which compiled loops are not waited for


def solve_grouping(
    problem: GroupingProblem | StreamedGrouping,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Callable[[int, float | None, float], None] | None = None,
) -> GroupingSolution:
    """Form groups that are as good as the search can find, with a proved bound on the best.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        The pool, the allowed sizes, the objective.
    seed : int, default: 0
        Seed of the search. The same problem and seed give the same groups.
    time_limit : float, optional
        Seconds after which the search stops; by default a number of steps ends it. Within a limit,
        the proof for triads of more than 150 and up to 330 people goes on by cases.
    progress : callable, optional
        Called with (round, gap or None, seconds).

    Raises
    ------
    OverflowError
        If the gains are so large that sums leave 64 bits.

    Notes
    -----
    Up to 15 people (12 if somebody stays out) the answer is the proved optimum, by enumeration of
    subsets. Above, see ``search`` for the descent, ``bounds`` for the prices, ``rounds`` for the
    cuts and ``branching`` for the proof of triads of up to 330 people, and ``worst_group`` for the
    lowest group.

    See Also
    --------
    pairmatch.solvers.groups.solver.solve_grouping : pools that are held whole.
    pairmatch.solvers.groups.large.solver.solve_large : pools that are not.
    """
    # with a time limit, compiled loops are not waited for beyond a share of it
    share = math.inf if time_limit is None else _LOADING * time_limit
    with wait_at_most(share):
        return _solve(problem, seed, time_limit, progress)


def _solve(
    problem: GroupingProblem | StreamedGrouping,
    seed: int,
    time_limit: float | None,
    progress: Callable[[int, float | None, float], None] | None,
) -> GroupingSolution:
    """Choose the way, and go it."""
    if problem.objective == "worst_group":
        return solve_worst_group(problem, seed=seed, time_limit=time_limit, progress=progress)
    whole = solver.solve_grouping
    if not isinstance(problem, StreamedGrouping) and _is_large(problem):
        gains = MatrixGains(problem.gain, problem.allowed)
        sizes = problem.smallest, problem.largest, problem.target
        problem = StreamedGrouping(gains, *sizes, problem.objective)
    if isinstance(problem, StreamedGrouping):
        if problem.n > N_HELD:
            return solve_large(problem, whole, seed=seed, time_limit=time_limit, progress=progress)
        problem = problem.take(np.arange(problem.n))
    return whole(problem, seed=seed, time_limit=time_limit, progress=progress)


def _is_large(problem: GroupingProblem) -> bool:
    """Return whether a held pool is one of many people who may all be in triads together."""
    if problem.rules is not None or problem.target != 3 or problem.n <= _N_WHOLE:
        return False
    return bool((problem.allowed | np.eye(problem.n, dtype=bool)).all())
