"""Threes from one staff list: each coaches in turn. 61 teachers make 19 threes and one four."""

from __future__ import annotations

from pathlib import Path

import pairmatch as pm

FOLDER = Path(__file__).parent / "district"


def main() -> None:
    teachers = pm.read_profiles(FOLDER / "teachers.csv")
    teams = pm.form_groups(teachers, pm.Program.preset("triad"))
    print(teams.to_frame().head(7))
    print(teams.rotations().head(6))
    print(teams.to_frame().groupby("group").size().value_counts())
    print(f"\nAt most {teams.gap:.1%} below the best that any grouping could reach.")


if __name__ == "__main__":
    main()
