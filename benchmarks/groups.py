"""Triads on three families of scores: objective, proved bound, gap and seconds.

    python benchmarks/groups.py              n = 30, 99, 300, 999 on every family
    python benchmarks/groups.py --smoke      n = 30 only
    python benchmarks/groups.py --n 300 --family random

The families are defined here, in whole: ``profile`` (skills, goals, subjects, years and styles),
``random`` (independent gains), ``euclidean`` (nearness of points in the plane).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from pairmatch.solvers.certify_groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem

FULL = 1_000_000


def profile_gains(n: int, seed: int) -> np.ndarray:
    """3 parts goals covered, 3 subject, 2 experience, 1 style; row = who is coached."""
    rng = np.random.default_rng(seed)
    strengths = rng.random((n, 14)) < 0.3
    goals = (rng.random((n, 14)) < 0.25) & ~strengths
    goals[np.arange(n), rng.integers(14, size=n)] = True
    subject = rng.integers(8, size=n)
    years = rng.gamma(2.0, 5.0, n).clip(0, 40)
    style = rng.random((n, 4))
    covered = (goals.astype(float) @ strengths.T) / goals.sum(axis=1, keepdims=True)
    same = (subject[:, None] == subject[None, :]).astype(float)
    ahead = years[None, :] - years[:, None]
    fits = np.interp(ahead, [2.999, 3.0, 8.0, 20.0, 20.001], [0.0, 0.5, 1.0, 0.5, 0.0])
    alike = 1 - np.abs(style[:, None] - style[None, :]).mean(axis=2)
    return np.rint(FULL * (3 * covered + 3 * same + 2 * fits + alike) / 9).astype(np.int64)


def random_gains(n: int, seed: int) -> np.ndarray:
    """Independent uniform gains of ordered pairs."""
    return np.random.default_rng(seed).integers(FULL + 1, size=(n, n))


def euclidean_gains(n: int, seed: int) -> np.ndarray:
    """One minus the distance of points in the unit square, over its diagonal."""
    points = np.random.default_rng(seed).random((n, 2))
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    return np.rint(FULL * (1 - distance / np.sqrt(2))).astype(np.int64)


FAMILIES = {"profile": profile_gains, "random": random_gains, "euclidean": euclidean_gains}


def triads(gain: np.ndarray, objective: str = "total") -> GroupingProblem:
    """Return the problem of size 3 whose leftovers make groups grow."""
    allowed = ~np.eye(len(gain), dtype=bool)
    return GroupingProblem(gain, allowed, 3, 5, 3, objective)  # type: ignore[arg-type]


def worst_of(gain: np.ndarray, group_of: np.ndarray) -> float:
    """Return the mean over people of their group's worst rotation, in points."""
    worst = 0.0
    for group in range(group_of.max() + 1):
        who = np.flatnonzero(group_of == group)
        given = gain[np.ix_(who, who)].sum(axis=0) - gain[who, who]
        worst += who.size * given.min() / (who.size - 1)
    return worst / group_of.size / FULL * 100


def run(family: str, n: int, objective: str, seed: int, time_limit: float | None) -> None:
    gain = FAMILIES[family](n, seed)
    problem = triads(gain, objective)
    start = time.perf_counter()
    solution = solve_grouping(problem, seed=seed, time_limit=time_limit)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    certificate = certify_grouping(problem, solution)
    checking = time.perf_counter() - start
    assert certificate.bound is not None
    points = 100 / FULL / certificate.scale / n
    print(
        f"{family:<10} {n:>5}  {objective:<14} {certificate.objective * points:9.4f} "
        f"{certificate.bound * points:9.4f}  {100 * (certificate.gap or 0.0):7.4f} % "
        f"{seconds:7.1f} s  {worst_of(gain, solution.group_of):8.3f}  {checking:6.1f} s  "
        f"{solution.bound_method}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="n = 30 only")
    parser.add_argument("--n", type=int, nargs="*", default=[30, 99, 300, 999])
    parser.add_argument("--family", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--objective", default="total", choices=["total", "worst_rotation"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=None)
    chosen = parser.parse_args()
    print(
        f"{'family':<10} {'n':>5}  {'objective':<14} {'points':>9} {'bound':>9}  {'gap':>9} "
        f"{'solved':>9}  {'worst r.':>8}  {'checked':>8}  bound by"
    )
    for n in [30] if chosen.smoke else chosen.n:
        for family in chosen.family:
            run(family, n, chosen.objective, chosen.seed, chosen.time_limit)


if __name__ == "__main__":
    main()
