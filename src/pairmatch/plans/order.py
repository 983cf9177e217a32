"""The order in which people are listed: by id, numbers inside ids by their value."""

from __future__ import annotations

import re

__all__ = ["natural_key"]

_DIGITS = re.compile(r"(\d+)")


def natural_key(label: object) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which T-2 comes before T-10.

    Examples
    --------
    >>> sorted(["T-10", "T-2", "M-1"], key=natural_key)
    ['M-1', 'T-2', 'T-10']
    """
    parts = _DIGITS.split(str(label))
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p)
