"""What a solve will take, before it is begun: rough, and rather too much than too little."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.choice import choose_method
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from pairmatch.solvers.assignment.choice import Method
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["Estimate", "estimate_effort", "refuse_oversize"]

# Orders of magnitude on two cores; whoever needs more should time a pool of a tenth of the size.
_BYTES = {"dense": 60.0, "flow": 250.0, "integer": 1000.0, "pricing": 0.0}  # a pair that is held
_SECONDS = {"dense": 4e-7, "flow": 4e-6, "integer": 2e-4, "pricing": 2e-7}  # a pair that is seen
_LIBRARIES = 190e6  # bytes of Python, numpy, pandas, numba and what it compiled
_CLASS = 80  # bytes of what a place within a quota costs, in all copies
_SHORTLIST = 40 * 80  # bytes of the candidates of one person
_SAMPLE = 20_000  # pairs that are looked at where nobody counts them before the clock runs


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a solve will take.

    Parameters
    ----------
    method : str
        The method that would take the problem.
    n_pairs : int
        Pairs that it looks at.
    megabytes : float
        Memory at its peak, libraries included.
    seconds : float
        Time on two cores.

    Examples
    --------
    >>> print(Estimate("flow", 8400, 152.1, 0.03))
    about 152 MB and less than a second with method "flow" (8,400 pairs)
    """

    method: str
    n_pairs: int
    megabytes: float
    seconds: float

    def __str__(self) -> str:
        time = "less than a second" if self.seconds < 1 else f"{self.seconds:,.0f} s"
        if self.seconds > 600:
            time = f"{self.seconds / 60:,.0f} minutes"
        return (
            f"about {self.megabytes:,.0f} MB and {time} with method "
            f'"{self.method}" ({self.n_pairs:,} pairs)'
        )


def estimate_effort(problem: AssignmentProblem, method: Method = "auto") -> Estimate:
    """Return roughly what :func:`~pairmatch.solvers.assignment.choice.solve_assignment` will take.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    method : str, default: "auto"
        What will be asked for.

    Notes
    -----
    Linear in the pairs that are seen, but for the dense method, which grows faster: the constants
    are orders of magnitude, not measurements of this machine.
    """
    chosen = choose_method(problem, method)
    gains, (n_rows, n_columns) = problem.gains, problem.gains.shape
    n_pairs = n_rows * n_columns
    if isinstance(gains, DeferredGains) and not gains.is_filled:
        n_pairs = _guess_allowed(gains)
    elif chosen in ("flow", "integer") and isinstance(gains, MatrixGains):
        n_pairs = int(np.count_nonzero(gains.allowed))
    held = n_pairs * _BYTES[chosen]
    if isinstance(gains, MatrixGains):
        held += 9.0 * n_rows * n_columns
    if isinstance(gains, StreamedGains):
        held += 2 * (gains.row_features.nbytes + gains.column_features.nbytes)
    if chosen == "pricing":
        held += (n_rows + n_columns) * _SHORTLIST
        held += sum(_CLASS * n_columns * quota.n_classes for quota in problem.quotas)
    seconds = n_pairs * _SECONDS[chosen]
    if chosen == "dense":
        seconds *= max(1.0, min(n_rows, n_columns) / 1000)
    return Estimate(chosen, n_pairs, (held + _LIBRARIES) / 1e6, seconds)


def _guess_allowed(gains: DeferredGains) -> int:
    """Return about how many pairs may be formed, from some that are spread over all."""
    n_rows, n_columns = gains.shape
    n_pairs = n_rows * n_columns
    some = np.arange(min(_SAMPLE, n_pairs)) * max(1, n_pairs // _SAMPLE)
    _, allowed = gains.pairs(some // max(1, n_columns), some * 7919 % max(1, n_columns))
    return int(n_pairs * allowed.mean()) if len(allowed) else 0


def refuse_oversize(problem: AssignmentProblem, method: Method = "auto") -> None:
    """Raise, with advice, before a problem runs this machine out of memory.

    Raises
    ------
    CapabilityError
        If the estimate exceeds the memory of this machine.
    """
    estimate = estimate_effort(problem, method)
    memory = _count_memory()
    if memory is None or estimate.megabytes <= memory / 1e6:
        return
    pricing, one_by_one = 'use method "pricing" or "auto"', "match schools or regions one by one"
    advice = {
        "dense": pricing,
        "flow": pricing if method == "flow" else f"{one_by_one} with match_many()",
        "integer": f"drop one of the quotas that cross, give all the same minutes, or {one_by_one}",
    }.get(estimate.method, f"{one_by_one} with match_many()")
    raise CapabilityError(
        f"this would take {estimate}, and this machine has {memory / 1e6:,.0f} MB; {advice}"
    )


def _count_memory() -> int | None:
    """Return the bytes of memory of this machine, or None where that is not to be had."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
