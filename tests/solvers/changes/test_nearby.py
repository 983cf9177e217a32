"""Near a proved plan the answers are those of all pairs, for every number of changes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.solvers.assignment.pricing.effort import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.changes import ChangeLimit, certify_rematching
from pairmatch.solvers.certify.nearby import Running, certify_nearby, leave_rows
from pairmatch.solvers.changes.answers import TooManyChangesError
from pairmatch.solvers.changes.nearby import solve_nearby
from pairmatch.solvers.changes.rematching import solve_rematching
from pairmatch.solvers.changes.surroundings import Ground
from pairmatch.solvers.near_pairs import NearPairs
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains

SHORT = Effort(base=8, keep=2)  # short lists, as of large pools


def pose(rng, n, m, objective, capacity, largest):
    """Return a problem in which some pairs are not allowed."""
    gain, allowed = rng.integers(1, largest, (n, m)), rng.random((n, m)) < 0.85
    gains = MatrixGains(np.where(allowed, gain, 0), allowed)
    return AssignmentProblem(gains, capacity, np.zeros(m, np.int64), objective=objective)


def change(rng, problem, n_new):
    """Return the problem with some rows and columns other people, and the proof of the old plan."""
    solved = solve_by_pricing(problem, effort=SHORT)
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
    problem = dataclasses.replace(problem, gains=gains, capacity=capacity)
    return problem, running, column_of, solved.near


def solve_near(problem, running, column_of, n_kept, known=None):
    """Return the answer, how many pairs were looked at, and what the check found."""
    profit = leave_rows(running)
    ground = Ground(
        np.where(running.row >= 0, profit[running.row], -1),
        np.where(running.column >= 0, running.prices.column[running.column], -1),
        running.prices.bonus,
        None if known is None else known.follow(running.row, running.column),
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


def compare(rng, problem, n_new, *, tied=False):
    """Compare both ways for every number of changes.

    Where there are ties, a plan between two corners of the hull may reach the bound by luck, or
    match one person more.
    """
    problem, running, column_of, pairs = change(rng, problem, n_new)
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
        for known in (None, pairs):
            found, _, near = solve_near(problem, running, column_of, n_kept, known)
            proof = certify_rematching(problem, limit, found.pairs, found.dual)
            assert proof == dataclasses.replace(near, matched_bound=proof.matched_bound)
            if problem.objective == "coverage":  # a pair may gain nothing, and then "total" is free
                assert (near.matched, near.objective) <= (best.matched, best.objective)
            assert near.objective <= best.objective or near.matched < best.matched
            if near.matched == best.matched:
                assert best.objective <= near.bound
            if best.gap == 0:  # a corner of the hull
                n_exact += known is None
                assert near.matched_bound is None or near.matched_bound >= best.matched
                if not tied:
                    assert (near.matched, near.bound) == (best.matched, best.bound)
                    assert near.gap == 0
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
    compare(rng, pose(rng, n, m, objective, rng.integers(1, 3, m), largest), 1, tied=True)


@pytest.mark.parametrize("n_moves", [1, 4])
def test_a_free_place_is_offered_to_those_alone_who_would_pay_no_change(n_moves):
    rng = np.random.default_rng(5)
    n, m = 400, 150
    problem = pose(rng, n, m, "coverage", rng.integers(1, 3, m), 10_000)
    problem, running, column_of, pairs = change(rng, problem, 2)
    n_kept = int((column_of >= 0).sum()) - n_moves
    _, n_seen, near = solve_near(problem, running, column_of, n_kept)
    assert near.gap < 0.01
    assert n_seen < n * m // 4
    lines = (running.row < 0).sum() * m + (running.column < 0).sum() * n
    assert n_seen > lines
    _, n_fewer, same = solve_near(problem, running, column_of, n_kept, pairs)
    assert n_fewer < n_seen  # most of the pairs that matter are known
    assert same == near


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_that_are_not_named_as_nearly_as_good_lose_what_is_said(objective, seed):
    rng = np.random.default_rng(seed)
    n, m = 90, 40
    problem = pose(rng, n, m, objective, rng.integers(1, 4, m), 1000)
    solved = solve_by_pricing(problem, effort=SHORT)
    near, prices = solved.near, solved.prices
    every = np.arange(n), np.arange(m)
    proof = certify_assignment(problem, solved)
    profit = leave_rows(Running(problem, solved.pairs, prices, proof, *every))
    loss = profit[:, None] + prices.column - problem.gains.gain - prices.bonus
    slack = near.row_slack[:, None] + near.column_slack
    named = np.zeros((n, m), bool)
    named[near.row, near.column] = True
    assert (near.gain == problem.gains.gain[named]).all()
    assert (loss[named] < slack[named]).all()
    others = problem.gains.allowed & ~named
    assert (loss[others] >= slack[others]).all()
    assert 0 < named.sum() < problem.gains.allowed.sum()
    assert near.row_slack.max() > 0


def test_pairs_that_are_nearly_as_good_follow_their_people():
    near = NearPairs(
        *np.array([[0, 1, 2], [1, 0, 1], [7, 8, 9]], np.int32),
        np.array([1, 2, 3]),
        np.array([4, 5]),
    )
    now = near.follow(np.array([2, -1, 1, -1]), np.array([-1, 1, 0]))
    assert (now.row.tolist(), now.column.tolist(), now.gain.tolist()) == ([2, 0], [2, 1], [8, 9])
    assert (now.row_slack.tolist(), now.column_slack.tolist()) == ([3, 0, 2, 0], [0, 5, 4])


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_prices_the_check_near_a_plan_is_no_better_than_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n, m = 60, [20, 36][seed % 2]
    problem = pose(rng, n, m, "coverage", rng.integers(1, 4, m), 1000)
    problem, running, column_of, _ = change(rng, problem, 3)
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
