"""Exact covers: whether the groups that are left can place everybody, found or ruled out.

A search in depth for disjoint groups. The person who is in the fewest of the groups that are
still possible decides next (Knuth 2000, arXiv:cs/0011047); people whom no such groups could place
are remembered. Small parts of a plan are covered again in the same way, so that those who are
still without a group, like a hole, move through a large pool until they fit together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.lowest.above import Above
    from pairmatch.solvers.groups.lowest.raising import Raised

__all__ = ["cover_people", "mend_plan"]

_FEWEST, _MOST = 4, 16  # groups that are opened at once
_N_PART_NODES = 250  # of the search in a part of a plan
_N_MENDS = 40  # parts that are opened, a group that was below the floor
_N_PART_GROUPS = 300  # of each size, from which a part is covered
_N_KEPT = 120_000  # groups at the floor among which parts are looked for


def cover_people(
    n: int,
    tables: Sequence[NDArray[np.int64]],
    count: Sequence[int],
    n_nodes: int,
    *,
    first: int | None = None,
) -> tuple[list[NDArray[np.int64]] | None, bool]:
    """Return disjoint groups, so many from each table, or tell that there are none.

    Parameters
    ----------
    n : int
        Number of people; those who do not fit into the groups stay out.
    tables : sequence of ndarray of int64, shapes (m, size)
        Groups to choose from; those that come early are tried first.
    count : sequence of int
        Groups of each table to choose.
    n_nodes : int
        Choices to look into, at most.
    first : int, optional
        Somebody who must not stay out.

    Returns
    -------
    groups : list of ndarray of int64 or None
        The groups of each table, or None if none were found.
    settled : bool
        Whether that is certain: False where the search was cut short.
    """
    rows = [tuple(row) for table in tables for row in table.tolist()]
    ends = np.cumsum([0, *(len(table) for table in tables)]).tolist()
    kinds = [(1 << end) - (1 << start) for start, end in pairwise(ends)]
    of_person = [0] * n
    for at, row in enumerate(rows):
        for person in row:
            of_person[person] |= 1 << at
    sizes = [table.shape[1] for table in tables]
    spare = n - sum(size * number for size, number in zip(sizes, count, strict=True))
    dead: set[tuple[int, ...]] = set()
    left_nodes = n_nodes

    def place(alive: int, people: int, spare: int, room: tuple[int, ...]) -> list[int] | None:
        """Return the columns of a cover of the people who are left."""
        nonlocal left_nodes
        if not any(room):
            return []
        left_nodes -= 1
        key = (people, *room)
        if left_nodes < 0 or key in dead:
            return None
        for kind, number in zip(kinds, room, strict=True):
            if not number:
                alive &= ~kind
        person, fewest, rest = -1, 1 << 62, people
        while rest:
            low = rest & -rest
            rest ^= low
            who = low.bit_length() - 1
            n_open = (alive & of_person[who]).bit_count()
            if n_open < fewest:
                person, fewest = who, n_open
                if n_open <= 1 and not spare:
                    break
        if first is not None and people >> first & 1:
            person = first
        options = alive & of_person[person]
        while options:
            low = options & -options
            options ^= low
            at = low.bit_length() - 1
            hit, others = 0, people
            for member in rows[at]:
                hit |= of_person[member]
                others ^= 1 << member
            fuller = tuple(
                number - (kind >> at & 1) for kind, number in zip(kinds, room, strict=True)
            )
            found = place(alive & ~hit, others, spare, fuller)
            if found is not None:
                return [at, *found]
            if left_nodes < 0:
                return None
        if spare and person != first:
            found = place(alive & ~of_person[person], people ^ (1 << person), spare - 1, room)
            if found is not None:
                return found
        if left_nodes >= 0:
            dead.add(key)
        return None

    if spare < 0 or (not spare and _some_part_is_odd(n, tables, count)):
        return None, True
    found = place((1 << len(rows)) - 1, (1 << n) - 1, spare, tuple(count))
    if found is None:
        return None, left_nodes >= 0
    chosen = [[at for at in sorted(found) if kind >> at & 1] for kind in kinds]
    return [
        table[np.array(columns, np.int64) - start]
        for table, columns, start in zip(tables, chosen, ends[:-1], strict=True)
    ], True


def _some_part_is_odd(n: int, tables: Sequence[NDArray[np.int64]], count: Sequence[int]) -> bool:
    """Return whether people whom no group links to the others do not divide into these sizes."""
    part = np.arange(n)
    before = part - 1
    while (before != part).any():
        before = part.copy()
        for table in tables:
            if len(table):
                lowest = part[table].min(axis=1)
                np.minimum.at(part, table, lowest[:, None])
    sums = {0}
    for table, number in zip(tables, count, strict=True):
        sums = {done + k * table.shape[1] for done in sums for k in range(number + 1)}
    return not sums.issuperset(np.bincount(part).tolist())


def mend_plan(
    raised: Raised,
    above: Above,
    floor: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> bool:
    """Look for a plan at the floor, part by part; in place. Return whether one was found.

    Parameters
    ----------
    raised : Raised
        The plan to start from; replaced by one whose groups are all at the floor.
    above : Above
        Which lists the groups at the floor.
    floor : int
        Smallest mean, in fractions of a gain.
    rng : Generator
        Chooses the parts.
    keep_on : callable
        Asked before each part; False ends the work.
    """
    plan, n = raised.plan, above.values.n
    of = {table.shape[1]: table for table in plan.tables}
    tables = [table[means >= floor] for table, means in zip(above.tables, above.means, strict=True)]
    if sum(map(len, tables)) > _N_KEPT:
        return False
    kept = [
        of[size][above.mean_of(of[size]) >= floor] if size in of else np.empty((0, size), np.int64)
        for size in above.sizes
    ]
    lacking = [
        len(of.get(size, ())) - len(own) for size, own in zip(above.sizes, kept, strict=True)
    ]
    state = _Mending(n, tables, kept, lacking)
    n_left = _N_MENDS * sum(lacking)
    while sum(state.lacking) and n_left > 0 and keep_on():
        before = sum(state.lacking)
        state.step(rng)
        n_left += _N_MENDS if sum(state.lacking) < before else -1
    if sum(state.lacking):
        return False
    kept = [table for table in state.kept if len(table)]
    seated = np.concatenate([table.ravel() for table in kept])
    bench = np.setdiff1d(np.arange(n), seated)
    raised.plan = Plan(kept, bench, above.values.of_tables(kept))
    raised.lowest = min(int(above.mean_of(table).min()) for table in kept)
    return True


class _Mending:
    """Groups at the floor that are kept, and how many of each size are lacking; a workspace."""

    def __init__(
        self,
        n: int,
        tables: list[NDArray[np.int64]],
        kept: list[NDArray[np.int64]],
        lacking: list[int],
    ) -> None:
        self.n, self.tables, self.kept, self.lacking = n, tables, kept, lacking
        person = np.concatenate([table.ravel() for table in tables])
        group = np.concatenate(
            [
                np.repeat(np.arange(len(t)), t.shape[1]) * len(tables) + k
                for k, t in enumerate(tables)
            ]
        )
        order = np.argsort(person, kind="stable")
        self.of_person = group[order]
        self.start = np.searchsorted(person[order], np.arange(n + 1))

    def step(self, rng: np.random.Generator) -> None:
        """Open some groups around somebody without one, and cover their people again."""
        n_kinds = len(self.tables)
        group_of = np.full(self.n, -1)
        first = 0
        for table in self.kept:
            group_of[table] = np.arange(first, first + len(table))[:, None]
            first += len(table)
        out = np.flatnonzero(group_of < 0)
        centre = int(rng.choice(out))
        reached = [centre]
        opened: set[int] = set()
        n_open = int(rng.integers(_FEWEST, _MOST + 1))
        for _ in range(8 * n_open):
            if len(opened) >= n_open:
                break
            person = reached[int(rng.integers(len(reached)))]
            own = self.of_person[self.start[person] : self.start[person + 1]]
            if not own.size:
                continue
            at, kind = divmod(int(own[rng.integers(own.size)]), n_kinds)
            for who in self.tables[kind][at].tolist():
                group = int(group_of[who])
                if group >= 0 and group not in opened:
                    opened.add(group)
                    reached += np.flatnonzero(group_of == group).tolist()
        inside = np.isin(group_of, [-1, *opened])
        place = np.cumsum(inside) - 1
        parts, counts, first = [], [], 0
        stays = []
        for table, kept in zip(self.tables, self.kept, strict=True):
            within = table[inside[table].all(axis=1)]
            parts.append(place[rng.permutation(within)[:_N_PART_GROUPS]])
            open_ = np.isin(np.arange(first, first + len(kept)), list(opened))
            counts.append(int(open_.sum()))
            stays.append(kept[~open_])
            first += len(kept)
        who = np.flatnonzero(inside)
        for more in self._wanted():
            wanted = [a + b for a, b in zip(counts, more, strict=True)]
            start = int(place[centre])
            n_nodes = _N_PART_NODES
            found, _ = cover_people(who.size, parts, wanted, n_nodes, first=start)
            if found is not None:
                self.kept = [
                    np.concatenate([kept, who[new]]) for kept, new in zip(stays, found, strict=True)
                ]
                self.lacking = [a - b for a, b in zip(self.lacking, more, strict=True)]
                return

    def _wanted(self) -> list[list[int]]:
        """Return how many groups more to ask for: one, then none."""
        nothing = [0] * len(self.lacking)
        wanted = []
        for kind, number in enumerate(self.lacking):
            if number:
                wanted.append(nothing.copy())
                wanted[-1][kind] = 1
        return [*wanted, nothing]
