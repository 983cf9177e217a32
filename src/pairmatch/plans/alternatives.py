"""What another pair would cost, and what one more place would be worth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.plans.order import natural_key
from pairmatch.plans.standing import find_crowded
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.meetings.pins import PinConflict
from pairmatch.solvers.assignment.places import place_values
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["Alternative", "explain_alternative", "value_places"]


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


def explain_alternative(plan: PairPlan, row: int, column: int) -> Alternative:
    """Solve once more with a pair pinned, and say what changes."""
    scored, problem, solution = plan.scored, plan.problem, plan.solution
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
    if find_crowded(problem, pinned, row)[column]:
        text = f"{pair} is not allowed: pins use up a quota of {columns[column]}."
        return Alternative(text, None, 0, ())
    changed = replace(problem, pins=pins)
    try:
        other = solve_assignment(changed)
        certify_plan(changed, other)
    except PinConflict:
        text = f"{pair} cannot be formed: with the pins there is no time left to meet."
        return Alternative(text, None, 0, ())
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
    loss = plan.in_scores(lost)
    verb = "fall" if lost > 0 else "rise"
    parts = [f"the total would {verb} by {abs(loss):g}" if lost else "the total would not change"]
    if fewer:
        word = "fewer" if fewer > 0 else "more"
        parts.append(f"{abs(fewer)} {word} would be matched")
    people = f"{len(moves)} {'person' if len(moves) == 1 else 'people'} would move"
    return Alternative(f"{pair}: {', '.join(parts)}; {people}.", loss, fewer, moves)


def value_places(plan: PairPlan) -> pd.DataFrame:
    """Return one row a mentor: what one more place would be worth."""
    import pandas as pd

    problem, solution = plan.problem, plan.solution
    if solution.status is not Status.OPTIMAL:
        raise CapabilityError(
            "values of places are known of plans that are proved best; "
            "make the plan again with match(), without a time limit"
        )
    if problem.slots is not None:
        raise CapabilityError(
            "values of places are not known where pairs need times to meet; "
            "solve again with the larger capacity"
        )
    if solution.prices is not None and solution.prices.budget:
        raise CapabilityError(
            "values of places are not known where minutes differ between mentees; "
            "solve again with the larger capacity"
        )
    values = place_values(problem, solution)
    ids = plan.scored.coach.ids
    more = [0] * len(ids) if values.matched is None else values.matched.tolist()
    rows = [
        (ids[j], more[j], plan.in_scores(total)) for j, total in enumerate(values.total.tolist())
    ]
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
