"""Why this pair, why nobody, why not that one: the scores and rules put into words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints.bound import RequiredTerm
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.errors import CapabilityError
from pairmatch.plans.order import natural_key
from pairmatch.plans.timetable import find_taken, say_taken
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility, Part
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import AssignmentProblem, Budget
    from pairmatch.solvers.solution import AssignmentSolution

    Scored = Compatibility | OwnScores

__all__ = [
    "Reasons",
    "explain_all",
    "explain_pair",
    "explain_unmatched",
    "is_crowded",
]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why one person has no partner. Prints as a sentence.

    Parameters
    ----------
    person : str or int
        The id.
    reason : str
        In a few words: "no mentor is allowed", "needed elsewhere", "no time left" or "no gain".
    sentence : str
        The whole reason.
    mentors : tuple of (mentor, rule, detail)
        Every mentor, the rule that removed it and the reason in words.
    """

    person: Any
    reason: str
    sentence: str
    mentors: tuple[tuple[Any, str, str], ...]

    def __str__(self) -> str:
        return self.sentence

    def to_frame(self) -> pd.DataFrame:
        """Return one row a rule: ``rule, detail, mentors, ids``, the most frequent first."""
        import pandas as pd

        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for mentor, rule, detail in _merge(self.mentors):
            groups[rule, detail].append(mentor)
        rows = [
            (rule, detail, len(ids), "; ".join(str(key) for key in sorted(ids, key=natural_key)))
            for (rule, detail), ids in groups.items()
        ]
        rows.sort(key=lambda row: (-row[2], row[0], row[1]))
        return pd.DataFrame(rows, columns=["rule", "detail", "mentors", "ids"])


def explain_pair(scored: Scored, i: int, j: int) -> pd.DataFrame:
    """Return one row per criterion for a pair, in the plan or not."""
    import pandas as pd

    if not hasattr(scored, "parts"):
        raise CapabilityError(
            "own scores have no parts to explain; match profiles with criteria for that"
        )
    return pd.DataFrame([_part_row(part) for part in scored.parts(i, j)], columns=_PART_COLUMNS)


_PART_COLUMNS = ["criterion", "mentee_value", "mentor_value", "score", "weight", "points"]


def _part_row(part: Part) -> tuple[str, str, str, float, float, float]:
    score = float("nan") if part.score is None else part.score
    return (
        part.criterion, part.coached_value, part.coach_value, score, part.weight, part.points
    )  # fmt: skip


def explain_all(scored: Compatibility, pairs: NDArray[np.int64]) -> pd.DataFrame:
    """Return the explanations of all pairs in one frame, with ``mentee`` and ``mentor`` first."""
    import pandas as pd

    listed = sorted(pairs.tolist(), key=lambda pair: natural_key(scored.coached.ids[pair[0]]))
    rows = [
        (scored.coached.ids[i], scored.coach.ids[j], *_part_row(part))
        for i, j in listed
        for part in scored.parts(i, j)
    ]
    return pd.DataFrame(rows, columns=["mentee", "mentor", *_PART_COLUMNS])


def explain_unmatched(
    scored: Scored, problem: AssignmentProblem, solution: AssignmentSolution, rows: Sequence[int]
) -> list[Reasons]:
    """Return why rows have no column: the rule that removed each, or who took the places."""
    taken: dict[int, list[Any]] = defaultdict(list)
    for i, j in solution.pairs.tolist():
        taken[j].append(scored.coached.ids[i])
    for people in taken.values():
        people.sort(key=natural_key)
    return [_explain_row(scored, problem, solution, row, taken) for row in rows]


def _explain_row(
    scored: Scored,
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    row: int,
    taken: Mapping[int, list[Any]],
) -> Reasons:
    """Return why one row has no column."""
    person, ids = scored.coached.ids[row], scored.coach.ids
    mentors = _list_removed(scored, problem, row)
    removed = {mentor for mentor, _, _ in mentors}
    suitable = [j for j, mentor in enumerate(ids) if mentor not in removed]
    spent = _find_spent(problem, solution, row)
    full = [j for j in suitable if len(taken.get(j, ())) >= problem.capacity[j] or spent[j]]
    crowded = [j for j in suitable if j not in set(full) and is_crowded(problem, solution, row, j)]
    taken_by = find_taken(problem, solution, row)
    booked = [j for j in suitable if j in taken_by and j not in {*full, *crowded}]
    left = len(suitable) - len(full) - len(crowded) - len(booked)
    every = (
        *mentors,
        *((ids[j], "places", "needed elsewhere") for j in full),
        *((ids[j], "Quota", "the quota is used up") for j in crowded),
        *((ids[j], "Meetings", "all joint slots are taken") for j in booked),
        *(
            (ids[j], "places", "has a place")
            for j in suitable
            if j not in {*full, *crowded, *booked}
        ),
    )
    if not suitable:
        sentence = f"{person} has no mentor: {_count_rules(mentors, len(ids))}."
        return Reasons(person, "no mentor is allowed", sentence, every)
    others = f"; {_count_rules(mentors, len(ids))}" if mentors else ""
    if left:
        why = (
            "the pair would lower the total or break a minimum load"
            if solution.status is Status.OPTIMAL
            else "this plan is not proved to be the best one"
        )
        which = f"{left} of {len(suitable)} suitable mentors {'has' if left == 1 else 'have'}"
        sentence = f"{person} has no mentor although {which} a place: {why}{others}."
        return Reasons(person, "no gain", sentence, every)
    if booked and not full and not crowded:
        who = say_taken(scored, {j: taken_by[j] for j in booked})
        sentence = f"{person} has no mentor: {who}{others}."
        return Reasons(person, "no time left", sentence, every)
    listed = sorted([*full, *crowded, *booked], key=lambda j: natural_key(ids[j]))
    shown = [
        f"{ids[j]} ({', '.join(str(key) for key in taken.get(j, ()))})" for j in listed[:_SHOWN]
    ]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    one = (
        "the one suitable mentor is"
        if len(listed) == 1
        else f"all {len(listed)} suitable mentors are"
    )
    quota = f" ({len(crowded)} by a quota)" if crowded else ""
    quota += f" ({len(booked)} by their joint slots)" if booked else ""
    sentence = (
        f"{person} has no mentor: {one} needed elsewhere{quota}: {', '.join(shown)}{more}{others}."
    )
    return Reasons(person, "needed elsewhere", sentence, every)


def _list_removed(
    scored: Scored, problem: AssignmentProblem, row: int
) -> list[tuple[Any, str, str]]:
    """Return the columns that a row cannot have, each with the rule and the reason."""
    ids = scored.coach.ids
    removed_by = scored.forbidden_by(row)
    found: dict[int, tuple[str, str]] = {}
    for number in np.unique(removed_by[removed_by >= 0]).tolist():
        columns = np.flatnonzero(removed_by == number)
        if number == len(scored.rules):
            found.update((j, ("score", "no score given")) for j in columns.tolist())
            continue
        rule = scored.rules[number]
        reasons = (
            rule.reasons(row, columns)
            if isinstance(rule, (RequiredTerm, JointSlot))
            else [rule.reason(row, j) for j in columns.tolist()]
        )
        found.update(
            (j, (rule.name, why)) for j, why in zip(columns.tolist(), reasons, strict=True)
        )
    for j in np.flatnonzero((removed_by < 0) & (problem.capacity == 0)).tolist():
        tight = any(_exceeds(budget, row, j) for budget in problem.budgets)
        found[j] = ("Minutes", "too few minutes a week") if tight else ("Load", "no places")
    if problem.budgets:
        for j in np.flatnonzero((removed_by < 0) & (problem.capacity > 0)).tolist():
            if any(_exceeds(budget, row, j) for budget in problem.budgets):
                found[j] = ("Minutes", "too few minutes a week")
    return [(ids[j], *found[j]) for j in sorted(found)]


def is_crowded(
    problem: AssignmentProblem, solution: AssignmentSolution, row: int, column: int
) -> bool:
    """Return whether a quota of a column is used up for the class of a row."""
    mates = solution.pairs[solution.pairs[:, 1] == column, 0]
    return any(
        quota.class_of[row] >= 0
        and int((quota.class_of[mates] == quota.class_of[row]).sum()) >= quota.at_most
        for quota in problem.quotas
    )


def _exceeds(budget: Budget, row: int, column: int) -> bool:
    """Return whether a pair does not fit into a budget even alone."""
    return bool(budget.block(slice(row, row + 1), slice(column, column + 1)) > budget.limit[column])


def _find_spent(
    problem: AssignmentProblem, solution: AssignmentSolution, row: int
) -> NDArray[np.bool_]:
    """Return the columns that have too little of some budget left for a row."""
    spent = np.zeros(problem.n_columns, np.bool_)
    rows, columns = solution.pairs[:, 0], solution.pairs[:, 1]
    for budget in problem.budgets:
        left = budget.limit.astype(np.int64)
        np.subtract.at(left, columns, budget.pairs(rows, columns))
        spent |= budget.block(slice(row, row + 1), slice(None))[0] > left
    return spent


def _merge(mentors: tuple[tuple[Any, str, str], ...]) -> list[tuple[Any, str, str]]:
    """Give rules with many different reasons one reason, so that they can be counted."""
    details: dict[str, set[str]] = defaultdict(set)
    for _, rule, detail in mentors:
        details[rule].add(detail)
    return [
        (mentor, rule, detail if len(details[rule]) <= 3 else "")
        for mentor, rule, detail in mentors
    ]


def _count_rules(mentors: list[tuple[Any, str, str]], n_mentors: int) -> str:
    counts: dict[str, int] = defaultdict(int)
    for _, rule, detail in _merge(tuple(mentors)):
        counts[detail or rule] += 1
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not listed:
        return "there are no mentors"
    ruled_out = sum(counts.values())
    who = f"all {n_mentors} mentors" if ruled_out == n_mentors else f"{ruled_out} of {n_mentors}"
    if ruled_out == n_mentors == 1:
        who = "the only mentor"
    verb = "is" if ruled_out == 1 else "are"
    reasons = ", ".join(f"{text} ({n})" for text, n in listed)
    return f"{who} {verb} ruled out: {reasons}"
