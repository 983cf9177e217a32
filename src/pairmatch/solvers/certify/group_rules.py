"""Rules about whole groups, checked once more: plain loops, no code of the solvers."""

from __future__ import annotations

from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = [
    "find_broken_rules",
    "find_wrong_sizes",
    "may_become_legal",
    "most_groups",
    "which_are_legal",
]


def find_broken_rules(problem: GroupingProblem, members: Sequence[int]) -> list[str]:
    """Return, in words about positions, every rule that one group breaks.

    Parameters
    ----------
    problem : GroupingProblem
        Its ``allowed`` and ``rules`` are read.
    members : sequence of int
        The group.
    """
    broken = [
        f"persons {a} and {b} may not share a group"
        for a, b in combinations(members, 2)
        if not (problem.allowed[a, b] and problem.allowed[b, a])
    ]
    rules = problem.rules
    if rules is None:
        return broken
    for s, most in enumerate(rules.most.tolist()):
        total = sum(int(rules.amount[i, s]) for i in members)
        if total > most:
            broken.append(f"sum {s} is {total}, at most {most} is allowed")
    broken += [
        f"person {bearers[0]} is the only one with label {s}"
        for s in range(rules.label.shape[1])
        for bearers in [[i for i in members if rules.label[i, s]]]
        if len(bearers) == 1
    ]
    for links in rules.links:
        broken += [
            f"person {i} lacks a partner that it needs"
            for i in members
            if not any(links[i, j] for j in members)
        ]
    for mark in sorted({int(rules.together[i]) for i in members} - {-1}):
        n_here = sum(int(rules.together[i]) == mark for i in members)
        if n_here != int(rules.n_together[mark]):
            broken.append(f"set {mark} of people who stay together is torn apart")
    if rules.slots is not None:
        joint = [int(word) for word in rules.slots[members[0]]]
        for i in members[1:]:
            joint = [ours & int(theirs) for ours, theirs in zip(joint, rules.slots[i], strict=True)]
        if not any(joint):
            broken.append("there is no start at which all can meet")
        elif rules.weekly is not None and not _meet_often(problem, joint):
            broken.append(f"there are no {rules.weekly.times} times at which all can meet")
    if rules.floor is not None:
        total = sum(int(rules.worth[a, b]) for a, b in combinations(members, 2))
        if total < rules.floor * len(members) * (len(members) - 1):
            broken.append("the mean of its rotations is below the floor")
    return broken


def _meet_often(problem: GroupingProblem, joint: list[int]) -> bool:
    """Return whether as many meetings as are asked for fit between joint starts, one by one."""
    weekly = None if problem.rules is None else problem.rules.weekly
    if weekly is None:
        return any(joint)
    n_fitting, end = 0, -1
    for s, start in enumerate(weekly.start.tolist()):
        if start >= end and joint[s // 64] >> (s % 64) & 1:
            n_fitting, end = n_fitting + 1, start + weekly.minutes
    return n_fitting >= weekly.times


def find_wrong_sizes(problem: GroupingProblem, sizes: Sequence[int]) -> list[str]:
    """Return what is wrong with the sizes of all groups, where nothing but sizes is asked for.

    Where any two people may share a group, as many groups as come nearest to the target size are
    formed, and they are as even as possible.
    """
    free = problem.allowed | np.eye(problem.n, dtype=bool)
    if problem.rules is not None or not free.all():
        return []
    return find_uneven_sizes(problem.smallest, problem.largest, problem.target, sizes)


def find_uneven_sizes(smallest: int, largest: int, target: int, sizes: Sequence[int]) -> list[str]:
    """Return what is wrong with sizes where any two people may share a group."""
    n_placed = sum(sizes)
    if not n_placed:
        return []
    fitting = [
        q for q in range(1, n_placed // smallest + 1) if q * smallest <= n_placed <= q * largest
    ]
    nearest = min(abs(q * target - n_placed) for q in fitting)
    n_groups = max(q for q in fitting if abs(q * target - n_placed) == nearest)
    if len(sizes) == n_groups and max(sizes) - min(sizes) <= 1:
        return []
    n_each = {size: sizes.count(size) for size in sorted(set(sizes))}
    listed = ", ".join(f"{n} of {size}" for size, n in n_each.items())
    return [f"the sizes {listed} are not what is asked for: {n_groups} groups as even as possible"]


def which_are_legal(problem: GroupingProblem, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which groups of one size, all of whose pairs are allowed, satisfy every rule."""
    rules = problem.rules
    legal = np.ones(len(groups), np.bool_)
    if rules is None or not len(groups):
        return legal
    seats = list(groups.T)
    for amount, most in zip(rules.amount.T, rules.most, strict=True):
        legal &= np.sum([amount[i] for i in seats], axis=0) <= most
    for bearer in rules.label.T:
        legal &= np.sum([bearer[i].astype(np.int64) for i in seats], axis=0) != 1
    for links in rules.links:
        for i in seats:
            legal &= np.logical_or.reduce([links[i, j] for j in seats])
    if rules.n_together.size:
        for i in seats:
            mark = rules.together[i]
            same = np.sum([rules.together[j] == mark for j in seats], axis=0)
            legal &= (mark < 0) | (same == rules.n_together[mark])
    if rules.slots is not None:
        joint = rules.slots[seats[0]]
        for i in seats[1:]:
            joint = joint & rules.slots[i]
        legal &= joint.any(axis=1)
        if rules.weekly is not None:
            several = {tuple(row) for row in joint[legal].tolist()}
            known = {row: _meet_often(problem, list(row)) for row in sorted(several)}
            legal[legal] = [known[tuple(row)] for row in joint[legal].tolist()]
    if rules.floor is not None:
        total = np.sum([rules.worth[i, j] for i, j in combinations(seats, 2)], axis=0)
        legal &= total >= ceil(rules.floor * len(seats) * (len(seats) - 1))
    return legal


def may_become_legal(
    problem: GroupingProblem, parts: NDArray[np.int64], least: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which parts of groups break no rule that more members cannot mend.

    Parameters
    ----------
    problem : GroupingProblem
        Its ``rules`` are read.
    parts : ndarray of int64, shape (m, n_members)
        Members so far.
    least : ndarray of int64, shape (n_sums,)
        What those who are still to come add to each sum at least.
    """
    rules = problem.rules
    fits = np.ones(len(parts), np.bool_)
    if rules is None or not len(parts):
        return fits
    for amount, most, more in zip(rules.amount.T, rules.most, least, strict=True):
        fits &= np.sum([amount[i] for i in parts.T], axis=0) + more <= most
    if rules.slots is not None:
        joint = rules.slots[parts[:, 0]]
        for i in parts.T[1:]:
            joint = joint & rules.slots[i]
        fits &= joint.any(axis=1)
    return fits


def most_groups(problem: GroupingProblem) -> int:
    """Return an upper bound on the number of groups, from sums that each group needs."""
    cap = problem.n // problem.smallest
    if problem.rules is not None:
        for s, most in enumerate(problem.rules.most.tolist()):
            if most < 0:
                supply = -sum(min(0, int(x)) for x in problem.rules.amount[:, s])
                cap = min(cap, supply // -most)
    return cap
