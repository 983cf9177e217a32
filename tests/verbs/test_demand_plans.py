"""Plans in which mentees have several mentors, from the sheet to the files and back."""

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm


@pytest.fixture
def tables():
    mentees = pd.DataFrame(
        {
            "id": [f"T-{i}" for i in range(8)],
            "subjects": ["maths", "art", "music", "maths; art"] * 2,
            "school": ["A", "B"] * 4,
            "n_mentors": [2, 1, None, 3, 2, 2, 1, 2],
        }
    )
    mentors = pd.DataFrame(
        {
            "id": [f"M-{i}" for i in range(5)],
            "subjects": ["maths; art", "art", "music", "maths", "art; music"],
            "max_mentees": [3, 2, 2, 3, 1],
        }
    )
    return mentees, mentors


RULES = (
    pm.Demand("n_mentors"),
    pm.Pin("T-0", "M-1"),
    pm.Pin("T-0", "M-0"),
    pm.Forbid("T-1", "M-1", why="line manager"),
    pm.Quota(by="school", at_most=2),
    pm.Load(at_least={"M-4": 1}),
)


def test_plan_shows_everybodys_mentors_and_who_has_too_few(tables, tmp_path):
    plan = pm.match(*tables, pm.Program(constraints=RULES))
    assert pm.verify(plan).proved
    assert plan.gap == 0.0
    frame = plan.to_frame()
    assert plan.matched == 8
    assert len(frame) == 11
    assert frame["mentee"].value_counts()["T-0"] == 2
    short = plan.partly_served.set_index("mentee")
    assert (short["mentors"] < short["wanted"]).all()
    assert short["wanted"].sum() - short["mentors"].sum() == 14 - 11
    assert "11 of 14 wanted pairs" in plan.summary()
    plan.save(tmp_path / "plan")
    assert len(pd.read_csv(tmp_path / "plan" / "partly_served.csv")) == len(short)
    again = plan.replace(pairs=frame)
    assert pm.verify(again).proved


def test_why_not_counts_all_mentors_of_a_mentee(tables):
    plan = pm.match(*tables, pm.Program(constraints=RULES))
    assert "pinned to another mentor" in str(plan.why_not("T-0", "M-4"))
    assert "is in the plan" in str(plan.why_not("T-0", "M-1"))
    moved = plan.why_not("T-3", "M-2")
    assert moved.loss is not None
    assert any(";" in str(old) for _, old, _ in moved.moves)


def test_hand_made_plan_beyond_a_demand_is_refused(tables):
    plan = pm.match(*tables, pm.Program(constraints=RULES))
    pairs = [tuple(pair) for pair in plan.to_frame()[["mentee", "mentor"]].to_numpy()]
    other = "M-3" if ("T-1", "M-0") in pairs else "M-0"
    with pytest.raises(pm.CertificateError, match="T-1: has 2 mentors"):
        pm.verify(plan.replace(pairs=[*pairs, ("T-1", other)]))


def test_unmatched_mentees_are_those_without_any_mentor():
    scores = np.array([[5, 5, np.nan], [np.nan, np.nan, np.nan], [1, 1, 1]])
    plan = pm.match_scores(scores, [pm.Demand({0: 2, 2: 2}), pm.Load(at_most=1)])
    assert plan.unmatched["id"].tolist() == [1]
    assert plan.partly_served["mentee"].tolist() == [2]
    assert plan.to_frame()["mentor"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([pm.Demand("n_mentor")], "Did you mean 'n_mentors'"),
        ([pm.Demand({"T-99": 2})], "'T-99' is not among the mentees"),
        (
            [pm.Demand(2), pm.Minutes(each=30, at_most=60), pm.Meetings(minutes=30)],
            "drop Demand or Meetings",
        ),
        ([pm.Demand({"T-1": 1}), pm.Pin("T-1", "M-0"), pm.Pin("T-1", "M-1")], "one mentor only"),
    ],
)
def test_demand_that_cannot_be_used_is_refused_in_words(tables, rules, words):
    with pytest.raises(pm.PairmatchError, match=words):
        pm.match(*tables, pm.Program(constraints=rules))


def test_cells_that_are_no_number_of_mentors_are_named(tables):
    mentees = tables[0].assign(n_mentors=[0, 1.5, 1, 1, 1, 1, 1, 1])
    with pytest.raises(pm.ProgramError) as caught:
        pm.match(mentees, tables[1], pm.Program(constraints=[pm.Demand("n_mentors")]))
    assert [fault.where for fault in caught.value.faults] == [
        "mentee T-0, column n_mentors",
        "mentee T-1, column n_mentors",
    ]


@pytest.mark.parametrize("each", [0, -1, 1.5, True, " ", None, {"T-1": 0}])
def test_demand_is_a_whole_number_above_nothing(each):
    with pytest.raises(pm.ProgramError, match="whole number >= 1"):
        pm.Demand(each)


def test_program_file_knows_demand(tmp_path):
    program = pm.Program(constraints=[pm.Demand("n_mentors", default=2)])
    path = tmp_path / "plan.toml"
    path.write_text(program.to_toml(), encoding="utf-8")
    assert pm.Program.from_toml(path) == program


def test_several_mentors_keep_within_the_minutes_of_each():
    scores = np.arange(40.0).reshape(8, 5) % 7
    minutes = pm.Minutes(each={i: 30 + 15 * (i % 3) for i in range(8)}, at_most=100)
    plan = pm.match_scores(scores, [pm.Demand(2), minutes, pm.Load(at_most=8)])
    pm.verify(plan)
    assert plan.gap is not None
    assert plan.matched == 8
    used = plan.to_frame().assign(minutes=lambda frame: 30 + 15 * (frame["mentee"] % 3))
    assert used.groupby("mentor")["minutes"].sum().max() <= 100
    one = pm.match_scores(scores, [minutes, pm.Load(at_most=8)])
    assert len(plan.to_frame()) > len(one.to_frame())
    crowded = [(i, 0) for i in range(8)]
    with pytest.raises(pm.CertificateError, match="minutes"):
        pm.verify(plan.replace(pairs=crowded))


def test_minutes_as_a_mentee_of_several_mentors_are_kept_free():
    mentees = pd.DataFrame({"id": ["T-1", "T-2", "T-3"], "subjects": "maths"})
    mentors = pd.DataFrame({"id": ["T-1", "M-1", "M-2"], "subjects": "maths"})
    rules = [
        pm.Demand({"T-1": 2}), pm.Minutes(each=30, at_most={"T-1": 90, "M-1": 60, "M-2": 60})
    ]  # fmt: skip
    plan = pm.match(mentees, mentors, pm.Program(constraints=[*rules, pm.Load(at_most=3)]))
    pm.verify(plan)
    pairs = plan.to_frame()
    assert (pairs["mentee"] == "T-1").sum() == 2
    assert (pairs["mentor"] == "T-1").sum() <= 1  # 60 of its 90 minutes are those of a mentee


def test_several_mentors_within_minutes_of_a_large_pool_are_refused_with_the_way_out():
    scores = np.ones((600, 600))
    rules = [pm.Demand(2), pm.Minutes(each=30, at_most=45)]
    with pytest.raises(pm.CapabilityError, match=r"262,144 pairs, and here are 360,000; give"):
        pm.match_scores(scores, rules)


def test_rematching_several_mentors_within_minutes_is_refused_with_the_way_out(tables):
    rules = [pm.Demand(2), pm.Minutes(each=30, at_most=60), pm.Load(at_most=3)]
    plan = pm.match(*tables, pm.Program(constraints=rules))
    with pytest.raises(pm.CapabilityError, match="match anew with match"):
        pm.rematch(plan, pm.Changes(leave=["M-1"]), at_most_changes=1)
