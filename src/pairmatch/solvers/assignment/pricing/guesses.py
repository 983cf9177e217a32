"""Rows for columns in a hurry: single pairs that are likely to be allowed, whatever they gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["hand_out_blindly"]

_TURNS = 8  # in which columns look at one row for each place


def hand_out_blindly(
    gains: Gains,
    least: NDArray[np.int64],
    seats: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    check: Callable[[], None],
) -> None:
    """Give columns below their minimum rows that sit nowhere, in place.

    Parameters
    ----------
    gains : Gains
        What each pair is worth.
    least : ndarray of int64, shape (n_columns,)
        Fewest rows of each column.
    seats : (ndarray, ndarray, ndarray) of int64, shapes (n_rows,), (n_rows,) and (n_columns,)
        Column of each row, or -1; what it gains there; number of rows of each column.
    check : callable
        Called again and again; it may raise.

    Notes
    -----
    First among those who have something in common that a rule asks for, the rarest first. O(n_rows
    + n_columns) pairs are looked at for each of these, and again in the end.
    """
    mate, own, load = seats
    for rows, columns in _list_groups(gains):
        for turn in range(_TURNS):
            check()
            free = rows[mate[rows] < 0]
            places = np.repeat(columns, np.maximum(least - load, 0)[columns])
            if not len(free) or not len(places):
                break
            free = np.roll(free, turn * len(free) // _TURNS + turn)
            count = min(len(free), len(places))
            i, j = free[:count], places[:count]
            gain, allowed = gains.pairs(i, j)
            i, j = i[allowed], j[allowed]
            mate[i], own[i] = j, gain[allowed]
            np.add.at(load, j, 1)


def _list_groups(gains: Gains) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return rows and columns that have one thing in common, the fewest rows first, then all."""
    everybody = np.arange(gains.shape[0]), np.arange(gains.shape[1])
    if not isinstance(gains, StreamedGains) or not gains.needs:
        return [everybody]
    sides = gains.needs[0].row, gains.needs[0].column
    bits = [np.unpackbits(side.view(np.uint8), axis=1) for side in sides]
    order = np.argsort(bits[0].sum(axis=0), kind="stable")
    common = order[bits[0][:, order].any(axis=0) & bits[1][:, order].any(axis=0)]
    groups = [(np.flatnonzero(bits[0][:, k]), np.flatnonzero(bits[1][:, k])) for k in common]
    return [*groups, everybody]
