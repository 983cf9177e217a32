"""Make the sheets of ``examples/district``: 120 mentees, 70 mentors, 61 teachers, 6 schools.

The people come from `pairmatch.datasets`; this script gives the files the manners of real sheets,
one kind each, all of them legal:

``mentees.csv``
    saved as "CSV UTF-8": byte order mark, CRLF line ends; answers typed by hand: mixed capitals,
    trailing blanks and semicolons, dashes from a word processor, a comment with a line break; one
    mentee who is a mentor, too.
``mentors.csv``
    saved by a spreadsheet of another country: ``;`` between cells, Windows-1252, accents.
``teachers.csv``
    exported from a staff system: ids such as 007, plain UTF-8.

Run ``python examples/make_district.py`` to write them again; the bytes are always the same.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from pairmatch.datasets import district, staff

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent / "district"
SEED = 2026


def rows_of(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the table as a person would type it: 3, not 3.0; nothing, not NaN."""
    texts = {
        name: [
            "" if value != value else f"{value:g}" if isinstance(value, float) else value
            for value in table[name].tolist()
        ]
        for name in table.columns
    }
    return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]


def csv_bytes(
    rows: list[dict[str, str]], *, delimiter: str = ",", newline: str = "\n", encoding: str
) -> bytes:
    """Return the rows as the bytes of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def type_by_hand(mentees: list[dict[str, str]]) -> None:
    """Change how answers are written, not what they say."""
    for k, row in enumerate(mentees):
        if k % 4 == 1:
            row["subjects"] = row["subjects"].title()
        if k % 6 == 2 and row["goals"]:
            row["goals"] += ";"
        if k % 9 == 4:
            row["goals"] = row["goals"].capitalize() + " "
        if k % 7 == 3:
            row["free"] = row["free"].replace("-", "\N{EN DASH}")
        if k % 11 == 5:
            row["school"] += "  "
        row["notes"] = ""
    mentees[7]["notes"] = "Moved here in August, new to the grade"
    mentees[31]["notes"] = 'Asked for "someone who knows the lab"\nand for a weekly slot'


def mentor_who_is_coached(
    mentors: list[dict[str, str]], mentees: list[dict[str, str]]
) -> dict[str, str]:
    """Return a mentor who wants to be coached, too, as a row of the mentees' sheet."""
    mentor = next(row for row in mentors if row["years"] in ("5", "6", "7") and row["free"])
    mentor["role"] = "both"
    principal = next(
        row["evaluator"]
        for row in mentees
        if row["school"] == mentor["school"] and row["evaluator"].startswith("P-")
    )
    return {name: mentor.get(name, "") for name in mentees[0]} | {
        "goals": "technology integration; data use",
        "enrolled": "2026-08-03",
        "evaluator": principal,
    }


def files() -> dict[str, bytes]:
    """Return the content of each file, by name."""
    pool = district(120, 70, seed=SEED)
    mentees, mentors = rows_of(pool.mentees), rows_of(pool.mentors)
    mentees[-1] = mentor_who_is_coached(mentors, mentees)
    type_by_hand(mentees)
    for k, given in ((3, "Zoé"), (28, "Jürgen"), (44, "Núria")):
        mentors[k]["name"] = f"{given} {mentors[k]['name'].split()[1]}"
        mentors[k]["free"] = mentors[k]["free"].replace("-", "\N{EN DASH}")
    teachers = rows_of(staff(61, seed=SEED))
    for k, row in enumerate(teachers, start=1):
        row["id"] = f"{k:03d}"
        row["email"] = f"staff{k:03d}@example.org"
    return {
        "mentees.csv": csv_bytes(mentees, newline="\r\n", encoding="utf-8-sig"),
        "mentors.csv": csv_bytes(mentors, delimiter=";", newline="\r\n", encoding="cp1252"),
        "teachers.csv": csv_bytes(teachers, encoding="utf-8"),
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
        print(f"{FOLDER / name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
