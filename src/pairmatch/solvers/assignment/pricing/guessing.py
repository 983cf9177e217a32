"""Prices of a whole pool, read off a part of it that has been solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.assignment.pricing.sweep import Sweeper

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.pricing.augment import Seating
    from pairmatch.solvers.assignment.pricing.effort import Effort
    from pairmatch.solvers.assignment.pricing.rounds import Rounds
    from pairmatch.solvers.assignment.pricing.sweep import Hits
    from pairmatch.solvers.problem import Gains

__all__ = ["extend_prices", "guess_prices", "make_sweeper"]

_MOST_GUESSED = 2**24  # pairs that are looked at for prices after the end: a tenth of a second


def make_sweeper(gains: Gains, effort: Effort, stop: Event | None = None) -> Sweeper:
    """Return a sweeper of some gains, with the sizes of a run."""
    return Sweeper(gains, n_threads=effort.n_threads, tile=effort.tile, fast=effort.fast, stop=stop)


def extend_prices(
    part: Sweeper, seating: Seating, bonus: int, keep: int = 1
) -> tuple[NDArray[np.int64], Hits]:
    """Return prices of all columns, what each is worth to the rows of a seating, and those rows.

    Parameters
    ----------
    part : Sweeper
        The rows of the seating, and all columns of the pool.
    seating : Seating
        Who sits where, and prices.
    bonus : int
        What every pair is worth on top of its gain.
    keep : int, default: 1
        How many rows to return of each column: those it is worth most to.
    """
    u, v = seating.u, seating.v
    if (seating.mate >= 0).all() and (seating.filled == seating.capacity).all():
        # With just enough places the level of the prices is free: leave room on both sides.
        u = u - (int(u.min()) + bonus - int(v.min())) // 2
    n, m = part.gains.shape
    hits = part.best(np.arange(m), u, np.full(m, min(keep, n)), 0, by_column=True)
    price = np.zeros(m, np.int64)
    np.maximum.at(price, hits.line, hits.gain - u[hits.position])
    return price, hits


def guess_prices(rounds: Rounds, effort: Effort) -> NDArray[np.int64] | None:
    """Return prices of a pool whose first full sweep is not over, if any can be known.

    Parameters
    ----------
    rounds : Rounds
        Its rounds, which have come to an end too early.
    effort : Effort
        Sizes.

    Returns
    -------
    ndarray of int64, shape (n_columns,), or None
        From the largest sample, of a sample, that has been solved once. Any prices give a true
        bound; these are near the right ones.
    """
    if rounds.guess is not None or rounds.sample is None:
        return rounds.guess
    rows, _, small = rounds.sample
    while small.n_rounds == 0 and small.sample is not None:
        rows, small = rows[small.sample[0]], small.sample[2]
    n_columns = rounds.gains.shape[1]
    if small.seating is None or small.n_rounds == 0 or len(rows) * n_columns > _MOST_GUESSED:
        return None
    part = take_gains(rounds.gains, rows, np.arange(n_columns))
    return extend_prices(make_sweeper(part, effort), small.seating, rounds.bonus)[0]
