"""Whether the pairs of an answer keep every rule, and its prices are such as a bound needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault
from pairmatch.solvers.certify.sums import find_magnitude

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Quotas
    from pairmatch.solvers.solution import Prices

__all__ = [
    "check_indices",
    "check_loads",
    "check_pairs",
    "check_prices",
    "check_quotas",
    "count_classes",
]

_LIMIT = 2**61


def check_indices(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Check that the pairs are pairs of a row and a column that exist."""
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        return [Fault(f"pairs must be integers of shape (n, 2), not {pairs.dtype} {pairs.shape}")]
    shape = problem.gains.shape
    wrong = ((pairs < 0) | (pairs >= shape)).any(axis=1)
    return [
        Fault(f"there are {shape[0]} rows and {shape[1]} columns", f"pair ({row}, {column})")
        for row, column in pairs[wrong].tolist()
    ]


def check_pairs(
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
    key = np.array([problem.n_columns, 1])
    kept = np.isin(problem.pins @ key, pairs @ key)
    faults += [
        Fault("this pin is not kept", f"row {row}, column {column}")
        for row, column in problem.pins[~kept].tolist()
    ]
    return faults


def check_loads(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
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


def check_quotas(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> list[Fault]:
    """Check that no column has too many rows of one class."""
    faults = []
    for k, quota in enumerate(problem.quotas):
        count = count_classes(problem, quota, pairs)
        faults += [
            Fault(
                f"has {count[j, label]} rows of class {label}, expected at most {quota.at_most}",
                f"column {j}, quota {k}",
            )
            for j, label in np.argwhere(count > quota.at_most).tolist()
        ]
    return faults


def count_classes(
    problem: AssignmentProblem, quota: Quotas, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the rows of each class with each column, shape (n_columns, n_classes)."""
    count = np.zeros((problem.n_columns, quota.n_classes), np.int64)
    label = quota.class_of[pairs[:, 0]]
    counted = label >= 0
    np.add.at(count, (pairs[counted, 1], label[counted]), 1)
    return count


def check_prices(problem: AssignmentProblem, prices: Prices, where: str) -> list[Fault]:
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
