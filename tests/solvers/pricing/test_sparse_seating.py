"""Both sparse solvers leave a best seating over the candidates, and prices that prove it."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing import augment_flow
from pairmatch.solvers.assignment.pricing.augment import Seating
from pairmatch.solvers.assignment.pricing.augment_paths import load_kernels
from pairmatch.solvers.assignment.pricing.candidates import Candidates


def _never() -> bool:
    return False


def _worth(seating, candidates):
    """Check feasibility, tightness and the rules of empty places; return the value."""
    row, column = candidates.row, candidates.column
    assert (seating.u[row] + seating.v[column] >= candidates.gain).all()
    assert (seating.u >= seating.outside).all()
    sits = np.flatnonzero(seating.mate >= 0)
    own = candidates.find(sits, seating.mate[sits])
    np.testing.assert_array_equal(seating.u[sits] + seating.v[seating.mate[sits]], own)
    alone = seating.mate < 0
    np.testing.assert_array_equal(seating.u[alone], seating.outside[alone])
    filled = np.bincount(seating.mate[sits], minlength=len(seating.v))
    np.testing.assert_array_equal(filled, seating.filled)
    assert (filled <= seating.capacity).all()
    between = (filled > seating.least) & (filled < seating.capacity)
    np.testing.assert_array_equal(seating.v[between], seating.spare[between])
    short = filled < seating.least
    np.testing.assert_array_equal(seating.v[short], seating.short[short])
    empty = seating.capacity - filled
    spare = np.minimum(empty, seating.capacity - seating.least)
    rest = spare @ seating.spare + (empty - spare) @ seating.short
    return int(own.sum() + seating.outside[alone].sum() + rest)


def _seat(seed, *, fast):
    rng = np.random.default_rng(seed)
    n, m, top = rng.integers(1, 9), rng.integers(1, 7), rng.choice([2, 5, 100])
    gain = rng.integers(-top // 2, top, (n, m))
    allowed = rng.random((n, m)) < rng.choice([0.3, 0.7, 1])
    capacity = rng.integers(0, 3, m)
    least = np.minimum(capacity, rng.integers(0, 2, m) * rng.integers(0, 2))
    spare = rng.integers(0, 3, m) * rng.integers(0, 2)
    short = spare - rng.integers(0, 300, m)
    start = np.where(least > 0, rng.integers(-3, 5, m), rng.integers(0, 9, m))
    start = np.maximum(start, np.where(least > 0, short, spare))
    seating = Seating(int(n), capacity, least, start, fast=fast)
    seating.outside[:] = rng.integers(-top, top // 2 + 1, n) * rng.integers(0, 2)
    seating.spare[:], seating.short[:] = spare, short
    candidates = Candidates((int(n), int(m)))
    i, j = np.nonzero(allowed)
    half = rng.random(len(i)) < 0.5
    candidates.add(i[half], j[half], gain[i[half], j[half]])
    assert seating.solve(candidates, _never)
    _worth(seating, candidates)
    candidates.add(i, j, gain[i, j])  # the rest, which may be worth more than the prices
    seating.refresh()
    assert seating.solve(candidates, _never)
    return _worth(seating, candidates)


@pytest.mark.parametrize("seed", range(150))
def test_paths_and_flow_find_seatings_of_the_same_worth_and_prove_them(seed):
    assert _seat(seed, fast=True) == _seat(seed, fast=False)


@pytest.mark.parametrize("seed", range(40))
def test_flows_over_few_candidates_are_best_over_all_and_keep_prices_near(seed, monkeypatch):
    linear_sum_assignment = pytest.importorskip("scipy.optimize").linear_sum_assignment
    monkeypatch.setattr(augment_flow, "_NEAR", 1)
    sizes = []
    solve = augment_flow._solve_flow

    def count(seating, edges):
        sizes.append(len(edges.gain))
        return solve(seating, edges)

    monkeypatch.setattr(augment_flow, "_solve_flow", count)
    rng = np.random.default_rng(seed)
    n = 40
    gain = rng.integers(0, rng.choice([5, 1000]), (n, n))
    i, j = np.divmod(np.arange(n * n), n)
    candidates = Candidates((n, n))
    candidates.add(i, j, gain.ravel())
    ones = np.ones(n, np.int64)
    seating = Seating(n, ones, 0 * ones, 0 * ones, fast=False)
    assert seating.solve(candidates, _never)
    best = gain[linear_sum_assignment(-gain)].sum()
    assert _worth(seating, candidates) == best
    assert sizes[0] < n * n
    assert all(np.diff(sizes) > 0)
    u, v = seating.u, seating.v
    seating.refresh()
    assert seating.solve(candidates, _never)
    assert _worth(seating, candidates) == best
    np.testing.assert_array_equal(seating.u, u)  # prices that are right already stay
    np.testing.assert_array_equal(seating.v, v)


def test_the_solver_that_was_used_has_a_name():
    one = np.ones(1, np.int64)
    assert Seating(1, one, 0 * one, 0 * one, fast=False).solver == "min-cost flow"
    pytest.importorskip("numba", exc_type=ImportError)
    assert Seating(1, one, 0 * one, 0 * one).solver == "augmenting paths"


def test_a_seating_that_is_told_to_stop_keeps_valid_prices():
    rng = np.random.default_rng(5)
    candidates = Candidates((30, 30))
    i, j = np.divmod(np.arange(900), 30)
    candidates.add(i, j, rng.integers(0, 50, 900))
    ones = np.ones(30, np.int64)
    seating = Seating(30, ones, 0 * ones, 0 * ones)
    assert not seating.solve(candidates, lambda: True)
    assert (seating.u[i] + seating.v[j] >= candidates.gain).all()
    assert seating.solve(candidates, _never)
    _worth(seating, candidates)


def test_candidates_are_a_set():
    candidates = Candidates((3, 4))
    assert candidates.add(np.array([2, 0, 2]), np.array([1, 3, 1]), np.array([5, 6, 5])) == 2
    assert candidates.add(np.array([0, 1]), np.array([3, 0]), np.array([6, 0])) == 1
    assert candidates.row.tolist() == [0, 1, 2]
    assert candidates.column.tolist() == [3, 0, 1]
    assert candidates.gain.tolist() == [6, 0, 5]


def test_candidates_are_sorted_by_column_for_the_compiled_search():
    kernels = load_kernels()
    if kernels is None:
        pytest.skip("numba is not installed")
    candidates = Candidates((3, 4))
    candidates.add(np.array([2, 0, 1]), np.array([1, 3, 0]), np.array([5, 6, 0]))
    start, row, gain = candidates.by_column(kernels[3])
    assert (start.tolist(), row.tolist(), gain.tolist()) == ([0, 1, 2, 2, 3], [1, 2, 0], [0, 5, 6])
