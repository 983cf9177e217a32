"""A rule about lessons: one teaches while the other is free to watch, once in a term."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault, ProgramError
from pairmatch.profiles.spans import common_windows, cut_windows
from pairmatch.profiles.week import WEEK_MINUTES, can_start, candidate_starts
from pairmatch.typed import check_all, is_count, is_number, typed_repr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.profiles.week import Windows

__all__ = ["EitherWay", "Observable", "Observation", "free_windows"]


@dataclass(frozen=True, slots=True, repr=False)
class Observation:
    """Every pair watches a lesson: the observed teaches while the observer is free.

    In groups, everybody watches everybody else; one way: of each two, one watches the other.

    Parameters
    ----------
    minutes : int, default: 45
        How long a lesson is watched.
    both_ways : bool, default: True
        Whether each watches the other; otherwise the mentor watches the mentee, and in groups of
        each two whoever can, so that all watch about as often.
    conferences : bool or int, default: False
        A talk of both before and after the lesson, in the same week, in their joint free time; of
        so many minutes, 20 if True.
    cover_cost : float or None, default: None
        None: the observer must be free. A number: whoever is not free is covered by somebody else
        for the minutes that are missing. 0: among plans of the best total one that needs least
        cover is chosen. More: each minute of cover takes so much off the score of a pair, so that
        a pair that needs less may win; among plans that are equally good then, least cover.
    weeks : int, default: 12
        Weeks of the term. Everybody takes part in at most one observation a week, so nobody has
        more partners than that allows.

    Raises
    ------
    ProgramError
        If a number is out of range; everything at once.

    Notes
    -----
    A pair is allowed if such a lesson exists in each direction. The schedule follows the pairs:
    lessons that none of the two has a weekly meeting at (``Meetings``), in weeks of their own.
    Weekly meetings are held at such of their equally good times that leave most lessons; the plan
    names those for which no lesson is left. The cover of a pair is that of its best lessons,
    whatever meetings and conferences leave of them; the objectives "worst_off" and "leximin" and
    ``Tiers`` look at its price only. A group of k needs 2 (k - 1) weeks, or 2 k for odd k,
    and half of that one way, so groups are no larger than the weeks allow.

    Examples
    --------
    >>> Observation(conferences=True, weeks=10)
    Observation(conferences=True, weeks=10)
    """

    minutes: int = 45
    both_ways: bool = True
    conferences: bool | int = False
    cover_cost: float | None = None
    weeks: int = 12

    def __post_init__(self) -> None:
        check_all(
            "Observation",
            (
                is_count(self.minutes, 1) and self.minutes <= WEEK_MINUTES,
                f"minutes is {self.minutes!r}.",
                "Give whole minutes from 1 to 10,080.",
            ),
            (
                isinstance(self.both_ways, bool),
                f"both_ways is {self.both_ways!r}.",
                "Give True or False.",
            ),
            (
                isinstance(self.conferences, bool) or is_count(self.conferences, 1),
                f"conferences is {self.conferences!r}.",
                "Give True, False or whole minutes.",
            ),
            (
                self.cover_cost is None or (is_number(self.cover_cost) and self.cover_cost >= 0),
                f"cover_cost is {self.cover_cost!r}.",
                "Give a number >= 0, or leave it out if observers must be free.",
            ),
            (
                is_count(self.weeks, 1) and self.weeks <= 60,
                f"weeks is {self.weeks!r}.",
                "Give a whole number from 1 to 60.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)

    @property
    def n_lessons(self) -> int:
        """Lessons that a pair watches in a term."""
        return 2 if self.both_ways else 1

    @property
    def talk(self) -> int:
        """Minutes of a conference, 0 for none."""
        return 20 if self.conferences is True else int(self.conferences)

    def bind(self, coached: Profiles, coach: Profiles) -> Observable:
        """Return the rule over these two tables.

        Raises
        ------
        ProgramError
            If a table lacks the column ``teaching`` or ``free``.
        """
        sides = (("mentees", coached, self.both_ways), ("mentors", coach, not self.both_ways))
        faults = []
        for side, table, both in sides:
            wanted = ["teaching"] if side == "mentees" or self.both_ways else []
            wanted += ["free"] if side == "mentors" or both else []
            faults += [
                Fault(f"the {side} have no column {column!r}.", repr(self))
                for column in wanted
                if column not in table
            ]
        if faults:
            raise ProgramError("Observation does not fit the tables", faults)
        return Observable.of(self, coached, coach)

    def lessons(self, observer: Profiles, i: int, observed: Profiles, j: int) -> Windows | str:
        """Return when one could watch the other, or what is not known; plain Python."""
        teaching = observed.windows("teaching")[j]
        if teaching is None:
            return "no teaching time"
        free = free_windows(observer, i)
        if self.cover_cost is not None:
            busy = observer.windows("busy")[i] if "busy" in observer else ()
            return cut_windows(teaching, busy or ())
        return "no free time" if free is None else common_windows(teaching, free)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why this pair cannot watch lessons, or None; plain Python from the cells."""
        del score
        ways = [(coach, j, coached, i, "the mentor", "the mentee")]
        if self.both_ways:
            ways.append((coached, i, coach, j, "the mentee", "the mentor"))
        for observer, a, observed, b, who, whom in ways:
            found = self.lessons(observer, a, observed, b)
            if isinstance(found, str):
                return f"{found} given by {whom if 'teaching' in found else who}"
            if not any(end - start >= self.minutes for start, end in found):
                return f"{who} is never free for {self.minutes} minutes while {whom} teaches"
        return None


@dataclass(frozen=True, slots=True)
class EitherWay:
    """The same between any two members of a group: one of them watches the other.

    Parameters
    ----------
    rule : Observation
        One way.
    """

    rule: Observation

    def bind(self, coached: Profiles, coach: Profiles) -> Observable:
        """Return the rule over one table, twice.

        Raises
        ------
        ProgramError
            If it lacks the column ``teaching`` or ``free``.
        """
        self.rule.bind(coach, coached)
        one = self.rule.bind(coached, coach)
        (back,) = Observable.of(self.rule, coach, coached).ways
        return replace(one, ways=(*one.ways, back[::-1]), either=True)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why none of these two can watch the other, or None."""
        first = self.rule.breach(coached, i, coach, j, score)
        second = self.rule.breach(coach, j, coached, i, score)
        if first is None or second is None:
            return None
        if "given by" in first:
            return first
        return f"neither is free for {self.rule.minutes} minutes while the other teaches"


def free_windows(table: Profiles, row: int) -> Windows | None:
    """Return when one person is free and not busy, None if that is unknown."""
    if "free" not in table:
        return None
    free = table.windows("free")[row]
    if free is None or "busy" not in table:
        return free
    return cut_windows(free, table.windows("busy")[row] or ())


@dataclass(frozen=True, slots=True, eq=False)
class Observable:
    """The rule that lessons can be watched.

    Parameters
    ----------
    name : str
        The rule as typed.
    constraint : Observation
        The rule.
    coached, coach : Profiles
        The two tables.
    ways : tuple of (ndarray of bool, ndarray of bool)
        For each direction the starts at which each coached and each coach can take part.
    either : bool, default: False
        Whether one of the directions is enough.
    """

    name: str
    constraint: Observation
    coached: Profiles
    coach: Profiles
    ways: tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...]
    either: bool = False

    @classmethod
    def of(cls, rule: Observation, coached: Profiles, coach: Profiles) -> Observable:
        """Return the rule met with two tables."""
        ways = [_meet(rule, coach, coached)[::-1]]
        if rule.both_ways:
            ways.append(_meet(rule, coached, coach))
        return cls(repr(rule), rule, coached, coach, tuple((a, b) for a, b in ways))

    def reason(self, i: int, j: int) -> str:
        """Return in words why the pair (i, j) is removed."""
        rule = EitherWay(self.constraint) if self.either else self.constraint
        found = rule.breach(self.coached, i, self.coach, j, Fraction(0))
        return found or "no lesson to watch"

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[np.generic],
    ) -> NDArray[np.bool_]:
        """Return which of these pairs have no lesson to watch, in some direction or in any."""
        fine = np.full(units.shape, not self.either)
        for mine, theirs in self.ways:
            if i.ndim == 2:
                found = mine[i[:, 0]].astype(np.float32) @ theirs[j[0]].astype(np.float32).T > 0
            else:
                found = (mine[i] & theirs[j]).any(axis=-1)
            fine = fine | found if self.either else fine & found
        return ~fine


def _meet(
    rule: Observation, observer: Profiles, observed: Profiles
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the starts at which each observer can watch, and each observed teaches."""
    teaching = observed.windows("teaching")
    if rule.cover_cost is None:
        free = [free_windows(observer, row) for row in range(len(observer))]
    else:
        whole: Windows = ((0, WEEK_MINUTES),)
        busy = observer.windows("busy") if "busy" in observer else [()] * len(observer)
        free = [cut_windows(whole, own or ()) for own in busy]
    starts = candidate_starts(free, teaching)
    return can_start(free, starts, rule.minutes), can_start(teaching, starts, rule.minutes)
