"""Mistakes that matching tools are known for, each as a test by name."""

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm


def table(**columns):
    n = len(next(iter(columns.values())))
    columns.setdefault("id", [f"p{k}" for k in range(n)])
    return pd.DataFrame(columns)


def test_capacity_zero_is_legal_and_takes_nobody():
    mentees = table(id=["a", "b"], subjects=["art", "art"])
    mentors = table(id=["x", "y"], subjects=["art", "art"], max_mentees=[0, 1])
    plan = pm.match(mentees, mentors)
    assert plan.matched == 1
    assert plan.loads.set_index("mentor")["load"].to_dict() == {"x": 0, "y": 1}
    (reason,) = plan.unmatched["detail"]
    assert "x" not in plan.to_frame()["mentor"].tolist()
    assert "no places" in reason


def test_disallowed_pair_is_not_an_allowed_pair_that_scores_zero():
    scores = [[0.0, np.nan], [0.0, 5.0]]
    plan = pm.match_scores(scores)
    assert plan.to_frame().to_dict("records") == [
        {"mentee": 0, "mentor": 0, "score": 0},
        {"mentee": 1, "mentor": 1, "score": 5},
    ]
    nobody = pm.match_scores([[np.nan, np.nan]])
    assert nobody.matched == 0
    assert nobody.gap == 0.0


def test_empty_profile_does_not_beat_a_full_agreement():
    mentees = table(id=["full", "empty"], subjects=["art", ""], goals=["talk", ""])
    mentors = table(id=["m"], subjects=["art"], strengths=["talk"])
    scored = pm.score(mentees, mentors)
    frame = scored.to_frame()
    assert frame.loc["full", "m"] == 1.0
    assert pm.match(mentees, mentors).to_frame()["mentee"].tolist() in (["full"], ["empty"])
    evidence = scored.evidence()
    assert evidence.loc["full", "m"] == 1.0
    assert evidence.loc["empty", "m"] == 0.0


def test_missing_data_counts_the_average_and_not_agreement():
    mentees = table(id=["a", "b", "empty"], subjects=["art", "music", ""])
    mentors = table(id=["m", "n"], subjects=["art", "health"])
    frame = pm.score(
        mentees, mentors, pm.Program(criteria=[pm.SubjectMatch(neighbours={})])
    ).to_frame()
    assert frame.loc["empty"].tolist() == [0.25, 0.25]


def test_equal_scores_give_loads_that_differ_by_at_most_one():
    plan = pm.match_scores(np.ones((12, 5)), [pm.Load(at_most=12)])
    loads = plan.loads["load"]
    assert plan.matched == 12
    assert loads.max() - loads.min() <= 1


def test_one_blocked_mentee_still_yields_a_plan_and_a_reason():
    mentees = table(id=["a", "b", "blocked"], subjects=["art", "art", "latin"])
    mentors = table(id=["x", "y", "z"], subjects=["art", "art", "art"])
    plan = pm.match(mentees, mentors, pm.Program(constraints=[pm.Require(pm.SubjectMatch())]))
    assert plan.matched == 2
    why = plan.why_unmatched("blocked")
    assert (
        str(why) == "blocked has no mentor: all 3 mentors are ruled out: no subject in common (3)."
    )
    assert why.to_frame()["mentors"].sum() == 3


def test_three_people_left_over_are_placed_in_larger_groups():
    scores = np.ones((5, 5))
    plan = pm.group_scores(scores, size=3)
    assert [len(group) for group in plan.group_ids] == [5]
    eleven = pm.group_scores(np.ones((11, 11)), size=3)
    assert sorted(len(group) for group in eleven.group_ids) == [3, 4, 4]
    assert eleven.unmatched.empty


def test_two_people_cannot_be_a_triad_and_are_named():
    plan = pm.group_scores(np.ones((2, 2)), size=3)
    assert plan.matched == 0
    assert plan.unmatched["id"].tolist() == [0, 1]
    assert plan.unmatched["reason"].tolist() == ["pool too small", "pool too small"]


def test_unknown_method_is_refused_with_the_alternatives():
    with pytest.raises(pm.ProgramError, match="flow"):
        pm.match_scores([[1.0]], options=pm.Options(method="hungary"))


def test_all_zero_scores_are_solved_the_same_way_every_time():
    plans = [pm.match_scores(np.zeros((6, 6))).to_frame() for _ in range(2)]
    pd.testing.assert_frame_equal(*plans)


def test_tags_match_whole_and_not_by_substring():
    mentees = table(id=["a"], subjects=["art"])
    mentors = table(id=["m"], subjects=["martial arts"])
    assert pm.score(mentees, mentors).to_frame().loc["a", "m"] == 0


def test_same_person_in_both_tables_is_never_paired_with_itself():
    people = table(id=["a", "b"], subjects=["art", "art"])
    plan = pm.match(people, people)
    assert set(map(tuple, plan.to_frame()[["mentee", "mentor"]].values)) == {
        ("a", "b"),
        ("b", "a"),
    }


def test_evaluator_is_never_the_mentor_unless_it_is_asked_for():
    mentees = table(id=["a"], subjects=["art"], evaluator=["boss"])
    mentors = table(id=["boss"], subjects=["art"])
    plan = pm.match(mentees, mentors)
    assert plan.matched == 0
    assert "boss evaluates a" in str(plan.why_unmatched("a"))
    lifted = pm.Program(constraints=[pm.EvaluatorPairs(allowed=True)])
    assert pm.match(mentees, mentors, lifted).matched == 1
