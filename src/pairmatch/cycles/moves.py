"""Who has another mentor or group than before, and why; and that in a few lines."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pairmatch.errors import say_count
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.outcome import Rematch
    from pairmatch.cycles.regrouping import Regrouping
    from pairmatch.plans import Matching

__all__ = ["company_of", "describe_moves", "list_changed", "list_moves", "mentors_of"]

_COLUMNS = ["mentee", "before", "after", "counted", "score_before", "score_after", "reason"]


def mentors_of(plan: Matching) -> dict[str, dict[str, tuple[Any, float]]]:
    """Return the mentors of each mentee, and the scores of the pairs."""
    frame = plan.to_frame()
    mentors: dict[str, dict[str, tuple[Any, float]]] = {}
    for mentee, mentor, score in zip(
        frame["mentee"].tolist(), frame["mentor"].tolist(), frame["score"].tolist(), strict=True
    ):
        mentors.setdefault(str(mentee), {})[str(mentor)] = mentor, score
    return mentors


def company_of(groups: Iterable[Sequence[Any]]) -> dict[str, tuple[str, ...]]:
    """Return the others in the group of each person who is in one, in natural order."""
    return {
        str(who): tuple(sorted((str(p) for p in members if p != who), key=natural_key))
        for members in groups
        for who in members
    }


def list_moves(
    before: Matching, after: Matching, column_of: NDArray[np.int64] | None = None
) -> pd.DataFrame:
    """Return one row for each mentee whose mentor is another one.

    Of mentees with several mentors, one row for each who is not the same.

    Parameters
    ----------
    before, after : Matching
        The two plans; scores are those of ``after`` where it knows the pair.
    column_of : ndarray of int64, shape (n_mentees,) or (n_mentees, most), optional
        By row of ``after``, the columns of the mentors who could have stayed, -1 for none; by
        default whoever is still there and allowed.
    """
    import pandas as pd

    old, new = mentors_of(before), mentors_of(after)
    rows_now = {str(who): i for i, who in enumerate(after.scored.coached.ids)}
    columns_now = {str(who): j for j, who in enumerate(after.scored.coach.ids)}
    there_before = {str(who) for who in before.scored.coached.ids}
    taker = {
        mentor: mentee
        for mentee, mine in new.items()
        for mentor in mine
        if mentor not in old.get(mentee, {})
    }
    nobody: tuple[Any, Any] = ("", None)
    rows = []
    for mentee, mentor, other in list_changed(old, new):
        name, score = old.get(mentee, {}).get(mentor, nobody)
        other_name, score_now = new.get(mentee, {}).get(other, nobody)
        row, column = rows_now.get(mentee), columns_now.get(mentor)
        could = False
        why = ""
        if row is not None and column is not None:
            why = after.scored.why_forbidden(row, column)
            could = not why if column_of is None else bool((column_of[row] == column).any())
            score = after.in_scores(int(after.scored.units_at(_one(row), _one(column))[0]))
        if mentee not in old:
            reason = "was without a mentor" if mentee in there_before else "joined"
        elif row is None:
            reason = "left"
        elif not mentor:
            reason = "one more mentor"
        elif column is None:
            reason = f"{name} left"
        elif why:
            reason = f"no longer allowed: {why}"
        elif not could:
            reason = f"{name} has no place any more"
        elif other and score_now is not None and score is not None and score_now > score:
            reason = f"better by {score_now - score:.6g}"
        elif mentor in taker:
            reason = f"makes room for {taker[mentor]} with {name}"
        else:
            reason = "makes a better plan as a whole"
        rows.append((mentee, name, other_name, could, score, score_now, reason))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype({"counted": bool, "score_before": float, "score_after": float})


def list_changed(
    old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """List mentee, mentor before and mentor after of all that is not the same; "" for none."""
    for mentee in sorted({*old, *new}, key=natural_key):
        before, after = old.get(mentee, {}), new.get(mentee, {})
        gone = sorted(before.keys() - after.keys(), key=natural_key)
        come = sorted(after.keys() - before.keys(), key=natural_key)
        for mentor, other in zip_longest(gone, come, fillvalue=""):
            yield mentee, mentor, other


def _one(place: int) -> Any:
    import numpy as np

    return np.array([place], np.int64)


def describe_moves(answer: Rematch | Regrouping, placed: str) -> str:
    """Return what changed in a few lines, of which ``placed`` says how many people have a place."""
    moved = answer.moved
    n_counted = int(moved["counted"].sum())
    most = answer.at_most_changes
    limit = "no limit" if most is None else f"at most {most}"
    proof = "no bound is proved"
    if answer.certificate.levels is not None:
        levels = say_count(answer.certificate.levels, "level")
        proof = f"the lowest {levels} of scores proved best"
    if answer.gap is not None:
        proof = "proved best" if answer.gap == 0 else f"at most {answer.gap:.2%} below the best"
    return "\n".join(
        [
            f"{placed}, {answer.before.matched} before",
            f"  moved     {n_counted} who could have stayed ({limit}), "
            f"{say_count(len(moved) - n_counted, 'other')}",
            f"  total     {answer.objective:.6g}, {proof} with so few changes",
        ]
    )
