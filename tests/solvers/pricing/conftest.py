"""Small pools with every kind of rule, and slow ways to solve them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.streamed import Overlap, StreamedGains


class Ban:
    """Forbids single pairs."""

    def __init__(self, banned):
        self.banned = banned

    def forbids(self, i, j):
        return self.banned[i, j]


class Extra:
    """Units from a table."""

    def __init__(self, units):
        self.units = units

    def block(self, rows, columns):
        return self.units[rows][:, columns]

    def at(self, i, j):
        return self.units[i, j]


def _full_gains(seed, n=37, m=23):
    rng = np.random.default_rng(seed)
    row = rng.integers(0, 9, (n, 4)).astype(np.float32)
    column = rng.integers(-5, 9, (m, 4)).astype(np.float32)
    few = rng.random((n, 90)) < 0.04, rng.random((m, 90)) < 0.04
    some = rng.random((n, 5)) < 0.5, rng.random((m, 5)) < 0.5
    return StreamedGains(
        row,
        column,
        largest=9 * 9 * 4 + 60,
        shared=((Overlap.pack(*few), 31), (Overlap.pack(*some), -7)),
        terms=(Extra(rng.integers(-3, 9, (n, m)).astype(np.int32)),),
        tests=(Ban(rng.random((n, m)) < 0.2),),
        needs=(Overlap.pack(rng.random((n, 3)) < 0.6, rng.random((m, 3)) < 0.6),),
        keys=(rng.integers(0, 2, n), rng.integers(0, 3, m)) if seed % 2 else None,
        least=-4 if seed % 3 else None,
    )


def _make_gain(kind, n, m, rng):
    """Return gains and "is allowed" of a pool of one kind."""
    allowed = np.ones((n, m), bool)
    gain = rng.integers(0, 1000, (n, m))
    if kind == "tied":
        gain = rng.integers(0, 3, (n, m))
    elif kind == "rank one":
        gain = rng.integers(1, 60, (n, 1)) * rng.integers(1, 60, (1, m))
    elif kind == "all equal":
        gain = np.full((n, m), 7)
    elif kind == "same ranking":
        gain = rng.integers(0, 9, (n, m)) + rng.integers(0, 900, (1, m))
    elif kind == "few allowed":
        allowed = rng.random((n, m)) < 2.5 / m
    elif kind == "nobody allowed":
        allowed[:] = False
    elif kind == "negative":
        gain -= 700
    return np.where(allowed, gain, 0), allowed


def _best(gain, allowed, capacity, *, coverage):
    """Return how many rows a best plan matches, and its sum of gains."""
    n = len(gain)
    owner = np.repeat(np.arange(len(capacity)), capacity)
    bonus = 10**9 if coverage else 0
    value = np.zeros((n, len(owner) + n))
    value[:, : len(owner)] = np.where(allowed, gain + bonus, -1e15)[:, owner]
    i, j = linear_sum_assignment(value, maximize=True)
    real = j < len(owner)
    real[real] = allowed[i[real], owner[j[real]]]
    return int(real.sum()), int(gain[i[real], owner[j[real]]].sum())


@pytest.fixture
def full_gains():
    """Streamed gains with every kind of term and rule."""
    return _full_gains


@pytest.fixture
def make_gain():
    return _make_gain


@pytest.fixture
def best():
    return _best


@pytest.fixture
def make_problem():
    """A problem over a matrix, or over streamed gains that say the same."""

    def make(gain, allowed, capacity, *, objective="coverage", streamed=True, **more):
        capacity = np.asarray(capacity)
        if streamed:
            gains = StreamedGains(
                np.eye(len(gain), dtype=np.float32),
                gain.T.astype(np.float32),
                largest=max(1, int(np.abs(gain).max(initial=0))),
                tests=(Ban(~allowed),),
            )
        else:
            gains = MatrixGains(gain, allowed)
        least = more.pop("at_least", np.zeros(len(capacity), np.int64))
        return AssignmentProblem(
            gains=gains, capacity=capacity, at_least=least, objective=objective, **more
        )

    return make
