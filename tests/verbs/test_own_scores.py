import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.scoring.own import OwnScores


def test_whole_numbers_stay_exact_integers():
    plan = pm.match_scores([[2**40 + 1, 0], [0, 2**40 + 3]])
    assert plan.objective == 2**41 + 4
    assert isinstance(plan.objective, int)


def test_short_decimals_are_exact():
    plan = pm.match_scores([[0.1, 0.2], [0.3, 0.7]])
    assert plan.scored.scale == 10
    assert plan.objective == 0.8


def test_other_numbers_keep_about_forty_bits():
    scores = np.random.default_rng(1).random((5, 5))
    plan = pm.match_scores(scores)
    assert plan.scored.scale == 2**40
    frame = plan.to_frame()
    assert plan.objective == pytest.approx(
        sum(scores[row.mentee, row.mentor] for row in frame.itertuples()), abs=1e-10
    )


def test_any_numbers_leave_room_for_the_prices_of_changes_in_larger_pools():
    """A re-match multiplies scores with people, pairs kept and places."""
    scores = pd.DataFrame(np.random.default_rng(4).random((400, 300)))
    plan = pm.match_scores(scores, objective="coverage")
    after = pm.rematch(plan, pm.Changes(scores=scores.drop(columns=[0])), at_most_changes=2)
    assert plan.matched - after.matched == 1
    assert after.gap == 0
    assert after.plan.scored.n_bits == plan.scored.n_bits < 40


def test_whole_numbers_too_large_for_the_prices_of_changes_are_refused_in_words():
    scores = pd.DataFrame(np.random.default_rng(5).integers(2**44, size=(400, 300)))
    plan = pm.match_scores(scores, objective="coverage")
    with pytest.raises(pm.ScoreError, match="Scale the scores down, or round them"):
        pm.rematch(plan, pm.Changes(scores=scores.drop(columns=[0])), at_most_changes=2)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("objective", ["total", "worst_rotation", "worst_group"])
def test_any_numbers_are_grouped_with_a_proof_in_pools_where_bounds_take_prices_of_sets(
    size, objective
):
    """With forty bits, and set prices in fractions of them, proofs would leave 64-bit integers."""
    scores = np.random.default_rng(2).random((160, 160))
    quick = pm.Options(time_limit=2.0)
    plan = pm.group_scores(scores, size=size, objective=objective, options=quick)
    assert plan.scored.scale == 2**24
    assert plan.bound is not None
    assert pm.verify(plan).objective == plan.objective * plan.scored.scale * plan.solution.scale
    again = pm.rematch(plan, pm.Changes(scores=pd.DataFrame(scores / 3)), at_most_changes=0).plan
    assert again.scored.n_bits == 24


def test_whole_numbers_too_large_for_fractions_are_grouped_by_prices_of_people():
    scores = np.random.default_rng(3).integers(2**33, size=(159, 159))
    plan = pm.group_scores(scores, options=pm.Options(time_limit=2.0))
    assert pm.verify(plan).matched == plan.matched == 159
    assert plan.objective <= plan.bound <= 1.2 * plan.objective


@pytest.mark.parametrize("bad", [float("inf"), True, "high", 1 + 2j])
def test_what_is_no_score_is_refused_by_row_and_column(bad):
    scores = pd.DataFrame([[1, 2], [3, 4]], index=["a", "b"], columns=["x", "y"], dtype=object)
    scores.loc["b", "x"] = bad
    with pytest.raises(pm.ScoreError, match="row 'b', column 'x'"):
        pm.match_scores(scores)


def test_scores_whose_sum_would_be_no_number_are_refused():
    with pytest.raises(pm.ScoreError, match="Divide all scores"):
        pm.match_scores([[1.7e308, 1.0], [1.0, 1.7e308]])


def test_every_bad_cell_is_named_at_once():
    with pytest.raises(pm.ScoreError) as caught:
        pm.match_scores(np.array([[np.inf, 1], [1, -np.inf]]))
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize("missing", [float("nan"), None, pd.NA])
def test_missing_cell_is_a_pair_that_is_not_allowed(missing):
    scores = pd.DataFrame([[5, missing]], index=["a"], columns=["x", "y"], dtype=object)
    assert pm.match_scores(scores, [pm.Load(at_most={"x": 0})]).matched == 0


def test_label_that_occurs_twice_is_refused():
    with pytest.raises(pm.ScoreError, match="'a' stands at rows 0 and 1"):
        pm.match_scores(pd.DataFrame([[1], [2]], index=["a", "a"], columns=["x"]))


def test_scores_need_two_dimensions():
    with pytest.raises(pm.ScoreError, match="1 dimensions"):
        pm.match_scores([1, 2, 3])


def test_group_scores_need_the_same_people_on_both_axes():
    with pytest.raises(pm.ScoreError, match="not the same people"):
        pm.group_scores(pd.DataFrame(np.ones((3, 3)), index=list("abc"), columns=list("abd")))


def test_columns_may_stand_in_another_order_than_rows():
    rng = np.random.default_rng(2)
    ids = list("abcdef")
    scores = pd.DataFrame(rng.integers(0, 9, (6, 6)), index=ids, columns=ids)
    plan = pm.group_scores(scores)
    again = pm.group_scores(scores[list("fedcba")])
    assert again.group_ids == plan.group_ids
    assert again.objective == plan.objective


@pytest.mark.parametrize("objective", ["total", "worst_rotation", "worst_group"])
def test_groups_of_profiles_equal_groups_of_their_scores(objective):
    from pairmatch.datasets import staff

    teachers = staff(14, seed=5)
    criteria = [pm.GoalCoverage(), pm.SubjectMatch()]
    program = pm.Program(criteria=criteria, objective=objective, size=3)
    teams = pm.form_groups(teachers, program)
    scores = pm.score(teachers, teachers, program).to_frame()
    again = pm.group_scores(scores, size=3, objective=objective)
    assert again.group_ids == teams.group_ids
    assert again.objective == pytest.approx(teams.objective, abs=1e-9)


def test_rows_of_scores_are_coached_and_columns_coach():
    scores = pd.DataFrame([[0, 9.0], [1.0, 0]], index=["a", "b"], columns=["a", "b"])
    plan = pm.match_scores(scores)
    assert plan.to_frame().set_index("mentee")["score"].to_dict() == {"a": 9.0, "b": 1.0}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[0.5, 0.25], [float("nan"), 1.0]]),
        pd.DataFrame([[5, 2], [3, 1]]),
        pd.DataFrame({"x": [1, 2], "y": [0.5, float("nan")]}),
        pd.DataFrame({"x": [1, 2], "y": [float("nan")] * 2}),
        pd.DataFrame({"x": [2**60 + 1, 2], "y": [float("nan")] * 2}),
        pd.DataFrame({"x": [1, 2], "y": [4, None]}, dtype="Int64"),
        pd.DataFrame({"x": [1, 2], "y": [3, 4]}, dtype="float32"),
        pd.DataFrame({"x": [1, 2], "y": [3, 4]}, dtype="uint8"),
    ],
    ids=["fractions", "whole", "mixed", "blank", "large", "nullable", "single", "bytes"],
)
def test_a_frame_of_numbers_means_what_its_cells_mean(frame):
    own, slow = OwnScores.read(frame), OwnScores.read(frame.astype(object))
    assert own.gain.tolist() == slow.gain.tolist()
    assert own.given.tolist() == slow.given.tolist()
    assert own.scale == slow.scale
    assert own.fingerprint == slow.fingerprint
