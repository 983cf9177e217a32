"""Whether any plan within budgets beats an answer: a small search, bounded by prices.

Prices of rows make a bound in which every column fills its budget as it likes. Given that, each
pair tells what a plan that has it can be worth at most. Pairs that no better plan can have are
struck out; where that is not enough, the choices of one row are tried one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.budgets import count_room
from pairmatch.solvers.certify.sums import add_up, find_magnitude

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["is_unbeaten"]

_MOST_PAIRS = 2**14  # pairs of a problem that is searched at all
_MOST_UNITS = 2**11  # units of a budget that are told apart
_CELLS = 2**24  # cells of knapsacks that are filled in all
_MOST_CASES = 5000
_MOST_LEFT = 4  # pairs a row that may be left after the first look
_NEVER = -(2**61)
_LIMIT = 2**60


def is_unbeaten(
    problem: AssignmentProblem,
    prices: Prices,
    pairs: NDArray[np.int64],
    charge: Callable[[slice, slice], NDArray[np.int64]],
    fixed: int,
) -> bool:
    """Return whether a search shows that no plan, of as many pairs if that counts, is better.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; its first budget is kept by each column, all other limits by prices.
    prices : Prices
        Prices, those of rows included.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A plan.
    charge : callable
        What the pairs of a block pay apart from the price of the row, less the bonus.
    fixed : int
        What the prices of everything but rows and the first budget add to the bound.

    Returns
    -------
    bool
        False if some plan is better, if there are no prices of rows or budgets, or if the search
        would be a long one.

    Notes
    -----
    Branch and bound on the Lagrangian relaxation of "each row once", the prices the same
    throughout: M. L. Fisher, R. Jaikumar, L. N. Van Wassenhove, "A multiplier adjustment method
    for the generalized assignment problem", Management Science 32 (1986), 1095-1103,
    https://doi.org/10.1287/mnsc.32.9.1095. At most 16,777,216 cells of knapsacks.
    """
    counted = problem.objective != "total"
    if prices.row is None or not problem.budgets or not (counted or prices.bonus == 0):
        return False
    if problem.n_rows * problem.n_columns > _MOST_PAIRS:
        return False
    free = pairs[~np.isin(pairs[:, 0], problem.pins[:, 0])]
    gain = problem.gains.pairs(free[:, 0], free[:, 1])[0]
    goal = prices.scale * (add_up(gain) + prices.bonus * len(gain))
    everybody = counted and len(pairs) == problem.n_rows
    board, case = _open(problem, prices, charge, fixed, goal, everybody=everybody)
    sizes = [find_magnitude(a) for a in (board.worth, board.value, board.row)]
    if len(board.row) == 0 or sum(sizes) * (problem.n_rows + problem.n_columns) >= _LIMIT:
        return False
    stack, n_cases = [case], 0
    while stack:
        case = stack.pop()
        struck = board.strike(case)
        if struck is None:
            continue
        n_cases += 1
        if board.n_cells > _CELLS or n_cases > _MOST_CASES:
            return False
        n_left = np.count_nonzero(struck.fits, axis=1) + struck.idle
        if n_cases == 1 and int(n_left.sum()) > _MOST_LEFT * len(n_left):
            return False
        if (n_left == 1).all():
            if board.add_up(struck) > goal:
                return False
            continue
        row = int(np.where(n_left > 1, n_left, len(struck.room) + 2).argmin())
        stack += board.split(struck, row)
    return True


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """The plans that have only some pairs; an array that is shared is never written to."""

    fits: NDArray[np.bool_]  # which pairs may be had
    idle: NDArray[np.bool_]  # which rows may be left out
    room: NDArray[np.int64]


def _open(
    problem: AssignmentProblem,
    prices: Prices,
    charge: Callable[[slice, slice], NDArray[np.int64]],
    fixed: int,
    goal: int,
    *,
    everybody: bool,
) -> tuple[_Board, _Case]:
    """Return the open rows of a problem, and the case of all their plans."""
    every = slice(0, problem.n_rows), slice(0, problem.n_columns)
    is_open = np.ones(problem.n_rows, np.bool_)
    is_open[problem.pins[:, 0]] = False
    gain, allowed = problem.gains.block(*every)
    fits, rooms = allowed & (problem.capacity > 0), count_room(problem)
    for budget, room in zip(problem.budgets, rooms, strict=True):
        fits &= budget.block(*every) <= room
    worth = prices.scale * (gain + prices.bonus)
    value = prices.scale * gain - charge(*every)
    use, room = problem.budgets[0].block(*every).astype(np.int64), rooms[0].copy()
    for j in range(problem.n_columns):  # rounded down: whatever fitted still fits
        unit = max(1, int(np.gcd.reduce(use[:, j])), int(room[j]) // _MOST_UNITS + 1)
        room[j] //= unit
        use[:, j] = use[:, j] // unit
    row = np.zeros(problem.n_rows, np.int64) if prices.row is None else prices.row
    value = value - row[:, None]
    goal += prices.scale - 1  # whatever is worth more is worth a whole gain more
    board = _Board(worth[is_open], value[is_open], use[is_open], row[is_open], fixed, goal)
    idle = np.full(len(board.row), not everybody)
    return board, _Case(fits[is_open], idle, room)


class _Board:
    """What pairs are worth and use, and how many cells have been filled."""

    def __init__(
        self,
        worth: NDArray[np.int64],
        value: NDArray[np.int64],
        use: NDArray[np.int64],
        row: NDArray[np.int64],
        fixed: int,
        goal: int,
    ) -> None:
        self.worth, self.value, self.use, self.row = worth, value, use, row
        self.fixed, self.goal = fixed, goal
        self.n_cells = 0
        self.known: dict[tuple[int, bytes], tuple[int, NDArray[np.int64], NDArray[np.int64]]] = {}

    def strike(self, case: _Case) -> _Case | None:
        """Strike out what no better plan can have; return None if that leaves none."""
        while True:
            case = replace(case, fits=case.fits & (self.use <= case.room))
            bound = self.fixed + int(self.row.sum())
            lost = np.zeros(case.fits.shape, np.int64)  # without the row at this column
            gained = np.full(case.fits.shape, _NEVER)  # with it
            for j in np.flatnonzero(case.fits.any(axis=0)).tolist():
                most, lost[:, j], gained[:, j] = self.look(case, j)
                bound += most
            without = bound - lost.sum(axis=1)
            stays = (without[:, None] + lost + gained > self.goal) & case.fits
            idle = case.idle & (without - self.row > self.goal)
            if bound <= self.goal or not (stays.any(axis=1) | idle).all():
                return None
            if (stays == case.fits).all() and (idle == case.idle).all():
                return case
            case = replace(case, fits=stays, idle=idle)

    def look(self, case: _Case, j: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Return what a column makes of its budget, and how each row that fits changes that."""
        key = j, case.fits[:, j].tobytes()  # most cases differ in a few columns only
        if key not in self.known:
            lost, gained = np.zeros(len(self.row), np.int64), np.full(len(self.row), _NEVER)
            self.known[key] = self.fill(case, j, lost, gained), lost, gained
        return self.known[key]

    def fill(self, case: _Case, j: int, lost: NDArray[np.int64], gained: NDArray[np.int64]) -> int:
        """Return what a column makes of its budget; write how each row that fits changes that."""
        room, value, use = int(case.room[j]), self.value[:, j], self.use[:, j]
        items = np.flatnonzero(case.fits[:, j] & (value > 0))
        self.n_cells += 2 * (len(items) + 1) * (room + 1)
        before, after = (_fill_up(value[some], use[some], room) for some in (items, items[::-1]))
        most = int(before[-1, room])
        for k, i in enumerate(items.tolist()):
            rest, other = before[k], after[len(items) - 1 - k]
            left = room - int(use[i])
            lost[i] = most - int((rest + other[::-1]).max())
            both = rest[: left + 1] + other[left::-1]
            gained[i] = int(value[i]) + int(both.max()) - most
        for i in np.flatnonzero(case.fits[:, j] & (value <= 0)).tolist():
            gained[i] = int(value[i]) + int(before[-1, room - int(use[i])]) - most
        return most

    def add_up(self, case: _Case) -> int:
        """Return what the one plan is worth that a case leaves; nothing if it does not fit."""
        used = np.where(case.fits, self.use, 0).sum(axis=0)
        return _NEVER if (used > case.room).any() else int(self.worth[case.fits].sum())

    def split(self, case: _Case, row: int) -> list[_Case]:
        """Return the cases in which a row makes one of its choices."""
        cases = []
        for j in [*np.flatnonzero(case.fits[row]).tolist(), -1]:
            fits, idle = case.fits.copy(), case.idle.copy()
            fits[row] = False
            idle[row] = False
            if j >= 0:
                fits[row, j] = True
            elif case.idle[row]:
                idle[row] = True
            else:
                continue
            cases.append(_Case(fits, idle, case.room))
        return cases


def _fill_up(value: NDArray[np.int64], use: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """Return what the first k items are worth in each room, shape (n_items + 1, room + 1)."""
    best = np.zeros((len(value) + 1, room + 1), np.int64)
    for k, (worth, needed) in enumerate(zip(value.tolist(), use.tolist(), strict=True)):
        best[k + 1] = best[k]
        np.maximum(best[k, needed:], best[k, : room + 1 - needed] + worth, out=best[k + 1, needed:])
    return best
