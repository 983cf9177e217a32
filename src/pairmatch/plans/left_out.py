"""Why somebody is in no group, and the smallest change to a rule that would place them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import TakeTurns
from pairmatch.plans.order import natural_key
from pairmatch.plans.relaxing import loosen
from pairmatch.plans.rescore import Rescorer
from pairmatch.seam.compositions import group_rules_of, seats_of, turn_order
from pairmatch.seam.groups import grouping_problem

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.grouping import Grouping

__all__ = ["WithoutGroup", "explain_left_out", "name_reason"]

_N_TRIED = 4000  # groups looked at for the smallest change


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


def name_reason(plan: Grouping, row: int) -> tuple[str, str]:
    """Return why one person is left out, in a few words and as a clause."""
    needed = plan.problem.smallest
    if plan.problem.n < needed:
        text = f"{plan.problem.n} people are fewer than a group of {needed}"
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
        text = f"the rules allow {n_partners} partners, a group needs {needed - 1}"
        return "rules leave too few partners", text
    if plan.program.leftovers == "leave_out" or plan.program.roles is not None:
        n_over = plan.problem.n - int((plan.solution.group_of >= 0).sum())
        if plan.problem.rules is None or n_over < needed:
            size = plan.problem.largest
            return "left over", f"{plan.problem.n} people do not divide into groups of {size}"
    text = f"with {n_partners} allowed partners, no group was found that places more people"
    return "no group found", text


def _is_turn(plan: Grouping, row: int) -> bool:
    """Return whether this person would have partners if nobody had to stay out in turn."""
    if turn_order(plan.scored.coached, plan.program.constraints) is None:
        return False
    others = [rule for rule in plan.program.constraints if not isinstance(rule, TakeTurns)]
    free = grouping_problem(plan.scored, plan.program.replace(constraints=others))
    return bool(free.partners_of(row).any())


def explain_left_out(plan: Grouping, row: int) -> WithoutGroup:
    """Return everything that is known about why one person is in no group."""
    ids = plan.scored.coached.ids
    reason, clause = name_reason(plan, row)
    others = sorted(range(len(ids)), key=lambda j: natural_key(ids[j]))
    reasons = _why_apart(plan, row)
    partners = [(ids[other], reasons[other]) for other in others if other != row]
    counts = Counter(why for _, why in partners if why)
    sentence = f"{ids[row]} is left out: {clause}"
    if counts:
        listed = ", ".join(f"{why} ({n})" for why, n in counts.most_common(3))
        sentence += f"; kept from others by {listed}"
    change = "" if reason == "turn to stay out" else find_change(plan, row)
    sentence += f". {change}." if change else "."
    return WithoutGroup(ids[row], reason, sentence, change, tuple(partners))


def _why_apart(plan: Grouping, row: int) -> list[str]:
    """Return which rule keeps one person from sharing a group with each other; "" for none."""
    scored: Any = plan.scored
    reasons = [""] * plan.problem.n
    barred = np.flatnonzero(~plan.problem.partners_of(row)).tolist()
    own = scored.forbidden_by(row)
    for other in barred:
        at = int(own[other])
        if at < 0 and hasattr(scored, "criteria"):
            at = int(scored.forbidden_by(other, np.array([row]))[0])
        elif at < 0:
            at = int(scored.forbidden_by(other)[row])
        if at >= 0:
            known = at < len(scored.rules)
            reasons[other] = scored.rules[at].name if known else "no score given"
    parts = [plan.program.replace(constraints=[rule]) for rule in plan.program.constraints]
    for part in [*parts, plan.program.replace(constraints=())]:
        rules = group_rules_of(scored, part)
        if rules is None:
            continue
        name = repr(part.constraints[0]) if part.constraints else f"roles={part.roles!r}"
        for other in np.flatnonzero(~rules.legal_pairs(plan.problem.largest)[row]).tolist():
            reasons[other] = reasons[other] or name
    return reasons


def find_change(plan: Grouping, row: int) -> str:
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
        return f"could be in {name}"
    return f"Would be in {name} {' and '.join(found.changes)}"


def _groups_with(plan: Grouping, row: int) -> Any:
    """Yield groups with this person: existing ones plus it, and new ones of people left out."""
    ids = plan.scored.coached.ids
    for number, members in enumerate(plan.groups, 1):
        yield (*members, row), f"group {number}"
    out = [r for r in np.flatnonzero(plan.solution.group_of < 0).tolist() if r != row]
    out.sort(key=lambda r: natural_key(ids[r]))
    for rest in combinations(out, plan.problem.smallest - 1):
        who = " and ".join(str(ids[r]) for r in rest)
        yield (row, *rest), f"a group with {who}"
