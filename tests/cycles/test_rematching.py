import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.certify.changes import ChangeLimit, ChangePrices, certify_rematching
from pairmatch.solvers.certify.nearby import certify_nearby
from pairmatch.solvers.certify.openings import certify_standing


def every_plan(scores, capacity):
    """Yield all plans of a small pool as mappings of row to column."""
    choices = [[None, *np.flatnonzero(~np.isnan(row))] for row in scores]
    for choice in itertools.product(*choices):
        load = np.bincount([j for j in choice if j is not None], minlength=scores.shape[1])
        if (load <= capacity).all():
            yield {i: j for i, j in enumerate(choice) if j is not None}


def best_of_each(scores, capacity, old, objective):
    """Return by number of changes the best rank of a plan with so many or fewer."""
    keepable = {i for i, j in old.items() if not np.isnan(scores[i, j]) and capacity[j] > 0}
    best = {}
    for plan in every_plan(scores, capacity):
        n = sum(plan.get(i) != old[i] for i in keepable)
        total = sum(scores[i, j] for i, j in plan.items())
        rank = (len(plan), total) if objective == "coverage" else (total,)
        best[n] = max(best.get(n, rank), rank)
    ranks, so_far = {}, None
    for n in range(len(keepable) + 1):
        if n in best:
            so_far = best[n] if so_far is None else max(so_far, best[n])
        ranks[n] = so_far
    return ranks


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(12))
def test_every_limit_gives_the_plan_that_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    n, m = 5, 4
    before = pd.DataFrame(
        rng.integers(0, 12, (n, m)).astype(float), index=[f"T{i}" for i in range(n)]
    )
    before.columns = [f"M{j}" for j in range(m)]
    capacity = rng.integers(1, 3, m)
    load = pm.Load(at_most={f"M{j}": int(c) for j, c in enumerate(capacity)})
    plan = pm.match_scores(before, [load], objective=objective)
    now = pd.DataFrame(rng.integers(-2, 12, (n, m)).astype(float), before.index, before.columns)
    now = now.mask(rng.random((n, m)) < 0.2)
    pairs = plan.to_frame()[["mentee", "mentor"]].to_numpy().tolist()
    old = {int(a[1:]): int(b[1:]) for a, b in pairs}
    ranks = best_of_each(now.to_numpy(), capacity, old, objective)
    for k, rank in ranks.items():
        answer = pm.rematch(plan, pm.Changes(scores=now), at_most_changes=k)
        mine = (answer.plan.matched, answer.objective)[objective == "total" :]
        assert mine == rank, k
        assert answer.changes <= k
        assert answer.verify().objective == answer.certificate.objective
        if answer.gap == 0.0:
            assert answer.bound == answer.objective
        # the bound holds for the true optimum even where it is not met
        assert answer.certificate.bound >= rank[-1]
    free = pm.rematch(plan, pm.Changes(scores=now))
    fresh = pm.match_scores(now, [load], objective=objective)
    assert free.objective == fresh.objective
    assert free.gap == 0.0
    assert free.plan.gap == 0.0


def test_the_curve_is_exact_at_its_corners_and_bounds_the_rest():
    rng = np.random.default_rng(31)
    for _ in range(8):
        before = pd.DataFrame(rng.integers(0, 30, (5, 5)))
        plan = pm.match_scores(before)
        now = pd.DataFrame(rng.integers(0, 30, (5, 5)))
        changes = pm.Changes(scores=now)
        curve = pm.rematch(plan, changes).curve()
        old = dict(zip(*[plan.to_frame()[c] for c in ("mentee", "mentor")], strict=True))
        ranks = best_of_each(now.to_numpy().astype(float), np.ones(5, int), old, "coverage")
        assert curve["changes"].tolist() == sorted(curve["changes"])
        for row in curve.itertuples():
            n, total = ranks[row.changes]
            assert row.matched == n == 5
            assert row.objective <= total <= row.bound
            if row.exact:
                assert row.objective == total == row.bound


def test_a_plan_that_everybody_leaves_is_an_empty_one():
    pool = district(4, 3, seed=2)
    plan = pm.match(pool.mentees, pool.mentors)
    for gone in (pool.mentees, pool.mentors):
        answer = pm.rematch(plan, pm.Changes(leave=gone["id"].tolist()))
        assert answer.plan.matched == answer.changes == 0
        assert answer.verify().gap == 0.0


def test_equal_scores_are_proved_best():
    plan = pm.match_scores([[7, 7], [7, 7], [7, 7]])
    for k in (0, 1, None):
        after = pm.rematch(plan, pm.Changes(scores=pd.DataFrame([[7, 7]] * 4)), at_most_changes=k)
        assert after.plan.matched == 2
        assert after.gap == 0.0


def test_rules_that_name_people_forget_those_who_leave():
    pool = district(8, 6, seed=3)
    mentees, mentors = (side["id"].tolist() for side in (pool.mentees, pool.mentors))
    gone = [mentees[0], mentors[0]]
    nested = {who: dict.fromkeys(mentors, 30) for who in mentees}
    for rules in (
        [pm.Demand({mentees[0]: 2, mentees[1]: 2}), pm.Load(at_most=dict.fromkeys(mentors, 3))],
        [pm.Minutes(each=dict.fromkeys(mentees, 30), at_most=dict.fromkeys(mentors, 60))],
        [pm.Minutes(each=nested, at_most=60)],
        [pm.Quota(by=dict.fromkeys(mentees, "x"), at_most=1), pm.Pin(mentees[0], mentors[1])],
    ):
        plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
        after = pm.rematch(plan, pm.Changes(leave=gone), at_most_changes=2)
        after.verify()
        named = set(after.plan.to_frame()[["mentee", "mentor"]].to_numpy().ravel())
        assert named.isdisjoint(gone)
        assert mentees[0] not in repr(after.plan.program)


def test_who_changes_sides_is_no_longer_where_they_were():
    mentees = pd.DataFrame(
        {"id": ["T-1", "T-2"], "subjects": ["art", "art"], "wishes": ["M-2", ""]}
    )
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art", "art"], "max_mentees": 2})
    program = pm.Program([pm.SubjectMatch(weight=3), pm.Wishes()])
    plan = pm.match(mentees, mentors, program)
    up = pd.DataFrame({"id": ["T-2"], "subjects": ["art"], "max_mentees": [1]})
    after = pm.rematch(plan, pm.Changes(leave=["T-2"], mentors=up))
    assert after.plan.to_frame()["mentee"].tolist() == ["T-1"]
    assert {*after.plan.loads["mentor"]} == {"M-1", "M-2", "T-2"}
    down = mentors[1:].drop(columns="max_mentees").assign(wishes="M-1")
    after = pm.rematch(plan, pm.Changes(leave=["M-2"], mentees=down))
    pairs = after.plan.to_frame()
    assert ("M-2", "M-1") in set(zip(pairs["mentee"], pairs["mentor"], strict=True))
    assert {*after.plan.loads["mentor"]} == {"M-1"}
    both = pd.concat([mentors[1:], up])
    with pytest.raises(pm.ProgramError, match="M-2 both leave and have a row"):
        pm.rematch(plan, pm.Changes(leave=["M-2", "T-2"], mentors=both))


def test_what_nobody_could_avoid_is_not_a_change():
    plan = pm.match_scores([[9, 8, 1], [8, 6, 1], [7, 1, 5]])
    after = pm.rematch(plan, pm.Changes(leave=[0]), at_most_changes=0)
    assert after.changes == 0
    assert after.moved["reason"].tolist() == ["left", "0 left"]
    assert after.plan.scored.shape == (2, 2)


def test_moves_say_who_and_why():
    scores = pd.DataFrame(
        [[9.0, 8.0, 0.0], [8.0, 1.0, 0.0], [0.0, 0.0, 5.0]],
        index=["T-1", "T-2", "T-3"],
        columns=["M-1", "M-2", "M-3"],
    )
    plan = pm.match_scores(scores)
    assert plan.to_frame()["mentor"].tolist() == ["M-2", "M-1", "M-3"]
    news = scores.drop(index="T-2").assign(**{"M-4": [1.0, 9.0]})
    news.loc["T-9"] = [0.0, 7.0, 6.0, 0.0]
    after = pm.rematch(plan, pm.Changes(scores=news))
    told = after.moved.set_index("mentee")
    assert told.loc["T-1", "reason"] == "better by 1"
    assert bool(told.loc["T-1", "counted"])
    assert told.loc["T-2", "reason"] == "left"
    assert told.loc["T-3", "reason"] == "better by 4"
    assert told.loc["T-9", "reason"] == "joined"
    assert told.loc["T-9", "after"] == "M-2"
    assert after.changes == 2
    assert "2 who could have stayed" in after.summary()
    one = pm.rematch(plan, pm.Changes(scores=news), at_most_changes=1)
    assert one.changes == 1
    assert one.moved["counted"].sum() == 1


def test_too_few_changes_for_the_rules_are_refused_with_the_number_that_is_needed():
    plan = pm.match_scores([[9, 1], [8, 2]], [pm.Load(at_most={0: 2, 1: 1})])
    assert plan.to_frame()["mentor"].tolist() == [0, 0]
    fewer = pm.Changes(program=pm.Program(constraints=[pm.Load(at_most=1)]))
    with pytest.raises(pm.InfeasibleError, match="at least 1 person must move, 0 may"):
        pm.rematch(plan, fewer, at_most_changes=0)
    assert pm.rematch(plan, fewer, at_most_changes=1).plan.matched == 2


def test_pins_quotas_and_minimum_loads_hold_after_a_rematch():
    rng = np.random.default_rng(8)
    scores = pd.DataFrame(rng.integers(0, 50, (8, 4)))
    school = {i: "x" if i % 2 else "y" for i in range(8)}
    rules = [pm.Load(at_most=3, at_least=1), pm.Quota(by=school, at_most=2), pm.Pin(0, 3)]
    plan = pm.match_scores(scores, rules)
    now = pd.DataFrame(rng.integers(0, 50, (8, 4)))
    for k in (1, 3, None):
        answer = pm.rematch(plan, pm.Changes(scores=now), at_most_changes=k)
        answer.verify()
        frame = answer.plan.to_frame()
        assert (frame.groupby("mentor")["mentee"].count() >= 1).all()
        assert frame.set_index("mentee").loc[0, "mentor"] == 3


@pytest.fixture(scope="module")
def pool():
    return district(40, 24, seed=12)


def test_people_join_and_leave_and_scores_stay_on_the_first_scale(pool):
    plan = pm.match(pool.mentees[:36], pool.mentors[:22])
    late = pm.Changes(
        leave=[pool.mentees["id"][0], pool.mentors["id"][1]],
        mentees=pool.mentees[36:],
        mentors=pool.mentors[22:],
    )
    after = pm.rematch(plan, late, at_most_changes=3)
    assert after.changes <= 3
    assert after.plan.scored.neutral == plan.scored.neutral
    assert len(after.plan.scored.coached) == 39
    pm.verify(after.plan)
    after.verify()
    assert pool.mentees["id"][0] not in after.plan.scored.coached.ids
    kept = plan.to_frame().merge(after.plan.to_frame(), on=["mentee", "mentor"])
    assert (kept["score_x"] == kept["score_y"]).all()


def test_new_cells_replace_old_ones_and_other_columns_stay(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    mentor = plan.to_frame()["mentor"][0]
    news = pd.DataFrame({"id": [mentor], "max_mentees": [0]})
    after = pm.rematch(plan, pm.Changes(mentors=news), at_most_changes=0)
    assert mentor not in after.plan.to_frame()["mentor"].tolist()
    row = after.plan.scored.coach.index_of(mentor)
    old = plan.scored.coach.index_of(mentor)
    assert after.plan.scored.coach.texts("school")[row] == plan.scored.coach.texts("school")[old]
    assert after.changes == 0
    assert f"{mentor} has no place any more" in after.moved["reason"].tolist()


def test_wishes_for_people_who_left_are_struck_out():
    mentees = pd.DataFrame({"id": ["T-1"], "wishes": ["M-1; M-2"]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"]})
    plan = pm.match(mentees, mentors, pm.Program(criteria=[pm.Wishes()]))
    after = pm.rematch(plan, pm.Changes(leave=["M-1"]))
    assert after.plan.to_frame().to_numpy().tolist() == [["T-1", "M-2", 0.8]]


def test_twelve_months_of_joiners_and_leavers_keep_every_rule_and_lose_nobody():
    rng = np.random.default_rng(77)
    pool = district(70, 40, seed=5)
    n, m = 40, 26
    program = pm.Program(
        constraints=[pm.Require(pm.SubjectMatch()), pm.Load(at_most="max_mentees")]
    )
    first = plan = pm.match(pool.mentees[:n], pool.mentors[:m], program)
    here = set(pool.mentees["id"][:n])
    for month in range(12):
        stays = rng.random(2) < 0.9
        gone = rng.choice(sorted(here), 2, replace=False)[stays].tolist()
        mentors_now = sorted(plan.scored.coach.ids)
        gone += rng.choice(mentors_now, 1).tolist() if month % 3 == 0 else []
        joined = pool.mentees[n : n + 2]
        fresh = pool.mentors[m : m + (month % 3 == 0)]
        n, m = n + 2, m + len(fresh)
        changes = pm.Changes(leave=gone, mentees=joined, mentors=fresh if len(fresh) else None)
        after = pm.rematch(plan, changes, at_most_changes=2)
        here = (here | set(joined["id"])) - set(gone)
        assert after.changes <= 2
        assert set(after.plan.scored.coached.ids) == here
        matched = set(after.plan.to_frame()["mentee"])
        assert matched | set(after.plan.unmatched["id"]) == here
        pm.verify(after.plan)
        after.verify()
        assert set(after.moved["mentee"]) <= here | set(gone)
        plan = after.plan
    assert plan.scored.neutral == first.scored.neutral


@pytest.mark.parametrize("seed", range(4))
def test_near_the_running_plan_the_answers_and_proofs_are_the_same(monkeypatch, seed):
    pool = district(34, 25, seed=seed)
    plan = pm.match(pool.mentees[:32], pool.mentors[:24])
    gone = [pool.mentees["id"][seed], pool.mentors["id"][seed + 3]]
    changes = pm.Changes(leave=gone, mentees=pool.mentees[32:], mentors=pool.mentors[24:])
    for k in (1, 3):
        whole = pm.rematch(plan, changes, at_most_changes=k)
        with monkeypatch.context() as patch:
            patch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
            near = pm.rematch(plan, changes, at_most_changes=k)
            again = near.verify()
        assert "near" in near.plan.solver
        assert near.changes <= k
        assert near.certificate.bound >= whole.certificate.objective
        if near.gap == 0.0:
            assert near.certificate.objective == whole.certificate.objective
            assert near.plan.matched == whole.plan.matched
        assert again == near.certificate


@pytest.mark.parametrize("seed", range(6))
def test_new_cells_and_lost_places_near_the_running_plan_are_settled_as_a_whole(monkeypatch, seed):
    pool = district(60, 36, seed=seed)
    program = pm.Program(
        constraints=[pm.MinScore(0.3)] if seed % 3 == 0 else [],
        objective=["coverage", "total"][seed % 2],
    )
    plan = pm.match(pool.mentees[:54], pool.mentors[:32], program)
    gone = [pool.mentees["id"][seed], pool.mentees["id"][20], pool.mentors["id"][seed + 3]]
    changes = pm.Changes(
        leave=gone,
        mentees=pd.concat(
            [pool.mentees[54:], pool.mentees[30:32].assign(grades="K-2", subjects="art")]
        ),
        mentors=pd.concat([pool.mentors[32:], pool.mentors[15:17].assign(max_mentees=["0", "1"])]),
    )
    monkeypatch.setattr("pairmatch.cycles.rematching.fill_open_places", lambda *_: None)
    for k in (2, 4, 9, None):
        whole = pm.rematch(plan, changes, at_most_changes=k)
        with monkeypatch.context() as patch:
            patch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
            near = pm.rematch(plan, changes, at_most_changes=k)
            assert near.verify() == near.certificate
        assert "near" in near.plan.solver
        assert k is None or near.changes <= k
        assert near.gap < 0.02
        assert near.certificate.bound >= whole.certificate.objective
        if near.gap == 0.0:
            assert (near.matched, near.objective) == (whole.matched, whole.objective)
    assert near.gap == 0.0  # without a limit


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("first_limit", [0, 2])
def test_several_changes_one_after_the_other_build_on_the_first_proof(
    monkeypatch, seed, first_limit
):
    pool = district(64, 38, seed=seed)
    plan = pm.match(pool.mentees[:54], pool.mentors[:32])
    first = pm.Changes(
        leave=[pool.mentees["id"][seed], pool.mentors["id"][seed + 3]],
        mentees=pd.concat([pool.mentees[54:58], pool.mentees[30:31].assign(grades="K-2")]),
        mentors=pool.mentors[32:35],
    )
    second = pm.Changes(
        leave=[pool.mentees["id"][40], pool.mentees["id"][55], pool.mentors["id"][20]],
        mentees=pool.mentees[58:],
        mentors=pd.concat([pool.mentors[35:], pool.mentors[15:16].assign(max_mentees="1")]),
    )
    after = pm.rematch(plan, first, at_most_changes=first_limit)
    for k in (1, 4):
        whole = pm.rematch(after.plan, second, at_most_changes=k)
        with monkeypatch.context() as patch:
            patch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
            patch.setattr("pairmatch.cycles.rematching.settle", None)  # nothing is held whole
            near_first = pm.rematch(plan, first, at_most_changes=first_limit)
            assert near_first.plan.certificate is None
            near = pm.rematch(near_first.plan, second, at_most_changes=k)
            assert near.verify() == near.certificate
        if near_first.plan.to_frame().equals(after.plan.to_frame()):
            assert near.changes <= k
            assert near.certificate.bound >= whole.certificate.objective
            if near.gap == 0.0:
                assert (near.matched, near.objective) == (whole.matched, whole.objective)
        assert near.running.problem is plan.problem
        assert near.gap is not None
        assert near.gap < 0.02


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(3))
def test_new_rules_and_places_in_a_pool_without_a_matrix_change_what_they_change_in_a_small_one(
    monkeypatch, seed, objective
):
    pool = district(40, 30, seed=seed)
    rules = [pm.Load(at_most=1), pm.Require(pm.SubjectMatch())]
    program = pm.Program(constraints=rules, objective=objective)
    plan = pm.match(pool.mentees, pool.mentors, program)
    some = plan.to_frame()["mentor"][0]

    def ask():
        yield pm.what_if(plan, places={some: 1})
        yield pm.what_if(plan, drop=["Require"], at_most_changes=3)
        yield pm.rematch(plan, pm.Changes(program=program.replace(constraints=rules[1:])))
        leave = pm.Changes(leave=[some], program=program.replace(constraints=rules[:1]))
        yield pm.rematch(plan, leave, at_most_changes=5)

    held = list(ask())
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 100)
    for whole, streamed in zip(held, ask(), strict=True):
        assert "in blocks" in streamed.plan.solver
        assert streamed.verify() == streamed.certificate
        assert streamed.matched == whole.matched
        assert streamed.certificate.objective <= whole.certificate.objective
        assert whole.certificate.objective <= streamed.certificate.bound
        assert streamed.gap < 0.02
        assert pm.verify(streamed.plan).matched == streamed.matched
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_FAIR", 100)
    with pytest.raises(pm.CapabilityError, match="with objective='worst_off' a plan is re-matched"):
        pm.rematch(plan, pm.Changes(program=program.replace(objective="worst_off")))


@pytest.mark.parametrize("seed", range(4))
def test_where_not_everybody_has_a_mentor_the_plan_near_the_running_one_is_proved_as_well(
    monkeypatch, seed
):
    pool = district(70, 30, seed=seed)
    program = pm.Program(constraints=[pm.Load(at_most=1), pm.Require(pm.SubjectMatch())])
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 100)
    monkeypatch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
    plan = pm.match(pool.mentees[:64], pool.mentors[:28], program)
    assert plan.matched < min(64, 28)
    some = plan.to_frame()
    changes = pm.Changes(
        leave=[some["mentor"][1], some["mentee"][4]],
        mentees=pool.mentees[64:],
        mentors=pool.mentors[28:],
    )
    for limit in (None, 2, 0):
        after = pm.rematch(plan, changes, at_most_changes=limit)
        anew = pm.rematch(
            plan, dataclasses.replace(changes, program=program), at_most_changes=limit
        )
        assert "in blocks" in anew.plan.solver
        assert after.plan.solver != anew.plan.solver
        assert after.matched == anew.matched
        assert after.gap is not None
        assert after.verify() == after.certificate
        if limit is None:
            assert (after.gap, after.objective) == (0.0, anew.objective)


def test_a_spoiled_proof_near_the_running_plan_is_refused(monkeypatch):
    pool = district(34, 25, seed=1)
    plan = pm.match(pool.mentees[:32], pool.mentors[:24])
    changes = pm.Changes(leave=[pool.mentees["id"][0]], mentees=pool.mentees[32:])
    monkeypatch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
    answer = pm.rematch(plan, changes, at_most_changes=1)
    running = answer.running
    limit = ChangeLimit(answer.column_of, int((answer.column_of >= 0).sum()) - 1)
    given = answer.plan.problem, limit, answer.plan.solution.pairs
    look = answer.plan.scored.evaluate
    assert certify_nearby(*given, answer.dual, running, look) == answer.certificate
    n_kept = int((answer.column_of[given[2][:, 0]] == given[2][:, 1]).sum())
    strict = dataclasses.replace(limit, n_kept=n_kept + 1)
    with pytest.raises(pm.CertificateError, match=f"keeps {n_kept} of the pairs"):
        certify_nearby(given[0], strict, given[2], answer.dual, running, look)
    unproved = dataclasses.replace(running.certificate, bound=running.certificate.objective + 1)
    with pytest.raises(pm.CertificateError, match="cannot be built on"):
        certify_nearby(
            *given, answer.dual, dataclasses.replace(running, certificate=unproved), look
        )
    # lower prices never make the bound wrong, only weaker: what became cheaper is looked at
    prices = answer.dual.prices
    lower = dataclasses.replace(prices, column=prices.column // 2)
    weaker = certify_nearby(*given, dataclasses.replace(answer.dual, prices=lower), running, look)
    assert weaker.bound >= answer.certificate.bound


def test_joined_tables_are_what_reading_them_at_once_gives():
    from pairmatch.profiles.joining import join_tables

    pool = district(30, 10, seed=4)
    one, two = pm.read_profiles(pool.mentees[:20]), pm.read_profiles(pool.mentees[20:])
    whole = pm.read_profiles(pool.mentees)
    for column in ("goals", "subjects", "school"):
        one.members(column)  # what has been read is handed on
    joined = join_tables(one, two)
    for column in ("goals", "subjects", "school"):
        assert joined.members(column).labels == whole.members(column).labels
        np.testing.assert_array_equal(joined.members(column).matrix, whole.members(column).matrix)
    assert joined == whole
    assert joined.fingerprint == whole.fingerprint
    assert joined.windows("free") == whole.windows("free")
    assert joined["goals"].tolist() == whole["goals"].tolist()
    np.testing.assert_array_equal(joined["years"], whole["years"])
    assert joined.take([25]).ids == whole.take([25]).ids


def test_spoiled_answers_and_prices_are_refused():
    plan = pm.match_scores([[9, 8, 1], [8, 6, 1], [7, 1, 5]])
    now = pd.DataFrame([[9, 1, 3], [1, 9, 3], [3, 3, 9]])
    answer = pm.rematch(plan, pm.Changes(scores=now), at_most_changes=2)
    problem, column_of = answer.plan.problem, answer.column_of
    pairs = answer.plan.solution.pairs
    strict = ChangeLimit(column_of, int((column_of >= 0).sum()))
    assert answer.changes == 2
    with pytest.raises(pm.CertificateError, match="changes too much"):
        certify_rematching(problem, strict, pairs, answer.dual)
    limit = ChangeLimit(column_of, int((column_of >= 0).sum()) - 2)
    bad = ChangePrices(answer.dual.prices, -1, answer.dual.bonus, answer.dual.scale)
    with pytest.raises(pm.CertificateError, match="wrong sign"):
        certify_rematching(problem, limit, pairs, bad)
    # any other prices give a bound that holds, only a weaker one
    loose = ChangePrices(answer.dual.prices, 0, answer.dual.bonus, 1)
    found = certify_rematching(problem, limit, pairs, loose)
    assert found.bound >= answer.certificate.objective


def test_rematch_refuses_what_it_cannot_honour(pool):
    plan = pm.match(pool.mentees, pool.mentors)
    with pytest.raises(pm.ProgramError, match="whole number"):
        pm.rematch(plan, at_most_changes=-1)
    with pytest.raises(pm.ProgramError, match="no changes"):
        pm.rematch(plan, ["M-01"])
    with pytest.raises(pm.UnknownIdError, match="Did you mean"):
        pm.rematch(plan, pm.Changes(leave=[pool.mentees["id"][0].lower()]))
    with pytest.raises(pm.ProgramError, match="both leave and have a row"):
        pm.rematch(plan, pm.Changes(leave=[pool.mentees["id"][0]], mentees=pool.mentees[:1]))
    with pytest.raises(pm.ProgramError, match="there is no plan"):
        pm.rematch("plan.json")
    own = pm.match_scores([[1]])
    with pytest.raises(pm.ProgramError, match="own scores"):
        pm.rematch(own, pm.Changes(mentees=pool.mentees))
    with pytest.raises(pm.ProgramError, match="from tables"):
        pm.rematch(plan, pm.Changes(scores=pd.DataFrame([[1]])))
    with pytest.raises(pm.ProgramError, match="list of ids"):
        pm.Changes(leave="M-07")


def test_one_more_place_is_worth_what_place_values_say():
    rng = np.random.default_rng(5)
    scores = pd.DataFrame(rng.integers(0, 20, (6, 4)))
    plan = pm.match_scores(scores)
    values = plan.place_values().set_index("mentor")
    for mentor in scores.columns:
        answer = pm.what_if(plan, places={mentor: 1})
        told = pm.compare(plan, answer.plan)
        assert told.matched == values.loc[mentor, "matched"]
        assert told.objective == values.loc[mentor, "total"]
        assert answer.plan.gap == 0.0


def test_dropping_a_rule_or_shortening_meetings_is_one_question():
    free = ["Mon 08:00-08:30", "Mon 10:00-11:00"]
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "free": free})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "free": free})
    program = pm.Program(
        criteria=[pm.CommonTime(minutes=45)],
        constraints=[pm.Require(pm.CommonTime(minutes=45)), pm.MinScore(0.5)],
    )
    plan = pm.match(mentees, mentors, program)
    assert plan.matched == 1
    shorter = pm.what_if(plan, minutes=30)
    assert shorter.plan.matched == 2
    assert "CommonTime(minutes=30)" in repr(shorter.plan.program)
    loose = pm.what_if(plan, drop=["Require", pm.MinScore(0.5)])
    assert loose.plan.matched == 2
    strict = pm.what_if(plan, add=pm.Forbid("T-2", "M-2"))
    assert strict.plan.matched == 0
    for answer in (shorter, loose, strict):
        pm.verify(answer.plan)


def test_a_question_to_no_plan_is_refused():
    with pytest.raises(pm.ProgramError, match="there is no plan"):
        pm.what_if(None, minutes=30)
    with pytest.raises(pm.ProgramError, match="Write places="):
        pm.what_if(pm.match_scores([[1]]), places=["M-07"])


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({}, "nothing was asked"),
        ({"drop": "MinScor"}, "Did you mean 'MinScore'"),
        ({"places": {"M-9": 1}}, "'M-9' is not among the mentors"),
        ({"places": {"M-1": 0.5}}, "no whole number"),
        ({"minutes": 30}, "no part of this program has a length"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(question, says):
    table = pd.DataFrame({"id": ["T-1"], "years": [1]})
    program = pm.Program(criteria=[pm.ExperienceGap()], constraints=[pm.MinScore(0.0)])
    plan = pm.match(table, pd.DataFrame({"id": ["M-1"], "years": [9]}), program)
    with pytest.raises(pm.ProgramError, match=says):
        pm.what_if(plan, **question)


def test_groupings_are_compared_by_company():
    rng = np.random.default_rng(2)
    names = [f"P{k}" for k in range(6)]
    one = pm.group_scores(pd.DataFrame(rng.random((6, 6)), names, names))
    two = pm.group_scores(pd.DataFrame(rng.random((6, 6)), names, names))
    told = pm.compare(one, two)
    assert set(told.to_frame().columns) == {"id", "before", "after"}
    assert pm.compare(one, one).to_frame().empty
    with pytest.raises(pm.ProgramError, match="two matchings or two groupings"):
        pm.compare(one, pm.match_scores([[1]]))


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(4))
def test_where_nobody_may_move_only_open_places_are_looked_at(monkeypatch, seed, objective):
    pool = district(44, 25, seed=seed)
    rules = [pm.MinScore(0.2), pm.Forbid(pool.mentees["id"][40], pool.mentors["id"][1])]
    program = pm.Program(constraints=rules, objective=objective)
    plan = pm.match(pool.mentees, pool.mentors[:22], program)
    gone = [pool.mentees["id"][seed], pool.mentors["id"][seed + 3]]
    news = pool.mentees[10:11].assign(grades="K-2")
    changes = pm.Changes(leave=gone, mentees=news, mentors=pool.mentors[22:])
    quick = pm.rematch(plan, changes, at_most_changes=0)
    with monkeypatch.context() as patch:
        patch.setattr("pairmatch.cycles.rematching.fill_open_places", lambda *_: None)
        whole = pm.rematch(plan, changes, at_most_changes=0)
    assert quick.plan.solver == "open places alone"
    assert whole.plan.solver != "open places alone"
    assert (quick.matched, quick.objective) == (whole.matched, whole.objective)
    assert (quick.matched, quick.objective) == (quick.plan.matched, quick.plan.objective)
    assert quick.gap == 0.0
    assert quick.bound <= whole.bound
    assert quick.changes == quick.moved["counted"].sum() == 0
    assert quick.verify() == quick.certificate
    assert quick.plan.scored.neutral == plan.scored.neutral
    assert quick.plan.seconds == quick.seconds
    # the next month builds on it
    later = pm.rematch(quick.plan, pm.Changes(leave=[pool.mentees["id"][20]]), at_most_changes=0)
    assert later.verify() == later.certificate
    assert later.gap == 0.0


def test_a_spoiled_plan_in_which_nobody_was_to_move_is_refused():
    pool = district(44, 25, seed=1)
    plan = pm.match(pool.mentees[:42], pool.mentors[:22])
    leaves = [pool.mentors["id"][4]]
    changes = pm.Changes(leaves, mentees=pool.mentees[42:], mentors=pool.mentors[22:])
    answer = pm.rematch(plan, changes, at_most_changes=0)
    given = answer.plan.problem, answer.column_of
    more = answer.standing.prices, answer.plan.scored.evaluate
    pairs = answer.pairs
    assert certify_standing(*given, pairs, *more) == answer.certificate
    stays = np.flatnonzero(answer.column_of[pairs[:, 0]] == pairs[:, 1])
    with pytest.raises(pm.CertificateError, match="had to stay"):
        certify_standing(*given, np.delete(pairs, stays[0], axis=0), *more)
    new = np.flatnonzero(answer.column_of[pairs[:, 0]] < 0)
    full = pairs.copy()
    full[new[0], 1] = pairs[stays[0], 1]
    with pytest.raises(pm.CertificateError):
        certify_standing(*given, full, *more)
    fewer = certify_standing(*given, np.delete(pairs, new[0], axis=0), *more)
    assert not fewer.proved


def test_wishes_take_the_longer_way():
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "wishes": ["M-1; M-2", "M-2"]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"]})
    plan = pm.match(mentees, mentors, pm.Program(criteria=[pm.Wishes()]))
    after = pm.rematch(plan, pm.Changes(leave=["T-2"]), at_most_changes=0)
    assert after.standing is None
    assert after.plan.to_frame()["mentor"].tolist() == ["M-1"]
