"""Why this pair, why nobody, why not that one: the scores and rules put into words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints.bound import RequiredTerm
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.plans.order import natural_key
from pairmatch.plans.timetable import find_taken, say_taken
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.places import place_values
from pairmatch.solvers.certify_fair import certify_plan
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility, Part
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import AssignmentProblem, Budget
    from pairmatch.solvers.solution import AssignmentSolution

    Scored = Compatibility | OwnScores

__all__ = [
    "Alternative",
    "Reasons",
    "explain_all",
    "explain_alternative",
    "explain_pair",
    "explain_unmatched",
    "value_places",
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


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a pair that is not in the plan would cost. Prints as a sentence.

    Parameters
    ----------
    sentence : str
        The answer.
    loss : float or None
        What the plan's total would lose; None where the pair cannot be formed.
    fewer : int
        How many fewer mentees would be matched.
    moves : tuple of (mentee, old mentor or None, new mentor or None)
        Who would move.
    """

    sentence: str
    loss: float | int | None
    fewer: int
    moves: tuple[tuple[Any, Any, Any], ...]

    def __str__(self) -> str:
        return self.sentence

    def to_frame(self) -> pd.DataFrame:
        """Return one row a move: ``mentee, now, instead``."""
        import pandas as pd

        return pd.DataFrame(list(self.moves), columns=["mentee", "now", "instead"])


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
    crowded = [j for j in suitable if j not in set(full) and _is_crowded(problem, solution, row, j)]
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


def _is_crowded(
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


def explain_alternative(
    scored: Scored,
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    row: int,
    column: int,
    in_scores: Callable[[int], float | int],
) -> Alternative:
    """Solve once more with a pair pinned, and say what changes."""
    rows, columns = scored.coached.ids, scored.coach.ids
    pair = f"{rows[row]} with {columns[column]}"
    old = _list_mates(columns, solution.pairs)
    if (solution.pairs == [row, column]).all(axis=1).any():
        return Alternative(f"{pair} is in the plan.", 0, 0, ())
    why = scored.why_forbidden(row, column)
    if why:
        return Alternative(f"{pair} is not allowed: {why}.", None, 0, ())
    pins = np.vstack([problem.pins, [[row, column]]]).astype(np.int64)
    if (problem.pins[:, 0] == row).sum() >= problem.demand[row]:
        return Alternative(f"{rows[row]} is pinned to another mentor.", None, 0, ())
    for budget in problem.budgets:
        if budget.pairs(pins[:, 0], pins[:, 1])[pins[:, 1] == column].sum() > budget.limit[column]:
            text = f"{columns[column]} has too few minutes that are not pinned."
            return Alternative(text, None, 0, ())
    if (pins[:, 1] == column).sum() > problem.capacity[column]:
        return Alternative(f"{columns[column]} has no place that is not pinned.", None, 0, ())
    pinned = replace(solution, pairs=problem.pins)
    if _is_crowded(problem, pinned, row, column):
        text = f"{pair} is not allowed: pins use up a quota of {columns[column]}."
        return Alternative(text, None, 0, ())
    changed = replace(problem, pins=pins)
    try:
        other = solve_assignment(changed)
        certify_plan(changed, other)
    except LoadConflict:
        text = f"{pair} would leave another mentor below the minimum load."
        return Alternative(text, None, 0, ())
    except CertificateError:
        return Alternative(f"{pair} cannot be formed together with the pins.", None, 0, ())
    new = _list_mates(columns, other.pairs)
    moves = tuple(
        (rows[i], old.get(i), new.get(i))
        for i in sorted(old.keys() | new.keys(), key=lambda i: natural_key(rows[i]))
        if old.get(i) != new.get(i)
    )
    lost = _total(problem, solution.pairs) - _total(problem, other.pairs)
    fewer = len(old) - len(new)
    loss = in_scores(lost)
    verb = "fall" if lost > 0 else "rise"
    parts = [f"the total would {verb} by {abs(loss):g}" if lost else "the total would not change"]
    if fewer:
        word = "fewer" if fewer > 0 else "more"
        parts.append(f"{abs(fewer)} {word} would be matched")
    people = f"{len(moves)} {'person' if len(moves) == 1 else 'people'} would move"
    return Alternative(f"{pair}: {', '.join(parts)}; {people}.", loss, fewer, moves)


def value_places(
    scored: Scored,
    problem: AssignmentProblem,
    solution: AssignmentSolution,
    in_scores: Callable[[int], float | int],
) -> pd.DataFrame:
    """Return one row a mentor: what one more place would be worth."""
    import pandas as pd

    if solution.status is not Status.OPTIMAL:
        raise CapabilityError("values of places are known of plans that are proved best")
    if problem.slots is not None:
        raise CapabilityError("values of places are not known where pairs need times to meet")
    if solution.prices is not None and solution.prices.budget:
        raise CapabilityError("values of places are not known where minutes differ between mentees")
    values = place_values(problem, solution)
    ids = scored.coach.ids
    more = [0] * len(ids) if values.matched is None else values.matched.tolist()
    rows = [(ids[j], more[j], in_scores(total)) for j, total in enumerate(values.total.tolist())]
    rows.sort(key=lambda row: (-row[1], -row[2], natural_key(row[0])))
    return pd.DataFrame(rows, columns=["mentor", "matched", "total"])


def _list_mates(ids: tuple[Any, ...], pairs: NDArray[np.int64]) -> dict[int, Any]:
    """Return the mentor of each matched row, or several as one text."""
    mates: dict[int, list[Any]] = defaultdict(list)
    for i, j in pairs.tolist():
        mates[i].append(ids[j])
    return {
        i: found[0] if len(found) == 1 else "; ".join(map(str, sorted(found, key=natural_key)))
        for i, found in mates.items()
    }


def _total(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> int:
    return int(problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
