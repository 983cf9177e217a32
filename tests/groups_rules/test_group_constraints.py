from __future__ import annotations

import pickle
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import staff

CRITERIA = [pm.SubjectMatch(), pm.GoalCoverage(weight=2)]


@pytest.fixture(scope="module")
def people():
    pool = staff(24, seed=2)
    rng = np.random.default_rng(3)
    pool["role"] = np.where(rng.random(24) < 0.4, "facilitator", "mentee")
    pool["gender"] = np.where(rng.random(24) < 0.4, "woman", "man")
    return pool


def rows_of(pool, plan):
    by_id = pool.set_index("id")
    return [by_id.loc[list(group)] for group in plan.group_ids]


def entries(cell):
    return {entry.strip() for entry in str(cell).split(";")} - {"", "nan"}


def form(pool, *rules, **parts):
    return pm.form_groups(pool, pm.Program(criteria=CRITERIA, constraints=rules, **parts))


def test_each_group_has_a_facilitator(people):
    plan = form(people, pm.Compose("role", "Facilitator", at_least=1))
    assert all((group["role"] == "facilitator").sum() >= 1 for group in rows_of(people, plan))
    assert pm.verify(plan).matched == plan.matched == 24


def test_no_group_has_two_people_of_low_commitment(people):
    pool = people.assign(commitment=["low"] * 8 + ["high"] * 16)
    plan = form(pool, pm.Compose("commitment", "low", at_most=1))
    assert all((group["commitment"] == "low").sum() <= 1 for group in rows_of(pool, plan))
    assert pm.verify(plan).matched == 24


def test_at_most_two_share_a_subject(people):
    plan = form(people, pm.Alike("subjects", at_most=2), size=4)
    for group in rows_of(people, plan):
        for a, b, c in combinations(group["subjects"], 3):
            assert not entries(a) & entries(b) & entries(c)
    pm.verify(plan)


def test_members_come_from_different_schools_and_are_near_in_years(people):
    plan = form(people, pm.Different("school"), pm.Spread("years", at_most=15))
    for group in rows_of(people, plan):
        assert group["school"].is_unique
        assert group["years"].max() - group["years"].min() <= 15
    pm.verify(plan)


def test_group_means_are_near_the_mean_of_the_pool(people):
    plan = form(people, pm.Balance("years", within=2))
    mean = people["years"].mean()
    assert all(abs(group["years"].mean() - mean) <= 2 for group in rows_of(people, plan))
    free = form(people)
    assert any(abs(group["years"].mean() - mean) > 2 for group in rows_of(people, free))
    pm.verify(plan)


def test_nobody_is_the_only_woman(people):
    plan = form(people, pm.NotAlone("gender", "woman"))
    assert all((group["gender"] == "woman").sum() != 1 for group in rows_of(people, plan))
    pm.verify(plan)


def test_everybody_gives_and_receives(people):
    plan = form(people, pm.GiveAndReceive())
    for group in rows_of(people, plan):
        for here in group.index:
            others = group.drop(here)
            assert any(entries(group.loc[here, "strengths"]) & entries(g) for g in others["goals"])
            assert any(entries(group.loc[here, "goals"]) & entries(s) for s in others["strengths"])
    pm.verify(plan)


def test_pinned_people_share_a_group_and_forbidden_ones_do_not():
    scores = np.ones((9, 9))
    scores[:3, :3] = scores[3:6, 3:6] = scores[6:, 6:] = 9
    plan = pm.group_scores(scores, [pm.Pin(0, 3), pm.Pin(3, 6), pm.Forbid(1, 2)])
    assert (0, 3, 6) in plan.group_ids
    assert not any({1, 2} <= set(group) for group in plan.group_ids)
    assert pm.verify(plan).proved


def test_pins_that_contradict_other_rules_are_named_with_them():
    with pytest.raises(pm.InfeasibleError, match="forbidden pair"):
        pm.group_scores(np.ones((6, 6)), [pm.Pin(0, 1), pm.Forbid(1, 0)])
    with pytest.raises(pm.InfeasibleError, match="4 people into one group, and groups have 3"):
        pm.group_scores(np.ones((6, 6)), [pm.Pin(0, 1), pm.Pin(1, 2), pm.Pin(2, 3)], size=(3, 3))


def test_three_who_overlap_in_pairs_but_never_jointly_are_no_triad():
    free = {
        "a": "Mon 10:00-11:00; Tue 10:00-11:00",
        "b": "Tue 10:00-11:00; Wed 10:00-11:00",
        "c": "Wed 10:00-11:00; Mon 10:00-11:00",
        "d": "Mon 10:00-11:00; Tue 10:00-11:00",
        "e": "Wed 10:00-11:00; Tue 10:00-10:45",
        "f": "Wed 10:00-11:00; Mon 10:10-10:50",
    }
    pool = pd.DataFrame({"id": list(free), "free": free.values(), "subjects": "x"})
    pool["goals"] = pool["strengths"] = "y"
    plan = form(pool.iloc[:3], pm.Meetings(minutes=45))
    assert plan.group_ids == ()
    assert plan.unmatched["id"].tolist() == ["a", "b", "c"]
    plan = form(pool, pm.Meetings(minutes=45))
    assert plan.group_ids == (("a", "b", "d"), ("c", "e", "f"))
    frame = plan.to_frame()
    assert frame.columns.tolist() == ["group", "id", "role", "day", "start", "end"]
    assert set(frame.itertuples(index=False, name=None)) >= {
        (1, "a", "member", "Tue", "10:00", "10:45"),
        (2, "c", "member", "Wed", "10:00", "10:45"),
    }
    times = plan.timetable()
    assert times["people"].tolist() == ["a;b;d", "c;e;f"]
    assert times["minutes"].tolist() == [45, 45]
    assert pm.verify(plan).proved


def test_unknown_free_time_keeps_out_unless_allowed():
    pool = pd.DataFrame({"id": list("abc"), "free": ["Mon 10:00-11:00"] * 2 + [""]})
    pool["goals"] = pool["strengths"] = pool["subjects"] = "x"
    assert form(pool, pm.Meetings()).matched == 0
    plan = form(pool, pm.Meetings(unknown="allow"))
    assert plan.matched == 3
    assert set(plan.to_frame()["day"]) == {""}
    assert plan.timetable().empty


@pytest.mark.parametrize(
    "rule",
    [
        pm.Compose("role", "facilitator", at_least=1),
        pm.Alike("school", at_most=1),
        pm.Different("school"),
        pm.Spread("years", at_most=4),
        pm.Balance("years", within=0.5),
        pm.NotAlone("gender"),
        pm.GiveAndReceive(),
        pm.Meetings(minutes=45),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_groups_that_break_a_rule_are_refused_by_name(people, rule):
    from dataclasses import replace

    free = form(people)
    asked = replace(free, program=free.program.replace(constraints=[rule]))
    with pytest.raises(pm.CertificateError) as caught:
        pm.verify(asked)
    assert "group" in str(caught.value)
    assert pickle.loads(pickle.dumps(rule)) == rule  # noqa: S301
    assert eval(repr(rule), vars(pm)) == rule  # noqa: S307


def test_mistakes_in_rules_are_explained(people):
    with pytest.raises(pm.ProgramError, match="at_least=3 is more than at_most=2"):
        pm.Compose("role", "mentor", at_least=3, at_most=2)
    with pytest.raises(pm.ProgramError, match="Did you mean 'school'"):
        form(people, pm.Different("shcool"))
    with pytest.raises(pm.ProgramError, match="Did you mean 'facilitator'"):
        form(people, pm.Compose("role", "facilitater", at_least=1))
    with pytest.warns(pm.PairmatchWarning, match="Did you mean 'woman'"):
        form(people.head(6), pm.Compose("gender", "womann", at_most=1))
    with pytest.raises(pm.CapabilityError, match="form_groups"):
        pm.match(people, people, pm.Program(constraints=[pm.NotAlone("school")]))
    with pytest.raises(pm.CapabilityError, match="groups do not know travel yet"):
        form(people, pm.Meetings(travel=10))


def test_row_order_changes_nothing_under_rules(people):
    rules = [pm.Different("school"), pm.Balance("years", within=6), pm.Meetings(minutes=30)]
    small = people.head(12)
    once = form(small, *rules)
    again = form(small.sample(frac=1, random_state=4), *rules)
    assert once.group_ids == again.group_ids
    assert once.to_frame().equals(again.to_frame())


def test_own_scores_of_the_same_rules_give_the_same_groups(people):
    small = people.head(12)
    rules = [pm.Different("school"), pm.Spread("years", at_most=25)]
    program = pm.Program(criteria=CRITERIA, constraints=rules, size=3, objective="worst_rotation")
    by_table = pm.form_groups(small, program)
    frame = pm.score(small, small, program).to_frame()
    by_scores = pm.group_scores(frame, size=3, objective="worst_rotation")
    assert by_table.objective == pytest.approx(by_scores.objective)
    assert by_table.group_ids == by_scores.group_ids


@pytest.mark.parametrize(
    ("sizes", "at_least", "said"),
    [
        ({"size": 3, "leftovers": "leave_out"}, 4, r"groups have 3 people\. Lower at_least to 3"),
        (
            {"size": 3},
            6,
            r"groups have 3 to 5 people\. Lower at_least to 5 or less",
        ),
        ({"roles": {"mentor": 1, "mentee": 2}}, 4, r"groups have 3 people"),
    ],
)
def test_more_members_than_any_group_has_are_a_contradiction(sizes, at_least, said):
    table = pd.DataFrame({"id": list("abcdefghi"), "role": "both", "subjects": "art"})
    rule = pm.Compose("subjects", "art", at_least=at_least)
    program = pm.Program([pm.SubjectMatch()], [rule], **sizes)
    with pytest.raises(
        pm.ProgramError, match=f"asks for {at_least} members with subjects art.*{said}"
    ):
        pm.form_groups(table, program)
    fewer = pm.Compose("subjects", "art", at_least=at_least - 1)
    assert pm.form_groups(table, program.replace(constraints=[fewer])).matched > 0
