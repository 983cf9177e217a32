"""Rounds of groups in which no two people meet too often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import staff

PROGRAM = pm.Program(criteria=[pm.SubjectMatch(), pm.GoalCoverage()], size=3, rounds=3)


@pytest.fixture(scope="module")
def rounds():
    return pm.form_rounds(staff(15, seed=1), PROGRAM)


def meetings(rounds):
    """Return how often each two people share a group, from the table alone."""
    return Counter(
        frozenset(pair)
        for _, group in rounds.to_frame().groupby(["round", "group"])
        for pair in combinations(group["id"], 2)
    )


def test_no_two_people_meet_twice(rounds):
    assert rounds.to_frame().columns.tolist() == ["round", "group", "id", "role"]
    met = meetings(rounds)
    assert len(met) == 3 * 15
    assert set(met.values()) == {1}
    assert rounds.complete
    assert rounds.unmatched.empty
    assert [certificate.matched for certificate in rounds.verify()] == [15, 15, 15]


def test_rounds_in_which_people_meet_again_are_refused(rounds):
    twice = replace(rounds, rounds=(rounds[0], rounds[0]))
    with pytest.raises(pm.CertificateError, match="meet in rounds 1 and 2"):
        twice.verify()


def test_a_bound_that_is_not_proved_is_refused(rounds):
    claim = replace(rounds.certificate, bound=rounds.certificate.objective)
    with pytest.raises(pm.CertificateError, match="is not what a check finds"):
        replace(rounds, certificate=claim).verify()


def test_a_term_with_a_round_missing_is_refused(rounds):
    with pytest.raises(pm.CertificateError, match="is not what a check finds"):
        replace(rounds, rounds=rounds.rounds[:2]).verify()


def test_more_rounds_than_partners_are_impossible_and_the_first_such_round_is_named():
    with pytest.raises(pm.InfeasibleError, match="round 5 is the first that cannot be"):
        pm.form_rounds(staff(9, seed=1), PROGRAM.replace(rounds=5))


def test_who_cannot_be_placed_without_meeting_again_is_named():
    rounds = pm.form_rounds(staff(6, seed=1), PROGRAM.replace(rounds=2))
    assert not rounds.complete
    assert set(rounds.unmatched["round"]) == {1, 2}  # 6 and 0 places are fewer than 4 and 3
    assert [plan.matched for plan in rounds] == [4, 3]
    assert "round 2 is the first that leaves more people out" in rounds.summary()
    assert "no more than 1 round can place 4 people: some group has 4" in rounds.summary()
    assert "7 places in all rounds" in rounds.summary()
    rounds.verify()


@pytest.mark.parametrize(
    ("n", "size", "n_rounds"),
    [
        *((9, 3, 4), (12, 3, 4), (8, 2, 7), (16, 4, 5), (13, 3, 4)),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((15, 3, 7), (21, 3, 10))),
    ],
)
def test_known_numbers_of_rounds_are_reached(n, size, n_rounds):
    program = PROGRAM.replace(size=size, rounds=n_rounds)
    rounds = pm.form_rounds(staff(n, seed=2), program)
    assert rounds.complete
    assert max(meetings(rounds).values()) == 1
    assert all(certificate.matched == n for certificate in rounds.verify())


def test_rules_hold_in_every_round_of_a_schedule():
    pool = staff(15, seed=3)
    apart = pm.Forbid("S-001", "S-002")
    program = PROGRAM.replace(rounds=5, constraints=[apart])
    rounds = pm.form_rounds(pool, program)
    assert rounds.complete
    assert frozenset(("S-001", "S-002")) not in meetings(rounds)
    rounds.verify()


def test_each_round_has_somebody_of_each_kind_where_that_is_asked():
    pool = pd.DataFrame(
        {
            "id": [f"T{k:02}" for k in range(12)],
            "role": ["facilitator"] * 4 + ["member"] * 8,
            "subjects": ["art", "maths", "science"] * 4,
        }
    )
    program = pm.Program(
        criteria=[pm.SubjectMatch()],
        constraints=[pm.Compose("role", "facilitator", at_least=1)],
        size=3,
        rounds=4,
    )
    rounds = pm.form_rounds(pool, program)
    rounds.verify()
    assert rounds.complete
    frame = rounds.to_frame()
    first = frame["id"].isin(pool["id"][:4]).groupby([frame["round"], frame["group"]]).sum()
    assert (first == 1).all()


def test_people_may_meet_again_as_often_as_is_said():
    program = PROGRAM.replace(rounds=7, meet_at_most=2)
    rounds = pm.form_rounds(staff(9, seed=1), program)
    met = meetings(rounds)
    assert rounds.complete
    assert max(met.values()) == 2
    rounds.verify()
    with pytest.raises(pm.CertificateError, match="meet in rounds"):
        replace(rounds, at_most=1).verify()


def test_people_who_are_pinned_together_have_to_be_allowed_to_meet():
    pool = staff(9, seed=1)
    pin = pm.Pin("S-001", "S-002")
    program = PROGRAM.replace(constraints=[pin])
    with pytest.raises(pm.InfeasibleError, match="Set meet_at_most=3"):
        pm.form_rounds(pool, program)
    rounds = pm.form_rounds(pool, program.replace(meet_at_most=3))
    assert meetings(rounds)[frozenset(("S-001", "S-002"))] == 3
    rounds.verify()


def test_the_order_of_the_table_means_nothing(rounds):
    pool = staff(15, seed=1)
    turned = pool.iloc[::-1]
    again = pm.form_rounds(turned, PROGRAM)
    assert again.to_frame().to_csv() == rounds.to_frame().to_csv()


@pytest.mark.slow
def test_rounds_of_more_sizes_than_one_search_can_hold_are_those_that_were_formed():
    pool = pd.DataFrame(
        {"id": range(50), "subjects": ["art", "maths", "art; maths"] * 16 + [""] * 2}
    )
    program = pm.Program(size=(3, 30))
    rounds = pm.form_rounds(pool, program)
    assert rounds[0].group_ids == pm.form_groups(pool, program).group_ids
    assert rounds.verify()
    apart = [pm.Forbid("0", str(other)) for other in range(1, 50)]
    with pytest.raises(pm.ScoreError, match="turns cannot be taken"):
        pm.form_rounds(pool, program.replace(constraints=[pm.TakeTurns(), *apart]))


def test_a_term_of_nine_is_the_best_of_all():
    """Four rounds of nine meet everybody, so that every term is worth the same."""
    rounds = pm.form_rounds(staff(9, seed=4), PROGRAM.replace(rounds=4))
    scored = rounds[0].scored
    every = slice(0, 9)
    gain = rounds[0].problem.gains_among(np.arange(9))[every, every].copy()
    np.fill_diagonal(gain, 0)
    assert rounds.objective == pytest.approx(float(gain.sum() / 2 / scored.scale))


def test_two_rounds_of_six_in_pairs_are_the_best_of_all_by_enumeration():
    pool = staff(6, seed=5)
    rounds = pm.form_rounds(pool, PROGRAM.replace(size=2, rounds=2))
    gain = rounds[0].problem.gains_among(np.arange(6)) / rounds[0].scored.scale
    worth = gain + gain.T

    def pairings(people):
        if not people:
            yield ()
        for other in people[1:]:
            rest = [person for person in people[1:] if person != other]
            for more in pairings(rest):
                yield ((people[0], other), *more)

    every = list(pairings(list(range(6))))
    best = max(
        sum(worth[a, b] for a, b in one + two)
        for one in every
        for two in every
        if not set(one) & set(two)
    )
    assert rounds.objective == pytest.approx(best)
    assert rounds.bound >= best - 1e-9


def test_rounds_of_fair_groups_say_what_is_proved_about_the_lowest():
    pool = staff(12, seed=4)
    rounds = pm.form_rounds(pool, pm.Program(size=3, rounds=2, objective="worst_group"))
    each = [one.lowest for one in rounds.rounds]
    assert rounds.lowest == min(each)
    assert rounds.lowest_bound == rounds[0].lowest_bound >= max(each)
    told = [line for line in rounds.summary().splitlines() if line.startswith("  lowest")]
    assert len(told) == 1
    assert f"{rounds.lowest:.3f}" in told[0]
    if rounds.lowest < rounds.lowest_bound:  # the total alone never makes it the best
        assert rounds.status is not pm.Status.OPTIMAL
        assert f"at most {rounds.lowest_bound:.3f}" in told[0]
    else:
        assert "proved" in told[0]
    plain = pm.form_rounds(pool, pm.Program(size=3, rounds=2))
    assert plain.lowest_bound is None
    assert "  lowest" not in plain.summary()
