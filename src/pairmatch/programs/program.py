"""A program: the one value that says everything that is wanted, and its presets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from io import StringIO
from typing import TYPE_CHECKING, Any, get_args

from pairmatch.constraints import Load, Meetings, Observation, Require
from pairmatch.disk import write_whole
from pairmatch.errors import Fault, PairmatchWarning, ProgramError, did_you_mean
from pairmatch.programs.presets import parts_of_preset
from pairmatch.programs.reading import read_parts
from pairmatch.programs.words import Leftovers, Objective
from pairmatch.programs.writing import write_parts
from pairmatch.scoring import find_missing_columns
from pairmatch.typed import FrozenMap, check_all, is_count, typed_repr

if TYPE_CHECKING:
    from os import PathLike
    from typing import TextIO

    from pairmatch.profiles import Profiles
    from pairmatch.scoring import Criterion

__all__ = ["Program"]


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
        How many groupings are formed, for :func:`pairmatch.form_rounds`.
    meet_at_most : int, default: 1
        How often two people may share a group over all rounds.

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
    meet_at_most: int = 1

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
                self.roles is None or _is_seating(self.roles),
                f"roles is {self.roles!r}.",
                'Give how many seats each role has, such as {"mentor": 1, "mentee": 2}.',
            ),
            (
                is_count(self.rounds, 1),
                f"rounds is {self.rounds!r}.",
                "Give a whole number >= 1.",
            ),
            (
                is_count(self.meet_at_most, 1),
                f"meet_at_most is {self.meet_at_most!r}.",
                "Give a whole number >= 1.",
            ),
        ]
        if isinstance(self.criteria, tuple):
            checks += [
                (
                    not isinstance(criterion, type)
                    and hasattr(criterion, "bind")
                    and hasattr(criterion, "weight"),
                    f"{getattr(criterion, '__name__', repr(criterion))} is no criterion.",
                    "Give values such as SubjectMatch(weight=3).",
                )
                for criterion in self.criteria
            ]
        if isinstance(self.constraints, tuple):
            checks += [
                (
                    type(rule).__module__.startswith("pairmatch.") and not hasattr(rule, "weight"),
                    f"{getattr(rule, '__name__', repr(rule))} is no constraint.",
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
        leftovers: Leftovers | None = None,
        roles: Mapping[str, int] | None = None,
        rounds: int | None = None,
        meet_at_most: int | None = None,
    ) -> Program:
        """Return this program with some of its parts changed; what is None stays as it is.

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
            leftovers=self.leftovers if leftovers is None else leftovers,
            roles=self.roles if roles is None else roles,
            rounds=self.rounds if rounds is None else rounds,
            meet_at_most=self.meet_at_most if meet_at_most is None else meet_at_most,
        )

    @classmethod
    def preset(cls, name: str, **parameters: Any) -> Program:
        """Return a ready-made program.

        Parameters
        ----------
        name : str
            Its name, such as "mentoring" or "triad"; docs/programs.md has a section on each.
        **parameters
            Its own parameters, such as ``skill`` of "initiative"; each preset knows only its own.

        Raises
        ------
        ProgramError
            If there is no preset of this name, it has no such parameter, one that it needs is
            missing, or a value is wrong.

        Examples
        --------
        >>> Program.preset("triad").objective
        'worst_rotation'
        >>> Program.preset("mentoring", most_mentees=2).constraints[-1]
        Load(at_most=2)
        """
        return cls(**parts_of_preset(name, parameters))

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
            Without the criteria and rules whose columns are not there; with the default criteria
            if none is left.

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
            if isinstance(part, Load):
                return not isinstance(part.at_most, str) or part.at_most in coach
            lacking = _lacking_columns(part, coached, coach)
            if lacking:
                left_out[repr(part)] = " or ".join(lacking)
            return not lacking

        criteria = None if self.criteria is None else tuple(filter(fits, self.criteria))
        constraints = tuple(filter(fits, self.constraints))
        if left_out:
            listed = "; ".join(f"{part} (column {column})" for part, column in left_out.items())
            warnings.warn(f"left out for want of columns: {listed}", PairmatchWarning, stacklevel=2)
        return replace(self, criteria=criteria or None, constraints=constraints)

    @property
    def forms_groups(self) -> bool:
        """Whether this is about groups of one pool: it has a size, seats, rounds or their goals."""
        shaped = self.size is not None or self.roles is not None or self.rounds != 1
        return shaped or self.objective in ("worst_rotation", "worst_group")

    @property
    def has_times(self) -> bool:
        """Whether plans of this have times: weekly meetings, or lessons that are watched."""
        return any(isinstance(rule, Meetings | Observation) for rule in self.constraints)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that this program says; equal programs have equal ones.

        Of its TOML, or of what it prints as where a part has no place in a file.
        """
        try:
            text = self.to_toml()
        except ProgramError:
            text = repr(self)
        return sha256(text.encode()).hexdigest()

    @classmethod
    def from_toml(cls, source: str | PathLike[str] | TextIO) -> Program:
        r"""Read a program from a TOML file.

        Parameters
        ----------
        source : path-like or text stream
            A file with the keys ``objective``, ``size``, ... and the tables ``[[criteria]]`` and
            ``[[constraints]]``, each with ``kind`` (the name of the value) and its parameters.

        Raises
        ------
        ProgramError
            If the file cannot be read, a key is not known or a value is wrong; all at once, each
            with its line.

        Notes
        -----
        ``Custom`` criteria are functions and have no place in a file.

        Examples
        --------
        >>> from io import StringIO
        >>> Program.from_toml(StringIO('size = 3\n[[criteria]]\nkind = "StyleFit"'))
        Program(criteria=[StyleFit()], size=3)
        """
        return cls(**read_parts(source, cls))

    def to_toml(self, path: str | PathLike[str] | None = None, *, comments: bool = False) -> str:
        """Return this program as TOML; write it if told where.

        What it returns is read back to an equal program, or it raises.

        Parameters
        ----------
        path : path-like, optional
            Where to write it, as UTF-8.
        comments : bool, default: False
            Whether each table and parameter says what it is for.

        Raises
        ------
        ProgramError
            If a part has no place in a file: a ``Custom`` criterion, a matrix of minutes.

        Examples
        --------
        >>> from pairmatch import Load
        >>> print(Program(constraints=[Load(at_most=2)], objective="total").to_toml())
        objective = "total"
        <BLANKLINE>
        [[constraints]]
        kind = "Load"
        at_most = 2
        <BLANKLINE>
        """
        parts = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        text = write_parts(parts, comments=comments)
        again = type(self).from_toml(StringIO(text))
        if again != self:
            lost = [
                Fault(f"would be read back as {getattr(again, name)!r}.", name)
                for name in parts
                if getattr(again, name) != parts[name]
            ]
            raise ProgramError("the program cannot be written without a loss", lost)
        if path is not None:
            write_whole(path, text)
        return text


def _lacking_columns(part: Any, coached: Profiles, coach: Profiles) -> list[str]:
    """Return the columns that a criterion or rule needs, if a table lacks one of them."""
    if isinstance(part, Meetings):
        needs: Any = ("free",)
    elif isinstance(part, Observation):
        needs = ("free", "teaching")
    else:
        needs = getattr(part.criterion if isinstance(part, Require) else part, "needs", ())
    if all(isinstance(need, str) for need in needs):
        return [column for column in needs if column not in coached or column not in coach]
    criterion = part.criterion if isinstance(part, Require) else part
    found = find_missing_columns([criterion], coached, coach)
    return sorted({column for _, column in needs}) if found else []


def _one_of(name: str, content: object, words: Sequence[str]) -> tuple[bool, str, str]:
    if content in words:
        return True, "", ""
    near = did_you_mean(content, words).strip() if isinstance(content, str) else ""
    return False, f"{name} is {content!r}.", near or f"Known: {', '.join(words)}."


def _is_seating(roles: object) -> bool:
    if not isinstance(roles, Mapping) or not all(is_count(n) for n in roles.values()):
        return False
    return sum(roles.values()) >= 2  # nobody coaches alone


def _is_size(size: object) -> bool:
    if size is None:
        return True
    ends = size if isinstance(size, tuple) else (size, size)
    return len(ends) == 2 and is_count(ends[0], 2) and is_count(ends[1], ends[0])
