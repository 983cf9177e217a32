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


@pytest.mark.parametrize("per_week", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_meetings_are_at_the_times_that_were_written(tmp_path, seed, per_week):
    pool = district(16, 9, seed=seed)
    rules = [pm.Load(at_most=2), pm.Meetings(minutes=30, per_week=per_week)]
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
    plan.save(tmp_path)
    again = pm.read_plan(tmp_path, pool.mentees, pool.mentors)
    assert len(plan.timetable())
    assert again.timetable().equals(plan.timetable())
    pm.verify(again)


def test_who_has_no_time_any_more_gets_another_one_and_the_others_keep_theirs(tmp_path):
    pool = district(16, 9, seed=4)
    rules = [pm.Load(at_most=2), pm.Meetings(minutes=30)]
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
    plan.save(tmp_path)
    was = plan.to_frame().set_index("mentee")
    mentees = pool.mentees.copy()
    someone = was.index[0]
    hers = mentees["id"] == someone
    mentees.loc[hers, "free"] = "Mon-Fri 7:00-18:00; not " + was.loc[someone, "day"]
    now = pm.read_plan(tmp_path, mentees, pool.mentors).to_frame().set_index("mentee")
    assert now.loc[someone, "day"] != was.loc[someone, "day"]
    same_mentor = was["mentor"] == was.loc[someone, "mentor"]
    others = was.index[~same_mentor]
    times = ["day", "start", "end"]
    assert now.loc[others, times].equals(was.loc[others, times])


def test_pairs_that_stay_keep_their_times_when_a_plan_is_edited():
    pool = district(16, 9, seed=1)
    rules = [pm.Load(at_most=2), pm.Meetings(minutes=30)]
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
    whole = plan.to_frame()
    fewer = plan.replace(pairs=whole[["mentee", "mentor"]].iloc[2:])
    assert fewer.to_frame().equals(whole.iloc[2:].reset_index(drop=True))


@pytest.mark.parametrize("per_week", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_who_has_left_takes_nobody_else_out_of_the_timetable(tmp_path, seed, per_week):
    pool = district(16, 9, seed=seed)
    rules = [pm.Load(at_most=2), pm.Meetings(minutes=30, per_week=per_week)]
    plan = pm.match(pool.mentees, pool.mentors, pm.Program(constraints=rules))
    plan.save(tmp_path)
    was = plan.timetable().set_index(["mentee", "mentor"])[["day", "start"]].sort_index()
    pairs = plan.to_frame()[["mentee", "mentor"]]
    mentee, mentor = pairs["mentee"].iloc[0], pairs["mentor"].iloc[-1]
    mentees = pool.mentees[pool.mentees["id"] != mentee]
    mentors = pool.mentors[pool.mentors["id"] != mentor]
    again = pm.read_plan(tmp_path, mentees, mentors)
    after = pm.rematch(again, pm.Changes(leave=[mentee, mentor]), at_most_changes=0).plan
    stay = pairs[(pairs["mentee"] != mentee) & (pairs["mentor"] != mentor)]
    kept = list(stay.itertuples(index=False, name=None))
    now = again.timetable().set_index(["mentee", "mentor"])[["day", "start"]].sort_index()
    assert now.loc[kept].equals(was.loc[kept])
    later = after.timetable().set_index(["mentee", "mentor"])[["day", "start"]].sort_index()
    same = [pair for pair in kept if later.loc[[pair]].equals(was.loc[[pair]])]
    new = set(later.index) - set(kept)
    assert len(same) >= len(kept) - len(new)  # only somebody new may need a time that was taken


@pytest.mark.parametrize("seed", range(4))
def test_whose_turn_it_was_to_stay_out_is_known_of_a_plan_that_is_read_back(tmp_path, seed):
    teachers = pd.DataFrame({"id": list("ABCDEFG"), "years": [1, 2, 3, 5, 8, 13, 21]})
    program = pm.Program(
        [pm.Closeness("years", within=20)], [pm.TakeTurns()], size=3, leftovers="leave_out"
    )
    plan = pm.form_groups(teachers, program, options=pm.Options(seed=seed))
    newcomer = pm.Changes(mentees=pd.DataFrame({"id": ["H"], "years": [4]}))
    after = pm.rematch(plan, newcomer, at_most_changes=0).plan
    for some, table in ((plan, teachers), (after, pd.concat([teachers, newcomer.mentees]))):
        some.save(tmp_path)
        again = pm.read_plan(tmp_path, table)
        assert again.unmatched_ids == some.unmatched_ids
        assert "turn" in str(again.why_unmatched(some.unmatched_ids[0]))
        pm.verify(again)
