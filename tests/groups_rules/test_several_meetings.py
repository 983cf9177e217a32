"""Groups that meet several times a week: enough joint starts, no two at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.solvers.certify.group_rules import find_broken_rules, which_are_legal
from pairmatch.solvers.group_rules import GroupRules, Weekly, pack_slots
from pairmatch.solvers.problem import GroupingProblem

TWICE = pm.Meetings(minutes=45, per_week=2)


def pool_of(*free):
    ids = [f"T{k:02}" for k in range(len(free))]
    return pd.DataFrame({"id": ids, "subjects": ["art", "maths", "art"] * (len(free) // 3)}).assign(
        free=free
    )


def form(pool, rule=TWICE, **more):
    return pm.form_groups(pool, pm.Program([pm.SubjectMatch()], [rule], size=3, **more))


def test_a_group_meets_as_often_as_is_asked_and_the_timetable_has_every_meeting():
    plan = form(pool_of("Mon 8:00-9:30", "Mon 8:00-9:30", "Mon 7:00-10:00"))
    times = plan.timetable()
    assert times[["day", "start", "end"]].to_numpy().tolist() == [
        ["Mon", "08:00", "08:45"],
        ["Mon", "08:45", "09:30"],
    ]
    assert plan.to_frame().columns.tolist() == ["group", "id", "role"]
    pm.verify(plan)


def test_time_for_one_meeting_is_not_time_for_two():
    plan = form(pool_of("Mon 8:00-9:29", "Mon 8:00-9:30", "Mon 7:00-10:00"))
    assert plan.matched == 0
    assert form(plan.scored.coached, replace(TWICE, per_week=1)).matched == 3


def test_windows_far_apart_add_up_and_those_that_most_prefer_come_first():
    free = "Mon 8:00-8:45; Tue 8:00-8:45; Fri 12:00-13:00"
    rule = pm.Meetings(minutes=45, per_week=2, prefer="Fri 12:00-13:00")
    plan = form(pool_of(free, free, free), rule)
    assert plan.timetable()["day"].tolist() == ["Mon", "Fri"]


def test_people_whose_time_is_unknown_may_be_together_where_that_is_allowed():
    rule = pm.Meetings(minutes=45, per_week=2, unknown="allow")
    plan = form(pool_of("", "", ""), rule)
    assert plan.matched == 3
    assert plan.timetable().empty
    pm.verify(plan)
    assert form(pool_of("", "", "")).matched == 0


def test_a_plan_whose_groups_have_time_for_one_meeting_only_is_refused():
    pool = pool_of(*["Mon 8:00-9:30"] * 3, *["Tue 8:00-9:30"] * 3)
    plan = form(pool)
    pm.verify(plan)
    ids = pool["id"].tolist()
    mixed = pm.form_groups(
        pool.assign(free="Mon 8:00-8:50"), plan.program.replace(constraints=[pm.Meetings()])
    )
    with pytest.raises(pm.CertificateError):
        pm.verify(replace(mixed, program=plan.program))
    with pytest.raises(pm.CertificateError):
        pm.verify(plan.replace(groups=[[ids[0], ids[1], ids[3]], [ids[2], ids[4], ids[5]]]))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("times", [2, 3])
def test_bits_say_what_counting_says_and_so_does_the_check(seed, times):
    rng = np.random.default_rng(seed)
    n, n_starts = 7, int(rng.integers(3, 150))
    start = np.sort(rng.choice(2000, n_starts, replace=False))
    free = rng.random((n, n_starts)) < 0.75
    weekly = Weekly(times, start, 60)
    rules = GroupRules(n, slots=pack_slots(free), weekly=weekly)
    groups = np.array(list(combinations(range(n), 3)))

    def fits(members):
        end = count = 0
        for s in np.flatnonzero(free[list(members)].all(axis=0)):
            if start[s] >= end:
                count, end = count + 1, start[s] + 60
        return count >= times

    wanted = np.array([fits(group) for group in groups])
    assert (rules.legal(groups) == wanted).all()
    joined = rules.n_broken_with_each(groups[:, :2], np.arange(n))
    assert (joined[np.arange(len(groups)), groups[:, 2]] == ~wanted).all()
    problem = GroupingProblem(np.zeros((n, n), int), ~np.eye(n, dtype=bool), 3, 3, 3, rules=rules)
    assert (which_are_legal(problem, groups) == wanted).all()
    assert [not find_broken_rules(problem, group) for group in groups.tolist()] == wanted.tolist()
    pairs = rules.legal_pairs(3)
    assert all(pairs[a, b] == fits((a, b)) for a, b in combinations(range(n), 2))


def test_as_many_people_are_placed_as_any_grouping_places():
    days = ["Mon 8:00-9:30", "Tue 8:00-9:30", "Mon 8:00-8:45; Wed 9:00-9:45", "Mon 8:00-8:45"]
    rng = np.random.default_rng(3)
    for _ in range(4):
        plan = form(pool_of(*["; ".join(rng.choice(days, 2)) for _ in range(9)]))
        pm.verify(plan)
        assert plan.matched == plan.matched_bound  # by enumeration
        held = plan.timetable().groupby("group").size()
        assert set(held) <= {2}
        assert len(held) == len(plan.groups)
