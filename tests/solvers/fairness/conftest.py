from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.barred import Barred
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Plan = list[tuple[int, int]]


def _enumerate_plans(problem: AssignmentProblem) -> Iterator[Plan]:
    """Every plan that keeps the rules, row by row."""
    n_rows, n_columns = problem.gains.shape
    _, allowed = problem.gains.block(slice(0, n_rows), slice(0, n_columns))
    pinned = dict(map(tuple, problem.pins.tolist()))
    load = [0] * n_columns
    taken: dict[tuple[int, int, int], int] = {}
    plan: Plan = []

    def seat(row: int) -> Iterator[Plan]:
        if row == n_rows:
            if all(n >= least for n, least in zip(load, problem.at_least, strict=True)):
                yield list(plan)
            return
        if row not in pinned:
            yield from seat(row + 1)
        for column in range(n_columns):
            if not allowed[row, column] or load[column] >= problem.capacity[column]:
                continue
            if pinned.get(row, column) != column:
                continue
            keys = [
                (k, column, int(quota.class_of[row]))
                for k, quota in enumerate(problem.quotas)
                if quota.class_of[row] >= 0
            ]
            if any(taken.get(key, 0) >= problem.quotas[key[0]].at_most for key in keys):
                continue
            load[column] += 1
            plan.append((row, column))
            for key in keys:
                taken[key] = taken.get(key, 0) + 1
            yield from seat(row + 1)
            load[column] -= 1
            plan.pop()
            for key in keys:
                taken[key] -= 1

    yield from seat(0)


def _rate(problem: AssignmentProblem, plan: Plan) -> tuple[int, ...]:
    """What a plan is worth, as a tuple: the larger, the better, from the front."""
    assert isinstance(problem.gains, MatrixGains)
    gains = sorted(problem.gains.gain[pair].item() for pair in plan)
    if problem.tiers is not None:
        of_tier = np.bincount(
            [problem.tiers[pair] for pair in plan], minlength=int(problem.tiers.max()) + 1
        )
        covered = (len(plan),) if problem.objective == "coverage" else ()
        return (*covered, *of_tier.tolist(), sum(gains))
    if problem.objective == "total":
        return (sum(gains),)
    if problem.objective == "coverage":
        return (len(plan), sum(gains))
    if problem.objective == "worst_off":
        return (len(plan), gains[0] if gains else 0, sum(gains))
    return (len(plan), *gains)


def _draw_problem(seed: int, objective: str, *, tiers: bool = False) -> AssignmentProblem:
    """A small problem with a bit of everything: loads, minimum loads, quotas, pins, ties."""
    rng = np.random.default_rng(seed)
    n_rows, n_columns = rng.integers(1, 6), rng.integers(1, 5)
    shape = n_rows, n_columns
    spread = rng.choice([2, 5, 30, 1000])
    allowed = rng.random(shape) < rng.choice([0.4, 0.7, 1])
    gain = np.where(allowed, rng.integers(-spread // 2, spread, shape), 0)
    capacity = np.ones(n_columns, np.int64)
    if rng.random() < 0.6:
        capacity = rng.integers(0, 4, n_columns)
    at_least = np.zeros(n_columns, np.int64)
    if rng.random() < 0.4:
        at_least = np.where(rng.random(n_columns) < 0.3, rng.integers(0, capacity + 1), 0)
    quotas: tuple[Quotas, ...] = ()
    if rng.random() < 0.4:
        fine = rng.integers(-1, 3, n_rows)
        quotas = (Quotas(fine, int(rng.integers(1, 3))),)
        if rng.random() < 0.5:  # wider classes around the narrow ones
            quotas += (Quotas(np.where(fine >= 0, fine // 2, -1), int(rng.integers(1, 4))),)
    problem = AssignmentProblem(
        gains=MatrixGains(gain, allowed),
        capacity=capacity,
        at_least=at_least,
        quotas=quotas,
        objective=objective,  # type: ignore[arg-type]
        tiers=rng.integers(0, rng.integers(2, 5), shape) if tiers else None,
    )
    if rng.random() < 0.4:
        free = replace(problem, at_least=np.zeros_like(at_least))
        plans = [plan for plan in _enumerate_plans(free) if plan]
        if plans:
            plan = plans[rng.integers(len(plans))]
            some = rng.choice(len(plan), min(len(plan), rng.integers(1, 3)), replace=False)
            pins = np.array([plan[k] for k in sorted(some)], np.int64)
            problem = replace(problem, pins=pins)
    return problem


def _draw_streamed(
    seed: int, objective: str, *, most: int, places: int
) -> tuple[AssignmentProblem, AssignmentProblem]:
    """A pool with barred pairs, a threshold, loads and pins: with its matrix, and streamed."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, most, 2))
    high = int(rng.choice([1, 3, 30]))
    left = rng.integers(0, high + 1, (n, 3)).astype(np.float32)
    right = rng.integers(0, high + 1, (m, 3)).astype(np.float32)
    barred = np.argwhere(rng.random((n, m)) < rng.choice([0, 0.3, 0.7]))
    gains = StreamedGains(
        left, right, largest=3 * high * high,
        barred=Barred(barred, (n, m)) if len(barred) else None,
        least=int(rng.integers(0, high * high)) if rng.random() < 0.4 else None,
    )  # fmt: skip
    matrix = MatrixGains(*gains.block(slice(0, n), slice(0, m)))
    capacity = rng.integers(0, places, m) if rng.random() < 0.6 else np.ones(m, np.int64)
    held = AssignmentProblem(
        matrix,
        capacity,
        np.zeros(m, np.int64),
        objective=objective,  # type: ignore[arg-type]
    )
    if rng.random() < 0.4:
        plan = solve_assignment(replace(held, objective="total")).pairs
        held = replace(held, pins=plan[rng.random(len(plan)) < 0.2])
    return held, replace(held, gains=gains)


@pytest.fixture(scope="session")
def draw_streamed() -> Callable[..., tuple[AssignmentProblem, AssignmentProblem]]:
    return _draw_streamed


@pytest.fixture(scope="session")
def enumerate_plans() -> Callable[[AssignmentProblem], Iterator[Plan]]:
    return _enumerate_plans


@pytest.fixture(scope="session")
def rate() -> Callable[[AssignmentProblem, Plan], tuple[int, ...]]:
    return _rate


@pytest.fixture(scope="session")
def draw_problem() -> Callable[..., AssignmentProblem]:
    return _draw_problem


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., AssignmentProblem]:
    """Build a problem from a table of gains, None where a pair is not allowed."""

    def make(rows: list[list[int | None]], objective: str, **rules: object) -> AssignmentProblem:
        allowed = np.array([[cell is not None for cell in row] for row in rows])
        gain = np.array([[cell or 0 for cell in row] for row in rows], np.int64)
        problem = AssignmentProblem(
            gains=MatrixGains(gain, allowed),
            capacity=np.ones(gain.shape[1], np.int64),
            at_least=np.zeros(gain.shape[1], np.int64),
            objective=objective,  # type: ignore[arg-type]
        )
        return replace(problem, **rules)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def add_quotas() -> Callable[[AssignmentProblem, int], AssignmentProblem]:
    """Add quotas that nest, some of them two within each other, and drop pins that break them."""

    def add(problem: AssignmentProblem, seed: int) -> AssignmentProblem:
        rng = np.random.default_rng([seed, 77])
        fine = rng.integers(-1, rng.integers(1, 4), problem.n_rows)
        at_most = int(rng.integers(1, 3))
        quotas = (Quotas(fine, at_most),)
        if rng.random() < 0.5:  # wider classes around the narrow ones
            wide = np.where(fine >= 0, fine // 2, -1)
            quotas += (Quotas(wide, at_most + int(rng.integers(0, 2))),)
            quotas = quotas[::-1] if rng.random() < 0.5 else quotas
        capacity = problem.capacity + rng.integers(0, 3)
        pins = problem.pins
        while any(_is_broken(quota, pins) for quota in quotas):
            pins = pins[:-1]
        return replace(problem, capacity=capacity, quotas=quotas, pins=pins)

    return add


def _is_broken(quota: Quotas, pairs: np.ndarray) -> bool:
    label = quota.class_of[pairs[:, 0]]
    code = (pairs[:, 1] * quota.n_classes + label)[label >= 0]
    return bool(np.unique(code, return_counts=True)[1].max(initial=0) > quota.at_most)


@pytest.fixture(scope="session")
def ask_loads() -> Callable[[AssignmentProblem, int], AssignmentProblem]:
    """Ask for minimum loads that some plan of the problem meets, most of them hard to meet."""

    def ask(problem: AssignmentProblem, seed: int) -> AssignmentProblem:
        rng = np.random.default_rng([seed, 5])
        n, m = problem.gains.shape
        gain, allowed = problem.gains.block(slice(0, n), slice(0, m))
        # The plan that is best for the fewest points asks for what a good plan would not do.
        turned = MatrixGains(np.where(allowed, -gain, 0), allowed)
        plain = replace(problem, gains=turned, objective="coverage", tiers=None)
        load = np.bincount(solve_assignment(plain).pairs[:, 1], minlength=m)
        asked = np.where(rng.random(m) < 0.7, np.minimum(load, rng.integers(0, 4, m)), 0)
        return replace(problem, at_least=asked)

    return ask
