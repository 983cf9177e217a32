"""A criterion of one's own: the commute between two schools, from coordinates in the sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pairmatch as pm
from pairmatch.datasets import district

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

KM = {"Bay": 0, "Brook": 3, "Cliff": 8, "Dale": 12, "Field": 5, "Glen": 20}  # along one road


def commute(mentees: pm.Profiles, mentors: pm.Profiles) -> NDArray[np.float64]:
    """Return 1 for the same place, falling to 0 at 15 km; NaN where a place is unknown."""
    km = np.abs(mentees["km"][:, None] - mentors["km"][None, :])
    return np.clip(1 - km / 15, 0, 1)


def with_km(table: pd.DataFrame) -> pd.DataFrame:
    """Add where the school is, as a column that pairmatch knows nothing about."""
    return table.assign(km=table["school"].str.split().str[0].map(KM).astype(float))


def main() -> None:
    pool = district(40, 30, seed=3)
    program = pm.Program(
        criteria=[
            pm.SubjectMatch(weight=2),
            pm.GoalCoverage(weight=2),
            pm.Custom(commute, weight=1),
        ],
        constraints=[pm.Require(pm.SubjectMatch())],
    )
    plan = pm.match(with_km(pool.mentees), with_km(pool.mentors), program)
    print(plan.summary())
    first = plan.to_frame().iloc[0]
    reasons = plan.explain(first["mentee"], first["mentor"])
    print(reasons[["criterion", "score", "weight", "points"]])


if __name__ == "__main__":
    main()
