"""What each number of changes allows where something comes before the total."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.cycles import trade_off
from pairmatch.datasets import district
from pairmatch.errors import CertificateError
from pairmatch.solvers.changes.answers import UnsettledError

KINDS = ["worst_off", "leximin", "tiers", "demand", "coverage"]


def rank(problem, pairs):
    """Return what is compared of a plan, first things first."""
    gain, _ = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    gains = [int(gain[i, j]) for i, j in pairs]
    if problem.objective == "worst_off":
        return len(pairs), min(gains, default=0), sum(gains)
    if problem.objective == "leximin":
        return len(pairs), *sorted(gains)
    counts = []
    if problem.tiers is not None:
        own = [problem.tiers[i, j] for i, j in pairs]
        counts = np.bincount(own, minlength=problem.tiers.max() + 1).tolist()
    return len({i for i, _ in pairs}), len(pairs), *counts, sum(gains)


def best_by_changes(problem, earlier, plans):
    """Return by number of changes the best rank of a plan with as few, by looking at all."""
    best = {}
    for pairs in plans:
        load = np.bincount([j for _, j in pairs], minlength=problem.n_columns)
        if (load <= problem.capacity).all() and (load >= problem.at_least).all():
            changes = len(earlier) - sum(pair in earlier for pair in pairs)
            best[changes] = max(best.get(changes, ()), rank(problem, pairs))
    every = range(len(earlier) + 1)
    found = {k: max((r for c, r in best.items() if c <= k), default=None) for k in every}
    return {k: own for k, own in found.items() if own is not None}


def pose(kind, seed, n=5, m=4):
    """Return an answer to changes of a small pool."""
    rng = np.random.default_rng(seed)
    rules = [pm.Load(at_most=2)] + [pm.Demand(2)] * (kind == "demand")
    if kind == "tiers":
        pool = district(n + 1, m, seed=seed)
        rules.append(pm.Tiers([pm.SameSchool(), pm.GradeMatch(within=1)]))
        program = pm.Program([pm.SubjectMatch(), pm.ExperienceGap()], rules)
        plan = pm.match(pool.mentees[:n], pool.mentors, program)
        later = pool.mentees[:n].assign(years=rng.integers(0, 9, n))
        changes = pm.Changes(mentees=later[["id", "years", "school"]][:3])
        return pm.rematch(plan, changes)
    objective = kind if kind in ("worst_off", "leximin") else "coverage"
    scores = [rng.integers(0, 12, (n, m)).astype(float) for _ in range(2)]
    for own in scores:
        own[rng.random((n, m)) < 0.2] = np.nan
    tables = [pd.DataFrame(own) for own in scores]
    plan = pm.match_scores(tables[0], rules, objective=objective)
    return pm.rematch(plan, pm.Changes(scores=tables[1]))


def earlier_of(answer):
    columns = answer.column_of.reshape(len(answer.column_of), -1)
    return {(i, int(j)) for i, own in enumerate(columns) for j in own if j >= 0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_every_point_is_the_plan_that_enumeration_finds(kind, seed, list_plans):
    answer = pose(kind, seed, n=4 if kind == "demand" else 5)
    problem = answer.plan.problem
    wanted = best_by_changes(problem, earlier_of(answer), list_plans(problem))
    points = answer.points(range(len(earlier_of(answer)) + 1))
    assert [point.at_most_changes for point in points] == sorted(wanted)
    curve = answer.curve(sorted(wanted))
    for point, row in zip(points, curve.itertuples(), strict=True):
        own = wanted[point.at_most_changes]
        assert rank(problem, point.pairs.tolist()) == own
        assert point.changes <= row.changes == point.at_most_changes
        assert row.matched == own[0]
        assert row.objective == point.objective
        assert row.exact == (point.gap == 0.0)
        if row.exact:
            assert row.bound == row.objective
            assert row.proof.startswith("prices of changes")
        elif not np.isnan(row.bound):
            assert row.bound >= row.objective
            assert row.proof.startswith("bound")
        assert point.verify() == point.certificate
    assert curve["exact"].any()


@given(st.integers(0, 10**6), st.sampled_from(KINDS))
@settings(max_examples=12, deadline=None)
def test_more_changes_never_give_a_worse_plan_and_the_last_point_is_the_best(seed, kind):
    answer = pose(kind, seed, n=7, m=5)
    points = answer.points()
    ranks = [rank(point.plan.problem, point.pairs.tolist()) for point in points]
    assert ranks == sorted(ranks)
    assert ranks[-1] == rank(answer.plan.problem, answer.pairs.tolist())
    assert all(point.changes <= point.at_most_changes for point in points)
    some = points[len(points) // 2]
    assert some.verify() == some.certificate
    single = pm.rematch(answer.before, pm.Changes(), at_most_changes=0)
    assert single.changes == 0


@pytest.mark.parametrize("kind", ["worst_off", "leximin", "tiers", "demand"])
def test_a_point_is_what_a_rematch_with_this_number_finds(kind):
    pool = district(34, 20, seed=4)
    load = pm.Load(at_most=2 + (kind == "demand"))
    rules = {"tiers": [pm.Tiers([pm.SameSchool()])], "demand": [pm.Demand(2)]}.get(kind, [])
    objective = kind if not rules else "coverage"
    program = pm.Program(constraints=[load, *rules], objective=objective)
    plan = pm.match(pool.mentees[:30], pool.mentors, program)
    changes = pm.Changes(mentees=pool.mentees[30:], leave=pool.mentors["id"][:2].tolist())
    free = pm.rematch(plan, changes)
    curve = free.curve()
    assert curve["changes"].tolist()[:3] == [0, 1, 2]
    assert curve["changes"].iloc[-1] == free.changes
    assert curve["objective"].iloc[-1] == free.objective
    before = {"tiers": "tiers", "demand": "pairs"}.get(kind, "lowest")
    told = ["changes", "matched", before, "objective", "bound", "exact", "proof"]
    assert curve.columns.tolist() == told
    for row in curve.itertuples():
        single = pm.rematch(plan, changes, at_most_changes=row.changes)
        assert single.matched == row.matched
        if row.exact and single.gap == 0.0:
            assert single.objective == row.objective
    if kind in ("worst_off", "leximin"):
        assert curve["lowest"].is_monotonic_increasing
        assert curve["lowest"].iloc[-1] == free.plan.to_frame()["score"].min()


@pytest.mark.parametrize("kind", ["worst_off", "leximin", "tiers", "demand"])
def test_a_point_that_moves_more_than_it_says_is_refused(kind):
    answers = (pose(kind, seed, n=7, m=5) for seed in range(3, 20))
    point = next(p for answer in answers for p in answer.points() if p.changes)
    strict = dataclasses.replace(point, at_most_changes=point.changes - 1)
    with pytest.raises(CertificateError, match="changes too much"):
        strict.verify()
    solution = dataclasses.replace(
        point.plan.solution, pairs=np.concatenate([point.pairs[:1], point.pairs])
    )
    twice = dataclasses.replace(point, source=dataclasses.replace(point.plan, solution=solution))
    with pytest.raises(CertificateError):
        twice.verify()


def test_numbers_of_changes_that_the_rules_rule_out_have_no_row():
    scores = pd.DataFrame([[9.0, 1.0], [8.0, 2.0], [7.0, 3.0]])
    plan = pm.match_scores(scores, [pm.Load(at_most=3)], objective="leximin")
    assert plan.to_frame()["mentor"].tolist() == [0, 0, 0]
    fair = pm.Program(constraints=[pm.Load(at_most=3, at_least=1)], objective="leximin")
    answer = pm.rematch(plan, pm.Changes(program=fair))
    assert answer.curve()["changes"].tolist() == [1]
    assert answer.curve([0, 1, 3])["changes"].tolist() == [1, 3]
    with pytest.raises(pm.InfeasibleError, match="at least 1 person must move, 0 may"):
        answer.curve([0])
    forced = pm.rematch(plan, pm.Changes(program=fair.replace(objective="coverage")))
    assert [point.changes for point in forced.points()] == [1]


def test_numbers_of_changes_are_whole_and_may_come_in_any_order():
    answer = pose("worst_off", 1)
    assert answer.curve([2, 0, 2])["changes"].tolist() == [0, 2]
    assert answer.curve([10**9])["changes"].tolist() == [len(earlier_of(answer))]
    for wrong in ([], [-1], [0.5], 3, "2"):
        with pytest.raises(pm.ProgramError, match="no list of whole numbers"):
            answer.curve(wrong)


def test_a_plain_curve_of_named_numbers_lies_on_or_under_the_hull():
    answer = pose("coverage", 2, n=9, m=6)
    hull = answer.curve().set_index("changes")
    for row in answer.curve(hull.index.tolist()).itertuples():
        assert hull.loc[row.changes, "objective"] <= row.objective <= hull.loc[row.changes, "bound"]
        assert row.exact >= hull.loc[row.changes, "exact"]


def test_large_pools_are_asked_to_name_numbers_of_changes(monkeypatch):
    answer = pose("leximin", 1)
    monkeypatch.setattr(trade_off, "_MOST_LEXIMIN", 10)
    with pytest.raises(pm.CapabilityError, match=r"write curve\(\[0, 10, 50\]\)"):
        answer.curve()
    assert len(answer.curve([0, 1])) == 2


def test_numbers_for_which_no_plan_was_found_have_no_row(monkeypatch):
    answer = pose("worst_off", 1)
    real = trade_off.settle

    def lose(before, new, limit, free):
        if limit.n_kept == len(earlier_of(answer)):
            raise UnsettledError
        return real(before, new, limit, free)

    monkeypatch.setattr(trade_off, "settle", lose)
    assert 0 not in answer.curve()["changes"].tolist()
    with pytest.raises(pm.CapabilityError, match="none is ruled out"):
        answer.points([0])


def test_ctrl_c_ends_the_whole_curve(monkeypatch):
    answer = pose("demand", 1)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(trade_off, "settle", stop)
    with pytest.raises(KeyboardInterrupt):
        answer.curve()


def test_a_plan_without_pairs_has_a_curve_of_one_point():
    plan = pm.match_scores([[3.0, 1.0], [2.0, 1.0]], objective="worst_off")
    answer = pm.rematch(plan, pm.Changes(leave=[0, 1]))
    curve = answer.curve()
    assert curve[["changes", "matched", "objective"]].to_numpy().tolist() == [[0, 0, 0]]
    assert curve["lowest"].isna().all()


def test_named_numbers_of_changes_are_answered_in_pools_without_a_matrix_as_well(monkeypatch):
    pool = district(40, 30, seed=2)
    rules = [pm.Load(at_most=1), pm.Require(pm.SubjectMatch())]
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
    changes = pm.Changes(program=pm.Program(constraints=rules[:1]))
    whole = pm.rematch(plan, changes).curve([0, 2, 6])
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 100)
    streamed = pm.rematch(plan, changes)
    assert "in blocks" in streamed.plan.solver
    found = streamed.curve([0, 2, 6])
    assert found["matched"].tolist() == whole["matched"].tolist()
    assert (found["objective"] <= whole["objective"] + 1e-9).all()
    assert (whole["objective"] <= found["bound"] + 1e-9).all()
    monkeypatch.setattr("pairmatch.cycles.trade_off.MOST_HELD", 100)
    with pytest.raises(pm.CapabilityError, match=r"name some, for instance curve\(\[0, 10, 50\]\)"):
        streamed.curve()
