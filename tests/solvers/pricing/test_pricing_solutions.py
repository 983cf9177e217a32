"""The streamed solver finds a best plan of every pool, and its prices prove it."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, get_ident

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.pricing.completing import complete_plan
from pairmatch.solvers.assignment.pricing.rounds import Effort, Rounds
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas
from pairmatch.solvers.solution import Status

# Small sizes, so that pools of a hundred people need samples of samples and many tiles.
SMALL = Effort(keep=2, base=60, share=3, tile=(17, 13))
SLOW = Effort(keep=3, base=200, share=2, tile=(9, 30), fast=False)
KINDS = (
    "random", "tied", "rank one", "all equal", "same ranking", "few allowed", "nobody allowed",
    "negative",
)  # fmt: skip


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize(
    ("shape", "effort"),
    [((70, 70), SMALL), ((90, 40), SMALL), ((45, 100), SMALL), ((60, 50), SLOW)],
    ids=["square", "few places", "many places", "plain"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_pool_gets_a_best_plan_and_its_proof(
    make_gain, make_problem, best, kind, shape, effort, objective
):
    rng = np.random.default_rng(len(kind) + shape[0])
    gain, allowed = make_gain(kind, *shape, rng)
    capacity = rng.integers(0, 4, shape[1]) if shape[0] == 90 else np.ones(shape[1], np.int64)
    problem = make_problem(gain, allowed, capacity, objective=objective)
    solution = solve_by_pricing(problem, effort=effort)
    certificate = certify_assignment(problem, solution)
    matched, total = best(gain, allowed, capacity, coverage=objective == "coverage")
    assert solution.status is Status.OPTIMAL
    assert certificate.proved
    assert certificate.objective == total
    if objective == "coverage":
        assert certificate.matched == certificate.matched_bound == matched


@pytest.mark.parametrize("seed", range(6))
def test_all_rules_and_terms_stay_exact_together(full_gains, best, seed):
    gains = full_gains(seed, 120, 90)
    capacity = np.random.default_rng(seed).integers(0, 3, 90)
    problem = AssignmentProblem(gains, capacity, np.zeros(90, np.int64))
    certificate = certify_assignment(problem, solve_by_pricing(problem, effort=SMALL))
    gain, allowed = gains.block(slice(0, 120), slice(0, 90))
    assert certificate.proved
    assert (certificate.matched, certificate.objective) == best(
        gain, allowed, capacity, coverage=True
    )


def test_coverage_is_worth_more_than_any_one_score(make_problem):
    # Everybody is matched only if all ten good pairs are given up for eleven worthless ones.
    gain, allowed = np.zeros((11, 12), np.int64), np.zeros((11, 12), bool)
    for k in range(11):
        allowed[k, k + 1] = True
        allowed[k, k] = k > 0
        gain[k, k] = 100 * (k > 0)
    for streamed in (True, False):
        problem = make_problem(gain, allowed, np.ones(12, np.int64), streamed=streamed)
        solution = solve_by_pricing(problem, effort=SMALL)
        certificate = certify_assignment(problem, solution)
        assert (certificate.matched, certificate.objective) == (11, 0)
        assert certificate.proved
        assert solution.prices.bonus > 1000


def test_threads_do_not_change_the_plan_and_order_not_its_worth(make_gain, make_problem):
    rng = np.random.default_rng(8)
    gain, allowed = make_gain("same ranking", 120, 120, rng)
    ones = np.ones(120, np.int64)
    problem = make_problem(gain, allowed, ones)
    plans = [solve_by_pricing(problem, effort=SMALL, n_threads=k).pairs for k in (1, 2, 7)]
    np.testing.assert_array_equal(plans[0], plans[1])
    np.testing.assert_array_equal(plans[0], plans[2])
    worth = {int(gain[tuple(plans[0].T)].sum())}
    for _ in range(3):
        i, j = rng.permutation(120), rng.permutation(120)
        mixed = make_problem(gain[np.ix_(i, j)], allowed[np.ix_(i, j)], ones)
        pairs = solve_by_pricing(mixed, effort=SMALL).pairs
        worth.add(int(gain[i[pairs[:, 0]], j[pairs[:, 1]]].sum()))
    assert len(worth) == 1


def test_a_pin_is_kept_and_uses_up_one_place(make_gain, make_problem, best):
    gain, allowed = make_gain("random", 60, 30, np.random.default_rng(2))
    capacity = np.full(30, 2)
    pins = np.array([[5, 9], [6, 9], [7, 3]])
    problem = make_problem(gain, allowed, capacity, pins=pins, objective="total")
    solution = solve_by_pricing(problem, effort=SMALL)
    rest = np.setdiff1d(np.arange(60), pins[:, 0])
    left = capacity - np.bincount(pins[:, 1], minlength=30)
    _, total = best(gain[rest], allowed[rest], left, coverage=False)
    certificate = certify_assignment(problem, solution)
    assert certificate.proved
    assert certificate.objective == total + gain[tuple(pins.T)].sum()
    assert (solution.pairs[:, 1] == 9).sum() == 2


def _solve_slowly(gain, allowed, capacity, least, bonus):
    """Return the status, matched rows and total of an integer program of HiGHS."""
    i, j = np.nonzero(allowed)
    n, m = gain.shape
    ones, at = np.ones(len(i)), np.arange(len(i))
    rows = sparse.csr_array((ones, (i, at)), shape=(n, len(i)))
    columns = sparse.csr_array((ones, (j, at)), shape=(m, len(i)))
    result = milp(
        -(gain[i, j] + bonus),
        constraints=[LinearConstraint(rows, 0, 1), LinearConstraint(columns, least, capacity)],
        bounds=Bounds(0, 1),
        integrality=ones,
    )
    if result.status != 0:
        return result.status, 0, 0
    return 0, round(result.x.sum()), round(gain[i, j] @ result.x)


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(10))
def test_minimum_loads_are_met_at_the_least_cost(make_problem, seed, objective):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(20, 50), rng.integers(5, 20)
    gain = rng.integers(-50, 100, (n, m))
    allowed = rng.random((n, m)) < 0.5
    gain = np.where(allowed, gain, 0)
    capacity = rng.integers(0, 4, m)
    least = np.minimum(capacity, rng.integers(0, 3, m))
    bonus = 10**6 if objective == "coverage" else 0
    status, matched, total = _solve_slowly(gain, allowed, capacity, least, bonus)
    problem = make_problem(gain, allowed, capacity, at_least=least, objective=objective)
    effort = SMALL if seed % 2 else SLOW
    if status != 0:
        with pytest.raises(LoadConflict):
            solve_by_pricing(problem, effort=effort)
        return
    certificate = certify_assignment(problem, solve_by_pricing(problem, effort=effort))
    assert certificate.proved
    assert certificate.objective == total
    if objective == "coverage":
        assert certificate.matched == matched


def test_minimum_loads_that_cannot_be_met_are_named(make_problem):
    allowed = np.ones((20, 8), bool)
    allowed[2:, 3] = False  # two rows may go to column 3, which must get three
    gain = np.where(allowed, 5, 0)
    least = np.array([0, 1, 0, 3, 0, 0, 0, 0])
    problem = make_problem(gain, allowed, np.full(8, 3), at_least=least)
    with pytest.raises(LoadConflict) as conflict:
        solve_by_pricing(problem, effort=SMALL)
    assert conflict.value.columns.tolist() == [3]
    assert conflict.value.rows.tolist() == [0, 1]
    assert conflict.value.reachable.tolist() == [0, 1, 0, 2, 0, 0, 0, 0]


def test_every_round_has_a_bound_that_holds(full_gains, best):
    gains = full_gains(2, 110, 110)
    gain, allowed = gains.block(slice(0, 110), slice(0, 110))
    ones = np.ones(110, np.int64)
    matched, total = best(gain, allowed, ones, coverage=True)
    bonus = 10**5
    bounds = []
    rounds = Rounds(
        gains, ones, 0 * ones, bonus, effort=SMALL, rng=np.random.default_rng(0), stop=Event()
    )
    assert rounds.run(lambda state: bounds.append(state.bound))
    assert len(bounds) > 2
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == total + bonus * matched == rounds.value


def test_progress_is_told_in_the_calling_thread(make_gain, make_problem):
    gain, allowed = make_gain("random", 90, 90, np.random.default_rng(4))
    problem = make_problem(gain, allowed, np.ones(90, np.int64))
    told = []
    solve_by_pricing(
        problem, effort=SMALL, progress=lambda *message: told.append((get_ident(), *message))
    )
    assert {message[0] for message in told} == {get_ident()}
    assert [message[1] for message in told] == list(range(1, len(told) + 1))
    assert told[-1][2] == 0.0


def test_an_error_of_the_progress_callback_reaches_the_caller(make_gain, make_problem):
    gain, allowed = make_gain("random", 90, 90, np.random.default_rng(4))
    problem = make_problem(gain, allowed, np.ones(90, np.int64))

    def fail(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        solve_by_pricing(problem, effort=SMALL, progress=fail)


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_without_time_there_is_still_a_valid_plan_and_bound(
    make_gain, make_problem, best, objective
):
    gain, allowed = make_gain("random", 80, 70, np.random.default_rng(6))
    ones = np.ones(70, np.int64)
    problem = make_problem(gain, allowed, ones, objective=objective)
    solution = solve_by_pricing(problem, effort=SMALL, time_limit=0)
    certificate = certify_assignment(problem, solution)
    _, total = best(gain, allowed, ones, coverage=objective == "coverage")
    assert solution.status in (Status.TIME_LIMIT, Status.OPTIMAL)
    assert certificate.objective <= total
    assert certificate.matched == 70  # what is left over is added greedily
    assert certificate.bound >= total


def test_quotas_are_refused_with_a_remedy(make_gain, make_problem):
    gain, allowed = make_gain("random", 6, 5, np.random.default_rng(1))
    problem = make_problem(
        gain, allowed, np.ones(5, np.int64), quotas=(Quotas(np.zeros(6, np.int64), 1),)
    )
    with pytest.raises(CapabilityError, match="flow"):
        solve_by_pricing(problem)


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(4))
def test_without_time_minimum_loads_are_still_met(make_gain, make_problem, seed, objective):
    rng = np.random.default_rng(seed)
    gain, allowed = make_gain("few allowed" if seed % 2 else "random", 90, 30, rng)
    allowed[np.arange(60), np.arange(60) % 30] = True  # two rows each can be had
    least = rng.integers(0, 3, 30)
    problem = make_problem(gain, allowed, least + 1, objective=objective, at_least=least)
    solution = solve_by_pricing(problem, effort=SMALL, time_limit=0)
    certificate = certify_assignment(problem, solution)
    finished = certify_assignment(problem, solve_by_pricing(problem, effort=SMALL))
    assert finished.proved
    if objective == "total":
        assert certificate.objective <= finished.objective <= certificate.bound
    assert certificate.matched <= finished.matched


def test_minimum_loads_are_met_along_paths_where_no_row_is_to_spare():
    # Column 2 can have row 1 only; row 1 sits on column 1, which can take row 0 from column 0,
    # which has two.
    allowed = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0]], bool)
    gains = MatrixGains(np.where(allowed, 5, 0), allowed)
    pairs = np.array([[0, 0], [1, 1], [2, 0]])
    places, least = np.array([2, 1, 1]), np.array([1, 1, 1])
    done = complete_plan(gains, places, least, pairs, coverage=True)
    assert done.tolist() == [[0, 1], [1, 2], [2, 0]]


def test_minimum_loads_that_cannot_be_met_are_named_without_time_as_well(make_problem):
    gain, allowed = np.full((60, 4), 3), np.ones((60, 4), bool)
    allowed[2:, :3] = False  # three columns share two rows
    problem = make_problem(gain, allowed, np.array([2, 2, 2, 60]), at_least=np.array([1, 1, 1, 0]))
    with pytest.raises(LoadConflict) as conflict:
        solve_by_pricing(problem, effort=Effort(base=8, fast=False), time_limit=0)
    assert conflict.value.columns.tolist() == [0, 1, 2]
    assert conflict.value.rows.tolist() == [0, 1]
    assert (problem.at_least - conflict.value.reachable).sum() == 1


_INTERRUPTED = """
import os, signal, sys, threading
import numpy as np
from pairmatch.solvers.assignment.pricing.completing import complete_plan
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
objective, least, *delays = sys.argv[1:]
rng = np.random.default_rng(0)
row, column = (rng.integers(0, 50, (700, 12)).astype(np.float32) for _ in range(2))
ones = np.ones(700, np.int64)
gains = StreamedGains(row, column, largest=30000)
problem = AssignmentProblem(gains, 2 * ones, int(least) * ones, objective=objective)
effort = Effort(base=700, share=2, fast=False)
best = certify_assignment(problem, solve_by_pricing(problem, effort=effort))
assert best.proved
for delay in map(float, delays):
    solution = None
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        solution = solve_by_pricing(problem, effort=effort)
        found = certify_assignment(problem, solution)
        if solution.status is not Status.INTERRUPTED:
            threading.Event().wait(delay + 1)  # it comes too late
    except KeyboardInterrupt:  # only while the answer was checked, or waited for
        assert solution is not None
        found = certify_assignment(problem, solution)
    assert found.objective <= best.objective <= found.bound, found
    assert found.matched == best.matched
    print(solution.status.name)
"""


def _interrupt(objective, least, *delays):
    """Run in a process of its own; return how each solve ended."""
    run = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, objective, str(least), *map(str, delays)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.parametrize("least", [0, 1])
def test_ctrl_c_leaves_a_valid_plan_and_a_bound_that_holds(least):
    assert "INTERRUPTED" in _interrupt("coverage", least, 0.02, 0.1, 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(30))
def test_ctrl_c_at_a_random_moment_leaves_a_valid_plan_and_a_bound_that_holds(turn):
    delay = np.random.default_rng(turn).uniform(0, 0.6)
    objective = "coverage" if turn % 2 else "total"
    assert _interrupt(objective, turn // 2 % 2, delay) in (["INTERRUPTED"], ["OPTIMAL"])


def test_where_many_pairs_are_as_good_nearly_every_column_has_candidates_from_the_first_round_on():
    pytest.importorskip("numba")
    rng = np.random.default_rng(4)
    gains = MatrixGains(
        np.outer(rng.integers(1, 6, 300), 3000 - 10 * np.arange(300)), np.ones((300, 300), bool)
    )
    one, none = np.ones(300, np.int64), np.zeros(300, np.int64)
    effort = Effort(keep=4, base=60, share=3, tile=(64, 64))
    rounds = Rounds(gains, one, none, 0, effort=effort, rng=rng, stop=Event())
    n_without = []

    def count_columns(now):
        n_candidates = np.bincount(now.candidates.column, minlength=300)
        n_without.append(np.count_nonzero(n_candidates == 0))

    assert rounds.run(count_columns)
    assert n_without[0] <= 10
