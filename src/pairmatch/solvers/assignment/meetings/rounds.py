"""Pairs and slots chosen together: a flow on few pairs and few slots, and prices for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.network import find_cheapest_flow, find_potentials
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.meetings.network import draw_slots, list_classes
from pairmatch.solvers.assignment.meetings.prices import SlotPrices, find_least_costs, price_pairs
from pairmatch.solvers.assignment.meetings.sweep import SlotSweep, fits_sweep
from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.meetings.classes import SlotClasses
    from pairmatch.solvers.assignment.meetings.network import SlotArcs
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["MeetingRounds"]

_HEIGHT = 256
_FAR = -(2**61)
_FIRST = 12  # pairs of each row to begin with
_SAMPLE = 64  # rows that say how far down the best few pairs of a row lie
_SPARE = 1  # classes of slots beyond those needed that still count as few
_KEEP = 6  # pairs of each row that a sweep adds


class MeetingRounds:
    """Candidate pairs, columns whose slots have nodes, and the flow on both.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; quotas and budgets are passed over.
    classes : SlotClasses
        The classes of its slots.
    price : ndarray of int64, shape (n_columns,)
        Prices of places to begin with.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs that are candidates from the beginning.
    bonus : int
        What every pair is given on top of its gain.
    watch : Watch
        The clock.
    expanded : ndarray of bool, shape (n_columns,), optional
        Columns whose slots have nodes from the beginning.
    """

    def __init__(
        self,
        problem: AssignmentProblem,
        classes: SlotClasses,
        price: NDArray[np.int64],
        pairs: NDArray[np.int64],
        bonus: int,
        watch: Watch,
        expanded: NDArray[np.bool_] | None = None,
    ) -> None:
        self.watch = watch
        self.problem, self.classes, self.bonus = problem, classes, bonus
        assert problem.slots is not None  # noqa: S101 - whoever calls has looked
        self.slots = problem.slots
        self.pinned = np.zeros(problem.n_rows, np.bool_)
        self.pinned[problem.pins[:, 0]] = True
        self.expanded = np.zeros(problem.n_columns, np.bool_)
        if expanded is not None:
            self.expanded |= expanded
        none = np.empty(0, np.int64)
        self.edges = Edges(none, none, none)
        self.sweep = SlotSweep(problem) if fits_sweep(problem) else None
        found = self._begin(price) if self.sweep is None else self.sweep.begin(price, _FIRST)
        own = pairs[~self.pinned[pairs[:, 0]]]
        pins = problem.pins
        self._add(
            np.concatenate([found[0], own[:, 0], pins[:, 0]]),
            np.concatenate([found[1], own[:, 1], pins[:, 1]]),
        )
        self.chosen = self.covered = pairs
        self.tight = none, none  # pairs worth to their rows what prices leave, and more
        self.expanded |= find_crowded(self, pairs)  # they would be found crowded anyway

    # -- candidates ----------------------------------------------------------------------------

    def _add(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> int:
        """Make pairs candidates; return how many were none before."""
        m = self.problem.n_columns
        old = self.edges.row * m + self.edges.column
        key = np.sort(rows * m + columns)
        key = key[np.diff(key, prepend=-1) > 0]
        if len(old):
            key = key[old[np.minimum(np.searchsorted(old, key), len(old) - 1)] != key]
        if len(key):
            row, column = np.divmod(key, m)
            gain, _ = self.problem.gains.pairs(row, column)
            every = np.concatenate([old, key])
            order = np.argsort(every, kind="stable")
            row, column = np.divmod(every[order], m)
            self.edges = Edges(row, column, np.concatenate([self.edges.gain, gain])[order])
        return len(key)

    def _begin(self, price: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the best few pairs of every open row under prices of places alone."""
        n_rows, n_columns = self.problem.gains.shape
        usable = self.problem.capacity > 0
        keep = min(_FIRST, n_columns)

        def measure(rows: slice) -> NDArray[np.int64]:
            gain, allowed = self.problem.gains.block(rows, slice(0, n_columns))
            allowed = allowed & usable & ~self.pinned[rows, None]
            return np.where(allowed, gain - price, _FAR)

        def look(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            value = measure(rows)
            floor = np.maximum(value.max(axis=1) - reach, _FAR + 1)
            row, column = np.divmod(np.flatnonzero(value >= floor[:, None]), n_columns)
            order = np.lexsort((column, -value[row, column], row))
            row, column = row[order], column[order]
            near = np.arange(len(row)) - np.searchsorted(row, row, "left") < 2 * keep
            return row[near] + rows.start, column[near]

        if not n_columns or not n_rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        # How far the last of the best few is from the first, in a sample: comparing all others
        # with that is much faster than sorting.
        best = -np.partition(-measure(slice(0, min(_SAMPLE, n_rows))), keep - 1, axis=1)[:, :keep]
        spread = np.where(best[:, -1] > _FAR, best[:, 0] - best[:, -1], 0)
        reach = int(np.median(spread))
        return _join(map_blocks(look, _stripes(n_rows)))

    def collect(
        self, prices: SlotPrices, *, worth_one: bool, keep: int, bonus: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the best pairs of open rows that are worth more than prices leave their rows.

        Parameters
        ----------
        prices : SlotPrices
            The prices.
        worth_one : bool
            Whether every pair is worth 1.
        keep : int
            Pairs of a row that are returned at most.
        bonus : int, optional
            What every pair is given on top; default: none if it is worth 1, else that of the
            rounds.

        Returns
        -------
        rows, columns : ndarray of int64
            The pairs.
        """
        if bonus is None:
            bonus = 0 if worth_one else self.bonus
        if self.sweep is not None and not (worth_one or prices.shared or prices.scale > 1):
            found, self.tight = self.sweep.collect(prices, bonus, keep)
            return found
        part = None
        n_rows = self.problem.n_rows
        if worth_one:  # few rows can gain by any pair, and by pairs with few columns
            asked = prices.column
            if not self.slots.open_row.any():
                asked = asked + find_least_costs(self.slots, prices)
            most = prices.scale * (1 + bonus) - int(asked.min(initial=0))
            some = np.flatnonzero((prices.profit < most) & ~self.pinned)
            least = int(prices.profit[some].min(initial=0))
            few = np.flatnonzero(prices.scale * (1 + bonus) - asked > least)
            part = take_gains(self.problem.gains, some, few), some, few
            n_rows = len(some)

        def look(rows: slice) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
            row, column, value = price_pairs(
                self.problem, prices, bonus, rows, worth_one=worth_one, or_equal=True, part=part
            )
            own = ~self.pinned[row]
            row, column, value = row[own], column[own], value[own]
            more = np.flatnonzero(value > prices.profit[row])
            more = more[np.lexsort((column[more], -value[more], row[more]))]
            first = np.searchsorted(row[more], row[more], "left")
            more = more[np.arange(len(more)) - first < keep]
            return (row[more], column[more]), (row, column)

        parts = map_blocks(look, _stripes(n_rows))
        if not worth_one:
            self.tight = _join([equal for _, equal in parts])
        return _join([found for found, _ in parts])

    # -- rounds --------------------------------------------------------------------------------

    def improve(self) -> SlotPrices:
        """Return prices under which no pair is worth more than they leave its row."""
        while True:
            _, prices = self._solve(worth_one=False)
            crowded = find_crowded(self, self.chosen) & ~self.expanded
            found = self.collect(prices, worth_one=False, keep=_KEEP)
            if not self._add(*found) and not crowded.any():
                return prices
            self.expanded |= crowded

    def cover(self) -> tuple[int, SlotPrices]:
        """Return how many rows can be matched at most, and the prices that prove it."""
        matched, prices = self._solve(worth_one=True)
        while self._add(*self.collect(prices, worth_one=True, keep=_KEEP)):
            matched, prices = self._solve(worth_one=True)
        return matched, prices

    def bound_coverage(self) -> tuple[int, SlotPrices]:
        """Return the same after :meth:`improve`: its flow may be one of most rows."""
        try:
            matched, prices = self._read(*self.last, worth_one=True)
        except ArithmeticError:  # it is not
            return self.cover()
        if self._add(*self.collect(prices, worth_one=True, keep=_KEEP)):
            return self.cover()
        return matched, prices

    def count(self, wanted: int) -> tuple[int, SlotPrices]:
        """Return how many rows can be matched with slots of their own, as :meth:`cover` does.

        Where the calendars are a network, the number is reached, unless it is less than wanted:
        only then the prices prove it.
        """
        while True:
            matched, prices = self._solve(worth_one=True)
            if matched < wanted:
                if not self._add(*self.collect(prices, worth_one=True, keep=_KEEP)):
                    return matched, prices
                continue
            crowded = find_crowded(self, self.covered) & ~self.expanded
            if not crowded.any():
                return matched, prices
            self.expanded |= crowded

    def _solve(self, *, worth_one: bool) -> tuple[int, SlotPrices]:
        """Solve on the candidates; return how many rows are matched, and prices."""
        self.watch.check()
        drawing = draw_slots(self.problem, self.classes, self.edges, self.expanded)
        flow = find_cheapest_flow(drawing.layout.network, self._charge(drawing, worth_one))
        if not worth_one:
            self.last = drawing, flow
        return self._read(drawing, flow, worth_one=worth_one)

    def _charge(self, drawing: SlotArcs, worth_one: bool) -> NDArray[np.int64]:
        """Return the cost of every arc."""
        layout = drawing.layout
        if worth_one:
            return layout.spend(on_idle=1)
        return layout.spend(on_pairs=-self.edges.gain[drawing.pair], on_idle=self.bonus)

    def _read(
        self, drawing: SlotArcs, flow: NDArray[np.int64], *, worth_one: bool
    ) -> tuple[int, SlotPrices]:
        """Return how many rows a cheapest flow matches, and the prices that prove it cheapest."""
        layout, cost = drawing.layout, self._charge(drawing, worth_one)
        bonus = 0 if worth_one else self.bonus
        potential = find_potentials(layout.network, cost, flow, layout.sink)
        used = drawing.pair[flow[layout.pair_arcs] > 0]
        seated = np.stack([self.edges.row[used], self.edges.column[used]], axis=1)
        if worth_one:
            self.covered = seated
        else:
            self.chosen = seated
        shape = (self.problem.n_columns, self.classes.n_classes)
        column, (of_class,) = layout.read_prices(potential, self.problem.at_least, [shape])
        time = np.zeros((len(column), self.slots.n_slots), np.int64)
        j, label = np.nonzero(of_class)
        time[j, self.classes.point[j, label]] = of_class[j, label]
        value = np.ones_like(self.edges.gain) if worth_one else self.edges.gain + bonus
        value = value[drawing.pair] - column[self.edges.column[drawing.pair]]
        priced = drawing.label >= 0
        owner = self.edges.column[drawing.pair[priced]]
        value[priced] -= of_class[owner, drawing.label[priced]]
        profit = np.zeros(self.problem.n_rows, np.int64)
        profit[self.pinned] = _FAR
        np.maximum.at(profit, self.edges.row[drawing.pair], value)
        paid = np.take_along_axis(of_class, np.maximum(self.classes.of, 0), axis=1)
        cost = np.where(self.classes.of >= 0, paid, 0)
        return len(used), SlotPrices(column, time, cost, profit)


def _stripes(n_rows: int) -> list[slice]:
    return [slice(top, min(top + _HEIGHT, n_rows)) for top in range(0, n_rows, _HEIGHT)]


def _join(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    none = np.empty(0, np.int64)
    return (
        np.concatenate([none, *(part[0] for part in parts)]),
        np.concatenate([none, *(part[1] for part in parts)]),
    )


def find_crowded(rounds: MeetingRounds, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the columns whose rows cannot each have a class of slots to itself, or nearly so.

    Columns whose rows have hardly more classes than they need come along: they are next.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    slots, classes = rounds.slots, rounds.classes
    load = np.bincount(pairs[:, 1], minlength=rounds.problem.n_columns)
    asks = (load[pairs[:, 1]] > 1) & ~slots.open_row[pairs[:, 0]] & ~slots.open_column[pairs[:, 1]]
    some = pairs[asks]
    pair, label = list_classes(slots, classes, some[:, 0], some[:, 1])
    used, place = np.unique(some[pair, 1] * classes.n_classes + label, return_inverse=True)
    graph = csr_array(
        (np.ones(len(pair), np.int8), (pair, place)), shape=(len(some), max(1, len(used)))
    )
    mate = maximum_bipartite_matching(graph, perm_type="column")
    crowded = np.zeros(rounds.problem.n_columns, np.bool_)
    crowded[some[mate < 0, 1]] = True
    if crowded.any():
        owner, _ = np.divmod(used, classes.n_classes)
        n_own = np.bincount(owner, minlength=rounds.problem.n_columns)
        needed = np.bincount(some[:, 1], minlength=rounds.problem.n_columns)
        crowded |= (needed > 1) & (n_own <= needed + _SPARE)
    return crowded
