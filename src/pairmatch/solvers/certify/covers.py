"""Whether some groups can place everybody at once: a search that knows nothing of any solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["rule_out_covers"]

_N_STATES = 60_000  # sets of people that are looked at
_N_CELLS = 10_000_000_000  # groups that are open in them, times people


def rule_out_covers(
    people: NDArray[np.int64],
    tables: Mapping[int, NDArray[np.int64]],
    sizes: Sequence[int],
) -> bool | None:
    """Return whether no choice of disjoint groups has these sizes; None if that takes too long.

    Parameters
    ----------
    people : ndarray of int64, shape (n,)
        Who may be placed.
    tables : mapping of int to ndarray of int64, shapes (m, size)
        The groups of each size that may be chosen.
    sizes : sequence of int
        Sizes of all groups of a choice.

    Notes
    -----
    Branching on whoever has the fewest groups left, over sets of people in integers; a set that
    was seen is not looked at again.
    """
    place = {person: at for at, person in enumerate(people.tolist())}
    kinds = sorted(tables)
    member = np.zeros((sum(len(tables[size]) for size in kinds), people.size), bool)
    kind_of = np.repeat(kinds, [len(tables[size]) for size in kinds])
    first = 0
    masks: list[int] = []
    for size in kinds:
        for row in tables[size].tolist():
            seats = [place[person] for person in row]
            member[first, seats] = True
            masks.append(sum(1 << seat for seat in seats))
            first += 1
    if people.size == sum(sizes) and _some_part_is_odd(member, sizes):
        return True
    stack = [((1 << people.size) - 1, tuple(sorted(sizes)), np.arange(first), -1)]
    seen: set[tuple[int, tuple[int, ...]]] = set()
    n_cells = 0
    while stack:
        free, wanted, open_, taken = stack.pop()
        if (free, wanted) in seen:
            continue
        seen.add((free, wanted))
        if not wanted:
            return False
        n_cells += open_.size * people.size
        if len(seen) > _N_STATES or n_cells > _N_CELLS:
            return None
        if taken >= 0:
            open_ = open_[~member[np.ix_(open_, np.flatnonzero(member[taken]))].any(axis=1)]
        open_ = open_[np.isin(kind_of[open_], wanted)]
        left = np.array([free >> at & 1 for at in range(people.size)], bool)
        n_open = np.where(left, member[open_].sum(axis=0), first + 1)
        who = int(n_open.argmin())
        if sum(wanted) < int(left.sum()):  # somebody may stay out
            stack.append((free ^ 1 << who, wanted, open_[~member[open_, who]], -1))
        for at in open_[member[open_, who]].tolist():
            rest = list(wanted)
            rest.remove(int(kind_of[at]))
            stack.append((free ^ masks[at], tuple(rest), open_, at))
    return True


def _some_part_is_odd(member: NDArray[np.bool_], sizes: Sequence[int]) -> bool:
    """Return whether people whom no group links to others do not divide into these sizes."""
    sums = {0}
    for size in sizes:
        sums |= {before + size for before in sums}
    part = np.arange(member.shape[1])
    while True:
        lowest = np.where(member, part, part.size).min(axis=1, initial=part.size)
        reached = np.where(member, lowest[:, None], part.size).min(axis=0, initial=part.size)
        if (reached >= part).all():
            return not sums.issuperset(np.bincount(part).tolist())
        part = np.minimum(part, reached)
