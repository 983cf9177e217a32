import numpy as np
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.seam import assignment_problem, matrix_of
from pairmatch.seam.streams import stream_gains

CRITERIA = [
    pm.SubjectMatch(weight=3),
    pm.GoalCoverage(weight=2),
    pm.CommonTime(minutes=45),
    pm.StyleFit(),
    pm.Closeness("years", within=20, missing="zero"),
    pm.SameSchool(missing="exclude"),
]
RULES = {
    "none": [],
    "same school": [pm.Require(pm.SameSchool())],
    "common time": [pm.Require(pm.CommonTime(minutes=45))],
    "common time or unknown": [pm.Require(pm.CommonTime(minutes=45), unknown="allow")],
    "subject": [pm.Require(pm.SubjectMatch())],
    "close subject": [pm.Require(pm.SubjectMatch(), at_least=0.6)],
    "floor": [pm.MinScore(0.4)],
    "pairs": [pm.Forbid("T-004", "M-002"), pm.Forbid("T-009", "M-011")],
    "all": [pm.Require(pm.SameSchool()), pm.Require(pm.SubjectMatch()), pm.MinScore(0.2)],
}


@pytest.fixture(scope="module")
def pool():
    return district(60, 37, seed=4, gaps=0.15)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("n_schools", [5, 90], ids=["few schools", "many schools"])
def test_streamed_gains_are_the_same_integers_and_rules(n_schools, rules):
    pool = district(60, 37, seed=4, gaps=0.15, n_schools=n_schools)
    scored = pm.score(pool.mentees, pool.mentors, pm.Program(criteria=CRITERIA, constraints=rules))
    held, streamed = matrix_of(scored), stream_gains(scored)
    gain, allowed = streamed.block(slice(0, 60), slice(0, 37))
    assert (allowed == held.allowed).all()
    assert (gain[allowed] == held.gain[allowed]).all()
    part_gain, part_allowed = streamed.block(slice(13, 41), slice(5, 36))
    assert (part_allowed == held.allowed[13:41, 5:36]).all()
    assert (part_gain[part_allowed] == held.gain[13:41, 5:36][part_allowed]).all()
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, 60, 200), rng.integers(0, 37, 200)
    pair_gain, pair_allowed = streamed.pairs(i, j)
    assert (pair_allowed == held.allowed[i, j]).all()
    assert (pair_gain[pair_allowed] == held.gain[i, j][pair_allowed]).all()
    rows, columns = rng.permutation(60)[:20], rng.permutation(37)[:15]
    taken_gain, taken_allowed = streamed.take(rows, columns).block(slice(0, 20), slice(0, 15))
    assert (taken_allowed == held.allowed[np.ix_(rows, columns)]).all()
    assert (taken_gain[taken_allowed] == held.gain[np.ix_(rows, columns)][taken_allowed]).all()


def test_custom_criteria_are_streamed_as_well():
    pool = district(30, 20, seed=5)
    program = pm.Program(criteria=[pm.SubjectMatch(), pm.Custom(_parity)])
    scored = pm.score(pool.mentees, pool.mentors, program)
    held, streamed = matrix_of(scored), stream_gains(scored)
    assert (streamed.block(slice(0, 30), slice(0, 20))[0] == held.gain).all()


def _parity(mentees, mentors):
    return (np.add.outer(mentees["style_pace"], mentors["style_pace"]) % 2) * 0.5


def test_large_pools_are_streamed_and_small_ones_held(monkeypatch):
    pool = district(30, 20, seed=6)
    scored = pm.score(pool.mentees, pool.mentors)
    assert type(assignment_problem(scored, (), "coverage").gains).__name__ == "MatrixGains"
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 100)
    assert type(assignment_problem(scored, (), "coverage").gains).__name__ == "StreamedGains"


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_plan_of_a_streamed_pool_is_as_good_as_of_a_held_one(pool, monkeypatch, rules, objective):
    program = pm.Program(criteria=CRITERIA, constraints=rules, objective=objective)
    held = pm.match(pool.mentees, pool.mentors, program)
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 100)
    streamed = pm.match(pool.mentees, pool.mentors, program, options=pm.Options(method="pricing"))
    assert "pricing" in streamed.solver
    assert (streamed.matched, streamed.objective) == (held.matched, held.objective)
    assert streamed.gap == 0.0
    pm.verify(streamed)


def test_streamed_gains_hold_no_second_copy_of_the_features(pool):
    scored = pm.score(pool.mentees, pool.mentors, pm.Program(criteria=CRITERIA))
    one, other = stream_gains(scored), stream_gains(scored)
    for gains in (one, other):
        assert np.shares_memory(gains.row_features, scored.fused.coached)
        assert np.shares_memory(gains.column_features, scored.fused.coach)
        assert gains.row_features.shape[1] > scored.fused.width  # common time may be unknown
    # One column for prices beside them, whoever asks.
    assert one.find_spare(0).take()
    assert not other.find_spare(0).take()
    one.find_spare(0).give_back()
    assert other.find_spare(0).take()
