"""Check the bound of a grouping of a large pool, of which only parts are ever held.

Every pair is computed again, block by block, from the gains alone. What is looked at is the link of
two people: by how much what they give each other exceeds their prices. Twice the excess of a triad
is at most the sum of its three links.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.group_rules import find_uneven_sizes
from pairmatch.solvers.certify.small_groups import most_by_size
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Certificate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import StreamedGrouping
    from pairmatch.solvers.solution import GroupingSolution, GroupPrices

__all__ = ["bound_large", "certify_large"]

_ROWS = 72  # people at a time; powers of two make transposing slow
_LOW = -(2**56)  # the link of two who may not share a group
_HEIGHT = 512  # partners of a person at a time


def certify_large(problem: StreamedGrouping, solution: GroupingSolution) -> Certificate:
    """Return what a grouping of a large pool is worth and what is proved about it.

    Parameters
    ----------
    problem : StreamedGrouping
        What was asked.
    solution : GroupingSolution
        What was answered; nothing in it is believed.

    Raises
    ------
    CertificateError
        If a rule is broken, or the stated bound is lower than what can be proved.
    """
    group_of, n = np.asarray(solution.group_of), problem.n
    right = group_of.shape == (n,) and np.issubdtype(group_of.dtype, np.integer)
    if not right or group_of.min(initial=0) < -1:
        what = f"expected {n} group numbers from -1"
        raise CertificateError("the grouping breaks its rules", [Fault(what, "group_of")])
    count = np.bincount(group_of[group_of >= 0])
    order = np.argsort(group_of, kind="stable")[n - int(count.sum()) :]
    first = np.cumsum(count) - count
    faults, objective = [], 0
    for size in np.unique(count).tolist():
        groups = np.flatnonzero(count == size)
        if not problem.smallest <= size <= problem.largest or solution.scale % (size - 1):
            limits = f"{problem.smallest} to {problem.largest}, scale {solution.scale}"
            faults += [Fault(f"has {size} members, allowed are {limits}", f"group {groups[0]}")]
            continue
        members = order[first[groups][:, None] + np.arange(size)]
        given = np.zeros(members.shape, np.int64)
        for a in range(size):
            for b in set(range(size)) - {a}:
                gain, allowed = problem.gains.pairs(members[:, b], members[:, a])
                given[:, a] += gain
                for at in np.flatnonzero(~allowed).tolist():
                    what = f"persons {members[at, a]} and {members[at, b]} may not share a group"
                    faults.append(Fault(what, f"group {groups[at]}"))
        worst = problem.objective == "worst_rotation"
        value = size * given.min(axis=1) if worst else given.sum(axis=1)
        objective += int(value.sum()) * (solution.scale // (size - 1))
    if faults:
        raise CertificateError("the grouping breaks its rules", faults)
    sizes = tuple(np.sort(count).tolist())
    bound = 0 if not sizes else None
    if sizes and len(solution.cases) == 1:
        seen = _read_links(problem, solution.cases[0], sizes, solution.scale)
        if seen is not None and seen.is_open:
            shape = problem.smallest, problem.largest, problem.target
            faults = [Fault(what) for what in find_uneven_sizes(*shape, sizes)]
            if faults:
                raise CertificateError("the grouping breaks its rules", faults)
        bound = _bound(problem, solution.cases[0], sizes, seen)
    if solution.bound is not None and (bound is None or solution.bound < bound):
        what = f"the stated bound {solution.bound} is not proved; the prices prove {bound}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    n_placed = int(count.sum())
    most = most_by_size(n, problem.smallest, problem.largest, n)
    return Certificate(objective, bound, n_placed, max(n_placed, most), solution.scale)


def bound_large(
    problem: StreamedGrouping, case: GroupPrices, sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the bound that prices prove for groupings into groups of these sizes, or None.

    Parameters
    ----------
    problem : StreamedGrouping
        The pool.
    case : GroupPrices
        Prices of people; sets and decisions prove nothing here.
    sizes : tuple of int
        Sizes of all groups, in increasing order.
    scale : int
        Factor of all values.

    Notes
    -----
    A group of more than three is worth at most the prices of its members where every triad is:
    its mean is that of its triads, and its worst rotation is no more than its mean.
    """
    return _bound(problem, case, sizes, _read_links(problem, case, sizes, scale))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """By how much groups of each person exceed prices, and whether any two may share a group.

    ``over`` is the excess of the worst triad of each person where the smallest group is one, and
    the sum of the largest links otherwise.
    """

    over: NDArray[np.int64]
    is_open: bool


def _read_links(
    problem: StreamedGrouping, case: GroupPrices, sizes: tuple[int, ...], scale: int
) -> _Seen | None:
    """Look at all pairs once; None if the prices cannot be used."""
    person = np.asarray(case.person, np.int64)
    simple = not (len(case.sets) or case.together.size or case.apart.size)
    if not simple or case.unit < 1 or person.shape != (problem.n,):
        return None
    factor = scale * case.unit
    top = int(np.abs(person).max(initial=0)) + 2 * problem.gains.largest * factor
    if top * (problem.n + 8) * 8 >= 2**62:  # sums could leave 64 bits
        return None
    if sizes[0] != 3:
        return _sum_links(problem, person, factor, max(1, sizes[0] - 1))
    worst = problem.objective == "worst_rotation" and sizes[-1] == 3
    return _excess(problem, person, factor, worst=worst)


def _bound(
    problem: StreamedGrouping,
    case: GroupPrices,
    sizes: tuple[int, ...],
    seen: _Seen | None,
) -> int | None:
    """Return what prices prove, from what was seen of all pairs."""
    if seen is None:
        return None
    person, over = np.asarray(case.person, np.int64), seen.over
    n_placed = sum(sizes)
    if sizes[0] != 3:
        divisor = 2 * (sizes[0] - 1)
        whole = int(np.sort(person * divisor + over)[problem.n - n_placed :].sum()) // divisor
    elif sizes[-1] == 3:
        whole = int(np.sort(3 * person + over)[problem.n - n_placed :].sum()) // 3
    else:
        whole = int(np.sort(person - (-over // 3))[problem.n - n_placed :].sum())
    return whole // case.unit


def _links(
    problem: StreamedGrouping, person: NDArray[np.int64], factor: int, rows: slice
) -> tuple[NDArray[np.int64], bool]:
    """Return the links of some people to everybody, and whether they may share groups with all."""
    every = slice(0, problem.n)
    given, allowed = problem.gains.block(rows, every)
    received, too = problem.gains.block(every, rows)
    link: NDArray[np.int64] = (given + received.T) * factor
    link -= person[rows, None]
    link -= person[None, :]
    both = allowed & too.T
    both[np.arange(len(link)), np.arange(rows.start, rows.stop)] = True
    is_open = bool(both.all())
    if not is_open:
        link[~both] = _LOW
    link[np.arange(len(link)), np.arange(rows.start, rows.stop)] = _LOW
    return link, is_open


def _list_rows(n: int) -> list[slice]:
    """Return parts of the pool."""
    return [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]


def _sum_links(
    problem: StreamedGrouping, person: NDArray[np.int64], factor: int, n_best: int
) -> _Seen:
    """Return the sums of the largest links of each person."""
    over = np.empty(problem.n, np.int64)
    first = problem.n - n_best

    def look(rows: slice) -> bool:
        link, is_open = _links(problem, person, factor, rows)
        over[rows] = np.partition(link, first, axis=1)[:, first:].sum(axis=1)
        return is_open

    is_open = all(map_blocks(look, _list_rows(problem.n)))
    return _Seen(over, is_open)


def _excess(
    problem: StreamedGrouping, person: NDArray[np.int64], factor: int, *, worst: bool
) -> _Seen:
    """Return by how much the worst triad of each person exceeds its prices, at least 0.

    A triad above its prices has a person whose two links are its larger ones: the smaller of these
    is above minus half of the best link of that person.
    """
    excess = np.zeros(problem.n, np.int64)

    def look(rows: slice) -> tuple[bool, list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
        link, is_open = _links(problem, person, factor, rows)
        least = -(link.max(axis=1, initial=_LOW) // 2)  # above it is above minus half of the best
        line, other = np.divmod(np.flatnonzero(link >= least[:, None]), problem.n)
        ends = np.searchsorted(line, np.arange(len(link) + 1))
        return is_open, [
            _around(problem, person, factor, rows.start + at, other[first:last], worst=worst)
            for at, (first, last) in enumerate(pairwise(ends))
            if last - first > 1
        ]

    is_open = True
    for open_, seen in map_blocks(look, _list_rows(problem.n)):
        is_open &= open_
        for people, over in seen:
            np.maximum.at(excess, people, over)
    return _Seen(excess, is_open)


def _around(
    problem: StreamedGrouping,
    person: NDArray[np.int64],
    factor: int,
    i: int,
    near: NDArray[np.int64],
    *,
    worst: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return some people, and by how much triads of a person and two of them exceed the prices."""
    people, every = np.append(near, i), slice(0, near.size + 1)
    gains, price = problem.gains.take(people, people), person[people]
    over = np.zeros(people.size, np.int64)
    (to_me, _), (mine, _) = (
        gains.block(every, slice(near.size, near.size + 1)),
        gains.block(slice(near.size, near.size + 1), every),
    )
    own = (to_me[:, 0] + mine[0]) * factor - price - price[-1]
    for first in range(0, near.size, _HEIGHT):
        rows = slice(first, min(first + _HEIGHT, near.size))
        (given, allowed), (received, too) = gains.block(rows, every), gains.block(every, rows)
        twice = (given + received.T) * factor - price[rows, None] - price[None, :]
        twice += own[rows, None]
        twice += own[None, :]
        line = np.arange(rows.start, rows.stop)
        legal = allowed & too.T
        legal[line - rows.start, line] = legal[:, -1] = False
        value = np.where(legal, twice, 0) // 2
        if worst:
            least = np.minimum(to_me[rows] + to_me[:, 0], mine[0, rows, None] + received.T)
            least = np.minimum(least, mine[0] + given)
            exact = 3 * least * (factor // 2) - price[rows, None] - price - price[-1]
            value = np.where(legal & (value > 0), exact, 0)
        np.maximum(over, value.max(axis=0), out=over)
        over[rows] = np.maximum(over[rows], value.max(axis=1))
    over[-1] = over[:-1].max()
    return people, over
