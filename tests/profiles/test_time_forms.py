"""Grids of forms, slot matrices and what is not free become plain windows, or a named error."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.profiles.week import DAYS, merge_windows

HOURS = pm.Schedule(hours="Mon-Tue 08:00-12:00", slot_minutes=60)


def read(columns, schedule=None):
    n = max(map(len, columns.values()))
    table = {"id": [f"T-{k}" for k in range(n)], **columns}
    return pm.read_profiles(pd.DataFrame(table), schedule=schedule)


def refusal(columns, schedule=None):
    with pytest.raises(pm.ProfileError) as caught:
        read(columns, schedule)
    return str(caught.value)


def test_a_grid_of_days_holds_slots_or_windows():
    people = read(
        {
            "When are you free? [Monday]": ["8AM;9AM;noon", "", "10:00-11:00, 11:00-11:30"],
            "When are you free? [Tuesday]": ["", "", "none"],
        },
        HOURS,
    )
    assert people.texts("free").tolist() == [
        "Mon 08:00-10:00; Mon 12:00-13:00",
        "",
        "Mon 10:00-11:30",
    ]
    assert people.columns == ("id", "free")
    assert people.windows("free")[1] is None


def test_a_matrix_of_slots_holds_ticks():
    people = read(
        {
            "Available [Mon 8:00-9:00]": ["x", "", "no", "0"],
            "Available [Mon 9:00-10:00]": ["Yes", "", "Available", "0"],
            "Available [Wed 3-4 pm]": ["\u2713", "", "unavailable", "0"],
        }
    )
    assert people.texts("free").tolist() == [
        "Mon 08:00-10:00; Wed 15:00-16:00",
        "",
        "Mon 09:00-10:00",
        "none",
    ]


def test_a_grid_of_times_holds_days():
    people = read({"Times you are available: [8:00-9:00]": ["Monday;Wed", "Tue, Thu", "", "Fri"]})
    assert people.texts("free").tolist() == [
        "Mon 08:00-09:00; Wed 08:00-09:00",
        "Tue 08:00-09:00; Thu 08:00-09:00",
        "",
        "Fri 08:00-09:00",
    ]


def test_plain_headers_and_periods_are_grids_too():
    schedule = pm.Schedule.from_bells({"P1": "08:00-08:50", "P2": "08:50-09:40"})
    people = read(
        {"free_mon_p1": ["1", "0"], "free_mon_p2": ["1", "1"], "Teaching: Tue P1": ["x", ""]},
        schedule,
    )
    assert people.texts("free").tolist() == ["Mon 08:00-09:40", "Mon 08:50-09:40"]
    assert people.texts("teaching").tolist() == ["Tue 08:00-08:50", ""]


def test_unavailable_slots_leave_the_rest_of_what_was_asked():
    grid = {
        "When can't you meet? [Mon 8:00-9:00]": ["x", ""],
        "When can't you meet? [Mon 9:00-10:00]": ["", ""],
    }
    assert read(grid).texts("free").tolist() == ["Mon 09:00-10:00", ""]
    assert read(grid, HOURS).texts("free").tolist() == [
        "Mon 09:00-12:00; Tue 08:00-12:00",
        "",
    ]


def test_unavailable_days_need_the_hours():
    grid = {"When are you unavailable? [Monday]": ["8AM, 9AM", "x", ""]}
    assert read(grid, HOURS).texts("free").tolist() == [
        "Mon 10:00-12:00; Tue 08:00-12:00",
        "Tue 08:00-12:00",
        "",
    ]
    assert "Schedule(hours=" in refusal({"When are you unavailable? [Monday]": ["x"]})


def test_a_column_unavailable_is_taken_away():
    columns = {"unavailable": ["Mon 8:00-9:00; Tue", "none", "", "Mon 9-10"]}
    assert read(columns, HOURS).texts("free").tolist() == [
        "Mon 09:00-12:00",
        "Mon 08:00-12:00; Tue 08:00-12:00",
        "",
        "Mon 08:00-09:00; Mon 10:00-12:00; Tue 08:00-12:00",
    ]
    assert "Schedule(hours=" in refusal(columns)
    both = columns | {"free": ["Mon 8-12", "Mon 8-9", "Tue 8-9", "none"]}
    assert read(both).texts("free").tolist() == ["Mon 09:00-12:00", "Mon 08:00-09:00", "Tue 8-9",
                                                 "none"]  # fmt: skip


def test_a_column_of_another_meaning_keeps_its_name():
    people = read({"unavailable": ["sick", "on leave"]})
    assert people.columns == ("id", "unavailable")


def test_every_cell_that_is_no_answer_is_named_with_its_question():
    message = refusal(
        {
            "Are you free? [Mon 8:00-9:00]": ["maybe", "x"],
            "Are you free? [Mon 9:00-10:00]": ["x", "2"],
        }
    )
    assert "row 0 (id T-0), column free: 'Are you free? [Mon 8:00-9:00]': 'maybe'" in message
    assert "row 1 (id T-1), column free: 'Are you free? [Mon 9:00-10:00]': '2'" in message


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"Free or teaching? [Mon 8-9]": ["x"]}, "speaks of teaching and of free"),
        ({"Free? [Monday]": ["8-9"], "Free? [Other]": [""]}, "'Other' is no day and no time"),
        ({"Free? [Monday]": ["8-9"], "free": ["Tue 8-9"]}, "the same is asked in 'Free? [Monday]'"),
        ({"Free? [Monday]": ["8AM"]}, "Schedule(slot_minutes=60)"),
        ({"Free? [8:00-9:00]": ["x"]}, "names no day"),
    ],
)
def test_ambiguous_grids_are_refused_with_the_fix(columns, sentence):
    assert sentence in refusal(columns)


def test_a_grid_that_does_not_say_what_is_asked_is_left_with_a_warning():
    with pytest.warns(pm.PairmatchWarning, match=r"Write 'free \[Monday\]' in the header"):
        people = read({"Monday": ["8-9"], "Tuesday": [""]})
    assert people.columns == ("id", "Monday", "Tuesday")


def test_honest_columns_are_no_grids():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        people = read(
            {
                "free lunch": ["yes"],
                "Teaching [Math]": ["x"],
                "available": ["Mon 8-9"][:0] or [""],
                "Month": ["Jan"],
                "2": ["1"],
            }
        )
    assert "free lunch" in people
    assert "Teaching [Math]" in people
    assert "free" not in people


def test_bare_early_hours_in_a_grid_are_doubted():
    with pytest.warns(pm.PairmatchWarning, match="times of the night"):
        people = read({"Free? [Monday]": ["3-4"]})
    assert people.texts("free").tolist() == ["Mon 03:00-04:00"]


def test_plain_cells_stay_as_written_and_are_read_once_more_the_same():
    schedule = pm.Schedule(hours="Mon-Fri 8-16", slot_minutes=30)
    people = read({"free": ["Monday 8-9", "Mon 8AM", ""]}, schedule)
    assert people.texts("free").tolist() == ["Monday 8-9", "Mon 08:00-08:30", ""]
    again = pm.read_profiles(people.to_frame())
    assert again.windows("free") == people.windows("free")


_slots = [(day, hour) for day in ("Mon", "Wed", "Sun") for hour in (7, 8, 9, 12, 23)]


@given(st.lists(st.sets(st.sampled_from(_slots)), min_size=1, max_size=4), st.booleans())
def test_a_matrix_means_the_minutes_of_its_ticks(people, opposite):
    """Every slot a column, ``1`` or ``0``; asked the other way round, the rest of the slots."""
    word = "Unavailable" if opposite else "Free"
    table = {
        f"{word} [{day} {hour}:00-{hour + 1}:00]": [str(int((day, hour) in own)) for own in people]
        for day, hour in _slots
    }
    found = read(table).windows("free")
    for own, windows in zip(people, found, strict=True):
        meant = set(_slots) - own if opposite else own
        minutes = {DAYS.index(day) * 1440 + hour * 60 + k for day, hour in meant for k in range(60)}
        assert {m for start, end in windows for m in range(start, end)} == minutes
        assert merge_windows(windows) == windows


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6)), min_size=1, max_size=6),
    st.sets(st.integers(0, 4), max_size=2),
    st.integers(0, 9),
)
def test_periods_mean_the_minutes_of_their_bells(lessons, special, late):
    """Bells by a formula: period p at 8:00 + 50 minutes each, on special days 40 minutes each."""

    def bell(day, period):
        length = 40 if day in special else 50
        start = 480 + late + (period - 1) * length
        return start, start + length - late

    def text(span):
        return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in span)

    ordinary = next(day for day in range(7) if day not in special)
    rows = [("", f"P{p}", *text(bell(ordinary, p)).split("-")) for p in range(1, 7)]
    rows += [(DAYS[d], f"P{p}", *text(bell(d, p)).split("-")) for d in special for p in range(1, 7)]
    bells = pd.DataFrame(rows, columns=["day", "period", "start", "end"])
    cell = "; ".join(f"{DAYS[day]} P{period}" for day, period in lessons)
    (windows,) = read({"free": [cell]}, pm.Schedule.from_bells(bells)).windows("free")
    minutes = {day * 1440 + m for day, period in lessons for m in range(*bell(day, period))}
    assert {m for start, end in windows for m in range(start, end)} == minutes
