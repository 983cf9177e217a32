from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm


@pytest.fixture
def pool():
    years = [1, 2, 3, 10, 11, 12, 27]
    subjects = ["art"] * 3 + ["maths"] * 4
    return pd.DataFrame({"id": [f"T-{k}" for k in range(7)], "years": years, "subjects": subjects})


@pytest.fixture
def plan(pool):
    program = pm.Program(constraints=[pm.Spread("years", at_most=15)], leftovers="leave_out")
    return pm.form_groups(pool, program)


def test_person_left_out_learns_the_rule_and_the_smallest_change(pool):
    program = pm.Program(
        criteria=[pm.SubjectMatch()], constraints=[pm.Spread("years", at_most=12)], size=3
    )
    plan = pm.form_groups(pool, program)
    assert plan.unmatched["id"].tolist() == ["T-6"]
    why = plan.why_unmatched("T-6")
    assert "kept from others by Spread('years', at_most=12) (6)" in str(why)
    wide = pm.Spread("years", at_most=17)
    assert repr(wide) in why.change
    frame = why.to_frame()
    assert frame["partners"].tolist() == [6]
    placed = pm.form_groups(pool, program.replace(constraints=[wide]))
    assert placed.unmatched.empty


@pytest.mark.parametrize(
    ("rule", "column", "values", "change"),
    [
        (pm.Compose("c", "low", at_most=0), "c", ["low"] + [""] * 6, "at_most=1"),
        (
            pm.Compose("c", "x", at_least=2),
            "c",
            ["x", "x", "x"] + [""] * 4,
            "if groups of 5 were allowed",
        ),
        (pm.Balance("years", within=0.2), None, None, "with Balance"),
        (pm.Different("c"), "c", ["x"] * 5 + ["y", "z"], "without Different('c')"),
        (pm.Meetings(minutes=45), "free", ["Mon 10:00-11:00"] * 6 + ["Mon 10:00-10:30"], "=30)"),
    ],
)
def test_change_really_places_the_person(pool, rule, column, values, change):
    if column is not None:
        pool[column] = values
    program = pm.Program(criteria=[pm.SubjectMatch()], constraints=[rule], size=(3, 4))
    plan = pm.form_groups(pool, program)
    assert not plan.unmatched.empty
    said = [plan.why_unmatched(key).change for key in plan.unmatched["id"]]
    assert any(change in text for text in said)


def test_asking_about_somebody_who_is_placed_or_unknown_is_explained(plan):
    placed = plan.group_ids[0][0]
    with pytest.raises(pm.ProgramError, match="is in a group"):
        plan.why_unmatched(placed)
    with pytest.raises(pm.UnknownIdError, match="not in the pool"):
        plan.why_unmatched("T-99")


def test_points_of_two_members_sum_to_their_score(plan):
    a, b, _ = plan.group_ids[0]
    frame = plan.explain(a, b)
    assert frame["points"].sum() == pytest.approx(100 * plan.scored.to_frame().loc[a, b])


def test_groups_edited_by_hand_are_judged_like_any_other():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 100, (9, 9))
    plan = pm.group_scores(scores, [pm.Forbid(0, 1)])
    same = plan.replace(groups=plan.to_frame())
    assert pm.verify(same).objective == plan.certificate.objective
    other = plan.replace(groups=[[0, 2, 3], [1, 4, 5], [6, 7, 8]])
    assert other.gap >= 0
    assert other.objective <= plan.objective
    assert pm.verify(other).matched == 9
    broken = plan.replace(groups=[[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    assert broken.certificate is None
    with pytest.raises(pm.CertificateError, match="forbidden pair"):
        pm.verify(broken)
    with pytest.raises(pm.ProgramError, match="twice"):
        plan.replace(groups=[[0, 2, 3], [3, 4, 5]])


def test_everybody_forbidden_leaves_everybody_out_with_the_rule():
    plan = pm.group_scores(np.ones((5, 5)), [pm.MinScore(2)])
    assert plan.group_ids == ()
    assert plan.gap == 0.0
    why = plan.why_unmatched(0)
    assert "MinScore(2) (4)" in str(why)
    assert "with MinScore(1.0)" in why.change


def test_table_of_people_left_out_says_in_words_what_keeps_them_from_others():
    teachers = pd.DataFrame(
        {
            "id": ["A", "B", "C", "D", "E"],
            "subjects": ["art", "art", "maths", "music", "art"],
            "free": ["Mon 8:00-9:00", "Mon 8:00-9:00", "Mon 8:00-9:00", "", "Tue 8:00-9:00"],
        }
    )
    rules = [pm.Require(pm.SubjectMatch()), pm.Meetings(minutes=30)]
    plan = pm.form_groups(teachers, pm.Program([pm.SubjectMatch()], rules, size=2))
    said = plan.unmatched.set_index("id")["detail"]
    assert said["C"] == (
        "C is left out: the rules allow no partner, a group needs 1; "
        "kept from others by no subject in common (4)."
    )
    assert "no joint 30-minute slot (2)" in said["E"]
    shuffled = pm.form_groups(teachers[::-1], pm.Program([pm.SubjectMatch()], rules, size=2))
    assert shuffled.unmatched.equals(plan.unmatched)
    only_time = pm.form_groups(teachers, pm.Program([pm.SubjectMatch()], rules[1:], size=2))
    assert "no free time given by D (4)" in only_time.unmatched.set_index("id")["detail"]["D"]


def test_change_names_a_lesson_rule_as_it_was_given():
    teachers = pd.DataFrame(
        {
            "id": ["A", "B", "C"],
            "subjects": ["art"] * 3,
            "free": ["Mon 8:00-9:00", "Tue 8:00-9:00", ""],
            "teaching": ["Tue 8:00-9:00", "Mon 8:00-9:00", ""],
        }
    )
    rule = pm.Observation(minutes=40, both_ways=False)
    plan = pm.form_groups(teachers, pm.Program([pm.SubjectMatch()], [rule], size=2))
    assert plan.why_unmatched("C").change.endswith(f"without {rule!r}") or "if groups of 3" in (
        plan.why_unmatched("C").change
    )
    assert "EitherWay" not in str(plan.why_unmatched("C"))
