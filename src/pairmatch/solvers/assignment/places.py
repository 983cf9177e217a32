"""What one more place with each column would be worth: shadow prices, read from the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment.fairness.choice import is_fair
from pairmatch.solvers.assignment.held.demand import has_demand
from pairmatch.solvers.assignment.held.faces import narrow_to_coverage, open_face
from pairmatch.solvers.assignment.held.layout import find_laminar
from pairmatch.solvers.assignment.held.network import find_potentials
from pairmatch.solvers.assignment.held.remainder import set_pins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["PlaceValues", "place_values"]


@dataclass(frozen=True, slots=True, eq=False)
class PlaceValues:
    """What the best plan gains from one more place with one column, exactly.

    Parameters
    ----------
    matched : ndarray of int64, shape (n_columns,), or None
        How many more rows could be matched, 0 or 1; None under "total", which does not ask.
    total : ndarray of int64, shape (n_columns,)
        How the sum of gains would change; below 0 only where one more row could be matched.
    """

    matched: NDArray[np.int64] | None
    total: NDArray[np.int64]


def place_values(problem: AssignmentProblem, solution: AssignmentSolution) -> PlaceValues:
    """Return what one more place with each column would be worth, the other columns unchanged.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" or "total" whose quotas nest. Quotas stay as they are.
    solution : AssignmentSolution
        A best plan of it.

    Returns
    -------
    PlaceValues
        The differences between the best plan with ``capacity[j] + 1`` and this one, for every j.

    Raises
    ------
    CapabilityError
        If the problem has a fair objective, tiers, or quotas that cross.
    CertificateError
        If the plan is not a best one.

    Notes
    -----
    The smallest optimal price of a place, or shadow price, is what one more unit of capacity is
    worth: the length of a shortest path of the residual graph from the sink to the column. Under
    "coverage" paths are compared by the rows that they match and then by their gains. Two runs of
    Bellman-Ford; no problem is solved again.

    Examples
    --------
    >>> from pairmatch.solvers.assignment import solve_assignment
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> gain = np.array([[7, 5], [6, 1]])
    >>> problem = AssignmentProblem(
    ...     gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
    ...     capacity=np.array([1, 1]),
    ...     at_least=np.array([0, 0]),
    ... )
    >>> place_values(problem, solve_assignment(problem)).total.tolist()
    [2, 0]
    """
    if has_demand(problem):
        raise CapabilityError(
            "the value of one more place is not known where mentees should have several mentors; "
            "solve again with the larger capacity"
        )
    if is_fair(problem):
        raise CapabilityError(
            "the value of one more place is known for objective 'coverage' and 'total' without "
            "tiers; solve again with one of these, or with the larger capacity"
        )
    if len(find_laminar(problem.quotas, set_pins(problem).rows)) < len(problem.quotas):
        raise CapabilityError(
            "quotas whose classes cross have no prices of places; "
            "drop one of them, or solve again with the larger capacity"
        )
    face = open_face(problem, solution.pairs)
    try:
        if problem.objective == "total":
            return PlaceValues(None, np.maximum(_value(face), 0))
        face, step = narrow_to_coverage(face)
        more, change = step.column, _value(face)
    except ArithmeticError:
        raise CertificateError(
            "the plan is not a best one, so its prices say nothing about places; solve it again"
        ) from None
    total = np.where(more > 0, change, np.where(more == 0, np.maximum(change, 0), 0))
    return PlaceValues(np.maximum(more, 0), total)


def _value(face: Face) -> NDArray[np.int64]:
    """Return the smallest price of a place with each column, in gains."""
    cost = face.layout.spend(on_pairs=-face.edges.gain)
    potential = find_potentials(face.network, cost, face.flow, face.layout.sink)
    price: NDArray[np.int64] = -potential[face.layout.n_rows : face.layout.sink]
    return price
