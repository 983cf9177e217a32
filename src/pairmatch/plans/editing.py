"""Other pairs in the place of those of a plan: edited by hand, or read from its folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pairmatch.errors import CertificateError
from pairmatch.plans.timetable import place_meetings
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan

__all__ = ["put_pairs"]

_Plan = TypeVar("_Plan", bound="PairPlan")


def put_pairs(plan: _Plan, pairs: NDArray[np.int64], begins: NDArray[np.int64]) -> _Plan:
    """Return a plan of other pairs, which nobody has checked.

    Parameters
    ----------
    plan : PairPlan
        Tables, rules and the problem.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Row of the mentee and column of the mentor, sorted.
    begins : ndarray of int64, shape (n_pairs, per_week)
        At which minutes of the week their meetings begin, -1 for any; ``per_week`` is 0 without
        ``Meetings``. Where they do not all fit, as many as possible do.
    """
    solution = replace(
        plan.solution,
        pairs=pairs,
        slots=place_meetings(plan.problem, pairs, begins),
        status=Status.FEASIBLE,
        solver="edited by hand",
    )
    try:
        certificate = certify_plan(plan.problem, solution)
    except CertificateError:
        certificate = None  # verify() says what is wrong, when asked
    return replace(plan, solution=solution, certificate=certificate)
