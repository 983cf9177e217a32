"""Files a plan hands out: one calendar a person, legal names, safe cells."""

from __future__ import annotations

import builtins

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.plans.files import dump_csv
from pairmatch.plans.handouts import Handouts
from pairmatch.profiles.formulas import guard_formula, unguard_formula

TERM = {"first_monday": "2027-01-11", "weeks": 18, "timezone": "America/Chicago"}


class Planned(Handouts):
    """A plan with this timetable."""

    def __init__(self, pairs):
        mentees = pd.DataFrame({"id": [a for a, _ in pairs], "name": [f"N {a}" for a, _ in pairs]})
        mentors = pd.DataFrame({"id": sorted({b for _, b in pairs})})
        self.scored = pm.score(
            mentees,
            mentors,
            pm.Program(criteria=[pm.Custom(lambda a, b: 0 * len(a) + _ones(a, b))]),
        )
        self.pairs = pairs

    def timetable(self):
        rows = [("meeting", a, b, f"{a};{b}", "Mon", f"{8 + k:02d}:00", f"{8 + k:02d}:45", 45)
                for k, (a, b) in enumerate(self.pairs)]  # fmt: skip
        columns = ["kind", "mentee", "mentor", "people", "day", "start", "end", "minutes"]
        return pd.DataFrame(rows, columns=columns)


def _ones(a, b):
    import numpy as np

    return np.ones((len(a), len(b)))


def test_everybody_gets_a_calendar_and_the_list_says_which(tmp_path):
    icalendar = pytest.importorskip("icalendar")
    plan = Planned([("T-1", "M-1"), ("T/2", "M-1"), ("t_2", "M;1"), ("con", "..")])
    plan.write_calendars(tmp_path / "out", **TERM)
    listed = pm.read_profiles(tmp_path / "out" / "people.csv")
    assert set(listed.ids) == {"T-1", "T/2", "t_2", "con", "M-1", "M;1", ".."}
    files = listed["file"].tolist()
    assert len({name.casefold() for name in files}) == 7
    assert {path.name for path in (tmp_path / "out" / "people").iterdir()} == {
        name.removeprefix("people/") for name in files
    }
    assert "people/_con.ics" in files
    for person, name in zip(listed.ids, files, strict=True):
        events = icalendar.Calendar.from_ical((tmp_path / "out" / name).read_bytes()).walk("VEVENT")
        assert len(events) == (2 if person == "M-1" else 1)
        assert all(person in str(event["summary"]) for event in events)
    whole = icalendar.Calendar.from_ical((tmp_path / "out" / "plan.ics").read_bytes())
    assert len(whole.walk("VEVENT")) == 4


def test_calendars_of_those_who_left_go_and_files_of_others_stay(tmp_path):
    pytest.importorskip("icalendar")
    Planned([("T-1", "M-1"), ("T-2", "M-1")]).write_calendars(tmp_path, **TERM)
    (tmp_path / "people" / "private.ics").write_text("BEGIN:VCALENDAR\nPRODID:other\n")
    Planned([("T-1", "M-1")]).write_calendars(tmp_path, **TERM)
    names = sorted(path.name for path in (tmp_path / "people").iterdir())
    assert names == ["M-1.ics", "T-1.ics", "private.ics"]


def test_names_are_shown_only_when_asked_for(tmp_path):
    pytest.importorskip("icalendar")
    plan = Planned([("T-1", "M-1")])
    plan.write_calendars(tmp_path, **TERM)
    assert b"N T-1" not in (tmp_path / "plan.ics").read_bytes()
    plan.write_calendars(tmp_path, **TERM, names=True)
    assert b"N T-1\\, M-1" in (tmp_path / "plan.ics").read_bytes()


def test_the_week_is_written_as_a_page(tmp_path):
    pytest.importorskip("jinja2")
    Planned([("T-1", "M-1")]).write_week(tmp_path / "week.html", names=True)
    assert "N T-1, M-1" in (tmp_path / "week.html").read_text(encoding="utf-8")


def test_a_plan_without_meetings_says_how_to_get_them(tmp_path):
    plan = pm.match_scores([[1.0]])
    with pytest.raises(pm.CapabilityError, match=r"Add the rule Meetings\(minutes=45\)"):
        plan.write_week(tmp_path / "week.html")
    with pytest.raises(pm.CapabilityError, match=r"Add the rule Meetings\(minutes=45\)"):
        pm.group_scores(_ones([1] * 3, [1] * 3)).write_calendars(tmp_path, **TERM)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("library", ["icalendar", "jinja2"])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, library):
    real = builtins.__import__

    def missing(name, *more, **options):
        if name.partition(".")[0] == library:
            raise ImportError(name)
        return real(name, *more, **options)

    plan = Planned([("T-1", "M-1")])
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(pm.PairmatchError, match=r"pip install 'pairmatch-mentoring\["):
        plan.write_week(tmp_path / "w.html") if library == "jinja2" else plan.write_calendars(
            tmp_path, **TERM
        )


def test_no_cell_of_a_plan_is_a_formula(tmp_path):
    ids = ["=cmd|'/c calc'!A1", "@SUM(1)", "+1-2", "-2+3", "T-1", "'=quoted", "-7"]
    mentees = pd.DataFrame({"id": ids, "=years": range(7), "goals": ["=1+1; ICT"] * 7})
    mentors = pd.DataFrame({"id": ["M-1"], "max_mentees": [7], "strengths": ["=1+1; ICT"]})
    plan = pm.match(mentees, mentors, pm.Program(criteria=[pm.GoalCoverage()]))
    plan.save(tmp_path)
    for path in tmp_path.glob("*.csv"):
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
        for text in [*raw.columns, *raw.to_numpy().ravel()]:
            assert text[:1] not in "=+@\t\r" or not text, (path.name, text)
            assert text[:1] != "-" or text in {"-7", "-"}, (path.name, text)
    again = pm.read_profiles(tmp_path / "pairs.csv", id_column="mentee")
    assert sorted(again.ids) == sorted(ids)


def test_numbers_stay_numbers():
    frame = pd.DataFrame({"a": [-1.5, 2.0], "b": ["-1", "x"], "c": [-3, 4]})
    assert dump_csv(frame).split() == ["a,b,c", "-1.5,-1,-3", "2.0,x,4"]


@given(st.text(max_size=8) | st.text(alphabet="'=+-@1,\t", max_size=6))
def test_what_is_guarded_comes_back(text):
    assert unguard_formula(guard_formula(text)) == text
    guarded = guard_formula(text)
    assert guarded == text or guarded == f"'{text}"


def test_ids_of_a_group_that_hold_a_semicolon_stay_whole(tmp_path):
    pytest.importorskip("icalendar")
    ids = ["T;1", "T", "a", "b;c", "b;c;d", "e"]
    staff = pd.DataFrame({"id": ids, "subjects": "art", "free": ["Mon 08:00-10:00"] * 6})
    program = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=30)], size=3)
    plan = pm.form_groups(staff, program)
    plan.write_calendars(tmp_path / "out", **TERM)
    listed = pm.read_profiles(tmp_path / "out" / "people.csv")
    assert set(listed.ids) == set(ids)
    pytest.importorskip("jinja2")
    plan.write_week(tmp_path / "week.html")
    page = (tmp_path / "week.html").read_text(encoding="utf-8")
    assert all(f"<h2>{key}</h2>" in page for key in ids)
