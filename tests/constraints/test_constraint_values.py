import pickle

import pytest

import pairmatch as pm

VALUES = [
    pm.Load(at_most=3),
    pm.Load(at_most="max_mentees", at_least={"M-07": 1}, default=2),
    pm.Pin("T-1", "M-1"),
    pm.Forbid("T-1", 3, why="line manager"),
    pm.EvaluatorPairs(allowed=True),
    pm.Require(pm.SubjectMatch(), at_least=0.5),
    pm.Require(pm.CommonTime(minutes=45), unknown="allow"),
    pm.MinScore(0.3),
    pm.Quota(by="school", at_most=2),
    pm.Quota(by={"T-1": "a"}, at_most=0),
    pm.Options(seed=3, time_limit=2.5),
    pm.Program(criteria=[pm.SubjectMatch(weight=3)], constraints=[pm.Load(at_most=2)], size=(4, 6)),
    pm.Program.preset("triad"),
    pm.Program.preset("mentoring"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_value_prints_as_typed_and_survives_pickling_and_hashing(value):
    names = {name: getattr(pm, name) for name in pm.__all__}
    assert eval(repr(value), names) == value  # noqa: S307
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301
    assert len({value, value}) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pm.Load(at_most=-1), "at_most is -1"),
        (lambda: pm.Load(at_most=2.5), "at_most is 2.5"),
        (lambda: pm.Load(at_most=True), "at_most is True"),
        (lambda: pm.Load(at_most=1, at_least=2), "more than at_most"),
        (lambda: pm.Load(at_most={"a": -1}), "at_most of a is -1"),
        (lambda: pm.Load(default=None), "default is None"),
        (lambda: pm.Pin("", "M"), "mentee is ''"),
        (lambda: pm.Forbid(1.5, "M"), "mentee is 1.5"),
        (lambda: pm.Require("subjects"), "is no criterion"),
        (lambda: pm.Require(pm.SubjectMatch(), at_least=0), "at_least is 0"),
        (lambda: pm.Require(pm.SubjectMatch(), unknown="maybe"), "unknown is 'maybe'"),
        (lambda: pm.MinScore(float("nan")), "at_least is nan"),
        (lambda: pm.Quota(by="", at_most=1), "by is ''"),
        (lambda: pm.Quota(by="school", at_most=-2), "at_most is -2"),
        (lambda: pm.EvaluatorPairs(allowed="yes"), "allowed is 'yes'"),
        (lambda: pm.Options(seed=-1), "seed is -1"),
        (lambda: pm.Options(time_limit=0), "time_limit is 0"),
        (lambda: pm.Program(criteria=[]), "criteria is ()"),
        (lambda: pm.Program(criteria=[pm.Load()]), "is no criterion"),
        (lambda: pm.Program(constraints=[pm.SubjectMatch()]), "is no constraint"),
        (lambda: pm.Program(objective="covrage"), "Did you mean 'coverage'?"),
        (lambda: pm.Program(size=1), "size is 1"),
        (lambda: pm.Program(size=(6, 4)), "size is (6, 4)"),
        (lambda: pm.Program(rounds=0), "rounds is 0"),
        (lambda: pm.Program.preset("traid"), "Did you mean 'triad'?"),
    ],
)
def test_bad_value_is_refused_in_words(make, says):
    with pytest.raises(pm.ProgramError) as caught:
        make()
    assert says in str(caught.value)


def test_all_faults_of_a_value_are_said_at_once():
    with pytest.raises(pm.ProgramError) as caught:
        pm.Program(objective="best", size=0, rounds="two")
    assert len(caught.value.faults) == 3
