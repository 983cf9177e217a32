"""Base rounds of schedules that a group of shifts makes whole; found by search, checked by tests.

An entry says: seats and sizes of groups; how many shifts; how many seats stay where they are; and
each base round as the group of every seat. Seats come in blocks as long as there are shifts, within
which a shift moves everybody on by one; the last seats are those that stay. A seat whose group has
no other rests. A round with a ! before it is one that shifts do not change.
"""

from __future__ import annotations

__all__ = ["TABLES"]


def _read(text: str) -> dict[tuple[int, tuple[int, ...]], tuple[int, int, str]]:
    """Return the entries by seats and sizes."""
    entries = {}
    for line in text.split("\n"):
        if not line:
            continue
        n, sizes, shifts, fixed, bases = line.split(" ")
        pairs = [part.split("x") for part in sizes.split("+")]
        each = tuple(int(size) for count, size in pairs for _ in range(int(count)))
        entries[int(n), each] = int(shifts), int(fixed), bases
    return entries


TABLES = _read(
    """\
"""
)
"""Base rounds by seats and sizes of groups, largest first: shifts, seats that stay, rounds."""
