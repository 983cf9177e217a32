"""Prove a grouping into triads best: cuts first, then decisions about pairs of people.

Branch and bound with the decision "together or apart" (Ryan and Foster 1981) on the set-partition
program. Every case that is closed leaves its integer prices behind; the cases that remain open
leave theirs as well, so that there is a proof at any time, complete or not.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.columns.master import Decisions, Master, Relaxation
from pairmatch.solvers.groups.columns.rounds import CutRounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.columns.cases import Proof

__all__ = ["prove"]

_CHECK = 0.6  # checking a case takes such a part of making it, from which a time limit is kept


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
    seconds_left: Callable[[], float],
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
    seconds_left : callable
        How long a program in whole numbers may take; infinite without a time limit.
    """
    master = Master(values, columns, person)
    master.add_triads(proof.triads)
    rounds = CutRounds(master, proof, rng, improve, keep_on, seconds_left)
    root, helped = rounds.cut_root(n_cut_rounds, to_the_end=n_cases > 0)
    if root is None:
        return
    n_later = 2 if helped else 0  # cuts that hardly helped at once are not looked for again
    proof.waiting = [(-root.bound, 0, Decisions(), root)]
    n_made = 0
    begun = seconds_left()

    def can_be_checked() -> bool:
        """Return whether there is time to check the cases there are, each a part of its making."""
        left = seconds_left()
        each = 0.0 if math.isinf(left) else (begun - left) / max(1, n_made)
        return left > _CHECK * each * len(proof.waiting)

    while proof.waiting and n_made < n_cases and keep_on() and can_be_checked():
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
            half = rounds.cut(made, n_later)
            if half is None or half.bound > relaxation.bound:
                half = relaxation
            n_made += 1
            halves.append((-half.bound, n_made, made, half))
        waiting = proof.waiting.copy()
        heappop(waiting)
        for entry in halves:
            heappush(waiting, entry)
        proof.waiting = waiting  # at once: an interrupt must not lose a case
    proof.close()


def _decide(decisions: Decisions, pair: tuple[int, int], *, together: bool) -> Decisions:
    """Return the decisions and one more."""
    if together:
        return Decisions((*decisions.together, pair), decisions.apart)
    return Decisions(decisions.together, (*decisions.apart, pair))


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
