"""Every ready-made model on made-up pools: proved gap, people placed, and what it costs.

    python benchmarks/presets.py                            every model, 25, 61, 120 and 240 people
    python benchmarks/presets.py --model triad plc --n 61   some models, some sizes
    python benchmarks/presets.py --limit 10                 what a time limit leaves of the gaps
    python benchmarks/presets.py --smoke                    every model on 16 people

Groups are formed of one staff in which every fourth person may facilitate (or is a mentor, in
circles); for pairs there are four mentors for five mentees, as many people together. The gap is
zero if and only if the plan is proved to be the best. CPU seconds stand beside wall-clock seconds
because machines are shared; ``placed`` is followed by what is proved to be possible.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import pairmatch as pm
from pairmatch.datasets import district, staff
from pairmatch.programs import PRESETS

NEEDED = {"initiative": {"skill": "technology integration"}}
SIZES = (25, 61, 120, 240)


def teachers(n: int, seed: int, model: str) -> pm.Profiles:
    """One staff, with the roles that a model asks for."""
    table = staff(n, seed=seed, gaps=0.04)
    turn = np.arange(n) % 4 == 0
    first, rest = ("mentor", "mentee") if model == "circle" else ("facilitator", "both")
    table["role"] = np.where(turn, first, rest)
    return pm.read_profiles(table)


def run(model: str, n: int, seed: int, limit: float | None) -> str:
    """One line about one model on one pool."""
    program = pm.Program.preset(model, **NEEDED.get(model, {}))
    options = pm.Options(time_limit=limit)
    if PRESETS[model].verb == "match":
        both = district(n * 5 // 9, n - n * 5 // 9, seed=seed, gaps=0.04)
        wall, cpu = time.perf_counter(), time.process_time()
        plan = pm.match(both.mentees, both.mentors, program, options=options)
    else:
        pool = teachers(n, seed, model)
        wall, cpu = time.perf_counter(), time.process_time()
        plan = pm.form_groups(pool, program, options=options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pm.verify(plan)
    gap = "none" if plan.gap is None else f"{100 * plan.gap:.2f} %"
    most = "?" if plan.matched_bound is None else plan.matched_bound
    placed = f"{plan.matched} of {most}"
    return (
        f"{model:15s} {n:5d} {gap:>8s} {cpu:8.2f} {wall:8.2f} {placed:>12s}  "
        f"{plan.status.value:10s} {plan.solver}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--n", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, help="time limit in seconds")
    parser.add_argument("--smoke", action="store_true", help="16 people only")
    given = parser.parse_args()
    warnings.simplefilter("ignore", pm.PairmatchWarning)
    print(f"{'model':15s} {'n':>5s} {'gap':>8s} {'cpu s':>8s} {'wall s':>8s} {'placed':>12s}")
    for n in [16] if given.smoke else given.n:
        for model in given.model:
            print(run(model, n, given.seed, given.limit), flush=True)


if __name__ == "__main__":
    main()
