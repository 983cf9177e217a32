"""Plans come back from their folders as what they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district, staff


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    pool = district(20, 14, seed=2, gaps=0.1)
    plan = pm.match(pool.mentees, pool.mentors, pm.Program.preset("mentoring"))
    folder = tmp_path_factory.mktemp("plan")
    plan.save(folder)
    return pool, plan, folder


def test_a_plan_comes_back_whole(saved):
    pool, plan, folder = saved
    again = pm.read_plan(folder, pool.mentees, pool.mentors)
    assert again.to_frame().equals(plan.to_frame())
    assert again.unmatched_ids == plan.unmatched_ids
    assert pm.Program.from_toml(folder / "program.toml") == again.program
    pm.verify(again)
    assert len(pm.compare(plan, again).moved) == 0


def test_scores_keep_their_scale_when_people_have_gone(saved):
    pool, plan, folder = saved
    first = plan.to_frame()["mentee"][0]
    fewer = pool.mentees[pool.mentees["id"] != first]
    again = pm.read_plan(folder, fewer, pool.mentors)
    both = plan.to_frame().merge(again.to_frame(), on=["mentee", "mentor"])
    stayed = both[both["mentee"] != first]
    assert len(both) == len(plan.to_frame())
    assert (stayed["score_x"] == stayed["score_y"]).all()


def test_groups_come_back_while_everybody_is_there(tmp_path):
    teachers = staff(9, seed=2)
    plan = pm.form_groups(teachers, pm.Program.preset("triad"))
    plan.save(tmp_path)
    again = pm.read_plan(tmp_path, teachers)
    assert sorted(map(sorted, again.group_ids)) == sorted(map(sorted, plan.group_ids))
    assert again.objective == pytest.approx(plan.objective)
    with pytest.raises(pm.ProfileError, match="no longer in the table"):
        pm.read_plan(tmp_path, teachers.iloc[1:])


def test_what_has_no_place_in_a_file_is_asked_for(tmp_path):
    tables = pd.DataFrame({"id": ["a"], "n": [1]}), pd.DataFrame({"id": ["b"], "n": [2]})
    custom = pm.Program([pm.Custom(lambda a, b: np.ones((len(a), len(b))), name="one")])
    pm.match(*tables, pm.Program([pm.Closeness("n", within=2)])).save(tmp_path)
    assert (tmp_path / "program.toml").exists()
    pm.match(*tables, custom).save(tmp_path)
    assert not (tmp_path / "program.toml").exists()
    with pytest.raises(pm.ProgramError, match=r"has no program\.toml"):
        pm.read_plan(tmp_path, *tables)
    assert pm.read_plan(tmp_path, *tables, program=custom).matched == 1
