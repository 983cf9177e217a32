"""What rules about one column of a table have in common."""

from __future__ import annotations

from typing import Any

from pairmatch.typed import typed_repr

__all__ = ["OfColumn", "column_check"]


class OfColumn:
    """A rule whose first field is the column that it looks at."""

    __slots__ = ()
    column: str

    def __repr__(self) -> str:
        return typed_repr(self, ("column",))

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return (self.column,)


def column_check(column: Any) -> tuple[bool, str, str]:
    """Return a check, for ``check_all``, that this is the name of a column."""
    legal = isinstance(column, str) and column.strip() != ""
    return legal, f"column is {column!r}.", "Give the name of a column."
