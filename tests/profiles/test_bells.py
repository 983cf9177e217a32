"""Bell schedules: the words of a school's week become times, or a named error."""

from __future__ import annotations

import pandas as pd
import pytest

import pairmatch as pm

NORTH_AND_SOUTH = """school,day,period,start,end
North,,P1,08:00,08:50
North,,P2,08:55,09:45
North,,P3,09:50,10:40
North,Wed,P1,08:00,08:30
North,Wed,P2,08:35,09:05
South,Mon-Thu,Period 1,7:30,8:20
South,Mon-Thu,Lunch A,11:30,noon
"""


@pytest.fixture
def bells(tmp_path):
    path = tmp_path / "bells.csv"
    path.write_text(NORTH_AND_SOUTH, encoding="utf-8")
    return path


def free(schedule, *cells, school=None):
    """Return the text of the column ``free`` after reading."""
    table = {"id": [f"T-{k}" for k in range(len(cells))], "free": list(cells)}
    if school is not None:
        table["school"] = school
    return pm.read_profiles(pd.DataFrame(table), schedule=schedule).texts("free").tolist()


def refusal(schedule, cell, **more):
    with pytest.raises(pm.ProfileError) as caught:
        free(schedule, cell, **more)
    return str(caught.value)


def test_each_school_has_its_own_bells_and_days_may_differ(bells):
    schedule = pm.Schedule.from_bells(bells)
    cells = ["Mon P3; Wed P1", "mon 1st period; Tue lunch a", "weekdays period 2"]
    assert free(schedule, *cells, school=["North", "south", "North"]) == [
        "Mon 09:50-10:40; Wed 08:00-08:30",
        "Mon 07:30-08:20; Tue 11:30-12:00",
        "Mon 08:55-09:45; Tue 08:55-09:45; Wed 08:35-09:05; Thu 08:55-09:45; Fri 08:55-09:45",
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Mon P1-P3", "Mon 08:00-10:40"),
        ("Mon P1-3", "Mon 08:00-10:40"),
        ("Mon P1 & P3", "Mon 08:00-08:50; Mon 09:50-10:40"),
        ("Mon P1, P2; Tue P3", "Mon 08:00-08:50; Mon 08:55-09:45; Tue 09:50-10:40"),
        ("P3", "Mon 09:50-10:40; Tue 09:50-10:40; Thu 09:50-10:40; Fri 09:50-10:40"),
        ("Mon third period", "Mon 09:50-10:40"),
        ("Mon P1; Mon 08:50-08:55; Mon P2", "Mon 08:00-09:45"),
    ],
)
def test_periods_are_read_in_lists_and_ranges(bells, cell, expected):
    assert free(pm.Schedule.from_bells(bells), cell, school=["North"]) == [expected]


@pytest.mark.parametrize(
    ("cell", "school", "sentence"),
    [
        ("Wed P3", "North", "there is no 'P3' on Wed at North; it is on Mon, Tue, Thu, Fri"),
        ("Mon Lunch", "South", "'Lunch' is no period at South. Did you mean 'Lunch A'"),
        ("Mon P9", "North", "'P9' is no period at North. "),
        ("Mon P1", "Nort", "no bells of the school 'Nort'. Did you mean 'North'"),
        ("Mon P1", "", "the cell of the school is blank"),
        ("Mon P1; P3", "North", "'P3' names no day"),
        ("Mon P3-P1", "North", "ends before it starts on Mon"),
    ],
)
def test_what_the_bells_do_not_know_is_refused_with_the_nearest(bells, cell, school, sentence):
    message = refusal(pm.Schedule.from_bells(bells), cell, school=[school])
    assert sentence in message
    assert "row 0 (id T-0), column free" in message


def test_bells_without_a_school_serve_every_school_without_its_own():
    schedule = pm.Schedule.from_bells(
        {"A": "08:00-08:50", "B": "09:00-09:50; Wed none; Fri 9-9:30"}
    )
    assert free(schedule, "Mon B", "Fri B", school=["X", ""]) == [
        "Mon 09:00-09:50",
        "Fri 09:00-09:30",
    ]
    # Friday is named, so it has only the bells that name it; so has Wednesday, which has none.
    assert "no 'A' on Fri" in refusal(schedule, "Fri A")
    assert "no 'A' on Wed" in refusal(schedule, "Wed A")


def test_bells_by_school_may_be_typed():
    schedule = pm.Schedule.from_bells({"N": {"P1": "8:00-8:50"}, "S": {"P1": "7:00-7:50"}})
    assert free(schedule, "Mon P1", "Mon P1", school=["N", "S"]) == [
        "Mon 08:00-08:50",
        "Mon 07:00-07:50",
    ]


def test_a_number_that_may_be_a_period_or_an_hour_is_refused():
    schedule = pm.Schedule.from_bells({"2": "09:00-09:50", "4": "11:00-11:50"})
    assert free(schedule, "Mon 2", "Mon P4") == ["Mon 09:00-09:50", "Mon 11:00-11:50"]
    assert "may be the periods 2 to 4 or times of day" in refusal(schedule, "Mon 2-4")
    with pytest.raises(pm.ProgramError, match="names a period and may name a slot"):
        pm.Schedule.from_bells({"2": "09:00-09:50"}, slot_minutes=60)


@pytest.mark.parametrize(
    ("bells", "sentence"),
    [
        ({"P1": "08:50-08:00"}, "period P1: '08:50-08:00' ends before it starts"),
        ({"P1": "08:00"}, "needs one start and one end"),
        ({"P1": 8}, "8 are no times"),
        ({"P1": "8-9", "Period 1": "9-10"}, "read as the same period"),
        ({"P1": "8-9; 10-11"}, "is on Mon twice, first at 08:00"),
        ({"P1": "8-9; Wen 8-9"}, "'Wen' is no day of the week"),
        ({}, "there are no periods"),
        (7, "bells cannot be read from a int"),
        (pd.DataFrame({"period": ["P1"], "begin": ["8"]}), "no column start and no column end"),
        (pd.DataFrame({"period": [""], "start": ["8"], "end": ["9"]}), "the period has no name"),
    ],
)
def test_bells_that_cannot_be_used_are_refused(bells, sentence):
    with pytest.raises(pm.ProfileError) as caught:
        pm.Schedule.from_bells(bells)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hours": "7-17"}, "hours '7-17' cannot be read"),
        ({"hours": 7}, "hours 7 cannot be read"),
        ({"slot_minutes": 0}, "slot_minutes is 0"),
        ({"slot_minutes": 2.5}, "slot_minutes is 2.5"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(options, sentence):
    with pytest.raises(pm.ProgramError) as caught:
        pm.Schedule(**options)
    assert sentence in str(caught.value)


def test_what_is_no_schedule_is_refused():
    with pytest.raises(pm.ProgramError, match="no schedule"):
        pm.read_profiles(pd.DataFrame({"id": ["a"]}), schedule={"P1": "8-9"})


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Mon 8AM; Mon noon", "Mon 08:00-09:00; Mon 12:00-13:00"),
        ("Mon 8AM, 9AM", "Mon 08:00-10:00"),
        ("Tue all day", "Tue 07:00-17:00"),
        ("Tue after 3 pm", "Tue 15:00-17:00"),
        ("Tue before 8", "Tue 07:00-08:00"),
        ("unavailable: Mon 8-12; Tue", "Mon 07:00-08:00; Mon 12:00-17:00"),
        ("any time except Mon", "Tue 07:00-17:00"),
        ("not Mon", "Tue 07:00-17:00"),
    ],
)
def test_slots_whole_days_and_what_is_not_free_need_the_schedule(cell, expected):
    schedule = pm.Schedule(hours="Mon-Tue 07:00-17:00", slot_minutes=60)
    assert free(schedule, cell) == [expected]
    assert "Schedule(" in refusal(None, cell)


def test_an_hour_from_1_to_5_without_am_or_pm_is_no_slot():
    assert "'3' may be night or afternoon; write 15:00 or 3 pm" in refusal(
        pm.Schedule(slot_minutes=60), "Mon 3"
    )


def test_a_slot_past_midnight_is_refused():
    assert "run past midnight" in refusal(pm.Schedule(slot_minutes=90), "Mon 11 pm")
