"""A smaller pool that looks like the whole one, to learn prices from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["PartOfGains", "find_largest", "sample_pool", "take_gains"]

_PIVOTS = 8
_LEAF = 16


class PartOfGains:
    """Some rows and columns of gains that have no features.

    Parameters
    ----------
    gains : Gains
        The whole.
    rows, columns : ndarray of int64
        What is taken of it.
    """

    def __init__(self, gains: Gains, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None:
        self._gains, self._rows, self._columns = gains, rows, columns

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns taken."""
        return len(self._rows), len(self._columns)

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed" of a block."""
        i, j = self._rows[rows], self._columns[columns]
        gain, allowed = self._gains.pairs(np.repeat(i, len(j)), np.tile(j, len(i)))
        return gain.reshape(len(i), len(j)), allowed.reshape(len(i), len(j))

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of single pairs."""
        return self._gains.pairs(self._rows[rows], self._columns[columns])


def find_largest(gains: Gains) -> int:
    """Return a bound on the absolute value of all gains."""
    if isinstance(gains, StreamedGains):
        return gains.largest
    n, m = gains.shape
    rows = (slice(i, min(n, i + 256)) for i in range(0, n, 256))
    found = (int(np.abs(gains.block(some, slice(0, m))[0]).max(initial=0)) for some in rows)
    return max(found, default=0)


def take_gains(gains: Gains, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Gains:
    """Return the gains of some rows and columns, renumbered from 0."""
    if isinstance(gains, StreamedGains):
        return gains.take(rows, columns)
    return PartOfGains(gains, rows, columns)


def _stratify(
    gains: Gains,
    rng: np.random.Generator,
    check: Callable[[], None],
    *,
    by_column: bool = False,
) -> NDArray[np.int64]:
    """Return the rows (or columns) in an order in which neighbours are alike.

    Each is described by its gains with a few random people of the other side; the pool is halved
    again and again where it is widest.

    Notes
    -----
    O(n log n).
    """
    n, m = gains.shape[by_column], gains.shape[not by_column]
    pivots = np.sort(rng.choice(m, min(m, _PIVOTS), replace=False))
    view = _describe(gains, pivots, by_column=by_column)
    order = rng.permutation(n)
    stack, leaves = [order], []
    while stack:
        check()
        some = stack.pop()
        if len(some) <= _LEAF:
            leaves.append(some)
            continue
        here = view[some]
        axis = int(np.argmax(here.max(axis=0) - here.min(axis=0)))
        half = np.argpartition(here[:, axis], len(some) // 2)
        stack += [some[half[len(some) // 2 :]], some[half[: len(some) // 2]]]
    return np.concatenate(leaves)


def _describe(gains: Gains, pivots: NDArray[np.int64], *, by_column: bool) -> NDArray[np.float32]:
    """Return what everybody gains with some people of the other side, rules aside."""
    if isinstance(gains, StreamedGains):
        features = gains.row_features, gains.column_features
        product: NDArray[np.float32] = features[by_column] @ features[not by_column][pivots].T
        return product
    n = gains.shape[by_column]
    view = np.empty((n, len(pivots)), np.float32)
    for k, pivot in enumerate(pivots.tolist()):
        one, all_ = np.full(n, pivot), np.arange(n)
        view[:, k] = gains.pairs(one, all_)[0] if by_column else gains.pairs(all_, one)[0]
    return view


def _sample_evenly(
    order: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return ``size`` entries of an order, spread evenly over it."""
    bounds = np.arange(size + 1) * len(order) // max(1, size)
    at = bounds[:-1] + (rng.random(size) * np.diff(bounds)).astype(np.int64)
    return order[at]


def sample_pool(
    gains: Gains,
    capacity: NDArray[np.int64],
    share: int,
    rng: np.random.Generator,
    check: Callable[[], None] = lambda: None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, columns and places of the columns: about one in ``share`` of either side.

    Where the whole pool has too few, just enough or too many places, so has the sample: prices
    depend on which of the three it is more than on anything else. ``check`` is called again and
    again; it may raise.
    """
    n, n_places = gains.shape[0], int(capacity.sum())
    size, size_places = max(1, n // share), max(1, n_places // share)
    if n == n_places:
        size_places = size
    elif n < n_places:
        size_places = min(max(size_places, size + 1), n_places)
    else:
        size = min(max(size, size_places + 1), n)
    rows = np.sort(_sample_evenly(_stratify(gains, rng, check), size, rng))
    order = _stratify(gains, rng, check, by_column=True)
    owner = np.repeat(order, capacity[order])
    columns, places = np.unique(_sample_evenly(owner, size_places, rng), return_counts=True)
    return rows, columns, places
