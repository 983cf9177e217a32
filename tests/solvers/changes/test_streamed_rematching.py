"""Of a pool without a matrix the answers are those of all pairs in hand."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.changes import ChangeLimit, certify_rematching
from pairmatch.solvers.certify.lifts import lift_gains
from pairmatch.solvers.changes.answers import TooManyChangesError
from pairmatch.solvers.changes.rematching import solve_rematching
from pairmatch.solvers.changes.streamed_rematching import KeptTerm, solve_streamed_rematching
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import AssignmentSolution, Status
from pairmatch.solvers.streamed import Overlap, StreamedGains


def pose(seed, objective="coverage", *, n=14, m=10, pinned=False, loaded=False):
    """Return a problem of features, the same with a matrix, and pairs of an earlier plan."""
    rng = np.random.default_rng(seed)
    row, column = (rng.integers(0, 9, (k, 3)).astype(np.float32) for k in (n, m))
    free = Overlap.pack(*(rng.random((k, 5)) < 0.25 for k in (n, m)))
    gains = StreamedGains(1000 * row, column, largest=1000 * 8 * 8 * 3, needs=(free,))
    _, allowed = gains.block(slice(0, n), slice(0, m))
    pins = np.empty((0, 2), np.int64)
    if pinned and allowed.any():
        pins = np.argwhere(allowed)[[int(rng.integers(allowed.sum()))]]
    least = np.zeros(m, np.int64)
    if loaded and allowed.any():
        least[rng.choice(np.flatnonzero(allowed.any(axis=0)))] = 1
    problem = AssignmentProblem(gains, rng.integers(1, 3, m), least, pins=pins, objective=objective)
    column_of = np.full(n, -1)
    left = problem.capacity.copy()
    for i in rng.permutation(n).tolist():
        fitting = np.flatnonzero(allowed[i] & (left > 0))
        if len(fitting) and rng.random() < 0.8:
            column_of[i] = rng.choice(fitting)
            left[column_of[i]] -= 1
    matrix = MatrixGains(*gains.block(slice(0, n), slice(0, m)))
    return problem, dataclasses.replace(problem, gains=matrix), column_of


def solve(problem, column_of, n_kept):
    """Return the answer with so many pairs kept, and the best plan without a limit."""
    free = solve_assignment(problem)
    return solve_streamed_rematching(problem, column_of, n_kept, free)


def answer(solve):
    """Return an answer and None, or None and how many pairs can stay."""
    try:
        return solve(), None
    except TooManyChangesError as error:
        return None, error.args[0]


def check_every_limit(problem, held, column_of):
    """Compare the answers for every number of pairs that have to stay."""
    n_exact = 0
    for n_kept in range(int((column_of >= 0).sum()) + 1):
        limit = ChangeLimit(column_of, n_kept)
        whole, most = answer(partial(solve_rematching, held, column_of, n_kept))
        near, here = answer(partial(solve, problem, column_of, n_kept))
        assert here == most
        if whole is None:
            continue
        best = certify_rematching(held, limit, whole.pairs, whole.dual)
        found, free = near
        proof = certify_rematching(problem, limit, found.pairs, found.dual)
        assert certify_assignment(problem, free).proved
        assert certify_rematching(held, limit, found.pairs, found.dual).objective == proof.objective
        assert proof.matched == best.matched
        if problem.objective == "coverage":
            assert proof.matched_bound >= best.matched
        assert proof.objective <= best.objective <= proof.bound
        if proof.proved:
            n_exact += 1
            assert proof.objective == best.objective
    return n_exact


@pytest.mark.parametrize("objective", ["coverage", "total"])
@pytest.mark.parametrize("seed", range(12))
def test_every_number_of_changes_is_answered_as_with_all_pairs_in_hand(seed, objective):
    assert check_every_limit(*pose(seed, objective)) > 0


@pytest.mark.parametrize("seed", range(6))
def test_pins_and_minimum_loads_are_kept_with_few_changes_as_well(seed):
    problem, held, column_of = pose(seed, pinned=True, loaded=True)
    _, free = solve(problem, column_of, 0)
    assert certify_assignment(problem, free).proved
    check_every_limit(problem, held, column_of)


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_bound_is_never_below_what_any_plan_with_as_few_changes_has(seed, n, m):
    check_every_limit(*pose(seed, "total" if seed % 2 else "coverage", n=n, m=m))


def test_where_the_limit_leaves_fewer_matched_coverage_still_comes_first():
    # Whoever stays keeps the only column that somebody else may have, and is worth little there.
    row = np.float32([[1, 0, 1], [0, 1, 0]])
    gains = StreamedGains(row, np.float32([[900, 5, 0], [0, 0, 7]]), largest=2000)
    barred = Overlap.pack([[1, 1], [1, 0]], [[1, 0], [0, 1]])
    gains = dataclasses.replace(gains, needs=(barred,))
    problem = AssignmentProblem(gains, np.array([1, 1]), np.array([0, 0]), objective="coverage")
    column_of = np.array([0, -1])
    stays, free = solve(problem, column_of, 1)
    assert len(free.pairs) == 2
    assert stays.pairs.tolist() == [[0, 0]]
    proof = certify_rematching(problem, ChangeLimit(column_of, 1), stays.pairs, stays.dual)
    assert (proof.matched, proof.matched_bound, proof.gap) == (1, 1, 0.0)


def test_a_spoiled_answer_or_proof_is_refused():
    problem, _, column_of = pose(3)
    n_kept = int((column_of >= 0).sum()) - 2
    found, _ = solve(problem, column_of, n_kept)
    limit = ChangeLimit(column_of, n_kept)
    kept = limit.count_kept(found.pairs)
    with pytest.raises(CertificateError, match=f"keeps {kept} of the pairs"):
        certify_rematching(problem, ChangeLimit(column_of, kept + 1), found.pairs, found.dual)
    with pytest.raises(CertificateError, match="not those of a streamed pool"):
        certify_rematching(problem, limit, found.pairs, dataclasses.replace(found.dual, scale=2))
    with pytest.raises(CertificateError, match="wrong sign"):
        certify_rematching(problem, limit, found.pairs, dataclasses.replace(found.dual, keep=-1))
    sound = certify_rematching(problem, limit, found.pairs, found.dual)
    prices = found.dual.prices
    lower = dataclasses.replace(prices, column=prices.column // 2)
    weaker = certify_rematching(
        problem, limit, found.pairs, dataclasses.replace(found.dual, prices=lower)
    )
    assert weaker.bound >= sound.bound


def test_lifted_blocks_are_those_of_the_matrix():
    problem, held, column_of = pose(5)
    n, m = held.gains.shape
    earlier = ChangeLimit(column_of, 0).earlier
    streamed = lift_gains(problem.gains, earlier, 70, 5, 1).block(slice(0, n), slice(0, m))
    matrix = lift_gains(held.gains, earlier, 70, 5, 1).block(slice(0, n), slice(0, m))
    assert (streamed[1] == matrix[1]).all()
    assert (streamed[0] == matrix[0]).all()
    term = KeptTerm(column_of, 70)
    some = np.random.default_rng(1).permutation(m)[:6]
    whole = term.block(slice(0, n), slice(0, m))
    assert whole.sum() == 70 * len(earlier)
    assert (term.block(np.arange(n), some) == whole[:, some]).all()
    assert (term.at(*np.indices((n, m)).reshape(2, -1)) == whole.ravel()).all()
    assert term.block(slice(0, n), slice(2, 2)).shape == (n, 0)


def test_a_plan_that_breaks_a_rule_is_refused():
    problem, held, column_of = pose(2)
    wrong = np.argwhere(~held.gains.allowed)[:1]
    with pytest.raises(CertificateError):
        certify_rematching(problem, ChangeLimit(column_of, 0), wrong, None)
    answer = AssignmentSolution(wrong, None, Status.FEASIBLE, "")
    with pytest.raises(CertificateError):
        certify_assignment(problem, answer)
