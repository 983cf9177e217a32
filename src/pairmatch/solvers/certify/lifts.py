"""What pairs are worth where each gets a bonus, and those that were there get more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains

    Index = slice | NDArray[np.int64]

__all__ = ["lift_gains"]


def lift_gains(
    gains: Gains, earlier: NDArray[np.int64], keep: int, bonus: int, scale: int
) -> Gains:
    """Return ``scale * (bonus + gain)`` of every pair, and ``keep`` more of those that were there.

    Parameters
    ----------
    gains : Gains
        What pairs are worth; streamed ones stay streamed.
    earlier : ndarray of int64, shape (n_earlier, 2)
        The pairs that were there; of streamed gains one of each row at most, and allowed.
    keep, bonus, scale : int
        As in the formula.

    Raises
    ------
    CertificateError
        If streamed gains are to be scaled, or a row has several pairs there.
    """
    n_rows, n_columns = gains.shape
    if not isinstance(gains, StreamedGains):
        gain, allowed = gains.block(slice(0, n_rows), slice(0, n_columns))
        worth = scale * (gain.astype(np.int64) + bonus)
        worth[tuple(earlier.T)] += keep
        return MatrixGains(np.where(allowed, worth, 0), allowed)
    if scale != 1 or len(np.unique(earlier[:, 0])) < len(earlier):
        raise CertificateError("the prices of changes are not those of a streamed pool")
    column_of = np.full(n_rows, -1, np.int64)
    column_of[earlier[:, 0]] = earlier[:, 1]
    more = _More(column_of, np.arange(n_columns), keep, bonus)
    least = None if gains.least is None else gains.least + bonus
    largest = gains.largest + keep + bonus
    return replace(gains, terms=(*gains.terms, more), largest=largest, least=least)


@dataclass(frozen=True, slots=True, eq=False)
class _More:
    """The units on top of gains."""

    column_of: NDArray[np.int64]
    columns: NDArray[np.int64]
    keep: int
    bonus: int

    def block(self, rows: Index, columns: Index) -> NDArray[np.int64]:
        there = self.column_of[rows][:, None] == self.columns[columns][None, :]
        units: NDArray[np.int64] = np.where(there, self.keep + self.bonus, self.bonus)
        return units

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.bonus + np.where(self.column_of[i] == j, self.keep, 0)
