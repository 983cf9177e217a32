"""Check several rounds of groups without believing whoever made them."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.group_rules import which_are_legal
from pairmatch.solvers.certify.small_groups import group_value
from pairmatch.solvers.certify.term_places import bound_term_places
from pairmatch.solvers.solution import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import TermPrices

__all__ = ["bound_rounds", "certify_term", "find_meetings"]

_N_SEEN = 2_000_000  # groups of one size up to which each is looked at
_CHUNK = 200_000


def find_meetings(rounds: NDArray[np.int64], at_most: int) -> list[tuple[int, int, list[int]]]:
    """Return the pairs who share a group too often, with the rounds (from 1) in which they do."""
    shared: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rounds.tolist(), 1):
        members: dict[int, list[int]] = {}
        for person, group in enumerate(row):
            if group >= 0:
                members.setdefault(group, []).append(person)
        for who in members.values():
            for pair in combinations(who, 2):
                shared.setdefault(pair, []).append(number)
    return [(a, b, when) for (a, b), when in sorted(shared.items()) if len(when) > at_most]


def certify_term(
    problem: GroupingProblem,
    rounds: NDArray[np.int64],
    at_most: int,
    scale: int,
    prices: TermPrices | None = None,
    one: Certificate | None = None,
    places: TermPrices | None = None,
) -> Certificate:
    """Return what several rounds are worth together and what is proved about them.

    Parameters
    ----------
    problem : GroupingProblem
        What every round has to satisfy by itself; the rounds are checked one by one elsewhere.
    rounds : ndarray of int64, shape (n_rounds, n)
        Group of each person in each round, -1 for who is left out.
    at_most : int
        How often two people may meet.
    scale : int
        A multiple of ``size - 1`` of every size.
    prices : TermPrices, optional
        What the bound rests on; any prices give a valid one.
    one : Certificate, optional
        What is proved about one round by itself, of the same sizes as the first.
    places : TermPrices, optional
        What the limit on the places of all rounds rests on, beside that of one round.

    Returns
    -------
    Certificate
        Sums over all rounds; the bound is for terms of rounds of the same sizes, the limit on
        places (``matched_bound``) for all terms of as many rounds.

    Raises
    ------
    CertificateError
        If two people meet too often.
    """
    faults = [
        Fault(f"meet in rounds {', '.join(map(str, when))}.", f"{a} and {b}")
        for a, b, when in find_meetings(rounds, at_most)
    ]
    if faults:
        raise CertificateError("the rounds do not hold", faults)
    objective = matched = 0
    sizes = []
    for row in rounds:
        members = [np.flatnonzero(row == g).tolist() for g in range(int(row.max(initial=-1)) + 1)]
        objective += sum(group_value(problem, who, scale) for who in members)
        matched += sum(map(len, members))
        sizes.append(tuple(map(len, members)))
    bound = None if prices is None else bound_rounds(problem, prices, sizes, at_most, scale)
    alike = len({tuple(sorted(each)) for each in sizes}) == 1
    if alike and one is not None and one.bound is not None:
        several = len(rounds) * one.bound * scale // one.scale
        bound = several if bound is None else min(bound, several)
    most = problem.n if one is None or one.matched_bound is None else one.matched_bound
    most *= len(rounds)
    if matched < most and places is not None:
        proved = bound_term_places(problem, places, len(rounds), at_most)
        most = most if proved is None else min(most, proved)
    return Certificate(objective, bound, matched, most, scale)


def bound_rounds(
    problem: GroupingProblem,
    prices: TermPrices,
    sizes: list[tuple[int, ...]],
    at_most: int,
    scale: int,
) -> int | None:
    """Return an upper bound on every term whose rounds have these sizes, or None.

    Notes
    -----
    A group pays for its members and for each pair that it brings together. What its value exceeds
    that by is added for every group; each person pays once a round, each pair as often as it may
    meet. Prices of pairs are at least 0.
    """
    n, person, pair = problem.n, prices.person, prices.pair
    if person.shape != (n,) or pair.shape != (n, n) or prices.unit < 1 or not sizes:
        return None
    if (pair < 0).any() or (pair != pair.T).any():
        return None
    factor = scale * prices.unit
    top = max(int(np.abs(person).max()), int(pair.max()), factor * _largest(problem.gain))
    if top * (n + 8) ** 2 * 8 * len(sizes) >= 2**62:
        return None
    over = {}
    for size in sorted({size for each in sizes for size in each}):
        over[size] = _excess(problem, prices, size, factor)
    dearest = np.sort(person)[::-1]
    total = at_most * int(np.triu(pair, 1).sum())
    for each in sizes:
        total += int(dearest[: sum(each)].sum()) + sum(over[size] for size in each)
    return total // prices.unit


def _largest(gain: NDArray[np.int64]) -> int:
    return max(int(gain.max(initial=0)), -int(gain.min(initial=0)))


def _excess(problem: GroupingProblem, prices: TermPrices, size: int, factor: int) -> int:
    """Return by how much a group of one size can exceed its prices, at least 0."""
    n, worst = problem.n, 0
    both = problem.gain + problem.gain.T
    if comb(n, size) > _N_SEEN:  # pair by pair: each carries a share of its two people
        people = prices.person[:, None] + prices.person[None, :]
        over = both * factor - people - prices.pair * (size - 1)
        over[~problem.allowed] = 0
        np.fill_diagonal(over, 0)
        most = int(over.max(initial=0))
        return -(-most * size // 2)
    for members in _groups_of(n, size):
        pairs = list(combinations(range(size), 2))
        fits = np.ones(len(members), np.bool_)
        cost = prices.person[members].sum(axis=1)
        value = np.zeros(len(members), np.int64)
        for a, b in pairs:
            i, j = members[:, a], members[:, b]
            fits &= problem.allowed[i, j]
            cost += prices.pair[i, j]
            value += both[i, j]
        value *= factor // (size - 1)
        if problem.objective == "worst_rotation":
            given = problem.gain[members[:, :, None], members[:, None, :]].copy()
            given[:, np.arange(size), np.arange(size)] = 0
            value = given.sum(axis=1).min(axis=1) * (size * (factor // (size - 1)))
        fits[fits] = which_are_legal(problem, members[fits])
        worst = max(worst, int((value - cost)[fits].max(initial=0)))
    return worst


def _groups_of(n: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield all groups of one size, in tables."""
    rows: list[tuple[int, ...]] = []
    for members in combinations(range(n), size):
        rows.append(members)
        if len(rows) == _CHUNK:
            yield np.array(rows)
            rows = []
    if rows:
        yield np.array(rows)
