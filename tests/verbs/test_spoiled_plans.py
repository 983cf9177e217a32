"""Plans that were made of parts of other plans, and slips of the people who type."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district, staff


def test_plan_with_the_problem_of_another_plan_is_refused():
    scores = [[5, 1], [5, 1]]
    roomy = pm.match_scores(scores, [pm.Load(at_most=2)])
    tight = pm.match_scores(scores, [pm.Load(at_most=1)])
    mixed = dataclasses.replace(
        roomy,
        problem=tight.problem,
        solution=tight.solution,
        certificate=tight.certificate,
    )
    with pytest.raises(pm.CertificateError):
        pm.verify(mixed)


def test_plan_whose_program_was_changed_is_refused():
    pool = district(20, 14, seed=2)
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(criteria=[pm.SubjectMatch()]))
    for program in (
        plan.program.replace(criteria=[pm.GoalCoverage()]),
        plan.program.replace(constraints=[pm.MinScore(0.9)]),
        plan.program.replace(objective="leximin"),
    ):
        with pytest.raises(pm.CertificateError):
            pm.verify(dataclasses.replace(plan, program=program))


def test_grouping_with_the_problem_of_another_one_is_refused():
    teachers = staff(12, seed=3)
    plan = pm.form_groups(teachers, pm.Program(size=3))
    other = pm.form_groups(teachers, pm.Program(size=3, objective="worst_rotation"))
    mixed = dataclasses.replace(
        plan,
        problem=other.problem,
        solution=other.solution,
        certificate=other.certificate,
    )
    with pytest.raises(pm.CertificateError):
        pm.verify(mixed)


def test_a_proof_that_the_clock_cut_short_may_claim_less_but_never_more():
    plan = pm.match_scores([[5, 1, 2], [4, 1, 3], [5, 5, 5]])
    found = plan.certificate
    wider = dataclasses.replace(found, bound=found.bound + 2, matched_bound=None)
    late = dataclasses.replace(plan.solution, status=pm.Status.TIME_LIMIT)
    cut = dataclasses.replace(plan, solution=late, certificate=wider)
    assert pm.verify(cut) == found
    for claimed, solution in (
        (wider, plan.solution),  # who claims to be optimal has a whole proof
        (dataclasses.replace(found, bound=found.bound - 1), late),
        (dataclasses.replace(wider, objective=found.objective + 1), late),
        (dataclasses.replace(wider, matched_bound=found.matched - 1), late),
    ):
        spoiled = dataclasses.replace(plan, solution=solution, certificate=claimed)
        with pytest.raises(pm.CertificateError):
            pm.verify(spoiled)


def test_positions_outside_the_tables_are_refused():
    plan = pm.match_scores([[1, 2], [3, 4]])
    pairs = np.array([[0, 7]])
    spoiled = dataclasses.replace(plan, solution=dataclasses.replace(plan.solution, pairs=pairs))
    with pytest.raises(pm.CertificateError, match="no positions"):
        pm.verify(spoiled)


def test_only_plans_can_be_verified():
    with pytest.raises(TypeError, match="expected a plan, found int"):
        pm.verify(3)


def test_why_not_knows_the_quota_that_a_pin_uses_up():
    mentees = pd.DataFrame({"id": ["a", "b", "c"], "subjects": "art", "school": "N"})
    mentors = pd.DataFrame({"id": ["x"], "subjects": "art"})
    rules = [pm.Load(at_most=5), pm.Quota(by="school", at_most=1), pm.Pin("a", "x")]
    plan = pm.match(mentees, mentors, pm.Program(constraints=rules))
    assert str(plan.why_not("b", "x")) == "b with x is not allowed: pins use up a quota of x."
    assert "by a quota" in str(plan.why_unmatched("c"))


def test_place_that_stays_free_in_an_edited_plan_is_not_called_needed():
    plan = pm.match_scores(pd.DataFrame([[3, 1], [2, 2]], index=["a", "b"], columns=["x", "y"]))
    edited = plan.replace(pairs=[("a", "x")])
    assert str(edited.why_unmatched("b")) == (
        "b has no mentor although 1 of 2 suitable mentors has a place: "
        "this plan is not proved to be the best one."
    )


def test_masked_scores_are_not_allowed_pairs():
    scores = np.ma.array([[9, 0], [0, 0]], mask=[[1, 0], [0, 0]])
    plan = pm.match_scores(scores, [pm.Load(at_most=2)])
    assert (0, 0) not in {(row.mentee, row.mentor) for row in plan.to_frame().itertuples()}


def test_evaluators_that_are_nearly_an_id_are_pointed_out():
    mentees = pd.DataFrame(
        {"id": ["T-1", "T-2"], "subjects": "art", "evaluator": ["m-1", "M-1, M-2"]}
    )
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": "art"})
    with pytest.warns(pm.PairmatchWarning, match=r"'m-1' of T-1 \(meant: M-1\?\).*M-1; M-2"):
        pm.match(mentees, mentors)


def test_preset_fits_the_columns_that_are_there_and_says_what_it_left_out():
    table = pm.read_profiles(pd.DataFrame({"id": ["a", "b", "c"], "subjects": "art"}))
    with pytest.warns(pm.PairmatchWarning, match=r"CommonTime\(weight=2\) \(column free\)"):
        program = pm.Program.preset("triad").fitting(table, table)
    assert program.criteria == (pm.SubjectMatch(weight=2),)
    assert pm.form_groups(table, program).matched == 3


def test_numbers_of_numpy_are_numbers():
    plan = pm.match_scores(np.ones((4, 2)), [pm.Load(at_most=np.int64(2))])
    assert plan.matched == 4
    assert repr(pm.Load(at_most=np.int64(2))) == "Load(at_most=2)"
    assert pm.Options(seed=np.int64(3)).seed == 3
    assert plan.mentee_row(np.int64(1)) == plan.mentee_row(1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"program": "mentoring"}, r"Write Program.preset\('mentoring'\)"),
        ({"program": {"criteria": []}}, "is no program"),
        ({"options": {"seed": 1}}, r"Write options=Options\(seed=7\)"),
    ],
)
def test_slips_of_whoever_types_are_answered_with_what_to_write(arguments, says):
    table = pd.DataFrame({"id": ["a"], "subjects": "art"})
    with pytest.raises(pm.ProgramError, match=says):
        pm.match(table, table, **arguments)


def test_what_are_no_pairs_is_refused():
    plan = pm.match_scores([[1]])
    for pairs in (None, [(0, 0, 1)], pd.DataFrame({"a": [1]})):
        with pytest.raises(pm.ProgramError, match="these are no pairs"):
            plan.replace(pairs=pairs)


def test_ragged_scores_are_refused():
    with pytest.raises(pm.ScoreError, match="not of one length"):
        pm.match_scores([[1, 2], [3]])


def test_faults_of_both_tables_are_said_at_once(tmp_path):
    for name, years in (("a.csv", "five"), ("b.csv", "-3")):
        (tmp_path / name).write_text(f"id,years\nx,{years}\n", encoding="utf-8")
    with pytest.raises(pm.ProfileError) as caught:
        pm.match(tmp_path / "a.csv", tmp_path / "b.csv")
    assert "a.csv" in str(caught.value)
    assert "b.csv" in str(caught.value)
    with pytest.raises(pm.ProfileError, match="the table of mentors"):
        pm.match(pd.DataFrame({"id": ["a"], "years": [2]}), pd.DataFrame({"id": ["b", "b"]}))


def test_plan_of_another_kind_leaves_no_files_of_the_first(tmp_path):
    pm.match_scores([[1]]).save(tmp_path)
    assert (tmp_path / "pairs.csv").exists()
    pm.group_scores(np.ones((3, 3))).save(tmp_path)
    assert not (tmp_path / "pairs.csv").exists()
    assert (tmp_path / "groups.csv").exists()


def test_summary_says_what_was_asked():
    table = pd.DataFrame({"id": ["a", "b", "c"], "subjects": ["art", "art", ""]})
    rule = pm.Require(pm.SubjectMatch(), unknown="allow")
    text = pm.match(table, table, pm.Program(constraints=[rule])).summary()
    assert "criteria  SubjectMatch()" in text
    assert "Require(SubjectMatch(), unknown='allow')" in text


def test_bound_of_a_plan_with_one_pair_too_few_is_no_more_than_full_scores():
    pool = district(40, 30, seed=6)
    plan = pm.match(pool.mentees, pool.mentors)
    edited = plan.replace(pairs=plan.to_frame().iloc[1:])
    assert plan.objective <= edited.bound <= 40
    assert 0 < edited.gap < 0.5


def test_required_criterion_without_its_column_is_refused_by_name():
    table = pd.DataFrame({"id": ["a", "b"], "subjects": "art"})
    program = pm.Program(constraints=[pm.Require(pm.CommonTime())])
    with pytest.raises(pm.ProgramError, match="CommonTime needs the column 'free'"):
        pm.match(table, table, program)
