"""Fair objectives and tiers of pairs with times: equal to the best of all plans, and proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.fair import certify_plan


def value(problem, pairs):
    """What a plan is worth, objective by objective."""
    gain = [int(problem.gains.gain[i, j]) for i, j in pairs]
    if problem.tiers is not None:
        tiers = [int(problem.tiers[i, j]) for i, j in pairs]
        counts = tuple(tiers.count(k) for k in range(4))
        first = () if problem.objective == "total" else (len(pairs),)
        return *first, *counts, sum(gain)
    if problem.objective == "worst_off":
        return len(pairs), min(gain, default=0), sum(gain)
    return len(pairs), tuple(sorted(gain)), 0


def check(pools, plans, seed, kind):
    rng = np.random.default_rng(seed)
    problem = pools[0](rng, kind=kind, most=(6, 4))
    wish = ("worst_off", "leximin", "tiers", "total")[seed % 4]
    tiers = rng.integers(0, 3, problem.gains.shape)
    if wish in ("tiers", "total"):
        objective = "coverage" if wish == "tiers" else "total"
        problem = replace(problem, objective=objective, tiers=tiers)
    else:
        problem = replace(problem, objective=wish)
    answer = solve_assignment(problem)
    found = certify_plan(problem, answer)
    every = [value(problem, pairs) for pairs in plans(problem)]
    assert value(problem, answer.pairs.tolist()) == max(every), f"seed {seed}, {wish}"
    assert found.proved == (answer.status.value == "optimal")
    return found.proved


@pytest.mark.parametrize("seed", range(60))
def test_on_a_common_grid_fair_plans_are_the_best_of_all_and_proved(pools, plans, seed):
    assert check(pools, plans, seed, "grid")


def test_without_a_grid_fair_plans_are_the_best_of_all(pools, plans):
    proved = [check(pools, plans, seed, "free") for seed in range(2000, 2040)]
    assert sum(proved) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60, 300))
def test_many_more_fair_plans(pools, plans, seed):
    assert check(pools, plans, seed, "grid")
    check(pools, plans, seed + 2000, "free")


def school(seed, n=14, m=6):
    """Mentees and mentors with few common periods."""
    rng = np.random.default_rng(seed)
    periods = [f"{day} {h:02d}:00-{h:02d}:50" for day in ("Mon", "Tue", "Wed") for h in (8, 9)]

    def side(prefix, size):
        free = [rng.choice(periods, int(rng.integers(1, 4)), replace=False) for _ in range(size)]
        return pd.DataFrame({
            "id": [f"{prefix}{k}" for k in range(size)],
            "subjects": rng.choice(["art", "maths", "art; maths", "music; art"], size),
            "goals": rng.choice(["labs", "noise", "labs; noise"], size),
            "strengths": rng.choice(["labs", "noise", "labs; noise"], size),
            "free": ["; ".join(sorted(own)) for own in free],
            "max_mentees": rng.integers(1, 4, size),
        })  # fmt: skip

    return side("T", n), side("M", m)


CRITERIA = [pm.SubjectMatch(), pm.GoalCoverage()]


@pytest.mark.parametrize("objective", ["worst_off", "leximin"])
def test_fair_plans_with_times_are_verified_and_say_their_price(objective):
    tables = school(4)
    plan = pm.match(*tables, pm.Program(CRITERIA, [pm.Meetings(45)], objective=objective))
    assert pm.verify(plan).proved
    best = pm.match(*tables, pm.Program(CRITERIA, [pm.Meetings(45)]))
    assert plan.matched == best.matched
    assert plan.price == pytest.approx(best.objective - plan.objective)
    assert plan.to_frame()["score"].min() >= best.to_frame()["score"].min()
    assert f"{objective} costs" in plan.summary()
    turned = [table[::-1] for table in tables]
    again = pm.match(*turned, pm.Program(CRITERIA, [pm.Meetings(45)], objective=objective))
    assert again.timetable().equals(plan.timetable())


def test_tiers_with_times_come_before_the_total():
    tables = school(9)
    tiers = pm.Tiers([[pm.SubjectMatch(), pm.GoalCoverage()], pm.SubjectMatch()])
    plan = pm.match(*tables, pm.Program(CRITERIA, [pm.Meetings(45), tiers]))
    assert pm.verify(plan).proved
    assert "tiers costs" in plan.summary()


def test_spoiled_steps_are_refused_or_prove_nothing(pools):
    rng = np.random.default_rng(18)
    n_spoiled = 0
    for _ in range(12):
        problem = replace(pools[0](rng, most=(7, 5)), objective="leximin")
        answer = solve_assignment(problem)
        assert certify_plan(problem, answer).proved
        if len(answer.pairs) < 2:
            continue
        n_spoiled += 1
        assert not certify_plan(problem, replace(answer, steps=answer.steps[:-1])).proved
        wrong = replace(answer.steps[0], time=answer.steps[0].time[:, 1:])
        with pytest.raises(CertificateError, match="integers of shapes"):
            certify_plan(problem, replace(answer, steps=(wrong, *answer.steps[1:])))
        fewer = replace(answer, pairs=answer.pairs[1:], slots=answer.slots[1:])
        if not len(problem.pins):
            assert not certify_plan(problem, fewer).proved
    assert n_spoiled > 4


def test_a_lower_floor_than_possible_is_not_proved(pools):
    rng = np.random.default_rng(2)
    n_worse = 0
    for _ in range(100):
        problem = replace(pools[0](rng, most=(9, 6)), objective="worst_off")
        fair = solve_assignment(problem)
        best = solve_assignment(replace(problem, objective="coverage"))
        gain = problem.gains.gain
        if len(best.pairs) and gain[tuple(best.pairs.T)].min() < gain[tuple(fair.pairs.T)].min():
            n_worse += 1
            claimed = replace(best, steps=fair.steps)
            assert not certify_plan(problem, claimed).proved
    assert n_worse > 1


def test_too_many_levels_or_slots_are_refused_with_a_way_out(monkeypatch):
    from pairmatch.solvers.assignment.meetings import faces as meeting_faces
    from pairmatch.solvers.assignment.meetings import levels as meeting_levels

    monkeypatch.setattr(meeting_faces, "_MOST_ARCS", 3)
    monkeypatch.setattr(meeting_levels, "_MOST_TAKES", 3)
    for rule in (pm.Meetings(45), pm.Meetings(20, per_week=2)):
        program = pm.Program(CRITERIA, [rule], objective="leximin")
        with pytest.raises(pm.CapabilityError, match="use objective 'worst_off'"):
            pm.match(*school(4), program)


def test_a_fair_plan_that_ran_out_of_time_keeps_every_calendar():
    program = pm.Program(CRITERIA, [pm.Meetings(45)], objective="leximin")
    plan = pm.match(*school(3, 40, 16), program, options=pm.Options(time_limit=1e-6))
    proved = pm.verify(plan).bound is not None  # now and then the best is there before the clock
    assert plan.status is (pm.Status.OPTIMAL if proved else pm.Status.TIME_LIMIT)
