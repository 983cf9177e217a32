"""Rows with several columns and columns with budgets, against every plan there is."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import CapabilityError, CertificateError, ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, Budget, MatrixGains, Quotas
from pairmatch.solvers.solution import Prices, Status


def draw(seed):
    """A small random problem: demand, budgets, places, pins, minimum loads, a quota."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    allowed = rng.random((n, m)) < rng.choice([0.6, 0.9, 1.0])
    high = int(rng.choice([1, 5, 1000]))
    low = -high if seed % 3 == 0 else 0
    gain = np.where(allowed, rng.integers(low, high + 1, allowed.shape), 0)
    capacity = rng.integers(0, n + 1, m)
    budgets = []
    for _ in range(1 + int(seed % 7 == 0)):
        width = int(rng.choice([1, m]))
        use = rng.integers(0, 9, (n, width)) * int(rng.choice([1, 15]))
        most = 1 + int(use.max(axis=1).sum() * rng.choice([0.5, 0.8]))
        budgets.append(Budget(use, rng.integers(0, most, m)))
    demand = rng.integers(1, 4, n)
    demand[0] = 2
    pins = []
    if seed % 2:
        row = int(rng.integers(n))
        fitting = [
            j
            for j in np.flatnonzero(allowed[row] & (capacity > 0)).tolist()
            if all(b.pairs(np.array([row]), np.array([j]))[0] <= b.limit[j] for b in budgets)
        ]
        pins = [(row, fitting[0])] if fitting else []
    at_least = np.zeros(m, np.int64)
    if seed % 5 < 2:
        at_least = np.minimum(capacity, rng.integers(0, 3, m))
    quotas = (Quotas(rng.integers(-1, 2, n), 1),) if seed % 11 == 0 and not pins else ()
    return AssignmentProblem(
        gains=MatrixGains(gain.astype(np.int64), allowed),
        capacity=capacity.astype(np.int64),
        at_least=at_least.astype(np.int64),
        pins=np.array(pins, np.int64).reshape(-1, 2),
        quotas=quotas,
        objective="total" if seed % 4 < 2 else "coverage",
        budgets=tuple(budgets),
        demand=demand.astype(np.int64),
    )


def keeps(problem, pairs):
    load = Counter(j for _, j in pairs)
    bounds = zip(problem.at_least.tolist(), problem.capacity.tolist(), strict=True)
    if not all(a <= load[j] <= b for j, (a, b) in enumerate(bounds)):
        return False
    for budget in problem.budgets:
        used = Counter()
        for i, j in pairs:
            used[j] += int(budget.use[i, j if budget.use.shape[1] > 1 else 0])
        if any(used[j] > limit for j, limit in enumerate(budget.limit.tolist())):
            return False
    for quota in problem.quotas:
        classes = Counter((j, int(quota.class_of[i])) for i, j in pairs if quota.class_of[i] >= 0)
        if any(count > quota.at_most for count in classes.values()):
            return False
    return True


def rate(problem, served, seats, total):
    return (served, seats, total) if problem.objective == "coverage" else (total, served, seats)


def find_best(problem):
    """The goals of the best plan, most important first, or None if there is no plan."""
    n, _ = problem.gains.shape
    pinned = [{j for i, j in problem.pins.tolist() if i == row} for row in range(n)]
    choices = []
    for i in range(n):
        columns = np.flatnonzero(problem.gains.allowed[i]).tolist()
        sets = [
            some
            for k in range(int(problem.demand[i]) + 1)
            for some in combinations(columns, k)
            if pinned[i] <= set(some)
        ]
        choices.append(sets)
    worths = []
    for plan in product(*choices):
        pairs = [(i, j) for i, some in enumerate(plan) for j in some]
        if keeps(problem, pairs):
            total = sum(int(problem.gains.gain[pair]) for pair in pairs)
            worths.append(rate(problem, sum(map(bool, plan)), len(pairs), total))
    return max(worths, default=None)


@pytest.mark.parametrize("block", range(4))
def test_several_columns_within_budgets_are_the_best_of_all_plans(block):
    n_proved = 0
    for seed in range(40 * block, 40 * block + 40):
        problem = draw(seed)
        best = find_best(problem)
        if best is None:
            with pytest.raises(LoadConflict):
                solve_assignment(problem)
            continue
        solution = solve_assignment(problem)
        found = certify_plan(problem, solution)
        assert rate(problem, found.matched, found.seats, found.objective) == best, seed
        assert found.proved == (solution.status is Status.OPTIMAL), seed
        n_proved += found.proved
    assert n_proved >= 25


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 400), draw_prices=st.integers(0, 2**32 - 1))
def test_whatever_the_prices_no_plan_exceeds_their_bound(seed, draw_prices):
    problem = draw(seed)
    best = find_best(problem)
    if best is None:
        return
    solution = solve_assignment(problem)
    rng = np.random.default_rng(draw_prices)
    n, m = problem.gains.shape
    scale = int(rng.choice([1, 7]))
    first, bonus = rng.integers(0, 9, 2).tolist() if problem.objective == "coverage" else (0, 0)
    reach = scale * int(rng.choice([1, 10, 1000]))
    column = np.where(
        problem.at_least > 0, rng.integers(-reach, reach + 1, m), rng.integers(0, reach + 1, m)
    )
    quota = tuple(rng.integers(0, reach, (m, q.n_classes)) for q in problem.quotas)
    budget = tuple(rng.integers(0, 5, m) for _ in problem.budgets)
    prices = Prices(
        column, quota, bonus, budget=budget, row=rng.integers(-reach, reach + 1, n), scale=scale,
        first=first,
    )  # fmt: skip
    steps = solution.steps
    if steps:
        steps = (replace(prices, first=1, bonus=0), replace(prices, bonus=1))
    found = certify_plan(problem, replace(solution, prices=prices, steps=steps))
    goals = rate(problem, found.matched, found.seats, found.objective)
    assert goals == best
    assert found.bound >= found.objective
    if steps:
        assert found.matched_bound >= found.matched
        assert found.seats_bound >= found.seats


def middle(seed=0, n=14, m=6):
    rng = np.random.default_rng(seed)
    return AssignmentProblem(
        gains=MatrixGains(rng.integers(0, 101, (n, m)), rng.random((n, m)) < 0.8),
        capacity=np.full(m, n),
        at_least=np.full(m, 2),
        budgets=(Budget(rng.choice([30, 45, 60], (n, 1)), rng.choice([120, 150, 180], m)),),
        demand=rng.integers(1, 4, n),
        objective="coverage",
    )


@pytest.mark.parametrize("seed", range(3))
def test_larger_plans_are_those_of_another_solver(seed):
    from ortools.sat.python import cp_model

    problem = middle(seed)
    n, m = problem.gains.shape
    model = cp_model.CpModel()
    is_pair = {
        (int(i), int(j)): model.new_bool_var("") for i, j in np.argwhere(problem.gains.allowed)
    }
    is_served = [model.new_bool_var("") for _ in range(n)]
    budget = problem.budgets[0]
    for i in range(n):
        own = [is_pair[k] for k in is_pair if k[0] == i]
        model.add(sum(own) <= int(problem.demand[i]))
        model.add(is_served[i] <= sum(own))
    for j in range(m):
        own = {i: is_pair[i, j] for i in range(n) if (i, j) in is_pair}
        model.add(sum(own.values()) >= int(problem.at_least[j]))
        spent = sum(int(budget.use[i, 0]) * var for i, var in own.items())
        model.add(spent <= int(budget.limit[j]))
    total = sum(int(problem.gains.gain[k]) * var for k, var in is_pair.items())
    values = []
    for goal in (sum(is_served), sum(is_pair.values()), total):
        model.maximize(goal)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        assert solver.solve(model) == cp_model.OPTIMAL
        values.append(round(solver.objective_value))
        model.add(goal >= values[-1])
    found = certify_plan(problem, solve_assignment(problem))
    assert [found.matched, found.seats] == values[:2]
    assert values[2] <= found.bound
    assert found.objective == values[2]


def test_spoiled_answers_within_budgets_are_refused():
    problem = middle()
    solution = solve_assignment(problem)
    column = int(solution.pairs[0, 1])
    there = set(map(tuple, solution.pairs.tolist()))
    more = [
        (i, j) for i, j in np.argwhere(problem.gains.allowed).tolist()
        if (i, j) not in there and j == column
    ]  # fmt: skip
    crowded = np.array(sorted([*there, *more]))
    with pytest.raises(CertificateError, match=f"column {column}, budget 0"):
        certify_plan(problem, replace(solution, pairs=crowded))
    tight = replace(problem, at_least=np.where(np.arange(6) == column, 14, 2))
    with pytest.raises(CertificateError, match="expected 14 to 14"):
        certify_plan(tight, solution)
    row_price = np.zeros(problem.n_rows, np.int64)
    free = replace(problem, at_least=np.zeros(6, np.int64))
    for wrong, words in (
        (Prices(np.full(6, -1), row=row_price), "below 0 without a minimum load"),
        (Prices(np.zeros(6, np.int64), row=row_price[1:]), "expected integers of shapes"),
        (Prices(np.zeros(6, np.int64), row=row_price, scale=0), "scale is below 1"),
        (Prices(np.zeros(6, np.int64), row=row_price, first=-1), "bonus below 0"),
        (Prices(np.full(6, 2**56), row=row_price), "too large"),
        (
            Prices(np.zeros(6, np.int64), row=row_price, budget=(np.full(6, -1),)),
            "of a budget, is negative",
        ),
    ):
        with pytest.raises(CertificateError, match=words):
            certify_plan(free, replace(solution, prices=wrong))


def test_time_limit_leaves_a_plan_with_true_bounds():
    solution = solve_assignment(middle(1, 60, 25), time_limit=0.3)
    found = certify_plan(middle(1, 60, 25), solution)
    assert len(solution.pairs)
    assert found.bound >= found.objective
    assert found.matched_bound >= found.matched


def test_methods_and_quotas_that_cannot_do_it_say_so():
    problem = middle()
    assert solve_assignment(problem, method="integer").pairs.size
    with pytest.raises(ProgramError, match="gives every mentee one mentor"):
        solve_assignment(problem, method="dense")
    crossing = (Quotas(np.arange(14) % 2, 1), Quotas(np.arange(14) % 3, 1))
    with pytest.raises(CapabilityError, match="cross"):
        solve_assignment(replace(problem, quotas=crossing))
