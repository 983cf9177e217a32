"""Ties are settled alike by augmenting paths and by flows."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing import settling
from pairmatch.solvers.assignment.pricing.augment_paths import load_kernels
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing

SMALL = Effort(keep=2, base=60, share=3, tile=(17, 13))


@pytest.fixture
def answers(monkeypatch):
    """What the augmenting paths answer; they are asked, and the flow is taken."""
    if load_kernels() is None:
        pytest.skip("numba is not installed")
    seat_ties, answers = settling.seat_ties, []

    def ask(*arguments):
        answers.append(seat_ties(*arguments))

    monkeypatch.setattr(settling, "seat_ties", ask)
    return answers


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize(
    ("n", "m", "places", "least"),
    [(30, 30, 1, 0), (40, 30, 1, 0), (30, 40, 1, 0), (60, 30, 2, 0), (70, 30, 2, 1)],
    ids=["square", "few places", "many places", "two places", "minimum loads"],
)
def test_augmenting_paths_settle_ties_like_flows(
    make_problem, answers, seed, objective, n, m, places, least
):
    rng = np.random.default_rng(seed)
    gain = rng.integers(0, 4, (n, m))
    allowed = rng.random((n, m)) < 0.4
    capacity = np.full(m, places)
    problem = make_problem(gain, allowed, capacity, at_least=np.full(m, least), objective=objective)
    plan = solve_by_pricing(problem, effort=SMALL).pairs
    (found,) = answers
    assert found is not None or least or places > 1
    if found is not None:
        assert found[np.lexsort((found[:, 1], found[:, 0]))].tolist() == plan.tolist()


def test_augmenting_paths_settle_full_pools(make_problem, answers):
    gain = np.random.default_rng(3).integers(1, 4, (50, 40))
    problem = make_problem(gain, gain > 0, np.ones(40, np.int64), objective="total")
    solve_by_pricing(problem, effort=SMALL)
    assert answers[0] is not None


def test_loads_that_may_vary_are_left_to_flows(make_problem, answers):
    gain = np.ones((30, 20), np.int64)
    problem = make_problem(gain, gain > 0, np.full(20, 4), objective="total")
    plan = solve_by_pricing(problem, effort=SMALL).pairs
    assert answers == [None]
    assert np.bincount(plan[:, 1]).max() == 2
