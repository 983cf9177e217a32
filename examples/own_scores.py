"""A score matrix of one's own: nothing but numbers goes in. NaN means: not these two."""

from __future__ import annotations

import numpy as np
import pandas as pd

import pairmatch as pm


def main() -> None:
    scores = pd.DataFrame(
        [[9, 7, np.nan], [8, np.nan, 3], [7, 6, 2], [6, 6, 1]],
        index=["Ash", "Birch", "Cedar", "Dogwood"],
        columns=["Lake", "Hill", "Field"],
    )
    plan = pm.match_scores(scores, [pm.Load(at_most=2)], objective="total")
    print(plan.to_frame())
    print(f"total {plan.objective}, proved: {plan.gap == 0.0}")


if __name__ == "__main__":
    main()
