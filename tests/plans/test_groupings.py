import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import staff


@pytest.fixture(scope="module")
def teams():
    return pm.form_groups(staff(16, seed=2), pm.Program.preset("triad"))


def test_every_teacher_is_in_one_group_and_coaches_once(teams):
    frame = teams.to_frame()
    assert sorted(frame["id"]) == sorted(teams.scored.coached.ids)
    rotations = teams.rotations()
    assert sorted(rotations["coach"]) == sorted(frame["id"])
    assert sorted(len(group) for group in teams.group_ids) == [3, 3, 3, 3, 4]


def test_rotation_is_worth_the_mean_of_the_coachs_column(teams):
    scores = teams.scored.to_frame()
    for row in teams.rotations().itertuples():
        peers = row.peers.split("; ")
        assert row.score == pytest.approx(scores.loc[peers, row.coach].mean())


def test_objective_is_people_times_the_worst_rotation(teams):
    worst = teams.rotations().groupby("group")["score"].agg(["min", "size"])
    assert teams.objective == pytest.approx((worst["min"] * worst["size"]).sum())
    assert teams.bound >= teams.objective
    assert pm.verify(teams).objective == teams.certificate.objective


def test_grouping_spoiled_by_hand_is_refused(teams):
    group_of = teams.solution.group_of.copy()
    first, second = teams.groups[0][0], teams.groups[1][0]
    group_of[[first, second]] = group_of[[second, first]]
    swapped = replace(teams, solution=replace(teams.solution, group_of=group_of))
    swapped.__dict__.pop("groups", None)
    with pytest.raises(pm.CertificateError):
        pm.verify(swapped)


def test_forbidden_pair_is_kept_apart_in_both_directions():
    scores = np.ones((6, 6))
    scores[:3, :3] = 9
    together = pm.group_scores(scores)
    assert (0, 1, 2) in together.group_ids
    apart = pm.group_scores(scores, [pm.Forbid(1, 0)])
    assert not any({0, 1} <= set(group) for group in apart.group_ids)
    pm.verify(apart)


def test_people_whom_the_rules_leave_no_partners_are_named():
    scores = np.ones((4, 4))
    scores[3, :] = np.nan
    plan = pm.group_scores(scores)
    assert plan.group_ids == ((0, 1, 2),)
    assert plan.unmatched["id"].tolist() == [3]
    assert plan.unmatched_ids == (3,)
    assert plan.unmatched["reason"].tolist() == ["rules leave too few partners"]


def test_grouping_survives_pickling(teams):
    again = pickle.loads(pickle.dumps(teams))  # noqa: S301
    assert again.to_json() == teams.to_json()


def test_row_order_changes_nothing(teams):
    pool = staff(16, seed=2).sample(frac=1, random_state=4)
    again = pm.form_groups(pool, pm.Program.preset("triad"))
    assert again.group_ids == teams.group_ids


def test_seats_are_not_blamed_on_rules_that_stand_beside_them():
    people = pd.DataFrame(
        {"id": ["A", "B", "C"], "role": ["mentor", "mentee", "guest"], "subjects": ["art"] * 3}
    )
    rules = [pm.EvaluatorPairs(), pm.Alike("subjects", at_most=3)]
    program = pm.Program(
        [pm.SubjectMatch()], rules, roles={"mentor": 1, "mentee": 1}, leftovers="leave_out"
    )
    told = str(pm.form_groups(people, program).why_unmatched("C"))
    assert "EvaluatorPairs" not in told
    assert "Alike" not in told
    assert "kept from others by roles=" in told
