"""Minutes become integers: what each pair takes, what each mentor has, and how many fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Load, Minutes, find_places
from pairmatch.constraints.minutes import settle_minutes
from pairmatch.errors import Fault, ProgramError
from pairmatch.scoring.own import Labels, Scored
from pairmatch.seam.amounts import columns_of, read_amounts
from pairmatch.solvers.problem import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles

__all__ = ["budgets_of", "count_fitting", "limits_places"]

_BLANK = -1


def budgets_of(
    scored: Scored, constraints: Sequence[Any], demand: NDArray[np.int64]
) -> tuple[Budget, ...]:
    """Return the minutes of each pair and each mentor, one budget for each ``Minutes``.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The two tables.
    constraints : sequence
        Constraints of every kind; only ``Minutes`` are read.
    demand : ndarray of int64, shape (n_mentees,)
        Mentors that each mentee should have: their minutes are kept for people who are both.

    Raises
    ------
    ProgramError
        If a ``Minutes`` names columns or people that are not there, or a cell is no whole number
        of minutes; everything that is wrong at once.
    """
    budgets, faults = [], []
    for rule in settle_minutes(constraints):
        use, wrong = _uses(scored, rule)
        limit, missing = _read(scored.coach, "mentor", rule, rule.at_most)
        faults += wrong + missing
        if not wrong + missing:
            no_limit = int(use.max(axis=1, initial=0).sum())
            limit = np.where(limit == _BLANK, no_limit, _keep_own(scored, use, limit, demand))
            budgets.append(Budget(use, limit))
    if faults:
        raise ProgramError("minutes cannot be used", faults)
    return tuple(budgets)


def _keep_own(
    scored: Scored,
    use: NDArray[np.int64],
    limit: NDArray[np.int64],
    demand: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return what people who are mentees as well have left for mentees of their own."""
    row_of = {key: i for i, key in enumerate(scored.coached.ids)}
    twin = np.array([row_of.get(key, -1) for key in scored.coach.ids], np.int64)
    if isinstance(scored.coached, Labels):  # rows and columns of numbers are not the same people
        return limit
    if not len(use) or not use.shape[1]:
        return limit
    whole = np.broadcast_to(use, scored.shape) if demand.max() > 1 else use
    spent = np.cumsum(-np.sort(-whole, axis=1), axis=1)  # by as many meetings, the longest first
    most = spent[np.arange(len(use)), np.minimum(demand, spent.shape[1]) - 1]
    own = np.where(twin >= 0, most[twin], 0)
    return np.maximum(0, limit - own)


def limits_places(coach: Profiles | Labels, constraints: Sequence[Any]) -> NDArray[np.bool_]:
    """Return which mentors have as many places as fit into their minutes, and no other limit."""
    limited = np.zeros(len(coach), np.bool_)
    if "max_mentees" in columns_of(coach) or any(isinstance(rule, Load) for rule in constraints):
        return limited
    for rule in constraints:
        if isinstance(rule, Minutes):
            limited |= _read(coach, "mentor", rule, rule.at_most)[0] != _BLANK
    return limited


def count_fitting(budget: Budget) -> NDArray[np.int64]:
    """Return how many rows fit into the budget of each column at most."""
    spent = np.cumsum(np.sort(budget.use, axis=0), axis=0)
    if spent.shape[1] == 1:
        return np.searchsorted(spent[:, 0], budget.limit, side="right").astype(np.int64)
    n_fitting: NDArray[np.int64] = np.count_nonzero(spent <= budget.limit, axis=0)
    return n_fitting


def _read(
    table: Profiles | Labels, side: str, rule: Minutes, amount: Any
) -> tuple[NDArray[np.int64], list[Fault]]:
    """One number of minutes for each person, -1 where there is none, and what is wrong."""
    wrong = "no whole number of minutes", "Give whole minutes >= 0."
    return read_amounts(table, side, rule, amount, blank=_BLANK, wrong=wrong)


def _uses(scored: Scored, rule: Minutes) -> tuple[NDArray[np.int64], list[Fault]]:
    """Minutes of each pair, shape (n_rows, 1) where the mentor does not matter."""
    each, rows, columns = rule.each, scored.coached.ids, scored.coach.ids
    if isinstance(each, tuple):
        shape = len(each), len(each[0]) if each else 0
        if (
            shape != scored.shape
            or {*rows} != {*range(shape[0])}
            or {*columns} != {*range(shape[1])}
        ):
            what = f"each is a matrix of {shape[0]} x {shape[1]} without labels, and here are "
            what += f"{len(rows)} mentees and {len(columns)} mentors."
            remedy = "Give a DataFrame whose rows are the mentees and whose columns the mentors."
            return np.zeros((len(rows), 1), np.int64), [Fault(what, "Minutes", remedy)]
        table = np.array([[_BLANK if c is None else c for c in row] for row in each], np.int64)
        use = table.reshape(shape)[np.ix_(list(rows), list(columns))]
        faults: list[Fault] = []
    elif isinstance(each, Mapping) and any(isinstance(row, Mapping) for row in each.values()):
        use = np.full(scored.shape, _BLANK, np.int64)
        lines, faults = find_places(rows, each, "among the mentees", repr(rule))
        for i, cells in zip(lines, each.values(), strict=True):
            where, unknown = find_places(columns, cells, "among the mentors", repr(rule))
            faults += [fault for fault in unknown if fault not in faults]
            for j, cell in zip(where, cells.values(), strict=True):
                if i >= 0 <= j and cell is not None:
                    use[i, j] = cell
    else:
        amounts, faults = _read(scored.coached, "mentee", rule, each)
        use = amounts[:, None]
    blank = use == _BLANK
    if blank.any():
        if use.shape[1] > 1:
            at = np.nonzero(blank)
            needed = blank.copy()
            needed[at] = scored.allowed_at(*at)
        else:
            needed = blank
        if rule.default is None and not faults:
            faults = _blank_faults(scored, rule, needed)
        use = np.where(blank, 0 if rule.default is None else rule.default, use)
    return use, faults


def _blank_faults(scored: Scored, rule: Minutes, needed: NDArray[np.bool_]) -> list[Fault]:
    """Return a fault for each mentee whose minutes are not known."""
    column = f", column {rule.each}" if isinstance(rule.each, str) else ""
    faults = []
    for i in np.flatnonzero(needed.any(axis=1)).tolist():
        mentors = "" if needed.shape[1] == 1 else f" with {int(needed[i].sum())} mentors"
        what = f"it is not said how many minutes the meetings take{mentors}."
        where = f"mentee {scored.coached.ids[i]}{column}"
        faults.append(Fault(what, where, "Fill it in, or give Minutes a default."))
    return faults
