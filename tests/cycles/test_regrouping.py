import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.certify.regrouping import certify_regrouping, share_company


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


def test_groups_that_are_still_whole_stay_and_a_newcomer_fills_the_gap():
    pool = pd.DataFrame({"id": list("abcdefghi"), "subjects": ["art", "art", "maths"] * 3})
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
    turns = plan.program.replace(constraints=[pm.TakeTurns()])
    with pytest.raises(pm.CapabilityError, match="neither rounds nor TakeTurns"):
        pm.rematch(plan, pm.Changes(program=turns))
    with pytest.raises(pm.ProgramError, match="give mentees= only"):
        pm.rematch(plan, pm.Changes(mentors=pool[:1]))
    with pytest.raises(pm.UnknownIdError, match="nobody of this id"):
        pm.rematch(plan, pm.Changes(leave=["nobody"]))


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
