"""Pairs from one pool: the best matching, by a linear program with odd sets.

A matching pairs at most half the people of an odd set, rounded down; with these inequalities the
linear program has whole solutions only (Edmonds 1965, doi:10.6028/jres.069B.013). They are added
where a fractional solution breaks them, and their prices are the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.solution import GroupPrices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["match_pool"]

_N_NEAR = 8  # partners a person to begin with
_N_ROUNDS = 80
_UNIT = 1024
_SCALE = 1e-5  # of the objective inside the programs
_NEVER = -(2**60)


def match_pool(
    values: GroupValues, n_placed: int, keep_on: Callable[[], bool]
) -> tuple[NDArray[np.int64], GroupPrices] | None:
    """Return pairs of a pool, the best or nearly, and prices that bound all others.

    Parameters
    ----------
    values : GroupValues
        What pairs are worth.
    n_placed : int
        Number of people to pair, even; all or all but one.
    keep_on : callable
        Asked before each program; False ends the work.

    Returns
    -------
    tuple of ndarray of int64, shape (n_placed / 2, 2), and GroupPrices, or None
        None where not as many people could be paired.

    Notes
    -----
    Programs over some 10 to 20 pairs a person; all n^2 / 2 pairs are priced after each of them.
    """
    worth = _worth_of_pairs(values, spare=n_placed < values.n)
    n = len(worth)
    possible = worth > _NEVER
    if not possible.any(axis=1).all():
        return None
    person = np.where(possible, worth, 0).max(axis=1) * (_UNIT // 2)
    near = np.argsort(-worth - worth.max(axis=0) // -2, axis=1, kind="stable")[:, :_N_NEAR]
    edges = _unique(n, np.repeat(np.arange(n), near.shape[1]), near.ravel())
    edges = edges[possible[edges[:, 0], edges[:, 1]]]
    sets = np.zeros((0, n), bool)
    best: tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]] | None = None
    for n_done in range(_N_ROUNDS):
        if n_done and not keep_on():
            break
        solved = _solve(worth, edges, sets, person)
        if solved is None:
            return None
        share, out, person, set_price = solved
        excess = _excess(worth, person, sets, set_price)
        over = excess.max(axis=1)
        full = person + -(-np.maximum(over, 0) // 2)
        bound = int(full.sum() + set_price @ (sets.sum(axis=1) // 2))
        if best is None or bound < best[0]:
            best = bound, full, set_price, sets
        missing = np.argwhere(np.triu(excess > _UNIT // 16, 1))
        if len(missing):
            order = np.argsort(-excess[missing[:, 0], missing[:, 1]], kind="stable")[: 4 * n]
            every = np.concatenate([edges, missing[order]])
            edges = _unique(n, every[:, 0], every[:, 1])
            continue
        if out > 1e-6:
            return None
        odd = _odd_sets(n, edges, share)
        odd = odd[~(odd[:, None, :] == sets[None]).all(axis=2).any(axis=1)] if len(sets) else odd
        if not len(odd):
            break
        sets = np.concatenate([sets, odd])
    assert best is not None  # noqa: S101  the first round always counts
    pairs = _whole(worth, edges, best)
    if pairs is None:
        return None
    _, full, set_price, sets = best
    m = values.n  # without the one who stands for staying out
    case = GroupPrices(
        full[:m],
        _UNIT,
        np.ascontiguousarray(sets[:, :m]),
        np.full(len(sets), 2, np.int64),
        set_price,
    )
    return pairs[pairs[:, 1] < m], case


def _worth_of_pairs(values: GroupValues, *, spare: bool) -> NDArray[np.int64]:
    """Return what each pair is worth; with one more person whose partner stays out, if asked."""
    n = values.n
    if values.worst:
        worth = 2 * values.scale * np.minimum(values.gain, values.gain.T)
    else:
        worth = values.scale * values.pair
    worth = np.where(values.allowed, worth, _NEVER)
    if values.rules is not None:
        pairs = np.argwhere(np.triu(values.allowed, 1))
        broken = pairs[~values.legal(pairs)]
        worth[broken[:, 0], broken[:, 1]] = worth[broken[:, 1], broken[:, 0]] = _NEVER
    if spare:
        worth = np.pad(worth, ((0, 1), (0, 1)))
        worth[n, n] = _NEVER
    return worth


def _unique(n: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return different pairs in increasing order, the smaller person first."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    keys = np.unique(low * n + high)
    return np.column_stack([keys // n, keys % n])


def _excess(
    worth: NDArray[np.int64],
    person: NDArray[np.int64],
    sets: NDArray[np.bool_],
    set_price: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return by how much each pair is worth more than its prices; very low where impossible."""
    excess = np.where(worth > _NEVER, worth, 0) * _UNIT - person[:, None] - person[None, :]
    for row, price in zip(sets, set_price.tolist(), strict=True):
        if price:
            inside = np.flatnonzero(row)
            excess[np.ix_(inside, inside)] -= price
    excess[worth == _NEVER] = _NEVER
    return excess


def _solve(
    worth: NDArray[np.int64],
    edges: NDArray[np.int64],
    sets: NDArray[np.bool_],
    person: NDArray[np.int64],
) -> tuple[NDArray[np.float64], float, NDArray[np.int64], NDArray[np.int64]] | None:
    """Solve the program: shares of pairs, how much is unpaired, integer prices."""
    from scipy.optimize import linprog
    from scipy.sparse import csc_array, csr_array, hstack, identity

    n, m = len(worth), len(edges)
    value = worth[edges[:, 0], edges[:, 1]]
    starts = np.arange(0, 2 * m + 1, 2)
    cover = csc_array((np.ones(2 * m), edges.ravel(), starts), shape=(n, m))
    inside = csr_array((sets[:, edges[:, 0]] & sets[:, edges[:, 1]]).astype(float))
    short = (person[edges].sum(axis=1) - value * _UNIT) / _UNIT
    out = 4.0 * float(np.abs(value).max(initial=1)) + np.abs(person) / _UNIT
    answer = linprog(
        np.concatenate([short, out]) * _SCALE,
        A_ub=hstack([inside, csr_array((len(sets), n))], format="csr") if len(sets) else None,
        b_ub=(sets.sum(axis=1) // 2).astype(float) if len(sets) else None,
        A_eq=hstack([cover, identity(n)], format="csc"),
        b_eq=np.ones(n),
        method="highs-ds",
        options={"presolve": False, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status != 0:
        return None
    factor = -_UNIT / _SCALE
    price = person + np.rint(answer.eqlin.marginals * factor).astype(np.int64)
    set_price = np.zeros(0, np.int64)
    if len(sets):
        set_price = np.maximum(np.rint(answer.ineqlin.marginals * factor).astype(np.int64), 0)
    x = np.asarray(answer.x, float)
    return x[:m], float(x[m:].sum()), price, set_price


def _odd_sets(n: int, edges: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return odd sets of people that are paired among themselves more than they can be."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    found: dict[bytes, NDArray[np.bool_]] = {}
    for least in (1e-6, 0.1, 0.2, 0.3, 0.4, 0.49, 0.6):
        used = share > least
        graph = csr_array((share[used], (edges[used, 0], edges[used, 1])), shape=(n, n))
        n_parts, part = connected_components(graph, directed=False)
        size = np.bincount(part, minlength=n_parts)
        same = part[edges[:, 0]] == part[edges[:, 1]]
        inner = np.bincount(part[edges[same, 0]], share[same], minlength=n_parts)
        for odd in np.flatnonzero((size % 2 == 1) & (size > 1) & (inner > size // 2 + 1e-4)):
            row = part == odd
            found[row.tobytes()] = row
    return np.array(list(found.values()), bool).reshape(-1, n)


def _whole(
    worth: NDArray[np.int64],
    edges: NDArray[np.int64],
    best: tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
) -> NDArray[np.int64] | None:
    """Return the best matching over some pairs, in whole numbers."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csc_array

    _, person, set_price, sets = best
    n, m = len(worth), len(edges)
    short = -_excess(worth, person, sets, set_price)[edges[:, 0], edges[:, 1]].astype(float)
    for row, price in zip(sets, set_price.tolist(), strict=True):  # these count in the objective
        short -= price * (row[edges[:, 0]] & row[edges[:, 1]])
    cover = csc_array((np.ones(2 * m), edges.ravel(), np.arange(0, 2 * m + 1, 2)), shape=(n, m))
    rules = [LinearConstraint(cover, 1.0, 1.0)]
    if len(sets):
        inside = csc_array((sets[:, edges[:, 0]] & sets[:, edges[:, 1]]).astype(float))
        rules.append(LinearConstraint(inside, -np.inf, (sets.sum(axis=1) // 2).astype(float)))
    answer = milp(
        short * (_SCALE / _UNIT),
        constraints=rules,
        integrality=np.ones(m, np.int64),
        options={"node_limit": 2000, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return None
    pairs = edges[np.asarray(answer.x) > 0.5]
    return pairs if np.array_equal(np.sort(pairs.ravel()), np.arange(n)) else None
