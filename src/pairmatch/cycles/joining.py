"""Plans and feedback side by side: a row for each pair or group that somebody spoke of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.feedback import Feedback
from pairmatch.errors import Fault, ProgramError
from pairmatch.plans import Grouping, Matching

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Joined", "average", "join_feedback", "value_criteria"]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Pairs or groups of a plan with what was said of them.

    Parameters
    ----------
    n_units : int
        Pairs or groups of the plan.
    score : ndarray of float64, shape (n,)
        Score of each one that was spoken of.
    given : ndarray of float64, shape (n, n_criteria)
        What each criterion gave it, 0 to 1; no columns for own scores.
    said : dict of str to ndarray of float64, shape (n,)
        The mean of what was said, by column; NaN where nothing was.
    lost : tuple
        Keys of the feedback that are in no pair or group of the plan.
    """

    n_units: int
    score: NDArray[np.float64]
    given: NDArray[np.float64]
    said: dict[str, NDArray[np.float64]]
    lost: tuple[tuple[str, ...], ...]


def join_feedback(plan: Any, feedback: Any) -> Joined:
    """Join by id; several rows about one pair or group are averaged.

    Of ``retained``, where half of them say yes and half no, nothing is known.

    Raises
    ------
    ProgramError
        If this is no plan or no feedback, or nothing in it is about this plan.
    """
    if not isinstance(plan, (Matching, Grouping)):
        remedy = "Give what match(), form_groups() or read_plan() returned."
        what = f"found a {type(plan).__name__}."
        raise ProgramError("there is no plan", [Fault(what, "plan", remedy)])
    if not isinstance(feedback, Feedback):
        given = type(feedback).__name__
        raise ProgramError(f"this is no feedback, but a {given}; write read_feedback(file)")
    units: dict[tuple[str, ...], tuple[list[tuple[int, int]], float]] = {}
    if isinstance(plan, Grouping):
        values = plan.group_values
        for number, members in enumerate(plan.groups, 1):
            pairs = list(permutations(members, 2))
            units[(str(number),)] = pairs, float(values[number - 1])
    else:
        for (i, j), worth in zip(plan.solution.pairs.tolist(), plan.units.tolist(), strict=True):
            pair = str(plan.scored.coached.ids[i]), str(plan.scored.coach.ids[j])
            units[pair] = [(i, j)], float(plan.in_scores(worth))
    rows_of: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(feedback.keys):
        rows_of.setdefault(key, []).append(row)
    found = [key for key in units if key in rows_of]
    if not found:
        shown = " with ".join(feedback.keys[0]) if feedback.keys else "nobody"
        what = f"none of its {len(feedback)} rows is about a pair or group here ({shown}, ...)."
        raise ProgramError("the feedback does not belong to this plan", [Fault(what)])
    said = {
        name: np.array([average(getattr(feedback, name)[rows_of[key]]) for key in found])
        for name in ("rating", "held", "planned", "before", "after", "retained")
    }
    said["retained"][said["retained"] == 0.5] = np.nan
    return Joined(
        len(units),
        np.array([units[key][1] for key in found]),
        value_criteria(plan.scored, [units[key][0] for key in found]),
        said,
        tuple(key for key in rows_of if key not in units),
    )


def average(values: NDArray[np.float64]) -> float:
    """Return the mean of what is known, NaN if nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def value_criteria(scored: Any, units: list[list[tuple[int, int]]]) -> NDArray[np.float64]:
    """Return what each criterion counted for each pair or group (the mean of its pairs)."""
    if not hasattr(scored, "terms"):
        return np.empty((len(units), 0))
    pairs = np.array([pair for unit in units for pair in unit], np.int64).reshape(-1, 2)
    lengths = [len(unit) for unit in units]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    columns = []
    for term, neutral, share in zip(
        scored.terms, scored.neutral, scored.units_of_criteria, strict=True
    ):
        i, j = pairs[:, 0], pairs[:, 1]
        value = np.where(term.known_at(i, j), term.at(i, j), neutral) / share
        columns.append(np.add.reduceat(value, starts) / lengths)
    return np.column_stack(columns)
