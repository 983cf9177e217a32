"""Calendars are parsed back and say what the timetable says, whatever the clocks and names do."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.reports import Term, make_calendars
from pairmatch.reports.terms import make_term
from pairmatch.reports.timezones import find_changes

icalendar = pytest.importorskip("icalendar")

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ZONES = ["America/Chicago", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "UTC"]


def term(**changes):
    options = {"first_monday": "2027-01-11", "weeks": 12, "timezone": "America/Chicago"}
    return make_term(**(options | changes))


def events_of(content):
    return icalendar.Calendar.from_ical(content).walk("VEVENT")


def occurrences(event):
    """Local starts of an event, unrolled apart from the code that wrote it."""
    start = event["dtstart"].dt.replace(tzinfo=None)
    count = event["rrule"]["count"][0] if "rrule" in event else 1
    out = (
        {stamp.dt.replace(tzinfo=None) for stamp in event["exdate"].dts}
        if "exdate" in event
        else ()
    )
    weekly = [start + timedelta(weeks=k) for k in range(count)]
    return [moment for moment in weekly if moment not in out]


def expected(timetable, first_monday, weeks, holidays=()):
    """Every single meeting: local start, minutes, people; counted from the timetable."""
    found = []
    for row in timetable.itertuples():
        for week in range(weeks):
            if row.week == row.week and row.week is not None and row.week != week + 1:
                continue
            day = first_monday + timedelta(days=7 * week + DAYS.index(row.day))
            if day not in holidays:
                moment = datetime.fromisoformat(f"{day} {row.start}:00")
                found.append((moment, row.minutes, tuple(sorted(row.people.split(";")))))
    return sorted(found)


def counted(content, timetable):
    """The same from a calendar file."""
    people_of = {}
    for row in timetable.itertuples():
        people_of[row.people] = tuple(sorted(row.people.split(";")))
    found = []
    for event in events_of(content):
        start, end = (event[key].dt.replace(tzinfo=None) for key in ("dtstart", "dtend"))
        minutes = int((end - start) / timedelta(minutes=1))
        who = next(ids for ids in people_of.values() if all(one in event["summary"] for one in ids))
        found += [(moment, minutes, who) for moment in occurrences(event)]
    return sorted(found)


@pytest.mark.parametrize("zone", ZONES)
def test_files_parsed_back_are_the_timetable_in_local_time(timetable, zone):
    holidays = ["2027-01-18", "2027-03-15/2027-03-19"]
    days = {date(2027, 1, 18), *(date(2027, 3, 15) + timedelta(days=k) for k in range(5))}
    content, people = make_calendars(timetable, term(timezone=zone, holidays=holidays))
    everything = expected(timetable, date(2027, 1, 11), 12, days)
    assert counted(content, timetable) == everything
    for person, own in people.items():
        mine = [entry for entry in everything if person in entry[2]]
        assert counted(own, timetable) == mine
        assert mine
    assert set(people) == {"T-1", "T-2", "T-3", "M-1", "M-2"}


def test_a_meeting_keeps_its_local_time_when_the_clocks_change(timetable):
    content, _ = make_calendars(timetable.iloc[:1], term())
    (event,) = events_of(content)
    zone = zoneinfo.ZoneInfo("America/Chicago")
    assert event["dtstart"].params["tzid"] == "America/Chicago"
    moments = [moment.replace(tzinfo=zone) for moment in occurrences(event)]
    assert {moment.strftime("%H:%M") for moment in moments} == {"07:30"}
    assert len({moment.utcoffset() for moment in moments}) == 2  # 14 March 2027 lies between


@pytest.mark.parametrize("zone", [*ZONES, "Europe/Dublin", "Africa/Casablanca", "America/Phoenix"])
def test_the_rules_of_the_zone_agree_with_the_zone(zone):
    """Offsets by VTIMEZONE, worked out from its onsets, are those of the zone at every hour."""
    value = term(timezone=zone, weeks=52)
    content, _ = make_calendars(_one_row(), value)
    (rules,) = icalendar.Calendar.from_ical(content).walk("VTIMEZONE")
    onsets = sorted(
        (part["dtstart"].dt - part["tzoffsetfrom"].td, part["tzoffsetto"].td)
        for part in rules.subcomponents
    )
    tz, utc = zoneinfo.ZoneInfo(zone), zoneinfo.ZoneInfo("UTC")
    for hour in range(0, 52 * 7 * 24, 1):
        moment = datetime(2027, 1, 11) + timedelta(hours=hour)
        offset = [to for onset, to in onsets if onset <= moment][-1]
        assert moment.replace(tzinfo=utc).astimezone(tz).utcoffset() == offset
    assert len(find_changes(value)) == len(onsets)


def _one_row():
    import pandas as pd

    columns = ["kind", "people", "day", "start", "end"]
    return pd.DataFrame([["meeting", "a;b", "Mon", "08:00", "08:30"]], columns=columns)


def test_names_inject_nothing(timetable):
    evil = 'Ana\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:fake\x00\u2028x, y; z\\n "q"'
    content, people = make_calendars(
        timetable, term(), names={"T-1": evil, "M-1": "B\nBEGIN:VALARM"}, title="A\r\nX-EVIL:1"
    )
    assert len(events_of(content)) == len(timetable)
    for one in (content, people["T-1"]):
        lines = one.replace(b"\r\n ", b"").split(b"\r\n")
        assert not {b"SUMMARY:fake", b"BEGIN:VALARM", b"X-EVIL:1"} & set(lines)
        assert lines.count(b"BEGIN:VEVENT") == one.count(b"\r\nBEGIN:VEVENT\r\n")
        assert all(len(line) <= 75 for line in one.split(b"\r\n"))
        assert not any(byte < 32 for line in lines for byte in line)
    first = events_of(people["T-1"])[0]
    assert 'Ana END:VEVENT BEGIN:VEVENT SUMMARY:fake x, y; z\\n "q"' in str(first["summary"])


def uids(content):
    return [str(event["uid"]) for event in events_of(content)]


def test_a_run_again_updates_and_doubles_nothing(timetable):
    before, _ = make_calendars(timetable, term())
    assert before == make_calendars(timetable, term())[0]
    moved = timetable.assign(day=["Fri", "Wed", "Sun", "Tue", "Tue"], week=[None] * 3 + [5, 5])
    after, _ = make_calendars(moved, term(), revision=1)
    assert uids(after) == uids(before)
    assert len(set(uids(before))) == len(timetable)
    old, new = events_of(before)[0], events_of(after)[0]
    assert (old["sequence"], new["sequence"]) == (0, 1)
    assert new["dtstamp"].dt > old["dtstamp"].dt
    assert new["dtstart"].dt - old["dtstart"].dt == timedelta(days=4)
    other, _ = make_calendars(timetable, term(), title="Next year")
    assert not set(uids(other)) & set(uids(before))


def test_two_meetings_of_the_same_people_are_two_events(timetable):
    twice = timetable.iloc[[0, 0]].assign(day=["Mon", "Thu"])
    content, people = make_calendars(twice, term())
    assert len(set(uids(content))) == 2
    assert uids(people["T-1"]) == uids(content)


def test_what_happens_once_on_a_holiday_is_left_out_with_a_warning(timetable):
    with pytest.warns(pm.PairmatchWarning, match=r"2 entries fall on holidays only.*T-1, M-1"):
        content, people = make_calendars(timetable, term(holidays=["2027-01-26"]))
    assert len(events_of(content)) == 3
    assert len(events_of(people["M-1"])) == 2


def test_groups_have_one_event_for_all_members():
    import pandas as pd

    frame = pd.DataFrame(
        [["meeting", 1, "a;b;c", "Mon", "08:00", "08:30", 30, "either"]],
        columns=["kind", "group", "people", "day", "start", "end", "minutes", "modality"],
    )
    _, people = make_calendars(frame, term())
    assert set(people) == {"a", "b", "c"}
    assert len({content.replace(b"Coaching a", b"").replace(b"Coaching b", b"").replace(
        b"Coaching c", b"") for content in people.values()}) == 1  # fmt: skip
    assert "group 1" in str(events_of(people["a"])[0]["description"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"first_monday": "2027-01-13"}, "a Wednesday. Write 2027-01-11, the Monday"),
        ({"first_monday": "13.1.2027"}, "first week: '13.1.2027' is no date"),
        ({"first_monday": None}, "first week: None is no date"),
        ({"weeks": 0}, "0 is no number of weeks. Write a whole number from 1 to 104"),
        ({"weeks": 2.5}, "2.5 is no number of weeks"),
        ({"timezone": "America/Chigaco"}, "Did you mean 'America/Chicago'?"),
        ({"timezone": "CST"}, "'CST' is no time zone"),
        ({"timezone": "../../etc/passwd"}, "is no time zone"),
        ({"timezone": ""}, "'' is no time zone"),
        ({"holidays": ["2027-02-30"]}, "holidays: '2027-02-30' is no date"),
        ({"holidays": ["2027-03-19/2027-03-15"]}, "no stretch of days"),
    ],
)
def test_a_term_that_cannot_be_is_refused_with_the_fix(changes, sentence):
    with pytest.raises(pm.ProgramError) as caught:
        term(**changes)
    assert sentence in str(caught.value)


def test_a_computer_without_time_zones_says_what_to_install(monkeypatch):
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(pm.ProgramError, match="pip install tzdata"):
        term(timezone="Nowhere/Town")


def test_faults_of_a_timetable_are_named_by_row(timetable):
    with pytest.raises(pm.ProgramError, match="lacks kind"):
        make_calendars(timetable.drop(columns="kind"), term())
    spoiled = timetable.assign(
        day=["Mo", "Wed", "Sun", "Tue", "Tue"], end=["08:15", "15:00", *"aaa"]
    )
    with pytest.raises(pm.ProgramError) as caught:
        make_calendars(spoiled, term())
    assert [fault.where for fault in caught.value.faults] == [
        f"row {k} of the timetable" for k in range(5)
    ]
    with pytest.raises(pm.ProgramError, match="week 3; the term has 2"):
        make_calendars(timetable, term(weeks=2))
    with pytest.raises(pm.ProgramError, match="revision is -1"):
        make_calendars(timetable, term(), revision=-1)


_times = st.integers(0, 1439).flatmap(
    lambda start: st.tuples(st.just(start), st.integers(start + 1, 1440))
)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(DAYS), _times), min_size=1, max_size=4),
    st.sampled_from(ZONES),
    st.integers(0, 60),
    st.integers(1, 20),
    st.sets(st.integers(0, 140), max_size=12),
)
def test_any_week_in_any_term_comes_back(slots, zone, week, weeks, free):
    import pandas as pd

    monday = date(2027, 1, 4) + timedelta(weeks=week)
    holidays = {monday + timedelta(days=k) for k in free}
    rows = [
        ("meeting", f"x{k};y{k}", day, f"{a // 60:02d}:{a % 60:02d}", f"{b // 60:02d}:{b % 60:02d}",
         b - a, None)
        for k, (day, (a, b)) in enumerate(slots)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["kind", "people", "day", "start", "end", "minutes", "week"])
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content, _ = make_calendars(frame, Term(monday, weeks, zone, frozenset(holidays)))
    assert counted(content, frame) == expected(frame, monday, weeks, holidays)
