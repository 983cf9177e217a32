"""The check believes nobody: spoiled answers and dishonest prices are refused or show a gap."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import Quotas
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status


def answer(pairs, prices=None):
    return AssignmentSolution(
        pairs=np.array(pairs, np.int64).reshape(-1, 2),
        prices=prices,
        status=Status.OPTIMAL,
        solver="by hand",
    )


def assert_refused(problem, solution, *sentences):
    with pytest.raises(CertificateError) as caught:
        certify_assignment(problem, solution)
    for sentence in sentences:
        assert sentence in str(caught.value)
    assert len(caught.value.faults) == len(sentences)


def test_row_in_two_pairs_is_refused(pose):
    assert_refused(
        pose([[1, 1]]), answer([(0, 0), (0, 1)]), "row 0: is in 2 pairs, expected at most 1"
    )


def test_pair_listed_twice_is_refused(pose):
    problem = pose([[1, 1]], places=2)
    assert_refused(problem, answer([(0, 0), (0, 0)]), "row 0: is in 2 pairs")


def test_overfull_column_is_refused(pose):
    problem = pose([[1], [1], [1]], places=2)
    assert_refused(
        problem, answer([(0, 0), (1, 0), (2, 0)]), "column 0: has 3 rows, expected 0 to 2"
    )


def test_missed_minimum_load_is_refused(pose):
    problem = pose([[1, 1], [1, 1]], places=2, at_least=[0, 1])
    assert_refused(problem, answer([(0, 0), (1, 0)]), "column 1: has 0 rows, expected 1 to 2")


def test_pair_that_is_not_allowed_is_refused(pose):
    assert_refused(pose([[None, 1]]), answer([(0, 0)]), "row 0, column 0: this pair is not allowed")


def test_broken_pin_is_refused(pose):
    problem = pose([[1, 1]], pins=[(0, 1)])
    assert_refused(problem, answer([(0, 0)]), "row 0, column 1: this pin is not kept")


def test_broken_quota_is_refused(pose):
    problem = pose([[1], [1]], places=2, quotas=(Quotas(np.array([0, 0]), 1),))
    assert_refused(
        problem,
        answer([(0, 0), (1, 0)]),
        "column 0, quota 0: has 2 rows of class 0, expected at most 1",
    )


def test_row_of_no_class_does_not_count_in_a_quota(pose):
    problem = pose([[1], [1]], places=2, quotas=(Quotas(np.array([0, -1]), 1),))
    assert certify_assignment(problem, answer([(0, 0), (1, 0)])).matched == 2


@pytest.mark.parametrize("pair", [(2, 0), (0, 5), (-1, 0)])
def test_pair_outside_the_problem_is_refused(pose, pair):
    problem = pose([[1], [1]])
    assert_refused(problem, answer([pair]), "there are 2 rows and 1 columns")


@pytest.mark.parametrize("pairs", [np.zeros((1, 3), np.int64), np.zeros((1, 2)), np.zeros(2, int)])
def test_pairs_of_another_form_are_refused(pose, pairs):
    with pytest.raises(CertificateError, match="pairs must be integers"):
        certify_assignment(pose([[1]]), replace(answer([]), pairs=pairs))


def test_all_violations_are_listed_at_once_and_survive_pickling(pose):
    problem = pose([[1, None], [1, 1], [1, 1]], at_least=[0, 1], pins=[(2, 1)])
    spoiled = answer([(0, 1), (1, 0), (2, 0)])
    with pytest.raises(CertificateError) as caught:
        certify_assignment(problem, spoiled)
    places = [fault.where for fault in caught.value.faults]
    assert places == ["row 0, column 1", "row 2, column 1", "column 0"]
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults  # noqa: S301


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        (Prices(column=np.array([-1, 0])), "column 0: price -1 is negative without a minimum load"),
        (Prices(column=np.array([0])), "expected integers of shapes"),
        (Prices(column=np.array([0.5, 0])), "expected integers of shapes"),
        (Prices(column=np.array([0, 0]), bonus=-3), "have a negative bonus -3"),
        (Prices(column=np.array([2**61, 0]), bonus=2**61), "too large to be added up exactly"),
        (
            Prices(column=np.array([0, 0]), quota=(np.array([[0], [-2]]),)),
            "quota 0: a price is negative",
        ),
        (Prices(column=np.array([0, 0]), quota=(np.zeros((1, 2), int),)), "expected integers"),
    ],
)
def test_dishonest_prices_are_refused(pose, prices, sentence):
    problem = pose([[3, 1], [2, 2]], quotas=(Quotas(np.array([0, 0]), 2),))
    with pytest.raises(CertificateError) as caught:
        certify_assignment(problem, answer([(0, 0), (1, 1)], prices))
    assert sentence in str(caught.value)
    with pytest.raises(CertificateError, match="prices of coverage"):
        certify_assignment(
            problem,
            answer([(0, 0), (1, 1)], Prices(column=np.array([0, 0]), coverage=prices)),
        )


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_any_honest_prices_give_a_true_bound(draw, find_best, objective):
    for seed in range(150):
        problem = replace(draw(seed), objective=objective)
        best = find_best(problem)
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            continue
        rng = np.random.default_rng(seed)
        n = problem.n_columns

        def invent(problem=problem, rng=rng, n=n):
            column = rng.integers(-30, 30, n)
            column = np.where(problem.at_least > 0, column, abs(column))
            quota = tuple(rng.integers(0, 20, (n, q.n_classes)) for q in problem.quotas)
            return Prices(column=column, quota=quota, bonus=int(rng.integers(0, 50)))

        spoiled = replace(solution, prices=replace(invent(), coverage=invent()))
        certificate = certify_assignment(problem, spoiled)
        if objective == "coverage":
            assert certificate.matched_bound >= best[0]
            assert certificate.bound >= best[1]
        else:
            assert certificate.matched_bound is None
            assert certificate.bound >= best[0]


def test_a_worse_plan_with_the_best_prices_shows_its_gap(pose):
    rng = np.random.default_rng(2)
    problem = pose(rng.integers(0, 1000, (12, 12)))
    solution = solve_assignment(problem)
    pairs = solution.pairs.copy()
    pairs[[0, 1], 1] = pairs[[1, 0], 1]
    swapped = certify_assignment(problem, replace(solution, pairs=pairs))
    best = certify_assignment(problem, solution)
    assert swapped.bound == best.objective
    assert swapped.gap > 0
    assert not swapped.proved


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_a_dropped_pair_is_no_longer_proved(pose, objective):
    problem = pose([[4, 2, 3], [1, 5, 2]], objective=objective)
    solution = solve_assignment(problem)
    certificate = certify_assignment(problem, replace(solution, pairs=solution.pairs[1:]))
    assert certificate.gap > 0
    assert not certificate.proved


def test_without_prices_there_is_no_bound(pose):
    problem = pose([[4, 2], [1, 5]], objective="total")
    certificate = certify_assignment(problem, answer([(0, 0), (1, 1)]))
    assert certificate.objective == 9
    assert certificate.bound is None
    assert certificate.gap is None
    assert not certificate.proved


def test_coverage_is_proved_by_a_cover_where_people_and_places_would_allow_more(pose):
    # Three rows compete for column 0 alone, columns 1 and 2 stay with the last row.
    problem = pose([[5, None, None]] * 3 + [[1, 1, 1]])
    solution = solve_assignment(problem, method="dense")
    assert certify_assignment(problem, solution).matched_bound == 2
    without = replace(solution, prices=replace(solution.prices, coverage=None))
    assert certify_assignment(problem, without).matched_bound == 3


def test_gains_of_64_bits_do_not_overflow_the_objective(pose):
    problem = pose(np.zeros((8, 8)), objective="total")
    problem.gains.gain[:] = 2**60
    pairs = [(i, i) for i in range(8)]
    prices = Prices(column=np.zeros(8, np.int64))
    certificate = certify_assignment(problem, answer(pairs, prices))
    assert certificate.objective == certificate.bound == 2**63


def test_bound_is_the_same_however_the_pairs_are_cut_into_blocks(pose, monkeypatch):
    from pairmatch.solvers.certify import assignment as certify

    rng = np.random.default_rng(8)
    table = rng.integers(-50, 50, (30, 40)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    problem = pose(
        table,
        places=2,
        at_least=[1] * 5 + [0] * 35,
        quotas=(Quotas(rng.integers(-1, 4, 30), 1),),
    )
    solution = solve_assignment(problem)
    whole = certify_assignment(problem, solution)
    assert whole.proved
    monkeypatch.setattr(certify, "_HEIGHT", 7)
    monkeypatch.setattr(certify, "_WIDTH", 11)
    assert certify_assignment(problem, solution) == whole
    monkeypatch.setattr(certify, "_MANY", 0)  # by several threads
    assert certify_assignment(problem, solution) == whole
