"""Cover of observers: counted, least among the best plans, or traded for scores at a price."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.constraints.cover import count_cover, count_cover_of_pair

SUBJECTS = ("art", "maths", "art; maths", "music")


def windows(rng, n):
    """Some free-form windows on one day, as text."""
    marks = np.sort(rng.choice(np.arange(480, 780, 5), 2 * n, replace=False)).reshape(-1, 2)
    spans = [f"Mon {a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in marks]
    return "; ".join(spans) or "none"


def draw(seed, n, m):
    rng = np.random.default_rng(seed)

    def side(prefix, size):
        return pd.DataFrame({
            "id": [f"{prefix}{k}" for k in range(size)],
            "subjects": rng.choice(SUBJECTS, size),
            "free": [windows(rng, int(rng.integers(0, 4))) for _ in range(size)],
            "teaching": [windows(rng, int(rng.integers(0, 4))) for _ in range(size)],
            "busy": [windows(rng, int(rng.integers(0, 2))) for _ in range(size)],
            "max_mentees": rng.integers(1, 3, size),
        })  # fmt: skip

    return pm.read_profiles(side("T", n)), pm.read_profiles(side("M", m))


def by_minutes(rule, observer, a, observed, b):
    """The least cover of one lesson, minute by minute; None if there is no lesson."""

    def asked(table, row, column):
        own = table.windows(column)[row] or ()
        return {m for start, end in own for m in range(start, end)}

    teaching, busy = asked(observed, b, "teaching"), asked(observer, a, "busy")
    free = asked(observer, a, "free") - busy
    found = []
    for start in range(1440):
        lesson = set(range(start, start + rule.minutes))
        if lesson <= teaching and not lesson & busy:
            found.append(len(lesson - free))
    return min(found, default=None)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([10, 25, 40]), st.booleans())
def test_the_cover_of_a_pair_is_the_least_over_all_minutes(seed, minutes, both_ways):
    mentees, mentors = draw(seed, 3, 3)
    rule = pm.Observation(minutes, both_ways=both_ways, cover_cost=0)
    found = count_cover(rule, mentees, mentors)
    for i, j in product(range(3), range(3)):
        ways = [by_minutes(rule, mentors, j, mentees, i)]
        if both_ways:
            ways.append(by_minutes(rule, mentees, i, mentors, j))
        assert (rule.breach(mentees, i, mentors, j, Fraction(0)) is None) == (None not in ways)
        if None not in ways:
            assert found[i, j] == sum(ways)
            assert count_cover_of_pair(rule, mentees, i, mentors, j) == sum(ways)


def enumerate_plans(problem, cover, objective):
    """The best (matched, total less its charge, least cover) over all plans."""
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    best = None
    options = [[None, *np.flatnonzero(row).tolist()] for row in allowed]
    for plan in product(*options):
        used = [j for j in plan if j is not None]
        if any(used.count(j) > problem.capacity[j] for j in used):
            continue
        pairs = [(i, j) for i, j in enumerate(plan) if j is not None]
        spent = sum(int(cover[i, j]) for i, j in pairs)
        net = sum(int(gain[i, j]) for i, j in pairs)  # gains less the price
        key = (net, -spent) if objective == "total" else (len(pairs), net, -spent)
        best = key if best is None else max(best, key)
    return best


@pytest.mark.parametrize("seed", range(24))
def test_plans_are_best_and_then_of_least_cover_as_enumeration_says(seed):
    mentees, mentors = draw(seed, 4, 3)
    objective = ("coverage", "total")[seed % 2]
    price = (0, 0.002, 0.05)[seed % 3]
    rule = pm.Observation(20, both_ways=seed % 4 < 2, cover_cost=price)
    program = pm.Program([pm.SubjectMatch()], [rule], objective=objective)
    plan = pm.match(mentees, mentors, program)
    found = pm.verify(plan)
    assert found.proved
    cover = count_cover(rule, plan.scored.coached, plan.scored.coach)
    best = enumerate_plans(plan.problem, cover, objective)
    said = (found.objective, -found.cost)
    assert best == (said if objective == "total" else (found.matched, *said))
    scores = float(plan.to_frame()["score"].sum())
    assert plan.objective == pytest.approx(scores - price * found.cost, abs=1e-5)
    assert plan.cover == found.cost  # no weekly meetings are in the way


def two_mentors(**cover):
    """Two equal mentors; the first is free for the whole lesson, the second for none of it."""
    mentees = pd.DataFrame(
        {"id": ["T"], "subjects": ["art"], "free": ["none"], "teaching": ["Mon 09:00-09:45"]}
    )
    mentors = pd.DataFrame({
        "id": ["A", "B"], "subjects": ["art; maths", "art"], "teaching": ["none", "none"],
        "free": ["none", "Mon 09:00-09:45"],
    })  # fmt: skip
    rule = pm.Observation(45, both_ways=False, **cover)
    return pm.match(mentees, mentors, pm.Program([pm.Similarity("subjects")], [rule]))


def test_a_price_lets_a_pair_win_that_needs_no_cover():
    assert two_mentors().to_frame()["mentor"].tolist() == ["B"]  # A is never free
    best = two_mentors(cover_cost=0)
    assert best.to_frame()["mentor"].tolist() == ["B"]
    assert best.cover == 0
    assert "the pairs need 0 minutes of cover at least; no plan as good needs less" in (
        best.summary()
    )


def test_the_better_pair_wins_without_a_price_and_loses_at_a_high_one():
    mentees = pd.DataFrame(
        {"id": ["T"], "subjects": ["art"], "free": ["none"], "teaching": ["Mon 09:00-09:45"]}
    )
    mentors = pd.DataFrame({
        "id": ["A", "B"], "subjects": ["art", "maths"], "teaching": ["none", "none"],
        "free": ["none", "Mon 09:00-09:45"],
    })  # fmt: skip

    def plan_at(price):
        rule = pm.Observation(45, both_ways=False, cover_cost=price)
        return pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], [rule]))

    free = plan_at(0)
    assert free.to_frame()["mentor"].tolist() == ["A"]
    assert (free.cover, free.objective) == (45, 1)
    cheap = plan_at(0.001)
    assert cheap.to_frame()["mentor"].tolist() == ["A"]
    assert cheap.objective == pytest.approx(1 - 0.045)
    assert "45 minutes of cover at least, which cost 0.045 of the total" in cheap.summary()
    dear = plan_at(0.1)
    assert dear.to_frame()["mentor"].tolist() == ["B"]
    assert (dear.cover, dear.objective) == (0, 0)


def test_a_spoiled_count_of_cover_is_refused():
    plan = two_mentors(cover_cost=0)
    other = plan.replace(pairs={"T": "A"})
    found = pm.verify(other)
    assert (found.cost, found.cost_bound, found.proved) == (45, 0, False)
    spoiled = replace(plan, certificate=replace(plan.certificate, cost=7, cost_bound=7))
    with pytest.raises(pm.CertificateError, match="not what a check finds"):
        pm.verify(spoiled)


def test_cover_goes_with_weekly_meetings_and_several_mentors():
    for seed in range(12):
        mentees, mentors = draw(seed + 100, 6, 4)
        rules = [pm.Observation(15, both_ways=False, cover_cost=0.001)]
        rules.append(pm.Meetings(15) if seed % 2 else pm.Demand(2))
        plan = pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], rules))
        found = pm.verify(plan)
        cover = count_cover(rules[0], plan.scored.coached, plan.scored.coach)
        assert found.cost == sum(cover[i, j] for i, j in plan.solution.pairs)
        assert found.cost_bound is None or found.cost_bound <= found.cost


def test_under_fair_objectives_the_price_counts_and_nothing_else_of_cover():
    mentees, mentors = draw(3, 5, 4)
    rule = pm.Observation(15, both_ways=False, cover_cost=0.01)
    for objective in ("worst_off", "leximin"):
        plan = pm.match(
            mentees, mentors, pm.Program([pm.SubjectMatch()], [rule], objective=objective)
        )
        found = pm.verify(plan)
        assert found.proved
        assert found.cost is None
        assert "no plan as good needs less" not in plan.summary()


def test_a_plan_with_cover_is_matched_again_after_changes():
    mentees, mentors = draw(8, 6, 4)
    rule = pm.Observation(15, both_ways=False, cover_cost=0)
    plan = pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], [rule]))
    gone = plan.to_frame()["mentor"].iloc[0]
    again = pm.rematch(plan, pm.Changes(leave=[gone]), at_most_changes=2).plan
    assert gone not in set(again.to_frame()["mentor"])
    cover = count_cover(rule, again.scored.coached, again.scored.coach)
    pairs = again.solution.pairs
    assert pm.verify(again).cost == again.cover == sum(cover[i, j] for i, j in pairs)
