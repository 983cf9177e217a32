"""Rows that should have several columns, against trying every plan."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError, ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import Status


def draw_demand(seed):
    """A small problem with demands, loads, minimum loads, quotas and pins."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    allowed = rng.random((n, m)) < rng.choice([0.5, 0.8, 1.0])
    spread = int(rng.choice([0, 2, 9, 500]))
    gain = np.where(allowed, rng.integers(-spread // 3, spread + 1, (n, m)), 0)
    capacity = rng.integers(0, 4, m)
    rows = n
    at_least = np.zeros(m, np.int64)
    if rng.random() < 0.3:
        at_least = np.minimum(capacity, rng.integers(0, 3, m))
    quotas = ()
    if rng.random() < 0.4:
        fine = rng.integers(-1, 3, rows)
        quotas = (Quotas(fine, int(rng.integers(1, 3))),)
        if rng.random() < 0.5:
            quotas += (Quotas(np.where(fine >= 0, 0, -1), int(rng.integers(1, 4))),)
    demand = rng.integers(1, 4, rows)
    demand[0] = max(2, demand[0])
    problem = AssignmentProblem(
        MatrixGains(gain, allowed), capacity, at_least, quotas=quotas, demand=demand,
        objective=("coverage", "total")[int(rng.integers(2))],
    )  # fmt: skip
    if rng.random() < 0.4:
        plans = [p for p in list_plans(replace(problem, at_least=np.zeros(m, np.int64))) if p]
        if plans:
            plan = plans[int(rng.integers(len(plans)))]
            some = rng.permutation(len(plan))[: int(rng.integers(1, 4))]
            pins = np.array([plan[k] for k in sorted(some)], np.int64).reshape(-1, 2)
            problem = replace(problem, pins=pins)
    return problem


def list_plans(problem):
    """Every set of pairs that keeps the rules."""
    pins = set(map(tuple, problem.pins.tolist()))
    choices = []
    for i in range(problem.n_rows):
        columns = np.flatnonzero(problem.gains.allowed[i]).tolist()
        must = {j for k, j in pins if k == i}
        sizes = range(min(int(problem.demand[i]), len(columns)) + 1)
        sets = [c for size in sizes for c in combinations(columns, size) if must <= set(c)]
        choices.append(sets)
    for plan in product(*choices):
        pairs = [(i, j) for i, columns in enumerate(plan) for j in columns]
        load = np.bincount([j for _, j in pairs], minlength=problem.n_columns)
        if (load > problem.capacity).any() or (load < problem.at_least).any():
            continue
        if all(keeps(quota, pairs) for quota in problem.quotas):
            yield pairs


def keeps(quota, pairs):
    count = {}
    for i, j in pairs:
        if quota.class_of[i] >= 0:
            key = j, int(quota.class_of[i])
            count[key] = count.get(key, 0) + 1
    return max(count.values(), default=0) <= quota.at_most


def rate(problem, pairs):
    rows = len({i for i, _ in pairs})
    total = sum(int(problem.gains.gain[i, j]) for i, j in pairs)
    load = np.bincount([j for _, j in pairs], minlength=problem.n_columns)
    goals = (rows, len(pairs), total)
    if problem.objective == "total":
        goals = (total, rows, len(pairs))
    return (*goals, -int((load**2).sum()))


@pytest.mark.parametrize("seeds", [range(k, k + 100) for k in range(0, 400, 100)], ids=str)
def test_flow_finds_and_proves_the_best_plan_of_every_demand(seeds):
    kinds = set()
    for seed in seeds:
        problem = draw_demand(seed)
        best = max((rate(problem, plan) for plan in list_plans(problem)), default=None)
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            assert best is None
            continue
        assert rate(problem, solution.pairs.tolist()) == best
        certificate = certify_plan(problem, solution)
        assert certificate.proved
        assert certificate.gap == 0.0
        assert certificate.seats == len(solution.pairs)
        kinds.add((problem.objective, len(solution.pairs) > certificate.matched))
    assert len(kinds) == 4


def test_bounds_hold_for_every_plan_whatever_the_prices(pose):
    rng = np.random.default_rng(5)
    for seed in range(60):
        problem = draw_demand(seed)
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            continue
        noise = rng.integers(0, 4, problem.n_columns)
        wrong = replace(solution.prices, column=np.maximum(solution.prices.column, 0) + noise)
        certificate = certify_plan(problem, replace(solution, prices=wrong))
        assert certificate.bound >= certificate.objective


def test_first_mentor_of_one_comes_before_second_of_another(pose):
    problem = replace(pose([[100, 100], [1, 1]], places=1), demand=np.array([2, 2]))
    solution = solve_assignment(problem)
    assert sorted(solution.pairs[:, 0].tolist()) == [0, 1]
    total = solve_assignment(replace(problem, objective="total"))
    assert total.pairs.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda pairs: np.vstack([pairs, pairs[:1]]), "there twice"),
        (lambda pairs: np.vstack([pairs, [[0, 2]]]), "in 3 pairs, expected at most 2"),
        (lambda pairs: np.vstack([pairs, [[2, 0]]]), "column 0"),
        (lambda pairs: np.vstack([pairs, [[0, 9]]]), "columns"),
    ],
)
def test_spoiled_demands_are_refused(pose, spoil, words):
    problem = replace(pose(np.ones((3, 3)).tolist(), places=2), demand=np.array([2, 2, 2]))
    solution = solve_assignment(problem)
    pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 2]])
    with pytest.raises(CertificateError) as caught:
        certify_plan(problem, replace(solution, pairs=spoil(pairs)))
    assert words in str(caught.value)
    swapped = certify_plan(problem, replace(solution, pairs=pairs))
    assert not swapped.proved


def test_what_does_not_go_with_a_demand_is_refused_with_a_way_out(pose):
    problem = replace(pose([[1, 1], [1, 1]], places=2), demand=np.array([2, 1]))
    crossing = (Quotas(np.array([0, 0]), 1), Quotas(np.array([0, -1]), 1))
    assert solve_assignment(replace(problem, quotas=crossing)).status is Status.OPTIMAL
    for wish in (
        {"objective": "worst_off"},
        {"tiers": np.zeros((2, 2), int)},
    ):
        with pytest.raises(CapabilityError, match="ask for one mentor each"):
            solve_assignment(replace(problem, **wish))
    with pytest.raises(ProgramError, match='use "flow"'):
        solve_assignment(problem, method="dense")


def test_stopped_demand_still_has_a_valid_plan(pose):
    problem = replace(pose(np.ones((4, 4)).tolist(), places=2), demand=np.full(4, 2))
    solution = solve_assignment(problem, time_limit=1e-9)
    assert solution.status is Status.TIME_LIMIT
    certificate = certify_plan(problem, solution)
    assert certificate.bound >= certificate.objective
    assert certificate.matched == 4
