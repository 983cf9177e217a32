"""The arithmetic below the scores: products that are exact, and checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairmatch.errors import CertificateError
from pairmatch.scoring import Addend, CommonTime, Compatibility, GoalCoverage, Linear, SubjectMatch
from pairmatch.scoring.differences import divide_half_even
from pairmatch.scoring.fusion import FusedProduct, fuse
from pairmatch.scoring.overlaps import Begins, overlap_term


def linear(rng, n, m, width, most, largest):
    known = rng.random(n) < 0.7, rng.random(m) < 0.7
    coached = rng.integers(0, most, (n, width)).astype(np.int32) * known[0][:, None]
    coach = rng.integers(0, 2, (m, width)).astype(np.int32) * known[1][:, None]
    return Linear(*known, coached.astype(np.int32), coach.astype(np.int32), largest)


def exact(addends, n, m):
    total = np.zeros((n, m), np.int64)
    for addend in addends:
        term = addend.term
        value = term.coached.astype(np.int64) @ term.coach.astype(np.int64).T
        known = term.known_coached[:, None] & term.known_coach
        total += np.where(known, value, addend.neutral)
    return total


@given(seed=st.integers(0, 2**32), n_terms=st.integers(0, 4))
def test_the_fused_product_is_the_sum_of_its_terms(seed, n_terms):
    rng = np.random.default_rng(seed)
    addends = [
        Addend(linear(rng, 7, 6, 3, 50, 150), int(rng.integers(0, 9))) for _ in range(n_terms)
    ]
    fused = fuse(addends, 7, 6)
    assert fused.coached.dtype == np.float32
    assert (fused.block(slice(None), slice(None)) == exact(addends, 7, 6)).all()
    fused.check(addends)
    assert fused.largest <= 150 * n_terms


def test_sums_beyond_24_bits_are_formed_in_float64():
    rng = np.random.default_rng(0)
    addends = [Addend(linear(rng, 40, 30, 8, 2**27 + 1, 2**30), 2**24 + 1)]
    fused = fuse(addends, 40, 30)
    assert fused.coached.dtype == np.float64
    expected = exact(addends, 40, 30)
    assert (fused.block(slice(None), slice(None)) == expected).all()
    assert (fused.block(slice(None), slice(None)).astype(np.float32) != expected).any()
    term = addends[0].term
    known = term.known(slice(None), slice(None))
    assert (term.block(slice(None), slice(None))[known] == expected[known]).all()


def test_equal_features_are_merged():
    one = np.ones((5, 1), np.int32)
    known = np.ones(5, np.bool_)
    term = Linear(known, known, np.arange(5, dtype=np.int32)[:, None], one, 4)
    fused = fuse([Addend(term, 0)] * 3, 5, 5)
    assert fused.width == 1
    assert fused.coached[:, 0].tolist() == [0, 3, 6, 9, 12]


def test_a_product_that_is_not_exact_is_refused(table):
    people = table(id=["a", "b"], subjects=["art; maths", "art"])
    bound = Compatibility.bind(people, people, [SubjectMatch()])
    spoiled = bound.fused.coached.copy()
    spoiled[1, 0] += 1
    product = FusedProduct(spoiled, bound.fused.coach, bound.fused.largest)
    with pytest.raises(CertificateError, match="please report"):
        product.check([Addend(bound.terms[0], bound.neutral[0])])


def test_the_features_of_a_compatibility_cannot_be_written_to(table):
    people = table(id=["a", "b"], subjects=["art; maths", "art"])
    bound = Compatibility.bind(people, people, [SubjectMatch()])
    with pytest.raises(ValueError, match="read-only"):
        bound.fused.coached[0, 0] = 1


def test_a_solver_can_rebuild_the_scores_from_the_product_and_the_other_terms(messy):
    coached, coach = messy(1, 90, "T"), messy(2, 70, "M")
    criteria = [SubjectMatch(), GoalCoverage(weight=2), CommonTime(minutes=30)]
    bound = Compatibility.bind(coached, coach, criteria)
    total = bound.fused.coached @ bound.fused.coach.T
    tile = np.empty_like(total)
    assert len(bound.others) == 1
    for addend in bound.others:
        addend.term.fill(tile, slice(None), slice(None), addend.neutral)
        total += tile
    assert (total == bound.units()).all()
    assert bound.fused.largest <= sum(bound.units_of_criteria[:2])


@given(seed=st.integers(0, 2**32), data=st.data())
def test_shared_entries_by_bits_are_those_of_the_product(seed, data):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 20)), int(rng.integers(1, 200))
    n_entries = int(rng.integers(0, 30))
    density = rng.choice([0.02, 0.2, 0.9])
    known = rng.random(n) < 0.8, rng.random(m) < 0.8
    coached = (rng.random((n, n_entries)) < density) & known[0][:, None]
    coach = (rng.random((m, n_entries)) < density) & known[1][:, None]
    nobody = np.zeros((0, 0), np.uint64)
    begins = Begins(np.zeros(0, np.int64), nobody, nobody)
    term = overlap_term(*known, coached, coach, 7, begins)
    expected = 7 * ((coached.astype(int) @ coach.T.astype(int)) > 0)
    start = data.draw(st.sampled_from([0, 0, 64, 3]))
    stop = data.draw(st.integers(0, m))
    picked = rng.integers(0, m, 5)
    for columns in (slice(start, max(start, stop)), slice(None), picked, slice(None, None, 2)):
        for rows in (slice(None), slice(1, None), rng.integers(0, n, 4), slice(None, None, -1)):
            assert (term.block(rows, columns) == expected[rows][:, columns]).all()
            out = np.empty(expected[rows][:, columns].shape, np.float32)
            term.fill(out, rows, columns, 3)
            known_here = term.known(rows, columns)
            assert (out == np.where(known_here, expected[rows][:, columns], 3)).all()
    i, j = (side.ravel() for side in np.indices((n, m)))
    assert (term.at(i, j) == expected.ravel()).all()


@given(st.lists(st.integers(0, 10**15), min_size=1), st.integers(1, 10**12))
def test_integers_are_divided_half_to_even(numerators, denominator):
    found = divide_half_even(np.array(numerators, np.int64), denominator)
    for numerator, quotient in zip(numerators, found.tolist(), strict=True):
        low, rest = divmod(numerator, denominator)
        up = 2 * rest > denominator or (2 * rest == denominator and low % 2 == 1)
        assert quotient == low + up
