"""Small problems and every plan there is for them, by trying them all."""

from itertools import product

import numpy as np
import pytest

from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas


def pose(gain, *, allowed=None, places=1, at_least=0, pins=(), quotas=(), objective="coverage"):
    """A problem from nested lists; ``None`` in ``gain`` is a pair that is not allowed."""
    table = np.array(gain, dtype=float)
    table = table.reshape(len(gain), -1)
    known = ~np.isnan(table) if allowed is None else np.array(allowed, dtype=bool)
    n_columns = table.shape[1]
    return AssignmentProblem(
        gains=MatrixGains(np.where(known, table, 0).astype(np.int64), known),
        capacity=np.broadcast_to(np.array(places, np.int64), n_columns).copy(),
        at_least=np.broadcast_to(np.array(at_least, np.int64), n_columns).copy(),
        pins=np.array(pins, np.int64).reshape(-1, 2),
        quotas=quotas,
        objective=objective,
    )


def _keeps_quota(quota, columns):
    count = {}
    for row, column in enumerate(columns):
        key = column, int(quota.class_of[row])
        if column >= 0 and key[1] >= 0:
            count[key] = count.get(key, 0) + 1
    return max(count.values(), default=0) <= quota.at_most


def list_plans(problem):
    """Yield (worth, column of each row) of every plan that keeps the rules.

    ``worth`` is what plans are compared by: the objective, then the most even loads.
    """
    gain, allowed = problem.gains.gain, problem.gains.allowed
    pinned = dict(problem.pins.tolist())
    choices = [
        [pinned[i]] if i in pinned else [-1, *np.flatnonzero(allowed[i]).tolist()]
        for i in range(problem.n_rows)
    ]
    for columns in product(*choices):
        taken = [(i, j) for i, j in enumerate(columns) if j >= 0]
        load = np.bincount([j for _, j in taken], minlength=problem.n_columns)
        if (load > problem.capacity).any() or (load < problem.at_least).any():
            continue
        if all(_keeps_quota(quota, columns) for quota in problem.quotas):
            total = sum(int(gain[i, j]) for i, j in taken)
            goals = [len(taken), total]
            if problem.objective == "total":
                goals.reverse()
            yield (*goals, -int((load**2).sum())), columns


def find_best(problem):
    """The worth of the best plan, or None if no plan keeps the rules."""
    return max((worth for worth, _ in list_plans(problem)), default=None)


def draw(seed, *, one_place=False, quotas="nested"):
    """A small random problem with a bit of everything."""
    rng = np.random.default_rng(seed)
    n_rows, n_columns = int(rng.integers(0, 6)), int(rng.integers(1, 6 if one_place else 4))
    high = int(rng.choice([0, 1, 3, 20, 1000]))
    low = int(rng.choice([0, 0, -high]))
    allowed = rng.random((n_rows, n_columns)) < rng.choice([0.4, 0.8, 1.0])
    gain = np.where(allowed, rng.integers(low, high + 1, (n_rows, n_columns)), 0)
    places = rng.integers(0, 2 if one_place else 4, n_columns)
    at_least, limits = np.zeros(n_columns, np.int64), ()
    if not one_place:
        if rng.random() < 0.4:
            at_least = np.minimum(places, rng.integers(0, 3, n_columns))
        limits = _draw_quotas(rng, n_rows, quotas)
    pins, load = [], np.zeros(n_columns, np.int64)
    if rng.random() < 0.4:
        for row in range(n_rows):
            if rng.random() < 0.3 and allowed[row].any():
                column = int(rng.choice(np.flatnonzero(allowed[row])))
                columns = np.full(n_rows, -1)
                for i, j in [*pins, (row, column)]:
                    columns[i] = j
                fits = all(_keeps_quota(quota, columns.tolist()) for quota in limits)
                if load[column] < places[column] and fits:
                    pins.append((row, column))
                    load[column] += 1
    return AssignmentProblem(
        gains=MatrixGains(gain.astype(np.int64), allowed),
        capacity=places.astype(np.int64),
        at_least=at_least.astype(np.int64),
        pins=np.array(pins, np.int64).reshape(-1, 2),
        quotas=limits,
        objective=("coverage", "total")[int(rng.integers(2))],
    )


def _draw_quotas(rng, n_rows, kind):
    if kind == "crossing":
        return tuple(Quotas(rng.integers(-1, 2, n_rows), int(rng.integers(0, 3))) for _ in range(2))
    wide = rng.integers(-1, 3, n_rows)
    narrow = np.where(wide >= 0, 2 * wide + rng.integers(0, 2, n_rows), -1)
    draw = rng.random()
    if draw < 0.5:
        return ()
    if draw < 0.7:
        return (Quotas(wide, int(rng.integers(0, 3))),)
    return Quotas(narrow, int(rng.integers(0, 3))), Quotas(wide, int(rng.integers(0, 4)))


def value_of(problem, certificate, pairs):
    """What ``find_best`` compares, of an answer and its certificate."""
    load = np.bincount(pairs[:, 1], minlength=problem.n_columns)
    goals = [certificate.matched, certificate.objective]
    if problem.objective == "total":
        goals.reverse()
    return (*goals, -int((load**2).sum()))


@pytest.fixture(scope="session", name="pose")
def pose_fixture():
    return pose


@pytest.fixture(scope="session", name="draw")
def draw_fixture():
    return draw


@pytest.fixture(scope="session", name="find_best")
def find_best_fixture():
    return find_best


@pytest.fixture(scope="session", name="value_of")
def value_of_fixture():
    return value_of
