"""Whether an answer keeps every rule, and how much better any other answer could be.

This module knows no solver: it is given a problem and an answer, both integers, and believes
neither pairs nor prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.budgets import check_budgets, count_room, pack_columns
from pairmatch.solvers.certify.search import is_unbeaten
from pairmatch.solvers.certify.streams import find_profits, worth_one
from pairmatch.solvers.certify.sums import add_up, find_magnitude, multiply
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Certificate, Prices
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Quotas
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["certify_assignment"]

_HEIGHT, _WIDTH = 64, 2048  # pairs at a time: 1 MB of profits, which stay in the cache
_MANY = 2**22  # pairs from which on threads pay
_LIMIT = 2**61
_ENORMOUS = 2**31  # prices of quotas from which on pairs are looked at one by one


def certify_assignment(problem: AssignmentProblem, solution: AssignmentSolution) -> Certificate:
    """Check an answer pair by pair and bound every other answer from its prices.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked.
    solution : AssignmentSolution
        What was answered, by whatever means.

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
    faults = _check_indices(problem, pairs)
    if not faults:
        gain, allowed = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
        faults = _check_pairs(problem, pairs, allowed)
        faults += _check_loads(problem, pairs)
        faults += _check_quotas(problem, pairs)
        faults += check_budgets(problem, pairs)
    prices = solution.prices
    if prices is not None:
        faults += _check_prices(problem, prices, "prices")
        if prices.coverage is not None:
            faults += _check_prices(problem, prices.coverage, "prices of coverage")
    if faults:
        raise CertificateError("the answer does not survive its check", faults)

    matched, total = len(pairs), add_up(gain)
    if problem.objective == "total":
        bound = None if prices is None else _sweep(problem, prices, pairs)[0]
        matched_bound = None
    else:
        bound, matched_bound = _bound_plans(problem, prices, pairs, total)
    if prices is not None and bound is not None and bound > total:
        charge, fixed = partial(_charge, problem, prices), _pay_places(problem, prices)
        if is_unbeaten(problem, prices, pairs, charge, fixed):
            bound = total
    return Certificate(total, bound, matched, matched_bound)


def _bound_plans(
    problem: AssignmentProblem, prices: Prices | None, pairs: NDArray[np.int64], total: int
) -> tuple[int | None, int]:
    """Bound the gains of plans of at least as many pairs, and how many pairs there can be."""
    bound, matched_bound = _sweep(problem, prices, pairs)
    if prices is not None and bound is not None:
        bound -= prices.bonus * len(pairs)
        is_streamed = isinstance(problem.gains, StreamedGains) and _is_plain(problem, prices)
        if bound > total and not is_streamed:  # with few rows the bonus says little
            free = _sweep(problem, Prices(np.zeros(problem.n_columns, np.int64)), pairs)[0]
            bound = bound if free is None else min(bound, free)
    return bound, matched_bound


def _check_indices(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Check that the pairs are pairs of a row and a column that exist."""
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        return [Fault(f"pairs must be integers of shape (n, 2), not {pairs.dtype} {pairs.shape}")]
    shape = problem.gains.shape
    wrong = ((pairs < 0) | (pairs >= shape)).any(axis=1)
    return [
        Fault(f"there are {shape[0]} rows and {shape[1]} columns", f"pair ({row}, {column})")
        for row, column in pairs[wrong].tolist()
    ]


def _check_pairs(
    problem: AssignmentProblem, pairs: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> list[Fault]:
    """Check that every pair is allowed, every row has one column, and every pin is kept."""
    faults = [
        Fault("this pair is not allowed", f"row {row}, column {column}")
        for row, column in pairs[~allowed].tolist()
    ]
    times = np.bincount(pairs[:, 0], minlength=problem.n_rows)
    faults += [
        Fault(f"is in {times[row]} pairs, expected at most 1", f"row {row}")
        for row in np.flatnonzero(times > 1).tolist()
    ]
    made = set(map(tuple, pairs.tolist()))
    faults += [
        Fault("this pin is not kept", f"row {row}, column {column}")
        for row, column in problem.pins.tolist()
        if (row, column) not in made
    ]
    return faults


def _check_loads(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Check that every column has its minimum load and no more than its places."""
    load = np.bincount(pairs[:, 1], minlength=problem.n_columns)
    wrong = np.flatnonzero((load > problem.capacity) | (load < problem.at_least))
    return [
        Fault(
            f"has {load[j]} rows, expected {problem.at_least[j]} to {problem.capacity[j]}",
            f"column {j}",
        )
        for j in wrong.tolist()
    ]


def _check_quotas(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Check that no column has too many rows of one class."""
    faults = []
    for k, quota in enumerate(problem.quotas):
        count = _count_classes(problem, quota, pairs)
        faults += [
            Fault(
                f"has {count[j, label]} rows of class {label}, expected at most {quota.at_most}",
                f"column {j}, quota {k}",
            )
            for j, label in np.argwhere(count > quota.at_most).tolist()
        ]
    return faults


def _count_classes(
    problem: AssignmentProblem, quota: Quotas, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the rows of each class with each column, shape (n_columns, n_classes)."""
    count = np.zeros((problem.n_columns, quota.n_classes), np.int64)
    label = quota.class_of[pairs[:, 0]]
    counted = label >= 0
    np.add.at(count, (pairs[counted, 1], label[counted]), 1)
    return count


def _check_prices(problem: AssignmentProblem, prices: Prices, where: str) -> list[Fault]:
    """Check that prices have the shapes, signs and sizes that a bound may be made of."""
    wanted: list[tuple[int, ...]] = [(problem.n_columns,)]
    if prices.quota:  # without any, the places within quotas are free
        wanted += [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    if prices.budget:
        wanted += [(problem.n_columns,) for _ in problem.budgets]
    given = [prices.column, *prices.quota, *prices.budget]
    if prices.row is not None:
        wanted.append((problem.n_rows,))
        given.append(prices.row)
    shapes = [np.shape(array) for array in given]
    if shapes != wanted or any(np.asarray(array).dtype.kind != "i" for array in given):
        return [Fault(f"expected integers of shapes {wanted}, found {shapes}", where)]
    faults = []
    if prices.scale < 1:
        return [Fault(f"are in fractions of a gain by {prices.scale!r}", where)]
    paid = [
        find_magnitude(budget.use) * find_magnitude(price)
        for budget, price in zip(problem.budgets, prices.budget, strict=False)
    ]
    sizes = [find_magnitude(array) for array in given]
    if sum(sizes + paid, start=abs(prices.bonus) * prices.scale) > _LIMIT:
        faults.append(Fault("are too large to be added up exactly", where))
    if prices.bonus < 0:
        faults.append(Fault(f"have a negative bonus {prices.bonus}", where))
    faults += [
        Fault(
            f"price {prices.column[j]} is negative without a minimum load", f"{where}, column {j}"
        )
        for j in np.flatnonzero((prices.column < 0) & (problem.at_least == 0)).tolist()
    ]
    named = [(f"quota {k}", array) for k, array in enumerate(prices.quota)]
    named += [(f"budget {k}", array) for k, array in enumerate(prices.budget)]
    named += [] if prices.row is None else [("rows", prices.row)]
    faults += [
        Fault("a price is negative", f"{where}, {name}")
        for name, array in named
        if (array < 0).any()
    ]
    return faults


def _sweep(
    problem: AssignmentProblem, prices: Prices | None, pairs: NDArray[np.int64]
) -> tuple[int | None, int]:
    """Look at every pair once; return the bound with the bonus in it, and the matched bound."""
    gains = problem.gains
    if prices is not None and isinstance(gains, StreamedGains) and _is_plain(problem, prices):
        return _sweep_stream(problem, gains, prices, pairs)
    n_rows, n_columns = problem.gains.shape
    counted = problem.objective != "total"
    sets = [] if prices is None else [prices]
    if prices is not None and prices.coverage is not None and counted:
        sets.append(prices.coverage)  # here every pair is worth 1
    stripes = [slice(top, min(top + _HEIGHT, n_rows)) for top in range(0, n_rows, _HEIGHT)]
    look = partial(_look, problem, sets, counted)
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
    problem: AssignmentProblem, gains: StreamedGains, prices: Prices, pairs: NDArray[np.int64]
) -> tuple[int, int]:
    """Look at the pairs of a streamed pool, starting from what the answer gives each row."""
    gain, _ = gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    matched_bound = min(problem.n_rows, add_up(problem.capacity))
    if prices.coverage is not None and problem.objective != "total" and len(pairs) < matched_bound:
        best = find_profits(problem, worth_one(gains), prices.coverage, pairs)
        covered = _close(problem, prices.coverage, best, worth_one=True) + len(gain)
        matched_bound = min(matched_bound, covered)
    best = find_profits(problem, gains, prices, pairs)
    bound = _close(problem, prices, best, worth_one=False) + prices.bonus * len(gain)
    # The same prices bound answers of any size without a bonus; so do full gains.
    free = _close(problem, prices, np.maximum(best - prices.bonus, 0), worth_one=False)
    free = min(free, matched_bound * gains.largest - add_up(gain))
    return add_up(gain) + min(bound, free + prices.bonus * len(pairs)), matched_bound


@dataclass(frozen=True, slots=True, eq=False)
class _Stripe:
    """What a look at all pairs of some rows found."""

    served: int  # rows that some column with a place may take
    wanted: NDArray[np.int64]  # rows that each column may take
    profits: tuple[NDArray[np.int64], ...]  # best of each row under each prices, nothing below 0


def _look(problem: AssignmentProblem, sets: list[Prices], counted: bool, rows: slice) -> _Stripe:
    """Look at every pair of some rows."""
    n_columns, height = problem.gains.shape[1], rows.stop - rows.start
    served = np.zeros(height, np.bool_)
    wanted = np.zeros(n_columns, np.int64)
    profits = tuple(np.zeros(height, np.int64) for _ in sets)
    for left in range(0, n_columns, _WIDTH):
        columns = slice(left, min(left + _WIDTH, n_columns))
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
        room = quota.at_most - _count_classes(problem, quota, problem.pins)
        bound += multiply(room.ravel(), of_class.ravel())
    for left, price in zip(count_room(problem), prices.budget, strict=False):
        bound += multiply(left, price)
    return bound
