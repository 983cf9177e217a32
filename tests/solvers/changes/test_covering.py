"""How many people can be matched near a running plan is proved by its cover, brought up to date."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.nearby import Running, bound_matched_nearby, find_covered
from pairmatch.solvers.changes.covering import renew_cover
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Prices
from pairmatch.solvers.streamed import Overlap, StreamedGains


def change(seed, n, m, density):
    """Return a problem after changes, its best plan, and the proof of the plan before."""
    rng = np.random.default_rng(seed)
    row, column = (rng.integers(0, 9, (k, 2)).astype(np.float32) for k in (n, m))
    has = [rng.random((k, 6)) < density for k in (n, m)]
    gains = StreamedGains(row, column, largest=200, needs=(Overlap.pack(*has),))
    capacity, none = rng.integers(1, 3, m), np.zeros(m, np.int64)
    problem = AssignmentProblem(gains, capacity, none, objective="coverage")
    solved = solve_assignment(problem, method="pricing")
    certificate = certify_assignment(problem, solved)
    assert certificate.proved
    rows, columns = np.arange(n), np.arange(m)
    rows[rng.random(n) < 0.15] = -1
    columns[rng.random(m) < 0.15] = -1
    for side, (now, k) in enumerate(((rows, n), (columns, m))):
        other = rng.random((k, 6)) < density
        has[side] = np.where((now < 0)[:, None], other, has[side])
    capacity = np.where(columns < 0, rng.integers(0, 3, m), capacity)
    needs = (Overlap.pack(*has),)
    new = dataclasses.replace(
        problem, gains=dataclasses.replace(gains, needs=needs), capacity=capacity
    )
    return new, Running(problem, solved.pairs, solved.prices, certificate, rows, columns)


def look_at(gains, seen=None):
    """Return a look at pairs that counts the rows and columns it was asked for."""

    def look(rows, columns):
        i, j = (np.arange(k)[part] for k, part in zip(gains.shape, (rows, columns), strict=True))
        if seen is not None:
            seen.append((len(i), len(j)))
        gain, allowed = gains.pairs(np.repeat(i, len(j)), np.tile(j, len(i)))
        return gain.reshape(len(i), len(j)), allowed.reshape(len(i), len(j))

    return look


def renew(problem, running, pairs):
    known = find_covered(running)
    if known is None:
        return None
    before = np.where(running.column >= 0, running.prices.coverage.column[running.column], 1)
    covered = np.where(running.row >= 0, known[running.row], True)
    return renew_cover(problem, pairs, before, covered, look_at(problem.gains))


def test_the_renewed_cover_proves_nearly_every_plan_that_matches_most():
    proved = asked = 0
    for seed in range(60):
        problem, running = change(seed, 30, 24, 0.16)
        best = solve_assignment(problem, method="pricing")
        cover = renew(problem, running, best.pairs)
        if cover is None:  # everybody was matched before: there was no cover
            continue
        asked += 1
        look = look_at(problem.gains)
        bound = bound_matched_nearby(problem, best.pairs, cover, running, look)
        assert bound >= len(best.pairs)
        proved += bound == len(best.pairs)
    assert asked > 40
    assert proved == asked


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12), st.floats(0.05, 0.4))
@settings(max_examples=80, deadline=None)
def test_no_cover_bounds_below_what_can_be_matched(seed, n, m, density):
    problem, running = change(seed, n, m, density)
    best = solve_assignment(problem, method="pricing")
    if find_covered(running) is None:
        return
    rng, look = np.random.default_rng(seed), look_at(problem.gains)
    for cover in (rng.integers(0, 2, m), np.zeros(m, np.int64), np.ones(m, np.int64)):
        some = best.pairs[rng.random(len(best.pairs)) < 0.8]
        for pairs in (best.pairs, some):
            assert bound_matched_nearby(problem, pairs, cover, running, look) >= len(best.pairs)


def test_few_rows_are_looked_at_where_little_has_changed():
    _, running = change(7, 400, 300, 0.05)
    row, column = np.arange(400), np.arange(300)
    row[3] = -1
    running = dataclasses.replace(running, row=row, column=column)
    before, seen = running.problem, []
    pairs, cover = running.pairs, running.prices.coverage.column
    assert find_covered(running) is not None
    look = look_at(before.gains, seen)
    assert bound_matched_nearby(before, pairs, cover, running, look) == len(pairs)
    assert sum(rows for rows, _ in seen) <= 1


def test_a_cover_that_does_not_fit_or_rests_on_nothing_is_refused():
    problem, running = change(1, 30, 24, 0.16)
    best = solve_assignment(problem, method="pricing")
    look = look_at(problem.gains)
    for wrong in (np.full(24, 2), np.zeros(23, np.int64), np.full(24, -1)):
        with pytest.raises(CertificateError, match="cover"):
            bound_matched_nearby(problem, best.pairs, wrong, running, look)
    prices = dataclasses.replace(running.prices, coverage=None)
    unproved = dataclasses.replace(running.certificate, matched_bound=len(running.pairs) + 1)
    for spoiled in (
        dataclasses.replace(running, prices=prices),
        dataclasses.replace(running, certificate=unproved),
        dataclasses.replace(
            running,
            prices=dataclasses.replace(running.prices, coverage=Prices(np.full(24, 3))),
        ),
    ):
        assert find_covered(spoiled) is None
        with pytest.raises(CertificateError, match="cover"):
            bound_matched_nearby(problem, best.pairs, np.ones(24, np.int64), spoiled, look)
