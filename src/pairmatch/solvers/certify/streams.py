"""The best profit of each row of a pool that is streamed, at about the cost of one product.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver. What a row has for sure, the
profit of its own pair for instance, and the prices of the columns go into the product of the
features as two more columns: a pair that offers its row more comes out above 0, and only such pairs
are looked at one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.sums import find_magnitude
from pairmatch.solvers.processors import count_processors, map_blocks
from pairmatch.solvers.streamed import FLOAT32_EXACT, StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Prices

    Index = slice | NDArray[np.int64]
    Charge = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]

__all__ = ["find_best_profits", "find_profits", "limit_gains", "worth_one"]

_ENOUGH = 2**60  # what a row has that need not be looked at

_SHIFT = 11
_HEIGHT, _WIDTH, _NARROW = 512, 1 << _SHIFT, 256  # pairs at a time; where tiles may be empty
_MANY = 4  # where more than one pair in so many is above 0, all rules are asked of all pairs


def worth_one(gains: StreamedGains) -> StreamedGains:
    """Return gains of 1 under the same rules, none of which may ask for the gain."""
    ones = (np.ones((n, 1), np.float32) for n in gains.shape)
    return replace(
        gains, row_features=next(ones), column_features=next(ones), largest=1, shared=(), terms=()
    )


def find_profits(
    problem: AssignmentProblem,
    gains: StreamedGains,
    prices: Prices,
    pairs: NDArray[np.int64],
    deadline: float = math.inf,
) -> NDArray[np.int64]:
    """Return what the prices leave each row at best, nothing below 0, bonus included.

    Rows that are pinned are not looked at. After the deadline see :func:`find_best_profits`.
    """
    price = prices.column - prices.bonus
    gains = _subtract_quotas(problem, gains, prices)
    known = np.zeros(problem.n_rows, np.int64)
    known[pairs[:, 0]] = gains.pairs(pairs[:, 0], pairs[:, 1])[0] - price[pairs[:, 1]]
    known = np.maximum(known, 0)
    known[problem.pins[:, 0]] = _ENOUGH
    return find_best_profits(gains, price, known, deadline)


@dataclass(frozen=True, slots=True, eq=False)
class _QuotaTerm:
    """What pairs pay for a place within a quota; rows that a quota does not count pay nothing."""

    class_of: NDArray[np.int64]
    price: NDArray[np.int32]  # n_classes + 1 lines, the last for the rows that are not counted

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        line = self.class_of[rows]
        if isinstance(columns, slice):
            return -self.price[:, columns][line]
        return -self.price[line[:, None], columns]

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        return -self.price[self.class_of[i], j]


@dataclass(frozen=True, slots=True, eq=False)
class _LeastTest:
    """The least gain that pairs need, asked of what they are worth before they pay."""

    gains: StreamedGains

    def forbids(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        i, j = np.broadcast_arrays(i, j)
        return ~self.gains.pairs(i.reshape(-1), j.reshape(-1))[1].reshape(i.shape)


def _subtract_quotas(
    problem: AssignmentProblem, gains: StreamedGains, prices: Prices
) -> StreamedGains:
    """Return what pairs leave once they have paid for places within quotas."""
    terms, largest = list(gains.terms), gains.largest
    for quota, price in zip(problem.quotas, prices.quota, strict=False):
        if not price.any():
            continue
        table = np.zeros((quota.n_classes + 1, problem.n_columns), np.int32)
        table[:-1] = price.T
        line = np.where(quota.class_of < 0, quota.n_classes, quota.class_of)
        terms.append(_QuotaTerm(line, table))
        largest += int(price.max())
    if len(terms) == len(gains.terms):
        return gains
    tests = gains.tests if gains.least is None else (*gains.tests, _LeastTest(gains))
    return replace(gains, terms=tuple(terms), tests=tests, least=None, largest=largest)


def find_best_profits(
    gains: StreamedGains,
    price: NDArray[np.int64],
    known: NDArray[np.int64],
    deadline: float = math.inf,
    charge: Charge | None = None,
) -> NDArray[np.int64]:
    """Return the largest gain minus price of each row over its allowed pairs, at least ``known``.

    Parameters
    ----------
    gains : StreamedGains
        Gains and rules.
    price : ndarray of int64, shape (n_columns,)
        What a pair with each column costs; any sign.
    known : ndarray of int64, shape (n_rows,)
        What each row has for sure. Where it is close to the best, little but the product is left
        to do.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more pairs are looked at. A row that has not met
        everybody by then has the most that its features could yield with anybody.
    charge : callable, optional
        Returns what pairs ``(i[k], j[k])`` pay beyond the price, >= 0, given what they would leave
        without it above what is known; no more than they do where that leaves nothing.

    Returns
    -------
    ndarray of int64, shape (n_rows,)

    Notes
    -----
    n_rows * n_columns * (n_features + 2) multiplications, less where tiles of pairs have nothing
    in common that a rule asks for. O((n_rows + n_columns) * n_features) memory.
    """
    best = known.copy()
    for rows, columns in _list_parts(gains, price, known):
        part = gains
        if not (_is_all(rows, gains.shape[0]) and _is_all(columns, gains.shape[1])):
            part = gains.take(rows, columns)
        part = replace(part, keys=None)
        tiles = _Tiles(part, price[columns], best[rows], deadline)
        if charge is not None:
            tiles.charge = partial(_charge_part, charge, rows, columns)
        best[rows] = tiles.sweep()
    return best


def _charge_part(
    charge: Charge,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    better: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return what pairs of a part pay, by their numbers in the whole."""
    return charge(rows[i], columns[j], better)


def limit_gains(gains: StreamedGains) -> NDArray[np.int64]:
    """Return what no pair of each row can gain, by the extremes of every feature."""
    left, right = gains.row_features, gains.column_features
    if gains.terms or not gains.shape[1]:
        return np.full(len(left), gains.largest)
    top, bottom = (side.astype(np.float64) for side in (right.max(axis=0), right.min(axis=0)))
    most = np.maximum(left, 0) @ top + np.minimum(left, 0) @ bottom
    most += sum(max(0, units) for _, units in gains.shared)
    limit: NDArray[np.int64] = np.minimum(most, gains.largest).astype(np.int64)
    return limit


def _is_all(index: NDArray[np.int64], n: int) -> bool:
    return len(index) == n and bool((index == np.arange(n)).all())


def _list_parts(
    gains: StreamedGains, price: NDArray[np.int64], known: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return rows and columns that may meet, those that have much in common side by side."""
    most = gains.largest - int(price.min(initial=0))
    rows = np.flatnonzero(known < most)  # the others have all there can be
    rows, columns = gains.sort_alike(rows, np.arange(gains.shape[1]))
    if not len(rows) or not len(columns):
        return []
    if gains.keys is None:
        return [(rows, columns)]
    row_key, column_key = gains.keys[0][rows], gains.keys[1][columns]
    rows, columns = (
        rows[np.argsort(row_key, kind="stable")],
        columns[np.argsort(column_key, kind="stable")],
    )
    both = np.intersect1d(row_key, column_key)
    ends = []
    for key in (np.sort(row_key), np.sort(column_key)):
        ends += [np.searchsorted(key, both), np.searchsorted(key, both, "right")]
    return [(rows[a:b], columns[c:d]) for a, b, c, d in np.stack(ends, axis=1).tolist()]


class _Tiles:
    """Some rows and columns without keys, tile by tile."""

    def __init__(
        self,
        gains: StreamedGains,
        price: NDArray[np.int64],
        known: NDArray[np.int64],
        deadline: float,
    ) -> None:
        self.gains, self.price, self.known, self.deadline = gains, price, known, deadline
        self.charge: Charge | None = None
        most = sum(max(0, units) for _, units in gains.shared)
        offer = most - price
        # No row ever has more than the gains and the prices allow.
        largest = 2 * gains.largest + most + 2 * find_magnitude(offer) + find_magnitude(known)
        self.dtype = np.float32 if largest < FLOAT32_EXACT else np.float64
        self.width = _NARROW if gains.needs else _WIDTH
        self.right = np.empty((len(price), gains.column_features.shape[1] + 2), self.dtype)
        self.most = known if deadline == math.inf else limit_gains(gains)
        overlaps = [*(overlap for overlap, _ in gains.shared), *gains.needs]
        self.words = [  # word by word: pairs are looked up in one of them after the other
            (np.ascontiguousarray(overlap.row.T), np.ascontiguousarray(overlap.column.T))
            for overlap in overlaps
        ]
        self.right[:, :-2], self.right[:, -2], self.right[:, -1] = gains.column_features, 1, offer

    def sweep(self) -> NDArray[np.int64]:
        """Return the best profit of every row."""
        n = len(self.known)
        height = min(
            _NARROW if self.gains.needs else _HEIGHT, max(32, -(-n // (2 * count_processors())))
        )
        stripes = [slice(top, min(top + height, n)) for top in range(0, n, height)]
        return np.concatenate(map_blocks(self.look, stripes))

    def look(self, rows: slice) -> NDArray[np.int64]:
        """Return the best profits of some rows."""
        best = self.known[rows].copy()
        left = np.empty((len(best), self.right.shape[1]), self.dtype)
        left[:, :-2], left[:, -1] = self.gains.row_features[rows], 1
        n_columns = len(self.price)
        buffer: NDArray[np.floating] = np.empty(len(best) * min(self.width, n_columns), self.dtype)
        for start in range(0, n_columns, self.width):
            if monotonic() > self.deadline:
                return np.maximum(best, self.most[rows] - int(self.price.min()))
            columns = slice(start, min(start + self.width, n_columns))
            if self.have_nothing(rows, columns):
                continue
            left[:, -2] = -best
            width = columns.stop - start
            tile: NDArray[np.floating] = buffer[: len(best) * width].reshape(len(best), width)
            np.matmul(left, self.right[columns].T, out=tile)
            for term in self.gains.terms:
                tile += term.block(rows, columns)
            line, better = self.find_better(tile, rows, columns)
            np.maximum.at(best, line, best[line] + better)
        return best

    def have_nothing(self, rows: slice, columns: slice) -> bool:
        """Say whether a rule asks for something that no pair of a tile has in common."""
        return any(
            not (
                np.bitwise_or.reduce(need.row[rows], axis=0)
                & np.bitwise_or.reduce(need.column[columns], axis=0)
            ).any()
            for need in self.gains.needs
        )

    def find_better(
        self, tile: NDArray[np.floating], rows: slice, columns: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that an allowed pair of a tile offers more, and how much more."""
        gains, flat = self.gains, tile.reshape(-1)
        lines = np.arange(len(tile))
        lift = np.zeros(len(tile), np.int64)
        at = _find_set(flat > 0)
        many = _MANY * len(at) > len(flat)
        if many:  # the best pair of each row leaves few that are better
            self.apply_bits(tile, rows, columns)
            top = tile.argmax(axis=1)
            lift = tile[lines, top].astype(np.int64)
            if self.charge is not None:
                lift -= self.charge(lines + rows.start, top + columns.start, lift)
            lift = np.maximum(lift, 0)
            lift[~self.ask_rules(lines + rows.start, top + columns.start)] = 0
            at = _find_set((tile > lift[:, None]).reshape(-1))
        line = at >> _SHIFT if tile.shape[1] == _WIDTH else at // tile.shape[1]
        i = line + rows.start
        j = at - (line * tile.shape[1] - columns.start)
        better = flat[at].astype(np.int64)
        allowed = np.ones(len(at), np.bool_)
        if not many:
            for (_, units), words in zip(gains.shared, self.words, strict=False):
                better += units * _share(words, i, j) - max(0, units)
            for words in self.words[len(gains.shared) :]:
                allowed &= _share(words, i, j)
        some = np.flatnonzero(allowed & (better > 0))
        some = some[self.ask_rules(i[some], j[some])]
        if self.charge is not None:
            better[some] -= self.charge(i[some], j[some], better[some])
        return np.concatenate([lines, line[some]]), np.concatenate([lift, better[some]])

    def ask_rules(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which pairs are allowed by the rules that are asked pair by pair."""
        gains = self.gains
        allowed = np.ones(len(i), np.bool_)
        if gains.barred is not None:
            allowed &= ~gains.barred.holds(i, j)
        if gains.least is not None:
            allowed &= gains.pairs(i, j)[1]
        for test in gains.tests:
            allowed &= ~test.forbids(i, j)
        return allowed

    def apply_bits(self, tile: NDArray[np.floating], rows: slice, columns: slice) -> None:
        """Ask of every pair of a tile what it has in common."""
        for overlap, units in self.gains.shared:
            np.subtract(tile, max(0, units), out=tile)
            tile += units * overlap.block(rows, columns)
        for need in self.gains.needs:
            tile[~need.block(rows, columns)] = 0


def _find_set(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where flags are set; words of eight flags are asked first where few of them are."""
    if 10 * np.count_nonzero(flags) > len(flags):
        return np.flatnonzero(flags)
    whole = len(flags) & ~7
    words = flags[:whole].view(np.uint64)
    some = np.flatnonzero(words != 0)
    found = np.flatnonzero(words.take(some).view(np.bool_))
    tail = whole + np.flatnonzero(flags[whole:])
    return np.concatenate([(some.take(found >> 3) << 3) + (found & 7), tail])


def _share(
    words: tuple[NDArray[np.uint64], NDArray[np.uint64]],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Say which pairs have a bit in common; the words of all rows come first, one after another."""
    common = np.zeros(len(i), np.uint64)
    for own, others in zip(*words, strict=True):
        common |= own.take(i) & others.take(j)
    shared: NDArray[np.bool_] = common != 0
    return shared
