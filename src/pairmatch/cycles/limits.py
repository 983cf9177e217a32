"""Numbers of changes: as they were typed, and those that a curve has by default."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from pairmatch.errors import ProgramError
from pairmatch.typed import is_count

__all__ = ["list_usual", "read_limits"]


def read_limits(changes: Any) -> list[int]:
    """Return numbers of changes in increasing order, or raise ``ProgramError``."""
    given = list(changes) if isinstance(changes, list | tuple | range) else []
    if not given or not all(is_count(limit) for limit in given):
        raise ProgramError(f"changes={changes!r} is no list of whole numbers >= 0")
    return sorted({int(limit) for limit in given})


def list_usual(end: int) -> list[int]:
    """Return 0, 1, 2, 5, 10, 20, 50 and so on, all below ``end``.

    Examples
    --------
    >>> list_usual(30)
    [0, 1, 2, 5, 10, 20]
    """
    series = (step * 10**power for power in range(12) for step in (1, 2, 5))
    return [0, *takewhile(lambda limit: limit < end, series)]
