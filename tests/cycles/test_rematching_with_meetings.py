import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district


def every_plan(scores, capacity):
    """Yield all plans of a small pool as mappings of row to column."""
    choices = [[None, *np.flatnonzero(~np.isnan(row))] for row in scores]
    for choice in itertools.product(*choices):
        load = np.bincount([j for j in choice if j is not None], minlength=scores.shape[1])
        if (load <= capacity).all():
            yield {i: j for i, j in enumerate(choice) if j is not None}


def draw_calendars(rng, n, m):
    """Return two tables in which free time is short, and ids that may be in both."""
    hours = [f"{day} {hour:02}:00-{hour:02}:45" for day in ("Mon", "Tue") for hour in (8, 9)]
    free = [list(rng.choice(hours, rng.integers(1, 4), replace=False)) for _ in range(n + m)]
    years = rng.integers(0, 30, n + m)
    table = pd.DataFrame({"free": ["; ".join(own) for own in free], "years": years})
    mentees = table[:n].assign(id=[f"T{i}" for i in range(n)])
    mentors = table[n:].assign(id=[f"M{j}" for j in range(m)], max_mentees=rng.integers(1, 3, m))
    return mentees, mentors


def fits_calendars(plan_of, problem):
    """Return whether all pairs find hours apart; slots do not overlap here."""
    slots = problem.slots
    mine = [np.flatnonzero(slots.row[i] & slots.column[j]) for i, j in plan_of.items()]
    for choice in itertools.product(*mine):
        taken = [(j, s) for j, s in zip(plan_of.values(), choice, strict=True)]
        if len(set(taken)) == len(taken):
            return True
    return False


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(6))
def test_with_meetings_every_limit_gives_what_enumeration_finds(objective, seed):
    rng = np.random.default_rng(seed)
    mentees, mentors = draw_calendars(rng, 5, 4)
    program = pm.Program(
        criteria=[pm.ExperienceGap()], constraints=[pm.Meetings(minutes=45)], objective=objective
    )
    plan = pm.match(mentees, mentors, program)
    later, _ = draw_calendars(rng, 5, 4)
    changes = pm.Changes(mentees=later[["id", "free", "years"]][:2])
    probe = pm.rematch(plan, changes)
    problem, column_of = probe.plan.problem, probe.column_of
    gain, allowed = problem.gains.block(slice(0, 5), slice(0, 4))
    scores = np.where(allowed, gain, np.nan).astype(float)
    old = {i: int(j) for i, j in enumerate(column_of) if j >= 0}
    best = {}
    for one in every_plan(scores, problem.capacity):
        if fits_calendars(one, problem):
            total = sum(int(gain[i, j]) for i, j in one.items())
            rank = (len(one), total) if objective == "coverage" else (total,)
            moves = sum(one.get(i) != j for i, j in old.items())
            for k in range(moves, len(old) + 1):
                best[k] = max(best.get(k, rank), rank)
    for k in range(len(old) + 1):
        if k not in best:
            with pytest.raises(pm.InfeasibleError, match="must move"):
                pm.rematch(plan, changes, at_most_changes=k)
            continue
        answer = pm.rematch(plan, changes, at_most_changes=k)
        found = (answer.plan.matched, answer.certificate.objective)[objective == "total" :]
        assert found == best[k], k
        assert answer.changes <= k
        assert answer.certificate.bound >= best[k][-1]
        assert answer.verify() == answer.certificate
    assert probe.gap == 0.0


def test_pairs_that_stay_keep_their_time_where_they_can():
    free = "Mon 08:00-08:45; Mon 09:00-09:45; Tue 08:00-08:45"
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "free": free, "years": 1})
    mentors = pd.DataFrame({"id": ["M-1"], "free": [free], "years": 20, "max_mentees": 3})
    program = pm.Program(criteria=[pm.ExperienceGap()], constraints=[pm.Meetings(minutes=45)])
    plan = pm.match(mentees, mentors, program)
    was = plan.timetable().set_index("mentee")[["day", "start"]]
    # somebody joins who can come only when T-2 has been coming, so T-2 has to give way
    joined = pd.DataFrame(
        {"id": ["T-3"], "free": ["{} {}-{}".format(*was.loc["T-2"], "09:45")], "years": 1}
    )
    joined["free"] = joined["free"].str.replace(
        "-09:45", "-08:45" if was.loc["T-2", "start"] == "08:00" else "-09:45"
    )
    after = pm.rematch(plan, pm.Changes(mentees=joined), at_most_changes=0)
    now = after.plan.timetable().set_index("mentee")[["day", "start"]]
    assert after.plan.matched == 3
    assert after.changes == 0
    assert now.loc["T-1"].tolist() == was.loc["T-1"].tolist()
    assert now.loc["T-3"].tolist() == was.loc["T-2"].tolist()
    # nobody joins: nobody moves
    same = pm.rematch(plan, pm.Changes(leave=["T-2"]), at_most_changes=0)
    now = same.plan.timetable().set_index("mentee")[["day", "start"]]
    assert now.loc["T-1"].tolist() == was.loc["T-1"].tolist()


@pytest.mark.parametrize("seed", [1, 2])
def test_twelve_months_with_meetings_keep_every_calendar(seed):
    rng = np.random.default_rng(seed)
    pool = district(40, 20, seed=seed)
    program = pm.Program(constraints=[pm.Meetings(minutes=45), pm.Load(at_most="max_mentees")])
    n, m = 20, 12
    plan = pm.match(pool.mentees[:n], pool.mentors[:m], program)
    here = set(pool.mentees["id"][:n])
    n_same = n_kept = 0
    for month in range(12):
        gone = rng.choice(sorted(here), 1).tolist()
        gone += rng.choice(sorted(plan.scored.coach.ids), 1).tolist() if month % 4 == 0 else []
        joined = pool.mentees[n : n + 1]
        fresh = pool.mentors[m : m + (month % 4 == 0)]
        n, m = n + 1, m + len(fresh)
        changes = pm.Changes(leave=gone, mentees=joined, mentors=fresh if len(fresh) else None)
        after = pm.rematch(plan, changes, at_most_changes=1)
        here = (here | set(joined["id"])) - set(gone)
        assert after.changes <= 1
        assert set(after.plan.scored.coached.ids) == here
        pm.verify(after.plan)
        after.verify()
        keys = ["mentee", "mentor"]
        both = plan.timetable().merge(after.plan.timetable(), on=keys)
        n_kept += len(both)
        n_same += int(
            ((both["day_x"] == both["day_y"]) & (both["start_x"] == both["start_y"])).sum()
        )
        plan = after.plan
    assert n_same >= 0.8 * n_kept > 0


def test_a_plan_in_which_nobody_gave_a_time_is_edited_read_back_and_re_matched(tmp_path):
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art", "maths"], "free": ["", ""]})
    mentors = mentees.assign(id=["M-1", "M-2"])
    rule = pm.Meetings(unknown="allow")
    plan = pm.match(mentees, mentors, pm.Program([pm.Similarity("subjects")], [rule]))
    plan.save(tmp_path)
    assert plan.replace(pairs={"T-1": "M-1"}).matched == 1
    assert pm.read_plan(tmp_path, mentees, mentors).to_frame().equals(plan.to_frame())
    after = pm.rematch(plan, pm.Changes(leave=["T-1"]), at_most_changes=0)
    frame = after.plan.to_frame()
    assert frame[["mentee", "mentor", "day"]].iloc[0].tolist() == ["T-2", "M-2", ""]
    assert after.verify().proved
