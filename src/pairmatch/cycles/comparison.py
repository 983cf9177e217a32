"""Two plans side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pairmatch.cycles.moves import list_moves
from pairmatch.errors import ProgramError
from pairmatch.plans import Grouping, Matching
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]


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
    """

    moved: pd.DataFrame
    matched: int
    objective: float

    def to_frame(self) -> pd.DataFrame:
        """Return who moved."""
        return self.moved

    def summary(self) -> str:
        """Return the differences in one sentence."""
        n = len(self.moved)
        people = "1 person moves" if n == 1 else f"{n} people move"
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
        moved = _list_company(first, second)
    else:
        kinds = f"{type(first).__name__} and {type(second).__name__}"
        raise ProgramError(f"two matchings or two groupings can be compared, not {kinds}")
    difference = float(second.objective) - float(first.objective)
    return Comparison(moved, second.matched - first.matched, difference)


def _list_company(first: Grouping, second: Grouping) -> pd.DataFrame:
    """Return one row for each person whose group is another one."""
    import pandas as pd

    company = []
    for plan in (first, second):
        others: dict[str, str] = {}
        for members in plan.group_ids:
            for person in members:
                rest = sorted((str(p) for p in members if p != person), key=natural_key)
                others[str(person)] = "; ".join(rest)
        company.append(others)
    before, after = company
    rows = [
        (person, before.get(person, ""), after.get(person, ""))
        for person in sorted({*before, *after}, key=natural_key)
        if before.get(person, "") != after.get(person, "")
    ]
    return pd.DataFrame(rows, columns=["id", "before", "after"])
