"""Ordered tiers in a pool whose matrix never exists: weights that no sum of gains outweighs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.solution import Prices
from pairmatch.solvers.tiers import find_least_total, weigh_gains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution
    from pairmatch.solvers.streamed import StreamedGains
    from pairmatch.solvers.tiers import StreamedTiers

__all__ = ["solve_tiers_streamed"]

_EXACT = 2**49  # weights and prices stay apart from the last bit of float64
_ROOM = 2**58  # and their sums over all people within 64 bits, the bonus of coverage included


def solve_tiers_streamed(
    problem: AssignmentProblem,
    gains: StreamedGains,
    tiers: StreamedTiers,
    best: AssignmentSolution,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
) -> AssignmentSolution:
    """Return the best plan by tiers and then by total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" or "total" whose quotas nest; its tiers are not looked at.
    gains : StreamedGains
        Its gains.
    tiers : StreamedTiers
        Tiers of the same pool.
    best : AssignmentSolution
        Its solution without tiers.
    solve : callable
        Solves a problem of the same loads, pins and quotas.

    Returns
    -------
    AssignmentSolution
        Most pairs of tier 0, then of tier 1 and so on, then the largest total. ``prices`` prove
        the sum of gains and weights; ``prices.tier`` has the weights. ``steps``: prices of
        coverage, under "coverage".

    Raises
    ------
    CapabilityError
        If the weights are too large for exact arithmetic.

    Notes
    -----
    A pair of a tier gets a weight that is larger than all that the later tiers and the gains of
    any plan could make up for, given how many pairs of the later tiers the answer has. These
    numbers are learnt from answers to smaller weights; as the weights grow they change no more.
    """
    coverage = None if best.prices is None else best.prices.coverage
    zero = Prices(np.zeros(problem.n_columns, np.int64))
    steps: tuple[Prices, ...] = ()
    if problem.objective != "total":
        steps = (zero if coverage is None else Prices(coverage.column, coverage.quota),)
    if not len(best.pairs):
        return replace(best, steps=steps)
    most = min(problem.n_rows, int(np.minimum(problem.capacity, problem.n_rows).sum()))
    total = int(gains.pairs(best.pairs[:, 0], best.pairs[:, 1])[0].sum())
    spread = total - find_least_total(gains, most)
    free = problem.objective != "total"  # the number of pairs is settled: the last needs no weight
    count = np.ones(tiers.n_tiers, np.int64)
    weight = _find_weights(count, 2 * gains.largest, free=free)
    while True:
        _check_weights(problem, gains, weight)
        weighed = weigh_gains(gains, tiers, np.array(weight))
        found = solve(replace(problem, gains=weighed))
        here = tiers.count(found.pairs)
        if _is_enough(weight, here, spread, free=free):
            break
        count = np.maximum(count, here)  # so that weights only grow, and come to an end
        weight = _find_weights(count, spread, free=free)
    assert found.prices is not None  # noqa: S101 - a streamed answer has prices
    prices = replace(found.prices, coverage=None, tier=tuple(weight))
    return replace(found, prices=prices, steps=steps, solver=f"weighted tiers, {found.solver}")


def _find_weights(count: NDArray[np.int64], spread: int, *, free: bool) -> list[int]:
    """Return the least weights that outweigh so many pairs of later tiers, and the spread."""
    weights: list[int] = [0] if free else []
    below = spread
    for n_pairs in count[: len(count) - free][::-1].tolist():
        weights.append(below + 1)
        below += n_pairs * weights[-1]
    return weights[::-1]


def _is_enough(weight: list[int], count: NDArray[np.int64], spread: int, *, free: bool) -> bool:
    """Say whether no number of pairs of later tiers, and no gains, outweigh a pair of any tier."""
    below = spread
    for given, n_pairs in list(zip(weight, count.tolist(), strict=True))[: len(count) - free][::-1]:
        if given <= below:
            return False
        below += given * n_pairs
    return True


def _check_weights(problem: AssignmentProblem, gains: StreamedGains, weight: list[int]) -> None:
    """Raise if sums of gains, weights and prices could not be exact."""
    largest, n_people = gains.largest + max(weight), problem.n_rows + problem.n_columns
    limit = min(_EXACT, _ROOM // max(1, n_people))
    if problem.quotas:  # places within quotas have prices too, one for each quota of a pair
        limit //= 16 * len(problem.quotas)
    if largest > limit:
        raise CapabilityError(
            f"{len(weight)} tiers in a pool of this size need weights of up to {largest:,}, and "
            f"{limit:,} is the most that can be added up exactly; use fewer levels in Tiers, or "
            "match schools or regions one by one with match_many()"
        )
