from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment import LoadConflict, places, solve_assignment
from pairmatch.solvers.assignment.places import place_values
from pairmatch.solvers.problem import Quotas


def total_of(problem, solution):
    return int(problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])[0].sum())


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_solving_again_with_one_more_place_gains_exactly_the_value(objective, draw_problem):
    n_checked = n_valuable = 0
    for seed in range(120):
        problem = draw_problem(seed, objective)
        try:
            solution = solve_assignment(problem)
        except LoadConflict:
            continue
        values = place_values(problem, solution)
        for j in range(problem.n_columns):
            capacity = problem.capacity.copy()
            capacity[j] += 1
            again = solve_assignment(replace(problem, capacity=capacity))
            assert total_of(problem, again) - total_of(problem, solution) == values.total[j]
            if objective == "total":
                assert values.matched is None
            else:
                assert len(again.pairs) - len(solution.pairs) == values.matched[j]
        n_checked += 1
        n_valuable += bool(values.total.any())
    assert n_checked >= 100
    assert n_valuable >= 30


def test_one_more_row_may_cost_the_others_more_than_it_brings(make_problem):
    # A second place with column 0 lets row 1 in, whose only gain is negative.
    problem = make_problem([[5], [-3]], "coverage")
    values = place_values(problem, solve_assignment(problem))
    assert values.matched.tolist() == [1]
    assert values.total.tolist() == [-3]


def test_a_quota_that_is_full_makes_more_places_worthless(make_problem):
    quotas = (Quotas(np.array([0, 0]), 1),)
    problem = make_problem([[5], [4]], "coverage", quotas=quotas)
    assert place_values(problem, solve_assignment(problem)).total.tolist() == [0]
    free = replace(problem, quotas=())
    assert place_values(free, solve_assignment(free)).total.tolist() == [4]


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_a_plan_that_is_not_best_has_no_place_values(objective, make_problem):
    problem = make_problem([[9, 4], [5, 3]], objective)
    solution = replace(solve_assignment(problem), pairs=np.array([[0, 1], [1, 0]]))
    with pytest.raises(CertificateError, match="not a best one"):
        place_values(problem, solution)


def test_fair_objectives_and_crossing_quotas_have_no_place_values(make_problem):
    problem = make_problem([[1]], "worst_off")
    with pytest.raises(CapabilityError, match="without tiers"):
        place_values(problem, solve_assignment(problem))
    quotas = (Quotas(np.array([0, 0, 1, 1]), 1), Quotas(np.array([0, 1, 0, 1]), 1))
    crossed = make_problem([[1]] * 4, "coverage", capacity=np.array([3]), quotas=quotas)
    with pytest.raises(CapabilityError, match="cross"):
        place_values(crossed, solve_assignment(crossed))


@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_pairs_far_from_the_prices_say_nothing_about_places(objective, make_problem, monkeypatch):
    n_narrow = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        shape = int(rng.integers(8, 30)), int(rng.integers(8, 30))
        gain = rng.integers(-5 if objective == "total" else 0, (4, 50, 1000)[seed % 3], shape)
        capacity = rng.integers(0, 4, shape[1])
        problem = make_problem(gain, objective, capacity=capacity)
        if seed % 4 == 0:
            problem = replace(problem, pins=np.array([[2, int(np.argmax(capacity))]]))
        solution = solve_assignment(problem)
        found = place_values(problem, solution)
        n_held = len(places._list_useful(problem, solution))
        with monkeypatch.context() as patch:
            patch.setattr(places, "_keep", lambda *_: None)
            whole = place_values(problem, solution)
            n_narrow += n_held < len(places._list_useful(problem, solution))
        assert found.total.tolist() == whole.total.tolist()
        assert (found.matched is None) == (whole.matched is None)
        if found.matched is not None:
            assert found.matched.tolist() == whole.matched.tolist()
    assert n_narrow >= 15


def test_too_many_pairs_to_be_held_are_refused_with_the_way_out(make_problem, monkeypatch):
    problem = make_problem([[5, 4], [4, 1]], "coverage", capacity=np.array([1, 0]))
    monkeypatch.setattr(places, "_MOST_HELD", 3)
    with pytest.raises(CapabilityError, match=r"more than 3 pairs .* what_if"):
        place_values(problem, solve_assignment(problem))
