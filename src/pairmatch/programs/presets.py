"""Ready-made programs: the coaching models that districts choose from."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal

from pairmatch.constraints import EvaluatorPairs, Load, Require
from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.scoring import (
    CommonTime,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    StyleFit,
    SubjectMatch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PRESETS", "Preset", "parts_of_preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One coaching model.

    Parameters
    ----------
    name : str
        As typed in ``Program.preset(name)``.
    verb : {"match", "groups"}
        Whether it is about two tables, or forms groups of one pool.
    sentence : str
        What it is, for a list of them.
    parts : callable
        From its own keyword parameters to the arguments of ``Program``.

    Examples
    --------
    >>> PRESETS["triad"].verb
    'groups'
    """

    name: str
    verb: Literal["match", "groups"]
    sentence: str
    parts: Callable[..., dict[str, Any]]

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters and their defaults; ``inspect.Parameter.empty`` where one is needed."""
        return {name: entry.default for name, entry in signature(self.parts).parameters.items()}

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the parameters that have no default."""
        known = self.parameters
        return tuple(name for name, default in known.items() if default is Parameter.empty)


def parts_of_preset(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for the program of a preset.

    Raises
    ------
    ProgramError
        If there is no such preset or parameter, or one that is needed is missing; all at once.
    """
    if name not in PRESETS:
        raise ProgramError(f"there is no preset {name!r}.{did_you_mean(str(name), PRESETS)}")
    preset = PRESETS[name]
    known = preset.parameters
    has = f" It has: {', '.join(known)}." if known else " It has none."
    faults = []
    for key in parameters:
        if key not in known:
            near = did_you_mean(key, known)
            told = near + has if near.startswith(" Did") else has
            faults.append(Fault(f"{name!r} has no parameter {key!r}.{told}"))
    faults += [
        Fault(f"{name!r} needs the parameter {key!r}.", "", f"Write {key}=...")
        for key in preset.needed
        if key not in parameters
    ]
    if faults:
        raise ProgramError("the preset cannot be used", faults)
    return preset.parts(**parameters)


def _mentoring(
    *,
    gap_at_least: float = 3,
    gap_ideal: float = 8,
    gap_at_most: float = 25,
    most_mentees: int = 3,
    minutes: int = 45,
) -> dict[str, Any]:
    gap = ExperienceGap(at_least=gap_at_least, ideal=gap_ideal, at_most=gap_at_most, weight=2)
    return {
        "criteria": [
            SubjectMatch(weight=3),
            GoalCoverage(weight=3),
            gap,
            GradeMatch(weight=1),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [
            Require(SubjectMatch()),
            Require(ExperienceGap(at_least=gap_at_least, ideal=gap_ideal, at_most=gap_at_most)),
            EvaluatorPairs(),
            Load(),
            Load(at_most=most_mentees),
        ],
    }


def _triad(*, minutes: int = 45) -> dict[str, Any]:
    return {
        "criteria": [
            GoalCoverage(weight=4),
            SubjectMatch(weight=2),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "objective": "worst_rotation",
        "size": 3,
    }


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "mentoring",
            "match",
            "An experienced teacher guides a novice of the same or a neighbouring subject.",
            _mentoring,
        ),
        Preset(
            "triad",
            "groups",
            "Three teachers, each coaches in turn while the other two are peers.",
            _triad,
        ),
    )
}
"""The ready-made programs, by name."""
