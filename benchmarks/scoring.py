"""Scoring speed: five criteria on a random pool against the bare matrix product.

    python benchmarks/scoring.py            # 2,000 x 2,000
    python benchmarks/scoring.py --smoke    # seconds

One run measures both, alternately and with the same number of BLAS threads. The bare product has
as many features as scoring has (linear features and meeting starts together) and writes the same
number of float32 cells.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SUBJECTS = ["maths", "science", "english", "history", "art", "music", "PE", "french", "geography"]
SKILLS = [f"skill {letter}" for letter in "abcdefghijklmnopqrstuvwx"]


def make_pool(n: int, seed: int, *, coach: bool):
    """Return a random table of n people with about 5 % of cells blank."""
    import numpy as np
    import pandas as pd

    from pairmatch.profiles import read_profiles

    rng = np.random.default_rng(seed)

    def some(words: list[str], most: int) -> str:
        if rng.random() < 0.05:
            return ""
        return "; ".join(rng.choice(words, size=rng.integers(1, most + 1), replace=False))

    def windows() -> str:
        found = []
        for day in rng.choice(["Mon", "Tue", "Wed", "Thu", "Fri"], size=3, replace=False):
            start = 7 * 60 + 30 + 15 * int(rng.integers(0, 34))
            end = start + int(rng.choice([45, 60, 90]))
            found.append(f"{day} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}")
        return "; ".join(found)

    return read_profiles(
        pd.DataFrame(
            {
                "id": [f"{'M' if coach else 'T'}-{k:05d}" for k in range(n)],
                "subjects": [some(SUBJECTS, 3) for _ in range(n)],
                "years": [
                    str(int(y)) for y in rng.integers(5, 35, n) * coach + rng.integers(0, 6, n)
                ],
                "strengths" if coach else "goals": [
                    some(SKILLS, 8 if coach else 4) for _ in range(n)
                ],
                "grades": [some([str(grade) for grade in range(1, 13)], 3) for _ in range(n)],
                "free": [windows() if rng.random() > 0.05 else "" for _ in range(n)],
                **{
                    f"style_{s}": rng.integers(1, 6, n).astype(str)
                    for s in ("pace", "tone", "plan")
                },
            }
        )
    )


def measure(action: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000, help="people on each side")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads for both")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--smoke", action="store_true", help="a small pool, a few repeats")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.n, arguments.repeats = 300, 3
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)

    import numpy as np

    from pairmatch.scoring import (
        CommonTime,
        Compatibility,
        ExperienceGap,
        GoalCoverage,
        GradeMatch,
        StyleFit,
        SubjectMatch,
    )

    n = arguments.n
    coached, coach = make_pool(n, 1, coach=False), make_pool(n, 2, coach=True)
    common = [SubjectMatch(weight=3), ExperienceGap(weight=2), GoalCoverage(weight=3)]
    for fifth in (StyleFit(), GradeMatch()):
        criteria = [*common, fifth, CommonTime()]
        start = time.perf_counter()
        compatibility = Compatibility.bind(coached, coach, criteria)
        bound = time.perf_counter() - start
        starts = sum(len(addend.term.coaches_of) - 1 for addend in compatibility.others)
        width = compatibility.fused.width + starts
        rng = np.random.default_rng(0)
        left = rng.integers(0, 100, (n, width)).astype(np.float32)
        right = rng.integers(0, 100, (n, width)).astype(np.float32)
        actions: dict[str, Callable[[], object]] = {
            "bare product": lambda a=left, b=right: a @ b.T,
            "linear features only": lambda c=compatibility: c.fused.coached @ c.fused.coach.T,
            "units (int32)": lambda c=compatibility: c.units(),
            "scores (float64, NaN)": lambda c=compatibility: c.block(),
        }
        seconds: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(arguments.repeats):
            for name, action in actions.items():
                seconds[name].append(measure(action))
        names = ", ".join(criterion.name for criterion in criteria)
        print(f"{n:,} x {n:,}: {names}")
        print(f"  {width} features ({starts} of them starts), {arguments.threads} BLAS thread(s),")
        print(f"  met with the tables in {bound:.3f} s")
        bare = statistics.median(seconds["bare product"])
        for name, found in seconds.items():
            middle = statistics.median(found)
            rate = n * n / middle / 1e6
            print(f"  {name:22} {middle * 1e3:8.1f} ms {rate:8.0f} M pairs/s {bare / middle:6.2f}")


if __name__ == "__main__":
    main()
