"""Neither loading of compiled code nor a flow that cannot be stopped makes a limit longer."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing import augment, compiled, completing, rounds, watching
from pairmatch.solvers.assignment.pricing import solver as pricing
from pairmatch.solvers.assignment.pricing.augment_paths import load_kernels
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.scan import load_scan
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.sweep import Stopped, Sweeper
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains


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
    monkeypatch.setattr(augment, "seat_by_flow", None)  # to call it would be an error
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


def test_rows_for_whom_there_is_no_time_take_any_place(monkeypatch):
    monkeypatch.setattr(completing, "_seat_anywhere", Mock(wraps=completing._seat_anywhere))
    rng = np.random.default_rng(5)
    gain, allowed = rng.integers(1, 90, (400, 300)), rng.random((400, 300)) < 0.8
    gains, places = MatrixGains(np.where(allowed, gain, 0), allowed), np.ones(300, np.int64)
    pairs = completing.complete_plan(
        gains, places, 0 * places, np.empty((0, 2), np.int64), 0.0, coverage=True
    )
    assert completing._seat_anywhere.called
    assert (np.bincount(pairs[:, 1], minlength=300) <= 1).all()
    assert len(set(pairs[:, 0].tolist())) == len(pairs) > 250
    assert allowed[pairs[:, 0], pairs[:, 1]].all()


@pytest.fixture
def wide():
    """A pool whose sample has a sample of its own."""
    rng = np.random.default_rng(4)
    row, column = rng.integers(0, 50, (700, 6)), rng.integers(0, 50, (650, 6))
    gains = StreamedGains(row.astype(np.float32), column.astype(np.float32), largest=6 * 2500)
    ones = np.ones(650, np.int64)
    return AssignmentProblem(gains, ones, 0 * ones, objective="total")


def stop_sweeps(monkeypatch, n_rows):
    """Let no sweep over so many rows come to its end."""
    sweep = Sweeper.best

    def best(self, lines, *rest, **named):
        if len(lines) == n_rows:
            raise Stopped
        return sweep(self, lines, *rest, **named)

    monkeypatch.setattr(Sweeper, "best", best)


@pytest.mark.parametrize("level", [700, 233])
def test_prices_of_a_sample_bound_a_plan_that_was_cut_short(wide, monkeypatch, level):
    stop_sweeps(monkeypatch, level)
    effort = Effort(base=7000, share=3)
    solution = solve_by_pricing(wide, effort=effort, time_limit=60)
    assert solution.status is Status.TIME_LIMIT
    assert solution.prices.column.any()
    certificate = certify_assignment(wide, solution)
    monkeypatch.undo()
    best = certify_assignment(wide, solve_by_pricing(wide, effort=effort))
    assert certificate.objective < best.objective <= certificate.bound
    assert certificate.matched == 650
    plain = replace(solution, prices=replace(solution.prices, column=0 * solution.prices.column))
    assert certificate.bound < certify_assignment(wide, plain).bound


def test_prices_of_a_sample_are_not_used_where_the_proof_has_no_time(wide, monkeypatch):
    stop_sweeps(monkeypatch, 700)
    monkeypatch.setattr(watching, "_PROVING", 1.0)
    solution = solve_by_pricing(wide, effort=Effort(base=7000, share=3), time_limit=60)
    assert not solution.prices.column.any()
