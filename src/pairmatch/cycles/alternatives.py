"""Questions to a plan: one more place, one rule less, shorter meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Load, find_places
from pairmatch.cycles.changes import Changes
from pairmatch.cycles.rematching import rematch
from pairmatch.cycles.renewal import check_request
from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.plans import Grouping, Matching
from pairmatch.scoring import CommonTime
from pairmatch.seam import loads_of
from pairmatch.typed import is_count, is_whole

if TYPE_CHECKING:
    from pairmatch.cycles.outcome import Rematch
    from pairmatch.cycles.regrouping import Regrouping
    from pairmatch.options import Options
    from pairmatch.programs import Program

__all__ = ["what_if"]


def what_if(
    plan: Matching | Grouping,
    *,
    places: Mapping[str, int] | None = None,
    drop: Any = (),
    add: Any = (),
    minutes: int | None = None,
    at_most_changes: int | None = None,
    options: Options | None = None,
) -> Rematch | Regrouping:
    """Return what a plan would become if one thing were different.

    Parameters
    ----------
    plan : Matching or Grouping
        The plan; it stays as it is.
    places : mapping of id to int, optional
        More places (or fewer, if negative) with mentors: ``{"M-07": 1}``; not for groups.
    drop : constraint, or list of them, optional
        Rules of the program to do without; the name of a kind, such as "MinScore", drops all of it.
    add : constraint, or list of them, optional
        Rules to add.
    minutes : int, optional
        Another length of meetings, wherever the program names one.
    at_most_changes : int, optional
        As for :func:`rematch`.
    options : Options, optional
        As for :func:`rematch`.

    Returns
    -------
    Rematch, or Regrouping for groups
        The plan that would come out, who would move, and by how much the objective changes:
        ``compare(plan, answer.plan)``.

    Raises
    ------
    ProgramError
        If nothing was asked, or something is not in the program.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 1], [8, 2]])
    >>> answer = pm.what_if(plan, places={0: 1})
    >>> answer.moved[["mentee", "before", "after", "reason"]]
      mentee before after         reason
    0      1      1     0  better by 6
    >>> pm.compare(plan, answer.plan)
    Comparison(1 person moves, +0 matched, objective +6)
    """
    check_request(plan, None, at_most_changes)
    dropped, added = _listed(drop), _listed(add)
    if places is None and not dropped and not added and minutes is None:
        raise ProgramError("nothing was asked: give places=, drop=, add= or minutes=")
    given: Any = places
    if given is not None and not isinstance(given, Mapping):
        remedy = "Write places={'M-07': 1}."
        raise ProgramError("these places cannot be given", [Fault(f"found {given!r}.", "", remedy)])
    if places is not None and isinstance(plan, Grouping):
        raise ProgramError("groups have no places; ask with drop=, add= or minutes=")
    program = plan.program
    if program.criteria is None and hasattr(plan.scored, "criteria"):
        program = program.replace(criteria=plan.scored.criteria)
    if dropped:
        program = _drop(program, dropped)
    if minutes is not None:
        program = _shorten(program, minutes)
    if added:
        program = program.replace(constraints=[*program.constraints, *added])
    if places is not None and isinstance(plan, Matching):
        program = _make_room(plan, program, places)
    changes = Changes(program=program)
    return rematch(plan, changes, at_most_changes=at_most_changes, options=options)


def _listed(rules: Any) -> list[Any]:
    is_list = isinstance(rules, Sequence) and not isinstance(rules, str)
    return list(rules) if is_list else [rules]


def _drop(program: Program, dropped: list[Any]) -> Program:
    kept = list(program.constraints)
    faults = []
    for rule in dropped:
        left = [r for r in kept if r != rule and type(r).__name__ != rule]
        if len(left) == len(kept):
            kinds = sorted({type(r).__name__ for r in program.constraints})
            near = did_you_mean(str(rule), kinds)
            faults.append(Fault(f"{rule!r} is no constraint of this plan.{near}", "drop"))
        kept = left
    if faults:
        raise ProgramError("these rules cannot be dropped", faults)
    return program.replace(constraints=kept)


def _shorten(program: Program, minutes: int) -> Program:
    if not is_count(minutes, 1):
        raise ProgramError(f"minutes is {minutes!r}; give a whole number >= 1")
    n_changed = 0

    def change(part: Any) -> Any:
        nonlocal n_changed
        names = {entry.name for entry in fields(part)} if is_dataclass(part) else set()
        if isinstance(part, CommonTime) or type(part).__name__ == "Meetings":
            n_changed += 1
            return replace(part, minutes=minutes)
        if "criterion" in names:
            return replace(part, criterion=change(part.criterion))
        if type(part).__name__ == "Minutes" and is_whole(part.each):
            n_changed += 1
            return replace(part, each=minutes)
        return part

    criteria = None if program.criteria is None else [change(c) for c in program.criteria]
    constraints = [change(rule) for rule in program.constraints]
    if not n_changed:
        raise ProgramError("no part of this program has a length of meetings")
    return program.replace(criteria=criteria, constraints=constraints)


def _make_room(plan: Matching, program: Program, places: Mapping[str, int]) -> Program:
    ids = plan.scored.coach.ids
    loads = loads_of(plan.scored.coach, plan.scored.shape[0], program.constraints)
    capacity, at_least = (array.tolist() for array in loads)
    found, faults = find_places(ids, places, "among the mentors", "places")
    for j, (mentor, more) in zip(found, places.items(), strict=True):
        if not is_whole(more):
            faults.append(Fault(f"{more!r} is no whole number.", f"places of {mentor}"))
        elif j >= 0:
            capacity[j] = max(0, capacity[j] + more)
            at_least[j] = min(at_least[j], capacity[j])
    if faults:
        raise ProgramError("these places cannot be given", faults)
    most = dict(zip(ids, capacity, strict=True))
    least = {who: n for who, n in zip(ids, at_least, strict=True) if n}
    others = [rule for rule in program.constraints if not isinstance(rule, Load)]
    return program.replace(constraints=[*others, Load(at_most=most, at_least=least)])
