"""Groups: proved gaps by pool size, and other methods side by side at equal time.

    python benchmarks/groups.py                     triads, n = 30 .. 999, every family
    python benchmarks/groups.py --n 3000 9999 --family profile --time-limit 180
    python benchmarks/groups.py --against           others at equal time, n = 30, 99, 300
    python benchmarks/groups.py --diverse           maximally diverse grouping, published generators
    python benchmarks/groups.py --pairs             reciprocal pairs, n = 30 .. 999
    python benchmarks/groups.py --smoke             the smallest of each

The families are defined here, in whole: ``profile`` (skills, goals, subjects, years and styles),
``random`` (independent gains), ``euclidean`` (nearness of points in the plane). The others are
greedy seating, exchange of two people as long as it gains (as anticlustering packages do),
simulated annealing of random swaps, and CP-SAT on the best triads with the exchange's answer as a
hint; each gets the time that ours took. Loops are compiled where numba is there. CPU seconds stand
beside wall-clock seconds because machines are shared.
"""

from __future__ import annotations

import argparse
import resource
import time
from math import lcm

import numpy as np

from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping
from pairmatch.solvers.streamed import StreamedGains

try:
    from numba import njit
except ImportError:

    def njit(function):  # type: ignore[no-redef]
        return function


FULL = 1_000_000
MOST_HELD = 2000  # people above whom the gains of profiles are computed where they are needed
METHODS = ("ours", "greedy", "exchange", "annealing", "CP-SAT")


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
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    return np.rint(FULL * (1 - distance / np.sqrt(2))).astype(np.int64)


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


def worst_of(problem: GroupingProblem | StreamedGrouping, group_of: np.ndarray) -> float:
    """Return the mean over people of their group's worst rotation, in points."""
    worst = 0.0
    order = np.argsort(group_of, kind="stable")
    for who in np.split(order, np.cumsum(np.bincount(group_of))[:-1]):
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
) -> tuple[float, np.ndarray, int]:
    """Solve, check and print one problem; return seconds, groups and scaled bound."""
    start, cpu = time.perf_counter(), time.process_time()
    solution = solve_grouping(problem, seed=seed, time_limit=time_limit)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    certificate = certify_grouping(problem, solution)
    checking = time.perf_counter() - start
    assert certificate.bound is not None
    points = 100 / FULL / certificate.scale / n
    print(
        f"{family:<10} {n:>5}  {problem.objective:<14} {certificate.objective * points:9.4f} "
        f"{certificate.bound * points:9.4f}  {100 * (certificate.gap or 0.0):7.4f} % "
        f"{seconds:6.1f} s {cpu:6.1f} s {worst_of(problem, solution.group_of):9.3f} "
        f"{checking:6.1f} s {peak_megabytes():>6} MB  {solution.bound_method}",
        flush=True,
    )
    return seconds, solution.group_of, certificate.bound // certificate.scale


def show_head() -> None:
    print(
        f"{'family':<10} {'n':>5}  {'objective':<14} {'points':>9} {'bound':>9}  {'gap':>9} "
        f"{'wall':>8} {'CPU':>8} {'worst r.':>9} {'checked':>8} {'peak':>9}  bound by"
    )


def value_of(gain: np.ndarray, group_of: np.ndarray) -> float:
    """Return the total of a grouping, in gains."""
    total = 0.0
    for group in range(group_of.max() + 1):
        who = np.flatnonzero(group_of == group)
        inside = gain[np.ix_(who, who)]
        total += (inside.sum() - np.trace(inside)) / (who.size - 1)
    return total


def seat_greedily(pair: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Fill group after group: the person with the poorest best partner, then whoever adds most."""
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
def _sum_up(pair, group_of, n_groups):
    inside = np.zeros((len(group_of), n_groups))
    for j in range(len(group_of)):
        for i in range(len(group_of)):
            inside[i, group_of[j]] += pair[i, j]
    return inside


@njit
def _sweep(pair, weight, group_of, inside, first, last):
    """Give each of some people the best exchange there is."""
    n, n_taken = len(group_of), 0
    for i in range(first, last):
        best, other = 1e-9, -1
        g = group_of[i]
        for j in range(n):
            h = group_of[j]
            if h == g:
                continue
            gained = weight[g] * (inside[j, g] - inside[i, g] - pair[i, j])
            gained += weight[h] * (inside[i, h] - inside[j, h] - pair[i, j])
            if gained > best:
                best, other = gained, j
        if other >= 0:
            h = group_of[other]
            for p in range(n):
                inside[p, g] += pair[other, p] - pair[i, p]
                inside[p, h] += pair[i, p] - pair[other, p]
            group_of[i], group_of[other] = h, g
            n_taken += 1
    return n_taken


@njit
def _anneal(pair, weight, group_of, inside, heat, chances):
    n = len(group_of)
    for at in range(len(chances)):
        i, j = int(chances[at, 0] * n), int(chances[at, 1] * n)
        g, h = group_of[i], group_of[j]
        if g == h:
            continue
        gained = weight[g] * (inside[j, g] - inside[i, g] - pair[i, j])
        gained += weight[h] * (inside[i, h] - inside[j, h] - pair[i, j])
        if gained > 0 or chances[at, 2] < np.exp(gained / heat):
            for p in range(n):
                inside[p, g] += pair[j, p] - pair[i, p]
                inside[p, h] += pair[i, p] - pair[j, p]
            group_of[i], group_of[j] = h, g


def exchange(pair: np.ndarray, sizes: list[int], seconds: float, seed: int) -> np.ndarray:
    """Exchange heuristic from random beginnings, again and again; the best of all."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / (np.array(sizes) - 1)
    end, best, most = time.perf_counter() + seconds, np.empty(0, np.int64), -1.0
    while not best.size or time.perf_counter() < end:
        group_of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        inside = _sum_up(pair, group_of, len(sizes))
        moved = 1
        while moved and (not best.size or time.perf_counter() < end):
            moved = 0
            for first in range(0, len(pair), 50):
                last = min(first + 50, len(pair))
                moved += _sweep(pair, weight, group_of, inside, first, last)
                if time.perf_counter() > end:
                    break
        worth = (inside[np.arange(len(pair)), group_of] * weight[group_of]).sum()
        if worth > most:
            best, most = group_of.copy(), worth
    return best


def simulated_annealing(
    pair: np.ndarray, sizes: list[int], seconds: float, seed: int
) -> np.ndarray:
    """Random swaps, cooling geometrically by the clock; then exchanges."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / (np.array(sizes) - 1)
    group_of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    inside = _sum_up(pair, group_of, len(sizes))
    warm = 0.3 * pair[~np.eye(len(pair), dtype=bool)].std() * weight.max()
    start = time.perf_counter()
    while (done := (time.perf_counter() - start) / seconds) < 1:
        chances = rng.random((20_000, 3))
        _anneal(pair, weight, group_of, inside, max(1e-9, warm * 0.003**done), chances)
    _sweep(pair, weight, group_of, inside, 0, len(pair))
    return group_of


def cp_sat(
    pair: np.ndarray, hint: np.ndarray, seconds: float, n_near: int = 40
) -> np.ndarray | None:
    """Set partition over the best triads of each person, with a hint; triads only."""
    from ortools.sat.python import cp_model

    n = len(pair)
    chosen: set[tuple[int, ...]] = set()
    for group in range(hint.max() + 1):
        chosen.add(tuple(np.flatnonzero(hint == group).tolist()))
    hinted = set(chosen)
    near = np.argsort(-pair, axis=1, kind="stable")[:, :30]
    for i in range(n):
        own = [tuple(sorted((i, int(a), int(b)))) for a in near[i] for b in near[i] if a < b]
        own.sort(key=lambda t: -(pair[t[0], t[1]] + pair[t[0], t[2]] + pair[t[1], t[2]]))
        chosen.update(t for t in own[:n_near] if len(set(t)) == 3 and i in t)
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
    solver.parameters.max_time_in_seconds = max(1.0, seconds)
    solver.parameters.num_workers = 2
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    group_of = np.empty(n, np.int64)
    picked = [c for c, v in zip(columns, used, strict=True) if solver.value(v)]
    for group, column in enumerate(picked):
        group_of[list(column)] = group
    return group_of


def compare(family: str, n: int, seed: int) -> None:
    """Print how far below the proved bound each method ends, at equal time."""
    gain = FAMILIES[family](n, seed)
    pair = (gain + gain.T).astype(float)
    np.fill_diagonal(pair, 0)
    start = time.perf_counter()
    solution = solve_grouping(triads(gain), seed=seed)
    seconds = time.perf_counter() - start
    certificate = certify_grouping(triads(gain), solution)
    assert certificate.bound is not None
    bound = certificate.bound / certificate.scale
    sizes = [3] * (n // 3)
    greedy = seat_greedily(pair, sizes)
    swapped = exchange(pair, sizes, seconds, seed)
    answers = {
        "ours": solution.group_of,
        "greedy": greedy,
        "exchange": swapped,
        "annealing": simulated_annealing(pair, sizes, seconds, seed),
        "CP-SAT": cp_sat(pair, swapped, seconds),
    }
    shown = " ".join(
        f"{100 * (bound - value_of(gain, group_of)) / bound:9.3f} %"
        if group_of is not None
        else "-"
        for group_of in answers.values()
    )
    print(f"{family:<10} {n:>5} {seconds:7.1f} s  {shown}", flush=True)


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


def diverse(kind: str, n: int, size: tuple[int, int], seed: int) -> None:
    """Compare with exchange and annealing at equal time; how much more is gained, in percent."""
    gain = diverse_gains(kind, n, seed)
    problem = grouping(gain, *size, (size[0] + size[1] + 1) // 2)
    start = time.perf_counter()
    solution = solve_grouping(problem, seed=seed)
    seconds = time.perf_counter() - start
    certificate = certify_grouping(problem, solution)
    sizes = np.bincount(solution.group_of).tolist()
    pair = (gain + gain.T).astype(float)
    ours = value_of(gain, solution.group_of)
    swapped = value_of(gain, exchange(pair, sizes, seconds, seed))
    cooled = value_of(gain, simulated_annealing(pair, sizes, seconds, seed))
    print(
        f"{kind:<8} {n:>4}  {size[0]:>2} to {size[1]:<2} {seconds:6.1f} s  "
        f"{100 * (ours / swapped - 1):+8.3f} %  {100 * (ours / cooled - 1):+8.3f} %  "
        f"gap {100 * (certificate.gap or 0.0):7.3f} %  scale {lcm(*(s - 1 for s in set(sizes)))}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--smoke", action="store_true", help="the smallest of each")
    parser.add_argument("--against", action="store_true", help="others at equal time")
    parser.add_argument("--diverse", action="store_true", help="maximally diverse grouping")
    parser.add_argument("--pairs", action="store_true", help="reciprocal pairs")
    parser.add_argument("--n", type=int, nargs="*")
    parser.add_argument("--family", nargs="*", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--objective", default="total", choices=["total", "worst_rotation"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=None)
    chosen = parser.parse_args()
    every = not (chosen.against or chosen.diverse or chosen.pairs)
    if every or chosen.pairs:
        show_head()
        size = (2, 2, 2) if chosen.pairs else (3, 5, 3)
        for n in [30] if chosen.smoke else chosen.n or [30, 99, 300, 999]:
            for family in chosen.family:
                problem: GroupingProblem | StreamedGrouping
                if n > MOST_HELD and family == "profile" and not chosen.pairs:
                    problem = large_triads(n, chosen.seed, chosen.objective)
                else:
                    problem = grouping(FAMILIES[family](n, chosen.seed), *size, chosen.objective)
                run(family, n, problem, chosen.seed, chosen.time_limit)
    if chosen.against or chosen.smoke:
        exchange(np.ones((6, 6)), [3, 3], 0.0, 0)  # compiled before the clock starts
        simulated_annealing(np.ones((6, 6)), [3, 3], 0.01, 0)
        print("\nbelow the proved bound, at equal time")
        names = " ".join(
            f"{name:>11}" for name in ("ours", "greedy", "exchange", "annealing", "CP-SAT")
        )
        print(f"{'family':<10} {'n':>5} {'time':>9}  {names}")
        for n in [30] if chosen.smoke else chosen.n or [30, 99, 300]:
            for family in chosen.family:
                compare(family, n, chosen.seed)
    if chosen.diverse or chosen.smoke:
        exchange(np.ones((6, 6)), [3, 3], 0.0, 0)
        simulated_annealing(np.ones((6, 6)), [3, 3], 0.01, 0)
        print("\nmore than others at equal time: exchange, annealing")
        shapes = [(10, (5, 5)), (60, (10, 10)), (120, (12, 12)), (120, (8, 16)), (240, (12, 12))]
        shapes += [(480, (24, 24))]
        for n, size in shapes[:1] if chosen.smoke else shapes:
            for kind in ("Geo", "RanInt", "RanReal"):
                diverse(kind, n, size, chosen.seed)


if __name__ == "__main__":
    main()
