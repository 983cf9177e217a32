"""Meetings become integers: slots, who can take them, and who is one person with one calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Meetings, Observation, find_rule
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.errors import Fault, InfeasibleError, ProgramError
from pairmatch.solvers.problem import Slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.scoring.own import Scored

__all__ = ["fit_terms", "slots_of"]


def slots_of(scored: Scored, constraints: Sequence[Any]) -> Slots | None:
    """Return the slots of a program with ``Meetings``, None without.

    Raises
    ------
    ProgramError
        If there is more than one ``Meetings``.
    """
    wanted = [rule for rule in constraints if isinstance(rule, Meetings)]
    if len(wanted) > 1:
        raise ProgramError(
            "a program can have one Meetings only",
            [Fault("comes again.", repr(rule), "Write one Meetings.") for rule in wanted],
        )
    rule = find_rule(scored.rules, JointSlot)
    if rule is None:
        return None
    times = rule.times
    column_of = {person: j for j, person in enumerate(scored.coach.ids)}
    twin = np.array([column_of.get(person, -1) for person in scored.coached.ids], np.int64)
    return Slots(
        start=times.start,
        minutes=times.minutes,
        row=times.coached,
        column=times.coach,
        open_row=~times.known_coached & rule.unknown_is_fine,
        open_column=~times.known_coach & rule.unknown_is_fine,
        twin=twin,
        per_week=times.per_week,
        row_likes=times.likes_coached,
        column_likes=times.likes_coach,
        place=times.place,
        gap=times.gap,
    )


def fit_terms(
    scored: Scored,
    constraints: Sequence[Any],
    capacity: NDArray[np.int64],
    at_least: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the places of each mentor whose observations fit into the weeks of the term.

    Raises
    ------
    InfeasibleError
        If a mentor must get more mentees than that.
    """
    twins = set(scored.coached.ids)
    for rule in constraints:
        if not isinstance(rule, Observation):
            continue
        both = np.array([key in twins for key in scored.coach.ids], np.int64)
        most = np.maximum(0, (rule.weeks - both * rule.n_lessons) // rule.n_lessons)
        short = np.flatnonzero(at_least > most)
        if short.size:
            raise InfeasibleError(
                "some mentors must get more mentees than the weeks of the term allow",
                [
                    Fault(
                        f"at least {at_least[j]} mentees, but {rule.weeks} weeks are enough for "
                        f"{most[j]}.",
                        f"mentor {scored.coach.ids[j]}",
                        "Raise the weeks in Observation or lower at_least in Load.",
                    )
                    for j in short
                ],
            )
        capacity = np.minimum(capacity, most)
    return capacity
