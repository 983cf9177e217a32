"""Small problems with budgets against every plan there is, and proofs that must not lie."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError, ProgramError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.choice import choose_method
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.budgets import fill_column
from pairmatch.solvers.problem import AssignmentProblem, Budget, MatrixGains, Quotas
from pairmatch.solvers.solution import AssignmentSolution, Status


def draw(seed):
    """A small random problem: budgets, places, pins, minimum loads, forbidden pairs, a quota."""
    rng = np.random.default_rng(seed)
    n_rows, n_columns = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    allowed = rng.random((n_rows, n_columns)) < rng.choice([0.6, 0.9, 1.0])
    high = int(rng.choice([1, 5, 1000]))
    gain = np.where(
        allowed, rng.integers(-high if seed % 3 == 0 else 0, high + 1, allowed.shape), 0
    )
    capacity = rng.integers(0, n_rows + 1, n_columns)
    budgets = []
    for _ in range(1 + int(seed % 7 == 0)):
        width = int(rng.choice([1, n_columns]))
        use = rng.integers(0, 9, (n_rows, width)) * int(rng.choice([1, 15]))
        limit = rng.integers(0, 1 + int(use.max(axis=1).sum() * rng.choice([0.5, 1.0])), n_columns)
        budgets.append(Budget(use, limit))
    pins = []
    if seed % 2:
        row = int(rng.integers(n_rows))
        fitting = [
            j
            for j in np.flatnonzero(allowed[row] & (capacity > 0)).tolist()
            if all(b.block(slice(row, row + 1), slice(None))[0, j] <= b.limit[j] for b in budgets)
        ]
        pins = [(row, fitting[0])] if fitting else []
    at_least = np.zeros(n_columns, np.int64)
    if seed % 5 < 2:
        at_least = np.minimum(capacity, rng.integers(0, 3, n_columns))
    quotas = (Quotas(rng.integers(-1, 2, n_rows), 1),) if seed % 11 == 0 and not pins else ()
    return AssignmentProblem(
        gains=MatrixGains(gain.astype(np.int64), allowed),
        capacity=capacity.astype(np.int64),
        at_least=at_least.astype(np.int64),
        pins=np.array(pins, np.int64).reshape(-1, 2),
        quotas=quotas,
        objective="total" if seed % 4 < 2 else "coverage",
        budgets=tuple(budgets),
    )


def keeps(problem, columns):
    load = [0] * problem.n_columns
    used = [[0] * problem.n_columns for _ in problem.budgets]
    classes = {}
    for i, j in enumerate(columns):
        if j < 0:
            continue
        load[j] += 1
        for k, budget in enumerate(problem.budgets):
            used[k][j] += int(budget.use[i, j if budget.use.shape[1] > 1 else 0])
        for k, quota in enumerate(problem.quotas):
            key = k, j, int(quota.class_of[i])
            classes[key] = classes.get(key, 0) + (key[2] >= 0)
            if classes[key] > quota.at_most:
                return False
    return (
        all(a <= n <= b for a, n, b in zip(problem.at_least, load, problem.capacity, strict=True))
        and all(
            u <= b
            for mine, budget in zip(used, problem.budgets, strict=True)
            for u, b in zip(mine, budget.limit, strict=True)
        )
    )  # fmt: skip


def find_best(problem):
    """The goals of the best plan, most important first, or None if there is no plan."""
    pinned = dict(problem.pins.tolist())
    choices = [
        [pinned[i]] if i in pinned else [-1, *np.flatnonzero(problem.gains.allowed[i]).tolist()]
        for i in range(problem.n_rows)
    ]
    worths = []
    for columns in product(*choices):
        if keeps(problem, columns):
            taken = [(i, j) for i, j in enumerate(columns) if j >= 0]
            goals = [len(taken), sum(int(problem.gains.gain[pair]) for pair in taken)]
            worths.append(tuple(goals if problem.objective == "coverage" else goals[::-1]))
    return max(worths, default=None)


@pytest.mark.parametrize("block", range(10))
def test_plan_within_budgets_is_the_best_of_all_plans(block):
    n_proved = 0
    for seed in range(30 * block, 30 * block + 30):
        problem = draw(seed)
        best = find_best(problem)
        if best is None:
            with pytest.raises(LoadConflict):
                solve_assignment(problem)
            continue
        solution = solve_assignment(problem)
        certificate = certify_assignment(problem, solution)
        goals = [certificate.matched, certificate.objective]
        assert tuple(goals if problem.objective == "coverage" else goals[::-1]) == best, seed
        assert certificate.bound >= certificate.objective, seed
        assert certificate.proved == (solution.status is Status.OPTIMAL), seed
        if problem.objective == "coverage":
            assert certificate.matched_bound >= certificate.matched, seed
        n_proved += certificate.proved
    assert n_proved >= 15


def tight():
    """Two columns of 60, rows that use 30, 40 and 50: two of them fit, or three."""
    gain = np.array([[5, 4], [9, 1], [7, 6]])
    return AssignmentProblem(
        gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
        capacity=np.array([3, 3]),
        at_least=np.array([0, 0]),
        budgets=(Budget(np.array([[30], [40], [50]]), np.array([60, 60])),),
    )


def test_rows_that_do_not_fit_together_are_not_put_together():
    problem = tight()
    solution = solve_assignment(problem)
    assert solution.pairs.tolist() == [[1, 0], [2, 1]]
    assert solution.status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: replace(s, pairs=np.array([[0, 0], [1, 0]])), "use 70, expected at most 60"),
        (
            lambda s: replace(s, prices=replace(s.prices, budget=(np.array([-1, 0]),))),
            "a price is negative",
        ),
        (
            lambda s: replace(s, prices=replace(s.prices, row=np.array([-1, 0, 0]))),
            "a price is negative",
        ),
        (
            lambda s: replace(s, prices=replace(s.prices, budget=(np.array([1]),))),
            "expected integers of shapes",
        ),
        (
            lambda s: replace(s, prices=replace(s.prices, row=np.array([1]))),
            "expected integers of shapes",
        ),
        (lambda s: replace(s, prices=replace(s.prices, scale=0)), "fractions of a gain"),
        (
            lambda s: replace(s, prices=replace(s.prices, budget=(np.array([2**60, 0]),))),
            "too large",
        ),
    ],
)
def test_spoiled_answer_is_refused(spoil, said):
    problem = tight()
    solution = solve_assignment(problem)
    with pytest.raises(CertificateError, match=said):
        certify_assignment(problem, spoil(solution))


def test_any_prices_make_a_bound_that_no_plan_exceeds():
    rng = np.random.default_rng(5)
    for seed in range(60):
        problem = draw(seed)
        best = find_best(problem)
        if best is None:
            continue
        solution = solve_assignment(problem)
        prices = replace(
            solution.prices,
            column=rng.integers(0, 50, problem.n_columns),
            budget=tuple(rng.integers(0, 5, problem.n_columns) for _ in solution.prices.budget),
            row=rng.integers(0, 900, problem.n_rows) if seed % 2 and problem.budgets else None,
            scale=int(rng.choice([1, 7])),
        )
        certificate = certify_assignment(problem, replace(solution, prices=prices))
        assert certificate.bound >= certificate.objective, seed


def list_plans(problem):
    """Every plan, as the column of each row or -1."""
    pinned = dict(problem.pins.tolist())
    choices = [
        [pinned[i]] if i in pinned else [-1, *np.flatnonzero(problem.gains.allowed[i]).tolist()]
        for i in range(problem.n_rows)
    ]
    return [columns for columns in product(*choices) if keeps(problem, columns)]


def test_search_for_something_better_misses_nothing():
    rng = np.random.default_rng(8)
    n_found, n_unbeaten = 0, 0
    for seed in range(90):
        problem = draw(seed)
        plans = list_plans(problem)
        if not plans:
            continue
        prices = solve_assignment(problem).prices
        if prices is None or prices.row is None:
            continue
        size = int(rng.choice([1, 1000, 10**5]))
        prices = replace(
            prices,
            row=np.maximum(prices.row + rng.integers(-size, size + 1, problem.n_rows), 0),
            budget=tuple(0 * price for price in prices.budget),
            bonus=prices.bonus if problem.objective == "coverage" else 0,
        )
        for columns in rng.permutation(plans)[:12]:
            pairs = np.argwhere(columns[:, None] == np.arange(problem.n_columns))
            total = int(problem.gains.gain[tuple(pairs.T)].sum())
            better = [
                other
                for other in plans
                if sum(int(problem.gains.gain[i, j]) for i, j in enumerate(other) if j >= 0) > total
                and (problem.objective == "total" or sum(j >= 0 for j in other) >= len(pairs))
            ]
            solution = AssignmentSolution(pairs, prices, Status.FEASIBLE, "by hand")
            bound = certify_assignment(problem, solution).bound
            assert bound > total or not better
            n_found += bool(better)
            n_unbeaten += bound == total
    assert n_found > 100
    assert n_unbeaten > 50


def test_loose_budget_leaves_the_choice_of_method_free():
    problem = replace(tight(), budgets=(Budget(tight().budgets[0].use, np.array([120, 120])),))
    assert choose_method(problem) != "integer"
    assert solve_assignment(problem).pairs.tolist() == [[0, 0], [1, 0], [2, 0]] or (
        certify_assignment(problem, solve_assignment(problem)).proved
    )


def test_search_ended_by_the_clock_returns_a_plan_with_a_true_bound():
    rng = np.random.default_rng(1)
    gain = rng.integers(0, 10**6, (60, 12))
    budget = Budget(rng.integers(20, 70, (60, 12)), rng.integers(90, 200, 12))
    problem = AssignmentProblem(
        gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
        capacity=np.full(12, 60),
        at_least=np.zeros(12, np.int64),
        budgets=(budget,),
    )
    solution = solve_assignment(problem, time_limit=0.0)
    certificate = certify_assignment(problem, solution)
    assert solution.status in (Status.TIME_LIMIT, Status.OPTIMAL)
    assert certificate.bound >= certificate.objective
    assert certificate.proved == (solution.status is Status.OPTIMAL)


@pytest.mark.parametrize("method", ["dense", "flow", "pricing"])
def test_method_without_budgets_names_those_that_have_them(method):
    with pytest.raises(ProgramError, match='use "integer" or "auto"'):
        solve_assignment(tight(), method=method)


@pytest.mark.parametrize("objective", ["worst_off", "leximin"])
def test_fair_objective_with_a_budget_that_binds_is_refused(objective):
    with pytest.raises(CapabilityError, match="minutes that differ"):
        solve_assignment(replace(tight(), objective=objective))


def test_knapsack_is_the_best_of_all_subsets():
    rng = np.random.default_rng(3)
    for _ in range(200):
        n = int(rng.integers(0, 8))
        limit = int(rng.integers(0, 20))
        value, use = rng.integers(1, 50, n), rng.integers(0, limit + 1, n)
        best, chosen = fill_column(value, use, limit)
        sums = [
            sum(int(v) for v, t in zip(value, take, strict=True) if t)
            for take in product([0, 1], repeat=n)
            if sum(int(u) for u, t in zip(use, take, strict=True) if t) <= limit
        ]
        assert best == max(sums)
        assert int(value[chosen].sum()) == best
        assert int(use[chosen].sum()) <= limit


def test_knapsack_of_enormous_limit_promises_no_less_than_the_best():
    use = np.array([200_001, 300_007, 400_009])
    best, _ = fill_column(np.array([2, 3, 4]), use, 700_016)
    assert best == 7
    best, _ = fill_column(np.array([2, 3, 4]), use, 700_015)
    assert best in (6, 7)
