"""From constraints to the rules about pairs that hold for two tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pairmatch.constraints.bound import ForbiddenPairs, Roster, pair_keys, positions
from pairmatch.constraints.company import Different, Spread
from pairmatch.constraints.history import NotAgain
from pairmatch.constraints.ids import find_id, find_places
from pairmatch.constraints.loads import Demand
from pairmatch.constraints.meetings import Meetings
from pairmatch.constraints.minutes import MenteeMinutes
from pairmatch.constraints.observation import EitherWay, Observation
from pairmatch.constraints.pairs import EvaluatorPairs, Forbid, MinScore, Pin, Require
from pairmatch.constraints.turns import missing_group_columns
from pairmatch.constraints.vetoes import Vetoes
from pairmatch.errors import Fault, ProgramError
from pairmatch.scoring import FULL, find_missing_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from pairmatch.scoring import PairRule

__all__ = ["ForbidList", "bind_pair_rules", "unknown_ids"]


_TIMES = (Require, Observation)


@dataclass(frozen=True, slots=True, eq=False)
class ForbidList:
    """All ``Forbid`` of a program as one rule, so that thousands of them cost one look-up."""

    whys: dict[tuple[Any, Any], str]

    def breach(self, coached: Roster, i: int, coach: Roster, j: int, score: Fraction) -> str | None:
        """Return why this pair is forbidden, or None."""
        del score
        why = self.whys.get((coached.ids[i], coach.ids[j]))
        return None if why is None else why or "forbidden pair"


def unknown_ids(constraints: Sequence[object], coached: Roster, coach: Roster) -> list[Fault]:
    """Return a fault for each id in ``Pin`` and ``Forbid`` that is in neither place."""
    named = [rule for rule in constraints if isinstance(rule, (Pin, Forbid))]
    if not named:
        return []
    names = [repr(rule) for rule in named]
    keys = [(rule.mentee, rule.mentor) for rule in named]
    faults: dict[tuple[int, int], Fault] = {}
    for side, (among, table) in enumerate((("mentees", coached), ("mentors", coach))):
        asked = [pair[side] for pair in keys]
        rows, lost = find_places(table.ids, asked, f"among the {among}")
        where = [number for number, row in enumerate(rows) if row < 0]
        for number, fault in zip(where, lost, strict=True):
            faults[number, side] = replace(fault, where=names[number])
    return [faults[key] for key in sorted(faults)]


def bind_pair_rules(
    constraints: Sequence[object],
    coached: Any,
    coach: Any,
    *,
    scale: Fraction | int = FULL,
    mutual: bool = False,
    check_spelling: bool = True,
) -> tuple[PairRule, ...]:
    """Return the pair rules of a program over two tables, in the order in which they are checked.

    Parameters
    ----------
    constraints : sequence
        Constraints of every kind; those that are not about single pairs are passed over.
    coached, coach : Profiles or Roster
        The two tables (twice the same for groups).
    scale : int or Fraction, default: 1_000_000
        Units per score. Other than the default: own scores, which have no columns to look at.
    mutual : bool, default: False
        Whether ``Forbid`` holds in both directions, as it does in groups.
    check_spelling : bool, default: True
        Whether to warn of evaluators and vetoes that are nearly somebody's id.

    Returns
    -------
    tuple of PairRule
        Evaluators and vetoes first (unless lifted), then forbidden pairs, people who met
        before, required criteria, rules about any two members of a group, and floors.

    Raises
    ------
    ProgramError
        If an id is in neither table; all such ids at once.
    """
    faults = unknown_ids(constraints, coached, coach)
    if faults:
        raise ProgramError("the constraints name people who are not there", faults)
    required = [rule.criterion for rule in constraints if isinstance(rule, Require)]
    faults = find_missing_columns(required, coached, coach) if required else []
    if faults:
        raise ProgramError("a required criterion does not fit the tables", faults)
    rules: list[PairRule] = []
    has_columns = hasattr(coached, "columns")
    evaluators = [rule for rule in constraints if isinstance(rule, EvaluatorPairs)]
    lifted = any(rule.allowed for rule in evaluators)
    if has_columns and not lifted and ("evaluator" in coached or "evaluator" in coach):
        rules.append(EvaluatorPairs().bind(coached, coach, check_spelling=check_spelling))
    if has_columns and ("vetoes" in coached or "vetoes" in coach):
        vetoes = [rule for rule in constraints if isinstance(rule, Vetoes)] or [Vetoes()]
        rules += [
            rule.bind(coached, coach, check_spelling=check_spelling)
            for rule in vetoes
            if rule.of != "nobody"
        ]
    forbidden = _forbid_list(constraints, coached, coach, mutual=mutual)
    if forbidden is not None:
        rules.append(forbidden)
    rules += [rule.bind(coached, coach) for rule in constraints if isinstance(rule, NotAgain)]
    several = any(isinstance(rule, Demand) for rule in constraints)
    for rule in constraints:
        if isinstance(rule, Meetings):
            rules.append(rule.bind(coached, coach, several_coaches=several))
        elif isinstance(rule, Observation) and mutual and not rule.both_ways:
            rules.append(EitherWay(rule).bind(coached, coach))
        elif isinstance(rule, _TIMES):
            rules.append(rule.bind(coached, coach))
    company = [rule for rule in constraints if isinstance(rule, (Different, Spread))]
    faults = missing_group_columns(company, coached)
    if faults:
        raise ProgramError("a rule about groups does not fit the table", faults)
    rules += [rule.bind(coached, coach) for rule in company]
    rules += [limit.bind(coached) for limit in MenteeMinutes.of(constraints, coached)]
    rules += [r.bind(coached, coach, scale) for r in constraints if isinstance(r, MinScore)]
    return tuple(rules)


def _forbid_list(
    constraints: Sequence[object], coached: Roster, coach: Roster, *, mutual: bool
) -> ForbiddenPairs | None:
    named = [rule for rule in constraints if isinstance(rule, Forbid)]
    if not named:
        return None
    rows, columns = positions(coached), positions(coach)
    whys: dict[tuple[Any, Any], str] = {}
    for rule in named:
        pair = find_id(rows, rule.mentee), find_id(columns, rule.mentor)
        whys[pair] = rule.why
        if mutual:
            whys[pair[1], pair[0]] = rule.why
    keys = pair_keys(((rows[a], columns[b]) for a, b in whys), len(coach.ids))
    return ForbiddenPairs("Forbid", ForbidList(whys), coached, coach, keys)
