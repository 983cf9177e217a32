"""Groups of any size against prices of people: every legal group that could exceed them is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.certify.group_rules import may_become_legal, which_are_legal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["bound_by_sizes"]

_N_ROWS = 20_000_000  # parts of groups that are looked at, for each size: most are dropped early
_AT_ONCE = 2048
_NEVER = -(2**54)


def bound_by_sizes(
    problem: GroupingProblem, person: NDArray[np.int64], sizes: Sequence[int], factor: int
) -> int | None:
    """Return what prices of people prove about groupings into groups of these sizes, or None.

    Every group of size k is worth at most the prices of its members plus the largest excess of a
    legal group of that size. This excess may be negative.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    person : ndarray of int64, shape (n,)
        Prices of people, any sign, in gains times ``factor``.
    sizes : sequence of int
        Sizes of all groups.
    factor : int
        Factor of values and prices; a multiple of ``size - 1`` of every size.

    Returns
    -------
    int or None
        The bound times ``factor``; None where too many groups would have to be looked at.
    """
    links = (problem.gain + problem.gain.T) * factor - person[:, None] - person[None, :]
    forbidden = ~(problem.allowed & problem.allowed.T)
    np.fill_diagonal(forbidden, val=True)
    links[forbidden] = _NEVER
    total = int(np.sort(person)[problem.n - sum(sizes) :].sum())
    for size in sorted(set(sizes)):
        most = _largest_excess(problem, person, links, size, factor)
        if most is None:
            return None
        total += most * list(sizes).count(size)
    return total


def _largest_excess(
    problem: GroupingProblem,
    person: NDArray[np.int64],
    links: NDArray[np.int64],
    size: int,
    factor: int,
) -> int | None:
    """Return the largest excess of a legal group of one size over its prices.

    A group is grown in the order of its members. The links inside it add up to ``size - 1`` times
    the excess of its mean value, so that a part whose best completion cannot exceed what has been
    found is dropped. Parts with much to give come first, to find something soon.
    """
    n = problem.n
    last = np.full(n, _NEVER)  # the best link between two people behind each position
    for at in range(n - 2, -1, -1):
        behind = int(links[at + 1, at + 2 :].max(initial=_NEVER))
        last[at] = max(int(last[at + 1]), behind)
    best: int | None = None
    n_seen = 0
    stack = [(np.arange(n)[:, None], np.zeros(n, np.int64))]
    while stack:
        parts, inside = stack.pop()
        if len(parts) > _AT_ONCE:
            stack.append((parts[_AT_ONCE:], inside[_AT_ONCE:]))
            parts, inside = parts[:_AT_ONCE], inside[:_AT_ONCE]
        n_seen += len(parts)
        if n_seen > _N_ROWS:
            return None
        n_more = size - parts.shape[1]
        gives = np.zeros((len(parts), n), np.int64)
        for column in parts.T:
            gives += links[column]
        gives[np.arange(n)[None, :] <= parts[:, -1:]] = _NEVER
        top = np.maximum(gives.max(axis=1), _NEVER)
        rest = (n_more - 1) * top
        if n_more > 1:
            rest += n_more * (n_more - 1) // 2 * np.maximum(last[parts[:, -1]], _NEVER)
        reach = inside[:, None] + gives + rest[:, None]
        fits = gives > _NEVER // 2
        if best is not None:
            fits &= reach > best * (size - 1)
        row, newcomer = np.nonzero(fits)
        if not row.size:
            continue
        grown = np.column_stack([parts[row], newcomer])
        within = inside[row] + gives[row, newcomer]
        if n_more > 1:
            order = np.argsort(-reach[row, newcomer], kind="stable")
            order = order[may_become_legal(problem, grown[order])]
            stack.append((grown[order], within[order]))
            continue
        grown = grown[which_are_legal(problem, grown)]
        if len(grown):
            most = int(_excess(problem, person, grown, factor).max())
            best = most if best is None else max(best, most)
    return best


def _excess(
    problem: GroupingProblem, person: NDArray[np.int64], groups: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """Return by how much groups of one size exceed their prices."""
    size = groups.shape[1]
    given = []  # by each member as coach
    for a in range(size):
        gains = [problem.gain[groups[:, b], groups[:, a]] for b in range(size) if b != a]
        given.append(np.sum(gains, axis=0))
    each = np.stack(given)
    if problem.objective == "worst_rotation":
        value = each.min(axis=0) * (size * (factor // (size - 1)))
    else:
        value = each.sum(axis=0) * (factor // (size - 1))
    over: NDArray[np.int64] = value - person[groups].sum(axis=1)
    return over
