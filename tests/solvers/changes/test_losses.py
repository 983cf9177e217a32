"""Pairs that pay are found among blocks of losses, each of those that lose little once."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.changes import loops
from pairmatch.solvers.changes.losses import FAR, Losses


def fill(rng, largest):
    """Return losses of blocks, and the matrix that they are of; FAR where nobody looked."""
    loss = np.where(rng.random((30, 20)) < 0.9, rng.integers(0, largest, (30, 20)), FAR)
    losses, known = Losses(), np.full((30, 20), FAR)
    for n_rows, n_columns in ((30, 3), (4, 20), (9, 7)):
        rows = rng.choice(30, n_rows, replace=False)
        columns = rng.choice(20, n_columns, replace=False)
        losses.add(rows, columns, loss[np.ix_(rows, columns)])
        known[np.ix_(rows, columns)] = loss[np.ix_(rows, columns)]
    assert losses.n_pairs == 90 + 80 + 63
    return losses, known


@pytest.mark.parametrize("largest", [100, 2**20])
@pytest.mark.parametrize("scale", [1, 7])
def test_exactly_the_pairs_that_pay_are_found(largest, scale):
    rng = np.random.default_rng(largest)
    losses, known = fill(rng, largest)
    found = np.zeros(known.shape, bool)
    for share in (-1, 2, 1):
        of_row = rng.integers(-largest, largest, 30) * scale // 2
        of_column = share * rng.integers(0, largest, 20) * scale // 4
        row, column, loss = losses.take_paying(of_row, of_column, scale)
        assert (loss == known[row, column]).all()
        assert (of_row[row] + of_column[column] > scale * loss).all()
        found[row, column] = True
        assert not ((of_row[:, None] + of_column > scale * known) & ~found).any()
    assert found.any()


@pytest.mark.parametrize("scale", [1, 3])
def test_pairs_that_were_far_from_paying_are_found_once_prices_have_moved_far(scale):
    rng = np.random.default_rng(scale)
    loss = rng.integers(0, 2**18, (40, 30))
    losses, paid = Losses(), np.zeros(loss.shape, bool)
    losses.add(np.arange(40), np.arange(20), loss[:, :20].copy())
    for step in (0, 10, 2**10, 2**15, 2**12, 2**16, 2**17, 3, 2**17):
        of_row, of_column = (rng.integers(-step, step + 1, n) * scale for n in (40, 30))
        row, column, _ = losses.take_paying(of_row, of_column, scale)
        pays = of_row[:, None] + of_column > scale * loss
        known = np.arange(30) < (20 if step == 0 else 30)
        now = np.zeros(loss.shape, bool)
        now[row, column] = True
        assert (now == pays & known & ~paid).all()
        paid |= now
        if step == 0:  # pairs that come after some have been looked through
            losses.add(np.arange(40), np.arange(20, 30), loss[:, 20:].copy())
    assert paid.any()
    assert not paid.all()


@pytest.mark.parametrize("across", [False, True])
def test_the_pairs_that_lose_least_are_found_for_each_line_of_a_block(across):
    rng = np.random.default_rng(1)
    loss = np.where(rng.random((12, 5)) < 0.7, rng.permutation(60).reshape(12, 5), FAR)
    may = np.arange(12) != 3
    loss[:, 2] = FAR
    losses = Losses()
    if across:
        losses.add(np.arange(5), np.arange(12), loss.T)
        row, column, least = losses.find_least(np.ones(5, bool), 2)
        row, column = column, row
        may[3] = True
    else:
        losses.add(np.arange(12), np.arange(5), loss)
        row, column, least = losses.find_least(may, 2)
    assert (least == loss[row, column]).all()
    for k in range(5):
        expected = sorted(own for own in loss[may, k].tolist() if own < FAR)[:2]
        assert sorted(least[column == k].tolist()) == expected


@pytest.mark.parametrize("seed", range(4))
def test_loops_give_the_same_with_and_without_compiling(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    gain, allowed = rng.integers(0, 99, (40, 60)), rng.random((40, 60)) < 0.9
    sides = rng.integers(0, 99, 40), rng.integers(0, 99, 60)
    found = []
    for load in (loops.load_loops, lambda: None):
        monkeypatch.setattr(loops, "load_loops", load)
        loss = loops.measure_losses(gain, allowed, *sides, FAR)
        found.append((loss, loops.list_close(loss, sides[0] - seed * 40, sides[1])))
    loss, close = found[0]
    np.testing.assert_array_equal(loss, np.where(allowed, np.add.outer(*sides) - gain, FAR))
    np.testing.assert_array_equal(
        close, np.flatnonzero(loss < np.add.outer(sides[0] - seed * 40, sides[1]))
    )
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, theirs)
