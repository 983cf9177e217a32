"""What makes a coaching model that model holds for every pair and group of its program."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district, staff
from pairmatch.programs import PRESETS
from pairmatch.scoring import FULL

SKILL = "technology integration"
NEEDED = {"initiative": {"skill": SKILL}}


@cache
def pool():
    return district(36, 28, seed=3, gaps=0.04)


@cache
def teachers(roles="facilitator"):
    table = staff(15, seed=4, gaps=0.04)
    turn = np.arange(len(table))
    if roles == "facilitator":
        table["role"] = np.where(turn % 4 == 0, "facilitator", "both")
    else:
        table["role"] = np.where(turn % 4 == 0, "mentor", "mentee")
    return pm.read_profiles(table)


@cache
def plan_of(name, **parameters):
    program = pm.Program.preset(name, **NEEDED.get(name, {}), **parameters)
    if PRESETS[name].verb == "match":
        plan = pm.match(pool().mentees, pool().mentors, program)
    else:
        plan = pm.form_groups(teachers("mentor" if name == "circle" else "facilitator"), program)
    pm.verify(plan)
    return plan


def pairs_of(plan):
    return [(int(i), int(j)) for i, j in plan.solution.pairs]


def directed_pairs(plan):
    return [(a, b) for members in plan.groups for a in members for b in members if a != b]


def known(criterion, plan, i, j):
    """What a criterion is worth for one pair, from the cells alone; None if unknown."""
    units = criterion.pair_units(plan.scored.coached, i, plan.scored.coach, j, FULL)
    return None if units is None else units / FULL


def entries(plan, column, row):
    return {part.strip().casefold() for part in plan.scored.coached[column][row]}


@pytest.mark.parametrize("name", PRESETS)
def test_every_model_makes_a_verified_plan_of_a_good_part_of_the_pool(name):
    plan = plan_of(name)
    assert plan.matched >= 6
    assert len(PRESETS[name].sentence.split()) >= 5
    assert PRESETS[name].sentence.endswith(".")


@pytest.mark.parametrize("name", [p.name for p in PRESETS.values() if p.verb == "match"])
def test_no_mentor_has_more_than_three_mentees_nor_more_than_offered(name):
    loads = plan_of(name).loads
    assert loads["load"].max() <= 3
    offered = dict(zip(pool().mentors["id"], pool().mentors["max_mentees"], strict=True))
    for row in loads.itertuples():
        assert np.isnan(offered[row.mentor]) or row.load <= offered[row.mentor]


@pytest.mark.parametrize("name", PRESETS)
def test_nobody_is_with_who_evaluates_them(name):
    plan = plan_of(name)
    pairs = pairs_of(plan) if PRESETS[name].verb == "match" else directed_pairs(plan)
    rule = pm.EvaluatorPairs()
    coached, coach = plan.scored.coached, plan.scored.coach
    assert all(rule.breach(coached, i, coach, j, 0) is None for i, j in pairs)


def test_mentoring_keeps_the_gap_and_the_subject():
    plan = plan_of("mentoring")
    for i, j in pairs_of(plan):
        gap = plan.scored.coach["years"][j] - plan.scored.coached["years"][i]
        assert 3 <= gap <= 25
        assert known(pm.SubjectMatch(), plan, i, j) > 0
    audit = plan.audit(matched_on="2026-10-20", within_days=30)
    assert set(audit["in_time"]) <= {"yes", "no", "open", ""}
    assert len(audit) == 36


def test_reciprocal_pairs_are_good_in_both_directions():
    plan = plan_of("reciprocal", at_least=0.35)
    assert sorted(map(len, plan.groups))[:-1] == [2] * (len(plan.groups) - 1)
    for i, j in directed_pairs(plan):
        assert int(plan.problem.gain[i, j]) >= 350_000


def test_in_a_triad_each_coaches_once_and_everybody_gives_and_receives():
    plan = plan_of("triad")
    assert sorted({len(members) for members in plan.groups}) in ([3], [3, 4])
    assert plan.rotations().groupby("group")["coach"].nunique().tolist() == [
        len(members) for members in plan.groups
    ]
    for members in plan.groups:
        for a in members:
            others = [b for b in members if b != a]
            gives = {s for b in others for s in entries(plan, "goals", b)}
            gets = {s for b in others for s in entries(plan, "strengths", b)}
            assert not entries(plan, "strengths", a) or entries(plan, "strengths", a) & gives
            assert not entries(plan, "goals", a) or entries(plan, "goals", a) & gets


def lesson_free(plan, teaching, taught_by, free, watched_by):
    """Whether one person has forty minutes free while another teaches."""
    lessons = taught_by.windows("teaching")[teaching]
    hours = watched_by.windows("free")[free]
    return any(min(b, d) - max(a, c) >= 40 for a, b in lessons for c, d in hours)


def test_who_observes_is_free_while_the_other_teaches_in_both_directions():
    plan = plan_of("observational")
    mentees, mentors = plan.scored.coached, plan.scored.coach
    for i, j in pairs_of(plan):
        assert lesson_free(plan, i, mentees, j, mentors)
        assert lesson_free(plan, j, mentors, i, mentees)
        assert mentees["school"][i] == mentors["school"][j]
    timetable = plan.timetable()
    assert (timetable["kind"] == "observation").sum() == 2 * plan.matched


def test_of_two_who_share_a_lesson_one_is_free_while_the_other_teaches():
    plan = plan_of("tandem")
    table = plan.scored.coached
    for teaching, free in directed_pairs(plan):
        there = lesson_free(plan, teaching, table, free, table)
        back = lesson_free(plan, free, table, teaching, table)
        assert there or back
        assert table["school"][teaching] == table["school"][free]
        assert known(pm.SubjectMatch(), plan, teaching, free) > 0


def test_one_direction_is_enough_for_a_lesson_taught_together():
    teach, free = "Mon 09:00-09:45", "Mon 13:00-13:45"
    pool = pd.DataFrame(
        {
            "id": ["a", "b"],
            "school": ["N", "N"],
            "subjects": ["art", "art"],
            "teaching": [teach, "Mon 14:00-14:45"],
            "free": [free, teach],
        }
    )
    program = pm.Program.preset("tandem").replace(criteria=[pm.SubjectMatch()])
    plan = pm.form_groups(pool, program)
    pm.verify(plan)
    assert plan.group_ids in ((("a", "b"),), (("b", "a"),))
    strict = pm.Require(pm.CommonTime(minutes=40, coached="teaching"))
    assert pm.form_groups(pool, program.replace(constraints=[strict])).matched == 0
    never = pool.assign(free=free)
    assert pm.form_groups(never, program).matched == 0


def test_an_odd_pool_is_proved_best_when_one_is_left_out():
    plan = plan_of("reciprocal", at_least=0.01, three_if_odd=False)
    assert {len(members) for members in plan.groups} == {2}
    assert plan.matched == 14
    assert plan.gap == 0


def test_tandem_gives_style_the_largest_weight():
    weights = {type(c).__name__: c.weight for c in pm.Program.preset("tandem").criteria}
    assert max(weights, key=weights.get) == "StyleFit"


def joint_minutes(plan, members):
    """Longest stretch of the week in which all members are free."""
    minutes = np.ones(7 * 24 * 60, bool)
    for row in members:
        own = np.zeros_like(minutes)
        for start, end in plan.scored.coached.windows("free")[row] or ():
            own[start:end] = True
        minutes &= own
    edges = np.flatnonzero(np.diff(np.concatenate([[0], minutes.astype(int), [0]])))
    return max((edges[1::2] - edges[::2]).tolist(), default=0)


@pytest.mark.parametrize(("name", "sizes"), [("collaborative", (3, 5)), ("plc", (4, 6))])
def test_teams_have_their_size_and_a_time_joint_to_all(name, sizes):
    plan = plan_of(name)
    for members in plan.groups:
        assert sizes[0] <= len(members) <= sizes[1]
        assert joint_minutes(plan, members) >= 45
        if name == "plc":
            assert any("facilitator" in str(plan.scored.coached["role"][row]) for row in members)


def test_collaborative_teams_share_more_goals_than_chance_and_fewer_strengths():
    plan = plan_of("collaborative")
    table = plan.scored.coached
    together = directed_pairs(plan)
    n = len(table)
    everybody = [(i, j) for i in range(n) for j in range(n) if i != j]
    for column, sign in (("goals", 1), ("strengths", -1)):
        alike = pm.Similarity(column)
        values = [
            np.mean([v for v in (known(alike, plan, i, j) for i, j in some) if v is not None])
            for some in (together, everybody)
        ]
        assert sign * (values[0] - values[1]) > 0


def test_peer_groups_cross_departments():
    plan = plan_of("peer_group")
    for members in plan.groups:
        assert 3 <= len(members) <= 5
        taught = [subject for row in members for subject in entries(plan, "subjects", row)]
        assert all(taught.count(subject) <= 2 for subject in taught)


def test_maths_and_science_can_be_brought_together():
    program = pm.Program.preset("peer_group", together=("maths", "science"))
    asked = [rule for rule in program.constraints if isinstance(rule, pm.Compose)]
    assert [(rule.value, rule.at_least) for rule in asked] == [("maths", 1), ("science", 1)]
    plan = pm.form_groups(teachers(), program)
    for members in plan.groups:
        taught = set().union(*(entries(plan, "subjects", row) for row in members))
        assert {"maths", "science"} <= taught


def test_circles_have_one_mentor_and_four_mentees():
    frame = plan_of("circle").to_frame()
    for _, circle in frame.groupby("group"):
        assert sorted(circle["role"]) == ["mentee"] * 4 + ["mentor"]
    table = teachers("mentor")
    own = dict(zip(table["id"], table["role"], strict=True))
    assert all(own[row.id] == row.role for row in frame.itertuples())


def test_virtual_pairs_can_both_meet_by_video_and_have_a_time():
    plan = plan_of("virtual")
    schools = set()
    for i, j in pairs_of(plan):
        answers = {str(plan.scored.coached["modality"][i]), str(plan.scored.coach["modality"][j])}
        assert answers <= {"virtual", "either"}
        assert known(pm.CommonTime(), plan, i, j) == 1
        schools.add(plan.scored.coached["school"][i] == plan.scored.coach["school"][j])
    assert False in schools
    assert len(plan.timetable()) == plan.matched


def test_asynchronous_pairs_need_no_common_time():
    plan = plan_of("asynchronous")
    times = {known(pm.CommonTime(), plan, i, j) for i, j in pairs_of(plan)}
    assert 0 in times
    assert plan.matched > plan_of("virtual").matched


def test_an_initiative_gives_more_people_a_mentor_with_its_skill():
    def count(plan):
        return sum(SKILL in plan.scored.coach["strengths"][j] for _, j in pairs_of(plan))

    light = pm.Program.preset("initiative", skill=SKILL, weight=0.01)
    without = pm.match(pool().mentees, pool().mentors, light)
    assert count(plan_of("initiative")) > max(count(without), count(plan_of("mentoring")))


def test_job_alike_means_the_same_subject_and_a_near_grade_and_not_job_alike_the_opposite():
    plan = plan_of("job_alike")
    for i, j in pairs_of(plan):
        assert known(pm.SubjectMatch(neighbours={}), plan, i, j) > 0
        assert known(pm.GradeMatch(within=1), plan, i, j) > 0
    plan = plan_of("not_job_alike")
    for i, j in pairs_of(plan):
        assert not known(pm.SubjectMatch(neighbours={}), plan, i, j)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("triads", {}, "Did you mean 'triad'?"),
        ("triad", {"minuts": 30}, "'triad' has no parameter 'minuts'. Did you mean 'minutes'?"),
        ("triad", {"skill": "AI"}, "It has: minutes, weeks."),
        ("initiative", {}, "'initiative' needs the parameter 'skill'"),
        ("mentoring", {"gap_at_least": 30}, "at_least <= ideal <= at_most"),
        ("mentoring", {"most_mentees": -1}, "at_most is -1"),
        ("plc", {"smallest": 7}, "size is (7, 6)"),
    ],
)
def test_parameters_of_a_model_are_checked(name, parameters, says):
    with pytest.raises(pm.ProgramError) as caught:
        pm.Program.preset(name, **parameters)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", PRESETS)
def test_every_parameter_changes_its_program(name):
    other = {str: "another", tuple: ("art",)}
    usual = pm.Program.preset(name, **NEEDED.get(name, {}))
    for key, default in PRESETS[name].parameters.items():
        if isinstance(default, bool):
            value = not default
        elif isinstance(default, (int, float)):
            value = default + 1
        else:
            value = other.get(type(default), "x")
        changed = pm.Program.preset(name, **(NEEDED.get(name, {}) | {key: value}))
        assert changed != usual, key


@pytest.mark.parametrize("name", PRESETS)
def test_every_model_fits_a_sheet_of_few_columns(name):
    program = pm.Program.preset(name, **NEEDED.get(name, {}))
    ids = [f"T-{k}" for k in range(12)]
    sheet = pd.DataFrame({"id": ids, "subjects": ["art", "maths", "music"] * 4})
    table = pm.read_profiles(sheet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitting = program.fitting(table, table)
    pm.score(table, table, fitting)
    kept = {type(rule).__name__ for rule in fitting.constraints}
    assert not kept & {"Meetings", "GiveAndReceive", "Compose"}
