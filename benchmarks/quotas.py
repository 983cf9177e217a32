"""Time and memory of pools with a quota that binds: few pairs at a time against all at once.

    python benchmarks/quotas.py                          # 6,000 a side
    python benchmarks/quotas.py --n 2000 --kind hard
    python benchmarks/quotas.py --n 5000 --limits        # minimum loads, and hardly any time
    python benchmarks/quotas.py --smoke

Made-up districts scored by named criteria; every mentor has up to three mentees, of each school at
most one, so that favourites with several mentees of one school have to do without. *pricing* holds
a few pairs of each person at a time, *flow* all pairs. Every case runs in a process of its own, so
peak resident memory is that of the case; the time is that of scoring, solving and proving, with
compiled code loaded beforehand. With ``--limits`` there are 0.48 mentors a mentee, each with at
least two mentees: what is left of the plan under time limits of 0.5 to 5 seconds for the solver.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import pairmatch as pm
from pairmatch.datasets import district as make_district
from pairmatch.seam import assignment_problem
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.assignment.pricing.compiled import load_compiled
from pairmatch.solvers.certify import certify_assignment

KINDS = ("easy", "hard", "one_ranking")
CRITERIA = (
    pm.SubjectMatch(weight=3),
    pm.GradeMatch(weight=1),
    pm.ExperienceGap(at_least=3, ideal=8, at_most=20, weight=2),
    pm.GoalCoverage(weight=3),
    pm.StyleFit(weight=1),
)


def solve(n, kind, method, objective):
    """Return what one case took and what was proved."""
    load_compiled()
    district = make_district(n, n, seed=0, kind=kind, n_schools=max(6, n // 100))
    tables = [pm.read_profiles(district.mentees), pm.read_profiles(district.mentors)]
    rules = (pm.Load(at_most=3), pm.Quota(by="school", at_most=1))
    program = pm.Program(criteria=CRITERIA, constraints=rules, objective=objective)
    began = time.perf_counter()
    scored = pm.score(*tables, program)
    problem = assignment_problem(scored, program.constraints, program.objective)
    solution = solve_assignment(problem, method=method)
    certificate = certify_assignment(problem, solution)
    return {
        "seconds": time.perf_counter() - began,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "solver": solution.solver,
        "matched": certificate.matched,
        "total": certificate.objective,
        "proved": certificate.proved,
    }


def measure_limits(n, kind):
    """Print a line for each time limit under which minimum loads are met."""
    load_compiled()
    m = int(0.48 * n)
    district = make_district(n, m, seed=0, kind=kind, n_schools=max(6, n // 100))
    tables = [pm.read_profiles(district.mentees), pm.read_profiles(district.mentors)]
    rules = (pm.Load(at_most=3, at_least=2), pm.Quota(by="school", at_most=1))
    program = pm.Program(criteria=CRITERIA, constraints=rules)
    problem = assignment_problem(pm.score(*tables, program), rules, program.objective)
    for limit in (0.5, 1, 2, 3, 5):
        began = time.perf_counter()
        try:
            solution = solve_assignment(problem, method="pricing", time_limit=limit)
        except pm.CapabilityError as error:
            print(
                f"{n:>7} x {m:<6} limit {limit:3} s {time.perf_counter() - began:7.2f} s  {error}"
            )
            continue
        seconds = time.perf_counter() - began
        found = certify_assignment(problem, solution)
        gap = 0.0 if found.gap is None else 100 * found.gap
        print(
            f"{n:>7} x {m:<6} limit {limit:3} s {seconds:7.2f} s  matched {found.matched}  "
            f"gap {gap:.2f} %  {solution.status.value}",
            flush=True,
        )


def run_apart(n, kind, method, objective):
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--n", str(n), "--kind", kind, "--objective", objective]
    done = subprocess.run(
        [*command, "--method", method], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(n, kind, arguments):
    """Print a line for each method, and check that they agree."""
    found = []
    for method in ("pricing",) if arguments.no_flow else ("pricing", "flow"):
        case = run_apart(n, kind, method, arguments.objective)
        print(
            f"{n:>7} {kind:<11} {arguments.objective:<8} {method:<8} {case['seconds']:8.2f} s "
            f"{case['megabytes']:6.0f} MB  proved {case['proved']}  ({case['solver']})",
            flush=True,
        )
        found.append((case["matched"], case["total"]))
    assert len(set(found)) == 1, found


def main():
    """Read what is asked for, and run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=6000, help="people on each side")
    parser.add_argument("--kind", choices=KINDS, default="easy")
    parser.add_argument("--objective", choices=("coverage", "total"), default="coverage")
    parser.add_argument("--no-flow", action="store_true", help="without the flow over all pairs")
    parser.add_argument("--smoke", action="store_true", help="the smallest size")
    parser.add_argument("--limits", action="store_true", help="minimum loads under time limits")
    parser.add_argument("--method", choices=("pricing", "flow"), help="one case only, as JSON")
    arguments = parser.parse_args()
    if arguments.method:
        case = solve(arguments.n, arguments.kind, arguments.method, arguments.objective)
        print(json.dumps(case))
        return
    if arguments.limits:
        measure_limits(300 if arguments.smoke else arguments.n, arguments.kind)
        return
    compare(300 if arguments.smoke else arguments.n, arguments.kind, arguments)


if __name__ == "__main__":
    main()
