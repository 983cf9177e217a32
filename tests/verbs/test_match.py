import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.datasets import district as make_district


@pytest.fixture(scope="module")
def pool():
    return make_district(30, 18, seed=3)


@pytest.fixture(scope="module")
def plan(pool):
    return pm.match(pool.mentees, pool.mentors)


def key(plan):
    return {tuple(row) for row in plan.to_frame()[["mentee", "mentor"]].to_numpy()}


def test_plan_is_proved_optimal_and_survives_its_check(plan):
    assert plan.status is pm.Status.OPTIMAL
    assert plan.gap == 0.0
    assert plan.objective == pytest.approx(plan.to_frame()["score"].sum())
    certificate = pm.verify(plan)
    assert certificate.objective == round(plan.objective * 1_000_000)


def test_row_order_changes_nothing(pool, plan):
    shuffled = pm.match(
        pool.mentees.sample(frac=1, random_state=1), pool.mentors.sample(frac=1, random_state=2)
    )
    pd.testing.assert_frame_equal(shuffled.to_frame(), plan.to_frame())
    assert shuffled.to_json() == plan.to_json()


def test_scaling_all_weights_changes_nothing(pool):
    light = pm.Program(criteria=[pm.SubjectMatch(weight=3), pm.GoalCoverage(weight=1)])
    heavy = pm.Program(criteria=[pm.SubjectMatch(weight=30), pm.GoalCoverage(weight=10)])
    a, b = (pm.match(pool.mentees, pool.mentors, p) for p in (light, heavy))
    assert key(a) == key(b)
    assert a.objective == b.objective


def test_one_more_place_never_lowers_what_is_reached(pool):
    few = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=[pm.Load(at_most=1)]))
    more = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=[pm.Load(at_most=2)]))
    assert more.matched >= few.matched
    total = pm.Program(constraints=[pm.Load(at_most=1)], objective="total")
    assert (
        pm.match(
            pool.mentees, pool.mentors, total.replace(constraints=[pm.Load(at_most=2)])
        ).objective
        >= pm.match(pool.mentees, pool.mentors, total).objective
    )


def test_forbidding_an_unused_pair_changes_nothing(pool, plan):
    used = key(plan)
    unused = next(
        (a, b)
        for a in pool.mentees["id"]
        for b in pool.mentors["id"]
        if (a, b) not in used and a != b
    )
    again = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=[pm.Forbid(*unused)]))
    assert key(again) == used
    assert again.objective == plan.objective


def test_pin_uses_up_one_place_of_its_mentor(pool):
    mentee, mentor = pool.mentees["id"].iloc[4], pool.mentors["id"].iloc[5]
    program = pm.Program(constraints=[pm.Pin(mentee, mentor), pm.Load(at_most=1)])
    plan = pm.match(pool.mentees, pool.mentors, program)
    assert (mentee, mentor) in key(plan)
    assert plan.loads.set_index("mentor").loc[mentor, "load"] == 1
    pm.verify(plan)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pairs: [*pairs[:-1], (pairs[-1][0], pairs[0][1])],
        lambda pairs: [*pairs, (pairs[0][0], pairs[1][1])],
    ],
    ids=["overfull mentor", "mentee twice"],
)
def test_plan_spoiled_by_hand_is_refused(pool, spoil):
    program = pm.Program(constraints=[pm.Load(at_most=1)])
    plan = pm.match(pool.mentees, pool.mentors, program)
    pairs = [tuple(row) for row in plan.to_frame()[["mentee", "mentor"]].to_numpy()]
    with pytest.raises(pm.CertificateError):
        pm.verify(plan.replace(pairs=spoil(pairs)))


def test_swapped_pairs_are_valid_but_not_proved(pool, plan):
    pairs = [tuple(row) for row in plan.to_frame()[["mentee", "mentor"]].to_numpy()]
    (a, x), *rest = pairs
    swaps = [
        plan.replace(pairs=[(a, y), (b, x), *rest[:k], *rest[k + 1 :]])
        for k, (b, y) in enumerate(rest[:6])
    ]
    worse = [other for other in swaps if other.objective < plan.objective]
    assert worse
    for other in worse:
        assert pm.verify(other).gap > 0


def test_changed_score_is_noticed_by_the_check(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    program = plan.program.replace(criteria=[pm.SubjectMatch()])
    other = pm.match(pool.mentees, pool.mentors, program)
    object.__setattr__(other, "scored", plan.scored)
    with pytest.raises(pm.CertificateError):
        pm.verify(other)


def test_forbidden_pair_put_in_by_hand_is_refused(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    pairs = [tuple(row) for row in plan.to_frame()[["mentee", "mentor"]].to_numpy()]
    program = pm.Program(constraints=[pm.Forbid(*pairs[0], why="line manager")])
    other = pm.match(pool.mentees, pool.mentors, program)
    with pytest.raises(pm.CertificateError, match="forbidden pair"):
        pm.verify(other.replace(pairs=pairs))


def test_contradicting_pins_are_named(pool):
    a, b = pool.mentees["id"].iloc[:2]
    x, y = pool.mentors["id"].iloc[:2]
    program = pm.Program(
        constraints=[pm.Pin(a, x), pm.Pin(a, y), pm.Forbid(b, x, why="kin"), pm.Pin(b, x)]
    )
    with pytest.raises(pm.InfeasibleError) as caught:
        pm.match(pool.mentees, pool.mentors, program)
    text = str(caught.value)
    assert "one mentor only" in text
    assert "kin" in text
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults  # noqa: S301


def test_minimum_loads_that_cannot_be_met_are_named():
    scores = pd.DataFrame(
        [[1.0, np.nan, 2.0], [1.0, np.nan, np.nan]], index=["a", "b"], columns=["x", "y", "z"]
    )
    with pytest.raises(pm.InfeasibleError) as caught:
        pm.match_scores(scores, [pm.Load(at_most=2, at_least={"y": 1})])
    assert "mentor y" in str(caught.value)
    assert "Lower at_least to 0" in str(caught.value)


def test_minimum_loads_are_kept_at_least_cost():
    scores = [[5, 1], [5, 2], [5, 0]]
    plan = pm.match_scores(scores, [pm.Load(at_most=3, at_least={1: 1})])
    assert plan.objective == 12
    assert plan.gap == 0.0


def test_quota_limits_mentees_who_share_a_value(pool):
    program = pm.Program(
        constraints=[pm.Load(at_most=6), pm.Quota(by="school", at_most=1)],
        criteria=[pm.SameSchool()],
    )
    plan = pm.match(pool.mentees, pool.mentors, program)
    school = pool.mentees.set_index("id")["school"]
    frame = plan.to_frame().assign(school=lambda f: f["mentee"].map(school))
    known = frame[frame["school"].fillna("") != ""]
    assert known.groupby(["mentor", "school"]).size().max() == 1
    pm.verify(plan)


def test_min_score_leaves_people_out_rather_than_badly_matched():
    plan = pm.match_scores([[0.9, 0.2], [0.8, 0.1]], [pm.MinScore(0.5)])
    assert plan.matched == 1
    assert plan.objective == pytest.approx(0.9)


def test_total_leaves_out_pairs_that_cost_more_than_they_give():
    assert pm.match_scores([[-1, -2]], objective="total").matched == 0
    assert pm.match_scores([[-1, -2]], objective="coverage").objective == -1


def test_points_sum_to_a_hundred_times_the_score(pool, plan):
    for row in plan.to_frame().head(8).itertuples():
        frame = plan.explain(row.mentee, row.mentor)
        assert frame["points"].sum() == pytest.approx(100 * row.score, abs=1e-9)
        assert frame["weight"].sum() == pytest.approx(1)


def test_why_not_counts_what_the_whole_plan_would_lose():
    scores = pd.DataFrame([[9, 8], [7, 1]], index=["a", "b"], columns=["x", "y"])
    plan = pm.match_scores(scores)
    assert plan.objective == 15
    answer = plan.why_not("a", "x")
    assert answer.loss == 5
    assert answer.to_frame()["mentee"].tolist() == ["a", "b"]


def test_unmatched_are_told_who_has_the_places():
    plan = pm.match_scores(pd.DataFrame([[2.0], [1.0]], index=["a", "b"], columns=["x"]))
    assert str(plan.why_unmatched("b")) == (
        "b has no mentor: the one suitable mentor is needed elsewhere: x (a)."
    )
    with pytest.raises(pm.ProgramError, match="has a mentor"):
        plan.why_unmatched("a")


def test_unknown_ids_are_answered_with_a_near_match(plan):
    with pytest.raises(pm.UnknownIdError, match="Did you mean"):
        plan.explain("T-01", plan.scored.coach.ids[0])


def test_plan_survives_pickling(plan):
    again = pickle.loads(pickle.dumps(plan))  # noqa: S301
    assert again.to_json() == plan.to_json()
    assert pm.verify(again) == pm.verify(plan)


def test_html_is_escaped():
    scores = pd.DataFrame([[1.0]], index=["<script>a"], columns=["x&y"])
    text = pm.match_scores(scores)._repr_html_()
    assert "<script" not in text
    assert "&lt;script&gt;a" in text


def test_ids_that_are_misspelt_in_rules_are_refused_at_once():
    with pytest.raises(pm.ProgramError) as caught:
        pm.match_scores(
            pd.DataFrame([[1.0]], index=["anna"], columns=["xeno"]),
            [pm.Pin("ana", "xeno"), pm.Forbid("anna", "xena")],
        )
    assert len(caught.value.faults) == 2
    assert "Did you mean 'anna'?" in str(caught.value)


def test_objectives_and_rules_of_groups_are_refused_with_the_remedy(pool):
    with pytest.raises(pm.CapabilityError, match="form_groups"):
        pm.match(pool.mentees, pool.mentors, pm.Program(objective="worst_rotation"))
    with pytest.raises(pm.CapabilityError, match="groups have a size"):
        pm.form_groups(pool.mentors, pm.Program(constraints=[pm.Load(at_most=2)], size=3))


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_many_pools_each_end_in_a_plan_or_an_error(pool, executor):
    jobs = [
        pm.Job("north", pool.mentees, pool.mentors),
        pm.Job("broken", pool.mentees.assign(years=-3), pool.mentors),
        pm.Job("staff", pool.mentors, program=pm.Program(size=3)),
    ]
    if executor is None:
        outcomes = list(pm.match_many(iter(jobs)))
    else:
        with executor(2) as workers:
            outcomes = list(pm.match_many(iter(jobs), executor=workers))
    assert [outcome.name for outcome in outcomes] == ["north", "broken", "staff"]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, pm.ProfileError)
    assert outcomes[0].plan.gap == 0.0
    assert isinstance(outcomes[2].plan, pm.Grouping)


def test_many_pools_are_read_lazily(pool):
    asked = []

    def jobs():
        for name in ("a", "b", "c"):
            asked.append(name)
            yield pm.Job(name, pool.mentees, pool.mentors)

    outcomes = pm.match_many(jobs())
    next(outcomes)
    assert asked == ["a"]


@given(st.data())
def test_own_scores_bring_the_same_plan_whatever_their_order(data):
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    cell = st.one_of(st.none(), st.integers(-3, 3))
    rows = data.draw(st.lists(st.lists(cell, min_size=m, max_size=m), min_size=n, max_size=n))
    scores = pd.DataFrame(
        rows, index=[f"a{i}" for i in range(n)], columns=[f"b{j}" for j in range(m)]
    ).astype(float)
    plan = pm.match_scores(scores, [pm.Load(at_most=2)])
    order = data.draw(st.permutations(range(n)))
    columns = data.draw(st.permutations(range(m)))
    again = pm.match_scores(scores.iloc[order, columns], [pm.Load(at_most=2)])
    assert key(again) == key(plan)
    assert plan.gap == 0.0
    pm.verify(plan)
