"""Terms that not everybody has a place in: as many places as can be, taken in turns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import (
    Plan,
    Search,
    descend,
    disturb_and_descend,
    seat_greedily,
)
from pairmatch.solvers.groups.basis.sizes import usual_sizes
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.repair import repair_plan
from pairmatch.solvers.solution import PLACE
from pairmatch.solvers.terms.filling import Filling, fill_rounds
from pairmatch.solvers.terms.places import price_term_places
from pairmatch.solvers.terms.schedules import count_meetings
from pairmatch.solvers.terms.search import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import TermPrices

__all__ = ["complete_term"]

_N_IMPROVED = 200
"""People up to whom the rounds are improved once more when everybody has a place or none."""


def complete_term(
    problem: GroupingProblem,
    rounds: NDArray[np.int64],
    n_rounds: int,
    *,
    at_most: int = 1,
    scale: int,
    most_in_one: int | None = None,
    before: NDArray[np.int64] | None = None,
    seed: int = 0,
    keep_on: Callable[[], bool] = lambda: True,
) -> tuple[NDArray[np.int64], TermPrices | None, bool]:
    """Return rounds with as many places together as are found, and prices that limit them.

    Parameters
    ----------
    problem : GroupingProblem
        Gains, sizes and rules of every round.
    rounds : ndarray of int64, shape (n_begun, n)
        The rounds to begin with, -1 for people who are left out.
    n_rounds : int
        Rounds that are wanted, ``>= n_begun``.
    at_most : int, default: 1
        How often two people may meet.
    scale : int
        A multiple of ``size - 1`` of every allowed size.
    most_in_one : int, optional
        A bound on the places of one round.
    before : ndarray of int64, shape (n,), optional
        How often each person was left out before the term.
    seed : int, default: 0
        Seed of the search.
    keep_on : callable, optional
        Whether there is time left.

    Returns
    -------
    rounds : ndarray of int64, shape (n_rounds, n)
        The fullest rounds first.
    prices : TermPrices or None
        Prices of people and of meetings, in millionths of a person.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """
    values = GroupValues.of(problem, scale)
    rng = np.random.default_rng(seed)
    missed = np.zeros(problem.n, np.int64) if before is None else before
    sizes = problem.smallest, problem.largest
    filling = Filling(values, *sizes, at_most, missed, keep_on)
    limit = n_rounds * (problem.n if most_in_one is None else most_in_one)
    prices, interrupted = None, False
    try:
        if (rounds >= 0).sum() < limit or len(rounds) < n_rounds:
            prices = price_term_places(values, *sizes, n_rounds, at_most)
        if prices is not None:
            total = n_rounds * int(prices.person.sum()) + at_most * int(prices.pair.sum()) // 2
            limit = min(limit, total // PLACE)
        while len(rounds) < n_rounds and keep_on():
            rounds = np.concatenate([rounds, _next_round(filling, problem, rounds, rng)[None, :]])
        rounds = _add_blank(rounds, n_rounds)
        rounds = fill_rounds(filling, rounds, limit, rng)
        if problem.n <= _N_IMPROVED:
            rounds = _improve(filling, rounds, rng)
    except KeyboardInterrupt:
        rounds, interrupted = _add_blank(rounds, n_rounds), True
    order = np.argsort(-(rounds >= 0).sum(axis=1), kind="stable")
    return np.array([_number(row) for row in rounds[order]]), prices, interrupted


def _add_blank(rounds: NDArray[np.int64], n_rounds: int) -> NDArray[np.int64]:
    """Return the rounds, and empty ones for those that are missing."""
    blank = np.full((n_rounds - len(rounds), rounds.shape[1]), -1, np.int64)
    return np.concatenate([rounds, blank])


def _next_round(
    filling: Filling,
    problem: GroupingProblem,
    rounds: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return one more round, in which nobody meets too often."""
    allowed = filling.values.allowed & (count_meetings(rounds) < filling.at_most)
    look = Search.of(replace(filling.values, allowed=allowed), rng, filling.keep_on)
    open_ = replace(problem, allowed=allowed)
    plan = seat_greedily(look, usual_sizes(problem))
    descend(look, plan, 15)
    plan = repair_plan(open_, look, plan)
    row = np.full(problem.n, -1, np.int64)
    groups = [members for table in plan.tables for members in table.tolist()]
    for number, members in enumerate(groups):
        row[members] = number
    return row


def _improve(
    filling: Filling, rounds: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return rounds of the same people that are worth more, each improved given all others."""
    values = filling.values
    rounds = rounds.copy()
    for at, row in enumerate(rounds):
        if not filling.keep_on() or (row < 0).all():
            continue
        met = count_meetings(np.delete(rounds, at, axis=0))
        inside = np.flatnonzero(row >= 0)
        some = replace(values, allowed=values.allowed & (met < filling.at_most)).take(inside)
        look = Search.of(some, rng, filling.keep_on)
        tables = tables_of(row[inside])
        plan = best = Plan(tables, np.empty(0, np.int64), look.worth(tables))
        done, n_steps = 0, min(400, 10 * values.n) if plan.n_groups > 1 else 0
        while done < n_steps and filling.keep_on():
            plan, n_taken = disturb_and_descend(
                look, plan, n_shuffled=3, patience=10, tolerance=abs(best.worth) // 1000
            )
            done += n_taken
            best = plan if plan.worth > best.worth else best
        if not any(some.n_forbidden(table).any() for table in best.tables):
            groups = [members for table in best.tables for members in inside[table]]
            for number, members in enumerate(groups):
                row[members] = number
    return rounds


def _number(row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a round with its groups numbered by smallest member."""
    inside = np.flatnonzero(row >= 0)
    _, first, group = np.unique(row[inside], return_index=True, return_inverse=True)
    rank = np.empty(first.size, np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(first.size)
    numbered = np.full(row.size, -1, np.int64)
    numbered[inside] = rank[group.ravel()]
    return numbered
