import itertools
import tracemalloc
from dataclasses import replace
from math import lcm

import numpy as np
import pandas as pd
import pytest
import scipy.optimize

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.certify.company import bound_company
from pairmatch.solvers.certify.regrouping import certify_regrouping, kept_in, share_company
from pairmatch.solvers.groups.regrouping.company import Company
from pairmatch.solvers.groups.regrouping.solver import Trail
from pairmatch.solvers.groups.regrouping.vicinity import carry_prices, regroup_near
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import CompanyPrices


def partitions(people, sizes):
    """Yield all ways to put some of the people into groups of these sizes."""
    if not people:
        yield []
        return
    first, *rest = people
    yield from partitions(rest, sizes)
    for size in sizes:
        for others in itertools.combinations(rest, size - 1):
            left = [p for p in rest if p not in others]
            for more in partitions(left, sizes):
                yield [(first, *others), *more]


def n_who_stay(group, old):
    """Return how many of a group are in the one that goes on from their old group."""
    counts = [len(set(group) & set(before)) for before in old]
    return max((c for c, b in zip(counts, old, strict=True) if 2 * c > len(b)), default=0)


def worth(group, scores, worst):
    given = [sum(scores[b, a] for b in group if b != a) for a in group]
    return (len(group) * min(given) if worst else sum(given)) / (len(group) - 1)


def best_of_each(scores, old, sizes, target, worst):
    """Return by number kept the best rank of groups that keep as many or more."""
    best = {}
    for groups in partitions(list(range(len(scores))), sizes):
        if any(np.isnan(scores[a, b]) for g in groups for a, b in itertools.permutations(g, 2)):
            continue
        kept = sum(n_who_stay(group, old) for group in groups)
        off = sum((len(group) - target) ** 2 for group in groups)
        total = sum(worth(group, scores, worst) for group in groups)
        rank = sum(map(len, groups)), -off, round(total, 6)
        best[kept] = max(best.get(kept, rank), rank)
    return {k: max(rank for kept, rank in best.items() if kept >= k) for k in range(max(best) + 1)}


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("seed", range(5))
def test_groups_of_every_limit_are_those_that_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    n, sizes = 7, [(2, 3), 2, 3, (3, 4), (2, 4)][seed]
    names = [f"T{i}" for i in range(n + 1)]

    def draw(some):
        table = rng.integers(0, 20, (len(some), len(some))).astype(float)
        apart = np.triu(rng.random(table.shape) < 0.12, 1)
        return pd.DataFrame(np.where(apart, np.nan, table), some, some)

    plan = pm.group_scores(draw(names[:n]), size=sizes, objective=objective)
    now = draw([*names[1:n], names[n]])
    changes = pm.Changes(scores=now)
    free = pm.rematch(plan, changes)
    problem = free.plan.problem
    order = [now.index.get_loc(who) for who in free.plan.scored.coached.ids]
    scores = now.to_numpy()[np.ix_(order, order)]
    old = [np.flatnonzero(free.company == k).tolist() for k in range(free.company.max() + 1)]
    limits = range(problem.smallest, problem.largest + 1)
    ranks = best_of_each(scores, old, limits, problem.target, objective == "worst_rotation")
    n_before = int((free.company >= 0).sum())
    curve = free.curve().set_index("changes")
    for k in range(n_before + 1):
        answer = pm.rematch(plan, changes, at_most_changes=k)
        groups = answer.plan.groups
        off = sum((len(group) - problem.target) ** 2 for group in groups)
        mine = answer.matched, -off, pytest.approx(answer.objective)
        assert ranks[n_before - k] == mine, k
        assert answer.changes <= k
        assert answer.changes == answer.moved["counted"].sum()
        assert answer.gap == 0.0
        assert answer.verify() == answer.certificate
        row = curve[curve.index <= k].iloc[-1]
        assert (row["matched"], row["objective"]) == (answer.matched, answer.objective)


@pytest.mark.parametrize("first", ["a", "a; 1"])
def test_groups_that_are_still_whole_stay_and_a_newcomer_fills_the_gap(first):
    pool = pd.DataFrame({"id": [first, *"bcdefghi"], "subjects": ["art", "art", "maths"] * 3})
    plan = pm.form_groups(pool, pm.Program(size=3))
    gone = plan.group_ids[0][0]
    after = pm.rematch(
        plan,
        pm.Changes(leave=[gone], mentees=pd.DataFrame({"id": ["z"], "subjects": ["art"]})),
        at_most_changes=0,
    )
    whole = [set(group) for group in plan.group_ids[1:]]
    assert all(set(group) in [set(g) for g in after.plan.group_ids] for group in whole)
    assert {*plan.group_ids[0][1:], "z"} in [set(g) for g in after.plan.group_ids]
    told = after.moved.set_index("id")
    assert told.loc[gone, "reason"] == "left"
    assert told.loc["z", "reason"] == "joined"
    assert told.loc[plan.group_ids[0][1], "reason"] == f"{gone} left: the group is too small"
    assert not told["counted"].any()
    assert pm.verify(after.plan)
    assert "proved best" in after.summary()
    assert after.plan.scored.neutral == plan.scored.neutral
    assert pm.compare(plan, after.plan).matched == 0


def test_a_group_that_may_not_stay_together_is_dissolved_and_not_counted():
    pool = district(9, 9, seed=4).mentees
    plan = pm.form_groups(pool, pm.Program(size=3))
    a, b, _ = plan.group_ids[0]
    program = plan.program.replace(constraints=[pm.Forbid(a, b)])
    after = pm.rematch(plan, pm.Changes(program=program), at_most_changes=0)
    assert not any({a, b} <= set(group) for group in after.plan.group_ids)
    assert after.changes == 0
    assert pm.verify(after.plan)


def test_larger_pools_have_a_bound_that_holds_and_more_changes_never_hurt():
    pool = district(19, 9, seed=3).mentees
    plan = pm.form_groups(pool[:18], pm.Program(size=3))
    changes = pm.Changes(leave=[pool["id"][0], pool["id"][4]], mentees=pool[18:])
    answers = [pm.rematch(plan, changes, at_most_changes=k) for k in (0, None)]
    anew = pm.form_groups(pool[~pool["id"].isin(changes.leave)], pm.Program(size=3))
    assert answers[0].objective <= answers[1].objective
    for answer, k in zip(answers, (0, 99), strict=True):
        assert answer.matched == 17
        assert answer.changes <= k
        assert answer.objective <= answer.bound
        assert answer.gap < 0.1
        assert answer.verify() == answer.certificate
        assert pm.verify(answer.plan)
    assert answers[1].bound >= anew.objective * 0.999  # another scale of blanks


def test_prices_of_company_bound_every_partition_whatever_they_are():
    rng = np.random.default_rng(8)
    scores = pd.DataFrame(rng.integers(0, 20, (7, 7)).astype(float))
    plan = pm.group_scores(scores, size=(2, 3))
    answer = pm.rematch(plan, pm.Changes(scores=scores), at_most_changes=0)
    problem = answer.plan.problem
    old = [np.flatnonzero(answer.company == k).tolist() for k in range(answer.company.max() + 1)]
    everything = list(partitions(list(range(7)), (2, 3)))
    for _ in range(20):
        prices, charge = rng.integers(-15, 15, 7), int(rng.integers(0, 9))
        for n_kept in (0, 3, 7):
            bound, _ = share_company(problem, answer.company, n_kept, prices, charge)
            best = max(
                sum(worth(g, problem.gain, False) for g in groups)
                for groups in everything
                if sum(n_who_stay(g, old) for g in groups) >= n_kept
            )
            assert bound >= round(2 * best)  # the scale of pairs and triads


def test_spoiled_groups_are_refused():
    plan = pm.group_scores(np.arange(81).reshape(9, 9), size=3)
    answer = pm.rematch(plan, at_most_changes=0)
    problem, groups = answer.plan.problem, [list(g) for g in answer.plan.groups]
    given = problem, answer.company, 9
    assert certify_regrouping(*given, groups) == answer.certificate
    swapped = [groups[0][:2] + groups[1][:1], groups[0][2:] + groups[1][1:], groups[2]]
    for bad, says in (
        (swapped, "keep their group, fewer"),
        (groups[:2], "keep their group, fewer"),
        ([*groups, groups[0]], "in two groups"),
        ([groups[0][:1], *groups[1:]], "has 1 members"),
    ):
        with pytest.raises(pm.CertificateError, match=says):
            certify_regrouping(*given, bad)
    weaker = certify_regrouping(problem, answer.company, 0, swapped)
    assert weaker.bound >= weaker.objective


def test_rematch_of_groups_refuses_what_it_cannot_honour():
    pool = district(9, 9, seed=4).mentees
    plan = pm.form_groups(pool, pm.Program(size=3))
    with pytest.raises(pm.CapabilityError, match="knows no rounds; leave them out"):
        pm.rematch(plan, pm.Changes(program=plan.program.replace(rounds=2)))
    with pytest.raises(pm.ProgramError, match="give mentees= only"):
        pm.rematch(plan, pm.Changes(mentors=pool[:1]))
    with pytest.raises(pm.UnknownIdError, match="nobody of this id"):
        pm.rematch(plan, pm.Changes(leave=["nobody"]))
    for bad in ([], [-1], "5", [1.5]):
        with pytest.raises(pm.ProgramError, match="no list of whole numbers"):
            pm.rematch(plan).curve(bad)


def best_near(scores, old, n_kept, sizes, placed, off, target, worst):
    """Return the best value of groups of this shape that keep as many, by enumeration."""
    return max(
        sum(worth(group, scores, worst) for group in groups)
        for groups in partitions(list(range(len(scores))), sizes)
        if sum(map(len, groups)) == placed
        and sum((len(group) - target) ** 2 for group in groups) <= off
        and sum(n_who_stay(group, old) for group in groups) >= n_kept
    )


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("seed", range(4))
def test_prices_of_changes_bound_what_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    n, (smallest, largest, target) = 8, [(2, 2, 2), (2, 4, 3), (3, 5, 3), (2, 3, 2)][seed]
    gain = rng.integers(0, 30, (n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), smallest, largest, target, objective)
    company = np.array([0, 0, 0, 1, 1, 1, -1, -1]) if largest > 2 else np.arange(n) // 2
    old = [np.flatnonzero(company == mark).tolist() for mark in range(company.max() + 1)]
    scale = lcm(*range(smallest - 1, largest))
    sizes = range(smallest, largest + 1)
    worst = objective == "worst_rotation"
    shape = {2: [2] * 4, 3: [3, 3, 2] if smallest == 2 else [4, 4]}[target]
    off = sum((size - target) ** 2 for size in shape)
    for n_kept in (0, 2, 4):
        best = best_near(gain, old, n_kept, sizes, n, off, target, worst)
        for _ in range(6):
            person = rng.integers(0, 40, n) * scale * 4
            prices = CompanyPrices(person, int(rng.integers(0, 30)) * scale * 4, 4)
            bound = bound_company(problem, company, n_kept, shape, prices)
            assert bound >= round(best * scale)
            # a search never says that a worse answer is the best one
            told = bound_company(problem, company, n_kept, shape, prices, round(best * scale) - 1)
            assert told >= round(best * scale)


def test_a_proof_that_would_look_at_millions_of_groups_ends_without_holding_them():
    n = 90
    gain = np.ones((n, n), np.int64)
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), 6, 6, 6, "total")
    prices = CompanyPrices(np.zeros(n, np.int64), 0, 5)
    tracemalloc.start()
    bound = bound_company(problem, np.full(n, -1), 0, [6] * 15, prices, objective=0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bound == 15 * 6 * 5  # what prices say alone
    assert most < 60_000_000


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("seed", range(3))
def test_columns_find_what_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    n, (smallest, largest, target) = 9, [(3, 5, 3), (2, 3, 2), (2, 4, 3)][seed]
    gain = rng.integers(0, 40, (n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), smallest, largest, target, objective)
    company = np.repeat([0, 1, 2], 3) if smallest == 3 else np.array([0, 0, 1, 1, 2, 2, 3, 3, -1])
    if target == 3:
        company = np.array([0, 0, 0, 1, 1, 1, -1, -1, -1])
    whole = Trail(problem, Company(company))
    parts = Trail(problem, Company(company))
    parts.n_exact = 0
    n_before = int((company >= 0).sum())
    for k in range(n_before + 1):
        best, found = whole.regroup(n_before - k), parts.regroup(n_before - k)
        assert parts.pool.count(found.groups)[0] <= whole.pool.count(best.groups)[0]
        assert parts.pool.count(found.groups)[1] >= n_before - k
        if k in (0, n_before):
            assert parts.pool.count(found.groups)[0] == whole.pool.count(best.groups)[0]


@pytest.mark.slow
def test_the_curve_of_a_larger_pool_rises_and_its_bounds_hold():
    pool = district(31, 9, seed=3).mentees
    plan = pm.form_groups(pool[:28], pm.Program(size=3))
    gone = pool["id"][[0, 4]].tolist()
    after = pm.rematch(plan, pm.Changes(leave=gone, mentees=pool[28:]), at_most_changes=0)
    points = after.points([0, 1, 4, 99])
    curve = after.curve([0, 1, 4, 99])
    assert curve["changes"].tolist() == [0, 1, 4, (after.company >= 0).sum()]
    assert curve["exact"][0]
    assert curve["objective"].is_monotonic_increasing
    assert (curve["bound"] >= curve["objective"]).all()
    for point, row in zip(points, curve.itertuples(), strict=True):
        assert point.objective == row.objective
        assert point.bound >= row.bound
        assert point.changes <= row.changes
        assert point.verify() == point.certificate
    assert after.gap == 0.0
    assert after.curve()["changes"].tolist()[:5] == [0, 1, 2, 5, 10]


def test_spoiled_prices_of_changes_prove_less_or_nothing():
    pool = district(20, 9, seed=3).mentees
    plan = pm.form_groups(pool[:18], pm.Program(size=3))
    after = pm.rematch(plan, pm.Changes(mentees=pool[18:]), at_most_changes=0)
    problem, groups, prices = after.plan.problem, after.plan.groups, after.prices
    n_kept = int((after.company >= 0).sum())
    given = problem, after.company, n_kept, groups
    honest = certify_regrouping(*given, prices)
    assert honest == after.certificate
    cheap = replace(prices, person=prices.person // 2)
    weaker = certify_regrouping(*given, cheap).bound
    assert weaker is None or weaker >= honest.objective
    for useless in (replace(prices, unit=0), replace(prices, person=prices.person[1:])):
        assert certify_regrouping(*given, useless).bound is None
    with pytest.raises(pm.CertificateError, match="charge for a change is below 0"):
        certify_regrouping(*given, replace(prices, charge=-1))


def test_whose_turn_it_is_stays_out_and_running_groups_stay_before_newcomers():
    pool = pd.DataFrame({"id": [f"T{i:02}" for i in range(14)], "years": range(14)})
    rules = [pm.TakeTurns("out_before")]
    program = pm.Program([pm.Closeness("years", within=20)], rules, size=3, leftovers="leave_out")
    first = pool[:12].assign(out_before=0)
    plan = pm.form_groups(first, program)
    joined = pool[12:].assign(out_before=[0, 0])
    after = pm.rematch(plan, pm.Changes(mentees=joined), at_most_changes=0)
    assert after.plan.unmatched["id"].tolist() == ["T12", "T13"]
    assert after.changes == 0
    assert pm.verify(after.plan)
    # who was out once comes in when somebody leaves, before who never was
    was_out = pd.DataFrame({"id": ["T13"], "out_before": [1]})
    changes = pm.Changes(leave=[plan.group_ids[0][0]], mentees=was_out)
    later = pm.rematch(after.plan, changes)
    assert later.plan.unmatched["id"].tolist() == ["T12"]
    assert later.verify() == later.certificate
    assert pm.verify(later.plan)


@pytest.mark.slow
def test_a_large_pool_is_opened_only_near_its_changes_and_keeps_a_bound():
    pool = district(426, 9, seed=3).mentees
    plan = pm.form_groups(pool[:420], pm.Program(size=3), options=pm.Options(time_limit=3))
    gone = pool["id"][[0, 40, 90]].tolist()
    after = pm.rematch(plan, pm.Changes(leave=gone, mentees=pool[420:]), at_most_changes=4)
    here = {*pool["id"]} - {*gone}
    assert {who for group in after.plan.group_ids for who in group} == here
    assert after.changes <= 4
    assert after.bound >= after.objective
    assert after.verify() == after.certificate
    assert pm.verify(after.plan)
    old = {frozenset(group) for group in plan.group_ids}
    new = {frozenset(group) for group in after.plan.group_ids}
    assert len(old & new) > 110
    again = pm.rematch(after.plan, pm.Changes(leave=[pool["id"][7]]), at_most_changes=0)
    assert again.changes == 0
    assert again.bound >= again.objective


@pytest.mark.slow
def test_pools_that_are_opened_in_parts_keep_every_rule():
    rng = np.random.default_rng(4)
    gain = rng.integers(0, 1000, (40, 40))
    problem = GroupingProblem(gain, ~np.eye(40, dtype=bool), 3, 5, 3)
    company = Company(np.r_[np.repeat(np.arange(11), 3), np.full(7, -1)])
    for n_kept in (33, 31, 24):
        found = regroup_near(problem, company, n_kept, [2, 5])
        proof = certify_regrouping(problem, company.group_of, n_kept, found.groups)
        assert proof.matched == 40
        assert sum(kept_in(group, company.group_of) for group in found.groups) == found.kept


def test_the_price_of_a_newcomer_covers_the_best_triad():
    rng = np.random.default_rng(4)
    gain = rng.integers(0, 1000, (12, 12))
    problem = GroupingProblem(gain, ~np.eye(12, dtype=bool), 3, 3, 3)
    known = np.arange(12) < 11
    price = carry_prices(problem, np.full(12, 3000), known, 2)
    best = max(
        sum(gain[a, b] for a, b in itertools.permutations((11, *others), 2)) - 6000
        for others in itertools.combinations(range(11), 2)
    )
    assert price.tolist() == [3000] * 11 + [best]


@pytest.mark.slow
def test_months_of_a_pool_that_is_streamed_lose_nobody():
    rng = np.random.default_rng(2)
    pool = district(2200, 9, seed=3).mentees
    plan = pm.form_groups(pool[:2100], pm.Program(size=3), options=pm.Options(time_limit=20))
    here, n = set(pool["id"][:2100]), 2100
    for _ in range(3):
        gone = rng.choice(sorted(here), 5, replace=False).tolist()
        changes = pm.Changes(leave=gone, mentees=pool[n : n + 7])
        here = (here | set(pool["id"][n : n + 7])) - set(gone)
        n += 7
        after = pm.rematch(plan, changes, at_most_changes=3)
        placed = {who for group in after.plan.group_ids for who in group}
        assert placed | set(after.plan.unmatched["id"]) == here
        assert len(placed) == len(here)
        assert after.changes <= 3
        assert after.bound >= after.objective
        assert after.verify() == after.certificate
        plan = after.plan


def test_twelve_months_of_groups_keep_every_rule_and_lose_nobody():
    rng = np.random.default_rng(5)
    pool = district(50, 5, seed=6).mentees
    program = pm.Program(size=3, constraints=[pm.Forbid(pool["id"][0], pool["id"][1])])
    plan = first = pm.form_groups(pool[:11], program)
    here, n = set(pool["id"][:11]), 11
    for month in range(12):
        gone = rng.choice(sorted(here), int(rng.integers(0, 3)), replace=False).tolist()
        joined = pool[n : n + (len(here) - len(gone) < 11)]
        n += len(joined)
        changes = pm.Changes(leave=gone, mentees=joined if len(joined) else None)
        after = pm.rematch(plan, changes, at_most_changes=month % 3)
        here = (here | set(joined["id"])) - set(gone)
        assert set(after.plan.scored.coached.ids) == here
        placed = {who for group in after.plan.group_ids for who in group}
        assert placed | set(after.plan.unmatched["id"]) == here
        assert after.changes <= month % 3
        assert after.gap == 0.0
        after.verify()
        assert set(after.moved["id"]) <= here | set(gone)
        assert not any({pool["id"][0], pool["id"][1]} <= set(g) for g in after.plan.group_ids)
        plan = after.plan
    assert plan.scored.neutral == first.scored.neutral


def test_rounds_are_not_rematched_but_the_rounds_to_come_can_be_formed_anew():
    pool = district(13, 4, seed=1).mentees
    program = pm.Program([pm.Similarity("goals")], size=3, rounds=3)
    term = pm.form_rounds(pool[:12], program)
    gone = pm.Changes(leave=[pool["id"][0]], mentees=pool[12:])
    with pytest.raises(pm.CapabilityError, match="History"):
        pm.rematch(term, gone)
    history = pm.History().add(term.rounds[0])
    rest = program.replace(rounds=2, constraints=[pm.NotAgain(history)])
    to_come = pm.form_rounds(pool[1:], rest)
    groups = [g for plan in (term.rounds[0], *to_come.rounds) for g in plan.group_ids]
    met = [frozenset((a, b)) for group in groups for a in group for b in group if a < b]
    assert len(met) == len(set(met))
    assert pm.rematch(term.rounds[2], gone).plan.program.size == 3


def test_programs_of_groups_after_changes_end_by_their_work_and_not_by_the_clock(monkeypatch):
    rng = np.random.default_rng(8)
    gain = rng.integers(0, 1000, (20, 20))
    problem = GroupingProblem(gain, ~np.eye(20, dtype=bool), 4, 6, 5)
    old = np.repeat(np.arange(4), 5)
    old[rng.choice(20, 4, replace=False)] = -1
    company = Company(old)
    asked = []

    def spy(*terms, options, **more):
        asked.append(dict(options))
        return solve(*terms, options=options, **more)

    solve = scipy.optimize.milp
    monkeypatch.setattr(scipy.optimize, "milp", spy)
    Trail(problem, company).regroup(company.n - 6)
    assert asked
    assert all("node_limit" in options for options in asked)
    assert not any("time_limit" in options for options in asked)


def test_a_pool_that_everybody_leaves_is_told_as_empty():
    ids = list("abcd")
    plan = pm.group_scores(pd.DataFrame(np.ones((4, 4)), index=ids, columns=ids))
    after = pm.rematch(plan, pm.Changes(leave=ids)).plan
    assert after.matched == len(after.unmatched) == 0
    assert "0 of 0 people" in after.summary()


def test_a_pool_with_rules_about_groups_that_everybody_leaves_is_empty_too():
    teachers = pd.DataFrame({"id": list("ABC"), "years": [1, 2, 3], "school": ["N", "", "S"]})
    program = pm.Program([pm.Closeness("years", within=9)], [pm.Different("school")], size=3)
    plan = pm.form_groups(teachers, program)
    after = pm.rematch(plan, pm.Changes(leave=list("ABC")), at_most_changes=0)
    assert after.matched == len(after.plan.unmatched) == 0
    after.verify()
