"""Several mentors for one mentee, each at a time of its own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.errors import CertificateError
from pairmatch.profiles.week import DAYS
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.assignment.meetings import demand as meeting_demand
from pairmatch.solvers.assignment.meetings.solver import place_greedily
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import Quotas


def check(pools, plans, seed, kind):
    rng = np.random.default_rng(seed)
    objective = ("coverage", "total")[seed % 2]
    problem = pools[0](rng, kind=kind, objective=objective, most=(5, 4))
    problem = replace(problem, demand=rng.integers(1, 4, problem.n_rows))
    answer = solve_assignment(problem)
    found = certify_plan(problem, answer)

    def value(pairs):
        total = sum(int(problem.gains.gain[i, j]) for i, j in pairs)
        return total if objective == "total" else (len({i for i, _ in pairs}), len(pairs), total)

    assert value(answer.pairs.tolist()) == max(map(value, plans(problem))), f"seed {seed}"
    assert found.bound >= found.objective
    if objective == "coverage":
        assert found.matched_bound >= found.matched
        assert found.seats is None or found.seats_bound >= found.seats
    assert found.proved == (answer.status.value == "optimal")
    return found.proved


def test_plans_with_several_mentors_and_times_are_the_best_of_all_and_mostly_proved(pools, plans):
    proved = [check(pools, plans, seed, ("grid", "free")[seed % 4 > 1]) for seed in range(48)]
    assert sum(proved) >= 36


@pytest.mark.slow
def test_many_more_plans_with_several_mentors_and_times(pools, plans):
    proved = [check(pools, plans, seed, ("grid", "free")[seed % 4 > 1]) for seed in range(48, 400)]
    assert sum(proved) >= 260


def rate(problem, pairs):
    total = int(problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
    if problem.objective == "total":
        return (total,)
    return len(np.unique(pairs[:, 0])), len(pairs), total


def test_columns_planned_anew_a_few_at_a_time_keep_every_rule_and_a_true_bound(
    pools, plans, monkeypatch
):
    monkeypatch.setattr(meeting_demand, "_MOST_TAKES", 0)
    best_of_all = better = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        objective = ("coverage", "total")[seed % 2]
        kind = ("grid", "free")[seed % 4 > 1]
        problem = pools[0](rng, kind=kind, objective=objective, most=(5, 4))
        problem = replace(problem, demand=rng.integers(1, 4, problem.n_rows))
        if seed % 3 == 0:
            labels = rng.integers(-1, 2, problem.n_rows)
            problem = replace(problem, quotas=(Quotas(labels, 2),))
        best = max(rate(problem, np.array(plan, int).reshape(-1, 2)) for plan in plans(problem))
        answer = solve_assignment(problem)
        found = certify_plan(problem, answer)  # raises if a rule is broken
        value = rate(problem, answer.pairs)
        assert value <= best
        assert found.bound >= found.objective
        bounds = (found.matched_bound, found.seats_bound)
        if objective == "coverage" and found.seats is not None:
            assert bounds >= best[:2]
        else:
            assert found.bound >= best[-1] or objective == "coverage"
        if answer.status.value == "optimal":
            assert value == best
        best_of_all += value == best
        free = solve_assignment(replace(problem, slots=None))
        greedy, _ = place_greedily(problem, free.pairs)
        better += value > rate(problem, greedy)
        assert value >= rate(problem, greedy)
    assert best_of_all > 45
    assert better > 2


def sheets(seed, n=12, m=6):
    rng = np.random.default_rng(seed)
    periods = [f"{day} {h:02d}:00-{h:02d}:50" for day in ("Mon", "Tue") for h in (8, 9, 10)]

    def side(prefix, size, most):
        free = [rng.choice(periods, int(rng.integers(1, most)), replace=False) for _ in range(size)]
        return pd.DataFrame({
            "id": [f"{prefix}{k}" for k in range(size)],
            "subjects": rng.choice(["art", "maths", "art; maths"], size),
            "free": ["; ".join(sorted(own)) for own in free],
            "max_mentees": rng.integers(2, 5, size),
        })  # fmt: skip

    return side("T", n, 4), side("M", m, 6)


@pytest.mark.parametrize("seed", range(6))
def test_nobody_meets_two_people_at_once(seed):
    rules = [pm.Demand(2), pm.Meetings(45), pm.Pin("T0", "M0")] if seed == 5 else [
        pm.Demand(2), pm.Meetings(45)]  # fmt: skip
    try:
        plan = pm.match(*sheets(seed), pm.Program([pm.SubjectMatch()], rules))
    except pm.InfeasibleError:
        return  # the pin itself has no time
    pm.verify(plan)
    met = defaultdict(set)
    for row in plan.timetable().itertuples():
        start = DAYS.index(row.day) * 1440 + int(row.start[:2]) * 60
        for person in row.people.split(";"):
            assert start not in met[person]
            met[person].add(start)
    assert len(plan.to_frame()) >= plan.matched
    assert seed == 4 or plan.to_frame()["mentee"].duplicated().any()  # no room for more there


def test_a_mentee_with_one_free_period_gets_one_mentor_and_is_listed_as_partly_served():
    mentees = pd.DataFrame({"id": ["T"], "subjects": ["art"], "free": ["Mon 08:00-08:50"]})
    mentors = pd.DataFrame(
        {"id": ["A", "B"], "subjects": ["art", "maths"], "free": ["Mon 08:00-08:50"] * 2}
    )
    plan = pm.match(
        mentees, mentors, pm.Program([pm.SubjectMatch()], [pm.Demand(2), pm.Meetings(45)])
    )
    assert plan.to_frame()["mentor"].tolist() == ["A"]
    assert plan.partly_served["wanted"].tolist() == [2]


def test_a_double_booked_mentee_is_refused(pools):
    rng = np.random.default_rng(1)
    n_spoiled = 0
    for _ in range(60):
        problem = pools[0](rng, most=(5, 4))
        problem = replace(problem, demand=np.full(problem.n_rows, 2))
        answer = solve_assignment(problem)
        slots = problem.slots
        for a, (i, j) in enumerate(answer.pairs.tolist()):
            for b, (k, _) in enumerate(answer.pairs.tolist()):
                taken = int(answer.slots[b, 0])
                if i == k and a != b and taken >= 0 and slots.row[i, taken]:
                    if not slots.column[j, taken] or slots.open_column[j]:
                        continue
                    spoiled = answer.slots.copy()
                    spoiled[a, 0] = taken
                    n_spoiled += 1
                    with pytest.raises(CertificateError, match="cannot take both slots"):
                        certify_plan(problem, replace(answer, slots=spoiled))
    assert n_spoiled > 5


@pytest.mark.parametrize("searched", [60_000, 0])
def test_who_should_have_one_mentor_keeps_the_one_that_is_pinned(searched, monkeypatch):
    monkeypatch.setattr(meeting_demand, "_MOST_TAKES", searched)
    one, two = "Mon 08:00-08:45", "Mon 08:00-08:45; Mon 09:00-09:45"
    mentees = pd.DataFrame({"id": ["T-1", "T-2", "T-3"], "free": two, "years": 1})
    mentors = pd.DataFrame({"id": ["M-1", "M-2", "M-3"], "free": [one, two, two]})
    mentors = mentors.assign(years=[9, 9, 2], max_mentees=3)
    gap = pm.ExperienceGap(at_least=0, ideal=8, at_most=20)
    rules = [pm.Demand({"T-1": 2, "T-2": 2}), pm.Meetings(minutes=45), pm.Pin("T-3", "M-3")]
    plan = pm.match(mentees, mentors, pm.Program([gap], rules))  # M-3 is the worst for everybody
    frame = plan.to_frame()
    assert frame.loc[frame["mentee"] == "T-3", "mentor"].tolist() == ["M-3"]
    pm.verify(plan)
