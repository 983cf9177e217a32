"""The best plan near a running one: a search for the price of a change.

For each price the best plan is found among what lies around the changes; see
:mod:`.surroundings`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.changes.answers import HullPoint, Rematching, TooManyChangesError
from pairmatch.solvers.changes.differences import take_part
from pairmatch.solvers.changes.surroundings import LARGEST, Answer, Surroundings
from pairmatch.solvers.processors import hold_blas
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pairmatch.solvers.changes.surroundings import Ground, Look
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_nearby"]

_FEW_MOVES = 16  # between two plans, from where their own slope says how to go on
_MOST_BETWEEN = 8  # so many prices are drawn from a line, which need not come to an end
_STEPS = 0.5, 0.8  # what a price of a change is lowered to at least, and at most


def solve_nearby(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    ground: Ground,
    look: Look,
) -> Rematching | None:
    """Return a plan that keeps at least ``n_kept`` pairs, and prices that bound every such plan.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, without pins, minimum loads, quotas and budgets.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these must stay.
    ground : Ground
        What the running plan's proof says of all that is unchanged.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.

    Returns
    -------
    Rematching or None
        Proved best at the corners of the concave hull of the trade-off between pairs kept and
        value; between two corners as many moves of the next corner as fit, with the hull as bound.
        Where changes reach more than 16,777,216 pairs, the best plan so far and the bound so far;
        None if there is no plan by then.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.

    Notes
    -----
    The dual method of successive shortest paths from prices that are optimal but for the changes
    (N. Tomizawa, Networks 1 (1971), 173-194, https://doi.org/10.1002/net.3230010206), inside a
    search for the price of a change. O(rows and columns that changes reach x people) time.
    """
    with hold_blas():
        near = Surroundings(problem, column_of, ground, look)
        many = near.solve((problem.n_rows + 1) * (2 * ground.bonus + 2 * LARGEST) + 1, 1)
        if many is None:
            return None
        if many.point.kept < n_kept:
            raise TooManyChangesError(many.point.kept)
        last, few = many, None
        if many.point.kept > n_kept:
            many, few, last = _approach(near, many, n_kept)
        while few is not None and many.point.kept > n_kept:
            middle = _halve(near, many.point, few.point)
            if middle is None:
                break
            last = middle
            rise, run = few.point.value - many.point.value, many.point.kept - few.point.kept
            level = run * many.point.value + rise * many.point.kept
            if run * middle.point.value + rise * middle.point.kept == level:
                point = take_part(many.point, few.point, column_of, n_kept, near.candidates)
                if middle.point.kept >= n_kept and middle.point.value > point.value:
                    point = middle.point
                many = Answer(point, many.price, many.keep, many.scale)
                break
            if middle.point.kept >= n_kept:
                many = middle
            else:
                few = middle
    dual = ChangePrices(Prices(column=last.price), last.keep, ground.bonus, last.scale)
    return Rematching(many.point.pairs, dual, "prices of changes, near the running plan")


def _approach(
    near: Surroundings, many: Answer, n_kept: int
) -> tuple[Answer, Answer | None, Answer]:
    """Lower the price of a change from where nobody moves until about enough people do.

    Returns the last plan that keeps enough pairs, one that keeps too few (or None), and the plan
    whose prices bound the limit best. The price is first guessed, then drawn from the line
    through the two nearest on either side.
    """
    most, last, few = many.point.kept, many, None
    keep = near.guess(most - n_kept) * 3 // 4 if n_kept else 0
    highest, weight, n_between = near.guess(1), [1.0, 1.0], 0
    while True:
        answer = near.solve(keep, 1) if keep else near.solve(1, near.problem.n_rows + 1)
        if answer is None:
            return many, few, last
        last, side = answer, int(answer.point.kept < n_kept)
        if side:
            few = answer
        else:
            many, highest = answer, keep
            if answer.point.kept == n_kept or not keep:
                return many, None, last
        if few is None:
            share = (most - many.point.kept + 1) / (most - n_kept + 1)
            keep = int(keep * max(_STEPS[0], min(_STEPS[1], math.sqrt(share))))
            continue
        n_between += 1
        if many.point.kept - few.point.kept <= _FEW_MOVES or n_between > _MOST_BETWEEN:
            return many, few, last
        weight[1 - side] /= 2  # whichever end has stayed counts less (the Illinois method)
        weight[side] = 1.0
        ends = many.point.kept - n_kept - 0.5, n_kept - few.point.kept - 0.5
        down, up = (max(0.5, end) * own for end, own in zip(ends, weight, strict=True))
        below = few.keep if few.scale == 1 else 0
        keep = highest - max(1, int((highest - below) * down / (down + up)))
        if keep <= below:
            return many, few, last


def _halve(near: Surroundings, many: HullPoint, few: HullPoint) -> Answer | None:
    """Return the best plan for the price at which two plans are worth the same; None if too far.

    A price in whole units is tried first, from which other searches may go on.
    """
    rise, run = few.value - many.value, many.kept - few.kept
    rough = near.solve(rise // run, 1)
    if rough is None or rise % run == 0:
        return rough
    above = run * rough.point.value + rise * rough.point.kept > run * many.value + rise * many.kept
    return rough if above else near.solve(rise, run)
