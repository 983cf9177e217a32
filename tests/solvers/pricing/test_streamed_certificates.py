"""What the independent check of a streamed pool finds, and which pairs nobody looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.solvers.assignment.pricing import sweep
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.scan import load_scan
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.assignment.pricing.sweep import Sweeper
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify import streams as certify_streamed
from pairmatch.solvers.certify.streams import find_best_profits, limit_gains, worth_one
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.streamed import Overlap, StreamedGains

WHOLE = slice(None)
SUBJECTS = 6


class Apart:
    """Forbids pairs of different subjects, as a rule that is asked pair by pair."""

    def __init__(self, row, column):
        self.row, self.column = row, column

    def forbids(self, i, j):
        return self.row[i] != self.column[j]


@pytest.fixture
def subjects():
    """The same pool twice: the subject rule as bits, and as a test of single pairs."""
    rng = np.random.default_rng(3)
    n, m = 1500, 1400
    row, column = rng.integers(0, SUBJECTS, n), rng.integers(0, SUBJECTS, m)
    plain = StreamedGains(
        rng.integers(0, 30, (n, 5)).astype(np.float32),
        rng.integers(0, 30, (m, 5)).astype(np.float32),
        largest=5 * 30 * 30,
    )
    eye = np.eye(SUBJECTS)
    return (
        replace(plain, needs=(Overlap.pack(eye[row], eye[column]),)),
        replace(plain, tests=(Apart(row, column),)),
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [1, 10**7])
@pytest.mark.parametrize("start", ["nothing", "a pair each"])
def test_best_profits_are_those_of_the_whole_matrix(full_gains, monkeypatch, seed, scale, start):
    monkeypatch.setattr(certify_streamed, "_WIDTH", 8)
    monkeypatch.setattr(certify_streamed, "_NARROW", 5)
    gains = full_gains(seed)
    gain, allowed = gains.block(WHOLE, WHOLE)
    rng = np.random.default_rng(seed)
    price = scale * rng.integers(-40, 400, gain.shape[1])
    offer = np.where(allowed, gain - price, np.iinfo(np.int64).min)
    known = np.zeros(len(gain), np.int64)
    if start == "a pair each":
        j = np.where(allowed, rng.random(gain.shape), -1).argmax(axis=1)
        known = np.maximum(offer[np.arange(len(gain)), j], 0)
    expected = np.maximum(offer.max(axis=1), known)
    np.testing.assert_array_equal(find_best_profits(gains, price, known), expected)
    pays = rng.integers(0, 60, gain.shape)
    left = np.where(allowed, gain - price - pays, np.iinfo(np.int64).min)
    np.testing.assert_array_equal(
        find_best_profits(gains, price, known, charge=lambda i, j, better: pays[i, j]),
        np.maximum(left.max(axis=1), known),
    )


@pytest.mark.parametrize("seed", range(6))
def test_rows_that_the_clock_keeps_from_the_others_count_with_all_they_could_gain(full_gains, seed):
    for gains in (full_gains(seed), replace(full_gains(seed), terms=())):
        price = np.random.default_rng(seed).integers(-40, 400, gains.shape[1])
        known = np.zeros(gains.shape[0], np.int64)
        whole = find_best_profits(gains, price, known)
        cut = find_best_profits(gains, price, known, deadline=0.0)
        assert (cut >= whole).all()
        assert (cut > whole).any()
        gain, allowed = gains.block(WHOLE, WHOLE)
        assert (gain.max(axis=1, where=allowed, initial=-(2**40)) <= limit_gains(gains)).all()
        assert (limit_gains(gains) <= gains.largest).all()
    with_terms = full_gains(seed)  # of which the features know nothing
    assert (limit_gains(with_terms) == with_terms.largest).all()


@pytest.mark.parametrize("objective", ["total", "coverage"])
@pytest.mark.parametrize("bound", ["streamed", "block by block"])
def test_a_proof_that_is_cut_short_has_a_wider_bound(full_gains, objective, bound):
    gains = replace(full_gains(0), terms=())
    n, m = gains.shape
    problem = AssignmentProblem(gains, np.full(m, 2), np.zeros(m, np.int64), objective=objective)
    solution = solve_by_pricing(problem, effort=Effort(base=60, share=3))
    whole = certify_assignment(problem, solution)
    assert whole.proved
    if bound == "block by block":  # prices of rows are none that a sweep takes
        prices = replace(solution.prices, row=np.zeros(n, np.int64))
        solution = replace(solution, prices=prices)
    cut = certify_assignment(problem, solution, deadline=0.0)
    assert cut.objective == whole.objective < cut.bound
    assert cut.matched_bound is None or cut.matched_bound >= whole.matched_bound


@pytest.mark.parametrize("seed", [0, 3])
def test_gains_of_one_keep_the_rules(full_gains, seed):
    gains = replace(full_gains(seed), least=None)
    gain, allowed = worth_one(gains).block(WHOLE, WHOLE)
    np.testing.assert_array_equal(allowed, gains.block(WHOLE, WHOLE)[1])
    np.testing.assert_array_equal(gain, allowed)


@pytest.mark.parametrize("objective", ["total", "coverage"])
@pytest.mark.parametrize("seed", range(6))
def test_streamed_and_held_gains_have_the_same_certificate(full_gains, seed, objective):
    gains = full_gains(seed)
    places = np.random.default_rng(seed).integers(0, 3, gains.shape[1])
    problem = AssignmentProblem(gains, places, 0 * places, objective=objective)
    held = replace(problem, gains=MatrixGains(*gains.block(WHOLE, WHOLE)))
    solution = solve_by_pricing(problem, effort=Effort(base=60, keep=2))
    certificate = certify_assignment(problem, solution)
    assert certificate == certify_assignment(held, solution)
    assert certificate.proved
    lost = replace(solution, pairs=solution.pairs[1:])
    if len(solution.pairs):
        assert not certify_assignment(problem, lost).proved


def test_a_price_that_is_too_low_shows_in_the_bound(subjects):
    problem = AssignmentProblem(subjects[0], np.ones(1400, int), np.zeros(1400, int))
    problem = replace(problem, objective="total")
    solution = solve_by_pricing(problem)
    cheap = solution.prices.column.copy()
    cheap[np.argmax(cheap)] = 0
    prices = replace(solution.prices, column=cheap)
    certificate = certify_assignment(problem, replace(solution, prices=prices))
    assert certificate.bound > certificate.objective


def test_tiles_in_which_nobody_shares_a_subject_are_not_priced(subjects):
    n, m = subjects[0].shape
    rows, columns = subjects[0].sort_alike(np.arange(n), np.arange(m))
    sweeper = Sweeper(subjects[0].take(rows, columns), tile=(64, 2048))
    keep = np.full(n, 4)
    found = sweeper.best(np.arange(n), np.zeros(m, np.int64), keep, 0)
    assert 0 < sweeper.n_priced < 0.6 * n * m
    asked = Sweeper(subjects[1].take(rows, columns), tile=(64, 2048))
    expected = asked.best(np.arange(n), np.zeros(m, np.int64), keep, 0)
    assert asked.n_priced == n * m
    best = np.zeros((2, n), np.int64)
    for k, hits in enumerate((found, expected)):
        np.maximum.at(best[k], hits.line, hits.gain)
    np.testing.assert_array_equal(*best)


def test_tiles_in_which_nobody_shares_a_subject_are_not_checked(subjects, monkeypatch):
    looked = []
    find = certify_streamed._Tiles.find_better
    monkeypatch.setattr(
        certify_streamed._Tiles,
        "find_better",
        lambda self, tile, *rest: (looked.append(tile.size), find(self, tile, *rest))[1],
    )
    price, known = np.zeros(1400, np.int64), np.zeros(1500, np.int64)
    found = find_best_profits(subjects[0], price, known)
    assert 0 < sum(looked) < 0.6 * 1500 * 1400
    looked.clear()
    np.testing.assert_array_equal(found, find_best_profits(subjects[1], price, known))
    assert sum(looked) == 1500 * 1400


def count_priced(monkeypatch):
    """Return a list that grows by the pairs of every sweep from now on."""
    priced, search = [], Sweeper._search

    def look(self, *rest):
        found = search(self, *rest)
        priced.append(found[1])
        return found

    monkeypatch.setattr(Sweeper, "_search", look)
    return priced


@pytest.mark.parametrize("objective", ["total", "coverage"])
def test_skipping_changes_no_pair_of_the_plan(subjects, objective, monkeypatch):
    n, m, base = 1500, 1400, 1 << 16
    if load_scan() is None:  # many ties make flows slow
        n, m, base = 450, 400, 1 << 12
    monkeypatch.setattr(sweep, "_NARROW", m // 10)
    priced = count_priced(monkeypatch)
    plans, n_priced = [], []
    for whole in subjects:
        gains = whole.take(np.arange(n), np.arange(m))
        problem = AssignmentProblem(gains, np.ones(m, int), np.zeros(m, int))
        effort = Effort(base=base, tile=(64, 2048), keep=8)
        plans.append(solve_by_pricing(replace(problem, objective=objective), effort=effort).pairs)
        n_priced.append(sum(priced))
        priced.clear()
    np.testing.assert_array_equal(*plans)
    assert n_priced[0] < 0.7 * n_priced[1]
