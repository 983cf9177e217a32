"""Gains that are to be held whole, but not before they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

__all__ = ["DeferredGains"]

_AT_ONCE = 2**20  # pairs that are computed between two looks at the clock


class DeferredGains(MatrixGains):
    """A matrix that is filled when somebody needs all of it, or told to be.

    Parameters
    ----------
    source : Gains
        The gains, block by block. Until there is a matrix it answers.
    """

    __slots__ = ("_held", "source")

    source: Gains
    _held: MatrixGains | None

    def __init__(self, source: Gains) -> None:
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "_held", None)

    def fill(self, check: Callable[[], object] | None = None) -> MatrixGains:
        """Return the matrix, filled block by block the first time.

        Parameters
        ----------
        check : callable, optional
            Called before each block; what it raises ends the filling, and nothing is held then.
        """
        if self._held is None:
            n_rows, n_columns = self.shape
            gain = np.empty((n_rows, n_columns), np.int64)
            allowed = np.empty((n_rows, n_columns), np.bool_)
            height = max(1, _AT_ONCE // max(1, n_columns))
            for start in range(0, n_rows, height):
                if check is not None:
                    check()
                rows = slice(start, min(start + height, n_rows))
                gain[rows], allowed[rows] = self.source.block(rows, slice(0, n_columns))
            object.__setattr__(self, "_held", MatrixGains(gain, allowed))
        assert self._held is not None  # noqa: S101 - just filled
        return self._held

    @property
    def is_filled(self) -> bool:
        """Whether there is a matrix."""
        return self._held is not None

    @property
    def gain(self) -> NDArray[np.int64]:
        """Gain of each pair."""
        return self.fill().gain

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Whether the pair may be formed."""
        return self.fill().allowed

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.source.shape

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gains and "is allowed" of a block."""
        return (self._held or self.source).block(rows, columns)

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return gain and "is allowed" of single pairs."""
        return (self._held or self.source).pairs(rows, columns)
