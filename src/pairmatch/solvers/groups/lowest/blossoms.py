"""As many pairs as possible in a graph, and who proves that there are no more.

Edmonds' algorithm (1965, doi:10.4153/CJM-1965-045-4): alternating trees in which odd circuits are
shrunk. Where a tree is stuck, its inner vertices separate more odd parts than they can serve
(Berge 1958, doi:10.1073/pnas.44.9.842), and these are the prices.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.solution import PLACE, GroupPrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["match_most", "price_places_of_pairs"]


class _Forest:
    """Alternating trees grown from roots; a workspace."""

    def __init__(self, friends: list[list[int]], mate: list[int], roots: list[int]) -> None:
        n = len(mate)
        self.friends, self.mate, self.roots = friends, mate, roots
        self.before = [-1] * n
        self.base = list(range(n))
        self.outer = [False] * n
        for root in roots:
            self.outer[root] = True

    def grow(self) -> int:
        """Return an unmatched vertex that a path reaches, or -1 where all trees are stuck."""
        queue = deque(self.roots)
        while queue:
            v = queue.popleft()
            for to in self.friends[v]:
                if self.base[v] == self.base[to] or self.mate[v] == to:
                    continue
                if self.outer[to]:
                    queue.extend(self._shrink(v, to))
                elif self.before[to] < 0:
                    self.before[to] = v
                    if self.mate[to] < 0:
                        return to
                    self.outer[self.mate[to]] = True
                    queue.append(self.mate[to])
        return -1

    def _shrink(self, v: int, to: int) -> list[int]:
        """Shrink the odd circuit that two outer vertices close; return who becomes outer."""
        top = self._common(v, to)
        inside: set[int] = set()
        for start, child in ((v, to), (to, v)):
            at = start
            while self.base[at] != top:
                mate = self.mate[at]
                inside |= {self.base[at], self.base[mate]}
                self.before[at] = child
                child = mate
                at = self.before[mate]
        fresh = []
        for at in range(len(self.base)):
            if self.base[at] in inside:
                self.base[at] = top
                if not self.outer[at]:
                    self.outer[at] = True
                    fresh.append(at)
        return fresh

    def _common(self, a: int, b: int) -> int:
        """Return the lowest common base of two outer vertices of one tree."""
        seen = set()
        while True:
            a = self.base[a]
            seen.add(a)
            if self.mate[a] < 0:
                break
            a = self.before[self.mate[a]]
        while True:
            b = self.base[b]
            if b in seen:
                return b
            b = self.before[self.mate[b]]


def _friends_of(possible: NDArray[np.bool_]) -> list[list[int]]:
    """Return the neighbours of each vertex."""
    return [np.flatnonzero(row).tolist() for row in possible]


def match_most(possible: NDArray[np.bool_], mate: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the mate of each person in a matching with as many pairs as possible.

    Parameters
    ----------
    possible : ndarray of bool, shape (n, n), symmetric
        Who may be paired with whom; nobody with itself.
    mate : ndarray of int64, shape (n,)
        A matching to start from, -1 for nobody; pairs that are not possible are dropped.

    Returns
    -------
    ndarray of int64, shape (n,)
        -1 for nobody.

    Notes
    -----
    O(n * pairs) at worst, usually about as long as reading the pairs a few times.

    Examples
    --------
    >>> ring = np.roll(np.eye(5, dtype=bool), 1, axis=1)
    >>> match_most(ring | ring.T, np.full(5, -1)).tolist().count(-1)
    1
    """
    n = len(mate)
    held = [int(m) if m >= 0 and possible[v, m] else -1 for v, m in enumerate(mate.tolist())]
    friends = _friends_of(possible)
    for v in range(n):
        if held[v] < 0:
            to = next((to for to in friends[v] if held[to] < 0), -1)
            if to >= 0:
                held[v], held[to] = to, v
    for root in range(n):
        if held[root] >= 0:
            continue
        forest = _Forest(friends, held, [root])
        at = forest.grow()
        while at >= 0:
            previous = forest.before[at]
            following = held[previous]
            held[at], held[previous] = previous, at
            at = following
    return np.array(held, np.int64)


def price_places_of_pairs(possible: NDArray[np.bool_], mate: NDArray[np.int64]) -> GroupPrices:
    """Return prices of places that prove that no matching has more pairs.

    Parameters
    ----------
    possible : ndarray of bool, shape (n, n), symmetric
        Who may be paired with whom.
    mate : ndarray of int64, shape (n,)
        A matching with as many pairs as possible.

    Returns
    -------
    GroupPrices
        Every possible pair is paid for, and all prices together pay for those who are matched.
    """
    n = len(mate)
    held = mate.tolist()
    forest = _Forest(_friends_of(possible), held, np.flatnonzero(mate < 0).tolist())
    forest.grow()
    outer, base = np.array(forest.outer), np.array(forest.base)
    inner = ~outer & (np.array(forest.before) >= 0)
    person = np.where(inner, 2 * PLACE, np.where(outer, 0, PLACE))
    sets = [outer & (base == b) for b in np.unique(base[outer])]
    sets = [row for row in sets if row.sum() > 1]
    return GroupPrices(
        person,
        PLACE,
        np.array(sets, bool).reshape(-1, n),
        np.full(len(sets), 2, np.int64),
        np.full(len(sets), 2 * PLACE, np.int64),
    )
