"""Two plans side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairmatch.cycles.moves import company_of, list_changed, list_moves
from pairmatch.errors import ProgramError, say_count
from pairmatch.plans import Grouping, Matching
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from pairmatch.cycles.saved import Record

    Groups = Iterable[Sequence[Any]]

__all__ = ["Comparison", "compare", "compare_records"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison:
    """What differs between two plans.

    Parameters
    ----------
    moved : DataFrame
        Matchings: as :attr:`Rematch.moved`. Groupings: ``id, before, after``, the others in the
        group of a person before and after, blank for none.
    matched : int
        How many more people are matched or placed in the second plan; negative for fewer.
    objective : float
        By how much the objective of the second plan is larger.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 8], [7, 1]])
    >>> found = pm.compare(plan, plan.replace(pairs={0: 0, 1: 1}))
    >>> found.moved[["mentee", "before", "after"]]
       mentee  before  after
    0       0       1      0
    1       1       0      1
    """

    moved: pd.DataFrame
    matched: int
    objective: float

    def to_frame(self) -> pd.DataFrame:
        """Return who moved."""
        return self.moved

    def summary(self) -> str:
        """Return the differences in one sentence."""
        n = self.moved.iloc[:, 0].nunique()  # of several mentors there is one row each
        people = say_count(n, "person moves", "people move")
        return f"{people}, {self.matched:+d} matched, objective {self.objective:+.6g}"

    def __repr__(self) -> str:
        return f"Comparison({self.summary()})"


def compare(first: Matching | Grouping, second: Matching | Grouping) -> Comparison:
    """Return who moves from one plan to another, and what that does to the objective.

    Parameters
    ----------
    first, second : Matching or Grouping
        Two plans of one kind; people are told by their ids.

    Returns
    -------
    Comparison

    Raises
    ------
    ProgramError
        If the two are no plans of one kind.

    Notes
    -----
    Objectives compare like with like only on one scale: plans of one table, or a plan and its
    :func:`rematch`, which keeps the scale.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[3, 1], [2, 2]])
    >>> pm.compare(plan, plan.replace(pairs={0: 1, 1: 0}))
    Comparison(2 people move, +0 matched, objective -2)
    """
    if isinstance(first, Matching) and isinstance(second, Matching):
        moved = list_moves(first, second)
    elif isinstance(first, Grouping) and isinstance(second, Grouping):
        moved = _list_company(first.group_ids, second.group_ids)
    else:
        kinds = f"{type(first).__name__} and {type(second).__name__}"
        raise ProgramError(f"two matchings or two groupings can be compared, not {kinds}")
    difference = float(second.objective) - float(first.objective)
    return Comparison(moved, second.matched - first.matched, difference)


def compare_records(first: Record, second: Record) -> Comparison:
    """Return who moves from one plan to another, from their folders alone.

    Raises
    ------
    ProgramError
        If one is of pairs and the other of groups.
    """
    import pandas as pd

    if first.kind != second.kind:
        raise ProgramError(f"a {first.kind} and a {second.kind} cannot be compared")
    if first.kind == "grouping":
        moved = _list_company(first.groups, second.groups)
    else:
        sides: list[dict[str, dict[str, float]]] = [{}, {}]
        for found, record in zip(sides, (first, second), strict=True):
            for mentee, mentor, score in record.pairs:
                found.setdefault(mentee, {})[mentor] = score
        rows = [
            (mentee, a, b, sides[0].get(mentee, {}).get(a), sides[1].get(mentee, {}).get(b))
            for mentee, a, b in list_changed(*sides)
        ]
        columns = ["mentee", "before", "after", "score_before", "score_after"]
        moved = pd.DataFrame(rows, columns=columns)
    matched = second.matched - first.matched
    return Comparison(moved, matched, second.objective - first.objective)


def _list_company(first: Groups, second: Groups) -> pd.DataFrame:
    """Return one row for each person whose group is another one."""
    import pandas as pd

    before, after = company_of(first), company_of(second)
    rows = [
        (person, "; ".join(before.get(person, ())), "; ".join(after.get(person, ())))
        for person in sorted({*before, *after}, key=natural_key)
        if before.get(person, ()) != after.get(person, ())
    ]
    return pd.DataFrame(rows, columns=["id", "before", "after"])
