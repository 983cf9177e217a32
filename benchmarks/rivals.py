"""Groups: ours and other methods side by side, each with the CPU seconds that ours took.

    python benchmarks/rivals.py                       triads, n = 30 .. 3,000, every family
    python benchmarks/rivals.py --n 300 --family profile --seed 2
    python benchmarks/rivals.py --diverse             maximally diverse grouping, n = 10 .. 480
    python benchmarks/rivals.py --diverse --n 120 --kind Geo
    python benchmarks/rivals.py --rounds              terms of several rounds: reached, and greedily
    python benchmarks/rivals.py --package-python PATH an interpreter that has anti-clustering
    python benchmarks/rivals.py --smoke               the smallest of each

Rows show the mean value of ours in points of 100 (for diverse grouping the sum of distances), and
how far below ours each other method ends, in percent: positive numbers are ours. After the rows
stands how often each method ends below and above ours, and by how much. The methods are

greedy      group after group: the person with the poorest best partner, then whoever adds most
exchange    exchange heuristic of anticlustering: from random groups, every person in turn takes the
            best exchange there is until nothing improves; again and again
annealing   simulated annealing of random swaps, cooled geometrically by the clock: the first
            temperature is WARM times the standard deviation of a pair's value times the root of
            the number of the others in a group, the last one COLD times the first; one run for half
            of the time, then further ones from half as warm a start at the best so far; exchanges
            at the end
CP-SAT      set partition over the best triads of each person and those of its hint, which is what
            exchange found; one worker, stopped by its CPU seconds as all others are
package     ``anti-clustering`` from the package index, which asks for an older numpy and so runs in
            an interpreter of its own; its exchange heuristic, without a limit, up to n = 99

Loops are compiled where numba is there. The families of triads are those of ``groups.py``. Diverse
grouping: Geo has points in 2 to 21 dimensions, uniform in [0, 10]; RanInt whole distances uniform
in [0, 100]; RanReal real ones; numbers of people and sizes of equal groups as published by Gallego,
Laguna, Marti and Duarte (2013), doi:10.1057/jors.2012.66. Unequal: half of the groups have one
person less, and as many people of the instance are left away. Distances count with two decimals.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from groups import (
    FAMILIES,
    FULL,
    MOST_HELD,
    grouping,
    large_triads,
    triads,
)
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.terms import plan_term
from pairmatch.solvers.terms.limits import most_full_rounds

try:
    from numba import njit
except ImportError:

    def njit(function):  # type: ignore[no-redef]
        return function


Margins = dict[str, list[tuple[float, str]]]

WARM, COLD = 0.4, 0.02
NAMES = ("greedy", "exchange", "annealing", "CP-SAT", "package")
SHAPES = {10: 5, 12: 3, 30: 6, 60: 10, 120: 12, 240: 20, 480: 24}
"""People and size of equal groups of the published instances."""
PACKAGE = """
import sys, numpy, anti_clustering
pair, n_groups, seed = numpy.load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
found = anti_clustering.ExchangeHeuristicAntiClustering(random_seed=seed)
together = numpy.asarray(found._solve(pair, n_groups), bool)
together |= together.T | numpy.eye(len(pair), dtype=bool)
numpy.save(sys.argv[4], numpy.unique(together.argmax(axis=1), return_inverse=True)[1])
"""


def value_of(pair: np.ndarray, group_of: np.ndarray) -> float:
    """Return the total of a grouping, in gains; ``pair`` has what two give each other."""
    order = np.argsort(group_of, kind="stable")
    total = 0.0
    for who in np.split(order, np.cumsum(np.bincount(group_of))[:-1]):
        total += float(pair[np.ix_(who, who)].sum()) / 2 / (who.size - 1)
    return total


def seat_greedily(pair: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Fill group after group."""
    n = len(pair)
    free = np.ones(n, bool)
    group_of = np.empty(n, np.int64)
    scarce = np.argsort(np.sort(pair, axis=1)[:, -2], kind="stable")
    for group, size in enumerate(sizes):
        members = [next(p for p in scarce if free[p])]
        free[members[0]] = False
        while len(members) < size:
            worth = np.where(free, pair[members].sum(axis=0), -1)
            members.append(int(worth.argmax()))
            free[members[-1]] = False
        group_of[members] = group
    return group_of


@njit
def _link(pair, members, of_group, person, without):
    """Return what a person has with the members of a group but one."""
    total = 0.0
    for other in members[of_group]:
        if other >= 0 and other != without and other != person:
            total += pair[person, other]
    return total


@njit
def _sweep(pair, weight, group_of, members, first, last):
    """Give each of some people the best exchange there is."""
    n, n_taken = len(group_of), 0
    for i in range(first, last):
        best, other = 1e-9, -1
        g = group_of[i]
        stays = _link(pair, members, g, i, i)
        for j in range(n):
            h = group_of[j]
            if h == g:
                continue
            gained = weight[g] * (_link(pair, members, g, j, i) - stays)
            gained += weight[h] * (_link(pair, members, h, i, j) - _link(pair, members, h, j, j))
            if gained > best:
                best, other = gained, j
        if other >= 0:
            _swap(group_of, members, i, other)
            n_taken += 1
    return n_taken


@njit
def _swap(group_of, members, i, j):
    g, h = group_of[i], group_of[j]
    for at in range(members.shape[1]):
        if members[g, at] == i:
            members[g, at] = j
            break
    for at in range(members.shape[1]):
        if members[h, at] == j:
            members[h, at] = i
            break
    group_of[i], group_of[j] = h, g


@njit
def _anneal(pair, weight, group_of, members, heat, chances):
    """Try random swaps at one temperature; return what they gained."""
    n, total = len(group_of), 0.0
    for at in range(len(chances)):
        i, j = int(chances[at, 0] * n), int(chances[at, 1] * n)
        g, h = group_of[i], group_of[j]
        if g == h:
            continue
        gained = weight[g] * (_link(pair, members, g, j, i) - _link(pair, members, g, i, i))
        gained += weight[h] * (_link(pair, members, h, i, j) - _link(pair, members, h, j, j))
        if gained > 0 or chances[at, 2] < np.exp(gained / heat):
            _swap(group_of, members, i, j)
            total += gained
    return total


def deal(sizes: list[int], rng: np.random.Generator) -> np.ndarray:
    """Return random groups."""
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


def members_of(group_of: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Return the members of each group in a table, -1 where there are fewer."""
    table = np.full((len(sizes), max(sizes)), -1, np.int64)
    for group, size in enumerate(sizes):
        table[group, :size] = np.flatnonzero(group_of == group)
    return table


def exchange(pair: np.ndarray, sizes: list[int], seconds: float, seed: int) -> np.ndarray:
    """Exchange from random beginnings, again and again; the best of all."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / (np.array(sizes) - 1)
    end, best, most = time.process_time() + seconds, np.empty(0, np.int64), -1.0
    while not best.size or time.process_time() < end:
        group_of = deal(sizes, rng)
        descend(pair, weight, group_of, members_of(group_of, sizes), end)
        worth = value_of(pair, group_of)
        if worth > most:
            best, most = group_of, worth
    return best


def descend(
    pair: np.ndarray, weight: np.ndarray, group_of: np.ndarray, members: np.ndarray, end: float
) -> None:
    """Take exchanges until none improves, or time is over."""
    moved = 1
    while moved:
        moved = 0
        for first in range(0, len(pair), 50):
            moved += _sweep(pair, weight, group_of, members, first, min(first + 50, len(pair)))
            if time.process_time() > end:
                return


def simulated_annealing(
    pair: np.ndarray, sizes: list[int], seconds: float, seed: int
) -> np.ndarray:
    """Random swaps, cooled by the clock, with warm restarts; then exchanges."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / (np.array(sizes) - 1)
    best = deal(sizes, rng)
    most = value_of(pair, best)
    unit = pair[~np.eye(len(pair), dtype=bool)].std() * weight.max()
    unit *= np.sqrt(max(sizes) - 1)
    begin, warm, share = time.process_time(), WARM * unit, 0.5
    end = begin + 0.97 * seconds
    while time.process_time() < end:
        group_of = best.copy()
        members = members_of(group_of, sizes)
        start = time.process_time()
        length = min(max(share * seconds, 1e-3), max(end - start, 1e-3))
        while (done := (time.process_time() - start) / length) < 1:
            chances = rng.random((5_000, 3))
            _anneal(pair, weight, group_of, members, max(1e-9, warm * COLD**done), chances)
        descend(pair, weight, group_of, members, begin + 1.05 * seconds)
        worth = value_of(pair, group_of)
        if worth > most:
            best, most = group_of, worth
        warm, share = WARM * unit / 2, 0.17
    return best


def cp_sat(
    pair: np.ndarray, hint: np.ndarray, seconds: float, n_near: int = 40
) -> np.ndarray | None:
    """Set partition over the best triads of each person, with a hint; triads only."""
    from ortools.sat.python import cp_model

    n = len(pair)
    chosen = {tuple(np.flatnonzero(hint == group).tolist()) for group in range(hint.max() + 1)}
    hinted = set(chosen)
    near = np.argsort(-pair, axis=1, kind="stable")[:, :30]
    for i in range(n):
        own = [tuple(sorted((i, int(a), int(b)))) for a in near[i] for b in near[i] if a < b]
        own = [t for t in own if len(set(t)) == 3]
        own.sort(key=lambda t: -(pair[t[0], t[1]] + pair[t[0], t[2]] + pair[t[1], t[2]]))
        chosen.update(own[:n_near])
    columns = sorted(chosen)
    model = cp_model.CpModel()
    used = [model.new_bool_var("") for _ in columns]
    of_person: list[list] = [[] for _ in range(n)]
    for variable, column in zip(used, columns, strict=True):
        model.add_hint(variable, column in hinted)
        for person in column:
            of_person[person].append(variable)
    for variables in of_person:
        model.add_exactly_one(variables)
    worth = [int(pair[a, b] + pair[a, c] + pair[b, c]) for a, b, c in columns]
    model.maximize(sum(w * v for w, v in zip(worth, used, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    begin, over = time.process_time(), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if time.process_time() - begin > max(1.0, seconds):
                solver.stop_search()

    watcher = threading.Thread(target=watch)
    watcher.start()
    state = solver.solve(model)
    over.set()
    watcher.join()
    if state not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    group_of = np.empty(n, np.int64)
    picked = [c for c, v in zip(columns, used, strict=True) if solver.value(v)]
    for group, column in enumerate(picked):
        group_of[list(column)] = group
    return group_of


def from_package(pair: np.ndarray, n_groups: int, seed: int, python: str) -> np.ndarray | None:
    """Let the package solve it; None where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "pair.npy", Path(folder) / "found.npy"
        np.save(given, pair / pair.max())
        command = [python, "-c", PACKAGE, str(given), str(n_groups), str(seed), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return np.load(found) if done.returncode == 0 else None


def list_below(
    margins: Margins, row: str, ours: float, pair: np.ndarray, answers: dict[str, np.ndarray | None]
) -> str:
    """Return how far below ours other answers are, and keep that for the end."""
    shown = []
    for name, group_of in answers.items():
        if group_of is None:
            shown.append(f"{'-':>11}")
            continue
        less = 100 * (ours - value_of(pair, group_of)) / abs(ours)
        margins[name].append((less, row))
        shown.append(f"{less:+9.3f} %")
    return " ".join(shown)


def sum_up(margins: Margins) -> None:
    """Print who wins, how often and by how much."""
    for name, rows in margins.items():
        if not rows:
            continue
        less = np.array([one for one, _ in rows]).round(4)
        best, where = min(rows)
        print(
            f"{name:<10} below ours in {(less > 0).sum()} of {less.size} rows, the same in "
            f"{(less == 0).sum()}, above in {(less < 0).sum()}; {less.mean():+.3f} % on average, "
            f"{best:+.3f} % at its best ({where})",
            flush=True,
        )


def compare(
    family: str, n: int, seed: int, methods: list[str], python: str | None, margins: Margins
) -> None:
    """Print one row of triads."""
    gain = FAMILIES[family](n, seed)
    pair = (gain + gain.T).astype(float)
    np.fill_diagonal(pair, 0)
    streamed = n > MOST_HELD and family == "profile"
    problem = large_triads(n, seed) if streamed else triads(gain)
    start, cpu = time.perf_counter(), time.process_time()
    solution = solve_grouping(problem, seed=seed)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    certificate = certify_grouping(problem, solution)
    sizes = [3] * (n // 3)
    ours = value_of(pair, solution.group_of)
    answers: dict[str, np.ndarray | None] = dict.fromkeys(NAMES)
    if "greedy" in methods:
        answers["greedy"] = seat_greedily(pair, sizes)
    if "exchange" in methods:
        answers["exchange"] = exchange(pair, sizes, cpu, seed)
    if "annealing" in methods:
        answers["annealing"] = simulated_annealing(pair, sizes, cpu, seed)
    if "CP-SAT" in methods:
        hint = answers["exchange"]
        hint = exchange(pair, sizes, cpu, seed) if hint is None else hint
        answers["CP-SAT"] = cp_sat(pair, hint, cpu)
    if "package" in methods and python is not None and n <= 99:
        answers["package"] = from_package(pair, n // 3, seed, python)
    shown = list_below(margins, f"{family} {n}", ours, pair, answers)
    print(
        f"{family:<10} {n:>5} {seconds:7.1f} s {cpu:7.1f} s {100 * ours / FULL / n:9.4f} "
        f"{100 * (certificate.gap or 0.0):8.4f} %  {shown}",
        flush=True,
    )


def diverse_gains(kind: str, n: int, seed: int) -> np.ndarray:
    """Symmetric distances of the published generators, times 100 where they are real numbers."""
    rng = np.random.default_rng(seed)
    if kind == "Geo":
        points = rng.uniform(0, 10, (n, int(rng.integers(2, 22))))
        square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
        return np.rint(100 * np.sqrt(square)).astype(np.int64)
    upper = np.triu(
        rng.integers(0, 101, (n, n)) if kind == "RanInt" else rng.uniform(0, 100, (n, n)), 1
    )
    return np.rint((1 if kind == "RanInt" else 100) * (upper + upper.T)).astype(np.int64)


def diverse(
    kind: str,
    n: int,
    seed: int,
    methods: list[str],
    python: str | None,
    margins: Margins,
    *,
    alike: bool,
) -> None:
    """Print one row of diverse grouping, with equal groups or with half of them smaller by one."""
    size = SHAPES[n]
    gain = diverse_gains(kind, n, seed)
    if not alike:
        n -= n // size // 2
        gain = gain[:n, :n]
    problem = grouping(gain, size if alike else size - 1, size, size)
    start, cpu = time.perf_counter(), time.process_time()
    solution = solve_grouping(problem, seed=seed)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    certificate = certify_grouping(problem, solution)
    sizes = np.bincount(solution.group_of).tolist()
    pair = (gain + gain.T).astype(float)
    ours = value_of(pair, solution.group_of)
    answers: dict[str, np.ndarray | None] = dict.fromkeys(NAMES)
    if "greedy" in methods:
        answers["greedy"] = seat_greedily(pair, sizes)
    if "exchange" in methods:
        answers["exchange"] = exchange(pair, sizes, cpu, seed)
    if "annealing" in methods:
        answers["annealing"] = simulated_annealing(pair, sizes, cpu, seed)
    if "package" in methods and python is not None and n <= 60 and len(set(sizes)) == 1:
        answers["package"] = from_package(pair, len(sizes), seed, python)
    shown = list_below(margins, f"{kind} {n}", ours, pair, answers)
    listed = f"{len(sizes)} of {min(sizes)}" + (f"-{max(sizes)}" if len(set(sizes)) > 1 else "")
    print(
        f"{kind:<8} {n:>4}  {listed:<12} {seconds:6.1f} s {cpu:6.1f} s "
        f"{100 * (certificate.gap or 0.0):8.3f} %  {shown}",
        flush=True,
    )


def rounds(family: str, n: int, seed: int) -> None:
    """Print how many full rounds of triads are planned together, and how many one by one."""
    problem = triads(FAMILIES[family](n, seed))
    first = solve_grouping(problem, seed=seed).group_of
    most, _ = most_full_rounds(problem, n)
    assert most is not None
    cpu = time.process_time()
    term, _ = plan_term(problem, first, most, scale=12, seed=seed)
    cpu = time.process_time() - cpu
    met, n_greedy, group_of = np.eye(n, dtype=bool), 0, first
    greedy = time.process_time()
    while n_greedy < most and (group_of >= 0).all():
        met |= group_of[:, None] == group_of
        n_greedy += 1
        group_of = solve_grouping(replace(problem, allowed=~met), seed=seed).group_of
    greedy = time.process_time() - greedy
    print(
        f"{family:<10} {n:>4} {most:>8} {len(term):>9} {cpu:6.1f} s {n_greedy:>9} {greedy:6.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="the smallest of each")
    parser.add_argument("--diverse", action="store_true", help="maximally diverse grouping")
    parser.add_argument("--rounds", action="store_true", help="terms of several rounds")
    parser.add_argument("--n", type=int, nargs="*")
    parser.add_argument("--family", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--kind", nargs="*", default=["Geo", "RanInt", "RanReal"])
    parser.add_argument("--method", nargs="*", choices=NAMES, default=list(NAMES))
    parser.add_argument("--package-python", metavar="PATH")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    pair = 1.0 - np.eye(6)  # compiled before the clock starts
    exchange(pair, [3, 3], 0.0, 0)
    simulated_annealing(pair, [3, 3], 0.01, 0)
    solve_grouping(triads(FAMILIES["random"](18, 0)))
    heads = " ".join(f"{name:>11}" for name in NAMES)
    print(
        f"seed {chosen.seed}; annealing: WARM {WARM}, COLD {COLD}; every method has the CPU "
        "seconds of ours,\nwhich stand in its row; numbers are percent below ours\n"
    )
    given = chosen.method, chosen.package_python
    if chosen.smoke or not (chosen.diverse or chosen.rounds):
        print(f"{'family':<10} {'n':>5} {'wall':>9} {'CPU':>9} {'points':>9} {'gap':>10}  {heads}")
        margins: Margins = {name: [] for name in NAMES}
        for n in [30] if chosen.smoke else chosen.n or [30, 99, 300, 999, 3000]:
            for family in chosen.family:
                compare(family, n, chosen.seed, *given, margins)
        sum_up(margins)
    if chosen.smoke or chosen.diverse:
        print(f"\n{'kind':<8} {'n':>4}  {'groups':<12} {'wall':>8} {'CPU':>8} {'gap':>10}  {heads}")
        margins = {name: [] for name in NAMES}
        for n in [10] if chosen.smoke else chosen.n or list(SHAPES):
            for kind in chosen.kind:
                for alike in (True, False):
                    diverse(kind, n, chosen.seed, *given, margins, alike=alike)
        sum_up(margins)
    if chosen.smoke or chosen.rounds:
        print(f"\n{'family':<10} {'n':>4} {'at most':>8} {'together':>9} {'':>8} {'one by one':>9}")
        for n in [9] if chosen.smoke else chosen.n or [9, 12, 15, 18, 21, 24, 27, 30, 33]:
            for family in chosen.family[:1]:
                rounds(family, n, chosen.seed)


if __name__ == "__main__":
    main()
