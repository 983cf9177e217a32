"""What times to meet cost: match with Meetings against match without, and against CP-SAT.

    python benchmarks/time.py                  # 2,000 mentees x 800 mentors x 40 slots
    python benchmarks/time.py --large          # 10,000 x 4,000 x 40 as well
    python benchmarks/time.py --cpsat          # the joint model in CP-SAT, growing sizes
    python benchmarks/time.py --smoke          # the smallest size of everything

Pools: teachers of one bell schedule (5 days of 8 periods), each free in a few of the 40 periods;
subjects, goals and strengths; up to three mentees a mentor. Every pair gets one period, nobody two
pairs in one. Ratios are of times measured in the same run, after a small pool has compiled and
loaded everything. ``match`` includes reading scores, solving, proving and checking every pair;
``solver`` is the solver alone, on the same integers with and without slots.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace

import numpy as np
import pandas as pd

import pairmatch as pm
from pairmatch.seam import assignment_problem
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.fair import certify_plan

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
PERIODS = tuple(
    f"{day} {h // 60:02d}:{h % 60:02d}-{(h + 45) // 60:02d}:{(h + 45) % 60:02d}"
    for day in DAYS
    for h in range(480, 480 + 8 * 50, 50)
)
SKILLS = tuple(f"skill {k}" for k in range(20))
SUBJECTS = tuple(f"subject {k}" for k in range(12))


def draw_table(rng, n, prefix, share):
    """Draw teachers with subjects, skills and free periods."""

    def some(entries, chance):
        return ["; ".join(e for e in entries if rng.random() < chance) for _ in range(n)]

    return pd.DataFrame(
        {
            "id": [f"{prefix}{k}" for k in range(n)],
            "subjects": some(SUBJECTS, 0.15),
            "goals": some(SKILLS, 0.2),
            "strengths": some(SKILLS, 0.3),
            "years": rng.integers(0, 30, n),
            "max_mentees": rng.integers(1, 5, n),
            "free": ["; ".join(rng.choice(PERIODS, 5, replace=False)) for _ in range(n)]
            if share is None
            else some(PERIODS, share),
        }
    )


def make_pool(n, m, seed=0, share=0.12):
    """Return mentees and mentors as profiles."""
    rng = np.random.default_rng(seed)
    mentees, mentors = draw_table(rng, n, "T-", share), draw_table(rng, m, "M-", share)
    return pm.read_profiles(mentees), pm.read_profiles(mentors)


def make_program(*constraints):
    """Return criteria with any constraints."""
    criteria = [pm.SubjectMatch(weight=3), pm.GoalCoverage(weight=3), pm.ExperienceGap()]
    return pm.Program(criteria, [pm.Load(), *constraints])


def clock(work):
    """Return seconds and result."""
    seconds, _, found = clock_both(work)
    return seconds, found


def clock_both(work):
    """Return seconds, seconds of all processors (which a busy machine changes less), and result."""
    start, used = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - start, time.process_time() - used, found


def warm_up():
    """Compile and load everything, so that it is in no time that is printed."""
    pool = make_pool(60, 24, seed=9)
    for rules in ([], [pm.Meetings(45)]):
        for method in ("auto", "pricing"):
            pm.match(*pool, make_program(*rules), options=pm.Options(method=method))


def compare(n, m, seed=0):
    """Print match and solver with and without slots, once each."""
    pool = make_pool(n, m, seed)
    joint = pm.Require(pm.CommonTime(minutes=45))
    plain_time, plain_used, plain = clock_both(lambda: pm.match(*pool, make_program(joint)))
    timed_time, timed_used, timed = clock_both(
        lambda: pm.match(*pool, make_program(pm.Meetings(45)))
    )
    bare = replace(timed.problem, slots=None)
    solver_plain, bare_used, _ = clock_both(lambda: solve_assignment(bare))
    solver_timed, joint_used, _ = clock_both(lambda: solve_assignment(timed.problem))
    check_time, _ = clock(lambda: pm.verify(timed))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n:,} x {m:,} x {timed.problem.slots.n_slots}: match {plain_time:.2f} s without times, "
        f"{timed_time:.2f} s with: ratio {timed_time / plain_time:.2f}; solver "
        f"{solver_plain:.2f} s and {solver_timed:.2f} s: ratio {solver_timed / solver_plain:.2f}; "
        f"verify {check_time:.2f} s; peak {peak:.0f} MB"
    )
    print(
        f"    processor time: match {plain_used:.2f} s and {timed_used:.2f} s: ratio "
        f"{timed_used / plain_used:.2f}; solver {bare_used:.2f} s and {joint_used:.2f} s: ratio "
        f"{joint_used / bare_used:.2f}"
    )
    print(
        f"    matched {plain.matched} and {timed.matched}, total {plain.objective:.1f} and "
        f"{timed.objective:.1f}, gap {timed.gap} over all {n * m:,} pairs, {timed.solver}"
    )
    return timed


def solve_by_cpsat(problem, seconds):
    """Solve the joint model in CP-SAT; return (matched, total, proved)."""
    from ortools.sat.python import cp_model

    slots, (n, m) = problem.slots, problem.gains.shape
    gain, allowed = problem.gains.block(slice(0, n), slice(0, m))
    model = cp_model.CpModel()
    row = [[] for _ in range(n)]
    load = [[] for _ in range(m)]
    calendar = {}
    terms, weights = [], []
    bonus = (int(gain.max()) + 1) * (n + 1)
    for i, j in np.argwhere(allowed).tolist():
        for t in np.flatnonzero(slots.row[i] & slots.column[j]).tolist():
            take = model.new_bool_var("")
            row[i].append(take)
            load[j].append(take)
            calendar.setdefault((j, t), []).append(take)
            terms.append(take)
            weights.append(bonus + int(gain[i, j]))
    for own in [*row, *calendar.values()]:
        model.add_at_most_one(own)
    for j in range(m):
        model.add(sum(load[j]) <= int(problem.capacity[j]))
    model.maximize(cp_model.LinearExpr.weighted_sum(terms, weights))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.catch_sigint_signal = False
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return 0, 0, False
    chosen = [w - bonus for take, w in zip(terms, weights, strict=True) if solver.value(take)]
    return len(chosen), sum(chosen), status == cp_model.OPTIMAL


def race(sizes, seconds):
    """Print our time and CP-SAT's on the same integers, building the model included."""
    for n, m in sizes:
        pool = make_pool(n, m, seed=1)
        program = make_program(pm.Meetings(45))
        scored = pm.score(*pool, program)
        problem = assignment_problem(scored, program.constraints, "coverage")
        ours, answer = clock(lambda p=problem: solve_assignment(p))
        proof, found = clock(lambda p=problem, a=answer: certify_plan(p, a))
        theirs, other = clock(lambda p=problem: solve_by_cpsat(p, seconds))
        same = other[:2] == (found.matched, found.objective)
        word = ("the same" if same else "another") + (" plan value" if other[2] else ", not proved")
        print(
            f"{n:,} x {m:,} x 40: {ours + proof:.2f} s with proof ({found.proved}); CP-SAT "
            f"{theirs:.2f} s, {word}: {theirs / (ours + proof):.1f} x"
        )


def main():
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="smallest sizes only")
    parser.add_argument("--large", action="store_true", help="10,000 x 4,000 as well")
    parser.add_argument("--cpsat", action="store_true", help="the race with CP-SAT")
    parser.add_argument("--seconds", type=float, default=60, help="time limit of CP-SAT")
    given = parser.parse_args()
    warm_up()
    compare(*((60, 24) if given.smoke else (300, 120)))
    if given.smoke:
        race([(30, 12)], given.seconds)
        return
    if given.cpsat:
        race([(50, 20), (100, 40), (200, 80), (400, 160), (800, 320)], given.seconds)
        return
    compare(2000, 800)
    if given.large:
        compare(10_000, 4_000)


if __name__ == "__main__":
    main()
