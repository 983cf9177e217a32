"""Why somebody has no partner: the rule that removed each mentor, or who has the places."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints.bound import RequiredTerm
from pairmatch.constraints.meeting_times import JointSlot
from pairmatch.plans.order import natural_key
from pairmatch.plans.standing import Standing
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.pair_plan import PairPlan

__all__ = ["Reasons", "count_told", "explain_unmatched", "list_reasons"]

_SHOWN = 3
_BLOCK = 256  # people whose pairs are looked at together
_MOST_PAIRS, _FEWEST_TOLD = 1_000_000, 20  # pairs put into whole sentences, and people at least
_FEW = 3  # a rule with more reasons than these is counted by its name


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why one person has no partner. Prints as a sentence.

    Parameters
    ----------
    person : str or int
        The id.
    reason : str
        In a few words: "no mentor is allowed", "needed elsewhere", "no time left" or "no gain".
    sentence : str
        The whole reason.
    mentors : tuple of (mentor, rule, detail)
        Every mentor, the rule that removed it and the reason in words.
    """

    person: Any
    reason: str
    sentence: str
    mentors: tuple[tuple[Any, str, str], ...]

    def __str__(self) -> str:
        return self.sentence

    def to_frame(self) -> pd.DataFrame:
        """Return one row a rule: ``rule, detail, mentors, ids``, the most frequent first."""
        import pandas as pd

        details: dict[str, set[str]] = defaultdict(set)
        for _, rule, detail in self.mentors:
            details[rule].add(detail)
        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for mentor, rule, detail in self.mentors:
            groups[rule, detail if len(details[rule]) <= _FEW else ""].append(mentor)
        rows = [
            (rule, detail, len(ids), "; ".join(str(key) for key in sorted(ids, key=natural_key)))
            for (rule, detail), ids in groups.items()
        ]
        rows.sort(key=lambda row: (-row[2], row[0], row[1]))
        return pd.DataFrame(rows, columns=["rule", "detail", "mentors", "ids"])


def explain_unmatched(plan: PairPlan, rows: Sequence[int]) -> list[Reasons]:
    """Return why rows have no column: the rule that removed each, or who took the places.

    O(columns) for each row and rule.
    """
    standing = Standing.of(plan)
    return [_explain_row(standing, row) for row in rows]


def list_reasons(plan: PairPlan, rows: Sequence[int]) -> list[tuple[Any, str, str]]:
    """Return person, reason in a few words and whole sentence of each row.

    Of very many rows only the first have the sentence, the others say where it is.
    """
    n_told = max(_FEWEST_TOLD, _MOST_PAIRS // max(1, plan.problem.n_columns))
    standing = Standing.of(plan)
    told = [_explain_row(standing, row) for row in rows[:n_told]]
    found = [(why.person, why.reason, why.sentence) for why in told]
    rest = [plan.scored.coached.ids[row] for row in rows[n_told:]]
    for person, reason in zip(rest, _name_reasons(standing, rows[n_told:]), strict=True):
        found.append((person, reason, f"{person} has no mentor: {reason}; {_where(person)}."))
    return found


def count_told(unmatched: pd.DataFrame) -> int:
    """Return how many of the people of a frame ``id, reason, detail`` have the whole sentence."""
    people = zip(unmatched["id"].tolist(), unmatched["detail"].tolist(), strict=True)
    return sum(not detail.endswith(f"; {_where(person)}.") for person, detail in people)


def _where(person: object) -> str:
    return f"why_unmatched({person!r}), or 'pairmatch explain', says more"


def _name_reasons(standing: Standing, rows: Sequence[int]) -> Iterator[str]:
    """Yield the reason of each row in a few words, many rows at once."""
    scored, problem = standing.plan.scored, standing.plan.problem
    for start in range(0, len(rows), _BLOCK):
        some = np.array(rows[start : start + _BLOCK], dtype=np.int64)
        allowed = scored.evaluate(some, slice(0, problem.n_columns))[1]
        for row, suitable in zip(some.tolist(), allowed & (problem.capacity > 0), strict=True):
            suitable &= ~standing.tight(row)
            yield _name(*standing.sort(row, suitable))


def _name(
    free: NDArray[np.bool_],
    full: NDArray[np.bool_],
    crowded: NDArray[np.bool_],
    booked: NDArray[np.bool_],
) -> str:
    """Return in a few words why nobody is left, from what has become of the suitable columns."""
    if free.any():
        return "no gain"
    if full.any() or crowded.any():
        return "needed elsewhere"
    return "no time left" if booked.any() else "no mentor is allowed"


def _explain_row(standing: Standing, row: int) -> Reasons:
    """Return why one row has no column."""
    plan = standing.plan
    person, ids = plan.scored.coached.ids[row], plan.scored.coach.ids
    rule, detail, suitable = _find_removed(standing, row)
    free, full, crowded, booked = fates = standing.sort(row, suitable)
    others = _count_rules(rule, detail, suitable)
    rule[free | full], detail[free], detail[full] = "places", "has a place", "needed elsewhere"
    rule[crowded], detail[crowded] = "Quota", "the quota is used up"
    rule[booked], detail[booked] = "Meetings", "all joint slots are taken"
    every = tuple(zip(ids, rule.tolist(), detail.tolist(), strict=True))
    reason, n_suitable = _name(*fates), int(suitable.sum())
    if reason == "no mentor is allowed":
        return Reasons(person, reason, f"{person} has no mentor: {others}.", every)
    others = f"; {others}" if n_suitable < len(ids) else ""
    if reason == "no gain":
        why = (
            "the pair would lower the total or break a minimum load"
            if plan.status is Status.OPTIMAL
            else "this plan is not proved to be the best one"
        )
        n_free = int(free.sum())
        which = f"{n_free} of {n_suitable} suitable mentors {'has' if n_free == 1 else 'have'}"
        sentence = f"{person} has no mentor although {which} a place: {why}{others}."
        return Reasons(person, reason, sentence, every)
    if reason == "no time left":
        who = standing.say_taken(row, np.flatnonzero(booked))
        return Reasons(person, reason, f"{person} has no mentor: {who}{others}.", every)
    taken = standing.in_order(np.flatnonzero(suitable))
    shown = [f"{ids[j]} ({', '.join(map(str, standing.people_of(j)))})" for j in taken[:_SHOWN]]
    more = f" and {n_suitable - _SHOWN} more" if n_suitable > _SHOWN else ""
    one = (
        "the one suitable mentor is"
        if n_suitable == 1
        else f"all {n_suitable} suitable mentors are"
    )
    quota = f" ({int(crowded.sum())} by a quota)" if crowded.any() else ""
    quota += f" ({int(booked.sum())} by their joint slots)" if booked.any() else ""
    sentence = (
        f"{person} has no mentor: {one} needed elsewhere{quota}: {', '.join(shown)}{more}{others}."
    )
    return Reasons(person, reason, sentence, every)


def _find_removed(
    standing: Standing, row: int
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.bool_]]:
    """Return rule and reason that remove each column from a row, and the columns that are left."""
    scored, capacity = standing.plan.scored, standing.plan.problem.capacity
    removed_by = scored.forbidden_by(row)
    rules = np.full(len(removed_by), "", object)
    details = rules.copy()
    for number in np.unique(removed_by[removed_by >= 0]).tolist():
        columns = np.flatnonzero(removed_by == number)
        if number == len(scored.rules):
            rules[columns], details[columns] = "score", "no score given"
            continue
        rule = scored.rules[number]
        rules[columns] = rule.name
        details[columns] = (
            rule.reasons(row, columns)
            if isinstance(rule, (RequiredTerm, JointSlot))
            else [rule.reason(row, j) for j in columns.tolist()]
        )
    suitable, tight = removed_by < 0, standing.tight(row)
    closed = suitable & (capacity == 0)
    rules[closed], details[closed] = "Load", "no places"
    rules[suitable & tight], details[suitable & tight] = "Minutes", "too few minutes a week"
    return rules, details, suitable & ~closed & ~tight


def _count_rules(
    rules: NDArray[np.object_], details: NDArray[np.object_], suitable: NDArray[np.bool_]
) -> str:
    """Return how many columns each rule removes, the most frequent reason first."""
    kinds = Counter(zip(rules[~suitable].tolist(), details[~suitable].tolist(), strict=True))
    if not len(rules):
        return "there are no mentors"
    n_reasons = Counter(rule for rule, _ in kinds)
    counts: Counter[str] = Counter()
    for (rule, detail), n in kinds.items():
        counts[(detail if n_reasons[rule] <= _FEW else "") or rule] += n
    ruled_out = counts.total()
    who = f"all {len(rules)} mentors" if ruled_out == len(rules) else f"{ruled_out} of {len(rules)}"
    if ruled_out == len(rules) == 1:
        who = "the only mentor"
    verb = "is" if ruled_out == 1 else "are"
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{who} {verb} ruled out: {', '.join(f'{text} ({n})' for text, n in listed)}"
