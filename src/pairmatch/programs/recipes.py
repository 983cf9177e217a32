"""What each ready-made program is made of; all parameters are keywords with plain values."""

from __future__ import annotations

from typing import Any

from pairmatch.constraints import (
    Alike,
    Compose,
    Different,
    EvaluatorPairs,
    GiveAndReceive,
    Load,
    Meetings,
    MinScore,
    Observation,
    Require,
)
from pairmatch.scoring import (
    CommonTime,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    ModalityMatch,
    SameSchool,
    Similarity,
    StyleFit,
    SubjectMatch,
)

__all__ = [
    "make_asynchronous",
    "make_circle",
    "make_collaborative",
    "make_initiative",
    "make_job_alike",
    "make_mentoring",
    "make_not_job_alike",
    "make_observational",
    "make_peer_group",
    "make_plc",
    "make_reciprocal",
    "make_tandem",
    "make_triad",
    "make_virtual",
]

Parts = dict[str, Any]


def _loads(most_mentees: int) -> list[Any]:
    """Return the rules about people and places that all programs for pairs share."""
    return [EvaluatorPairs(), Load(), Load(at_most=most_mentees)]


def make_mentoring(
    *,
    gap_at_least: float = 3,
    gap_ideal: float = 8,
    gap_at_most: float = 25,
    most_mentees: int = 3,
    minutes: int = 45,
) -> Parts:
    """Return the parts of induction mentoring."""
    gap = ExperienceGap(at_least=gap_at_least, ideal=gap_ideal, at_most=gap_at_most, weight=2)
    limits = ExperienceGap(at_least=gap_at_least, ideal=gap_ideal, at_most=gap_at_most)
    return {
        "criteria": [
            SubjectMatch(weight=3),
            GoalCoverage(weight=3),
            gap,
            GradeMatch(weight=1),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [Require(SubjectMatch()), Require(limits), *_loads(most_mentees)],
    }


def make_initiative(
    *, skill: str, weight: float = 6, most_mentees: int = 3, minutes: int = 45
) -> Parts:
    """Return the parts of a roll-out: mentoring in which one skill counts most for this run."""
    return {
        "criteria": [
            GoalCoverage(also=[skill], own=False, weight=weight),
            GoalCoverage(weight=2),
            SubjectMatch(weight=1),
            GradeMatch(weight=1),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": _loads(most_mentees),
    }


def make_job_alike(*, grades_within: int = 1, most_mentees: int = 3, minutes: int = 45) -> Parts:
    """Return the parts of mentoring by somebody who does the same job."""
    return {
        "criteria": [
            GoalCoverage(weight=3),
            GradeMatch(within=grades_within, weight=2),
            ExperienceGap(weight=2),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [
            Require(SubjectMatch(neighbours={})),
            Require(GradeMatch(within=grades_within)),
            *_loads(most_mentees),
        ],
    }


def make_not_job_alike(*, most_mentees: int = 3, minutes: int = 45) -> Parts:
    """Return the parts of mentoring by somebody who teaches something else."""
    return {
        "criteria": [
            GoalCoverage(weight=4),
            ExperienceGap(weight=2),
            StyleFit(weight=2),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [Different("subjects"), *_loads(most_mentees)],
    }


def make_virtual(*, most_mentees: int = 3, minutes: int = 45) -> Parts:
    """Return the parts of mentoring over distance: no travel, but still a time."""
    return {
        "criteria": [
            SubjectMatch(weight=3),
            GoalCoverage(weight=3),
            ExperienceGap(weight=2),
            GradeMatch(weight=1),
            StyleFit(weight=1),
        ],
        "constraints": [
            Require(ModalityMatch(by="virtual")),
            Meetings(minutes=minutes),
            *_loads(most_mentees),
        ],
    }


def make_asynchronous(*, most_mentees: int = 3) -> Parts:
    """Return the parts of mentoring in writing: no place and no time, but still a load."""
    return {
        "criteria": [
            SubjectMatch(weight=3),
            GoalCoverage(weight=4),
            ExperienceGap(weight=2),
            GradeMatch(weight=1),
            StyleFit(weight=1),
        ],
        "constraints": _loads(most_mentees),
    }


def make_reciprocal(
    *, at_least: float = 0.25, minutes: int = 45, three_if_odd: bool = True
) -> Parts:
    """Return the parts of peer coaching in both directions."""
    return {
        "criteria": [
            GoalCoverage(weight=4),
            SubjectMatch(weight=1),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [MinScore(at_least), EvaluatorPairs()],
        "objective": "worst_rotation",
        "size": 2,
        "leftovers": "grow" if three_if_odd else "leave_out",
    }


def make_triad(*, minutes: int = 45, weeks: int = 0) -> Parts:
    """Return the parts of the Triad Model; in `weeks` all watch each other's lessons, if any."""
    lessons = [Observation(minutes=minutes, weeks=weeks)] if weeks else []
    return {
        "criteria": [
            GoalCoverage(weight=4),
            SubjectMatch(weight=2),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [GiveAndReceive(unknown="allow"), *lessons, EvaluatorPairs()],
        "objective": "worst_rotation",
        "size": 3,
    }


def make_observational(
    *, minutes: int = 40, both_ways: bool = True, weeks: int = 12, most_mentees: int = 3
) -> Parts:
    """Return the parts of coaching by watching each other's lessons."""
    return {
        "criteria": [
            GoalCoverage(weight=3),
            SubjectMatch(weight=1),
            StyleFit(weight=1),
        ],
        "constraints": [
            Observation(minutes=minutes, both_ways=both_ways, weeks=weeks),
            Require(SameSchool()),
            *_loads(most_mentees),
        ],
    }


def make_tandem(*, minutes: int = 40, weeks: int = 12) -> Parts:
    """Return the parts of teaching a lesson together, in one of the weeks of a term."""
    return {
        "criteria": [
            StyleFit(weight=4),
            SubjectMatch(weight=2),
            GradeMatch(weight=2),
            CommonTime(minutes=minutes, weight=1),
        ],
        "constraints": [
            Require(SubjectMatch()),
            Require(SameSchool()),
            Observation(minutes=minutes, both_ways=False, weeks=weeks),
            EvaluatorPairs(),
        ],
        "objective": "worst_rotation",
        "size": 2,
    }


def make_collaborative(*, smallest: int = 3, largest: int = 5, minutes: int = 45) -> Parts:
    """Return the parts of teams that reflect, plan and share."""
    return {
        "criteria": [
            Similarity("goals", weight=4),
            Similarity("strengths", mode="complement", weight=3),
            StyleFit(weight=1),
        ],
        "constraints": [Meetings(minutes=minutes), EvaluatorPairs()],
        "objective": "total",
        "size": (smallest, largest),
    }


def make_peer_group(
    *,
    smallest: int = 3,
    largest: int = 5,
    same_subject_at_most: int = 2,
    together: tuple[str, ...] = (),
    minutes: int = 45,
) -> Parts:
    """Return the parts of small, diverse groups of equals."""
    rules: list[Any] = [Alike("subjects", at_most=same_subject_at_most)]
    rules += [Compose("subjects", subject, at_least=1) for subject in together]
    return {
        "criteria": [
            GoalCoverage(weight=3),
            Similarity("strengths", mode="complement", weight=2),
            StyleFit(weight=1),
            CommonTime(minutes=minutes, weight=3),
        ],
        "constraints": [*rules, EvaluatorPairs()],
        "objective": "total",
        "size": (smallest, largest),
    }


def make_plc(
    *,
    smallest: int = 4,
    largest: int = 6,
    minutes: int = 45,
    facilitator: str = "facilitator",
) -> Parts:
    """Return the parts of a professional learning community."""
    return {
        "criteria": [
            Similarity("goals", weight=3),
            SubjectMatch(weight=2),
            GradeMatch(weight=2),
            GoalCoverage(weight=2),
        ],
        "constraints": [
            Meetings(minutes=minutes),
            Compose("role", facilitator, at_least=1),
            EvaluatorPairs(),
        ],
        "objective": "total",
        "size": (smallest, largest),
    }


def make_circle(*, mentors: int = 1, mentees: int = 4, minutes: int = 45) -> Parts:
    """Return the parts of a mentoring circle."""
    return {
        "criteria": [
            GoalCoverage(weight=4),
            SubjectMatch(weight=2),
            Similarity("goals", weight=1),
            CommonTime(minutes=minutes, weight=2),
        ],
        "constraints": [EvaluatorPairs()],
        "objective": "total",
        "roles": {"mentor": mentors, "mentee": mentees},
    }
