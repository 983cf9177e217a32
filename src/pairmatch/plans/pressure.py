"""Who is short of time: feasible partners and slots of each person, and slots that are scarce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.plans.order import natural_key
from pairmatch.profiles.week import format_minute

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.problem import Slots

__all__ = ["find_scarce", "find_short", "tabulate_pressure"]

_BLOCK = 256
_SHOWN = 3
_NAMED = 5


def tabulate_pressure(plan: PairPlan) -> pd.DataFrame:
    """Return one row a person: what time leaves each, those with least first."""
    import pandas as pd

    slots = plan.problem.slots
    if slots is None:
        raise ValueError("the plan has no slots")
    n_rows, n_columns = plan.scored.shape
    partners = np.zeros(n_rows, np.int64), np.zeros(n_columns, np.int64)
    for top in range(0, n_rows, _BLOCK):
        rows = slice(top, min(top + _BLOCK, n_rows))
        _, allowed = plan.problem.gains.block(rows, slice(0, n_columns))
        allowed = allowed & (plan.problem.capacity > 0)
        partners[0][rows] = allowed.sum(axis=1)
        partners[1][:] += allowed.sum(axis=0)
    pairs = plan.solution.pairs
    load = np.bincount(pairs[:, 0], minlength=n_rows), np.bincount(pairs[:, 1], minlength=n_columns)
    sides: tuple[tuple[str, tuple[Any, ...], NDArray[np.bool_]], ...] = (
        ("mentee", plan.scored.coached.ids, slots.row),
        ("mentor", plan.scored.coach.ids, slots.column),
    )
    rows_out = []
    for (role, ids, free), count, matched in zip(sides, partners, load, strict=True):
        n_times = _count_times(slots, free)
        rows_out += [
            (key, role, int(count[k]), int(n_times[k]), int(matched[k]))
            for k, key in enumerate(ids)
        ]
    rows_out.sort(key=lambda row: (row[2], row[3], natural_key(row[0]), row[1]))
    return pd.DataFrame(rows_out, columns=["id", "role", "partners", "slots", "matched"])


def _count_times(slots: Slots, free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many meetings fit into the free time of each person, when others are free."""
    n_fitting = np.zeros(len(free), np.int64)
    ends = np.full(len(free), -1, np.int64)
    for number, start in enumerate(slots.start.tolist()):
        fits = free[:, number] & (ends <= start)
        n_fitting += fits
        ends[fits] = start + slots.minutes
    return n_fitting


def find_scarce(plan: PairPlan) -> list[str]:
    """Return sentences about times that more mentees depend on than there are mentors for.

    Mentees depend on a time if all of their slots overlap and this is one of them.
    """
    slots = plan.problem.slots
    if slots is None or not slots.n_slots:
        return []
    only = _count_times(slots, slots.row) == 1
    usable = slots.column & (plan.problem.capacity > 0)[:, None]
    found = []
    for moment in np.unique(slots.start).tolist():
        at = slots.start == moment
        asking = slots.row[:, at].any(axis=1) & only
        offering = usable[:, at].any(axis=1)
        if asking.sum() > offering.sum():
            found.append((int(asking.sum()) - int(offering.sum()), moment, asking, offering))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        f"{_count(int(asking.sum()), 'mentee')} can only meet {' '.join(format_minute(moment))}; "
        f"then {_count(int(offering.sum()), 'mentor')} can"
        for _, moment, asking, offering in found[:_SHOWN]
    ]


def find_short(plan: PairPlan) -> list[str]:
    """Return a sentence about mentees, and one about mentors, with a single time to meet.

    Whoever offers little time can win by it what others lose, so the people are named.
    """
    slots = plan.problem.slots
    if slots is None or not slots.n_slots:
        return []
    sides: tuple[tuple[str, tuple[Any, ...], NDArray[np.bool_]], ...] = (
        ("mentee", plan.scored.coached.ids, slots.row),
        ("mentor", plan.scored.coach.ids, slots.column),
    )
    said = []
    for word, ids, free in sides:
        n_times = _count_times(slots, free)
        short = sorted((ids[k] for k in np.flatnonzero(n_times == 1).tolist()), key=natural_key)
        if short:
            shown = ", ".join(str(key) for key in short[:_NAMED])
            shown += " ..." if len(short) > _NAMED else ""
            verb = "has" if len(short) == 1 else "have"
            said.append(f"{_count(len(short), word)} {verb} a single time ({shown})")
    if said:
        said.append("ask them for more before the plan is final (everybody: time_pressure.csv)")
    return said


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
