"""The committed sheets of examples/district: made by the script, odd in the promised ways."""

from __future__ import annotations

import csv
import io
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "district"
SHEETS = ("mentees.csv", "mentors.csv", "teachers.csv")


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    script = runpy.run_path(str(ROOT / "examples" / "make_district.py"))
    return script["files"]()


def rows(name: str, **how: str) -> list[dict[str, str]]:
    text = (FOLDER / name).read_bytes().decode(how.pop("encoding"))
    return list(csv.DictReader(io.StringIO(text, newline=""), **how))


@pytest.mark.parametrize("name", SHEETS)
def test_the_committed_sheet_is_what_the_script_makes(made, name):
    assert sorted(made) == sorted(SHEETS)
    assert (FOLDER / name).read_bytes() == made[name], "run: python examples/make_district.py"


def test_the_sheets_have_the_odd_manners_they_are_meant_to_show():
    mentees = (FOLDER / "mentees.csv").read_bytes()
    assert mentees.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in mentees
    assert "\N{EN DASH}" in mentees.decode()
    assert b";," in mentees
    mentors = (FOLDER / "mentors.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        mentors.decode("utf-8")
    assert mentors.startswith(b"id;")


def test_the_sheets_have_the_promised_people():
    mentees = rows("mentees.csv", encoding="utf-8-sig")
    mentors = rows("mentors.csv", encoding="cp1252", delimiter=";")
    teachers = rows("teachers.csv", encoding="utf-8")
    assert [len(sheet) for sheet in (mentees, mentors, teachers)] == [120, 70, 61]
    assert len({row["school"].strip() for row in mentees}) == 6
    assert "0" in {row["max_mentees"] for row in mentors}
    assert "" in {row["max_mentees"] for row in mentors}
    assert teachers[6]["id"] == "007"
    both = {row["id"] for row in mentees} & {row["id"] for row in mentors}
    assert len(both) == 1
    evaluators = {row["evaluator"] for row in mentees}
    assert evaluators & {row["id"] for row in mentors}
    assert any(row["free"] == "" for row in mentees)


def test_a_person_in_both_sheets_has_one_calendar():
    mentees = {row["id"]: row for row in rows("mentees.csv", encoding="utf-8-sig")}
    mentors = {row["id"]: row for row in rows("mentors.csv", encoding="cp1252", delimiter=";")}
    (same,) = set(mentees) & set(mentors)
    for column in ("name", "school", "subjects", "years", "free", "teaching"):
        dash = mentees[same][column].replace("\N{EN DASH}", "-").strip().casefold()
        assert dash == mentors[same][column].replace("\N{EN DASH}", "-").strip().casefold()


@pytest.mark.parametrize("name", SHEETS)
def test_read_profiles_reads_every_sheet(name):
    from pairmatch.profiles import read_profiles

    profiles = read_profiles(FOLDER / name)
    assert len(profiles) == {"mentees.csv": 120, "mentors.csv": 70, "teachers.csv": 61}[name]
    assert "maths" in [label.casefold() for label in profiles.members("subjects").labels]
    labels = [label.casefold() for label in profiles.members("subjects").labels]
    assert len(labels) == len(set(labels))
