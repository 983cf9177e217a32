import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.cycles.evaluation import mean_interval, share_interval

CRITERIA = [
    pm.Closeness("pace", within=1, weight=1),
    pm.Closeness("talk", within=1, weight=1),
    pm.Closeness("order", within=1, weight=1),
]
PLANTED = np.array([6.0, 0.0, 2.0])


def carried_out(n_mentees, seed, noise=0.4, planted=PLANTED):
    """Return a plan of random pairs and ratings that follow planted weights."""
    rng = np.random.default_rng(seed)
    mentors = pd.DataFrame(rng.random((40, 3)), columns=["pace", "talk", "order"])
    mentees = pd.DataFrame(rng.random((n_mentees, 3)), columns=["pace", "talk", "order"])
    mentors.insert(0, "id", [f"M-{k}" for k in range(40)])
    mentees.insert(0, "id", [f"T-{k}" for k in range(n_mentees)])
    program = pm.Program(criteria=CRITERIA, constraints=[pm.Load(at_most=n_mentees)])
    plan = pm.match(mentees, mentors, program)
    pairs = {f"T-{k}": f"M-{j}" for k, j in enumerate(rng.integers(0, 40, n_mentees))}
    plan = plan.replace(pairs=pairs)
    frame = plan.to_frame()
    rating = []
    for mentee, mentor in zip(frame["mentee"], frame["mentor"], strict=True):
        a, b = plan.mentee_row(mentee), plan.mentor_column(mentor)
        x = [t.at(np.array([a]), np.array([b]))[0] / u for t, u in _terms(plan)]
        rating.append(2 + 2 * (np.array(x) @ planted) / planted.sum() if planted.any() else 3.0)
    rating = np.clip(np.array(rating) + rng.normal(0, noise, len(rating)), 1, 5)
    return plan, frame.assign(rating=rating)


def _terms(plan):
    return list(zip(plan.scored.terms, plan.scored.units_of_criteria, strict=True))


def test_planted_weights_are_recovered_the_better_the_more_is_said():
    errors = {}
    for n in (120, 1200):
        for seed in range(3):
            plan, frame = carried_out(n, seed, noise=0.6)
            advice = pm.suggest_weights(plan, pm.read_feedback(frame))
            found = advice.weights["suggested"].to_numpy()
            assert (found >= 0).all()
            assert found.sum() == pytest.approx(3)
            errors.setdefault(n, []).append(np.abs(found - PLANTED * 3 / 8).max())
    assert np.mean(errors[1200]) < np.mean(errors[120])
    assert max(errors[1200]) < 0.25
    assert advice.improves
    assert advice.improvement[1] > 0
    inside = advice.weights.query("low <= suggested <= high")
    assert len(inside) == 3
    width = advice.weights["high"] - advice.weights["low"]
    assert width.max() < 1
    assert "better than the current weights" in advice.summary()
    assert plan.program.criteria[0].weight == 1  # nothing was changed


def test_ratings_without_a_pattern_give_no_proof_of_improvement():
    plan, frame = carried_out(150, seed=3, noise=0.8, planted=np.zeros(3))
    advice = pm.suggest_weights(plan, pm.read_feedback(frame))
    assert not advice.improves
    assert "keep the current weights" in advice.summary()


def test_right_weights_are_left_as_they_are():
    plan, frame = carried_out(400, seed=5, planted=np.ones(3))
    advice = pm.suggest_weights(plan, pm.read_feedback(frame))
    assert np.abs(advice.weights["suggested"] - 1).max() < 0.25
    assert not advice.improves


def test_too_little_feedback_is_refused_with_the_amount_that_is_needed():
    plan, frame = carried_out(60, seed=2)
    said = pm.read_feedback(frame)
    with pytest.raises(pm.ProgramError, match="60 rated pairs or groups for 3 criteria; 100 are"):
        pm.suggest_weights(plan, said)
    assert pm.suggest_weights(plan, said, at_least=50).n == 60
    with pytest.raises(pm.ProgramError, match="whole number >= 20"):
        pm.suggest_weights(plan, said, at_least=5)


def test_several_years_are_learned_from_together():
    one, first = carried_out(70, seed=6)
    two, second = carried_out(70, seed=7)
    said = [pm.read_feedback(first), pm.read_feedback(second)]
    assert pm.suggest_weights([one, two], said).n == 140
    with pytest.raises(pm.ProgramError, match="each plan needs its feedback"):
        pm.suggest_weights([one, two], said[:1])


def test_the_same_seed_gives_the_same_advice():
    plan, frame = carried_out(120, seed=8)
    said = pm.read_feedback(frame)
    one, two = (pm.suggest_weights(plan, said, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one.weights, two.weights)
    assert one.improvement == two.improvement


def test_what_cannot_be_learned_from_is_refused():
    plan, frame = carried_out(120, seed=9)
    with pytest.raises(pm.ProgramError, match="are the same"):
        pm.suggest_weights(plan, pm.read_feedback(frame.assign(rating=4)))
    own = pm.match_scores([[1]])
    said = pm.read_feedback(pd.DataFrame({"mentee": [0], "mentor": [0], "rating": [3]}))
    with pytest.raises(pm.CapabilityError, match="own scores"):
        pm.suggest_weights(own, said)
    other = plan.program.replace(criteria=[pm.Closeness("pace", within=2)])
    table = [t.to_frame() for t in (plan.scored.coached, plan.scored.coach)]
    with pytest.raises(pm.ProgramError, match="different criteria"):
        pm.suggest_weights([plan, pm.match(*table, other)], [pm.read_feedback(frame)] * 2)


def test_an_evaluation_counts_averages_and_gives_intervals():
    plan, frame = carried_out(200, seed=10)
    frame = frame.assign(held=8.0, planned=10, before=2, after=3, retained="yes")
    frame.loc[:19, "retained"] = "no"
    frame.loc[:99, "held"] = np.nan
    found = pm.evaluate(plan, pm.read_feedback(frame[:150]))
    cover = found.coverage.set_index("question")
    assert cover.loc["rating", "share"] == 0.75
    assert cover.loc["held", "answered"] == 50
    told = found.outcomes.set_index("outcome")
    assert told.loc["gain in self-rating", "value"] == 1.0
    assert told.loc["share of meetings held", "value"] == pytest.approx(0.8)
    assert told.loc["retained", "value"] == pytest.approx(130 / 150)
    low, high = told.loc["retained", ["low", "high"]]
    assert 0.79 < low < 130 / 150 < high < 0.93
    assert found.by_decile["n"].sum() == 150
    assert (found.by_decile["score_from"].diff().dropna() >= 0).all()
    by = found.by_criterion.set_index("criterion")
    assert by.loc[plan.scored.names[0], "low"] > 0.5
    assert by.loc[plan.scored.names[1], "low"] < 0.1
    assert by.loc["score", "low"] > 0
    again = pm.evaluate(plan, pm.read_feedback(frame[:150]))
    pd.testing.assert_frame_equal(found.by_criterion, again.by_criterion)
    assert "rating" in found.summary()


def test_answers_about_others_are_told_and_several_about_one_pair_averaged():
    plan = pm.match_scores(pd.DataFrame([[1.0]], ["T"], ["M"]))
    rows = pd.DataFrame({"mentee": ["T", "T", "X"], "mentor": ["M", "M", "M"], "rating": [2, 4, 5]})
    found = pm.evaluate(plan, pm.read_feedback(rows))
    assert found.lost == (("X", "M"),)
    assert found.outcomes["value"][0] == 3
    with pytest.raises(pm.ProgramError, match="none of its 1 rows is about"):
        pm.evaluate(plan, pm.read_feedback(rows[2:]))


def test_as_many_yes_as_no_about_one_pair_say_nothing():
    plan = pm.match_scores(pd.DataFrame([[2.0, 1.0], [1.0, 2.0]], ["T", "U"], ["M", "N"]))
    rows = pd.DataFrame({"mentee": list("TTUUU"), "mentor": list("MMNNN")})
    rows["retained"] = ["yes", "no", "yes", "no", "yes"]
    found = pm.evaluate(plan, pm.read_feedback(rows))
    assert found.outcomes[["outcome", "n", "value"]].to_numpy().tolist() == [["retained", 1, 1.0]]
    assert found.coverage.set_index("question").loc["retained", "answered"] == 1


def test_what_is_no_plan_or_no_feedback_is_refused_without_a_word_of_it():
    plan = pm.match_scores([[1]])
    rows = pd.DataFrame({"mentee": [0], "mentor": [0], "rating": [3], "remark": ["Ms Smith"]})
    said = pm.read_feedback(rows[["mentee", "mentor", "rating"]])
    for ask in (pm.evaluate, pm.suggest_weights):
        with pytest.raises(pm.ProgramError, match="no feedback, but a DataFrame") as told:
            ask(plan, rows)
        assert "Smith" not in str(told.value)
        with pytest.raises(pm.ProgramError, match="there is no plan"):
            ask(None, said)


def test_groups_are_evaluated_by_their_number():
    table = pd.DataFrame({"id": list("abcdef"), "subjects": ["art", "maths"] * 3})
    teams = pm.form_groups(table)
    said = pm.read_feedback(pd.DataFrame({"group": [1, 2, 2], "rating": [5, 3, 4]}))
    found = pm.evaluate(teams, said)
    assert found.outcomes["n"][0] == 2
    assert found.outcomes["value"][0] == 4.25


def test_every_fault_of_feedback_is_told_by_row_and_column():
    rows = pd.DataFrame(
        {
            "mentee": ["T", "T", ""],
            "mentor": ["M", "M", "M"],
            "rating": ["6", "good", ""],
            "held": ["-1", "2.5", ""],
            "retained": ["maybe", "Yes", ""],
        }
    )
    with pytest.raises(pm.ProfileError) as caught:
        pm.read_feedback(rows)
    text = str(caught.value)
    assert "row 0, column rating: '6' is not a number from 1 to 5" in text
    assert "row 1, column rating: 'good'" in text
    assert "row 0, column held: '-1' is no whole number >= 0" in text
    assert "row 1, column held: '2.5'" in text
    assert "row 0, column retained: 'maybe' is neither yes nor no" in text
    assert "row 2: it is not said whom this is about" in text
    with pytest.raises(pm.ProfileError, match="did you mean 'rating'"):
        pm.read_feedback(pd.DataFrame({"mentee": ["a"], "mentor": ["b"], "ratings": [1]}))
    with pytest.raises(pm.ProfileError, match="expected the columns mentee and mentor"):
        pm.read_feedback(pd.DataFrame({"rating": [1]}))
    with pytest.raises(pm.ProfileError, match="at least one of the columns"):
        pm.read_feedback(pd.DataFrame({"group": [1]}))
    with pytest.raises(pm.ProfileError, match="lowest and the highest"):
        pm.read_feedback(rows, scale=(5, 1))


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(400):
        _, low, high = mean_interval(rng.normal(1, 2, 12), 0.9)
        hits[0] += low <= 1 <= high
        _, low, high = share_interval(int(rng.binomial(30, 0.8)), 30, 0.9)
        hits[1] += low <= 0.8 <= high
    assert (np.abs(hits / 400 - 0.9) < 0.05).all()


def test_evaluate_refuses_what_is_no_feedback():
    plan = pm.match_scores([[1]])
    with pytest.raises(pm.ProgramError, match="write read_feedback"):
        pm.evaluate(plan, "feedback.csv")
    said = pm.read_feedback(pd.DataFrame({"mentee": [0], "mentor": [0], "rating": [3]}))
    with pytest.raises(pm.ProgramError, match="between 0 and 1"):
        pm.evaluate(plan, said, confidence=95)


def test_intervals_stay_on_the_scale_and_two_answers_are_no_correlation():
    plan = pm.match_scores([[9, 1], [1, 8]])
    said = {"mentee": [0, 1], "mentor": [0, 1], "rating": [5, 4], "held": [8, 7], "planned": 10}
    found = pm.evaluate(plan, pm.read_feedback(pd.DataFrame(said)))
    outcomes = found.outcomes.set_index("outcome")
    assert (outcomes.loc["rating", "low"], outcomes.loc["rating", "high"]) == (1, 5)
    assert outcomes.loc["share of meetings held", "low"] >= 0
    assert found.by_criterion["correlation"].isna().all()
