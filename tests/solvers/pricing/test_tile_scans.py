"""Compiled code, numpy and brute force find the same pairs, whatever the shape of the tiles."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing.candidates import Candidates
from pairmatch.solvers.assignment.pricing.hits import find_true
from pairmatch.solvers.assignment.pricing.scan import load_scan
from pairmatch.solvers.assignment.pricing.sweep import Sweeper
from pairmatch.solvers.streamed import Overlap, StreamedGains

WHOLE = slice(None)
WAYS = [
    pytest.param(
        True, id="compiled", marks=pytest.mark.skipif(load_scan() is None, reason="no numba")
    ),
    pytest.param(False, id="numpy"),
]


@pytest.fixture
def make_pool():
    """Return a pool in which common time is worth something and common habits cost something."""

    def make(n, m, *, ties=False, least=None, n_slots=150):
        rng = np.random.default_rng(n * 1000 + m)
        top = 3 if ties else 60
        time = Overlap.pack(rng.random((n, n_slots)) < 0.05, rng.random((m, n_slots)) < 0.05)
        habits = Overlap.pack(rng.random((n, 9)) < 0.2, rng.random((m, 9)) < 0.2)
        return StreamedGains(
            rng.integers(0, top, (n, 4)).astype(np.float32),
            rng.integers(0, top, (m, 4)).astype(np.float32),
            largest=4 * top * top + 900,
            shared=((time, 600), (habits, -300)),
            least=least,
        )

    return make


def _check(gains, price, keep, lowest, hits):
    """Compare the hits of all rows with the whole matrix."""
    gain, allowed = gains.block(WHOLE, WHOLE)
    lowest = np.broadcast_to(lowest, len(gain))
    for line, most in enumerate(keep.tolist()):
        value = np.where(allowed[line], gain[line] - price, lowest[line])
        found = hits.position[hits.line == line]
        assert len(np.unique(found)) == len(found)
        np.testing.assert_array_equal(hits.gain[hits.line == line], gain[line, found])
        best = np.sort(value[value > lowest[line]])[::-1][:most]
        np.testing.assert_array_equal(np.sort(value[found])[::-1], best)
        assert np.delete(value, found).max(initial=lowest[line]) <= hits.floor[line]


@pytest.mark.parametrize("fast", WAYS)
@pytest.mark.parametrize("least", [None, 2500])
@pytest.mark.parametrize("ties", [False, True], ids=["few ties", "many ties"])
@pytest.mark.parametrize("m", [1, 7, 8, 9, 65, 255, 257, 700, 1101])
def test_ragged_tiles_lose_no_pair(make_pool, m, ties, least, fast):
    gains = make_pool(19, m, ties=ties, least=least)
    price = np.random.default_rng(m).integers(0, 400, m)
    keep = np.array([1, 2, 5, 16, 17, 40, 64, 65, 200, 3, 8] + [16] * 8)
    for tile in ((7, 512), (16, 37)):
        sweeper = Sweeper(gains, n_threads=2, tile=tile, fast=fast)
        for lowest in (-5000, 1500, 10**5):  # all pairs are above it, some, none
            hits = sweeper.best(np.arange(19), price, keep, lowest)
            _check(gains, price, keep, lowest, hits)
            if lowest == 10**5:
                assert len(hits.line) == 0


@pytest.mark.parametrize("fast", WAYS)
def test_a_sweep_of_nobody_finds_nothing(make_pool, fast):
    gains = make_pool(3, 5)
    none = np.empty(0, np.int64)
    hits = Sweeper(gains, fast=fast).best(none, np.zeros(5, np.int64), none, 0)
    assert len(hits.line) == len(hits.floor) == 0


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 1003])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_flags_are_found_where_they_are(n, share):
    flags = np.random.default_rng(n).random(n) < share
    np.testing.assert_array_equal(find_true(flags), np.flatnonzero(flags))


@pytest.mark.parametrize("fast", WAYS)
@pytest.mark.parametrize("ties", [False, True], ids=["few ties", "many ties"])
def test_pairs_that_are_known_tell_what_the_best_are_above(make_pool, ties, fast):
    gains = make_pool(30, 90, ties=ties)
    rng = np.random.default_rng(5)
    candidates = Candidates(gains.shape)
    i, j = np.nonzero(rng.random(gains.shape) < 0.15)
    some = i != 4  # of whom nothing is known
    i, j = i[some], j[some]
    candidates.add(i, j, gains.pairs(i, j)[0])
    price = rng.integers(0, 500, 90)
    keep = np.full(30, 6)
    lowest = candidates.find_lowest(price, 6, -99)
    for row in range(30):
        mine = slice(*candidates.start[row : row + 2])
        value = np.sort(candidates.gain[mine] - price[candidates.column[mine]])
        expected = max(value[-6] - 1, -99) if len(value) >= 6 else -99
        assert lowest[row] == expected
    assert lowest[4] == -99 < lowest.max()
    sweeper = Sweeper(gains, tile=(7, 40), fast=fast)
    hits = sweeper.best(np.arange(30), price, keep, lowest)
    _check(gains, price, keep, -99 + 0 * lowest, hits)


def test_candidates_of_enormous_gains_tell_nothing():
    candidates = Candidates((4, 3))
    i, j = np.divmod(np.arange(12), 3)
    candidates.add(i, j, np.arange(12) << 58)
    assert candidates.find_lowest(np.zeros(3, np.int64), 2, -7).tolist() == [-7] * 4
