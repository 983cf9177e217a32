"""When everybody meets: slots back into days and times, and what time costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Meetings, Minutes, find_rule
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.constraints.minutes import settle_minutes
from pairmatch.errors import say_count
from pairmatch.plans.order import natural_key
from pairmatch.profiles.week import format_minute
from pairmatch.seam import assignment_problem
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.changes.keeping import restore_slots
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.scoring.own import Scored
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = [
    "COLUMNS",
    "TimePrice",
    "describe_time",
    "find_begins",
    "list_meetings",
    "meeting_of_pairs",
    "place_meetings",
    "price_time",
    "tabulate_meetings",
    "write_end",
    "write_time",
]

_MOST_PRICED = 100_000  # pairs up to which a summary solves once more to say what time costs
COLUMNS = (
    "kind", "mentee", "mentor", "people", "day", "start", "end", "minutes", "modality",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimePrice:
    """What meeting times cost a plan. Prints as a sentence.

    Parameters
    ----------
    matched : int
        How many more mentees could be matched if nobody had to find a time.
    total : float
        By how much the total would then change.
    """

    matched: int
    total: float

    def __str__(self) -> str:
        if not self.matched and not self.total:
            return "meeting times cost this plan nothing"
        people = "mentee" if self.matched == 1 else "mentees"
        verb = "higher" if self.total >= 0 else "lower"
        return (
            f"without Meetings {self.matched or 'no'} more {people} would be matched and the total "
            f"would be {abs(self.total):.6g} {verb}"
        )


def write_end(start: int, minutes: int) -> str:
    """Return when a meeting ends, as HH:MM; 24:00 at the end of a day.

    Examples
    --------
    >>> write_end(930, 45), write_end(1410, 30)
    ('16:15', '24:00')
    """
    end = start % 1440 + minutes
    return f"{end // 60:02d}:{end % 60:02d}"


def list_meetings(plan: PairPlan) -> Iterator[tuple[int, int, int]]:
    """Yield row, column and start in minutes of the week of every meeting; -1 without a time."""
    slots, taken = plan.problem.slots, plan.solution.slots
    if slots is None or taken is None:
        return
    for (i, j), own in zip(plan.solution.pairs.tolist(), taken.tolist(), strict=True):
        for slot in own:
            yield i, j, int(slots.start[slot]) if slot >= 0 else -1


def place_meetings(
    problem: AssignmentProblem, pairs: NDArray[np.int64], begins: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return slots for pairs that were chosen before, -1 for those that cannot meet.

    Meetings begin at the minutes ``begins``, shape (n_pairs, per_week), -1 for any, where the
    others leave room for that.
    """
    return None if problem.slots is None else restore_slots(problem, pairs, begins)


def find_begins(
    plan: PairPlan, own: NDArray[np.int64], pairs: NDArray[np.int64], per_week: int
) -> NDArray[np.int64]:
    """Return at which minutes of the week the meetings of some pairs begin in a plan, -1 for none.

    Parameters
    ----------
    plan : PairPlan
        A plan.
    own : ndarray of int64, shape (n_own, 2)
        Its pairs, by the numbers that people have in ``pairs``.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs that are asked about.
    per_week : int
        Meetings a week.
    """
    slots, taken = plan.problem.slots, plan.solution.slots
    begins = np.full((len(pairs), per_week), -1)
    if slots is None or taken is None:
        return begins
    place = {pair: k for k, pair in enumerate(map(tuple, pairs.tolist()))}
    for pair, mine in zip(map(tuple, own.tolist()), taken, strict=True):
        if pair in place:
            first = slots.start[mine[mine >= 0]][:per_week]
            begins[place[pair], : len(first)] = first
    return begins


def meeting_of_pairs(plan: PairPlan) -> dict[tuple[int, int], tuple[str, str, str]] | None:
    """Return day, start and end of each pair; None unless each pair has one meeting."""
    slots = plan.problem.slots
    if slots is None or plan.solution.slots is None or slots.per_week != 1:
        return None
    return {(i, j): write_time(start, slots.minutes) for i, j, start in list_meetings(plan)}


def tabulate_meetings(plan: PairPlan) -> pd.DataFrame:
    """Return one row a meeting, sorted by day, start and people; meetings without a time last."""
    import pandas as pd

    rows = []
    ids = plan.scored.coached.ids, plan.scored.coach.ids
    minutes = 0 if plan.problem.slots is None else plan.problem.slots.minutes
    for i, j, start in list_meetings(plan):
        people = ids[0][i], ids[1][j]
        entry = (
            "meeting", *people, ";".join(map(str, people)), *write_time(start, minutes), minutes,
            modality_of(plan.scored, i, j),
        )  # fmt: skip
        rows.append(((start < 0, start, natural_key(people[0]), natural_key(people[1])), entry))
    rows.sort(key=lambda row: row[0])
    return pd.DataFrame([entry for _, entry in rows], columns=list(COLUMNS))


def write_time(start: int, minutes: int) -> tuple[str, str, str]:
    """Return day, start and end of a meeting; blanks where it has no time (start -1)."""
    if start < 0:
        return "", "", ""
    return (*format_minute(start), write_end(start, minutes))


def modality_of(scored: Scored, i: int, j: int) -> str:
    """Return how a pair meets: ``virtual`` if one must, ``in_person`` if one wants to, or blank."""
    sides: tuple[tuple[Any, int], ...] = ((scored.coached, i), (scored.coach, j))
    kinds = {
        str(table.texts("modality")[row])
        for table, row in sides
        if "modality" in getattr(table, "columns", ())
    }
    if "virtual" in kinds:
        return "virtual"
    if "in_person" in kinds:
        return "in_person"
    return "either" if "either" in kinds else ""


def describe_time(plan: PairPlan, price: Callable[[], TimePrice]) -> list[str]:
    """Return the lines of a summary about meetings; what they cost is asked for in small pools."""
    rule = find_rule(plan.program.constraints, Meetings)
    slots, taken = plan.problem.slots, plan.solution.slots
    if rule is None or slots is None or taken is None:
        return []
    starts = slots.start[taken[taken >= 0]]
    often = "once a week" if rule.per_week == 1 else f"{rule.per_week} times a week"
    meet = "1 pair meets" if len(taken) == 1 else f"{len(taken)} pairs meet"
    n_times = say_count(len(np.unique(starts)), "time", "different times")
    text = f"  time      {meet} {often} for {say_count(rule.minutes, 'minute')}, at {n_times}"
    blank = int((taken < 0).all(axis=1).sum())
    if blank:
        text += f"; {blank} without a time (free time unknown)"
    lines = [text]
    cut_short = plan.status in (Status.INTERRUPTED, Status.TIME_LIMIT)  # who stops it cannot wait
    if not cut_short and plan.scored.shape[0] * plan.scored.shape[1] <= _MOST_PRICED:
        lines.append(f"            {price()}")
    if rule.prefer is not None:
        pairs = plan.solution.pairs
        liked = [
            bool(slots.row_likes[i, s] or slots.column_likes[j, s])
            for (i, j), own in zip(pairs.tolist(), taken.tolist(), strict=True)
            for s in own
            if s >= 0
        ]
        lines.append(f"            {sum(liked)} of {len(liked)} meetings are at preferred times")
    return lines


def price_time(plan: PairPlan) -> TimePrice:
    """Solve once more without ``Meetings``, and return what the plan would gain."""
    rules = plan.program.constraints
    constraints: list[Any] = [r for r in rules if not isinstance(r, Meetings | Minutes)]
    constraints += settle_minutes(rules)  # a meeting takes as long, whenever it is
    scored: Any = plan.scored
    scored = replace(scored, rules=tuple(r for r in scored.rules if not isinstance(r, JointSlot)))
    objective: Any = plan.program.objective
    problem = assignment_problem(scored, constraints, objective)
    pairs = solve_assignment(problem, seed=plan.seed).pairs
    gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    held, _ = plan.problem.gains.pairs(plan.solution.pairs[:, 0], plan.solution.pairs[:, 1])
    more = int(gain.sum()) - int(held.sum())
    return TimePrice(len(np.unique(pairs[:, 0])) - plan.matched, float(plan.in_scores(more)))
