"""A program: the one value that says everything that is wanted, and its presets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from pairmatch.constraints import Load, Require
from pairmatch.errors import Fault, PairmatchWarning, ProgramError, did_you_mean
from pairmatch.program_files import read_parts
from pairmatch.scoring import (
    CommonTime,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    SameSchool,
    StyleFit,
    SubjectMatch,
    find_missing_columns,
)
from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from pairmatch.profiles import Profiles
    from pairmatch.scoring import Criterion

__all__ = ["Program", "default_criteria"]

Objective = Literal[
    "coverage", "total", "worst_off", "leximin", "stable", "worst_rotation", "worst_group"
]
Leftovers = Literal["grow", "shrink", "spread", "leave_out"]


@dataclass(frozen=True, slots=True, repr=False)
class Program:
    """What is wanted: criteria, constraints and an objective.

    Parameters
    ----------
    criteria : sequence of Criterion, optional
        What makes a good pair. Left out: one criterion for each standard column that both tables
        have, all of weight 1.
    constraints : sequence, default: ()
        What must hold: ``Load``, ``Pin``, ``Forbid``, ``Require``, ``MinScore``, ``Quota``, ...
    objective : str, default: "coverage"
        For pairs: "coverage" (as many mentees as possible, then the largest total score) or
        "total" (the largest total score). For groups: "total" (mean of all rotations) or
        "worst_rotation"; "coverage" means "total" there.
    size : int or (int, int), optional
        Size of groups, or their smallest and largest size; for ``form_groups`` only.
    leftovers : {"grow", "shrink", "spread", "leave_out"}, default: "grow"
        What becomes of people who are left over when the pool is no multiple of the size.
    roles : mapping, optional
        Fixed seats of a group, such as ``{"mentor": 1, "mentee": 2}``.
    rounds : int, default: 1
        How many groupings are formed, one after another.

    Raises
    ------
    ProgramError
        If a value is of the wrong kind or range; all such faults at once.

    Examples
    --------
    >>> from pairmatch import GoalCoverage, Load, Program, SubjectMatch
    >>> Program(criteria=[SubjectMatch(weight=3), GoalCoverage()], constraints=[Load(at_most=2)])
    Program(criteria=[SubjectMatch(weight=3), GoalCoverage()], constraints=[Load(at_most=2)])
    >>> Program.preset("triad").size
    3
    """

    criteria: Sequence[Criterion] | None = None
    constraints: Sequence[Any] = ()
    objective: Objective = "coverage"
    size: int | tuple[int, int] | None = None
    leftovers: Leftovers = "grow"
    roles: Mapping[str, int] | None = None
    rounds: int = 1

    def __post_init__(self) -> None:
        for name in ("criteria", "constraints", "size"):
            content = getattr(self, name)
            if isinstance(content, Sequence) and not isinstance(content, str):
                object.__setattr__(self, name, tuple(content))
        if isinstance(self.roles, Mapping):
            object.__setattr__(self, "roles", FrozenMap(self.roles))
        check_all("Program", *self._checks())

    def _checks(self) -> list[tuple[bool, str, str]]:
        checks: list[tuple[bool, str, str]] = [
            (
                self.criteria is None or (isinstance(self.criteria, tuple) and self.criteria != ()),
                f"criteria is {self.criteria!r}.",
                "Give at least one criterion, or leave it out for those that the columns allow.",
            ),
            (
                isinstance(self.constraints, tuple),
                f"constraints is {self.constraints!r}.",
                "Give a list of constraints.",
            ),
            _one_of("objective", self.objective, get_args(Objective)),
            _one_of("leftovers", self.leftovers, get_args(Leftovers)),
            (
                _is_size(self.size),
                f"size is {self.size!r}.",
                "Give a whole number >= 2, or the smallest and the largest size.",
            ),
            (
                is_count(self.rounds, 1),
                f"rounds is {self.rounds!r}.",
                "Give a whole number >= 1.",
            ),
        ]
        if isinstance(self.criteria, tuple):
            checks += [
                (
                    hasattr(criterion, "bind") and hasattr(criterion, "weight"),
                    f"{criterion!r} is no criterion.",
                    "Give values such as SubjectMatch(weight=3).",
                )
                for criterion in self.criteria
            ]
        if isinstance(self.constraints, tuple):
            checks += [
                (
                    type(rule).__module__.startswith("pairmatch.") and not hasattr(rule, "weight"),
                    f"{rule!r} is no constraint.",
                    "Give values such as Load(at_most=2); make a criterion a rule by Require(...).",
                )
                for rule in self.constraints
            ]
        return checks

    def __repr__(self) -> str:
        return typed_repr(self)

    def replace(
        self,
        *,
        criteria: Sequence[Criterion] | None = None,
        constraints: Sequence[Any] | None = None,
        objective: Objective | None = None,
        size: int | tuple[int, int] | None = None,
    ) -> Program:
        """Return this program with some of its parts changed.

        Examples
        --------
        >>> Program.preset("triad").replace(objective="total").objective
        'total'
        """
        return replace(
            self,
            criteria=self.criteria if criteria is None else criteria,
            constraints=self.constraints if constraints is None else constraints,
            objective=self.objective if objective is None else objective,
            size=self.size if size is None else size,
        )

    @classmethod
    def preset(cls, name: str) -> Program:
        """Return a ready-made program.

        Parameters
        ----------
        name : {"mentoring", "triad"}
            "mentoring": an experienced teacher guides a novice of the same or a neighbouring
            subject. "triad": three teachers, each coaches in turn.

        Raises
        ------
        ProgramError
            If there is no preset of this name.

        Examples
        --------
        >>> Program.preset("triad").objective
        'worst_rotation'
        """
        if name not in PRESETS:
            raise ProgramError(f"there is no preset {name!r}.{did_you_mean(str(name), PRESETS)}")
        return PRESETS[name]()

    def fitting(self, coached: Profiles, coach: Profiles) -> Program:
        """Return this program without what needs columns that the tables do not have.

        Presets name every standard column; few sheets have all of them.

        Parameters
        ----------
        coached, coach : Profiles
            The two tables (twice the same for groups).

        Returns
        -------
        Program
            Without the criteria, and the ``Require`` and ``Load`` rules, whose columns are not
            there; with the default criteria if none is left.

        Warns
        -----
        PairmatchWarning
            If anything is left out: what, and for want of which column.

        Examples
        --------
        >>> import pandas as pd
        >>> from pairmatch import Program, read_profiles
        >>> table = read_profiles(pd.DataFrame({"id": ["a", "b"], "school": ["x", "x"]}))
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     Program.preset("triad").fitting(table, table).criteria is None
        True
        """
        left_out: dict[str, str] = {}

        def fits(part: Any) -> bool:
            criterion = part.criterion if isinstance(part, Require) else part
            if isinstance(part, Load):
                return not isinstance(part.at_most, str) or part.at_most in coach
            if not hasattr(criterion, "needs"):
                return True
            lacking = find_missing_columns([criterion], coached, coach)
            if lacking:
                left_out[repr(part)] = " or ".join(sorted({c for _, c in criterion.needs}))
            return not lacking

        criteria = None if self.criteria is None else tuple(filter(fits, self.criteria))
        constraints = tuple(filter(fits, self.constraints))
        if left_out:
            listed = "; ".join(f"{part} (column {column})" for part, column in left_out.items())
            warnings.warn(f"left out for want of columns: {listed}", PairmatchWarning, stacklevel=2)
        return replace(self, criteria=criteria or None, constraints=constraints)

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Program:
        """Read a program from a TOML file.

        Parameters
        ----------
        path : path-like
            A file with the keys ``objective``, ``size``, ... and the tables ``[[criteria]]`` and
            ``[[constraints]]``, each with ``kind`` (the name of the value) and its parameters.

        Raises
        ------
        ProgramError
            If the file cannot be read, a key is not known or a value is wrong; all at once.

        Notes
        -----
        ``Custom`` criteria are functions and have no place in a file.
        """
        return cls(**read_parts(path))


def _one_of(name: str, content: object, words: Sequence[str]) -> tuple[bool, str, str]:
    if content in words:
        return True, "", ""
    near = did_you_mean(content, words).strip() if isinstance(content, str) else ""
    return False, f"{name} is {content!r}.", near or f"Known: {', '.join(words)}."


def _is_size(size: object) -> bool:
    if size is None:
        return True
    ends = size if isinstance(size, tuple) else (size, size)
    return len(ends) == 2 and is_count(ends[0], 2) and is_count(ends[1], ends[0])


def default_criteria(coached: Profiles, coach: Profiles) -> tuple[Criterion, ...]:
    """Return one criterion for each standard column that the two tables allow.

    Parameters
    ----------
    coached, coach : Profiles
        The two tables (twice the same for groups).

    Raises
    ------
    ProgramError
        If the tables have no standard column that could be compared.
    """
    found: list[Criterion] = []
    if "subjects" in coached and "subjects" in coach:
        found.append(SubjectMatch())
    if "grades" in coached and "grades" in coach:
        found.append(GradeMatch())
    if "years" in coached and "years" in coach and coached is not coach:
        found.append(ExperienceGap())
    if "goals" in coached and "strengths" in coach:
        found.append(GoalCoverage())
    if any(column.startswith("style_") and column in coach for column in coached.columns):
        found.append(StyleFit())
    if "free" in coached and "free" in coach:
        found.append(CommonTime())
    if "school" in coached and "school" in coach:
        found.append(SameSchool())
    if not found:
        columns = sorted({*coached.columns, *coach.columns} - {"id", "name", "email"})
        raise ProgramError(
            "no criterion can be chosen: the tables share no standard column",
            [
                Fault(
                    f"the columns are {', '.join(columns) or 'none but the ids'}.",
                    "",
                    "Name criteria in a Program, for instance Similarity(column) or "
                    "Closeness(column, within=...).",
                )
            ],
        )
    return tuple(found)


def _mentoring() -> Program:
    return Program(
        criteria=[
            SubjectMatch(weight=3),
            GoalCoverage(weight=3),
            ExperienceGap(at_least=3, ideal=8, at_most=25, weight=2),
            GradeMatch(weight=1),
            StyleFit(weight=1),
            CommonTime(minutes=45, weight=2),
        ],
        constraints=[Require(SubjectMatch()), Load(at_most="max_mentees")],
    )


def _triad() -> Program:
    return Program(
        criteria=[
            GoalCoverage(weight=4),
            SubjectMatch(weight=2),
            StyleFit(weight=1),
            CommonTime(minutes=45, weight=2),
        ],
        objective="worst_rotation",
        size=3,
    )


PRESETS: dict[str, Callable[[], Program]] = {"mentoring": _mentoring, "triad": _triad}
