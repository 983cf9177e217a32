"""A valid plan out of an unfinished one: minimum loads are met, rows left out find free places."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.start import take_gains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["LoadsUnmetError", "complete_plan"]

_REST = 0.5  # seconds for seating rows that may as well stay out
_AT_ONCE = 64  # rows or columns looked at in one go
_NEVER = np.iinfo(np.int64).min


class LoadsUnmetError(ArithmeticError):
    """No plan gives these columns their minimum loads.

    Parameters
    ----------
    columns, rows : ndarray of int64
        The columns, and all rows that any of them may have.
    missing : ndarray of int64, shape (n_columns,)
        Rows that each column of the pool still lacks at best.
    """

    def __init__(
        self, columns: NDArray[np.int64], rows: NDArray[np.int64], missing: NDArray[np.int64]
    ) -> None:
        self.columns, self.rows, self.missing = columns, rows, missing
        super().__init__(columns, rows, missing)


def complete_plan(
    gains: Gains,
    capacity: NDArray[np.int64],
    least: NDArray[np.int64],
    pairs: NDArray[np.int64],
    *,
    coverage: bool,
) -> NDArray[np.int64]:
    """Return a plan that keeps every minimum load and leaves out as few rows as time allows.

    Parameters
    ----------
    gains : Gains
        What each pair is worth.
    capacity, least : ndarray of int64, shape (n_columns,)
        Most and fewest rows of each column.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs so far: each row once, no column above its capacity.
    coverage : bool
        Whether a pair is worth having whatever its gain.

    Returns
    -------
    ndarray of int64, shape (at least n_pairs, 2)

    Raises
    ------
    LoadsUnmetError
        If no plan meets the minimum loads.

    Notes
    -----
    Each column below its minimum takes the row that gains most by it, of those that sit nowhere or
    where somebody can be spared; where there is none, alternating paths are followed breadth
    first. O(n_rows) for each row that is missing, and as much for each column on a path.
    """
    if least.any():
        pairs = _meet_loads(gains, least, pairs)
    return _seat_idle(gains, capacity, pairs, coverage=coverage)


def _meet_loads(
    gains: Gains, least: NDArray[np.int64], pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Move rows until every column has its minimum load."""
    n, m = gains.shape
    mate, own = np.full(n, -1), np.zeros(n, np.int64)
    mate[pairs[:, 0]] = pairs[:, 1]
    own[pairs[:, 0]] = gains.pairs(pairs[:, 0], pairs[:, 1])[0]
    load = np.bincount(pairs[:, 1], minlength=m)
    short = np.flatnonzero(load < least)
    part = take_gains(gains, np.arange(n), short)
    stuck, near = np.zeros(m, np.bool_), np.zeros(n, np.bool_)
    for start in range(0, len(short), _AT_ONCE):
        some = slice(start, min(start + _AT_ONCE, len(short)))
        gain, allowed = part.block(slice(0, n), some)
        for k, column in enumerate(short[some].tolist()):
            while load[column] < least[column]:
                spared = allowed[:, k] & _can_be_spared(mate, load, least)
                if not spared.any():
                    if not _follow_paths(gains, least, mate, own, load, column, stuck, near):
                        break
                    continue
                row = int(np.where(spared, gain[:, k] - own, _NEVER).argmax())
                _move(row, column, int(gain[row, k]), mate, own, load)
    if stuck.any():
        missing = np.maximum(least - load, 0)
        raise LoadsUnmetError(np.flatnonzero(stuck), np.flatnonzero(near), missing)
    rows = np.flatnonzero(mate >= 0)
    return np.column_stack([rows, mate[rows]])


def _can_be_spared(
    mate: NDArray[np.int64], load: NDArray[np.int64], least: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which rows sit nowhere, or with a column that has more than its minimum."""
    spared: NDArray[np.bool_] = (mate < 0) | (load > least)[mate]
    return spared


def _move(
    row: int,
    column: int,
    gain: int,
    mate: NDArray[np.int64],
    own: NDArray[np.int64],
    load: NDArray[np.int64],
) -> None:
    """Seat a row with another column."""
    if mate[row] >= 0:
        load[mate[row]] -= 1
    mate[row], own[row] = column, gain
    load[column] += 1


def _follow_paths(
    gains: Gains,
    least: NDArray[np.int64],
    mate: NDArray[np.int64],
    own: NDArray[np.int64],
    load: NDArray[np.int64],
    source: int,
    stuck: NDArray[np.bool_],
    near: NDArray[np.bool_],
) -> bool:
    """Give a column one more row along a path of columns that pass a row on.

    Return False if there is none; then all that was reached is marked.
    """
    n, m = gains.shape
    passed_on = np.full(m, -1)  # the row that a column loses
    wanted_by = np.full(n, -1)  # the column that a row moves to
    is_reached = np.zeros(m, np.bool_)
    is_reached[source] = True
    queue = [source]
    for column in queue:
        gain, allowed = gains.block(slice(0, n), slice(column, column + 1))
        fresh = allowed[:, 0] & (wanted_by < 0) & (mate != column)
        wanted_by[fresh] = column
        spared = np.flatnonzero(fresh & _can_be_spared(mate, load, least))
        if len(spared):
            row = int(spared[(gain[spared, 0] - own[spared]).argmax()])
            while True:
                taker = int(wanted_by[row])
                worth = gains.pairs(np.array([row]), np.array([taker]))[0]
                _move(row, taker, int(worth[0]), mate, own, load)
                if taker == source:
                    return True
                row = int(passed_on[taker])
        for row in np.flatnonzero(fresh).tolist():
            if not is_reached[mate[row]]:
                is_reached[mate[row]] = True
                passed_on[mate[row]] = row
                queue.append(int(mate[row]))
    stuck |= is_reached
    near |= wanted_by >= 0
    return False


def _seat_idle(
    gains: Gains, capacity: NDArray[np.int64], pairs: NDArray[np.int64], *, coverage: bool
) -> NDArray[np.int64]:
    """Seat the rows that a plan leaves out, each on the best place still free."""
    n, m = gains.shape
    is_free = np.ones(n, np.bool_)
    is_free[pairs[:, 0]] = False
    room = capacity - np.bincount(pairs[:, 1], minlength=m)
    rows, columns = np.flatnonzero(is_free), np.flatnonzero(room > 0)
    part, left = take_gains(gains, rows, columns), room[columns]
    enough = _NEVER if coverage else 0
    deadline = monotonic() + _REST
    added = []
    for start in range(0, len(rows), _AT_ONCE):
        if monotonic() > deadline or not left.any():
            break
        gain, allowed = part.block(
            slice(start, min(len(rows), start + _AT_ONCE)), slice(0, len(columns))
        )
        gain[~allowed | (left == 0)] = _NEVER
        for line, value in enumerate(gain):
            best = int(value.argmax())
            if value[best] > enough:
                added.append((rows[start + line], columns[best]))
                left[best] -= 1
                if left[best] == 0:
                    gain[:, best] = _NEVER
    return np.concatenate([pairs, np.array(added, np.int64).reshape(-1, 2)])
