"""Plans that are steps of something longer: Ctrl-C ends the whole, not only one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from pairmatch.plans import Grouping, Matching

_Plan = TypeVar("_Plan", bound="Matching | Grouping")

__all__ = ["end_if_stopped"]


def end_if_stopped(plan: _Plan) -> _Plan:
    """Return a plan that more is built on.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C has cut it short. By itself the best plan so far is an answer; what comes after it
        would be planned as if nobody had asked to stop.
    """
    if plan.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return plan
