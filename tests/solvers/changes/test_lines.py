"""Whole rows and columns are looked up once, and what is remembered is what was looked up."""

from __future__ import annotations

import numpy as np
import pytest

from pairmatch.solvers.changes.lines import Lines


@pytest.mark.parametrize("seed", range(5))
def test_lines_give_what_they_were_made_from_and_never_ask_twice_for_a_whole_line(seed):
    rng = np.random.default_rng(seed)
    gain, allowed = rng.integers(0, 99, (9, 7)), rng.random((9, 7)) < 0.8
    asked = [np.zeros(9, int), np.zeros(7, int)]

    def look(rows, columns):
        if isinstance(rows, slice):
            asked[1][columns] += 1
        elif isinstance(columns, slice):
            asked[0][rows] += 1
        return gain[rows][:, columns], allowed[rows][:, columns]

    lines = Lines(look, (9, 7))
    for _ in range(30):
        rows = rng.permutation(9)[: rng.integers(1, 5)]
        columns = rng.permutation(7)[: rng.integers(1, 4)]
        for part in ((slice(0, 9), columns), (rows, slice(0, 7)), (rows, columns)):
            found = lines(*part)
            assert (found[0] == gain[part[0]][:, part[1]]).all()
            assert (found[1] == allowed[part[0]][:, part[1]]).all()
    assert max(own.max() for own in asked) == 1
