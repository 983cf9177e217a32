"""Gains that are held whole, handed out like those of a pool whose matrix never exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import MatrixGains
    from pairmatch.solvers.streamed import Index

__all__ = ["stream_table"]

_EXACT = 2**53  # what streamed gains may add up to


def stream_table(gains: MatrixGains) -> StreamedGains | None:
    """Return the same gains block by block, without a copy of them.

    Parameters
    ----------
    gains : MatrixGains
        Gains that are held, or will be: then what would fill the matrix is asked instead.

    Returns
    -------
    StreamedGains or None
        None where they are too large to be streamed, 2**53 units or more.

    Examples
    --------
    >>> from pairmatch.solvers.problem import MatrixGains
    >>> gains = MatrixGains(np.array([[7, 0]]), np.array([[True, False]]))
    >>> gain, allowed = stream_table(gains).block(slice(0, 1), slice(0, 2))
    >>> gain.tolist(), allowed.tolist()
    ([[7, 0]], [[True, False]])
    """
    if isinstance(gains, DeferredGains) and isinstance(gains.source, StreamedGains):
        return gains.source
    largest = gains.largest
    if largest >= _EXACT:
        return None
    left, right = (np.zeros((n, 1), np.float32) for n in gains.shape)
    units, rule = _Units(gains.gain), _Rule(gains.allowed)
    return StreamedGains(left, right, max(1, largest), terms=(units,), tests=(rule,))


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """The gains of a table."""

    gain: NDArray[np.int64]

    def block(self, rows: Index, columns: Index) -> NDArray[np.signedinteger]:
        return self.gain[rows][:, columns]

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        return self.gain[i, j]


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """Which pairs a table has."""

    allowed: NDArray[np.bool_]

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ~self.allowed[i, j]
