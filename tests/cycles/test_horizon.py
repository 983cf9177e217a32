import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.cycles import horizon
from pairmatch.solvers.changes.lasting import count_lasting, find_lasting


def tables(n, m, **columns):
    mentees = pd.DataFrame({"id": [f"T-{k}" for k in range(n)], "years": np.arange(n) % 4})
    mentors = pd.DataFrame({"id": [f"M-{k}" for k in range(m)], "years": 6 + np.arange(m) % 9})
    return mentees, mentors.assign(**columns)


def test_no_pair_comes_again_in_ten_cycles_when_that_is_possible():
    mentees, mentors = tables(10, 10)
    ahead = pm.match_cycles(mentees, mentors, cycles=10)
    met = [(a, b) for _, a, b in ahead.history.pairs]
    assert len(met) == len(set(met)) == 100
    assert ahead.possible == 10
    assert ahead.first_impossible is None
    assert ahead.exact
    for plan in ahead.plans:
        assert plan.matched == 10
        pm.verify(plan)


def test_the_first_cycle_in_which_somebody_must_go_without_is_told():
    mentees, mentors = tables(6, 3, max_mentees=2)
    ahead = pm.match_cycles(mentees, mentors, cycles=5)
    assert ahead.to_frame()["matched"].tolist() == [6, 6, 6, 0, 0]
    assert ahead.first_impossible == 4
    again = pm.match_cycles(mentees, mentors, cycles=2, history=_first(ahead, 2))
    assert again.first_impossible == 2
    assert again.to_frame()["cycle"].tolist() == [3, 4]


def _first(ahead, n):
    history = pm.History()
    for plan in ahead.plans[:n]:
        history = history.add(plan)
    return history


def test_a_greedy_first_cycle_is_steered_so_that_later_cycles_stay_possible():
    # The best first plan leaves T-0 and T-2 nobody new but M-1; another one leaves both somebody.
    want = {("T-0", "M-0"), ("T-0", "M-1"), ("T-1", "M-0"), ("T-1", "M-1"), ("T-1", "M-2")}
    want |= {("T-2", "M-1"), ("T-2", "M-2")}
    mentees, mentors = tables(3, 3)
    rules = [
        pm.Forbid(a, b)
        for a, b in itertools.product(mentees["id"], mentors["id"])
        if (a, b) not in want
    ]

    def taste(coached, coach):
        good = {("T-0", "M-0"), ("T-1", "M-1"), ("T-2", "M-2")}
        return np.array([[float((a, b) in good) for b in coach.ids] for a in coached.ids])

    program = pm.Program(criteria=[pm.Custom(taste)], constraints=rules)
    greedy = pm.match(mentees, mentors, program)
    assert greedy.objective == 3
    second = pm.match(
        mentees,
        mentors,
        program.replace(constraints=[*rules, pm.NotAgain(pm.History().add(greedy))]),
    )
    assert second.matched == 2
    ahead = pm.match_cycles(mentees, mentors, program, cycles=2)
    assert ahead.possible == 2
    assert [plan.matched for plan in ahead.plans] == [3, 3]
    for plan in ahead.plans:
        pm.verify(plan)


def test_the_number_of_cycles_agrees_with_trying_everything():
    rng = np.random.default_rng(4)
    for _ in range(40):
        allowed = rng.random((3, 4)) < 0.6
        capacity = rng.integers(0, 3, 4)

        def lasts(left, n, capacity=capacity):
            if n == 0:
                return True
            for choice in itertools.product(*[np.flatnonzero(row) for row in left]):
                if (np.bincount(choice, minlength=4) <= capacity).all():
                    rest = left.copy()
                    rest[range(3), list(choice)] = False
                    if lasts(rest, n - 1):
                        return True
            return False

        found = count_lasting(allowed, capacity, most=4)
        assert lasts(allowed, found)
        assert found == 4 or not lasts(allowed, found + 1)


def test_pairs_that_last_have_one_mentor_a_cycle_within_the_places():
    allowed = np.ones((6, 4), bool)
    pairs = find_lasting(allowed, np.array([2, 2, 1, 1]), 3)
    assert (pairs.sum(axis=1) == 3).all()
    assert (pairs.sum(axis=0) <= [6, 6, 3, 3]).all()


def test_rules_beyond_single_pairs_make_the_horizon_an_upper_bound():
    mentees, mentors = tables(4, 4, school="x")
    program = pm.Program(constraints=[pm.Load(at_least=1)])
    assert not pm.match_cycles(mentees, mentors, program, cycles=2).exact


def test_cycles_refuse_what_is_no_number_of_cycles():
    with pytest.raises(pm.ProgramError, match="whole number"):
        pm.match_cycles(*tables(2, 2), cycles=0)


@pytest.mark.parametrize("n_before", [0, 1])
def test_ctrl_c_ends_all_cycles(monkeypatch, n_before):
    asked = []

    def stop(*tables, **given):
        asked.append(1)
        plan = pm.match(*tables, **given)
        if len(asked) <= n_before:
            return plan
        stopped = dataclasses.replace(plan.solution, status=pm.Status.INTERRUPTED)
        return dataclasses.replace(plan, solution=stopped)

    monkeypatch.setattr(horizon, "match", stop)
    with pytest.raises(KeyboardInterrupt):
        pm.match_cycles(*tables(4, 4), cycles=4)
    assert len(asked) == n_before + 1
