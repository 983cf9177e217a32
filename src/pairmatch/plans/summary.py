"""Plans in a few lines of text, and that in HTML for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import say_count, shorten
from pairmatch.plans.frames import tabulate_loads, tabulate_pairs, tabulate_partly_served
from pairmatch.plans.group_timetable import schedule_group_lessons
from pairmatch.plans.hints import hint_at_goals, hint_at_sheets
from pairmatch.plans.observations import (
    describe_cover,
    describe_lessons,
    observation_rule,
    schedule_lessons,
)
from pairmatch.plans.pair_plan import PairPlan
from pairmatch.plans.pressure import find_scarce, find_short
from pairmatch.plans.reasons import count_told
from pairmatch.plans.timetable import describe_time
from pairmatch.scoring import Compatibility

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from pairmatch.plans.group_plan import GroupPlan
    from pairmatch.plans.timetable import TimePrice

__all__ = [
    "describe_grouping",
    "describe_matching",
    "markup",
    "prove",
]

_SHOWN = 10


def prove(gap: float | None, bound: float | None) -> str:
    """Return what is proved, in words."""
    if gap is None or bound is None:
        return "no bound is proved"
    if gap == 0:
        return "proved optimal"
    return f"at most {gap:.2%} below the best possible ({bound:.6g})"


def describe_matching(
    plan: PairPlan, unmatched: pd.DataFrame, price_of_time: Callable[[], TimePrice]
) -> str:
    """Return a matching in a few lines of text.

    Parameters
    ----------
    plan : PairPlan
        The pairs.
    unmatched : DataFrame
        Who has no mentor, and why.
    price_of_time : callable
        Says what meeting times cost; asked in small pools only.
    """
    scored = plan.scored
    n_mentees, n_mentors = scored.shape
    lines = [
        f"{plan.matched} of {say_count(n_mentees, 'mentee')} matched with "
        f"{say_count(n_mentors, 'mentor')}, {say_count(int(plan.problem.capacity.sum()), 'place')}",
        f"  total     {plan.objective:.6g}, {prove(plan.gap, plan.bound)}"
        f" (objective: {plan.problem.objective}, solver: {plan.solver})",
    ]
    if plan.matched_bound is not None and plan.problem.objective != "total":
        most = "nobody can match more" if plan.matched_bound == plan.matched else (
            f"at most {plan.matched_bound} can be matched"
        )  # fmt: skip
        lines.append(f"  matched   {plan.matched}; {most}")
    lines += _level_lines(plan)
    if plan.problem.demand.max(initial=1) > 1:
        n_wanted, short = int(plan.problem.demand.sum()), tabulate_partly_served(plan)
        lines.append(
            f"  demand    {len(plan.solution.pairs)} of {n_wanted} wanted pairs; "
            f"{len(short)} mentees have some of their mentors, {len(unmatched)} none"
        )
    if plan.price is not None:
        wish = "tiers" if plan.problem.tiers is not None else plan.problem.objective
        lines.append(f"  price     {wish} costs {plan.price:.6g} of the total")
    frame = tabulate_pairs(plan)
    if len(frame):
        scores = frame["score"].to_numpy(dtype=float)
        worst = frame.iloc[int(np.argmin(scores))]
        lines.append(
            f"  scores    mean {scores.mean():.3f}, median {np.median(scores):.3f}, "
            f"lowest {scores.min():.3f} ({worst['mentee']} with {worst['mentor']})"
        )
    if hasattr(scored, "evidence_at") and plan.matched:
        pairs = plan.solution.pairs
        evidence = scored.evidence_at(pairs[:, 0], pairs[:, 1])
        n_weak = int((evidence < 0.5).sum())
        lines.append(
            f"  evidence  {np.mean(evidence):.0%} of the weight of these pairs rests on known "
            f"values; {n_weak} {'pair' if n_weak == 1 else 'pairs'} on less than half"
        )
    counts = tabulate_loads(plan)["load"].value_counts().sort_index()
    loads = ", ".join(f"{n} with {load}" for load, n in counts.items())
    lines.append(f"  loads     mentors by number of mentees: {loads}")
    lines += describe_time(plan, price_of_time)
    lines += [f"            scarce: {text}" for text in find_scarce(plan)]
    few = find_short(plan)
    lines += [f"            scarce: {'; '.join(few)}"] if few else []
    lines += describe_lessons(observation_rule(plan), schedule_lessons(plan))
    lines += describe_cover(plan)
    lines += _asked_lines(plan)
    lines += _unmatched_lines(unmatched)
    return "\n".join(lines)


def _level_lines(plan: PairPlan) -> list[str]:
    """Return which of the lowest scores are proved where not all are."""
    certificate = plan.certificate
    if certificate is None or certificate.levels is None:
        return []
    is_open = ~np.isin(plan.solution.pairs[:, 0], plan.problem.pins[:, 0])
    levels = np.unique(np.asarray(plan.units)[is_open])
    n, top = certificate.levels, plan.in_scores(int(levels[max(0, certificate.levels - 1)]))
    if n == 0:
        return [
            f"  levels    no plan that matches as many has a higher lowest score than {top:.6g}"
        ]
    what = "level is" if n == 1 else f"{n} levels are"
    return [
        f"  levels    the lowest {what} proved (of {len(levels)} different scores, up to "
        f"{top:.6g}): no plan that is as good below has fewer pairs there"
    ]


def _asked_lines(plan: PairPlan | GroupPlan) -> list[str]:
    """Return what was asked for: criteria, rules, and how own scores were rounded."""
    lines = []
    criteria = getattr(plan.scored, "criteria", ())
    if isinstance(plan.scored, Compatibility):
        coach = plan.scored.coach if isinstance(plan, PairPlan) else None
        hints = hint_at_sheets(plan.scored.coached, coach)
        hints += hint_at_goals(criteria, plan.scored.coach)
        lines += [f"  hint      {hint}" for hint in hints]
    if criteria:
        lines.append(f"  criteria  {', '.join(repr(criterion) for criterion in criteria)}")
    elif plan.scored.scale.numerator != 1 and plan.scored.scale.numerator % 5:
        lines.append(
            f"  rounding  scores are counted in steps of {float(1 / plan.scored.scale):.3g}"
        )
    rules = [shorten(repr(rule)) for rule in plan.program.constraints]
    if rules:
        more = f" and {len(rules) - _SHOWN} more" if len(rules) > _SHOWN else ""
        lines.append(f"  rules     {', '.join(rules[:_SHOWN])}{more}")
    return lines


def _unmatched_lines(frame: pd.DataFrame) -> list[str]:
    """Return who is left out, by reason; the whole sentences are in ``unmatched``."""
    if frame.empty:
        return ["  unmatched nobody"]
    lines = [f"  unmatched {len(frame)}"]
    for reason, part in frame.groupby("reason", sort=True):
        ids = part["id"].astype(str).tolist()
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        lines.append(f"    {reason} ({len(ids)}): {', '.join(ids[:_SHOWN])}{more}")
    lines.append(f"    for instance: {frame['detail'].iloc[0]}")
    n_told = count_told(frame)
    if n_told < len(frame):
        lines.append(
            f"    the first {n_told} of {len(frame)} have their reasons written out; for others "
            "ask plan.why_unmatched(id) or 'pairmatch explain'"
        )
    return lines


def describe_grouping(plan: GroupPlan, unmatched: pd.DataFrame) -> str:
    """Return a grouping in a few lines of text."""
    sizes: dict[int, int] = {}
    for members in plan.groups:
        sizes[len(members)] = sizes.get(len(members), 0) + 1
    shape = ", ".join(f"{count} of {size}" for size, count in sorted(sizes.items())) or "none"
    lines = [
        f"{plan.matched} of {say_count(len(plan.scored.coached.ids), 'person', 'people')} in "
        f"{say_count(len(plan.groups), 'group')} ({shape})",
        f"  total     {plan.objective:.6g}, {prove(_gap_of_total(plan), plan.bound)}"
        f"{_floor_words(plan)} (objective: {plan.problem.objective}, solver: {plan.solver})",
    ]
    if plan.price is not None:
        lines.append(f"  price     worst_group costs {plan.price:.6g} of the total")
    values = plan.group_values
    if values:
        lines.append(
            f"  groups    mean value {np.mean(values):.3f}, lowest {min(values):.3f} "
            f"(group {int(np.argmin(values)) + 1}){_lowest_words(plan)}"
        )
    lines += describe_lessons(observation_rule(plan), schedule_group_lessons(plan))
    lines += _asked_lines(plan)
    lines += _unmatched_lines(unmatched)
    return "\n".join(lines)


def _gap_of_total(plan: GroupPlan) -> float | None:
    """Return the gap of the total, apart from what is proved about the lowest group."""
    certificate = plan.certificate
    if certificate is None or certificate.lowest is None or certificate.bound is None:
        return plan.gap
    short = certificate.bound - certificate.objective
    return short / max(1, abs(certificate.bound)) if short else 0.0


def _floor_words(plan: GroupPlan) -> str:
    """Return among which plans the total is compared, where the lowest group comes first."""
    if plan.certificate is None or plan.certificate.lowest is None:
        return ""
    return f" of plans with no group below {plan.lowest:.6g}"


def _lowest_words(plan: GroupPlan) -> str:
    """Return what is proved about the lowest group, where it comes first."""
    certificate = plan.certificate
    if certificate is None or certificate.lowest_bound is None:
        return ""
    if certificate.lowest_bound == certificate.lowest:
        return "; no plan has a higher lowest one"
    return f"; no plan has one above {plan.lowest_bound:.6g}"


def markup(text: str, frame: pd.DataFrame) -> str:
    """Return a summary and a table as HTML; everything is escaped, there are no scripts."""
    return f"<pre>{escape(text)}</pre>{frame.to_html(escape=True, index=False, max_rows=20)}"
