"""The best plan with few changes by several goals, one after the other, without weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.choice import solve_assignment
from pairmatch.solvers.assignment.held.faces import climb, drop_closed_pairs, open_face
from pairmatch.solvers.certify.ordered_changes import ChangeStep, OrderedPrices
from pairmatch.solvers.changes.mixture import find_flow
from pairmatch.solvers.changes.rematching import Rematching, TooManyChangesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["solve_goals"]

_MOST_PROGRAMS = 64  # goals that integer programs settle, some tenths of a second each
_FULL = 0.8  # share of pairs that must still be open before the lists are made anew


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """The plans that are best for one price of a change, and one of them."""

    face: Face
    prices: Prices
    kept: int
    value: int
    keep: int
    scale: int

    @property
    def step(self) -> ChangeStep:
        """What proves it."""
        return ChangeStep(self.prices, self.keep, self.scale)


class _Search:
    """Plans that are equally good by the goals so far, and keep enough pairs.

    Parameters
    ----------
    face : Face
        The plans, and one that keeps enough.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were, -1 for none.
    least : int
        How many of these must stay.
    """

    def __init__(self, face: Face, column_of: NDArray[np.int64], least: int) -> None:
        self.face, self.column_of, self.least = face, column_of, least
        self.exact = False  # whether goals before are only reached where no more than that stay
        self.proved = True
        self.steps: list[ChangeStep] = []
        # Goals that are settled by a program from where prices single no plan out.
        self.settled: list[tuple[NDArray[np.int64], int]] = []

    @property
    def was(self) -> NDArray[np.int64]:
        """By pair, whether it was there."""
        edges = self.face.edges
        was: NDArray[np.bool_] = self.column_of[edges.row] == edges.column
        return was.astype(np.int64)

    @property
    def chosen(self) -> NDArray[np.bool_]:
        """By pair, whether the plan has it."""
        chosen: NDArray[np.bool_] = self.face.flow[self.face.layout.pair_arcs] > 0
        return chosen

    def close(self, pairs: NDArray[np.bool_]) -> None:
        """Leave out pairs that the plan does not have."""
        upper = self.face.network.upper.copy()
        upper[self.face.layout.pair_arcs][pairs] = 0
        self.face = replace(self.face, network=replace(self.face.network, upper=upper))

    def reach(self, goal: NDArray[np.int64]) -> None:
        """Keep the plans of which the pairs are worth most."""
        if not self.proved:
            self._settle(goal)
            return
        best, fallback = self._price(goal)
        if best.kept != self.least and (self.exact or best.keep):
            # Prices leave plans that keep more and plans that keep fewer: is one between them?
            flow = find_flow(best.face, np.zeros_like(goal), [(self.was, self.least, self.least)])
            if flow is None:
                self.proved = False
                self.steps.append(best.step)
                self.face = replace(self.face, flow=fallback)
                self._settle(goal)
                return
            best = replace(best, face=replace(best.face, flow=flow))
        self.exact = self.exact or best.keep != 0
        self.steps.append(best.step)
        self.face = best.face

    def spare(self, pairs: NDArray[np.bool_]) -> None:
        """Keep the plans with fewest of some pairs; that a plan has none needs no proof."""
        before = self.face, self.exact, self.proved, len(self.steps), len(self.settled)
        self.reach(-pairs.astype(np.int64))
        if (self.chosen & pairs).any():
            return
        self.face = replace(before[0], flow=self.face.flow)
        self.exact, self.proved = before[1:3]
        del self.steps[before[3] :], self.settled[before[4] :]
        self.close(pairs)

    def tidy(self) -> None:
        """Forget pairs that no plan has, if there are many; positions of pairs are new then."""
        n_open = np.count_nonzero(self.face.network.upper[self.face.layout.pair_arcs])
        if self.proved and n_open < _FULL * self.face.layout.n_pairs:
            self.face = drop_closed_pairs(self.face)

    def _settle(self, goal: NDArray[np.int64]) -> None:
        """Look for the best of the goal by an integer program; goals before it stay as they are."""
        if len(self.settled) >= _MOST_PROGRAMS:
            return
        most = self.least if self.exact else len(self.was)
        limits = [(self.was, self.least, most)]
        limits += [(own, value, value) for own, value in self.settled]
        flow = find_flow(self.face, goal, limits)
        if flow is not None:
            self.face = replace(self.face, flow=flow)
        self.settled.append((goal, int(goal[self.chosen].sum())))

    def _solve(self, goal: NDArray[np.int64], keep: int, scale: int) -> _Point:
        """Return the plans that are best for one price of a change."""
        was = self.was
        face, prices = climb(self.face, scale * goal + keep * was)
        chosen = face.flow[face.layout.pair_arcs] > 0
        kept, value = int(was[chosen].sum()), int(goal[chosen].sum())
        return _Point(face, prices, kept, value, keep, scale)

    def _price(self, goal: NDArray[np.int64]) -> tuple[_Point, NDArray[np.int64]]:
        """Return the plans for a price of a change that bounds the best with just enough kept.

        The one at hand keeps as many as there must be, unless no price singles out such a plan;
        with them another plan that keeps enough.
        """
        best = self._solve(goal, 0, 1)
        if best.value == int(goal[self.chosen].sum()):  # the plan at hand, which keeps enough
            flow = self.face.flow
            kept = int(self.was[self.chosen].sum())
            return replace(best, face=replace(best.face, flow=flow), kept=kept), flow
        n_was = int(self.was.sum()) + 1
        free = self._solve(goal, 1, n_was)  # of the best plans one that keeps most
        few = free
        if self.exact and free.kept > self.least:
            few = self._solve(goal, -1, n_was)  # one that keeps fewest
        if free.kept >= self.least and (not self.exact or few.kept <= self.least):
            point = few if self.exact and few.kept == self.least else free
            flow = point.face.flow
            best = replace(best, face=replace(best.face, flow=flow), kept=point.kept)
            return best, self.face.flow if self.exact else flow
        dear = int(np.abs(goal).max(initial=0)) * 2 * (self.face.layout.n_rows + 1) + 1
        if free.kept < self.least:
            few, many = free, self._solve(goal, dear, 1)
        else:
            few, many = self._solve(goal, -dear, 1), few
        while self.least not in (few.kept, many.kept):
            rise, run = few.value - many.value, many.kept - few.kept
            middle = self._solve(goal, rise, run)
            if run * middle.value + rise * middle.kept == run * many.value + rise * many.kept:
                return middle, self.face.flow if self.exact else many.face.flow
            if middle.kept >= self.least:
                many = middle
            else:
                few = middle
        found = many if many.kept == self.least else few
        return found, found.face.flow


def solve_goals(
    problem: AssignmentProblem, column_of: NDArray[np.int64], n_kept: int
) -> Rematching:
    """Return the best plan by tiers, or for everybody in order, that keeps enough pairs.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, held whole, with tiers or of objective "leximin"; its quotas nest.
    column_of, n_kept
        As for :func:`~pairmatch.solvers.changes.rematching.solve_rematching`.

    Returns
    -------
    Rematching
        ``dual`` proves as many of the goals as prices can.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    RangeError
        If gains are too large for 64-bit arithmetic.

    Notes
    -----
    Coverage, then tier by tier and the total, or level by level as in leximin. Each goal is an
    assignment problem over the plans that are best by those before it, with a price of a change
    that is searched for as in :func:`~pairmatch.solvers.changes.rematching.solve_rematching`;
    after a goal with a price, plans keep just enough pairs. Where prices leave only plans that keep
    more and plans that keep fewer, an integer program looks for one between; if there is none, it
    settles this goal and those to come, 64 at most, without proof.
    """
    plain = replace(problem, objective="coverage", tiers=None)
    face = open_face(plain, solve_assignment(plain).pairs)
    pins = problem.pins
    least = n_kept - int(np.count_nonzero(column_of[pins[:, 0]] == pins[:, 1]))
    search = _Search(face, column_of, max(0, least))
    most, _ = climb(face, search.was)
    search.face = replace(face, flow=most.flow)
    kept = int(search.was[search.chosen].sum())
    if kept < search.least:
        raise TooManyChangesError(kept + n_kept - least, None)
    if problem.objective != "total":
        search.reach(np.ones(len(search.was), np.int64))
    total = None
    if problem.objective == "leximin":
        _reach_levels(search)
    else:
        _reach_tiers(search, problem.tiers)  # type: ignore[arg-type]
        search.reach(search.face.edges.gain)
        total = search.steps.pop() if len(search.settled) < 2 else None
    edges = search.face.edges.take(search.chosen)
    pairs = np.concatenate([pins, np.stack([edges.row, edges.column], axis=1)])
    return Rematching(pairs, OrderedPrices(tuple(search.steps), total), "goal by goal")


def _reach_tiers(search: _Search, tiers: NDArray[np.int64]) -> None:
    """Have most of the first tier, then of the second, and so on."""
    edges = search.face.edges
    for k in np.unique(tiers[edges.row, edges.column]).tolist():
        search.tidy()
        edges = search.face.edges
        search.reach((tiers[edges.row, edges.column] == k).astype(np.int64))


def _reach_levels(search: _Search) -> None:
    """Have fewest of the lowest gain, then of the second lowest, and so on."""
    done = np.iinfo(np.int64).min
    while True:
        search.tidy()
        gain = search.face.edges.gain
        waiting = gain[search.chosen & (gain > done)]
        if not len(waiting):
            return
        level = int(waiting.min())
        search.close((gain > done) & (gain < level))
        search.spare(gain == level)
        done = level
