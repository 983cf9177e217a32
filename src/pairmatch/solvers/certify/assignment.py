"""Whether an answer keeps every rule, and how much better any other answer could be.

This module knows no solver: it is given a problem and an answer, both integers, and believes
neither pairs nor prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.budgets import check_budgets, count_room, pack_columns
from pairmatch.solvers.certify.rules import (
    check_indices,
    check_loads,
    check_pairs,
    check_prices,
    check_quotas,
    count_classes,
)
from pairmatch.solvers.certify.search import is_unbeaten
from pairmatch.solvers.certify.streams import find_profits, limit_gains, worth_one
from pairmatch.solvers.certify.sums import add_up, find_magnitude, multiply
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Certificate, Prices
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["bound_matched", "certify_assignment"]

_HEIGHT, _WIDTH = 64, 2048  # pairs at a time: 1 MB of profits, which stay in the cache
_MANY = 2**22  # pairs from which on threads pay
_LIMIT = 2**61
_ENORMOUS = 2**31  # prices of quotas from which on pairs are looked at one by one


def certify_assignment(
    problem: AssignmentProblem, solution: AssignmentSolution, *, deadline: float = math.inf
) -> Certificate:
    """Check an answer pair by pair and bound every other answer from its prices.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked.
    solution : AssignmentSolution
        What was answered, by whatever means.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more pairs of a streamed pool are looked at: rows that
        have not met everybody by then count with the most that they could gain. The bound is then
        a true one, but a wide one.

    Returns
    -------
    Certificate
        Under "coverage", ``bound`` holds for every answer that matches at least as many rows as
        this one, and ``matched_bound`` for all answers. Under "total", ``bound`` holds for all
        answers and ``matched_bound`` is None. Without prices ``bound`` is None.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if its prices are not of the right shape, sign and size;
        ``faults`` lists everything that is wrong.

    Notes
    -----
    Weak duality: with prices v of places and w >= 0 of places within quotas, no answer is worth
    more than

    ``pinned + sum_i max(0, max_j [gain_ij + bonus - v_j - sum_q w_qj(class of i)])
    + sum_j (capacity_j max(v_j, 0) - at_least_j max(-v_j, 0)) + sum_qjc room_qjc w_qjc``

    where rows, places and room are what the pins leave. Any prices do; good ones give a bound
    that equals the objective. Prices y >= 0 of a budget add ``y_j use_ij`` to what a pair pays and
    ``room_j y_j`` to the bound; all prices may be in fractions of a gain. Where rows have prices
    u >= 0 as well, the bound is also at most ``sum_i u_i`` plus what the best rows that fit into
    the first budget of each column leave, by dynamic programming, and a small search from there
    may show that nothing beats the answer. One pass over all pairs in blocks of rows:
    O(n_rows * n_columns) time, O(block) memory.

    Examples
    --------
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> from pairmatch.solvers.solution import AssignmentSolution, Prices, Status
    >>> gain = np.array([[5, 4], [5, 1]])
    >>> problem = AssignmentProblem(
    ...     gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
    ...     capacity=np.array([1, 1]),
    ...     at_least=np.array([0, 0]),
    ... )
    >>> answer = AssignmentSolution(
    ...     pairs=np.array([[0, 1], [1, 0]]),
    ...     prices=Prices(column=np.array([1, 0])),
    ...     status=Status.OPTIMAL,
    ...     solver="by hand",
    ... )
    >>> certificate = certify_assignment(problem, answer)
    >>> certificate.objective, certificate.bound, certificate.proved
    (9, 9, True)
    """
    pairs = np.asarray(solution.pairs)
    gain = np.empty(0, np.int64)
    faults = check_indices(problem, pairs)
    if not faults:
        gain, allowed = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
        faults = check_pairs(problem, pairs, allowed)
        faults += check_loads(problem, pairs)
        faults += check_quotas(problem, pairs)
        faults += check_budgets(problem, pairs)
    prices = solution.prices
    if prices is not None:
        faults += check_prices(problem, prices, "prices")
        if prices.coverage is not None:
            faults += check_prices(problem, prices.coverage, "prices of coverage")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)

    matched, total = len(pairs), add_up(gain)
    if problem.objective == "total":
        bound = None if prices is None else _sweep(problem, prices, pairs, deadline)[0]
        matched_bound = None
    else:
        bound, matched_bound = _bound_plans(problem, prices, pairs, total, deadline)
    if prices is not None and bound is not None and bound > total:
        charge, fixed = partial(_charge, problem, prices), _pay_places(problem, prices)
        if is_unbeaten(problem, prices, pairs, charge, fixed):
            bound = total
    return Certificate(total, bound, matched, matched_bound)


def bound_matched(problem: AssignmentProblem, cover: Prices, *, deadline: float = math.inf) -> int:
    """Return how many rows any plan can match at most, with every pair worth 1.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem; whether any plan keeps its minimum loads is not known.
    cover : Prices
        Prices of places and of places within quotas; where minimum loads cannot be met they may
        prove as little as no rows at all, or fewer.
    deadline : float, optional
        See :func:`certify_assignment`.

    Raises
    ------
    CertificateError
        If the prices are not of the right shape, sign and size.
    """
    faults = check_prices(problem, cover, "prices of coverage")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)
    plain = replace(problem, objective="coverage")
    nothing = Prices(np.zeros(problem.n_columns, np.int64), coverage=cover)
    return _sweep(plain, nothing, problem.pins, deadline)[1]


def _bound_plans(
    problem: AssignmentProblem,
    prices: Prices | None,
    pairs: NDArray[np.int64],
    total: int,
    deadline: float,
) -> tuple[int | None, int]:
    """Bound the gains of plans of at least as many pairs, and how many pairs there can be."""
    bound, matched_bound = _sweep(problem, prices, pairs, deadline)
    if prices is not None and bound is not None:
        bound -= prices.bonus * len(pairs)
        is_streamed = isinstance(problem.gains, StreamedGains) and _is_plain(problem, prices)
        if bound > total and not is_streamed:  # with few rows the bonus says little
            nothing = Prices(np.zeros(problem.n_columns, np.int64))
            free = _sweep(problem, nothing, pairs, deadline)[0]
            bound = bound if free is None else min(bound, free)
    return bound, matched_bound


def _sweep(
    problem: AssignmentProblem,
    prices: Prices | None,
    pairs: NDArray[np.int64],
    deadline: float,
) -> tuple[int | None, int]:
    """Look at every pair once; return the bound with the bonus in it, and the matched bound."""
    gains = problem.gains
    if prices is not None and isinstance(gains, StreamedGains) and _is_plain(problem, prices):
        return _sweep_stream(problem, gains, prices, pairs, deadline)
    n_rows, n_columns = problem.gains.shape
    counted = problem.objective != "total"
    sets = [] if prices is None else [prices]
    if prices is not None and prices.coverage is not None and counted:
        sets.append(prices.coverage)  # here every pair is worth 1
    height = max(_HEIGHT, _HEIGHT * _WIDTH // max(1, n_columns))  # as many pairs of few columns
    stripes = [slice(top, min(top + height, n_rows)) for top in range(0, n_rows, height)]
    look = partial(_look, problem, sets, counted, deadline)
    found = map_blocks(look, stripes, 1 if n_rows * n_columns < _MANY else None)
    served = sum(stripe.served for stripe in found)
    wanted = sum((stripe.wanted for stripe in found), np.zeros(n_columns, np.int64))
    profits = [
        np.concatenate([np.empty(0, np.int64), *(stripe.profits[k] for stripe in found)])
        for k in range(len(sets))
    ]
    matched_bound = min(served, int(np.minimum(wanted, problem.capacity).sum()))
    bounds = [
        _close(problem, given, profit, worth_one=k > 0)
        for k, (given, profit) in enumerate(zip(sets, profits, strict=True))
    ]
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    if len(bounds) == 2:
        matched_bound = min(matched_bound, bounds[1] + len(pinned))
    if prices is None:
        return None, matched_bound
    return bounds[0] + add_up(pinned) + prices.bonus * len(pinned), matched_bound


def _is_plain(problem: AssignmentProblem, prices: Prices) -> bool:
    """Say whether a pair pays for places and quotas only, in whole gains that are not enormous."""
    enormous = any(find_magnitude(of_class) >= _ENORMOUS for of_class in prices.quota)
    if problem.budgets or enormous or prices.row is not None or prices.scale > 1:
        return False
    if prices.coverage is None or problem.objective == "total":
        return True
    # A rule that asks for the gain cannot be asked of pairs that are all worth 1.
    is_blind = isinstance(problem.gains, StreamedGains) and problem.gains.least is None
    return is_blind and _is_plain(problem, prices.coverage)


def _sweep_stream(
    problem: AssignmentProblem,
    gains: StreamedGains,
    prices: Prices,
    pairs: NDArray[np.int64],
    deadline: float,
) -> tuple[int, int]:
    """Look at the pairs of a streamed pool, starting from what the answer gives each row."""
    gain, _ = gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    matched_bound = min(problem.n_rows, add_up(problem.capacity))
    best = find_profits(problem, gains, prices, pairs, deadline)
    if prices.coverage is not None and problem.objective != "total" and len(pairs) < matched_bound:
        seen = find_profits(problem, worth_one(gains), prices.coverage, pairs, deadline)
        covered = _close(problem, prices.coverage, seen, worth_one=True) + len(gain)
        matched_bound = min(matched_bound, covered)
    bound = _close(problem, prices, best, worth_one=False) + prices.bonus * len(gain)
    # The same prices bound answers of any size without a bonus; so do full gains.
    free = _close(problem, prices, np.maximum(best - prices.bonus, 0), worth_one=False)
    free = min(free, matched_bound * gains.largest - add_up(gain))
    if deadline < math.inf:  # what prices are worth when only few of the pairs were looked at
        is_open = np.ones(problem.n_rows, np.bool_)
        is_open[problem.pins[:, 0]] = False
        free = min(free, add_up(np.maximum(limit_gains(gains)[is_open], 0)))
    return add_up(gain) + min(bound, free + prices.bonus * len(pairs)), matched_bound


@dataclass(frozen=True, slots=True, eq=False)
class _Stripe:
    """What a look at all pairs of some rows found."""

    served: int  # rows that some column with a place may take
    wanted: NDArray[np.int64]  # rows that each column may take
    profits: tuple[NDArray[np.int64], ...]  # best of each row under each prices, nothing below 0


def _look(
    problem: AssignmentProblem, sets: list[Prices], counted: bool, deadline: float, rows: slice
) -> _Stripe:
    """Look at every pair of some rows."""
    n_columns, height = problem.gains.shape[1], rows.stop - rows.start
    served = np.zeros(height, np.bool_)
    wanted = np.zeros(n_columns, np.int64)
    profits = tuple(np.zeros(height, np.int64) for _ in sets)
    for left in range(0, n_columns, _WIDTH):
        columns = slice(left, min(left + _WIDTH, n_columns))
        if isinstance(problem.gains, StreamedGains) and monotonic() > deadline:
            return _give_most(problem, sets, problem.gains.largest, height)
        has_place = problem.capacity[columns] > 0
        gain, allowed = problem.gains.block(rows, columns)
        for budget in problem.budgets:
            use = budget.block(rows, columns)
            if (use > budget.limit[columns]).any():  # such a pair does not fit even alone
                allowed = allowed & (use <= budget.limit[columns])
        absent = None if allowed.all() else ~allowed
        if counted:
            served |= has_place.any() if absent is None else (allowed & has_place).any(1)
            wanted[columns] += len(gain) if absent is None else np.count_nonzero(allowed, 0)
        for k, (given, best) in enumerate(zip(sets, profits, strict=True)):
            if given.scale > 1 and find_magnitude(gain) * given.scale > _LIMIT:
                raise CertificateError("gains in these fractions are too large to be added up")
            profit = given.scale * (1 if k else gain) - _charge(problem, given, rows, columns)
            profit = (
                np.broadcast_to(profit, gain.shape)
                if absent is None
                else np.where(absent, 0, profit)
            )
            np.maximum(best, profit.max(axis=1), out=best)
    return _Stripe(int(np.count_nonzero(served)), wanted, profits)


def _give_most(
    problem: AssignmentProblem, sets: list[Prices], largest: int, height: int
) -> _Stripe:
    """Return what no row can exceed, of so many rows that nobody has looked at."""
    least = [
        int(given.column.min(initial=0)) - given.bonus * given.scale for given in sets
    ]  # what is paid for quotas and budgets is never below 0
    most = [
        max(0, given.scale * (1 if k else largest) - paid)
        for k, (given, paid) in enumerate(zip(sets, least, strict=True))
    ]
    wanted = np.full(problem.n_columns, height)
    return _Stripe(height, wanted, tuple(np.full(height, profit) for profit in most))


def _charge(
    problem: AssignmentProblem, prices: Prices, rows: slice, columns: slice
) -> NDArray[np.int64]:
    """Return what a pair pays, less its bonus; shape (n_columns,) or that of the block."""
    charge = prices.column[columns] - prices.bonus * prices.scale
    for budget, price in zip(problem.budgets, prices.budget, strict=False):
        if price.any():
            charge = charge + budget.block(rows, columns) * price[columns]
    for quota, of_class in zip(problem.quotas, prices.quota, strict=False):
        if of_class.any():
            label = quota.class_of[rows]
            charge = charge + np.where(label[:, None] >= 0, of_class[columns].T[label], 0)
    return charge


def _close(
    problem: AssignmentProblem, prices: Prices, profit: NDArray[np.int64], *, worth_one: bool
) -> int:
    """Add up the best profits of the rows and what the places cost that the pins leave."""
    is_open = np.ones(problem.n_rows, np.bool_)
    is_open[problem.pins[:, 0]] = False
    bound = add_up(profit[is_open])
    if prices.row is not None and problem.budgets:
        charge = partial(_charge, problem, prices)
        packed = pack_columns(problem, prices, charge, worth_one=worth_one)
        bound = min(bound, add_up(prices.row[is_open]) + packed)
    return (bound + _pay_places(problem, prices)) // prices.scale


def _pay_places(problem: AssignmentProblem, prices: Prices) -> int:
    """Add up what the places, quotas and budgets cost that the pins leave."""
    load = np.bincount(problem.pins[:, 1], minlength=problem.n_columns)
    places, asked = problem.capacity - load, np.maximum(problem.at_least - load, 0)
    bound = multiply(np.where(prices.column >= 0, places, asked), prices.column)
    for quota, of_class in zip(problem.quotas, prices.quota, strict=False):
        room = quota.at_most - count_classes(problem, quota, problem.pins)
        bound += multiply(room.ravel(), of_class.ravel())
    for left, price in zip(count_room(problem), prices.budget, strict=False):
        bound += multiply(left, price)
    return bound
