"""How much an exact plan with its proof costs, beside ``linear_sum_assignment`` of scipy.

Square problems, one place each, every pair allowed, as many as possible matched. One run times,
on the same scores and right after each other,

* ``solve_assignment`` and ``certify_assignment``: the best plan, its prices, the choice between
  equally good plans, and the independent check of all of it;
* ``pairmatch.match_scores`` as a user calls it, on the same matrix of floats: reading it, hashing
  the order, solving, checking and wrapping;
* ``linear_sum_assignment(maximize=True)`` on the scores as float64: a best plan.

The ratios are to the last, of times in one run; the table has medians over all runs.

    python benchmarks/dense.py [--smoke] [--n 500 1000] [--runs 9]
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TARGETS = {"noise": 3.0, "profiles": 2.0, "district": 2.0}


def draw_noise(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Scores that know nothing of people: uniform integers."""
    return rng.integers(0, 1_000_001, (n, n))


def draw_profiles(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Scores as sums of a few criteria, with many ties: a full score is 1,000,000."""
    subject = rng.integers(0, 8, n)[:, None] == rng.integers(0, 8, n)
    gap = rng.integers(2, 36, n) - rng.integers(0, 12, n)[:, None]
    experience = np.where((gap >= 3) & (gap <= 20), 250_000 - 15_000 * np.abs(gap - 8), 0)
    goals, strengths = rng.random((n, 10)) < 0.25, rng.random((n, 10)) < 0.4
    covered = goals.astype(np.int64) @ strengths.T.astype(np.int64)
    share = covered * 300_000 // np.maximum(goals.sum(axis=1), 1)[:, None]
    styles = np.abs(rng.integers(0, 5, (n, 1, 2)) - rng.integers(0, 5, (n, 2))).sum(axis=2)
    slots = (rng.random((n, 15)) < 0.25).astype(np.int64) @ (rng.random((15, n)) < 0.25)
    score: NDArray[np.int64] = 300_000 * subject + np.maximum(experience, 0) + share
    score += 10_000 * (8 - styles) + 70_000 * (slots > 0)
    return score


def draw_district(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Scores of a made-up district by the default criteria."""
    pool = district(n, n, seed=int(rng.integers(1000)))
    scored = pm.score(pool.mentees, pool.mentors)
    return scored.units(slice(0, n), slice(0, n)).astype(np.int64)


def measure(gain: NDArray[np.int64], runs: int) -> tuple[float, float, float, float]:
    """Seconds of ours and of scipy's, and two ratios: medians over paired runs."""
    n = len(gain)
    problem = AssignmentProblem(
        gains=MatrixGains(gain, np.ones((n, n), np.bool_)),
        capacity=np.ones(n, np.int64),
        at_least=np.zeros(n, np.int64),
    )
    score = gain.astype(np.float64)
    ours, theirs, whole = [], [], []
    for _ in range(runs):
        start = time.perf_counter()
        row, column = linear_sum_assignment(score, maximize=True)
        theirs.append(time.perf_counter() - start)
        start = time.perf_counter()
        certificate = certify_assignment(problem, solve_assignment(problem))
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        plan = pm.match_scores(score / 1_000_000)
        whole.append(time.perf_counter() - start)
        assert certificate.proved
        assert plan.gap == 0.0
        assert certificate.objective == int(gain[row, column].sum())
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    of_verb = [a / b for a, b in zip(whole, theirs, strict=True)]
    return median(ours), median(theirs), median(ratios), median(of_verb)


def main() -> None:
    parser = argparse.ArgumentParser(description="Exact plans with proof against scipy alone.")
    parser.add_argument("--smoke", action="store_true", help="small and quick: does it run?")
    parser.add_argument("--n", type=int, nargs="+", default=[500, 1000], help="people on each side")
    parser.add_argument("--runs", type=int, default=9, help="paired runs of each instance")
    options = parser.parse_args()
    sizes, runs = ([60], 2) if options.smoke else (options.n, options.runs)
    families: dict[str, Callable[[int, np.random.Generator], NDArray[np.int64]]]
    families = {"noise": draw_noise, "profiles": draw_profiles, "district": draw_district}
    print("family      n    seed  ours ms  scipy ms  ratio  match_scores  target")
    for name, draw in families.items():
        for n in sizes:
            for seed in range(1 if options.smoke else 3):
                ours, theirs, ratio, verb = measure(draw(n, np.random.default_rng(seed)), runs)
                print(
                    f"{name:8s} {n:5d} {seed:6d} {1e3 * ours:8.1f} {1e3 * theirs:9.1f} "
                    f"{ratio:6.2f} {verb:13.2f} {TARGETS[name]:7.1f}"
                )


if __name__ == "__main__":
    main()
