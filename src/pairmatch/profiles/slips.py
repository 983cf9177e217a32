"""Everything that is wrong with one cell, raised at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SlipsError", "list_slips", "raise_slips"]


class SlipsError(ValueError):
    """Several things that are wrong with one cell, a sentence each in ``args``."""

    def __str__(self) -> str:
        return ". ".join(map(str, self.args))


def raise_slips(sentences: Iterable[str]) -> None:
    """Raise a ValueError with every sentence, each once; nothing if there are none.

    Examples
    --------
    >>> raise_slips([])
    >>> try:
    ...     raise_slips(["'25:00' is no time of day", "'Mom' is no day of the week"])
    ... except ValueError as error:
    ...     list_slips(error)
    ("'25:00' is no time of day", "'Mom' is no day of the week")
    """
    told = tuple(dict.fromkeys(sentences))
    if len(told) == 1:
        raise ValueError(told[0])
    if told:
        raise SlipsError(*told)


def list_slips(error: ValueError) -> tuple[str, ...]:
    """Return the sentences of an error about one cell."""
    return error.args if isinstance(error, SlipsError) else (str(error),)
