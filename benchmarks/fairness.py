"""What fairness costs: how much of the total is given up, and how long the exact answer takes.

Pools with one place each and pools with five mentees a mentor (at least three), every pair
allowed, as many as possible matched. For each objective:

* seconds to solve, and seconds of the independent check, which proves every objective in its turn;
* the lowest gain, the mean of the lowest tenth, and the mean of all, in gains;
* the price of fairness: the share of the largest total that is given up.

"tiers" has three tiers drawn at random: 10 %, 30 % and 60 % of the pairs.

    python benchmarks/fairness.py [--smoke] [--n 300 500] [--seeds 2]

With ``--streamed N`` only: "worst_off", or another ``--wish``, in a pool of N x N whose matrix
never exists, with the peak of resident memory of this process. "quota": "worst_off" with N / 3
mentors of four places, at most one mentee of a school each; "demand": two mentors a mentee, N / 3
mentors of eight places (both only above 16,777,216 pairs without a matrix). ``--few``: three
features of 0 to 3 instead of twelve, so that there are 28 different scores at most. ``--loads``:
N / 3 mentors of four places, at least two mentees each. ``--quotas``: N / 3 mentors of four
places, at most one mentee of a school each.

With ``--profiles N ...`` only: "leximin" in made-up districts of N x N, scored by six named
criteria, of one ``--kind``, with the number of different scores in the plan and the growth from one
size to the next; ``--limit`` stops it after so many seconds.

    python benchmarks/fairness.py --profiles 1000 2000 4300 10000
    python benchmarks/fairness.py --profiles 10000 --kind hard --limit 300
    python benchmarks/fairness.py --streamed 10000
    python benchmarks/fairness.py --streamed 5000 --wish leximin
    python benchmarks/fairness.py --streamed 5000 --wish leximin --few --loads
    python benchmarks/fairness.py --streamed 7200 --wish leximin --quotas --loads
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

import pairmatch as pm
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.assignment.places import place_values
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.streamed import StreamedGains

Kind = Literal["easy", "hard", "one_ranking"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HEAD = (
    "family    n x places     objective   solve s  check s    lowest  low 10 %      mean  price %"
)


def draw_noise(n: int, m: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Scores that know nothing of people: uniform integers."""
    return rng.integers(0, 1_000_001, (n, m))


def draw_distinct(n: int, m: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """No two scores alike, so that every level is one pair."""
    return rng.permutation(n * m).reshape(n, m).astype(np.int64)


def draw_ranking(n: int, m: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Products of what the two bring: the total and fairness want opposite plans."""
    row, column = rng.integers(1, 1000, n), rng.integers(1, 1000, m)
    return row[:, None] * column


def draw_profiles(n: int, m: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Scores as sums of three criteria, with many ties: a full score is 1,000,000."""
    subject = rng.integers(0, 8, n)[:, None] == rng.integers(0, 8, m)
    gap = rng.integers(2, 36, m) - rng.integers(0, 12, n)[:, None]
    experience = np.where((gap >= 3) & (gap <= 20), 300_000 - 15_000 * np.abs(gap - 8), 0)
    goals, strengths = rng.random((n, 10)) < 0.25, rng.random((m, 10)) < 0.4
    covered = goals.astype(np.int64) @ strengths.T.astype(np.int64)
    share = covered * 300_000 // np.maximum(goals.sum(axis=1), 1)[:, None]
    score: NDArray[np.int64] = 400_000 * subject + np.maximum(experience, 0) + share
    return score


def measure(name: str, problem: AssignmentProblem) -> None:
    """Print one line for each objective."""
    n, m = problem.gains.shape
    tier = np.random.default_rng(n).choice(3, (n, m), p=[0.1, 0.3, 0.6])
    wishes = [
        ("coverage", problem),
        ("worst_off", replace(problem, objective="worst_off")),
        ("leximin", replace(problem, objective="leximin")),
        ("tiers", replace(problem, tiers=tier)),
    ]
    best = None
    for wish, asked in wishes:
        start = time.perf_counter()
        solution = solve_assignment(asked)
        solved = time.perf_counter()
        certificate = certify_plan(asked, solution)
        checked = time.perf_counter()
        assert certificate.proved
        best = best or (solution, certificate.objective)
        gain = np.sort(problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])[0])
        price = 100 * (solution.price or 0) / best[1]
        print(
            f"{name:9s} {n:4d} x {problem.capacity[0]:<7d}{wish:>12s} {solved - start:9.2f} "
            f"{checked - solved:8.2f} {gain[0]:9d} {gain[: n // 10].mean():9.0f} "
            f"{gain.mean():9.0f} {price:8.2f}"
        )
    assert best is not None
    start = time.perf_counter()
    values = place_values(problem, best[0]).total
    seconds = time.perf_counter() - start
    print(
        f"{name:9s} {n:4d} x {problem.capacity[0]:<7d}{'place values':>12s} {seconds:9.2f} "
        f"        from {values.min()} to {values.max()}, mean {values.mean():.0f}"
    )


def draw_streamed(n: int, wish: str, *, few: bool, loads: bool, quotas: bool) -> AssignmentProblem:
    """Return a pool of features and what is wished for it."""
    rng = np.random.default_rng(2)
    quotas |= wish == "quota"
    m = n if wish in ("worst_off", "leximin") and not (loads or quotas) else n // 3
    n_features, most = (3, (4, 4)) if few else (12, (200, 60))
    left, right = (
        rng.integers(0, most[0], (n, n_features)),
        rng.integers(0, most[1], (m, n_features)),
    )
    largest = n_features * most[0] * most[1]
    gains = StreamedGains(left.astype(np.float32), right.astype(np.float32), largest=largest)
    places = 8 if wish == "demand" else 4 if loads or quotas else 1
    problem = AssignmentProblem(gains, np.full(m, places), np.full(m, 2 * loads))
    if wish == "demand":
        return replace(problem, demand=np.full(n, 2))
    limits = (Quotas(rng.integers(0, 20, n), 1),) if quotas else ()
    objective: Literal["worst_off", "leximin"] = "leximin" if wish == "leximin" else "worst_off"
    return replace(problem, objective=objective, quotas=limits)


def measure_streamed(n: int, wish: str, *, few: bool, loads: bool, quotas: bool) -> None:
    """Print time, memory and price of a wish in a pool whose matrix never exists."""
    problem = draw_streamed(n, wish, few=few, loads=loads, quotas=quotas)
    gains = problem.gains
    start, at_work = time.perf_counter(), time.process_time()
    solution = solve_assignment(problem)
    solved, worked = time.perf_counter(), time.process_time()
    certificate = certify_plan(problem, solution)
    checked, checking = time.perf_counter(), time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lowest = int(gains.pairs(*solution.pairs.T)[0].min())
    name = f"{wish}{', few scores' * few}{', loads' * loads}{', quotas' * quotas}"
    print(
        f"{name}, {n} x {problem.n_columns}: solved in {solved - start:.1f} s "
        f"({worked - at_work:.1f} s of processors), checked in {checked - solved:.1f} s "
        f"({checking - worked:.1f} s), "
        f"{peak:.0f} MB; lowest {lowest}, total {certificate.objective}, "
        f"price {solution.price}, {'proved' if certificate.proved else 'not proved'}"
    )


def measure_profiles(sizes: list[int], kind: Kind, limit: float | None) -> None:
    """Print time, memory and proof of "leximin" from profiles, and how time grows."""
    criteria = [
        pm.SubjectMatch(weight=3),
        pm.ExperienceGap(at_least=3, ideal=8, at_most=20, weight=2),
        pm.GoalCoverage(weight=3),
        pm.StyleFit(weight=1),
        pm.CommonTime(minutes=45, weight=1),
        pm.GradeMatch(weight=1),
    ]
    program = pm.Program(criteria=criteria, objective="leximin")
    before = None
    for n in sizes:
        made = pm.datasets.district(n, n, seed=1, kind=kind)
        mentees, mentors = pm.read_profiles(made.mentees), pm.read_profiles(made.mentors)
        start = time.perf_counter()
        plan = pm.match(mentees, mentors, program, options=pm.Options(time_limit=limit))
        seconds = time.perf_counter() - start
        n_scores = plan.to_frame()["score"].nunique()
        grown = ""
        if before is not None:
            power = np.log(seconds / before[1]) / np.log(n / before[0])
            grown = f"  grows as n^{power:.1f}"
        proved = "proved" if plan.gap == 0 else f"levels proved: {plan.certificate.levels}"
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{kind:12s} {n:6d} x {n:<6d} {seconds:8.1f} s  {megabytes:6.0f} MB  "
            f"{n_scores:5d} scores  {plan.status.value}, {proved}{grown}",
            flush=True,
        )
        before = n, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Price and time of fair objectives.")
    parser.add_argument("--smoke", action="store_true", help="small and quick: does it run?")
    parser.add_argument("--n", type=int, nargs="+", default=[300, 500], help="people to be coached")
    parser.add_argument("--seeds", type=int, default=1, help="instances of each kind")
    parser.add_argument("--streamed", type=int, metavar="N", help="a pool of N x N, streamed")
    wishes = ("worst_off", "leximin", "quota", "demand")
    parser.add_argument("--wish", choices=wishes, default="worst_off", help="with --streamed")
    parser.add_argument("--few", action="store_true", help="few different scores, with --streamed")
    parser.add_argument("--loads", action="store_true", help="minimum loads, with --streamed")
    parser.add_argument("--quotas", action="store_true", help="quotas, with --streamed")
    parser.add_argument("--profiles", type=int, nargs="+", metavar="N", help="leximin of profiles")
    parser.add_argument("--kind", choices=get_args(Kind), default="easy", help="with --profiles")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="with --profiles")
    options = parser.parse_args()
    if options.profiles:
        measure_profiles([100] if options.smoke else options.profiles, options.kind, options.limit)
        return
    if options.streamed:
        measure_streamed(
            options.streamed, options.wish,
            few=options.few, loads=options.loads, quotas=options.quotas,
        )  # fmt: skip
        return
    families: dict[str, Callable[[int, int, np.random.Generator], NDArray[np.int64]]]
    families = {
        "noise": draw_noise,
        "distinct": draw_distinct,
        "profiles": draw_profiles,
        "ranking": draw_ranking,
    }
    print(HEAD)
    for name, draw in families.items():
        for n in [30] if options.smoke else options.n:
            for seed in range(options.seeds):
                for places in (1, 5):
                    gain = draw(n, n // places, np.random.default_rng(seed))
                    problem = AssignmentProblem(
                        gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
                        capacity=np.full(n // places, places),
                        at_least=np.full(n // places, 3 if places > 1 else 0),
                    )
                    measure(name, problem)


if __name__ == "__main__":
    main()
