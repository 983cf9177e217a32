"""Mentor-mentee pairs, coaching triads and peer groups of teachers: best possible, with proof.

The way through the house: :func:`read_profiles` makes a table of people, a :class:`Program` of
criteria and constraints says what is wanted, :func:`match` and :func:`form_groups` return plans,
:func:`verify` checks them once more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairmatch.batch import Job, Outcome, match_many
    from pairmatch.constraints import (
        Alike,
        Balance,
        CarryOver,
        Compose,
        Demand,
        Different,
        EvaluatorPairs,
        Forbid,
        GiveAndReceive,
        Load,
        Meetings,
        MinScore,
        Minutes,
        NotAgain,
        NotAlone,
        Observation,
        Pin,
        Quota,
        Require,
        Spread,
        TakeTurns,
        Tiers,
        Vetoes,
    )
    from pairmatch.cycles import (
        Changes,
        Comparison,
        Cycles,
        Evaluation,
        Feedback,
        Regrouping,
        Rematch,
        Suggestion,
        compare,
        evaluate,
        match_cycles,
        read_feedback,
        read_plan,
        rematch,
        suggest_weights,
        what_if,
    )
    from pairmatch.errors import (
        CapabilityError,
        CertificateError,
        CriterionError,
        Fault,
        InfeasibleError,
        PairmatchError,
        PairmatchWarning,
        ProfileError,
        ProgramError,
        ScoreError,
        UnknownIdError,
    )
    from pairmatch.formats import Formats, match_formats
    from pairmatch.options import Options
    from pairmatch.plans import Grouping, Matching, verify
    from pairmatch.profiles import Profiles, Schedule, read_profiles
    from pairmatch.programs import Program
    from pairmatch.scoring import (
        Closeness,
        CommonTime,
        Compatibility,
        Continuity,
        Custom,
        ExperienceGap,
        GoalCoverage,
        GradeMatch,
        History,
        ModalityMatch,
        Novelty,
        SameSchool,
        Similarity,
        StyleFit,
        SubjectMatch,
        Wishes,
        read_history,
    )
    from pairmatch.solvers.solution import Certificate, Status
    from pairmatch.terms import form_rounds
    from pairmatch.verbs import form_groups, group_scores, match, match_scores, score

__version__ = "0.1.0"

__all__ = [
    "Alike",
    "Balance",
    "CapabilityError",
    "CarryOver",
    "Certificate",
    "CertificateError",
    "Changes",
    "Closeness",
    "CommonTime",
    "Comparison",
    "Compatibility",
    "Compose",
    "Continuity",
    "CriterionError",
    "Custom",
    "Cycles",
    "Demand",
    "Different",
    "Evaluation",
    "EvaluatorPairs",
    "ExperienceGap",
    "Fault",
    "Feedback",
    "Forbid",
    "Formats",
    "GiveAndReceive",
    "GoalCoverage",
    "GradeMatch",
    "Grouping",
    "History",
    "InfeasibleError",
    "Job",
    "Load",
    "Matching",
    "Meetings",
    "MinScore",
    "Minutes",
    "ModalityMatch",
    "NotAgain",
    "NotAlone",
    "Novelty",
    "Observation",
    "Options",
    "Outcome",
    "PairmatchError",
    "PairmatchWarning",
    "Pin",
    "ProfileError",
    "Profiles",
    "Program",
    "ProgramError",
    "Quota",
    "Regrouping",
    "Rematch",
    "Require",
    "SameSchool",
    "Schedule",
    "ScoreError",
    "Similarity",
    "Spread",
    "Status",
    "StyleFit",
    "SubjectMatch",
    "Suggestion",
    "TakeTurns",
    "Tiers",
    "UnknownIdError",
    "Vetoes",
    "Wishes",
    "__version__",
    "compare",
    "evaluate",
    "form_groups",
    "form_rounds",
    "group_scores",
    "match",
    "match_cycles",
    "match_formats",
    "match_many",
    "match_scores",
    "read_feedback",
    "read_history",
    "read_plan",
    "read_profiles",
    "rematch",
    "score",
    "suggest_weights",
    "verify",
    "what_if",
]

# Rooms are opened when they are first asked for: importing the package costs next to nothing.
_HOMES = {
    "batch": "Job Outcome match_many",
    "formats": "Formats match_formats",
    "constraints": (
        "Alike Balance CarryOver Compose Demand Different EvaluatorPairs Forbid GiveAndReceive "
        "Load Meetings MinScore Minutes NotAgain NotAlone Observation Pin Quota Require Spread "
        "TakeTurns Tiers Vetoes"
    ),
    "cycles": (
        "Changes Comparison Cycles Evaluation Feedback Regrouping Rematch Suggestion compare "
        "evaluate match_cycles read_feedback read_plan rematch suggest_weights what_if"
    ),
    "errors": (
        "CapabilityError CertificateError CriterionError Fault InfeasibleError PairmatchError "
        "PairmatchWarning ProfileError ProgramError ScoreError UnknownIdError"
    ),
    "options": "Options",
    "plans": "Grouping Matching verify",
    "profiles": "Profiles Schedule read_profiles",
    "programs": "Program",
    "scoring": (
        "Closeness CommonTime Compatibility Continuity Custom ExperienceGap GoalCoverage "
        "GradeMatch History ModalityMatch Novelty SameSchool Similarity StyleFit SubjectMatch "
        "Wishes read_history"
    ),
    "solvers.solution": "Certificate Status",
    "terms": "form_rounds",
    "verbs": "form_groups group_scores match match_scores score",
}
_HOME_OF = {name: room for room, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name == "datasets":  # as in pairmatch.datasets.district()
        return import_module("pairmatch.datasets")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pairmatch' has no attribute {name!r}")
    value = getattr(import_module(f"pairmatch.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
