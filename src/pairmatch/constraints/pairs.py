"""Rules about who may be paired with whom."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.constraints.bound import (
    EitherWay,
    ForbiddenPairs,
    LowScore,
    RequiredTerm,
    positions,
    sort_keys,
    threshold_units,
)
from pairmatch.errors import Fault, PairmatchWarning, ProgramError
from pairmatch.scoring import FULL
from pairmatch.typed import check_all, is_number, is_whole, typed_repr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.constraints.bound import Roster
    from pairmatch.profiles import Profiles
    from pairmatch.scoring import Criterion, PairRule

__all__ = ["EvaluatorPairs", "Forbid", "MinScore", "Pin", "Require"]

Id = str | int


def _id_checks(name: str, value: object) -> tuple[bool, str, str]:
    legal = (isinstance(value, str) and value != "") or is_whole(value)
    return legal, f"{name} is {value!r}.", "Give the id of one person."


@dataclass(frozen=True, slots=True, repr=False)
class Pin:
    """A pair that must be in the plan; it uses up one place of its mentor.

    In groups: two people who share a group. If no group can hold them with all others who are
    pinned to them, they stay out together, with the reason.

    Parameters
    ----------
    mentee, mentor : str or int
        Ids of the two (positions, for own score arrays without ids).

    Raises
    ------
    ProgramError
        If one of the two is not an id.

    Examples
    --------
    >>> Pin("T-104", "M-07")
    Pin('T-104', 'M-07')
    """

    mentee: Id
    mentor: Id

    def __post_init__(self) -> None:
        check_all("Pin", _id_checks("mentee", self.mentee), _id_checks("mentor", self.mentor))

    def __repr__(self) -> str:
        return typed_repr(self, ("mentee", "mentor"))


@dataclass(frozen=True, slots=True, repr=False)
class Forbid:
    """A pair that must not be formed; in groups, two people who must not share one.

    Parameters
    ----------
    mentee, mentor : str or int
        Ids of the two (positions, for own score arrays without ids).
    why : str, default: ""
        Shown wherever this rule is given as a reason.

    Raises
    ------
    ProgramError
        If one of the two is not an id.

    Examples
    --------
    >>> Forbid("T-110", "M-07", why="line manager")
    Forbid('T-110', 'M-07', why='line manager')
    """

    mentee: Id
    mentor: Id
    why: str = ""

    def __post_init__(self) -> None:
        check_all("Forbid", _id_checks("mentee", self.mentee), _id_checks("mentor", self.mentor))

    def __repr__(self) -> str:
        return typed_repr(self, ("mentee", "mentor"))


@dataclass(frozen=True, slots=True, repr=False)
class EvaluatorPairs:
    """Whether somebody may be paired with a person who evaluates them, or whom they evaluate.

    Without this constraint such pairs are forbidden, since mentoring is not evaluation.

    Parameters
    ----------
    allowed : bool, default: False
        True lifts the rule.

    Examples
    --------
    >>> EvaluatorPairs(allowed=True)
    EvaluatorPairs(allowed=True)
    """

    allowed: bool = False

    def __post_init__(self) -> None:
        check_all(
            "EvaluatorPairs",
            (
                isinstance(self.allowed, bool),
                f"allowed is {self.allowed!r}.",
                "Give True or False.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)

    def bind(self, coached: Profiles, coach: Profiles, *, check_spelling: bool = True) -> PairRule:
        """Return the rule over these two tables."""
        of_coached, of_coach = positions(coached), positions(coach)
        if check_spelling:
            lists = [(table, _evaluators(table)) for table in (coached, coach)]
            _warn_of_strangers(lists, {**of_coached, **of_coach})
        n = len(coach.ids)
        row, named = _named_places(coached, of_coach)
        column, naming = _named_places(coach, of_coached)
        keys = sort_keys(np.concatenate([row * n + named, naming * n + column]))
        return ForbiddenPairs("evaluator", self, coached, coach, keys)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why this pair breaks the rule, or None."""
        del score
        mentee, mentor = coached.ids[i], coach.ids[j]
        if mentor in _ids_in(coached, i):
            return f"{mentor} evaluates {mentee}"
        if mentee in _ids_in(coach, j):
            return f"{mentee} evaluates {mentor}"
        return None


def _ids_in(table: Profiles, row: int) -> list[str]:
    if "evaluator" not in table:
        return []
    return _split_ids(str(table.texts("evaluator")[row]))


def _split_ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _warn_of_strangers(
    named: Sequence[tuple[Profiles, list[tuple[int, list[str]]]]], known: Mapping[str, int]
) -> None:
    """Say which evaluators are nobody's id, but nearly: a rule must not fail on a capital."""
    strangers = {entry for _, lists in named for _, ids in lists for entry in ids} - known.keys()
    if not strangers:
        return
    plain = {_plain_id(person): person for person in known}
    doubts = {}
    for table, lists in named:
        for row, ids in lists:
            for entry in ids:
                if entry not in strangers:
                    continue
                near = [plain[p] for p in map(_plain_id, entry.split(",")) if p in plain]
                if near:
                    doubts[f"{entry!r} of {table.ids[row]}"] = near
    if doubts:
        shown = "; ".join(f"{what} (meant: {'; '.join(near)}?)" for what, near in doubts.items())
        warnings.warn(
            f"column evaluator: {shown}. Ids must be written exactly, several of them separated "
            "by semicolons; as they stand, these evaluators are nobody in the tables.",
            PairmatchWarning,
            stacklevel=2,
        )


def _plain_id(text: str) -> str:
    """Return the letters and digits of an id, case folded."""
    return "".join(filter(str.isalnum, text.casefold()))


def _named_places(
    table: Profiles, others: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, and the place of an evaluator of each who is among the others."""
    if "evaluator" not in table:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    texts = table.texts("evaluator").tolist()
    number = {text: k for k, text in enumerate(dict.fromkeys(texts))}  # each is read once
    places = [[others[e] for e in _split_ids(text) if e in others] for text in number]
    which = np.fromiter(map(number.__getitem__, texts), np.int64, len(texts))
    counts = np.array([len(own) for own in places], np.int64)
    first = np.cumsum(counts) - counts
    row = np.repeat(np.arange(len(texts)), counts[which])
    within = np.arange(len(row)) - np.repeat(
        np.cumsum(counts[which]) - counts[which], counts[which]
    )
    flat = np.array([place for own in places for place in own], np.int64)
    return row, flat[first[which[row]] + within]


def _evaluators(table: Profiles) -> list[tuple[int, list[str]]]:
    if "evaluator" not in table:
        return []
    texts = table.texts("evaluator").tolist()
    ids = {text: _split_ids(text) for text in set(texts)}
    return [(row, ids[text]) for row, text in enumerate(texts) if text]


@dataclass(frozen=True, slots=True, repr=False)
class Require:
    """A criterion made a rule: pairs that it scores 0 (or below a limit) are not formed.

    Parameters
    ----------
    criterion : Criterion
        Any criterion; its weight does not matter here.
    at_least : float or None, default: None
        Smallest score in (0, 1] that is allowed; None asks for more than 0.
    unknown : {"forbid", "allow"}, default: "forbid"
        What to do with pairs for which the criterion is unknown. A rule never guesses.
    either_way : bool, default: False
        Whether one direction is enough: the criterion holds for the mentee with the mentor, or the
        other way round. In groups a rule otherwise holds in both directions.

    Raises
    ------
    ProgramError
        If ``criterion`` is none, ``at_least`` is outside (0, 1], ``unknown`` is another word or
        ``either_way`` is neither True nor False.

    Examples
    --------
    >>> from pairmatch.scoring import SubjectMatch
    >>> Require(SubjectMatch(), at_least=0.5)
    Require(SubjectMatch(), at_least=0.5)
    """

    criterion: Criterion
    at_least: float | None = None
    unknown: Literal["forbid", "allow"] = "forbid"
    either_way: bool = False

    def __post_init__(self) -> None:
        check_all(
            "Require",
            (
                isinstance(self.either_way, bool),
                f"either_way is {self.either_way!r}.",
                "Give True or False.",
            ),
            (
                hasattr(self.criterion, "bind") and hasattr(self.criterion, "pair_units"),
                f"{self.criterion!r} is no criterion.",
                "Give one such as SubjectMatch() or CommonTime(minutes=45).",
            ),
            (
                self.at_least is None or (is_number(self.at_least) and 0 < self.at_least <= 1),
                f"at_least is {self.at_least!r}.",
                "Give a score above 0 and at most 1, or leave it out.",
            ),
            (
                self.unknown in ("forbid", "allow"),
                f"unknown is {self.unknown!r}.",
                "Give 'forbid' or 'allow'.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self, ("criterion",))

    @property
    def threshold(self) -> int:
        """Smallest allowed value, in units of a full score."""
        return 1 if self.at_least is None else threshold_units(self.at_least, FULL)

    def bind(self, coached: Profiles, coach: Profiles) -> PairRule:
        """Return the rule over these two tables."""
        there = self._bind_one_way(coached, coach)
        if not self.either_way:
            return there
        back = there if coach is coached else self._bind_one_way(coach, coached)
        return EitherWay(repr(self), there, back)

    def _bind_one_way(self, coached: Profiles, coach: Profiles) -> RequiredTerm:
        term = self.criterion.bind(coached, coach, FULL)
        allow = self.unknown == "allow"
        return RequiredTerm(
            repr(self), self, self.criterion, coached, coach, term, self.threshold, allow
        )

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why this pair breaks the rule, or None; plain Python, one pair."""
        del score
        why = self._breach_one_way(coached, i, coach, j)
        if why is not None and self.either_way:
            return why if self._breach_one_way(coach, j, coached, i) is not None else None
        return why

    def _breach_one_way(self, coached: Profiles, i: int, coach: Profiles, j: int) -> str | None:
        value = self.criterion.pair_units(coached, i, coach, j, FULL)
        if value is None:
            if self.unknown == "allow":
                return None
            given = [word != "not given" for word in self.criterion.words(coached, i, coach, j)]
            return self.criterion.unknown_reason(given[0], given[1])
        if value >= self.threshold:
            return None
        if value == 0:
            return self.criterion.zero_reason
        return f"{self.criterion.name} is {value / FULL:.2f}, below {self.at_least}"


@dataclass(frozen=True, slots=True, repr=False)
class MinScore:
    """Better unmatched than badly matched: pairs that score below this are not formed.

    Parameters
    ----------
    at_least : float
        Smallest allowed score, in [0, 1] for profiles and in their own units for own scores.

    Raises
    ------
    ProgramError
        If ``at_least`` is not a finite number.

    Examples
    --------
    >>> MinScore(0.3)
    MinScore(0.3)
    """

    at_least: float

    def __post_init__(self) -> None:
        check_all(
            "MinScore",
            (is_number(self.at_least), f"at_least is {self.at_least!r}.", "Give a number."),
        )

    def __repr__(self) -> str:
        return typed_repr(self, ("at_least",))

    def bind(self, coached: Roster, coach: Roster, scale: Fraction | int = FULL) -> PairRule:
        """Return the rule over these two tables; ``scale`` is units per score."""
        del coached, coach
        if scale == FULL and not 0 <= self.at_least <= 1:
            fault = Fault(f"at_least is {self.at_least!r}.", "", "Scores lie between 0 and 1.")
            raise ProgramError("MinScore cannot be used", [fault])
        return LowScore(repr(self), self, threshold_units(self.at_least, scale))

    def breach(self, coached: Roster, i: int, coach: Roster, j: int, score: Fraction) -> str | None:
        """Return why this pair breaks the rule, or None."""
        del coached, i, coach, j
        if score >= Fraction(str(self.at_least)):
            return None
        return f"scores {float(score):.3f}, below {self.at_least}"
