"""Groups that go on from an old one: those who stay, completed by newcomers.

With links between two people that add up, inside a group, to ``size - 1`` times what it exceeds its
prices by, a newcomer brings its links to those who stay and half of its best links to others.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["complete_stays", "join_nearest"]

_AT_ONCE = 512  # parts of groups
_NEVER = -(2**55)


def join_nearest(links: Numbers, stays: Numbers, group_of: Numbers, size: int, n: int) -> Numbers:
    """Return groups of those who stay with some of the newcomers who give them most.

    Parameters
    ----------
    links : ndarray of int64, shape (n_people, n_people)
        Links, symmetric.
    stays : ndarray of int64, shape (m, k)
        Who stays, each row of one old group.
    group_of : ndarray of int64, shape (n_people,)
        Old group of each person, -1 for none.
    size : int
        Members of a group.
    n : int
        Newcomers that are tried with each of them.
    """
    n_more = size - stays.shape[1]
    if n_more == 0:
        return stays
    gives = _open_links(links, stays, group_of)
    most = min(max(n, n_more), links.shape[0] - 1)
    near = np.argpartition(-gives, most - 1, axis=1)[:, :most]
    found = [
        np.column_stack([stays, near[:, list(chosen)]])
        for chosen in combinations(range(most), n_more)
    ]
    groups: Numbers = np.sort(np.concatenate(found), axis=1)
    return groups


def complete_stays(
    links: Numbers, stays: Numbers, group_of: Numbers, size: int, least: int, n_most: int
) -> Numbers:
    """Return the groups of those who stay and newcomers whose links add up to more than ``least``.

    Parameters
    ----------
    links, stays, group_of, size
        As for :func:`join_nearest`.
    least : int
        What the links inside a group have to exceed.
    n_most : int
        Parts of groups to look at; the search ends with what was found by then.
    """
    inside = np.zeros(len(stays), np.int64)
    for a, b in combinations(stays.T, 2):
        inside += links[a, b]
    found = [np.empty((0, size), np.int64)]
    last, gives = np.full(len(stays), -1, np.int64), _open_links(links, stays, group_of)
    stack = [
        (stays[some], last[some], gives[some], inside[some])
        for some in np.array_split(np.arange(len(stays)), -(-len(stays) // _AT_ONCE))
    ]
    n_seen = 0
    while stack:
        parts, last, gives, inside = stack.pop()
        n_more = size - parts.shape[1]
        if n_more == 0:
            found.append(parts[inside > least])
            continue
        n_seen += len(parts)
        if n_seen > n_most:
            break
        brings = 2 * gives + _largest(links, n_more - 1)
        brings[gives < _NEVER // 2] = 2 * _NEVER
        # a newcomer and the best others: all of the best, or it in place of the last of these
        best = np.partition(brings, -n_more, axis=1)[:, -n_more:]
        reach = best.sum(axis=1)[:, None] + np.minimum(0, brings - best.min(axis=1)[:, None])
        fits = (2 * inside[:, None] + reach > 2 * least) & (gives > _NEVER // 2)
        fits &= np.arange(links.shape[0])[None, :] > last[:, None]
        row, newcomer = np.nonzero(fits)
        grown = np.column_stack([parts[row], newcomer])
        total = inside[row] + gives[row, newcomer]
        if n_more == 1:
            found.append(grown[total > least])
            continue
        for begin in range(0, row.size, _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            more = np.maximum(gives[row[some]] + links[newcomer[some]], _NEVER)
            stack.append((grown[some], newcomer[some], more, total[some]))
    return np.sort(np.concatenate(found), axis=1)


def _open_links(links: Numbers, stays: Numbers, group_of: Numbers) -> Numbers:
    """Return what everybody gives those who stay; nobody of their old group joins them."""
    gives: Numbers = np.maximum(links[stays].sum(axis=1), _NEVER)
    gives[group_of[stays[:, 0]][:, None] == group_of[None, :]] = _NEVER
    return gives


def _largest(links: Numbers, n_most: int) -> Numbers:
    """Return the sum of the largest links of each person."""
    if n_most == 0:
        return np.zeros(links.shape[0], np.int64)
    total: Numbers = np.partition(links, -n_most, axis=1)[:, -n_most:].sum(axis=1)
    return total
