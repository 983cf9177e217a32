"""A search through plans that are equally good so far, with a price on each change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.descent import descend
from pairmatch.solvers.assignment.held.faces import climb, drop_closed_pairs, read_step
from pairmatch.solvers.certify.changes import ChangeStep
from pairmatch.solvers.changes.answers import TooManyChangesError
from pairmatch.solvers.changes.earlier import count_kept, was_there
from pairmatch.solvers.changes.mixture import find_flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.assignment.held.network import Network
    from pairmatch.solvers.assignment.held.watch import Watch

__all__ = ["Point", "Search"]

_MOST_PROGRAMS = 64  # goals that integer programs settle, some tenths of a second each
_FULL = 0.8  # share of pairs that must still be open before the lists are made anew


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The plans that are best for one price of a change, and one of them.

    Parameters
    ----------
    face : Face
        The plans, and one of them.
    whole : Network
        The plans among which they are best.
    cost, potential : ndarray of int64, shapes (n_arcs,) and (n_nodes,)
        What was made least, and the potentials that prove it.
    kept, value : int
        Pairs there were that the plan keeps, and its value.
    keep, scale : int
        Price of a change, times a factor that makes it whole.
    """

    face: Face
    whole: Network
    cost: NDArray[np.int64]
    potential: NDArray[np.int64]
    kept: int
    value: int
    keep: int
    scale: int

    @property
    def step(self) -> ChangeStep:
        """What proves it."""
        return ChangeStep(read_step(self.face, self.potential), self.keep, self.scale)


class Search:
    """Plans that are equally good by the goals so far, and keep enough pairs.

    Parameters
    ----------
    face : Face
        The plans, and one of them.
    column_of : ndarray of int64, shape (n_rows,) or (n_rows, most)
        Column of each row in the pairs there were, -1 for none; columns, where rows have several.
    n_kept : int
        How many of these must stay, pinned ones among them.

    watch : Watch
        The clock.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.
    """

    def __init__(self, face: Face, column_of: NDArray[np.int64], n_kept: int, watch: Watch) -> None:
        self.watch = watch
        pinned = count_kept(column_of, face.problem.pins)
        self.face, self.column_of, self.least = face, column_of, max(0, n_kept - pinned)
        self.exact = False  # whether goals before are only reached where no more than that stay
        self.proved = True
        self.steps: list[ChangeStep] = []  # what proves the goals so far
        self.last: Point | None = None  # what proves the last of them
        self.n_programs = 0
        # Goals whose best plans no price singles out, and how much of each a plan must have.
        self.settled: list[tuple[NDArray[np.int64], int]] = []
        kept = self._keep_most()
        if kept < self.least:
            raise TooManyChangesError(kept + pinned, None)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """The pairs of the plan, those that are pinned first."""
        edges = self.face.edges.take(self.chosen)
        own = np.stack([edges.row, edges.column], axis=1)
        return np.concatenate([self.face.problem.pins, own])

    @property
    def was(self) -> NDArray[np.int64]:
        """By arc, whether it is a pair that was there."""
        edges = self.face.edges
        return self.spread(was_there(self.column_of, edges.row, edges.column))

    def spread(self, of_pairs: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return by arc what pairs count for."""
        of_arcs = np.zeros(len(self.face.flow), np.int64)
        of_arcs[self.face.layout.pair_arcs] = of_pairs
        return of_arcs

    @property
    def chosen(self) -> NDArray[np.bool_]:
        """By pair, whether the plan has it."""
        chosen: NDArray[np.bool_] = self.face.flow[self.face.layout.pair_arcs] > 0
        return chosen

    def _keep_most(self) -> int:
        """Take the plan that keeps most of the pairs there were, and return how many."""
        most, _ = climb(self.face, self.was[self.face.layout.pair_arcs])
        self.face = replace(self.face, flow=most.flow)
        return int(self.was @ self.face.flow)

    def close(self, pairs: NDArray[np.bool_]) -> None:
        """Leave out pairs that the plan does not have."""
        upper = self.face.network.upper.copy()
        upper[self.face.layout.pair_arcs][pairs] = 0
        self.face = replace(self.face, network=replace(self.face.network, upper=upper))

    def reach(self, goal: NDArray[np.int64]) -> None:
        """Keep the plans that are worth most by a goal, which says what each arc counts for.

        Where prices leave only plans that keep more and plans that keep fewer, an integer program
        looks for the best one between. If it is worth no less than the whole number below what the
        prices allow, that proves it; plans that are as good lie near it then.
        """
        point, fallback = self._price(goal)
        if self.settled:
            is_best = not point.keep and point.value == goal @ self.face.flow
            found = self.face.flow if is_best else None
        elif point.kept == self.least or not (self.exact or point.keep):
            found = point.face.flow
        else:
            just = [(self.was, self.least, self.least)]
            found = find_flow(point.face, np.zeros_like(goal), just, self.watch)
            self.face = replace(self.face, flow=fallback)
        if found is None:
            self._settle(goal, point)
            return
        self._note(point)
        self.exact = self.exact or point.keep != 0
        self.face = replace(point.face, flow=found)

    def _note(self, point: Point) -> None:
        """Remember what proves a goal, up to the first one that is not proved."""
        if self.proved:
            self.steps.append(point.step)
            self.last = point

    def spare(self, pairs: NDArray[np.bool_]) -> None:
        """Keep the plans with fewest of some pairs; that a plan has none needs no proof."""
        before = self.face, self.exact, self.proved, len(self.steps), len(self.settled)
        self.reach(-self.spread(pairs))
        if (self.chosen & pairs).any():
            return
        self.face = replace(before[0], flow=self.face.flow)
        self.exact, self.proved = before[1:3]
        del self.steps[before[3] :], self.settled[before[4] :]
        self.close(pairs)

    def tidy(self) -> None:
        """Forget pairs that no plan has, if there are many; positions of pairs are new then."""
        pairs = self.face.layout.pair_arcs
        is_open = np.ones(len(self.face.flow), np.bool_)
        is_open[pairs] = self.face.network.upper[pairs] > 0
        if np.count_nonzero(is_open[pairs]) < _FULL * self.face.layout.n_pairs:
            self.face = drop_closed_pairs(self.face)
            self.settled = [(goal[is_open], value) for goal, value in self.settled]

    def _settle(self, goal: NDArray[np.int64], point: Point) -> None:
        """Look for the best plan by an integer program, and keep those that may be as good."""
        most = point.scale * point.value + point.keep * (point.kept - self.least)
        value = int(goal @ self.face.flow)
        if value < most // point.scale and self.n_programs < _MOST_PROGRAMS:
            self.n_programs += 1
            near = _narrow(self.face, point, most - point.scale * value)
            limits = [(self.was, self.least, self.least if self.exact else len(goal))]
            limits += [(own, count, count) for own, count in self.settled]
            flow = find_flow(near, goal, limits, self.watch)
            if flow is not None and goal @ flow > value:
                self.face, value = replace(self.face, flow=flow), int(goal @ flow)
        slack = most - point.scale * value
        self._note(point)
        self.proved = self.proved and slack < point.scale
        self.exact = self.exact or abs(point.keep) > slack
        self.face = _narrow(self.face, point, slack)
        self.settled.append((goal, value))

    def _solve(self, goal: NDArray[np.int64], keep: int, scale: int) -> Point:
        """Return the plans that are best for one price of a change."""
        was, face = self.was, self.face
        cost = -(scale * goal + keep * was)
        self.watch.check()
        network, flow, potential = self.watch.hurry(
            lambda: descend(face.network, cost, face.layout.sink, start=face.flow)
        )
        best = replace(face, network=network, flow=flow)
        kept, value = int(was @ flow), int(goal @ flow)
        return Point(best, face.network, cost, potential, kept, value, keep, scale)

    def _price(self, goal: NDArray[np.int64]) -> tuple[Point, NDArray[np.int64]]:
        """Return the plans for a price of a change that bounds the best with just enough kept.

        The one at hand keeps as many as there must be, unless no price singles out such a plan;
        with them another plan that keeps enough.
        """
        best = self._solve(goal, 0, 1)
        if best.value == int(goal @ self.face.flow):  # the plan at hand, which keeps enough
            flow = self.face.flow
            kept = int(self.was @ self.face.flow)
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
        n_most = int(self.face.network.supply[: self.face.layout.n_rows].sum())
        dear = int(np.abs(goal).max(initial=0)) * 2 * (n_most + 1) + 1
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


def _narrow(face: Face, point: Point, slack: int) -> Face:
    """Return the plans of a face that cost no more than the best for a price, and some slack.

    Every unit on an arc of reduced cost r > 0, and every unit missing on one of r < 0, costs |r|.
    """
    network = point.whole
    tail, head = network.tail, network.head
    reduced = point.cost + point.potential[tail] - point.potential[head]
    room = slack // np.maximum(np.abs(reduced), 1)
    lower = np.where(reduced < 0, np.maximum(network.lower, network.upper - room), network.lower)
    upper = np.where(reduced > 0, np.minimum(network.upper, network.lower + room), network.upper)
    return replace(face, network=replace(network, lower=lower, upper=upper))
