"""Streamed gains are the same integers in whatever block they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.streamed import Overlap, StreamedGains


def _one_by_one(gains):
    n, m = gains.shape
    gain, allowed = np.zeros((n, m), np.int64), np.ones((n, m), bool)
    for i in range(n):
        for j in range(m):
            gain[i, j] = int(gains.row_features[i] @ gains.column_features[j])
            for overlap, units in gains.shared:
                common = (overlap.row[i] & overlap.column[j]).any()
                gain[i, j] += units * common
            for term in gains.terms:
                gain[i, j] += int(term.units[i, j])
            for overlap in gains.needs:
                allowed[i, j] &= (overlap.row[i] & overlap.column[j]).any()
            for test in gains.tests:
                allowed[i, j] &= not test.banned[i, j]
            if gains.keys is not None:
                allowed[i, j] &= gains.keys[0][i] == gains.keys[1][j]
            if gains.least is not None:
                allowed[i, j] &= gain[i, j] >= gains.least
    return np.where(allowed, gain, 0), allowed


@pytest.mark.parametrize("seed", range(6))
def test_a_block_says_what_its_pairs_say_one_by_one(full_gains, seed):
    gains = full_gains(seed)
    gain, allowed = _one_by_one(gains)
    assert 0 < allowed.sum() < allowed.size
    block = gains.block(slice(3, 30), slice(2, 20))
    np.testing.assert_array_equal(block[0], gain[3:30, 2:20])
    np.testing.assert_array_equal(block[1], allowed[3:30, 2:20])
    i, j = np.divmod(np.arange(gain.size), gain.shape[1])
    pairs = gains.pairs(i, j)
    np.testing.assert_array_equal(pairs[0], gain.ravel())
    np.testing.assert_array_equal(pairs[1], allowed.ravel())


@pytest.mark.parametrize("seed", range(6))
def test_a_part_of_a_pool_keeps_its_gains_and_rules(full_gains, seed):
    gains = full_gains(seed)
    rows, columns = np.array([30, 2, 7, 11]), np.array([5, 1, 22])
    gain, allowed = _one_by_one(gains)
    part = gains.take(rows, columns)
    some = part.block(slice(0, 4), slice(0, 3))
    np.testing.assert_array_equal(some[0], gain[np.ix_(rows, columns)])
    np.testing.assert_array_equal(some[1], allowed[np.ix_(rows, columns)])
    again = part.take(np.array([2]), np.array([1, 2])).pairs(np.array([0, 0]), np.array([0, 1]))
    np.testing.assert_array_equal(again[0], gain[7, [1, 22]])


def test_features_beyond_one_word_are_not_lost():
    row = np.zeros((2, 130))
    row[0, 129] = 1
    column = np.zeros((1, 130))
    column[0, 129] = 1
    overlap = Overlap.pack(row, column)
    assert overlap.n_words == 3
    assert overlap.holds(np.array([0, 1]), np.array([0, 0])).tolist() == [True, False]


def test_gains_beyond_float32_are_exact():
    row = np.float32([[2**20 + 1, 1]])
    column = np.float32([[2**20 + 1, 1]])
    gains = StreamedGains(row, column, largest=2**41)
    exact = (2**20 + 1) ** 2 + 1
    assert gains.block(slice(0, 1), slice(0, 1))[0].tolist() == [[exact]]
    assert gains.pairs(np.array([0]), np.array([0]))[0].tolist() == [exact]


def test_gains_that_no_float_can_add_up_are_refused():
    one = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match="exactly"):
        StreamedGains(one, one, largest=2**53)
