"""Why somebody is in no group, and the smallest change to a rule that would place them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import TakeTurns
from pairmatch.errors import say_count
from pairmatch.plans.order import natural_key
from pairmatch.plans.relaxing import loosen
from pairmatch.plans.rescore import Rescorer
from pairmatch.seam.compositions import group_rules_of, seats_of, turn_order
from pairmatch.seam.groups import grouping_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.group_plan import GroupPlan

__all__ = ["WithoutGroup", "explain_left_out", "list_left_out"]

_N_TRIED = 4000  # groups looked at for the smallest change
_LARGE, _MOST_PAIRS = 2_000, 50_000  # people and pairs up to which all sentences are whole
_FEW = 3  # a rule with more reasons than these is counted by its name
_MENTEE = re.compile(r"\bthe (?:mentee|coached person)\b")
_MENTOR = re.compile(r"\bthe (?:mentor|coach)\b")


@dataclass(frozen=True, slots=True)
class WithoutGroup:
    """Why one person is in no group. Prints as a sentence.

    Parameters
    ----------
    person : str or int
        The id.
    reason : str
        In a few words.
    sentence : str
        The whole reason, with the change that would place the person where one is known.
    change : str
        The smallest change that would place the person without moving anybody else; "" where
        none is known.
    partners : tuple of (id, reason)
        Everybody else, and why the two may not share a group; "" where they may.
    """

    person: Any
    reason: str
    sentence: str
    change: str
    partners: tuple[tuple[Any, str], ...]

    def __str__(self) -> str:
        return self.sentence

    def to_frame(self) -> pd.DataFrame:
        """Return one row a reason: ``reason, partners, ids``, the most frequent first."""
        import pandas as pd

        by_reason: dict[str, list[str]] = {}
        for key, why in self.partners:
            by_reason.setdefault(why or "may share a group", []).append(str(key))
        rows = [(why, len(ids), "; ".join(ids)) for why, ids in by_reason.items()]
        rows.sort(key=lambda row: (-row[1], row[0]))
        return pd.DataFrame(rows, columns=["reason", "partners", "ids"])


def _name_reason(plan: GroupPlan, row: int) -> tuple[str, str]:
    """Return why one person is left out, in a few words and as a clause."""
    needed = plan.problem.smallest
    if plan.problem.n < needed:
        are = "person is" if plan.problem.n == 1 else "people are"
        text = f"{plan.problem.n} {are} fewer than a group of {needed}"
        return "pool too small", text
    if plan.program.roles is not None:
        seats = seats_of(plan.scored.coached, plan.program.roles)
        if not seats[row].any():
            listed = ", ".join(plan.program.roles)
            return "no seat for this role", f"the seats are for {listed}"
    n_partners = int(plan.problem.partners_of(row).sum())
    if not n_partners and _is_turn(plan, row):
        return "turn to stay out", "not everybody fits into groups, and it is this person's turn"
    if n_partners < needed - 1:
        some = say_count(n_partners, "partner") if n_partners else "no partner"
        text = f"the rules allow {some}, a group needs {needed - 1}"
        return "rules leave too few partners", text
    if plan.program.leftovers == "leave_out" or plan.program.roles is not None:
        n_over = plan.problem.n - int((plan.solution.group_of >= 0).sum())
        if plan.problem.rules is None or n_over < needed:
            size = plan.problem.largest
            return "left over", f"{plan.problem.n} people do not divide into groups of {size}"
    some = say_count(n_partners, "allowed partner")
    return "no group found", f"with {some}, no group was found that places more people"


def _is_turn(plan: GroupPlan, row: int) -> bool:
    """Return whether this person would have partners if nobody had to stay out in turn."""
    if turn_order(plan.scored.coached, plan.program.constraints) is None:
        return False
    others = [rule for rule in plan.program.constraints if not isinstance(rule, TakeTurns)]
    free = grouping_problem(plan.scored, plan.program.replace(constraints=others))
    return bool(free.partners_of(row).any())


def explain_left_out(plan: GroupPlan, row: int) -> WithoutGroup:
    """Return everything that is known about why one person is in no group."""
    ids = plan.scored.coached.ids
    reason, clause = _name_reason(plan, row)
    others = sorted(range(len(ids)), key=lambda j: natural_key(ids[j]))
    reasons = _why_apart(plan, row, _apart_by_rules(plan))
    partners = [(ids[other], reasons.get(other, "")) for other in others if other != row]
    sentence = f"{ids[row]} is left out: {clause}{_say_apart(reasons)}"
    change = "" if reason == "turn to stay out" else find_change(plan, row)
    sentence += f". {change}." if change else "."
    return WithoutGroup(ids[row], reason, sentence, change, tuple(partners))


def list_left_out(plan: GroupPlan, rows: Sequence[int]) -> list[tuple[Any, str, str]]:
    """Return person, reason in a few words and whole sentence of each row.

    In large pools, and of very many people, the sentence leaves out who keeps them from whom.
    """
    n = plan.problem.n
    n_told = _MOST_PAIRS // n if 0 < n <= _LARGE else 0
    by_rules = _apart_by_rules(plan) if n_told and rows else []
    ids = plan.scored.coached.ids
    found = []
    for place, row in enumerate(sorted(rows, key=lambda row: natural_key(ids[row]))):
        person = ids[row]
        reason, clause = _name_reason(plan, row)
        if place < n_told:
            clause += _say_apart(_why_apart(plan, row, by_rules))
        found.append((person, reason, f"{person} is left out: {clause}."))
    return found


def _apart_by_rules(plan: GroupPlan) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return each rule about whole groups by name, and which two it lets into one group."""
    found = []
    # Each by itself, without the seats: what these forbid is not the doing of a rule.
    parts = [replace(plan.program, constraints=[r], roles=None) for r in plan.program.constraints]
    for part in [*parts, plan.program.replace(constraints=())]:
        rules = group_rules_of(plan.scored, part)
        if rules is not None:
            name = repr(part.constraints[0]) if part.constraints else f"roles={part.roles!r}"
            found.append((name, rules.legal_pairs(plan.problem.largest)))
    return found


def _why_apart(
    plan: GroupPlan, row: int, by_rules: Sequence[tuple[str, NDArray[np.bool_]]]
) -> dict[int, str]:
    """Return in words what keeps one person from a group with each of the others it does."""
    scored: Any = plan.scored
    details: dict[int, tuple[str, str]] = {}
    own = scored.forbidden_by(row)
    for other in np.flatnonzero(~plan.problem.partners_of(row)).tolist():
        pair, at = (row, other), int(own[other])
        if at < 0 and other != row:
            pair = (other, row)
            at = int(
                scored.forbidden_by(other, np.array([row]))[0]
                if hasattr(scored, "criteria")
                else scored.forbidden_by(other)[row]
            )
        if at == len(scored.rules):
            details[other] = "", "no score given"
        elif at >= 0:
            rule = scored.rules[at]
            details[other] = rule.name, _in_pool(rule.reason(*pair), *pair, row, scored)
    for name, legal in by_rules:
        for other in np.flatnonzero(~legal[row]).tolist():
            details.setdefault(other, (name, name))
    details.pop(row, None)
    kinds = Counter(rule for rule, _ in set(details.values()))
    return {
        other: detail if not rule or kinds[rule] <= _FEW else rule
        for other, (rule, detail) in details.items()
    }


def _in_pool(text: str, coached: int, coach: int, row: int, scored: Any) -> str:
    """Return a reason about mentee and mentor in the words of a pool, seen by one of the two."""
    own = f"{scored.coached.ids[row]}"
    mentee, mentor = (own if side == row else "the other" for side in (coached, coach))
    text = _MENTEE.sub(lambda _: mentee, text)
    return _MENTOR.sub(lambda _: mentor, text)


def _say_apart(reasons: dict[int, str]) -> str:
    counts = sorted(Counter(reasons.values()).items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{why} ({n})" for why, n in counts[:3])
    return f"; kept from others by {listed}" if listed else ""


def find_change(plan: GroupPlan, row: int) -> str:
    """Return the smallest change found that places one person, without moving anybody placed.

    Every group that the person could join, and every new group with others who are left out, is
    looked at; the one that breaks fewest rules, and these by least, names the change.
    """
    rescorer = Rescorer(plan.scored, plan.program.constraints, mutual=True)
    best: tuple[Any, ...] | None = None
    for members, name in islice(_groups_with(plan, row), _N_TRIED):
        found = loosen(plan, rescorer, members)
        if found is None:
            continue
        key = (len(found.changes), found.amount, natural_key(name))
        if best is None or key < best[0]:
            best = key, name, found
    if best is None:
        return ""
    _, name, found = best
    if not found.changes:
        return f"Could be in {name}"
    return f"Would be in {name} {' and '.join(found.changes)}"


def _groups_with(plan: GroupPlan, row: int) -> Any:
    """Yield groups with this person: existing ones plus it, and new ones of people left out."""
    ids = plan.scored.coached.ids
    for number, members in enumerate(plan.groups, 1):
        yield (*members, row), f"group {number}"
    out = [r for r in np.flatnonzero(plan.solution.group_of < 0).tolist() if r != row]
    out.sort(key=lambda r: natural_key(ids[r]))
    for rest in combinations(out, plan.problem.smallest - 1):
        who = " and ".join(str(ids[r]) for r in rest)
        yield (row, *rest), f"a group with {who}"
