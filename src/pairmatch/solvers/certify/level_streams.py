"""Whether nobody could gain more, level by level from the lowest, by a vector for each person.

Like the other checks this module knows no solver. It is given a vector of prices for every row and
column, one entry for the number of pairs and one for each level of gains, and compares vectors
lexicographically. Places within quotas have vectors too, for some classes at some columns.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.cells import PricedClasses, check_cells, find_rooms, spread_cells
from pairmatch.solvers.certify.sums import add_up, find_magnitude, multiply
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, PoolGains
    from pairmatch.solvers.solution import AssignmentSolution, Certificate

    Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

__all__ = ["certify_levels"]

_CELLS = 2**20  # pairs at a time
_BLOCKS = 8  # blocks whose doubtful pairs are compared together
_LIMIT = 2**61  # of prices, those of columns have it too: two of them add up within 64 bits
_NEVER = np.iinfo(np.int64).min
_ALWAYS = np.iinfo(np.int64).max


def certify_levels(
    problem: AssignmentProblem,
    gains: PoolGains,
    solution: AssignmentSolution,
    rules: Certificate,
    deadline: float,
) -> Certificate:
    """Check coverage, and that as few pairs as possible are on every level, lowest level first.

    Notes
    -----
    Weak duality for vectors. A pair is worth 1 in the first entry and -1 in the entry of the level
    that it gains. If no price vector is lexicographically below 0, no pair is worth more than its
    two sides cost, and all that is there to pay for costs just what the answer is worth, then no
    answer is worth more. A pair pays for a place within every quota whose class at its column has
    prices; all steps name the same ones. A column whose vector is below 0 is paid for its minimum
    load. Pairs that the pins leave no room for within a quota are not looked at. Gains that
    are no level of the answer would be entries of their own, at which all prices are 0. Prices of
    the lowest levels alone prove these.
    """
    if not solution.steps or (solution.steps[0].column < 0).any():
        return rules
    cells = check_cells(problem, solution)
    first = solution.steps[0]
    if first.cell is not None and (first.cell < 0).any():
        return rules
    nothing = np.zeros(problem.n_columns, np.int64)
    rooms = find_rooms(problem)
    coverage = spread_cells(first, rooms, cells, shut=1)
    covered = Prices(nothing, coverage=coverage)
    seen = certify_assignment(
        problem, replace(solution, prices=covered, steps=()), deadline=deadline
    )
    rules = replace(rules, matched_bound=seen.matched_bound)
    if seen.matched_bound != rules.matched or monotonic() > deadline:
        return rules
    proof = _Proof(problem, gains, solution, rooms, cells)
    if proof.adds_up and proof.keeps_signs() and proof.covers_pairs(deadline):
        if proof.is_whole:
            return replace(rules, bound=rules.objective)
        return replace(rules, levels=len(proof.level) or None)
    return rules


class _Proof:
    """Price vectors, of open rows and of columns with places, entry by entry."""

    def __init__(
        self,
        problem: AssignmentProblem,
        gains: PoolGains,
        solution: AssignmentSolution,
        rooms: list[NDArray[np.int64]],
        cells: NDArray[np.int64],
    ) -> None:
        pinned = np.zeros(problem.n_rows, np.bool_)
        pinned[problem.pins[:, 0]] = True
        places = problem.capacity - np.bincount(problem.pins[:, 1], minlength=problem.n_columns)
        self.rows, self.columns = np.flatnonzero(~pinned), np.flatnonzero(places > 0)
        self.asked = np.maximum(problem.at_least - problem.capacity + places, 0)[self.columns]
        self.gains = gains
        free = solution.pairs[~pinned[solution.pairs[:, 0]]]
        gain, _ = gains.pairs(free[:, 0], free[:, 1])
        self.level, count = np.unique(gain, return_counts=True)
        worth = [len(free), *(-count).tolist()]
        steps = solution.steps
        self.adds_up, self.is_whole = len(steps) <= len(worth), len(steps) == len(worth)
        self.level, worth = self.level[: len(steps) - 1], worth[: len(steps)]
        for step in steps:
            if step.row is None:
                self.adds_up = False
            elif step.row.shape != (problem.n_rows,) or step.row.dtype.kind != "i":
                raise CertificateError("prices of rows are not one integer for each row")
            elif find_magnitude(step.row) > _LIMIT:
                raise CertificateError("prices of rows are too large to be compared exactly")
        if not self.adds_up:
            return
        self.row = [np.asarray(step.row)[self.rows] for step in steps]
        self.column = [step.column[self.columns] for step in steps]
        # Places at columns that are full of pins cost nobody anything.
        kept = np.flatnonzero(np.isin(cells[:, 1], self.columns))
        self.cell = [step.column[:0] if step.cell is None else step.cell[kept] for step in steps]
        self.classes = PricedClasses(problem, self.rows, self.columns, rooms, cells[kept])
        room = [rooms[k][j, label] for k, j, label in cells[kept].tolist()]
        counted = np.where(_are_below(self.column), self.asked, places[self.columns])
        self.adds_up = all(
            add_up(row) + multiply(counted, column) + multiply(np.array(room, np.int64), cell)
            == value
            for row, column, cell, value in zip(
                self.row, self.column, self.cell, worth, strict=True
            )
        )

    def keeps_signs(self) -> bool:
        """Say whether no vector is below 0 but those of columns with a minimum load."""
        return not (
            _are_below(self.row).any()
            or _are_below(self.cell).any()
            or (_are_below(self.column) & (self.asked == 0)).any()
        )

    def covers_pairs(self, deadline: float) -> bool:
        """Say whether no allowed pair is worth more than the prices of its two sides."""
        if not len(self.rows) or not len(self.columns):
            return True
        place, bar = self._put_in_order()
        table = _tabulate(bar)
        classes = self.classes
        for kind in range(classes.n_kinds):
            rows = np.flatnonzero(classes.kind == kind)
            nodes, is_open = classes.nodes_of[kind], classes.find_open(kind)
            columns = np.flatnonzero(is_open)
            if len(columns) and not self._cover(rows, columns, nodes, place, table, deadline):
                return False
        return True

    def _cover(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        nodes: NDArray[np.int64],
        place: NDArray[np.int64],
        table: list[NDArray[np.int64]],
        deadline: float,
    ) -> bool:
        """Say whether no allowed pair of some rows of one kind is worth more than it costs."""
        rows = rows[np.argsort(place[rows], kind="stable")]
        column_place = place[len(self.rows) + nodes]
        columns = columns[np.argsort(column_place[columns], kind="stable")]
        part = self.gains.take(self.rows[rows], self.columns[columns])
        row_place, column_place = place[rows], column_place[columns]
        height = max(1, _CELLS // len(columns))

        def look(top: int) -> Pairs | None:
            some = slice(top, min(len(rows), top + height))
            if monotonic() > deadline:
                return None
            first = int(np.searchsorted(column_place, row_place[top], "right"))
            gain, allowed = part.block(some, slice(first, len(columns)))
            most = _find_lowest(table, row_place[some, None], column_place[None, first:])
            if (allowed & (gain > most)).any():
                return None
            i, j = np.nonzero(allowed & (gain == most))
            return rows[i + top], nodes[columns[j + first]], gain[i, j]

        tops = range(0, len(rows), height)
        for k in range(0, len(tops), _BLOCKS):
            found = map_blocks(look, tops[k : k + _BLOCKS])
            kept = [pairs for pairs in found if pairs is not None]
            if len(kept) < len(found):
                return False
            i, j, gain = (np.concatenate([pairs[c] for pairs in kept]) for c in range(3))
            if not self._compare(i, j, gain):
                return False
        return True

    def _offer(self, k: int) -> NDArray[np.signedinteger]:
        """Return entry k of what pairs of a lower level leave their rows, by where they enter."""
        return int(k == 0) - self.classes.add_up(self.column[k], self.cell[k])

    def _put_in_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return places of rows and columns by what rows pay and columns leave, lowest first.

        A class of rows at a column has a place of its own where it pays for a place within a quota.
        Also what a pair may gain whose row is just before a place and whose column is at it: the
        level of the first entry that differs; nothing where that is the number of pairs.
        """
        n, size = len(self.rows), len(self.rows) + self.classes.n_nodes
        order, bar = np.arange(size), np.full(size, _ALWAYS)
        value = np.empty(size, np.int64)
        for k, paid in enumerate(self.row):
            value[:n], value[n:] = paid, self._offer(k)
            here = value[order]
            is_new = np.diff(here, prepend=here[0]) != 0
            is_new &= bar == _ALWAYS
            if not is_new.any():
                continue
            group = np.cumsum(bar != _ALWAYS)
            torn = np.zeros(int(group[-1]) + 1, np.bool_)
            torn[group[is_new]] = True
            at = np.flatnonzero(torn[group])
            order[at] = order[at][np.lexsort((here[at], group[at]))]
            here = value[order]
            is_new = (np.diff(here, prepend=here[0]) != 0) & (bar == _ALWAYS)
            bar[is_new] = _NEVER if k == 0 else self.level[k - 1]
        place = np.empty(size, np.int64)
        place[order] = np.arange(size)
        return place, bar

    def _compare(self, i: NDArray[np.int64], j: NDArray[np.int64], gain: NDArray[np.int64]) -> bool:
        """Say whether none of some pairs is worth more than its prices, entry by entry."""
        for k, paid in enumerate(self.row):
            if not len(i):
                break
            left = self._offer(k)[j] - paid[i]
            if k:
                left -= gain == self.level[k - 1]
            if (left > 0).any():
                return False
            tied = left == 0
            i, j, gain = i[tied], j[tied], gain[tied]
        return True


def _are_below(vectors: list[NDArray[np.signedinteger]]) -> NDArray[np.bool_]:
    """Say of which vectors the first entry that is not 0 is below it."""
    below = np.zeros(len(vectors[0]), np.bool_)
    open_yet = ~below
    for entry in vectors:
        below |= open_yet & (entry < 0)
        open_yet &= entry == 0
    return below


def _tabulate(bar: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the lowest of each run of 1, 2, 4, ... entries, by its first."""
    table = [bar]
    while 2 ** len(table) <= len(bar):
        half = 2 ** (len(table) - 1)
        table.append(np.minimum(table[-1][:-half], table[-1][half:]))
    return table


def _find_lowest(
    table: list[NDArray[np.int64]], after: NDArray[np.int64], to: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the lowest entry after one place and up to another; no limit where there is none."""
    length = to - after
    lowest = np.full(length.shape, _ALWAYS)
    # frexp gives the power of two just above, without a loop over bits.
    power = np.frexp(np.maximum(length, 1))[1] - 1
    for k, runs in enumerate(table):
        i, j = np.nonzero((power == k) & (length > 0))
        first, last = after[i, 0] + 1, to[0, j] - 2**k + 1
        lowest[i, j] = np.minimum(runs[first], runs[last])
    return lowest
