"""Whom an id names: where it stands in a table, and what is said of one that is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, did_you_mean
from pairmatch.typed import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["find_id", "find_places"]

_NEAR = 40  # a message lists as many faults; looking for near ids costs a walk over all of them


def find_id(known: Iterable[Any], key: object) -> Any | None:
    """Return the id that ``key`` names, or None; a number and its digits name each other."""
    members = known if isinstance(known, dict | set) else set(known)
    try:
        if key in members:
            return key
    except TypeError:  # a list, say, is nobody's id
        return None
    if is_whole(key):
        return str(key) if str(key) in members else None
    if isinstance(key, str) and key.isdecimal() and int(key) in members:
        return int(key)
    return None


def find_places(
    ids: Sequence[Any],
    keys: Iterable[Any],
    among: str,
    where: str = "",
    elsewhere: tuple[Sequence[Any], str] = ((), ""),
) -> tuple[list[int], list[Fault]]:
    """Return where each key stands among ids, -1 for nobody's, and a fault for each of those.

    Parameters
    ----------
    ids : sequence of str or int
        Who is there.
    keys : iterable
        Whom one looks for.
    among : str
        Where one looks, in words: "among the mentees".
    where : str, optional
        What names these keys, for the fault: a rule as it was typed.
    elsewhere : (sequence, str), optional
        The people of the other table, and what one of them is: "one of the mentors".

    Notes
    -----
    One walk over the ids and one over the keys.

    Examples
    --------
    >>> find_places(("T-1", "T-2"), ["T-2", "T-1", "T-2"], "among the mentees")
    ([1, 0, 1], [])
    >>> print(*find_places((7, 8), ["7", "9"], "in the pool")[1])
    '9' is not in the pool. Known: 7, 8.
    """
    place = {known: row for row, known in enumerate(ids)}
    others = set(elsewhere[0])
    rows: list[int] = []
    faults: list[Fault] = []
    for key in keys:
        known = find_id(place, key)
        if known is not None:
            rows.append(place[known])
            continue
        rows.append(-1)
        near = f" It is {elsewhere[1]}." if find_id(others, key) is not None else ""
        if not near and len(faults) < _NEAR:
            near = did_you_mean(str(key), ids)
        faults.append(Fault(f"{key!r} is not {among}.{near}", where))
    return rows, faults
