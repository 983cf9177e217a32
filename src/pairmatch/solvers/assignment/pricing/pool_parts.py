"""The open rows and the columns of a pool, cut where nothing ties them together, to be swept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.pricing.parting import split_pool, take_part
from pairmatch.solvers.assignment.pricing.quota_charges import charge_gains, count_as_one
from pairmatch.solvers.assignment.pricing.start import find_largest
from pairmatch.solvers.assignment.pricing.sweep import Sweeper

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Remainder
    from pairmatch.solvers.assignment.pricing.effort import Effort
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

__all__ = ["Pool"]


class Pool:
    """All pairs of the open rows of a problem.

    Parameters
    ----------
    problem : AssignmentProblem
        Gains, rules and quotas.
    remainder : Remainder
        What its pins leave.
    effort : Effort
        Sizes.
    stop : threading.Event
        Set it to end a sweep.

    Attributes
    ----------
    largest : int
        Bound on the absolute value of all gains.
    parts : list of (ndarray, ndarray, Gains)
        Rows, columns and gains of what nothing ties together.
    """

    def __init__(
        self, problem: AssignmentProblem, remainder: Remainder, effort: Effort, stop: Event
    ) -> None:
        self._problem, self._effort, self._stop = problem, effort, stop
        self.largest = find_largest(problem.gains)
        gains = problem.gains
        self.parts = [
            (rows, columns, take_part(gains, rows, columns))
            for rows, columns in split_pool(gains, remainder.rows, remainder.capacity)
        ]

    def sweep(
        self,
        prices: Prices,
        keep: NDArray[np.int64],
        lowest: int,
        *,
        is_one: bool = False,
        rows: NDArray[np.int64] | None = None,
    ) -> tuple[Edges, NDArray[np.int64]]:
        """Return the best pairs of every row once they have paid, and what the others are below.

        Parameters
        ----------
        prices : Prices
            Prices of places and of places within quotas.
        keep : ndarray of int64, shape (n_rows,)
            How many pairs to keep of each row.
        lowest : int
            Only pairs that leave more than that count, their bonus included.
        is_one : bool, default: False
            Whether every pair is worth 1, not its gain.
        rows : ndarray of int64, optional
            Rows to look at; default: all.

        Returns
        -------
        found : Edges
            The pairs, with their gains.
        floor : ndarray of int64, shape (n_rows,)
            No other pair of the row leaves more.
        """
        problem = self._problem
        floor = np.full(problem.n_rows, lowest)
        wanted = np.zeros(problem.n_rows, np.bool_)
        wanted[np.arange(problem.n_rows) if rows is None else rows] = True
        parts = []
        for own, columns, gains in self.parts:
            lines = np.flatnonzero(wanted[own])
            if not len(lines):
                continue
            worth = count_as_one(gains) if is_one else gains
            charged = charge_gains(worth, problem.quotas, prices.quota, own, columns)
            sweeper = Sweeper(
                charged,
                n_threads=self._effort.n_threads,
                tile=self._effort.tile,
                fast=self._effort.fast,
                stop=self._stop,
            )
            most = np.minimum(keep[own[lines]], len(columns))
            price = prices.column[columns] - prices.bonus
            hits = sweeper.best(lines, price, most, lowest)
            row, column = own[hits.line], columns[hits.position]
            floor[own[lines]] = hits.floor
            gain, _ = gains.pairs(hits.line, hits.position)
            parts.append(Edges(row, column, gain))
        none = np.empty(0, np.int64)
        return (
            Edges(
                np.concatenate([none, *(part.row for part in parts)]),
                np.concatenate([none, *(part.column for part in parts)]),
                np.concatenate([none, *(part.gain for part in parts)]),
            ),
            floor,
        )
