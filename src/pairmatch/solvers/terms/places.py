"""How many places several rounds can have together: prices of people and of meetings."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.columns.packing import incidence, list_groups
from pairmatch.solvers.solution import PLACE, TermPrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["pair_rows", "price_term_places"]

_N_LISTED = 60_000  # legal groups up to which places are priced
_N_COLUMNS = 4_000  # groups in the first linear program
_N_MORE = 2_000  # groups that each further one brings in
_N_PROGRAMS = 30


def price_term_places(
    values: GroupValues, smallest: int, largest: int, n_rounds: int, at_most: int
) -> TermPrices | None:
    """Return prices that prove how many places all rounds can have together, or None.

    Parameters
    ----------
    values : GroupValues
        Rules of every round.
    smallest, largest : int
        Sizes that groups may have.
    n_rounds : int
        Rounds of the term.
    at_most : int
        How often two people may meet.

    Returns
    -------
    TermPrices or None
        In millionths of a person; every legal group pays for its size at least. None where legal
        groups are too many to be listed, or there are none.

    Notes
    -----
    The linear program chooses groups so that nobody is in more of them than there are rounds, and
    nobody meets too often. Groups are added as long as its prices are too low for them. Rounding is
    upwards.
    """
    n = values.n
    tables, every = list_groups(values, range(n), smallest, largest, _N_LISTED)
    tables = [table for table in tables if len(table)]
    if not every or not tables:
        return None
    rng = np.random.default_rng(0)
    parts = [
        table[np.sort(rng.permutation(len(table))[: _N_COLUMNS // len(tables)])] for table in tables
    ]
    person, pair = np.zeros(n), np.zeros((n, n))
    for _ in range(_N_PROGRAMS):
        found = _solve(n, parts, n_rounds, at_most)
        if found is None:
            return None
        person, pair = found
        n_added = 0
        for at, table in enumerate(tables):
            lack = table.shape[1] - _cost(table, person, pair)
            worst = np.argsort(-lack, kind="stable")[:_N_MORE]
            worst = worst[lack[worst] > 1e-7]
            n_added += worst.size
            parts[at] = np.unique(np.concatenate([parts[at], table[worst]]), axis=0)
        if not n_added:
            break
    prices = TermPrices(
        np.ceil(person * PLACE - 1e-3).astype(np.int64),
        np.ceil(pair * PLACE - 1e-3).astype(np.int64),
        PLACE,
    )
    for table in tables:  # what rounding or a stop on the way left too low
        lack = table.shape[1] * PLACE - _cost(table, prices.person, prices.pair)
        for at in np.flatnonzero(lack > 0).tolist():
            own = table[at : at + 1]
            short = table.shape[1] * PLACE - int(_cost(own, prices.person, prices.pair)[0])
            prices.person[table[at, 0]] += max(0, short)
    return prices


def _cost(table: NDArray[np.int64], person: NDArray[Any], pair: NDArray[Any]) -> NDArray[Any]:
    """Return what the members of groups and their meetings cost."""
    cost: NDArray[Any] = person[table].sum(axis=1)
    for a, b in combinations(range(table.shape[1]), 2):
        cost = cost + pair[table[:, a], table[:, b]]
    return cost


def pair_rows(n: int, tables: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], Any]:
    """Return the pairs ``a * n + b`` that groups bring together, and which group brings which."""
    from scipy.sparse import coo_array

    rows, columns, first = [], [], 0
    for table in tables:
        for a, b in combinations(range(table.shape[1]), 2):
            rows.append(table[:, a] * n + table[:, b])
            columns.append(np.arange(first, first + len(table)))
        first += len(table)
    every = np.concatenate(rows)
    pairs, row = np.unique(every, return_inverse=True)
    entries = (np.ones(every.size), (row.ravel(), np.concatenate(columns)))
    return pairs, coo_array(entries, shape=(pairs.size, first)).tocsc()


def _solve(
    n: int, tables: Sequence[NDArray[np.int64]], n_rounds: int, at_most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return prices of people and of pairs in the linear program over these groups."""
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    size, cover = incidence(n, tables)
    pairs, met = pair_rows(n, tables)
    answer = linprog(
        -size.astype(float),
        A_ub=vstack([cover, met], format="csc"),
        b_ub=np.concatenate([np.full(n, n_rounds), np.full(pairs.size, at_most)]),
        bounds=(0, None),
        method="highs",
    )
    if answer.status != 0:
        return None
    prices = np.maximum(-answer.ineqlin.marginals, 0)
    pair = np.zeros((n, n))
    pair[pairs // n, pairs % n] = prices[n:]
    return prices[:n], pair + pair.T
