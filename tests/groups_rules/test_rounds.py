from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

import pairmatch as pm
from pairmatch.datasets import staff

PROGRAM = pm.Program(criteria=[pm.SubjectMatch(), pm.GoalCoverage()], size=3, rounds=3)


@pytest.fixture(scope="module")
def rounds():
    return pm.form_rounds(staff(15, seed=1), PROGRAM)


def test_no_two_people_meet_twice(rounds):
    frame = rounds.to_frame()
    assert frame.columns.tolist() == ["round", "group", "id", "role"]
    pairs = [
        pair
        for _, group in frame.groupby(["round", "group"])
        for pair in combinations(sorted(group["id"]), 2)
    ]
    assert len(pairs) == len(set(pairs)) == 3 * 15
    assert rounds.complete
    assert rounds.unmatched.empty
    assert [certificate.matched for certificate in rounds.verify()] == [15, 15, 15]


def test_rounds_in_which_people_meet_again_are_refused(rounds):
    twice = replace(rounds, rounds=(rounds[0], rounds[0]))
    with pytest.raises(pm.CertificateError, match="meet in rounds 1 and 2"):
        twice.verify()


def test_more_rounds_than_partners_are_impossible_and_the_first_such_round_is_named():
    with pytest.raises(pm.InfeasibleError, match="round 5 is the first that cannot be"):
        pm.form_rounds(staff(9, seed=1), PROGRAM.replace(rounds=5))


def test_who_cannot_be_placed_without_meeting_again_is_named():
    rounds = pm.form_rounds(staff(6, seed=1), PROGRAM.replace(rounds=2))
    assert not rounds.complete
    assert set(rounds.unmatched["round"]) == {2}
    assert "round 2 is the first that leaves more people out" in rounds.summary()
