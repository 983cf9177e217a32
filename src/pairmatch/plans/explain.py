"""Why this pair, why nobody, why not that one: the scores and rules put into words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.plans.order import natural_key
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.places import place_values
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import AssignmentProblem
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
        In a few words: "no mentor is allowed", "needed elsewhere" or "no gain".
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
    rows = [
        (p.criterion, p.coached_value, p.coach_value, _number(p.score), p.weight, p.points)
        for p in scored.parts(i, j)
    ]
    names = ["criterion", "mentee_value", "mentor_value", "score", "weight", "points"]
    return pd.DataFrame(rows, columns=names)


def _number(score: float | None) -> float:
    return float("nan") if score is None else score


def explain_all(scored: Compatibility, pairs: NDArray[np.int64]) -> pd.DataFrame:
    """Return the explanations of all pairs in one frame, with ``mentee`` and ``mentor`` first."""
    import pandas as pd

    listed = sorted(pairs.tolist(), key=lambda pair: natural_key(scored.coached.ids[pair[0]]))
    frames = []
    for i, j in listed:
        frame = explain_pair(scored, i, j)
        frame.insert(0, "mentor", scored.coach.ids[j])
        frame.insert(0, "mentee", scored.coached.ids[i])
        frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=["mentee", "mentor", "criterion", "points"])
    return pd.concat(frames, ignore_index=True)


def explain_unmatched(
    scored: Scored, problem: AssignmentProblem, solution: AssignmentSolution, row: int
) -> Reasons:
    """Return why a row has no column: the rule that removed each, or who took the places."""
    person, ids = scored.coached.ids[row], scored.coach.ids
    removed_by = scored.forbidden_by(row)
    mentors: list[tuple[Any, str, str]] = []
    suitable: list[int] = []
    for j, number in enumerate(removed_by.tolist()):
        if number >= 0:
            rule = scored.rules[number].name if number < len(scored.rules) else "score"
            mentors.append((ids[j], rule, scored.why_forbidden(row, j)))
        elif problem.capacity[j] == 0:
            mentors.append((ids[j], "Load", "no places"))
        else:
            suitable.append(j)
    taken: dict[int, list[Any]] = defaultdict(list)
    for i, j in solution.pairs.tolist():
        taken[j].append(scored.coached.ids[i])
    every = tuple(mentors) + tuple((ids[j], "places", "needed elsewhere") for j in suitable)
    if not suitable:
        sentence = f"{person} has no mentor: {_count_rules(mentors, len(ids))}."
        return Reasons(person, "no mentor is allowed", sentence, every)
    full = [j for j in suitable if len(taken[j]) >= problem.capacity[j]]
    if len(full) < len(suitable):
        sentence = (
            f"{person} has no mentor although {len(suitable) - len(full)} of "
            f"{len(suitable)} suitable mentors have a place: the pair would lower the total or "
            "break a minimum load or quota."
        )
        return Reasons(person, "no gain", sentence, every)
    shown = [
        f"{ids[j]} ({', '.join(str(key) for key in sorted(taken[j], key=natural_key))})"
        for j in sorted(full, key=lambda j: natural_key(ids[j]))[:_SHOWN]
    ]
    more = f" and {len(full) - _SHOWN} more" if len(full) > _SHOWN else ""
    one = (
        "the one suitable mentor is" if len(full) == 1 else f"all {len(full)} suitable mentors are"
    )
    others = f"; {_count_rules(mentors, len(ids))}" if mentors else ""
    sentence = f"{person} has no mentor: {one} needed elsewhere: {', '.join(shown)}{more}{others}."
    return Reasons(person, "needed elsewhere", sentence, every)


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
    old = dict(solution.pairs.tolist())
    if old.get(row) == column:
        return Alternative(f"{pair} is in the plan.", 0, 0, ())
    why = scored.why_forbidden(row, column)
    if why:
        return Alternative(f"{pair} is not allowed: {why}.", None, 0, ())
    pins = np.vstack([problem.pins, [[row, column]]]).astype(np.int64)
    if (problem.pins[:, 0] == row).any():
        return Alternative(f"{rows[row]} is pinned to another mentor.", None, 0, ())
    if (pins[:, 1] == column).sum() > problem.capacity[column]:
        return Alternative(f"{columns[column]} has no place that is not pinned.", None, 0, ())
    try:
        other = solve_assignment(replace(problem, pins=pins))
    except LoadConflict:
        text = f"{pair} would leave another mentor below the minimum load."
        return Alternative(text, None, 0, ())
    new = dict(other.pairs.tolist())
    moves = tuple(
        (rows[i], _id_at(columns, old.get(i)), _id_at(columns, new.get(i)))
        for i in sorted(old.keys() | new.keys(), key=lambda i: natural_key(rows[i]))
        if old.get(i) != new.get(i)
    )
    lost = _total(problem, solution.pairs) - _total(problem, other.pairs)
    fewer = len(old) - len(new)
    loss = in_scores(lost)
    parts = [
        f"the total would fall by {loss:g}" if lost > 0 else f"the total would change by {-loss:g}"
    ]
    if fewer:
        parts.append(f"{fewer} fewer would be matched")
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
    values = place_values(problem, solution)
    ids = scored.coach.ids
    more = [0] * len(ids) if values.matched is None else values.matched.tolist()
    rows = [(ids[j], more[j], in_scores(total)) for j, total in enumerate(values.total.tolist())]
    rows.sort(key=lambda row: (-row[1], -row[2], natural_key(row[0])))
    return pd.DataFrame(rows, columns=["mentor", "matched", "total"])


def _id_at(ids: tuple[Any, ...], place: int | None) -> Any:
    return None if place is None else ids[place]


def _total(problem: AssignmentProblem, pairs: NDArray[np.int64]) -> int:
    return int(problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
