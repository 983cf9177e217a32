"""A running plan after one per cent of changes: re-matching beside matching anew.

Run ``python benchmarks/rematch.py`` (5,000 mentees) or with ``--smoke`` (300). Both times are the
best of three on one machine and include tables, scores, the answer and its proof; the ratios are
theirs, by the clock and by processor seconds. "whole plan" is the time until the answer's plan can
be asked for everything, which takes longer where only a few pairs had to be scored. Half a per cent
of mentees and mentors leave, and as many join; "late joiner" is one mentee more; "new rule" asks
for a least score, so that every pair has to be looked at again.
"""

from __future__ import annotations

import argparse
from functools import partial
from time import perf_counter, process_time
from typing import TYPE_CHECKING, TypeVar

import numpy as np

import pairmatch as pm
from pairmatch.datasets import district

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def measure(n_mentees: int, n_mentors: int, limits: list[int]) -> None:
    joined, new_mentors = max(1, n_mentees // 200), max(1, n_mentors // 200)
    pool = district(n_mentees + joined, n_mentors + new_mentors, seed=3)
    mentees = pm.read_profiles(pool.mentees[:n_mentees])
    mentors = pm.read_profiles(pool.mentors[:n_mentors])
    pm.match(mentees, mentors)  # compiled loops are ready from here on
    start = perf_counter()
    plan = pm.match(mentees, mentors)
    print(f"running plan: {plan}, {perf_counter() - start:.2f} s")
    rng = np.random.default_rng(0)
    gone = rng.choice(np.array(mentees.ids), joined, replace=False).tolist()
    gone += rng.choice(np.array(mentors.ids), new_mentors, replace=False).tolist()
    changes = pm.Changes(
        leave=gone, mentees=pool.mentees[n_mentees:], mentors=pool.mentors[n_mentors:]
    )
    stays = [~np.isin(pool.mentees["id"], gone), ~np.isin(pool.mentors["id"], gone)]
    anew, anew_work, fresh = time_best(
        lambda: pm.match(pool.mentees[stays[0]], pool.mentors[stays[1]])
    )
    moved = pm.compare(plan, fresh).moved
    print(f"matching anew: {anew:.2f} s, {int(moved['counted'].sum())} changes, {fresh}")
    late = pm.Changes(mentees=pool.mentees[n_mentees : n_mentees + 1])
    ruled = pm.Changes(program=pm.Program(constraints=[pm.MinScore(0.6)]))
    print(
        "change        limit  changes  matched  objective     gap  seconds  "
        "anew / re-match  (cpu)  whole plan"
    )
    for what, change, limit in (
        *(("1 %", changes, limit) for limit in limits),
        *(("late joiner", late, limit) for limit in (0, 1)),
        *(("new rule", ruled, limit) for limit in limits[1:]),
    ):
        seconds, work, answer = time_best(partial(pm.rematch, plan, change, at_most_changes=limit))
        start = perf_counter()
        answer.plan.to_frame()
        whole = seconds + perf_counter() - start
        gap = "  none" if answer.gap is None else f"{answer.gap:6.2%}"
        print(
            f"{what:12s}  {limit:5d}  {answer.changes:7d}  {answer.matched:7d}  "
            f"{answer.objective:9.2f}  {gap}  {seconds:7.3f}  {anew / seconds:15.1f}  "
            f"{anew_work / work:5.1f}  {whole:10.2f}"
        )


def time_best(run: Callable[[], T]) -> tuple[float, float, T]:
    """Return the least seconds of three runs, by the clock and of the processor, and the answer."""
    took = []
    for _ in range(3):
        start, work = perf_counter(), process_time()
        answer = run()
        took.append((perf_counter() - start, process_time() - work))
    return min(wall for wall, _ in took), min(cpu for _, cpu in took), answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="the smallest size")
    parser.add_argument("--mentees", type=int, default=5000)
    parser.add_argument("--mentors", type=int, default=2500)
    given = parser.parse_args()
    n, m = (300, 150) if given.smoke else (given.mentees, given.mentors)
    measure(n, m, [0, 5, 25] if not given.smoke else [0, 3])


if __name__ == "__main__":
    main()
