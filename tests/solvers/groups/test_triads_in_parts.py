from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import choice, solve_grouping
from pairmatch.solvers.groups.basis import kernels
from pairmatch.solvers.groups.basis.annealing import anneal
from pairmatch.solvers.groups.basis.pools import price_triads
from pairmatch.solvers.groups.basis.search import Search, seat_greedily
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.large import parts
from pairmatch.solvers.groups.triads.dealing import Board, deal_again

BOTH = pytest.mark.parametrize("objective", ["total", "worst_rotation"])


@pytest.fixture
def plain(monkeypatch):
    """The same loops without numba."""

    def without():
        monkeypatch.setattr(kernels, "load_kernels", lambda: None)

    return without


@BOTH
@pytest.mark.parametrize("forbidden", [0.0, 0.3])
def test_prices_are_the_same_with_and_without_numba(objective, forbidden, pool, plain):
    if kernels.load_kernels() is None:
        pytest.skip("numba is not there")
    values = GroupValues.of(pool(45, 4, objective=objective, forbidden=forbidden), 2)
    common = {"unit": 64, "n_rounds": 4, "n_steps": 60, "keep_on": lambda: True}
    fast = price_triads(values, 45 * 1000, **common)
    plain()
    slow = price_triads(values, 45 * 1000, **common)
    assert fast.price.tolist() == slow.price.tolist()
    assert fast.bound == slow.bound


@BOTH
def test_prices_cover_every_triad_and_come_near_the_best_grouping(objective, pool):
    problem = pool(30, 6, objective=objective, high=10**6)
    values = GroupValues.of(problem, 2)
    solution = solve_grouping(problem)
    best = certify_grouping(problem, solution).objective
    prices = price_triads(values, best, unit=16, n_rounds=10, n_steps=300, keep_on=lambda: True)
    triads = np.array([(i, j, k) for i in range(30) for j in range(i) for k in range(j)])
    assert (prices.price[triads].sum(axis=1) >= 16 * values.of_groups(triads)).all()
    assert best <= prices.bound <= 1.02 * best


def test_held_pool_of_very_many_is_solved_along_links_with_a_valid_bound(pool, monkeypatch):
    monkeypatch.setattr(parts, "N_PART", 30)
    for few in ("_N_WHOLE", "N_HELD"):
        monkeypatch.setattr(choice, few, 30)
    problem = pool(63, 2, high=10**6)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert solution.solver == "prices and dealing"
    assert certificate.matched == 63
    assert certificate.gap is not None
    assert certificate.gap < 0.03


def test_deals_gain_what_they_say_and_keep_everybody(pool):
    values = GroupValues.of(pool(36, 3), 2)
    every = np.array([(i, j, k) for i in range(36) for j in range(i) for k in range(j)])
    price = np.full(36, 2000, np.int64)
    short = price[every].sum(axis=1) - values.of_groups(every)
    dealt = np.arange(36).reshape(-1, 3)
    cost = price[dealt].sum(axis=1) - values.of_groups(dealt)
    board = Board(every, short, dealt, cost)
    gained = deal_again(board, 30, 4, 60, np.random.default_rng(0))
    assert gained > 0
    assert values.of_groups(board.dealt).sum() == values.of_groups(dealt).sum() + gained
    assert sorted(board.dealt.ravel().tolist()) == list(range(36))


def test_annealing_never_loses_and_keeps_sizes(pool):
    pytest.importorskip("numba")
    problem = pool(34, 5, size=(8, 9))
    values = GroupValues.of(problem, 56)
    look = Search.of(values, np.random.default_rng(0), lambda: True)
    plan = seat_greedily(look, (9, 9, 8, 8))
    better = anneal(look, plan, 1)
    assert better.worth == values.of_tables(better.tables) > plan.worth
    assert sorted(table.shape for table in better.tables) == [(2, 8), (2, 9)]
    assert sorted(np.concatenate([t.ravel() for t in better.tables]).tolist()) == list(range(34))
