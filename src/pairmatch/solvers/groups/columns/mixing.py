"""Groups of mixed sizes, under rules, or of more than three: a bound by columns, then the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.columns.diving import dive
from pairmatch.solvers.groups.columns.neighbourhoods import deal_groups_anew
from pairmatch.solvers.groups.columns.solver import UNIT, begin_columns
from pairmatch.solvers.processors import hold_blas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.columns.solver import Columns
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["Mixed", "mix_columns", "suits_columns"]

_MOST = 500  # people up to whom columns are generated
_LARGEST = 8  # members of a group, at most
_N_OPENED = 40  # people whose groups are dealt anew at once
_N_ROUNDS = 16  # parts of a plan that are dealt anew
_N_CUT_ROUNDS, _N_CUTS = 8, 20  # sets of each kind
_PART, _LITTLE = 12, 20_000  # parts of a gap, and of a bound, of which a round of cuts gains one
_CLOSE = 2_000  # part of a bound that is worth a look at exact prices
_MOST_UNIT = 2**45  # of one link between two people, in fractions of a gain: sums are checked


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """A plan and what columns prove about plans of its sizes.

    Parameters
    ----------
    plan : Plan
        No worse than the one given.
    bound : int
        No grouping into groups of these sizes is worth more.
    case : GroupPrices
        The prices behind the bound.
    """

    plan: Plan
    bound: int
    case: GroupPrices


def suits_columns(values: GroupValues, sizes: Iterable[int]) -> bool:
    """Return whether a pool is small enough, and its groups, for columns to be generated."""
    top = 2 * values.scale * int(np.abs(values.gain).max(initial=0)) * UNIT
    return values.n <= _MOST and max(sizes) <= _LARGEST and top <= _MOST_UNIT


def mix_columns(
    values: GroupValues,
    plan: Plan,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> Mixed | None:
    """Bound all groupings of the sizes of a plan, and improve the plan by what bounds them.

    Parameters
    ----------
    values : GroupValues
        What groups are worth.
    plan : Plan
        A legal plan with a group at least; left as it is.
    rng : Generator
        Chooses parts that are dealt anew.
    keep_on : callable
        Asked between steps; False ends the work.

    Returns
    -------
    Mixed or None
        None where the pool or the groups are too large to see all that might exceed the prices.
    """
    sizes = sorted({table.shape[1] for table in plan.tables})
    tables = [
        np.concatenate([table for table in plan.tables if table.shape[1] == size]) for size in sizes
    ]
    plan = Plan(tables, plan.bench, plan.worth)
    if not suits_columns(values, sizes):
        return None
    with hold_blas():
        columns = begin_columns(values, tables, plan.worth)
        columns.price(plan.worth, keep_on)
        if columns.bound is None:
            return None
        plan = _round(columns, plan, keep_on)
        n_rounds = 0
        while n_rounds < _N_CUT_ROUNDS:
            before = columns.bound
            if before <= plan.worth or not keep_on() or not columns.cut(_N_CUTS, rng):
                break
            columns.price(plan.worth, keep_on)
            n_rounds += 1
            if before - columns.bound <= max((before - plan.worth) // _PART, before // _LITTLE):
                break
        plan = _round(columns, plan, keep_on) if n_rounds else plan
        if plan.worth < columns.bound:
            plan = deal_groups_anew(
                values,
                plan,
                columns.proof,
                columns.most,
                n_groups=max(_N_OPENED // sizes[-1], 4),
                n_rounds=_N_ROUNDS,
                rng=rng,
                keep_on=keep_on,
            )
        if 0 < columns.bound - plan.worth < abs(columns.bound) // _CLOSE:
            columns.sharpen(plan.worth, keep_on)
    return Mixed(plan, *_level(columns))


def _round(columns: Columns, plan: Plan, keep_on: Callable[[], bool]) -> Plan:
    """Return the plan, or a better one from the last fractional grouping."""
    if columns.bound is None or plan.worth >= columns.bound or not keep_on():
        return plan
    dealt = dive(columns, keep_on)
    if dealt is None:
        return plan
    worth = columns.values.of_tables(dealt)
    if worth <= plan.worth:
        return plan
    seated = np.concatenate([table.ravel() for table in dealt])
    return Plan(dealt, np.setdiff1d(np.arange(columns.values.n), seated), worth)


def _level(columns: Columns) -> tuple[int, GroupPrices]:
    """Return a bound and its prices; no group exceeds these if there is one size only."""
    case = columns.proof
    assert columns.bound is not None  # noqa: S101  asked for once there is a bound
    if len(columns.most) > 1:
        return columns.bound, case
    more = -(-columns.most[0] // columns.tables[0].shape[1])
    case = replace(case, person=case.person + more)
    return columns.bound_of(case, [0]), case
