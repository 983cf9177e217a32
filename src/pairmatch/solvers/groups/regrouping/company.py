"""Old company: who was in one group and could stay, and how many keep theirs in a new group."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Company", "count_kept", "list_stays"]


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """Who was in one group, of those who are still there and whose group could go on.

    Parameters
    ----------
    group_of : ndarray of int64, shape (n,)
        Old group of each person, -1 for none.
    size : ndarray of int64, shape (n_groups,)
        Number of people of each old group; by default those who are here.
    """

    group_of: Numbers
    size: Numbers = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if not self.size.size:
            here = np.bincount(self.group_of[self.group_of >= 0], minlength=1)
            object.__setattr__(self, "size", here)

    @property
    def n(self) -> int:
        """Number of people who could keep their group."""
        return int((self.group_of >= 0).sum())

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """Members of each old group."""
        return [
            tuple(np.flatnonzero(self.group_of == mark).tolist())
            for mark in range(int(self.group_of.max(initial=-1)) + 1)
            if (self.group_of == mark).any()
        ]

    def take(self, people: Numbers) -> Company:
        """Return the company among some people; a group goes on with more than half of all."""
        marks = np.full(len(people), -1, np.int64)
        inside = self.group_of[people] >= 0
        kinds, marks[inside] = np.unique(self.group_of[people[inside]], return_inverse=True)
        return Company(marks, self.size[kinds] if kinds.size else np.zeros(1, np.int64))


def count_kept(groups: Numbers, company: Company) -> Numbers:
    """Return how many people keep their group in each of some groups of one size."""
    mark, size = company.group_of[groups], company.size
    kept = np.zeros(len(groups), np.int64)
    for own in mark.T:
        here = (mark == own[:, None]).sum(axis=1)
        goes_on = (own >= 0) & (2 * here > size[np.maximum(own, 0)])
        kept = np.maximum(kept, np.where(goes_on, here, 0))
    return kept


def list_stays(company: Company, largest: int) -> dict[int, Numbers]:
    """Return the sets of people in which an old group can go on, an array for each number."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for mark in range(company.size.size):
        group = np.flatnonzero(company.group_of == mark).tolist()
        for count in range(int(company.size[mark]) // 2 + 1, min(len(group), largest) + 1):
            found.setdefault(count, []).extend(combinations(group, count))
    return {count: np.array(sets, np.int64) for count, sets in sorted(found.items())}
