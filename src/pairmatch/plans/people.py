"""Finding people of a plan by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.constraints import find_places
from pairmatch.errors import Fault, UnknownIdError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores

__all__ = ["find_members", "find_mentees", "find_mentors"]


def find_mentees(scored: Compatibility | OwnScores, keys: Iterable[object]) -> list[int]:
    """Return the rows of mentees, or raise ``UnknownIdError`` for all who are not there."""
    others = scored.coach.ids, "one of the mentors"
    return _all_of(find_places(scored.coached.ids, keys, "among the mentees", elsewhere=others))


def find_mentors(scored: Compatibility | OwnScores, keys: Iterable[object]) -> list[int]:
    """Return the columns of mentors, or raise ``UnknownIdError`` for all who are not there."""
    others = scored.coached.ids, "one of the mentees"
    return _all_of(find_places(scored.coach.ids, keys, "among the mentors", elsewhere=others))


def find_members(scored: Compatibility | OwnScores, keys: Iterable[object]) -> list[int]:
    """Return the rows of members, or raise ``UnknownIdError`` for all who are not in the pool."""
    return _all_of(find_places(scored.coached.ids, keys, "in the pool"))


def _all_of(found: tuple[list[int], list[Fault]]) -> list[int]:
    """Return the rows if everybody was found."""
    rows, faults = found
    if faults:
        raise UnknownIdError("no such person" if len(faults) == 1 else "no such people", faults)
    return rows
