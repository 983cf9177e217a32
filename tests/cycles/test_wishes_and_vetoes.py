from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.scoring.wishes import read_wishes

MENTEES = pd.DataFrame(
    {
        "id": ["T-1", "T-2", "T-3"],
        "wishes": ["M-2; M-1 = M-3", "; M-1", ""],
        "subjects": ["art", "art", "art"],
    }
)
MENTORS = pd.DataFrame(
    {"id": ["M-1", "M-2", "M-3"], "wishes": ["T-1", "none", ""], "subjects": ["art"] * 3}
)


def scores(*criteria, mentees=MENTEES, mentors=MENTORS):
    return pm.score(mentees, mentors, pm.Program(criteria=criteria)).to_frame()


def test_credit_falls_by_one_step_a_rank_ties_share_it_and_gaps_use_it_up():
    found = scores(pm.Wishes(missing="zero"))
    assert found.loc["T-1"].tolist() == [0.8, 1.0, 0.8]
    assert found.loc["T-2"].tolist() == [0.8, 0.0, 0.0]
    assert found.loc["T-3"].tolist() == [0.0, 0.0, 0.0]


def test_wishes_behind_the_last_rank_that_counts_keep_the_last_step():
    table = MENTEES.assign(wishes=["M-1; M-2; M-3", "", ""])
    found = scores(pm.Wishes(depth=2, missing="zero"), mentees=table)
    assert found.loc["T-1"].tolist() == [1.0, 0.5, 0.5]


def test_both_is_the_mean_of_the_sides_that_gave_wishes():
    found = scores(pm.Wishes(of="both", missing="zero"))
    assert found.loc["T-1", "M-1"] == 0.9
    assert found.loc["T-1", "M-2"] == 0.5
    assert found.loc["T-1", "M-3"] == 0.8
    assert found.loc["T-3", "M-1"] == 0.0
    evidence = pm.score(MENTEES, MENTORS, pm.Program(criteria=[pm.Wishes(of="both")])).evidence()
    assert evidence.loc["T-3"].tolist() == [1.0, 1.0, 0.0]


def test_the_wish_of_a_mentor_counts_for_the_pair():
    found = scores(pm.Wishes(of="mentor", missing="zero"))
    assert found["M-1"].tolist() == [1.0, 0.0, 0.0]


@given(
    st.lists(st.sampled_from(["M-1", "M-2", "M-3", "-", "", "M-1 = M-2"]), max_size=6),
    st.sampled_from(["mentee", "mentor", "both"]),
    st.integers(1, 4),
)
def test_blocks_say_what_the_cells_say(entries, of, depth):
    mentees = pm.read_profiles(MENTEES.assign(wishes=[";".join(entries), "M-3; M-1", ""]))
    mentors = pm.read_profiles(MENTORS)
    wish = pm.Wishes(of=of, depth=depth)
    term = wish.bind(mentees, mentors, 333_334)
    every = slice(0, 3), slice(0, 3)
    for i in range(3):
        for j in range(3):
            value = wish.pair_units(mentees, i, mentors, j, 333_334)
            assert bool(term.known(*every)[i, j]) == (value is not None)
            assert term.block(*every)[i, j] == (value or 0)
            assert term.at(np.array([i]), np.array([j]))[0] == (value or 0)
    backwards = np.array([2, 0])
    assert (term.block(backwards, backwards) == term.block(*every)[::-2, ::-2]).all()


def test_units_are_the_rounded_fraction():
    mentees, mentors = pm.read_profiles(MENTEES), pm.read_profiles(MENTORS)
    third = pm.Wishes(depth=3).pair_units(mentees, 1, mentors, 0, 1_000_000)
    assert third == round(Fraction(2_000_000, 3))


def test_an_id_may_hold_an_equals_sign():
    assert read_wishes("a=b; c", {"a=b"}) == {"a=b": 1, "c": 2}
    assert read_wishes("a=b; c") == {"a": 1, "b": 1, "c": 2}


def test_wishes_for_nobody_known_are_refused_by_row_with_the_near_match():
    table = MENTEES.assign(wishes=["M-1", "m-2; M-9", "T-3"])
    with pytest.raises(pm.ProgramError) as caught:
        scores(pm.Wishes(), mentees=table)
    text = str(caught.value)
    assert "(id T-2), column wishes: 'm-2' is not in the other table. Did you mean 'M-2'?" in text
    assert "'M-9'" in text
    assert "(id T-3), column wishes: wishes for themselves" in text
    with pytest.raises(pm.ProgramError, match="Separate ids by semicolons"):
        scores(pm.Wishes(), mentees=MENTEES.assign(wishes=["M-1, M-2", "", ""]))
    skipped = scores(pm.Wishes(absent="skip", missing="zero"), mentees=table[:2])
    assert skipped.loc["T-2"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("wrong", [{"of": "mentees"}, {"depth": 0}, {"absent": "drop"}])
def test_wishes_refuse_parameters_out_of_range(wrong):
    with pytest.raises(pm.ProgramError, match=next(iter(wrong))):
        pm.Wishes(**wrong)


def test_a_plan_with_wishes_is_explained_and_verified():
    program = pm.Program(criteria=[pm.Wishes(of="both", weight=2), pm.SubjectMatch()])
    plan = pm.match(MENTEES, MENTORS, program)
    assert pm.verify(plan).proved
    told = plan.explain("T-1", "M-1")
    assert told["mentee_value"].tolist()[0] == "M-2; M-1 = M-3"
    assert told["points"].sum() == pytest.approx(100 * (0.9 * 2 + 1) / 3, abs=1e-3)


def test_whoever_vetoes_somebody_is_never_paired_with_them_whichever_side():
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art"] * 2, "vetoes": ["M-1", ""]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art"] * 2, "vetoes": ["", "T-2"]})
    plan = pm.match(mentees, mentors)
    assert plan.to_frame()[["mentee", "mentor"]].to_numpy().tolist() == [
        ["T-1", "M-2"],
        ["T-2", "M-1"],
    ]
    only = pm.match(mentees[:1], mentors[:1])
    assert "T-1 vetoes M-1" in str(only.why_unmatched("T-1"))
    other = pm.match(mentees[1:], mentors[1:])
    assert "M-2 vetoes T-2" in str(other.why_unmatched("T-2"))


def test_vetoes_of_one_side_or_of_nobody_can_be_lifted():
    mentees = pd.DataFrame({"id": ["T-1"], "subjects": ["art"], "vetoes": ["M-1"]})
    mentors = pd.DataFrame({"id": ["M-1"], "subjects": ["art"], "vetoes": [""]})
    for of, n_matched in (("both", 0), ("mentee", 0), ("mentor", 1), ("nobody", 1)):
        plan = pm.match(mentees, mentors, pm.Program(constraints=[pm.Vetoes(of=of)]))
        assert plan.matched == n_matched
        pm.verify(plan)


def test_a_plan_edited_into_a_vetoed_pair_is_refused():
    mentees = pd.DataFrame({"id": ["T-1"], "subjects": ["art"], "vetoes": ["M-1"]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art"] * 2})
    plan = pm.match(mentees, mentors)
    with pytest.raises(pm.CertificateError, match="vetoes"):
        pm.verify(plan.replace(pairs=[("T-1", "M-1")]))


def test_vetoed_people_share_no_group():
    people = [f"P{k}" for k in range(6)]
    table = pd.DataFrame(
        {"id": people, "subjects": "art", "vetoes": ["P1; P2", "", "P3"] + [""] * 3}
    )
    plan = pm.form_groups(table)
    for members in plan.group_ids:
        assert not {"P0", "P1"} <= set(members)
        assert not {"P0", "P2"} <= set(members)
        assert not {"P2", "P3"} <= set(members)
    assert plan.matched == 6
    pm.verify(plan)


def test_a_veto_that_is_nearly_an_id_is_warned_of():
    mentees = pd.DataFrame({"id": ["T-1"], "subjects": ["art"], "vetoes": ["m 1"]})
    mentors = pd.DataFrame({"id": ["M-1"], "subjects": ["art"]})
    with pytest.warns(pm.PairmatchWarning, match="'m 1' of T-1 .meant: M-1"):
        pm.match(mentees, mentors)


def test_stable_plans_are_refused_with_a_remedy():
    with pytest.raises(pm.CapabilityError, match="use one of"):
        pm.match(MENTEES, MENTORS, pm.Program(objective="stable"))


def test_wishes_and_vetoes_can_be_written_in_a_program_file(tmp_path):
    file = tmp_path / "wishes.toml"
    file.write_text(
        '[[criteria]]\nkind = "Wishes"\nof = "both"\n\n[[constraints]]\nkind = "Vetoes"\n'
        'of = "mentee"\n'
    )
    program = pm.Program.from_toml(file)
    assert program.criteria == (pm.Wishes(of="both"),)
    assert program.constraints == (pm.Vetoes(of="mentee"),)


def test_streamed_gains_hold_the_same_integers_as_the_matrix():
    from pairmatch.datasets import district
    from pairmatch.seam.streams import stream_gains

    pool = district(60, 40, seed=3)
    mentees, mentors = pm.read_profiles(pool.mentees), pm.read_profiles(pool.mentors)
    scored = pm.score(
        mentees, mentors, pm.Program(criteria=[pm.Wishes(of="both"), pm.SameSchool()])
    )
    gain, allowed = stream_gains(scored).block(slice(0, 60), slice(0, 40))
    units, legal = scored.evaluate()
    assert (allowed == legal).all()
    assert (gain[legal] == units[legal]).all()
