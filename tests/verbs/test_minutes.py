"""Mentees whose meetings take different numbers of minutes, and mentors with so many a week."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm

GAP_OPTIMA = {
    "gap1": (336, 327, 339, 341, 326),
    "gap2": (434, 436, 420, 419, 428),
    "gap3": (580, 564, 573, 570, 564),
    "gap4": (656, 644, 673, 647, 664),
}


def read_gap(path):
    """Yield profits and uses (jobs x agents) and the capacities of the agents."""
    numbers = np.array(path.read_text().split(), dtype=np.int64)
    start = 1
    for _ in range(numbers[0]):
        m, n = numbers[start : start + 2].tolist()
        start += 2
        profit, use = numbers[start : start + 2 * m * n].reshape(2, m, n)
        start += 2 * m * n
        yield profit.T, use.T, numbers[start : start + m]
        start += m


@pytest.fixture
def tables():
    mentees = pd.DataFrame(
        {
            "id": ["T-1", "T-2", "T-3", "T-4"],
            "subjects": ["maths", "maths", "art", "maths; art"],
            "meeting": [30, 60, 45, 45],
        }
    )
    mentors = pd.DataFrame(
        {
            "id": ["M-1", "M-2"],
            "subjects": ["maths", "art; maths"],
            "minutes_per_week": [90, 45],
        }
    )
    return mentees, mentors


def program(*constraints, objective="coverage"):
    return pm.Program(
        criteria=[pm.SubjectMatch()], constraints=list(constraints), objective=objective
    )


@pytest.mark.parametrize(
    "name", [*list(GAP_OPTIMA)[:3], pytest.param("gap4", marks=pytest.mark.slow)]
)
def test_optimum_of_a_published_generalised_assignment_problem_is_reached(shared_data, name):
    path = shared_data / "orlib" / f"{name}.txt"
    for (profit, use, limit), optimum in zip(read_gap(path), GAP_OPTIMA[name], strict=True):
        rule = pm.Minutes(each=use, at_most=dict(enumerate(limit.tolist())))
        plan = pm.match_scores(profit, [rule])
        assert plan.matched == len(profit)
        assert plan.objective == optimum
        assert plan.bound == optimum
        assert plan.status is pm.Status.OPTIMAL
        assert pm.verify(plan) == plan.certificate


def test_minutes_of_a_mentor_are_not_exceeded(tables):
    plan = pm.match(*tables, program(pm.Minutes(each="meeting")))
    pairs = plan.to_frame().set_index("mentee")["mentor"].to_dict()
    minutes = {"T-1": 30, "T-2": 60, "T-3": 45, "T-4": 45}
    spent = {"M-1": 0, "M-2": 0}
    for mentee, mentor in pairs.items():
        spent[mentor] += minutes[mentee]
    assert plan.matched == 3
    assert spent["M-1"] <= 90
    assert spent["M-2"] <= 45
    assert pm.verify(plan).matched == 3
    assert "Minutes(each='meeting')" in plan.to_json()


def test_minutes_and_places_hold_together(tables):
    mentees, mentors = tables
    plan = pm.match(mentees, mentors, program(pm.Minutes(each="meeting"), pm.Load(at_most=1)))
    assert plan.loads["load"].max() == 1


def test_blank_minutes_of_a_mentor_are_no_limit(tables):
    mentees, mentors = tables
    mentors["minutes_per_week"] = [None, 45]
    rule = pm.Minutes(each="meeting")
    assert pm.match(mentees, mentors, program(rule, pm.Load(at_most=4))).matched == 4
    # Without minutes and without a Load, a mentor has one place, as ever.
    plan = pm.match(mentees, mentors, program(rule))
    assert plan.loads.set_index("mentor")["places"].to_dict() == {"M-1": 1, "M-2": 1}
    assert pm.verify(plan).matched == 2


def test_blank_minutes_of_a_mentee_are_asked_for_or_take_the_default(tables):
    mentees, mentors = tables
    mentees["meeting"] = [30, None, 45, None]
    with pytest.raises(pm.ProgramError) as caught:
        pm.match(mentees, mentors, program(pm.Minutes(each="meeting")))
    assert {fault.where for fault in caught.value.faults} == {
        "mentee T-2, column meeting",
        "mentee T-4, column meeting",
    }
    plan = pm.match(mentees, mentors, program(pm.Minutes(each="meeting", default=20)))
    assert pm.verify(plan).matched == 4


def test_equal_minutes_are_plain_places(tables):
    mentees, mentors = tables
    by_minutes = pm.match(mentees, mentors, program(pm.Minutes(each=45)))
    by_places = pm.match(mentees, mentors, program(pm.Load(at_most={"M-1": 2, "M-2": 1})))
    assert by_minutes.to_frame().equals(by_places.to_frame())
    assert by_minutes.loads.equals(by_places.loads)
    assert by_minutes.status is pm.Status.OPTIMAL
    assert by_minutes.solver == by_places.solver


def test_equal_minutes_go_with_fair_objectives_and_different_ones_do_not(tables):
    fair = pm.match(*tables, program(pm.Minutes(each=45), objective="worst_off"))
    assert pm.verify(fair).proved
    with pytest.raises(pm.CapabilityError, match="minutes that differ"):
        pm.match(*tables, program(pm.Minutes(each="meeting"), objective="worst_off"))


@pytest.mark.parametrize("labelled", [True, False])
def test_minutes_may_depend_on_the_pair(labelled):
    scores, minutes = [[9, 1], [8, 7]], [[30, 10], [40, 60]]
    at_most = {0: 60, 1: 60}
    if labelled:
        names = {"index": ["a", "b"], "columns": ["x", "y"]}
        scores, minutes = pd.DataFrame(scores, **names), pd.DataFrame(minutes, **names)
        minutes = minutes.iloc[::-1, ::-1]
        at_most = {"x": 60, "y": 60}
    plan = pm.match_scores(scores, [pm.Minutes(each=minutes, at_most=at_most)])
    assert plan.objective == 16
    assert pm.verify(plan).proved


def test_pair_dependent_minutes_need_labels_where_the_scores_have_them():
    scores = pd.DataFrame([[1, 2]], index=["a"], columns=["x", "y"])
    with pytest.raises(pm.ProgramError, match="Give a DataFrame"):
        pm.match_scores(scores, [pm.Minutes(each=[[1, 2]], at_most=60)])


def test_pins_that_take_more_minutes_than_there_are_are_named(tables):
    rules = [pm.Minutes(each="meeting"), pm.Pin("T-2", "M-1"), pm.Pin("T-3", "M-1")]
    with pytest.raises(pm.InfeasibleError) as caught:
        pm.match(*tables, program(*rules, pm.Load(at_most=4)))
    (fault,) = caught.value.faults
    assert fault.what == "M-1 has 90 minutes, and these take 105."
    assert set(fault.where.split(" and ")) == {"Pin('T-2', 'M-1')", "Pin('T-3', 'M-1')"}


def test_minimum_load_beyond_the_minutes_is_named(tables):
    rules = [pm.Minutes(each="meeting"), pm.Load(at_most=4, at_least={"M-2": 2})]
    with pytest.raises(pm.InfeasibleError, match="45 minutes are enough for 1"):
        pm.match(*tables, program(*rules))


def test_minimum_loads_that_minutes_rule_out_together_are_named():
    minutes = pm.Minutes(each={0: 10, 1: 50, 2: 50}, at_most={0: 60, 1: 60})
    with pytest.raises(pm.InfeasibleError, match=r"ask for 4 mentees.*minutes"):
        pm.match_scores(np.ones((4, 2)), [replace(minutes, default=50), pm.Load(3, at_least=2)])


def test_spoiled_plan_is_refused_in_minutes(tables):
    plan = pm.match(*tables, program(pm.Minutes(each="meeting"), pm.Load(at_most=4)))
    spoiled = plan.replace(pairs={"T-1": "M-2", "T-2": "M-1", "T-3": "M-2"})
    assert spoiled.certificate is None
    with pytest.raises(pm.CertificateError, match="mentor M-2: has 75 minutes of meetings for 45"):
        pm.verify(spoiled)


def test_proof_cannot_be_claimed_by_hand(shared_data):
    profit, use, limit = next(read_gap(shared_data / "orlib" / "gap1.txt"))
    rule = pm.Minutes(each=use, at_most=dict(enumerate(limit.tolist())))
    plan = pm.match_scores(profit, [rule])
    loose = replace(plan.solution.prices, row=None)
    claimed = replace(plan.solution, prices=loose, status=pm.Status.OPTIMAL)
    with pytest.raises(pm.CertificateError, match="claims to be optimal"):
        pm.verify(replace(plan, solution=claimed))


def test_who_is_left_out_for_minutes_is_told_so(tables):
    mentees, mentors = tables
    mentors["minutes_per_week"] = [40, 50]
    plan = pm.match(mentees, mentors, program(pm.Minutes(each="meeting")))
    why = plan.why_unmatched("T-2")
    assert why.reason == "no mentor is allowed"
    assert "too few minutes a week (2)" in str(why)
    left_out = next(key for key in plan.unmatched_ids if key != "T-2")
    assert plan.why_unmatched(left_out).reason == "needed elsewhere"


def test_pair_without_minutes_is_not_formed_for_the_asking(tables):
    rule = pm.Minutes(each="meeting")
    plan = pm.match(*tables, program(rule, pm.Pin("T-3", "M-2"), pm.Load(at_most=4)))
    assert "too few minutes that are not pinned" in str(plan.why_not("T-1", "M-2"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pm.Minutes(each=-1), "each is -1"),
        (lambda: pm.Minutes(each=7.5), "each is 7.5"),
        (lambda: pm.Minutes(each=True), "each is True"),
        (lambda: pm.Minutes(each=45, at_most=None), "at_most is None"),
        (lambda: pm.Minutes(each={"T-1": 0.5}), "each of T-1 is 0.5"),
        (lambda: pm.Minutes(each=[[1, 2], [3]]), "rows differ in length"),
        (lambda: pm.Minutes(each=[[1, 2.5]]), "each is 2.5 in row 0, column 1"),
        (lambda: pm.Minutes(each={"a": {"x": 1}, "b": 2}), "one number for some mentees"),
        (lambda: pm.Minutes(each=45, default=-1), "default is -1"),
    ],
)
def test_minutes_that_are_none_are_refused(make, said):
    with pytest.raises(pm.ProgramError, match=re.escape(said)):
        make()


def test_all_faults_of_minutes_come_at_once(tables):
    mentees, mentors = tables
    mentees["meeting"] = [30.5, 60, -1, 45]
    with pytest.raises(pm.ProgramError) as caught:
        pm.match(mentees, mentors, program(pm.Minutes(each="meeting", at_most={"M-9": 60})))
    said = " ".join(str(fault) for fault in caught.value.faults)
    assert "30.5 is no whole number of minutes" in said
    assert "-1 is no whole number of minutes" in said
    assert "'M-9' is not among the mentors" in said


def test_minutes_name_a_column_that_is_not_there(tables):
    with pytest.raises(pm.ProgramError, match="no column 'meetings'"):
        pm.match(*tables, program(pm.Minutes(each="meetings")))


@pytest.mark.parametrize(
    "rule",
    [
        pm.Minutes(each=45),
        pm.Minutes(each="meeting", at_most={"M-1": 60}, default=30),
        pm.Minutes(each=[[1, 2], [3, None]], at_most=5),
        pm.Minutes(each={"a": {"x": 1}}, at_most=5),
        pm.Minutes(each=pd.DataFrame([[1.0, np.nan]], index=["a"], columns=["x", "y"]), at_most=5),
    ],
)
def test_minutes_are_values(rule):
    again = pickle.loads(pickle.dumps(rule))  # noqa: S301
    assert again == rule
    assert hash(again) == hash(rule)
    assert eval(repr(rule), {"Minutes": pm.Minutes}) == rule  # noqa: S307


def test_minutes_are_read_from_a_program_file(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        '[[constraints]]\nkind = "Minutes"\neach = "meeting"\nat_most = { "M-07" = 90 }\n'
        "default = 45\n",
        encoding="utf-8",
    )
    assert pm.Program.from_toml(path).constraints == (
        pm.Minutes(each="meeting", at_most={"M-07": 90}, default=45),
    )


def test_groups_have_no_minutes(tables):
    with pytest.raises(pm.CapabilityError, match="Minutes are about mentors"):
        pm.form_groups(tables[0], pm.Program(constraints=[pm.Minutes(each=45)], size=3))


def test_places_have_no_value_of_their_own_where_minutes_differ(tables):
    plan = pm.match(*tables, program(pm.Minutes(each="meeting"), objective="total"))
    with pytest.raises(pm.CapabilityError, match="values of places"):
        plan.place_values()


def test_who_is_in_both_tables_keeps_within_the_minutes_of_both_roles():
    table = pd.DataFrame(
        {"id": list("abcd"), "subjects": ["art"] * 4, "minutes_per_week": [90, 90, 90, 90]}
    )
    program = pm.Program([pm.SubjectMatch()], [pm.Minutes(each=45)])
    plan = pm.match(table, table, program)
    pairs = plan.to_frame()
    taken = {key: 45 * int((pairs[["mentee", "mentor"]] == key).sum().sum()) for key in "abcd"}
    assert plan.matched == 4
    assert max(taken.values()) <= 90
    pm.verify(plan)
    crowded = plan.replace(pairs={"a": "b", "b": "a", "c": "b", "d": "a"})
    with pytest.raises(pm.CertificateError, match="90 minutes of meetings and 45 as a mentee"):
        pm.verify(crowded)
