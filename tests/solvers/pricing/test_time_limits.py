"""Neither loading of compiled code nor a flow that cannot be stopped makes a limit longer."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.assignment import augment, compiled, completing, pricing, rounds
from pairmatch.solvers.assignment.augment_paths import load_kernels
from pairmatch.solvers.assignment.hits import load_scan
from pairmatch.solvers.assignment.pricing import solve_by_pricing
from pairmatch.solvers.assignment.rounds import Effort
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Status


@pytest.fixture
def pool(make_gain, make_problem):
    gain, allowed = make_gain("random", 90, 80, np.random.default_rng(2))
    return make_problem(gain, allowed, np.ones(80, np.int64))


def test_loading_leaves_nothing_to_compile_later(pool):
    pytest.importorskip("numba", exc_type=ImportError)
    assert compiled.load_compiled()
    kernels = (*load_scan(), *load_kernels())
    before = [len(kernel.signatures) for kernel in kernels]
    solution = solve_by_pricing(pool, effort=Effort(base=60, share=3))
    assert solution.solver == "pricing, augmenting paths"
    assert [len(kernel.signatures) for kernel in kernels] == before


def test_without_numba_there_is_nothing_to_wait_for(monkeypatch):
    monkeypatch.setattr(compiled, "load_scan", lambda: None)
    compiled.load_compiled.cache_clear()
    assert not compiled.load_compiled()
    assert compiled.are_loaded_within(10)
    compiled.load_compiled.cache_clear()


def test_code_that_takes_too_long_to_load_is_not_used(pool, monkeypatch):
    asked = []
    monkeypatch.setattr(pricing, "are_loaded_within", asked.append)
    solution = solve_by_pricing(pool, time_limit=60)
    assert asked == [15]
    assert solution.solver == "pricing, min-cost flow"
    assert certify_assignment(pool, solution).proved


def test_a_flow_that_would_outlast_the_limit_is_not_begun(pool, monkeypatch):
    monkeypatch.setattr(rounds, "FLOW_SECONDS", 100)
    monkeypatch.setattr(augment, "solve_flow", None)  # to call it would be an error
    effort = Effort(base=60, share=3, fast=False)
    solution = solve_by_pricing(pool, effort=effort, time_limit=5)
    assert solution.status is Status.TIME_LIMIT
    certificate = certify_assignment(pool, solution)
    assert certificate.matched == 80
    assert certificate.bound > certificate.objective


def test_rows_that_are_left_out_find_places_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(completing, "_SOME", 8)
    rng = np.random.default_rng(5)
    gain, allowed = rng.integers(-9, 90, (120, 100)), rng.random((120, 100)) < 0.5
    gains, places = MatrixGains(np.where(allowed, gain, 0), allowed), rng.integers(0, 3, 100)
    for coverage in (True, False):
        pairs = completing.complete_plan(
            gains, places, 0 * places, np.empty((0, 2), np.int64), coverage=coverage
        )
        assert (np.bincount(pairs[:, 1], minlength=100) <= places).all()
        assert len(set(pairs[:, 0].tolist())) == len(pairs) > 80
        assert allowed[pairs[:, 0], pairs[:, 1]].all()
        assert coverage or (gain[pairs[:, 0], pairs[:, 1]] > 0).all()


def test_ties_that_would_outlast_the_limit_are_not_settled(pool, monkeypatch):
    monkeypatch.setattr(pricing, "FLOW_SECONDS", 100)
    solution = solve_by_pricing(pool, effort=Effort(base=60, share=3), time_limit=60)
    assert solution.status is Status.TIME_LIMIT
    assert certify_assignment(pool, solution).proved
