"""What can go wrong, as one tree.

::

    PairmatchError
    ├── ProfileError       (ValueError)     a table cannot be used: every fault, by row and column
    ├── ScoreError         (ValueError)     an own score matrix cannot be used: every fault, by cell
    ├── ProgramError       (ValueError)     a criterion, rule, program or option is wrong
    ├── CriterionError     (ValueError)     a Custom function returned what it may not
    ├── UnknownIdError     (LookupError)    an id that is in no table of the plan
    ├── CapabilityError    (NotImplementedError)  a legal wish that this verb cannot honour
    ├── InfeasibleError                     rules that contradict each other
    └── CertificateError                    an answer that does not survive its check

    PairmatchWarning       (UserWarning)    something was understood, but may not be what was meant

Every error carries its faults as values, prints all of them at once and survives pickling. Ids and
columns appear in messages, names of people do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CapabilityError",
    "CertificateError",
    "CriterionError",
    "Fault",
    "InfeasibleError",
    "PairmatchError",
    "PairmatchWarning",
    "ProfileError",
    "ProgramError",
    "ScoreError",
    "UnknownIdError",
    "did_you_mean",
    "say_count",
    "shorten",
]

_SHOWN = 40
_KNOWN = 20  # names listed of what would have been understood


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    Parameters
    ----------
    what : str
        What was found and what was expected, as a sentence without its place.
    where : str, optional
        The place in the words of the input: ``"row 7 (id T-104), column years"``.
    remedy : str, optional
        What to do about it, as a sentence in the imperative.

    Examples
    --------
    >>> print(Fault("'25:00' is no time of day", "row 7 (id T-104), column free"))
    row 7 (id T-104), column free: '25:00' is no time of day
    """

    what: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{shorten(self.where)}: " if self.where else ""
        advice = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"


class PairmatchError(Exception):
    """Base of every error that pairmatch raises on purpose.

    Parameters
    ----------
    headline : str
        The sentence that opens the message.
    faults : iterable of Fault, optional
        Everything that is wrong with this input; the message lists the first 40.

    Examples
    --------
    >>> print(ProfileError("mentees.csv cannot be used", [Fault("no column id")]))
    mentees.csv cannot be used: no column id
    """

    def __init__(self, headline: str, faults: Iterable[Fault] = ()) -> None:
        self.headline = headline
        self.faults = tuple(faults)
        super().__init__(self._text())

    def _text(self) -> str:
        if not self.faults:
            return self.headline
        if len(self.faults) == 1:
            return f"{self.headline.removesuffix('.')}: {self.faults[0]}"
        ended = self.headline.endswith(".")
        lines = [f"{self.headline}{'' if ended else ';'} {len(self.faults)} faults:"]
        lines += [f"  - {fault}" for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            lines.append(f"  ... and {len(self.faults) - _SHOWN} more (all of them in .faults)")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[PairmatchError], tuple[str, tuple[Fault, ...]]]:
        return type(self), (self.headline, self.faults)


class ProfileError(PairmatchError, ValueError):
    """A table of people cannot be used; ``faults`` names every row and column that is wrong.

    Examples
    --------
    >>> import pairmatch as pm
    >>> try:
    ...     pm.match("district.csv", "district.csv")
    ... except pm.ProfileError as error:
    ...     print(error.headline)
    there is no file district.csv.
    """


class ScoreError(PairmatchError, ValueError):
    """An own score matrix cannot be used; ``faults`` names every cell that is wrong.

    Examples
    --------
    >>> import pairmatch as pm
    >>> pm.match_scores([[1, 2], [3]])
    Traceback (most recent call last):
    pairmatch.errors.ScoreError: the scores cannot be used: the rows are not of one length.
    """


class ProgramError(PairmatchError, ValueError):
    """A criterion, constraint, program or option is wrong in itself or for these tables.

    Examples
    --------
    >>> import pairmatch as pm
    >>> try:
    ...     pm.ExperienceGap(at_least=9, ideal=3)
    ... except pm.ProgramError as error:
    ...     print(len(error.faults))
    1
    """


class CriterionError(PairmatchError, ValueError):
    """A ``Custom`` function returned a wrong shape or value, or looks beyond the pair.

    Values are in [0, 1] or NaN for unknown, and depend on the two people alone.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> people = pd.DataFrame({"id": ["A", "B"]})
    >>> far = pm.Custom(lambda mentees, mentors: [[7, 7], [7, 7]], name="far")
    >>> try:
    ...     pm.score(people, people, pm.Program(criteria=[far])).block()
    ... except pm.CriterionError as error:
    ...     print("far" in str(error))
    True
    """


class UnknownIdError(PairmatchError, LookupError):
    """An id was asked for that is in no table of this plan.

    Examples
    --------
    >>> import pairmatch as pm
    >>> pm.match_scores([[1, 2]]).why_unmatched(7)
    Traceback (most recent call last):
    pairmatch.errors.UnknownIdError: no such person: 7 is not among the mentees. Known: 0.
    """


class CapabilityError(PairmatchError, NotImplementedError):
    """A legal constraint or objective that this verb cannot honour; the message has the remedy.

    Examples
    --------
    >>> import pairmatch as pm
    >>> try:
    ...     pm.match_scores([[1, 2]]).explain(0, 1)
    ... except pm.CapabilityError as error:
    ...     print(error)
    own scores have no parts to explain; match profiles with criteria for that
    """


class InfeasibleError(PairmatchError):
    """Rules that contradict each other; ``faults`` is a smallest set of them that does.

    Examples
    --------
    >>> import pairmatch as pm
    >>> try:
    ...     pm.match_scores([[1, 2]], [pm.Pin(0, 1), pm.Forbid(0, 1)])
    ... except pm.InfeasibleError as error:
    ...     print(len(error.faults))
    1
    """


class CertificateError(PairmatchError):
    """A plan or solution that does not survive its independent check.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[1, 2], [3, 4]])
    >>> try:
    ...     pm.verify(plan.replace(pairs=[(0, 1), (1, 1)]))
    ... except pm.CertificateError as error:
    ...     print(error.faults[0])
    mentor 1: has 2 mentees for 1 place.
    """


class PairmatchWarning(UserWarning):
    """Something was understood, but may not be what was meant.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> with warnings.catch_warnings(record=True) as noted:
    ...     warnings.simplefilter("always")
    ...     people = pm.read_profiles(pd.DataFrame({"id": ["T-1"], "free": ["Mon 3:30-4:30"]}))
    >>> noted[0].category is pm.PairmatchWarning
    True
    """


def did_you_mean(word: str, known: Iterable[object]) -> str:
    """Return ``" Did you mean 'years'?"`` for a near match, else the list of what is known.

    Parameters
    ----------
    word : str
        What was typed.
    known : iterable
        What would have been understood.

    Returns
    -------
    str
        A sentence with a leading space, or ``""`` if nothing is known.

    Examples
    --------
    >>> did_you_mean("yeras", ["id", "years", "goals"])
    " Did you mean 'years'?"
    >>> did_you_mean("xyz", ["b", "a"])
    ' Known: a, b.'
    """
    names = [str(name) for name in known]
    folded = {name.casefold(): name for name in reversed(names)}
    plain = word.casefold()
    near = [plain] if plain in folded else [name for name in folded if is_one_edit(plain, name)]
    if len(plain) == 1 and plain not in folded:
        near = []  # one letter is near to every other
    near = near or get_close_matches(plain, list(folded), n=1, cutoff=0.6)
    if near:
        return f" Did you mean {folded[near[0]]!r}?"
    if not names:
        return ""
    rest = len(names) - _KNOWN if len(names) > _KNOWN + 1 else 0
    shown = ", ".join(sorted(names)[: len(names) - rest])
    return f" Known: {shown}{f' and {rest} more' if rest else ''}."


def say_count(n: int, one: str, many: str | None = None) -> str:
    """Return ``"1 group"`` or ``"2 groups"``.

    Examples
    --------
    >>> say_count(1, "group"), say_count(0, "person", "people")
    ('1 group', '0 people')
    """
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def shorten(text: str, most: int = 160) -> str:
    """Return a text with its middle left out where it is long, such as a rule with 300 ids.

    Examples
    --------
    >>> shorten("Load(at_most={'M-1': 2, 'M-2': 1, 'M-3': 1})", 30)
    "Load(at_most={'M-1' ... 3': 1})"
    """
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail - 4].rstrip()} ... {text[len(text) - tail :].lstrip()}"


def is_one_edit(typed: str, meant: str) -> bool:
    """Whether one letter more, one less, another one, or two swapped make one text the other.

    Examples
    --------
    >>> [is_one_edit(typed, "by") for typed in ("b", "bay", "be", "yb", "years")]
    [True, True, True, True, False]
    """
    if abs(len(typed) - len(meant)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    a, b = typed[start:], meant[start:]
    if len(a) != len(b):
        return a[1:] == b or a == b[1:]
    return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
