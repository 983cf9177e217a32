"""A few groups dealt anew, the best way there is, thousands of times a second.

Each triad costs what its prices exceed its worth by. The groups to open lie near each other along
cheap triads; a depth-first search for the cheapest exact cover of their people, with the cheapest
triad of everybody as a bound, tells whether they can be dealt any better. Compiled by numba; the
same code runs without it, slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Board", "deal_again", "load_deal"]

_N_CHANCES = 400  # random numbers that one deal may use
_MOST_GROUPS = 20  # people of as many groups fit into 64 bits
_MOST_LOCAL = 4000  # triads among the people of the opened groups
_MANY = 2**60


class Board:
    """Cheap triads by person, and the grouping that is being improved; a workspace.

    Parameters
    ----------
    triads : ndarray of int64, shape (m, 3)
        Triads that may be used, among them those of the grouping.
    short : ndarray of int64, shape (m,)
        By how much each falls short of its prices, >= 0.
    dealt : ndarray of int64, shape (n / 3, 3)
        The grouping.
    cost : ndarray of int64, shape (n / 3,)
        By how much its triads fall short.
    """

    def __init__(
        self,
        triads: NDArray[np.int64],
        short: NDArray[np.int64],
        dealt: NDArray[np.int64],
        cost: NDArray[np.int64],
    ) -> None:
        order = np.argsort(short, kind="stable")
        self.triads, self.short = triads[order], short[order]
        n = dealt.size
        person = self.triads.ravel()
        by_person = np.argsort(person, kind="stable")
        self.of_person = by_person // 3
        self.start = np.searchsorted(person[by_person], np.arange(n + 1)).astype(np.int64)
        self.dealt, self.cost = dealt.copy(), cost.copy()
        self.group_of = np.empty(n, np.int64)
        self.group_of[dealt] = np.arange(len(dealt))[:, None]


def deal_again(
    board: Board, n_deals: int, n_groups: int, n_nodes: int, rng: np.random.Generator
) -> int:
    """Deal parts of a grouping again, in place, and return what was gained.

    Parameters
    ----------
    board : Board
        The grouping and the triads it may use.
    n_deals : int
        Parts to open.
    n_groups : int
        Groups opened at once, at most 20.
    n_nodes : int
        Nodes of the search in one part.
    rng : Generator
        Chooses the parts.
    """
    deal = load_deal() or _deal_parts
    n_groups = min(n_groups, _MOST_GROUPS, len(board.dealt))
    return deal(
        board.triads,
        board.short,
        board.of_person,
        board.start,
        board.dealt,
        board.cost,
        board.group_of,
        n_groups,
        n_nodes,
        rng.random((n_deals, _N_CHANCES)),
    )


@compiled_once
def load_deal() -> Callable[..., int] | None:
    """Return the compiled loop, or None without numba or where it is not waited for."""
    try:
        from numba import njit, types
        from numba.extending import register_jitable
    except ImportError:
        return None
    for helper in (_open_groups, _list_triads, _sort_by_person, _cover):
        register_jitable(helper)
    compiled: Any = njit(cache=True, nogil=True)(_deal_parts)
    whole, line, table = types.int64, types.int64[::1], types.int64[:, ::1]
    board = table, line, line, line, table, line, line
    compiled.compile((*board, whole, whole, types.float64[:, ::1]))
    deal: Callable[..., int] = compiled
    return deal


def _open_groups(
    triads: NDArray[np.int64],
    of_person: NDArray[np.int64],
    start: NDArray[np.int64],
    dealt: NDArray[np.int64],
    cost: NDArray[np.int64],
    group_of: NDArray[np.int64],
    n_groups: int,
    chance: NDArray[np.float64],
    opened: NDArray[np.int64],
    is_open: NDArray[np.bool_],
) -> int:
    """List the groups to open: a dear one, then those along cheap triads; return how many."""
    first = 0
    for draw in range(3):  # the dearest of three
        group = int(chance[draw] * len(dealt))
        if draw == 0 or cost[group] > cost[first]:
            first = group
    opened[0], is_open[first] = first, True
    n_open, at = 1, 3
    while n_open < n_groups and at + 3 <= len(chance):
        person = dealt[opened[int(chance[at] * n_open)], int(chance[at + 1] * 3)]
        n_own = start[person + 1] - start[person]
        rank = int(-np.log(1.0 - chance[at + 2]) * 6)  # cheap ones mostly
        at += 3
        if rank >= n_own:
            continue
        triad = of_person[start[person] + rank]
        for seat in range(3):
            group = group_of[triads[triad, seat]]
            if not is_open[group] and n_open < n_groups:
                opened[n_open], is_open[group] = group, True
                n_open += 1
    return n_open


def _list_triads(
    triads: NDArray[np.int64],
    short: NDArray[np.int64],
    of_person: NDArray[np.int64],
    start: NDArray[np.int64],
    people: NDArray[np.int64],
    n_people: int,
    row_of: NDArray[np.int64],
    budget: int,
    listed: NDArray[np.int64],
) -> int:
    """List the triads within the people that cost less than the budget; return how many."""
    count = 0
    for row in range(n_people):
        for at in range(start[people[row]], start[people[row] + 1]):
            triad = of_person[at]
            if short[triad] >= budget:
                break
            a, b, c = row_of[triads[triad, 0]], row_of[triads[triad, 1]], row_of[triads[triad, 2]]
            if a < 0 or b < 0 or c < 0 or row != min(a, b, c):
                continue
            if count < len(listed):
                listed[count] = triad
                count += 1
    return count


def _sort_by_person(
    triads: NDArray[np.int64],
    short: NDArray[np.int64],
    row_of: NDArray[np.int64],
    n_people: int,
    listed: NDArray[np.int64],
    n_listed: int,
    mask: NDArray[np.int64],
    price: NDArray[np.int64],
    begin: NDArray[np.int64],
    fill: NDArray[np.int64],
    option: NDArray[np.int64],
) -> None:
    """Give each person its triads, the cheapest first, and each triad the bits of its people."""
    step = 1
    while step < n_listed:
        step = 3 * step + 1
    while step > 0:  # Shell's sort; triads are numbered by cost
        for x in range(step, n_listed):
            triad, y = listed[x], x
            while y >= step and listed[y - step] > triad:
                listed[y] = listed[y - step]
                y -= step
            listed[y] = triad
        step //= 3
    for row in range(n_people + 1):
        begin[row] = 0
    for at in range(n_listed):
        triad = listed[at]
        price[at], mask[at] = short[triad], 0
        for seat in range(3):
            row = row_of[triads[triad, seat]]
            mask[at] |= np.int64(1) << row
            begin[row + 1] += 1
    for row in range(n_people):
        begin[row + 1] += begin[row]
    for row in range(n_people):
        fill[row] = begin[row]
    for at in range(n_listed):
        for seat in range(3):
            row = row_of[triads[listed[at], seat]]
            option[fill[row]] = at
            fill[row] += 1


def _cover(
    n_people: int,
    mask: NDArray[np.int64],
    price: NDArray[np.int64],
    begin: NDArray[np.int64],
    option: NDArray[np.int64],
    budget: int,
    n_nodes: int,
    best: NDArray[np.int64],
    stack: NDArray[np.int64],
) -> int:
    """Find the cheapest cover below a budget; return its cost, or the budget if there is none."""
    n_deep = n_people // 3
    covered, paid, person, at, chosen = stack[0], stack[1], stack[2], stack[3], stack[4]
    covered[0], paid[0] = 0, 0
    depth, n_seen, entering = 0, 0, True
    while depth >= 0:
        if entering:
            n_seen += 1
            least, most_missed, dead = 0, -1, False
            for row in range(n_people):
                if (covered[depth] >> row) & 1:
                    continue
                n_free, cheap, missed = 0, 0, _MANY
                for y in range(begin[row], begin[row + 1]):
                    if mask[option[y]] & covered[depth] == 0:
                        n_free += 1
                        if n_free == 1:
                            cheap = price[option[y]]
                        else:
                            missed = price[option[y]] - cheap
                            break
                if n_free == 0:
                    dead = True
                    break
                least += cheap
                if missed > most_missed:  # who loses most without the cheapest triad decides now
                    most_missed, person[depth] = missed, row
            entering = False
            if dead or n_seen > n_nodes or 3 * paid[depth] + least >= 3 * budget:
                depth -= 1
                continue
            at[depth] = begin[person[depth]]
        found = -1
        while at[depth] < begin[person[depth] + 1]:
            triad = option[at[depth]]
            at[depth] += 1
            if paid[depth] + price[triad] >= budget:
                at[depth] = begin[person[depth] + 1]
            elif mask[triad] & covered[depth] == 0:
                found = triad
                break
        if found < 0:
            depth -= 1
            continue
        chosen[depth] = found
        total = paid[depth] + price[found]
        if depth + 1 == n_deep:
            budget = total
            for x in range(n_deep):
                best[x] = chosen[x]
            continue
        depth += 1
        covered[depth], paid[depth] = covered[depth - 1] | mask[found], total
        entering = True
    return budget


def _deal_parts(
    triads: NDArray[np.int64],
    short: NDArray[np.int64],
    of_person: NDArray[np.int64],
    start: NDArray[np.int64],
    dealt: NDArray[np.int64],
    cost: NDArray[np.int64],
    group_of: NDArray[np.int64],
    n_groups: int,
    n_nodes: int,
    chances: NDArray[np.float64],
) -> int:
    """Open some groups and deal their people anew, once for each row of chances."""
    row_of = np.full(len(group_of), -1, np.int64)
    is_open = np.zeros(len(dealt), np.bool_)
    opened, people = np.empty(n_groups, np.int64), np.empty(3 * n_groups, np.int64)
    listed, price = np.empty(_MOST_LOCAL, np.int64), np.empty(_MOST_LOCAL, np.int64)
    mask, option = np.empty(_MOST_LOCAL, np.int64), np.empty(3 * _MOST_LOCAL, np.int64)
    begin, best = np.empty(3 * n_groups + 1, np.int64), np.empty(n_groups, np.int64)
    fill, stack = np.empty(3 * n_groups, np.int64), np.zeros((5, n_groups + 1), np.int64)
    gained = 0
    for deal in range(len(chances)):
        n_open = _open_groups(
            triads,
            of_person,
            start,
            dealt,
            cost,
            group_of,
            n_groups,
            chances[deal],
            opened,
            is_open,
        )
        budget, n_people = 0, 0
        for x in range(n_open):
            budget += cost[opened[x]]
            for seat in range(3):
                people[n_people] = dealt[opened[x], seat]
                row_of[people[n_people]] = n_people
                n_people += 1
        if budget > 0:
            n_listed = _list_triads(
                triads, short, of_person, start, people, n_people, row_of, budget, listed
            )
            _sort_by_person(
                triads, short, row_of, n_people, listed, n_listed, mask, price, begin, fill, option
            )
            found = _cover(n_people, mask, price, begin, option, budget, n_nodes, best, stack)
            if found < budget:
                gained += budget - found
                for x in range(n_open):
                    triad, group = listed[best[x]], opened[x]
                    cost[group] = short[triad]
                    for seat in range(3):
                        dealt[group, seat] = triads[triad, seat]
                        group_of[triads[triad, seat]] = group
        for x in range(n_people):
            row_of[people[x]] = -1
        for x in range(n_open):
            is_open[opened[x]] = False
    return gained
