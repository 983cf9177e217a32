"""Triads of a large pool, found from prices: the cheapest first, then parts dealt anew.

With prices near the best ones, triads that fall short of them the least, taken as they come, leave
few people over; those are seated among themselves, and dealing parts anew does the rest.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import Search, descend, seat_greedily
from pairmatch.solvers.groups.columns.neighbourhoods import deal_parts_anew
from pairmatch.solvers.groups.large.linked import LinkedTriads
from pairmatch.solvers.groups.large.parts import N_PART, link_groups
from pairmatch.solvers.groups.triads.dealing import Board, deal_again, load_deal
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.large.prices import LinkPrices
    from pairmatch.solvers.groups.large.streaming import PoolValues

__all__ = ["Deck", "deal_on", "seat_by_prices"]

_N_NEAR = 60  # cheap triads a person that parts are dealt from
_BATCH = 2000  # parts dealt between two looks at the clock
_ROUNDS = ((6, 60), (8, 150), (12, 150), (16, 150), (12, 150), (16, 300))
_N_PROGRAMS = 2  # rounds of small programs where nothing is compiled
_N_DEALS = 12  # a person, in each round
_N_IDLE = 0.02  # a deal a person that gains less than this share of the gap ends a round
_N_REGIONS = 2  # dealt side by side


class Deck:
    """Cheap triads of a large pool under prices; a workspace of what follows.

    Parameters
    ----------
    pool : PoolValues
        What groups are worth.
    prices : LinkPrices
        Prices, and the links that triads are looked for along.
    """

    def __init__(self, pool: PoolValues, prices: LinkPrices) -> None:
        linked = LinkedTriads(pool, prices.links)
        floor = linked.fit_floor(prices.price, prices.unit, _N_NEAR)
        self.pool, self.price, self.unit = pool, prices.price, prices.unit
        self.triads, value = linked.collect(prices.price, floor, prices.unit)
        self.short = prices.price[self.triads].sum(axis=1) - value

    def shortfall(self, table: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return by how much triads fall short of their prices."""
        short: NDArray[np.int64] = self.price[table].sum(axis=1)
        short -= self.pool.of_groups(table) * self.unit
        return short


def seat_by_prices(
    deck: Deck, rng: np.random.Generator, keep_on: Callable[[], bool]
) -> NDArray[np.int64]:
    """Return triads of everybody, or of all but one or two.

    Parameters
    ----------
    deck : Deck
        Cheap triads.
    rng : Generator
        Deals those who are left over into parts.
    keep_on : callable
        Asked between parts; False seats the rest as they come.
    """
    n = deck.pool.n
    free = np.ones(n, np.bool_)
    taken = []
    short = deck.short
    triads = deck.triads[np.argsort(short, kind="stable")]
    while len(triads):
        # a triad is taken if it comes first for each of its people; many are, at a time
        rank = np.full(n, len(triads))
        every = np.arange(len(triads))
        for column in triads.T[::-1]:
            np.minimum.at(rank, column, every)
        first = (rank[triads] == every[:, None]).all(axis=1)
        taken.append(triads[first])
        free[triads[first]] = False
        triads = triads[free[triads].all(axis=1)]
    left = np.flatnonzero(free)
    left = rng.permutation(left)
    if left.size % 3:  # those who gain the least from triads make groups of four later
        cheap = left[np.argsort(deck.price[left], kind="stable")[: left.size % 3]]
        left = left[~np.isin(left, cheap)]
    for part in np.array_split(left.reshape(-1, 3), max(1, -(-left.size // N_PART))):
        people = np.sort(part.ravel())
        if not keep_on() or not people.size:
            taken.append(part)
            continue
        own = Search.of(deck.pool.take(people), rng, keep_on)
        plan = seat_greedily(own, (3,) * len(part))
        descend(own, plan, 4)
        taken.append(people[plan.tables[0]])
    return np.concatenate(taken)


def deal_on(
    deck: Deck,
    table: NDArray[np.int64],
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
    tell: Callable[[NDArray[np.int64]], None] = lambda _: None,
) -> NDArray[np.int64]:
    """Return the triads after parts of them were dealt anew, round after round.

    Parameters
    ----------
    deck : Deck
        Cheap triads.
    table : ndarray of int64, shape (n_groups, 3)
        Triads of everybody but those who are in none; left as they are.
    rng : Generator
        Chooses the parts.
    keep_on : callable
        Asked every now and then; False ends the work.
    tell : callable, optional
        Called with the triads after each round.
    """
    people = np.sort(table.ravel())
    row_of = np.full(deck.pool.n, -1)
    row_of[people] = np.arange(people.size)
    near = (row_of[deck.triads] >= 0).all(axis=1)
    cards, short = row_of[deck.triads[near]], deck.short[near]
    dealt = row_of[table]
    few = np.argsort(short, kind="stable")[: 16 * people.size]
    rounds = _ROUNDS if load_deal() is not None else _ROUNDS[:_N_PROGRAMS]
    for n_opened, n_nodes in rounds:
        if not keep_on():
            break
        if load_deal() is None:
            dealt = _deal_programs(deck, people, dealt, cards[few], rng, keep_on)
        else:
            n_most = -(-len(dealt) // _N_REGIONS)
            regions = link_groups(dealt, cards[few], n_most, rng)
            own = [_Region(deck, people, dealt[part], cards, short, rng) for part in regions]
            open_ = list(own)
            while open_ and keep_on():
                gained = map_blocks(
                    partial(_Region.deal, n_groups=n_opened, n_nodes=n_nodes), open_
                )
                open_ = [region for region, more in zip(open_, gained, strict=True) if more]
            dealt = np.concatenate([region.people[region.board.dealt] for region in own])
        tell(people[dealt])
    found: NDArray[np.int64] = people[dealt]
    return found


class _Region:
    """Groups that are dealt anew apart from the others; a workspace."""

    def __init__(
        self,
        deck: Deck,
        people: NDArray[np.int64],
        dealt: NDArray[np.int64],
        cards: NDArray[np.int64],
        short: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        self.people = np.sort(dealt.ravel())
        row_of = np.full(people.size, -1)
        row_of[self.people] = np.arange(self.people.size)
        inside = (row_of[cards] >= 0).all(axis=1)
        cost = deck.shortfall(people[dealt])
        self.board = Board(row_of[cards[inside]], short[inside], row_of[dealt], cost)
        self.rng = np.random.default_rng(rng.integers(2**62))
        self.n_done = 0

    def deal(self, n_groups: int, n_nodes: int) -> bool:
        """Deal many parts anew, and return whether it is worth going on."""
        before = int(self.board.cost.sum())
        gained = deal_again(self.board, _BATCH, n_groups, n_nodes, self.rng)
        self.n_done += _BATCH
        n = self.people.size
        return self.n_done < _N_DEALS * n and gained * n >= _N_IDLE * before * _BATCH


def _deal_programs(
    deck: Deck,
    people: NDArray[np.int64],
    dealt: NDArray[np.int64],
    cards: NDArray[np.int64],
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64]:
    """Return the groups after each part was dealt anew by small programs; needs no numba."""
    dealt = dealt.copy()
    for part in link_groups(dealt, cards, N_PART // 3, rng):
        rows = np.sort(dealt[part].ravel())
        own = deck.pool.take(people[rows])
        price = -(-deck.price[people[rows]] // deck.unit)
        local = np.searchsorted(rows, dealt[part])
        n_rounds = max(6, len(part) // 10)
        better = deal_parts_anew(
            own, local, price, n_groups=24, n_rounds=n_rounds, rng=rng, keep_on=keep_on
        )
        if own.of_groups(better).sum() > own.of_groups(local).sum():
            dealt[part] = rows[better]
    return dealt
