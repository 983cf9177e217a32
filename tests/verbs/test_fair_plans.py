import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.solution import Prices


@pytest.fixture(scope="module")
def pool():
    return district(24, 16, seed=8)


def test_worst_off_raises_the_lowest_score_and_says_what_it_costs():
    scores = [[10, 6], [9, 1]]
    assert pm.match_scores(scores).objective == 15
    fair = pm.match_scores([[10, 6], [5, 1]], objective="worst_off")
    assert fair.to_frame()["score"].tolist() == [6, 5]
    plan = pm.match_scores([[10, 4], [4, 1]], objective="worst_off")
    assert plan.to_frame()["score"].min() == 4
    assert plan.price == 11 - 8
    assert plan.gap == 0.0


def test_leximin_raises_the_second_lowest_too():
    rng = np.random.default_rng(3)
    for _ in range(10):
        scores = rng.integers(0, 9, (4, 4))
        plan = pm.match_scores(scores, objective="leximin")
        best = max(
            sorted(scores[range(4), list(p)].tolist()) for p in itertools.permutations(range(4))
        )
        assert sorted(plan.to_frame()["score"].tolist()) == best
        pm.verify(plan)


def test_levels_that_are_proved_are_told_in_words():
    scores = np.random.default_rng(3).integers(0, 9, (5, 5))
    plan = pm.match_scores(scores, objective="leximin")
    assert "levels" not in plan.summary()
    assert len(plan.solution.steps) > 3
    for n, words in ((1, "the lowest level is proved"), (2, "the lowest 2 levels are proved")):
        steps = plan.solution.steps[: 1 + n]
        solution = replace(plan.solution, steps=steps, status=pm.Status.TIME_LIMIT)
        cut = replace(plan, solution=solution, certificate=certify_plan(plan.problem, solution))
        assert cut.gap is None
        assert cut.certificate.levels == n
        top = np.unique(plan.to_frame()["score"])[n - 1]
        assert f"{words} (of " in cut.summary()
        assert f"up to {top:.6g})" in cut.summary()
        assert pm.verify(cut) == cut.certificate
        boast = replace(cut, certificate=replace(cut.certificate, levels=n + 1))
        with pytest.raises(pm.CertificateError, match="is not what a check finds"):
            pm.verify(boast)


def test_lowest_score_that_is_proved_alone_is_told_in_words():
    plan = pm.match_scores([[5, 5, 1], [5, 5, 1], [1, 1, 9]], objective="leximin")
    solution = replace(
        plan.solution,
        steps=(plan.solution.steps[0], Prices(np.array([1, 0, 0]), bonus=1)),
        status=pm.Status.TIME_LIMIT,
    )
    cut = replace(plan, solution=solution, certificate=certify_plan(plan.problem, solution))
    assert cut.certificate.levels == 0
    assert "no plan that matches as many has a higher lowest score than 5" in cut.summary()
    assert pm.verify(cut) == cut.certificate
    boast = replace(cut, solution=replace(solution, steps=solution.steps[:1]))
    with pytest.raises(pm.CertificateError, match="is not what a check finds"):
        pm.verify(boast)


def test_fair_plans_of_profiles_survive_their_check(pool):
    total = pm.match(pool.mentees, pool.mentors)
    for objective in ("worst_off", "leximin"):
        plan = pm.match(pool.mentees, pool.mentors, pm.Program(objective=objective))
        assert plan.matched == total.matched
        assert plan.price == pytest.approx(total.objective - plan.objective)
        assert plan.to_frame()["score"].min() >= total.to_frame()["score"].min()
        assert pm.verify(plan).proved


def test_tiers_come_before_scores_and_after_coverage(pool):
    tiers = pm.Tiers([[pm.SameSchool(), pm.SubjectMatch()], pm.SameSchool()])
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=[tiers]))
    free = pm.match(pool.mentees, pool.mentors)
    assert plan.matched == free.matched
    assert plan.price >= 0

    def count(some):
        pairs = some.solution.pairs
        table = some.scored
        held = [tiers.tier_of(table.coached, i, table.coach, j) for i, j in pairs.tolist()]
        return [-held.count(0), -held.count(1)]

    assert count(plan) <= count(free)
    pm.verify(plan)


def test_tiers_of_pairs_put_in_by_hand_are_not_taken_for_proved(pool):
    program = pm.Program(criteria=[pm.GoalCoverage()], constraints=[pm.Tiers([pm.SameSchool()])])
    plan = pm.match(pool.mentees, pool.mentors, program)
    free = pm.match(pool.mentees, pool.mentors, program.replace(constraints=[]))
    assert free.objective > plan.objective
    edited = plan.replace(pairs=free.to_frame())
    assert not pm.verify(edited).proved


def test_tier_matrix_says_what_the_cells_say(pool):
    tiers = pm.Tiers([[pm.SameSchool(), pm.SubjectMatch()], pm.GradeMatch(), pm.SameSchool()])
    coached, coach = pm.read_profiles(pool.mentees), pm.read_profiles(pool.mentors)
    matrix = tiers.bind(coached, coach)
    again = [
        [tiers.tier_of(coached, i, coach, j) for j in range(len(coach))]
        for i in range(len(coached))
    ]
    assert (matrix == np.array(again)).all()
    assert len(np.unique(matrix)) > 2


def test_place_values_are_what_one_more_place_brings():
    rng = np.random.default_rng(5)
    scores = pd.DataFrame(rng.integers(0, 20, (6, 4)))
    plan = pm.match_scores(scores)
    values = plan.place_values().set_index("mentor")
    for mentor in scores.columns:
        more = pm.match_scores(scores, [pm.Load(at_most={mentor: 2})])
        assert more.matched - plan.matched == values.loc[mentor, "matched"]
        assert more.objective - plan.objective == values.loc[mentor, "total"]


def test_tiers_without_their_columns_are_refused():
    table = pd.DataFrame({"id": ["a", "b"], "subjects": ["art", "art"]})
    program = pm.Program(constraints=[pm.Tiers([pm.SameSchool()])])
    with pytest.raises(pm.ProgramError, match="school"):
        pm.match(table, table, program)


@pytest.fixture
def lower_sizes(monkeypatch):
    """Say from when on pools count as large: from now on."""

    def lower():
        monkeypatch.setattr("pairmatch.seam.pairs.MOST_FAIR", 10)
        monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 10)
        monkeypatch.setattr("pairmatch.solvers.assignment.choice._LARGE", 10)

    return lower


def test_levels_of_given_scores_refuse_pools_that_are_too_large(lower_sizes):
    lower_sizes()
    with pytest.raises(pm.CapabilityError, match=r"given scores.*match_many"):
        pm.match_scores(np.ones((4, 4)), objective="leximin")


@pytest.mark.parametrize(
    ("program", "solver"),
    [
        (pm.Program(objective="leximin"), "pricing, level by level"),
        (
            pm.Program(
                constraints=[pm.Load(at_most=3, at_least=1), pm.Quota(by="school", at_most=1)],
                objective="leximin",
            ),
            "pricing, level by level",
        ),
        (
            pm.Program(constraints=[pm.Demand(2), pm.Load(at_most=3)]),
            "pricing, min-cost flow",
        ),
        (
            pm.Program(constraints=[pm.Demand(2), pm.Load(at_most=3, at_least=1)]),
            "pricing, min-cost flow",
        ),
    ],
    ids=[
        "leximin",
        "leximin, quotas, minimum loads",
        "several mentors",
        "several mentors, minimum loads",
    ],
)
def test_large_pools_have_the_plan_of_small_ones(pool, lower_sizes, program, solver):
    held = pm.match(pool.mentees, pool.mentors, program)
    lower_sizes()
    plan = pm.match(pool.mentees, pool.mentors, program)
    assert plan.solver == solver
    assert plan.to_frame().equals(held.to_frame())
    assert plan.gap == 0
    assert pm.verify(plan).proved


def test_several_mentors_of_given_scores_refuse_pools_that_are_too_large(lower_sizes):
    lower_sizes()
    with pytest.raises(pm.CapabilityError, match=r"given scores.*match_many"):
        pm.match_scores(np.ones((4, 4)), [pm.Demand(2)])


def test_several_mentors_with_times_in_large_pools_keep_every_rule(pool, lower_sizes):
    program = pm.Program(constraints=[pm.Demand(2), pm.Load(at_most=3), pm.Meetings(minutes=45)])
    free = pm.Program(constraints=[pm.Demand(2), pm.Load(at_most=3), pm.Require(pm.CommonTime())])
    lower_sizes()
    plan = pm.match(pool.mentees, pool.mentors, program)
    assert "a few columns at a time" in plan.solver
    assert len(plan.to_frame()) > 0
    certificate = pm.verify(plan)
    assert certificate.bound >= certificate.objective
    assert certificate.seats <= certificate.seats_bound
    most = pm.match(pool.mentees, pool.mentors, free)
    assert len(plan.to_frame()) <= len(most.to_frame())


@pytest.mark.parametrize(
    ("more", "objective", "message"),
    [
        ([pm.Meetings(minutes=45), pm.Load(at_least=1)], "coverage", "drop at_least"),
        ([], "leximin", "several mentors for one mentee go with objective"),
    ],
)
def test_several_mentors_are_refused_before_anything_is_scored(
    pool, lower_sizes, monkeypatch, more, objective, message
):
    lower_sizes()
    monkeypatch.setattr("pairmatch.verbs.score", None)
    program = pm.Program(constraints=[pm.Demand(2), *more], objective=objective)
    with pytest.raises(pm.CapabilityError, match=message):
        pm.match(pool.mentees, pool.mentors, program)


def test_tiers_of_large_pools_are_streamed_and_verified(pool, monkeypatch):
    tiers = pm.Tiers([[pm.SameSchool(), pm.GradeMatch(within=0)], pm.SameSchool()])
    ids = pool.mentees["id"].astype(str).tolist()
    history = pm.History(left_out=[(4, ids[0]), (4, ids[3]), (3, ids[3])], last_cycle=4)
    waited = pm.CarryOver(history)
    assert len(waited.levels) == 2
    for rule in (tiers, waited):
        program = pm.Program(constraints=[rule])
        held = pm.match(pool.mentees, pool.mentors, program)
        with monkeypatch.context() as patch:
            patch.setattr("pairmatch.seam.pairs.MOST_FAIR", 10)
            patch.setattr("pairmatch.seam.pairs.MOST_HELD", 10)
            patch.setattr("pairmatch.solvers.assignment.choice._LARGE", 10)
            plan = pm.match(pool.mentees, pool.mentors, program)
            assert plan.solver.startswith("weighted tiers")
            assert pm.verify(plan).proved
            assert plan.objective == held.objective
            assert plan.price == held.price


def test_a_level_that_is_more_than_something_in_common_needs_a_small_pool(pool, monkeypatch):
    own = pm.Custom(lambda coached, coach: np.ones((len(coached), len(coach))))
    program = pm.Program(constraints=[pm.Tiers([own])])
    assert pm.match(pool.mentees, pool.mentors, program).gap == 0
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_FAIR", 10)
    with pytest.raises(pm.CapabilityError, match=r"no level in a pool of this size.*SameSchool"):
        pm.match(pool.mentees, pool.mentors, program)


def test_scores_beyond_exact_arithmetic_are_refused_with_the_amount():
    scores = np.full((40, 40), 2**61)
    scores[0, 0] = 0
    with pytest.raises(pm.ScoreError, match=r"\d{15}"):
        pm.match_scores(scores, [pm.Load(at_most=2)])
