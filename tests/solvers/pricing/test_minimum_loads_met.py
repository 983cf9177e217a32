"""Minimum loads of large pools: met by moving few rows, or a conflict that is no larger."""

import numpy as np
import pytest

from pairmatch.solvers.assignment import LoadConflict, choice, solve_assignment
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing import filling
from pairmatch.solvers.assignment.pricing import solver as pricing
from pairmatch.solvers.assignment.pricing.filling import LoadsUnmetError, meet_loads
from pairmatch.solvers.assignment.pricing.rounds import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import Overlap, StreamedGains


def count_seats(allowed, least):
    """Most rows that columns can get, none more than it asks for."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    graph = csr_array(np.repeat(allowed, least, axis=1).astype(np.int8))
    return int((maximum_bipartite_matching(graph, "column") >= 0).sum()) if graph.nnz else 0


def draw(seed):
    """Which pairs are allowed, minimum loads, and a plan to begin with."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(1, 40, 2))
    allowed = rng.random((n, m)) < rng.choice([0.05, 0.2, 0.6])
    least = rng.integers(0, rng.choice([2, 3, 5]), m)
    begin = [
        (i, int(rng.choice(np.flatnonzero(allowed[i]))))
        for i in range(n)
        if allowed[i].any() and rng.random() < 0.5
    ]
    gain = np.where(allowed, rng.integers(-9, 90, (n, m)), 0)
    return MatrixGains(gain, allowed), least, np.array(begin, np.int64).reshape(-1, 2)


@pytest.mark.parametrize("hurried", [False, True])
@pytest.mark.parametrize("n_some", [2, 256])
def test_loads_are_met_wherever_a_largest_matching_meets_them(n_some, hurried, monkeypatch):
    monkeypatch.setattr(filling, "_SOME", n_some)
    monkeypatch.setattr(filling, "_AT_ONCE", max(1, n_some // 4))
    met, unmet = 0, 0
    for seed in range(400):
        gains, least, begin = draw(seed)
        n_most = count_seats(gains.allowed, least)
        try:
            pairs = meet_loads(gains, least, begin, hurried=hurried)
        except LoadsUnmetError as error:
            assert_all_needed(gains.allowed, least, error, least.sum() - n_most)
            unmet += 1
            continue
        assert n_most == least.sum()
        assert (np.bincount(pairs[:, 1], minlength=len(least)) >= least).all()
        assert len(np.unique(pairs[:, 0])) == len(pairs) >= len(begin)
        assert gains.allowed[pairs[:, 0], pairs[:, 1]].all()
        met += 1
    assert met > 50
    assert unmet > 50


def assert_all_needed(allowed, least, error, n_missing):
    """The columns cannot all be met, those without any one of them can; all rows are named."""
    assert error.missing.sum() == n_missing > 0
    columns = error.columns
    assert error.is_thin
    assert error.rows.tolist() == np.flatnonzero(allowed[:, columns].any(axis=1)).tolist()
    assert count_seats(allowed[:, columns], least[columns]) < least[columns].sum()
    for left in (np.delete(columns, k) for k in range(len(columns))):
        assert count_seats(allowed[:, left], least[left]) == least[left].sum()


def pose(n, m, at_least):
    rng = np.random.default_rng(3)
    gains = MatrixGains(rng.integers(1, 90, (n, m)), np.ones((n, m), np.bool_))
    return AssignmentProblem(gains, np.full(m, 4), np.full(m, at_least))


def test_loads_that_cannot_be_met_are_refused_before_anything_is_priced(monkeypatch):
    monkeypatch.setattr(pricing.Rounds, "run", None)  # to call it would be an error
    with pytest.raises(LoadConflict) as caught:
        solve_assignment(pose(100, 40, 3), method="pricing")
    assert len(caught.value.columns) == 34  # 33 times 3 of 100 rows, and one more
    assert caught.value.reachable.sum() == 100
    assert caught.value.is_thin


def test_a_conflict_that_there_was_no_time_to_thin_out_says_so(monkeypatch):
    def refuse(*_):
        raise OutOfTime

    monkeypatch.setattr(filling._Seats, "thin_out", refuse)
    with pytest.raises(LoadConflict) as caught:
        solve_by_pricing(pose(100, 40, 3))
    assert not caught.value.is_thin
    assert not caught.value.is_smallest


def test_a_search_cut_short_meets_the_loads(monkeypatch):
    problem = pose(300, 120, 2)
    monkeypatch.setattr(pricing.Rounds, "run", lambda *_: False)
    solution = solve_by_pricing(problem, effort=Effort(base=60), time_limit=30)
    assert solution.status is Status.TIME_LIMIT
    certificate = certify_assignment(problem, solution)
    assert certificate.matched == 300
    assert certificate.bound >= certificate.objective


def test_loads_that_take_too_long_to_meet_are_said_to(monkeypatch):
    monkeypatch.setattr(pricing, "_LATE", -1e9)
    monkeypatch.setattr(pricing, "_LATE_SHARE", -1e9)
    with pytest.raises(choice.CapabilityError, match="no plan that meets the minimum loads"):
        solve_assignment(pose(300, 120, 2), method="pricing", time_limit=1)


def test_rows_that_share_what_a_rule_asks_for_meet_loads_without_a_search(monkeypatch):
    rng = np.random.default_rng(4)
    n, n_subjects = 600, 40
    has = np.zeros((2, n, 64), np.uint8)
    for side in has:
        side[np.arange(n), rng.integers(0, n_subjects, n)] = 1
    words = [np.packbits(side, axis=1, bitorder="little").view("<u8") for side in has]
    ones = np.ones((n, 1), np.float32)
    gains = StreamedGains(ones, ones, largest=1, needs=(Overlap(*words),))
    shared = np.minimum(has[0].sum(axis=0), has[1].sum(axis=0))
    least = np.zeros(n, int)
    for subject in range(n_subjects):
        able = np.flatnonzero(has[1][:, subject])
        least[able[: shared[subject]]] = 1
    monkeypatch.setattr(filling._Seats, "hand_out", None)
    monkeypatch.setattr(filling._Seats, "lengthen", lambda seats: (seats.load < seats.least).any())
    monkeypatch.setattr(filling, "_TURNS", 0)
    pairs = meet_loads(gains, least, np.empty((0, 2), np.int64), hurried=True)
    assert (np.bincount(pairs[:, 1], minlength=n) == least).all()
    assert len(np.unique(pairs[:, 0])) == len(pairs)
    assert gains.pairs(pairs[:, 0], pairs[:, 1])[1].all()


def test_plan_of_which_only_the_loads_were_found_in_time_keeps_them_and_has_a_true_bound():
    rng = np.random.default_rng(5)
    left, right = (rng.integers(0, 9, (300, 4)).astype(np.float32) for _ in range(2))
    gains = StreamedGains(left, right, largest=4 * 81)
    problem = AssignmentProblem(gains, np.full(300, 2), rng.integers(0, 2, 300))
    best = solve_by_pricing(problem)
    stopped = solve_by_pricing(problem, time_limit=1e-9)
    assert stopped.status is Status.TIME_LIMIT
    load = np.bincount(stopped.pairs[:, 1], minlength=300)
    assert (load >= problem.at_least).all()
    certificate = certify_assignment(problem, stopped)
    total = certify_assignment(problem, best).objective
    assert certificate.bound is None or certificate.bound >= total
