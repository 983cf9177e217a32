"""Which of several optimal plans is taken: one rule for every solver, from the indices alone.

Each pair has a pseudo-random weight that depends on its row and its column only; among the plans
that are best by every objective, the one of the largest sum of weights is taken. A first round of
short weights settles most ties, a second round of long weights the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ROUND_BITS", "draw_weight_block", "draw_weights"]

ROUND_BITS = (16, 40)
"""Bits of the weights of each round; the first fit beside a score in 53 bits."""

_AT_ONCE = 1 << 16  # pairs whose numbers are mixed at a time


def _mix(index: NDArray[np.int64], stream: int) -> NDArray[np.uint64]:
    """Return odd 64-bit numbers that look random.

    Finaliser of SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014, https://doi.org/10.1145/2660193.2660195.
    """
    z = (index.astype(np.uint64) + np.uint64(1 + (stream << 40))) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    odd: NDArray[np.uint64] = (z ^ (z >> np.uint64(31))) | np.uint64(1)
    return odd


def draw_weights(
    rows: NDArray[np.int64], columns: NDArray[np.int64], turn: int
) -> NDArray[np.int64]:
    """Return the weights of the pairs ``(rows[k], columns[k])``.

    Parameters
    ----------
    rows, columns : ndarray of int64, shape (n,)
        The pairs.
    turn : int
        Round, an index of ``ROUND_BITS``.

    Returns
    -------
    ndarray of int64, shape (n,)
        Weights of ``ROUND_BITS[turn]`` bits.

    Examples
    --------
    >>> pair = np.array([3]), np.array([5])
    >>> draw_weights(*pair, 0) == draw_weight_block(*pair, 0)
    array([[ True]])
    """
    weights = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        weights[part] = _mix(rows[part], 2 * turn) * _mix(columns[part], 2 * turn + 1)
    weights >>= np.uint64(64 - ROUND_BITS[turn])
    return weights.view(np.int64)


def draw_weight_block(
    rows: NDArray[np.int64], columns: NDArray[np.int64], turn: int
) -> NDArray[np.int64]:
    """Return the weights of every pair of some rows and some columns.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Rows of the problem.
    columns : ndarray of int64, shape (m,)
        Columns of the problem.
    turn : int
        Round, an index of ``ROUND_BITS``.

    Returns
    -------
    ndarray of int64, shape (n, m)
        Weights of ``ROUND_BITS[turn]`` bits.
    """
    product = np.multiply.outer(_mix(rows, 2 * turn), _mix(columns, 2 * turn + 1))
    product >>= np.uint64(64 - ROUND_BITS[turn])
    return product.view(np.int64)
