"""Ready-made programs: the coaching models that districts choose from."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.programs import recipes

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
        raise ProgramError(
            f"there is no ready-made program {name!r}.{did_you_mean(str(name), PRESETS)}"
        )
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
        raise ProgramError("the ready-made program cannot be used", faults)
    return preset.parts(**parameters)


_ALL = (
    Preset(
        "mentoring",
        "match",
        "An experienced teacher guides a novice of the same or a neighbouring subject.",
        recipes.make_mentoring,
    ),
    Preset(
        "reciprocal",
        "groups",
        "Two peers coach each other, and both directions must be good.",
        recipes.make_reciprocal,
    ),
    Preset(
        "triad",
        "groups",
        "Three teachers, each coaches in turn while the other two are peers.",
        recipes.make_triad,
    ),
    Preset(
        "observational",
        "match",
        "Two colleagues of one school watch each other's lessons, each while free.",
        recipes.make_observational,
    ),
    Preset(
        "collaborative",
        "groups",
        "Teams with similar goals and different strengths meet at a time joint to all.",
        recipes.make_collaborative,
    ),
    Preset(
        "tandem",
        "groups",
        "Two colleagues of one school and related subjects teach a lesson together.",
        recipes.make_tandem,
    ),
    Preset(
        "peer_group",
        "groups",
        "Small, diverse groups of equals across departments.",
        recipes.make_peer_group,
    ),
    Preset(
        "plc",
        "groups",
        "Learning communities of four to six with a facilitator and a weekly joint time.",
        recipes.make_plc,
    ),
    Preset(
        "circle",
        "groups",
        "A mentor and a few mentees in each circle.",
        recipes.make_circle,
    ),
    Preset(
        "virtual",
        "match",
        "Mentoring by video: any distance, but a joint time.",
        recipes.make_virtual,
    ),
    Preset(
        "asynchronous",
        "match",
        "Mentoring in writing: any distance, any time.",
        recipes.make_asynchronous,
    ),
    Preset(
        "initiative",
        "match",
        "Mentors for the roll-out of one skill, which counts most for this run.",
        recipes.make_initiative,
    ),
    Preset(
        "job_alike",
        "match",
        "The mentor teaches the same subject in nearly the same grade.",
        recipes.make_job_alike,
    ),
    Preset(
        "not_job_alike",
        "match",
        "The mentor teaches another subject: a view from outside.",
        recipes.make_not_job_alike,
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""The ready-made programs, by name."""
