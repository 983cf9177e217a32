from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm

SIZES = {
    "grow": {1: [], 2: [], 3: [3], 4: [4], 5: [5], 7: [3, 4], 8: [4, 4]},
    "shrink": {1: [], 2: [2], 3: [3], 4: [2, 2], 5: [2, 3], 7: [2, 2, 3], 8: [2, 3, 3]},
    "spread": {1: [], 2: [2], 3: [3], 4: [4], 5: [2, 3], 7: [3, 4], 8: [2, 3, 3]},
    "leave_out": {1: [], 2: [], 3: [3], 4: [3], 5: [3], 7: [3, 3], 8: [3, 3]},
}


def pool_of(n, **columns):
    ids = [f"T-{k:02}" for k in range(n)]
    subjects = ["maths", "art", "maths; art"] * n
    return pd.DataFrame({"id": ids, "subjects": subjects[:n], **columns})


@pytest.mark.filterwarnings("ignore::pairmatch.PairmatchWarning")  # one person has no pair
@pytest.mark.parametrize("policy", SIZES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8])
def test_leftovers_follow_the_policy(policy, n):
    plan = pm.form_groups(pool_of(n), pm.Program(size=3, leftovers=policy))
    assert sorted(map(len, plan.groups)) == SIZES[policy][n]
    assert len(plan.unmatched) == n - sum(SIZES[policy][n])
    pm.verify(plan)


def test_sizes_that_are_not_the_policys_are_refused():
    plan = pm.form_groups(pool_of(8), pm.Program(size=3))
    group_of = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    solution = replace(plan.solution, group_of=group_of)
    with pytest.raises(pm.CertificateError, match="sizes"):
        pm.verify(replace(plan, solution=solution))


def test_whose_turn_it_is_stays_out_whatever_the_scores():
    pool = pool_of(8, left_out=["1", "0", "", "2", "1", "1", "1", "1"])
    turns = pm.Program(size=3, leftovers="leave_out", constraints=[pm.TakeTurns("left_out")])
    plan = pm.form_groups(pool, turns)
    assert plan.unmatched["id"].tolist() == ["T-01", "T-02"]
    assert plan.unmatched["reason"].tolist() == ["turn to stay out"] * 2
    assert pm.verify(plan).proved
    out = {
        tuple(
            pm.form_groups(
                pool_of(8),
                replace(turns, constraints=(pm.TakeTurns(),)),
                options=pm.Options(seed=seed),
            ).unmatched["id"]
        )
        for seed in range(6)
    }
    assert len(out) > 1


def test_every_circle_has_its_seats_filled():
    roles = ["mentor"] * 3 + ["mentee"] * 8 + ["both"] * 2 + ["visitor"]
    plan = pm.form_groups(pool_of(14, role=roles), pm.Program(roles={"mentor": 1, "mentee": 2}))
    frame = plan.to_frame().merge(pool_of(14, role=roles)[["id", "role"]], on="id")
    for _, group in frame.groupby("group"):
        assert sorted(group["role_x"]) == ["mentee", "mentee", "mentor"]
    assert all(y in (x, "both") for x, y in zip(frame["role_x"], frame["role_y"], strict=True))
    assert plan.matched == 12
    assert dict(zip(plan.unmatched["id"], plan.unmatched["reason"], strict=True))["T-13"] == (
        "no seat for this role"
    )
    assert pm.verify(plan).matched_bound == 12


def test_two_mentors_in_one_circle_are_refused():
    roles = ["mentor", "mentee", "mentee"] * 2
    plan = pm.form_groups(pool_of(6, role=roles), pm.Program(roles={"mentor": 1, "mentee": 2}))
    where = {key: row for row, key in enumerate(plan.scored.coached.ids)}
    group_of = np.zeros(6, np.int64)
    group_of[[where[f"T-{k:02}"] for k in (0, 3, 1)]] = 1
    with pytest.raises(pm.CertificateError, match="cannot fill the seats"):
        pm.verify(replace(plan, solution=replace(plan.solution, group_of=group_of)))


def test_sizes_and_roles_that_contradict_each_other_are_explained():
    with pytest.raises(pm.ProgramError, match="are 3, size is 4"):
        pm.form_groups(pool_of(6), pm.Program(roles={"mentor": 1, "mentee": 2}, size=4))
    with pytest.raises(pm.ProgramError, match="no column 'role'"):
        pm.form_groups(pool_of(6), pm.Program(roles={"mentor": 1, "mentee": 2}))
    with pytest.raises(pm.ProgramError, match="already says how far"):
        pm.form_groups(pool_of(6), pm.Program(size=(2, 4), leftovers="shrink"))
