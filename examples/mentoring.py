"""From two sheets to a checked plan: the main job in a notebook's dozen lines."""

from __future__ import annotations

from pathlib import Path

import pairmatch as pm

FOLDER = Path(__file__).parent / "district"


def main() -> None:
    mentees = pm.read_profiles(FOLDER / "mentees.csv")
    mentors = pm.read_profiles(FOLDER / "mentors.csv")
    program = pm.Program(
        criteria=[
            pm.SubjectMatch(weight=3),
            pm.GoalCoverage(weight=3),
            pm.ExperienceGap(at_least=3, ideal=8, at_most=25, weight=2),
            pm.CommonTime(minutes=45, weight=1),
        ],
        constraints=[pm.Load(at_most="max_mentees"), pm.MinScore(0.3)],
    )
    plan = pm.match(mentees, mentors, program, options=pm.Options(seed=7))
    print(plan.summary())
    print(plan.to_frame().head())

    mentee, mentor = plan.to_frame().loc[0, ["mentee", "mentor"]]
    print(f"\nWhy {mentor} for {mentee}?")
    print(plan.explain(mentee, mentor)[["criterion", "score", "weight", "points"]])
    if plan.matched < len(mentees):
        left = plan.unmatched["id"].iloc[0]
        print(f"\nWhy nobody for {left}?")
        print(plan.why_unmatched(left))
    print(f"\nChecked again, independently: {pm.verify(plan)}")


if __name__ == "__main__":
    main()
