"""Plans whose pairs have times to meet: as a coordinator sees them, checked by somebody else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.profiles.phrases import parse_windows
from pairmatch.profiles.week import DAYS
from pairmatch.solvers.assignment.meetings import conflicts
from pairmatch.solvers.assignment.meetings.solver import place_greedily

SLOTS = [
    "Mon 08:00-08:45",
    "Mon 08:30-09:15",
    "Tue 15:30-17:00",
    "Wed 07:15-08:00",
    "Fri 12:00-13:00",
]


def double_bookings(plan, mentees, mentors, travel=0):
    """Every fault of a timetable, minute by minute, from the cells as they were typed."""
    faults, minutes = [], defaultdict(list)
    free = defaultdict(list)
    for frame in (mentees, mentors):
        for person, cell in zip(frame["id"], frame["free"], strict=True):
            free[person].append(parse_windows(cell) if isinstance(cell, str) and cell else ())
    for meeting in plan.timetable().itertuples():
        start = (
            DAYS.index(meeting.day) * 1440 + int(meeting.start[:2]) * 60 + int(meeting.start[3:])
        )
        assert (
            meeting.end
            == f"{(start + meeting.minutes) % 1440 // 60:02d}:{(start + meeting.minutes) % 60:02d}"
        )
        for person in meeting.people.split(";"):
            if not any(
                a <= start and start + meeting.minutes <= b for w in free[person] for a, b in w
            ):
                faults.append(f"{person} is not free")
            minutes[person] += range(start, start + meeting.minutes)
    faults += [f"{p} is double-booked" for p, used in minutes.items() if len(set(used)) < len(used)]
    return faults


@st.composite
def sheets(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    times = st.lists(st.sampled_from(SLOTS), max_size=4).map("; ".join)
    shared = draw(st.booleans())
    mentees = pd.DataFrame(
        {
            "id": [f"P{k}" if shared else f"T{k}" for k in range(n)],
            "free": [draw(times) for _ in range(n)],
            "subjects": [draw(st.sampled_from(["art", "maths", "art; maths"])) for _ in range(n)],
        }
    )
    mentors = pd.DataFrame(
        {
            "id": [f"P{k}" if shared else f"M{k}" for k in range(m)],
            "free": [draw(times) for _ in range(m)],
            "subjects": [draw(st.sampled_from(["art", "maths"])) for _ in range(m)],
        }
    )
    if shared:  # one person, one calendar: the same cells in both tables
        k = min(n, m)
        same = [*mentees["free"][:k], *mentors["free"][k:]]
        mentors = mentors.assign(free=same)
    return mentees, mentors


@settings(max_examples=40)
@given(sheets(), st.sampled_from([30, 45]), st.sampled_from([1, 2]))
def test_nobody_is_double_booked_in_either_role(tables, minutes, per_week):
    rule = pm.Meetings(minutes=minutes, per_week=per_week)
    program = pm.Program([pm.SubjectMatch()], [pm.Load(at_most=3), rule])
    plan = pm.match(*tables, program)
    pm.verify(plan)
    assert double_bookings(plan, *tables) == []
    assert len(plan.timetable()) == per_week * plan.matched


def pool(**columns):
    mentees = pd.DataFrame(
        {"id": ["T-1", "T-2", "T-3"], "free": ["Mon 08:00-08:45"] * 3, "subjects": ["art"] * 3}
    )
    mentors = pd.DataFrame({"id": ["M-7"], "free": ["Mon 08:00-08:45"], "subjects": ["art"]})
    return mentees.assign(**columns.get("mentees", {})), mentors.assign(
        **columns.get("mentors", {})
    )


def program(*constraints, **arguments):
    return pm.Program([pm.SubjectMatch()], [pm.Load(at_most=2), *constraints], **arguments)


def test_a_mentor_with_two_places_and_one_slot_takes_one_mentee_and_the_reason_says_so():
    plan = pm.match(*pool(), program(pm.Meetings()))
    assert plan.matched == 1
    frame = plan.to_frame()
    assert frame[["day", "start", "end"]].to_numpy().tolist() == [["Mon", "08:00", "08:45"]]
    taken = frame["mentee"].item()
    left = plan.unmatched
    assert set(left["reason"]) == {"no time left"}
    assert f"all joint slots of M-7 are taken by {taken}" in left["detail"].iloc[0]
    assert str(plan.price_of_time()).startswith("without Meetings 1 more mentee")
    assert "1 pair meets once a week for 45 minutes, at 1 time\n" in plan.summary()


def test_the_timetable_is_sorted_by_day_and_start():
    tables = pool(
        mentees={"free": ["Tue 09:00-10:00", "Mon 10:00-11:00", "Mon 08:00-09:00"]},
        mentors={"free": ["Mon-Fri 08:00-12:00"]},
    )
    plan = pm.match(*tables, pm.Program([pm.SubjectMatch()], [pm.Load(at_most=3), pm.Meetings(60)]))
    table = plan.timetable()
    assert table["day"].tolist() == ["Mon", "Mon", "Tue"]
    assert table["start"].tolist() == ["08:00", "10:00", "09:00"]
    assert table["people"].tolist() == ["T-3;M-7", "T-2;M-7", "T-1;M-7"]
    assert set(table["kind"]) == {"meeting"}


def test_without_meetings_frames_are_as_they_were():
    plan = pm.match(*pool(), program())
    assert plan.to_frame().columns.tolist() == ["mentee", "mentor", "score"]
    with pytest.raises(pm.CapabilityError, match="Add the rule Meetings"):
        plan.timetable()


@pytest.mark.parametrize("slots", [[[1]], [[-1]], [[9]]])
def test_a_spoiled_timetable_is_refused(slots):
    tables = pool(mentors={"free": ["Mon 08:00-08:45; Mon 09:00-09:45"]})
    late = pool(mentees={"free": ["Mon 08:00-08:45", "Mon 08:00-08:45", "Mon 09:00-09:45"]})
    plan = pm.match(late[0], tables[1], program(pm.Meetings()))
    assert plan.matched == 2
    one = replace(plan.solution, slots=np.array([slots[0]] * 2))
    with pytest.raises(pm.CertificateError, match=r"free|no time|do not exist|double-booked"):
        pm.verify(replace(plan, solution=one))


def test_pairs_edited_by_hand_get_times_or_are_refused():
    tables = pool(mentors={"free": ["Mon 08:00-09:30"]}, mentees={"free": ["Mon 08:00-09:30"] * 3})
    plan = pm.match(*tables, program(pm.Meetings()))
    edited = plan.replace(pairs={"T-1": "M-7", "T-3": "M-7"})
    pm.verify(edited)
    assert sorted(edited.timetable()["start"]) == ["08:00", "08:45"]
    crowded = pm.match(*pool(), program(pm.Meetings())).replace(pairs={"T-1": "M-7", "T-2": "M-7"})
    with pytest.raises(pm.CertificateError, match="no time to meet"):
        pm.verify(crowded)


def test_pins_that_cannot_meet_apart_are_named():
    with pytest.raises(pm.InfeasibleError, match="M-7 cannot meet all of its pinned mentees"):
        pm.match(*pool(), program(pm.Meetings(), pm.Pin("T-1", "M-7"), pm.Pin("T-2", "M-7")))
    plan = pm.match(*pool(), program(pm.Meetings(), pm.Pin("T-2", "M-7")))
    assert plan.to_frame()["mentee"].tolist() == ["T-2"]


def test_minimum_loads_that_leave_no_time_are_refused_in_words():
    with pytest.raises(pm.InfeasibleError, match="times and other rules"):
        pm.match(*pool(), pm.Program([pm.SubjectMatch()], [pm.Load(2, 2), pm.Meetings()]))


def test_unknown_free_time_is_its_own_reason_or_a_meeting_without_a_time():
    tables = pool(mentees={"free": ["", "Mon 08:00-08:45", ""]})
    plan = pm.match(*tables, program(pm.Meetings()))
    assert plan.matched == 1
    assert "no free time given by the mentee" in str(plan.why_unmatched("T-1"))
    allowed = pm.match(*tables, program(pm.Meetings(unknown="allow")))
    assert allowed.matched == 2
    pm.verify(allowed)
    assert "" in allowed.to_frame()["day"].tolist() or allowed.timetable()["day"].tolist() == [
        "",
        "",
    ]


def test_busy_time_is_nobodys_slot():
    tables = pool(mentors={"busy": ["Mon 08:30-08:40"]})
    plan = pm.match(*tables, program(pm.Meetings()))
    assert plan.matched == 0
    assert "no joint 45-minute slot" in plan.unmatched["detail"].iloc[0]


def test_a_mentor_travels_between_schools_and_has_the_way_free():
    tables = pool(
        mentees={"free": ["Mon 08:00-12:00"] * 3, "school": ["North", "South", "North"]},
        mentors={"free": ["Mon 08:00-11:00"], "school": ["North"]},
    )
    rule = pm.Meetings(45, travel={"North": {"South": 20}})
    plan = pm.match(*tables, pm.Program([pm.SubjectMatch()], [pm.Load(at_most=3), rule]))
    pm.verify(plan)
    assert plan.matched == 3
    starts = dict(zip(plan.timetable()["mentee"], plan.timetable()["start"], strict=True))
    minute = {key: int(s[:2]) * 60 + int(s[3:]) for key, s in starts.items()}
    assert minute["T-2"] >= 8 * 60 + 20
    assert all(abs(minute["T-2"] - minute[other]) >= 65 for other in ("T-1", "T-3"))
    near = replace(plan.program, constraints=(pm.Load(at_most=3), pm.Meetings(45, travel=60)))
    assert pm.match(*tables, near).matched == 2


def test_preferred_windows_decide_between_equal_plans():
    tables = pool(
        mentees={"free": ["Mon 08:00-08:45; Tue 09:00-09:45"] * 3},
        mentors={"free": ["Mon 08:00-08:45; Tue 09:00-09:45; Wed 08:00-09:00"]},
    )
    for prefer, day in (("Tue 08:00-10:00", "Tue"), ("Mon 08:00-10:00", "Mon")):
        rule = pm.Meetings(prefer=prefer)
        plan = pm.match(*tables, pm.Program([pm.SubjectMatch()], [pm.Load(1), rule]))
        assert plan.to_frame()["day"].tolist() == [day]
        assert "1 of 1 meetings are at preferred times" in plan.summary()


def test_the_order_of_the_sheets_does_not_matter():
    from pairmatch.datasets import district

    sheet = district(40, 16, seed=3)
    wanted = pm.Program([pm.SubjectMatch()], [pm.Load(), pm.Meetings(30)])
    plan = pm.match(sheet.mentees, sheet.mentors, wanted)
    other = pm.match(sheet.mentees[::-1], sheet.mentors.sample(frac=1, random_state=1), wanted)
    pd.testing.assert_frame_equal(plan.timetable(), other.timetable())
    assert double_bookings(plan, sheet.mentees, sheet.mentors) == []


def test_large_pools_are_streamed_with_the_same_integers():
    from pairmatch.constraints import bind_pair_rules
    from pairmatch.datasets import district
    from pairmatch.scoring import Compatibility
    from pairmatch.seam.streams import stream_gains

    sheet = district(30, 20, seed=4)
    tables = pm.read_profiles(sheet.mentees), pm.read_profiles(sheet.mentors)
    for rule in (pm.Meetings(), pm.Meetings(unknown="allow"), pm.Meetings(30, per_week=2)):
        rules = bind_pair_rules([rule], *tables)
        scored = Compatibility.bind(*tables, [pm.SubjectMatch()], rules)
        gain, allowed = stream_gains(scored).block(slice(0, 30), slice(0, 20))
        units, fine = scored.evaluate(slice(0, 30), slice(0, 20))
        assert (allowed == fine).all()
        assert (gain == np.where(fine, units, 0)).all()


def test_what_meetings_cannot_be_combined_with_is_said_with_a_way_out():
    with pytest.raises(pm.CapabilityError, match="column free"):
        pm.match_scores([[1]], [pm.Meetings()])
    with pytest.raises(pm.ProgramError, match="one Meetings only"):
        pm.match(*pool(), program(pm.Meetings(), pm.Meetings(30)))
    plan = pm.match(*pool(), program(pm.Meetings()))
    with pytest.raises(pm.CapabilityError, match="times to meet"):
        plan.place_values()


def test_quotas_and_minutes_hold_together_with_times():
    tables = pool(
        mentees={"free": ["Mon 08:00-11:00"] * 3, "school": ["A", "A", "B"], "need": [60, 60, 30]},
        mentors={"free": ["Mon 08:00-11:00"], "minutes_per_week": [100]},
    )
    quota = pm.Program([pm.SubjectMatch()], [pm.Load(3), pm.Quota("school", 1), pm.Meetings()])
    plan = pm.match(*tables, quota)
    pm.verify(plan)
    assert plan.matched == 2
    budget = pm.Program([pm.SubjectMatch()], [pm.Load(3), pm.Minutes("need"), pm.Meetings()])
    plan = pm.match(*tables, budget)
    pm.verify(plan)
    assert plan.matched == 2
    assert "T-3" in plan.to_frame()["mentee"].tolist()


def test_another_pair_is_priced_with_its_time():
    tables = pool(mentors={"free": ["Mon 08:00-08:45"]})
    plan = pm.match(*tables, program(pm.Meetings()))
    outside = plan.unmatched_ids[0]
    assert "the total would not change" in str(plan.why_not(outside, "M-7"))


def test_plans_are_saved_with_their_timetable(tmp_path):
    plan = pm.match(*pool(), program(pm.Meetings()))
    plan.save(tmp_path)
    assert pd.read_csv(tmp_path / "timetable.csv")["start"].tolist() == ["08:00"]
    assert '"day": "Mon"' in (tmp_path / "plan.json").read_text()
    pressure = pd.read_csv(tmp_path / "time_pressure.csv")
    assert pressure["slots"].is_monotonic_increasing or pressure["partners"].is_monotonic_increasing


def test_who_is_short_of_time_is_listed_with_the_scarce_slots():
    tables = pool(
        mentees={
            "free": ["Mon 08:00-08:45", "Mon 08:00-08:45", "Mon 08:00-08:45; Tue 09:00-09:45"]
        },
        mentors={"free": ["Mon 08:00-08:45; Tue 09:00-09:45"]},
    )
    plan = pm.match(*tables, program(pm.Meetings()))
    pressure = plan.time_pressure().set_index("id")
    assert pressure.loc["T-1", ["partners", "slots"]].tolist() == [1, 1]
    assert pressure.loc["T-3", "slots"] == 2
    assert pressure.loc["M-7", ["role", "partners", "matched"]].tolist() == ["mentor", 3, 2]
    assert "scarce: 2 mentees can only meet Mon 08:00; then 1 mentor can" in plan.summary()
    assert "scarce: 2 mentees have a single time (T-1, T-2); ask them for more" in plan.summary()
    with pytest.raises(pm.CapabilityError):
        pm.match(*tables, program()).time_pressure()


def test_few_slots_win_no_better_partner_at_equal_need():
    """Of two equal mentees one has a single slot: who gets the better mentor is not for time."""
    mentees = pd.DataFrame(
        {"id": ["T-1", "T-2"], "subjects": ["art; maths"] * 2,
         "free": ["Mon 08:00-08:45", "Mon 08:00-08:45; Tue 08:00-08:45"]}
    )  # fmt: skip
    mentors = pd.DataFrame(
        {"id": ["M-1", "M-2"], "subjects": ["art; maths", "art"], "free": [mentees["free"][1]] * 2}
    )
    wanted = pm.Program([pm.SubjectMatch()], [pm.Load(1), pm.Meetings()])
    better = [
        pm.match(mentees, mentors, wanted, options=pm.Options(seed=seed))
        .to_frame()
        .set_index("mentor")["mentee"]["M-1"]
        for seed in range(12)
    ]
    assert set(better) == {"T-1", "T-2"}


def test_minutes_a_week_hold_for_both_with_what_meetings_take():
    tables = pool(
        mentees={"free": ["Mon 08:00-12:00"] * 3, "minutes_per_week": [30, 45, 300]},
        mentors={"free": ["Mon 08:00-12:00"], "minutes_per_week": [100]},
    )
    rules = pm.Load(at_most=3), pm.Meetings(45), pm.Minutes()
    plan = pm.match(*tables, pm.Program([pm.SubjectMatch()], list(rules)))
    pm.verify(plan)
    assert plan.to_frame()["mentee"].tolist() == ["T-2", "T-3"]
    assert "meetings take 45 minutes a week, more than the mentee has" in str(
        plan.why_unmatched("T-1")
    )
    twice = pm.Load(at_most=3), pm.Meetings(45, per_week=2), pm.Minutes()
    plan = pm.match(*tables, pm.Program([pm.SubjectMatch()], list(twice)))
    assert plan.to_frame()["mentee"].tolist() == ["T-3"]
    with pytest.raises(pm.ProgramError, match="add Meetings"):
        pm.match(*tables, pm.Program([pm.SubjectMatch()], [pm.Minutes()]))


def test_a_plan_that_ran_out_of_time_keeps_every_calendar_and_a_true_bound():
    from pairmatch.datasets import district

    sheet = district(80, 30, seed=5)
    wanted = pm.Program([pm.SubjectMatch()], [pm.Load(), pm.Meetings(30)])
    plan = pm.match(sheet.mentees, sheet.mentors, wanted, options=pm.Options(time_limit=1e-6))
    pm.verify(plan)
    assert plan.status is pm.Status.TIME_LIMIT
    assert double_bookings(plan, sheet.mentees, sheet.mentors) == []
    best = pm.match(sheet.mentees, sheet.mentors, wanted)
    assert plan.matched <= best.matched <= plan.matched_bound


def test_pins_keep_their_times_when_slots_are_given_one_by_one():
    """T-2 can only meet when T-1 would meet first, and T-3 can only meet when T-1 has to."""
    tables = pool(
        mentees={
            "free": ["Mon 08:00-08:45; Tue 09:00-09:45", "Mon 08:00-08:45", "Tue 09:00-09:45"]
        },
        mentors={"free": ["Mon 08:00-08:45; Tue 09:00-09:45"]},
    )
    rules = pm.Load(at_most=3), pm.Meetings(), pm.Pin("T-1", "M-7"), pm.Pin("T-2", "M-7")
    wanted = pm.Program([pm.SubjectMatch()], list(rules))
    plan = pm.match(*tables, wanted)
    rows = [plan.mentee_row(key) for key in ("T-1", "T-2", "T-3")]
    pairs, taken = place_greedily(plan.problem, np.array([[rows[2], 0]]))
    assert sorted(pairs[:, 0].tolist()) == sorted(rows[:2])
    assert len(set(taken[:, 0].tolist())) == 2
    late = pm.match(*tables, wanted, options=pm.Options(time_limit=1e-6))
    pm.verify(late)
    assert late.to_frame()["mentee"].tolist() == ["T-1", "T-2"]


FEW = [f"{day} 08:00-08:45" for day in DAYS[:4]]


@settings(max_examples=25)
@given(st.data())
def test_hiding_slots_never_makes_the_whole_plan_better(data):
    """What somebody wins by few slots is lost by the others, so the total says who pays."""
    choose = st.lists(st.sampled_from(FEW), unique=True, max_size=4)
    free = [data.draw(choose) for _ in range(3)]
    years = data.draw(st.lists(st.integers(0, 5), min_size=3, max_size=3))
    hers = [data.draw(choose) for _ in range(2)]
    mentors = pd.DataFrame(
        {"id": ["M-1", "M-2"], "years": [8, 15], "free": ["; ".join(h) or "none" for h in hers]}
    )
    wanted = pm.Program([pm.ExperienceGap()], [pm.Load(1), pm.Meetings()])

    def best(slots):
        cells = ["; ".join(own) or "none" for own in slots]
        mentees = pd.DataFrame({"id": ["T-1", "T-2", "T-3"], "years": years, "free": cells})
        plan = pm.match(mentees, mentors, wanted)
        return plan.matched, plan.objective

    kept = data.draw(st.lists(st.sampled_from(free[0]), unique=True)) if free[0] else []
    assert best([kept, *free[1:]]) <= best(free)


def test_who_hides_slots_may_win_and_is_listed_as_scarce():
    """Nothing that places as many as possible can prevent this; the plan shows it."""
    mentors = pd.DataFrame(
        {"id": ["M-1", "M-2"], "subjects": ["art; maths", "art"], "free": FEW[:2]}
    )

    def plan(free, seed):
        mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art; maths"] * 2, "free": free})
        wanted = pm.Program([pm.SubjectMatch()], [pm.Load(1), pm.Meetings()])
        return pm.match(mentees, mentors, wanted, options=pm.Options(seed=seed))

    both = "; ".join(FEW[:2])
    fair = {plan([both, both], seed).to_frame()["mentor"][0] for seed in range(12)}
    assert fair == {"M-1", "M-2"}
    for seed in range(12):
        hidden = plan([FEW[0], both], seed)
        assert hidden.to_frame()["mentor"].tolist() == ["M-1", "M-2"]
        pressure = hidden.time_pressure()
        mentees = pressure[pressure["role"] == "mentee"]
        assert mentees["id"].tolist() == ["T-1", "T-2"]
        assert mentees["slots"].tolist() == [1, 2]


def test_one_pool_matched_with_itself_has_one_calendar_a_person():
    from pairmatch.datasets import staff

    people = pm.read_profiles(staff(24, seed=3))
    wanted = pm.Program([pm.SubjectMatch()], [pm.Load(at_most=2), pm.Meetings(30)])
    plan = pm.match(people, people, wanted)
    pm.verify(plan)
    assert plan.matched > 0
    minutes = defaultdict(list)
    for meeting in plan.timetable().itertuples():
        for person in meeting.people.split(";"):
            minutes[person].append((meeting.day, meeting.start))
    assert all(len(set(own)) == len(own) for own in minutes.values())


def test_free_times_cost_nothing_where_everybody_has_enough():
    tables = pool(mentees={"free": ["Mon 08:00-12:00"] * 3}, mentors={"free": ["Mon 08:00-12:00"]})
    plan = pm.match(*tables, program(pm.Meetings()))
    assert "meeting times cost this plan nothing" in plan.summary()


def test_summary_of_a_plan_that_was_cut_short_solves_nothing_more():
    from pairmatch.datasets import district

    pool = district(60, 30, seed=2)
    program = pm.Program(constraints=[pm.Meetings(minutes=30), pm.Load(at_most=2)])
    whole = pm.match(pool.mentees, pool.mentors, program)
    short = replace(whole, solution=replace(whole.solution, status=pm.Status.TIME_LIMIT))
    assert str(whole.price_of_time()) in whole.summary()
    assert str(short.price_of_time()) not in short.summary()


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_a_search_that_finds_nobody_is_not_the_answer(objective, monkeypatch):
    pool = district(20, 12, seed=2)
    program = pm.Program(
        criteria=[pm.SubjectMatch(), pm.GoalCoverage()],
        constraints=[pm.Meetings(minutes=45), pm.Load(at_most=3), pm.Quota("school", at_most=2)],
        objective=objective,
    )
    best = pm.match(pool.mentees, pool.mentors, program)
    monkeypatch.setattr(conflicts, "maximise", lambda *_, **__: (None, False))
    plan = pm.match(pool.mentees, pool.mentors, program)
    assert "then slots one by one" in plan.solver
    assert 10 < plan.matched <= best.matched
    assert plan.gap > 0
    assert pm.verify(plan).bound >= round(best.objective * 1_000_000)
