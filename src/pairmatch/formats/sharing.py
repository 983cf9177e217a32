"""What several formats could be worth together, as everybody has only so many minutes."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Seats", "share_time"]


@dataclass(frozen=True, slots=True, eq=False)
class Seats:
    """Places that people can have in one format, and what each place brings at most.

    No plan of the format is worth more than the places that it takes bring.

    Parameters
    ----------
    ids : tuple of str
        Who can have places.
    value : ndarray of int64, shape (n,)
        What each place of a person brings at most, in parts of a score, >= 0.
    most : ndarray of int64, shape (n,)
        How many places each person can have.
    minutes : int
        Minutes a week that one place takes.
    parts : int
        How many parts a score has.
    """

    ids: tuple[str, ...]
    value: NDArray[np.int64]
    most: NDArray[np.int64]
    minutes: int
    parts: int


def share_time(ids: Sequence[str], budget: NDArray[np.float64], formats: Sequence[Seats]) -> float:
    """Return what all places that people have time for bring together at most.

    Parameters
    ----------
    ids : sequence of str
        Everybody.
    budget : ndarray of float, shape (n,)
        Minutes a week of each one; infinite where there is no limit.
    formats : sequence of Seats
        The places.

    Returns
    -------
    float
        In scores. No plans of these formats within the budgets are worth more together.

    Notes
    -----
    A knapsack for each person, by dynamic programming over minutes: places are what is packed.
    """
    whole = lcm(*(one.parts for one in formats)) if formats else 1
    offers: dict[str, list[tuple[int, int, int]]] = {key: [] for key in ids}
    for one in formats:
        factor = whole // one.parts
        for key, value, most in zip(one.ids, one.value.tolist(), one.most.tolist(), strict=True):
            if value > 0 and most > 0:
                offers[key].append((value * factor, most, one.minutes))
    total = sum(
        _pack(offers[key], minutes) for key, minutes in zip(ids, budget.tolist(), strict=True)
    )
    return total / whole


def _pack(offers: list[tuple[int, int, int]], minutes: float) -> int:
    """Return the most that some places bring within the minutes: value, number and minutes each."""
    free = [(value, most) for value, most, each in offers if not each or minutes == float("inf")]
    taken = sum(value * most for value, most in free)
    if minutes == float("inf"):
        return taken
    timed = [offer for offer in offers if offer[2]]
    step = gcd(*(each for _, _, each in timed)) if timed else 1
    best = np.zeros(int(minutes // step) + 1, np.int64)
    for value, most, each in timed:
        width = each // step
        for _ in range(min(most, (len(best) - 1) // width)):
            best[width:] = np.maximum(best[width:], best[:-width] + value)
    return taken + int(best[-1])
