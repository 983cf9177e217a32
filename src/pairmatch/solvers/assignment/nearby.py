"""The best plan near a running one: only rows and columns that changes reach are looked at.

The running plan was proved best, so its prices say what every untouched row and column is worth.
A change is settled in a small problem around it; prices then tell which rows and columns outside
would like to take part, and the problem grows by these until nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.layout import draw_network
from pairmatch.solvers.assignment.network import find_cheapest_flow, find_potentials
from pairmatch.solvers.assignment.remainder import collect_edges, set_pins
from pairmatch.solvers.assignment.rematching import HullPoint, Rematching, TooManyChangesError
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Index = slice | NDArray[np.int64]
    Look = Callable[[Index, Index], tuple[NDArray[np.int64], NDArray[np.bool_]]]

__all__ = ["Ground", "solve_nearby"]

_ABSENT = -(2**52)  # worth of a pair that is not allowed; below every other
_MOST_ACTIVE = 800
_ROUNDS = 400
_EACH = 4  # pairs of each row, and of each column, that a flow is given before prices ask for more
_AT_ONCE = 24  # columns, and rows, that are let in at a time: prices then put others off


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the running plan's proof says of the rows and columns that are still the same.

    Parameters
    ----------
    row : ndarray of int64, shape (n_rows,)
        What prices leave each row; -1 for rows that are new or have changed.
    column : ndarray of int64, shape (n_columns,)
        Price of a place; -1 for columns that are new or have changed.
    bonus : int
        What every pair got on top of its gain.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    bonus: int


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    point: HullPoint
    price: NDArray[np.int64]
    keep: int
    scale: int


class _Nearby:
    """The small problem around the changes, which grows while it is solved."""

    def __init__(
        self, problem: AssignmentProblem, column_of: NDArray[np.int64], ground: Ground, look: Look
    ) -> None:
        self.problem, self.column_of, self.ground, self.look = problem, column_of, ground, look
        n, m = problem.n_rows, problem.n_columns
        self.every_row, self.every_column = slice(0, n), slice(0, m)
        self.old_price = np.maximum(ground.column, 0)
        kept = np.flatnonzero(column_of >= 0)
        gain, _ = problem.gains.pairs(kept, column_of[kept])
        self.own = np.zeros(n, np.int64)
        self.own[kept] = gain + ground.bonus
        self.load = load = np.bincount(column_of[kept], minlength=m)
        capacity = problem.capacity
        self.row_in = np.zeros(n, np.bool_)
        self.column_in = np.zeros(m, np.bool_)
        self.row_place = np.full(n, -1)
        self.row_worth = np.empty((0, m), np.int64)
        self.asked = np.empty(0, np.int64)
        self.column_place = np.full(m, -1)
        self.column_worth = np.empty((n, 0), np.int64)
        idle = (load < capacity) & (self.old_price > 0)
        fresh = (ground.column < 0) & (capacity > 0)
        self.add_rows(np.flatnonzero((ground.row < 0) | ((column_of < 0) & (ground.row > 0))))
        self.add_columns(np.flatnonzero(idle | fresh | (load > capacity)))

    def add_rows(self, rows: NDArray[np.int64]) -> None:
        """Let rows take part, and whoever shares a column with them."""
        rows = rows[~self.row_in[rows]]
        if len(rows):
            self.row_in[rows] = True
            columns = self.column_of[rows]
            self.add_columns(np.unique(columns[columns >= 0]))

    def add_columns(self, columns: NDArray[np.int64]) -> None:
        """Let columns take part, and the rows that they have."""
        columns = columns[~self.column_in[columns]]
        if len(columns):
            self.column_in[columns] = True
            self.add_rows(np.flatnonzero(np.isin(self.column_of, columns)))

    def worth_of_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return gain and bonus of all pairs of some rows."""
        new = rows[self.row_place[rows] < 0]
        if len(new):
            gain, allowed = self.look(new, self.every_column)
            worth = np.where(allowed, gain.astype(np.int64) + self.ground.bonus, _ABSENT)
            self.row_place[new] = len(self.row_worth) + np.arange(len(new))
            self.row_worth = np.concatenate([self.row_worth, worth])
        worth_of: NDArray[np.int64] = self.row_worth[self.row_place[rows]]
        return worth_of

    def worth_of_columns(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return gain and bonus of all pairs of some columns."""
        new = columns[self.column_place[columns] < 0]
        if len(new):
            gain, allowed = self.look(self.every_row, new)
            worth = np.where(allowed, gain.astype(np.int64) + self.ground.bonus, _ABSENT)
            self.column_place[new] = self.column_worth.shape[1] + np.arange(len(new))
            self.column_worth = np.concatenate([self.column_worth, worth], axis=1)
        return self.column_worth[:, self.column_place[columns]]

    def solve(self, keep: int, scale: int) -> _Answer | None:
        """Return the best plan for a price of a change; None if that reaches too far."""
        for _ in range(_ROUNDS):
            rows, columns = np.flatnonzero(self.row_in), np.flatnonzero(self.column_in)
            if len(rows) > _MOST_ACTIVE:
                return None
            whole = self.worth_of_rows(rows)
            here = whole[:, columns]
            allowed = here > _ABSENT
            value = np.where(allowed, scale * here, 0)
            kept = np.flatnonzero(self.column_of[rows] >= 0)
            value[kept, np.searchsorted(columns, self.column_of[rows[kept]])] += keep
            found, bought = self._settle(value, allowed, rows, columns, scale)
            price = scale * self.old_price
            price[columns] = bought
            self._close(whole, price, scale)
            inside = np.where(allowed, value - price[columns], 0).max(axis=1, initial=0)
            if not self._grow(columns, whole, inside, price, keep, scale):
                return self._finish(rows, columns, found, price, keep, scale)
        return None

    def _settle(
        self,
        value: NDArray[np.int64],
        allowed: NDArray[np.bool_],
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        scale: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return a best plan of some rows and columns, and prices under which no pair pays more.

        Few pairs are ever wanted: those that are best at the old prices, and then whichever the
        new prices ask for.
        """
        capacity, zero = self.problem.capacity[columns], np.zeros(len(columns), np.int64)
        code = rows[:, None] * self.problem.n_columns + columns
        left = np.where(allowed, value - scale * self.old_price[columns], _ABSENT * scale)
        wanted = np.isin(code, self.asked)
        some = min(_EACH, len(columns))
        if some:
            best = np.argpartition(-left, some - 1, axis=1)[:, :some]
            np.put_along_axis(wanted, best, values=True, axis=1)
            top = np.argpartition(-left, min(_EACH, len(rows)) - 1, axis=0)[:_EACH]
            np.put_along_axis(wanted, top, values=True, axis=0)
        own = np.flatnonzero(self.column_of[rows] >= 0)
        wanted[own, np.searchsorted(columns, self.column_of[rows[own]])] = True
        while True:
            wanted &= allowed
            gains = MatrixGains(np.where(wanted, value, 0), wanted)
            small = AssignmentProblem(gains, capacity, zero, objective="total")
            found, price = settle_small(small)
            left = np.where(allowed, value - price, 0)
            profit = np.where(wanted, left, 0).max(axis=1, initial=0)
            better = left > profit[:, None]
            if not better.any():
                return found, price
            # The best of each row is enough: others come again if they are still wanted.
            line = np.flatnonzero(better.any(axis=1))
            most = left[line].argmax(axis=1)
            wanted[line, most] = True
            self.asked = np.union1d(self.asked, code[line, most])

    def _close(self, whole: NDArray[np.int64], price: NDArray[np.int64], scale: int) -> None:
        """Raise prices of columns without places, which cost nothing, until nobody wants one."""
        closed = np.flatnonzero(self.problem.capacity == 0)
        price[closed] = np.maximum(price[closed], scale * whole[:, closed].max(axis=0, initial=0))
        fresh = closed[self.ground.column[closed] < 0]
        if len(fresh):
            most = self.worth_of_columns(fresh).max(axis=0, initial=0)
            price[fresh] = np.maximum(price[fresh], scale * np.maximum(most, 0))

    def _grow(
        self,
        columns: NDArray[np.int64],
        whole: NDArray[np.int64],
        inside: NDArray[np.int64],
        price: NDArray[np.int64],
        keep: int,
        scale: int,
    ) -> bool:
        """Add whoever would like to take part at these prices; return whether anybody does."""
        grew = False
        outside = np.where(whole > _ABSENT, scale * whole - price, _ABSENT)
        outside[:, columns] = _ABSENT
        excess = (outside - inside[:, None]).max(axis=0, initial=_ABSENT)
        over = np.flatnonzero(excess > 0)
        if len(over):
            # Kept pairs are worth a change more than the old proof says: as long as all places of
            # a column are theirs, its price may rise by as much, and nobody moves.
            raised = price[over] + excess[over]
            room = scale * self.old_price[over] + keep
            full = self.load[over] >= self.problem.capacity[over]
            fine = full & (raised <= room)
            price[over[fine]] = raised[fine]
            rest = over[~fine]
            if len(rest):
                self.add_columns(rest[np.argsort(-excess[rest], kind="stable")[:_AT_ONCE]])
                grew = True
        fresh = self.ground.column[columns] < 0
        cheap = columns[fresh | (price[columns] < scale * self.old_price[columns])]
        if len(cheap):
            profit = np.zeros(self.problem.n_rows, np.int64)
            mine = np.flatnonzero(self.column_of >= 0)
            profit[mine] = scale * self.own[mine] + keep - price[self.column_of[mine]]
            worth = self.worth_of_columns(cheap)
            more = np.where(worth > _ABSENT, scale * worth - price[cheap], _ABSENT)
            more -= profit[:, None]
            more[self.row_in] = _ABSENT
            best = more.argmax(axis=0)
            gains = more[best, np.arange(len(cheap))]
            order = np.argsort(-gains, kind="stable")[:_AT_ONCE]
            order = order[gains[order] > 0]
            if len(order):
                self.add_rows(np.unique(best[order]))
                grew = True
        return grew

    def _finish(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        found: NDArray[np.int64],
        price: NDArray[np.int64],
        keep: int,
        scale: int,
    ) -> _Answer:
        still = np.flatnonzero((self.column_of >= 0) & ~self.row_in)
        pairs = np.concatenate(
            [
                np.stack([still, self.column_of[still]], axis=1),
                np.stack([rows[found[:, 0]], columns[found[:, 1]]], axis=1),
            ]
        )
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        kept = int(np.count_nonzero(self.column_of[pairs[:, 0]] == pairs[:, 1]))
        gain, _ = self.problem.gains.pairs(pairs[:, 0], pairs[:, 1])
        value = int(gain.sum()) + self.ground.bonus * len(pairs)
        return _Answer(HullPoint(pairs, kept, value), price, keep, scale)


def settle_small(
    problem: AssignmentProblem,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a best plan of a small problem of objective "total", and prices of its places.

    One flow and its potentials; which of several best plans it is does not matter here.
    """
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder)
    layout = draw_network(edges, remainder, {})
    cost = layout.spend(on_pairs=-edges.gain)
    flow = find_cheapest_flow(layout.network, cost)
    potential = find_potentials(layout.network, cost, flow, layout.sink)
    price, _ = layout.read_prices(potential, remainder.at_least, [])
    chosen = edges.take(flow[layout.pair_arcs] > 0)
    return np.stack([chosen.row, chosen.column], axis=1), price


def solve_nearby(
    problem: AssignmentProblem,
    column_of: NDArray[np.int64],
    n_kept: int,
    ground: Ground,
    look: Look,
) -> Rematching:
    """Return a plan that keeps at least ``n_kept`` pairs, and prices that bound every such plan.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, without pins, minimum loads, quotas and budgets.
    column_of : ndarray of int64, shape (n_rows,)
        Column of each row in the pairs there were and still may be, -1 for none.
    n_kept : int
        How many of these must stay.
    ground : Ground
        What the running plan's proof says of all that is unchanged.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.

    Returns
    -------
    Rematching
        Proved best at the corners of the concave hull of the trade-off between pairs kept and
        value; between two corners the plan of the one that keeps more, with the hull as bound.
        Where changes reach more than 800 rows, the best plan so far, with the bound so far.

    Raises
    ------
    TooManyChangesError
        If no plan keeps as many.

    Notes
    -----
    O(rows and columns that changes reach x people) time; the others are not looked at.
    """
    near = _Nearby(problem, column_of, ground, look)
    most = int(problem.capacity.sum())
    highest = (min(problem.n_rows, most) + 1) * (2 * ground.bonus + 2_000_000) + 1
    many = near.solve(highest, 1)
    if many is None:
        raise TooManyChangesError(-1)
    if many.point.kept < n_kept:
        raise TooManyChangesError(many.point.kept)
    few: _Answer | None = None
    last = many
    keep = max(1, min(ground.bonus, 2**20)) if ground.bonus else 2**20
    while few is None and many.point.kept > n_kept:
        answer = near.solve(keep, 1) if keep else near.solve(1, len(column_of) + 1)
        if answer is None:
            break
        last = answer
        if answer.point.kept >= n_kept:
            many = answer
        else:
            few = answer
        if keep == 0:
            break
        keep = keep * 3 // 4
    while few is not None and many.point.kept > n_kept:
        rise = few.point.value - many.point.value
        run = many.point.kept - few.point.kept
        middle = near.solve(rise, run)
        if middle is None:
            break
        last = middle
        level = run * many.point.value + rise * many.point.kept
        if run * middle.point.value + rise * middle.point.kept == level:
            if many.point.kept > middle.point.kept >= n_kept:
                many = middle
            break
        if middle.point.kept >= n_kept:
            many = middle
        else:
            few = middle
    proof = many if many.point.kept == n_kept or (few is None and keep == 0) else last
    dual = ChangePrices(Prices(column=proof.price), proof.keep, ground.bonus, proof.scale)
    return Rematching(many.point.pairs, dual, "prices of changes, near the running plan")
