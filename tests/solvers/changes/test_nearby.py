"""Near a proved plan the answers are those of all pairs, for every number of changes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.changes import ChangeLimit, certify_rematching
from pairmatch.solvers.certify.nearby import Running, certify_nearby, leave_rows
from pairmatch.solvers.changes.nearby import solve_nearby
from pairmatch.solvers.changes.rematching import TooManyChangesError, solve_rematching
from pairmatch.solvers.changes.surroundings import Ground
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains


def pose(rng, n, m, objective, capacity, largest):
    """Return a problem in which some pairs are not allowed."""
    gain, allowed = rng.integers(1, largest, (n, m)), rng.random((n, m)) < 0.85
    gains = MatrixGains(np.where(allowed, gain, 0), allowed)
    return AssignmentProblem(gains, capacity, np.zeros(m, np.int64), objective=objective)


def change(rng, problem, n_new):
    """Return the problem with some rows and columns other people, and the proof of the old plan."""
    solved = solve_assignment(problem, method="pricing")
    certificate = certify_assignment(problem, solved)
    assert certificate.proved
    n, m = problem.n_rows, problem.n_columns
    rows, columns = np.arange(n), np.arange(m)
    rows[rng.choice(n, n_new, replace=False)] = -1
    columns[rng.choice(m, n_new, replace=False)] = -1
    other = pose(rng, n, m, problem.objective, problem.capacity, 1 + problem.gains.gain.max())
    new = (rows[:, None] < 0) | (columns < 0)
    gains = MatrixGains(
        np.where(new, other.gains.gain, problem.gains.gain),
        np.where(new, other.gains.allowed, problem.gains.allowed),
    )
    capacity = np.where(columns < 0, rng.integers(1, 4, m), problem.capacity)
    running = Running(problem, solved.pairs, solved.prices, certificate, rows, columns)
    column_of = np.full(n, -1)
    kept = solved.pairs[(rows[solved.pairs[:, 0]] >= 0) & (columns[solved.pairs[:, 1]] >= 0)]
    column_of[kept[:, 0]] = kept[:, 1]
    return dataclasses.replace(problem, gains=gains, capacity=capacity), running, column_of


def solve_near(problem, running, column_of, n_kept):
    """Return the answer, how many pairs were looked at, and what the check found."""
    profit = leave_rows(running)
    ground = Ground(
        np.where(running.row >= 0, profit[running.row], -1),
        np.where(running.column >= 0, running.prices.column[running.column], -1),
        running.prices.bonus,
    )
    seen = np.zeros(problem.gains.shape, bool)

    def look(rows, columns):
        gain, allowed = problem.gains.gain[rows][:, columns], problem.gains.allowed[rows]
        every = [np.arange(n)[k] for n, k in zip(seen.shape, (rows, columns), strict=True)]
        seen[np.ix_(*every)] = True
        return gain, allowed[:, columns]

    found = solve_nearby(problem, column_of, n_kept, ground, look)
    limit = ChangeLimit(column_of, n_kept)
    n_seen = int(seen.sum())
    checked = certify_nearby(problem, limit, found.pairs, found.dual, running, look)
    return found, n_seen, checked


def compare(rng, problem, n_new):
    """Compare both ways for every number of changes."""
    problem, running, column_of = change(rng, problem, n_new)
    if leave_rows(running) is None:
        return 0
    n_before, n_exact = int((column_of >= 0).sum()), 0
    for n_kept in range(n_before, -1, -1):
        try:
            whole = solve_rematching(problem, column_of, n_kept)
        except TooManyChangesError:
            with pytest.raises(TooManyChangesError):
                solve_near(problem, running, column_of, n_kept)
            continue
        limit = ChangeLimit(column_of, n_kept)
        best = certify_rematching(problem, limit, whole.pairs, whole.dual)
        found, _, near = solve_near(problem, running, column_of, n_kept)
        assert certify_rematching(problem, limit, found.pairs, found.dual) == dataclasses.replace(
            near,
            matched_bound=certify_rematching(problem, limit, found.pairs, found.dual).matched_bound,
        )
        assert (near.matched, near.objective) <= (best.matched, best.objective)
        if near.matched == best.matched:
            assert best.objective <= near.bound
        if best.gap == 0:  # a corner of the hull
            n_exact += 1
            assert (near.matched, near.objective, near.gap) == (best.matched, best.objective, 0)
    return n_exact


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("crowded", [False, True])
def test_every_number_of_changes_is_answered_as_with_all_pairs_in_hand(objective, seed, crowded):
    rng = np.random.default_rng(seed)
    n, m = 40, 13 if crowded else 24
    capacity = rng.integers(1, 4, m)
    assert compare(rng, pose(rng, n, m, objective, capacity, 1000), 3) > 3


@given(st.integers(0, 2**32 - 1), st.sampled_from(["coverage", "total"]), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_small_pools_with_many_ties_are_answered_as_with_all_pairs_in_hand(
    seed, objective, largest
):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 9)), int(rng.integers(2, 6))
    compare(rng, pose(rng, n, m, objective, rng.integers(1, 3, m), largest), 1)


@pytest.mark.parametrize("n_moves", [1, 4])
def test_a_free_place_is_offered_to_those_alone_who_would_pay_no_change(n_moves):
    rng = np.random.default_rng(5)
    n, m = 400, 150
    problem = pose(rng, n, m, "coverage", rng.integers(1, 3, m), 10_000)
    problem, running, column_of = change(rng, problem, 2)
    n_kept = int((column_of >= 0).sum()) - n_moves
    _, n_seen, near = solve_near(problem, running, column_of, n_kept)
    assert near.gap < 0.01
    assert n_seen < n * m // 4
    lines = (running.row < 0).sum() * m + (running.column < 0).sum() * n
    assert n_seen > lines


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_prices_the_check_near_a_plan_is_no_better_than_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n, m = 60, [20, 36][seed % 2]
    problem = pose(rng, n, m, "coverage", rng.integers(1, 4, m), 1000)
    problem, running, column_of = change(rng, problem, 3)
    n_kept = int((column_of >= 0).sum()) - 5
    found, _, _ = solve_near(problem, running, column_of, n_kept)
    limit = ChangeLimit(column_of, n_kept)

    def look(rows, columns):
        return problem.gains.gain[rows][:, columns], problem.gains.allowed[rows][:, columns]

    price = found.dual.prices.column
    for _ in range(40):
        moved = np.maximum(price + rng.integers(-300, 300, m) * (rng.random(m) < 0.3), 0)
        prices = dataclasses.replace(found.dual.prices, column=moved)
        dual = dataclasses.replace(found.dual, prices=prices, keep=int(rng.integers(0, 400)))
        near = certify_nearby(problem, limit, found.pairs, dual, running, look)
        assert near.bound >= certify_rematching(problem, limit, found.pairs, dual).bound
