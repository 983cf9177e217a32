"""Groups: proved gaps by pool size.

    python benchmarks/groups.py                     triads, n = 30 .. 999, every family
    python benchmarks/groups.py --n 3000 9999 --family profile --time-limit 180
    python benchmarks/groups.py --pairs             reciprocal pairs, n = 30 .. 999
    python benchmarks/groups.py --sizes 4 5 6 4-6   larger groups, n = 24 .. 240
    python benchmarks/groups.py --objective worst_group --n 300 999
    python benchmarks/groups.py --large             growth of time and memory, n = 3,000 .. 75,000
    python benchmarks/groups.py --smoke             the smallest of each

The families are defined here, in whole: ``profile`` (skills, goals, subjects, years and styles),
``random`` (independent gains), ``euclidean`` (nearness of points in the plane). CPU seconds stand
beside wall-clock seconds because machines are shared. Other methods at equal time: ``rivals.py``.
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context

import numpy as np

from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping
from pairmatch.solvers.streamed import StreamedGains

FULL = 1_000_000
MOST_HELD = 2000  # people above whom the gains of profiles are computed where they are needed
OBJECTIVES = ("total", "worst_rotation", "worst_group")
LIMITS = {3000: 90.0, 9999: 180.0}  # seconds for large pools; others stop by themselves


def profile_features(n: int, seed: int) -> StreamedGains:
    """3 parts goals covered, 3 subject, 2 experience, 1 style; row = who is coached.

    Years are whole, styles are in tenths, so that a gain is a product of whole numbers: goals by
    strengths, subjects, years by years, and marks on the scales of style.
    """
    rng = np.random.default_rng(seed)
    strengths = rng.random((n, 14)) < 0.3
    goals = (rng.random((n, 14)) < 0.25) & ~strengths
    goals[np.arange(n), rng.integers(14, size=n)] = True
    subject = np.eye(8)[rng.integers(8, size=n)]
    years = np.rint(rng.gamma(2.0, 5.0, n).clip(0, 40)).astype(int)
    style = np.rint(10 * rng.random((n, 4))).astype(int)
    part = FULL // 9
    ahead = np.arange(41)[None, :] - np.arange(41)[:, None]
    fits = np.interp(ahead, [2.999, 3.0, 8.0, 20.0, 20.001], [0.0, 0.5, 1.0, 0.5, 0.0])
    marks = (style[:, :, None] > np.arange(10)).reshape(n, 40)  # a - b is where marks differ
    far = style.sum(axis=1, keepdims=True)
    row = [np.rint(3 * part * goals / goals.sum(axis=1, keepdims=True)), 3 * part * subject]
    row += [np.rint(2 * part * fits)[years], part // 20 * marks, -(part // 40) * far]
    row += [np.ones((n, 1)), np.full((n, 1), 40 * (part // 40))]
    column = [strengths, subject, np.eye(41)[years], marks, np.ones((n, 1))]
    column += [-(part // 40) * far, np.ones((n, 1))]
    features = (np.hstack(side).astype(np.float32) for side in (row, column))
    return StreamedGains(*features, largest=4 * FULL)


def profile_gains(n: int, seed: int) -> np.ndarray:
    """All gains of ``profile_features``."""
    every = slice(0, n)
    return profile_features(n, seed).block(every, every)[0]


def random_gains(n: int, seed: int) -> np.ndarray:
    """Independent uniform gains of ordered pairs."""
    return np.random.default_rng(seed).integers(FULL + 1, size=(n, n))


def euclidean_gains(n: int, seed: int) -> np.ndarray:
    """One minus the distance of points in the unit square, over its diagonal."""
    points = np.random.default_rng(seed).random((n, 2))
    gain = np.empty((n, n), np.int64)
    for row, point in zip(gain, points, strict=True):  # no second matrix beside it
        distance = np.sqrt(((point - points) ** 2).sum(axis=1))
        row[:] = np.rint(FULL * (1 - distance / np.sqrt(2)))
    return gain


FAMILIES = {"profile": profile_gains, "random": random_gains, "euclidean": euclidean_gains}


def large_triads(n: int, seed: int, objective: str = "total") -> StreamedGrouping:
    """Return the same problem of profiles as a recipe; the matrix never exists."""
    return StreamedGrouping(profile_features(n, seed), 3, 5, 3, objective)  # type: ignore[arg-type]


def triads(gain: np.ndarray, objective: str = "total") -> GroupingProblem:
    """Return the problem of size 3 whose leftovers make groups grow."""
    return grouping(gain, 3, 5, 3, objective)


def grouping(
    gain: np.ndarray, smallest: int, largest: int, target: int, objective: str = "total"
) -> GroupingProblem:
    """Return a problem in which any two may share a group."""
    allowed = ~np.eye(len(gain), dtype=bool)
    return GroupingProblem(gain, allowed, smallest, largest, target, objective)  # type: ignore[arg-type]


def limits_of(text: str) -> tuple[int, int, int]:
    """Return the smallest, largest and target size of "5" or "4-6"."""
    smallest, _, largest = text.partition("-")
    low, high = int(smallest), int(largest or smallest)
    return low, high, (low + high) // 2


def worst_of(problem: GroupingProblem | StreamedGrouping, group_of: np.ndarray) -> float:
    """Return the mean over people of their group's worst rotation, in points."""
    worst = 0.0
    for group in range(group_of.max() + 1):
        who = np.flatnonzero(group_of == group)
        inside = problem.gains_among(who)
        given = inside.sum(axis=0) - np.diag(inside)
        worst += who.size * given.min() / (who.size - 1)
    return worst / group_of.size / FULL * 100


def peak_megabytes() -> int:
    """Return the largest memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(
    family: str,
    n: int,
    problem: GroupingProblem | StreamedGrouping,
    seed: int,
    time_limit: float | None,
) -> tuple[float, float]:
    """Solve, check and print one problem; return wall-clock and CPU seconds."""
    start, cpu = time.perf_counter(), time.process_time()
    solution = solve_grouping(problem, seed=seed, time_limit=time_limit)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    certificate = certify_grouping(problem, solution)
    checking = time.perf_counter() - start
    bound, gap = certificate.bound, certificate.gap
    points = 100 / FULL / certificate.scale / n
    sizes = f"{problem.smallest}-{problem.largest}".removesuffix(f"-{problem.smallest}")
    shown = "     none" if bound is None else f"{bound * points:9.4f}"
    print(
        f"{family:<10} {n:>5} {sizes:>5}  {problem.objective:<14} "
        f"{certificate.objective * points:9.4f} "
        f"{shown}  {'   none  ' if gap is None else f'{100 * gap:7.4f} %'} "
        f"{seconds:6.1f} s {cpu:6.1f} s {worst_of(problem, solution.group_of):9.3f} "
        f"{checking:6.1f} s {peak_megabytes():>6} MB  {solution.bound_method}",
        flush=True,
    )
    return seconds, cpu


def run_large(
    n: int, seed: int, objective: str, time_limit: float | None
) -> tuple[float, float, float]:
    """Solve a pool that is never held whole; return wall and CPU seconds and peak megabytes."""
    problem = large_triads(n, seed, objective)
    return (*run("profile", n, problem, seed, time_limit), peak_megabytes())


def grow(sizes: list[int], seed: int, objective: str, time_limit: float | None) -> None:
    """Solve larger and larger pools, each in a process of its own; print how the costs grow."""
    print("\nlarge pools of profiles, each in a process of its own")
    show_head()
    before: tuple[int, tuple[float, ...]] | None = None
    spawn = get_context("spawn")
    for n in sizes:
        limit = LIMITS.get(n) if time_limit is None else time_limit
        with ProcessPoolExecutor(1, mp_context=spawn) as alone:
            cost = alone.submit(run_large, n, seed, objective, limit).result()
        if before is not None:
            more = np.log(n / before[0])
            wall, cpu, peak = (
                np.log(now / then) / more for now, then in zip(cost, before[1], strict=True)
            )
            print(
                f"{before[0]:,} to {n:,}: wall-clock as n^{wall:.2f}, CPU as n^{cpu:.2f}, "
                f"peak memory as n^{peak:.2f}",
                flush=True,
            )
        before = n, cost


def show_head() -> None:
    print(
        f"{'family':<10} {'n':>5} {'sizes':>5}  {'objective':<14} {'points':>9} {'bound':>9}  "
        f"{'gap':>9} "
        f"{'wall':>8} {'CPU':>8} {'worst r.':>9} {'checked':>8} {'peak':>9}  bound by"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="the smallest of each")
    parser.add_argument("--pairs", action="store_true", help="reciprocal pairs")
    parser.add_argument("--sizes", nargs="+", type=limits_of, help='such as "5" or "4-6"')
    parser.add_argument("--large", action="store_true", help="growth of time and memory")
    parser.add_argument("--n", type=int, nargs="*")
    parser.add_argument("--family", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--objective", default="total", choices=OBJECTIVES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=None)
    chosen = parser.parse_args()
    if not chosen.large:
        show_head()
        usual = [(2, 2, 2) if chosen.pairs else (3, 5, 3)]
        pools = [24, 60, 120, 240] if chosen.sizes else [30, 99, 300, 999]
        pools = pools[:1] if chosen.smoke else chosen.n or pools
        for n, size, family in product(pools, chosen.sizes or usual, chosen.family):
            problem: GroupingProblem | StreamedGrouping
            if n > MOST_HELD and family == "profile" and size == (3, 5, 3):
                problem = large_triads(n, chosen.seed, chosen.objective)
            else:
                problem = grouping(FAMILIES[family](n, chosen.seed), *size, chosen.objective)
            run(family, n, problem, chosen.seed, chosen.time_limit)
    if chosen.large or chosen.smoke:
        sizes = [1300, 1900] if chosen.smoke else chosen.n or [3000, 9999, 30_000, 75_000]
        limit = 10.0 if chosen.smoke and chosen.time_limit is None else chosen.time_limit
        grow(sizes, chosen.seed, chosen.objective, limit)


if __name__ == "__main__":
    main()
