"""Random pools with slots, and the joint problem solved by somebody else."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Slots


def draw_pool(rng, *, kind="grid", objective="coverage", most=(9, 6)):
    """Return a small problem: a common grid, or starts that overlap, twins, ways, two a week."""
    n, m = int(rng.integers(1, most[0])), int(rng.integers(1, most[1]))
    n_slots = int(rng.integers(1, 7))
    minutes = 45
    step = 60 if kind == "grid" else int(rng.choice([15, 20, 30]))
    start = 480 + np.sort(rng.choice(3 * n_slots, n_slots, replace=False)) * step
    share = rng.uniform(0.3, 0.9)
    row, column = rng.random((n, n_slots)) < share, rng.random((m, n_slots)) < share
    blank = rng.random() < 0.3
    open_row = (rng.random(n) < 0.2) & blank
    open_column = (rng.random(m) < 0.2) & blank
    row[open_row] = False
    column[open_column] = False
    twin = np.full(n, -1)
    per_week = 1
    place = gap = None
    if kind != "grid":
        same = min(n, m, int(rng.integers(0, 4)))
        twin[:same] = rng.permutation(m)[:same]
        row[:same] = column[twin[:same]]
        open_row[:same] = open_column[twin[:same]]
        per_week = int(rng.choice([1, 1, 2]))
        if rng.random() < 0.4:
            place = rng.integers(-1, 3, n_slots)
            gap = rng.integers(0, 40, (3, 3))
            gap = np.triu(gap, 1) + np.triu(gap, 1).T
    slots = Slots(
        start, minutes, row, column, open_row, open_column, twin, per_week,
        rng.random((n, n_slots)) < 0.3, rng.random((m, n_slots)) < 0.3, place, gap,
    )  # fmt: skip
    allowed = rng.random((n, m)) < 0.85
    for i in range(n):
        for j in range(m):
            free = open_row[i] or open_column[j]
            allowed[i, j] &= twin[i] != j and (free or pack(slots, i, j) >= per_week)
    low = -5 if objective == "total" else 0
    gain = np.where(allowed, rng.integers(low, 12, (n, m)), 0)
    capacity = rng.integers(0, 4, m)
    pins = np.empty((0, 2), np.int64)
    legal = np.argwhere(allowed & (capacity > 0))
    if len(legal) and rng.random() < 0.25:
        pins = legal[rng.integers(len(legal))][None, :]
    return AssignmentProblem(
        MatrixGains(gain, allowed), capacity, np.zeros(m, np.int64), pins,
        objective=objective, slots=slots,
    )  # fmt: skip


def pack(slots, i, j):
    """How many slots one pair can take, by trying all sets of them."""
    joint = np.flatnonzero(slots.row[i] & slots.column[j]).tolist()
    best = 0
    for bits in range(1 << len(joint)):
        some = [slot for k, slot in enumerate(joint) if bits >> k & 1]
        fits = all(not slots.clash(a, b) for x, a in enumerate(some) for b in some[:x])
        best = max(best, len(some)) if fits else best
    return best


def solve_jointly(problem):
    """Return (matched, total) of the best plan by one integer program over pairs and slots."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    slots, (n, m) = problem.slots, problem.gains.shape
    gain, allowed = problem.gains.gain, problem.gains.allowed
    pairs = [(i, j) for i in range(n) for j in range(m) if allowed[i, j]]
    if not pairs:
        return 0, 0
    pinned = {tuple(pin) for pin in problem.pins.tolist()}
    takes, rows, lower, upper = [], [], [], []
    for k, (i, j) in enumerate(pairs):
        if not (slots.open_row[i] or slots.open_column[j]):
            takes += [(k, t) for t in np.flatnonzero(slots.row[i] & slots.column[j]).tolist()]
    width = len(pairs) + len(takes)

    def add(entries, low, high):
        line = np.zeros(width)
        for place, value in entries:
            line[place] += value
        rows.append(line)
        lower.append(low)
        upper.append(high)

    for i in range(n):
        add([(k, 1) for k, pair in enumerate(pairs) if pair[0] == i], 0, 1)
    for j in range(m):
        load = [(k, 1) for k, pair in enumerate(pairs) if pair[1] == j]
        add(load, problem.at_least[j], problem.capacity[j])
    for k, (i, j) in enumerate(pairs):
        own = [(len(pairs) + z, 1) for z, (pair, _) in enumerate(takes) if pair == k]
        if not (slots.open_row[i] or slots.open_column[j]):
            add([*own, (k, -slots.per_week)], 0, 0)
        if (i, j) in pinned:
            add([(k, 1)], 1, 1)
    people = [{j} | {n * m + i for i in range(n) if slots.twin[i] == j} for j in range(m)]
    people += [{n * m + i} for i in range(n) if slots.twin[i] < 0]
    for person in people:
        own = [
            (len(pairs) + z, t)
            for z, (k, t) in enumerate(takes)
            if pairs[k][1] in person or n * m + pairs[k][0] in person
        ]
        for x, (a, s) in enumerate(own):
            for b, t in own[:x]:
                if slots.clash(s, t):
                    add([(a, 1), (b, 1)], 0, 1)
    value = np.zeros(width)
    most = 1000 if problem.objective == "coverage" else 0
    value[: len(pairs)] = [gain[i, j] + most for i, j in pairs]
    found = milp(
        -value, integrality=np.ones(width), bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows), lower, upper), options={"mip_rel_gap": 0},
    )  # fmt: skip
    if found.status == 2:
        return None
    chosen = [pairs[k] for k in np.flatnonzero(found.x[: len(pairs)] > 0.5)]
    return len(chosen), int(sum(gain[i, j] for i, j in chosen))


def seat(problem, pairs):
    """Whether all pairs can have their slots, by trying."""
    slots, m = problem.slots, problem.n_columns
    timed = [(i, j) for i, j in pairs if not (slots.open_row[i] or slots.open_column[j])]

    def person(i):
        return int(slots.twin[i]) if slots.twin[i] >= 0 else m + i

    def go(k, held):
        if k == len(timed) * slots.per_week:
            return True
        i, j = timed[k // slots.per_week]
        for slot in np.flatnonzero(slots.row[i] & slots.column[j]).tolist():
            both = {person(i), j}
            if any(both & people and slots.clash(slot, other) for people, other in held):
                continue
            if go(k + 1, [*held, (both, slot)]):
                return True
        return False

    return go(0, [])


def list_plans(problem):
    """Every plan of a small problem, as lists of pairs."""
    _, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    pins = {tuple(pin) for pin in problem.pins.tolist()}

    def choices(i):
        own = np.flatnonzero(allowed[i]).tolist()
        sets = [c for k in range(int(problem.demand[i]) + 1) for c in combinations(own, k)]
        return [c for c in sets if {j for a, j in pins if a == i} <= set(c)]

    def go(i, pairs, load):
        if i == problem.n_rows:
            if (load >= problem.at_least).all():
                yield pairs
            return
        for some in choices(i):
            further = load.copy()
            further[list(some)] += 1
            longer = [*pairs, *((i, j) for j in some)]
            if (further <= problem.capacity).all() and seat(problem, longer):
                yield from go(i + 1, longer, further)

    return list(go(0, [], np.zeros(problem.n_columns, np.int64)))


@pytest.fixture(scope="session")
def plans():
    """Return a function that lists every plan of a small problem."""
    return list_plans


@pytest.fixture(scope="session")
def pools():
    """Return functions that draw a pool and solve it jointly."""
    return draw_pool, solve_jointly
