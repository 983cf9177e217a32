"""Loops over the pairs of a block, compiled by numba where it is there (``fast``).

Without numba the same numbers come from numpy, in more passes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["list_close", "measure_losses"]


def measure_losses(
    gain: Array, allowed: Array, of_row: Array, of_column: Array, far: int
) -> NDArray[np.int64]:
    """Return ``of_row + of_column - gain`` of the pairs of a block, ``far`` where not allowed."""
    loss = np.empty(gain.shape, np.int64)
    loops = load_loops()
    if loops is not None:
        gain, allowed = np.ascontiguousarray(gain), np.ascontiguousarray(allowed)
        loops[0](gain, allowed, of_row, of_column, far, loss)
        return loss
    np.subtract(of_column, gain, out=loss)
    loss += of_row[:, None]
    loss[~allowed] = far
    return loss


def list_close(loss: Array, of_row: Array, of_column: Array) -> NDArray[np.int64]:
    """Return the positions in a block, flat, of pairs that lose less than row and column give."""
    loops = load_loops()
    if loops is None:
        return np.flatnonzero(loss < of_row[:, None] + of_column)
    found = np.empty(1024, np.int64)
    n = loops[1](loss, of_row, of_column, found)
    if n > len(found):
        found = np.empty(n, np.int64)
        loops[1](loss, of_row, of_column, found)
    return found[:n]


def _measure(
    gain: Array, allowed: Array, of_row: Array, of_column: Array, far: int, loss: Array
) -> None:
    """Write the losses of a block."""
    for i in range(loss.shape[0]):
        own = of_row[i]
        for j in range(loss.shape[1]):
            loss[i, j] = own + of_column[j] - gain[i, j] if allowed[i, j] else far


def _list_close(loss: Array, of_row: Array, of_column: Array, found: Array) -> int:
    """Write the positions of pairs that lose little as long as there is room; return how many."""
    n = 0
    width = loss.shape[1]
    for i in range(loss.shape[0]):
        own = of_row[i]
        for j in range(width):
            if loss[i, j] < own + of_column[j]:
                if n < len(found):
                    found[n] = i * width + j
                n += 1
    return n


@lru_cache(maxsize=1)
def load_loops() -> tuple[Callable[..., Any], ...] | None:
    """Return the compiled ``_measure`` and ``_list_close``; None without numba."""
    try:
        from numba import njit
    except ImportError:
        return None
    compile_ = njit(cache=True, nogil=True)
    return compile_(_measure), compile_(_list_close)
