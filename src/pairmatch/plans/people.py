"""Finding people of a plan by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairmatch.constraints import find_id
from pairmatch.errors import Fault, UnknownIdError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_row"]


def find_row(
    ids: Sequence[Any], key: object, where: str, elsewhere: tuple[Sequence[Any], str] = ((), "")
) -> int:
    """Return the row of an id, or raise ``UnknownIdError`` with the nearest one.

    Parameters
    ----------
    ids : sequence of str or int
        Who is there.
    key : object
        Whom one looks for.
    where : str
        Where one looks, in words: "among the mentees".
    elsewhere : (sequence, str)
        The people of the other table, and what one of them is: "one of the mentors".

    Examples
    --------
    >>> find_row(("T-1", "T-2"), "T-2", "among the mentees")
    1
    """
    place = {known: row for row, known in enumerate(ids)}
    found = find_id(place, key)
    if found is not None:
        return place[found]
    others, what = elsewhere
    near = f" It is {what}." if find_id(dict.fromkeys(others, 0), key) is not None else ""
    fault = Fault(f"{key!r} is not {where}.{near or did_you_mean(str(key), ids)}")
    raise UnknownIdError("no such person", [fault])
