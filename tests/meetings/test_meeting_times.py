"""Meetings as a value, and when people can meet: against a minute-by-minute oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.constraints.meeting_times import count_disjoint
from pairmatch.profiles import read_profiles
from pairmatch.profiles.week import format_windows, merge_windows


def table(prefix, cells):
    rows = {name: list(column) for name, column in cells.items()}
    n = len(next(iter(rows.values())))
    return read_profiles(pd.DataFrame({"id": [f"{prefix}{k}" for k in range(n)], **rows}))


@st.composite
def windows(draw):
    starts = draw(st.lists(st.tuples(st.integers(0, 200), st.integers(10, 90)), max_size=3))
    return format_windows(merge_windows((480 + s, 480 + s + n) for s, n in starts))


@st.composite
def pools(draw):
    def side(prefix):
        n = draw(st.integers(1, 3))
        free = [draw(windows()) for _ in range(n)]
        busy = [draw(st.sampled_from(["", "Mon 08:30-09:00", "none"])) for _ in range(n)]
        return table(prefix, {"free": free, "busy": busy})

    return side("T"), side("M"), draw(st.integers(15, 50)), draw(st.integers(1, 2))


def minutes_of(profiles, row, inside=None):
    free = np.zeros(10080, bool)
    for a, b in profiles.windows("free")[row] or ():
        free[a:b] = True
    for a, b in profiles.windows("busy")[row] or ():
        free[a:b] = False
    if inside is not None:
        free &= inside
    return free


@given(pools())
def test_a_pair_may_meet_exactly_if_its_minutes_have_room_for_all_meetings(pool):
    mentees, mentors, minutes, per_week = pool
    rule = pm.Meetings(minutes=minutes, per_week=per_week).bind(mentees, mentors)
    i, j = np.arange(len(mentees))[:, None], np.arange(len(mentors))[None, :]
    forbidden = rule.forbids(i, j, np.zeros((len(mentees), len(mentors))))
    for a in range(len(mentees)):
        for b in range(len(mentors)):
            joint = minutes_of(mentees, a) & minutes_of(mentors, b)
            room = run = 0
            for minute in joint:
                run = run + 1 if minute else 0
                if run == minutes:
                    room, run = room + 1, 0
            assert forbidden[a, b] == (room < per_week)
            why = rule.constraint.breach(mentees, a, mentors, b, 0)
            unknown = mentees.windows("free")[a] is None or mentors.windows("free")[b] is None
            assert (why is not None) == (room < per_week) or unknown
    flat = [x.ravel() for x in np.broadcast_arrays(i, j)]
    assert (rule.forbids(*flat, np.zeros(len(flat[0]))) == forbidden.ravel()).all()
    assert (count_disjoint(rule.times, i, j) <= 3).all() or per_week


def test_starts_follow_each_other_inside_long_windows_of_mentors():
    mentees = table("T", {"free": ["Mon 15:00-16:30", "Mon 15:00-16:30"]})
    times = pm.Meetings().times(mentees, table("M", {"free": ["Mon 15:00-17:00"]}))
    assert times.start.tolist() == [900, 945]
    assert times.coached.all()
    assert times.coach.all()


def test_windows_and_columns_narrow_the_time_of_meetings():
    mentees = table("T", {"free": ["Mon 08:00-12:00"], "contract": ["Mon 09:00-11:00"]})
    mentors = table("M", {"free": ["Mon 08:00-12:00"], "contract": ["Mon 08:00-12:00"]})
    rule = pm.Meetings(60, within="contract", not_within="Mon 10:00-10:05")
    assert rule.times(mentees, mentors).start.tolist() == [540]
    assert rule.breach(mentees, 0, mentors, 0, 0) is None
    tight = pm.Meetings(61, within="contract", not_within="Mon 10:00-10:05")
    assert tight.breach(mentees, 0, mentors, 0, 0) == "no joint 61-minute slot"
    assert not tight.times(mentees, mentors).start.size


def test_unknown_time_fails_with_a_reason_of_its_own_unless_allowed():
    mentees = table("T", {"free": ["", "Mon 08:00-09:00"]})
    mentors = table("M", {"free": ["Mon 08:00-09:00", ""]})
    rule = pm.Meetings()
    assert rule.breach(mentees, 0, mentors, 0, 0) == "no free time given by the mentee"
    assert rule.breach(mentees, 1, mentors, 1, 0) == "no free time given by the mentor"
    assert rule.breach(mentees, 0, mentors, 1, 0) == "no free time given by either"
    assert rule.breach(mentees, 1, mentors, 0, 0) is None
    every = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    forbidden = rule.bind(mentees, mentors).forbids(*every, np.zeros(4))
    assert forbidden.tolist() == [True, True, False, True]
    open_rule = pm.Meetings(unknown="allow").bind(mentees, mentors)
    assert not open_rule.forbids(*every, np.zeros(4)).any()


def test_travel_needs_free_minutes_at_both_ends_of_the_mentor_only():
    mentees = table("T", {"free": ["Mon 15:00-16:00"], "school": ["North"]})
    away = {"North": {"South": 20}}

    def breach(free, modality="in_person", school="South"):
        mentors = table("M", {"free": [free], "school": [school], "modality": [modality]})
        rule = pm.Meetings(minutes=40, travel=away)
        times = rule.times(mentees, mentors)
        met = (times.coached[0] & times.coach[0]).any()
        why = rule.breach(mentees, 0, mentors, 0, 0)
        assert (why is None) == met
        return why

    assert breach("Mon 15:00-16:00") == "no joint 40-minute slot"
    assert breach("Mon 14:55-16:05") == "no joint 40-minute slot"
    assert breach("Mon 14:40-16:00") is None
    assert breach("Mon 15:00-15:40", "virtual") is None
    assert breach("Mon 15:00-15:40", school="North") is None
    assert breach("Mon 14:00-17:00", school="West") == "no travel time between North and West"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"minutes": 0}, "minutes is 0"),
        ({"per_week": True}, "per_week is True"),
        ({"within": "Mon 8-7"}, "ends before it starts"),
        ({"not_within": 3}, "not_within is 3"),
        ({"travel": {"North": {"South": -1}}}, "travel from North to South is -1"),
        ({"travel": {"North": 5}}, "travel from North is 5"),
        ({"unknown": "maybe"}, "unknown is 'maybe'"),
    ],
)
def test_impossible_values_are_refused_in_words(arguments, said):
    with pytest.raises(pm.ProgramError, match=said):
        pm.Meetings(**arguments)


def test_columns_that_are_not_there_are_named():
    mentees, mentors = table("T", {"free": [""]}), table("M", {"contract": ["none"]})
    with pytest.raises(pm.ProgramError) as caught:
        pm.Meetings(within="contract", prefer="prep", travel=10).times(mentees, mentors)
    text = str(caught.value)
    for part in ("mentees have no column 'contract'", "mentors have no column 'free'", "'prep'"):
        assert part in text
