"""Terms in which not everybody has a place: as many places as can be, in turns, with a proof."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import staff
from pairmatch.solvers.certify.term_places import bound_term_places
from pairmatch.solvers.group_rules import GroupRules
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.terms import complete_term
from pairmatch.solvers.terms.places import price_term_places
from pairmatch.solvers.terms.schedules import count_meetings


def tight(n, seed, share=0.7, largest=4):
    rng = np.random.default_rng(seed)
    friends = np.triu(rng.random((n, n)) < share, 1)
    gain = rng.integers(0, 100, (n, n))
    rules = GroupRules(n, rng.integers(0, 2, (n, 1)), np.array([2]))
    return GroupingProblem(gain, friends | friends.T, 3, largest, 3, "total", rules)


def legal_groups(problem):
    return [
        group
        for size in range(problem.smallest, problem.largest + 1)
        for group in combinations(range(problem.n), size)
        if all(problem.allowed[pair] for pair in combinations(group, 2))
        and problem.rules.amount[list(group), 0].sum() <= problem.rules.most[0]
    ]


def most_places(problem, n_rounds):
    """Return the most places that any term has: every round is tried after every other."""
    groups = [(frozenset(g), frozenset(combinations(g, 2))) for g in legal_groups(problem)]

    def terms(at, met):
        if at == n_rounds:
            return 0
        best = 0

        @cache
        def grow(first, seated, used):
            nonlocal best
            best = max(best, len(seated) + terms(at + 1, met | used))
            for k in range(first, len(groups)):
                group, pairs = groups[k]
                if not group & seated and not pairs & (met | used):
                    grow(k + 1, seated | group, used | pairs)

        grow(0, frozenset(), frozenset())
        return best

    return terms(0, frozenset())


@pytest.mark.parametrize("seed", range(8))
def test_places_of_small_terms_are_as_many_as_any_term_has_and_none_is_above_the_limit(seed):
    problem = tight(7, seed)
    first = solve_grouping(problem).group_of
    rounds, prices, interrupted = complete_term(problem, first[None, :], 2, scale=6)
    assert not interrupted
    assert count_meetings(rounds).max(initial=0) <= 1
    values = GroupValues.of(problem, 6)
    for row in rounds:
        for group in range(row.max() + 1):
            members = np.flatnonzero(row == group)
            assert values.legal(members[None, :])[0]
    best = most_places(problem, 2)
    assert (rounds >= 0).sum() == best
    if prices is not None:
        limit = bound_term_places(problem, prices, 2, 1)
        assert limit is not None
        assert limit >= best


def test_the_limit_looks_at_rules_about_whole_groups_and_at_sizes():
    problem = tight(9, 3, share=1.0, largest=3)
    prices = price_term_places(GroupValues.of(problem, 2), 3, 3, 3, 1)
    limit = bound_term_places(problem, prices, 3, 1)
    assert limit % 3 == 0
    free = replace(problem, rules=None)  # groups that were not legal pay too little
    assert bound_term_places(free, prices, 3, 1) is None


@pytest.mark.parametrize("what", ["person", "pair", "sign", "shape"])
def test_prices_that_prove_nothing_are_refused(what):
    problem = tight(9, 1)
    prices = price_term_places(GroupValues.of(problem, 6), 3, 4, 3, 1)
    assert bound_term_places(problem, prices, 3, 1) is not None
    person, pair = prices.person.copy(), prices.pair.copy()
    if what == "person":
        person[person.argmax()] //= 2
    elif what == "pair":
        person, pair = person // 2, pair // 2
    elif what == "sign":
        pair[0, 1] = pair[1, 0] = -1
    else:
        person = person[1:]
    spoiled = replace(prices, person=person, pair=pair)
    assert bound_term_places(problem, spoiled, 3, 1) is None


def pool_of(n, **columns):
    subjects = [["art", "maths", "art; maths", "science"][k % 4] for k in range(n)]
    return pd.DataFrame({"id": [f"T{k:02}" for k in range(n)], "subjects": subjects, **columns})


def test_who_is_left_out_takes_turns_over_the_rounds():
    program = pm.Program(
        [pm.SubjectMatch()], [pm.TakeTurns()], size=3, leftovers="leave_out", rounds=4
    )
    rounds = pm.form_rounds(pool_of(10), program)
    assert [plan.matched for plan in rounds] == [9, 9, 9, 9]
    assert rounds.unmatched["id"].is_unique
    assert rounds.placed == rounds.placed_bound == 36
    rounds.verify()


def test_turns_before_the_term_count():
    before = [0] * 7 + [2, 2, 2]
    program = pm.Program(
        [pm.SubjectMatch()], [pm.TakeTurns("out")], size=3, leftovers="leave_out", rounds=4
    )
    rounds = pm.form_rounds(pool_of(10, out=before), program)
    assert rounds.unmatched["id"].is_unique
    assert set(rounds.unmatched["id"]) <= {f"T{k:02}" for k in range(7)}
    with pytest.raises(pm.ProgramError, match="no column 'left'"):
        pm.form_rounds(pool_of(10), program.replace(constraints=[pm.TakeTurns("left")]))


@pytest.fixture(scope="module")
def few():
    """Return a term of a pool in which late rounds have few legal groups."""
    program = pm.Program(
        [pm.SubjectMatch(), pm.GoalCoverage()],
        [pm.Meetings(minutes=45)],
        size=3,
        leftovers="leave_out",
        rounds=3,
    )
    return pm.form_rounds(staff(15, seed=1), program)


def test_a_limit_on_places_is_proved_and_told(few):
    few.verify()
    assert few.placed <= few.placed_bound < 45
    assert f"{few.placed} places in all rounds" in few.summary()
    assert few.placed >= 6
    assert '"places_bound"' in few.to_json()


def test_a_limit_on_places_that_is_not_proved_is_refused(few):
    for most in (few.placed_bound - 3, None):
        claim = replace(few.certificate, matched_bound=most)
        with pytest.raises(pm.CertificateError, match="is not what a check finds"):
            replace(few, certificate=claim).verify()


def test_rounds_of_larger_pools_are_filled_in_parts(monkeypatch):
    """A school of six has one full round: in the second, threes would meet somebody again."""
    monkeypatch.setattr("pairmatch.terms.N_JOINT", 20)
    pool = pool_of(30, school=[f"S{k % 5}" for k in range(30)])
    program = pm.Program(
        [pm.SubjectMatch()], [pm.Require(pm.SameSchool())], size=3, leftovers="leave_out", rounds=2
    )
    rounds = pm.form_rounds(pool, program)
    rounds.verify()
    assert rounds.placed == 30  # the second round of a school of six has no group
    assert rounds.placed_bound >= rounds.placed
