"""Re-matching where mentees should have several mentors."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.changes import ChangeLimit
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.answers import TooManyChangesError
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas


def rank(pairs, gain, objective):
    """Return what is compared of a plan, first things first."""
    total = int(sum(gain[i, j] for i, j in pairs))
    served = len({i for i, _ in pairs}), len(pairs)
    return (*served, total) if objective == "coverage" else (total,)


def best_by_kept(problem, earlier):
    """Return by number of earlier pairs the best rank of a plan with as many or more."""
    gain, allowed = problem.gains.gain, problem.gains.allowed
    pins = {tuple(pair) for pair in problem.pins.tolist()}
    choices = []
    for i, row in enumerate(allowed):
        options = np.flatnonzero(row).tolist()
        most = min(int(problem.demand[i]), len(options))
        some = [c for k in range(most + 1) for c in itertools.combinations(options, k)]
        mine = {j for at, j in pins if at == i}
        choices.append([c for c in some if mine <= set(c)])
    best = {}
    for choice in itertools.product(*choices):
        pairs = [(i, j) for i, own in enumerate(choice) for j in own]
        load = np.bincount([j for _, j in pairs], minlength=problem.n_columns)
        if (load > problem.capacity).any() or (load < problem.at_least).any():
            continue
        if any(
            sum(k == j and quota.class_of[i] == c for i, k in pairs) > quota.at_most
            for quota in problem.quotas
            for j in range(problem.n_columns)
            for c in range(quota.n_classes)
        ):
            continue
        kept = sum(pair in earlier for pair in pairs)
        own = rank(pairs, gain, problem.objective)
        best[kept] = max(best.get(kept, own), own)
    return {
        k: max((own for kept, own in best.items() if kept >= k), default=None)
        for k in range(len(earlier) + 1)
    }


def pose(rng, objective, n=4, m=4):
    gain = rng.integers(-3, 9, (n, m))
    allowed = rng.random((n, m)) < 0.8
    demand = rng.integers(1, 4, n)
    demand[0] = 2
    capacity = rng.integers(1, 4, m)
    problem = AssignmentProblem(
        MatrixGains(np.where(allowed, gain, 0), allowed), capacity, np.zeros(m, np.int64),
        objective=objective, demand=demand,
    )  # fmt: skip
    column_of = np.full((n, 3), -1)
    load = np.zeros(m, int)
    for i, j in rng.permutation([(i, j) for i in range(n) for j in range(m)]).tolist():
        free = np.flatnonzero(column_of[i] < 0)
        if allowed[i, j] and load[j] < capacity[j] and len(free) > 3 - demand[i]:
            column_of[i, free[0]] = j
            load[j] += 1
    return problem, column_of


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(12))
def test_every_limit_gives_the_plan_that_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    problem, column_of = pose(rng, objective, m=3 + (seed == 0))
    earlier = {(i, int(j)) for i, own in enumerate(column_of) for j in own if j >= 0}
    if seed % 3 == 1:
        pins = np.array(sorted(earlier)[:1], np.int64).reshape(-1, 2)
        problem = dataclasses.replace(problem, pins=pins)
    if seed % 3 == 2:
        quota = Quotas(np.array([0, 0, 1, 1]), 1)
        problem = dataclasses.replace(problem, quotas=(quota,))
    if seed % 4 == 3:
        least = np.zeros(problem.n_columns, np.int64)
        least[np.argmax(problem.gains.allowed.sum(axis=0))] = 1
        problem = dataclasses.replace(problem, at_least=least)
    n_proved = 0
    for n_kept, wanted in best_by_kept(problem, earlier).items():
        try:
            found = solve_with_few_changes(problem, column_of, n_kept)
        except TooManyChangesError:
            assert wanted is None
            continue
        limit = ChangeLimit(column_of, n_kept)
        certificate = certify_changes(problem, limit, found.pairs, found.dual)
        pairs = [tuple(pair) for pair in found.pairs.tolist()]
        assert rank(pairs, problem.gains.gain, objective) == wanted
        if objective == "coverage":
            assert certificate.matched_bound >= wanted[0]
        if certificate.seats_bound is not None and certificate.matched == wanted[0]:
            assert certificate.seats_bound >= wanted[1]
        if certificate.bound is not None:
            assert certificate.bound >= wanted[-1]
        n_proved += certificate.proved
    assert n_proved >= 1  # where nothing is limited, at least


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_spoiled_answers_and_prices_prove_nothing(objective):
    rng = np.random.default_rng(5)
    problem, column_of = pose(rng, objective, n=8, m=6)
    n_before = int((column_of >= 0).sum())
    found = solve_with_few_changes(problem, column_of, n_before - 3)
    limit = ChangeLimit(column_of, n_before - 3)
    assert certify_changes(problem, limit, found.pairs, found.dual).gap is not None
    assert certify_changes(problem, limit, found.pairs, None).bound is None
    strict = ChangeLimit(column_of, limit.count_kept(found.pairs) + 1)
    with pytest.raises(CertificateError, match="changes too much"):
        certify_changes(problem, strict, found.pairs, found.dual)
    last = found.dual.steps[-1]
    cheap = dataclasses.replace(last.prices, column=last.prices.column - 10**6)
    for spoiled in (
        dataclasses.replace(last, keep=-1),
        dataclasses.replace(last, scale=0),
        dataclasses.replace(last, prices=cheap),
    ):
        wrong = dataclasses.replace(found.dual, steps=(*found.dual.steps[:-1], spoiled))
        with pytest.raises(CertificateError):
            certify_changes(problem, limit, found.pairs, wrong)
    one = dataclasses.replace(problem, demand=np.ones(8, np.int64))
    with pytest.raises(CertificateError, match="several columns"):
        certify_changes(one, limit, found.pairs[:0], found.dual)
    twice = dataclasses.replace(found.dual, steps=found.dual.steps * 4)
    with pytest.raises(CertificateError, match="more prices than goals"):
        certify_changes(problem, limit, found.pairs, twice)


def test_a_plan_with_several_mentors_each_goes_on_with_few_changes():
    scores = pd.DataFrame(
        [[9.0, 8.0, 0.0], [8.0, 1.0, 2.0], [0.0, 3.0, 5.0]],
        index=["T-1", "T-2", "T-3"],
        columns=["M-1", "M-2", "M-3"],
    )
    rules = [pm.Demand(2), pm.Load(at_most=2)]
    plan = pm.match_scores(scores, rules)
    news = scores.drop(columns="M-2").assign(**{"M-4": [1.0, 7.0, 4.0]})
    news.loc["T-9"] = [6.0, 0.0, 2.0]
    still = pm.rematch(plan, pm.Changes(scores=news), at_most_changes=0)
    assert still.changes == 0
    assert not still.moved["counted"].any()
    before = {tuple(p) for p in plan.to_frame()[["mentee", "mentor"]].to_numpy().tolist()}
    after = {tuple(p) for p in still.plan.to_frame()[["mentee", "mentor"]].to_numpy().tolist()}
    assert {pair for pair in before if pair[1] != "M-2"} <= after
    told = still.moved.set_index(["mentee", "before"])
    assert told.loc[("T-1", "M-2"), "reason"] == "M-2 left"
    one = pm.rematch(plan, pm.Changes(scores=news), at_most_changes=1)
    assert one.changes <= 1
    assert one.verify().gap == 0.0
    free = pm.rematch(plan, pm.Changes(scores=news))
    fresh = pm.match_scores(news, rules)
    assert free.objective == fresh.objective
    assert free.gap == free.plan.gap == 0.0
    curve = free.curve([0, 1])
    assert curve["objective"].tolist() == [still.objective, one.objective]
    assert curve["pairs"].tolist() == [len(still.pairs), len(one.pairs)]


def test_one_mentor_each_becomes_two_and_two_become_one():
    scores = pd.DataFrame([[9.0, 8.0, 7.0], [8.0, 1.0, 2.0]], index=["T-1", "T-2"])
    load = pm.Load(at_most=2)
    one = pm.match_scores(scores, [load])
    two = pm.Changes(program=pm.Program(constraints=[load, pm.Demand(2)]))
    both = pm.rematch(one, two, at_most_changes=0)
    assert len(both.plan.to_frame()) == 4
    assert both.moved["reason"].tolist() == ["one more mentor", "one more mentor"]
    assert pm.compare(one, both.plan).summary().startswith("2 people move, +0 matched")
    back = pm.Changes(program=pm.Program(constraints=[load]))
    with pytest.raises(pm.InfeasibleError, match="at least 2 pairs must change, 1 may"):
        pm.rematch(both.plan, back, at_most_changes=1)
    fewer = pm.rematch(both.plan, back, at_most_changes=2)
    assert fewer.plan.matched == 2
    assert fewer.changes == 2
    assert fewer.verify().gap == 0.0


def test_a_year_of_joiners_and_leavers_with_two_mentors_each_loses_nobody():
    rng = np.random.default_rng(11)
    mentees = pd.DataFrame(rng.random((14, 9)).round(3), index=[f"T{i}" for i in range(14)])
    scores = mentees.rename(columns=lambda j: f"M{j}")
    rules = [pm.Demand(2), pm.Load(at_most=4)]
    plan = pm.match_scores(scores, rules)
    for month in range(6):
        scores = scores.drop(index=rng.choice(scores.index, 1)).assign()
        scores.loc[f"N{month}"] = rng.random(scores.shape[1]).round(3)
        if month % 2:
            scores = scores.drop(columns=rng.choice(scores.columns, 1))
            scores[f"P{month}"] = rng.random(len(scores)).round(3)
        answer = pm.rematch(plan, pm.Changes(scores=scores), at_most_changes=2)
        answer.verify()
        assert answer.changes <= 2
        frame = answer.plan.to_frame()
        assert not frame.duplicated(["mentee", "mentor"]).any()
        assert frame["mentee"].value_counts().max() <= 2
        assert frame["mentor"].value_counts().max() <= 4
        assert set(frame["mentee"]) | {str(w) for w in answer.plan.unmatched_ids} == set(
            scores.index
        )
        plan = answer.plan
