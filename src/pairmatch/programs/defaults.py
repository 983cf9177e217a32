"""The criteria of a program that names none: what the columns allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.errors import Fault, ProgramError
from pairmatch.scoring import (
    CommonTime,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    SameSchool,
    StyleFit,
    SubjectMatch,
)

if TYPE_CHECKING:
    from pairmatch.profiles import Profiles
    from pairmatch.scoring import Criterion

__all__ = ["default_criteria"]

_SHOWN = 20


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
        more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
        listed = ", ".join(columns[:_SHOWN]) + more or "none but the ids"
        raise ProgramError(
            "no criterion can be chosen: the tables share no standard column",
            [
                Fault(
                    f"the columns are {listed}.",
                    "",
                    "Name the columns subjects, grades, years, goals and strengths, style_*, free "
                    "or school in both tables, or name criteria for your own in a Program (on the "
                    "command line --program FILE), for instance Similarity(column).",
                )
            ],
        )
    return tuple(found)
