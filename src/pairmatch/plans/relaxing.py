"""How far the rules would have to give way for one group to be legal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import (
    Alike,
    Balance,
    Compose,
    Forbid,
    Meetings,
    MinScore,
    Spread,
)
from pairmatch.constraints.cells import count_entries, number_of
from pairmatch.constraints.observation import EitherWay
from pairmatch.plans.breaches import find_seat_breach, joint_windows

if TYPE_CHECKING:
    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.rescore import Rescorer

__all__ = ["Loosened", "loosen"]


@dataclass(frozen=True, slots=True)
class Loosened:
    """The changes under which a group would be legal.

    Parameters
    ----------
    changes : tuple of str
        Each as a clause: "with Spread('years', at_most=17)", "without Different('school')".
    amount : float
        How much they ask for: relative changes of numbers, 1 for each rule to be dropped.
    """

    changes: tuple[str, ...]
    amount: float


def loosen(plan: GroupPlan, rescorer: Rescorer, members: tuple[int, ...]) -> Loosened | None:
    """Return the smallest changes that make a group legal; None where none would do.

    Parameters
    ----------
    plan : GroupPlan
        What was asked.
    rescorer : Rescorer
        Knows the rules about pairs.
    members : tuple of int
        Rows of the group.
    """
    table: Any = plan.scored.coached
    changes: dict[str, float] = {}
    size = len(members)
    if size > plan.problem.largest:
        if plan.program.roles is not None:
            return None
        changes[f"if groups of {size} were allowed"] = 1 / plan.problem.largest
    pairs = [pair for a, b in combinations(members, 2) for pair in ((a, b), (b, a))]
    units = {pair: rescorer.score(*pair) for pair in pairs}
    broken = [rule for pair in pairs for rule, _ in rescorer.broken_rules(*pair, units[pair])]
    broken_pairs = {rule.rule if isinstance(rule, EitherWay) else rule for rule in broken}
    for rule in sorted(broken_pairs, key=repr):
        if isinstance(rule, Spread):
            numbers = [number_of(table, rule.column, row) for row in members]
            known = [x for x in numbers if x is not None]
            wide = replace(rule, at_most=_plain(max(known) - min(known)))
            changes[f"with {wide!r}"] = _growth(rule.at_most, wide.at_most)
        elif isinstance(rule, Forbid):
            who = {str(rule.mentee), str(rule.mentor)}
            changes[f"without Forbid of {' and '.join(sorted(who))}"] = 1.0
        elif isinstance(rule, MinScore):
            lowest = rescorer.in_score_units(min(units.values()))
            low = replace(rule, at_least=float(lowest))
            changes[f"with {low!r}"] = _growth(low.at_least, rule.at_least)
        elif rule is None:
            return None
        else:
            changes[f"without {rule!r}"] = 1.0
    for rule in plan.program.constraints:
        change = _loosen_rule(rule, table, members)
        if change is not None:
            changes[change[0]] = change[1]
    roles = plan.program.roles
    if roles is not None and find_seat_breach(table, roles, members):
        return None
    return Loosened(tuple(changes), sum(changes.values()))


def _loosen_rule(rule: Any, table: Any, members: tuple[int, ...]) -> tuple[str, float] | None:
    """Return how far one rule about whole groups has to give way, or None where it holds."""
    if isinstance(rule, Meetings):
        longest = _longest_joint(rule, table, members)
        if longest is None or longest >= rule.minutes:
            return None
        if longest < 10:
            return f"without {rule!r}", 1.0
        return f"with {replace(rule, minutes=longest)!r}", _growth(longest, rule.minutes)
    if isinstance(rule, Forbid) or not hasattr(rule, "needs") or hasattr(rule, "bind"):
        return None
    if not hasattr(rule, "breach") or rule.breach(table, members) is None:
        return None
    wider: Any = None
    if isinstance(rule, Alike):
        most = max(count_entries(table, rule.column, members).values())
        wider = replace(rule, at_most=most)
        return f"with {wider!r}", _growth(rule.at_most, most)
    if isinstance(rule, Compose):
        count = count_entries(table, rule.column, members)[rule.value]
        if count < rule.at_least:
            if count == 0 and rule.at_most is None:
                return f"without {rule!r}", 1.0
            return f"with {replace(rule, at_least=count)!r}", _growth(count, rule.at_least)
        return f"with {replace(rule, at_most=count)!r}", _growth(rule.at_most or 0, count)
    if isinstance(rule, Balance):
        known = [x for x in (number_of(table, rule.column, i) for i in members) if x is not None]
        everyone = (number_of(table, rule.column, i) for i in range(len(table)))
        pool = [x for x in everyone if x is not None]
        apart = abs(Fraction(sum(known), len(known)) - Fraction(sum(pool), len(pool)))
        wider = replace(rule, within=_rounded_up(apart))
        return f"with {wider!r}", _growth(rule.within, wider.within)
    return f"without {rule!r}", 1.0


def _longest_joint(rule: Meetings, table: Any, members: tuple[int, ...]) -> int | None:
    """Return the minutes of the longest window in which all can meet; None if all is unknown."""
    joint = joint_windows(rule, table, members)
    if isinstance(joint, str):
        return 0
    return None if joint is None else max((end - start for start, end in joint), default=0)


def _plain(x: Fraction) -> int | float:
    """Return a number as one would type it."""
    return int(x) if x.denominator == 1 else float(x)


def _rounded_up(x: Fraction) -> int | float:
    """Return the next number with at most two decimals."""
    return _plain(Fraction(-(-x.numerator * 100 // x.denominator), 100))


def _growth(now: float, wanted: float) -> float:
    """Return by how much a limit would have to grow, relative to what it is."""
    return float(abs(wanted - now)) / max(1.0, abs(float(wanted)), abs(float(now)))
