"""The printed week: everything is in its cell, nothing from a table is markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.reports import make_page

pytest.importorskip("jinja2")


class Tables(HTMLParser):
    """Every table of a page as rows of text, and every tag that was met."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self._cell = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self._cell = []

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self.tables[-1][-1].append(" ".join(self._cell))
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None and data.strip():
            self._cell.append(data.strip())


def test_every_meeting_is_in_the_cell_of_its_day_and_time(timetable):
    page = Tables(make_page(timetable))
    whole, once, *_ = page.tables
    assert whole[0] == ["Time", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
                        "Sunday"]  # fmt: skip
    assert [row[0] for row in whole[1:]] == ["07:30-08:15", "15:30-16:15", "23:15-24:00"]
    assert whole[1][1].startswith("Meeting: T-1, M-1")
    assert whole[2][3].startswith("Meeting: T-2, M-1")
    assert whole[3][7].startswith("Meeting: T-3, M-2")
    assert sum(bool(cell) for row in whole[1:] for cell in row[1:]) == 3
    assert once[1] == ["3", "Tuesday", "10:00-10:45", "Observation: M-1 observes T-1"]
    assert once[2] == ["3", "Tuesday", "12:00-12:20", "Conference: T-1, M-1"]


def test_each_person_has_a_sheet_with_their_own_meetings_only(timetable):
    text = make_page(timetable)
    sheets = text.split('<section class="person"')[1:]
    assert len(sheets) == 5
    (of_t2,) = [sheet for sheet in sheets if "<h2>T-2</h2>" in sheet]
    assert "T-2, M-1" in of_t2
    assert "T-1" not in of_t2
    assert "break-before: page" in text


def test_names_are_shown_and_are_no_markup(timetable):
    text = make_page(
        timetable, title="<b>x</b>", names={"T-1": '<script>alert(1)</script> & "Ana"'}
    )
    page = Tables(text)
    assert not {"script", "b"} & set(page.tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in text
    assert "http" not in text


def test_meetings_without_a_time_are_listed_to_be_agreed(timetable):
    frame = timetable.assign(day=["", *timetable["day"][1:]], start=["", *timetable["start"][1:]])
    text = make_page(frame)
    assert "To be agreed" in text
    assert "Meeting: T-1, M-1" in text
    assert len(Tables(text).tables[0]) == 3


def test_the_page_is_the_same_for_the_same_timetable(timetable):
    assert make_page(timetable) == make_page(timetable.copy())


def test_what_is_no_timetable_is_refused():
    with pytest.raises(pm.ProgramError, match="no timetable"):
        make_page(pd.DataFrame({"a": [1]}))
