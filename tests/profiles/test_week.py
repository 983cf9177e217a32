"""The weekly grid against a minute-by-minute oracle, and the ways people write times."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.profiles.bells import Schedule
from pairmatch.profiles.phrases import is_doubtful, make_windows_parser, parse_windows
from pairmatch.profiles.spans import common_windows, cut_windows
from pairmatch.profiles.week import (
    DAY_MINUTES,
    DAYS,
    WEEK_MINUTES,
    can_start,
    candidate_starts,
    format_minute,
    format_windows,
    merge_windows,
    start_bits,
    unpack_starts,
)


def at(day: str, start: str, end: str) -> tuple[int, int]:
    """Minutes of the week of one window, computed apart from the parser."""
    midnight = DAYS.index(day) * DAY_MINUTES

    def minute(text: str) -> int:
        hour, minutes = text.split(":")
        return midnight + int(hour) * 60 + int(minutes)

    return minute(start), minute(end)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon 07:30-08:15; Wed 15:30-16:30", [("Mon", "7:30", "8:15"), ("Wed", "15:30", "16:30")]),
        ("monday 8:00-9:00", [("Mon", "8:00", "9:00")]),
        ("TUES 8.00 - 9.05", [("Tue", "8:00", "9:05")]),
        ("Thurs. 08:00\u201309:00", [("Thu", "8:00", "9:00")]),
        ("Fri 08:00\u201409:00\nSun 10:00\u221211:00", [("Fri", "8:00", "9:00"),
                                                        ("Sun", "10:00", "11:00")]),
        ("Sat: 8-9", [("Sat", "8:00", "9:00")]),
        ("Wednesdays 8:00 to 9:00", [("Wed", "8:00", "9:00")]),
        ("Mon from 8:00 until 9:00", [("Mon", "8:00", "9:00")]),
        ("Mon 08:00:00-09:00:00", [("Mon", "8:00", "9:00")]),
        ("Mon 2:30 pm - 3 pm", [("Mon", "14:30", "15:00")]),
        ("Mon 2:30-3 pm", [("Mon", "14:30", "15:00")]),
        ("Mon 2 p.m.-3 p.m.", [("Mon", "14:00", "15:00")]),
        ("Mon 11-1pm", [("Mon", "11:00", "13:00")]),
        ("Mon 11 am - 1", [("Mon", "11:00", "13:00")]),
        ("Mon 8-12 PM", [("Mon", "8:00", "12:00")]),
        ("Mon 12:00 PM-12:45 PM", [("Mon", "12:00", "12:45")]),
        ("Mon 12 AM-1 AM", [("Mon", "0:00", "1:00")]),
        ("Mon noon-1 pm", [("Mon", "12:00", "13:00")]),
        ("Mon 9:00-12 noon", [("Mon", "9:00", "12:00")]),
        ("Mon midnight-1:00", [("Mon", "0:00", "1:00")]),
        ("Mon 10 pm-midnight", [("Mon", "22:00", "24:00")]),
        ("Mon 10 pm-12 am", [("Mon", "22:00", "24:00")]),
        ("Mon 22:00-24:00", [("Mon", "22:00", "24:00")]),
        ("Mon-Wed 8:00-9:00", [(day, "8:00", "9:00") for day in ("Mon", "Tue", "Wed")]),
        ("Mon,Wed 07:30-08:15", [("Mon", "7:30", "8:15"), ("Wed", "7:30", "8:15")]),
        ("Mon/Thu & Fri 07:30-08:15", [(day, "7:30", "8:15") for day in ("Mon", "Thu", "Fri")]),
        ("Mon 8:00-9:00, 10:00-11:00", [("Mon", "8:00", "9:00"), ("Mon", "10:00", "11:00")]),
        ("Mon-Tue 8:00-10:00; not Tue 8-9", [("Mon", "8:00", "10:00"), ("Tue", "9:00", "10:00")]),
        ("Mon 0800-0915 and 1015-1100", [("Mon", "8:00", "9:15"), ("Mon", "10:15", "11:00")]),
        ("Mon between 8 and 9 and 10-11", [("Mon", "8:00", "9:00"), ("Mon", "10:00", "11:00")]),
        ("Mon to Tue 8a-9a", [("Mon", "8:00", "9:00"), ("Tue", "8:00", "9:00")]),
        ("Mon (8:00-9:00)", [("Mon", "8:00", "9:00")]),
        ("on Mondays between 8 am to 9 am", [("Mon", "8:00", "9:00")]),
        ("Fri Before school (7:30-8:15)", [("Fri", "7:30", "8:15")]),
        ("weekdays 7-8", [(day, "7:00", "8:00") for day in DAYS[:5]]),
        ("Mon 8:00-9:00, Tue 10:00-11:00,", [("Mon", "8:00", "9:00"), ("Tue", "10:00", "11:00")]),
    ],
)  # fmt: skip
def test_windows_are_read_as_people_write_them(text, expected):
    assert parse_windows(text) == tuple(at(*window) for window in expected)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Mon 25:00-26:00", "'25:00' is no time of day; expected 00:00 to 24:00"),
        ("Mon 08:60-09:00", "'08:60' is no time of day; expected 00:00 to 24:00"),
        ("Mon 24:30-25:00", "'24:30' is no time of day"),
        ("Mon 13:30 pm-14:00 pm", "'13:30 pm' is no time of day; expected 1:00 to 12:59"),
        ("Mon 09:00-08:00", "ends before it starts"),
        ("Mon 22:00-00:00", "at most 24:00"),
        ("Mon 08:00-08:00", "starts and ends at the same time"),
        ("Mon 24:00-24:00", "a window cannot start there"),
        ("Mon 10-12 am", "can be read in two ways"),
        ("Someday 08:00-09:00", "'Someday' is no day of the week; expected Mon, Tue"),
        ("M 08:00-09:00", "'M' is no day of the week"),
        ("Monday afternoon", "'afternoon' is no day of the week"),
        ("Fri-Mon 08:00-09:00", "no range of days from Mon to Sun"),
        ("08:00-09:00", "names no day"),
        ("Mon 08:00-09:00; 10:00-11:00", "names no day"),
        ("Mon", "'Mon' has no time"),
        ("Mon, Tue; Wed 08:00-09:00", "'Tue' has no time"),
        ("Mon 08:00", "needs one start and one end"),
        ("Mon 08:00-09:00-10:00", "needs one start and one end"),
        ("Mon 08:00-09:00 Tue 08:00-09:00", "needs one start and one end"),
        ("Mon 12-1", "write 13:00 if the afternoon is meant"),
        ("M-F 8:00-9:00", "'M-F' is no day of the week; write Mon-Fri"),
        ("Mo 8:00-9:00; Di 9-10", "'Di' is no English day of the week; write Tue if that"),
        ("MWF 8:00-9:00", "write Mon, Wed, Fri if that is meant"),
        ("daily 8:00-9:00", "may be five days or seven"),
        ("Mon P3", "'P3' may be a period; say when it is: Schedule.from_bells"),
        ("Mon 8AM", "say how long a slot lasts: Schedule(slot_minutes=60)"),
        ("Mon after 3 pm", "say when people may meet at all: Schedule(hours="),
        ("not Mon 8-9; Tue 9-10", "can be read in two ways"),
        ("unavailable Mon 8-9; not Tue 9-10", "says 'not' twice"),
        ("Mon maybe (8:00-9:00)", "needs one start and one end"),
        ("Mon: 8-9 Tue: 9-10", "such as Mon 07:30-08:15; separate windows by"),
        ("8-9 Mon", "Mon 07:30-08:15, the day first"),
        ("Mon 0860-0900", "'0860' is no time of day"),
        ("Mon depends", "'depends' is no day of the week and no time of day"),
        ("Mon 8:5-9:00", "needs one start and one end"),
        ("Mon 08:00-09:00 hall", "needs one start and one end"),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_windows(text)
    assert sentence in str(caught.value)


def test_adjacent_and_overlapping_windows_are_one_even_over_midnight():
    assert parse_windows("Mon 08:00-09:00; Mon 09:00-10:00; Mon 09:30-11:00") == (
        at("Mon", "8:00", "11:00"),
    )
    assert parse_windows("Mon 23:00-24:00; Tue 00:00-01:00") == ((1380, 1500),)


def test_none_is_no_window_at_all():
    assert parse_windows("none") == parse_windows(" \u2013 ") == parse_windows("-") == ()


def test_minutes_and_windows_are_written_back():
    assert format_minute(450) == ("Mon", "07:30")
    assert format_minute(WEEK_MINUTES - 1) == ("Sun", "23:59")
    assert format_windows(()) == "none"
    assert format_windows([(WEEK_MINUTES - 30, WEEK_MINUTES)]) == "Sun 23:30-24:00"
    with pytest.raises(ValueError, match="no minute of the week"):
        format_minute(WEEK_MINUTES)


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("Mon 3:30-4:30", True),
        ("Mon 08:00-09:00; Mon 1-2", True),
        ("Mon 03:30-04:30", False),
        ("Mon 3:30-4:30 am", False),
        ("Mon 3:30-4:30 pm", False),
        ("Mon 15:30-16:30", False),
    ],
)
def test_only_bare_early_hours_are_doubtful(text, doubtful):
    assert is_doubtful(text, parse_windows(text)) is doubtful


def test_a_meeting_of_no_length_is_refused():
    with pytest.raises(ValueError, match="at least one minute"):
        can_start([((0, 10),)], [0], minutes=0)


def test_starts_may_come_in_any_order_and_twice():
    free = can_start([((100, 160),), (), None], [130, 100, 90, 130], minutes=30)
    assert free.tolist() == [[True, True, False, True], [False] * 4, [False] * 4]


def test_no_windows_give_no_starts_and_nobody_is_free():
    starts = candidate_starts([None, ()], [])
    assert starts.dtype == np.int64
    assert starts.size == 0
    assert can_start([None, ()], starts, minutes=5).shape == (2, 0)


# Short windows near the first two midnights: merging, day borders and equal ends all happen.
_raw_windows = st.lists(
    st.tuples(st.integers(1400, 1480), st.integers(1, 40)).map(lambda w: (w[0], w[0] + w[1])),
    max_size=5,
)


def minutes_of(windows) -> set[int]:
    """Every single minute that the windows cover."""
    return {minute for start, end in windows for minute in range(start, end)}


@given(_raw_windows)
def test_merging_keeps_exactly_the_minutes_and_leaves_gaps(windows):
    merged = merge_windows(windows)
    assert minutes_of(merged) == minutes_of(windows)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@given(_raw_windows)
def test_what_is_written_is_read_back_the_same(windows):
    merged = merge_windows(windows)
    assert parse_windows(format_windows(merged)) == merged
    assert minutes_of(parse_windows(format_windows(windows))) == minutes_of(windows)


@settings(max_examples=60)
@given(st.lists(st.none() | _raw_windows, min_size=1, max_size=4), st.integers(1, 30))
def test_who_can_start_agrees_with_counting_minutes(people, minutes):
    tables = [None if own is None else merge_windows(own) for own in people]
    starts = np.arange(1390, 1530)
    covered = [minutes_of(own or ()) for own in people]
    expected = [
        [all(t + k in own for k in range(minutes)) for t in starts.tolist()] for own in covered
    ]
    assert can_start(tables, starts, minutes).tolist() == expected


@settings(max_examples=60)
@given(st.lists(_raw_windows, min_size=2, max_size=3), st.integers(1, 30))
def test_candidate_starts_miss_no_joint_meeting(people, minutes):
    tables = [merge_windows(own) for own in people]
    joint = set.intersection(*[minutes_of(own) for own in people])
    possible = any(all(t + k in joint for k in range(minutes)) for t in joint)
    starts = candidate_starts(tables[:1], tables[1:])
    assert can_start(tables, starts, minutes).all(axis=0).any() == possible


# Any minutes of the week, so that merging, day borders and the end of Sunday all happen.
_week_windows = st.lists(
    st.tuples(st.integers(0, WEEK_MINUTES - 1), st.integers(1, 600)).map(
        lambda w: (w[0], min(WEEK_MINUTES, w[0] + w[1]))
    ),
    max_size=6,
)


@given(st.lists(_week_windows, max_size=3))
def test_intersections_are_the_minutes_in_all(tables):
    joint = common_windows(*tables)
    expected = set(range(WEEK_MINUTES)).intersection(*[minutes_of(own) for own in tables])
    assert minutes_of(joint) == expected
    assert merge_windows(joint) == joint


@given(_week_windows, _week_windows)
def test_differences_are_the_minutes_in_one_only(windows, taken):
    rest = cut_windows(windows, taken)
    assert minutes_of(rest) == minutes_of(windows) - minutes_of(taken)
    assert merge_windows(rest) == rest


@settings(max_examples=25)
@given(st.lists(st.none() | _week_windows, min_size=1, max_size=3), st.integers(1, 120))
def test_bits_are_the_starts_at_which_all_are_free(people, minutes):
    tables = [None if own is None else merge_windows(own) for own in people]
    bits = start_bits(tables, minutes)
    assert bits.shape == (len(people), WEEK_MINUTES // 8)
    joint = set(range(WEEK_MINUTES)).intersection(*[minutes_of(own or ()) for own in people])
    # A start is good if no minute of the meeting is missing: the gaps say which starts are not.
    gaps = sorted(set(range(WEEK_MINUTES + minutes)) - joint)
    bad = {gap - k for gap in gaps for k in range(minutes)}
    expected = sorted(set(range(WEEK_MINUTES)) - bad)
    found = unpack_starts(np.bitwise_and.reduce(bits, axis=0))
    assert found.tolist() == expected


@st.composite
def _phrases(draw):
    """A phrase about one day or several, and the minutes it means, counted one by one."""
    days = draw(st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True))
    start, end = sorted(draw(st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True)))
    style = draw(st.sampled_from(["24", "12", "dots"]))

    def clock(minute):
        hour, rest = divmod(minute, 60)
        if style == "12" and minute < 1440:
            return f"{(hour - 1) % 12 + 1}:{rest:02d} {'am' if hour < 12 else 'PM'}"
        return f"{hour:02d}{'.' if style == 'dots' else ':'}{rest:02d}"

    dash = draw(st.sampled_from(["-", " - ", "\u2013", "\u2212", " to ", " until "]))
    if style == "12" and end == 1440:
        dash, end = "-", 1439
    if start >= end:
        start = end - 1
    long = ["Monday", "tuesday", "Weds", "Thurs.", "FRIDAY", "Sat", "Sun"]
    names = draw(st.sampled_from([DAYS, [day.upper() for day in DAYS], long]))
    joint = draw(st.sampled_from(["/", " & ", ", ", " and ", " "]))
    text = f"{joint.join(names[day] for day in days)} {clock(start)}{dash}{clock(end)}"
    return text, {day * DAY_MINUTES + minute for day in days for minute in range(start, end)}


@settings(max_examples=150)
@given(st.lists(_phrases(), min_size=1, max_size=3), st.sampled_from(["; ", "\n", ";\r\n"]))
def test_phrases_mean_the_minutes_that_were_counted(phrases, separator):
    text = separator.join(phrase for phrase, _ in phrases)
    assert minutes_of(parse_windows(text)) == set().union(*[minutes for _, minutes in phrases])


@given(_phrases(), _phrases())
def test_not_and_unavailable_mean_the_other_minutes(free, taken):
    assert minutes_of(parse_windows(f"{free[0]}; not {taken[0]}")) == free[1] - taken[1]
    hours = Schedule(hours="Mon-Sun 00:00-24:00").vocabulary("")
    rest = make_windows_parser(hours)(f"unavailable: {free[0]}; {taken[0]}")
    assert minutes_of(rest) == set(range(WEEK_MINUTES)) - free[1] - taken[1]


def test_days_may_be_written_with_two_letters():
    assert parse_windows("Mo 8-9; tu/we 9-10; Th-Fr 10-11; Sa, Su 11-12") == parse_windows(
        "Mon 8-9; Tue/Wed 9-10; Thu-Fri 10-11; Sat, Sun 11-12"
    )
