"""Compiled loops of groups: nobody with a time limit, and nobody who stops, waits for them."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest

from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis import annealing, charges, compiling, kernels
from pairmatch.solvers.groups.basis.compiling import compiled_once, wait_at_most
from pairmatch.solvers.groups.large import dealing as large_dealing
from pairmatch.solvers.groups.large import linked, loops, proofs, streaming
from pairmatch.solvers.groups.large.solver import solve_large
from pairmatch.solvers.groups.triads import dealing
from pairmatch.solvers.groups.triads import solver as triads
from pairmatch.solvers.problem import MatrixGains, StreamedGrouping
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import Status


@pytest.fixture
def slow(monkeypatch):
    """Loops that are being compiled for as long as a test runs."""
    over = Event()

    @compiled_once
    def load(*_):
        over.wait()

    monkeypatch.setattr(kernels, "load_kernels", load)
    monkeypatch.setattr(charges, "load_charges", load)
    for module in (dealing, large_dealing, triads):
        monkeypatch.setattr(module, "load_deal", load)
    for module in (linked, proofs, streaming):
        monkeypatch.setattr(module, "load_link_loops", load)
    monkeypatch.setattr(annealing, "_load_swaps", load)
    yield load
    over.set()


@pytest.mark.parametrize("size", [3, 4])
def test_with_a_time_limit_loops_that_take_long_are_not_waited_for(size, pool, slow):
    problem = pool(48, size)
    solution = solve_grouping(problem, time_limit=2)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 48
    assert certificate.bound is not None
    with wait_at_most(0.0):
        assert slow() is None  # still being compiled


def test_ctrl_c_does_not_wait_for_loops(pool, slow, monkeypatch):
    wait = compiling._Compilation.wait
    asked = []

    def stop(job, patience):
        asked.append(patience.left)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return wait(job, patience)

    monkeypatch.setattr(compiling._Compilation, "wait", stop)
    problem = pool(48, 4)
    solution = solve_grouping(problem)
    assert solution.status is Status.INTERRUPTED
    assert certify_grouping(problem, solution).matched == 48


def test_threads_of_a_solve_wait_no_longer_than_the_solve(slow):
    with wait_at_most(0.0):
        assert map_blocks(slow, [1, 2], n_threads=2) == [None, None]


def test_a_limit_within_a_limit_is_no_later_than_that(slow):
    with wait_at_most(0.0), wait_at_most(2.0**60):
        assert slow() is None


def test_without_a_limit_loops_are_waited_for_and_compiled_once():
    begun, go_on = [], Event()

    @compiled_once
    def load(kind):
        begun.append(kind)
        go_on.wait()
        return kind

    assert begun == []
    with wait_at_most(0.0):
        assert load(3) is None
    assert begun == []  # nothing is begun for nobody
    go_on.set()
    assert [load(3), load(3), load(4)] == [3, 3, 4]
    assert begun == [3, 4]


def test_a_short_limit_takes_what_is_in_the_cache_and_compiles_nothing(tmp_path, monkeypatch):
    numba = pytest.importorskip("numba", exc_type=ImportError)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def make():
        @compiled_once
        def load():
            loop = numba.njit(cache=True)(_double)
            loop.compile((numba.types.int64,))
            return loop

        return load

    first = make()
    with wait_at_most(10):  # seconds
        assert first() is None
    assert first()(4) == 8
    with wait_at_most(10):
        assert first()(4) == 8
        assert make()()(4) == 8  # as in the next process


def _double(number):
    return 2 * number


def test_what_goes_wrong_while_loops_are_compiled_is_raised_where_they_are_asked_for():
    @compiled_once
    def load():
        raise OSError("the disk is full")

    for _ in range(2):
        with pytest.raises(OSError, match="disk is full"):
            load()


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
def test_loading_leaves_nothing_to_compile_later(objective, pool):
    pytest.importorskip("numba", exc_type=ImportError)
    everything = [dealing.load_deal(), annealing._load_swaps(objective == "worst_rotation")]
    held = kernels.load_kernels()
    everything += [held.best, held.collect, held.charge, charges.load_charges()]
    for kind in (np.int32, np.int64):
        linked_loops = loops.load_link_loops(kind)
        everything += [linked_loops.best, linked_loops.collect, linked_loops.look]
        everything += [linked_loops.scan] if kind is np.int32 else []
    before = [list(loop.signatures) for loop in everything]
    assert all(len(signatures) == 1 for signatures in before)
    for size, open_ in ((3, 1.0), (4, 0.9)):
        solve_grouping(pool(45, size, objective=objective, forbidden=1 - open_))
    for factor in (1, 2**31):
        held_pool = pool(45, 3, objective=objective)
        gains = MatrixGains(held_pool.gain * factor, held_pool.allowed)
        large = StreamedGrouping(gains, 3, 5, 3, objective)
        solve_large(large, solve_grouping, seed=0, time_limit=None, progress=None)
    assert [list(loop.signatures) for loop in everything] == before
