"""Why people have no mentor, also where there are too many of them to say it all."""

from __future__ import annotations

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.plans import reasons
from pairmatch.plans.standing import Standing, find_crowded

RULES = {
    "plain": [pm.Load(at_most=1)],
    "rules": [
        pm.Load(at_most=1),
        pm.Require(pm.SubjectMatch()),
        pm.Require(pm.ExperienceGap(at_least=3), at_least=0.6),
        pm.MinScore(0.55),
    ],
    "quota": [pm.Load(at_most=3), pm.Quota(by="role", at_most=1)],
    "minutes": [pm.Load(at_most=3), pm.Minutes(each=30, at_most=60)],
    "meetings": [pm.Load(at_most=2), pm.Meetings(minutes=45)],
    "nobody": [pm.Require(pm.SubjectMatch(), at_least=1), pm.MinScore(1)],
}


@pytest.fixture(scope="module")
def pool():
    return district(40, 14, seed=3)


@pytest.fixture(scope="module", params=sorted(RULES))
def plan(request, pool):
    return pm.match(
        pool.mentees,
        pool.mentors,
        pm.Program(
            criteria=[pm.SubjectMatch(weight=2), pm.ExperienceGap()],
            constraints=RULES[request.param],
        ),
    )


def rows_of(plan):
    return [plan.mentee_row(person) for person in plan.unmatched_ids]


def test_reasons_of_many_at_once_are_those_of_each(plan):
    told = reasons.explain_unmatched(plan, rows_of(plan))
    assert told, "the pool is too easy for a test of reasons"
    standing = Standing.of(plan)
    assert list(reasons._name_reasons(standing, rows_of(plan))) == [why.reason for why in told]


def test_every_mentor_has_one_reason_and_the_sentence_counts_them(plan):
    for person in plan.unmatched_ids:
        why = plan.why_unmatched(person)
        assert [mentor for mentor, _, _ in why.mentors] == list(plan.scored.coach.ids)
        assert all(rule and detail for _, rule, detail in why.mentors)
        assert why.to_frame()["mentors"].sum() == len(plan.scored.coach.ids)
        allowed = plan.scored.allowed_at(plan.mentee_row(person), range(14))
        removed = {"places", "Quota", "Load", "Minutes"}
        for (_, rule, _), is_allowed in zip(why.mentors, allowed, strict=True):
            assert is_allowed == (rule in removed) or rule == "Meetings"


def test_beyond_so_many_people_the_sentences_say_where_the_rest_is(plan, monkeypatch):
    whole = plan.unmatched
    monkeypatch.setattr(reasons, "_MOST_PAIRS", 0)
    monkeypatch.setattr(reasons, "_FEWEST_TOLD", 2)
    again = plan.replace(pairs=plan.to_frame())
    short = again.unmatched
    assert short["id"].tolist() == whole["id"].tolist()
    assert short["reason"].tolist() == again_reasons(again)
    assert short["detail"].tolist()[:2] == [str(again.why_unmatched(p)) for p in short["id"][:2]]
    assert all("why_unmatched(" in text for text in short["detail"][2:])
    assert f"the first 2 of {len(whole)} have their reasons written out" in again.summary()


def again_reasons(plan):
    return [plan.why_unmatched(person).reason for person in plan.unmatched_ids]


def test_a_quota_is_used_up_where_it_holds_so_many_of_one_class(pool):
    program = pm.Program(
        criteria=[pm.SubjectMatch()],
        constraints=[pm.Load(at_most=4), pm.Quota(by="school", at_most=2)],
    )
    plan = pm.match(pool.mentees, pool.mentors, program)
    school = plan.scored.coached.texts("school").tolist()
    pairs = plan.solution.pairs
    for row in range(len(school)):
        mates = np.array([school[i] == school[row] != "" for i, _ in pairs.tolist()])
        expected = [int(mates[pairs[:, 1] == j].sum()) >= 2 for j in range(14)]
        assert find_crowded(plan.problem, plan.solution, row).tolist() == expected
