"""Re-matching where something comes before the total: tiers, who waited, the lowest score."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.changes import ChangeLimit, ChangePrices
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.answers import TooManyChangesError
from pairmatch.solvers.changes.ordered_rematching import solve_with_few_changes
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import Prices


def rank(plan, gain, tiers, objective):
    """Return what is compared of a plan, first things first."""
    gains = [int(gain[i, j]) for i, j in plan]
    if objective == "worst_off":
        return len(plan), min(gains, default=0), sum(gains)
    if objective == "leximin":
        return len(plan), *sorted(gains)
    counts = np.bincount([tiers[i, j] for i, j in plan], minlength=tiers.max() + 1).tolist()
    return (len(plan) if objective == "coverage" else 0, *counts, sum(gains))


def best_rank(problem, tiers, column_of, n_kept):
    """Return the best rank of a plan that keeps enough, by looking at all; None if none does."""
    gain, allowed = problem.gains.gain, problem.gains.allowed
    best = None
    for choice in itertools.product(*[[-1, *np.flatnonzero(row)] for row in allowed]):
        plan = [(i, j) for i, j in enumerate(choice) if j >= 0]
        load = np.bincount([j for _, j in plan], minlength=problem.n_columns)
        kept = sum(column_of[i] == j for i, j in plan)
        if (load > problem.capacity).any() or kept < n_kept:
            continue
        if any(choice[i] != j for i, j in problem.pins.tolist()):
            continue
        own = rank(plan, gain, tiers, problem.objective)
        best = own if best is None else max(best, own)
    return best


def pose(rng, objective, tiered, n=5, m=4):
    gain = rng.integers(-3, 9, (n, m))
    allowed = rng.random((n, m)) < 0.8
    tiers = rng.integers(0, 3, (n, m))
    capacity = rng.integers(0, 3, m)
    problem = AssignmentProblem(
        MatrixGains(np.where(allowed, gain, 0), allowed),
        capacity,
        np.zeros(m, np.int64),
        objective=objective,
        tiers=tiers if tiered else None,
    )
    column_of = np.full(n, -1)
    for i in rng.permutation(n):
        room = capacity - np.bincount(column_of[column_of >= 0], minlength=m)
        fits = np.flatnonzero(allowed[i] & (room > 0))
        if len(fits):
            column_of[i] = rng.choice(fits)
    return problem, tiers, column_of


@pytest.mark.parametrize(
    ("objective", "tiered"),
    [("coverage", True), ("total", True), ("worst_off", False), ("leximin", False)],
)
@pytest.mark.parametrize("seed", range(10))
def test_every_limit_gives_the_plan_that_enumeration_finds(objective, tiered, seed):
    rng = np.random.default_rng(seed)
    problem, tiers, column_of = pose(rng, objective, tiered)
    if seed % 3 == 0 and not tiered:  # a pin may be lower than everybody else
        rows = np.flatnonzero(column_of >= 0)[:1]
        problem = dataclasses.replace(problem, pins=np.stack([rows, column_of[rows]], axis=1))
    n_before = int((column_of >= 0).sum())
    n_proved = 0
    for n_kept in range(n_before + 1):
        wanted = best_rank(problem, tiers, column_of, n_kept)
        try:
            found = solve_with_few_changes(problem, column_of, n_kept)
        except TooManyChangesError:
            assert wanted is None
            continue
        limit = ChangeLimit(column_of, n_kept)
        certificate = certify_changes(problem, limit, found.pairs, found.dual)
        plan = [tuple(pair) for pair in found.pairs.tolist()]
        if not len(problem.pins):
            assert rank(plan, problem.gains.gain, tiers, objective) == wanted
        if certificate.bound is not None:
            assert certificate.bound >= certificate.objective
        n_proved += certificate.proved if objective != "total" else certificate.gap == 0
    assert n_proved >= 1  # where nothing is limited, at least


def cross_quotas(problem):
    """Return a problem with two quotas that never bind, and do not nest."""
    rows = np.arange(problem.n_rows)
    quotas = tuple(Quotas(label, problem.n_rows) for label in (rows % 2, rows % 4 // 2))
    return dataclasses.replace(problem, quotas=quotas)


@pytest.mark.parametrize("objective", ["coverage", "worst_off"])
def test_spoiled_answers_and_prices_prove_nothing(objective):
    rng = np.random.default_rng(3)
    tiered = objective == "coverage"
    problem, _, column_of = pose(rng, objective, tiered, n=8, m=6)
    if tiered:
        problem = cross_quotas(problem)
    found = solve_with_few_changes(problem, column_of, 0)
    limit = ChangeLimit(column_of, 0)
    assert certify_changes(problem, limit, found.pairs, found.dual).proved
    assert not certify_changes(problem, limit, found.pairs[1:], found.dual).proved
    assert not certify_changes(problem, limit, found.pairs, None).proved
    strict = ChangeLimit(
        column_of, int((column_of[found.pairs[:, 0]] == found.pairs[:, 1]).sum()) + 1
    )
    with pytest.raises(CertificateError):
        certify_changes(problem, strict, found.pairs, found.dual)
    if tiered:
        light = dataclasses.replace(found.dual, tier=tuple(w // 2 for w in found.dual.tier))
        assert not certify_changes(problem, limit, found.pairs, light).proved
        few = dataclasses.replace(found.dual, tier=found.dual.tier[:1])
        with pytest.raises(CertificateError, match="each tier"):
            certify_changes(problem, limit, found.pairs, few)
    else:
        for name in ("cover", "above", "total"):
            less = dataclasses.replace(found.dual, **{name: None})
            assert not certify_changes(problem, limit, found.pairs, less).proved
        with pytest.raises(CertificateError, match="another objective"):
            certify_changes(problem, limit, found.pairs, found.dual.total)


@pytest.mark.parametrize("objective", ["coverage", "total", "leximin"])
def test_a_spoiled_proof_goal_by_goal_proves_nothing(objective):
    rng = np.random.default_rng(2)
    n_limited = 0
    for _ in range(6):
        problem, _, column_of = pose(rng, objective, objective != "leximin", n=9, m=7)
        n_kept = int((column_of >= 0).sum()) - 1
        try:
            found = solve_with_few_changes(problem, column_of, n_kept)
        except TooManyChangesError:
            continue
        limit = ChangeLimit(column_of, n_kept)
        given = problem, limit, found.pairs
        if certify_changes(*given, found.dual).gap != 0:
            continue
        steps = found.dual.steps
        dear = [k for k, step in enumerate(steps) if step.keep > 0]
        n_limited += len(dear)
        for k, step in enumerate(steps):
            less = dataclasses.replace(found.dual, steps=(*steps[:k], *steps[k + 1 :]))
            assert certify_changes(*given, less).bound is None
            raised = Prices(step.prices.column + 1)
            spoiled = dataclasses.replace(step, prices=raised)
            other = dataclasses.replace(found.dual, steps=(*steps[:k], spoiled, *steps[k + 1 :]))
            answer = certify_changes(*given, other)
            assert answer.bound is None or answer.bound >= answer.objective
        for k in dear[:1]:
            free = dataclasses.replace(steps[k], keep=0)
            other = dataclasses.replace(found.dual, steps=(*steps[:k], free, *steps[k + 1 :]))
            assert certify_changes(*given, other).bound is None
            paid = dataclasses.replace(steps[k], keep=-1)
            other = dataclasses.replace(found.dual, steps=(paid, *steps[1:]))
            assert certify_changes(*given, other).bound is None
            none = dataclasses.replace(steps[k], scale=0)
            other = dataclasses.replace(found.dual, steps=(*steps[:k], none, *steps[k + 1 :]))
            with pytest.raises(CertificateError, match="wrong sign"):
                certify_changes(*given, other)
        with pytest.raises(CertificateError):
            certify_changes(problem, limit, found.pairs[::2][1:], found.dual)
        if objective == "leximin":
            wrong = dataclasses.replace(problem, objective="coverage")
            with pytest.raises(CertificateError, match="tiers or leximin"):
                certify_changes(wrong, limit, found.pairs, found.dual)
    assert n_limited >= 1


def pose_table(allowed, tiers):
    """Return pairs that all gain nothing, nobody matched before."""
    nothing = np.zeros(np.shape(tiers), np.int64)
    problem = AssignmentProblem(
        MatrixGains(nothing, np.array(allowed, bool)), np.ones(2, int), np.zeros(2, int),
        objective="coverage", tiers=np.array(tiers),
    )  # fmt: skip
    return problem, ChangeLimit(np.full(2, -1), 0)


def test_tiers_of_pairs_that_are_not_allowed_need_no_weight():
    problem, limit = pose_table([[1, 1], [1, 0]], [[0, 1], [0, 7]])
    found = solve_with_few_changes(problem, limit.column_of, 0)
    assert found.pairs.tolist() == [[0, 1], [1, 0]]
    assert certify_changes(problem, limit, found.pairs, found.dual).proved


def test_weight_of_the_last_tier_counts_against_the_others():
    problem, limit = pose_table([[1, 1], [1, 1]], [[2, 0], [2, 2]])
    prices = Prices(np.ones(2, np.int64))
    alike = ChangePrices(prices, keep=0, bonus=9, scale=1, tier=(1, 1, 1))
    worse = np.array([[0, 0], [1, 1]])
    assert not certify_changes(problem, limit, worse, alike).proved
    found = solve_with_few_changes(problem, limit.column_of, 0)
    assert found.pairs.tolist() == [[0, 1], [1, 0]]
    assert certify_changes(problem, limit, found.pairs, found.dual).proved


@pytest.fixture(scope="module")
def pool():
    return district(30, 16, seed=8)


def test_tiers_hold_after_a_rematch_and_the_plan_is_proved(pool):
    rules = [pm.Tiers([[pm.SameSchool(), pm.GradeMatch(within=0)], pm.SameSchool()])]
    plan = pm.match(pool.mentees[:28], pool.mentors, pm.Program(constraints=rules))
    changes = pm.Changes(mentees=pool.mentees[28:], leave=[pool.mentors["id"][3]])
    free = pm.rematch(plan, changes)
    assert free.gap == 0.0
    assert free.plan.gap == 0.0
    tier = free.plan.problem.tiers
    count = [
        tuple(np.bincount(tier[p[:, 0], p[:, 1]], minlength=3))
        for p in (pm.rematch(plan, changes, at_most_changes=k).pairs for k in (0, 2, 5))
    ]
    assert count == sorted(count)
    assert count[-1] <= tuple(np.bincount(tier[free.pairs[:, 0], free.pairs[:, 1]], minlength=3))
    few = pm.rematch(plan, changes, at_most_changes=2)
    assert few.changes <= 2
    assert few.verify().objective == few.certificate.objective
    assert free.curve()["objective"].iloc[-1] == free.objective


def test_who_waited_comes_first_within_the_limit():
    scores = pd.DataFrame([[9.0], [5.0]], index=["T-1", "T-2"], columns=["M-1"])
    plan = pm.match_scores(scores)
    history = pm.History(left_out=[(1, "T-2")])
    program = pm.Program(constraints=[pm.CarryOver(history)])
    changes = pm.Changes(program=program)
    assert pm.rematch(plan, changes, at_most_changes=0).plan.to_frame()["mentee"].tolist() == [
        "T-1"
    ]
    moved = pm.rematch(plan, changes, at_most_changes=1)
    assert moved.plan.to_frame()["mentee"].tolist() == ["T-2"]
    assert moved.gap == 0.0


def test_the_lowest_score_is_raised_as_far_as_the_limit_allows():
    scores = pd.DataFrame([[9.0, 8.0, 1.0], [8.0, 1.0, 2.0], [3.0, 7.0, 4.0]])
    plan = pm.match_scores(scores)
    low = pm.Changes(program=pm.Program(objective="worst_off"))
    lowest = []
    for k in (0, 1, 2, 3):
        answer = pm.rematch(plan, low, at_most_changes=k)
        lowest.append(answer.plan.to_frame()["score"].min())
        assert answer.verify().objective == answer.certificate.objective
    assert lowest == sorted(lowest)
    assert answer.gap == 0.0
    fresh = pm.match_scores(scores, objective="worst_off")
    assert answer.plan.to_frame()["score"].tolist() == fresh.to_frame()["score"].tolist()
    assert answer.plan.gap == 0.0


def test_combinations_that_cannot_be_proved_are_refused_with_a_way_out(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    least = pm.Program(objective="worst_off", constraints=[pm.Load(at_least=1)])
    with pytest.raises(pm.CapabilityError, match="minimum loads; leave one"):
        pm.rematch(plan, pm.Changes(program=least))
    tiers = [pm.Tiers([pm.SameSchool()]), pm.Meetings(minutes=45)]
    with pytest.raises(pm.CapabilityError, match="tiers together with meetings"):
        pm.rematch(plan, pm.Changes(program=pm.Program(constraints=tiers)))


def test_very_many_tiers_need_no_weights_unless_quotas_overlap():
    rng = np.random.default_rng(0)
    problem, _, column_of = pose(rng, "coverage", tiered=True, n=40, m=30)
    gains = MatrixGains(10**6 * problem.gains.gain, problem.gains.allowed)
    many = dataclasses.replace(problem, gains=gains, tiers=rng.integers(0, 20, (40, 30)))
    fresh = solve_assignment(many)
    for n_kept in (0, int((column_of >= 0).sum()) // 2):
        found = solve_with_few_changes(many, column_of, n_kept)
        certificate = certify_changes(many, ChangeLimit(column_of, n_kept), found.pairs, found.dual)
        assert certificate.bound is not None
        counts = [
            np.bincount(many.tiers[p[:, 0], p[:, 1]], minlength=20).tolist()
            for p in (found.pairs, fresh.pairs)
        ]
        assert counts[0] == counts[1] if n_kept == 0 else counts[0] <= counts[1]
    with pytest.raises(pm.CapabilityError, match="fewer levels"):
        solve_with_few_changes(cross_quotas(many), column_of, 0)


def test_leximin_holds_after_a_rematch_within_the_limit():
    pool = district(26, 14, seed=4)
    fair = pm.Program(objective="leximin", constraints=[pm.Load(at_most=2)])
    plan = pm.match(pool.mentees[:24], pool.mentors, fair)
    changes = pm.Changes(mentees=pool.mentees[24:], leave=[pool.mentors["id"][3]])
    fresh = pm.rematch(plan, changes)
    assert fresh.gap == 0.0
    here = pool.mentors["id"] != pool.mentors["id"][3]
    anew = pm.match(pool.mentees, pool.mentors[here], fair)
    scores = sorted(fresh.plan.to_frame()["score"])
    assert fresh.plan.gap == 0.0
    if anew.scored.neutral == plan.scored.neutral:
        assert scores == sorted(anew.to_frame()["score"])
    before = []
    for k in (0, 2, 4, 8):
        answer = pm.rematch(plan, changes, at_most_changes=k)
        assert answer.changes <= k
        assert answer.verify() == answer.certificate
        own = answer.matched, *sorted(answer.plan.to_frame()["score"].round(6))
        assert own >= tuple(before)
        before = own
    assert answer.curve([8])["objective"].tolist() == [answer.objective]


def test_few_changes_towards_leximin_are_proved_where_no_price_singles_a_plan_out():
    pool = district(60, 38, seed=4)
    load = pm.Load(at_most=2)
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=[load]))
    fair = pm.Changes(program=pm.Program(objective="leximin", constraints=[load]))
    n_between = 0
    for k in (1, 2, 3, 5):
        answer = pm.rematch(plan, fair, at_most_changes=k)
        assert answer.gap == 0.0
        assert answer.verify() == answer.certificate
        steps = answer.dual.steps
        n_between += any(step.scale > 1 for step in steps)
    assert n_between


def test_levels_that_are_called_proved_are_those_of_the_best_plan():
    n_called = 0
    for seed in range(1000, 1006):
        problem, tiers, column_of = pose(np.random.default_rng(seed), "leximin", tiered=False)
        for n_kept in range(int((column_of >= 0).sum()) + 1):
            wanted = best_rank(problem, tiers, column_of, n_kept)
            if wanted is None:
                continue
            found = solve_with_few_changes(problem, column_of, n_kept)
            limit = ChangeLimit(column_of, n_kept)
            own = np.sort(problem.gains.gain[found.pairs[:, 0], found.pairs[:, 1]])
            levels = np.unique(own)
            for n_steps in range(1, len(found.dual.steps) + 1):
                some = dataclasses.replace(found.dual, steps=found.dual.steps[:n_steps])
                certificate = certify_changes(problem, limit, found.pairs, some)
                if certificate.levels is not None:
                    n_called += 1
                    top = levels[certificate.levels - 1]
                    assert certificate.gap is None
                    assert own[own <= top].tolist() == [g for g in sorted(wanted[1:]) if g <= top]
    assert n_called


def test_combinations_with_leximin_that_cannot_be_proved_are_refused(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    program = pm.Program(objective="leximin", constraints=[pm.Meetings(minutes=45)])
    with pytest.raises(pm.CapabilityError, match="'leximin' together with meetings"):
        pm.rematch(plan, pm.Changes(program=program))
