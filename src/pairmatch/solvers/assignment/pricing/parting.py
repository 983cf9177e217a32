"""A pool, cut where nothing ties its parts together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["split_pool", "take_part"]


def split_pool(
    gains: Gains, rows: NDArray[np.int64], capacity: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return rows and columns of each key, or of the whole pool; without full columns.

    Parameters
    ----------
    gains : Gains
        What each pair is worth.
    rows : ndarray of int64
        Rows that may be seated.
    capacity : ndarray of int64, shape (n_columns,)
        Places of the columns.

    Returns
    -------
    list of (ndarray, ndarray)
        Those with the same features that rules ask for stand side by side.
    """
    columns = np.flatnonzero(capacity > 0)
    if isinstance(gains, StreamedGains):
        rows, columns = gains.sort_alike(rows, columns)
    if not isinstance(gains, StreamedGains) or gains.keys is None:
        return [(rows, columns)] if len(rows) and len(columns) else []
    row_key, column_key = gains.keys[0][rows], gains.keys[1][columns]
    row_order = np.argsort(row_key, kind="stable")
    column_order = np.argsort(column_key, kind="stable")
    parts = []
    for key in np.intersect1d(row_key, column_key):
        some = row_order[slice(*_find_run(row_key[row_order], key))]
        others = column_order[slice(*_find_run(column_key[column_order], key))]
        parts.append((rows[some], columns[others]))
    return parts


def take_part(gains: Gains, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Gains:
    """Return the gains of a part, whose keys are all the same."""
    if isinstance(gains, StreamedGains):
        gains = replace(gains, keys=None)
    if all(
        np.array_equal(s, np.arange(n)) for s, n in zip((rows, columns), gains.shape, strict=True)
    ):
        return gains
    return take_gains(gains, rows, columns)


def _find_run(ordered: NDArray[np.int64], key: np.int64) -> tuple[int, int]:
    """Return where a key begins and ends in sorted keys."""
    return int(np.searchsorted(ordered, key)), int(np.searchsorted(ordered, key, "right"))
