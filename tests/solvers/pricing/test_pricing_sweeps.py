"""A sweep finds the best pairs of each line, and says what all others are worth at most."""

from __future__ import annotations

import gc
from dataclasses import replace
from threading import Event, Thread

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing.sweep import Stopped, Sweeper
from pairmatch.solvers.problem import MatrixGains


def _without_keys(gains):
    return replace(gains, keys=None)


@pytest.mark.parametrize("fast", [True, False], ids=["compiled", "numpy"])
@pytest.mark.parametrize("by_column", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("far", [0, 2**30], ids=["float32", "float64"])
@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_keeps_the_best_pairs_of_each_line(full_gains, seed, by_column, fast, far):
    gains = _without_keys(full_gains(seed))
    n, m = gains.shape
    gain, allowed = gains.block(slice(0, n), slice(0, m))
    if by_column:
        gain, allowed = gain.T, allowed.T
    rng = np.random.default_rng(seed)
    price = rng.integers(-20, 90, gain.shape[1]) + far
    lines = np.sort(rng.choice(len(gain), len(gain) // 2, replace=False))
    keep = rng.integers(1, 6, len(lines))
    lowest = 15 - far
    sweeper = Sweeper(gains, n_threads=2, tile=(5, 7), fast=fast)
    hits = sweeper.best(lines, price, keep, lowest, by_column=by_column)
    assert sweeper.n_priced == len(lines) * len(price)
    for k, line in enumerate(lines):
        value = np.where(allowed[line], gain[line] - price, lowest)
        mine = hits.line == line
        found = hits.position[mine]
        assert len(set(found.tolist())) == len(found) <= keep[k]
        np.testing.assert_array_equal(hits.gain[mine], gain[line, found])
        above = np.sort(value[value > lowest])[::-1]
        np.testing.assert_array_equal(np.sort(value[found])[::-1], above[: keep[k]])
        others = np.delete(value, found)
        assert others.max(initial=lowest) <= hits.floor[k]
        if len(above) <= keep[k]:
            assert hits.floor[k] == lowest


@pytest.mark.parametrize("fast", [True, False], ids=["compiled", "numpy"])
def test_threads_do_not_change_what_a_sweep_finds(full_gains, fast):
    gains = _without_keys(full_gains(2))
    lines = np.arange(gains.shape[0])
    price = np.zeros(gains.shape[1], np.int64)
    keep = np.full(len(lines), 3)
    one, many = (
        Sweeper(gains, n_threads=k, tile=(4, 6), fast=fast).best(lines, price, keep, -99)
        for k in (1, 5)
    )
    for field in ("line", "position", "gain", "floor"):
        np.testing.assert_array_equal(getattr(one, field), getattr(many, field))


def test_gains_without_features_are_swept_too(make_gain):
    gain, allowed = make_gain("few allowed", 12, 9, np.random.default_rng(3))
    sweeper = Sweeper(MatrixGains(gain, allowed), tile=(5, 4))
    hits = sweeper.best(np.arange(12), np.zeros(9, np.int64), np.full(12, 9), -1)
    found = np.zeros((12, 9), bool)
    found[hits.line, hits.position] = True
    np.testing.assert_array_equal(found, allowed)


def test_ties_are_spread_over_the_lines():
    same = MatrixGains(np.zeros((40, 640), np.int64), np.ones((40, 640), bool))
    hits = Sweeper(same).best(np.arange(40), np.zeros(640, np.int64), np.full(40, 2), -1)
    assert len(hits.line) == 80
    assert len(set(hits.position.tolist())) >= 10


def test_a_sweep_that_is_told_to_stop_stops(full_gains):
    stop = Event()
    stop.set()
    gains = _without_keys(full_gains(0))
    sweeper = Sweeper(gains, stop=stop)
    with pytest.raises(Stopped):
        sweeper.best(np.arange(3), np.zeros(gains.shape[1], np.int64), np.ones(3, np.int64), 0)


@pytest.mark.parametrize("fast", [True, False], ids=["compiled", "numpy"])
def test_sweepers_of_one_pool_do_not_write_into_the_prices_of_each_other(full_gains, fast):
    whole = _without_keys(full_gains(3))
    everybody = [np.arange(n) for n in whole.shape]
    gains = whole.take(*everybody)  # with room for prices beside the features
    lines, keep = everybody[0], np.full(len(everybody[0]), 4)
    rng = np.random.default_rng(3)
    prices = [rng.integers(-20, 90, gains.shape[1]) for _ in range(2)]
    alone = [
        Sweeper(whole, tile=(5, 7), fast=fast).best(lines, price, keep, -99) for price in prices
    ]
    sweepers = [Sweeper(gains, tile=(5, 7), fast=fast) for _ in prices]
    together = [None, None]

    def sweep(k):
        for _ in range(20):
            together[k] = sweepers[k].best(lines, prices[k], keep, -99)

    threads = [Thread(target=sweep, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(mine.floor, expected.floor)
    np.testing.assert_array_equal(gains.row_features, whole.row_features)
    np.testing.assert_array_equal(gains.column_features, whole.column_features)


def test_the_room_beside_features_is_lent_to_one_sweeper_and_comes_back(full_gains):
    gains = _without_keys(full_gains(0))
    gains = gains.take(*(np.arange(n) for n in gains.shape))
    sweeper = Sweeper(gains)
    assert not gains.find_spare(0).take()
    assert not gains.find_spare(1).take()
    del sweeper
    gc.collect()
    for side in (0, 1):
        assert gains.find_spare(side).take()
        gains.find_spare(side).give_back()
    assert gains.take(*(np.arange(n) for n in gains.shape)).spares == gains.spares
    ones = np.ones((gains.shape[0], 1), np.float32)
    assert replace(gains, row_features=ones).find_spare(0) is None
