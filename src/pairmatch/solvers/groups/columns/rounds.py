"""Rounds of cuts: a program, a grouping from its fractions, sets that it overuses, and again.

Sets of three and communities of triads come first. Where they gain little, the triads nearest to
the prices are dealt in whole numbers, which narrows the gap at its other end; then odd communities
are looked for as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.charges import overpriced_triads
from pairmatch.solvers.groups.columns.cuts import find_overused_sets
from pairmatch.solvers.groups.columns.diving import pick_groups
from pairmatch.solvers.groups.columns.master import UNIT, Decisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.columns.cases import Proof
    from pairmatch.solvers.groups.columns.master import Master, Relaxation

__all__ = ["CutRounds"]

_N_CUTS = 60  # sets of each kind in a round
_N_IDLE = 2  # rounds in a row that may gain less than one part of the gap in
_PART = 25
_N_FIRST = 4  # rounds of which none counts as idle: the first sets are often slow to work together
_CLOSE = 1000  # part of a bound: a gap below it is small
_N_PICKED = (7, 9)  # triads for three people that a grouping is picked from
_N_LAST = 5  # rounds of cuts after that
_N_NODES = 5


class CutRounds:
    """Programs and cuts for one case after another; a workspace.

    Parameters
    ----------
    master : Master
        The program.
    proof : Proof
        The best grouping known; receives better ones.
    rng : Generator
        Randomness of the search for cuts.
    improve : callable
        Makes a grouping better, given its triads.
    keep_on : callable
        Asked between steps; False ends the work.
    seconds_left : callable
        How long a program in whole numbers may take; infinite without a time limit.
    """

    def __init__(
        self,
        master: Master,
        proof: Proof,
        rng: np.random.Generator,
        improve: Callable[[NDArray[np.int64]], NDArray[np.int64]],
        keep_on: Callable[[], bool],
        seconds_left: Callable[[], float],
    ) -> None:
        self.master, self.proof = master, proof
        self.rng, self.improve = rng, improve
        self.keep_on, self.seconds_left = keep_on, seconds_left

    def cut_root(self, n_rounds: int, *, to_the_end: bool = True) -> tuple[Relaxation | None, bool]:
        """Return the relaxation of the whole pool after rounds of cuts, and whether these help.

        Parameters
        ----------
        n_rounds : int
            Rounds of cuts before a grouping is picked.
        to_the_end : bool, default: True
            Whether to look for further cuts where the gap is small already.
        """
        first = self.cut(Decisions(), 0)
        if first is None or not self._is_open(first) or not self.keep_on():
            return first, False
        best = self.cut(Decisions(), n_rounds, first, n_first=_N_FIRST) or first
        helped = self._helps(first.bound, best.bound)
        # where cuts do not help, prices say too little about which triads to choose
        if not helped or not self._is_open(best):
            return best, helped
        found = self.pick(best)
        done = not to_the_end and self._is_small(best)
        if not done and self._is_open(best) and self.keep_on():
            best = self.cut(Decisions(), _N_LAST, best, divisors=(2, 3)) or best
            if not found and self._is_open(best) and self.keep_on():
                self.pick(best)
        return best, True

    def cut(
        self,
        decisions: Decisions,
        n_rounds: int,
        start: Relaxation | None = None,
        *,
        divisors: tuple[int, ...] = (3,),
        n_first: int = 0,
    ) -> Relaxation | None:
        """Return the relaxation of a case with the lowest bound, after some rounds of cuts.

        Parameters
        ----------
        decisions : Decisions
            The case.
        n_rounds : int
            Rounds of cuts.
        start : Relaxation, optional
            Of the same case, to start with.
        divisors : tuple of int, default: (3,)
            Those of communities.
        n_first : int, default: 0
            Rounds that may gain little without being counted.
        """
        best, relaxation, n_idle = start, start, 0
        for n_done in range(n_rounds + 1):
            if n_done or relaxation is None:
                relaxation = self.master.relax(decisions, self.proof.worth, self.keep_on)
                if relaxation is None:
                    return best
                gained = 0 if best is None else best.bound - relaxation.bound
                slow = best is not None and _PART * gained < best.bound - self.proof.worth
                n_idle = n_idle + 1 if slow and n_done > n_first else 0
                if best is None or gained > 0:
                    best = relaxation
                if not self._is_open(relaxation):
                    return best
                if not n_done or relaxation.whole:
                    self._round(relaxation)
            if relaxation.whole or n_done == n_rounds or n_idle == _N_IDLE or not self.keep_on():
                break
            if not self._add_cuts(decisions, relaxation, divisors):
                break
        return best

    def pick(self, relaxation: Relaxation) -> bool:
        """Pick a grouping from the triads nearest to the prices; return whether it is better."""
        values, proof, prices = self.master.values, self.proof, relaxation.prices
        triads, excess = overpriced_triads(values, prices, (proof.worth - relaxation.bound) * UNIT)
        order = np.argsort(-excess, kind="stable")
        before = proof.worth
        for n_each in _N_PICKED:  # where the nearest do not make a grouping, some more may
            few = [triads[np.sort(order[: n_each * values.n // 3])]]
            left = self.seconds_left()
            picked = pick_groups(values, few, [values.n // 3], prices, _N_NODES, seconds=left)
            if picked is not None:
                self._keep(picked[0])
            if picked is not None or not self.keep_on():
                break
        return proof.worth > before

    def _helps(self, before: int, bound: int) -> bool:
        """Return whether cuts have closed a good part of the gap."""
        return 5 * (before - bound) > before - self.proof.worth

    def _is_open(self, relaxation: Relaxation) -> bool:
        """Return whether there may be a better grouping than the best known."""
        return relaxation.bound > self.proof.worth

    def _is_small(self, relaxation: Relaxation) -> bool:
        """Return whether the gap is small."""
        return _CLOSE * (relaxation.bound - self.proof.worth) < abs(relaxation.bound)

    def _add_cuts(
        self, decisions: Decisions, relaxation: Relaxation, divisors: tuple[int, ...]
    ) -> int:
        """Add cuts that the fractions violate, drop what is idle; return how many are new."""
        master = self.master
        if not decisions.together and not decisions.apart:
            master.drop_poor_triads(relaxation.prices)
            master.add_triads(self.proof.triads)
        master.drop_idle_sets(relaxation.prices)
        share = [relaxation.triads], [relaxation.share]
        n = master.values.n
        return master.add_sets(*find_overused_sets(n, *share, self.rng, _N_CUTS, divisors))

    def _round(self, relaxation: Relaxation) -> None:
        """Make a grouping of the fractional one: largest shares first, the rest by descent."""
        n = self.master.values.n
        free = np.ones(n, bool)
        chosen = []
        for at in np.argsort(-relaxation.share, kind="stable"):
            triad = relaxation.triads[at]
            if free[triad].all():
                free[triad] = False
                chosen.append(triad)
        chosen.extend(np.flatnonzero(free).reshape(-1, 3))
        self._keep(self.improve(np.array(chosen, np.int64)))

    def _keep(self, triads: NDArray[np.int64]) -> None:
        """Keep a grouping if it is the best."""
        values = self.master.values
        worth = int(values.of_groups(triads).sum())
        if worth > self.proof.worth and not values.n_forbidden(triads).any():
            self.proof.triads, self.proof.worth = triads, worth
            self.master.add_triads(triads)
