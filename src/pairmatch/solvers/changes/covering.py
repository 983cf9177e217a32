"""A cover that proves how many rows can be matched, brought up to date after changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem

    Index = slice | NDArray[np.int64]
    Look = Callable[[Index, Index], tuple[NDArray[np.integer], NDArray[np.bool_]]]

__all__ = ["renew_cover"]

_MOST_ROWS, _MOST_COLUMNS = 4096, 256  # looked at whole for one person too many in the cover


def renew_cover(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    cover: NDArray[np.int64],
    covered: NDArray[np.bool_],
    look: Look,
) -> NDArray[np.int64]:
    """Return which columns are to be in a cover that has as few people as can be found.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem as it is now, without pins, minimum loads, quotas and budgets.
    pairs : ndarray of int64, shape (n_pairs, 2)
        A plan.
    cover : ndarray of int64, shape (n_columns,)
        1 for each column in the cover there was; 1 for new ones.
    covered : ndarray of bool, shape (n_rows,)
        Which rows were in it; True for new ones.
    look : callable
        Returns gains and "is allowed" of the pairs of some rows and some columns.

    Notes
    -----
    A cover proves the plan to match most rows if each pair has one of its people in it, full
    columns apart no other column is, and no row without a pair. Whoever is in it without need is
    taken out, then those who become needed are put in and their partners taken out, and so on
    along alternating paths (D. König, Matematikai és Fizikai Lapok 38 (1931), 116-119), until
    nobody is left or a path shows that one more row could be matched.
    """
    cover, covered = cover.copy(), covered.copy()
    column_of = np.full(problem.n_rows, -1, np.int64)
    column_of[pairs[:, 0]] = pairs[:, 1]
    room = problem.capacity - np.bincount(pairs[:, 1], minlength=problem.n_columns)
    needed = (column_of >= 0) & (cover[column_of] == 0)
    new = np.flatnonzero(covered & ~needed)
    if len(new):  # one look for all, as most of them turn out not to be needed
        covered[new] = look(new, slice(0, problem.n_columns))[1][:, cover == 0].any(axis=1)
    for row in np.flatnonzero(covered & ~needed).tolist():
        column = int(column_of[row])
        if not covered[row] or (column >= 0 and not cover[column]):
            continue  # settled with another
        found = _free_rows(row, column_of, room, cover, covered, look)
        if found is None and column >= 0:  # one of the two has to stay
            found = _free_columns(column, column_of, cover, covered, look)
        cover, covered = found or (cover, covered)
    for column in np.flatnonzero((cover == 1) & (room > 0)).tolist():
        if cover[column]:
            found = _free_columns(column, column_of, cover, covered, look)
            cover, covered = found or (cover, covered)
    return cover


def _free_rows(
    row: int,
    column_of: NDArray[np.int64],
    room: NDArray[np.int64],
    cover: NDArray[np.int64],
    covered: NDArray[np.bool_],
    look: Look,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """Take a row out of the cover, with all that follows; None if it is needed."""
    cover, covered = cover.copy(), covered.copy()
    rows, n_seen = np.array([row]), 0
    while len(rows):
        n_seen += len(rows)
        if n_seen > _MOST_ROWS:
            return None
        covered[rows] = False
        open_columns = np.flatnonzero(cover == 0)
        columns = open_columns[look(rows, slice(0, len(cover)))[1][:, open_columns].any(axis=0)]
        if (room[columns] > 0).any():
            return None  # one more row could be matched
        cover[columns] = 1
        rows = np.flatnonzero(covered & np.isin(column_of, columns))
    return cover, covered


def _free_columns(
    column: int,
    column_of: NDArray[np.int64],
    cover: NDArray[np.int64],
    covered: NDArray[np.bool_],
    look: Look,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """Take a column with an open place out of the cover, with all that follows."""
    cover, covered = cover.copy(), covered.copy()
    columns, n_seen = np.array([column]), 0
    while len(columns):
        n_seen += len(columns)
        if n_seen > _MOST_COLUMNS:
            return None
        cover[columns] = 0
        allowed = look(slice(0, len(covered)), columns)[1]
        rows = np.flatnonzero(~covered & allowed.any(axis=1))
        if (column_of[rows] < 0).any():
            return None  # one more row could be matched
        covered[rows] = True
        columns = np.unique(column_of[rows])
        columns = columns[cover[columns] == 1]
    return cover, covered
