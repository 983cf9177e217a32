"""Units and rules of blocks of pairs, by where people stand now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.constraints.bound import ForbiddenPairs
from pairmatch.scoring.rules import SamePerson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility, PairRule

    Index = slice | NDArray[np.int64]

__all__ = ["Blocks"]

_MOST = 2**22  # pairs that are looked at together


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Any block of a compatibility, of people in another order, of whom some may have left.

    Parameters
    ----------
    scored : Compatibility
        Scores and rules of everybody there was and is.
    place : (ndarray of int64, ndarray of int64), shapes (n_rows,), (n_columns,)
        Where those who are there now stand in ``scored``.
    barred : (ndarray of int64, ndarray of int64), shape (n_barred,) each
        Rows and columns of single pairs that are not allowed.
    rules : tuple of PairRule
        All other rules.
    """

    scored: Compatibility
    place: tuple[NDArray[np.int64], NDArray[np.int64]]
    barred: tuple[NDArray[np.int64], NDArray[np.int64]]
    rules: tuple[PairRule, ...]

    @classmethod
    def make(
        cls, scored: Compatibility, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> Blocks:
        """Sort the rules: single pairs are found in a block without a look at the others."""
        now = []
        for n, place in zip(scored.shape, (rows, columns), strict=True):
            now.append(np.full(n, -1))
            now[-1][place] = np.arange(len(place))
        pairs, left = [np.empty((2, 0), np.int64)], []
        for rule in scored.rules:
            if isinstance(rule, ForbiddenPairs):
                pairs.append(np.stack(rule.places))
            elif isinstance(rule, SamePerson):
                twin = np.flatnonzero(rule.twin >= 0)
                pairs.append(np.stack([twin, rule.twin[twin]]))
            else:
                left.append(rule)
        i, j = np.concatenate(pairs, axis=1)
        row, column = now[0][i], now[1][j]
        here = (row >= 0) & (column >= 0)
        return cls(scored, (rows, columns), (row[here], column[here]), tuple(left))

    def evaluate(self, rows: Index, columns: Index) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return units and "is allowed" of a block."""
        n, m = (len(own[index]) for own, index in zip(self.place, (rows, columns), strict=True))
        height = max(1, _MOST // max(1, m))
        if n <= height:
            return self._evaluate(rows, columns)
        every = np.arange(len(self.place[0]))[rows]
        units, allowed = np.empty((n, m), np.int32), np.empty((n, m), np.bool_)
        for top in range(0, n, height):
            part = slice(top, top + height)
            units[part], allowed[part] = self._evaluate(every[part], columns)
        return units, allowed

    def _evaluate(self, rows: Index, columns: Index) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return the same of pairs that are looked at together."""
        i, j = self.place[0][rows], self.place[1][columns]
        total = self._multiply(rows, columns)
        term = np.empty(total.shape, total.dtype)
        for addend in self.scored.others:
            addend.term.fill(term, i, j, addend.neutral)
            total += term
        units = total.astype(np.int32)
        allowed = np.ones(units.shape, np.bool_)
        allowed[self._find_barred(rows, columns)] = False
        for rule in self.rules:
            allowed &= ~rule.forbids(i[:, None], j[None, :], units)
        return units, allowed

    def _multiply(self, rows: Index, columns: Index) -> NDArray[np.floating]:
        """Return the sum of the linear criteria; all people of a side, and then some, is faster."""
        fused, (i, j) = self.scored.fused, (self.place[0][rows], self.place[1][columns])
        if len(i) == len(self.place[0]) > len(j):
            product: NDArray[np.floating] = (fused.coached @ fused.coach[j].T)[i]
        elif len(j) == len(self.place[1]):
            product = (fused.coached[i] @ fused.coach.T).take(j, axis=1)
        else:
            product = fused.coached[i] @ fused.coach[j].T
        return product

    def _find_barred(
        self, rows: Index, columns: Index
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in a block the single pairs are that are not allowed."""
        at = []
        for index, place, own in zip((rows, columns), self.place, self.barred, strict=True):
            inside = np.full(len(place), -1)
            inside[index] = np.arange(len(place[index]))
            at.append(inside[own])
        here = (at[0] >= 0) & (at[1] >= 0)
        return at[0][here], at[1][here]
