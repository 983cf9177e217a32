"""Time and memory of the streamed solver against scipy and against the bare matrix product.

    python benchmarks/assignment.py --n 5000 --kind easy
    python benchmarks/assignment.py --n 20000 --kind hard --no-scipy
    python benchmarks/assignment.py --smoke
    python benchmarks/assignment.py --growth 2500 5000 10000 20000

Every case runs in a process of its own, so peak resident memory is that of the case. Pools: *easy*
has independent profiles, *hard* few archetypes with near-ties, *one-ranking* mentees who all prefer
the same mentors. A score is 1,000,000 units: linear terms on 80 to 90 features and a common-time
term of 40 slots, which is no product. scipy's side fills a float64 cost matrix block by block with
the same integers and minimises it.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time

import numpy as np

from pairmatch.solvers.assignment.pricing import solve_by_pricing
from pairmatch.solvers.assignment.rounds import Effort
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.streamed import Overlap, StreamedGains

KINDS = ("easy", "hard", "one-ranking")
FULL = 1_000_000
UNITS = {"subject": 300_000, "goal": 300_000, "grade": 100_000, "style": 100_000, "years": 100_000}
COMMON_TIME = FULL - sum(UNITS.values())
BLOCK = 512


def draw_people(rng, n, archetypes=None):
    """Draw profiles: independent, or archetypes with a few entries changed."""
    if archetypes is None:
        return {
            "subject": rng.random((n, 12)) < 0.2,
            "goal": rng.random((n, 20)) < 0.2,
            "strength": rng.random((n, 20)) < 0.3,
            "grade": rng.random((n, 14)) < 0.25,
            "years": rng.integers(0, 41, n),
            "style": rng.integers(0, 5, (n, 4)),
            "free": rng.random((n, 40)) < 0.12,
        }
    which = rng.integers(0, len(archetypes["years"]), n)
    people = {
        name: archetypes[name][which] ^ (rng.random((n, archetypes[name].shape[1])) < share)
        for name, share in (
            ("subject", 0.02), ("goal", 0.03), ("strength", 0.03), ("grade", 0.02), ("free", 0.03)
        )
    }  # fmt: skip
    people["years"] = np.clip(archetypes["years"][which] + rng.integers(-1, 2, n), 0, 40)
    people["style"] = np.clip(archetypes["style"][which] + (rng.random((n, 4)) < 0.1), 0, 4)
    return people


def make_pool(kind, n, seed=0):
    """Return row and column features, free slots of both sides, and units of common time."""
    rng = np.random.default_rng(seed)
    archetypes = [draw_people(rng, 12) if kind == "hard" else None for _ in range(2)]
    mentee, mentor = (draw_people(rng, n, some) for some in archetypes)
    rows, columns = [], []
    for own, theirs, units in (
        ("subject", "subject", UNITS["subject"]),
        ("goal", "strength", UNITS["goal"]),
        ("grade", "grade", UNITS["grade"]),
    ):
        entries = mentee[own]
        rows.append(units // np.maximum(1, entries.sum(axis=1, keepdims=True)) * entries)
        columns.append(mentor[theirs])
    for scale in range(4):
        rows.append(np.eye(5)[mentee["style"][:, scale]])
        apart = np.abs(np.arange(5) - mentor["style"][:, scale, None]) / 4
        columns.append(np.floor((1 - apart) * UNITS["style"] / 4))
    rows.append(np.eye(19)[np.minimum(18, mentee["years"] // 2)])
    gap = mentor["years"][:, None] - (2 * np.arange(19) + 1)
    fit = np.where((gap >= 2) & (gap <= 20), 1 - np.abs(gap - 8) / 24, 0)
    columns.append(np.floor(fit * UNITS["years"]))
    common = COMMON_TIME
    if kind == "one-ranking":  # a tenth for the profile, the rest for a rank that all agree on
        rows = [np.floor(feature / 10) for feature in rows]
        common //= 10
        rows.append(rng.integers(1, 60, (n, 1)))
        columns.append(rng.integers(0, 10_000, (n, 1)))
    row, column = (np.hstack(side).astype(np.float32) for side in (rows, columns))
    return row, column, mentee["free"], mentor["free"], common


def make_problem(pool, objective):
    """Return the problem over a pool, one place each."""
    row, column, free, open_, common = pool
    # Every term stays below its units, so no partial sum of a pair exceeds a full score.
    gains = StreamedGains(row, column, FULL, shared=((Overlap.pack(free, open_), common),))
    one = np.ones(len(column), np.int64)
    return AssignmentProblem(gains, one, 0 * one, objective=objective)


def solve_with_pairmatch(arguments):
    """Solve one pool and prove the plan."""
    fast = not arguments.no_fast
    warm = make_problem(make_pool("easy", 1200, seed=1), arguments.objective)
    solve_by_pricing(warm, effort=Effort(fast=fast))  # compiled code is loaded, not timed
    pool = make_pool(arguments.kind, arguments.n)
    problem = make_problem(pool, arguments.objective)
    n_rounds = []
    begin, cpu = time.perf_counter(), time.process_time()
    solution = solve_by_pricing(
        problem,
        effort=Effort(fast=fast),
        time_limit=arguments.time_limit,
        progress=lambda k, gap, seconds: n_rounds.append((k, gap, seconds)),
    )
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gain = problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])[0]
    answer = {
        "seconds": seconds,
        "cpu": cpu,
        "megabytes": peak / 1024,
        "objective": int(gain.sum()),
        "matched": len(gain),
        "status": solution.status.value,
        "rounds": len(n_rounds),
        "gap": n_rounds[-1][1] if n_rounds else None,
        "features": pool[0].shape[1],
        "solver": solution.solver,
    }
    if arguments.certify:
        begin = time.perf_counter()
        certificate = certify_assignment(problem, solution)
        answer |= {"proved": certificate.proved, "proof_seconds": time.perf_counter() - begin}
    return answer


def solve_with_scipy(arguments):
    """Fill float64 costs by blocks and minimise them."""
    from scipy.optimize import linear_sum_assignment

    row, column, free, open_, common = make_pool(arguments.kind, arguments.n)
    free, open_ = free.astype(np.float32), open_.astype(np.float32)
    begin, cpu = time.perf_counter(), time.process_time()
    cost = np.empty((len(row), len(column)))
    for start in range(0, len(row), BLOCK):
        some = slice(start, start + BLOCK)
        cost[some] = row[some] @ column.T
        cost[some] += common * ((free[some] @ open_.T) > 0)
    np.negative(cost, out=cost)
    i, j = linear_sum_assignment(cost)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "cpu": cpu,
        "megabytes": peak / 1024,
        "objective": -int(cost[i, j].sum()),
    }


def multiply(arguments):
    """Compute the bare float32 product of the same shape, in tiles, and drop it."""
    from pairmatch.solvers.processors import map_blocks

    row, column, *_ = make_pool(arguments.kind, arguments.n)
    n = len(row)

    def product(start):
        tile = np.empty((BLOCK, 2048), np.float32)
        left = row[start : start + BLOCK]
        for at in range(0, n, 2048):
            right = column[at : at + 2048]
            np.matmul(left, right.T, out=tile[: len(left), : len(right)])

    begin, cpu = time.perf_counter(), time.process_time()
    map_blocks(product, range(0, n, BLOCK))
    return {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}


CASES = {"pairmatch": solve_with_pairmatch, "scipy": solve_with_scipy, "product": multiply}


def run_apart(case, n, kind, arguments):
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--case", case, "--n", str(n), "--kind", kind]
    command += ["--objective", arguments.objective]
    command += ["--no-fast"] * arguments.no_fast + ["--certify"] * arguments.certify
    if arguments.time_limit is not None:
        command += ["--time-limit", str(arguments.time_limit)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def compare(n, kind, arguments):
    """Run all sides on one pool and print a line."""
    ours = run_apart("pairmatch", n, kind, arguments)
    bare = run_apart("product", n, kind, arguments)
    matrix = n * n * 8 / 2**20
    line = (
        f"{n:>7} {kind:<11} {ours['seconds']:8.2f} s ({ours['cpu']:.1f} cpu) "
        f"{ours['megabytes']:6.0f} MB  {ours['status']}, {ours['rounds']} rounds"
    )
    line += f"  bare product {bare['seconds'] / ours['seconds']:.2f} of the time"
    line += f"  memory {ours['megabytes'] / matrix:.2f} x matrix"
    if arguments.certify:
        line += f"  proved {ours['proved']} in {ours['proof_seconds']:.1f} s"
    if not arguments.no_scipy:
        theirs = run_apart("scipy", n, kind, arguments)
        assert theirs["objective"] == ours["objective"], (theirs, ours)
        line += (
            f"  scipy {theirs['seconds']:.1f} s = {theirs['seconds'] / ours['seconds']:.1f} x "
            f"(cpu {theirs['cpu'] / ours['cpu']:.1f} x), "
            f"memory {ours['megabytes'] / theirs['megabytes']:.2f} x"
        )
    print(line, flush=True)
    return ours


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=5000, help="people on each side")
    parser.add_argument("--kind", choices=KINDS, default="easy")
    parser.add_argument("--objective", choices=("total", "coverage"), default="total")
    parser.add_argument("--growth", type=int, nargs="+", help="sizes to fit an exponent to")
    parser.add_argument("--time-limit", type=float)
    parser.add_argument("--certify", action="store_true", help="prove the plan independently too")
    parser.add_argument("--no-scipy", action="store_true")
    parser.add_argument("--no-fast", action="store_true", help="without numba")
    parser.add_argument("--smoke", action="store_true", help="a minute on all kinds of pools")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(CASES[arguments.case](arguments)))
    elif arguments.smoke:
        for kind in KINDS:
            compare(1500, kind, arguments)
    elif arguments.growth:
        arguments.no_scipy = True
        times = [compare(n, arguments.kind, arguments)["cpu"] for n in arguments.growth]
        pairs = np.log([float(n) ** 2 for n in arguments.growth])
        slope = float(np.polyfit(pairs, np.log(times), 1)[0])
        assert math.isfinite(slope)
        print(f"cpu time grows with pairs to the power of {slope:.2f}")
    else:
        compare(arguments.n, arguments.kind, arguments)


if __name__ == "__main__":
    main()
