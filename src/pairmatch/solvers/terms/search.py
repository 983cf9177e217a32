"""Search over a whole term: two people trade places in one round, or in all of them.

Meetings beyond the limit, forbidden pairs and broken rules are allowed on the way and cost more
than any gain. Trading places in all rounds changes nobody's number of meetings, so that a
schedule without repeated pairs stays one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.terms.schedules import count_meetings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["Term", "mend", "trade_places"]

_TENURE = 6  # steps in which a trade is not taken back, and as many more at random


@dataclass(slots=True, eq=False)
class Term:
    """Groups of all rounds, being worked on.

    Parameters
    ----------
    values : GroupValues
        Values and rules of one round, without regard to the others.
    group_of : ndarray of int64, shape (n_rounds, n)
        Group of each person in each round, -1 for a person who rests.
    at_most : int
        How often two people may meet.
    penalty : int
        What a forbidden pair, a broken rule or a meeting too many costs.
    """

    values: GroupValues
    group_of: NDArray[np.int64]
    at_most: int
    penalty: int
    met: NDArray[np.int64] = field(init=False)
    _swapped: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.reset(self.group_of)

    def reset(self, group_of: NDArray[np.int64]) -> None:
        """Replace all rounds."""
        n_rounds, n = group_of.shape
        self.group_of = group_of
        self.met = count_meetings(group_of)
        self._swapped = np.zeros((n_rounds, n, n), np.int64)
        for at in range(n_rounds):
            self._refresh(at, range(int(group_of[at].max(initial=-1)) + 1))

    @classmethod
    def of(cls, values: GroupValues, group_of: NDArray[np.int64], at_most: int) -> Term:
        """Return a term whose penalty outweighs what two groups of every round can gain."""
        top = int(np.abs(values.gain).max(initial=0))
        penalty = 8 * values.scale * top * len(group_of) + values.scale
        return cls(values, group_of.copy(), at_most, penalty)

    @property
    def n_too_often(self) -> int:
        """Meetings beyond the limit."""
        return int(np.maximum(self.met - self.at_most, 0).sum()) // 2

    @property
    def worth(self) -> int:
        """Sum of the values of all groups, less penalties."""
        rounds = sum(self.worth_of(at) for at in range(len(self.group_of)))
        return rounds - self.penalty * self.n_too_often

    def worth_of(self, at: int) -> int:
        """Return the sum of the values of the groups of one round, less penalties."""
        row = self.group_of[at]
        groups, first = np.unique(row, return_index=True)
        return int(np.diag(self._swapped[at])[first[groups >= 0]].sum())

    @property
    def n_wrong(self) -> int:
        """Meetings too many, forbidden pairs and broken rules."""
        wrong = self.n_too_often
        for row in self.group_of:
            for table in tables_of(row):
                wrong += int(self.values.n_forbidden(table).sum())
        return wrong

    def _refresh(self, at: int, groups: range | list[int]) -> None:
        """Compute what the changed groups are worth with each member replaced by anybody."""
        row, every = self.group_of[at], np.arange(self.values.n)
        members = [np.flatnonzero(row == group) for group in groups]
        for size in sorted({who.size for who in members}):
            table = np.array([who for who in members if who.size == size])
            rests = np.stack([np.delete(table, seat, axis=1) for seat in range(size)], axis=1)
            worth, n_forbidden = self.values.with_each(rests.reshape(-1, size - 1), every)
            self._swapped[at, table.ravel()] = worth - self.penalty * n_forbidden

    def gains_of_trades(self, at: int) -> NDArray[np.int64]:
        """Return what each two people gain by trading places in one round, meetings aside."""
        own = self._swapped[at]
        gain: NDArray[np.int64] = own + own.T
        stays = np.diag(own)
        gain -= stays[:, None] + stays[None, :]
        row = self.group_of[at]
        gain[row[:, None] == row] = 0
        return gain

    def meetings_of_trades(self, at: int, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many meetings too many each trade of some people adds in one round."""
        row = self.group_of[at]
        inside = np.zeros((row.size, int(row.max(initial=-1)) + 2))
        inside[np.arange(row.size), row] = 1  # the last column is for those who rest
        inside[:, -1] = 0
        new = (self.met >= self.at_most).astype(float)
        np.fill_diagonal(new, 0)
        joins = new @ inside
        over = (self.met > self.at_most).astype(float)
        leaves = ((over @ inside) * inside).sum(axis=1)
        added = joins[people][:, row] + joins[:, row[people]].T - 2 * new[people]
        added -= leaves[people][:, None] + leaves[None, :]
        same = row[people][:, None] == row
        added[same] = 0
        whole: NDArray[np.int64] = np.rint(added).astype(np.int64)
        return whole

    def crowded(self) -> NDArray[np.bool_]:
        """Return who meets somebody too often or breaks a rule in which round."""
        every = np.arange(self.values.n)
        wrong: NDArray[np.bool_] = self._swapped[:, every, every] < -self.penalty // 2
        wrong &= self.group_of >= 0
        a, b = np.nonzero(np.triu(self.met > self.at_most))
        at, pair = np.nonzero(
            (self.group_of[:, a] == self.group_of[:, b]) & (self.group_of[:, a] >= 0)
        )
        wrong[at, a[pair]] = wrong[at, b[pair]] = True
        return wrong

    def set_round(self, at: int, row: NDArray[np.int64]) -> None:
        """Replace a whole round."""
        self.group_of[at] = row
        self.met = count_meetings(self.group_of)
        self._swapped[at] = 0
        self._refresh(at, range(int(row.max(initial=-1)) + 1))

    def trade(self, at: int, a: int, b: int) -> None:
        """Let two people of different groups trade places in one round."""
        row = self.group_of[at]
        self._count(at, a, b, -1)
        row[a], row[b] = row[b], row[a]
        self._count(at, a, b, 1)
        self._swapped[at, [a, b]] = 0
        self._refresh(at, sorted({int(row[a]), int(row[b])} - {-1}))

    def _count(self, at: int, a: int, b: int, change: int) -> None:
        row = self.group_of[at]
        for person in (a, b):
            if row[person] >= 0:
                others = np.flatnonzero(row == row[person])
                others = others[others != person]
                self.met[person, others] += change
                self.met[others, person] += change


def tables_of(row: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the groups of one round, a table for each size."""
    members = [np.flatnonzero(row == group) for group in range(int(row.max(initial=-1)) + 1)]
    sizes = sorted({who.size for who in members})
    return [np.array([who for who in members if who.size == size]) for size in sizes]


def trade_places(
    term: Term, rng: np.random.Generator, n_steps: int, keep_on: Callable[[], bool]
) -> None:
    """Improve a term in place by letting two people trade places in all rounds; tabu search.

    Notes
    -----
    Robust tabu search for quadratic assignment (Taillard 1991,
    doi:10.1016/S0167-8191(05)80147-4), here with exact values of groups of any kind.
    """
    n_rounds, n = term.group_of.shape
    upper = np.triu_indices(n, 1)
    barred = np.zeros((n, n), np.int64)
    gain = np.zeros((n, n), np.int64)
    for at in range(n_rounds):
        gain += term.gains_of_trades(at)
    worth = best = term.worth
    kept = term.group_of.copy()
    idle = 0
    for step in range(n_steps):
        if not keep_on() or idle > max(60, 3 * n):
            break
        flat = gain[upper]
        legal = (barred[upper] <= step) | (worth + flat > best)
        at_best = int(np.where(legal, flat, np.iinfo(np.int64).min).argmax())
        a, b = int(upper[0][at_best]), int(upper[1][at_best])
        worth += int(flat[at_best])
        for at in range(n_rounds):
            if term.group_of[at, a] != term.group_of[at, b]:
                gain -= term.gains_of_trades(at)
                term.trade(at, a, b)
                gain += term.gains_of_trades(at)
        barred[a, b] = step + _TENURE + int(rng.integers(n))
        idle += 1
        if worth > best:
            best, idle = worth, 0
            kept = term.group_of.copy()
    term.reset(kept)


def mend(term: Term, rng: np.random.Generator, n_steps: int, keep_on: Callable[[], bool]) -> bool:
    """Trade places in single rounds until nobody meets too often and no rule is broken.

    Returns
    -------
    bool
        Whether that was reached; if not, the term is the best that was seen.

    Notes
    -----
    Tabu search as for the social golfer problem (Dotú and Van Hentenryck 2007,
    doi:10.1007/s10479-006-0106-x).
    """
    n_rounds, n = term.group_of.shape
    barred = np.zeros((n_rounds, n, n), np.int64)
    worth = best = term.worth
    kept = term.group_of.copy()
    idle = 0
    for step in range(n_steps):
        if not keep_on():
            break
        crowded = term.crowded()
        crowds = np.flatnonzero(crowded.any(axis=1))
        if not crowds.size:
            return True
        at = int(crowds[rng.integers(crowds.size)])
        who = np.flatnonzero(crowded[at])
        gain = term.gains_of_trades(at)[who]
        gain -= term.penalty * term.meetings_of_trades(at, who)
        row = term.group_of[at]
        free = barred[at][who] <= step
        free |= gain > best - worth
        free &= row[who][:, None] != row
        if not free.any():
            continue
        masked = np.where(free, gain, np.iinfo(np.int64).min)
        place = int(masked.argmax())
        a, b = int(who[place // n]), place % n
        worth += int(gain.ravel()[place])
        term.trade(at, a, b)
        until = step + _TENURE + int(rng.integers(_TENURE + crowds.size))
        barred[at, a, b] = barred[at, b, a] = until
        idle += 1
        if worth > best:
            best, idle = worth, 0
            kept = term.group_of.copy()
        elif idle > 400:  # shake: some people of a round are seated anew
            idle = 0
            for _ in range(max(2, n // 8)):
                a, b = (int(x) for x in rng.choice(n, 2, replace=False))
                if row[a] != row[b]:
                    term.trade(at, a, b)
            worth = term.worth
    done = not term.n_wrong
    if not done:
        term.reset(kept)
    return done
