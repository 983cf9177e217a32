"""Names of the days of the week, and what may be meant by what is none."""

from __future__ import annotations

import re

from pairmatch.profiles.members import unify_dashes
from pairmatch.profiles.week import DAYS

__all__ = ["DAY_OF", "parse_days", "say_no_day"]

_DAY_NAMES = (
    "mo mon monday mondays",
    "tu tue tues tuesday tuesdays",
    "we wed weds wednesday wednesdays",
    "th thu thur thurs thursday thursdays",
    "fr fri friday fridays",
    "sa sat saturday saturdays",
    "su sun sunday sundays",
)
DAY_OF: dict[str, tuple[int, ...]] = {
    name: (day,) for day, names in enumerate(_DAY_NAMES) for name in names.split()
}
DAY_OF |= dict.fromkeys(("weekday", "weekdays"), (0, 1, 2, 3, 4))
_ELSEWHERE = {"montag": 0, "di": 1, "dienstag": 1, "mi": 2, "mittwoch": 2, "donnerstag": 3} | {
    "freitag": 4, "samstag": 5, "sonntag": 6, "lundi": 0, "mardi": 1, "mercredi": 2, "jeudi": 3,
    "vendredi": 4, "samedi": 5, "dimanche": 6, "lunes": 0, "martes": 1, "miércoles": 2,
    "jueves": 3, "viernes": 4, "sábado": 5, "domingo": 6,
}  # fmt: skip
_LETTERS = {"m": 0, "w": 2, "f": 4, "th": 3, "tu": 1, "t": 1}


def parse_days(text: str) -> tuple[int, ...]:
    """Read ``mon``, ``mon-fri``, ``mon to wed``, ``mon & wed`` or ``weekdays``.

    Raises
    ------
    ValueError
        If a word is no day of the week, or a range runs backwards.

    Examples
    --------
    >>> parse_days("Mon-Wed & Fri")
    (0, 1, 2, 4)
    """
    text = re.sub(r"\s+(?:to|thru|through)\s+|\s*-\s*", "-", unify_dashes(text).strip())
    days: list[int] = []
    for part in re.split(r"\s*(?:[/&+,;]|\band\b)\s*|\s+", text, flags=re.IGNORECASE):
        if not part:
            continue
        ends = [_find_days(word) for word in part.split("-")]
        if len(ends) > 2 or ends[0] > ends[-1]:
            raise ValueError(
                f"'{part}' is no range of days from Mon to Sun; list the days one by one"
            )
        days += range(ends[0][0], ends[-1][-1] + 1)
    return tuple(days)


def _find_days(word: str) -> tuple[int, ...]:
    """Return the days that one word names, 0 for Monday .. 6 for Sunday."""
    days = DAY_OF.get(word.strip(".").lower())
    if days is None:
        raise ValueError(say_no_day(word))
    return days


def say_no_day(word: str) -> str:
    """Say that a word is no day; letters such as ``MWF`` are spelt out where that can be done."""
    meant = _ELSEWHERE.get(word.strip(".").lower())
    if meant is not None:
        return f"'{word}' is no English day of the week; write {DAYS[meant]} if that is meant"
    letters = re.findall(r"th|tu|[mtwf]", word.lower())
    if letters and "".join(letters) == word.lower():
        days = ", ".join(dict.fromkeys(DAYS[_LETTERS[letter]] for letter in letters))
        return f"'{word}' is no day of the week; write {days} if that is meant"
    if re.fullmatch(r"m\s*-\s*(f|th|w)", word.lower()):
        return f"'{word}' is no day of the week; write Mon-{DAYS[_LETTERS[word.lower()[-1]]]}"
    if word.lower() in {"daily", "everyday", "every"}:
        return f"'{word}' may be five days or seven; write Mon-Fri or Mon-Sun"
    return f"'{word}' is no day of the week; expected {', '.join(DAYS)}"
