"""Two formats over one staff: one-on-one pairs, then teams, within an hour and a half."""

from __future__ import annotations

import warnings

import pairmatch as pm
from pairmatch.datasets import staff


def main() -> None:
    teachers = staff(18, seed=3, gaps=0.05)
    pairs = pm.Program(
        criteria=[pm.GoalCoverage(weight=3), pm.StyleFit()],
        constraints=[pm.Meetings(minutes=45)],
        objective="worst_rotation",
        size=2,
    )
    teams = pm.Program.preset("collaborative", minutes=45)
    formats = pm.match_formats(teachers, [pairs, teams], minutes_per_week=90)
    print(formats.summary())
    print(formats.timetable()[["format", "people", "day", "start", "end"]].head(8))
    print(formats.budgets().head(6))


if __name__ == "__main__":
    warnings.simplefilter("ignore", pm.PairmatchWarning)
    main()
