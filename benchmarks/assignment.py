"""Time and memory of the streamed solver against scipy, the bare product and other packages.

    python benchmarks/assignment.py                          # 5,000 a side, every row
    python benchmarks/assignment.py --n 20000 --kind hard --no-scipy
    python benchmarks/assignment.py --growth 2500 5000 10000
    python benchmarks/assignment.py --peers 1000
    python benchmarks/assignment.py --limits                 # 2,000 to 30,000 within 0.5, 1 and 2 s
    python benchmarks/assignment.py --smoke

Pools are made-up districts scored by six named criteria, common meeting time among them. *easy*:
everybody is drawn by themselves; *hard*: near copies of a dozen types; *one_ranking*: all want the
same mentors first. One place each. Every case runs in a process of its own, so peak resident memory
is that of the case; ours, up to 10,000 a side, is that of one more process that has not solved
another pool before to load all code. Our time is that of scoring, solving and proving; scipy's side
fills a float64 matrix block by block with the same scores and minimises it. Compiled code is loaded
beforehand.

Three ratios say how close the solver is to the limit of the machine: pairs priced per second inside
the sweeps, with all that a sweep does, against those of the bare float32 product of all pairs;
the time of bare products of the very shapes that were swept, small ones too, against that of the
sweeps, by the clock and by processor time; and the time of the bare product of all pairs against
the whole time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np

import pairmatch as pm
from pairmatch.datasets import district as make_district
from pairmatch.seam import assignment_problem
from pairmatch.seam.streams import stream_gains
from pairmatch.solvers.assignment.pricing.compiled import load_compiled
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.sweep import Sweeper
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.processors import count_processors, map_blocks

KINDS = ("easy", "hard", "one_ranking")
CRITERIA = (
    pm.SubjectMatch(weight=3),
    pm.GradeMatch(weight=1),
    pm.ExperienceGap(at_least=3, ideal=8, at_most=20, weight=2),
    pm.GoalCoverage(weight=3),
    pm.StyleFit(weight=1),
    pm.CommonTime(minutes=45, weight=1),
)
BLOCK, WIDTH = 512, 2048
MOST_COLD = 10_000
MOST_MULTIPLIED = 10**9  # pairs of one bare product; of a larger one that many stand for all
LIMITS = (0.5, 1.0, 2.0)
WISHES = {  # what else a limit is measured for, in pools up to MOST_WISHED a side
    "worst_off": ("worst_off", []),
    "leximin": ("leximin", []),
    "demand of 2": ("coverage", [pm.Demand(2)]),
    "quota": ("coverage", [pm.Quota(by="school", at_most=1)]),
    "minimum load": ("coverage", [pm.Load(at_most=3, at_least=1)]),
}
MOST_WISHED = 5000
LIMITED = (2000, 5000, 12_000, 30_000)
BONUS = 10**10  # beside it no sum of scores of a district counts


def make_tables(n, kind, seed=0):
    """Return mentees and mentors, read and checked."""
    district = make_district(n, n, seed=seed, kind=kind, n_schools=max(6, n // 100))
    return pm.read_profiles(district.mentees), pm.read_profiles(district.mentors)


def make_program(objective, *, same_school):
    """Return criteria, one place each, and whether pairs are of one school only."""
    rules = [pm.Load(at_most=1)] + [pm.Require(pm.SameSchool())] * same_school
    return pm.Program(criteria=CRITERIA, constraints=rules, objective=objective)


class SweepClock:
    """Adds up what all sweeps take while it is on, and remembers their shapes."""

    def __enter__(self):
        self.seconds, self.cpu, self.n_pairs, self._best = 0.0, 0.0, 0, Sweeper.best
        self.shapes = []
        clock = self

        def best(sweeper, lines, price, *rest, by_column=False):
            begin, cpu, before = time.perf_counter(), time.process_time(), sweeper.n_priced
            hits = clock._best(sweeper, lines, price, *rest, by_column=by_column)
            clock.seconds += time.perf_counter() - begin
            clock.cpu += time.process_time() - cpu
            n_pairs = sweeper.n_priced - before
            clock.n_pairs += n_pairs
            if n_pairs:
                clock.shapes.append((len(lines), len(price), by_column, n_pairs))
            return hits

        Sweeper.best = best
        return self

    def __exit__(self, *_):
        Sweeper.best = self._best

    def multiply_same(self, row, column):
        """Return wall and processor seconds of bare products of what was swept."""
        whole = np.zeros(2)
        for n_lines, n_positions, by_column, n_pairs in self.shapes:
            lines, positions = (column, row) if by_column else (row, column)
            # What tiles were skipped for want of anything in common is skipped here too.
            n_measured = min(n_lines, max(WIDTH, MOST_MULTIPLIED // n_positions))
            share = n_pairs / (n_measured * n_positions)
            whole += share * np.array(multiply(lines[:n_measured], positions[:n_positions]))
        return whole


def stream_problem(scored, program):
    """Return the problem with gains as a recipe for blocks, however small the pool is."""
    problem = assignment_problem(scored, program.constraints, program.objective)
    return replace(problem, gains=stream_gains(scored))


def solve_with_pairmatch(arguments):
    """Score, solve and prove one pool."""
    fast = not arguments.no_fast and load_compiled()
    program = make_program(arguments.objective, same_school=arguments.same_school)
    if not arguments.cold:  # libraries are loaded, not timed
        warm = stream_problem(pm.score(*make_tables(600, "easy", seed=1), program), program)
        certify_assignment(warm, solve_by_pricing(warm, effort=Effort(fast=fast)))
    tables = make_tables(arguments.n, arguments.kind)
    begin, cpu = time.perf_counter(), time.process_time()
    scored = pm.score(*tables, program)
    problem = stream_problem(scored, program)
    with SweepClock() as sweeps:
        solution = solve_by_pricing(
            problem, effort=Effort(fast=fast), time_limit=arguments.time_limit
        )
    solved = time.perf_counter()
    certificate = certify_assignment(problem, solution)
    answer = {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "proving": time.perf_counter() - solved,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "objective": certificate.objective,
        "matched": certificate.matched,
        "gap": certificate.gap,
        "status": solution.status.value,
        "solver": solution.solver,
    }
    sides = problem.gains.row_features, problem.gains.column_features
    bare = multiply(*sides)[0]
    answer["bare_share"] = bare / answer["seconds"]
    if sweeps.n_pairs:  # small schools are looked at whole
        answer["sweep_rate"] = sweeps.n_pairs / sweeps.seconds / (arguments.n**2 / bare)
        same, same_cpu = sweeps.multiply_same(*sides)
        answer["same_shapes"] = [same / sweeps.seconds, same_cpu / sweeps.cpu]
    return answer


def multiply(row, column):
    """Return wall and processor seconds of the bare float32 product in tiles, the better of two."""

    def product(start):
        tile = np.empty((BLOCK, WIDTH), np.float32)
        left = row[start : start + BLOCK]
        for at in range(0, len(column), WIDTH):
            right = column[at : at + WIDTH]
            np.matmul(left, right.T, out=tile[: len(left), : len(right)])

    runs = []
    for _ in range(2):
        begin, cpu = time.perf_counter(), time.process_time()
        map_blocks(product, range(0, len(row), BLOCK))
        runs.append((time.perf_counter() - begin, time.process_time() - cpu))
    return tuple(map(min, zip(*runs, strict=True)))


def fill_costs(scored, objective):
    """Return float64 costs, filled block by block; what is not allowed costs most."""
    n, m = scored.shape
    cost = np.empty((n, m))
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        units, allowed = scored.evaluate(rows, slice(0, m))
        np.negative(units, out=cost[rows])
        if objective == "coverage":
            cost[rows] -= BONUS
        cost[rows][~allowed] = 0
    return cost


def read_answer(cost, i, j):
    """Return how many are matched and their total; pairs of cost 0 are none."""
    paid = -cost[i, j]
    matched = int(np.count_nonzero(paid >= BONUS / 2))
    return {"objective": int(paid.sum()) - matched * BONUS, "matched": matched}


def solve_with_scipy(arguments):
    """Score, fill float64 costs by blocks and minimise them."""
    from scipy.optimize import linear_sum_assignment

    program = make_program(arguments.objective, same_school=arguments.same_school)
    tables = make_tables(arguments.n, arguments.kind)
    begin, cpu = time.perf_counter(), time.process_time()
    cost = fill_costs(pm.score(*tables, program), arguments.objective)
    i, j = linear_sum_assignment(cost)
    answer = {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return answer | read_answer(cost, i, j)


def solve_within(arguments):
    """Match one pool within several time limits, one after the other, proof included."""
    load_compiled()
    warm = make_program("total", same_school=False)
    options = pm.Options(time_limit=5, method="pricing")
    pm.match(*make_tables(600, "easy", seed=1), warm, options=options)
    program = make_program(arguments.objective, same_school=arguments.same_school)
    if arguments.wish:
        objective, rules = WISHES[arguments.wish]
        loads = [] if any(isinstance(rule, pm.Load) for rule in rules) else [pm.Load(at_most=3)]
        program = pm.Program(criteria=CRITERIA, constraints=loads + rules, objective=objective)
    tables = make_tables(arguments.n, arguments.kind)
    answers = []
    for limit in LIMITS:
        begin = time.perf_counter()
        plan = pm.match(*tables, program, options=pm.Options(time_limit=limit))
        whole = time.perf_counter() - begin
        late = plan.seconds - limit
        assert late <= max(1, limit / 10) or os.getloadavg()[0] > count_processors(), late
        answers.append([limit, plan.seconds, whole, plan.matched, plan.gap, plan.status.value])
    return answers


def compare_limits(sizes, arguments):
    """Print what a time limit is kept to, and what was known by then."""
    print("each limit is kept within 1 s or 10 %; seconds of solving and proving, and all in all")
    cases = [(n, wish) for n in sizes for wish in (None, *WISHES) if not wish or n <= MOST_WISHED]
    for n, wish in cases:
        arguments.wish = wish
        for limit, seconds, whole, matched, gap, status in run_apart(
            "limits", n, arguments.kind, arguments
        ):
            known = "not proved" if gap is None else f"gap {gap:.2g}"
            wanted = wish or arguments.objective
            print(
                f"{n:>7} {arguments.kind:<11} {wanted:<12} limit {limit:4.1f} s: "
                f"{seconds:5.2f} s, with scoring {whole:5.2f} s, {matched} matched, "
                f"{known}, {status}",
                flush=True,
            )


CASES = {"limits": solve_within, "pairmatch": solve_with_pairmatch, "scipy": solve_with_scipy}


def run_apart(case, n, kind, arguments, *, cold=False):
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--case", case, "--n", str(n), "--kind", kind]
    command += ["--objective", arguments.objective] + ["--same-school"] * arguments.same_school
    command += ["--no-fast"] * arguments.no_fast + ["--cold"] * cold
    command += ["--wish", arguments.wish] if arguments.wish else []
    if arguments.time_limit is not None:
        command += ["--time-limit", str(arguments.time_limit)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(n, kind, arguments):
    """Run both sides on one pool and print a line."""
    ours = run_apart("pairmatch", n, kind, arguments)
    if n <= MOST_COLD:
        cold = run_apart("pairmatch", n, kind, arguments, cold=True)
        ours["megabytes"] = cold["megabytes"]
    wanted = arguments.objective + ", same school" * arguments.same_school
    gap = "no bound" if ours["gap"] is None else f"gap {ours['gap']:.2g}"
    line = (
        f"{n:>7} {kind:<11} {wanted:<22} {ours['seconds']:7.2f} s ({ours['cpu']:.1f} cpu, "
        f"proof {ours['proving']:.2f}) {ours['megabytes']:5.0f} MB, {ours['status']}, {gap}, "
        f"memory {ours['megabytes'] / (n * n * 8 / 2**20):.2f} x matrix"
    )
    if "sweep_rate" in ours:
        same, same_cpu = ours["same_shapes"]
        line += (
            f", sweeps {ours['sweep_rate']:.2f} x bare product, {same:.2f} x those of the same "
            f"shapes ({same_cpu:.2f} x cpu)"
        )
    if "bare_share" in ours:
        line += f", bare product {ours['bare_share']:.2f} of the time"
    if not arguments.no_scipy:
        theirs = run_apart("scipy", n, kind, arguments)
        same = theirs["objective"] == ours["objective"]
        assert same or ours["gap"] != 0, (theirs, ours)
        line += (
            f" | scipy {theirs['seconds']:.1f} s = {theirs['seconds'] / ours['seconds']:.1f} x "
            f"(cpu {theirs['cpu'] / ours['cpu']:.1f} x), "
            f"memory {ours['megabytes'] / theirs['megabytes']:.2f} x"
        )
    print(line, flush=True)
    return ours


def minimise_with_ortools(cost):
    from ortools.graph.python import linear_sum_assignment

    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    i, j = np.indices(cost.shape, np.int32)
    solver.add_arcs_with_cost(i.ravel(), j.ravel(), cost.astype(np.int64).ravel())
    solver.solve()
    return [solver.right_mate(k) for k in range(len(cost))]


PEERS = {
    "scipy": ("scipy.optimize", lambda lib, cost: lib.linear_sum_assignment(cost)[1]),
    "lapx": ("lap", lambda lib, cost: lib.lapjv(cost)[1]),
    "fastlap": ("fastlap", lambda lib, cost: lib.linear_sum_assignment(cost)[1]),
    "ortools": ("ortools", lambda _, cost: minimise_with_ortools(cost)),
}
OTHERS = {  # no scores can be given to these: each has its own idea of who fits whom
    "matching": "finds stable pairs from rankings, which have no total",
    "mentor-match": "scores its own questionnaire",
}


def warm_peers(cost):
    """Let everybody solve something, ours the same size as later, so that all code is loaded."""
    pm.match_scores(-cost, [pm.Load(at_most=1)], objective="total")
    for module, minimise in PEERS.values():
        try:
            minimise(importlib.import_module(module), cost[:200, :200].copy())
        except ImportError:
            continue


def compare_peers(n):
    """Let every package that is installed minimise the same costs; check what it returns."""
    print(f"{n} x {n}, costs given, one place each; ours with proof")
    for kind in KINDS:
        scored = pm.score(*make_tables(n, kind), make_program("total", same_school=False))
        cost = fill_costs(scored, "total")
        if kind == KINDS[0]:  # libraries and compiled code are loaded before any clock runs
            warm_peers(cost)
        begin = time.perf_counter()
        plan = pm.match_scores(-cost, [pm.Load(at_most=1)], objective="total")
        own = time.perf_counter() - begin
        print(f"  {kind:<11} pairmatch    {own:7.3f} s, gap {plan.gap}")
        for name, (module, minimise) in PEERS.items():
            try:
                library = importlib.import_module(module)
            except ImportError:
                print(f"  {kind:<11} {name:<12} not installed")
                continue
            begin = time.perf_counter()
            total = -cost[np.arange(n), np.asarray(minimise(library, cost.copy()))].sum()
            seconds = time.perf_counter() - begin
            short = plan.objective - total
            verdict = "optimal" if short == 0 else f"{short:,.0f} units SHORT of optimal"
            print(
                f"  {kind:<11} {name:<12} {seconds:7.3f} s, ours {own / seconds:5.2f} x, {verdict}"
            )
    for name, why in OTHERS.items():
        print(f"  {name}: {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, help="people on each side")
    parser.add_argument("--kind", choices=KINDS, default="easy")
    parser.add_argument("--objective", choices=("total", "coverage"), default="total")
    parser.add_argument("--same-school", action="store_true", help="pairs of one school only")
    parser.add_argument("--growth", type=int, nargs="+", help="sizes to fit an exponent to")
    parser.add_argument("--peers", type=int, metavar="N", help="other packages on N x N costs")
    parser.add_argument("--limits", type=int, nargs="*", metavar="N", help="how limits are kept")
    parser.add_argument("--time-limit", type=float)
    parser.add_argument("--no-scipy", action="store_true")
    parser.add_argument("--no-fast", action="store_true", help="without numba")
    parser.add_argument("--smoke", action="store_true", help="every row, 600 a side")
    parser.add_argument("--wish", choices=WISHES, help=argparse.SUPPRESS)
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", pm.PairmatchWarning)
    if arguments.case:
        print(json.dumps(CASES[arguments.case](arguments)))
    elif arguments.peers:
        compare_peers(arguments.peers)
    elif arguments.limits is not None:
        compare_limits(arguments.limits or LIMITED, arguments)
    elif arguments.growth:
        arguments.no_scipy = True
        times = [compare(n, arguments.kind, arguments)["cpu"] for n in arguments.growth]
        pairs = np.log([float(n) ** 2 for n in arguments.growth])
        slope = float(np.polyfit(pairs, np.log(times), 1)[0])
        print(f"cpu time grows with pairs to the power of {slope:.2f}")
    elif arguments.n:
        compare(arguments.n, arguments.kind, arguments)
    else:
        n = 600 if arguments.smoke else 5000
        for kind in KINDS:
            compare(n, kind, arguments)
        arguments.objective, arguments.same_school = "coverage", True
        for kind in KINDS:
            compare(n, kind, arguments)
        if arguments.smoke:
            compare_peers(300)
            compare_limits([600], arguments)


if __name__ == "__main__":
    main()
