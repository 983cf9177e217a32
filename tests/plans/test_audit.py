from datetime import date

import pandas as pd
import pytest

import pairmatch as pm

MENTEES = pd.DataFrame(
    {
        "id": ["T-10", "T-2", "T-3"],
        "subjects": ["maths", "art", "maths"],
        "grades": ["9", "K", ""],
        "credential": ["maths (preliminary)", "", "maths"],
        "enrolled": ["2026-08-01", "2026-06-30", ""],
    }
)
MENTORS = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["maths", "music"]})
PROGRAM = pm.Program(
    criteria=[pm.SubjectMatch()], constraints=[pm.Require(pm.SubjectMatch()), pm.Load(at_most=1)]
)


@pytest.fixture
def plan():
    return pm.match(MENTEES, MENTORS, PROGRAM)


def test_audit_has_a_row_for_everybody_with_dates_days_and_who_was_considered(plan):
    frame = plan.audit(matched_on="2026-08-15").set_index("mentee")
    assert list(frame.index) == ["T-2", "T-3", "T-10"]
    matched = plan.to_frame()["mentee"].item()
    assert frame.loc[matched, "mentor"] == "M-1"
    assert frame.loc["T-2", "mentor"] == ""
    assert frame["considered"].to_dict() == {"T-2": 0, "T-3": 1, "T-10": 1}
    assert frame.loc["T-10", "credential"] == "maths (preliminary)"
    assert frame.loc["T-2", ["grades", "subjects", "enrolled"]].tolist() == [
        "K",
        "art",
        "2026-06-30",
    ]
    assert len(set(frame["rules"])) == 1


def test_days_are_counted_from_enrolment_and_held_against_the_limit():
    pinned = PROGRAM.replace(constraints=[*PROGRAM.constraints, pm.Pin("T-10", "M-1")])
    plan = pm.match(MENTEES, MENTORS, pinned)
    frame = plan.audit(matched_on=date(2026, 8, 31)).set_index("mentee")
    assert frame.loc["T-10", "days"] == 30
    assert frame["in_time"].to_dict() == {"T-2": "no", "T-3": "", "T-10": "yes"}
    assert frame.loc["T-10", "matched_on"] == "2026-08-31"
    assert frame.loc["T-2", "matched_on"] == ""
    later = plan.audit(matched_on={"T-10": "2026-09-01", "T-2": "2026-07-01"}).set_index("mentee")
    assert later["in_time"].to_dict() == {"T-2": "open", "T-3": "", "T-10": "no"}
    assert (
        plan.audit(matched_on="2026-09-01", within_days=31)
        .set_index("mentee")
        .loc["T-10", "in_time"]
        == "yes"
    )
    assert plan.audit()["days"].isna().all()


def test_the_hash_of_the_rules_changes_with_the_rules_and_only_with_them(plan):
    def hash_of(program, mentees=MENTEES):
        return pm.match(mentees, MENTORS, program).audit()["rules"].iloc[0]

    known = plan.audit()["rules"].iloc[0]
    assert len(known) == 64
    assert hash_of(PROGRAM, MENTEES.iloc[::-1]) == known
    assert hash_of(PROGRAM.replace(objective="total")) != known
    assert hash_of(PROGRAM.replace(constraints=[pm.Load(at_most=1)])) != known
    default, spelt = pm.Program(), pm.Program(criteria=[pm.SubjectMatch()])
    assert hash_of(default) == hash_of(spelt)
    own = pm.Program(criteria=[pm.Custom(lambda a, b: [[1.0] * len(b)] * len(a), name="own")])
    assert hash_of(own) != hash_of(spelt)


def test_groups_and_own_scores_have_an_audit_too():
    pool = pd.DataFrame(
        {"id": list("abcdefg"), "subjects": ["art"] * 7, "enrolled": ["2026-08-01"] * 7}
    )
    program = pm.Program(criteria=[pm.SubjectMatch()], constraints=[pm.Forbid("a", "b")])
    frame = pm.form_groups(pool, program).audit(matched_on="2026-08-11")
    assert frame["id"].tolist() == list("abcdefg")
    assert frame["considered"].tolist() == [5, 5, 6, 6, 6, 6, 6]
    assert frame["days"].tolist() == [10] * 7
    assert set(frame["group"]) == {1, 2}
    own = pm.match_scores([[3, 1], [2, 5]]).audit(matched_on="2026-08-11")
    assert own["mentor"].tolist() == [0, 1]
    assert own["in_time"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"matched_on": "1 September"}, "'1 September' is no date"),
        ({"matched_on": {"T-22": "2026-09-01"}}, "'T-22' is nobody"),
        ({"within_days": -1}, "within_days is -1"),
    ],
)
def test_dates_and_ids_that_cannot_be_used_are_said(plan, wrong, says):
    with pytest.raises(pm.ProgramError, match=says):
        plan.audit(**wrong)
