"""Prices of people and of meetings, from the linear program over the groups of all rounds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.solution import TermPrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["price_term"]

_N_LISTED = 200_000  # groups of one size up to which all are listed
_N_COLUMNS = 12_000  # groups in the first linear program
_N_MORE = 6_000  # groups that each further one brings in
_N_ROUNDS = 12
_UNIT_BITS = 34  # prices are scaled to about so many bits


def price_term(
    problem: GroupingProblem, rounds: NDArray[np.int64], at_most: int, scale: int
) -> TermPrices | None:
    """Return prices that bound every term of rounds with groups of these sizes.

    Parameters
    ----------
    problem : GroupingProblem
        Gains, sizes and rules of every round.
    rounds : ndarray of int64, shape (n_rounds, n)
        The term.
    at_most : int
        How often two people may meet.
    scale : int
        A multiple of ``size - 1`` of every size.

    Returns
    -------
    TermPrices or None
        None where groups are too many to be listed, or there are none.

    Notes
    -----
    The program chooses groups, so many of each size as the rounds have together, so that everybody
    is in one group a round and nobody meets too often; that groups have to form rounds is left
    out. It is solved by adding the groups that its prices are too low for; stopped early, prices
    of people are raised until none is. Rounding is upwards.
    """
    everybody = bool((rounds >= 0).all())
    each = [np.bincount(row[row >= 0]) for row in rounds]
    sizes = sorted({int(size) for row in each for size in row})
    if not sizes:
        return None
    n = problem.n
    values = GroupValues.of(problem, scale)
    if sum(comb(n, size) for size in sizes) > _N_LISTED:
        return None
    lists = [_Listed.of(values, size) for size in sizes]
    counts = [sum(int((row == size).sum()) for row in each) for size in sizes]
    pair_of = np.zeros((n, n), np.int64)
    above = np.triu_indices(n, 1)
    pair_of[above] = np.arange(above[0].size)
    pair_of += pair_of.T
    chosen = [_first_columns(listed, rounds, n) for listed in lists]
    person, pair, size_price = np.zeros(n), np.zeros((n, n)), [0.0] * len(sizes)
    for _ in range(_N_ROUNDS):
        person, pair, size_price = _solve(
            lists, chosen, counts, len(rounds), at_most, pair_of, everybody=everybody
        )
        n_added = 0
        for at, listed in enumerate(lists):
            over = listed.worth - listed.cost(person, pair) - size_price[at]
            worst = np.argsort(-over, kind="stable")[:_N_MORE]
            added = np.setdiff1d(worst[over[worst] > 1e-6 * max(1.0, listed.top)], chosen[at])
            n_added += added.size
            chosen[at] = np.union1d(chosen[at], added)
        if not n_added:
            break
    person = person + min(price / size for price, size in zip(size_price, sizes, strict=True))
    top = max(1, int(max(np.abs(person).max(), pair.max())), int(values.largest_value))
    unit = max(1, 2 ** max(0, _UNIT_BITS - top.bit_length()))
    return TermPrices(
        np.ceil(person * unit - 1e-9).astype(np.int64),
        np.ceil(np.maximum(pair, 0) * unit - 1e-9).astype(np.int64),
        unit,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """All legal groups of one size, and what they are worth."""

    members: NDArray[np.int64]
    worth: NDArray[np.float64]

    @classmethod
    def of(cls, values: GroupValues, size: int) -> _Listed:
        """Return the groups, in lexicographic order."""
        members = np.array(list(combinations(range(values.n), size)), np.int64)
        members = members[values.n_forbidden(members) == 0]
        return cls(members, values.of_groups(members).astype(float))

    @property
    def top(self) -> float:
        """Largest magnitude of a value."""
        return float(np.abs(self.worth).max(initial=0))

    def cost(self, person: NDArray[np.float64], pair: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the members and their meetings cost."""
        cost: NDArray[np.float64] = person[self.members].sum(axis=1)
        for a, b in combinations(range(self.members.shape[1]), 2):
            cost += pair[self.members[:, a], self.members[:, b]]
        return cost


def _first_columns(listed: _Listed, rounds: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the best groups, the best of each person, and those of the term."""
    order = np.argsort(-listed.worth, kind="stable")
    if order.size <= _N_COLUMNS:
        return np.arange(order.size)
    inside = [order[:_N_COLUMNS]]
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    for person in range(n):
        own = np.flatnonzero((listed.members == person).any(axis=1))
        inside.append(own[np.argsort(rank[own], kind="stable")[:100]])
    together = np.ones(order.size, np.bool_)
    met = np.zeros(order.size, np.bool_)
    for row in rounds:
        where = row[listed.members]
        together = (where == where[:, :1]).all(axis=1) & (where[:, 0] >= 0)
        met |= together
    return np.unique(np.concatenate([*inside, np.flatnonzero(met)]))


def _solve(
    lists: list[_Listed],
    chosen: list[NDArray[np.int64]],
    counts: list[int],
    n_rounds: int,
    at_most: int,
    pair_of: NDArray[np.int64],
    *,
    everybody: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[float]]:
    """Return prices of people, of pairs and of groups of each size."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix, vstack

    n, n_pairs = len(pair_of), int(pair_of.max()) + 1
    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    pair_rows: list[NDArray[np.int64]] = []
    pair_columns: list[NDArray[np.int64]] = []
    first, worth = 0, []
    for at, (listed, which) in enumerate(zip(lists, chosen, strict=True)):
        members = listed.members[which]
        number = np.arange(first, first + which.size)
        for seat in range(members.shape[1]):
            rows.append(members[:, seat])
            columns.append(number)
        rows.append(np.full(which.size, n + at))
        columns.append(number)
        for a, b in combinations(range(members.shape[1]), 2):
            pair_rows.append(pair_of[members[:, a], members[:, b]])
            pair_columns.append(number)
        worth.append(listed.worth[which])
        first += which.size

    def table(rows: list[Any], columns: list[Any], n_rows: int) -> Any:
        row, column = np.concatenate(rows), np.concatenate(columns)
        return coo_matrix((np.ones(row.size), (row, column)), shape=(n_rows, first)).tocsr()

    every = np.concatenate(worth)
    unit = max(1.0, float(np.abs(every).max()))
    people = table(rows, columns, n + len(lists))
    n_free = 0 if everybody else n  # who may stay out of some rounds has a limit, no number
    solved = linprog(
        -every / unit,
        A_ub=vstack([table(pair_rows, pair_columns, n_pairs), people[:n_free]]),
        b_ub=np.concatenate([np.full(n_pairs, at_most), np.full(n_free, n_rounds)]),
        A_eq=people[n_free:],
        b_eq=np.concatenate([np.full(n - n_free, n_rounds), counts]),
        bounds=(0, None),
        method="highs-ipm",
    )
    if solved.status != 0:  # nothing is known of prices: those of nobody
        return np.zeros(n), np.zeros((n, n)), [0.0] * len(lists)
    equal = -unit * solved.eqlin.marginals
    charge = np.maximum(-unit * solved.ineqlin.marginals, 0)
    pair = charge[pair_of]
    np.fill_diagonal(pair, 0)
    person = np.concatenate([charge[n_pairs:], equal[: n - n_free]])
    return person, pair, equal[n - n_free :].tolist()
