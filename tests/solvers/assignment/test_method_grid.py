"""Every method on every small instance, and independent solvers on larger ones."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pairmatch.errors import ProgramError
from pairmatch.solvers.assignment import LoadConflict, RangeError, solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains

METHODS = ["dense", "flow", "pricing", "integer"]
_ANY = np.random.default_rng(8).integers(-5, 9, (5, 5)).tolist()
INSTANCES = {
    "no mentors": {"gain": [[]], "places": []},
    "one mentor": {"gain": [[3], [5], [5]], "places": 1},
    "one mentor with places": {"gain": [[3], [5], [-5]], "places": 2},
    "one mentee": {"gain": [[3, 5, 5]]},
    "all equal": {"gain": [[4] * 5] * 5},
    "all nothing": {"gain": [[0] * 4] * 4},
    "rank one": {"gain": np.outer([1, 2, 3, 4], [5, 1, 4, 2]).tolist()},
    "ties everywhere": {"gain": [[1, 2, 1], [2, 1, 2], [1, 2, 1]]},
    "nobody allowed": {"gain": [[None, None], [None, None]]},
    "one mentee allowed nobody": {"gain": [[None, None], [1, 2]]},
    "no places": {"gain": [[1, 2], [3, 4]], "places": 0},
    "some without places": {"gain": [[1, 2, 3], [4, 5, 6]], "places": [0, 1, 0]},
    "more mentees than places": {"gain": [[5, 1], [4, 2], [3, 3], [9, 9]]},
    "negative": {"gain": [[-1, -5], [-3, -2]]},
    "mixed signs": {"gain": _ANY},
    "pins": {"gain": _ANY, "pins": [(0, 4), (3, 0)]},
    "a pin below nothing": {"gain": [[-9, 5], [7, 1]], "pins": [(0, 0)]},
    "minimum loads": {"gain": [[5, 1], [5, 1], [5, 1]], "places": 3, "at_least": [0, 1]},
    "minimum loads that cost": {"gain": [[5, -4], [5, -3]], "places": 2, "at_least": [0, 1]},
    "minimum loads that cannot be met": {"gain": [[1, 1]], "at_least": [1, 1]},
    "long chains": {
        "gain": [[5 if abs(i - j) < 2 and i <= j + (i == 0) else None for j in range(5)]
                 for i in range(5)],
    },
    "far apart": {"gain": [[10**9, 1], [1, 0]]},
}  # fmt: skip


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", INSTANCES)
def test_every_method_is_right_on_every_small_instance(
    name, method, objective, pose, find_best, value_of
):
    problem = pose(**INSTANCES[name], objective=objective)
    best = find_best(problem)
    try:
        solution = solve_assignment(problem, method=method)
    except ProgramError:
        assert method == "dense"  # and says so
        return
    except LoadConflict:
        assert best is None
        return
    certificate = certify_assignment(problem, solution)
    assert value_of(problem, certificate, solution.pairs) == best
    assert certificate.proved
    assert certificate.gap == 0.0


def draw_middle(seed):
    """A problem of some dozens on each side, with loads and pairs that are not allowed."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(5, 40, 2))
    allowed = rng.random((n, m)) < rng.choice([0.2, 0.6, 1.0])
    gain = rng.integers(int(rng.choice([0, -20])), int(rng.choice([2, 30, 10**6])), (n, m))
    if rng.random() < 0.3:
        gain = np.outer(rng.integers(0, 30, n), rng.integers(0, 30, m))
    places = rng.integers(0, 4, m) if rng.random() < 0.6 else np.ones(m, int)
    return gain, allowed, places, ("coverage", "total")[seed % 2]


def solve_by_highs(gain, allowed, places, objective):
    """Rows matched and total by HiGHS, one integer program after the other."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    row, column = np.nonzero(allowed)
    k = np.arange(len(row))
    n, m = gain.shape
    rules = csr_array(
        (np.ones(2 * len(k)), (np.concatenate([row, n + column]), np.concatenate([k, k]))),
        shape=(n + m, len(k)),
    )
    limits = [LinearConstraint(rules, 0, np.concatenate([np.ones(n), places]))]
    worth = gain[row, column].astype(float)

    def maximise(goal):
        found = milp(-goal, integrality=1, bounds=Bounds(0, 1), constraints=limits,
                     options={"mip_rel_gap": 0})  # fmt: skip
        assert found.status == 0
        return np.rint(found.x).astype(int)

    if not len(k):
        return (0, 0) if objective == "coverage" else (0,)
    if objective == "total":
        return (int(worth @ maximise(worth)),)
    most = int(maximise(np.ones(len(k))).sum())
    limits.append(LinearConstraint(np.ones((1, len(k))), most, most))
    return most, int(worth @ maximise(worth))


def solve_by_cp_sat(gain, allowed, places, objective):
    """Rows matched and total by CP-SAT, with a bonus that makes coverage come first."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    pairs = [(int(i), int(j)) for i, j in np.argwhere(allowed)]
    made = {pair: model.new_bool_var("") for pair in pairs}
    for i in range(len(gain)):
        model.add(sum(made[p] for p in pairs if p[0] == i) <= 1)
    for j, most in enumerate(places.tolist()):
        model.add(sum(made[p] for p in pairs if p[1] == j) <= most)
    bonus = 0
    if objective == "coverage":
        bonus = 2 * (len(gain) + 1) * int(np.abs(gain).max(initial=1))
    model.maximize(sum((int(gain[p]) + bonus) * x for p, x in made.items()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    chosen = [p for p, x in made.items() if solver.value(x)]
    total = sum(int(gain[p]) for p in chosen)
    return (len(chosen), total) if objective == "coverage" else (total,)


def assert_solvers_agree(pose, seed):
    gain, allowed, places, objective = draw_middle(seed)
    problem = pose(gain.tolist(), allowed=allowed, places=places, objective=objective)
    expected = solve_by_highs(gain, allowed, places, objective)
    assert solve_by_cp_sat(gain, allowed, places, objective) == expected
    methods = ["flow", "pricing", *(["dense"] if places.max() <= 1 else [])]
    plans = [solve_assignment(problem, method=method) for method in methods]
    for solution in plans:
        certificate = certify_assignment(problem, solution)
        assert certificate.proved
        found = certificate.matched, certificate.objective
        assert found[-len(expected) :] == expected
        assert solution.pairs.tolist() == plans[0].pairs.tolist()


@pytest.mark.parametrize("seeds", [range(k, k + 10) for k in range(0, 60, 10)], ids=str)
def test_flow_pricing_cp_sat_and_highs_agree(pose, seeds):
    for seed in seeds:
        assert_solvers_agree(pose, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(k, k + 44) for k in range(60, 500, 44)], ids=str)
def test_flow_pricing_cp_sat_and_highs_agree_on_500_problems(pose, seeds):
    for seed in seeds:
        assert_solvers_agree(pose, seed)


def test_eight_threads_give_the_serial_answers(draw):
    jobs = []
    for seed in range(50):
        one = draw(seed, one_place=True)
        jobs += [(one, "dense"), (draw(seed), "flow"), (replace(one, quotas=()), "pricing")]

    def solve(job):
        try:
            return solve_assignment(job[0], method=job[1]).pairs.tolist()
        except LoadConflict as conflict:
            return conflict.columns.tolist()

    serial = [solve(job) for job in jobs[:150:3]]
    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(lambda _: [solve(job) for job in jobs[:150:3]], range(8)):
            assert answers == serial
        assert list(pool.map(solve, jobs)) == [solve(job) for job in jobs]


@pytest.mark.parametrize("method", ["flow", "pricing", "auto"])
@pytest.mark.parametrize("bits", [20, 45, 53, 56])
def test_large_whole_numbers_stay_exact_up_to_the_limit(bits, method, pose, find_best, value_of):
    top = 2**bits
    problem = pose(np.zeros((3, 3)).tolist())
    gain = np.array([[top, 1, 2], [top - 1, 3, -top + 5], [5, top - 2, 7]], np.int64)
    problem = replace(problem, gains=MatrixGains(gain, np.ones((3, 3), bool)))
    try:
        solution = solve_assignment(problem, method=method)
    except RangeError:
        assert bits > 53
        return
    certificate = certify_assignment(problem, solution)
    assert value_of(problem, certificate, solution.pairs) == find_best(problem)
    assert certificate.proved


def test_numbers_beyond_the_limit_are_refused_with_the_amount(pose):
    problem = pose(np.zeros((3, 3)).tolist())
    gain = np.full((3, 3), 2**60, np.int64)
    gain[0, 0] = -(2**60)
    with pytest.raises(RangeError, match=r"exactly up to \d+") as caught:
        solve_assignment(replace(problem, gains=MatrixGains(gain, np.ones((3, 3), bool))))
    assert caught.value.allowed < 2**60 <= caught.value.largest


@pytest.mark.parametrize("objective", ["total", "coverage"])
@pytest.mark.parametrize("method", ["flow", "dense", "pricing", "auto"])
def test_the_whole_range_of_whole_numbers_is_exact_and_proved(method, objective):
    for seed in range(25):
        rng = np.random.default_rng(seed)
        n, m = rng.integers(1, 5, 2)
        capacity = np.ones(m, np.int64) if method == "dense" else rng.integers(0, 3, m)
        most = min(n, int(capacity.sum()))
        top = (2**62 - 1) // int(n + m + 2)  # (largest - smallest + bonus) * (nodes + 1) < 2**62
        if objective == "coverage":
            top //= most + 3  # the bonus outweighs any choice of pairs
        gain = rng.choice([0, 1, top // 2, top - 1, top], (n, m))
        gain = np.where(rng.random((n, m)) < 0.4, rng.integers(0, top + 1, (n, m)), gain)
        allowed = rng.random((n, m)) < 0.85
        gains = MatrixGains(np.where(allowed, gain, 0), allowed)
        problem = AssignmentProblem(gains, capacity, np.zeros(m, np.int64), objective=objective)
        solution = solve_assignment(problem, method=method)
        assert certify_assignment(problem, solution).proved
        plans = [
            [(i, j) for i, j in enumerate(choice) if j >= 0]
            for choice in product(range(-1, m), repeat=n)
            if all(choice.count(j) <= capacity[j] for j in range(m))
            and all(j < 0 or allowed[i, j] for i, j in enumerate(choice))
        ]

        def rate(pairs, objective=objective, gain=gain):
            total = sum(int(gain[i, j]) for i, j in pairs)  # of any size
            return (total, len(pairs)) if objective == "total" else (len(pairs), total)

        assert rate(solution.pairs.tolist()) == max(map(rate, plans))
