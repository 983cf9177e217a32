"""What is proved about triads so far: the best grouping known, and cases that bound all others."""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.columns.master import Decisions, Relaxation
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["Proof"]


class Proof:
    """The best grouping known and the cases that bound all others; a workspace.

    Parameters
    ----------
    triads : ndarray of int64, shape (n / 3, 3)
        The grouping.
    worth : int
        Its value.

    Attributes
    ----------
    closed : list of tuple of int and GroupPrices
        Cases in which nothing better exists, with their bounds.
    waiting : list
        A heap of cases not looked into yet, by bound.
    """

    def __init__(self, triads: NDArray[np.int64], worth: int) -> None:
        self.triads = triads
        self.worth = worth
        self.closed: list[tuple[int, GroupPrices]] = []
        self.waiting: list[tuple[int, int, Decisions, Relaxation]] = []

    @property
    def bound(self) -> int | None:
        """Largest bound of a case; None before there is any."""
        bounds = [bound for bound, _ in self.closed]
        bounds += [-negative for negative, *_ in self.waiting]
        return max(bounds, default=None)

    def cases(self) -> tuple[GroupPrices, ...]:
        """Return prices of all cases; together they cover every grouping."""
        cases = [prices for _, prices in self.closed]
        cases += [_prices_of(decisions, found) for _, _, decisions, found in self.waiting]
        return tuple(cases)

    def close(self) -> None:
        """Move the cases that are done from the heap to the closed ones."""
        still = []
        for entry in self.waiting:
            if -entry[0] > self.worth:
                still.append(entry)
                continue
            _, _, decisions, relaxation = entry
            self.closed.append((relaxation.bound, _prices_of(decisions, relaxation)))
        heapify(still)
        self.waiting = still


def _prices_of(decisions: Decisions, relaxation: Relaxation) -> GroupPrices:
    """Return the prices of a relaxation for a case that may be narrower than its own."""
    together = np.array(decisions.together, np.int64).reshape(-1, 2)
    apart = np.array(decisions.apart, np.int64).reshape(-1, 2)
    return replace(relaxation.prices, together=together, apart=apart)
