"""Whose turn it is to stay out of the groups, and which columns rules about groups need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, did_you_mean
from pairmatch.typed import check_all, typed_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TakeTurns", "missing_group_columns"]


@dataclass(frozen=True, slots=True, repr=False)
class TakeTurns:
    """Who has to stay out is whose turn it is, not who scores low.

    Belongs to ``leftovers="leave_out"``: of the people who are left over by arithmetic, those stay
    out first who did so least often before; a seeded hash of the ids decides between equals.

    Parameters
    ----------
    by : str or None, default: None
        Column with the number of times that each person has been left out before; a blank cell
        counts 0. None leaves it to the hash alone.

    Raises
    ------
    ProgramError
        If ``by`` is no name.

    Examples
    --------
    >>> TakeTurns("left_out")
    TakeTurns('left_out')
    """

    by: str | None = None

    def __post_init__(self) -> None:
        by: Any = self.by
        legal = by is None or (isinstance(by, str) and by.strip() != "")
        remedy = "Give the name of a column, or leave it out."
        check_all("TakeTurns", (legal, f"by is {self.by!r}.", remedy))

    def __repr__(self) -> str:
        return typed_repr(self, () if self.by is None else ("by",))

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return () if self.by is None else (self.by,)


def missing_group_columns(rules: Sequence[Any], table: Any) -> list[Fault]:
    """Return a fault for each column that rules about groups need and the table lacks."""
    known = getattr(table, "columns", ())
    return [
        Fault(f"there is no column {column!r}.{did_you_mean(column, known)}", repr(rule))
        for rule in rules
        for column in getattr(rule, "needs", ())
        if isinstance(column, str) and column not in known
    ]
