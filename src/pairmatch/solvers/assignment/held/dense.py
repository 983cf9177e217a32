"""Exact plans for dense problems with one place each: a dense solver, and the proof it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.flow import find_safe_bonus, settle_ties
from pairmatch.solvers.assignment.held.layout import draw_network
from pairmatch.solvers.assignment.held.remainder import Edges, Remainder, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.ties import ROUND_BITS, draw_weight_block
from pairmatch.solvers.assignment.held.watch import Watch
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["fits_dense", "solve_dense"]

_EXACT = 2**53
_LONG = 2**18  # pairs from which on the clock and Ctrl-C are heard while the solver works
_CHUNK = 32  # rows at a time, each with the prices that the rows before it have raised


def fits_dense(problem: AssignmentProblem) -> bool:
    """Return whether a problem has one place each, no minimum loads and no quota that binds.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.

    Returns
    -------
    bool
        Whether :func:`solve_dense` may be asked.
    """
    left = set_pins(problem)
    return bool(
        left.capacity.max(initial=0) <= 1
        and problem.demand.max(initial=1) <= 1
        and not left.at_least.any()
        and all(room[left.capacity > 0].min(initial=1) > 0 for room in left.room)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The dense problem: open rows, columns with a place, and the value of every pair.

    ``value = (gain + bonus) * scale + rest`` where ``usable``, else 0; the rests along any path
    add up to less than ``scale / 2``. ``full``: every pair may be formed and as many as possible
    are wanted, so that nothing else competes; then ``value`` goes without the bonus.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    gain: NDArray[np.int64]
    usable: NDArray[np.bool_] | None
    value: NDArray[np.float64]
    bonus: int
    scale: int
    next_turn: int

    @property
    def full(self) -> bool:
        return self.usable is None


def solve_dense(
    problem: AssignmentProblem, watch: Watch | None = None
) -> AssignmentSolution | None:
    """Return the best plan of a problem with one place each, or None if it does not fit.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem for which :func:`fits_dense` holds.
    watch : Watch, optional
        The clock.

    Returns
    -------
    AssignmentSolution or None
        The plan that :func:`.solve_by_flow` returns, with the
        smallest prices there are; None if 53 bits are too few for the gains.

    Raises
    ------
    OutOfTime
        If the time limit is reached.

    Notes
    -----
    Shortest augmenting paths, O(n^3), in float64 on integers: D. F. Crouse, "On implementing 2D
    rectangular assignment algorithms", IEEE Trans. Aerosp. Electron. Syst. 52 (2016), 1679-1696,
    https://doi.org/10.1109/TAES.2016.140952. That solver returns no prices. They are the longest
    paths in the residual graph of its matching; that these exist proves the matching best, whatever
    rounding may have done to the search.
    """
    watch = watch or Watch()
    left = set_pins(problem)
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    table = _tabulate(problem, left, gain, allowed)
    if table is None:
        return None
    match = _match(table, watch)
    price = _find_prices(table, match, watch)
    if price is None:
        return None
    match = _settle(table, match, price, problem.n_columns, watch)
    taken = match >= 0
    pairs = np.stack([table.rows[taken], table.columns[match[taken]]], axis=1)
    pairs = np.concatenate([problem.pins, pairs])
    return AssignmentSolution(
        pairs=pairs[np.argsort(pairs[:, 0], kind="stable")],
        prices=_scale_back(problem, table, match, price),
        status=Status.OPTIMAL,
        solver="dense assignment",
    )


def _tabulate(
    problem: AssignmentProblem, left: Remainder, gain: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> _Table | None:
    """Return the values that make one objective of all, or None if 53 bits are too few."""
    columns = np.flatnonzero(left.capacity > 0)
    most = min(len(left.rows), len(columns))
    total = problem.objective == "total"
    if len(left.rows) < len(gain):
        gain, allowed = gain[left.rows], allowed[left.rows]
    bonus = 0 if total else find_safe_bonus(gain if allowed.all() else gain[allowed], most)
    if len(columns) < gain.shape[1]:
        gain, allowed = gain[:, columns], allowed[:, columns]
    usable = None
    if not allowed.all() or (total and gain.min(initial=0) < 0):
        usable = allowed & (gain >= 0) if total else allowed
        gain = np.where(usable, gain, 0)
    added = 0 if usable is None else bonus
    low, high = int(gain.min(initial=0)), int(gain.max(initial=0))
    for n_turns in (1, 0):
        ties = 2 * (most + 2) << ROUND_BITS[0] if n_turns else 1
        # Under "total", matched rows come before ties: a pair of gain 0 is better than none.
        extra = ties if total and usable is not None else 0
        scale = 2 * (most + 2) * (extra + ties) if extra else ties
        if (max(-low, high) + added + 1) * scale < _EXACT // 8 and bonus < _EXACT:
            break
    else:
        return None
    value = gain.astype(np.float64, order="C")
    if scale > 1:
        value *= scale
    if added or extra:
        value += added * scale + extra
    if n_turns:
        value += draw_weight_block(left.rows, columns, 0)
    if usable is not None:
        value[~usable] = 0
    return _Table(left.rows, columns, gain, usable, value, bonus, scale, n_turns)


def _match(table: _Table, watch: Watch) -> NDArray[np.int64]:
    """Return the column of each row, or -1, in a matching of the largest value."""
    from scipy.optimize import linear_sum_assignment

    value = table.value
    n_rows, n_columns = value.shape
    match = np.full(n_rows, -1)
    if not value.size:
        return match
    # Costs with a 0 in every line that must be used: the search ends sooner.
    if n_rows <= n_columns:
        cost = value.max(axis=1)[:, None] - value
        if n_rows == n_columns:
            cost -= cost.min(axis=0)
    else:
        cost = value.max(axis=0) - value
    watch.check()
    if cost.size < _LONG:
        row, column = linear_sum_assignment(cost)
    else:
        row, column = watch.wait(lambda: linear_sum_assignment(cost))
    match[row] = column
    if table.usable is not None:
        match[row[~table.usable[row, column]]] = -1
    return match


def _find_prices(
    table: _Table, match: NDArray[np.int64], watch: Watch
) -> NDArray[np.float64] | None:
    """Return the smallest prices that prove a matching best, or None if it is not.

    Longest paths by Bellman-Ford: the price of a place is at least what a row that wants it would
    gain over its own place, price included.
    """
    value = table.value
    n_rows, n_columns = value.shape
    taken, alone = np.flatnonzero(match >= 0), np.flatnonzero(match < 0)
    price = np.zeros(n_columns)
    if len(alone):
        price = value[alone].max(axis=0, initial=-np.inf if table.full else 0.0)
    owner = np.full(n_columns, -1)
    owner[match[taken]] = taken
    paid = np.zeros(n_rows)
    paid[taken] = value[taken, match[taken]]
    rows = taken
    rounds = 0
    while len(rows):
        rounds += 1
        if rounds > n_columns + 2:
            return None  # prices rise for ever: some cycle of moves makes the plan better
        watch.check()
        # Rows whose own price is highest raise others most.
        rows = rows[np.argsort(-price[match[rows]], kind="stable")]
        known = price.copy()  # the prices with which each row was last looked at
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            known[match[part]] = price[match[part]]
            lift = price[match[part]] - paid[part]
            np.maximum(price, (value[part] + lift[:, None]).max(axis=0), out=price)
        rows = owner[price > known]
        if (rows < 0).any():
            return None  # a free place is wanted: filling it makes the plan better
    profit = paid[taken] - price[match[taken]]
    if (profit < 0).any() and not (table.full and n_rows <= n_columns):
        return None
    return price


def _settle(
    table: _Table,
    match: NDArray[np.int64],
    price: NDArray[np.float64],
    n_columns: int,
    watch: Watch,
) -> NDArray[np.int64]:
    """Return the matching that the common rule for ties picks among all best ones."""
    n_rows = len(match)
    taken = match >= 0
    profit = np.zeros(n_rows)
    profit[taken] = table.value[taken, match[taken]] - price[match[taken]]
    tight = table.value - price == profit[:, None]
    if table.usable is not None:
        tight &= table.usable
    row, column = np.nonzero(tight)
    if len(row) == np.count_nonzero(taken):
        return match
    edges = Edges(table.rows[row], table.columns[column], np.zeros(len(row), np.int64))
    places = np.zeros(n_columns, np.int64)
    places[table.columns] = 1
    none, ones = np.zeros_like(places), np.ones(n_rows, np.int64)
    left = Remainder(table.rows, places, none, none, (), ones, ones == 0)
    layout = draw_network(edges, left, {})
    network = layout.network
    # Only a place of price 0 may stay free, only a row of profit 0 may stay alone.
    must = table.full and n_rows > len(table.columns)
    network.lower[layout.load_arcs][table.columns[(price > 0) | must]] = 1
    must = table.full and n_rows <= len(table.columns)
    network.upper[layout.idle_arcs][(profit > 0) | must] = 0
    flow = np.zeros(len(network.tail), np.int64)
    flow[layout.pair_arcs] = match[row] == column
    flow[layout.load_arcs][table.columns[match[taken]]] = 1
    flow[layout.idle_arcs] = ~taken
    flow = settle_ties(network, flow, layout, edges, first_turn=table.next_turn, watch=watch)
    chosen = flow[layout.pair_arcs] > 0
    settled = np.full(n_rows, -1)
    settled[row[chosen]] = column[chosen]
    return settled


def _scale_back(
    problem: AssignmentProblem, table: _Table, match: NDArray[np.int64], price: NDArray[np.float64]
) -> Prices:
    """Return prices in gains, for every column of the problem.

    A price is the value of a longest path; in ``value`` the gains of a path come first and its
    rests stay below half a unit of them, so rounding gives the longest path in gains alone.
    """
    scale, bonus = table.scale, table.bonus
    open_price = (price.astype(np.int64) + scale // 2) // scale
    if table.full and len(match) > len(open_price):
        open_price += bonus
    taken = match >= 0
    profit = np.zeros(len(match), np.int64)
    profit[taken] = table.gain[taken, match[taken]] + bonus - open_price[match[taken]]
    column = np.zeros(problem.n_columns, np.int64)
    column[table.columns] = open_price
    closed = np.setdiff1d(np.arange(problem.n_columns), table.columns)
    if len(closed) and len(match):
        for j in closed:
            gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(j, j + 1))
            wish = np.where(allowed, gain + bonus, 0)[table.rows, 0] - profit
            column[j] = max(0, int(wish.max()))
    room = price_no_quota(problem)
    coverage = None
    if table.usable is not None and problem.objective == "coverage":
        coverage = Prices(column=_cover(problem, table, match), quota=room)
    return Prices(column=column, quota=room, bonus=bonus, coverage=coverage)


def _cover(
    problem: AssignmentProblem, table: _Table, match: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return 1 for the columns of a smallest vertex cover (Koenig), 0 for the others.

    Covered are the columns that rows left alone compete for, directly or through others.
    """
    usable = np.ones_like(table.value, np.bool_) if table.usable is None else table.usable
    owner = np.full(len(table.columns), -1)
    taken = np.flatnonzero(match >= 0)
    owner[match[taken]] = taken
    seen = np.zeros(len(table.columns), np.bool_)
    rows = np.flatnonzero(match < 0)
    while len(rows):
        new = usable[rows].any(axis=0) & ~seen
        seen |= new
        rows = owner[new]
    column = np.ones(problem.n_columns, np.int64)
    column[table.columns] = seen
    return column
