"""Prove a grouping into triads best: cuts first, then decisions about pairs of people.

Branch and bound with the decision "together or apart" (Ryan and Foster 1981) on the set-partition
program. Every case that is closed leaves its integer prices behind; the cases that remain open
leave theirs as well, so that there is a proof at any time, complete or not.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.columns.cuts import find_overused_sets
from pairmatch.solvers.groups.columns.master import Decisions, Master, Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["Proof", "prove"]


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
        for _, _, decisions, relaxation in self.waiting:
            together = np.array(decisions.together, np.int64).reshape(-1, 2)
            apart = np.array(decisions.apart, np.int64).reshape(-1, 2)
            cases.append(replace(relaxation.prices, together=together, apart=apart))
        return tuple(cases)


def prove(
    values: GroupValues,
    proof: Proof,
    columns: NDArray[np.int64],
    person: NDArray[np.int64],
    *,
    n_cut_rounds: int,
    n_cases: int,
    rng: np.random.Generator,
    improve: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    keep_on: Callable[[], bool],
) -> None:
    """Close the gap of a grouping as far as the work limits allow; updates ``proof`` in place.

    Parameters
    ----------
    values : GroupValues
        What triads are worth.
    proof : Proof
        The grouping to start from, without any case; receives better ones, and the cases.
    columns : ndarray of int64, shape (m, 3)
        Triads to start with.
    person : ndarray of int64, shape (n,)
        Prices of people to start from, in fractions ``1 / UNIT`` of a scaled gain.
    n_cut_rounds : int
        Rounds of cuts before the first decision.
    n_cases : int
        Cases to look into.
    rng : Generator
        Randomness of the search for cuts.
    improve : callable
        Makes a grouping better, given its triads.
    keep_on : callable
        Asked between steps; False ends the work.
    """
    master = Master(values, columns, person)
    master.add_triads(proof.triads)
    bare = _cut(master, proof, Decisions(), 0, rng, improve, keep_on)
    root = _cut(master, proof, Decisions(), n_cut_rounds, rng, improve, keep_on)
    if root is None or bare is None:
        return
    # cuts that hardly helped at once are not looked for again
    n_later = 2 if bare.bound - root.bound > (bare.bound - proof.worth) // 5 else 0
    proof.waiting = [(-root.bound, 0, Decisions(), root)]
    n_made = 0
    while proof.waiting and n_made < n_cases and keep_on():
        bound = -proof.waiting[0][0]
        if bound <= proof.worth:
            break
        # the case stays in the heap until its two halves are known: there is a proof at any time
        _, _, decisions, relaxation = proof.waiting[0]
        pair = _undecided_pair(values.n, relaxation, decisions)
        if pair is None:
            return
        halves: list[tuple[int, int, Decisions, Relaxation]] = []
        for together in (True, False):
            made = _decide(decisions, pair, together=together)
            half = _cut(master, proof, made, n_later, rng, improve, keep_on)
            if half is None or half.bound > relaxation.bound:
                half = relaxation
            n_made += 1
            halves.append((-half.bound, n_made, made, half))
        waiting = proof.waiting.copy()
        heappop(waiting)
        for entry in halves:
            heappush(waiting, entry)
        proof.waiting = waiting  # at once: an interrupt must not lose a case
    _close(proof)


def _close(proof: Proof) -> None:
    """Move the cases that are done from the heap to the closed ones."""
    still = []
    for entry in proof.waiting:
        if -entry[0] > proof.worth:
            still.append(entry)
            continue
        _, _, decisions, relaxation = entry
        together = np.array(decisions.together, np.int64).reshape(-1, 2)
        apart = np.array(decisions.apart, np.int64).reshape(-1, 2)
        prices = replace(relaxation.prices, together=together, apart=apart)
        proof.closed.append((relaxation.bound, prices))
    heapify(still)
    proof.waiting = still


def _decide(decisions: Decisions, pair: tuple[int, int], *, together: bool) -> Decisions:
    """Return the decisions and one more."""
    if together:
        return Decisions((*decisions.together, pair), decisions.apart)
    return Decisions(decisions.together, (*decisions.apart, pair))


def _cut(
    master: Master,
    proof: Proof,
    decisions: Decisions,
    n_rounds: int,
    rng: np.random.Generator,
    improve: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    keep_on: Callable[[], bool],
) -> Relaxation | None:
    """Return the relaxation of a case after some rounds of cuts."""
    best: Relaxation | None = None
    n_idle = 0
    for n_done in range(n_rounds + 1):
        relaxation = master.relax(decisions, proof.worth)
        if relaxation is None:
            return best
        last = best.bound if best is not None else None
        if best is None or relaxation.bound < best.bound:
            best = relaxation
        slow = last is not None and last - best.bound < (last - proof.worth) // 10
        n_idle = n_idle + 1 if slow else 0
        if relaxation.bound <= proof.worth:
            return best
        _round(master, proof, relaxation, improve)
        if relaxation.whole or n_done == n_rounds or n_idle == 2 or not keep_on():
            return best
        if not decisions.together and not decisions.apart:
            master.drop_poor_triads(relaxation.prices)
            master.add_triads(proof.triads)
        master.drop_idle_sets(relaxation.prices.set_price)
        found = find_overused_sets(
            master.values.n, [relaxation.triads], [relaxation.share], rng, 40, divisors=(3,)
        )
        if not master.add_sets(*found):
            return best
    return best


def _round(
    master: Master,
    proof: Proof,
    relaxation: Relaxation,
    improve: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> None:
    """Make a grouping of the fractional one: largest shares first, the rest by descent."""
    n = master.values.n
    free = np.ones(n, bool)
    chosen = []
    for at in np.argsort(-relaxation.share, kind="stable"):
        triad = relaxation.triads[at]
        if free[triad].all():
            free[triad] = False
            chosen.append(triad)
    chosen.extend(np.flatnonzero(free).reshape(-1, 3))
    triads = improve(np.array(chosen, np.int64))
    worth = int(master.values.of_groups(triads).sum())
    if worth > proof.worth and not master.values.n_forbidden(triads).any():
        proof.triads, proof.worth = triads, worth
        master.add_triads(triads)


def _undecided_pair(n: int, relaxation: Relaxation, decisions: Decisions) -> tuple[int, int] | None:
    """Return two people who are about half together, or None if there are none."""
    together = np.zeros((n, n))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        np.add.at(together, (relaxation.triads[:, a], relaxation.triads[:, b]), relaxation.share)
    doubt = np.minimum(together, 1 - together)
    for a, b in (*decisions.together, *decisions.apart):  # the fractions may be those of before
        doubt[a, b] = doubt[b, a] = 0
    first, second = np.unravel_index(int(doubt.argmax()), doubt.shape)
    if doubt[first, second] < 1e-6:
        return None
    return int(first), int(second)
