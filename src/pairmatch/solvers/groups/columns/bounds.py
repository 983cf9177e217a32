"""Upper bounds from prices of people.

Every group is worth at most the prices of its members plus what they fail to cover. For triads the
prices are improved by subgradient steps (Held and Karp, doi:10.1007/BF01584070, with the step
length of Polyak, doi:10.1016/0041-5553(69)90061-5); for other sizes each person is charged half the
mean excess over its best partners, which is a fractional matching bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.pricing import best_triads, pair_excess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["Priced", "bound_of_prices", "bound_of_triads", "improve_prices", "star_excess"]


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Prices of people and the bound they prove.

    Parameters
    ----------
    price : ndarray of int64, shape (n,)
        Prices in scaled gains; with triads no group of three is worth more than its members cost.
    bound : int
        No grouping of as many people is worth more.
    """

    price: NDArray[np.int64]
    bound: int


def star_excess(
    values: GroupValues, price: NDArray[np.int64], n_partners: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the summed excess of each person over its best partners, and these partners.

    A group of k is worth at most the prices of its members plus, for each of them, half the mean
    of its k - 1 largest pair excesses; a larger group has a smaller mean.

    Returns
    -------
    excess : ndarray of int64, shape (n,)
        Sum of the ``n_partners`` largest pair excesses.
    partners : ndarray of int64, shape (n, n_partners)
        The partners.
    """
    excess = pair_excess(values, price)
    partners = np.argpartition(excess, values.n - n_partners, axis=1)[:, values.n - n_partners :]
    return np.take_along_axis(excess, partners, axis=1).sum(axis=1), partners


def bound_of_prices(
    price: NDArray[np.int64], best: NDArray[np.int64], divisor: int, n_placed: int
) -> int:
    """Return the bound ``sum(price + best / divisor)`` over the ``n_placed`` dearest people."""
    full = price * divisor + best
    if n_placed < full.size:
        full = np.sort(full)[full.size - n_placed :]
    return int(full.sum()) // divisor


def improve_prices(
    values: GroupValues,
    sizes: Sequence[int],
    lower: int,
    n_steps: int,
    keep_on: Callable[[], bool],
) -> Priced:
    """Return the best prices of people that a number of subgradient steps finds.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    sizes : sequence of int
        Sizes of all groups in the groupings the bound is about, at least one.
    lower : int
        Value of the best grouping known: the aim of the steps.
    n_steps : int
        Steps to take, at least one.
    keep_on : callable
        Asked before each step but the first; False ends the steps.

    Returns
    -------
    Priced
        Valid prices and bound, however many steps were taken.

    Notes
    -----
    Triads are priced where no group is smaller. Prices that cover every triad cover larger groups
    too under "total", where a group's value is a mean over its triads; under "worst_rotation"
    what larger groups may exceed them by is added. Where some group is a pair, or all are larger
    than three, pairs are priced.
    """
    smallest, n_placed = min(sizes), sum(sizes)
    step = _triad_step if smallest == 3 else _star_step
    n = values.n
    share = lower // max(1, n_placed)
    price = np.full(n, share, np.int64)
    slack = max(1, abs(share) // 8 + int(values.scale))
    best: Priced | None = None
    held = price
    length, idle = 1.0, 0
    drift = np.zeros(n)
    for n_done in range(max(1, n_steps)):
        if n_done and not keep_on():
            break
        bound, used, full = step(values, price, smallest, n_placed, slack)
        if best is None:
            farthest = float(max(1, abs(bound)))  # no price is worth more than all groups
        if best is None or bound < best.bound:
            best, held, idle = Priced(full, bound), price, 0
        else:
            idle += 1
            if idle == 6:
                length, idle, price = length / 2, 0, held
        if bound <= lower or length < 1e-3:
            break
        drift = 1.0 - used + 0.7 * drift
        square = float(drift @ drift)
        if square < 1e-12:
            break
        move = length * max(1, bound - lower) / square * drift
        price = price - np.rint(np.clip(move, -farthest, farthest)).astype(np.int64)
    assert best is not None  # noqa: S101  the first step always counts
    return bound_of_triads(values, best.price, sizes) if step is _triad_step else best


def bound_of_triads(values: GroupValues, price: NDArray[np.int64], sizes: Sequence[int]) -> Priced:
    """Return the bound of prices that no triad exceeds.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    price : ndarray of int64, shape (n,)
        Prices in scaled gains.
    sizes : sequence of int
        Sizes of all groups, none of them below three.
    """
    bound = bound_of_prices(price, np.zeros_like(price), 1, sum(sizes))
    if values.worst:
        bound += _larger_excess(values, price, sizes)
    return Priced(price, bound)


def _larger_excess(values: GroupValues, price: NDArray[np.int64], sizes: Sequence[int]) -> int:
    """Return what groups of four and more may exceed the prices by, all together."""
    extra = 0
    for size in sorted(set(sizes) - {3}):
        excess, _ = star_excess(values, price, size - 1)
        most = int(np.sort(excess)[values.n - size :].sum())
        extra += list(sizes).count(size) * max(0, -(-most // (2 * (size - 1))))
    return extra


def _triad_step(
    values: GroupValues, price: NDArray[np.int64], smallest: int, n_placed: int, slack: int
) -> tuple[int, NDArray[np.float64], NDArray[np.int64]]:
    """Return the bound, how often each person is used, and prices that cover every triad."""
    del smallest
    best, partners = best_triads(values, price, -slack)
    found = np.flatnonzero(partners[:, 0] >= 0)
    who = np.concatenate([found, partners[found].ravel()])
    used = np.bincount(who, minlength=values.n) / 3 + (values.n - found.size) / values.n
    full = price - (-best // 6)
    return bound_of_prices(full, np.zeros_like(full), 1, n_placed), used, full


def _star_step(
    values: GroupValues, price: NDArray[np.int64], smallest: int, n_placed: int, slack: int
) -> tuple[int, NDArray[np.float64], NDArray[np.int64]]:
    """Return the bound, how often each person is used, and the prices as they are."""
    del slack
    n_partners = smallest - 1
    best, partners = star_excess(values, price, n_partners)
    used = 0.5 + np.bincount(partners.ravel(), minlength=values.n) / (2 * n_partners)
    return bound_of_prices(price, best, 2 * n_partners, n_placed), used, price
