"""Bells, hours and calendars as options: refused before the work, written after it."""

import pytest

BELLS = "school,day,period,start,end\nN,,P1,08:00,08:50\nN,,P2,09:00,09:50\nN,Wed,P1,8:00,8:40\n"


@pytest.fixture
def sheets(tmp_path):
    (tmp_path / "bells.csv").write_text(BELLS, encoding="utf-8")
    (tmp_path / "a.csv").write_text("id,school,free\nT-1,N,Mon P1; Wed P1\nT-2,N,Tue P2\n")
    (tmp_path / "b.csv").write_text("id,school,free,max_mentees\nM-1,N,Mon-Fri P1; Tue P2,2\n")
    return tmp_path / "a.csv", tmp_path / "b.csv"


def test_bells_make_periods_times(run, sheets, tmp_path):
    done = run("check", *sheets, "--bells", tmp_path / "bells.csv")
    assert done.returncode == 0, done.stderr
    assert "The tables can be used." in done.stdout
    without = run("check", *sheets)
    assert without.returncode == 2
    assert "--bells FILE" in without.stderr
    assert "row 2 (id T-1), column free" in without.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--calendars",), "--first-week is missing. For example --first-week 2027-01-11"),
        (("--weeks", 3, "--timezone", "UTC"), "--first-week is missing"),
        (
            ("--first-week", "2027-01-13", "--weeks", 3, "--timezone", "UTC"),
            "a Wednesday. Write 2027-01-11",
        ),
        (("--first-week", "2027-01-11", "--weeks", 3, "--timezone", "CST"), "is no time zone"),
        (("--hours", "7-17"), "hours '7-17' cannot be read"),
        (("--slot-minutes", 0), "slot_minutes is 0"),
        (("--bells", "gone.csv"), "there is no file gone.csv"),
    ],
)
def test_what_cannot_be_written_or_read_is_said_before_the_work(
    run, sheets, tmp_path, options, says
):
    done = run("match", *sheets, "--out", tmp_path / "plan", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "first_monday" not in done.stderr
    assert not (tmp_path / "plan" / "pairs.csv").exists()


def test_calendars_need_a_folder(run, sheets):
    done = run("match", *sheets, "--page")
    assert done.returncode == 2
    assert "Add --out FOLDER" in done.stderr


def test_groups_with_meetings_get_calendars_and_a_page(run, tmp_path):
    icalendar = pytest.importorskip("icalendar")
    pytest.importorskip("jinja2")
    (tmp_path / "bells.csv").write_text(BELLS, encoding="utf-8")
    rows = [f"T-{k},Name {k},N,Mon P1; Wed P1; Tue P2,{k}" for k in range(6)]
    (tmp_path / "staff.csv").write_text("id,name,school,free,years\n" + "\n".join(rows))
    (tmp_path / "p.toml").write_text(
        'size = 3\n[[criteria]]\nkind = "CommonTime"\nminutes = 40\n'
        '[[constraints]]\nkind = "Meetings"\nminutes = 40\n'
    )
    out = tmp_path / "plan"
    done = run(
        "groups", tmp_path / "staff.csv", "--program", tmp_path / "p.toml", "--out", out,
        "--bells", tmp_path / "bells.csv", "--calendars", "--page", "--names", "--revision", 2,
        "--first-week", "2027-01-11", "--weeks", 4, "--timezone", "America/Chicago",
        "--holidays", "2027-01-18,2027-01-26/2027-01-27",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "timetable.csv").exists()
    calendar = icalendar.Calendar.from_ical((out / "calendars" / "plan.ics").read_bytes())
    events = calendar.walk("VEVENT")
    assert len(events) == 2
    for event in events:
        start, end = event["dtstart"].dt, event["dtend"].dt
        assert (end - start).total_seconds() == 40 * 60
        assert "Name " in str(event["summary"])
        assert event["sequence"] == 2
        assert event["rrule"]["count"] == [4]
        assert len(event["exdate"].dts) == 1
    assert len(list((out / "calendars" / "people").iterdir())) == 6
    assert "Name 3" in (out / "week.html").read_text(encoding="utf-8")


def test_calendars_of_an_earlier_plan_are_pointed_at_and_written_anew_when_asked(
    run, sheets, tmp_path
):
    icalendar = pytest.importorskip("icalendar")
    (tmp_path / "p.toml").write_text(
        '[[criteria]]\nkind = "CommonTime"\nminutes = 40\n'
        '[[constraints]]\nkind = "Meetings"\nminutes = 40\n'
    )
    bells = "--bells", tmp_path / "bells.csv"
    out = tmp_path / "plan"
    term = "--first-week", "2027-01-11", "--weeks", 4, "--timezone", "America/Chicago"
    done = run("match", *sheets, "--program", tmp_path / "p.toml", *bells, "--out", out, *term)
    assert done.returncode == 0, done.stderr
    assert "earlier plan" not in done.stderr
    old = icalendar.Calendar.from_ical((out / "calendars" / "plan.ics").read_bytes())
    assert {event["sequence"] for event in old.walk("VEVENT")} == {0}
    (tmp_path / "a.csv").write_text("id,school,free\nT-1,N,Mon P1; Wed P1\n")
    quiet = run("rematch", out, *sheets, *bells, "--out", out)
    assert quiet.returncode == 0, quiet.stderr
    assert f"{out / 'calendars'} is of an earlier plan" in quiet.stderr.replace("\n", " ")
    said = run("rematch", out, *sheets, *bells, "--out", out, *term, "--time-limit", 60)
    assert said.returncode == 0, said.stderr
    assert "earlier plan" not in said.stderr
    new = icalendar.Calendar.from_ical((out / "calendars" / "plan.ics").read_bytes())
    assert {event["sequence"] for event in new.walk("VEVENT")} == {1}
    assert not (out / "calendars" / "people" / "T-2.ics").exists()
    without = run("rematch", out, *sheets, *bells, "--page")
    assert without.returncode == 2
    assert "Add --out FOLDER" in without.stderr
