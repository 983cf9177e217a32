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
from pairmatch.solvers.assignment.held.remainder import collect_edges, set_pins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["PlaceValues", "place_values"]

_MOST_HELD = 2**24  # pairs, of about 170 bytes each in the network and its residual graph


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
    Bellman-Ford; no problem is solved again. Where known prices prove the plan best, only pairs
    that fall short of them by no more than the highest price are looked at: the smallest prices
    are lower by at most that, and leave each row at least as much as before, so that no other
    pair can limit them. O(blocks) memory besides these pairs.

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
    face = open_face(problem, solution.pairs, _list_useful(problem, solution))
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


def _list_useful(problem: AssignmentProblem, solution: AssignmentSolution) -> Edges:
    """Return the pairs that may limit the smallest prices; all allowed ones where that is unknown.

    Raises CapabilityError where they are too many to be held.
    """
    left, n_held = set_pins(problem), 0

    def hold(_: slice, __: NDArray[np.int64], use: NDArray[np.bool_]) -> NDArray[np.bool_]:
        nonlocal n_held
        n_held += int(np.count_nonzero(use))
        if n_held > _MOST_HELD:
            raise CapabilityError(
                f"the values of places rest on more than {_MOST_HELD:,} pairs here, too many to be "
                "held; ask about single mentors: what_if(plan, places={id: 1})"
            )
        return use

    known = _keep(problem, left, solution)
    if known is None:
        return collect_edges(problem, left, hold)
    kept, price = known
    is_open = left.capacity > 0
    top = int(price[is_open].max(initial=0))
    proved = True

    def narrow(rows: slice, gain: NDArray[np.int64], use: NDArray[np.bool_]) -> NDArray[np.bool_]:
        nonlocal proved
        short = kept[rows, None] + price - gain
        proved &= not ((short < 0) & use & is_open).any()
        return hold(rows, gain, use & ((short <= top) | ~is_open))

    edges = collect_edges(problem, left, narrow)
    if proved:
        return edges
    n_held = 0
    return collect_edges(problem, left, hold)


def _keep(
    problem: AssignmentProblem, left: Remainder, solution: AssignmentSolution
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return what each row keeps of its gain at the prices of a plan, and these prices.

    None where prices of places alone do not say what a plan is worth: beside minimum loads and
    quotas, or where rows that are left out count before any gain.
    """
    prices = solution.prices
    if prices is None or prices.scale != 1 or problem.quotas or left.at_least.any():
        return None
    pairs = solution.pairs[np.isin(solution.pairs[:, 0], left.rows)]
    price = prices.column
    if (problem.objective == "coverage" and len(pairs) < len(left.rows)) or (price < 0).any():
        return None
    kept = np.zeros(problem.n_rows, np.int64)
    gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    kept[pairs[:, 0]] = gain - price[pairs[:, 1]]
    if problem.objective == "total" and (kept < 0).any():
        return None
    return kept, price


def _value(face: Face) -> NDArray[np.int64]:
    """Return the smallest price of a place with each column, in gains."""
    cost = face.layout.spend(on_pairs=-face.edges.gain)
    potential = find_potentials(face.network, cost, face.flow, face.layout.sink)
    price: NDArray[np.int64] = -potential[face.layout.n_rows : face.layout.sink]
    return price
