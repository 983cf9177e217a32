"""Minimum loads and pins that cannot be met, in the words of the sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.errors import Fault, InfeasibleError
from pairmatch.plans.order import natural_key
from pairmatch.solvers.assignment.meetings.pins import PinConflict, check_pinned_slots

if TYPE_CHECKING:
    from pairmatch.scoring.own import Scored
    from pairmatch.solvers.assignment import LoadConflict
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["check_pins", "explain_conflict"]

_SHOWN = 10  # people who are named where more are concerned


def explain_conflict(
    scored: Scored, problem: AssignmentProblem, conflict: LoadConflict
) -> InfeasibleError:
    """Return the error that names a smallest set of minimum loads, and the least change.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The two tables.
    problem : AssignmentProblem
        The problem that has no answer.
    conflict : LoadConflict
        What the solver found.
    """
    if isinstance(conflict, PinConflict):
        return _explain_pins(scored, problem, conflict)
    mentors, mentees = scored.coach.ids, scored.coached.ids
    columns = sorted(conflict.columns.tolist(), key=lambda j: natural_key(mentors[j]))
    named = set(columns)
    faults = []
    for j in columns:
        least, reached = int(problem.at_least[j]), int(conflict.reachable[j])
        remedy = f"Lower at_least to {reached}." if reached < least else "It can stay."
        what = f"must get at least {least} of these mentees."
        faults.append(Fault(what, f"mentor {mentors[j]}", remedy))
    elsewhere = [
        (mentors[j], int(conflict.reachable[j]))
        for j in range(len(mentors))
        if conflict.reachable[j] < problem.at_least[j] and j not in named
    ]
    also = "".join(
        f" Lower at_least of {mentor} to {reached}." for mentor, reached in elsewhere[:_SHOWN]
    )
    if len(elsewhere) > _SHOWN:
        also += f" The minimum of {len(elsewhere) - _SHOWN} more mentors is too high as well."
    served = sorted((mentees[i] for i in conflict.rows.tolist()), key=natural_key)
    shown = ", ".join(str(key) for key in served[:_SHOWN])
    shown += ", ..." if len(served) > _SHOWN else ""
    if len(columns) > 1:
        fewer = "Without any one of them the others could be met."
        if conflict.is_smallest:
            fewer = "No fewer minimum loads are in conflict."
        elif not conflict.is_thin:
            fewer = "There was no time to find out whether all of them are needed for the conflict."
        also = f" {fewer}{also}"
    asked = sum(int(problem.at_least[j]) for j in columns)
    if len(served) >= asked:
        others = "minutes and quotas" if problem.budgets else "quotas"
        others = others if problem.slots is None else "times and other rules"
        return InfeasibleError(
            f"these minimum loads ask for {asked} mentees, and the {others} of these mentors leave "
            f"no room for them.{also}",
            faults,
        )
    return InfeasibleError(
        f"these minimum loads ask for {asked} mentees, but the rules allow only {len(served)} "
        f"({shown or 'nobody'}) with these mentors.{also}",
        faults,
    )


def check_pins(scored: Scored, problem: AssignmentProblem) -> None:
    """Raise ``InfeasibleError`` if pinned pairs cannot all meet, with the mentors concerned."""
    try:
        check_pinned_slots(problem)
    except PinConflict as conflict:
        raise _explain_pins(scored, problem, conflict) from None


def _explain_pins(
    scored: Scored, problem: AssignmentProblem, conflict: PinConflict
) -> InfeasibleError:
    """Return the error that names the mentors whose pinned mentees they cannot all meet."""
    mentors, mentees = scored.coach.ids, scored.coached.ids
    rule = next((rule.name for rule in scored.rules if isinstance(rule, JointSlot)), "Meetings")
    remedy = "Drop a pin, or find them more free time."
    faults = []
    for j in conflict.columns.tolist():
        own = problem.pins[problem.pins[:, 1] == j, 0].tolist()
        people = ", ".join(str(mentees[i]) for i in own)
        what = f"{mentors[j]} cannot meet all of its pinned mentees ({people}) at times apart."
        faults.append(Fault(what, rule, remedy))
    if not faults:
        what = "the pinned pairs cannot all meet: somebody in several of them is double-booked."
        faults.append(Fault(what, rule, remedy))
    return InfeasibleError("the pins contradict other rules", faults)
