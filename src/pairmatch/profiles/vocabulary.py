"""What a school's own words for times mean: names of periods, hours, the length of a slot."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pairmatch.errors import did_you_mean
from pairmatch.profiles.week import DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pairmatch.profiles.week import Windows

__all__ = ["PLAIN", "DaySpans", "Vocabulary", "fold_period"]

DaySpans: TypeAlias = "Mapping[int, tuple[int, int]]"

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_NUMBERED = re.compile(
    r"(?:(?:period|per|pd|p|hour|hr)[\s.]*0*(\d{1,2})|0*(\d{1,2})(?:st|nd|rd|th)?"
    r"\s*(?:period|per|pd|hour|hr)\.?|0*(\d{1,2})(?:st|nd|rd|th))"
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How the words of one school are read.

    Parameters
    ----------
    periods : mapping
        Folded name (`fold_period`) to the minutes of the day in which the period is on each day
        (0 is Monday) on which it meets.
    names : tuple of str
        The names of the periods as written, in the order of the bells.
    school : str
        For messages; ``""`` if the bells are those of all schools.
    missing : str
        Why there are no bells at all, as a sentence without its full stop; ``""`` if there are.
    hours : windows or None
        When people of this school may meet at all.
    slot_minutes : int or None
        How long a slot lasts that is named by its start only.
    """

    periods: Mapping[str, DaySpans] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    school: str = ""
    missing: str = ""
    hours: Windows | None = None
    slot_minutes: int | None = None

    def find(self, name: str) -> DaySpans | None:
        """Return when a period is on each day, or None if there is none of this name."""
        return self.periods.get(fold_period(name))

    def refuse(self, name: str) -> str:
        """Return the sentence that says what could have been meant by an unknown name."""
        if self.missing:
            return f"'{name}' may be a period, but {self.missing}"
        at = f" at {self.school}" if self.school else ""
        return f"'{name}' is no period{at}.{did_you_mean(name, self.names)}".rstrip(".")

    def miss(self, name: str, day: int) -> str:
        """Return the sentence that says that a period does not meet on a day."""
        at = f" at {self.school}" if self.school else ""
        found = self.find(name) or {}
        days = ", ".join(DAYS[own] for own in sorted(found))
        return f"there is no '{name}' on {DAYS[day]}{at}; it is on {days}"


PLAIN = Vocabulary()


def fold_period(name: str) -> str:
    """Return the form in which names of periods are compared.

    Case, white space and the words for "period" do not count. A bare number stays one: whether
    ``3`` is a period or three o'clock is for the reader to say.

    Examples
    --------
    >>> fold_period("P3") == fold_period("3rd  Period") == fold_period("Per. 3")
    True
    >>> fold_period("3"), fold_period("Block A")
    ('3', 'block a')
    """
    plain = " ".join(name.casefold().split())
    words = plain.replace("-", " ").split()
    if len(words) == 2 and words[0] in _ORDINALS:
        words[0] = f"{_ORDINALS.index(words[0]) + 1}th"
    match = _NUMBERED.fullmatch(" ".join(words))
    if match is not None:
        return f"#{next(number for number in match.groups() if number)}"
    return plain
