"""What places within quotas cost, as part of the gains of a pool that is swept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.pricing.start import find_largest
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Gains, Quotas

    Index = slice | NDArray[np.int64]

__all__ = ["ClassCharge", "charge_gains", "count_as_one"]

_INT32 = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class ClassCharge:
    """What pairs pay by the class of the row, as a term of streamed gains.

    Parameters
    ----------
    label : ndarray of int64, shape (n_rows,)
        Class of each row; -1 for rows that pay nothing.
    units : ndarray of int32 or int64, shape (n_classes + 1, n_columns)
        What is added to the gain of a pair, <= 0; the last line is 0.
    """

    label: NDArray[np.int64]
    units: NDArray[np.signedinteger]

    @classmethod
    def of(cls, label: NDArray[np.int64], price: NDArray[np.int64]) -> ClassCharge:
        """Return the charge of prices of shape (n_columns, n_classes)."""
        small = price.max(initial=0) < _INT32
        units = np.zeros((price.shape[1] + 1, len(price)), np.int32 if small else np.int64)
        units[:-1] = -price.T
        return cls(label, units)

    def block(self, rows: Index, columns: Index) -> NDArray[np.signedinteger]:
        """Return the units of a block."""
        if not isinstance(columns, slice) and len(columns):
            first, last = int(columns[0]), int(columns[-1])
            if last - first == len(columns) - 1 and (np.diff(columns) == 1).all():
                columns = slice(first, last + 1)
        return self.units[:, columns].take(self.label[rows], axis=0, mode="wrap")

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        """Return the units of single pairs."""
        return self.units[self.label[i], j]


@dataclass(frozen=True, slots=True, eq=False)
class _LeastGain:
    """The rule that asks for a gain, of gains that have not been charged."""

    gains: StreamedGains

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        i, j = np.broadcast_arrays(i, j)
        return ~self.gains.pairs(i.ravel(), j.ravel())[1].reshape(i.shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Charged:
    """Gains without features that are charged, or all worth 1."""

    gains: Gains
    charges: tuple[ClassCharge, ...]
    is_one: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.gains.shape

    def block(self, rows: slice, columns: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        gain, allowed = self.gains.block(rows, columns)
        gain = allowed.astype(np.int64) if self.is_one else gain
        for charge in self.charges:
            gain = gain + charge.block(rows, columns)
        return np.where(allowed, gain, 0), allowed

    def pairs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        gain, allowed = self.gains.pairs(rows, columns)
        gain = allowed.astype(np.int64) if self.is_one else gain
        for charge in self.charges:
            gain = gain + charge.at(rows, columns)
        return np.where(allowed, gain, 0), allowed


def count_as_one(gains: Gains) -> Gains:
    """Return gains of 1 under the same rules."""
    if not isinstance(gains, StreamedGains):
        return _Charged(gains, (), is_one=True)
    gains = _move_least(gains)
    ones = (np.ones((n, 1), np.float32) for n in gains.shape)
    return replace(
        gains, row_features=next(ones), column_features=next(ones), largest=1, shared=(), terms=()
    )


def charge_gains(
    gains: Gains,
    quotas: tuple[Quotas, ...],
    prices: tuple[NDArray[np.int64], ...],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> Gains:
    """Return the gains of a part of a pool, less what its pairs pay for places within quotas.

    Parameters
    ----------
    gains : Gains
        The gains of these rows and columns, without keys.
    quotas : tuple of Quotas
        The quotas of the whole pool.
    prices : tuple of ndarray of int64, shapes (n_columns, n_classes)
        Prices in the whole pool, >= 0.
    rows, columns : ndarray of int64
        The part.
    """
    charges, most = [], 0
    for quota, price in zip(quotas, prices, strict=True):
        here = price[columns]
        if here.any():
            charges.append(ClassCharge.of(quota.class_of[rows], here))
            most += int(here.max())
    if not charges:
        return gains
    if not isinstance(gains, StreamedGains):
        return _Charged(gains, tuple(charges))
    gains = _move_least(gains)
    return replace(gains, terms=(*gains.terms, *charges), largest=find_largest(gains) + most)


def _move_least(gains: StreamedGains) -> StreamedGains:
    """Ask for a least gain as a test of pairs, so that gains may be changed."""
    if gains.least is None:
        return gains
    return replace(gains, tests=(*gains.tests, _LeastGain(gains)), least=None)
