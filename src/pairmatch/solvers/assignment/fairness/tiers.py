"""Ordered tiers of pairs: as many of the first tier as possible, then of the second, ..."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.faces import (
    climb,
    narrow_to_coverage,
    open_face,
    pick_pairs,
)
from pairmatch.solvers.solution import AssignmentSolution, Status

if TYPE_CHECKING:
    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_by_tiers"]


def solve_by_tiers(
    problem: AssignmentProblem,
    start: AssignmentSolution,
    watch: Watch | None = None,
    face: Face | None = None,
) -> AssignmentSolution:
    """Return the best plan by tiers and then by total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with tiers, whose quotas nest. Under "coverage", as many rows as possible are
        matched first. Under "total" the tiers come first: a pair counts for its tier whatever its
        gain, and the total decides between plans with as many pairs of every tier.
    start : AssignmentSolution
        A plan; under "coverage" one that matches as many rows as possible.
    watch : Watch, optional
        The clock.
    face : Face, optional
        All plans and one of most rows, if they are known; default: those of pairs alone.

    Returns
    -------
    AssignmentSolution
        Most pairs of tier 0, then of tier 1 and so on, then the largest total, the most even
        loads, the common rule for ties. ``steps``: prices of coverage (not under "total"), then
        of each tier that a pair of an open row has, ascending; ``prices``: those of the total.

    Notes
    -----
    One minimum-cost flow for each tier on the optimal face of the one before: exact for any number
    of tiers, as no weight has to outweigh another.
    """
    # Pairs of negative gain count for their tier, so none may be left out.
    if face is None:
        face = open_face(replace(problem, objective="coverage"), start.pairs)
    steps = []
    if problem.objective != "total":
        face, step = narrow_to_coverage(face)
        steps.append(step)
    assert isinstance(problem.tiers, np.ndarray)  # noqa: S101
    tier = problem.tiers[face.edges.row, face.edges.column]
    for k in np.unique(tier).tolist():
        face, step = climb(face, (tier == k).astype(np.int64), watch)
        steps.append(step)
    face, prices = climb(face, face.edges.gain, watch)
    return AssignmentSolution(
        pairs=pick_pairs(face, watch),
        prices=prices,
        status=Status.OPTIMAL,
        solver="min-cost flow by tiers",
        steps=tuple(steps),
    )
